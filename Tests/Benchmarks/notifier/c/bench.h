/* bench.h: clocks, numbers and descriptors that both C programs use; the same as in Bench.swift. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MILLION = 1000000 };

static inline uint64_t nanos(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
static inline uint64_t processor_nanos(void) { return nanos(CLOCK_PROCESS_CPUTIME_ID); }
static inline uint64_t clock_nanos(void) { return nanos(CLOCK_MONOTONIC); }

static inline void check(int holds, const char *what) {
    if (holds) return;
    perror(what);
    exit(1);
}

/* A descriptor on which nothing ever happens, or which is always readable. */
static inline int open_event(int readable) {
    int number = eventfd((unsigned)readable, EFD_CLOEXEC | EFD_NONBLOCK);
    check(number >= 0, "eventfd");
    return number;
}

static uint32_t scatter_state = 2463534242u;
static inline uint32_t scatter(uint32_t limit) {
    scatter_state ^= scatter_state << 13;
    scatter_state ^= scatter_state >> 17;
    scatter_state ^= scatter_state << 5;
    return scatter_state % limit;
}

static inline void give(int end) {
    uint8_t byte = 1;
    check(write(end, &byte, 1) == 1, "write");
}
static inline void take(int end) {
    uint8_t byte;
    check(read(end, &byte, 1) == 1, "read");
}
static inline void pass(int end) {
    take(end);
    give(end);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}
static inline double median(uint64_t *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return (double)values[count / 2];
}

/* A timer's owner: what it belongs to, made beforehand. The timer itself is a member, as C has it. */
#define OWNER(Timer)  \
    struct owner {    \
        Timer timer;  \
        int fired;    \
    }

double turn(int idle);
double busy_turn(int idle);
double ping(int idle);
double cancelled_timers(void);
double timeouts(void);
double child_start(void);
double worker_turn(void);

int main(int argc, char **argv) {
    const char *work = argc > 1 ? argv[1] : "";
    int idle = argc > 2 ? atoi(argv[2]) : 0;
    double result;
    if (!strcmp(work, "turn")) result = turn(idle);
    else if (!strcmp(work, "busy")) result = busy_turn(idle);
    else if (!strcmp(work, "ping")) result = ping(idle);
    else if (!strcmp(work, "timers")) result = cancelled_timers();
    else if (!strcmp(work, "timeouts")) result = timeouts();
    else if (!strcmp(work, "child")) result = child_start();
    else if (!strcmp(work, "worker")) result = worker_turn();
    else return 2;
    if (result < 0) return 3; /* the library has nothing for it */
    printf("%f\n", result);
    return 0;
}
