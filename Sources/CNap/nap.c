#include "cnap.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// A call that follows the one before within so many nanoseconds did nothing between; so many of them are no work.
static const int64_t close_together = 2000;
static const int idle_calls = 128;
static const struct timespec nap = {.tv_nsec = 100000};

static _Thread_local struct {
    enum { unknown, watched, left_alone } kind;
    int calls;
    int64_t last;
    uint64_t naps;
} thread;

static const char *_Atomic watched_name;
static atomic_uint_fast64_t naps;

void cnap_watch(const char *name) { watched_name = name; }

uint64_t cnap_count_of_this_thread(void) { return thread.naps; }

uint64_t cnap_count(void) { return atomic_load_explicit(&naps, memory_order_relaxed); }

typedef int clock_function(clockid_t, struct timespec *);

static clock_function *next_clock;

__attribute__((constructor)) static void find_next_clock(void) { next_clock = (clock_function *)dlsym(RTLD_NEXT, "clock_gettime"); }

// What is loaded before this may ask for the time already.
static int ask(clockid_t clock, struct timespec *time) {
    return next_clock ? next_clock(clock, time) : (int)syscall(SYS_clock_gettime, clock, time);
}

static bool does_nothing(const struct timespec *time) {
    int64_t now = time->tv_sec * 1000000000 + time->tv_nsec;
    thread.calls = now - thread.last < close_together ? thread.calls + 1 : 0;
    thread.last = now;
    return thread.calls >= idle_calls;
}

static bool is_watched(void) {
    if (thread.kind == unknown) {
        char name[16] = "";
        prctl(PR_GET_NAME, name);
        thread.kind = strcmp(name, watched_name) == 0 ? watched : left_alone;
    }
    return thread.kind == watched;
}

// Stands before glibc's for the whole program, its shared libraries included, and gives what that gives.
int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = ask(clock, time);
    if (!watched_name || thread.kind == left_alone || clock != CLOCK_MONOTONIC || !does_nothing(time) || !is_watched()) return result;
    thread.calls = 0;
    thread.naps++;
    atomic_fetch_add_explicit(&naps, 1, memory_order_relaxed);
    nanosleep(&nap, NULL);
    return ask(clock, time);
}
