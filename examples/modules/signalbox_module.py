"""What a Signalbox module in Python needs. Copy this file beside your module; it uses the
standard library alone.

    from signalbox_module import command, emit, run

    @command
    def hello(name: str = "world"):
        "Greets somebody."
        emit("hello.greeted", {"name": name})
        return {"hello": name}

    run()

A command is a function: its parameters come by name, its docstring and annotations become its
description, what it returns is the answer, and a `Fault` it raises is what the caller sees.
Commands run on a few threads, so that a slow one keeps nobody waiting; `run(threads=1)` if yours
must not overlap. One that takes long may say how far it is, `progress({"percent": 40})`, for callers
who watch it and for jobs. While a module runs, `print` goes to the gateway's log.
"""

import inspect
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string",
               list: "array", dict: "object"}
_commands = {}
_output = sys.stdout
_writing = threading.Lock()
_current = threading.local()


class Fault(Exception):
    """An error for the caller: a message, and the HTTP status that it stands for (400 to 599)."""

    def __init__(self, message, status=500, code=-32000):
        super().__init__(message)
        self.status, self.code = status, code


def command(function=None, *, safe=False, name=None):
    """Offers a function as a command; `@command(safe=True)` if it only looks (GET will do)."""
    if function is None:
        return lambda function: command(function, safe=safe, name=name)
    _commands[name or function.__name__] = (function, inspect.signature(function), safe)
    return function


def emit(signal, data=None):
    """Emits a signal, from any thread."""
    _write({"method": "signal", "params": {"name": signal, "data": data}})


def progress(value):
    """Tells whoever watches the call that this thread is answering how it is getting on."""
    key = getattr(_current, "key", None)
    if key is not None:
        _write({"method": "progress", "params": {"id": key, "value": value}})


def log(message, level="info"):
    """Writes a line to the gateway's log: level debug, info, warning or error."""
    _write({"method": "log", "params": {"level": level, "message": message}})


def run(title="module", version="1.0.0", threads=8):
    """Answers calls until the gateway closes standard input."""
    sys.stdout = sys.stderr  # a stray print must not break the protocol
    pending = {}
    with ThreadPoolExecutor(threads) as pool:
        for line in sys.stdin.buffer:
            try:
                message = json.loads(line)
                method, params = message["method"], message.get("params", {})
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                _write({"id": None, "error": {"code": -32600, "message": "not a request"}})
                continue
            if method == "$/cancelRequest":  # the caller is gone: drop the call if it still waits
                future = pending.get(params.get("id"))
                if future:
                    future.cancel()
            elif method == "rpc.discover":
                _write({"id": message.get("id"), "result": _discover(title, version)})
            elif "id" in message:
                key = message["id"]
                pending[key] = pool.submit(_answer, key, method, params)
                pending[key].add_done_callback(lambda _, key=key: pending.pop(key, None))


def _answer(key, method, params):
    _current.key = key
    try:
        _write({"id": key, "result": _call(method, params)})
    except Fault as fault:
        _write({"id": key, "error": {"code": fault.code, "message": str(fault),
                                     "data": {"status": fault.status}}})
    except Exception as error:
        print(f"{method}: {error!r}", file=sys.stderr)
        _write({"id": key, "error": {"code": -32603, "message": "the command failed"}})


def _call(method, params):
    if method not in _commands:
        raise Fault(f"no command {method!r}", status=404, code=-32601)
    function, signature, _ = _commands[method]
    try:
        arguments = signature.bind(**params)
    except TypeError as error:
        raise Fault(str(error), status=422, code=-32602) from None
    return function(*arguments.args, **arguments.kwargs)


def _write(message):
    line = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"))
    with _writing:
        _output.write(line + "\n")
        _output.flush()


def _discover(title, version):
    return {
        "openrpc": "1.3.2",
        "info": {"title": title, "version": version},
        "methods": [
            {
                "name": name,
                "summary": inspect.getdoc(function) or name,
                "paramStructure": "by-name",
                "params": [_describe(parameter) for parameter in signature.parameters.values()],
                "result": {"name": "result", "schema": {}},
                "x-safe": safe,
            }
            for name, (function, signature, safe) in _commands.items()
        ],
    }


def _describe(parameter):
    schema = {}
    if parameter.annotation in _JSON_TYPES:
        schema["type"] = _JSON_TYPES[parameter.annotation]
    required = parameter.default is parameter.empty
    if not required:
        schema["default"] = parameter.default
    return {"name": parameter.name, "required": required, "schema": schema}
