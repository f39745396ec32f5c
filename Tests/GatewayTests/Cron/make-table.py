#!/usr/bin/env python3
"""Makes the table that CronTableTests.swift compares with: random cron expressions, moments and zones,
and when Python's croniter says that they come next.

    pip install croniter==6.0.0
    make-table.py [ROWS [SEED]] | gzip -9n > table.tsv.gz

A row: expression, zone, a moment, the next three moments by the rule, each in seconds after the one
before it, and how many seconds later than the first of these croniter's own answer is.

croniter knows calendars well; its account of daylight saving time differs from Vixie cron's, which is
the rule here. So it is asked on a calendar without switches (naive local time), and the rule is laid
over that with zoneinfo, an implementation of time zones that shares nothing with ours:

  - an expression that names hours: a time that is skipped runs at the switch, a repeated one the first
    time only;
  - one with every hour runs whenever the clock on the wall fits.

The last column is croniter's own answer for a zone, of which the test counts the differences and
expects them near switches only.

Left out, because croniter's answer is no rule one could state: ranges from a number to itself (the
whole field), steps of ranges that go round the end, and # or L beside a day of the month.
"""
import random
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
         "America/St_Johns", "Pacific/Auckland"]
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()


def part(rng, low, high, names=None, offset=0):
    def word(n):
        if names and 0 <= n - offset < len(names) and rng.random() < 0.4:
            return names[n - offset].upper() if rng.random() < 0.2 else names[n - offset]
        return str(n)
    kind = rng.random()
    if kind < 0.45:
        return word(rng.randint(low, high))
    if kind < 0.7:
        a, b = rng.sample(range(low, high + 1), 2)
        if a < b and rng.random() < 0.5:
            return f"{word(a)}-{word(b)}/{rng.randint(1, max(1, (high - low) // 2))}"
        return f"{word(a)}-{word(b)}"
    if kind < 0.9:
        return f"*/{rng.randint(1, high)}"
    return f"{rng.randint(low, high - 1)}/{rng.randint(1, high)}"


def field(rng, star, low, high, names=None, offset=0):
    if rng.random() < star:
        return "*"
    return ",".join(part(rng, low, high, names, offset)
                    for _ in range(rng.choice([1, 1, 1, 2, 3])))


def expression(rng):
    if rng.random() < 0.03:
        return rng.choice(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight",
                           "@hourly"])
    day = field(rng, 0.55, 1, 31)
    weekday = field(rng, 0.55, 0, 6, DAYS)
    special = rng.random()
    if special < 0.05:
        day, weekday = "*", f"{rng.choice(DAYS + list('0123456'))}#{rng.randint(1, 5)}"
    elif special < 0.1:
        day, weekday = "*", f"l{rng.randint(0, 6)}"
    elif special < 0.15:
        day, weekday = rng.choice(["l", "L", "1,l"]), "*"
    elif special < 0.18:
        day, weekday = "?", weekday
    minute = field(rng, 0.25, 0, 59)
    # Hours between 0 and 4 are where the switches are.
    hour = field(rng, 0.3, 0, 23) if rng.random() < 0.6 else field(rng, 0.2, 0, 4)
    return f"{minute} {hour} {day} {field(rng, 0.6, 1, 12, MONTHS, 1)} {weekday}"


def switches(zone):
    """The moments in 2020 to 2036 at which the offset changes, by bisection."""
    found = []
    step = timedelta(days=5)
    at = datetime(2020, 1, 1, tzinfo=timezone.utc)
    while at.year < 2036:
        low, high = at, at + step
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                if middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset():
                    low = middle
                else:
                    high = middle
            found.append(high)
        at += step
    return found


def has_every_hour(text):
    if text == "@hourly":
        return True
    if text.startswith("@"):
        return False
    return croniter.expand(text)[0][1] == ["*"]


def by_rule(text, zone, start, count):
    """The next moments, in seconds since 1970."""
    every = has_every_hour(text)
    results = []
    local = start.astimezone(zone).replace(tzinfo=None) - timedelta(hours=4)
    calendar = croniter(text, local, max_years_between_matches=50)
    while len(results) < count:
        moment = calendar.get_next(datetime)
        first = moment.replace(tzinfo=zone, fold=0)
        instants = []
        exists = first.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None) == moment
        if exists:
            instants = [first.timestamp()]
            second = moment.replace(tzinfo=zone, fold=1)
            if every and second.utcoffset() != first.utcoffset():
                instants.append(second.timestamp())
        elif not every:
            # In a gap: fold 0 is the offset before it, so the switch lies before that instant.
            low, high = first.timestamp() - 86400, first.timestamp()
            before = datetime.fromtimestamp(low, zone).utcoffset()
            while high - low > 1:
                middle = (low + high) // 2
                if datetime.fromtimestamp(middle, zone).utcoffset() == before:
                    low = middle
                else:
                    high = middle
            instants = [high]
        for instant in instants:
            if instant > start.timestamp() and int(instant) not in results:
                results.append(int(instant))
        # Repeated hours make instants come out of order: look four hours further, then sort.
        if len(results) >= count:
            horizon = max(sorted(results)[:count]) + 4 * 3600
            while moment.replace(tzinfo=zone).timestamp() < horizon:
                moment = calendar.get_next(datetime)
                for fold in (0, 1):
                    at = moment.replace(tzinfo=zone, fold=fold)
                    back = at.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None)
                    if back == moment and (every or fold == 0):
                        if at.timestamp() > start.timestamp():
                            results.append(int(at.timestamp()))
    return sorted(set(results))[:count]


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 20261122)
    zones = {name: ZoneInfo(name) for name in ZONES}
    near = {name: switches(zone) for name, zone in zones.items()}
    made = 0
    while made < rows:
        name = rng.choice(ZONES)
        if near[name] and rng.random() < 0.6:
            start = rng.choice(near[name]) + timedelta(seconds=rng.randint(-90000, 7200))
        else:
            start = datetime(2021, 1, 1, tzinfo=timezone.utc) + timedelta(
                seconds=rng.randint(0, 14 * 365 * 86400))
        start = start.replace(microsecond=0)
        text = expression(rng)
        try:
            rule = by_rule(text, zones[name], start, 3)
        except Exception:
            try:
                croniter(text, start).get_next()
            except Exception:
                continue  # croniter refuses it, or no month has such a day
            raise
        own = croniter(text, start.astimezone(zones[name]), max_years_between_matches=50)
        own = int(own.get_next(float))
        moments = [int(start.timestamp())] + rule
        steps = [str(after - before) for before, after in zip(moments, moments[1:])]
        print(text, name, moments[0], " ".join(steps), own - rule[0], sep="\t")
        made += 1


main()
