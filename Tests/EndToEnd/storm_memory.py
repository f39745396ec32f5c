#!/usr/bin/env python3
"""What do many event streams leave behind in the memory of a gateway once they are gone?

    storm_memory.py PORT PID [--streams N] [--rounds N] [--within SECONDS] [--margin MIB]

Opens the streams, gives each a few hundred events that are written to all in one turn, and closes
them, so many rounds; then waits until the private memory (Private_Dirty) is back within the margin of
what it was before, or the time is up. Prints MiB before, during and after, and how long it took.
"""

import argparse
import http.client
import json
import re
import socket
import time


def private(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return int(re.search(r"^Private_Dirty:\s+(\d+)", file.read(), re.M)[1]) / 1024


def open_streams(port, count):
    peers = []
    for _ in range(count):
        peer = socket.create_connection(("127.0.0.1", port), 30)
        peer.sendall(b"GET /v1/events?signal=storm.* HTTP/1.1\r\nHost: localhost\r\n\r\n")
        peers.append(peer)
    for peer in peers:
        peer.recv(4096)
    return peers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("pid", type=int)
    parser.add_argument("--streams", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--within", type=float, default=60)
    parser.add_argument("--margin", type=float, default=3)
    arguments = parser.parse_args()
    # What the first streams and events cost is the price of the code that they touch.
    emitter = http.client.HTTPConnection("127.0.0.1", arguments.port, timeout=30)

    def emit():
        emitter.request("POST", "/v1/signals/storm.event", json.dumps("x" * 200))
        emitter.getresponse().read()

    warm = open_streams(arguments.port, 20)
    for _ in range(1000):
        emit()
    for peer in warm:
        peer.close()
    time.sleep(0.3)
    before, during = private(arguments.pid), 0
    for _ in range(arguments.rounds):
        peers = open_streams(arguments.port, arguments.streams)
        for _ in range(40):
            emit()
        during = max(during, private(arguments.pid))
        for peer in peers:
            peer.close()
    begun = time.monotonic()
    while True:
        after, waited = private(arguments.pid), time.monotonic() - begun
        if after < before + arguments.margin or waited > arguments.within:
            break
        time.sleep(0.5)
    print(json.dumps({"before": round(before, 1), "during": round(during, 1),
                      "after": round(after, 1), "seconds": round(waited, 1)}))


if __name__ == "__main__":
    main()
