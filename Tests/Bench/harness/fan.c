// The load of live updates: many WebSocket subscribers and one publisher on one thread.
//
//   fan PORT PATH SOCKETS SUBSCRIBE PUBLISH_PORT PUBLICATION SECONDS RATE WINDOW
//
// Opens SOCKETS sockets to 127.0.0.1:PORT PATH and sends each the text SUBSCRIBE (none when empty), prints "ready" when
// all are subscribed and waits for a line on its input. Then for SECONDS it publishes what the file PUBLICATION holds,
// over one connection to PUBLISH_PORT: RATE times a second, or with RATE 0 as fast as all receive it, with at most
// WINDOW messages on their way. In the file, a line "HELLO n" is followed by n bytes to be sent once and
// "MESSAGE n" by n bytes to be sent each time, in which @@@@@@@@@@@@@@@@@@@ becomes the time of sending in
// nanoseconds: found again in what the subscribers receive, it gives the latency. With PUBLISH_PORT 0 it only listens
// until its input ends, and every frame with a "revision":n counts into the times at which that revision came.
// Prints one line of JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MARK "@@@@@@@@@@@@@@@@@@@"
#define DIGITS 19
enum { IDLE, CONNECTING, UPGRADING, OPEN, GONE };

typedef struct {
    int fd, state;
    size_t kept; // bytes of an unfinished frame
    unsigned char *rest;
} Peer;

static Peer *peers;
static int sockets, loop, open_count, gone, pending;
static const char *path, *subscription;
static uint64_t deliveries, bytes, *latencies, measured, capacity;
static struct { uint64_t revision, count, *times; } *revisions;
static int revision_count, traces;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int dial(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    if (fd < 0) fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (connect(fd, (void *)&to, sizeof to) && errno != EINPROGRESS) fail("connect");
    return fd;
}

static void send_text(int fd, int opcode, const void *text, size_t size) {
    unsigned char frame[1024] = {0x80 | opcode, 0x80 | size};
    size_t head = 2;
    if (size > 900) exit(2);
    if (size >= 126) frame[1] = 0x80 | 126, frame[2] = size >> 8, frame[3] = size, head = 4;
    memcpy(frame + head + 4, text, size); // the mask is zero
    if (write(fd, frame, head + 4 + size) < 0 && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET) fail("write");
}

static void drop(Peer *peer) {
    close(peer->fd);
    free(peer->rest);
    if (peer->state == OPEN) open_count--; else pending--;
    *peer = (Peer){-1, GONE, 0, NULL};
    gone++;
}

// Where a revision's times are kept; the newest is the most likely.
static void trace(const unsigned char *at, size_t size) {
    uint64_t revision = 0;
    while (size && *at >= '0' && *at <= '9') revision = revision * 10 + (*at++ - '0'), size--;
    int i = revision_count - 1;
    while (i >= 0 && revisions[i].revision != revision) i--;
    if (i < 0) {
        revisions = realloc(revisions, ++revision_count * sizeof *revisions);
        i = revision_count - 1;
        revisions[i].revision = revision, revisions[i].count = 0, revisions[i].times = calloc(sockets, 8);
    }
    if (revisions[i].count < (uint64_t)sockets) revisions[i].times[revisions[i].count++] = now();
}

static void receive(Peer *peer, int opcode, const unsigned char *text, size_t size) {
    if (opcode == 9) return send_text(peer->fd, 10, text, size);
    if (opcode != 1) return;
    if (peer->state == UPGRADING) { // the answer to the subscription
        peer->state = OPEN, open_count++, pending--;
        return;
    }
    deliveries++, bytes += size;
    if (traces) {
        const unsigned char *at = memmem(text, size, "\"revision\":", 11);
        if (at) trace(at + 11, text + size - at - 11);
        return;
    }
    for (size_t i = 0; i + DIGITS <= size; i++) {
        size_t n = 0;
        uint64_t value = 0;
        while (n < DIGITS && text[i + n] >= '0' && text[i + n] <= '9') value = value * 10 + (text[i + n++] - '0');
        if (n < DIGITS) { i += n; continue; }
        if (measured < capacity) latencies[measured++] = now() - value;
        return;
    }
}

static unsigned char buffer[1 << 18];

static void readable(Peer *peer) {
    memcpy(buffer, peer->rest, peer->kept);
    ssize_t count = read(peer->fd, buffer + peer->kept, sizeof buffer - peer->kept);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return drop(peer);
    unsigned char *at = buffer, *end = buffer + peer->kept + count;
    if (peer->state == CONNECTING) {
        unsigned char *body = memmem(at, end - at, "\r\n\r\n", 4);
        if (body) {
            if (memcmp(at, "HTTP/1.1 101", 12)) return drop(peer);
            at = body + 4;
            peer->state = UPGRADING;
            if (*subscription) send_text(peer->fd, 1, subscription, strlen(subscription));
            else peer->state = OPEN, open_count++, pending--;
        }
    }
    while (peer->state >= UPGRADING && peer->state < GONE && end - at >= 2) {
        size_t size = at[1], head = 2;
        if (size == 126) {
            if (end - at < 4) break;
            size = at[2] << 8 | at[3], head = 4;
        }
        if ((size_t)(end - at) < head + size) break;
        if ((at[0] & 15) == 8) return drop(peer);
        receive(peer, at[0] & 15, at + head, size);
        at += head + size;
    }
    peer->kept = end - at;
    if (peer->kept || peer->rest) peer->rest = realloc(peer->rest, peer->kept ? peer->kept : 1);
    memcpy(peer->rest, at, peer->kept);
}

static void start(int index, int port) {
    Peer *peer = &peers[index];
    *peer = (Peer){dial(port), CONNECTING, 0, NULL};
    pending++;
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
    epoll_ctl(loop, EPOLL_CTL_ADD, peer->fd, &event);
}

static void turn(int milliseconds) {
    struct epoll_event events[512];
    int count = epoll_wait(loop, events, 512, milliseconds);
    for (int i = 0; i < count; i++) {
        Peer *peer = &peers[events[i].data.u32];
        if (peer->state == GONE) continue;
        if (events[i].events & EPOLLOUT) {
            dprintf(peer->fd, "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path);
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = events[i].data.u32};
            epoll_ctl(loop, EPOLL_CTL_MOD, peer->fd, &event);
        } else readable(peer);
    }
}

typedef struct {
    int fd;
    char *message, *marks[8];
    size_t size;
    int mark_count;
} Publisher;

static Publisher publisher(int port, const char *file) {
    Publisher p = {.fd = dial(port)};
    FILE *in = fopen(file, "r");
    if (!in) fail(file);
    char word[16];
    size_t size;
    struct pollfd wait = {p.fd, POLLOUT, 0};
    poll(&wait, 1, 5000);
    while (fscanf(in, "%15s %zu", word, &size) == 2) {
        char *data = malloc(size + 1);
        fgetc(in);
        if (fread(data, 1, size, in) != size) exit(2);
        data[size] = 0;
        if (!strcmp(word, "HELLO")) {
            if (write(p.fd, data, size) < 0) fail("hello");
            continue;
        }
        p.message = data, p.size = size;
        for (char *at = data; p.mark_count < 8 && (at = strstr(at, MARK)); at += DIGITS) p.marks[p.mark_count++] = at;
    }
    fclose(in);
    return p;
}

static int publish(Publisher *p) {
    char time[DIGITS + 1];
    snprintf(time, sizeof time, "%019llu", (unsigned long long)now());
    for (int i = 0; i < p->mark_count; i++) memcpy(p->marks[i], time, DIGITS);
    for (size_t done = 0; done < p->size;) {
        ssize_t count = write(p->fd, p->message + done, p->size - done);
        if (count > 0) done += count;
        else if (errno != EAGAIN) fail("publish");
        else if (!done) return 0;
    }
    return 1;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(uint64_t *)a, y = *(uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double quantile(uint64_t *values, uint64_t count, double q) {
    return count ? values[(uint64_t)(q * (count - 1))] / 1e6 : 0;
}

int main(int argc, char **argv) {
    if (argc != 10) return 2;
    int port = atoi(argv[1]), publish_port = atoi(argv[5]);
    path = argv[2], sockets = atoi(argv[3]), subscription = argv[4], traces = !publish_port;
    double seconds = atof(argv[7]), rate = atof(argv[8]), window = atof(argv[9]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    loop = epoll_create1(0);
    peers = calloc(sockets, sizeof *peers);
    latencies = malloc((capacity = 1 << 24) * 8);
    uint64_t began = now();
    for (int next = 0; open_count + gone < sockets; turn(10)) {
        while (next < sockets && pending < 100) start(next++, port);
        if (now() - began > 60000000000ull) break;
    }
    printf("ready %d\n", open_count);
    fflush(stdout);
    struct pollfd input = {0, POLLIN, 0};
    while (!poll(&input, 1, 0)) turn(10);
    char line[64];
    if (traces) { // listens until the input ends
        ssize_t count;
        do turn(5); while (!poll(&input, 1, 0) || (count = read(0, line, sizeof line)) > 0);
        printf("{\"revisions\":[");
        for (int i = 0; i < revision_count; i++) {
            qsort(revisions[i].times, revisions[i].count, 8, by_value);
            printf("%s[%llu,%llu,%.6f,%.6f]", i ? "," : "", (unsigned long long)revisions[i].revision,
                   (unsigned long long)revisions[i].count, revisions[i].times[(uint64_t)(0.99 * (revisions[i].count - 1))] / 1e9,
                   revisions[i].times[revisions[i].count - 1] / 1e9);
        }
        printf("]}\n");
        return 0;
    }
    if (read(0, line, sizeof line) < 0) return 2;
    Publisher p = publisher(publish_port, argv[6]);
    deliveries = bytes = measured = 0;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    uint64_t start_time = now(), published = 0, last = start_time;
    int expected = open_count;
    while ((last = now()) - start_time < seconds * 1e9) {
        double elapsed = (last - start_time) / 1e9;
        if (rate > 0) while (published < elapsed * rate && publish(&p)) published++;
        else while (published * expected < deliveries + window * expected && publish(&p)) published++;
        while (read(p.fd, buffer, sizeof buffer) > 0) {} // the server's answers
        turn(rate > 0 ? 1 : 0);
    }
    double span = (now() - start_time) / 1e9;
    uint64_t within = deliveries;
    for (uint64_t end = now() + 10000000000ull; now() < end && deliveries < published * expected;) turn(5);
    getrusage(RUSAGE_SELF, &after);
    qsort(latencies, measured, 8, by_value);
    double cpu = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) + (after.ru_stime.tv_sec - before.ru_stime.tv_sec)
        + ((after.ru_utime.tv_usec - before.ru_utime.tv_usec) + (after.ru_stime.tv_usec - before.ru_stime.tv_usec)) / 1e6;
    printf("{\"sockets\":%d,\"lost\":%d,\"published\":%llu,\"deliveries\":%llu,\"rate\":%.1f,\"complete\":%s,"
           "\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"cpu\":%.3f}\n",
           expected, expected - open_count, (unsigned long long)published, (unsigned long long)deliveries, within / span,
           deliveries == published * expected ? "true" : "false", quantile(latencies, measured, 0.5),
           quantile(latencies, measured, 0.99), quantile(latencies, measured, 1), cpu);
    return 0;
}
