#include "CRedisTLS.h"

#include <arpa/inet.h>
#include <hiredis/sds.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct redis_tls {
    SSL_CTX *settings;
    SSL *connection;
};

static void explain(char *reason, size_t size, SSL *connection, const char *what) {
    long verdict = connection ? SSL_get_verify_result(connection) : X509_V_OK;
    unsigned long code = ERR_peek_last_error();
    const char *why = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : ERR_reason_error_string(code);
    snprintf(reason, size, "%s%s%s", what, why ? ": " : "", why ? why : "");
    ERR_clear_error();
}

static int names(SSL *connection, const char *host) {
    unsigned char address[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM *rules = SSL_get0_param(connection);
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(rules, host);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(rules, host, 0) && SSL_set_tlsext_host_name(connection, host);
}

redis_tls *redis_tls_open(redisContext *context, const char *host, const char *authorities, char *reason, size_t size) {
    redis_tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        snprintf(reason, size, "out of memory");
        return NULL;
    }
    tls->settings = SSL_CTX_new(TLS_client_method());
    if (!tls->settings || !SSL_CTX_set_min_proto_version(tls->settings, TLS1_2_VERSION)
        || !SSL_CTX_load_verify_locations(tls->settings, authorities, NULL)) {
        explain(reason, size, NULL, "the certificate authorities can't be read");
        redis_tls_close(tls);
        return NULL;
    }
    SSL_CTX_set_verify(tls->settings, SSL_VERIFY_PEER, NULL);
    // What is written next time need not be at the same address, nor as much.
    SSL_CTX_set_mode(tls->settings, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    tls->connection = SSL_new(tls->settings);
    if (!tls->connection || !names(tls->connection, host) || !SSL_set_fd(tls->connection, context->fd)) {
        explain(reason, size, NULL, "TLS could not be set up");
        redis_tls_close(tls);
        return NULL;
    }
    if (SSL_connect(tls->connection) != 1) {
        explain(reason, size, tls->connection, "TLS handshake failed");
        redis_tls_close(tls);
        return NULL;
    }
    return tls;
}

// Whether the connection only has to wait.
static int waits(redis_tls *tls, int result) {
    int error = SSL_get_error(tls->connection, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

int redis_tls_write(redis_tls *tls, redisContext *context, int *done) {
    if (sdslen(context->obuf) > 0) {
        ERR_clear_error();
        int written = SSL_write(tls->connection, context->obuf, (int)sdslen(context->obuf));
        if (written > 0) {
            sdsrange(context->obuf, written, -1);
        } else if (!waits(tls, written)) {
            return REDIS_ERR;
        }
    }
    *done = sdslen(context->obuf) == 0;
    return REDIS_OK;
}

int redis_tls_read(redis_tls *tls, redisContext *context) {
    char bytes[16384];
    do {
        ERR_clear_error();
        int count = SSL_read(tls->connection, bytes, sizeof bytes);
        if (count <= 0) return waits(tls, count) ? REDIS_OK : REDIS_ERR;
        if (redisReaderFeed(context->reader, bytes, (size_t)count) != REDIS_OK) return REDIS_ERR;
    } while (SSL_pending(tls->connection) > 0);
    return REDIS_OK;
}

void redis_tls_close(redis_tls *tls) {
    if (!tls) return;
    SSL_free(tls->connection);
    SSL_CTX_free(tls->settings);
    free(tls);
}
