// What the gate's decoder needs of ZBar, for a WebAssembly module without a system below it: one scanner and one
// picture, both kept for the module's lifetime. The caller writes 8-bit luma where `frame` points (until the next
// `frame`), calls `decode`, and reads that many bytes where `text` points (until the next `decode`).

#include <stdlib.h>
#include <zbar.h>

static zbar_image_scanner_t *scanner;
static zbar_image_t *image;
static unsigned char *luma;
static unsigned long room;
static const char *found;

/// Room for width × height bytes; null when there is no memory.
__attribute__((export_name("frame"))) unsigned char *frame(unsigned width, unsigned height) {
    unsigned long wanted = (unsigned long)width * height;
    if (!scanner) scanner = zbar_image_scanner_create();
    if (!image) image = zbar_image_create();
    if (!scanner || !image) return NULL;
    if (wanted > room) {
        free(luma);
        luma = malloc(wanted);
        room = luma ? wanted : 0;
        if (!luma) return NULL;
    }
    zbar_image_set_format(image, zbar_fourcc('Y', '8', '0', '0'));
    zbar_image_set_size(image, width, height);
    zbar_image_set_data(image, luma, wanted, NULL);
    return luma;
}

/// Looks for a QR code in the frame: how many bytes its text has, 0 without one.
__attribute__((export_name("decode"))) unsigned decode(void) {
    found = NULL;
    if (zbar_scan_image(scanner, image) < 1) return 0;
    for (const zbar_symbol_t *symbol = zbar_image_first_symbol(image); symbol; symbol = zbar_symbol_next(symbol)) {
        if (zbar_symbol_get_type(symbol) != ZBAR_QRCODE) continue;
        found = zbar_symbol_get_data(symbol);
        return zbar_symbol_get_data_length(symbol);
    }
    return 0;
}

__attribute__((export_name("text"))) const char *text(void) { return found; }
