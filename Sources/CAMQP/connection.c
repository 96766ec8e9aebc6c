#define _GNU_SOURCE
#include "connection.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static struct timeval timeval_of(uint32_t milliseconds) {
    return (struct timeval){milliseconds / 1000, (milliseconds % 1000) * 1000};
}

void camqp_describe(camqp_failure *failure, camqp_status status, uint16_t code, const void *text, size_t length) {
    failure->status = status;
    failure->code = code;
    if (length >= sizeof failure->text) length = sizeof failure->text - 1;
    memcpy(failure->text, text, length);
    failure->text[length] = 0;
}

void camqp_explain(camqp_failure *failure, camqp_status status, const char *text) {
    camqp_describe(failure, status, 0, text, strlen(text));
}

bool camqp_check_status(int status, camqp_failure *failure) {
    if (status == AMQP_STATUS_OK) return true;
    camqp_explain(
        failure, status == AMQP_STATUS_TIMEOUT ? CAMQP_STATUS_TIMED_OUT : CAMQP_STATUS_LOST,
        amqp_error_string2(status));
    return false;
}

bool camqp_check(amqp_rpc_reply_t reply, camqp_failure *failure) {
    switch (reply.reply_type) {
        case AMQP_RESPONSE_NORMAL:
            return true;
        case AMQP_RESPONSE_LIBRARY_EXCEPTION:
            return camqp_check_status(reply.library_error, failure);
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
                amqp_connection_close_t *close = reply.reply.decoded;
                camqp_describe(
                    failure, CAMQP_STATUS_CONNECTION_CLOSED, close->reply_code, close->reply_text.bytes,
                    close->reply_text.len);
                return false;
            }
            if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
                amqp_channel_close_t *close = reply.reply.decoded;
                camqp_describe(
                    failure, CAMQP_STATUS_CHANNEL_CLOSED, close->reply_code, close->reply_text.bytes,
                    close->reply_text.len);
                return false;
            }
            // A method nobody asked for: the two sides no longer agree on where they are.
            camqp_explain(failure, CAMQP_STATUS_LOST, "unexpected method");
            return false;
        default:
            camqp_explain(failure, CAMQP_STATUS_LOST, "no reply");
            return false;
    }
}

static amqp_socket_t *make_socket(camqp_connection *connection, const camqp_settings *settings) {
    if (!settings->certificate_authorities) return amqp_tcp_socket_new(connection->state);
    amqp_socket_t *socket = amqp_ssl_socket_new(connection->state);
    if (!socket) return NULL;
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
    if (amqp_ssl_socket_set_cacert(socket, settings->certificate_authorities) != AMQP_STATUS_OK) return NULL;
    return socket;
}

static bool log_in(camqp_connection *connection, const camqp_settings *settings, camqp_failure *failure) {
    // librabbitmq merges these with its own and announces only two by itself. Without them the broker would neither say
    // that a consumer is cancelled (its queue deleted) nor that it takes no messages.
    amqp_table_entry_t capabilities[] = {
        {amqp_cstring_bytes("consumer_cancel_notify"), {AMQP_FIELD_KIND_BOOLEAN, {.boolean = 1}}},
        {amqp_cstring_bytes("connection.blocked"), {AMQP_FIELD_KIND_BOOLEAN, {.boolean = 1}}},
        {amqp_cstring_bytes("basic.nack"), {AMQP_FIELD_KIND_BOOLEAN, {.boolean = 1}}},
        {amqp_cstring_bytes("publisher_confirms"), {AMQP_FIELD_KIND_BOOLEAN, {.boolean = 1}}},
    };
    amqp_table_entry_t entries[] = {
        {amqp_cstring_bytes("connection_name"),
         {AMQP_FIELD_KIND_UTF8, {.bytes = amqp_cstring_bytes(settings->connection_name)}}},
        {amqp_cstring_bytes("capabilities"), {AMQP_FIELD_KIND_TABLE, {.table = {4, capabilities}}}},
    };
    amqp_table_t properties = {2, entries};
    if (!camqp_check(
            amqp_login_with_properties(
                connection->state, settings->virtual_host, 0, 131072, settings->heartbeat_seconds, &properties,
                AMQP_SASL_METHOD_PLAIN, settings->user, settings->password),
            failure))
        return false;
    return camqp_open_channel(connection, CAMQP_WORK_CHANNEL, failure);
}

camqp_connection *camqp_open(const camqp_settings *settings, camqp_failure *failure) {
    struct timeval timeout = timeval_of(settings->timeout_milliseconds);
    camqp_connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        camqp_explain(failure, CAMQP_STATUS_UNREACHABLE, "out of memory");
        return NULL;
    }
    connection->timeout_milliseconds = settings->timeout_milliseconds;
    connection->state = amqp_new_connection();
    amqp_socket_t *socket = connection->state ? make_socket(connection, settings) : NULL;
    if (!socket) {
        camqp_explain(failure, CAMQP_STATUS_UNREACHABLE, "no socket, or no certificate authorities");
        camqp_abandon(connection);
        return NULL;
    }
    int status = amqp_socket_open_noblock(socket, settings->host, settings->port, &timeout);
    if (!camqp_check_status(status, failure)) {
        failure->status = CAMQP_STATUS_UNREACHABLE;
        camqp_abandon(connection);
        return NULL;
    }
    connection->socket = amqp_get_sockfd(connection->state);
    // librabbitmq's sends wait for room without a limit. The kernel gives one: what the peer doesn't take within this
    // time breaks the connection, so that a stalled broker can't hold the owner thread.
    unsigned limit = settings->timeout_milliseconds * 2;
    setsockopt(connection->socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
    amqp_set_handshake_timeout(connection->state, &timeout);
    amqp_set_rpc_timeout(connection->state, &timeout);
    if (!log_in(connection, settings, failure)) {
        camqp_abandon(connection);
        return NULL;
    }
    return connection;
}

static void release(camqp_connection *connection) {
    if (connection->has_envelope) amqp_destroy_envelope(&connection->envelope);
    if (connection->has_message) amqp_destroy_message(&connection->message);
    connection->has_envelope = connection->has_message = false;
}

void camqp_abandon(camqp_connection *connection) {
    release(connection);
    if (connection->state) amqp_destroy_connection(connection->state);
    free(connection->headers);
    free(connection);
}

void camqp_close(camqp_connection *connection) {
    amqp_connection_close(connection->state, AMQP_REPLY_SUCCESS);
    camqp_abandon(connection);
}

int camqp_wait(camqp_connection *connection, int wake_descriptor, bool for_writing, int milliseconds) {
    struct pollfd polled[2] = {
        {connection->socket, POLLIN | (for_writing ? POLLOUT : 0), 0},
        {wake_descriptor, POLLIN, 0},
    };
    int ready = 0;
    // Frames that were read already wake no poll: return at once while there are any.
    if (amqp_frames_enqueued(connection->state) || amqp_data_in_buffer(connection->state)) {
        milliseconds = 0;
        ready = CAMQP_READABLE;
    }
    if (poll(polled, 2, milliseconds) <= 0) return ready;
    if (polled[0].revents & (POLLIN | POLLERR | POLLHUP)) ready |= CAMQP_READABLE;
    if (polled[0].revents & POLLOUT) ready |= CAMQP_WRITABLE;
    if (polled[1].revents) ready |= CAMQP_WOKEN;
    return ready;
}

static void fail(camqp_event *event) { event->kind = CAMQP_EVENT_FAILED; }

static void fill(camqp_connection *connection, camqp_message *out, amqp_message_t *message) {
    amqp_basic_properties_t *properties = &message->properties;
    amqp_flags_t flags = properties->_flags;
    out->body = camqp_borrow(message->body);
    if (flags & AMQP_BASIC_MESSAGE_ID_FLAG) out->message_id = camqp_borrow(properties->message_id);
    if (flags & AMQP_BASIC_TYPE_FLAG) out->type = camqp_borrow(properties->type);
    if (flags & AMQP_BASIC_CONTENT_TYPE_FLAG) out->content_type = camqp_borrow(properties->content_type);
    if (flags & AMQP_BASIC_CORRELATION_ID_FLAG) out->correlation_id = camqp_borrow(properties->correlation_id);
    if (flags & AMQP_BASIC_TIMESTAMP_FLAG) out->timestamp = properties->timestamp;
    out->has_priority = flags & AMQP_BASIC_PRIORITY_FLAG;
    if (out->has_priority) out->priority = properties->priority;
    out->persistent = (flags & AMQP_BASIC_DELIVERY_MODE_FLAG) && properties->delivery_mode == AMQP_DELIVERY_PERSISTENT;
    if (flags & AMQP_BASIC_HEADERS_FLAG) out->headers = camqp_encode_headers(connection, &properties->headers);
}

static void take_return(camqp_connection *connection, camqp_event *event, const amqp_frame_t *frame) {
    amqp_basic_return_t *returned = frame->payload.method.decoded;
    event->kind = CAMQP_EVENT_RETURN;
    camqp_describe(
        &event->failure, CAMQP_STATUS_OK, returned->reply_code, returned->reply_text.bytes, returned->reply_text.len);
    event->message.exchange = camqp_borrow(returned->exchange);
    event->message.routing_key = camqp_borrow(returned->routing_key);
    if (!camqp_check(
            amqp_read_message(connection->state, frame->channel, &connection->message, 0), &event->failure)) {
        fail(event);
        return;
    }
    connection->has_message = true;
    fill(connection, &event->message, &connection->message);
}

/// Reads one frame that is not a delivery.
static void take_method(camqp_connection *connection, camqp_event *event) {
    struct timeval now = {0, 0};
    amqp_frame_t frame;
    int status = amqp_simple_wait_frame_noblock(connection->state, &frame, &now);
    if (status == AMQP_STATUS_TIMEOUT) return;
    if (!camqp_check_status(status, &event->failure)) {
        fail(event);
        return;
    }
    // Anything but a method here is the rest of a message that nobody reads: the stream is out of step.
    if (frame.frame_type != AMQP_FRAME_METHOD) {
        camqp_explain(&event->failure, CAMQP_STATUS_LOST, "unexpected frame");
        fail(event);
        return;
    }
    void *decoded = frame.payload.method.decoded;
    switch (frame.payload.method.id) {
        case AMQP_BASIC_ACK_METHOD:
            event->kind = CAMQP_EVENT_ACK;
            event->delivery_tag = ((amqp_basic_ack_t *)decoded)->delivery_tag;
            event->multiple = ((amqp_basic_ack_t *)decoded)->multiple;
            return;
        case AMQP_BASIC_NACK_METHOD:
            event->kind = CAMQP_EVENT_NACK;
            event->delivery_tag = ((amqp_basic_nack_t *)decoded)->delivery_tag;
            event->multiple = ((amqp_basic_nack_t *)decoded)->multiple;
            return;
        case AMQP_BASIC_RETURN_METHOD:
            take_return(connection, event, &frame);
            return;
        case AMQP_BASIC_CANCEL_METHOD:
            event->kind = CAMQP_EVENT_CANCELLED;
            return;
        case AMQP_CONNECTION_BLOCKED_METHOD:
            event->kind = CAMQP_EVENT_BLOCKED;
            return;
        case AMQP_CONNECTION_UNBLOCKED_METHOD:
            event->kind = CAMQP_EVENT_UNBLOCKED;
            return;
        default: {
            amqp_rpc_reply_t reply = {.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION, .reply = frame.payload.method};
            camqp_check(reply, &event->failure);
            fail(event);
        }
    }
}

void camqp_next(camqp_connection *connection, camqp_event *event) {
    struct timeval now = {0, 0};
    memset(event, 0, sizeof *event);
    release(connection);
    amqp_maybe_release_buffers(connection->state);
    if (connection->consuming) {
        amqp_rpc_reply_t reply = amqp_consume_message(connection->state, &connection->envelope, &now, 0);
        if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
            connection->has_envelope = true;
            event->kind = CAMQP_EVENT_DELIVERY;
            event->delivery_tag = connection->envelope.delivery_tag;
            event->redelivered = connection->envelope.redelivered;
            event->message.exchange = camqp_borrow(connection->envelope.exchange);
            event->message.routing_key = camqp_borrow(connection->envelope.routing_key);
            fill(connection, &event->message, &connection->envelope.message);
            return;
        }
        bool library = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION;
        if (library && reply.library_error == AMQP_STATUS_TIMEOUT) return;
        // UNEXPECTED_STATE: a frame that isn't a delivery was put back for us to read.
        if (!library || reply.library_error != AMQP_STATUS_UNEXPECTED_STATE) {
            camqp_check(reply, &event->failure);
            fail(event);
            return;
        }
    }
    take_method(connection, event);
}

void camqp_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
