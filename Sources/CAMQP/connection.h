#pragma once
// What the façade's files share; librabbitmq's types stay on this side.
#include <amqp.h>
#include <amqp_framing.h>

#include "CAMQP.h"

struct camqp_connection {
    amqp_connection_state_t state;
    int socket;
    uint32_t timeout_milliseconds;
    bool consuming;
    /// The delivery or returned message last handed out, freed at the next `camqp_next`.
    bool has_envelope, has_message;
    amqp_envelope_t envelope;
    amqp_message_t message;
    /// Scratch for the headers of the last message in wire format; grows, freed with the connection.
    uint8_t *headers;
    size_t headers_capacity;
};

/// Fills `failure` from the reply; true when the reply is a success.
bool camqp_check(amqp_rpc_reply_t reply, camqp_failure *failure);
/// Fills `failure` from a librabbitmq status; true when it is AMQP_STATUS_OK.
bool camqp_check_status(int status, camqp_failure *failure);
void camqp_describe(camqp_failure *failure, camqp_status status, uint16_t code, const void *text, size_t length);
void camqp_explain(camqp_failure *failure, camqp_status status, const char *text);
/// Decodes a wire-format table into `pool`; an empty input makes an empty table.
bool camqp_decode_table(camqp_bytes encoded, amqp_pool_t *pool, amqp_table_t *table, camqp_failure *failure);
camqp_bytes camqp_encode_headers(camqp_connection *connection, const amqp_table_t *table);

static inline camqp_bytes camqp_borrow(amqp_bytes_t bytes) { return (camqp_bytes){bytes.bytes, bytes.len}; }
static inline amqp_bytes_t camqp_lend(camqp_bytes bytes) { return (amqp_bytes_t){bytes.length, (void *)bytes.data}; }
