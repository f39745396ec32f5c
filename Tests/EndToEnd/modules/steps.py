#!/usr/bin/env python3
"""steps: a module for tests that says how its calls are getting on.

`steps` reports as many steps as it is told and answers; with `then` it fails, dies or goes on for ever
instead. `flood` reports as many steps of a given size as it can. `context` answers its context.
`STEPS_SLOW` makes it slow to say what it can, by that many seconds.
"""

import json
import os
import sys
import time

SAFE = {"steps", "context"}


def write(message):
    print(json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")), flush=True)


def progress(key, value):
    write({"method": "progress", "params": {"id": key, "value": value}})


if os.environ.get("STEPS_SLOW"):
    time.sleep(float(os.environ["STEPS_SLOW"]))
for line in sys.stdin:
    request = json.loads(line)
    method, params, key = request["method"], request.get("params", {}), request.get("id")
    if method == "$/cancelRequest":
        write({"method": "signal", "params": {"name": "steps.cancelled", "data": params}})
    elif method == "rpc.discover":
        names = ["steps", "flood", "context", "echo"]
        write({"id": key, "result": {"openrpc": "1.3.2", "methods": [
            {"name": name, "params": [], "x-safe": name in SAFE} for name in names]}})
    elif method == "steps":
        print("steps: at work", file=sys.stderr, flush=True)
        for n in range(int(params.get("n", 2))):
            progress(key, {"step": n})
        then = params.get("then")
        if then == "fail":
            write({"id": key, "error": {"code": 1, "message": "no luck", "data": {"status": 409}}})
        elif then == "die":
            os._exit(9)
        elif then != "wait":
            write({"id": key, "result": {"steps": params.get("n", 2)}})
    elif method == "flood":
        text = "x" * params["size"]
        for n in range(params["n"]):
            progress(key, [n, text])
        write({"id": key, "result": params["n"]})
    elif method == "context":
        write({"id": key, "result": request.get("context")})
    elif key is not None:
        write({"id": key, "result": params})
