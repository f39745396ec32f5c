#!/usr/bin/env python3
"""Measures what an idle connection costs a running gateway: memory of its process before and after
N connections that each had one request, divided by N.

    Tests/Benchmarks/idle-memory.py PID URL [--count N] [--authority FILE]

Prints `name value unit` lines. Memory is RssAnon + RssShmem of /proc/PID/status: what the process
allocated, without its code. The kernel's socket buffers are not in it.
"""
import argparse
import resource
import socket
import ssl
import time
from urllib.parse import urlsplit


def resident(pid):
    """KiB of anonymous and shared memory."""
    total = 0
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += int(line.split()[1])
    return total


def connect(url, context):
    """A connection that has had one request and is idle."""
    link = socket.create_connection((url.hostname, url.port))
    if context:
        link = context.wrap_socket(link, server_hostname=url.hostname)
    link.sendall(f"GET {url.path or '/livez'} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = link.recv(65536)
        if not piece:
            raise SystemExit(f"closed after {answer!r}")
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"answered {answer[:80]!r}")
    return link


def main():
    """Opens the connections and prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pid", type=int)
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--authority", help="PEM file that signs the gateway's certificate")
    options = parser.parse_args()
    url = urlsplit(options.url)
    context = None
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=options.authority)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = options.count + 200
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

    # What the first connections cost is the price of the code they touch, not theirs.
    warm = [connect(url, context) for _ in range(100)]
    time.sleep(0.3)
    before = resident(options.pid)
    held = [connect(url, context) for _ in range(options.count)]
    time.sleep(0.5)
    after = resident(options.pid)
    print(f"connections {len(held)} count")
    print(f"before {before} KiB")
    print(f"after {after} KiB")
    print(f"each {(after - before) / len(held):.2f} KiB")
    for link in warm + held:
        link.close()


if __name__ == "__main__":
    main()
