"""An HTTP server whose every byte is decided here: good answers, and those of servers that are broken
or mean harm. Prints its port. The last segment of the path says what comes back."""

import json
import os
import signal
import socket
import sys
import threading
import time

connections = 0
hidden = threading.Event()


def read_head(link, data):
    while b"\r\n\r\n" not in data:
        more = link.recv(65536)
        if not more:
            return None, b""
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    return head, rest


def read_body(link, fields, data):
    """The body without its framing, and what follows it."""
    if fields.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            while b"\r\n" not in data:
                data += link.recv(65536)
            size, data = data.split(b"\r\n", 1)
            count = int(size, 16)
            while len(data) < count + 2:
                data += link.recv(65536)
            body, data = body + data[:count], data[count + 2 :]
            if count == 0:
                return body, data
    count = int(fields.get("content-length", 0))
    while len(data) < count:
        more = link.recv(65536)
        if not more:
            break
        data += more
    return data[:count], data[count:]


def answer(body, type="application/json", more="", status="200 OK"):
    head = f"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


FIXED = {
    "truncated": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789",
    "truncated-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "cut-head": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
    "half-head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "nothing": b"",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "smtp": b"220 mail.example ESMTP\r\n",
    "huge-head": b"HTTP/1.1 200 OK\r\nX-Big: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "many-fields": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    "both-framings": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "bad-length": b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "bad-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\nx",
    "bad-coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "bare-newline": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "folded": b"HTTP/1.1 200 OK\r\nX-A: b\r\n Content-Length: 9\r\nContent-Length: 2\r\n\r\nhi",
    "space-colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi",
    "nul": b"HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: 2\r\n\r\nhi",
    "version-two": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status-text": b"HTTP/1.1 2OO OK\r\nContent-Length: 2\r\n\r\nhi",
    "switch": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "interim-flood": b"HTTP/1.1 102 Processing\r\n\r\n" * 1000,
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    + answer(b'"after"'),
    "old": b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
    "extra": answer(b'"asked"') + answer(b'"not asked"'),
    "no-content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not-modified": b'HTTP/1.1 304 Not Modified\r\nETag: "7"\r\nContent-Length: 1234\r\n\r\n',
    "teapot": answer(b'{"detail":"short and stout"}', status="418 I'm a teapot"),
    "down": answer(b"<h1>down</h1>", "text/html", status="503 Service Unavailable"),
    "text": answer(b"plain \xff bytes", "text/plain; charset=latin1"),
    "fields": answer(
        b"1",
        more="Set-Cookie: a=b\r\nServer: secret/1.0\r\nX-Request-Id: forged\r\nConnection: X-Hop\r\n"
        "X-Hop: 1\r\nKeep-Alive: timeout=5\r\nDate: never\r\nProxy-Authenticate: Basic\r\n"
        'X-Own: yes\r\nETag: "1"\r\nCache-Control: no-store\r\nContent-Language: de\r\n'
        "Access-Control-Allow-Origin: *\r\nStrict-Transport-Security: max-age=1\r\n",
    ),
}
LASTING = {"extra", "interim", "no-content", "not-modified", "teapot", "down", "text", "fields"}


def stream(link, name):
    """Answers that take their time."""
    chunk = b"%x\r\n%b\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    if name == "ticks":
        link.sendall(head)
        for number in range(3):
            event = b"data: %d\n\n" % number
            link.sendall(chunk % (len(event), event))
            time.sleep(0.2)
        link.sendall(b"0\r\n\r\n")
    elif name == "big":
        link.sendall(head)
        part = bytes(range(256)) * 256
        for _ in range(256):
            link.sendall(chunk % (len(part), part))
        link.sendall(b"0\r\n\r\n")
    elif name == "stalled-body":
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
        time.sleep(60)
    elif name == "silence":
        time.sleep(60)
    elif name == "drip":
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi":
            link.sendall(bytes([byte]))
            time.sleep(0.01)


def cut(link, name, pid):
    """Sends the beginning of an answer and closes while the other side is stopped, so that it finds
    both at once."""
    os.kill(pid, signal.SIGSTOP)
    while open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "T":
        time.sleep(0.001)
    link.sendall(FIXED["truncated" if name == "cut-body" else "cut-head"])
    link.shutdown(socket.SHUT_RDWR)
    os.kill(pid, signal.SIGCONT)


def respond(link, head, rest):
    """Answers one request; returns what follows it, or None at the end of the connection."""
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    pairs = [line.split(": ", 1) for line in lines[1:]]
    fields = {name.lower(): value for name, value in pairs}
    name = target.split("?")[0].rsplit("/", 1)[1]
    if name == "early":
        # An answer before the body has been read, and a reset after it.
        link.sendall(answer(b'"no"', status="413 Content Too Large", more="Connection: close\r\n"))
        return None
    if hidden.is_set() and name != "show":
        return None
    body, rest = read_body(link, fields, rest)
    if name == "hide":
        hidden.set()
        link.sendall(answer(b"true"))
    elif name == "show":
        hidden.clear()
        link.sendall(answer(b"true"))
    elif name == "mirror":
        link.sendall(answer(body, fields.get("content-type", "application/octet-stream")))
    elif name in ("ticks", "big", "stalled-body", "silence", "drip"):
        stream(link, name)
        return rest if name in ("ticks", "big", "drip") else None
    elif name.startswith("cut-"):
        cut(link, name, int(target.rsplit("pid=", 1)[1]))
        return None
    elif name in FIXED:
        link.sendall(FIXED[name])
        return rest if name in LASTING else None
    else:
        told = {"method": method, "target": target, "fields": pairs, "size": len(body)}
        told["connections"] = connections
        reply = answer(json.dumps(told).encode())
        link.sendall(reply if method != "HEAD" else reply.split(b"\r\n\r\n")[0] + b"\r\n\r\n")
        if name == "stale":
            return None
    return rest


def serve(link):
    data = b""
    try:
        while data is not None:
            head, rest = read_head(link, data)
            if head is None:
                break
            data = respond(link, head, rest)
    except OSError:
        pass
    finally:
        link.close()


def main():
    global connections
    if len(sys.argv) > 1:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(sys.argv[1])
        listener.listen(128)
        print(0, flush=True)
    else:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        print(listener.getsockname()[1], flush=True)
    while True:
        link, _ = listener.accept()
        connections += 1
        threading.Thread(target=serve, args=(link,), daemon=True).start()


main()
