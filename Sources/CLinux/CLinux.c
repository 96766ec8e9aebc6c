#define _GNU_SOURCE  // pthread_setname_np, gettid
#include "CLinux.h"

#include <pthread.h>
#include <sys/resource.h>

void linux_thread_name(const char *name) { (void)pthread_setname_np(pthread_self(), name); }

void linux_thread_yields_to_others(void) { (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 10); }
