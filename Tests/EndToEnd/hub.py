#!/usr/bin/env python3
"""Subscribers that come and go, slow ones, storms and floods: is every log right, and who notices?

    hub.py PORT [--subscribers 100] [--seconds 5] [--rate 200] [--storm 300] [--pid PID]

A publisher emits hub.s0 … hub.s4 in turn, numbered, at a fixed rate. Subscribers (half of them by
HTTP/1.0) read some or all of them, drop their connection at random and resume by the last id they
have, some so late that the history no longer reaches back. At the end the log of each must be the
publisher's without a break, or hold gap notices that account for exactly what is missing.

Meanwhile the phases: `calm`, `churn` (--seconds), `slow` (readers that never read, and events that
fill their budget), `storm` (so many connections at once), `flood` (emissions as fast as they are
taken), `after`. A process of its own watches the latency that steady subscribers see in each, from
the moment before the POST to the event. With --pid the memory of the gateway is told, too.

Prints a line of JSON; exits with 0 if every log is right.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import re
import select
import socket
import sys
import time

SIGNALS = 5
WATCHERS = 5
LONG_AWAY = 0.01  # share of the absences that outlast the history
EVENT = re.compile(rb"id: (\w+)-(\d+)\nevent: hub\.s\d\ndata: \{\"n\":(\d+)")
GAP = re.compile(rb"event: signalbox\.gap\ndata: (\{.*\})\n")
POSITION = re.compile(rb"id: (\w+-\d+)\n\n")
PATTERNS = ["hub.**", "hub.**", "hub.*", "hub.s1", "hub.s3"]


def connect(port, pattern, last_id, version, receive_buffer=None):
    peer = socket.socket()
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.connect(("127.0.0.1", port))
    resume = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
    peer.sendall(
        f"GET /v1/events?signal={pattern} HTTP/{version}\r\nHost: localhost\r\n{resume}\r\n".encode())
    peer.setblocking(False)
    return peer


# The publisher: a process of its own, which tells the id of each number at the end.
def publish(port, rate, stop, outcome):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    sequences, start = [], time.monotonic()
    while not stop.is_set():
        number = len(sequences)
        time.sleep(max(start + number / rate - time.monotonic(), 0))
        body = json.dumps({"n": number, "t": time.monotonic_ns()}, separators=(",", ":"))
        connection.request("POST", f"/v1/signals/hub.s{number % SIGNALS}", body)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(told)
        sequences.append(int(told["id"].split("-")[1]))
    outcome.send(sequences)


# The watchers: steady subscribers, and how long each event took to them.
def watch(port, phase, stop, outcome):
    time_of = re.compile(rb"\"t\":(\d+)")
    peers = [connect(port, "hub.**", None, "1.1") for _ in range(WATCHERS)]
    latencies = {}
    while not stop.is_set():
        for peer in select.select(peers, [], [], 0.1)[0]:
            data, now = peer.recv(1 << 18), time.monotonic_ns()
            if not data:
                raise RuntimeError("a watcher was cut")
            latencies.setdefault(phase.value, []).extend(
                now - int(stamp) for stamp in time_of.findall(data))
    outcome.send({key: summary(values) for key, values in latencies.items()})


def summary(nanoseconds):
    ordered = sorted(nanoseconds)
    at = lambda share: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] / 1e6, 2)
    return {"events": len(ordered), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1)}


class Subscriber:
    """One log, kept as runs of consecutive numbers and the notices between them."""

    def __init__(self, number):
        self.pattern = PATTERNS[number % len(PATTERNS)]
        self.version = "1.0" if number % 2 else "1.1"
        exact = re.fullmatch(r"hub\.s(\d)", self.pattern)
        self.first, self.step = (int(exact[1]), SIGNALS) if exact else (0, 1)
        self.peer, self.tail, self.last_id, self.epoch = None, b"", None, None
        self.runs, self.gaps, self.faults = [], [], []
        self.events = self.connections = 0
        self.wakes_at = 0

    def open(self, port):
        self.peer, self.tail = connect(port, self.pattern, self.last_id, self.version), b""
        self.connections += 1

    def cut(self, now):
        self.peer.close()
        self.peer = None
        away = random.uniform(0, 0.3) if random.random() > LONG_AWAY else random.uniform(4, 7)
        self.wakes_at = now + away

    def take(self, data):
        data = self.tail + data
        end = data.rfind(b"\n\n") + 2
        if end < 2:
            self.tail = data
            return
        self.tail, data = data[end:], data[:end]
        # Notices stand before what they speak of.
        for notice in GAP.findall(data):
            self.gaps.append((json.loads(notice), self.runs[-1][1] if self.runs else None))
            self.last_id = POSITION_OF_GAP.findall(data)[-1].decode()
        found = EVENT.findall(data)
        if found:
            self.note([int(number) for _, _, number in found])
            self.last_id = b"-".join(found[-1][:2]).decode()
            self.events += len(found)
        elif not self.runs and (positions := POSITION.findall(data)):
            self.last_id = positions[-1].decode()

    def note(self, numbers):
        ends = (numbers[-1] - numbers[0]) // self.step + 1 == len(numbers)
        if self.runs and ends and numbers[0] == self.runs[-1][1] + self.step:
            self.runs[-1][1] = numbers[-1]
            return
        for number in numbers:
            if self.runs and number == self.runs[-1][1] + self.step:
                self.runs[-1][1] = number
            else:
                self.runs.append([number, number])

    def check(self, sequences):
        """What is wrong with the log, by the ids that the publisher was told."""
        if not self.runs:
            return "nothing came"
        # What was emitted last must be there.
        final = max(n for n in range(len(sequences)) if n % self.step == self.first % self.step)
        if self.runs[-1][1] != final:
            return f"ends with {self.runs[-1]}, not {final}"
        for (_, before), (after, _) in zip(self.runs, self.runs[1:]):
            if after <= before:
                return f"{after} after {before}"
            for number in range(before + self.step, after, self.step):
                signal, sequence = f"hub.s{number % SIGNALS}", sequences[number]
                if not any(
                    sequence_of(gap["from"]) < sequence <= sequence_of(gap["lost"].get(signal, "-0"))
                    for gap, _ in self.gaps
                ):
                    return f"{number} is missing, and nobody said so"
        lost = sum((b[0] - a[1]) // self.step - 1 for a, b in zip(self.runs, self.runs[1:]))
        if bool(lost) != bool(self.gaps):
            return f"{lost} lost, {len(self.gaps)} notices"
        return None


POSITION_OF_GAP = re.compile(rb"id: (\w+-\d+)\nevent: signalbox\.gap")


def sequence_of(text):
    return int(text.split("-")[1])


class Swarm:
    """The subscribers, on one poll."""

    def __init__(self, port, count):
        self.port = port
        self.subscribers = [Subscriber(number) for number in range(count)]
        self.poll, self.by_descriptor = select.epoll(), {}
        for each in self.subscribers:
            self.open(each)

    def open(self, each):
        each.open(self.port)
        self.by_descriptor[each.peer.fileno()] = each
        self.poll.register(each.peer, select.EPOLLIN)

    def close(self, each, now):
        del self.by_descriptor[each.peer.fileno()]
        self.poll.unregister(each.peer)
        each.cut(now)

    def run(self, seconds, churn=0.0):
        """Reads for so long; `churn` is the number of cuts a second of each subscriber."""
        end = time.monotonic() + seconds
        last = time.monotonic()
        while (now := time.monotonic()) < end:
            for descriptor, _ in self.poll.poll(0.02):
                each = self.by_descriptor[descriptor]
                try:
                    data = each.peer.recv(1 << 18)
                except ConnectionError:
                    data = b""
                if data:
                    each.take(data)
                else:
                    self.close(each, now)
            share, last = churn * (now - last), now
            for each in self.subscribers:
                if each.peer is None:
                    if each.wakes_at <= now:
                        self.open(each)
                elif share and random.random() < share:
                    self.close(each, now)

    def settle(self):
        """Until everybody is there and has what there is."""
        for each in self.subscribers:
            each.wakes_at = 0
        self.run(1)
        before = None
        while before != (before := sum(each.events for each in self.subscribers)):
            self.run(1)


def post(connection, path, body):
    connection.request("POST", path, body)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def slow_readers(port, swarm):
    """Readers that never read, until events have filled their budget and the buffers below."""
    peers = [connect(port, "flood.slow", None, "1.1", receive_buffer=4096) for _ in range(20)]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    before, body = cuts(port), json.dumps("x" * 200_000)
    for _ in range(60):
        post(connection, "/v1/signals/flood.slow", body)
        swarm.run(0.02)
    after = cuts(port)
    for peer in peers:
        peer.close()
    return {"readers": len(peers), "cut": after - before}


def storm(port, count, swarm):
    """So many connections at once; all must be answered."""
    begun, peers, opened = time.monotonic(), [], 0
    for number in range(count):
        peers.append(connect(port, "hub.s2", None, "1.1"))
        if number % 50 == 49:
            swarm.run(0.001)
    connected = time.monotonic() - begun
    waiting = set(peers)
    while waiting and time.monotonic() - begun < 20:
        poll = select.poll()
        by_descriptor = {peer.fileno(): peer for peer in waiting}
        for descriptor in by_descriptor:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(50):
            if by_descriptor[descriptor].recv(65536).startswith(b"HTTP/1.1 200"):
                opened += 1
            waiting.discard(by_descriptor[descriptor])
        swarm.run(0.001)
    whole = time.monotonic() - begun
    for peer in peers:
        peer.close()
    return {"opened": opened, "of": count, "connect_s": round(connected, 2), "s": round(whole, 2)}


def flood(port, seconds, swarm):
    """Emissions as fast as they are taken, on one connection with 64 on their way."""
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setblocking(False)
    body = b'{"flood":true}'
    request = (b"POST /v1/signals/flood.fast HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
               % len(body)) + body
    sent = answered = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or answered < sent:
        if sent - answered < 64 and time.monotonic() < end:
            peer.setblocking(True)
            peer.sendall(request * 64)
            peer.setblocking(False)
            sent += 64
        try:
            answered += peer.recv(1 << 18).count(b"HTTP/1.1 200")
        except BlockingIOError:
            pass
        swarm.run(0)
        for _ in swarm.poll.poll(0):
            swarm.run(0.0005)
            break
    peer.close()
    return {"emitted": sent, "per_s": round(sent / seconds)}


def cuts(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    return sum(int(n) for n in re.findall(r"^signalbox_streams_cut_total\{.*\} (\d+)", text, re.M))


def memory(pid):
    """Anonymous memory in MiB."""
    if not pid:
        return None
    with open(f"/proc/{pid}/status") as status:
        return round(int(re.search(r"RssAnon:\s+(\d+)", status.read())[1]) / 1024, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--storm", type=int, default=300)
    parser.add_argument("--pid", type=int)
    arguments = parser.parse_args()
    port, pid = arguments.port, arguments.pid
    result = {"memory_mib": {"start": memory(pid)}}
    stop, watched = multiprocessing.Event(), multiprocessing.Event()
    phase = multiprocessing.Value("i", 0)
    phases = ["calm", "churn", "slow", "storm", "flood", "after"]
    numbers, publisher_end = multiprocessing.Pipe(False)
    latencies, watcher_end = multiprocessing.Pipe(False)
    processes = [
        multiprocessing.Process(target=watch, args=(port, phase, watched, watcher_end)),
        multiprocessing.Process(
            target=publish, args=(port, arguments.rate, stop, publisher_end)),
    ]
    processes[0].start()
    swarm = Swarm(port, arguments.subscribers)
    swarm.run(0.3)  # everybody is there before the first event
    processes[1].start()

    def during(name, action):
        phase.value = phases.index(name)
        outcome = action()
        result["memory_mib"][name] = memory(pid)
        return outcome

    pause = min(arguments.seconds / 4, 10)
    during("calm", lambda: swarm.run(pause))
    during("churn", lambda: swarm.run(arguments.seconds, churn=0.5))
    result["slow"] = during("slow", lambda: slow_readers(port, swarm))
    result["storm"] = during("storm", lambda: storm(port, arguments.storm, swarm))
    result["flood"] = during("flood", lambda: flood(port, min(pause, 2), swarm))
    during("after", lambda: swarm.run(pause))
    stop.set()
    sequences = numbers.recv()
    swarm.settle()
    watched.set()
    told = latencies.recv()
    for process in processes:
        process.join(10)
    faults = [fault for each in swarm.subscribers if (fault := each.check(sequences))]
    for each in swarm.subscribers:
        if each.peer:
            each.peer.close()
    time.sleep(1)
    result["memory_mib"]["end"] = memory(pid)
    result |= {
        "latency": {phases[key]: value for key, value in told.items()},
        "published": len(sequences), "subscribers": arguments.subscribers,
        "delivered": sum(each.events for each in swarm.subscribers),
        "connections": sum(each.connections for each in swarm.subscribers),
        "gaps": sum(len(each.gaps) for each in swarm.subscribers),
        "faults": faults[:10], "faulty": len(faults),
    }
    print(json.dumps(result))
    good = not faults and result["storm"]["opened"] == arguments.storm and result["slow"]["cut"] > 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
