#!/usr/bin/env python3
"""The connection is cut at a statement: before the server sees it, or after it was carried out and before the answer.  A
whole failover goes through a proxy that does this at the N-th batch that is sent to the backup instance; whatever becomes
of the run, going on (resume, or run again where everything was taken back) ends in the same world as a run that nobody
disturbed.  `cut.py --all` cuts at every statement (make check-long); without it a few are drawn, and the seed is printed.
Speaks TAP.
"""

import os
import random
import re
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from lab import Lab, Tap, difference  # noqa: E402

tap = Tap()
TARGET = "south-sql1"
RECORD = 0x17  # TLS: application data


class Proxy:
    """Forwards TDS under TLS; counts what the client sends after the handshake, a record for each login, batch or attention;
    at the one chosen it cuts, once."""

    def __init__(self, host, port, at=0, carried_out=False):
        self.to, self.at, self.carried_out = (host, port), at, carried_out
        self.seen, self.cuts, self.lock = 0, 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def end(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def due(self):
        with self.lock:
            self.seen += 1
            if self.seen != self.at or self.cuts:
                return False
            self.cuts = 1
            return True

    @staticmethod
    def exactly(sock, n):
        data = b""
        while len(data) < n:
            more = sock.recv(n - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def serve(self, client):
        server = None
        try:
            server = socket.create_connection(self.to, 10)
            threading.Thread(target=self.back, args=(server, client), daemon=True).start()
            while True:
                head = self.exactly(client, 5)  # of a TLS record; a TDS packet (prelogin, handshake) has eight bytes
                if 0x14 <= head[0] <= 0x17 and head[1] == 3:
                    packet = head + self.exactly(client, int.from_bytes(head[3:5], "big"))
                else:
                    packet = head + self.exactly(client, int.from_bytes(head[2:4], "big") - 5)
                if head[0] == RECORD and head[1] == 3 and self.due():
                    client.shutdown(socket.SHUT_RDWR)
                    if self.carried_out:
                        server.sendall(packet)
                        while server.recv(65536):
                            pass  # the server ends by itself, when it sees that nobody is there any more
                    return
                server.sendall(packet)
        except OSError:
            pass
        finally:
            for s in (client, server):
                if s is not None:
                    s.close()

    @staticmethod
    def back(server, client):
        try:
            while data := server.recv(65536):
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def story(at, carried_out):
    """One failover.  (number of batches, how often the program was called, how it stands, last words)"""
    with Lab() as lab:
        target = next(i for i in lab.json()["instances"] if i["name"] == TARGET)
        proxy = Proxy(target["host"], target["port"], at, carried_out)
        with open(lab.topology, encoding="utf-8") as f:
            head, section, rest = re.split(r"(?m)^(\[instance " + TARGET + r"\]\n)", f.read())
        section += f"host = 127.0.0.1\nport = {proxy.port}\ntls = trust\n"
        body, end = re.split(r"(?m)^(?=\[)", rest, maxsplit=1)
        body = "".join(line for line in body.splitlines(True) if line.split(" = ")[0] not in ("host", "port", "tls", "ca"))
        with open(lab.topology + ".cut", "w", encoding="utf-8") as f:
            f.write(head + section + body + end)
        lab.traffic(rate=10, first=10)
        lab.quiet()
        lab.fault("power-off", "site", "north")
        lab.topology += ".cut"
        calls, words = 1, ""
        done = lab.run("run", "failover", "--approve", "all")
        while done.returncode != 0 and calls < 4:
            calls += 1
            words = done.stdout[-1500:] + done.stderr[-2500:]
            done = lab.run("resume", "--approve", "all")
            if done.returncode != 0 or lab.json_of("report")["outcome"] not in ("done", "done, owed"):
                done = lab.run("run", "failover", "--approve", "all")
        proxy.end()
        prints = lab.fingerprint() + [f"ended with {done.returncode}", f"cuts {proxy.cuts}"]
        return proxy.seen, calls, prints, words + done.stdout[-1500:] + done.stderr[-1500:]


def main():
    count, _, calm, said = story(0, False)
    if not tap.ok("ended with 0" in calm and count > 20, "a failover goes through the proxy undisturbed", said):
        return tap.done()
    want = [line for line in calm if not line.startswith("cuts")] + ["cuts 1"]
    seed = int(os.environ.get("CUT_SEED", str(random.randrange(1 << 30))))
    drawn = random.Random(seed)
    points = [(n, way) for n in range(1, count + 1) for way in (False, True)]
    if "--all" not in sys.argv:
        third = count // 3
        points = [(drawn.randrange(1 + k % 3 * third, 1 + (k % 3 + 1) * third), k >= 3) for k in range(6)]
        if len(sys.argv) > 1:
            points = [(int(a.strip("+")), a.endswith("+")) for a in sys.argv[1:]]
    tap.note(f"CUT_SEED={seed}, {count} statements are sent to {TARGET}")
    for at, carried_out in points:
        try:
            _, calls, found, said = story(at, carried_out)
            gone = difference(want, found)
        except Exception as e:  # every failure is a line of TAP
            calls, gone, said = 0, [f"{type(e).__name__}: {e}"], ""
        tap.ok(not gone, f"cut at statement {at}, {'after it was carried out' if carried_out else 'before it arrived'}: "
               f"the end is the same, after {calls} call{'' if calls == 1 else 's'}", "\n".join(gone) + "\n" + said)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
