#!/usr/bin/env python3
"""Three tabs of headless Chromium share one event stream by signalbox.js, and outlive their leader.

    tabs.py HTTP_PORT PAGE_URL

Each tab imports the gateway's script and listens. Signals are emitted while the tab that reads the
stream is closed, and while the gateway's side of the connection is cut; the tabs that stay must see
each number once, in order, over one stream. A fourth tab then begins with the latest value alone.
Prints a line of JSON, and exits with 0 if all that is so.
"""

import http.client
import json
import sys
from urllib.parse import urlsplit

from eventsource import Browser, Relay, emit

TAB_SCRIPT = """
    seen = []; states = []; gaps = [];
    until = (condition, milliseconds) => new Promise((resolve, reject) => {
        const end = performance.now() + milliseconds;
        const look = () => {
            if (condition()) resolve(true);
            else if (performance.now() > end) reject(`${condition}: ${seen}`);
            else setTimeout(look, 10);
        };
        look();
    });
    import('/signalbox.js').then(({ listen }) => {
        const note = (gap) => gaps.push(gap);
        listen('browser.*', (data, event) => {
            if (event.type != 'browser.count') throw new Error(event.type);
            seen.push(data.n);
        }, note);
        listen(['state.now'], (data) => states.push(data), note);
        return true;
    });
"""


class Tab:
    """One tab of the browser."""

    def __init__(self, browser, url):
        self.browser = browser
        browser.open(url)
        self.session, self.target = browser.session, browser.target
        self.evaluate(TAB_SCRIPT)

    def evaluate(self, script):
        self.browser.session = self.session
        return self.browser.evaluate(script)

    def until(self, condition, seconds=20):
        self.evaluate(f"until(() => {condition}, {seconds * 1000})")

    def close(self):
        self.browser.session = None
        self.browser.send("Target.closeTarget", targetId=self.target)


def gateway(connection, method, path, body=None):
    connection.request(method, path, body)
    answer = connection.getresponse()
    return json.loads(answer.read())


def streams(connection):
    return gateway(connection, "GET", "/v1/signals")["subscribers"]


def run(browser, relay, connection, url):
    gateway(connection, "POST", "/v1/signals/state.now", '"before"')
    tabs = [Tab(browser, url) for _ in range(3)]
    for tab in tabs:
        # The first to come had the lock before the others asked for it.
        tab.until("states.length === 1")
    wait_for_stream(connection, tabs)
    emit(connection, range(1, 31))
    tabs[1].until("seen.length >= 10")
    tabs[0].close()
    emit(connection, range(31, 61))
    for tab in tabs[1:]:
        tab.until("seen.length >= 60")
    relay.cut()
    emit(connection, range(61, 91))
    for tab in tabs[1:]:
        tab.until("seen.length >= 90")
    shared = streams(connection)
    gateway(connection, "POST", "/v1/signals/state.now", '"after"')
    late = Tab(browser, url)
    late.until("states.length === 1")
    emit(connection, [91])
    for tab in tabs[1:] + [late]:
        tab.until("seen.includes(91)")
    state = [tab.evaluate("({seen, states, gaps})") for tab in tabs[1:] + [late]]
    return {"tabs": state, "streams": shared, "streams_after": streams(connection)}


def wait_for_stream(connection, tabs):
    """Until the one stream brings what it should: its first event is at every tab."""
    for _ in range(1000):
        if streams(connection) == 1:
            break
        tabs[0].evaluate("new Promise((resolve) => setTimeout(resolve, 10))")
    emit(connection, [0])
    for tab in tabs:
        tab.until("seen.includes(0)")


def main():
    http_port, page = int(sys.argv[1]), urlsplit(sys.argv[2])
    relay = Relay(page.port)
    connection = http.client.HTTPConnection("127.0.0.1", http_port, timeout=10)
    browser = Browser()
    try:
        url = page._replace(netloc=f"{page.hostname}:{relay.port}").geturl()
        result = run(browser, relay, connection, url)
    finally:
        browser.close()
    expected = list(range(92))
    stayed, late = result["tabs"][:2], result["tabs"][2]
    good = (
        all(tab["seen"] == expected and tab["states"] == ["before", "after"] for tab in stayed)
        and late["seen"] == [91] and late["states"] == ["after"]
        and not any(tab["gaps"] for tab in result["tabs"])
        and result["streams"] == result["streams_after"] == 1)
    print(json.dumps(result if not good else {"good": True, "streams": result["streams"]}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
