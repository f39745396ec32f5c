#!/usr/bin/env python3
"""activate: starts a program as systemd does a service with socket units.

    activate.py NAME=PORT... -- COMMAND...

Each NAME is a listening socket on 127.0.0.1, handed over from descriptor 3 on.
"""
import os
import socket
import sys

cut = sys.argv.index("--")
names, command = sys.argv[1:cut], sys.argv[cut + 1:]
listening = [
    socket.create_server(("127.0.0.1", int(pair.partition("=")[2]))) for pair in names]
# Copies first, out of the way of the numbers that are handed over.
copies = [os.dup2(made.fileno(), 100 + place) for place, made in enumerate(listening)]
for place, number in enumerate(copies):
    os.dup2(number, 3 + place)
    os.close(number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(names))
os.environ["LISTEN_FDNAMES"] = ":".join(pair.partition("=")[0] for pair in names)
os.execvp(command[0], command)
