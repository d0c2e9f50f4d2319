/* Runs a fuzz target over a corpus without libFuzzer: each argument is a file or a folder of files.
 * Closes with one line "N passed, N failed"; an input that crashes the target ends the program
 * before that line, and its name is the last one on stderr. Owns nothing beyond one input. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (!f || fstat(fileno(f), &st) != 0) {
		perror(path);
		if (f)
			fclose(f);
		return -1;
	}
	/* Exactly as large as the input, so that the sanitizer sees a read behind its end. */
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	n = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
	fclose(f);
	if (!data || n != (size_t)st.st_size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		free(data);
		return -1;
	}
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 0;
}

static void replay(const char *path, unsigned *passed, unsigned *failed)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[4096];

	if (!dir) {
		if (replay_file(path) == 0)
			++*passed;
		else
			++*failed;
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		replay(name, passed, failed);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;

	for (int i = 1; i < argc; i++)
		replay(argv[i], &passed, &failed);
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
