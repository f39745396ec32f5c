#!/usr/bin/env python3
"""leaving: clients that go away, or close their sending side, while their call is at work.

    leaving.py half|gone --http PORT --https PORT --ca FILE

The gateway must have the module `slow`, whose command `hold` does not end by itself. `half` closes
the sending side of a connection behind a call, with little and with much unread behind it, and
prints what is answered, one JSON object per connection. `gone` closes whole connections with much
unread and prints how many.
"""

import argparse
import json
import ssl

import attacks

CALL = attacks.sized("{}", target="/v1/modules/slow/hold").encode()
# More than the gateway keeps of what it cannot look at yet, and no more than the kernel takes beyond
# that: behind a closed window the end of the stream would not arrive.
PIPELINE = (attacks.get(target="/livez").encode() * 4000)[:110_000]
JUNK = b"junk" * 27_500


def open_with(kind, port, data):
    connection = kind(port)
    if isinstance(connection, attacks.TLS):
        # The session ticket: a connection that is closed with bytes unread is reset.
        connection.fill()
    connection.send(data)
    return connection


def half(name, kind, port, behind):
    """The answer, and how the connection ended."""
    connection = open_with(kind, port, CALL + behind)
    # TLS as well: its close_notify would be one of the bytes that nobody reads.
    connection.socket.shutdown(attacks.socket.SHUT_WR)
    answers = attacks.Answers(["POST"])
    ending = "end" if name == "plain" else "close_notify"
    while not answers.is_at_end:
        if name == "plain":
            data = connection.read()
        else:
            try:
                data = connection.step(connection.session.read, 65536)
            except ssl.SSLEOFError:
                data, ending = b"", "truncated"
        answers.feed(data)
    status, fields, body = answers.all[0]
    print(json.dumps({
        "door": name, "answers": len(answers.all), "status": status, "ending": ending,
        "connection": fields.get("connection"), "detail": json.loads(body)["detail"],
    }))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("how", choices=["half", "gone"])
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--https", type=int, required=True)
    parser.add_argument("--ca", required=True)
    options = parser.parse_args()
    attacks.TLS.context = ssl.create_default_context(cafile=options.ca)
    doors = [("plain", attacks.Plain, options.http), ("TLS", attacks.TLS, options.https)]
    if options.how == "half":
        for name, kind, port in doors:
            for behind in (b"", PIPELINE, JUNK):
                half(name, kind, port, behind)
        return
    gone = [open_with(kind, port, CALL + behind)
            for _, kind, port in doors for behind in (PIPELINE, JUNK)]
    for connection in gone:
        connection.close()
    print(len(gone))


if __name__ == "__main__":
    main()
