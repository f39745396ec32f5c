#!/usr/bin/env python3
"""slow: a module for tests, whose commands end when the test says so, or never.

`hold` answers when `release` is called, `pause` after some seconds; the signal slow.held says that
either has begun. `die` ends the process with the given exit code and a last word on standard error.
`nonsense` writes a line that is no JSON, and an answer that is none. `echo` answers its params,
`big` a string of that size.
"""

import json
import os
import sys
import threading

held = []
writing = threading.Lock()


def write(message):
    with writing:
        print(json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")), flush=True)


def say_held():
    write({"method": "signal", "params": {"name": "slow.held", "data": {"pid": os.getpid()}}})


for line in sys.stdin:
    request = json.loads(line)
    method, params = request["method"], request.get("params", {})
    if "id" not in request:
        if method == "$/cancelRequest":
            write({"method": "signal", "params": {"name": "slow.cancelled", "data": {}}})
        continue
    if method == "hold":
        held.append(request["id"])
        say_held()
    elif method == "pause":
        say_held()
        answer = {"id": request["id"], "result": {"paused": params["seconds"]}}
        threading.Timer(params["seconds"], write, [answer]).start()
    elif method == "release":
        for waiting in held:
            write({"id": waiting, "result": {"released": True}})
        write({"id": request["id"], "result": {"released": len(held)}})
        held.clear()
    elif method == "die":
        print("slow: told to die", file=sys.stderr, flush=True)
        os._exit(int(params.get("code", 1)))
    elif method == "nonsense":
        print("this is no JSON", flush=True)
        write({"id": request["id"]})
    elif method == "echo":
        write({"id": request["id"], "result": params})
    elif method == "big":
        write({"id": request["id"], "result": "x" * int(params.get("size", 1))})
    else:
        write({"id": request["id"], "error": {"code": -32601, "message": f"no {method}"}})
