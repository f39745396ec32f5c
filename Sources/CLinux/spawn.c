/* spawn.c: how a child begins. Here and not posix_spawn, which can do all of this but one thing: let
 * the kernel kill the child when whoever started it is gone (PR_SET_PDEATHSIG). Nothing else does:
 * a gateway that is killed by SIGKILL, or crashes, ends nobody, and a module that does not look at
 * the end of its input would live for ever. A watching process beside ours could be killed as well,
 * a shim in front of each child would cost an exec more.
 *
 * It works as posix_spawn does: the child borrows our memory while this thread waits (CLONE_VM,
 * CLONE_VFORK), so that its cost does not grow with our size, and tells what failed in `order`.
 * Between the clone and execve there are system calls only: no allocation, no lock, no function
 * that a sanitizer listens to.
 *
 * The signal goes with the thread that started the child, not with the process: it is sent when
 * that thread ends. Threads of loops end after their children, and one that does not ends them so.
 * The kernel forgets it when the child executes a program that is set-user-ID or has capabilities,
 * and its own children do not inherit it. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
/* The sanitizer would take this for a fork, of which it expects memory of its own. */
extern int __clone(int (*)(void *), void *, int, void *, ...);
#define clone __clone
#endif
#endif

#define UNWATCHED __attribute__((no_sanitize("address", "thread", "undefined")))

/* Enough for two paths and the calls around them. */
#define STACK_SIZE (3 * PATH_MAX + 8192)

/* The kernel's signals are numbered from 1, and its set of them has eight bytes. */
#define SIGNAL_LIMIT 64
#define SIGNAL_SET_SIZE 8

/* What the child is to do, and what came of it. */
struct order {
    const struct clinux_spawn *what;
    int streams[3];
    const char *search;          /* the PATH of this process */
    pid_t parent;
    unsigned descriptor_limit;   /* for kernels without close_range */
    int error;
    enum clinux_spawn_step step;
};

/* What is zero is SIG_DFL, no flags, no mask, in whatever order this machine has them. */
static UNWATCHED void reset_signals(void) {
    char fresh[64];
    for (size_t at = 0; at < sizeof fresh; at++) ((volatile char *)fresh)[at] = 0;
    for (int number = 1; number <= SIGNAL_LIMIT; number++)
        syscall(SYS_rt_sigaction, number, fresh, NULL, SIGNAL_SET_SIZE);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, fresh, NULL, SIGNAL_SET_SIZE);
}

/* A duplicate onto itself would keep the mark that closes it on exec. */
static UNWATCHED int connect_stream(int from, int to) {
    if (from < 0) {
        const int flags = to == STDIN_FILENO ? O_RDONLY : O_WRONLY;
        from = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", flags, 0);
        if (from < 0) return -1;
        if (from == to) return 0;
    } else if (from == to) {
        return (int)syscall(SYS_fcntl, from, F_SETFD, 0);
    }
    return (int)syscall(SYS_dup3, from, to, 0);
}

static UNWATCHED void close_others(unsigned limit) {
    if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0) return;
    for (unsigned number = 3; number < limit; number++) syscall(SYS_close, number);
}

/* Looks the program up in PATH as posix_spawnp does; returns only if that fails. A script that
 * does not say who runs it is not given to a shell. */
static UNWATCHED int execute(const struct order *order) {
    const struct clinux_spawn *what = order->what;
    char path[PATH_MAX];
    size_t length = 0;
    int has_slash = 0, is_forbidden = 0;
    for (; what->path[length]; length++) has_slash |= what->path[length] == '/';
    if (has_slash) {
        syscall(SYS_execve, what->path, what->arguments, what->environment);
        return errno;
    }
    for (const char *from = order->search, *end;; from = end + 1) {
        for (end = from; *end && *end != ':';) end++;
        const size_t count = (size_t)(end - from);
        if (count + length + 2 <= sizeof path) {
            char *to = path;
            for (size_t at = 0; at < count; at++) *to++ = from[at];
            if (count > 0) *to++ = '/';
            for (size_t at = 0; at <= length; at++) *to++ = what->path[at];
            syscall(SYS_execve, path, what->arguments, what->environment);
            if (errno == EACCES) is_forbidden = 1;
            else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV &&
                     errno != ETIMEDOUT)
                return errno;
        }
        if (!*end) break;
    }
    return is_forbidden ? EACCES : ENOENT;
}

static UNWATCHED int begin(void *argument) {
    struct order *order = argument;
    const struct clinux_spawn *what = order->what;
    order->step = CLINUX_SPAWN_SETUP;
    /* Handlers of ours must be gone before a signal can come: they would run in our memory. */
    reset_signals();
    if (what->dies_with_thread) {
        if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) goto failed;
        /* Whoever was killed before that call is not waited for. */
        if ((pid_t)syscall(SYS_getppid) != order->parent) goto failed;
    }
    if (syscall(SYS_setpgid, 0, 0) != 0) goto failed;
    for (int to = 0; to < 3; to++)
        if (connect_stream(order->streams[to], to) < 0) goto failed;
    if (what->directory) {
        order->step = CLINUX_SPAWN_DIRECTORY;
        if (syscall(SYS_chdir, what->directory) != 0) goto failed;
    }
    close_others(order->descriptor_limit);
    order->step = CLINUX_SPAWN_PROGRAM;
    errno = execute(order);
failed:
    order->error = errno ? errno : ECHILD;
    syscall(SYS_exit_group, 127);
    return 127;
}

/* A source numbered 0 to 2 would be overwritten by the stream set up before it, so it is lifted. */
static int lift(int from, int to, int *lifted) {
    *lifted = -1;
    if (from < 0 || from > 2 || from == to) return 0;
    *lifted = fcntl(from, F_DUPFD_CLOEXEC, 3);
    return *lifted < 0 ? errno : 0;
}

static int start(struct order *order, pid_t *pid) {
    char stack[STACK_SIZE] __attribute__((aligned(64)));
    uint64_t all = ~(uint64_t)0, before = 0;
    struct rlimit limit;
    order->descriptor_limit =
        getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1 << 20 ? (unsigned)limit.rlim_cur
                                                                          : 1 << 20;
    order->parent = getpid();
    order->search = getenv("PATH");
    if (!order->search) order->search = "/bin:/usr/bin";
    /* Stacks grow downwards on every machine that Swift runs on. The C library's own signals are
     * blocked too, which its function would leave out. */
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGNAL_SET_SIZE);
    *pid = clone(begin, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, order);
    const int error = *pid < 0 ? errno : order->error;
    if (*pid > 0 && error)
        while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {}
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGNAL_SET_SIZE);
    return error;
}

int clinux_spawn(const struct clinux_spawn *what, pid_t *pid, enum clinux_spawn_step *step) {
    const int from[3] = {what->input, what->output, what->error};
    int lifted[3] = {-1, -1, -1};
    struct order order = {.what = what};
    int error = 0;
    for (int to = 0; to < 3 && !error; to++) error = lift(from[to], to, &lifted[to]);
    for (int to = 0; to < 3; to++) order.streams[to] = lifted[to] < 0 ? from[to] : lifted[to];
    if (!error) error = start(&order, pid);
    for (int to = 0; to < 3; to++)
        if (lifted[to] >= 0) close(lifted[to]);
    *step = order.step;
    return error;
}
