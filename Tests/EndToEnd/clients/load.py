#!/usr/bin/env python3
"""load: asks a gateway over TLS without a pause until the file STOP exists, and counts.

    load.py PORT AUTHORITY STOP

Half of the threads keep their connection, half open a new one for each request. Each answer is a
line `kept` or `new` on standard error. At the end one JSON object is printed: answered requests, failed ones with their reasons, and the certificates that were seen.
"""
import http.client
import json
import os
import ssl
import sys
import threading

port, authority, stop = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=authority)
lock = threading.Lock()
result = {"answered": 0, "kept": 0, "failed": [], "serials": []}


def ask(connection):
    """One request; raises what goes wrong."""
    connection.request("GET", "/livez")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"status {answer.status}")


def note(connection):
    """Remembers which certificate the connection has."""
    serial = connection.sock.getpeercert()["serialNumber"]
    with lock:
        if serial not in result["serials"]:
            result["serials"].append(serial)


def run(keeps):
    """Asks until told to stop."""
    connection = None
    while not os.path.exists(stop):
        try:
            if connection is None:
                connection = http.client.HTTPSConnection(
                    "localhost", port, context=context, timeout=10)
                connection.connect()
                note(connection)
            ask(connection)
            with lock:
                result["answered"] += 1
                result["kept"] += keeps
                print("kept" if keeps else "new", file=sys.stderr, flush=True)
            if not keeps:
                connection.close()
                connection = None
        except Exception as error:  # whatever it is, it is a failed request
            with lock:
                result["failed"].append(repr(error))
            connection = None


threads = [threading.Thread(target=run, args=(number % 2,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(result))
