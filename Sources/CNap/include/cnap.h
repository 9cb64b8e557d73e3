// Naps for threads that wait by asking for the time, again and again. It is linked into a program in the place of glibc's clock_gettime.
#ifndef CNAP_H
#define CNAP_H

#include <stdint.h>

/// From now on each thread of this name sleeps a tenth of a millisecond whenever it has asked for the monotonic time 128 times within 2 microseconds each,
/// as one does that waits; one that works so fast, and looks at the clock so often, sleeps too.
/// The name lasts as long as the process. A thread has its name before it waits so for the first time. Any thread.
void cnap_watch(const char *name);

/// How many naps the calling thread has taken.
uint64_t cnap_count_of_this_thread(void);

/// How many naps were taken in this process. Any thread.
uint64_t cnap_count(void);

#endif
