#!/usr/bin/env python3
"""Mirrors through the chat system's own cmdlets: the verbs mirror-state and install-mirror of the plugin pool at the lab's
WS-Man doors, which play Get-CsDatabaseMirrorState and Install-CsMirrorDatabase on the lab's servers.  pywinrm takes a mirror
away with Uninstall-CsMirrorDatabase before, and pymssql sees at the servers what is true.  Speaks TAP.
"""

import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import SOURCE, Lab, Tap, until  # noqa: E402

try:
    from winrm.protocol import Protocol
except ImportError:
    print("1..0 # SKIP python3-winrm is not installed")
    sys.exit(0)

WORKFLOW = """[workflow mirrors]
title = Look at the mirrors of ${pool} and build what is missing

[step before]
title = Ask how the mirrors of ${pool} stand
action = pool.mirror-state

[step build]
title = Build the mirror of the chat database
action = pool.install-mirror
on = ${params.at}
share = ${params.share}
undo = not needed
after = before

[step after]
title = Ask again how the mirrors of ${pool} stand
action = pool.mirror-state
after = build

[params]
at = north-sql1
share = north-setup
"""
UNINSTALL = "Uninstall-CsMirrorDatabase -DatabaseType PersistentChat -SqlServerFqdn %s -DropExistingDatabasesOnMirror -Confirm:$false"


def powershell(lab, script):
    """What pywinrm gets for it at a front end: exit code and both outputs."""
    fe = next(f for f in lab.json()["frontends"] if f["site"] == "south")
    p = Protocol(endpoint=fe["url"], transport="basic", username=fe["user"], password=fe["password"], ca_trust_path=fe["ca"],
                 server_cert_validation="validate", read_timeout_sec=90, operation_timeout_sec=60)
    shell = p.open_shell()
    command = p.run_command(shell, "powershell", ["-NoProfile", "-Command", script])
    out, err, code = p.get_command_output(shell, command)
    p.cleanup_command(shell, command)
    p.close_shell(shell)
    return code, out, err


def session(lab, instance):
    """(role, state) of the chat database there; None: no such session."""
    rows = lab.sql(instance, "SELECT m.mirroring_role_desc, m.mirroring_state_desc FROM sys.database_mirroring m JOIN sys.databases d "
                   "ON d.database_id = m.database_id WHERE d.name = 'mgc' AND m.mirroring_guid IS NOT NULL")
    return rows[0] if rows else None


def story(tap, lab, folder):
    def run(*words):
        done = lab.run("run", "mirrors", "--workflows", folder, "--approve", "all", *words)
        report = lab.json_of("report")
        return done, {s["step"]: s for s in report["steps"]}

    done, steps = run()
    first = steps.get("before", {}).get("results", {})
    tap.ok(done.returncode == 0 and first.get("principal") == "Primary" and first.get("synchronized") == "yes",
           "the primary is principal and both halves are synchronized, says the chat system", f"{done.stdout}{done.stderr}{first}")
    tap.ok(steps["build"].get("already"), "a mirror that stands is not built again", steps["build"])

    lab.sql("north-sql1", "ALTER DATABASE mgc SET PARTNER FAILOVER")
    until("roles have changed", lambda: session(lab, "north-sql2") == ("PRINCIPAL", "SYNCHRONIZED"), 60)
    done, steps = run()
    first = steps["before"]["results"]
    tap.ok(done.returncode == 0 and first["principal"] == "Mirror" and steps["build"].get("already"),
           "when roles have changed the label Mirror is principal, and nothing is to be built", f"{done.stdout}{done.stderr}{steps}")
    lab.sql("north-sql2", "ALTER DATABASE mgc SET PARTNER FAILOVER")
    until("roles are as they were", lambda: session(lab, "north-sql1") == ("PRINCIPAL", "SYNCHRONIZED"), 60)

    lab.sql("north-sql1", "ALTER DATABASE mgc SET PARTNER SUSPEND")
    until("the session is suspended", lambda: (session(lab, "north-sql1") or ("", ""))[1] == "SUSPENDED", 60)
    seen = lab.json_of("plan", "mirrors", "--workflows", folder, "--observe")["observed"]["build"]
    tap.ok(seen["seen"] == "partly" and session(lab, "north-sql1") == ("PRINCIPAL", "SUSPENDED"),
           "a suspended session is a part of a mirror, and looking changes nothing", seen)
    lab.sql("north-sql1", "ALTER DATABASE mgc SET PARTNER RESUME")
    until("the session is synchronized", lambda: session(lab, "north-sql1") == ("PRINCIPAL", "SYNCHRONIZED"), 60)

    for instance in ("north-sql1", "north-sql2"):  # no log backup of theirs shall fall into the building of a mirror
        lab.fault("agent-stop", instance)
    code, out, err = powershell(lab, UNINSTALL % "north-sql1.example.net")
    tap.ok(code == 0 and session(lab, "north-sql1") is None and not lab.sql("north-sql2", "SELECT 1 FROM sys.databases WHERE name = 'mgc'"),
           "Uninstall-CsMirrorDatabase takes the mirror away", f"{code} {out} {err}")
    done, steps = run()
    first, last = steps["before"]["results"], steps["after"]["results"]
    tap.ok(first["principal"] == "unknown" and first["synchronized"] == "no", "without a mirror nobody is called principal", first)
    tap.ok(done.returncode == 0 and steps["build"]["state"] == "done" and not steps["build"].get("already") and last["principal"] == "Primary" and last["synchronized"] == "yes",
           "install-mirror builds it, and the chat system sees it", f"{done.stdout}{done.stderr}{steps}")
    tap.ok(session(lab, "north-sql1") == ("PRINCIPAL", "SYNCHRONIZED") and session(lab, "north-sql2") == ("MIRROR", "SYNCHRONIZED"),
           "the servers say the same", f"{session(lab, 'north-sql1')} {session(lab, 'north-sql2')}")

    done, steps = run("-p", "at=north-wit")
    tap.ok(done.returncode == 0 and steps["build"].get("already"), "the pool's mirrors are asked for, not those of one server",
           f"{done.stdout}{done.stderr}{steps}")
    powershell(lab, UNINSTALL % "north-sql1.example.net")
    done, steps = run("-p", "at=north-wit")
    tap.ok(done.returncode != 0 and "No mirror for the PersistentChat database" in json.dumps(steps) and session(lab, "north-sql1") is None,
           "where the topology of the pool has no mirror the cmdlet's refusal is told", f"{done.stdout}{done.stderr}{steps}")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="sb-mirrors-") as folder:
        with open(os.path.join(folder, "mirrors.ini"), "w", encoding="utf-8") as f:
            f.write(WORKFLOW)
        with Lab(os.path.join(SOURCE, "examples/stretched-pool.ini")) as lab:
            story(tap, lab, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
