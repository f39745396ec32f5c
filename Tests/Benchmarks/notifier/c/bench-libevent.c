/* The works of this folder on libevent, which has neither children nor workers. */
#include "bench.h"

#include <event2/event.h>
#include <event2/event_struct.h>

static long calls;

static void on_nothing(evutil_socket_t end, short what, void *data) {
    (void)end, (void)what, (void)data;
}

static struct timeval milliseconds(uint32_t count) {
    struct timeval time = {count / 1000, (count % 1000) * 1000};
    return time;
}

static void add_idle(struct event_base *base, int count, int timers) {
    for (int number = 0; number < count; number++) {
        struct event *event = event_new(base, open_event(0), EV_READ | EV_PERSIST, on_nothing, NULL);
        event_add(event, NULL);
        if (!timers) continue;
        struct timeval delay = {3600 + number, 0};
        event_add(evtimer_new(base, on_nothing, NULL), &delay);
    }
}

static double measure_turns(struct event_base *base, int count, int flags) {
    for (int turn = 0; turn < count / 10; turn++) event_base_loop(base, flags);
    uint64_t begun = processor_nanos();
    for (int turn = 0; turn < count; turn++) event_base_loop(base, flags);
    return (double)(processor_nanos() - begun) / count;
}

double turn(int idle) {
    struct event_base *base = event_base_new();
    add_idle(base, idle, 1);
    return measure_turns(base, 200000, EVLOOP_NONBLOCK);
}

static void on_due(evutil_socket_t end, short what, void *data) {
    (void)end, (void)what, (void)data;
    calls++;
}
static void on_ready(evutil_socket_t end, short what, void *due) {
    (void)end, (void)what;
    struct timeval none = {0, 0};
    calls++;
    event_add(due, &none);
}

double busy_turn(int idle) {
    struct event_base *base = event_base_new();
    struct event due;
    add_idle(base, idle, 1);
    evtimer_assign(&due, base, on_due, NULL);
    event_add(event_new(base, open_event(1), EV_READ | EV_PERSIST, on_ready, &due), NULL);
    /* A loop that shall not block would turn as long as something is ready: for ever. One turn has
     * the descriptor's callback, the next the timer's. */
    double result = 2 * measure_turns(base, 400000, EVLOOP_ONCE);
    check(calls == 440000, "callbacks");
    return result;
}

static int left;
static void on_far(evutil_socket_t end, short what, void *data) {
    (void)what, (void)data;
    pass(end);
}
static void on_near(evutil_socket_t end, short what, void *data) {
    (void)what;
    if (--left > 0) {
        pass(end);
    } else {
        take(end);
        event_base_loopbreak(data);
    }
}
static void play(struct event_base *base, int end, int rounds) {
    left = rounds;
    give(end);
    event_base_dispatch(base);
}

double ping(int idle) {
    struct event_base *base = event_base_new();
    int ends[2], rounds = 100000;
    add_idle(base, idle, 0);
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    event_add(event_new(base, ends[1], EV_READ | EV_PERSIST, on_far, NULL), NULL);
    event_add(event_new(base, ends[0], EV_READ | EV_PERSIST, on_near, base), NULL);
    play(base, ends[0], rounds / 10);
    uint64_t begun = processor_nanos();
    play(base, ends[0], rounds);
    return (double)(processor_nanos() - begun) / rounds;
}

OWNER(struct event);
static void on_owner(evutil_socket_t end, short what, void *data) {
    (void)end, (void)what;
    ((struct owner *)data)->fired++;
}

static struct owner *make_owners(void) {
    struct owner *owners = malloc(MILLION * sizeof *owners);
    memset(owners, 0, MILLION * sizeof *owners);
    return owners;
}

static void add(struct event_base *base, struct owner *owner, uint32_t delay) {
    struct timeval time = milliseconds(delay);
    evtimer_assign(&owner->timer, base, on_owner, owner);
    event_add(&owner->timer, &time);
}

double cancelled_timers(void) {
    struct event_base *base = event_base_new();
    struct owner *owners = make_owners();
    uint32_t *delays = malloc(MILLION * sizeof *delays);
    for (int number = 0; number < MILLION; number++) delays[number] = scatter(60000) + 1000;
    uint64_t begun = processor_nanos();
    for (int number = 0; number < MILLION; number++) add(base, &owners[number], delays[number]);
    for (uint64_t number = 0; number < MILLION; number++)
        event_del(&owners[number * 7919 % MILLION].timer);
    return (double)(processor_nanos() - begun) / MILLION;
}

double timeouts(void) {
    struct event_base *base = event_base_new();
    struct owner *owners = make_owners();
    uint64_t begun = processor_nanos();
    for (int number = 0; number < MILLION; number++) add(base, &owners[number], 30000);
    for (int number = 0; number < MILLION; number++) event_del(&owners[number].timer);
    return (double)(processor_nanos() - begun) / MILLION;
}

double child_start(void) { return -1; }
double worker_turn(void) { return -1; }
