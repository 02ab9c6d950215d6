#!/usr/bin/env python3
"""At a statement the connection is cut, or the worker that sent it is killed (SIGKILL), or the run itself is: before the
server sees the statement, or when nobody can take its answer any more.  A whole failover goes through a proxy that does
this at the N-th batch that is sent to the backup instance; whatever becomes of the run, going on (resume, or run again
where everything was taken back) ends in the same world as a run that nobody disturbed.  `cut.py --all` does all of it at
every statement (make check-long); without it a few are drawn, and the seed is printed.  `cut.py 17 23+ 9:worker 9:run+`
plays those.  Speaks TAP.
"""

import os
import random
import re
import signal
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from lab import Lab, Tap, difference  # noqa: E402

tap = Tap()
TARGET = "south-sql1"
RECORD = 0x17  # TLS: application data
WHO = {"": "the connection is cut", "worker": "the worker is killed", "run": "the run is killed"}


def owner_of(port, at):
    """The process whose TCP socket goes from this port to that one on this host: a worker."""
    for line in open("/proc/net/tcp", encoding="ascii").readlines()[1:]:
        words = line.split()
        if [int(w.split(":")[1], 16) for w in words[1:3]] == [port, at] and words[9] != "0":
            break
    else:
        return None
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink(f"/proc/{pid}/fd/{fd}") == f"socket:[{words[9]}]" for fd in os.listdir(f"/proc/{pid}/fd")):
                return int(pid)
        except OSError:  # it ended, or is not ours
            continue
    return None


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return int(f.read().rpartition(")")[2].split()[1])


class Proxy:
    """Forwards TDS under TLS; counts what the client sends after the handshake, a record for each login, batch or attention;
    at the one chosen it cuts or kills, once."""

    def __init__(self, host, port, at=0, carried_out=False, who=""):
        self.to, self.at, self.carried_out, self.who = (host, port), at, carried_out, who
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

    def strike(self, client):
        """What was chosen happens to the client."""
        pid = owner_of(client.getpeername()[1], self.port) if self.who else None
        if self.who and pid is None:
            self.cuts = 0  # and the comparison says so
        elif self.who:
            os.kill(parent_of(pid) if self.who == "run" else pid, signal.SIGKILL)
        client.shutdown(socket.SHUT_RDWR)

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
                    self.strike(client)
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


def story(at, carried_out, who=""):
    """One failover.  (number of batches, how often the program was called, how it stands, last words)"""
    with Lab() as lab:
        target = next(i for i in lab.json()["instances"] if i["name"] == TARGET)
        proxy = Proxy(target["host"], target["port"], at, carried_out, who)
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
        sent, cuts = proxy.seen, proxy.cuts
        proxy.at = 0  # whoever looks at the end is not disturbed
        prints = lab.fingerprint() + [f"ended with {done.returncode}", f"cuts {cuts}"]
        proxy.end()
        return sent, calls, prints, words + done.stdout[-1500:] + done.stderr[-1500:]


def main():
    count, _, calm, said = story(0, False)
    if not tap.ok("ended with 0" in calm and count > 20, "a failover goes through the proxy undisturbed", said):
        return tap.done()
    want = [line for line in calm if not line.startswith("cuts")] + ["cuts 1"]
    seed = int(os.environ.get("CUT_SEED", str(random.randrange(1 << 30))))
    drawn = random.Random(seed)
    points = [(n, way, who) for who in WHO for n in range(1, count + 1) for way in (False, True)]
    if "--all" not in sys.argv:
        count = count * 9 // 10  # how often it asks for something that takes its time is not always the same
        half = count // 2
        points = [(drawn.randrange(1 + k % 2 * half, 1 + (k % 2 + 1) * half), k >= 2, "") for k in range(4)]
        points += [(drawn.randrange(1, count), way, who) for who in ("worker", "run") for way in (False, True)]
        if len(sys.argv) > 1:
            points = [(int(a.strip("+").split(":")[0]), a.endswith("+"), a.strip("+").partition(":")[2]) for a in sys.argv[1:]]
    tap.note(f"CUT_SEED={seed}, {count} statements are sent to {TARGET}")
    for at, carried_out, who in points:
        try:
            sent, calls, found, said = story(at, carried_out, who)
            gone = difference(want, found)
            if "--all" in sys.argv and sent < at and "cuts 0" in found:
                tap.note(f"{WHO[who]} at statement {at}: not played, the run was done after {sent}")
                continue
        except Exception as e:  # every failure is a line of TAP
            calls, gone, said = 0, [f"{type(e).__name__}: {e}"], ""
        tap.ok(not gone, f"{WHO[who]} at statement {at}, {'which is carried out' if carried_out else 'which never arrives'}: "
               f"the end is the same, after {calls} call{'' if calls == 1 else 's'}", "\n".join(gone) + "\n" + said)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
