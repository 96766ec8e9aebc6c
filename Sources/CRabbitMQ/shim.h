#pragma once
// Only CAMQP builds on this module; no Swift file imports it. In fixed order: librabbitmq's headers lean on one another.
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
