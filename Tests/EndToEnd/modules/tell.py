"""A module that tells all it gets: each request as it came, its arguments and its environment. With
`once` as its first argument it is a program that is run for each call."""

import json
import os
import sys

if sys.argv[1:2] == ["once"]:
    told = {"params": sys.stdin.read(), "arguments": sys.argv[2:], "environment": dict(os.environ)}
    print(json.dumps(told))
    sys.exit()

for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "rpc.discover":
        answer = {"error": {"code": -32601, "message": "nothing to tell"}}
    else:
        told = {"line": line, "arguments": sys.argv[1:], "environment": dict(os.environ)}
        told["members"] = [key for key, _ in json.JSONDecoder(object_pairs_hook=list).decode(line)]
        told["context"] = request.get("context")
        answer = {"result": told}
    if "id" in request:
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}), flush=True)
