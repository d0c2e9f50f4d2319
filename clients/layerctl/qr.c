/* A QR code in the terminal: half-block characters, two rows of modules a line, black on white
 * whatever the terminal's colours are. */
#include "clients/layerctl/layerctl.h"

#include <qrencode.h>

#define QUIET 2 /* modules around the code */

static bool is_dark(const QRcode *q, int x, int y)
{
	return x >= 0 && y >= 0 && x < q->width && y < q->width && (q->data[y * q->width + x] & 1);
}

int ctl_qr_draw(FILE *to, const char *text)
{
	/* by what is light: neither, the upper, the lower, both */
	static const char *const blocks[] = {" ", "\u2580", "\u2584", "\u2588"};
	QRcode *q = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	int lines = 0;

	if (!q)
		return 0;
	for (int y = -QUIET; y < q->width + QUIET; y += 2, lines++) {
		fputs("\033[40;97m", to);
		for (int x = -QUIET; x < q->width + QUIET; x++)
			fputs(blocks[!is_dark(q, x, y) + 2 * !is_dark(q, x, y + 1)], to);
		fputs("\033[0m\n", to);
	}
	QRcode_free(q);
	return lines;
}
