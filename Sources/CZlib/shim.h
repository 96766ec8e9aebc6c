#pragma once
#include <zlib.h>

// deflateInit2 is a macro, which Swift can't import.
static inline int cz_deflate_init(z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

// Another such macro. 15 + 16: the largest window, and the frame of gzip (RFC 1952).
static inline int cz_inflate_gzip_init(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
