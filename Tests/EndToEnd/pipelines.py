#!/usr/bin/env python3
"""pipelines: random valid requests, cut at random, must get the same bytes as uncut.

    pipelines.py --binary .build/release/signalbox --ca certs/dev-ca.crt [--pipelines 20000]
                 [--jobs 2] [--seed 1] [--first 0]

A generator makes pipelines of valid requests: all methods and framings, bodies of random JSON, chunks
with extensions and trailers, codings, escaped and absolute targets, paths and methods that do not
exist, conditions, expectations, HTTP/1.0 and closing. With each request it says what the answer must
be: the status, every field with its value, the body byte by byte. Each pipeline goes to the gateway
once in one write, and then over TCP and over TLS 1.2 and 1.3 in pieces: a few, many, byte by byte, cut
inside of every CRLF, in TLS records of odd sizes and packets of others. The answers to the whole must
be those of the model, in order, with nothing behind them; the answers to the pieces must be the bytes
of the answers to the whole. Two things may differ and are masked, nothing else:

  - the value of Date, if it has the form of one;
  - the value of X-Request-Id and of the member request_id of a problem, if the client named no id, and
    if both are the same 16 hexadecimal digits.

A pipeline is determined by the seed and its number. What fails is printed with both, with the bytes
sent and where they were cut; `--seed S --first N --pipelines 1` plays it again. Exit status 1 if
anything failed. Only the standard library is needed.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import random
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
WAIT = 20  # seconds without a byte; a failure, never the rule
LEAST_CODED = 1024  # bodies above it are compressed for those who ask (ContentCoder.leastBytes)
JSON, TEXT = "application/json", "text/plain; charset=utf-8"
PROBLEM = "application/problem+json"


class Fault(Exception):
    """Something that must not happen."""


# --- requests and what must come of them --------------------------------------------------------


class Wanted:
    """What the answer to one request must be."""

    def __init__(self, status, body=b"", kind=None, fields=None, code=None, path=None):
        self.status, self.body, self.kind = status, body, kind
        self.fields = fields or {}
        self.code, self.path = code, path  # of a problem
        self.is_head = self.is_old = self.closes = False
        self.given_id = None
        self.coding = None


class Request:
    """One request: its bytes, in parts between which the client waits for a 100, and its answer."""

    def __init__(self, parts, wanted):
        self.parts, self.wanted = parts, wanted


def pick(chance, *choices):
    """One of `choices`, a weight before each."""
    total = chance.uniform(0, sum(choices[::2]))
    for weight, choice in zip(choices[::2], choices[1::2]):
        total -= weight
        if total <= 0:
            return choice
    return choices[-1]


def blanks(chance, newlines):
    """Blanks that JSON allows between its parts."""
    if chance.random() < 0.8:
        return ""
    return "".join(chance.choice(" \t\r\n" if newlines else " \t") for _ in range(chance.randrange(4)))


TEXTS = ("", "a", "\\u0000", "\\\\", "\\\"", "é", "𝄞", "\\ud834\\udd1e", "HTTP/1.1 200 OK\\r\\n\\r\\n",
         "GET / HTTP/1.1\\r\\n", "0\\r\\n\\r\\n", "\\\"request_id\\\":\\\"0123456789abcdef\\\"", "%0d%0a",
         "Content-Length: 0")


def some_json(chance, newlines, depth=0):
    """Random JSON, and the same without blanks."""
    kind = chance.randrange(4 if depth > 4 else 6)
    if kind == 0:
        text = chance.choice(["true", "false", "null"])
    elif kind == 1:
        text = chance.choice([
            str(chance.randrange(-10**6, 10**6)), repr(chance.uniform(-1e9, 1e9)), "-0", "0.0",
            "1E+2", "12345678901234567890123", f"{chance.randrange(10**9)}e-5"])
    elif kind in (2, 3):
        text = '"' + "".join(chance.choice(TEXTS) for _ in range(chance.randrange(5))) + '"'
    else:
        return some_container(chance, newlines, depth, kind == 4)
    return text, text


def some_container(chance, newlines, depth, is_array, count=None):
    parts = []
    for n in range(chance.randrange(6) if count is None else count):
        value, tight = some_json(chance, newlines, depth + 1)
        key = "" if is_array else f'"k{n}"'
        gap = "" if is_array else blanks(chance, newlines) + ":" + blanks(chance, newlines)
        parts.append((blanks(chance, newlines) + key + gap + value + blanks(chance, newlines),
                      key + ("" if is_array else ":") + tight))
    left, right = "[]" if is_array else "{}"
    return (left + ",".join(spaced for spaced, _ in parts) + right,
            left + ",".join(tight for _, tight in parts) + right)


def params(chance):
    """A JSON body, and what the module `echo` answers to it."""
    newlines = chance.random() < 0.3
    size = pick(chance, 60, None, 25, chance.randrange(100), 3, chance.randrange(2000))
    if size is None:
        text, tight = some_json(chance, newlines)
    else:
        text, tight = some_container(chance, newlines, 0, chance.random() < 0.5, size)
    # A text with line breaks goes on without its blanks: it may have to be one line for a child.
    whole = blanks(chance, newlines) + text + blanks(chance, newlines)
    has_breaks = "\n" in whole or "\r" in whole
    return whole.encode(), (tight if has_breaks else whole).encode()


def word(chance, letters="abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_", most=12):
    return "".join(chance.choice(letters) for _ in range(chance.randrange(1, most)))


def cased(chance, name):
    """A field name in random capitals."""
    if chance.random() < 0.7:
        return name
    return "".join(chance.choice((c.upper(), c.lower())) for c in name)


def line(chance, name, value):
    """A field line with random blanks around the value."""
    before = pick(chance, 8, " ", 1, "", 1, " \t  ")
    after = pick(chance, 9, "", 1, " \t")
    return f"{cased(chance, name)}:{before}{value}{after}\r\n"


def noise(chance):
    """Field lines without meaning."""
    lines = []
    for _ in range(chance.randrange(4)):
        name = "X-" + word(chance, "abcXYZ019!#$%&'*+.^_`|~-")
        value = "".join(chance.choice(
            ["a", "Z", "\t", " ", ",", ":", ";", "=", '"', "\xe9", "\xff", "\\", "0\x20", "chunked"])
            for _ in range(pick(chance, 9, chance.randrange(12), 1, chance.randrange(900))))
        lines.append(line(chance, name, value.strip(" \t")))
    extra = [
        ("User-Agent", "pipelines/1 (x; y)"), ("Cookie", "a=b; c=d"), ("Connection", "keep-alive"),
        ("Connection", "x, , keep-alive"), ("Upgrade", "h2c"), ("Cache-Control", "no-cache"),
        ("Accept-Language", "de, en;q=0.5"), ("TE", "trailers"), ("Referer", "http://a/?b"),
        ("Content_Length", "7"), ("Keep-Alive", "timeout=5"), ("Range", "bytes=0-0"),
        ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Via", "1.1 a, 1.0 b"),
    ]
    for name, value in chance.sample(extra, chance.randrange(3)):
        lines.append(line(chance, name, value))
    return lines


def escaped(chance, path):
    """The same path in another spelling."""
    if chance.random() < 0.7:
        return path
    out = ""
    for c in path:
        if c != "/" and chance.random() < 0.3:
            out += f"%{ord(c):02x}" if chance.random() < 0.5 else f"%{ord(c):02X}"
        elif c == "/" and chance.random() < 0.2:
            out += chance.choice(["/./", f"/{word(chance, 'abc')}/../"])
        else:
            out += c
    return out


def query(chance):
    return pick(chance, 7, "", 1, "?", 2, "?" + word(chance, "abc=&%20/?:@!$'()*+,;-._~"))


def chunks(chance, body):
    """A body in chunked coding, with extensions and trailers."""
    out, at = b"", 0
    while at < len(body):
        size = min(pick(chance, 3, 1, 5, chance.randrange(1, 50), 3, chance.randrange(1, 5000)),
                   len(body) - at)
        digits = "0" * pick(chance, 9, 0, 1, chance.randrange(4)) + f"{size:x}"
        if chance.random() < 0.3:
            digits = digits.upper()
        out += digits.encode() + extension(chance) + b"\r\n" + body[at:at + size] + b"\r\n"
        at += size
    out += b"0" * pick(chance, 9, 1, 1, 3) + extension(chance) + b"\r\n"
    for _ in range(pick(chance, 8, 0, 2, chance.randrange(4))):
        out += line(chance, "X-" + word(chance), word(chance)).encode()
    return out + b"\r\n"


def extension(chance):
    if chance.random() < 0.6:
        return b""
    return chance.choice([
        b";a", b";a=b", b" ; a = b", b";a=\"b;\\\"\r\"".replace(b"\r", b" "), b";a;b=c;d",
        b";signature=" + word(chance).encode(), b";q=\"\\\\\""])


class Maker:
    """Makes pipelines; `facts` are what the gateway answers where that depends on the build."""

    def __init__(self, chance, facts):
        self.chance, self.facts = chance, facts

    def pipeline(self):
        """Requests, and how the connection is to end."""
        ending = pick(self.chance, 3, "close", 2, "old", 2, "half", 3, "stay", 1, "refused")
        count = pick(self.chance, 6, self.chance.randrange(1, 8), 3, self.chance.randrange(1, 25),
                     0.3, self.chance.randrange(60, 140))
        self.may_wait = ending != "half"  # who half-closes gets a second for what is in the making
        requests = [self.request() for _ in range(count)]
        if ending == "refused":
            requests.append(self.refused())
        elif ending in ("close", "old"):
            requests.append(self.request(ending))
        return requests, ending

    def request(self, ending=None):
        chance = self.chance
        make = pick(
            chance, 6, self.live, 10, self.echo, 2, self.child, 3, self.missing, 2, self.wrong_method,
            2, self.script, 2, self.signals, 2, self.rpc, 1, self.options, 2, self.bad_json,
            1, self.wrong_type, 1, self.fixed)
        if make == self.child and not self.may_wait:
            make = self.echo
        return make(ending)

    def message(self, method, path, wanted, ending=None, body=None, fields=(), coded=True):
        """Writes the request down, in one of its many forms."""
        chance = self.chance
        wanted.is_head = method == "HEAD"
        version = "HTTP/1.1"
        if ending == "old" or ending is None and chance.random() < 0.05:
            version = "HTTP/1.0"
            wanted.is_old = True
        lines = [line(chance, "Host", "localhost"), *noise(chance), *fields]
        if ending == "close":
            lines = [one for one in lines if not one.lower().startswith("connection")]
            lines.append(line(chance, "Connection", chance.choice(["close", "Close", "x, close"])))
        elif ending == "old":
            lines = [one for one in lines if not one.lower().startswith("connection")]
        elif version == "HTTP/1.0":
            lines.append(line(chance, "Connection", chance.choice(["keep-alive", "Keep-Alive"])))
        wanted.closes = ending is not None
        if chance.random() < 0.5:
            wanted.given_id = word(chance, most=30)
            lines.append(line(chance, "X-Request-Id", wanted.given_id))
        if coded and chance.random() < 0.3:
            accepted, wanted.coding = chance.choice([
                ("gzip", "gzip"), ("gzip;q=0.5, identity;q=0.1", "gzip"), ("deflate", "deflate"),
                ("identity", None), ("br", None), ("gzip;q=0", None), ("x-gzip;q=0, *;q=0", None)])
            lines.append(line(chance, "Accept-Encoding", accepted))
        data, waits = b"", False
        if body is not None:
            more, data, waits = self.framed(body, version)
            lines += more
        chance.shuffle(lines)
        target = path + query(chance)
        if chance.random() < 0.1 and path.startswith("/"):
            target = chance.choice(["http://localhost", "HTTP://localhost"]) + target
        start = pick(chance, 9, "", 1, "\r\n", 1, "\r\n\r\n")
        head = f"{start}{method} {target} {version}\r\n{''.join(lines)}\r\n".encode("latin-1")
        return Request([head, data] if waits else [head + data], wanted)

    def framed(self, body, version):
        """The fields and bytes of a body, and whether the client waits before it sends them."""
        chance = self.chance
        lines = []
        if len(body) > 1 and chance.random() < 0.1:
            coding = chance.choice(["gzip", "deflate"])
            body = gzip.compress(body, 1) if coding == "gzip" else zlib.compress(body, 1)
            lines.append(line(chance, "Content-Encoding", coding))
        if version == "HTTP/1.1" and chance.random() < 0.4:
            data = chunks(chance, body)
            lines.append(line(chance, "Transfer-Encoding", cased(chance, "chunked")))
        else:
            data = body
            zeros = "0" * pick(chance, 9, 0, 1, chance.randrange(5))
            lines.append(line(chance, "Content-Length", zeros + str(len(body))))
        waits = version == "HTTP/1.1" and len(data) > 0 and chance.random() < 0.08
        if waits:
            lines.append(line(chance, "Expect", cased(chance, "100-continue")))
        return lines, data, waits

    def live(self, ending):
        chance = self.chance
        method = pick(chance, 7, "GET", 3, "HEAD")
        path = escaped(chance, chance.choice(["/livez", "/readyz"]))
        # A body that nobody asked for is read over.
        body = b"[1]" if chance.random() < 0.1 else None
        wanted = Wanted(200, b"ok\n", TEXT)
        request = self.message(method, path, wanted, ending, body, coded=False)
        if len(request.parts) > 1:  # nobody reads it, so nobody asks for it
            return self.live(ending)
        return request

    def echo(self, ending):
        body, result = params(self.chance)
        if self.chance.random() < 0.05:
            body, result = b"", b"{}"
        lines = self.type_line()
        path = escaped(self.chance, "/v1/modules/echo/echo")
        return self.message("POST", path, Wanted(200, result, JSON), ending, body, lines)

    def child(self, ending):
        size = pick(self.chance, 8, self.chance.randrange(5), 2, self.chance.randrange(500))
        value = {"n": [self.chance.randrange(10**9) for _ in range(size)], "s": word(self.chance)}
        body = json.dumps(value, separators=(",", ":")).encode()
        path = escaped(self.chance, "/v1/modules/shuffle/echo")
        return self.message("POST", path, Wanted(200, body, JSON), ending, body, self.type_line())

    def type_line(self):
        kind = pick(self.chance, 5, None, 4, JSON, 1, "application/json; charset=utf-8")
        return [line(self.chance, "Content-Type", kind)] if kind else []

    def small(self):
        """A body for those who do not read it."""
        return self.chance.choice([None, None, b"", b"[1]", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])

    def unread(self, method, path, wanted, ending):
        """A request whose body is not read; a client that waits with it would lose the connection."""
        while True:
            body = self.small() if method != "HEAD" else None
            request = self.message(method, path, wanted, ending, body)
            if len(request.parts) == 1:
                return request
            wanted.given_id = wanted.coding = None
            wanted.is_old = False

    def missing(self, ending):
        name = word(self.chance, "abcxyz019-_~!$'()*+,;=:@")
        method = self.chance.choice(["GET", "POST", "HEAD", "PUT", "DELETE", "BREW"])
        wanted = Wanted(404, None, PROBLEM, code="not_found", path="/none/" + name)
        return self.unread(method, escaped(self.chance, "/none/") + name, wanted, ending)

    def wrong_method(self, ending):
        path, allow = self.chance.choice([
            ("/livez", "GET, HEAD, OPTIONS"), ("/v1/signals", "GET, HEAD, OPTIONS"),
            ("/v1/timers", "GET, HEAD, POST, OPTIONS"), ("/v1/rpc", "POST, OPTIONS"),
            ("/v1/modules/echo/echo", "POST, OPTIONS")])
        method = self.chance.choice(["PUT", "DELETE", "PATCH", "BREW", "TRACE"])
        wanted = Wanted(405, None, PROBLEM, {"Allow": allow}, "method_not_allowed", path)
        return self.unread(method, escaped(self.chance, path), wanted, ending)

    def script(self, ending):
        """A resource with an entity tag, asked for with and without a condition."""
        tag = self.facts["tag"]
        shape, fits = pick(
            self.chance, 4, (None, False), 2, ("{}", True), 1, ("W/{}", True), 1, ('"x", {}', True),
            1, ("*", True), 1, ('"x"', False), 1, ('W/"{}"', False))
        lines = [line(self.chance, "If-None-Match", shape.replace("{}", tag))] if shape else []
        method = pick(self.chance, 7, "GET", 3, "HEAD")
        fields = {"Cache-Control": "no-cache", "ETag": "W/" + tag, "X-Content-Type-Options": "nosniff"}
        wanted = Wanted(200, self.facts["script"], "text/javascript; charset=utf-8", fields)
        if fits:
            wanted = Wanted(304, b"", None, {**fields, "Vary": "Accept-Encoding"})
        return self.message(method, escaped(self.chance, "/signalbox.js"), wanted, ending, None, lines)

    def signals(self, ending):
        """Answered by another loop, as often as not."""
        method = pick(self.chance, 7, "GET", 3, "HEAD")
        path = self.chance.choice(["/v1/signals", "/v1/modules", "/v1/timers"])
        wanted = Wanted(200, self.facts[path], JSON)
        return self.message(method, escaped(self.chance, path), wanted, ending)

    def rpc(self, ending):
        text, wanted = self.chance.choice([
            ('{"jsonrpc":"2.0","id":7,"method":"echo.echo","params":[1,"x"]}',
             '{"jsonrpc":"2.0","id":7,"result":[1,"x"]}\n'),
            ('{"jsonrpc":"2.0","id":"a","method":"none.none"}',
             '{"jsonrpc":"2.0","id":"a","error":{"code":-32601,"message":"Method not found"}}\n'),
            ('[{"jsonrpc":"2.0","id":1,"method":"echo.echo","params":{"a":[]}},'
             '{"jsonrpc":"2.0","method":"echo.echo"}]',
             '[{"jsonrpc":"2.0","id":1,"result":{"a":[]}}]\n'),
            ('{"jsonrpc":"2.0","method":"echo.echo"}', None),
        ])
        wanted = Wanted(200, wanted.encode(), JSON) if wanted else Wanted(204)
        path = escaped(self.chance, "/v1/rpc")
        return self.message("POST", path, wanted, ending, text.encode(), self.type_line())

    def options(self, ending):
        path, allow = self.chance.choice([
            ("*", None), ("/livez", "GET, HEAD, OPTIONS"), ("/v1/rpc", "POST, OPTIONS"),
            ("/v1/modules/echo/echo", "POST, OPTIONS")])
        wanted = Wanted(204, fields={"Allow": allow} if allow else {})
        if path != "*":
            return self.message("OPTIONS", path, wanted, ending)
        request = self.message("OPTIONS", "*", wanted, ending)
        # A query would make it another target.
        request.parts[0] = re.sub(rb"^(\s*OPTIONS \*)\S*", rb"\1", request.parts[0])
        return request

    def bad_json(self, ending):
        body = self.chance.choice(
            [b"{", b"[1,]", b"nul", b'"\n"', b"[1]]", b"\xff", b"GET / HTTP/1.1\r\n\r\n"])
        path = "/v1/modules/echo/echo"
        wanted = Wanted(400, None, PROBLEM, code="bad_json", path=path)
        return self.message("POST", escaped(self.chance, path), wanted, ending, body)

    def wrong_type(self, ending):
        path = "/v1/modules/echo/echo"
        wanted = Wanted(415, None, PROBLEM, code="unsupported_media_type", path=path)
        while True:
            lines = [line(self.chance, "Content-Type", "text/plain")]
            request = self.message("POST", path, wanted, ending, b"[1]", lines)
            if len(request.parts) == 1:
                return request
            wanted.given_id = wanted.coding = None
            wanted.is_old = False

    def fixed(self, ending):
        method = pick(self.chance, 5, "GET", 3, "HEAD", 2, "POST")
        path = escaped(self.chance, "/v1/modules/box/hello")
        body = b"{}" if method == "POST" else None
        return self.message(method, path, Wanted(200, b'{"box":1}', JSON), ending, body)

    def refused(self):
        """A client that waits for 100 and is told 404 instead; its connection ends."""
        wanted = Wanted(404, None, PROBLEM, code="not_found", path="/none")
        wanted.closes = True
        lines = "Host: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
        return Request([f"POST /none HTTP/1.1\r\n{lines}\r\n".encode()], wanted)


# --- answers ------------------------------------------------------------------------------------

DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3]\d "
                  r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
                  r"[0-2]\d:[0-5]\d:[0-6]\d GMT")
FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([!-~]([ -~]*[!-~])?)")
STATUS = re.compile(r"HTTP/1\.1 ([1-5]\d\d) [A-Z][A-Za-z ]+")


class Answers:
    """Takes the bytes of a connection apart into answers, strictly."""

    def __init__(self, requests):
        self.wanted = [request.wanted for request in requests]
        self.rest = b""
        self.all = []  # masked bytes
        self.interim = 0
        self.is_at_end = False

    def feed(self, data):
        self.is_at_end = not data
        self.rest += data
        while self.take():
            pass

    def take(self):
        end = self.rest.find(b"\r\n\r\n")
        if end < 0:
            return False
        if self.rest.startswith(b"HTTP/1.1 100 "):
            if self.rest[:end + 4] != b"HTTP/1.1 100 Continue\r\n\r\n":
                raise Fault(f"a 100 with more: {self.rest[:end]!r}")
            self.interim += 1
            self.all.append(self.rest[:end + 4])
            self.rest = self.rest[end + 4:]
            return True
        number = len(self.all) - self.interim
        if number >= len(self.wanted):
            raise Fault(f"answer {number} to {len(self.wanted)} requests: {self.rest[:200]!r}")
        wanted = self.wanted[number]
        status, fields = head_of(self.rest[:end])
        bare = wanted.is_head or status in (204, 304)
        length = 0 if bare else int(fields.get("Content-Length", -1))
        if length < 0:
            raise Fault(f"answer {number} has no length: {fields}")
        if len(self.rest) < end + 4 + length:
            return False
        body = self.rest[end + 4:end + 4 + length]
        try:
            check(wanted, status, fields, body)
            self.all.append(masked(self.rest[:end + 4], body, wanted, fields))
        except Fault as fault:
            raise Fault(f"answer {number}: {fault}\n{self.rest[:end + 4 + length][:600]!r}") from None
        self.rest = self.rest[end + 4 + length:]
        return True

    @property
    def count(self):
        return len(self.all) - self.interim


def head_of(head):
    lines = head.decode("latin-1").split("\r\n")
    match = STATUS.fullmatch(lines[0])
    if not match:
        raise Fault(f"no status line: {lines[0]!r}")
    fields = {}
    for text in lines[1:]:
        field = FIELD.fullmatch(text)
        if not field:
            raise Fault(f"no field line: {text!r}")
        if field[1] in fields:
            raise Fault(f"field sent twice: {field[1]}")
        fields[field[1]] = field[2]
    return int(match[1]), fields


def check(wanted, status, fields, body):
    """Compares one answer with the model's."""
    if status != wanted.status:
        raise Fault(f"{status}, not {wanted.status}")
    expected = dict(wanted.fields)
    if wanted.kind:
        expected["Content-Type"] = wanted.kind
    if wanted.kind == PROBLEM:
        expected["X-Content-Type-Options"] = "nosniff"
    if wanted.closes:
        expected["Connection"] = "close"
    elif wanted.is_old:
        expected["Connection"] = "keep-alive"
    if wanted.given_id:
        expected["X-Request-Id"] = wanted.given_id
    elif not re.fullmatch("[0-9a-f]{16}", fields.get("X-Request-Id", "")):
        raise Fault("no request id")
    if not DATE.fullmatch(fields.get("Date", "")):
        raise Fault("no date")
    whole = wanted.body
    if whole is not None and len(whole) > LEAST_CODED:
        expected["Vary"] = "Accept-Encoding"
        if wanted.coding:
            expected["Content-Encoding"] = wanted.coding
    found = {k: v for k, v in fields.items() if k not in ("Date", "Content-Length")}
    if wanted.given_id is None:
        del found["X-Request-Id"]
    if found != expected:
        raise Fault(f"fields {found}, not {expected}")
    if ("Content-Length" in fields) == (status in (204, 304)):
        raise Fault("length where none belongs, or none where one does")
    if whole is None:
        if not wanted.is_head:
            check_problem(wanted, fields, body)
        return
    is_coded = "Content-Encoding" in fields
    if wanted.is_head and not is_coded and int(fields.get("Content-Length", 0)) != len(whole):
        raise Fault("the length of HEAD is not that of GET")
    if wanted.is_head or status in (204, 304):
        whole = b""
    elif is_coded:
        body = gzip.decompress(body) if wanted.coding == "gzip" else zlib.decompress(body)
    if body != whole:
        raise Fault(f"body {body[:200]!r}, not {whole[:200]!r}")


def check_problem(wanted, fields, body):
    problem = json.loads(body)
    expected = {"status": wanted.status, "code": wanted.code, "instance": wanted.path,
                "request_id": fields["X-Request-Id"], "retryable": False}
    for name, value in expected.items():
        if problem.get(name) != value:
            raise Fault(f"{name} of the problem is {problem.get(name)!r}, not {value!r}")


def masked(head, body, wanted, fields):
    """The bytes of an answer without what may differ; `check` has seen that it has that form."""
    head = head.replace(b"\r\nDate: " + fields["Date"].encode(), b"\r\nDate: *", 1)
    if wanted.given_id is None:
        number = fields["X-Request-Id"].encode()
        head = head.replace(b"\r\nX-Request-Id: " + number, b"\r\nX-Request-Id: *", 1)
        if wanted.kind == PROBLEM:
            body = body.replace(b'"request_id":"' + number + b'"', b'"request_id":"*"', 1)
    return head + body


# --- connections --------------------------------------------------------------------------------


class Plain:
    """A TCP connection that reads whenever it cannot write, so that neither side waits for ever."""

    def __init__(self, port, source):
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def push(self, data, answers):
        """Sends `data`, reading into `answers` meanwhile."""
        while data:
            try:
                data = data[self.socket.send(data):]
            except BlockingIOError:
                readable, writable, _ = select.select([self.socket], [self.socket], [], WAIT)
                if not readable and not writable:
                    raise Fault("the gateway neither reads nor writes") from None
                if readable:
                    self.pull(answers)

    def pull(self, answers):
        """Reads what there is, waiting for something."""
        if not select.select([self.socket], [], [], WAIT)[0]:
            raise Fault(f"silence after {answers.count} of {len(answers.wanted)} answers, "
                        f"{answers.rest[:100]!r} read of the next")
        answers.feed(self.socket.recv(1 << 18))

    def send(self, pieces, answers, pause):
        for piece in pieces:
            self.push(piece, answers)
            pause()

    def finish(self, answers):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()


class TLS(Plain):
    """A TLS connection whose records and packets this program makes itself."""

    contexts = []  # one for each of the versions, made by each process for itself
    versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)

    def __init__(self, port, source, chance=None):
        super().__init__(port, source)
        self.chance = chance
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = TLS.contexts[chance.randrange(2) if chance else 1].wrap_bio(
            self.incoming, self.outgoing, server_hostname="localhost")
        while True:
            try:
                self.session.do_handshake()
                break
            except ssl.SSLWantReadError:
                super().push(self.outgoing.read(), None)
                if not select.select([self.socket], [], [], WAIT)[0]:
                    raise Fault("silence in the handshake") from None
                self.incoming.write(self.socket.recv(1 << 16))
        super().push(self.outgoing.read(), None)

    def pull(self, answers):
        if not select.select([self.socket], [], [], WAIT)[0]:
            raise Fault(f"silence after {answers.count} of {len(answers.wanted)} answers")
        data = self.socket.recv(1 << 18)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        try:
            while True:
                answers.feed(self.session.read(1 << 18))
                if answers.is_at_end:
                    return
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            answers.feed(b"")
        except ssl.SSLEOFError:
            raise Fault("the end without close_notify") from None

    def send(self, pieces, answers, pause):
        """Each piece is a record; packets are cut elsewhere, if at all."""
        for piece in pieces:
            self.session.write(piece)
            if not self.chance or self.chance.random() < 0.3:
                self.ship(answers)
                pause()
        self.ship(answers)

    def ship(self, answers):
        data = self.outgoing.read()
        cuts = self.chance is not None and self.chance.random() < 0.3
        while data:
            size = self.chance.randrange(1, 2000) if cuts else len(data)
            self.push(data[:size], answers)
            data = data[size:]

    def finish(self, answers):
        try:
            self.session.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.push(self.outgoing.read(), answers)


# --- play ---------------------------------------------------------------------------------------


def cut(data, at):
    at = sorted({n for n in at if 0 < n < len(data)})
    return [data[i:j] for i, j in zip([0] + at, at + [len(data)])]


def cuts_of(data, how, chance):
    """The pieces of one way of delivery."""
    size = len(data)
    if how == "whole" or size < 2:
        return [data]
    if how == "few":
        return cut(data, [chance.randrange(1, size) for _ in range(chance.randrange(1, 8))])
    if how == "many":
        most, at, position = chance.choice([3, 20, 200]), [], 0
        while position < size and len(at) < 3000:
            position += chance.randrange(1, most + 1)
            at.append(position)
        return cut(data, at)
    if how == "ends":  # between each CR and its LF, or behind it
        return cut(data, [n + chance.choice([1, 1, 2]) for n in range(size - 1)
                          if data[n:n + 2] == b"\r\n"])
    return [data[n:n + 1] for n in range(size)]


def converse(connection, requests, ending, how, chance):
    """Plays a pipeline on a connection; returns the masked answers, one after the other."""
    answers = Answers(requests)

    def pause():
        # Whether the gateway reads piece by piece is up to the kernel; a nap makes it likely.
        if how != "whole" and chance.random() < 0.02:
            time.sleep(0.0005)

    block, interim = b"", 0
    for request in requests:
        for part, data in enumerate(request.parts):
            if part > 0:
                connection.send(cuts_of(block, how, chance), answers, pause)
                block, interim = b"", interim + 1
                while answers.interim < interim:
                    if answers.is_at_end:
                        raise Fault("the end instead of 100")
                    connection.pull(answers)
            block += data
    connection.send(cuts_of(block, how, chance), answers, pause)
    if ending == "half":
        connection.finish(answers)
    elif ending == "stay":
        while answers.count < len(requests) and not answers.is_at_end:
            connection.pull(answers)
        if answers.is_at_end:
            raise Fault(f"the end after {answers.count} of {len(requests)} answers")
        connection.finish(answers)
    while not answers.is_at_end:
        connection.pull(answers)
    if answers.rest or answers.count != len(requests) or answers.interim != interim:
        raise Fault(f"{answers.count} answers to {len(requests)} requests, {answers.interim} times "
                    f"100 for {interim}, and {answers.rest[:100]!r}")
    return answers.all


WAYS = [("plain", "few"), ("plain", "many"), ("plain", "ends"), ("plain", "bytes"), ("tls", "whole"),
        ("tls", "few"), ("tls", "many"), ("tls", "bytes")]


def play(number, options, facts, ports, figures):
    """Plays one pipeline in every way; raises Fault with all that is needed to play it again."""
    chance = random.Random(f"{options.seed}/{number}")
    requests, ending = Maker(chance, facts).pipeline()
    size = sum(len(part) for request in requests for part in request.parts)
    figures["requests"] += len(requests)
    figures["bytes"] += size
    whole = None
    is_rare = size < 20000 and chance.random() < 0.05  # worth its time now and then
    for door, how in [("plain", "whole")] + WAYS:
        if how == "bytes" and size > (1500 if door == "plain" else 800) and not is_rare:
            continue
        seed = f"{options.seed}/{number}/{door}/{how}"
        chance = random.Random(seed)
        source = f"127.0.0.{chance.randrange(1, 200)}"
        connection = None
        figures["plays"] += 1
        try:
            try:
                connection = (Plain(ports[0], source) if door == "plain"
                              else TLS(ports[1], source, None if how == "whole" else chance))
                got = converse(connection, requests, ending, how, chance)
            except OSError as error:
                raise Fault(f"{type(error).__name__}: {error}") from None
            whole = whole if whole is not None else got
            if got != whole:
                at = next((n for n, pair in enumerate(zip(got, whole)) if pair[0] != pair[1]),
                          min(len(got), len(whole)))
                raise Fault(f"answer {at} differs:\n{got[at:at + 1]}\n{whole[at:at + 1]}")
        except Fault as fault:
            text = b" -- and then -- ".join(
                b" -- waits for 100 -- ".join(request.parts) for request in requests)
            raise Fault(
                f"--seed {options.seed} --first {number} --pipelines 1: {door}, {how}, ends by "
                f"{ending!r}: {fault}\nsent ({size} bytes):\n{text[:20000]!r}") from None
        finally:
            if connection:
                connection.close()


def work(share, options, facts, ports, queue):
    """One of the processes: plays its share of the numbers."""
    TLS.contexts = []
    for version in TLS.versions:
        context = ssl.create_default_context(cafile=options.ca)
        context.minimum_version = context.maximum_version = version
        TLS.contexts.append(context)
    figures = {"requests": 0, "bytes": 0, "plays": 0, "pipelines": 0}
    faults = []
    for number in share:
        try:
            play(number, options, facts, ports, figures)
        except Fault as fault:
            faults.append(str(fault))
        except Exception:
            faults.append(f"pipeline {number}: {traceback.format_exc()}")
        figures["pipelines"] += 1
        if len(faults) >= 5:
            break
    queue.put((figures, faults))


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def ask(port, path):
    """The body of a GET on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), WAIT) as one:
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while part := one.recv(65536):
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


class Gateway:
    """The gateway under test, with the modules that the pipelines call."""

    def __init__(self, options):
        self.ports = free_ports(2)
        certificates = os.path.dirname(os.path.abspath(options.ca))
        self.folder = tempfile.TemporaryDirectory()
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        configuration = {
            "listeners": [
                {"url": f"http://127.0.0.1:{self.ports[0]}"},
                {"url": f"https://127.0.0.1:{self.ports[1]}",
                 "certificate": certificates + "/localhost.crt",
                 "key": certificates + "/localhost.key"}],
            "modules": {
                "echo": {"builtin": "echo"}, "box": {"reply": {"hello": {"box": 1}}},
                "shuffle": {"command": [sys.executable, HERE + "/modules/shuffle.py"],
                            "start": "eager", "commands": {"echo": {}}}},
            "log": {"level": "warning"}}
        path = os.path.join(self.folder.name, "signalbox.json5")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(configuration, file)
        self.process = subprocess.Popen(
            [options.binary, "serve", "--config", path], stdout=subprocess.DEVNULL, stderr=self.log)
        deadline = time.monotonic() + WAIT
        while not self.is_ready():
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit(f"the gateway does not get ready: {self.words()}")
            time.sleep(0.02)

    def is_ready(self):
        try:
            return b'"state":"ready"' in ask(self.ports[0], "/v1/modules/shuffle")[1]
        except OSError:
            return False

    def words(self):
        self.log.seek(0)
        return self.log.read()

    def facts(self):
        """What cannot be known without asking: a hash, a script, the epoch of the signals."""
        found = {path: ask(self.ports[0], path)[1]
                 for path in ("/v1/signals", "/v1/modules", "/v1/timers")}
        head, found["script"] = ask(self.ports[0], "/signalbox.js")
        found["tag"] = re.search(rb'ETag: W/("[0-9a-f]+")', head)[1].decode()
        return found

    def stop(self):
        """Ends it; returns what was wrong with that."""
        if self.process.poll() is not None:
            return f"the gateway ended with {self.process.returncode}: {self.words()}"
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "the gateway does not end"
        words = self.words()
        return f"the gateway left with {status} and wrote: {words}" if status or words else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True, help="the signalbox to start")
    parser.add_argument("--ca", required=True, help="certs/dev-ca.crt, beside the certificates")
    parser.add_argument("--pipelines", type=int, default=100, help="number of random pipelines")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes that play")
    options = parser.parse_args()
    gateway = Gateway(options)
    facts, queue, start = gateway.facts(), multiprocessing.Queue(), time.monotonic()
    numbers = range(options.first, options.first + options.pipelines)
    jobs = [multiprocessing.Process(
        target=work, args=(numbers[n::options.jobs], options, facts, gateway.ports, queue))
        for n in range(options.jobs)]
    for job in jobs:
        job.start()
    totals, faults = {}, []
    for _ in jobs:
        figures, found = queue.get()
        faults += found
        for name, count in figures.items():
            totals[name] = totals.get(name, 0) + count
    for job in jobs:
        job.join()
    if trouble := gateway.stop():
        faults.append(trouble)
    for fault in faults:
        print("FAULT", fault)
    print(f"{totals['pipelines']} pipelines, {totals['requests']} requests, {totals['bytes']} bytes, "
          f"{totals['plays']} plays in {time.monotonic() - start:.1f} s, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
