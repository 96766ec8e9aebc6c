// TLS beneath a hiredis 0.14 context, which has none of its own. The context stays the caller's.
#pragma once
#include <hiredis/hiredis.h>
#include <stddef.h>

typedef struct redis_tls redis_tls;

// Shakes hands on the context's connected, blocking socket, within the socket's own timeouts. Verifies the server's
// certificate against `authorities` (a PEM file) and `host`, a name or an address. NULL when that fails: then `reason`
// says why.
redis_tls *redis_tls_open(redisContext *context, const char *host, const char *authorities, char *reason, size_t size);

// As redisBufferWrite: REDIS_OK, and whether the output buffer is empty now.
int redis_tls_write(redis_tls *tls, redisContext *context, int *done);

// As redisBufferRead; takes everything that TLS has decrypted, since poll(2) would not tell of it.
int redis_tls_read(redis_tls *tls, redisContext *context);

void redis_tls_close(redis_tls *tls);
