#include "CTypesetting.h"

#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>

struct ct_page {
    cairo_t *cairo;
    unsigned char *bytes;
    size_t length, capacity;
    int missing;
};

static cairo_status_t append(void *closure, const unsigned char *data, unsigned int length) {
    ct_page *page = closure;
    if (page->length + length > page->capacity) {
        size_t capacity = page->capacity ? page->capacity : 32768;
        while (capacity < page->length + length) capacity *= 2;
        unsigned char *bytes = realloc(page->bytes, capacity);
        if (!bytes) return CAIRO_STATUS_NO_MEMORY;
        page->bytes = bytes;
        page->capacity = capacity;
    }
    memcpy(page->bytes + page->length, data, length);
    page->length += length;
    return CAIRO_STATUS_SUCCESS;
}

ct_page *ct_page_open(double width, double height, const char *title) {
    ct_page *page = calloc(1, sizeof *page);
    if (!page) return NULL;
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(append, page, width, height);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title);
    page->cairo = cairo_create(surface);
    cairo_surface_destroy(surface); // the context holds it
    return page;
}

static void set_color(cairo_t *cairo, unsigned rgb) {
    cairo_set_source_rgb(cairo, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

double ct_page_text(ct_page *page, const char *text, double x, double y, double width, double size, int family, int weight,
                    unsigned rgb, int max_lines) {
    PangoLayout *layout = pango_cairo_create_layout(page->cairo);
    PangoFontDescription *font = pango_font_description_new();
    // Han before the Korean font's, which has them too, in Korean forms; every other script's is found by itself.
    const char *names = family == CT_MONOSPACE ? "DejaVu Sans Mono" : "DejaVu Sans, Droid Sans Fallback, NanumGothic";
    pango_font_description_set_family(font, names);
    pango_font_description_set_weight(font, weight == CT_BOLD ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE); // a user unit is a point here
    pango_layout_set_font_description(layout, font);
    pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_height(layout, -max_lines);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    pango_layout_set_text(layout, text, -1);
    int measured_width, measured_height;
    pango_layout_get_size(layout, &measured_width, &measured_height);
    page->missing += pango_layout_get_unknown_glyphs_count(layout);
    set_color(page->cairo, rgb);
    cairo_move_to(page->cairo, x, y);
    pango_cairo_show_layout(page->cairo, layout);
    pango_font_description_free(font);
    g_object_unref(layout);
    return (double)measured_height / PANGO_SCALE;
}

int ct_page_missing(const ct_page *page) { return page->missing; }

void ct_page_fill(ct_page *page, double x, double y, double width, double height, unsigned rgb) {
    set_color(page->cairo, rgb);
    cairo_rectangle(page->cairo, x, y, width, height);
    cairo_fill(page->cairo);
}

// A picture of one bit a pixel. As a path the symbol's some hundred runs are ten thousand numbers, to be printed one by one
// and compressed: two thirds of the time that a page took. Each module is `detail` pixels wide, so that a viewer that
// smoothes pictures blurs a fraction of a module only.
void ct_page_modules(ct_page *page, const bool *dark, size_t side, double x, double y, double width) {
    enum { detail = 4 };
    int pixels = (int)side * detail;
    cairo_surface_t *picture = cairo_image_surface_create(CAIRO_FORMAT_A1, pixels, pixels);
    unsigned char *data = cairo_image_surface_get_data(picture); // NULL when there is no memory: the mask then says so
    int stride = cairo_image_surface_get_stride(picture);
    for (int row = 0; data && row < pixels; row++)
        for (int column = 0; column < pixels; column++)
            if (dark[(size_t)(row / detail) * side + (size_t)(column / detail)])
                data[row * stride + column / 8] |= 1 << column % 8; // the order of bits on little-endian machines
    cairo_surface_mark_dirty(picture);
    cairo_save(page->cairo);
    cairo_translate(page->cairo, x, y);
    cairo_scale(page->cairo, width / pixels, width / pixels);
    set_color(page->cairo, 0);
    cairo_pattern_t *pattern = cairo_pattern_create_for_surface(picture);
    cairo_pattern_set_filter(pattern, CAIRO_FILTER_NEAREST);
    cairo_mask(page->cairo, pattern);
    cairo_pattern_destroy(pattern);
    cairo_restore(page->cairo);
    cairo_surface_destroy(picture);
}

unsigned char *ct_page_close(ct_page *page, size_t *length) {
    cairo_show_page(page->cairo);
    cairo_surface_t *surface = cairo_get_target(page->cairo);
    cairo_surface_finish(surface);
    bool failed = cairo_status(page->cairo) || cairo_surface_status(surface);
    unsigned char *bytes = page->bytes;
    *length = page->length;
    cairo_destroy(page->cairo);
    free(page);
    if (!failed) return bytes;
    free(bytes);
    return NULL;
}

void ct_page_discard(ct_page *page) {
    size_t length;
    free(ct_page_close(page, &length));
}

void ct_free(unsigned char *document) { free(document); }
