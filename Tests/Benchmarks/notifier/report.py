"""Makes a table of what run.sh measured: ROUND, WORK, PROGRAM and nanoseconds in each line."""

import statistics
import sys

OURS = "bench-notifier"
PROGRAMS = [OURS, "libuv", "libevent"]
TITLES = {
    "turn 10": "turn, 10 idle timers and descriptors",
    "turn 10000": "turn, 10,000 idle timers and descriptors",
    "busy 10": "turn with a callback and a timer, 10 idle",
    "busy 10000": "the same, 10,000 idle",
    "ping 0": "ping-pong on a socket pair",
    "ping 5000": "the same, 5,000 idle descriptors",
    "timers": "add + cancel of 1 M timers, scattered",
    "timeouts": "add + cancel of 1 M timers, one length",
    "emit": "emission to 100 handlers",
    "child": "child: start to exit (clock)",
    "worker": "worker: start to result (clock)",
}

values = {}
for line in open(sys.argv[1], encoding="utf-8"):
    number, work, program, value = line.rstrip("\n").split("\t")
    values.setdefault((work, program), {})[number] = float(value)


def median(work, program=OURS):
    found = values.get((work, program))
    return statistics.median(found.values()) if found else None


def ratio(work, program, other_work, other_program):
    """Median of the ratios within each round."""
    one, other = values.get((work, program)), values.get((other_work, other_program))
    if not one or not other:
        return None
    return statistics.median(one[n] / other[n] for n in one if n in other)


def words(nanos):
    if nanos is None:
        return "-"
    return f"{nanos:,.0f} ns" if nanos < 100_000 else f"{nanos / 1e6:.2f} ms"


print(f"{'processor time of one operation':42}" + "".join(f"{p:>16}" for p in PROGRAMS)
      + f"{'to libuv':>11}{'to libevent':>13}")
for work, title in TITLES.items():
    cells = "".join(f"{words(median(work, p)):>16}" for p in PROGRAMS)
    ratios = [ratio(work, OURS, work, p) for p in PROGRAMS[1:]]
    shown = [f"{r:.2f}" if r else "-" for r in ratios]
    print(f"{title:42}{cells}{shown[0]:>11}{shown[1]:>13}")

bars = [
    ("turn, 10 -> 10,000 idle", ratio("turn 10000", OURS, "turn 10", OURS), 1.1, "times"),
    ("ping-pong, none -> 5,000 idle", ratio("ping 5000", OURS, "ping 0", OURS), 1.2, "times"),
    ("ping-pong to libuv's", ratio("ping 0", OURS, "ping 0", "libuv"), 1.0, "times"),
    ("ping-pong, 5,000 idle, to libuv's", ratio("ping 5000", OURS, "ping 5000", "libuv"), 1.0,
     "times"),
    ("timers, scattered, to libuv's", ratio("timers", OURS, "timers", "libuv"), 1.0, "times"),
    ("timers, one length, to libuv's", ratio("timeouts", OURS, "timeouts", "libuv"), 1.0, "times"),
    ("emission to 100 handlers", (median("emit") or 0) / 1e3, 1.0, "us"),
    ("child, start to exit", (median("child") or 0) / 1e6, 2.0, "ms"),
    ("worker, start to result", (median("worker") or 0) / 1e6, 0.2, "ms"),
]
print()
missed = 0
for title, value, bar, unit in bars:
    if value is None:
        print(f"{title:42}{'-':>12}  not measured")
        continue
    verdict = "holds" if value <= bar else "MISSED"
    missed += value > bar
    print(f"{title:42}{value:>12.3f} {unit:6} at most {bar:<5} {verdict}")
sys.exit(1 if missed else 0)
