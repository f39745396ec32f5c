#!/usr/bin/env python3
"""tls: a gateway over TLS as Python's ssl module sees it.

    tls.py PORT AUTHORITY CERTIFICATE KEY

Prints one `fact value` line for each thing it tried; the tests compare them.
"""
import http.client
import json
import socket
import ssl
import sys

PORT, AUTHORITY, CERTIFICATE, KEY = int(sys.argv[1]), *sys.argv[2:5]


def context(version=None):
    """A context that trusts the authority, for one version or any."""
    made = ssl.create_default_context(cafile=AUTHORITY)
    if version:
        made.minimum_version = made.maximum_version = version
    made.set_alpn_protocols(["h2", "http/1.1"])
    return made


def ask(made, name="localhost", session=None, path="/livez"):
    """One request on a connection of its own; returns the link, its answer's body."""
    link = made.wrap_socket(
        socket.create_connection(("localhost", PORT)), server_hostname=name, session=session)
    link.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while piece := link.recv(65536):
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"answered {answer[:200]!r}")
    return link, body


def subject(link):
    """The common name of the server's certificate."""
    return dict(pair[0] for pair in link.getpeercert()["subject"])["commonName"]


for label, version in (("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)):
    made = context(version)
    first, _ = ask(made)
    second, _ = ask(made, session=first.session)
    print(f"version-{label}", first.version())
    print(f"resumed-{label}", second.session_reused and not first.session_reused)
print("alpn", first.selected_alpn_protocol())
print("name", subject(ask(context(), "side.example")[0]))

made = context()
made.load_cert_chain(CERTIFICATE, KEY)
_, body = ask(made, path="/v1/modules/context/show")
print("subject", json.loads(body)["tls_subject"])

try:
    http.client.HTTPSConnection("localhost", PORT).request("GET", "/livez")
except ssl.SSLCertVerificationError:
    print("untrusted", "refused")
