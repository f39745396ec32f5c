#!/usr/bin/env python3
"""What listeners of signalbox.js are promised, in tabs of headless Chromium.

    shared.py HTTP_PORT OTHER_PORT

Two gateways that keep five events of each `gap.*` and the last one of each `state.*`; a relay stands
before the first, and then before the other as if the gateway had been started anew. Each part has tabs of
its own and closes them. Prints what is wrong, a line each, and exits with 0 if nothing is.
"""

import http.client
import json
import os
import sys
import time
from contextlib import contextmanager

from eventsource import Browser, Relay

# The script's minute is an hour here, until the test says that it is over; who is asleep is noticed
# after half a second.
TAB_SCRIPT = """
    heard = {}; reported = []; minute = null;
    addEventListener('error', (event) => reported.push(event.error.message));
    setInterval = (look) => { minute = look; };
    later = setTimeout;
    setTimeout = (job, after, ...rest) => later(job, after == 3000 ? 500 : after, ...rest);
    until = (condition, milliseconds) => new Promise((resolve, reject) => {
        const end = performance.now() + milliseconds;
        const look = () => {
            if (condition()) resolve(true);
            else if (performance.now() > end)
                reject(`${condition}: ${JSON.stringify([heard, reported])}`.slice(0, 2000));
            else later(look, 5);
        };
        look();
    });
    hear = (key, signals, isSilent) => {
        const log = heard[key] = { data: [], gaps: [], errors: [] };
        const fail = isSilent ? undefined : (error) => log.errors.push(error.message);
        log.stop = listen(
            signals, (data) => log.data.push(data), (gap) => log.gaps.push(gap), fail);
    };
    import('/signalbox.js').then((module) => { listen = module.listen; return true; });
"""
STREAM = b"format=cloudevents"


class Gateway:
    """One of the two gateways, asked directly."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body)
        answer = self.connection.getresponse()
        return json.loads(answer.read())

    def emit(self, signal, *values):
        """Emits each of the values; returns how many streams asked for the last one."""
        for value in values:
            told = self.ask("POST", f"/v1/signals/{signal}", json.dumps(value))
        return told["subscribers"]

    def streams(self):
        return self.ask("GET", "/v1/signals")["subscribers"]

    def subscribers(self, signal):
        """How many streams ask for a signal that has been emitted once."""
        for entry in self.ask("GET", "/v1/signals")["signals"]:
            if entry["name"] == signal:
                return entry["subscribers"]
        raise RuntimeError(f"no signal {signal}")

    def until(self, what, condition):
        for _ in range(2000):
            if condition():
                return
            time.sleep(0.01)
        raise RuntimeError(f"not {what}")


class Tab:
    """A tab of the browser that has the script and listens to what it is told to."""

    def __init__(self, browser, url, before=""):
        self.browser = browser
        browser.open(url)
        self.session, self.target = browser.session, browser.target
        self.evaluate(before + TAB_SCRIPT)

    def evaluate(self, script):
        self.browser.session = self.session
        return self.browser.evaluate(script)

    def hear(self, key, signals, is_silent=False):
        self.evaluate(f"hear({json.dumps(key)}, {json.dumps(signals)}, {json.dumps(is_silent)})")

    def until(self, condition, seconds=10):
        self.evaluate(f"until(() => {condition}, {seconds * 1000})")

    def log(self, key):
        return self.evaluate(f"heard[{json.dumps(key)}]")

    def begin(self, gateway, key, signal):
        """Listens, and comes back when the stream brings it."""
        self.hear(key, signal)
        self.live(gateway, key, signal)

    def live(self, gateway, key, signal):
        log = f"heard[{json.dumps(key)}]"

        def is_heard():
            gateway.emit(signal, None)
            return self.evaluate(f"{log}.data.length")

        # The first may come with the answer that says where the stream is to begin.
        gateway.until(f"{signal} heard", is_heard)
        gateway.emit(signal, "live")
        self.until(f"{log}.data.includes('live')")
        self.evaluate(f"{log}.data = []; {log}.gaps = []")

    def state(self, state):
        self.browser.session = self.session
        self.browser.send("Page.setWebLifecycleState", state=state)

    def close(self):
        self.browser.session = None
        self.browser.send("Target.closeTarget", targetId=self.target)

    def crash(self):
        # It does not live to answer.
        message = {"id": next(self.browser.ids), "method": "Page.crash", "sessionId": self.session}
        os.write(self.browser.writer, json.dumps(message).encode() + b"\0")


class Scene:
    """The gateways, the relay, the browser, and what has been found."""

    def __init__(self, port, other_port):
        self.gateway, self.other = Gateway(port), Gateway(other_port)
        self.other_port, self.relay = other_port, Relay(port)
        self.browser, self.faults = Browser(), []

    @contextmanager
    def tabs(self, count, host="localhost", before=""):
        tabs = [self.tab(host, before) for _ in range(count)]
        try:
            yield tabs
        finally:
            for tab in tabs:
                try:
                    tab.close()
                except RuntimeError:
                    pass  # it has been closed
        self.gateway.until("all streams gone", lambda: self.gateway.streams() == 0)

    def tab(self, host="localhost", before=""):
        return Tab(self.browser, f"http://{host}:{self.relay.port}/livez", before)

    def expect(self, what, is_so, *shown):
        if not is_so:
            self.faults.append(" ".join([what, *(json.dumps(each) for each in shown)]))


def only_who_lost_something_is_told(scene):
    gateway, relay = scene.gateway, scene.relay
    with scene.tabs(2) as (one, two):
        one.begin(gateway, "lost", "gap.lost")
        two.begin(gateway, "kept", "gap.kept")
        relay.refused = STREAM
        relay.cut()
        gateway.emit("gap.kept", 1)
        gateway.until("the stream gone", lambda: gateway.streams() == 0)
        gateway.emit("gap.lost", *range(1, 10))
        gateway.emit("gap.kept", 2)
        relay.refused = None
        one.until("heard.lost.data.includes(9)")
        two.until("heard.kept.data.includes(2)")
        lost, kept = one.log("lost"), two.log("kept")
        scene.expect(
            "the gap is told once, before what is left",
            [gap["signals"] for gap in lost["gaps"]] == [["gap.kept", "gap.lost"]]
            or [gap["signals"] for gap in lost["gaps"]] == [["gap.lost"]], lost)
        scene.expect("what is left comes in order", lost["data"] == [5, 6, 7, 8, 9], lost)
        scene.expect(
            "what another has lost is not told",
            kept["gaps"] == [] or kept["data"] == [2], kept)


def what_was_gone_before_is_not_told(scene):
    gateway = scene.gateway
    with scene.tabs(2) as (one, two):
        one.begin(gateway, "quiet", "gap.quiet")
        gateway.emit("gap.busy", *range(20))
        two.begin(gateway, "busy", "gap.busy")
        gateway.emit("gap.busy", 20)
        two.until("heard.busy.data.includes(20)")
        for tab, key in ((one, "quiet"), (two, "busy")):
            log = tab.log(key)
            scene.expect("nothing was lost since the listener began", log["gaps"] == [], key, log)


def a_bad_name_is_told_and_hurts_nobody(scene):
    gateway = scene.gateway
    with scene.tabs(2) as (one, two):
        one.begin(gateway, "good", "bad.good")
        two.hear("bad", ["bad.good", "bad name"])
        two.until("heard.bad.errors.length == 1")
        two.hear("silent", "a..b", True)
        two.until("reported.length == 1")
        gateway.emit("bad.good", 1)
        one.until("heard.good.data.includes(1)")
        bad, reported = two.log("bad"), two.evaluate("reported")
        scene.expect("its signals bring nothing", bad["data"] == [], bad)
        scene.expect("the reason is told", "bad name" in bad["errors"][0], bad)
        scene.expect("without a callback it is reported", "a..b" in reported[0], reported)


def too_many_are_refused_and_the_others_served(scene):
    gateway = scene.gateway
    with scene.tabs(3) as (one, two, three):
        one.hear("many", [f"many.{number}" for number in range(200)])
        one.live(gateway, "many", "many.199")
        two.hear("some", [f"some.{number}" for number in range(55)])
        two.live(gateway, "some", "some.0")
        two.begin(gateway, "last", "many.last")
        three.hear("more", "many.more")
        three.until("heard.more.errors.length == 1")
        more = three.log("more")
        scene.expect("the reason is told", "256" in more["errors"][0], more)
        gateway.emit("many.0", 1)
        one.until("heard.many.data.includes(1)")
        scene.expect("one stream serves them", gateway.emit("some.1", 2) == 1)
        two.until("heard.some.data.includes(2)")
        two.evaluate("heard.last.stop()")
        three.begin(gateway, "more", "many.more")
        scene.expect("what was stopped makes room", gateway.emit("many.last", 0) == 0)
        three.hear("long", [f"{'long' * 15}.{number}" for number in range(150)])
        three.until("heard.long.errors.length == 1")


def of_single_listeners_those_that_fit_are_served(scene):
    gateway = scene.gateway
    with scene.tabs(1) as (one,):
        one.evaluate("for (let n = 0; n < 260; n++) hear('n' + n, 'few.n' + n)")
        one.until("Object.values(heard).filter((log) => log.errors.length).length == 4")
        gateway.until(
            "256 served", lambda: sum(gateway.emit(f"few.n{n}", n) for n in range(260)) == 256)
        gateway.until("all heard", lambda: one.evaluate(
            "Object.values(heard).filter((log) => log.data.length).length") == 256)


def what_is_stopped_is_not_asked_for_any_more(scene):
    gateway = scene.gateway
    with scene.tabs(2) as (one, two):
        one.begin(gateway, "goes", "stop.goes")
        two.begin(gateway, "stays", "stop.stays")
        one.evaluate("heard.goes.stop()")
        gateway.emit("stop.goes", 1)
        gateway.emit("stop.stays", *range(10))
        one.evaluate("minute()")
        gateway.emit("stop.stays", *range(10, 13))
        gateway.until("given back", lambda: gateway.subscribers("stop.goes") == 0)
        gateway.emit("stop.stays", *range(13, 16))
        two.until("heard.stays.data.includes(15)")
        scene.expect("who has stopped hears nothing", one.log("goes")["data"] == [])
        stays = two.log("stays")
        scene.expect("the others lose nothing", stays["data"] == list(range(16)), stays)


def closed_and_crashed_tabs_give_their_signals_back(scene):
    gateway = scene.gateway
    with scene.tabs(3) as (one, two, three):
        one.begin(gateway, "stays", "gone.stays")
        two.begin(gateway, "closed", "gone.closed")
        three.begin(gateway, "crashed", "gone.crashed")
        two.close()
        three.crash()
        gateway.emit("gone.stays", *range(3))

        def is_given_back():
            one.evaluate("minute()")
            return not gateway.subscribers("gone.closed") and not gateway.subscribers("gone.crashed")

        gateway.until("given back", is_given_back)
        gateway.emit("gone.stays", 3)
        one.until("heard.stays.data.includes(3)")
        stays = one.log("stays")
        scene.expect("who stays loses nothing", stays["data"] == [0, 1, 2, 3], stays)


def a_reloaded_tab_goes_on(scene):
    gateway = scene.gateway
    with scene.tabs(2) as (one, two):
        one.begin(gateway, "first", "again.a")
        two.begin(gateway, "second", "again.a")
        one.browser.session = one.session
        one.browser.send("Page.reload")
        gateway.emit("again.a", *range(4))
        two.until("heard.second.data.includes(3)")
        second = two.log("second")
        scene.expect("the other loses nothing", second["data"] == [0, 1, 2, 3], second)
        gateway.until("loaded anew", lambda: one.evaluate(
            "document.readyState == 'complete' && !globalThis.heard"))
        one.evaluate(TAB_SCRIPT)
        one.begin(gateway, "first", "again.a")
        gateway.emit("again.a", 5)
        one.until("heard.first.data.includes(5)")


def a_reader_that_sleeps_is_replaced(scene):
    gateway = scene.gateway
    with scene.tabs(2) as (one, two):
        one.begin(gateway, "sleeps", "sleep.a")
        two.begin(gateway, "wakes", "sleep.a")
        gateway.emit("sleep.a", 1)
        one.until("heard.sleeps.data.includes(1)")
        one.state("frozen")
        gateway.emit("sleep.a", 2, 3)
        two.evaluate("minute()")
        two.until("heard.wakes.data.includes(3)")
        one.state("active")
        gateway.until("one stream", lambda: gateway.streams() == 1)
        gateway.emit("sleep.a", 4)
        for tab, key in ((one, "sleeps"), (two, "wakes")):
            tab.until(f"heard.{key}.data.includes(4)")
            log = tab.log(key)
            each = [value for value in log["data"] if isinstance(value, int)]
            scene.expect("each once", each == [1, 2, 3, 4] and not log["gaps"], key, log)


def without_locks_each_tab_reads_for_itself(scene):
    gateway = scene.gateway
    with scene.tabs(2, "plain.test") as (one, two):
        scene.expect("there are no locks", one.evaluate("navigator.locks === undefined"))
        for tab in (one, two):
            tab.begin(gateway, "all", "plain.a")
        scene.expect("two streams", gateway.emit("plain.a", 1) == 2)
        two.begin(gateway, "more", "plain.b")
        gateway.emit("plain.a", 2)
        for tab in (one, two):
            tab.until("heard.all.data.includes(2)")
            log = tab.log("all")
            each = [value for value in log["data"] if isinstance(value, int)]
            scene.expect("each once", each == [1, 2], log)
        two.evaluate("heard.all.stop(); minute()")
        gateway.until("given back", lambda: gateway.subscribers("plain.a") == 1)
        two.hear("many", [f"plain.n{number}" for number in range(256)])
        two.until("heard.many.errors.length == 1")
        gateway.emit("plain.b", 3)
        two.until("heard.more.data.includes(3)")


def without_a_channel_each_tab_reads_for_itself(scene):
    gateway = scene.gateway
    with scene.tabs(2, before="delete globalThis.BroadcastChannel;") as (one, two):
        for tab in (one, two):
            tab.begin(gateway, "all", "alone.a")
        scene.expect("two streams", gateway.emit("alone.a", 1) == 2)
        for tab in (one, two):
            tab.until("heard.all.data.includes(1)")


def a_stream_that_a_proxy_refuses_comes_back(scene):
    gateway, relay = scene.gateway, scene.relay
    with scene.tabs(2) as (one, two):
        one.begin(gateway, "a", "proxy.a")
        two.begin(gateway, "b", "proxy.b")
        one.evaluate("errors = 0; Math.random = () => { errors++; return 0; }")
        relay.refused = STREAM
        relay.refusal = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        relay.cut()
        one.until("errors > 0")
        gateway.emit("proxy.a", 1)
        gateway.emit("proxy.b", 2)
        relay.refused, relay.refusal = None, b""
        one.until("heard.a.data.includes(1)")
        two.until("heard.b.data.includes(2)")
        for tab, key in ((one, "a"), (two, "b")):
            scene.expect("no gap", tab.log(key)["gaps"] == [], key)


def a_new_run_is_told_to_those_of_the_old_one(scene):
    gateway, other, relay = scene.gateway, scene.other, scene.relay
    with scene.tabs(2) as (one, two):
        one.begin(gateway, "a", "run.a")
        two.begin(gateway, "b", "run.b")
        relay.refused = STREAM
        relay.target_port = scene.other_port
        relay.cut()
        other.emit("run.a", 1)
        other.emit("state.run", "new")
        late = scene.tab()
        late.hear("late", ["run.a", "state.run"])
        late.until("heard.late.data.includes('new')")
        relay.refused = None
        late.live(other, "late", "state.run")
        other.emit("run.b", 2)
        one.until("heard.a.data.includes(1)")
        two.until("heard.b.data.includes(2)")
        for tab, key, count in ((one, "a", 1), (two, "b", 1), (late, "late", 0)):
            gaps = tab.log(key)["gaps"]
            scene.expect(
                f"{count} notices of the new run",
                [gap["reason"] for gap in gaps] == ["epoch"] * count, key, gaps)
        scene.expect("one stream serves them", other.streams() == 1)
        late.close()


PARTS = [
    only_who_lost_something_is_told, what_was_gone_before_is_not_told,
    a_bad_name_is_told_and_hurts_nobody, too_many_are_refused_and_the_others_served,
    of_single_listeners_those_that_fit_are_served, what_is_stopped_is_not_asked_for_any_more,
    closed_and_crashed_tabs_give_their_signals_back, a_reloaded_tab_goes_on,
    a_reader_that_sleeps_is_replaced, without_locks_each_tab_reads_for_itself,
    without_a_channel_each_tab_reads_for_itself,
    a_stream_that_a_proxy_refuses_comes_back, a_new_run_is_told_to_those_of_the_old_one,
]


def main():
    scene = Scene(int(sys.argv[1]), int(sys.argv[2]))
    wanted = sys.argv[3:]
    try:
        for part in PARTS:
            if wanted and part.__name__ not in wanted:
                continue
            start, count = time.monotonic(), len(scene.faults)
            try:
                part(scene)
            except RuntimeError as error:
                scene.faults.append(str(error))
            name = part.__name__.replace("_", " ")
            scene.faults[count:] = [f"{name}: {fault}" for fault in scene.faults[count:]]
            print(f"{time.monotonic() - start:5.2f} s  {name}", file=sys.stderr)
    finally:
        scene.browser.close()
    print("\n".join(scene.faults))
    return 1 if scene.faults else 0


if __name__ == "__main__":
    sys.exit(main())
