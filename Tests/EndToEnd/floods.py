#!/usr/bin/env python3
"""floods: more connections than are good, beside a client that only wants its answers.

    floods.py slow --binary .build/release/signalbox [--count 10000] [--seconds 20] [--rate 100]
                   [--head-timeout 10] [--interval 2]
    floods.py descriptors --binary .build/release/signalbox [--limit 1024]

`slow` holds that many connections whose heads drip in, a byte each `--interval` seconds. Whichever the
gateway ends is opened anew, so that all of them are there all the time. Meanwhile a client asks at a
fixed rate, by turns on a connection that stays and on a new one. Latency counts from the moment at
which the request was due, before the flood, within it and behind it. Each slow connection must get 408
when the time for its head is over, and neither earlier nor another end.

`descriptors` starts the gateway with that limit of open files and connects twice as often, first with
peers that say nothing, then with peers that have begun a request. Last, the limit is lowered to what is
open while all peers are busy: then nobody can be sent away for a newcomer, and only the descriptor kept
in reserve can let him in and out. The client that came before must be served throughout, the processor
must not spin, newcomers must be told by an end instead of silence, and when the flood is over the next
one must be served at once, with as many descriptors open as before.

Prints figures and `0 surprises`, or each surprise; exit status 1 if there was any. Clients and gateway
need about `--count` descriptors each (`ulimit -n`). Only the standard library is needed.
"""

import argparse
import heapq
import json
import multiprocessing
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

WAIT = 20  # seconds for what must come; a failure, never the rule
GET = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
SLOW_HEAD = b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Slow: "
SOURCES = 8  # addresses that the slow ones come from
TICK = os.sysconf("SC_CLK_TCK")


class Surprises:
    def __init__(self):
        self.count = 0

    def add(self, text):
        self.count += 1
        print("SURPRISE:", text, flush=True)

    def unless(self, holds, text):
        if not holds:
            self.add(text)


class Gateway:
    """The gateway under test, on one plain port."""

    def __init__(self, binary, limits, descriptors=None):
        with socket.create_server(("127.0.0.1", 0)) as one:
            self.port = one.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "signalbox.json5")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"listeners": [{"url": f"http://127.0.0.1:{self.port}"}], "limits": limits,
                       "modules": {"echo": {"builtin": "echo"}}}, file)
        command = [binary, "serve", "--config", path]
        if descriptors:
            command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$0" "$@"'] + command
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + WAIT
        while True:
            try:
                Client(self.port).ask()
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    sys.exit("the gateway does not get ready")
                time.sleep(0.02)

    @property
    def descriptors(self):
        """What each of its descriptors is, but for its standard ones."""
        folder, found = f"/proc/{self.process.pid}/fd", {}
        for name in os.listdir(folder):
            try:
                found[int(name)] = os.readlink(f"{folder}/{name}")
            except OSError:
                pass  # closed meanwhile
        return found

    @property
    def reserves(self):
        """Descriptors that are kept for the moment in which there are none."""
        return sum(1 for n, what in self.descriptors.items() if n > 2 and what == "/dev/null")

    @property
    def memory(self):
        """Resident memory in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    @property
    def seconds(self):
        """Processor time so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            words = file.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / TICK

    def limit(self, count):
        """Changes its limit of open files while it runs."""
        hard = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (count, hard))

    def settle(self):
        """Waits until the number of its descriptors stays the same; returns that number."""
        count, since = None, time.monotonic()
        while time.monotonic() < since + 0.2:
            if (now := len(self.descriptors)) != count:
                count, since = now, time.monotonic()
            time.sleep(0.02)
        return count

    def wait_for_descriptors(self, count):
        """Waits until it has that many; returns how long that took, or None."""
        start = time.monotonic()
        while time.monotonic() < start + WAIT:
            if len(self.descriptors) <= count:
                return time.monotonic() - start
            time.sleep(0.01)
        return None

    def stop(self, surprises):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "nothing"
        surprises.unless(status == 0, f"the gateway left with {status}")


class Client:
    """A connection that makes one request at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT)

    def ask(self):
        self.socket.sendall(GET)
        answer = b""
        while not answer.endswith(b"\r\n\r\nok\n"):
            part = self.socket.recv(4096)
            if not part:
                raise ConnectionResetError("closed")
            answer += part
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise ConnectionResetError(answer[:40])


class Latencies:
    """What the client's requests took, in milliseconds."""

    def __init__(self):
        self.kept, self.fresh = [], []

    @staticmethod
    def of(values):
        values = sorted(values)
        if not values:
            return "none"
        p99 = values[min(len(values) - 1, len(values) * 99 // 100)]
        return (f"p50 {values[len(values) // 2]:6.2f} ms, p99 {p99:6.2f} ms, "
                f"max {values[-1]:6.2f} ms ({len(values)})")

    def show(self, when):
        print(f"{when}: kept connection {self.of(self.kept)}; new one {self.of(self.fresh)}",
              flush=True)

    @property
    def median(self):
        values = sorted(self.kept + self.fresh)
        return values[len(values) // 2]


def measure(gateway, guest, seconds, rate, surprises):
    """Asks at a fixed rate for some seconds."""
    latencies = Latencies()
    start = time.monotonic()
    for number in range(int(seconds * rate)):
        due = start + number / rate
        if (rest := due - time.monotonic()) > 0:
            time.sleep(rest)
        try:
            if number % 2:
                guest.ask()
                latencies.kept.append((time.monotonic() - due) * 1000)
            else:
                newcomer = Client(gateway.port)
                newcomer.ask()
                latencies.fresh.append((time.monotonic() - due) * 1000)
                newcomer.socket.close()
        except OSError as error:
            surprises.add(f"a client's request: {error!r}")
            break
    return latencies


# --- slow heads ---------------------------------------------------------------------------------


class Drips:
    """A share of the slow connections, in a process of its own."""

    def __init__(self, port, count, number, options):
        self.port, self.count, self.number, self.options = port, count, number, options
        self.poll = select.epoll()
        self.open = {}  # descriptor: socket, when its head began
        self.due = []  # (when, descriptor, when its head began)
        self.ages, self.others = [], []
        self.opened = 0

    def connect(self):
        source = f"127.0.0.{2 + self.opened % SOURCES}"
        one = socket.create_connection(("127.0.0.1", self.port), WAIT, (source, 0))
        now = time.monotonic()
        one.sendall(SLOW_HEAD)
        one.setblocking(False)
        self.opened += 1
        self.open[one.fileno()] = one, now
        heapq.heappush(self.due, (now + self.options.interval, one.fileno(), now))
        self.poll.register(one.fileno(), select.EPOLLIN | select.EPOLLRDHUP)

    def drip(self):
        """Sends a byte on each connection whose turn it is."""
        now = time.monotonic()
        while self.due and self.due[0][0] <= now:
            _, number, began = heapq.heappop(self.due)
            one, since = self.open.get(number, (None, None))
            if since != began:
                continue  # the descriptor has been used again
            try:
                one.send(b"a")
            except OSError:
                pass  # it has ended, which the poll will tell
            heapq.heappush(self.due, (now + self.options.interval, number, began))

    def read(self, seconds):
        """Takes the ends that have come."""
        for number, _ in self.poll.poll(seconds):
            one, began = self.open.pop(number)
            age = time.monotonic() - began
            try:
                answer = one.recv(4096)
            except OSError as error:
                answer = repr(error).encode()
            if answer.startswith(b"HTTP/1.1 408 "):
                self.ages.append(age)
            else:
                self.others.append((age, answer[:60]))
            self.poll.unregister(number)
            one.close()

    def run(self, pipe):
        # Spread over the time for one head, so that they end one by one and not all at once.
        pace = self.count / self.options.head_timeout / 0.9
        start, is_told, held = time.monotonic(), False, 0
        while True:
            if held == self.count:
                wanted = 0 if pipe.poll() else self.count
                if not is_told:
                    pipe.send("held")
                    is_told = True
                if wanted == 0:
                    break
            else:
                held = wanted = min(self.count, int((time.monotonic() - start) * pace) + 1)
            for _ in range(min(wanted - len(self.open), 50)):
                self.connect()
            self.drip()
            self.read(0 if len(self.open) < wanted else 0.002)
        while self.open:
            self.drip()
            self.read(0.002)
        pipe.send((self.opened, self.ages, self.others))


def drip(*arguments):
    pipe = arguments[-1]
    try:
        Drips(*arguments[:-1]).run(pipe)
    except OSError as error:
        pipe.send(error)


def play_slow(options, surprises):
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if files < options.count + 200:
        sys.exit(f"{options.count} connections need a limit of open files above {files}")
    # Loops share the limits evenly, and the kernel does not share connections out that evenly.
    limit = options.count + options.count // 2 + 200
    gateway = Gateway(options.binary, {
        "connections": limit, "connections_per_address": limit // 2,
        "head_timeout": f"{options.head_timeout}s"})
    guest = Client(gateway.port)
    guest.ask()
    # Warmed up, or the first figures would be those of page faults.
    measure(gateway, guest, 0.5, options.rate, surprises)
    at_first, memory = gateway.settle(), gateway.memory
    before = measure(gateway, guest, options.seconds, options.rate, surprises)
    before.show("before")
    print(f"before: {memory} KiB, {at_first} descriptors", flush=True)

    jobs = []
    for number in range(options.jobs):
        near, far = multiprocessing.Pipe()
        share = options.count // options.jobs
        job = multiprocessing.Process(target=drip, args=(gateway.port, share, number, options, far))
        job.start()
        jobs.append((job, near))
    for _, pipe in jobs:
        if not pipe.poll(options.head_timeout + 60) or (word := pipe.recv()) != "held":
            surprises.add("the slow connections do not come about")
            return
    start, used = time.monotonic(), gateway.seconds
    within = measure(gateway, guest, options.seconds, options.rate, surprises)
    share = (gateway.seconds - used) / (time.monotonic() - start)
    held, full = len(gateway.descriptors) - at_first, gateway.memory
    within.show("within")
    print(f"within: {full} KiB, {held} connections more than before, that is "
          f"{(full - memory) * 1024 / max(held, 1):.0f} bytes each; {share:.0%} of a processor",
          flush=True)
    # Some have just got their 408 and are about to be opened anew.
    surprises.unless(held >= options.count * 0.9, f"only {held} connections are held")
    opened, ages, others = 0, [], []
    for _, pipe in jobs:
        pipe.send("stop")
    for job, pipe in jobs:
        if not pipe.poll(options.head_timeout + 60):
            surprises.add("slow connections that do not end")
            return
        result = pipe.recv()
        if isinstance(result, OSError):
            surprises.add(f"slow connections: {result!r}")
            return
        opened, ages, others = opened + result[0], ages + result[1], others + result[2]
        job.join()
    after = gateway.wait_for_descriptors(at_first)
    behind = measure(gateway, guest, options.seconds, options.rate, surprises)
    behind.show("behind")
    print(f"behind: {gateway.memory} KiB, {len(gateway.descriptors)} descriptors", flush=True)
    ages.sort()
    print(f"{opened} slow connections, {len(ages)} got 408, {ages[0]:.2f} to {ages[-1]:.2f} s "
          f"(median {ages[len(ages) // 2]:.2f}) after their first byte; other ends: {len(others)}")
    surprises.unless(not others, f"other ends than 408: {others[:3]}")
    surprises.unless(len(ages) == opened, "not every slow connection got its 408")
    surprises.unless(ages[0] > options.head_timeout * 0.95, f"408 after {ages[0]:.2f} s")
    surprises.unless(ages[-1] < options.head_timeout + 5, f"408 after {ages[-1]:.2f} s")
    surprises.unless(after is not None, f"{len(gateway.descriptors)} descriptors are left")
    # A bound that load on the machine does not break: who starves waits for seconds.
    bound = max(10 * before.median, 10 * behind.median, 250)
    surprises.unless(within.median < bound, f"a median of {within.median:.1f} ms in the flood")
    gateway.stop(surprises)


# --- descriptors --------------------------------------------------------------------------------


class Crowd:
    """Peers of one kind: `text` is what each of them sends."""

    def __init__(self, gateway, text):
        self.gateway, self.text = gateway, text
        self.peers, self.most = [], 0

    def connect(self, count):
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", self.gateway.port), WAIT)
            try:
                one.sendall(self.text)
            except OSError:
                pass
            one.setblocking(False)
            self.peers.append(one)
        self.look()

    def look(self):
        """Counts the gateway's descriptors; returns how many there are."""
        now = len(self.gateway.descriptors)
        self.most = max(self.most, now)
        return now

    def fill(self, count):
        """Connects so slowly that each is heard before the next comes."""
        deadline = time.monotonic() + WAIT
        while len(self.peers) < count and time.monotonic() < deadline:
            wanted = self.look() + 8
            self.connect(8)
            moment = time.monotonic() + 0.1
            while self.look() < wanted and time.monotonic() < moment:
                time.sleep(0.001)

    def wait_for_ends(self, count):
        """Waits until the gateway has ended that many."""
        deadline = time.monotonic() + WAIT
        while self.ended < count and time.monotonic() < deadline:
            self.look()
            time.sleep(0.005)

    @property
    def ended(self):
        """How many of them the gateway has ended."""
        poll = select.poll()
        for one in self.peers:
            poll.register(one, select.POLLIN | select.POLLRDHUP)
        return len(poll.poll(0))

    def leave(self):
        for one in self.peers:
            one.close()


def play_descriptors(options, surprises):
    # In the flood nobody's time for a head may be over: the reserve alone is to end connections.
    gateway = Gateway(options.binary, {"head_timeout": "60s"}, options.limit)
    guest = Client(gateway.port)
    guest.ask()
    at_first, reserves, memory = gateway.settle(), gateway.reserves, gateway.memory
    # The last one taken in is the first to go; and each loop may be without its reserve just now.
    brim = options.limit - 2 * reserves
    print(f"before: {at_first} descriptors of {options.limit}, {reserves} of them kept in reserve, "
          f"{memory} KiB", flush=True)
    for name, text in (("silent", b""), ("busy", SLOW_HEAD), ("lowered", SLOW_HEAD)):
        crowd = Crowd(gateway, text)
        if name == "lowered":
            crowd.fill(options.limit // 2)
            full = gateway.settle()
            gateway.limit(full)
            crowd.connect(64)
            crowd.wait_for_ends(1)
        else:
            crowd.fill(options.limit)
            crowd.connect(options.limit)
            crowd.wait_for_ends(len(crowd.peers) - options.limit + at_first)
        sent_away, start, used = crowd.ended, time.monotonic(), gateway.seconds
        latencies = []
        while time.monotonic() < start + 1:
            begun = time.monotonic()
            try:
                guest.ask()
            except OSError as error:
                surprises.add(f"{name} flood: who was inside before gets {error!r}")
                break
            latencies.append((time.monotonic() - begun) * 1000)
            crowd.look()
            time.sleep(0.01)
        share = (gateway.seconds - used) / (time.monotonic() - start)
        now_away, most = crowd.ended, crowd.most
        print(f"{name} flood of {len(crowd.peers)}: {most} descriptors at most, "
              f"{now_away} peers sent away, {now_away - sent_away} of them in the last second, "
              f"{share:.0%} of a processor, guest {Latencies.of(latencies)}", flush=True)
        surprises.unless(share < 0.6, f"{name} flood: the gateway spins ({share:.0%})")
        if name == "lowered":
            surprises.unless(most <= full, f"lowered limit: {most} descriptors instead of {full}")
            surprises.unless(now_away > sent_away, "lowered limit: the reserve does nothing")
            gateway.limit(options.limit)
        else:
            surprises.unless(most >= brim, f"{name} flood: {most} descriptors are no flood")
            surprises.unless(now_away >= len(crowd.peers) - options.limit,
                             f"{name} flood: newcomers are left in silence")
        crowd.leave()
        start = time.monotonic()
        newcomer = admitted(gateway)
        taken = (time.monotonic() - start) * 1000
        surprises.unless(newcomer is not None, f"{name} flood: nobody is let in afterwards")
        if newcomer:
            newcomer.socket.close()
        # A loop whose reserve another one has taken gets a new one with its next newcomer.
        deadline = time.monotonic() + WAIT
        while gateway.reserves < reserves and time.monotonic() < deadline:
            Client(gateway.port).ask()
        back = gateway.wait_for_descriptors(at_first)
        surprises.unless(back is not None and len(gateway.descriptors) == at_first,
                         f"{name} flood: {len(gateway.descriptors)} descriptors afterwards")
        surprises.unless(gateway.reserves == reserves, f"{name} flood: the reserve is gone")
        guest.ask()
        print(f"behind it: a newcomer is served after {taken:.0f} ms, {len(gateway.descriptors)} "
              f"descriptors after {(back or 0) * 1000:.0f} ms more, {gateway.reserves} kept in "
              f"reserve, {gateway.memory} KiB", flush=True)
    gateway.stop(surprises)


def admitted(gateway):
    """A newcomer who has been served, or None."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        try:
            newcomer = Client(gateway.port)
            newcomer.ask()
            return newcomer
        except OSError:
            pass
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    floods = parser.add_subparsers(dest="flood", required=True)
    slow = floods.add_parser("slow")
    slow.add_argument("--binary", required=True, help="the signalbox to start")
    slow.add_argument("--count", type=int, default=10000, help="slow connections")
    slow.add_argument("--seconds", type=float, default=20, help="length of each measurement")
    slow.add_argument("--rate", type=float, default=100, help="requests of the client per second")
    slow.add_argument("--head-timeout", type=int, default=10, help="limits.head_timeout in seconds")
    slow.add_argument("--interval", type=float, default=2, help="seconds from byte to byte")
    slow.add_argument("--jobs", type=int, default=2, help="processes that hold connections")
    scarce = floods.add_parser("descriptors")
    scarce.add_argument("--binary", required=True, help="the signalbox to start")
    scarce.add_argument("--limit", type=int, default=1024, help="the gateway's limit of open files")
    options = parser.parse_args()
    surprises = Surprises()
    (play_slow if options.flood == "slow" else play_descriptors)(options, surprises)
    print(f"{surprises.count} surprises")
    return 1 if surprises.count else 0


if __name__ == "__main__":
    sys.exit(main())
