/* CLinux: what Swift's Glibc module does not show of Linux.
 *
 * Headers whose names Swift may then use, function-like macros as inline functions, and wrappers
 * for functions that need _GNU_SOURCE or a raw system call (their bodies are in CLinux.c, because
 * the importer never sees that macro). No logic lives here. */
#ifndef CLINUX_H
#define CLINUX_H

#include <time.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

/* epoll_data is a union behind a packed struct: one 64-bit token is all the loop uses of it. */
static inline struct epoll_event clinux_epoll_event(uint32_t events, uint64_t token) {
    struct epoll_event event;
    event.events = events;
    event.data.u64 = token;
    return event;
}
static inline uint64_t clinux_epoll_token(const struct epoll_event *event) {
    return event->data.u64;
}
static inline uint32_t clinux_epoll_ready(const struct epoll_event *event) {
    return event->events;
}

/* Bytes that the heap has given out, over all threads; walks its free lists. */
size_t clinux_heap_used(void);
/* Gives the pages of the heap that hold nothing back to the system. */
void clinux_heap_trim(void);

int clinux_unread(int descriptor, int *count);
/* Bytes of a socket that its peer has not acknowledged. */
int clinux_unsent(int descriptor, int *count);
int clinux_accept4(int descriptor, struct sockaddr *address, socklen_t *length);
int clinux_pipe2(int ends[2]);
/* Lets `to` name what `from` names, closed on exec. */
int clinux_replace(int from, int to);
int clinux_pidfd_open(pid_t pid);
int clinux_set_thread_name(const char *name);
int clinux_pin_thread(int cpu);
int clinux_set_subreaper(int on);
int clinux_usable_cpus(void);
int clinux_is_main_thread(void);

/* As the functions of libc, but for one thing: those are cancellation points, which in a process
 * with threads costs two atomic operations a call. Nobody cancels our threads. */
int clinux_epoll_wait(int poller, struct epoll_event *events, int count, int milliseconds);
ssize_t clinux_recv(int descriptor, void *bytes, size_t count, int flags);
/* Without SIGPIPE. */
ssize_t clinux_send(int descriptor, const void *bytes, size_t count);

static inline uint64_t clinux_monotonic_nanos(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* What a loop is doing, for those who look on: the watchdog's thread, and the handler of a crash.
 * One thread writes; every word is written and read as a whole, so a reader sees what was, or what
 * is, and never a mixture. */
struct clinux_pulse {
    uintptr_t name;     /* what the running callback is called; 0: none is running */
    uint32_t mark;      /* goes with the name */
    uint32_t asleep;    /* waits in the kernel, or is not being run */
    uint64_t count;     /* callbacks begun */
    uint64_t resumed;   /* callbacks gone on with after a nested step */
    uint64_t longest;   /* nanoseconds: the longest hold the watchdog saw; written by it alone */
};
static inline void clinux_pulse_begin(struct clinux_pulse *pulse, uintptr_t name, uint32_t mark) {
    __atomic_store_n(&pulse->name, name, __ATOMIC_RELAXED);
    __atomic_store_n(&pulse->mark, mark, __ATOMIC_RELAXED);
    __atomic_store_n(&pulse->count, pulse->count + 1, __ATOMIC_RELEASE);
}
static inline void clinux_pulse_resume(struct clinux_pulse *pulse, uintptr_t name, uint32_t mark) {
    __atomic_store_n(&pulse->name, name, __ATOMIC_RELAXED);
    __atomic_store_n(&pulse->mark, mark, __ATOMIC_RELAXED);
    __atomic_store_n(&pulse->resumed, pulse->resumed + 1, __ATOMIC_RELEASE);
}
/* Sequentially consistent, as it is one half of an agreement on who has to wake whom. */
static inline void clinux_pulse_set_asleep(struct clinux_pulse *pulse, uint32_t asleep) {
    __atomic_store_n(&pulse->asleep, asleep, __ATOMIC_SEQ_CST);
}
static inline void clinux_pulse_set_longest(struct clinux_pulse *pulse, uint64_t nanos) {
    __atomic_store_n(&pulse->longest, nanos, __ATOMIC_RELAXED);
}
/* A copy; name and mark belong to the count if that is still the same afterwards. */
static inline struct clinux_pulse clinux_pulse_read(const struct clinux_pulse *pulse) {
    struct clinux_pulse copy;
    copy.count = __atomic_load_n(&pulse->count, __ATOMIC_ACQUIRE);
    copy.resumed = __atomic_load_n(&pulse->resumed, __ATOMIC_ACQUIRE);
    copy.name = __atomic_load_n(&pulse->name, __ATOMIC_RELAXED);
    copy.mark = __atomic_load_n(&pulse->mark, __ATOMIC_RELAXED);
    copy.asleep = __atomic_load_n(&pulse->asleep, __ATOMIC_SEQ_CST);
    copy.longest = __atomic_load_n(&pulse->longest, __ATOMIC_RELAXED);
    return copy;
}
/* The pulse of the loop that the calling thread runs; returns the one before. */
struct clinux_pulse *clinux_enter_pulse(struct clinux_pulse *pulse);
/* From now on a crash writes one line that says which callback was running. Returns an errno value
 * or 0. What handled these signals before, or else the default action, comes after it. */
int clinux_install_crash_note(void);

/* How a child ended, as waitid(2) reports it. */
struct clinux_exit {
    int pid;    /* 0: nothing to reap yet */
    int code;   /* CLD_EXITED, CLD_KILLED or CLD_DUMPED */
    int status; /* exit code, or the signal's number */
};
/* None of these waits; each returns an errno value or 0. Peeking leaves the zombie in place. */
int clinux_wait_pid(pid_t pid, struct clinux_exit *out);
int clinux_peek_pidfd(int pidfd, struct clinux_exit *out);
int clinux_peek_any(struct clinux_exit *out);

/* One child to start. Descriptors of -1 mean /dev/null; a stream's own number means inherited. */
struct clinux_spawn {
    const char *path;       /* looked up in PATH when it holds no slash */
    char *const *arguments; /* ends with NULL */
    char *const *environment;
    const char *directory; /* NULL: inherited */
    int input, output, error;
    int dies_with_thread; /* the kernel kills it when the thread that starts it ends */
};
/* Where a start failed. */
enum clinux_spawn_step { CLINUX_SPAWN_SETUP, CLINUX_SPAWN_DIRECTORY, CLINUX_SPAWN_PROGRAM };
/* Starts it (spawn.c): in a process group of its own, with default signals and no descriptor but
 * the three. Returns an errno value or 0. */
int clinux_spawn(const struct clinux_spawn *what, pid_t *pid, enum clinux_spawn_step *step);

#endif
