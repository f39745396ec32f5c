#!/usr/bin/env python3
"""Reads an event stream with the EventSource of headless Chromium, and cuts the connection.

    eventsource.py HTTP_PORT PAGE_URL

A relay stands between the browser and the gateway: PAGE_URL is the gateway's, with the scheme and
port that the browser is to use. The page it shows is of no interest, but gives the script its
origin. Signals are emitted in bursts; in the middle of each the relay drops every connection, and
the rest of the burst comes while the browser waits before it reconnects. At the end the page must
have seen each number once, in order. Prints a line of JSON, and exits with 0 if that is so.

The browser is driven over its own debugging protocol on a pipe: no driver, no extra package.
"""

import fcntl
import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from urllib.parse import urlsplit

BURSTS, BURST = 4, 150

PAGE_SCRIPT = """
    seen = []; gaps = []; opens = 0; drops = 0;
    source = new EventSource('/v1/events?signal=browser.*');
    source.onopen = () => opens++;
    source.onerror = () => drops++;
    source.addEventListener('browser.count', (e) => seen.push(JSON.parse(e.data).n));
    source.addEventListener('signalbox.gap', (e) => gaps.push(e.data));
    until = (condition, milliseconds) => new Promise((resolve, reject) => {
        const end = performance.now() + milliseconds;
        const look = () => {
            if (condition()) resolve(true);
            else if (performance.now() > end) reject(`${condition}: ${seen.length} seen`);
            else setTimeout(look, 10);
        };
        look();
    });
"""


class Relay:
    """Passes bytes between a port of its own and the gateway's, until told to cut.

    While `refused` is set, a connection that asks for what holds it is cut, too, after `refusal`.
    """

    def __init__(self, target_port):
        self.target_port, self.refused, self.refusal = target_port, None, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets, self.lock = set(), threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.target_port))
            with self.lock:
                self.sockets |= {near, far}
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=pair, daemon=True).start()

    def copy(self, source, target):
        try:
            while data := source.recv(65536):
                if self.refused and self.refused in data:
                    source.sendall(self.refusal)
                    break
                target.sendall(data)
        except OSError:
            pass
        with self.lock:
            self.sockets -= {source, target}
        self.drop(source)
        self.drop(target)

    def cut(self):
        with self.lock:
            sockets, self.sockets = self.sockets, set()
        for each in sockets:
            self.drop(each)

    @staticmethod
    def drop(each):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        each.close()


class Browser:
    """Headless Chromium, driven by the Chrome DevTools Protocol on file descriptors 3 and 4."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="signalbox-chromium-")
        program = shutil.which("chromium") or shutil.which("google-chrome")
        if not program:
            sys.exit("eventsource: no chromium on the PATH")
        theirs, self.writer = os.pipe()
        self.reader, answers = os.pipe()
        # Out of the way of the two numbers that Chromium wants.
        theirs, answers = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20) for fd in (theirs, answers))
        quiet = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        arguments = [
            program, "--headless=new", "--remote-debugging-pipe", "--disable-gpu",
            "--disable-dev-shm-usage", "--ignore-certificate-errors", "--no-first-run",
            "--no-proxy-server", "--host-resolver-rules=MAP plain.test 127.0.0.1",
            "--disable-background-timer-throttling", f"--user-data-dir={self.profile}",
            "about:blank",
        ]
        if os.geteuid() == 0:
            arguments.insert(1, "--no-sandbox")  # Chromium's sandbox refuses to work for root
        self.pid = os.posix_spawn(
            program, arguments, os.environ, setpgroup=0,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, quiet, 0), (os.POSIX_SPAWN_DUP2, quiet, 1),
                (os.POSIX_SPAWN_DUP2, quiet, 2), (os.POSIX_SPAWN_DUP2, theirs, 3),
                (os.POSIX_SPAWN_DUP2, answers, 4),
            ])
        os.close(theirs)
        os.close(answers)
        self.buffer, self.ids, self.session = b"", itertools.count(1), None

    def send(self, method, **params):
        """Sends a command and returns its result; events that come in between are dropped."""
        key = next(self.ids)
        message = {"id": key, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == key:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def read(self):
        while b"\0" not in self.buffer:
            data = os.read(self.reader, 65536)
            if not data:
                raise RuntimeError("Chromium has gone")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(line)

    def open(self, url):
        self.session = None
        self.target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send(
            "Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        self.send("Page.enable")
        failure = self.send("Page.navigate", url=url).get("errorText")
        if failure:
            raise RuntimeError(f"{url}: {failure}")
        while self.read().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, script):
        result = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def until(self, condition, seconds=20):
        self.evaluate(f"until(() => {condition}, {seconds * 1000})")

    def close(self):
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        shutil.rmtree(self.profile, ignore_errors=True)


def emit(connection, numbers):
    for number in numbers:
        connection.request("POST", "/v1/signals/browser.count", f'{{"n":{number}}}')
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"emit {number}: status {answer.status}")


def read_through_cuts(browser, relay, http_port):
    connection = http.client.HTTPConnection("127.0.0.1", http_port, timeout=10)
    browser.until("opens === 1")
    for burst in range(BURSTS):
        first = burst * BURST + 1
        middle, after = first + BURST // 3, first + BURST
        emit(connection, range(first, middle))
        if burst % 2 == 0:
            # Cut a connection on which everything has arrived …
            browser.until(f"seen.length >= {middle - 1}")
        # … or one on which events are still under way.
        relay.cut()
        emit(connection, range(middle, after))
        browser.until(f"opens === {burst + 2}")
    browser.until(f"seen.length >= {BURSTS * BURST}")
    # One more goes the whole way, so that a double of the last one would have come before it.
    emit(connection, [BURSTS * BURST + 1])
    browser.until(f"seen.includes({BURSTS * BURST + 1})")


def main():
    http_port, page = int(sys.argv[1]), urlsplit(sys.argv[2])
    relay = Relay(page.port)
    browser = Browser()
    try:
        browser.open(page._replace(netloc=f"{page.hostname}:{relay.port}").geturl())
        browser.evaluate(PAGE_SCRIPT)
        read_through_cuts(browser, relay, http_port)
        state = browser.evaluate("({seen, gaps, opens, drops})")
    finally:
        browser.close()
    expected = list(range(1, BURSTS * BURST + 2))
    print(json.dumps({
        "seen": len(state["seen"]), "lost": sorted(set(expected) - set(state["seen"])),
        "doubled": len(state["seen"]) - len(set(state["seen"])),
        "in_order": state["seen"] == sorted(state["seen"]),
        "connections": state["opens"], "gaps": state["gaps"],
    }))
    return 0 if state["seen"] == expected and state["opens"] == BURSTS + 1 else 1


if __name__ == "__main__":
    sys.exit(main())
