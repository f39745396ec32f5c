#!/usr/bin/env python3
"""How long until an event is visible: from before its POST to the gateway to its last byte at the
reader of a stream, which may come by a proxy.

    visible.py STREAM_URL EMIT_URL COUNT [curl|chromium|script|httpx|sseclient]

The reader is an EventSource in Chromium, a page there that uses signalbox.js, curl, or a library from
PyPI (httpx-sse, sseclient-py with requests). Each event is waited for before the next is emitted, so one that is held
back stops everything: then the exit code is 1; 3 if the library is not there. Prints a line of JSON
with the times in milliseconds.
"""

import atexit
import http.client
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "browser"))
sys.dont_write_bytecode = True
from eventsource import Browser


def page(url, code):
    """What a page of the stream's origin in headless Chromium tells."""
    browser = Browser()
    # The reader is left where it waits when the last event has come.
    atexit.register(browser.close)
    browser.open(urlsplit(url)._replace(path="/livez", query="").geturl())
    browser.send("Runtime.enable")
    browser.send("Runtime.addBinding", name="told")
    browser.evaluate(code)
    while True:
        message = browser.read()
        if message.get("method") == "Runtime.bindingCalled":
            yield message["params"]["payload"].encode() + b"\n\n"


def chromium(url):
    """The data of each event, as Chromium's EventSource finds them."""
    return page(url, f"source = new EventSource({json.dumps(url)});"
                "source.addEventListener('demo.count', (event) => told(event.data)); true")


def script(url):
    """The data of each event, as the gateway's own script finds them."""
    return page(url, "import('/signalbox.js').then(({ listen }) =>"
                "{ listen('demo.*', (data) => told(JSON.stringify(data))); return true; })")


def curl(url):
    """What curl prints."""
    program = subprocess.Popen(["curl", "-sN", url], stdout=subprocess.PIPE)
    while data := os.read(program.stdout.fileno(), 65536):
        yield data


def httpx(url):
    """The data of each event, as httpx-sse finds them."""
    import httpx
    import httpx_sse
    with httpx.Client(timeout=30) as client:
        with httpx_sse.connect_sse(client, "GET", url) as source:
            for event in source.iter_sse():
                yield event.data.encode() + b"\n\n"


def sseclient(url):
    """The data of each event, as sseclient-py finds them."""
    import requests
    import sseclient
    answer = requests.get(url, stream=True, timeout=30)
    for event in sseclient.SSEClient(answer).events():
        yield event.data.encode() + b"\n\n"


def main():
    stream, emit, count = sys.argv[1], urlsplit(sys.argv[2]), int(sys.argv[3])
    readers = {each.__name__: each for each in (chromium, script, curl, httpx, sseclient)}
    reader = readers[sys.argv[4] if len(sys.argv) > 4 else "curl"]
    pieces = queue.Queue()

    def read():
        try:
            for piece in reader(stream):
                pieces.put(piece)
        except ImportError as missing:
            pieces.put(missing)
        pieces.put(None)

    threading.Thread(target=read, daemon=True).start()
    publisher = http.client.HTTPConnection(emit.hostname, emit.port, timeout=5)
    text = b""

    def publish(body):
        publisher.request("POST", emit.path, body)
        publisher.getresponse().read()

    def wait(mark, seconds):
        nonlocal text
        end = time.monotonic() + seconds
        while mark not in text:
            piece = pieces.get(timeout=max(end - time.monotonic(), 0.001))
            if isinstance(piece, ImportError):
                print(piece, file=sys.stderr)
                sys.exit(3)
            if piece is None:
                sys.exit("the stream ended")
            text += piece

    # Not every library tells when its stream is open: the first event that comes does.
    for attempt in range(100):
        publish('{"opening":%d}' % attempt)
        try:
            wait(b'{"opening":', 0.3)
            break
        except queue.Empty:
            pass
    times = []
    for number in range(count):
        begun = time.monotonic()
        publish('{"visible":%d}' % number)
        wait(b'{"visible":%d}\n\n' % number, 5)
        times.append(round((time.monotonic() - begun) * 1000, 2))
        time.sleep(0.005)
    print(json.dumps({"ms": times, "within_50": sum(each <= 50 for each in times)}))


if __name__ == "__main__":
    try:
        main()
    except queue.Empty:
        sys.exit("an event was held back")
