#!/usr/bin/env python3
"""context: a module for tests whose command `show` answers the context of its call."""

import json
import sys

for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": request.get("context")}
        print(json.dumps(answer), flush=True)
