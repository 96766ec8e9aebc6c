#define _GNU_SOURCE  // pthread_setname_np
#include "CLinux.h"

#include <pthread.h>

void linux_thread_name(const char *name) { (void)pthread_setname_np(pthread_self(), name); }
