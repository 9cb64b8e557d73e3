// The memory allocator of the programs that run bots: jemalloc in the place of glibc's (docs/decisions/0007-the-way-of-a-record-made-short.md).
#ifndef CALLOCATOR_H
#define CALLOCATOR_H

extern const char *malloc_conf;

#endif
