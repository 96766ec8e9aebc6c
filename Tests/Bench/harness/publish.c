// The peer of the relay: publishes COUNT persistent messages of SIZE bytes to a queue through librabbitmq, with WINDOW of
// them unconfirmed at once, and prints the seconds from the first to the last confirm.
//
//     publish HOST PORT USER PASSWORD QUEUE COUNT SIZE WINDOW
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static void require(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int count, char **words) {
    require(count == 9, "publish HOST PORT USER PASSWORD QUEUE COUNT SIZE WINDOW");
    uint64_t total = strtoull(words[6], NULL, 10), window = strtoull(words[8], NULL, 10);
    size_t size = strtoul(words[7], NULL, 10);
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    require(socket && amqp_socket_open(socket, words[1], atoi(words[2])) == 0, "no connection");
    require(
        amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, words[3], words[4]).reply_type
            == AMQP_RESPONSE_NORMAL, "no login");
    amqp_channel_open(connection, 1);
    amqp_confirm_select(connection, 1);
    require(amqp_get_rpc_reply(connection).reply_type == AMQP_RESPONSE_NORMAL, "no channel");
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
    amqp_bytes_t body = {size, calloc(1, size)};
    double began = seconds();
    for (uint64_t sent = 0, confirmed = 0; confirmed < total;) {
        while (sent < total && sent - confirmed < window) {
            require(
                amqp_basic_publish(
                    connection, 1, amqp_empty_bytes, amqp_cstring_bytes(words[5]), 1, 0, &properties, body) == 0,
                "not sent");
            sent++;
        }
        amqp_frame_t frame;
        require(amqp_simple_wait_frame(connection, &frame) == 0, "connection lost");
        require(
            frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD,
            "something else than an ack");
        amqp_basic_ack_t *ack = frame.payload.method.decoded;
        confirmed = ack->multiple ? ack->delivery_tag : confirmed + 1;
        amqp_maybe_release_buffers(connection);
    }
    printf("%.6f\n", seconds() - began);
    return 0;
}
