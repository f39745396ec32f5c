#!/usr/bin/env python3
"""A module for chaos.py that does, by command, what a module should not.

It reads whatever has come, answers in random order, and writes its lines in random pieces. Every
right answer is the call's own params, so that the caller can tell whether it is its own. With the
argument `stubborn` it ignores SIGTERM.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

over = []  # ids that were answered
late = []  # (when, message)
chance = random.Random(os.getpid())


def line(message):
    return json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode() + b"\n"


def write(data):
    while data:
        data = data[os.write(1, data):]


def split(data):
    """Writes in up to four pieces, each of which the gateway may see by itself."""
    for _ in range(3):
        cut = chance.randrange(len(data) + 1)
        write(data[:cut])
        data = data[cut:]
    write(data)


def answer(message):
    key, method, params = message["id"], message["method"], message["params"]
    right = line({"id": key, "result": params})
    if method == "late":
        late.append((time.monotonic() + chance.random() * 0.03, {**message, "method": "echo"}))
        return b""
    over.append(key)
    if len(over) > 200:
        del over[:100]
    if method == "twice":
        return right + line({"id": key, "result": "a second answer"})
    if method == "wrong":
        ids = [key + 1024 * 1000, key - 1024 * 1000, -1, 0, str(key), None, 1.5, chance.choice(over[:-1] or [0])]
        return b"".join(line({"id": i, "result": "for somebody else"}) for i in ids) + right
    if method == "big":
        return line({"id": key, "result": {"pad": "x" * params["size"], "nonce": params["nonce"]}})
    if method == "over":
        return line({"id": key, "result": "x" * 300_000})
    if method == "nan":
        return b'{"jsonrpc":"2.0","id":%d,"result":NaN}\n' % key
    if method == "utf8":
        return b'{"jsonrpc":"2.0","id":%d,"result":"\xff\xfe"}\n' % key
    if method == "garbage":
        return b"Loading...\n\xff\xfe\n\n[1]\n{}\n{\"id\":\n" + right
    if method == "flood":
        os.write(2, (b"y" * 1000 + b"\n") * 64)
    if method == "progress":
        steps = [{"id": key, "value": {"step": n, "nonce": params["nonce"]}} for n in range(3)]
        return b"".join(line({"method": "progress", "params": s}) for s in steps) + right
    if method == "crash":
        kind = chance.randrange(3)
        if kind == 0:
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL if kind == 1 else signal.SIGSEGV)
    if method == "fork":
        # The grandchild holds our standard output, and its end must not be waited for.
        subprocess.Popen(["sleep", "300"], stdin=subprocess.DEVNULL)
        os._exit(5)
    if method == "close":
        os.close(1)
        time.sleep(300)
    return b"" if method == "hang" else right


def due():
    now = time.monotonic()
    ready = [message for when, message in late if when <= now]
    late[:] = [(when, message) for when, message in late if when > now]
    return ready


rest = b""
import select

while True:
    if not select.select([0], [], [], 0.005 if late else None)[0]:
        write(b"".join(map(answer, due())))
        continue
    chunk = os.read(0, 65536)
    if not chunk:
        if "stubborn" in sys.argv:
            time.sleep(300)
        break
    *lines, rest = (rest + chunk).split(b"\n")
    messages = [json.loads(text) for text in lines] + due()
    messages = [message for message in messages if "id" in message]
    chance.shuffle(messages)
    output = b"".join(map(answer, messages))
    if chance.random() < 0.3:
        split(output)
    else:
        write(output)
