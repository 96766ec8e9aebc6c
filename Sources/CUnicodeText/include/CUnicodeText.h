#pragma once

/// The text in Normalization Form C, or KC; NULL for what is no UTF-8. To be given to `unicode_text_free`.
char *unicode_text_normalized(const char *text, long length, int is_compatible);
void unicode_text_free(char *text);

/// A domain name in A-labels (RFC 5891, as UTS #46 maps it, without transition); NULL for what can't be one. To be given to
/// `unicode_domain_free`.
char *unicode_domain_to_ascii(const char *name);
void unicode_domain_free(char *name);
