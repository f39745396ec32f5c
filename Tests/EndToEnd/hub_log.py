"""The subscribers of hub.py: each keeps a log of what came to it, and says what is wrong in it."""

import array
import json
import operator
import os
import random
import re
import select
import socket
import time
import zlib

SIGNALS = 5
LONG_AWAY = 0.01  # share of the absences that outlast the history
PAUSE = 0.04  # seconds between two looks at all peers, so that a read takes several events
ASLEEP = 1.0  # seconds between two looks that tell a process that it was stopped
PATTERNS = ["hub.**", "hub.**", "hub.*", "hub.s1", "hub.s3"]
EVENT = re.compile(rb"id: \w+-(\d+)\nevent: hub\.s\d\ndata: \{\"n\":(\d+)")
GAP = re.compile(rb"event: signalbox\.gap\ndata: (\{.*\})\n")


def connect(port, pattern, last_id, version, receive_buffer=None):
    peer = socket.socket()
    try:
        if receive_buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer.connect(("127.0.0.1", port))
        resume = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        peer.sendall(f"GET /v1/events?signal={pattern} HTTP/{version}\r\n"
                     f"Host: localhost\r\n{resume}\r\n".encode())
        peer.setblocking(False)
        return peer
    except OSError:
        peer.close()
        raise


class Recording:
    """All that one subscriber sent and got, small enough to keep that of a thousand."""

    def __init__(self):
        # A window of 4 KiB: events are alike.
        self.packer, self.parts = zlib.compressobj(1, zlib.DEFLATED, 12, 4), []

    def add(self, data):
        if packed := self.packer.compress(data):
            self.parts.append(packed)

    def note(self, text):
        self.add(f"\n<<< {time.time():.3f} {text} >>>\n".encode())

    def write(self, path):
        with open(path, "wb") as file:
            file.write(zlib.decompress(b"".join(self.parts) + self.packer.flush()))


def sequence_of(text):
    return int(text.split("-")[1])


class Subscriber:
    """One log: the numbers that came, in their order, and the notices of what did not."""

    def __init__(self, number, also, keep):
        self.number, self.recording = number, Recording() if keep else None
        self.wanted = PATTERNS[number % len(PATTERNS)]
        # What else is asked for is not for the log.
        self.pattern = f"{self.wanted}&signal={also}" if also else self.wanted
        self.receive_buffer = 4096 if also else None
        self.version = "1.0" if number % 2 else "1.1"
        exact = re.fullmatch(r"hub\.s(\d)", self.wanted)
        self.signals = {int(exact[1])} if exact else set(range(SIGNALS))
        self.peer, self.tail, self.last_id = None, b"", None
        self.log, self.gaps, self.faults = array.array("I"), [], []
        self.sequence = self.connections = self.refused = 0
        self.wakes_at = 0

    def open(self, port):
        self.peer = connect(port, self.pattern, self.last_id, self.version, self.receive_buffer)
        self.tail = b""
        self.connections += 1
        self.note(f"opened with {self.last_id}, by HTTP/{self.version}")

    def note(self, text):
        if self.recording:
            self.recording.note(text)

    def wake(self):
        """To be called after a long sleep: what has come together is read at full speed."""
        self.receive_buffer = None
        if self.peer:
            self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    def take(self, data, seen):
        if self.recording:
            self.recording.add(data)
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 200"):
            self.refused += 1
        data = self.tail + data
        end = data.rfind(b"\n\n") + 2
        if end < 2:
            self.tail = data
            return
        self.tail, data = data[end:], data[:end]
        if b"signalbox.gap" in data:
            self.gaps += [json.loads(notice) for notice in GAP.findall(data)]
        if found := EVENT.findall(data):
            sequences = [int(sequence) for sequence, _ in found]
            numbers = [int(number) for _, number in found]
            if self.sequence >= sequences[0] or not all(map(
                    operator.lt, sequences, sequences[1:])):
                self.faults.append(f"{sequences} after {self.sequence}")
            self.sequence = sequences[-1]
            self.log.extend(numbers)
            seen.update(zip(numbers, sequences))
        # As a browser does it: the last id that came is where to go on.
        at = (b"\n" + data).rfind(b"\nid: ")
        if at >= 0:
            last_id = data[at + 4:data.index(b"\n", at + 4)].decode()
            if self.last_id and last_id.split("-")[0] != self.last_id.split("-")[0]:
                self.faults.append(f"{last_id} after {self.last_id}")
            self.last_id = last_id

    def check(self, expected, known):
        """What is wrong with the log; `expected` are the numbers that it should have, in order."""
        if self.faults:
            return self.faults[0]
        log = self.log.tolist()
        missing = set(expected).difference(log)
        if len(set(log)) != len(log):
            return f"doubled: {sorted(n for n in set(log) if log.count(n) > 1)[:5]}"
        if log != [number for number in expected if number not in missing]:
            return "holds what was not published, or in another order"
        for number in missing:
            name, sequence = f"hub.s{number % SIGNALS}", known[number]
            if not any(sequence_of(gap["from"]) < sequence
                       <= sequence_of(gap["lost"].get(name, "-0")) for gap in self.gaps):
                return (f"{number} ({name}, {sequence}) and {len(missing)} in all are missing, "
                        f"and nobody said so: {self.gaps[-3:]}")
        # A notice names the last event that is missing of each signal.
        lost = {(f"hub.s{n % SIGNALS}", known[n]) for n in missing}
        published = {known[number] for number in expected}
        for gap in self.gaps:
            for name, last in gap["lost"].items():
                last = sequence_of(last)
                if name.startswith("hub.") and last in published and (name, last) not in lost:
                    return f"{name} {last} is said to be missing: {gap}"
        self.missing = len(missing)
        return None


class Swarm:
    """Subscribers on one poll."""

    def __init__(self, port, numbers, also, keep):
        self.port, self.seen, self.keep = port, {}, keep
        self.subscribers = [Subscriber(number, also, keep) for number in numbers]
        self.poll, self.by_descriptor = select.epoll(), {}
        self.looked = time.monotonic()
        for each in self.subscribers:
            self.open(each, 0)

    def open(self, each, now):
        try:
            each.open(self.port)
        except OSError:
            each.wakes_at = now + random.uniform(0.05, 0.3)
            return
        self.by_descriptor[each.peer.fileno()] = each
        self.poll.register(each.peer, select.EPOLLIN)

    def close(self, each, wakes_at, why):
        each.note(f"closed: {why}, {len(each.tail)} bytes of an event are left")
        del self.by_descriptor[each.peer.fileno()]
        self.poll.unregister(each.peer)
        each.peer.close()
        each.peer, each.wakes_at = None, wakes_at

    def run(self, seconds, churn=0.0):
        """Reads for so long; `churn` is the number of cuts a second of each subscriber."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            if now - self.looked > ASLEEP:
                for each in self.subscribers:
                    if each.receive_buffer:
                        each.wake()
            for descriptor, _ in self.poll.poll(PAUSE):
                each = self.by_descriptor[descriptor]
                try:
                    data = each.peer.recv(1 << 18)
                except ConnectionError:
                    data = b""
                if data:
                    each.take(data, self.seen)
                else:
                    self.close(each, now + random.uniform(0, 0.5), "by the gateway")
            share, self.looked = churn * (now - self.looked), now
            for each in self.subscribers:
                if each.peer is None:
                    if each.wakes_at <= now:
                        self.open(each, now)
                elif share and random.random() < share:
                    away = random.random() < LONG_AWAY
                    self.close(each, now + (random.uniform(4, 7) if away
                                            else random.uniform(0, 0.3)), "by us")
            time.sleep(PAUSE)

    def gather(self):
        """Until everybody knows where it stands."""
        while any(each.last_id is None for each in self.subscribers):
            self.run(0.1)

    def settle(self, told):
        """Until everybody has the last of what was acknowledged, or ten seconds are over."""
        last = [max((sequence for number, sequence in told.items() if number % SIGNALS == signal),
                    default=0) for signal in range(SIGNALS)]
        for each in self.subscribers:
            each.wakes_at = 0
        end = time.monotonic() + 10
        while time.monotonic() < end and any(
                each.sequence < max(last[signal] for signal in each.signals)
                for each in self.subscribers):
            self.run(0.1)
        # What comes now would be a double.
        self.run(0.3)

    def report(self, known):
        """Counts, and the faults of the logs against the numbers and their sequence numbers."""
        order = sorted(known, key=known.get)
        expected = {signals: [n for n in order if n % SIGNALS in signals]
                    for signals in {frozenset(each.signals) for each in self.subscribers}}
        faults = []
        for each in self.subscribers:
            each.missing = 0
            if fault := each.check(expected[frozenset(each.signals)], known):
                faults.append(f"{each.wanted}: {fault}")
                if each.recording:
                    each.note(fault)
                    each.recording.write(f"{self.keep}/{os.getpid()}-{each.number}")
        total = lambda value: sum(map(value, self.subscribers))
        for each in self.subscribers:
            if each.peer:
                each.peer.close()
        return {
            "delivered": total(lambda each: len(each.log)),
            "connections": total(lambda each: each.connections),
            "refused": total(lambda each: each.refused),
            "gaps": total(lambda each: len(each.gaps)),
            "missing_by_notice": total(lambda each: each.missing), "faults": faults,
        }
