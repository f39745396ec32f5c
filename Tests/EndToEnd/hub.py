#!/usr/bin/env python3
"""Subscribers that come and go, slow and dead ones, storms and floods: is every log right, and who
notices?

    hub.py PORT [--pid PID] [options]                   a gateway that runs already
    hub.py --binary PATH [--restarts N] [options]       one of its own, with durable signals

Publishers emit hub.s0 … hub.s4 in turn, numbered, at a fixed rate in all. Subscribers (half of
them by HTTP/1.0) read some or all of them, drop their connection at random and resume by the last
id that they have, some so late that the history no longer reaches back. With --restarts the
gateway is ended so often in between, by SIGTERM and by kill -9 in turn, while everybody goes on.
At the end the log of each must be what was acknowledged, in its order and without a double, or
hold gap notices that account for exactly what is missing. What was not acknowledged may be in it,
once, if it is in the logs of all.

Meanwhile the phases: `calm`, `churn` (--seconds), `dead` (processes with subscriptions are stopped,
and some go on later), `slow` (readers that never read, and events that fill their budget), `many`
(so many streams more), `storm` (these are cut and come back within a second, by their ids), `flood`
(emissions as fast as they are taken), `rest` after each of these, `after`. A process of its own watches the latency that steady subscribers see in each, from the
moment before the POST to the event. The memory of the gateway is told as well.

Prints a line of JSON; exits with 0 if every log is right.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import re
import select
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
from hub_gateway import Gateway, Stranger
from hub_log import SIGNALS, Swarm, connect

WATCHERS = 5
PHASES = ["calm", "churn", "dead", "slow", "many", "storm", "flood", "rest", "after"]


def publish(port, rate, publishers, stop, outcome):
    """A process that tells the sequence number of each number that was acknowledged at the end."""
    lock, told, state = threading.Lock(), {}, {"next": 0, "failures": {}}

    def emit():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        due = time.monotonic()
        while not stop.value:
            due = max(due + publishers / rate, time.monotonic() - 0.5)
            time.sleep(max(due - time.monotonic(), 0))
            with lock:
                number, state["next"] = state["next"], state["next"] + 1
            body = json.dumps({"n": number, "t": time.monotonic_ns()}, separators=(",", ":"))
            try:
                connection.request(
                    "POST", f"/v1/signals/hub.s{number % SIGNALS}", body,
                    {"Idempotency-Key": str(number)})
                answer = connection.getresponse()
                text = answer.read()
                outcome = None if answer.status == 200 else str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                # Nobody knows what became of it; the next number is another emission.
                connection.close()
                outcome = type(error).__name__
                time.sleep(0.05)
            with lock:
                if outcome is None:
                    told[number] = int(json.loads(text)["id"].split("-")[1])
                else:
                    state["failures"][outcome] = state["failures"].get(outcome, 0) + 1

    threads = [threading.Thread(target=emit) for _ in range(publishers)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.send((told, state["next"], state["failures"], time.monotonic() - started))


def watch(port, phase, stop, outcome):
    """A process of steady subscribers: how long did each event take to them?"""
    time_of = re.compile(rb"\"t\":(\d+)")
    peers, latencies = [], {}
    while not stop.value:
        while len(peers) < WATCHERS:
            try:
                peers.append(connect(port, "hub.**", None, "1.1"))
            except OSError:
                time.sleep(0.02)
        for peer in select.select(peers, [], [], 0.1)[0]:
            try:
                data, now = peer.recv(1 << 18), time.monotonic_ns()
            except ConnectionError:
                data = b""
            if not data:
                peer.close()
                peers.remove(peer)
            latencies.setdefault(phase.value, []).extend(
                now - int(stamp) for stamp in time_of.findall(data))
    outcome.send({PHASES[key]: summary(values) for key, values in latencies.items() if values})


def summary(nanoseconds):
    ordered = sorted(nanoseconds)
    at = lambda share: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] / 1e6, 2)
    return {"events": len(ordered), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1)}


def read(port, numbers, also, keep, churn, stop, pipe):
    """A process of subscribers; at the end it is told what was published, and judges its logs."""
    swarm = Swarm(port, numbers, also, keep)
    swarm.gather()
    pipe.send("ready")
    while not stop.value:
        swarm.run(0.2, churn.value)
    swarm.settle(pipe.recv())
    pipe.send(swarm.seen)
    pipe.send(swarm.report(pipe.recv()))


class Crowd:
    """Processes of subscribers."""

    def __init__(self, port, count, processes, dead, keep):
        self.keep = keep
        self.churn = multiprocessing.RawValue("d", 0)
        self.stop = multiprocessing.RawValue("i", 0)
        self.members, self.sleepers = [], []
        for index in range(processes):
            self.members.append(self.start(port, range(index, count, processes), ""))
        for index in range(dead):
            # Enough of its own to fill the budget of a reader that is stopped.
            self.sleepers.append(self.start(port, range(5), "dead.fill"))
        for _, pipe in self.members + self.sleepers:
            if not pipe.poll(60):
                raise RuntimeError("the subscribers do not get their streams")
            pipe.recv()

    def start(self, port, numbers, also):
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(
            target=read, daemon=True,
            args=(port, numbers, also, self.keep, self.churn, self.stop, theirs))
        process.start()
        return process, ours

    def pause(self):
        for process, _ in self.sleepers:
            os.kill(process.pid, signal.SIGSTOP)

    def wake(self):
        """Half of those that sleep; the others never come back."""
        half = len(self.sleepers) // 2
        for process, _ in self.sleepers[:half]:
            os.kill(process.pid, signal.SIGCONT)
        self.members += self.sleepers[:half]
        self.sleepers = self.sleepers[half:]

    def end(self, told):
        """Lets all come to an end, and adds up what they report."""
        self.stop.value = 1
        for _, pipe in self.members:
            pipe.send(told)
        known = {}
        for _, pipe in self.members:
            # What somebody has seen is there for all, acknowledged or not.
            known |= pipe.recv()
        known |= told
        reports = []
        for _, pipe in self.members:
            pipe.send(known)
        for process, pipe in self.members:
            reports.append(pipe.recv())
            process.join(10)
        for process, _ in self.sleepers:
            process.kill()
        total = {key: sum(each[key] for each in reports) for key in reports[0]
                 if key != "faults"}
        faults = [fault for each in reports for fault in each["faults"]]
        return total | {"unacknowledged_seen": len(known) - len(told),
                        "faults": faults[:10], "faulty": len(faults)}


def post(connection, path, body):
    connection.request("POST", path, body)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def cuts(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    return sum(int(n) for n in re.findall(r"^signalbox_streams_cut_total\{.*\} (\d+)", text, re.M))


def fill(port, name):
    """Events that fill the budget of readers that do not read, and the buffers below; the cuts."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    before, body = cuts(port), json.dumps("x" * 200_000)
    for _ in range(60):
        post(connection, f"/v1/signals/{name}", body)
        time.sleep(0.02)
    return cuts(port) - before


def dead_peers(port, crowd, pause):
    crowd.pause()
    count = len(crowd.sleepers)
    cut = fill(port, "dead.fill")
    time.sleep(pause)
    crowd.wake()
    return {"processes": count, "streams": 5 * count, "cut": cut}


def slow_readers(port):
    peers = [connect(port, "flood.slow", None, "1.1", receive_buffer=4096) for _ in range(20)]
    cut = fill(port, "flood.slow")
    for peer in peers:
        peer.close()
    return {"readers": len(peers), "cut": cut}


class Storm:
    """Many streams at once that are cut and come back within so many seconds."""

    def __init__(self, port, count, seconds):
        self.port, self.count, self.seconds = port, count, seconds
        self.peers, self.ids = [None] * count, [None] * count

    def gather(self):
        """All must be answered, and told where they stand."""
        return self.open(2 * self.seconds)

    def again(self):
        for peer in self.peers:
            peer.close()
        return self.open(self.seconds)

    def open(self, seconds):
        begun = time.monotonic()
        for number in range(self.count):
            early = begun + seconds * number / self.count - time.monotonic()
            if early > 0.001:
                time.sleep(early)
            self.peers[number] = connect(self.port, "hub.s2", self.ids[number], "1.1")
        connected = time.monotonic() - begun
        opened = self.greet(begun + connected + 20)
        return {"opened": opened, "of": self.count, "connect_s": round(connected, 2),
                "s": round(time.monotonic() - begun, 2)}

    def greet(self, deadline):
        """How many have got their beginning."""
        opened, poll = 0, select.epoll()
        waiting = {peer.fileno(): number for number, peer in enumerate(self.peers)}
        for descriptor in waiting:
            poll.register(descriptor, select.EPOLLIN)
        while waiting and time.monotonic() < deadline:
            for descriptor, _ in poll.poll(0.05):
                number = waiting.pop(descriptor)
                poll.unregister(descriptor)
                data = self.peers[number].recv(65536)
                opened += data.startswith(b"HTTP/1.1 200")
                if known := re.findall(rb"\nid: (\S+)", data):
                    self.ids[number] = known[-1].decode()
        return opened

    def close(self):
        for peer in self.peers:
            peer.close()


def flood(port, seconds):
    """Emissions as fast as they are taken, on one connection with 64 on their way."""
    peer = socket.create_connection(("127.0.0.1", port), 30)
    body = b'{"flood":true}'
    request = (b"POST /v1/signals/flood.fast HTTP/1.1\r\nHost: localhost\r\n"
               b"Content-Length: %d\r\n\r\n" % len(body)) + body
    sent = answered = 0
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        peer.sendall(request * 64)
        sent += 64
        while answered < sent:
            data = peer.recv(1 << 18)
            if not data:
                raise RuntimeError("the flood was cut")
            answered += data.count(b"HTTP/1.1 200")
    peer.close()
    return {"emitted": sent, "per_s": round(sent / (time.monotonic() - begun))}


def restarts(gateway, seconds, count):
    """Ends the gateway so often and starts it again, with so much time in between in all."""
    outages = []
    for number in range(count):
        time.sleep(seconds / (count + 1))
        outages.append(gateway.restart(signal.SIGKILL if number % 2 else signal.SIGTERM))
    # All are back again before anything else begins.
    time.sleep(max(seconds / (count + 1), 1))
    return outages


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int, nargs="?")
    parser.add_argument("--binary")
    parser.add_argument("--restarts", type=int, default=0)
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--clients", type=int, help="processes that these are spread over")
    parser.add_argument("--dead", type=int, default=4, help="processes that are stopped")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--publishers", type=int, default=4, help="connections that emit")
    parser.add_argument("--storm", type=int, default=300)
    parser.add_argument("--storm-seconds", type=float, default=1, help="0: all at once")
    parser.add_argument("--rounds", type=int, default=1, help="of slow, storm and flood")
    parser.add_argument("--keep", help="folder for all that subscribers with a faulty log got")
    parser.add_argument("--pid", type=int)
    arguments = parser.parse_args()
    if (arguments.port is None) == (arguments.binary is None):
        parser.error("either PORT or --binary")
    if arguments.keep:
        os.makedirs(arguments.keep, exist_ok=True)
    if arguments.restarts and not arguments.binary:
        parser.error("--restarts needs --binary")
    gateway = (Gateway(arguments.binary) if arguments.binary
               else Stranger(arguments.port, arguments.pid))
    try:
        return run(gateway, arguments)
    finally:
        # Those that are stopped would wait for ever for a polite end.
        for process in multiprocessing.active_children():
            process.kill()
        gateway.close()


def run(gateway, arguments):
    port = gateway.port
    result = {"memory_mib": {"start": gateway.memory()}}
    phase, quiet = multiprocessing.RawValue("i", 0), multiprocessing.RawValue("i", 0)
    watched = multiprocessing.RawValue("i", 0)
    numbers, publisher_end = multiprocessing.Pipe(False)
    latencies, watcher_end = multiprocessing.Pipe(False)
    # Everybody is there before the first event.
    crowd = Crowd(port, arguments.subscribers,
                  arguments.clients or max(arguments.subscribers // 250, 1), arguments.dead,
                  arguments.keep)
    for target, values in ((watch, (phase, watched, watcher_end)),
                           (publish, (arguments.rate, arguments.publishers, quiet, publisher_end))):
        multiprocessing.Process(target=target, args=(port, *values), daemon=True).start()

    def during(name, action, turn=0):
        phase.value = PHASES.index(name)
        outcome = action()
        result["memory_mib"][f"{name} {turn + 1}" if turn else name] = gateway.memory()
        return outcome

    pause = min(arguments.seconds / 4, 10)
    during("calm", lambda: time.sleep(pause))
    crowd.churn.value = 0.5
    result["outages"] = during(
        "churn", lambda: restarts(gateway, arguments.seconds, arguments.restarts))
    crowd.churn.value = 0
    if arguments.dead:
        result["dead"] = during("dead", lambda: dead_peers(port, crowd, pause))
    for turn in range(arguments.rounds):
        # In turn with rests, so that what others do on the machine falls on both.
        rest = lambda: during("rest", lambda: time.sleep(min(pause, 5)), turn)
        result["slow"] = during("slow", lambda: slow_readers(port), turn)
        rest()
        crowded = Storm(port, arguments.storm, arguments.storm_seconds)
        crowded.gather()
        during("many", lambda: time.sleep(min(pause, 2)), turn)
        result["storm"] = during("storm", crowded.again, turn)
        during("many", lambda: time.sleep(min(pause, 2)), turn)
        crowded.close()
        rest()
        result["flood"] = during("flood", lambda: flood(port, min(pause, 2)), turn)
        rest()
    during("after", lambda: time.sleep(pause))
    quiet.value = 1
    told, count, failures, seconds = numbers.recv()
    result |= crowd.end(told)
    watched.value = 1
    result["latency"] = latencies.recv()
    time.sleep(1)
    result["memory_mib"]["end"] = gateway.memory()
    result |= {
        "attempted": count, "acknowledged": len(told), "failures": failures,
        "rate_asked": arguments.rate, "rate_reached": round(count / seconds, 1),
        "subscribers": arguments.subscribers,
    }
    print(json.dumps(result))
    good = (result["faulty"] == 0 and (arguments.restarts or count == len(told))
            and (not arguments.dead or result["dead"]["cut"] > 0)
            and (not arguments.rounds or (result["storm"]["opened"] == arguments.storm
                                          and result["slow"]["cut"] > 0)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
