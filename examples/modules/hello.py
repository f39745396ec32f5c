#!/usr/bin/env python3
"""hello: a Signalbox module in Python, with one command and one signal."""

from signalbox_module import Fault, command, emit, run


@command
def hello(name: str = "world"):
    """Greets somebody, and tells everybody that it did."""
    if not name:
        raise Fault("nobody has no name", status=422)
    emit("hello.greeted", {"name": name})
    return {"hello": name}


run(title="hello")
