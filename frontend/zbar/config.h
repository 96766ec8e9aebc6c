// In place of what ZBar's configure would find out: QR codes only, on wasi-libc.
#define ENABLE_QRCODE 1
#define HAVE_ICONV 1
#define HAVE_INTTYPES_H 1
#define HAVE_STDINT_H 1
#define HAVE_SYS_TIME_H 1
#define HAVE_SYS_TYPES_H 1
#define ICONV_CONST
#define NDEBUG 1
#define LIB_VERSION_MAJOR 0
#define LIB_VERSION_MINOR 3
#define LIB_VERSION_REVISION 0
#define ZBAR_VERSION_MAJOR 0
#define ZBAR_VERSION_MINOR 23
#define ZBAR_VERSION_PATCH 92
