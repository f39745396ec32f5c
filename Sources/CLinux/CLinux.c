#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

size_t clinux_heap_used(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

void clinux_heap_trim(void) { malloc_trim(0); }

int clinux_unread(int descriptor, int *count) { return ioctl(descriptor, FIONREAD, count); }
int clinux_unsent(int descriptor, int *count) { return ioctl(descriptor, TIOCOUTQ, count); }

int clinux_accept4(int descriptor, struct sockaddr *address, socklen_t *length) {
    return accept4(descriptor, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_epoll_wait(int poller, struct epoll_event *events, int count, int milliseconds) {
#ifdef SYS_epoll_wait
    return (int)syscall(SYS_epoll_wait, poller, events, count, milliseconds);
#else /* newer machines have the general one alone */
    return (int)syscall(SYS_epoll_pwait, poller, events, count, milliseconds, NULL, 0);
#endif
}

ssize_t clinux_recv(int descriptor, void *bytes, size_t count, int flags) {
    return syscall(SYS_recvfrom, descriptor, bytes, count, flags, NULL, NULL);
}

ssize_t clinux_send(int descriptor, const void *bytes, size_t count) {
    return syscall(SYS_sendto, descriptor, bytes, count, MSG_NOSIGNAL, NULL, 0);
}

int clinux_pipe2(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int clinux_replace(int from, int to) { return dup3(from, to, O_CLOEXEC); }

int clinux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int clinux_set_thread_name(const char *name) { return pthread_setname_np(pthread_self(), name); }

int clinux_pin_thread(int cpu) {
    cpu_set_t allowed, one;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return errno;
    for (int at = 0, seen = 0; at < CPU_SETSIZE; at++) {
        if (!CPU_ISSET(at, &allowed)) continue;
        if (seen++ < cpu) continue;
        CPU_ZERO(&one);
        CPU_SET(at, &one);
        return pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    }
    return EINVAL;
}

int clinux_usable_cpus(void) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
    return CPU_COUNT(&allowed);
}

int clinux_is_main_thread(void) { return gettid() == getpid(); }

int clinux_set_subreaper(int on) { return prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0); }

static int reap(idtype_t type, id_t id, int flags, struct clinux_exit *out) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid(type, id, &info, WEXITED | WNOHANG | flags) != 0) return errno;
    out->pid = info.si_pid;
    out->code = info.si_code;
    out->status = info.si_status;
    return 0;
}

/* P_PIDFD is 3; glibc before 2.36 has no name for it in every mode. */
#define BY_PIDFD ((idtype_t)3)

int clinux_wait_pid(pid_t pid, struct clinux_exit *out) { return reap(P_PID, (id_t)pid, 0, out); }

int clinux_peek_pidfd(int pidfd, struct clinux_exit *out) {
    return reap(BY_PIDFD, (id_t)pidfd, WNOWAIT, out);
}

int clinux_peek_any(struct clinux_exit *out) { return reap(P_ALL, 0, WNOWAIT, out); }

static _Thread_local struct clinux_pulse *current_pulse;

struct clinux_pulse *clinux_enter_pulse(struct clinux_pulse *pulse) {
    struct clinux_pulse *before = current_pulse;
    current_pulse = pulse;
    return before;
}

static const int fatal[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
#define FATAL_COUNT (sizeof fatal / sizeof fatal[0])
static struct sigaction formerly[FATAL_COUNT];

/* The note is composed by hand: of what C offers, a handler may call next to nothing. */
struct note {
    char text[256];
    size_t length;
};

static void add_text(struct note *note, const char *text) {
    while (*text && note->length < sizeof note->text - 1) note->text[note->length++] = *text++;
}

static void add_number(struct note *note, unsigned number) {
    char digits[12];
    size_t at = sizeof digits - 1;
    digits[at] = 0;
    do digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) && at > 0);
    add_text(note, digits + at);
}

/* The kinds of CallbackKind, by number. */
static const char *const kinds[] = {"callback", "descriptor", "timer",  "dispatcher", "job",
                                    "signal",   "child",      "worker", "sweep",      "flusher"};

static void write_note(int number) {
    struct note note = {.length = 0};
    char thread[16] = "?";
    const struct clinux_pulse *pulse = current_pulse;
    add_text(&note, "crash: signal ");
    add_number(&note, (unsigned)number);
    add_text(&note, " in ");
    if (pulse && pulse->name) {
        const unsigned kind = pulse->mark & 15, line = pulse->mark >> 4;
        add_text(&note, kinds[kind < sizeof kinds / sizeof kinds[0] ? kind : 0]);
        add_text(&note, " callback ");
        add_text(&note, (const char *)pulse->name);
        /* Only the name of a file goes with a line. */
        if (note.length > 6 && memcmp(note.text + note.length - 6, ".swift", 6) == 0) {
            add_text(&note, ":");
            add_number(&note, line);
        }
    } else {
        add_text(&note, pulse ? "no callback of the loop" : "no loop");
    }
    prctl(PR_GET_NAME, thread, 0, 0, 0);
    thread[sizeof thread - 1] = 0;
    add_text(&note, ", thread ");
    add_text(&note, thread);
    note.text[note.length++] = '\n';
    if (write(STDERR_FILENO, note.text, note.length) < 0) return;
}

static void crashed(int number, siginfo_t *info, void *context) {
    const int error = errno;
    (void)context;
    write_note(number);
    for (size_t at = 0; at < FATAL_COUNT; at++)
        if (fatal[at] == number) sigaction(number, &formerly[at], NULL);
    errno = error;
    /* A fault happens again by itself, with its registers as they were; a breakpoint is passed
     * already, and what was sent is sent once. */
    if (info->si_code <= 0 || number == SIGTRAP) raise(number);
}

int clinux_install_crash_note(void) {
    static int is_installed;
    if (__atomic_exchange_n(&is_installed, 1, __ATOMIC_SEQ_CST)) return 0;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = crashed;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    for (size_t at = 0; at < FATAL_COUNT; at++) {
        if (sigaction(fatal[at], &action, &formerly[at]) != 0) return errno;
        /* An ignored fault would be handled for ever. */
        if (formerly[at].sa_handler == SIG_IGN) formerly[at].sa_handler = SIG_DFL;
    }
    return 0;
}
