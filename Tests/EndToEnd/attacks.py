#!/usr/bin/env python3
"""attacks: what clients should not send, and what they may, against a running gateway.

    attacks.py --http PORT [--https PORT --ca FILE] [--only WORD] [--seed N] [--list]
    attacks.py --http PORT [--https PORT --ca FILE] --deadlines | --descriptors

Every case is raw bytes and the answers they must get: the status codes in order, and whether the
connection then closes. Behind the bytes of each case goes a second request, in the same write: it
must be answered if the connection is to live on, and must not be answered if it is to close. Cases
are sent whole, cut in pieces at random, and byte by byte, on the plain port and on the TLS port.

The gateway must have a module `echo` (builtin) and a module `box` whose command `hello` is a fixed
reply. Exit status 1 if anything was not as expected. Only the standard library is needed.

With --deadlines the gateway must have head_timeout, body_timeout and handshake_timeout of 1s and an
idle_timeout of 2s; with --descriptors it must have been started with `ulimit -n 80` or so.
"""

import argparse
import random
import re
import socket
import ssl
import sys
import threading
import time

WAIT = 5  # seconds for an answer or an end; a failure, never the rule
FOLLOW_UP = b"GET /livez HTTP/1.1\r\nHost: follow.up\r\n\r\n"
KIB = 1024

# A connection that ends behind an answer which did not say so: the fault came after the answer.
STAYS, CLOSES, CUTS = range(3)


# --- connections ------------------------------------------------------------------------------


class Plain:
    """A TCP connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.socket.sendall(data)

    def finish(self):
        """Ends this side; the other may still answer."""
        self.socket.shutdown(socket.SHUT_WR)

    def prepare(self, data):
        """Gets `data` and the end of this side ready for `send_prepared`."""
        self.prepared = data

    def send_prepared(self):
        self.socket.sendall(self.prepared)
        self.socket.shutdown(socket.SHUT_WR)

    def read(self):
        """Some bytes, or none at the end. Raises ConnectionResetError for a reset."""
        return self.socket.recv(65536)

    def vanish(self):
        """Goes away with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def close(self):
        self.socket.close()


class TLS(Plain):
    """A TLS connection whose records this program makes itself, so that it can half-close."""

    context = None

    def __init__(self, port):
        super().__init__(port)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = TLS.context.wrap_bio(
            self.incoming, self.outgoing, server_hostname="localhost")
        self.step(self.session.do_handshake)

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.socket.sendall(data)

    def fill(self):
        data = self.socket.recv(65536)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    def step(self, function, *arguments):
        while True:
            try:
                result = function(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self.fill()

    def send(self, data):
        self.session.write(data)
        self.flush()

    def finish(self):
        try:
            self.session.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def prepare(self, data):
        """Encrypts at once: the session is used by one thread only."""
        self.session.write(data)
        try:
            self.session.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.prepared = self.outgoing.read()

    def send_prepared(self):
        self.socket.sendall(self.prepared)

    def read(self):
        try:
            return self.step(self.session.read, 65536)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""


# --- answers ----------------------------------------------------------------------------------


class Surprise(Exception):
    """Something that must not happen."""


class Answers:
    """Takes the bytes of a connection apart into answers, strictly."""

    def __init__(self, methods=()):
        self.bytes = b""
        self.methods = list(methods)
        self.all = []  # (status, fields, body)
        self.is_at_end = False
        self.awaits_end = None  # an answer that only the end of the connection ends

    def feed(self, data):
        if not data:
            self.is_at_end = True
            if self.awaits_end:
                self.all.append((*self.awaits_end, self.bytes))
                self.bytes, self.awaits_end = b"", None
            return
        self.bytes += data
        while not self.awaits_end and self.take():
            pass

    def take(self):
        head_end = self.bytes.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        lines = self.bytes[:head_end].decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 ([1-5][0-9][0-9]) [ -~]*", lines[0])
        if not match:
            raise Surprise(f"no status line: {lines[0]!r}")
        status, fields = int(match[1]), {}
        for line in lines[1:]:
            match_field = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([ -~]*)", line)
            if not match_field:
                raise Surprise(f"no field line: {line!r}")
            name = match_field[1].lower()
            if name in fields:
                raise Surprise(f"field sent twice: {name}")
            fields[name] = match_field[2]
        rest = self.bytes[head_end + 4:]
        if status == 100:
            self.bytes = rest
            self.all.append((status, fields, b""))
            return True
        for name in ("date", "x-request-id"):
            if name not in fields and status != 503:
                raise Surprise(f"{status} without {name}")
        method = self.methods.pop(0) if self.methods else "GET"
        return self.take_body(status, fields, rest, method)

    def take_body(self, status, fields, rest, method):
        if "content-length" in fields and "transfer-encoding" in fields:
            raise Surprise("answer with two framings")
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif "transfer-encoding" in fields:
            body, size = b"", None
            while size != 0:
                end = rest.find(b"\r\n")
                if end < 0:
                    return self.undo(method)
                size = int(rest[:end], 16)
                if len(rest) < end + size + 4:
                    return self.undo(method)
                body += rest[end + 2:end + 2 + size]
                if rest[end + 2 + size:end + 4 + size] != b"\r\n":
                    raise Surprise("chunk without end")
                rest = rest[end + 4 + size:]
        elif "content-length" in fields:
            size = int(fields["content-length"])
            if len(rest) < size:
                return self.undo(method)
            body, rest = rest[:size], rest[size:]
        else:
            self.bytes, self.awaits_end = rest, (status, fields)
            return True
        self.bytes = rest
        self.all.append((status, fields, body))
        return True

    def undo(self, method):
        self.methods.insert(0, method)
        return False

    @property
    def statuses(self):
        return [status for status, _, _ in self.all]


def read_until(connection, answers, enough):
    """Reads until `enough(answers)` or the end."""
    while not answers.is_at_end and not enough(answers):
        answers.feed(connection.read())


def normal(answers):
    """The answers without what differs from one run to the next."""
    result = []
    for status, fields, body in answers.all:
        kept = {k: v for k, v in fields.items() if k not in ("date", "x-request-id")}
        result.append((status, kept, re.sub(rb'"request_id":"[0-9a-f]{16}"', b"", body)))
    return result


# --- the table --------------------------------------------------------------------------------

CASES = []
GET = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"


def case(name, request, statuses, closes=STAYS, methods=()):
    """Adds a case; `request` is latin-1 text, `statuses` the answers to it alone."""
    data = request.encode("latin-1") if isinstance(request, str) else request
    expected = [statuses] if isinstance(statuses, int) else list(statuses)
    CASES.append((name, data, expected, closes, methods))


def get(fields="", target="/livez", version="HTTP/1.1", method="GET"):
    """A request without body; `fields` are whole lines."""
    return f"{method} {target} {version}\r\nHost: a\r\n{fields}\r\n"


def post(fields, body="", target="/v1/modules/echo/echo", version="HTTP/1.1"):
    """A request with these fields and these bytes behind its head."""
    return f"POST {target} {version}\r\nHost: a\r\n{fields}\r\n{body}"


def sized(body, target="/v1/modules/echo/echo", fields=""):
    """A POST with the right Content-Length."""
    return post(f"{fields}Content-Length: {len(body)}\r\n", body, target)


def chunked(body, fields="Transfer-Encoding: chunked\r\n", target="/v1/modules/echo/echo"):
    """A POST whose chunks are `body`, framing included."""
    return post(fields, body, target)


def request_lines():
    case("a plain request", get(), 200)
    case("two requests", get() + get(), [200, 200])
    case("sixty-five requests", get() * 65, [200] * 65)
    case("one empty line in front", "\r\n" + get(), 200)
    case("two empty lines in front", "\r\n\r\n" + get(), 200)
    case("three empty lines in front", "\r\n\r\n\r\n" + get(), 400, CLOSES)
    case("endless empty lines", "\r\n" * 5000, 400, CLOSES)
    case("a bare LF in front", "\n" + get(), 400, CLOSES)
    case("a bare CR in front", "\r" + get(), 400, CLOSES)
    case("a blank in front", " " + get(), 400, CLOSES)
    case("a NUL in front", "\0" + get(), 400, CLOSES)
    case("bare LF ends the request line", "GET /livez HTTP/1.1\nHost: a\r\n\r\n", 400, CLOSES)
    case("bare CR ends the request line", "GET /livez HTTP/1.1\rHost: a\r\n\r\n", 400, CLOSES)
    case("two blanks behind the method", "GET  /livez HTTP/1.1\r\nHost: a\r\n\r\n", 400, CLOSES)
    case("two blanks behind the target", "GET /livez  HTTP/1.1\r\nHost: a\r\n\r\n", 400, CLOSES)
    case("a tab behind the method", "GET\t/livez HTTP/1.1\r\nHost: a\r\n\r\n", 400, CLOSES)
    case("a blank behind the version", "GET /livez HTTP/1.1 \r\nHost: a\r\n\r\n", 400, CLOSES)
    case("no version (HTTP/0.9)", "GET /livez\r\n\r\n", 400, CLOSES)
    case("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400, CLOSES)
    case("no method", "/livez HTTP/1.1\r\nHost: a\r\n\r\n", 400, CLOSES)
    case("lower-case version", get(version="http/1.1"), 400, CLOSES)
    case("version 1.2", get(version="HTTP/1.2"), 200)
    case("version 1.10", get(version="HTTP/1.10"), 400, CLOSES)
    case("version 01.1", get(version="HTTP/01.1"), 400, CLOSES)
    case("version 2.0", get(version="HTTP/2.0"), 505, CLOSES)
    case("version 0.9", get(version="HTTP/0.9"), 505, CLOSES)
    case("version +1.1", get(version="HTTP/+1.1"), 400, CLOSES)
    case("version 1,1", get(version="HTTP/1,1"), 400, CLOSES)
    case("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505], CLOSES)
    case("an unknown method", get(method="BREW"), 405)
    case("a method in lower case", get(method="get"), 405)
    case("a method with a slash", get(method="GE/T"), 400, CLOSES)
    case("a method with a NUL", get(method="GE\0T"), 400, CLOSES)
    case("a method of 33 bytes", get(method="M" * 33), 501, CLOSES)
    case("a method that never ends", "G" * 40000, 501, CLOSES)
    case("a target of 9,000 bytes", get(target="/" + "a" * 9000), 414, CLOSES)
    case("a target that never ends", "GET /" + "a" * 40000, 414, CLOSES)
    case("a target with a fragment", get(target="/livez#x"), 400, CLOSES)
    case("a target with a raw byte above ASCII", get(target="/\xe9"), 400, CLOSES)
    case("a target with a control", get(target="/\x01"), 400, CLOSES)
    case("a target with DEL", get(target="/\x7f"), 400, CLOSES)
    case("a target without slash", get(target="livez"), 400, CLOSES)
    case("an absolute target", get(target="http://a/livez"), 200)
    case("an absolute target with query", get(target="http://a/livez?x=1"), 200)
    case("an absolute target without path", get(target="http://a"), 200)
    case("an absolute target with userinfo", get(target="http://u@a/livez"), 400, CLOSES)
    case("an absolute target of another scheme", get(target="gopher://a/livez"), 400, CLOSES)
    case("an asterisk with GET", get(target="*"), 400, CLOSES)
    case("an asterisk with OPTIONS", get(target="*", method="OPTIONS"), 204)
    case("CONNECT to an authority", get(target="b:443", method="CONNECT"), 404)
    case("CONNECT to a path", get(target="/livez", method="CONNECT"), 400, CLOSES)
    case("a TLS hello on the plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, CLOSES)
    case("an FTP greeting", "USER anonymous\r\nPASS guest\r\n", 400, CLOSES)


def fields():
    case("bare LF ends a field line", "GET /livez HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, CLOSES)
    case("bare LF ends the head", "GET /livez HTTP/1.1\r\nHost: a\r\n\n", 400, CLOSES)
    case("only bare LFs", "GET /livez HTTP/1.1\nHost: a\n\n", 400, CLOSES)
    case("bare CR in a value", get("X: a\rb\r\n"), 400, CLOSES)
    case("CR CR LF ends a field line", get("X: a\r\r\n"), 400, CLOSES)
    case("NUL in a value", get("X: a\0b\r\n"), 400, CLOSES)
    case("a control in a value", get("X: a\x0bb\r\n"), 400, CLOSES)
    case("DEL in a value", get("X: a\x7fb\r\n"), 400, CLOSES)
    case("a tab in a value", get("X: a\tb\r\n"), 200)
    case("obs-text in a value", get("X: \xfc\xff\r\n"), 200)
    case("a folded line", get("X: a\r\n b\r\n"), 400, CLOSES)
    case("a folded line with a tab", get("X: a\r\n\tb\r\n"), 400, CLOSES)
    case("the first field line folded", "GET /livez HTTP/1.1\r\n Host: a\r\n\r\n", 400, CLOSES)
    case("a blank before the colon", get("X : a\r\n"), 400, CLOSES)
    case("a tab before the colon", get("X\t: a\r\n"), 400, CLOSES)
    case("a blank in a name", get("X Y: a\r\n"), 400, CLOSES)
    case("no colon", get("X\r\n"), 400, CLOSES)
    case("an empty name", get(": a\r\n"), 400, CLOSES)
    case("an empty value", get("X:\r\n"), 200)
    case("a NUL in a name", get("X\0: a\r\n"), 400, CLOSES)
    case("obs-text in a name", get("X\xe9: a\r\n"), 400, CLOSES)
    case("a slash in a name", get("X/Y: a\r\n"), 400, CLOSES)
    case("a bracket in a name", get("X[0]: a\r\n"), 400, CLOSES)
    case("an underscore in a name", get("Content_Length: 5\r\n"), 200)
    case("many blanks around a value", get("X:  \t a \t  \r\n"), 200)
    case("ninety-nine fields", get("X: y\r\n" * 98), 200)
    case("one hundred and one fields", get("X: y\r\n" * 100), 431, CLOSES)
    case("a value of 15 KiB", get(f"X: {'y' * 15 * KIB}\r\n"), 200)
    case("a value of 17 KiB", get(f"X: {'y' * 17 * KIB}\r\n"), 431, CLOSES)
    case("a value that never ends", "GET /livez HTTP/1.1\r\nHost: a\r\nX: " + "y" * 60000, 431, CLOSES)
    case("a name that never ends", "GET /livez HTTP/1.1\r\nHost: a\r\n" + "y" * 60000, 431, CLOSES)
    case("many small fields that never end",
         "GET /livez HTTP/1.1\r\nHost: a\r\n" + "a:\r\n" * 10000, 431, CLOSES)


def hosts():
    line = "GET /livez HTTP/1.1\r\n"
    case("no Host", f"{line}\r\n", 400, CLOSES)
    case("an empty Host", f"{line}Host:\r\n\r\n", 400, CLOSES)
    case("two different Hosts", f"{line}Host: a\r\nHost: b\r\n\r\n", 400, CLOSES)
    case("two equal Hosts", f"{line}Host: a\r\nHost: a\r\n\r\n", 400, CLOSES)
    case("a list as Host", f"{line}Host: a, b\r\n\r\n", 400, CLOSES)
    case("a Host with a path", f"{line}Host: a/b\r\n\r\n", 400, CLOSES)
    case("a Host with userinfo", f"{line}Host: u@a\r\n\r\n", 400, CLOSES)
    case("a Host with a bad port", f"{line}Host: a:9x\r\n\r\n", 400, CLOSES)
    case("a Host with a port out of range", f"{line}Host: a:99999\r\n\r\n", 400, CLOSES)
    case("a Host with a blank", f"{line}Host: a b\r\n\r\n", 400, CLOSES)
    case("an IPv6 Host", f"{line}Host: [::1]:80\r\n\r\n", 200)
    case("a broken IPv6 Host", f"{line}Host: [::1\r\n\r\n", 400, CLOSES)
    case("HTTP/1.0 without Host", "GET /livez HTTP/1.0\r\n\r\n", 200, CLOSES)
    case("HTTP/1.0 with two Hosts", "GET /livez HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400, CLOSES)
    case("no Host, absolute target", "GET http://a/livez HTTP/1.1\r\n\r\n", 400, CLOSES)


def lengths():
    case("a body with its length", sized("[1]"), 200)
    case("length zero", post("Content-Length: 0\r\n"), 200)
    case("no length: no body", post(""), 200)
    case("leading zeros", post("Content-Length: 0000000003\r\n", "[1]"), 200)
    case("twenty digits of leading zeros", post(f"Content-Length: {'0' * 20}3\r\n", "[1]"), 400, CLOSES)
    for value in ("+3", "-3", "0x3", "3 3", "3,3", "3, 3", "3;", "3.0", "3e0", "", "three", "\xb2",
                  "99999999999999999999", "18446744073709551619", "9223372036854775808", "1_0", "'3'"):
        case(f"length {value!r}", post(f"Content-Length: {value}\r\n", "[1]"), 400, CLOSES)
    case("two equal lengths", post("Content-Length: 3\r\nContent-Length: 3\r\n", "[1]"), 400, CLOSES)
    case("two different lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "[1]"), 400, CLOSES)
    case("a length folded away", post("Content-Length: 3\r\n 4\r\n", "[1]"), 400, CLOSES)
    case("a blank before the length's colon", post("Content-Length : 3\r\n", "[1]"), 400, CLOSES)
    case("a length of nine exabytes", post("Content-Length: 9223372036854775807\r\n", "[1]"), 413, CLOSES)
    case("a length over the limit", post("Content-Length: 1048577\r\n", "[1]"), 413, CLOSES)
    case("a body of GET", get("Content-Length: 3\r\n") + "[1]", 200)
    case("a body of GET that is a request", get(f"Content-Length: {len(GET)}\r\n") + GET.decode(), 200)
    case("a body of HEAD", get("Content-Length: 3\r\n", method="HEAD") + "[1]", 200, methods=["HEAD"])
    case("a body that is a request", sized(GET.decode()), 400)


def codings():
    good = "3\r\n[1]\r\n0\r\n\r\n"
    case("a chunked body", chunked(good), 200)
    case("chunked in capitals", chunked(good, "TRANSFER-ENCODING: CHUNKED\r\n"), 200)
    case("length and chunked", chunked(good, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400, CLOSES)
    case("chunked and length", chunked(good, "Transfer-Encoding: chunked\r\nContent-Length: 13\r\n"), 400, CLOSES)
    case("length zero and chunked", chunked(good, "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 400, CLOSES)
    case("chunked in HTTP/1.0", post("Transfer-Encoding: chunked\r\n", good, version="HTTP/1.0"), 400, CLOSES)
    case("chunked on GET", get("Transfer-Encoding: chunked\r\n") + good, 200)
    for value, status in (
        ("gzip", 501), ("gzip, chunked", 501), ("identity", 501), ("x", 501), ("chunked, gzip", 400),
        ("chunked, chunked", 400), ("chunked,", 400), (",chunked", 400), ("chunked;q=1", 400),
        ('"chunked"', 400), ("chunked x", 400), ("", 400), ("\x0bchunked", 400), ("chunked\x0c", 400),
        ("chunked\0", 400), ("\xffchunked", 400), ("chunke\xe4", 400), ("xchunked", 501),
        ("identity, chunked", 501),
    ):
        case(f"coding {value!r}", chunked(good, f"Transfer-Encoding: {value}\r\n"), status, CLOSES)
    case("two codings lines", chunked(good, "Transfer-Encoding: chunked\r\n" * 2), 400, CLOSES)
    case("identity, then chunked line",
         chunked(good, "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), 400, CLOSES)
    case("a blank before the coding's colon", chunked(good, "Transfer-Encoding : chunked\r\n"), 400, CLOSES)
    case("a coding folded", chunked(good, "Transfer-Encoding:\r\n chunked\r\n"), 400, CLOSES)
    case("a coding behind a NUL name", chunked(good, "\0Transfer-Encoding: chunked\r\n"), 400, CLOSES)
    case("a vertical tab name", chunked(good, "\x0bTransfer-Encoding: chunked\r\n"), 400, CLOSES)


def chunks():
    end = "0\r\n\r\n"
    case("two chunks", chunked("1\r\n[\r\n2\r\n1]\r\n" + end), 200)
    case("an upper-case size", chunked("A\r\n[1,2,3,44]\r\n" + end), 200)
    case("leading zeros in a size", chunked("0000000000000003\r\n[1]\r\n" + end), 200)
    case("seventeen digits of a size", chunked("00000000000000003\r\n[1]\r\n" + end), 400, CLOSES)
    case("a last chunk of many zeros", chunked("3\r\n[1]\r\n0000\r\n\r\n"), 200)
    case("an extension", chunked("3;a=b\r\n[1]\r\n" + end), 200)
    case("a quoted extension", chunked('3;a="b;c\\"d"\r\n[1]\r\n' + end), 200)
    case("a blank before an extension", chunked("3 ;a\r\n[1]\r\n" + end), 200)
    case("a trailer", chunked("3\r\n[1]\r\n0\r\nX-Sum: 1\r\n\r\n"), 200)
    for size in ("0x3", "+3", "-3", " 3", "3 ", "3\t", "g", "", "3g", "3,", "3.", "\xb3",
                 "8000000000000000", "ffffffffffffffff", "10000000000000003"):
        case(f"chunk size {size!r}", chunked(f"{size}\r\n[1]\r\n{end}"), 400, CLOSES)
    case("bare LF behind a size", chunked("3\n[1]\r\n" + end), 400, CLOSES)
    case("bare LF in an extension", chunked("3;a\n[1]\r\n" + end), 400, CLOSES)
    case("bare LF in a quoted extension", chunked('3;a="\n"\r\n[1]\r\n' + end), 400, CLOSES)
    case("bare CR in an extension", chunked("3;a\rb\r\n[1]\r\n" + end), 400, CLOSES)
    case("bare CR behind a size", chunked("3\rX[1]\r\n" + end), 400, CLOSES)
    case("a NUL in an extension", chunked("3;a\0\r\n[1]\r\n" + end), 400, CLOSES)
    case("bare LF behind data", chunked("3\r\n[1]\n" + end), 400, CLOSES)
    case("bare CR behind data", chunked("3\r\n[1]\r" + end), 400, CLOSES)
    case("no end behind data", chunked("3\r\n[1]" + end), 400, CLOSES)
    case("two wrong bytes behind data", chunked("3\r\n[1]XX" + end), 400, CLOSES)
    case("more data than the size", chunked("3\r\n[1]2\r\n" + end), 400, CLOSES)
    case("bare LF behind the last chunk", chunked("3\r\n[1]\r\n0\n\r\n"), 400, CLOSES)
    case("bare LF ends the body", chunked("3\r\n[1]\r\n0\r\n\n"), 400, CLOSES)
    case("bare CR ends the body", chunked("3\r\n[1]\r\n0\r\n\rX"), 400, CLOSES)
    case("a trailer without colon", chunked("3\r\n[1]\r\n0\r\nX\r\n\r\n"), 400, CLOSES)
    case("a folded trailer", chunked("3\r\n[1]\r\n0\r\nX: a\r\n b\r\n\r\n"), 400, CLOSES)
    case("a trailer with bare LF", chunked("3\r\n[1]\r\n0\r\nX: a\n\r\n"), 400, CLOSES)
    case("a trailer with NUL", chunked("3\r\n[1]\r\n0\r\nX: a\0\r\n\r\n"), 400, CLOSES)
    case("a length as trailer", chunked("3\r\n[1]\r\n0\r\nContent-Length: 4\r\n\r\n"), 400, CLOSES)
    case("a coding as trailer", chunked("3\r\n[1]\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400, CLOSES)
    case("a request line as trailer", chunked("3\r\n[1]\r\n0\r\n" + GET.decode()), 400, CLOSES)
    case("an extension that never ends", chunked("3;" + "a" * 60000), 400, CLOSES)
    case("a trailer that never ends", chunked("3\r\n[1]\r\n0\r\nX: " + "a" * 60000), 400, CLOSES)
    case("trailers that never end", chunked("3\r\n[1]\r\n0\r\n" + "X: a\r\n" * 10000), 400, CLOSES)
    case("extensions without end in many chunks",
         chunked(("1;" + "a" * 1000 + "\r\n \r\n") * 20 + end), 400, CLOSES)
    case("a size that never ends", chunked("0" * 60000), 400, CLOSES)
    case("one-byte chunks", chunked("".join(f"1\r\n{c}\r\n" for c in "[1,2,3]") + end), 200)
    case("chunks over the body limit", chunked("fffff\r\n" + "1" * 0xfffff + "\r\n2\r\n11\r\n" + end), 413, CLOSES)
    case("an empty chunked body", chunked(end), 200)


def persistence():
    case("Connection: close", get("Connection: close\r\n"), 200, CLOSES)
    case("close in a list", get("Connection: x, close\r\n"), 200, CLOSES)
    case("close in capitals", get("Connection: CLOSE\r\n"), 200, CLOSES)
    case("close in a second line", get("Connection: keep-alive\r\nConnection: close\r\n"), 200, CLOSES)
    case("close beside keep-alive", get("Connection: keep-alive, close\r\n"), 200, CLOSES)
    case("closed is not close", get("Connection: closed\r\n"), 200)
    case("close, then much more", get("Connection: close\r\n") + "x" * 100000, 200, CLOSES)
    case("close, then a broken request", get("Connection: close\r\n") + "\n\n\n", 200, CLOSES)
    case("a POST that closes", sized("[1]", fields="Connection: close\r\n"), 200, CLOSES)
    case("HTTP/1.0", get(version="HTTP/1.0"), 200, CLOSES)
    case("HTTP/1.0 with keep-alive", get("Connection: keep-alive\r\n", version="HTTP/1.0"), 200)
    case("HTTP/1.0 keep-alive twice", get("Connection: Keep-Alive\r\n", version="HTTP/1.0") * 2, [200, 200])
    case("HTTP/1.0 with another option", get("Connection: x\r\n", version="HTTP/1.0"), 200, CLOSES)
    case("Connection names Content-Length", sized("[1]", fields="Connection: content-length\r\n"), 200)
    case("Connection names Transfer-Encoding",
         chunked("3\r\n[1]\r\n0\r\n\r\n", "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n"), 200)
    case("good, then broken", get() + "BROKEN\r\n\r\n", [200, 400], CLOSES)
    case("answered later, then at once", get(target="/v1/signals") + get(), [200, 200])
    case("answered later, three times", get(target="/v1/signals") * 3, [200] * 3)
    case("answered later, then broken", get(target="/v1/signals") + "\n", [200, 400], CLOSES)
    case("answered later and closing",
         get("Connection: close\r\n", target="/v1/signals") + get(), 200, CLOSES)
    case("answered later, HEAD", get(target="/v1/signals", method="HEAD") + get(), [200, 200],
         methods=["HEAD"])
    case("a POST of HTTP/1.0 without length", post("", version="HTTP/1.0"), 200, CLOSES)


def expectations():
    case("Expect with its body", sized("[1]", fields="Expect: 100-continue\r\n"), [200])
    case("Expect in capitals", sized("[1]", fields="EXPECT: 100-CONTINUE\r\n"), [200])
    case("Expect without body", get("Expect: 100-continue\r\n"), 200)
    case("Expect with length zero", post("Expect: 100-continue\r\nContent-Length: 0\r\n"), 200)
    case("Expect with a chunked body",
         chunked("3\r\n[1]\r\n0\r\n\r\n", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"), [200])
    case("Expect of HTTP/1.0",
         post("Expect: 100-continue\r\nContent-Length: 3\r\n", "[1]", version="HTTP/1.0"), 200, CLOSES)
    case("an unknown expectation", sized("[1]", fields="Expect: 200-ok\r\n"), 417, CLOSES)
    case("two expectations", sized("[1]", fields="Expect: 100-continue, x\r\n"), 417, CLOSES)
    case("a chunk announced over the body limit", chunked("100001\r\n"), 413, CLOSES)
    case("a chunk announced to have nine exabytes", chunked("7fffffffffffffff\r\n[1]"), 413, CLOSES)
    case("Expect with a coding that is not known",
         post("Expect: 100-continue\r\nContent-Encoding: br\r\nContent-Length: 3\r\n", ""), 415, CLOSES)
    case("a coding that is not known", sized("[1]", fields="Content-Encoding: br\r\n"), 415, CLOSES)
    case("Expect, over the limit",
         post("Expect: 100-continue\r\nContent-Length: 9999999\r\n", ""), 413, CLOSES)
    case("Upgrade to h2c", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"), 200)
    case("Upgrade to h2c with a body",
         sized("[1]", fields="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"), 200)
    case("Upgrade to WebSocket", get(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 200)
    case("HEAD", get(method="HEAD"), 200, methods=["HEAD"])
    case("HEAD of nothing", get(method="HEAD", target="/none"), 404, methods=["HEAD"])
    case("HEAD that is refused", get("Expect: x\r\n", method="HEAD"), 417, CLOSES, methods=["HEAD"])
    case("TRACE", get(method="TRACE"), 405)
    case("OPTIONS of a path", get(method="OPTIONS"), 204)


def refused_bodies():
    hidden = GET.decode()
    for name, target, status in (
        ("404", "/none", 404), ("405", "/livez", 405), ("404 of a module", "/v1/modules/none/x", 404),
    ):
        case(f"{name} with a body", sized("[1]", target=target), status)
        case(f"{name} with a request as body", sized(hidden, target=target), status)
        case(f"{name} with 60 KB of body", sized("1" * 60000, target=target), status)
        case(f"{name} with 100 KB of body", sized("1" * 100000, target=target), status, CLOSES)
        case(f"{name} with a chunked body", chunked("3\r\n[1]\r\n0\r\n\r\n", target=target), status)
        case(f"{name} with a request in a chunk",
             chunked(f"{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n", target=target), status)
        case(f"{name} with requests for chunks", chunked(hidden, target=target), status, CUTS)
        case(f"{name} with 100 KB of chunks",
             chunked(("4000\r\n" + "1" * 0x4000 + "\r\n") * 6 + "0\r\n\r\n", target=target), status, CUTS)
        case(f"{name} with Expect",
             sized("[1]", fields="Expect: 100-continue\r\n", target=target), status, CLOSES)
    case("415 with a request as body",
         sized(hidden, fields="Content-Type: text/plain\r\n"), 415)
    case("403 with a request as body", sized(hidden, fields="Origin: http://evil\r\n"), 403)
    case("413 with the body", sized("1" * 1100000), 413, CLOSES)
    case("413 with a request behind the head",
         post("Content-Length: 2000000\r\n", hidden), 413, CLOSES)
    case("bad JSON", sized("{"), 400)
    case("GET answered later with a body",
         get("Content-Length: 3\r\n", target="/v1/signals") + "[1]", 200)
    case("GET answered later with a chunked body",
         get("Transfer-Encoding: chunked\r\n", target="/v1/signals") + "3\r\n[1]\r\n0\r\n\r\n", 200)
    case("GET answered later with a huge body",
         get("Content-Length: 300000\r\n", target="/v1/signals") + "1" * 300000, 413, CLOSES)


def paths():
    for target, status in (
        ("/v1//modules", 404), ("/v1/./modules", 200), ("/v1/x/../modules", 200), ("/%76%31/modules", 200),
        ("/v1/modules?x=%zz", 200), ("/v1/modules?", 200),
    ):
        case(f"path {target}", get(target=target), status)
    for target in ("/../livez", "/v1/%2e%2e/%2e%2e/livez", "/%00", "/%0d%0a", "/v1%2fmodules", "/v1\\modules",
                   "/%zz", "/%", "/%c0%ae", "/%ff"):
        case(f"path {target}", get(target=target), 400)
    case("path with CRLF in the query", get(target="/livez?a\r\nX: y"), 400, CLOSES)


for group in (request_lines, fields, hosts, lengths, codings, chunks, persistence, expectations,
              refused_bodies, paths):
    group()


# --- playing the table ------------------------------------------------------------------------


def pieces(data, how, chance):
    """The bytes in the pieces of one way of delivery."""
    if how == "whole":
        return [data]
    if how == "bytes":
        return [data[i:i + 1] for i in range(len(data))]
    cuts = sorted({chance.randrange(1, len(data)) for _ in range(6)}) if len(data) > 1 else []
    return [data[i:j] for i, j in zip([0] + cuts, cuts + [len(data)])]


def send_all(connection, parts):
    """Sends until the peer will take no more: it may have answered and ended already."""
    try:
        for part in parts:
            connection.send(part)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        return False
    return True


def play(kind, port, one, how, chance):
    """Plays one case; raises Surprise."""
    name, data, expected, closes, methods = one
    data = data + FOLLOW_UP
    wanted = expected if closes else expected + [200]
    connection = kind(port)
    try:
        answers = Answers(methods)
        send_all(connection, pieces(data, how, chance))

        def final(answers):
            return len([s for s in answers.statuses if s >= 200])

        if closes:
            read_until(connection, answers, lambda _: False)
        else:
            read_until(connection, answers, lambda a: final(a) >= len(wanted))
        got = [s for s in answers.statuses if s >= 200]
        if got != wanted:
            raise Surprise(f"answers {got}, not {wanted}")
        if answers.statuses.count(100) > 1:
            raise Surprise("more than one 100")
        if not closes:
            if answers.bytes:
                raise Surprise(f"{len(answers.bytes)} bytes too many")
            connection.send(FOLLOW_UP)
            read_until(connection, answers, lambda a: final(a) > len(wanted))
            if answers.statuses[-1] != 200:
                raise Surprise("dead afterwards")
        elif answers.bytes:
            raise Surprise(f"{answers.bytes[:60]!r} behind the last answer")
        if closes == CLOSES and answers.all[-1][1].get("connection") != "close":
            raise Surprise("closes without saying so")
        return normal(answers)
    except TimeoutError:
        raise Surprise(f"silence after {answers.statuses}") from None
    except ConnectionResetError:
        raise Surprise(f"reset after {answers.statuses}") from None
    except ssl.SSLError as error:
        raise Surprise(f"TLS: {error}") from None
    finally:
        connection.close()


def play_table(doors, only, chance, note):
    """Plays every case in every way; returns the number of plays."""
    count = 0
    for one in CASES:
        if only and only not in one[0]:
            continue
        for door, kind, port in doors:
            ways = ["whole", "pieces", "pieces"]
            if len(one[1]) < 3000:
                ways.append("bytes")
            for how in ways:
                count += 1
                try:
                    play(kind, port, one, how, chance)
                except Surprise as surprise:
                    note(f"{door}, {how}: {one[0]}: {surprise}")
    return count


# --- pipelines --------------------------------------------------------------------------------


def random_pipeline(chance):
    """Valid requests, one behind the other, and their methods."""
    text, methods = b"", []
    for _ in range(chance.randrange(2, 30)):
        body = "[" + ",".join(str(chance.randrange(1000)) for _ in range(chance.randrange(300))) + "]"
        request, method = chance.choice([
            (get(), "GET"),
            (get(method="HEAD"), "HEAD"),
            (get(target="/v1/signals"), "GET"),
            (get(target="/v1/signals", method="HEAD"), "HEAD"),
            (get(target="/none?x=1"), "GET"),
            (get("Connection: keep-alive\r\n", version="HTTP/1.0"), "GET"),
            ("\r\n" + get("X-Long: " + "y" * chance.randrange(4000) + "\r\n"), "GET"),
            (sized(body), "POST"),
            (sized(body, target="/none"), "POST"),
            (sized(body, fields="Content-Type: text/plain\r\n"), "POST"),
            (sized("{", fields=""), "POST"),
            (get("Content-Length: 3\r\n", target="/v1/signals") + "[1]", "GET"),
            (chunked("".join(f"{len(p):x}\r\n{p}\r\n" for p in
                             (body[i:i + 40] for i in range(0, len(body), 40))) + "0\r\n\r\n"), "POST"),
        ])
        text += request.encode("latin-1")
        methods.append(method)
    return text, methods


def converse(kind, port, text, methods, parts, half_close):
    """The answers to a pipeline sent in `parts`."""
    connection = kind(port)
    try:
        answers = Answers(methods)
        send_all(connection, parts)
        if half_close:
            connection.finish()
        read_until(connection, answers, lambda a: len(a.all) >= len(methods) and not half_close)
        if len(answers.all) != len(methods):
            raise Surprise(f"{len(answers.all)} answers to {len(methods)} requests")
        return normal(answers)
    except (TimeoutError, ConnectionResetError) as error:
        raise Surprise(f"{error} after {answers.statuses}") from None
    finally:
        connection.close()


def play_pipelines(doors, rounds, chance, note):
    """Any cut of a pipeline gets the answers of the whole."""
    count = 0
    for _ in range(rounds):
        text, methods = random_pipeline(chance)
        whole = None
        for door, kind, port in doors:
            for how in ("whole", "pieces", "pieces", "half-close", "bytes"):
                if how == "bytes" and len(text) > 6000:
                    continue
                count += 1
                try:
                    parts = pieces(text, how if how != "half-close" else "pieces", chance)
                    got = converse(kind, port, text, methods, parts, how == "half-close")
                    if whole is None:
                        whole = got
                    if got != whole:
                        at = next(i for i, pair in enumerate(zip(got, whole)) if pair[0] != pair[1])
                        raise Surprise(f"answer {at} differs: {got[at]} not {whole[at]}")
                except Surprise as surprise:
                    note(f"{door}, pipeline {how}: {surprise}")
    return count


# --- scenes -----------------------------------------------------------------------------------

SCENES = []


def scene(function):
    """Adds a scene: a play that is no table row."""
    SCENES.append(function)
    return function


def collect(connection, answers, count):
    read_until(connection, answers, lambda a: len(a.all) >= count)


@scene
def one_continue_for_each_expectation(kind, port):
    """100 comes once, when the body has not begun, in order with the answers."""
    connection = kind(port)
    answers = Answers()
    connection.send((get() + post("Expect: 100-continue\r\nContent-Length: 3\r\n")).encode())
    collect(connection, answers, 2)
    assert answers.statuses == [200, 100], answers.statuses
    connection.send(b"[1]" + post("Expect: 100-continue\r\nContent-Length: 3\r\n").encode())
    collect(connection, answers, 4)
    connection.send(b"[2]" + get("Connection: close\r\n").encode())
    read_until(connection, answers, lambda _: False)
    assert answers.statuses == [200, 100, 200, 100, 200, 200], answers.statuses
    connection.close()


@scene
def no_continue_before_a_refusal(kind, port):
    """A refused request gets its refusal alone, and the connection closes."""
    for target, length, status in (("/none", 3, 404), ("/v1/modules/echo/echo", 1 << 40, 413)):
        connection = kind(port)
        answers = Answers()
        connection.send(
            post(f"Expect: 100-continue\r\nContent-Length: {length}\r\n", target=target).encode())
        read_until(connection, answers, lambda _: False)
        assert answers.statuses == [status], answers.statuses
        connection.close()


@scene
def a_refusal_survives_the_upload(kind, port):
    """413 can be read by a client that sends all of its body first."""
    connection = kind(port)
    answers = Answers()
    size = 40 << 20
    connection.send(post(f"Content-Length: {size}\r\n").encode())
    block = b"1" * 65536
    for _ in range(size // len(block)):
        connection.send(block)
    read_until(connection, answers, lambda _: False)
    assert answers.statuses == [413], answers.statuses
    connection.close()


@scene
def a_body_that_outgrows_what_is_skipped(kind, port):
    """It ends the connection, behind the answer or with 413 instead, whichever came first."""
    connection = kind(port)
    answers = Answers()
    body = ("8000\r\n" + "1" * 0x8000 + "\r\n") * 4 + "0\r\n\r\n"
    text = get("Transfer-Encoding: chunked\r\n", target="/v1/signals") + body
    send_all(connection, [text.encode() + FOLLOW_UP])
    read_until(connection, answers, lambda _: False)
    assert answers.statuses in ([200], [413]), answers.statuses
    connection.close()


@scene
def half_closed_peers_get_their_answers(kind, port):
    """The end of the peer's stream is not the end of ours."""
    for requests, count in (
        (get(), 1), (get() * 3, 3), (get(target="/v1/signals") * 3 + get(), 4),
        (sized("[1]") + get(target="/v1/signals"), 2), (get() * 3000, 3000),
    ):
        connection = kind(port)
        answers = Answers()
        send_all(connection, [requests.encode()])
        connection.finish()
        start = time.monotonic()
        read_until(connection, answers, lambda _: False)
        assert answers.statuses == [200] * count, (answers.statuses[:5], len(answers.all), count)
        assert time.monotonic() - start < 4, "ended late"
        connection.close()


@scene
def a_body_cut_short_is_refused(kind, port):
    """The end of the stream within a body: 400, never the handler."""
    for text in (post("Content-Length: 4\r\n", "[1]"), chunked("3\r\n[1]\r\n")):
        connection = kind(port)
        answers = Answers()
        connection.send(text.encode())
        connection.finish()
        read_until(connection, answers, lambda _: False)
        assert answers.statuses == [400], answers.statuses
        connection.close()


@scene
def a_head_cut_short_is_dropped(kind, port):
    """The end of the stream within a head, or before one: silence and the end, at once."""
    for text in ("", "G", "GET /livez HTTP/1.1\r\nHost: a\r\n", "\r\n"):
        connection = kind(port)
        answers = Answers()
        if text:
            connection.send(text.encode())
        connection.finish()
        start = time.monotonic()
        read_until(connection, answers, lambda _: False)
        assert answers.statuses == [] and time.monotonic() - start < 4, answers.statuses
        connection.close()


@scene
def a_pipeline_without_reading_is_bounded(kind, port):
    """A client that sends and does not read is stopped; when it reads, nothing is missing."""
    connection = kind(port)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    request = get(target="/metrics").encode()
    count = 4000
    connection.socket.settimeout(1)
    sent = 0
    try:
        for sent in range(count):
            connection.socket.sendall(request) if kind is Plain else connection.send(request)
    except (TimeoutError, socket.timeout):
        pass
    # What could not be sent whole leaves a torn request behind, so only whole answers count.
    connection.socket.settimeout(WAIT)
    answers = Answers()
    collect(connection, answers, min(sent, 200))
    assert set(answers.statuses) == {200}, set(answers.statuses)
    connection.close()
    other = kind(port)
    answers = Answers()
    other.send(get().encode())
    collect(other, answers, 1)
    other.close()


@scene
def big_answers_to_a_slow_reader(kind, port):
    """Large echoes read late arrive whole, also when the reader has ended its own side."""
    body = "[" + ",".join(["123456789"] * 80000) + "]"
    count = 6
    connection = kind(port)
    text = (sized(body) * count).encode()
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    send_all_in_background(connection, text)
    answers = Answers()
    read_until(connection, answers, lambda _: False)
    assert answers.statuses == [200] * count, answers.statuses
    assert all(b == body.encode() for _, _, b in answers.all)
    connection.close()


def send_all_in_background(connection, text):
    """Sends `text` and the end of this side from another thread."""
    connection.prepare(text)

    def run():
        try:
            connection.send_prepared()
        except OSError:
            pass

    threading.Thread(target=run, daemon=True).start()


@scene
def peers_that_vanish(kind, port):
    """Resets at any moment harm nobody else."""
    for text in ("", "GET", get(), get(target="/v1/signals"), post("Content-Length: 9\r\n", "[1"),
                 get(target="/v1/events?signal=a.b"), get() * 1000):
        for _ in range(5):
            connection = kind(port)
            if text:
                connection.send(text.encode())
            connection.vanish()
    connection = kind(port)
    answers = Answers()
    connection.send(get().encode())
    collect(connection, answers, 1)
    assert answers.statuses == [200]
    connection.close()


@scene
def streams_for_old_and_new_peers(kind, port):
    """HTTP/1.1 gets chunks; HTTP/1.0 gets a body that the end of the connection ends."""
    for version, coded in (("HTTP/1.1", True), ("HTTP/1.0", False)):
        connection = kind(port)
        connection.send(get(target="/v1/events?signal=attack.x", version=version).encode())
        head = b""
        while b"retry:" not in head:
            part = connection.read()
            assert part, "the stream ended"
            head += part
        assert (b"Transfer-Encoding: chunked" in head) == coded, head
        assert b"Content-Length" not in head, head
        emit = kind(port)
        answers = Answers()
        emit.send(sized('{"x": "a\\nb\\r\\nevent: evil"}', target="/v1/signals/attack.x").encode())
        collect(emit, answers, 1)
        assert answers.statuses == [200], answers.all
        emit.close()
        while b"attack.x\n" not in head:
            head += connection.read()
        assert b"\nevent: evil" not in head and b"\revent: evil" not in head, head
        connection.close()


@scene
def records_of_one_byte(kind, port):
    """A request in packets and records of one byte, behind another one."""
    connection = kind(port)
    answers = Answers()
    for byte in (get() + sized("[1]") + get()).encode():
        connection.send(bytes([byte]))
    collect(connection, answers, 3)
    assert answers.statuses == [200] * 3, answers.statuses
    connection.close()


@scene
def body_of_a_megabyte_in_one_byte_chunks(kind, port):
    """Framing may outweigh the data, and still it is only the data that is limited."""
    text = "[" + "1" * 20000 + "]"
    connection = kind(port)
    answers = Answers()
    connection.send(chunked("".join(f"1\r\n{c}\r\n" for c in text) + "0\r\n\r\n").encode())
    collect(connection, answers, 1)
    assert answers.statuses == [200], answers.statuses
    connection.close()


def play_scenes(doors, only, note):
    """Plays every scene at every door; returns the number of plays."""
    count = 0
    for function in SCENES:
        if only and only not in function.__name__.replace("_", " "):
            continue
        for door, kind, port in doors:
            count += 1
            name = function.__name__.replace("_", " ")
            try:
                function(kind, port)
            except (AssertionError, Surprise) as failure:
                note(f"{door}, {name}: {failure}")
            except (OSError, ssl.SSLError) as failure:
                note(f"{door}, {name}: {type(failure).__name__} {failure}")
    return count


# --- gateways with other limits ----------------------------------------------------------------


def end_of(connection):
    """The status codes that come before the end, and the seconds until then."""
    start = time.monotonic()
    answers = Answers()
    read_until(connection, answers, lambda _: False)
    connection.close()
    return answers.statuses, time.monotonic() - start


def be_silent(kind, port, text):
    """Sends `text` and then nothing."""
    connection = kind(port)
    if text:
        connection.send(text)
    return end_of(connection)


def trickle(kind, port, text):
    """Sends `text` a byte at a time, each well before any deadline of its own."""
    connection = kind(port)
    for byte in text:
        send_all(connection, [bytes([byte])])
        time.sleep(0.1)
    statuses, seconds = end_of(connection)
    return statuses, seconds + len(text) / 10


def play_deadlines(doors, note):
    """Every state in which a peer can be silent has its deadline; returns the number of plays."""
    states = (
        ("silent", "", []), ("silent after a byte", "G", [408]),
        ("silent in a head", get()[:30], [408]), ("silent after a request", get(), [200]),
        ("silent in a body", post("Content-Length: 9\r\n", "[1"), [408]),
        ("silent in a chunk", chunked("9\r\n[1"), [408]),
        ("silent in a second head", get() + get()[:30], [200, 408]),
        ("silent in a refused body", post("Content-Length: 9\r\n", "[1", "/none"), [404]),
    )
    plays = []
    for door, kind, port in doors:
        for name, text, expected in states:
            plays.append((f"{door}, {name}", be_silent, (kind, port, text.encode()), expected))
        plays.append((f"{door}, trickling", trickle, (kind, port, get()[:20].encode()), [408]))
        if kind is TLS:
            plays.append((f"{door}, silent in a hello", be_silent, (Plain, port, b"\x16\3\1"), []))

    def play(name, function, arguments, expected):
        try:
            statuses, seconds = function(*arguments)
        except (OSError, Surprise) as failure:
            note(f"{name}: {failure!r}")
            return
        if statuses != expected or not 0.8 < seconds < 4:
            note(f"{name}: {statuses} after {seconds:.1f} s")

    threads = [threading.Thread(target=play, args=arguments) for arguments in plays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(plays)


def play_descriptors(doors, note):
    """At the descriptor limit those inside go on, and afterwards all is well."""
    door, kind, port = doors[0]

    def asks(connection, what):
        try:
            answers = Answers()
            connection.send(get().encode())
            collect(connection, answers, 1)
            if answers.statuses != [200]:
                note(f"{door}, {what}: {answers.statuses}")
        except OSError as failure:
            note(f"{door}, {what}: {failure!r}")

    inside = kind(port)
    asks(inside, "before the flood")
    for name, text in (("idle", b""), ("busy", b"GET /")):
        flood = []
        for _ in range(300):
            peer = socket.create_connection(("127.0.0.1", port), timeout=WAIT)
            try:
                peer.sendall(text)
            except OSError:
                pass
            flood.append(peer)
        asks(inside, f"inside, in a flood of {name} peers")
        for peer in flood:
            peer.close()
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            try:
                newcomer = kind(port)
                newcomer.send(get().encode())
                if newcomer.read():
                    break
            except OSError:
                pass
        else:
            note(f"{door}, nobody is let in after a flood of {name} peers")
        newcomer.close()
        asks(inside, f"inside, after a flood of {name} peers")
    inside.close()
    return 6


# --- main -------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--http", type=int, help="port of the plain listener")
    parser.add_argument("--https", type=int, help="port of the TLS listener")
    parser.add_argument("--ca", help="PEM file of the authority that signed its certificate")
    parser.add_argument("--only", help="play only what has this in its name")
    parser.add_argument("--seed", type=int, default=1, help="of the random cuts and pipelines")
    parser.add_argument("--pipelines", type=int, default=12, help="number of random pipelines")
    parser.add_argument("--deadlines", action="store_true", help="play silent peers only")
    parser.add_argument("--descriptors", action="store_true", help="play floods only")
    parser.add_argument("--list", action="store_true", help="print the table and stop")
    options = parser.parse_args()
    if options.list:
        for name, data, expected, closes, _ in CASES:
            print(f"{name}: {expected} {'closes' if closes else 'stays'}, {len(data)} bytes")
        print(f"{len(CASES)} cases, {len(SCENES)} scenes")
        return 0
    doors = []
    if options.http:
        doors.append(("plain", Plain, options.http))
    if options.https:
        TLS.context = ssl.create_default_context(cafile=options.ca)
        doors.append(("TLS", TLS, options.https))
    if not doors:
        parser.error("name a port")
    surprises = []

    def note(text):
        surprises.append(text)
        print("SURPRISE", text, flush=True)

    chance = random.Random(options.seed)
    if options.deadlines:
        plays = play_deadlines(doors, note)
    elif options.descriptors:
        plays = play_descriptors(doors, note)
    else:
        plays = play_table(doors, options.only, chance, note)
        if not options.only or options.only in "pipelines":
            plays += play_pipelines(doors, options.pipelines, chance, note)
        plays += play_scenes(doors, options.only, note)
    print(f"{len(CASES)} cases, {len(SCENES)} scenes, {plays} plays, {len(surprises)} surprises")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
