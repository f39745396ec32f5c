#!/usr/bin/env python3
"""Counts the allocations that a request costs a release build on connections that stay.

    Tests/Benchmarks/allocations.py --binary .build/release/signalbox --ca certs/dev-ca.crt
                                    [--requests 4000] [--ceiling 0]

The gateway runs with a counter in front of malloc and its kin (allocations.c, built with cc) on one
loop, with the limits and deadlines that it has by default. Each row is measured with N and with 6 N
requests on 8 connections that are open and warm: what the 5 N requests more have allocated, divided by
5 N, is what one request costs. What is done once, or once a second, falls out.

Over TLS the allocations of OpenSSL have a line of their own. They are its record buffers, which it gives
back after each turn because an idle connection must not keep 32 KiB, and its bookkeeping of a record.

Prints `name value unit` lines; exit status 1 if a GET, in whichever row, is above the ceiling when
rounded to two places, OpenSSL's share left out.
"""

import argparse
import json
import mmap
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WAIT = 20  # seconds for what must come
CONNECTIONS = 8
FIELDS = ("Host: 127.0.0.1\r\nUser-Agent: allocations/1\r\nAccept: application/json\r\n"
          "Accept-Language: en\r\nCookie: theme=dark\r\n")
ANSWER = {"id": 42, "name": "signalbox", "ok": True, "values": [1, 2, 3, 4, 5, 6, 7, 8],
          "text": "hello from the gateway"}
GET = f"GET /v1/modules/bench/answer HTTP/1.1\r\n{FIELDS}\r\n".encode()


def post(size):
    """A POST to the echo of a JSON text of about that many bytes."""
    body = json.dumps(["0123456789abcdef"] * (size // 19), separators=(",", ":"))
    return (f"POST /v1/modules/echo/echo HTTP/1.1\r\n{FIELDS}Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


# Name, over TLS or not, the request, requests in one write, whether the ceiling is for it.
ROWS = [
    ("get", False, GET, 1, True),
    ("get-pipelined-16", False, GET, 16, True),
    ("get-tls", True, GET, 1, True),
    ("get-tls-pipelined-16", True, GET, 16, True),
    ("echo-100", False, post(100), 1, False),
    ("echo-1k", False, post(1024), 1, False),
    ("echo-64k", False, post(65536), 1, False),
    ("echo-1k-tls", True, post(1024), 1, False),
]


class Gateway:
    """The gateway with the counter in front of its allocator."""

    def __init__(self, options):
        self.folder = tempfile.TemporaryDirectory()
        counter, numbers = self.file("counter.so"), self.file("numbers")
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        subprocess.run([compiler or "cc", "-O2", "-shared", "-fPIC", "-o", counter,
                        HERE + "/allocations.c"], check=True)
        with open(numbers, "wb") as file:
            file.write(bytes(16))
        with open(numbers, "r+b") as file:
            self.numbers = mmap.mmap(file.fileno(), 16)
        self.ports = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as one:
                self.ports.append(one.getsockname()[1])
        certificates = os.path.dirname(os.path.abspath(options.ca))
        with open(self.file("signalbox.json5"), "w", encoding="utf-8") as file:
            json.dump({
                "loops": 1,
                "listeners": [
                    {"url": f"http://127.0.0.1:{self.ports[0]}"},
                    {"url": f"https://127.0.0.1:{self.ports[1]}",
                     "certificate": certificates + "/localhost.crt",
                     "key": certificates + "/localhost.key"}],
                "modules": {"echo": {"builtin": "echo"}, "bench": {"reply": {"answer": ANSWER}}},
            }, file)
        self.process = subprocess.Popen(
            [options.binary, "serve", "--config", self.file("signalbox.json5")],
            env={**os.environ, "LD_PRELOAD": counter, "ALLOCATIONS": numbers},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + WAIT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.ports[1]), WAIT).close()
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    sys.exit("the gateway does not start")
                time.sleep(0.02)

    def file(self, name):
        return os.path.join(self.folder.name, name)

    @property
    def counts(self):
        """Allocations so far, our own and those of OpenSSL."""
        return struct.unpack("=QQ", self.numbers[:16])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT)


def connect(gateway, context):
    one = socket.create_connection(("127.0.0.1", gateway.ports[1 if context else 0]), WAIT)
    return context.wrap_socket(one, server_hostname="localhost") if context else one


def run(connections, data, length, count):
    """Writes `data` that many times, by turns on all connections, and reads each answer."""
    buffer = bytearray(1 << 18)
    for number in range(count):
        one = connections[number % len(connections)]
        one.sendall(data)
        left = length
        while left > 0:
            size = one.recv_into(buffer, min(left, len(buffer)))
            if size == 0:
                sys.exit("the gateway closed a connection")
            left -= size
    if not buffer.startswith(b"HTTP/1.1 200 ") and length < 2048:
        sys.exit(f"answered {bytes(buffer[:80])!r}")


def answer_length(one, request):
    """How long the answer to one request is; they all are."""
    one.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += one.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        sys.exit(f"answered {head!r}")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += one.recv(65536)
    return len(head) + 4 + length


def measure(gateway, row, requests, context):
    """Allocations of one request, our own and those of OpenSSL."""
    _, is_secure, request, batch, _ = row
    connections = [connect(gateway, context if is_secure else None) for _ in range(CONNECTIONS)]
    length = answer_length(connections[0], request) * batch
    used = []
    run(connections, request * batch, length, CONNECTIONS * 40)
    for count in (requests, 6 * requests):
        before = gateway.counts
        run(connections, request * batch, length, count // batch)
        used.append([now - then for now, then in zip(gateway.counts, before)])
    for one in connections:
        one.close()
    more = (6 * requests // batch - requests // batch) * batch
    return [(many - few) / more for few, many in zip(*used)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True, help="a release build of signalbox")
    parser.add_argument("--ca", required=True, help="certs/dev-ca.crt, beside the certificates")
    parser.add_argument("--requests", type=int, default=4000, help="N")
    parser.add_argument("--ceiling", type=float, default=0, help="allocations that a GET may make")
    options = parser.parse_args()
    context = ssl.create_default_context(cafile=options.ca)
    gateway = Gateway(options)
    if sum(gateway.counts) == 0:
        sys.exit("the counter counts nothing: is the executable linked statically?")
    has_failed = False
    for row in ROWS:
        count = options.requests if len(row[2]) < 8192 else options.requests // 8
        own, theirs = measure(gateway, row, count, context)
        print(f"allocations-{row[0]} {own:.2f} per request", flush=True)
        if row[1]:
            print(f"allocations-{row[0]}-openssl {theirs:.2f} per request", flush=True)
        has_failed |= row[4] and round(own, 2) > options.ceiling
    status = gateway.stop()
    return 1 if has_failed or status else 0


if __name__ == "__main__":
    sys.exit(main())
