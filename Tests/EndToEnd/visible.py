#!/usr/bin/env python3
"""How long until an event is visible: from before its POST to the gateway to its last byte at the
reader of a stream, which may come by a proxy.

    visible.py STREAM_URL EMIT_URL COUNT

Each event is waited for before the next is emitted, so one that is held back stops everything: then
the exit code is 1. Prints a line of JSON with the times in milliseconds.
"""

import http.client
import json
import socket
import sys
import time
from urllib.parse import urlsplit


def main():
    stream, emit, count = urlsplit(sys.argv[1]), urlsplit(sys.argv[2]), int(sys.argv[3])
    reader = socket.create_connection((stream.hostname, stream.port), timeout=5)
    reader.sendall(
        f"GET {stream.path}?{stream.query} HTTP/1.1\r\nHost: {stream.netloc}\r\n"
        "Sec-Fetch-Site: same-origin\r\n\r\n".encode())
    text = b""
    while b": stream" not in text:
        text += reader.recv(65536)
    publisher = http.client.HTTPConnection(emit.hostname, emit.port, timeout=5)
    times = []
    for number in range(count):
        begun = time.monotonic()
        publisher.request("POST", emit.path, '{"visible":%d}' % number)
        answer = publisher.getresponse()
        answer.read()
        while b'{"visible":%d}\n\n' % number not in text:
            data = reader.recv(65536)
            if not data:
                sys.exit(f"the stream ended before event {number}")
            text += data
        times.append(round((time.monotonic() - begun) * 1000, 2))
        time.sleep(0.005)
    print(json.dumps({"ms": times, "within_50": sum(each <= 50 for each in times)}))


if __name__ == "__main__":
    try:
        main()
    except TimeoutError:
        sys.exit("an event was held back")
