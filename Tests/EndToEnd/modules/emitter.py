#!/usr/bin/env python3
"""Emits one signal again and again over one connection: emitter.py PORT SIGNAL COUNT.

The data is {"n":1}, {"n":2}, and so on up to COUNT.
"""

import http.client
import sys

port, signal, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
for number in range(1, count + 1):
    connection.request("POST", f"/v1/signals/{signal}", f'{{"n":{number}}}')
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"signal {number}: status {answer.status}")
