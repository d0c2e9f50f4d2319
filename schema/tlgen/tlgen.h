/* tlgen: reads TL schemas, checks them, writes C structs and const tables. What its files share;
 * all memory lives until the program ends. */
#ifndef TLGEN_H
#define TLGEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* As in tl/table.h, where they are told; the tables name them, so that the two cannot drift. */
enum kind {
	K_INT,
	K_LONG,
	K_LONG53,
	K_DOUBLE,
	K_INT128,
	K_INT256,
	K_BOOL,
	K_STRING,
	K_BYTES,
	K_TRUE,
	K_FLAGS,
	K_OBJECT,
	K_BARE,
	K_QUERY,
	K_VECTOR,
	K_BARE_VECTOR,
};

#define MAX_WORDS 7 /* flag words in one constructor: TL_MAX_WORDS */

struct pos {
	const char *file;
	int line, column;
};

/* A use of a type: "Vector<int>", "%Message", "!X", "user". */
struct ref {
	enum kind kind;
	const char *name; /* of an object or bare type, as written */
	struct ref *item; /* of a vector */
	bool percent;     /* written %name */
	struct pos pos;
	unsigned target; /* the row's `type` once checked */
};

struct field {
	const char *name, *member; /* member: its name in C */
	struct ref *ref;
	struct pos pos;
	int word, bit; /* word -1: always there; for a flags word: its number */
	const char *word_name;
};

struct line {
	const char *name, *ident; /* ident: its name in C */
	struct field *fields;
	unsigned count;
	struct ref *result;
	struct pos pos;
	const char *variable; /* X of {X:Type} */
	uint32_t id;
	int layer; /* of an older line, else 0 */
	bool method, service, odd_number, numbered;
	unsigned min, depth, row; /* least bytes bare; least nesting; first field row */
};

struct type {
	const char *name;
	unsigned first, count, depth;
};

struct model {
	struct line *lines; /* [0] is a blank, as in the tables */
	unsigned count;
	struct type *types; /* [0] is "any" */
	unsigned type_count;
	unsigned *type_ctors, type_ctor_count;
	struct ref **elems;
	unsigned elem_count;
	int layer;
	bool older; /* has lines of older layers: their types may be defined elsewhere */
	const char *prefix, *upper;
};

/* Stops with "file:line:column: text". */
void die_at(struct pos pos, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
void *grow(void *list, unsigned count, size_t size); /* room for one more */
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *read_file(const char *path);

/* scan.c */
enum token { T_END, T_NAME, T_MARK, T_SECTION, T_DIRECTIVE };
struct scan {
	const char *p, *line_start;
	struct pos pos; /* of the token */
	enum token token;
	const char *text; /* a name, a section's name, a directive's words */
	char mark;        /* punctuation */
	int line;
};
void scan_open(struct scan *s, const char *path);
void scan_next(struct scan *s);

/* parse.c */
void parse_file(struct model *m, const char *path);
/* check.c */
void check_model(struct model *m, const char *int53_path);
unsigned least_bytes(const struct model *m, const struct ref *ref);
bool is_scalar(enum kind kind); /* an optional one has has_x behind it */
char *ref_text(const struct ref *ref, bool for_crc);
/* name.c */
const char *c_member(const char *name);
const char *c_ident(const char *name, int layer);
/* emit.c, table.c */
void emit_header(const struct model *m, FILE *out);
void emit_tables(const struct model *m, FILE *out, const char *header);

#endif
