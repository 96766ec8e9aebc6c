#include "CUnicodeText.h"
#include <glib.h>
#include <idn2.h>
#include <stddef.h>

char *unicode_text_normalized(const char *text, long length, int is_compatible) {
    return g_utf8_normalize(text, length, is_compatible ? G_NORMALIZE_NFKC : G_NORMALIZE_NFC);
}

void unicode_text_free(char *text) { g_free(text); }

char *unicode_domain_to_ascii(const char *name) {
    char *ascii = NULL;
    return idn2_to_ascii_8z(name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK ? ascii : NULL;
}

void unicode_domain_free(char *name) { idn2_free(name); }
