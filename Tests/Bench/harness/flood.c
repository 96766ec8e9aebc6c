// Sends prepared HTTP/1.1 requests over keep-alive connections as fast as the answers come, or at a fixed rate, and says
// how many were answered with what, and how long each took. One thread, one epoll; every request is sent once.
//
//   flood HOST PORT CONNECTIONS FILE [SECONDS [RATE [repeat]]]
//
// FILE holds the requests one after the other, each behind its length (32 bits, little endian). The run ends when all
// are answered or SECONDS are over (0: no limit); with `repeat` the file starts again at its end. RATE (requests a
// second, 0: none) sends by the clock whether or not earlier answers have come, as a crowd does: a request's time then
// counts from the moment when it was due, so that a slow server can't hide behind requests that were sent late.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536, STATUSES = 600, PATIENCE = 10 };

struct connection {
    int socket;
    double due;             // when the request under way was to be sent; 0 while none is
    const char *out;        // what is still to be sent of it
    size_t out_left;
    size_t in;              // bytes of the answer's head in `buffer`
    size_t body_left;       // bytes of the body still to come, once the head is complete
    int status;             // 0 while the head is not complete
    int is_last;            // the server closes behind this answer, as nginx does after a thousand
    char buffer[BUFFER];
};

static const char *file, *next_request, *file_end;
static struct sockaddr_in address = {.sin_family = AF_INET};
static int repeats, poller;
static struct connection *connections, **idle;
static int idle_count;
static uint64_t sent, answered, broken, statuses[STATUSES];
static float *times;
static size_t times_held;
static double last_answer;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(struct connection *c, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->socket, &event)) fail("epoll_ctl");
}

static void open_connection(struct connection *c) {
    int one = 1;
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->socket < 0 || connect(c->socket, (const struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->socket, F_SETFL, O_NONBLOCK);
    watch(c, EPOLLIN, EPOLL_CTL_ADD);
    idle[idle_count++] = c;
}

static void send_more(struct connection *c) {
    while (c->out_left) {
        ssize_t n = send(c->socket, c->out, c->out_left, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        if (n < 0) return; // the reading side hears of it
        c->out += n;
        c->out_left -= n;
    }
}

static int send_next(double due) { // 0 when there is nothing left to send
    if (next_request == file_end) {
        if (!repeats) return 0;
        next_request = file;
    }
    struct connection *c = idle[--idle_count];
    uint32_t length;
    memcpy(&length, next_request, 4);
    c->out = next_request + 4;
    c->out_left = length;
    next_request += 4 + length;
    c->due = due;
    c->in = c->status = 0;
    sent++;
    send_more(c);
    return 1;
}

static void finish(struct connection *c) {
    last_answer = now();
    if (answered == times_held) {
        times_held = times_held ? times_held * 2 : 65536;
        if (!(times = realloc(times, times_held * sizeof *times))) fail("realloc");
    }
    times[answered++] = (float)(last_answer - c->due);
    statuses[c->status < STATUSES ? c->status : 0]++;
    c->due = 0;
    if (!c->is_last) {
        idle[idle_count++] = c;
    } else {
        close(c->socket);
        open_connection(c);
    }
}

static int read_head(struct connection *c) { // 0 when it is not an answer that can be read
    char *end = memmem(c->buffer, c->in, "\r\n\r\n", 4);
    if (!end) return c->in < BUFFER;
    *end = 0;
    c->status = c->in > 12 ? atoi(c->buffer + 9) : 0;
    char *length = strcasestr(c->buffer, "\r\ncontent-length:");
    c->is_last = strcasestr(c->buffer, "\r\nconnection: close") != NULL;
    if (!c->status || (!length && c->status != 204 && c->status != 304)) return 0;
    size_t body = length ? strtoul(length + 17, NULL, 10) : 0, have = c->in - (end + 4 - c->buffer);
    if (have > body) return 0; // more than was asked for
    c->body_left = body - have;
    return 1;
}

static int receive(struct connection *c) { // 0 when the connection is lost
    for (;;) {
        char scrap[BUFFER];
        ssize_t n = c->status ? recv(c->socket, scrap, sizeof scrap, 0)
                              : recv(c->socket, c->buffer + c->in, BUFFER - c->in, 0);
        if (n < 0 && errno == EAGAIN) return 1;
        if (n <= 0 || c->due == 0) return 0;
        if (c->status) {
            if ((size_t)n > c->body_left) return 0;
            c->body_left -= n;
        } else {
            c->in += n;
            if (!read_head(c)) return 0;
        }
        if (c->status && !c->body_left) return finish(c), 1;
    }
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile(double share) {
    if (!answered) return 0;
    size_t place = (size_t)(share * (answered - 1) + 0.5);
    return times[place] * 1000;
}

static void report(double start) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    qsort(times, answered, sizeof *times, ascending);
    printf("{\"seconds\":%.4f,\"sent\":%lu,\"answered\":%lu,\"broken\":%lu,\"cpu\":%.3f,\"p50\":%.3f,\"p90\":%.3f,"
           "\"p99\":%.3f,\"max\":%.3f,\"statuses\":{",
           answered ? last_answer - start : 0, sent, answered, broken, cpu, percentile(0.5), percentile(0.9),
           percentile(0.99), percentile(1));
    for (int status = 0, first = 1; status < STATUSES; status++)
        if (statuses[status]) printf("%s\"%d\":%lu", first ? "" : ",", status, statuses[status]), first = 0;
    printf("}}\n");
}

int main(int count, char **words) {
    if (count < 5) return fprintf(stderr, "flood HOST PORT CONNECTIONS FILE [SECONDS [RATE [repeat]]]\n"), 2;
    address.sin_port = htons(atoi(words[2]));
    if (inet_pton(AF_INET, words[1], &address.sin_addr) != 1) return 2;
    int width = atoi(words[3]);
    double seconds = count > 5 ? atof(words[5]) : 0, rate = count > 6 ? atof(words[6]) : 0;
    repeats = count > 7 && !strcmp(words[7], "repeat");

    struct stat size;
    int descriptor = open(words[4], O_RDONLY);
    if (descriptor < 0 || fstat(descriptor, &size)) fail(words[4]);
    next_request = file = mmap(NULL, size.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
    if (file == MAP_FAILED) fail("mmap");
    file_end = file + size.st_size;

    poller = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc(width, sizeof *connections);
    idle = calloc(width, sizeof *idle);
    for (int i = 0; i < width; i++) open_connection(&connections[i]);

    double start = now(), stop = seconds ? start + seconds : 1e18, give_up = 0, due = start;
    for (int is_sending = 1, lost = 0;;) {
        double time = now();
        if (time >= stop) is_sending = 0;
        while (is_sending && idle_count && (!rate || due <= time)) {
            is_sending = send_next(rate ? due : time);
            if (rate) due = start + sent / rate;
        }
        if (!is_sending && idle_count + lost == width) break;
        if (!is_sending && !give_up) give_up = time + PATIENCE;
        if ((give_up && time > give_up) || lost == width) break;
        struct epoll_event events[256];
        // A request may leave a millisecond late: waiting for its moment by spinning would take a core from the server.
        double wait = rate && is_sending && idle_count ? (due - time) * 1000 + 1 : 100;
        int n = epoll_wait(poller, events, 256, wait < 0 ? 0 : wait > 100 ? 100 : (int)wait);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->out_left && events[i].events & EPOLLOUT) {
                send_more(c);
                if (!c->out_left) watch(c, EPOLLIN, EPOLL_CTL_MOD);
            }
            if (events[i].events & ~EPOLLOUT && !receive(c)) {
                epoll_ctl(poller, EPOLL_CTL_DEL, c->socket, NULL);
                close(c->socket);
                broken++;
                lost++;
            }
        }
    }
    report(start);
    return 0;
}
