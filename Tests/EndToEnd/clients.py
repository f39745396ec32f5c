#!/usr/bin/env python3
"""Two client libraries from PyPI read a stream, lose their connection, and resume: httpx-sse and
sseclient-py. Run by hand against a running gateway:

    python3 -m venv /tmp/clients && /tmp/clients/bin/pip install httpx-sse sseclient-py requests
    /tmp/clients/bin/python Tests/EndToEnd/clients.py http://localhost:8080

Prints what each has seen; exits with 0 if that is every number, once and in order.
"""

import json
import sys
import threading
import time

import httpx
import httpx_sse
import requests
import sseclient

COUNT, PIECE = 200, 23


def emit_all(base):
    for number in range(COUNT):
        requests.post(f"{base}/v1/signals/clients.count", json={"n": number}).raise_for_status()
        time.sleep(0.002)


def by_httpx(url, last_id):
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with httpx.Client(timeout=10) as client:
        with httpx_sse.connect_sse(client, "GET", url, headers=headers) as source:
            for event in source.iter_sse():
                yield event.event, event.data, event.id


def by_sseclient(url, last_id):
    headers = {"Last-Event-ID": last_id} if last_id else {}
    answer = requests.get(url, headers=headers, stream=True, timeout=10)
    answer.raise_for_status()
    for event in sseclient.SSEClient(answer).events():
        yield event.event, event.data, event.id
    answer.close()


def follow(name, read, url, outcome, ready):
    seen, last_id, connections = [], None, 0
    while len(seen) < COUNT:
        connections += 1
        taken = 0
        for event, data, event_id in read(url, last_id):
            last_id = event_id or last_id
            if last_id:
                ready.set()  # it knows where it is: from here on nothing may be lost
            if event != "clients.count":
                if connections == 1 and not seen:
                    break  # the first cut comes before the first event
                continue
            seen.append(json.loads(data)["n"])
            taken += 1
            if taken == PIECE or len(seen) == COUNT:
                break
    outcome[name] = {
        "seen": len(seen), "connections": connections, "good": seen == list(range(COUNT))}


def main():
    base = sys.argv[1]
    outcome, threads = {}, []
    for name, read in (("httpx-sse", by_httpx), ("sseclient-py", by_sseclient)):
        ready = threading.Event()
        url = f"{base}/v1/events?signal=clients.*"
        threads.append(threading.Thread(
            target=follow, args=(name, read, url, outcome, ready), daemon=True))
        threads[-1].start()
        # sseclient-py shows nobody an id without data: it must be connected, no more.
        if not ready.wait(2):
            time.sleep(0.5)
    emit_all(base)
    for thread in threads:
        thread.join(20)
    print(json.dumps(outcome))
    return 0 if len(outcome) == 2 and all(each["good"] for each in outcome.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
