#define _GNU_SOURCE  // pthread_setname_np, gettid, dl_iterate_phdr
#include "CLinux.h"

#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

void linux_thread_name(const char *name) { (void)pthread_setname_np(pthread_self(), name); }

void linux_thread_yields_to_others(void) { (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 10); }

static int release_file_pages(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size, (void)unused;
    const uintptr_t page = (uintptr_t)getpagesize();
    for (int n = 0; n < object->dlpi_phnum; n++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[n];
        // A writable segment may differ from its file (relocations, variables): that would be lost.
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        const uintptr_t start = (uintptr_t)(object->dlpi_addr + segment->p_vaddr);
        const uintptr_t first = start & ~(page - 1), end = (start + segment->p_memsz + page - 1) & ~(page - 1);
        (void)madvise((void *)first, end - first, MADV_DONTNEED);  // refused: then it stays as it was
    }
    return 0;
}

void linux_release_file_pages(void) { (void)dl_iterate_phdr(release_file_pages, NULL); }
