#!/usr/bin/env python3
"""A program for a reaction: reads one event from standard input and writes a sentence about it.

    reactions: {
        say: {
            on: { signal: "host.disk.*" },
            exec: ["python3", "describe.py"],
            result: "host.said",
        },
    },
"""

import json
import sys

event = json.load(sys.stdin)
text = f"{event['type']} at {event['time']}: {json.dumps(event['data'])}"
json.dump({"text": text}, sys.stdout)
