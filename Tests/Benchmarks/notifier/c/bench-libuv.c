/* The works of this folder on libuv. */
#include "bench.h"

#include <uv.h>

static long calls;

static void on_idle(uv_poll_t *poll, int status, int events) {
    (void)poll, (void)status, (void)events;
}
static void on_timer(uv_timer_t *timer) { (void)timer; }

static void add_idle(uv_loop_t *loop, int count, int timers) {
    for (int number = 0; number < count; number++) {
        uv_poll_t *poll = malloc(sizeof *poll);
        check(uv_poll_init(loop, poll, open_event(0)) == 0, "uv_poll_init");
        uv_poll_start(poll, UV_READABLE, on_idle);
        if (!timers) continue;
        uv_timer_t *timer = malloc(sizeof *timer);
        uv_timer_init(loop, timer);
        uv_timer_start(timer, on_timer, (3600 + (uint64_t)number) * 1000, 0);
    }
}

static double measure_turns(uv_loop_t *loop, int count) {
    for (int turn = 0; turn < count / 10; turn++) uv_run(loop, UV_RUN_NOWAIT);
    uint64_t begun = processor_nanos();
    for (int turn = 0; turn < count; turn++) uv_run(loop, UV_RUN_NOWAIT);
    return (double)(processor_nanos() - begun) / count;
}

double turn(int idle) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    add_idle(&loop, idle, 1);
    return measure_turns(&loop, 200000);
}

static void on_due(uv_timer_t *timer) {
    (void)timer;
    calls++;
}
static void on_ready(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    calls++;
    uv_timer_start(poll->data, on_due, 0, 0);
}

double busy_turn(int idle) {
    uv_loop_t loop;
    uv_poll_t ready;
    uv_timer_t due;
    uv_loop_init(&loop);
    add_idle(&loop, idle, 1);
    uv_poll_init(&loop, &ready, open_event(1));
    uv_poll_start(&ready, UV_READABLE, on_ready);
    ready.data = &due;
    uv_timer_init(&loop, &due);
    double result = measure_turns(&loop, 200000);
    check(calls == 439999, "callbacks"); /* the last timer is still to fire */
    return result;
}

static int left;
static void on_far(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    pass((int)(intptr_t)poll->data);
}
static void on_near(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    int end = (int)(intptr_t)poll->data;
    if (--left > 0) {
        pass(end);
    } else {
        take(end);
        uv_stop(poll->loop);
    }
}
static void play(uv_loop_t *loop, int end, int rounds) {
    left = rounds;
    give(end);
    uv_run(loop, UV_RUN_DEFAULT);
}

double ping(int idle) {
    uv_loop_t loop;
    uv_poll_t near, far;
    int ends[2], rounds = 100000;
    uv_loop_init(&loop);
    add_idle(&loop, idle, 0);
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    uv_poll_init(&loop, &near, ends[0]);
    near.data = (void *)(intptr_t)ends[0];
    uv_poll_init(&loop, &far, ends[1]);
    far.data = (void *)(intptr_t)ends[1];
    uv_poll_start(&far, UV_READABLE, on_far);
    uv_poll_start(&near, UV_READABLE, on_near);
    play(&loop, ends[0], rounds / 10);
    uint64_t begun = processor_nanos();
    play(&loop, ends[0], rounds);
    return (double)(processor_nanos() - begun) / rounds;
}

OWNER(uv_timer_t);
static void on_owner(uv_timer_t *timer) { ((struct owner *)timer)->fired++; }

static struct owner *make_owners(void) {
    struct owner *owners = malloc(MILLION * sizeof *owners);
    memset(owners, 0, MILLION * sizeof *owners);
    return owners;
}

double cancelled_timers(void) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct owner *owners = make_owners();
    uint32_t *delays = malloc(MILLION * sizeof *delays);
    for (int number = 0; number < MILLION; number++) delays[number] = scatter(60000) + 1000;
    uint64_t begun = processor_nanos();
    for (int number = 0; number < MILLION; number++) {
        uv_timer_init(&loop, &owners[number].timer);
        uv_timer_start(&owners[number].timer, on_owner, delays[number], 0);
    }
    for (uint64_t number = 0; number < MILLION; number++)
        uv_timer_stop(&owners[number * 7919 % MILLION].timer);
    uint64_t taken = processor_nanos() - begun;
    check(!uv_loop_alive(&loop), "timers left");
    return (double)taken / MILLION;
}

double timeouts(void) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct owner *owners = make_owners();
    uint64_t begun = processor_nanos();
    for (int number = 0; number < MILLION; number++) {
        uv_timer_init(&loop, &owners[number].timer);
        uv_timer_start(&owners[number].timer, on_owner, 30000, 0);
    }
    for (int number = 0; number < MILLION; number++) uv_timer_stop(&owners[number].timer);
    uint64_t taken = processor_nanos() - begun;
    check(!uv_loop_alive(&loop), "timers left");
    return (double)taken / MILLION;
}

static uint64_t began_at, times[5000];
static int time_count;

static void on_exit_of(uv_process_t *process, int64_t status, int signal) {
    check(status == 0 && signal == 0, "exit");
    times[time_count++] = clock_nanos() - began_at;
    uv_close((uv_handle_t *)process, NULL);
}

double child_start(void) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    char *arguments[] = {"/bin/true", NULL}, *environment[] = {NULL};
    for (int number = 0; number < 300; number++) {
        uv_process_t process;
        uv_process_options_t options = {
            .exit_cb = on_exit_of, .file = arguments[0], .args = arguments, .env = environment};
        began_at = clock_nanos();
        check(uv_spawn(&loop, &process, &options) == 0, "uv_spawn");
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    return median(times, time_count);
}

static int answer;
static void do_work(uv_work_t *work) {
    (void)work;
    answer = 1;
}
static void after_work(uv_work_t *work, int status) {
    (void)work, (void)status;
    times[time_count++] = clock_nanos() - began_at;
}

double worker_turn(void) {
    uv_loop_t loop;
    uv_work_t work;
    uv_loop_init(&loop);
    for (int number = 0; number < 5000; number++) {
        began_at = clock_nanos();
        uv_queue_work(&loop, &work, do_work, after_work);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    return median(times, time_count);
}
