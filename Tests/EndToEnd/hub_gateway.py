"""The gateway that hub.py speaks to: one that runs already, or one of its own that it restarts."""

import json
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class Stranger:
    """A gateway that runs already; `pid` may be unknown."""

    def __init__(self, port, pid):
        self.port, self.pid = port, pid

    def memory(self):
        """Anonymous memory in MiB."""
        if not self.pid:
            return None
        with open(f"/proc/{self.pid}/status") as status:
            return round(int(re.search(r"RssAnon:\s+(\d+)", status.read())[1]) / 1024, 1)

    def close(self):
        pass


class Gateway(Stranger):
    """A gateway with a state in a temporary folder, whose signals hub.** are durable."""

    def __init__(self, binary):
        self.binary, self.folder = binary, tempfile.mkdtemp(prefix="hub-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with open(f"{self.folder}/hub.json5", "w") as file:
            json.dump({
                "listeners": [{"url": f"http://127.0.0.1:{self.port}"}], "loops": 2,
                "state": "state", "signals": {"hub.**": {"durable": True}},
                "limits": {"connections": 8000, "connections_per_address": 8000},
                "log": {"level": "warning"},
            }, file)
        self.log = open(f"{self.folder}/log", "wb")
        self.process = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "serve", "--config", f"{self.folder}/hub.json5"],
            stdout=self.log, stderr=self.log)
        self.pid = self.process.pid
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the gateway does not start: " + self.told())
                time.sleep(0.005)

    def told(self):
        with open(f"{self.folder}/log", errors="replace") as log:
            return log.read()[-2000:]

    def restart(self, number):
        """How it was ended, and how many seconds it took to be gone and to be there again."""
        begun = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(60)
        gone = time.monotonic()
        self.start()
        return {"by": signal.Signals(number).name, "status": status,
                "gone_s": round(gone - begun, 2), "back_s": round(time.monotonic() - gone, 2)}

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
