#!/usr/bin/env python3
"""host: figures of this machine, as a Signalbox module.

A module is a program that reads JSON-RPC 2.0 requests from standard input, one message per line,
and writes responses and notifications to standard output the same way. This one needs nothing but
Python's standard library and shows the whole protocol; docs/MODULES.md explains it. For a shorter
start, copy signalbox_module.py and begin with hello.py.

Try it without the gateway:

    echo '{"jsonrpc":"2.0","id":1,"method":"disk","params":{"mount":"/"}}' | python3 host.py
"""

import json
import os
import re
import sys
import threading

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Fault(Exception):
    """An error that the caller is to see: a JSON-RPC error with the HTTP status it stands for."""

    def __init__(self, code, message, status=None):
        super().__init__(message)
        self.error = {"code": code, "message": message}
        if status is not None:
            self.error["data"] = {"status": status}


def bad_params(message):
    return Fault(-32602, message, status=422)


# --- The commands: plain functions, parameters by name, the result is any JSON value -------------


def load():
    """Load averages, runnable tasks and processors."""
    with open("/proc/loadavg") as file:
        one, five, fifteen, tasks = file.read().split()[:4]
    runnable, total = tasks.split("/")
    return {
        "load1": float(one),
        "load5": float(five),
        "load15": float(fifteen),
        "runnable": int(runnable),
        "tasks": int(total),
        "cpus": os.cpu_count(),
    }


def memory():
    """Memory and swap in bytes."""
    fields = {}
    with open("/proc/meminfo") as file:
        for line in file:
            name, figure = line.split(":")
            fields[name] = int(figure.split()[0]) * 1024
    return {
        "total": fields["MemTotal"],
        "available": fields["MemAvailable"],
        "used": fields["MemTotal"] - fields["MemAvailable"],
        "cached": fields["Cached"],
        "swap_total": fields["SwapTotal"],
        "swap_free": fields["SwapFree"],
    }


def disk(mount="/"):
    """Space and inodes of the file system mounted at `mount`."""
    if not isinstance(mount, str) or not mount.startswith("/"):
        raise bad_params("mount must be an absolute path")
    # A root that was changed with chroot is not in the list.
    if mount != "/" and mount not in mount_points():
        raise Fault(-32000, f"nothing is mounted at {mount}", status=404)
    figures = os.statvfs(mount)
    return {
        "mount": mount,
        "total": figures.f_blocks * figures.f_frsize,
        "used": (figures.f_blocks - figures.f_bfree) * figures.f_frsize,
        "free": figures.f_bavail * figures.f_frsize,
        "inodes": figures.f_files,
        "inodes_free": figures.f_favail,
    }


def mount_points():
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        # The kernel writes a blank in a path as \040, and the like.
        return {
            re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[1])
            for line in file
        }


def processes(limit=10):
    """The processes that hold the most memory, largest first."""
    # A GET has only text to offer (`?limit=5`), so digits in a string will do.
    if isinstance(limit, str) and limit.isascii() and limit.isdigit():
        limit = int(limit)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= 1000:
        raise bad_params("limit must be an integer from 1 to 1000")
    found = [process for process in map(read_process, os.listdir("/proc")) if process]
    found.sort(key=lambda process: process["memory"], reverse=True)
    return {"count": len(found), "processes": found[:limit]}


def read_process(entry):
    if not entry.isdigit():
        return None
    try:
        with open(f"/proc/{entry}/stat", errors="replace") as file:
            # "pid (name) state …"; the name may itself contain blanks and parentheses.
            head, _, rest = file.read().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return None  # it ended while we looked
    fields = rest.split()
    return {
        "pid": int(entry),
        "name": head.partition("(")[2],
        "state": fields[0],
        "threads": int(fields[17]),
        "memory": int(fields[21]) * PAGE_BYTES,
    }


# --- What the gateway learns of them: an OpenRPC document, answered to rpc.discover ---------------

MOUNT = {"type": "string", "pattern": "^/", "default": "/"}
LIMIT = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10}

COMMANDS = {
    "load": (load, {}),
    "memory": (memory, {}),
    "disk": (disk, {"mount": MOUNT}),
    "processes": (processes, {"limit": LIMIT}),
}


def discover():
    return {
        "openrpc": "1.3.2",
        "info": {"title": "host", "version": "1.0.0", "description": "Figures of this machine"},
        "methods": [
            {
                "name": name,
                "summary": function.__doc__,
                "paramStructure": "by-name",
                "params": [
                    {"name": param, "required": False, "schema": schema}
                    for param, schema in params.items()
                ],
                "result": {"name": name, "schema": {"type": "object"}},
                # Commands that only look may be called with GET.
                "x-safe": True,
            }
            for name, (function, params) in COMMANDS.items()
        ],
    }


# --- The protocol ---------------------------------------------------------------------------------

writer = threading.Lock()  # two threads write: a line must stay whole


def write(message):
    line = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"))
    with writer:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()  # a line in our buffer helps nobody


def call(method, params):
    if method == "rpc.discover":
        return discover()
    if method not in COMMANDS:
        raise Fault(-32601, f"no command {method!r}")
    if not isinstance(params, dict):
        raise bad_params("params must be an object")
    function, known = COMMANDS[method]
    for name in params:
        if name not in known:
            raise bad_params(f"{method} has no parameter {name!r}")
    return function(**params)


def handle(line):
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        write({"id": None, "error": {"code": -32700, "message": "not JSON"}})
        return
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        write({"id": None, "error": {"code": -32600, "message": "not a request"}})
        return
    if "id" not in request:
        # A notification. "$/cancelRequest" names a call whose caller has gone; ours are answered
        # before the next line is read, so there is never one left to cancel. A module that works
        # longer stops here, and any notification it does not know it ignores.
        return
    request_id, method = request["id"], request["method"]
    try:
        write({"id": request_id, "result": call(method, request.get("params", {}))})
    except Fault as fault:
        write({"id": request_id, "error": fault.error})
    except Exception as error:  # a fault of ours must not end the module
        print(f"{method}: {error!r}", file=sys.stderr)  # stderr goes to the gateway's log
        write({"id": request_id, "error": {"code": -32603, "message": "the command failed"}})


def watch_load(stop):
    """Emits the signal host.load at the start and whenever the one-minute load has changed."""
    last = None
    while True:
        figures = load()
        current = round(figures["load1"], 2)
        if current != last:
            last = current
            write({"method": "signal", "params": {"name": "host.load", "data": figures}})
        if stop.wait(timeout=1):
            return


def main():
    stop = threading.Event()
    watcher = threading.Thread(target=watch_load, args=(stop,), daemon=True)
    watcher.start()
    for line in sys.stdin.buffer:  # bytes: JSON is UTF-8 whatever the locale says
        handle(line)
    # End of input: the gateway asks us to leave.
    stop.set()
    watcher.join(timeout=1)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(0)  # nobody is left to write to
