/* zlib for Swift: its two initialisers are macros, which Swift does not import. Nothing else here. */
#ifndef SIGNALBOX_CZLIB_SHIM_H
#define SIGNALBOX_CZLIB_SHIM_H

#include <zlib.h>

/* deflateInit2 with method Z_DEFLATED and the default strategy. */
static inline int czlib_deflate_init(z_stream *stream, int level, int window_bits, int mem_level) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits, mem_level, Z_DEFAULT_STRATEGY);
}

/* inflateInit2. */
static inline int czlib_inflate_init(z_stream *stream, int window_bits) {
    return inflateInit2(stream, window_bits);
}

#endif
