#!/usr/bin/env python3
"""The ports of a lab are its own as long as it stands, also those of a site without power: labs stand side by side."""

import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, Tap, until  # noqa: E402


def somebody_else_gets(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def can_be_listened_at(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended a moment ago do not count
        try:
            s.bind(("127.0.0.1", port))
            s.listen(1)
            return True
        except OSError:
            return False


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


def main():
    tap = Tap()
    with Lab() as lab:
        ports = [i["port"] for i in lab.instances("north")]
        tap.ok(all(answers(p) for p in ports), "the doors of a site with power answer", ports)
        lab.fault("power-off", "site", "north")
        tap.ok(not any(answers(p) for p in ports), "the doors of a site without power refuse", ports)
        tap.ok(not any(somebody_else_gets(p) for p in ports), "nobody else can take their ports meanwhile", ports)
        lab.fault("power-on", "site", "north")
        until("the doors answer", lambda: all(answers(p) for p in ports), 20)
        tap.ok(True, "the doors come back on the same ports")
        lab.lab_does("down")
        tap.ok(not any(answers(p) for p in ports) and all(can_be_listened_at(p) for p in ports), "a lab that ended gives its ports back", ports)
    return tap.done()


sys.exit(main())
