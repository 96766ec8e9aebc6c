#pragma once
// A façade over librabbitmq: one AMQP 0-9-1 connection, its confirms, returns and closes read by hand. No librabbitmq
// type gets out. Every function of a connection must be called from the one thread that owns it, and may block that
// thread for at most the connection's timeouts.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// One connection with two channels: 1 for work (publishing or consuming), 2 for questions that may fail.
typedef struct camqp_connection camqp_connection;

/// Borrowed bytes, never freed by the receiver.
typedef struct {
    const void *data;
    size_t length;
} camqp_bytes;

enum { CAMQP_WORK_CHANNEL = 1, CAMQP_ASIDE_CHANNEL = 2 };

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
    CAMQP_STATUS_OK = 0,
    /// No connection could be made: refused, no route, unknown host, TLS failure.
    CAMQP_STATUS_UNREACHABLE,
    /// The connection broke, or the peer's heartbeats stayed away.
    CAMQP_STATUS_LOST,
    /// No answer within the timeout; the connection can't be used any longer.
    CAMQP_STATUS_TIMED_OUT,
    /// The broker closed the channel: `code` and `text` say why.
    CAMQP_STATUS_CHANNEL_CLOSED,
    /// The broker closed the connection: `code` and `text` say why.
    CAMQP_STATUS_CONNECTION_CLOSED,
} camqp_status;

/// Why a call failed. `text` is null-terminated.
typedef struct {
    camqp_status status;
    uint16_t code;
    char text[256];
} camqp_failure;

typedef struct {
    const char *host;
    const char *virtual_host;
    const char *user;
    const char *password;
    /// Shown in the broker's list of connections.
    const char *connection_name;
    /// PEM file of the certificate authorities that a TLS peer must descend from; NULL for plain TCP.
    const char *certificate_authorities;
    uint16_t port;
    uint16_t heartbeat_seconds;
    /// For connecting, for the handshake and for each answer.
    uint32_t timeout_milliseconds;
} camqp_settings;

/// A message on its way out or in. `headers` is a field table in AMQP's wire format (its 4-byte length included), or
/// empty.
typedef struct {
    camqp_bytes exchange;
    camqp_bytes routing_key;
    camqp_bytes body;
    camqp_bytes message_id;
    camqp_bytes type;
    camqp_bytes content_type;
    camqp_bytes correlation_id;
    /// Milliseconds as digits, empty for none; only on the way out.
    camqp_bytes expiration;
    camqp_bytes headers;
    /// Seconds since 1970, 0 for none.
    uint64_t timestamp;
    bool has_priority;
    uint8_t priority;
    bool persistent;
    bool mandatory;
} camqp_message;

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
    CAMQP_EVENT_NONE = 0,
    CAMQP_EVENT_DELIVERY,
    CAMQP_EVENT_ACK,
    CAMQP_EVENT_NACK,
    /// An unroutable mandatory message came back: `failure` holds the reason, `message` the message.
    CAMQP_EVENT_RETURN,
    /// The broker cancelled the consumer, for instance because its queue was deleted.
    CAMQP_EVENT_CANCELLED,
    CAMQP_EVENT_BLOCKED,
    CAMQP_EVENT_UNBLOCKED,
    /// `failure` says why; the connection must be abandoned.
    CAMQP_EVENT_FAILED,
} camqp_event_kind;

/// What the broker said. Everything borrowed in it lives until the next call of `camqp_next`.
typedef struct {
    camqp_event_kind kind;
    uint64_t delivery_tag;
    bool multiple;
    bool redelivered;
    camqp_message message;
    camqp_failure failure;
} camqp_event;

/// Connects, logs in and opens the work channel; NULL on failure.
camqp_connection *camqp_open(const camqp_settings *settings, camqp_failure *failure);
/// Says goodbye to the broker (waiting for its answer at most the timeout) and frees the connection.
void camqp_close(camqp_connection *connection);
/// Closes the socket and frees the connection without another word.
void camqp_abandon(camqp_connection *connection);

enum { CAMQP_READABLE = 1, CAMQP_WOKEN = 2, CAMQP_WRITABLE = 4 };
/// Waits for the broker, for `wake_descriptor` (an eventfd, not drained here) or, if asked, for room to write; at most
/// `milliseconds`. Returns CAMQP_… bits, 0 after the time is over. Returns at once while frames are buffered.
int camqp_wait(camqp_connection *connection, int wake_descriptor, bool for_writing, int milliseconds);
/// The next thing the broker said, CAMQP_EVENT_NONE when nothing is waiting. Never blocks for longer than the rest of
/// a message that has begun to arrive. Sends the heartbeats that are due.
void camqp_next(camqp_connection *connection, camqp_event *event);

bool camqp_select_confirms(camqp_connection *connection, camqp_failure *failure);
/// Returns whether the message was handed to the socket; that says nothing about its fate.
bool camqp_publish(camqp_connection *connection, const camqp_message *message, camqp_failure *failure);

bool camqp_consume(
    camqp_connection *connection, const char *queue, const char *consumer_tag, uint16_t prefetch, camqp_failure *failure);
bool camqp_cancel(camqp_connection *connection, const char *consumer_tag, camqp_failure *failure);
bool camqp_ack(camqp_connection *connection, uint64_t delivery_tag, bool multiple, camqp_failure *failure);
bool camqp_reject(camqp_connection *connection, uint64_t delivery_tag, bool requeue, camqp_failure *failure);

bool camqp_open_channel(camqp_connection *connection, uint16_t channel, camqp_failure *failure);
bool camqp_close_channel(camqp_connection *connection, uint16_t channel, camqp_failure *failure);

/// The declarations' `arguments` are field tables in AMQP's wire format, or empty.
bool camqp_declare_exchange(
    camqp_connection *connection, uint16_t channel, const char *name, const char *kind, bool durable,
    camqp_bytes arguments, camqp_failure *failure);
bool camqp_declare_queue(
    camqp_connection *connection, uint16_t channel, const char *name, bool durable, camqp_bytes arguments,
    camqp_failure *failure);
/// A passive declaration: how many messages are ready and how many consumers there are.
bool camqp_inspect_queue(
    camqp_connection *connection, uint16_t channel, const char *name, uint32_t *messages, uint32_t *consumers,
    camqp_failure *failure);
bool camqp_bind_queue(
    camqp_connection *connection, uint16_t channel, const char *queue, const char *source, const char *routing_key,
    camqp_bytes arguments, camqp_failure *failure);
bool camqp_unbind_queue(
    camqp_connection *connection, uint16_t channel, const char *queue, const char *source, const char *routing_key,
    camqp_bytes arguments, camqp_failure *failure);
bool camqp_bind_exchange(
    camqp_connection *connection, uint16_t channel, const char *exchange, const char *source, const char *routing_key,
    camqp_bytes arguments, camqp_failure *failure);
bool camqp_delete_queue(camqp_connection *connection, uint16_t channel, const char *name, camqp_failure *failure);
bool camqp_delete_exchange(camqp_connection *connection, uint16_t channel, const char *name, camqp_failure *failure);
bool camqp_purge_queue(
    camqp_connection *connection, uint16_t channel, const char *name, uint32_t *messages, camqp_failure *failure);

/// Names the calling thread for debuggers and `top`; the kernel keeps 15 characters.
void camqp_name_thread(const char *name);
