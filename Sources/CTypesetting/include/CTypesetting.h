#pragma once
// One page of text in any script and of black squares, as PDF. A façade over pango and cairo: no type of theirs gets out.
//
// A page belongs to one thread. Fonts are looked up and loaded when the first text is set; pango keeps them for each thread.
#include <stdbool.h>
#include <stddef.h>

typedef struct ct_page ct_page;

enum ct_weight { CT_NORMAL = 0, CT_BOLD = 1 };
enum ct_family { CT_SANS = 0, CT_MONOSPACE = 1 };

// A new page of so many points (1/72 inch); NULL when there is no memory. `title` is the document's.
ct_page *ct_page_open(double width, double height, const char *title);

// Sets a text (UTF-8) within a column, words wrapped, right-to-left scripts from the right; what `max_lines` lines don't
// hold ends in an ellipsis. Returns the height that it took.
double ct_page_text(ct_page *page, const char *text, double x, double y, double width, double size, int family, int weight,
                    unsigned rgb, int max_lines);

// How many characters of the texts so far no font of this machine has: they are boxes with their numbers.
int ct_page_missing(const ct_page *page);

// Fills a rectangle.
void ct_page_fill(ct_page *page, double x, double y, double width, double height, unsigned rgb);

// Dark modules (`dark[row * side + column]` not 0) of a square symbol, as one picture: neighbours leave no hairline.
void ct_page_modules(ct_page *page, const bool *dark, size_t side, double x, double y, double width);

// Finishes the page and frees it. Returns the document, to be freed by ct_free; NULL when cairo failed or there is no memory.
unsigned char *ct_page_close(ct_page *page, size_t *length);
// Frees a page that is not wanted any more.
void ct_page_discard(ct_page *page);
void ct_free(unsigned char *document);
