#pragma once
// What Glibc's Swift module leaves out: epoll and eventfd.
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/// A non-blocking, close-on-exec eventfd, or -1 (see errno).
static inline int linux_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
/// Adds one to the eventfd: wakes whoever polls it.
static inline void linux_eventfd_signal(int fd) { uint64_t one = 1; (void)!write(fd, &one, sizeof one); }
/// Empties the eventfd.
static inline void linux_eventfd_drain(int fd) { uint64_t value; (void)!read(fd, &value, sizeof value); }
/// epoll_ctl with a 64-bit token in place of the union that Swift can't write comfortably.
static inline int linux_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, fd, &event);
}
static inline uint64_t linux_epoll_token(const struct epoll_event *event) { return event->data.u64; }
/// Names the calling thread, for debuggers and `top -H`: at most 15 characters.
void linux_thread_name(const char *name);
/// Gives the calling thread a lower share of the processor than the process's other threads (nice 10): it runs at full
/// speed on an idle core. Linux counts niceness by thread, unlike POSIX (sched(7)).
void linux_thread_yields_to_others(void);
/// Gives back what is mapped of the program's own file and of its libraries and is no different from the file: code and
/// constants. What is needed of it again is mapped again at the first touch, from the page cache in general.
void linux_release_file_pages(void);
