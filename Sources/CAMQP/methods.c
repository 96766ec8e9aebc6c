#include <stdlib.h>
#include <string.h>

#include "connection.h"

bool camqp_decode_table(camqp_bytes encoded, amqp_pool_t *pool, amqp_table_t *table, camqp_failure *failure) {
    *table = amqp_empty_table;
    size_t offset = 0;
    if (encoded.length == 0) return true;
    return camqp_check_status(amqp_decode_table(camqp_lend(encoded), pool, table, &offset), failure);
}

camqp_bytes camqp_encode_headers(camqp_connection *connection, const amqp_table_t *table) {
    amqp_table_t copy = *table;
    for (;;) {
        size_t offset = 0;
        if (connection->headers_capacity > 0) {
            amqp_bytes_t room = {connection->headers_capacity, connection->headers};
            if (amqp_encode_table(room, &copy, &offset) == AMQP_STATUS_OK)
                return (camqp_bytes){connection->headers, offset};
        }
        // Headers travel in one frame of at most 128 KiB: more than this can't be.
        if (connection->headers_capacity >= 1 << 20) return (camqp_bytes){NULL, 0};
        size_t capacity = connection->headers_capacity ? connection->headers_capacity * 2 : 4096;
        uint8_t *grown = realloc(connection->headers, capacity);
        if (!grown) return (camqp_bytes){NULL, 0};
        connection->headers = grown;
        connection->headers_capacity = capacity;
    }
}

/// Checks the answer to the last call. When the broker closed the aside channel, agrees to it, so that the channel can
/// be opened anew; the work channel's close is the end of the connection.
static bool answered(camqp_connection *connection, uint16_t channel, camqp_failure *failure) {
    if (camqp_check(amqp_get_rpc_reply(connection->state), failure)) return true;
    if (failure->status == CAMQP_STATUS_CHANNEL_CLOSED && channel != CAMQP_WORK_CHANNEL) {
        amqp_channel_close_ok_t agreed = {0};
        amqp_send_method(connection->state, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &agreed);
    }
    return false;
}

bool camqp_open_channel(camqp_connection *connection, uint16_t channel, camqp_failure *failure) {
    amqp_channel_open(connection->state, channel);
    return answered(connection, channel, failure);
}

bool camqp_close_channel(camqp_connection *connection, uint16_t channel, camqp_failure *failure) {
    return camqp_check(amqp_channel_close(connection->state, channel, AMQP_REPLY_SUCCESS), failure);
}

bool camqp_select_confirms(camqp_connection *connection, camqp_failure *failure) {
    amqp_confirm_select(connection->state, CAMQP_WORK_CHANNEL);
    return answered(connection, CAMQP_WORK_CHANNEL, failure);
}

bool camqp_publish(camqp_connection *connection, const camqp_message *message, camqp_failure *failure) {
    amqp_basic_properties_t properties;
    amqp_pool_t pool;
    memset(&properties, 0, sizeof properties);
    init_amqp_pool(&pool, 1024);
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = message->persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT;
    if (message->message_id.length) {
        properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
        properties.message_id = camqp_lend(message->message_id);
    }
    if (message->type.length) {
        properties._flags |= AMQP_BASIC_TYPE_FLAG;
        properties.type = camqp_lend(message->type);
    }
    if (message->content_type.length) {
        properties._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
        properties.content_type = camqp_lend(message->content_type);
    }
    if (message->correlation_id.length) {
        properties._flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
        properties.correlation_id = camqp_lend(message->correlation_id);
    }
    if (message->expiration.length) {
        properties._flags |= AMQP_BASIC_EXPIRATION_FLAG;
        properties.expiration = camqp_lend(message->expiration);
    }
    if (message->timestamp) {
        properties._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
        properties.timestamp = message->timestamp;
    }
    if (message->has_priority) {
        properties._flags |= AMQP_BASIC_PRIORITY_FLAG;
        properties.priority = message->priority;
    }
    if (message->headers.length) properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    bool sent = camqp_decode_table(message->headers, &pool, &properties.headers, failure)
        && camqp_check_status(
               amqp_basic_publish(
                   connection->state, CAMQP_WORK_CHANNEL, camqp_lend(message->exchange),
                   camqp_lend(message->routing_key), message->mandatory, 0, &properties, camqp_lend(message->body)),
               failure);
    empty_amqp_pool(&pool);
    return sent;
}

bool camqp_consume(
    camqp_connection *connection, const char *queue, const char *consumer_tag, uint16_t prefetch,
    camqp_failure *failure) {
    amqp_basic_qos(connection->state, CAMQP_WORK_CHANNEL, 0, prefetch, 0);
    if (!answered(connection, CAMQP_WORK_CHANNEL, failure)) return false;
    connection->consuming = true;
    amqp_basic_consume(
        connection->state, CAMQP_WORK_CHANNEL, amqp_cstring_bytes(queue), amqp_cstring_bytes(consumer_tag), 0, 0, 0,
        amqp_empty_table);
    return answered(connection, CAMQP_WORK_CHANNEL, failure);
}

bool camqp_cancel(camqp_connection *connection, const char *consumer_tag, camqp_failure *failure) {
    amqp_basic_cancel(connection->state, CAMQP_WORK_CHANNEL, amqp_cstring_bytes(consumer_tag));
    return answered(connection, CAMQP_WORK_CHANNEL, failure);
}

bool camqp_ack(camqp_connection *connection, uint64_t delivery_tag, bool multiple, camqp_failure *failure) {
    return camqp_check_status(
        amqp_basic_ack(connection->state, CAMQP_WORK_CHANNEL, delivery_tag, multiple), failure);
}

bool camqp_reject(camqp_connection *connection, uint64_t delivery_tag, bool requeue, camqp_failure *failure) {
    return camqp_check_status(
        amqp_basic_reject(connection->state, CAMQP_WORK_CHANNEL, delivery_tag, requeue), failure);
}

bool camqp_declare_exchange(
    camqp_connection *connection, uint16_t channel, const char *name, const char *kind, bool durable,
    camqp_bytes arguments, camqp_failure *failure) {
    amqp_pool_t pool;
    amqp_table_t table;
    init_amqp_pool(&pool, 1024);
    bool done = camqp_decode_table(arguments, &pool, &table, failure);
    if (done) {
        amqp_exchange_declare(
            connection->state, channel, amqp_cstring_bytes(name), amqp_cstring_bytes(kind), 0, durable, 0, 0, table);
        done = answered(connection, channel, failure);
    }
    empty_amqp_pool(&pool);
    return done;
}

bool camqp_declare_queue(
    camqp_connection *connection, uint16_t channel, const char *name, bool durable, camqp_bytes arguments,
    camqp_failure *failure) {
    amqp_pool_t pool;
    amqp_table_t table;
    init_amqp_pool(&pool, 1024);
    bool done = camqp_decode_table(arguments, &pool, &table, failure);
    if (done) {
        amqp_queue_declare(connection->state, channel, amqp_cstring_bytes(name), 0, durable, 0, 0, table);
        done = answered(connection, channel, failure);
    }
    empty_amqp_pool(&pool);
    return done;
}

bool camqp_inspect_queue(
    camqp_connection *connection, uint16_t channel, const char *name, uint32_t *messages, uint32_t *consumers,
    camqp_failure *failure) {
    amqp_queue_declare_ok_t *found =
        amqp_queue_declare(connection->state, channel, amqp_cstring_bytes(name), 1, 0, 0, 0, amqp_empty_table);
    if (!answered(connection, channel, failure)) return false;
    *messages = found->message_count;
    *consumers = found->consumer_count;
    return true;
}

enum binding { BIND_QUEUE, UNBIND_QUEUE, BIND_EXCHANGE };

/// Three methods with the same fields.
static bool bind(
    enum binding what, camqp_connection *connection, uint16_t channel, const char *destination, const char *source,
    const char *routing_key, camqp_bytes arguments, camqp_failure *failure) {
    amqp_pool_t pool;
    amqp_table_t table;
    init_amqp_pool(&pool, 1024);
    bool done = camqp_decode_table(arguments, &pool, &table, failure);
    if (done) {
        amqp_connection_state_t state = connection->state;
        amqp_bytes_t to = amqp_cstring_bytes(destination);
        amqp_bytes_t from = amqp_cstring_bytes(source);
        amqp_bytes_t key = amqp_cstring_bytes(routing_key);
        switch (what) {
        case BIND_QUEUE: amqp_queue_bind(state, channel, to, from, key, table); break;
        case UNBIND_QUEUE: amqp_queue_unbind(state, channel, to, from, key, table); break;
        case BIND_EXCHANGE: amqp_exchange_bind(state, channel, to, from, key, table); break;
        }
        done = answered(connection, channel, failure);
    }
    empty_amqp_pool(&pool);
    return done;
}

bool camqp_bind_queue(
    camqp_connection *connection, uint16_t channel, const char *queue, const char *source, const char *routing_key,
    camqp_bytes arguments, camqp_failure *failure) {
    return bind(BIND_QUEUE, connection, channel, queue, source, routing_key, arguments, failure);
}

bool camqp_unbind_queue(
    camqp_connection *connection, uint16_t channel, const char *queue, const char *source, const char *routing_key,
    camqp_bytes arguments, camqp_failure *failure) {
    return bind(UNBIND_QUEUE, connection, channel, queue, source, routing_key, arguments, failure);
}

bool camqp_bind_exchange(
    camqp_connection *connection, uint16_t channel, const char *exchange, const char *source, const char *routing_key,
    camqp_bytes arguments, camqp_failure *failure) {
    return bind(BIND_EXCHANGE, connection, channel, exchange, source, routing_key, arguments, failure);
}

bool camqp_delete_queue(camqp_connection *connection, uint16_t channel, const char *name, camqp_failure *failure) {
    amqp_queue_delete(connection->state, channel, amqp_cstring_bytes(name), 0, 0);
    return answered(connection, channel, failure);
}

bool camqp_delete_exchange(camqp_connection *connection, uint16_t channel, const char *name, camqp_failure *failure) {
    amqp_exchange_delete(connection->state, channel, amqp_cstring_bytes(name), 0);
    return answered(connection, channel, failure);
}

bool camqp_purge_queue(
    camqp_connection *connection, uint16_t channel, const char *name, uint32_t *messages, camqp_failure *failure) {
    amqp_queue_purge_ok_t *purged = amqp_queue_purge(connection->state, channel, amqp_cstring_bytes(name));
    if (!answered(connection, channel, failure)) return false;
    *messages = purged->message_count;
    return true;
}
