#define _GNU_SOURCE
#include "csystem.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static int let_go(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size;
    (void)unused;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        // What can be written may have been; the file has only what cannot.
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W)) continue;
        const uintptr_t start = (object->dlpi_addr + part->p_vaddr + page - 1) & ~(page - 1);
        const uintptr_t end = (object->dlpi_addr + part->p_vaddr + part->p_memsz) & ~(page - 1);
        // It is an advice: where the kernel does not take it, as for its own page, nothing is different.
        if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void csystem_let_go_of_code(void) { dl_iterate_phdr(let_go, NULL); }
