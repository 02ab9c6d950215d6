#!/usr/bin/env python3
"""A realm and a file server that takes its tickets, for tests/smb/kerberos.c: tests/lib/kdc.py and tests/lib/smbd.py together.

    realm.py FOLDER

prints "PORT USER PASSWORD" when both answer; the server takes tickets for files.lab.test.  Users svc and writer are known to
it, mallory to the KDC alone.  FOLDER is a home whose settings of Samba must not be read.  A line "set KEY=VALUE" on stdin
changes the server.  It ends with its stdin.  Exit code 77: something is not installed.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from kdc import Kdc, missing as no_kdc  # noqa: E402
from smbd import Smbd, missing as no_smbd  # noqa: E402

SERVER = "files.lab.test"


def main():
    folder = os.path.abspath(sys.argv[1])
    why = no_kdc() or no_smbd()
    if why:
        print(why, file=sys.stderr)
        return 77
    for name in ("kdc", "smbd", "ship"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    os.makedirs(os.path.join(folder, ".smb"))
    with open(os.path.join(folder, ".smb/smb.conf"), "w", encoding="utf-8") as f:
        f.write("[global]\nname resolve order = bcast\n")  # whoever reads this finds no server
    with Kdc(os.path.join(folder, "kdc")) as kdc:
        for name in ("svc", "writer", "mallory"):
            kdc.user(name, f"{name} pass-7")
            kdc.ticket(name)
        kdc.service(f"cifs/{SERVER}")
        users = os.path.join(folder, "users")
        settings = {"realm": kdc.realm, "kerberos method": "dedicated keytab", "dedicated keytab file": f"FILE:{kdc.keytab}",
                    "username map": users}
        ship = {"path": os.path.join(folder, "ship")}
        with Smbd(os.path.join(folder, "smbd"), {"ship": ship}, settings, env=kdc.env()) as server:
            with open(users, "w", encoding="utf-8") as f:
                f.write(f"{server.user} = LAB\\svc LAB\\writer\n")
            print(server.port, server.user, server.password, flush=True)
            for line in sys.stdin:
                key, value = line.strip().removeprefix("set ").split("=", 1)
                server.kill()
                server.settings[key] = value
                server.write()
                server.start()
                print("done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
