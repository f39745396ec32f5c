#!/usr/bin/env python3
"""shuffle: a module for tests that answers whatever has come so far in random order.

Its one command, `echo`, gives its params back.
"""

import json
import os
import random

pending = b""
while data := os.read(0, 65536):
    *lines, pending = (pending + data).split(b"\n")
    requests = [request for request in map(json.loads, lines) if "id" in request]
    random.shuffle(requests)
    for request in requests:
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": request.get("params")}
        os.write(1, json.dumps(answer, separators=(",", ":")).encode() + b"\n")
