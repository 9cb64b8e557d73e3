#include "callocator.h"

// jemalloc reads this at its start. What one thread allocates another frees here, all the time: two arenas for all threads make that cheap. What is free for
// a second goes back to the system, so that a bot is small after a burst.
const char *malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0";
