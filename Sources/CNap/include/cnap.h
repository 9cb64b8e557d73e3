// Naps for a thread that waits by asking for the time, again and again. It is linked into a program in the place of glibc's clock_gettime.
#ifndef CNAP_H
#define CNAP_H

#include <stdint.h>

/// From now on the calling thread sleeps a tenth of a millisecond whenever it has done nothing for a while but ask for the monotonic time.
void cnap_watch_this_thread(void);

/// How many naps the calling thread has taken.
uint64_t cnap_count_of_this_thread(void);

/// How many naps were taken in this process. Any thread.
uint64_t cnap_count(void);

#endif
