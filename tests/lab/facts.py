#!/usr/bin/python3
"""Each fact of the steady state, H1 to H17, is broken in a lab, seen to turn red alone, mended, and seen green again.

A case breaks one thing as the world would break it: over TDS, over WS-Management, or as a fault of the lab.  It passes
when `switchback check` calls exactly that fact red and every other one green, twice in a row, and all seventeen green
after the thing was mended.  Where a fact cannot be broken without another being touched, the case says which and why.
Speaks TAP.
"""

import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "winrm")]
from lab import Lab, Tap, until  # noqa: E402
from winrm_lab import Raw  # noqa: E402

FACTS = [f"H{i}" for i in range(1, 18)]
POOL = "-Identity 'PersistentChatServer:lyncpc.example.net' -Confirm:$false"
HOLE = r"\\north-fs\setup\hole.trn"


class Facts:
    def __init__(self, lab, tap):
        self.lab, self.tap = lab, tap
        # Ages count only in the cases that make them; elsewhere a busy machine shall not turn H9 or H13 red.  Thirty waiting
        # events are too many here: the adapter of the lab takes them every second.
        with open(lab.topology, encoding="utf-8") as f:
            text = re.sub(r"(?m)^(\[database .*\])$", r"\1\ncompliance limit = 20\nping within = 10m", f.read())
        self.patient, self.strict, self.prompt = os.path.join(lab.dir, "patient.ini"), os.path.join(lab.dir, "strict.ini"), \
            os.path.join(lab.dir, "prompt.ini")
        with open(self.patient, "w", encoding="utf-8") as f:
            f.write(text)
        with open(self.strict, "w", encoding="utf-8") as f:
            f.write(re.sub(r"(?m)^(\[database mgc\])$", "\\1\ncopy every = 2s\nrestore every = 2s", text))
        with open(self.prompt, "w", encoding="utf-8") as f:
            f.write(text.replace("ping within = 10m", "ping within = 8s"))

    # ---- doors

    def sql(self, instance, text):
        return self.lab.sql(instance, text)

    def ps(self, script):
        fe = next(f for f in self.lab.json()["frontends"] if f["name"] == "fe-south")
        code, out, err = Raw(fe).ps("$ErrorActionPreference='Stop'; $ProgressPreference='SilentlyContinue'; "
                                    "Import-Module SkypeForBusiness\n" + script)
        if code != 0 or err:
            raise RuntimeError(f"{script}: {code} {out} {err}")

    def fault(self, *words):
        self.lab.fault(*words)

    # ---- seeing

    def look(self, topology):
        self.lab.topology = topology
        return self.lab.json_of("check", good=(0, 1))

    def settles(self, want, topology, looks=1, seconds=60):
        """Waits until the verdicts are these, in so many looks one after the other.  None, or what was seen instead."""
        seen = {}

        def same():
            for _ in range(looks):
                seen.clear()
                seen.update(self.look(topology))
                if seen["facts"] != want:
                    return False
            return True

        try:
            until("the verdicts", same, seconds)
        except TimeoutError:
            return "\n".join(f"{c['verdict']} {c['fact']}: {c['found']}" for c in seen["checks"] if c["verdict"] != want[c["fact"]]
                             or c["verdict"] != "green")
        return None

    def case(self, fact, title, does, mends, also=None, topology=None, why=None):
        """Does something, sees the fact turn red alone (but for `also`: fact -> verdict), mends it, sees green."""
        if self.wanted and fact not in self.wanted:
            return
        topology = topology or self.patient
        green = dict.fromkeys(FACTS, "green")
        want = {**green, **(also or {}), fact: why or "red"}
        try:
            does()
            trouble = self.settles(want, topology, looks=2)
        except Exception as e:  # every failure is a line of TAP
            trouble = f"{type(e).__name__}: {e}"
        self.tap.ok(trouble is None, f"{fact} alone turns {why or 'red'}: {title}", trouble)
        try:
            mends()
            trouble = self.settles(green, topology)
        except Exception as e:
            trouble = f"{type(e).__name__}: {e}"
        self.tap.ok(trouble is None, f"{fact} is green again when that is mended", trouble)

    # ---- what breaks and mends

    def sql_case(self, fact, title, instance, breaks, mends, **how):
        self.case(fact, title, lambda: self.sql(instance, breaks), lambda: self.sql(instance, mends), **how)

    def fault_case(self, fact, title, breaks, mends, **how):
        self.case(fact, title, lambda: self.fault(*breaks), lambda: self.fault(*mends), **how)

    def ps_case(self, fact, title, breaks, mends, **how):
        self.case(fact, title, lambda: self.ps(breaks), lambda: self.ps(mends), **how)

    def late_replica(self):
        self.fault("replica-stop", "pchat08")
        self.swap_servers()
        self.swap_servers()

    def swap_servers(self):
        """Changes the central store twice, to what it was: only its version tells."""
        self.ps("Set-CsPersistentChatActiveServer -Confirm:$false -ActiveServers @{Remove='pchat04.example.net'}\n"
                "Set-CsPersistentChatActiveServer -Confirm:$false -ActiveServers @{Add='pchat04.example.net'}")

    def events_wait(self):
        self.fault("slow", "north-sql3", "DELETE FROM dbo.tblComplianceData", "600000")
        for first in range(1, 300, 30):
            events = ", ".join(f"({i}, 1, 0, 1, N'waits')" for i in range(first, first + 30))
            self.sql("north-sql3", "INSERT INTO mgccomp.dbo.tblComplianceData (entryID, cmplType, entryDate, serverID, content) "
                     "VALUES " + events)
            if self.events_stay():
                return
        raise RuntimeError("the events do not stay")

    def events_stay(self):
        """Are they still there when every server has had its turn?  One that was on its way may have taken them."""
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            if self.sql("north-sql3", "SELECT COUNT(*) FROM mgccomp.dbo.tblComplianceData")[0][0] < 30:
                return False
            time.sleep(0.1)
        return True

    def events_go(self):
        self.fault("slow", "north-sql3", "DELETE FROM dbo.tblComplianceData", "0")
        self.sql("north-sql3", "DELETE FROM mgccomp.dbo.tblComplianceData WHERE cmplType <> 9")

    def play(self, wanted):
        self.wanted = wanted
        trouble = self.settles(dict.fromkeys(FACTS, "green"), self.patient)
        if not self.tap.ok(trouble is None, "all seventeen facts are green in the steady state", trouble):
            return
        # A pool that uses its backup store serves nobody while that store waits for logs: no message can get through, so
        # H17 follows from H1 by the sheet's own logic.  It is amber and names H1.
        self.ps_case("H1", "somebody sets the pool to FailedOver", f"Set-CsPersistentChatState {POOL} -PoolState FailedOver",
                     f"Set-CsPersistentChatState {POOL} -PoolState Normal", also={"H17": "amber"})
        swap = "Set-CsPersistentChatActiveServer -Confirm:$false -ActiveServers @{Remove='pchat04.example.net'}\n" \
               "Set-CsPersistentChatActiveServer -Confirm:$false -ActiveServers @{Add='pchat05.example.net'}"
        self.ps_case("H2", "a server far from the live database is active", swap,
                     swap.replace("pchat05", "_").replace("pchat04", "pchat05").replace("_", "pchat04"))
        self.sql_case("H3", "the chat database lets only its owner in", "north-sql1", "ALTER DATABASE mgc SET RESTRICTED_USER WITH ROLLBACK IMMEDIATE",
                      "ALTER DATABASE mgc SET MULTI_USER")
        self.sql_case("H3", "the compliance database left full recovery", "north-sql3", "ALTER DATABASE mgccomp SET RECOVERY SIMPLE",
                      "ALTER DATABASE mgccomp SET RECOVERY FULL")
        self.sql_case("H4", "mirroring is suspended", "north-sql1", "ALTER DATABASE mgc SET PARTNER SUSPEND",
                      "ALTER DATABASE mgc SET PARTNER RESUME")
        self.fault_case("H5", "the witness is out of reach of its partners", ["witness-lost", "north-wit"], ["witness-back", "north-wit"])
        pair = "master.sys.sp_{}_log_shipping_primary_secondary @primary_database = N'mgc', @secondary_server = N'SOUTH-SQL1', " \
               "@secondary_database = N'mgc'"
        self.sql_case("H6", "the dormant source forgot its secondary", "north-sql2", "EXEC " + pair.format("delete"),
                      "EXEC " + pair.format("add"))
        source = r"EXEC master.sys.sp_change_log_shipping_secondary_primary @primary_server = N'NORTH-SQL1', " \
                 r"@primary_database = N'mgc', @backup_source_directory = N'\\south-fs\{}'"
        self.sql_case("H7", "the secondary copies from a share that nobody ships to", "south-sql1", source.format("setup"),
                      source.format("shiplogs"))
        job = "EXEC msdb.dbo.sp_update_job @job_name = N'LSBackup_mgc', @enabled = {}"
        self.sql_case("H8", "the backup job of the dormant source is disabled", "north-sql2", job.format(0), job.format(1))
        self.fault_case("H8", "an Agent has stopped", ["agent-stop", "north-sql2"], ["agent-start", "north-sql2"])
        self.fault_case("H9", "the disk that log backups are copied to is full", ["disk-full", "south-sql1"],
                        ["disk-room", "south-sql1"], topology=self.strict)
        mode = "EXEC master.dbo.sp_change_log_shipping_secondary_database @secondary_database = N'mgc', @restore_mode = {}"
        self.sql_case("H10", "the backup copy is open for readers", "south-sql1", mode.format(1), mode.format(0))
        self.case("H11", "a log backup went elsewhere", lambda: self.sql("north-sql1", f"BACKUP LOG mgc TO DISK = N'{HOLE}'"),
                  lambda: self.sql("south-sql1", f"RESTORE LOG mgc FROM DISK = N'{HOLE}' WITH NORECOVERY"))
        self.fault_case("H12", "the disk of the log is full", ["disk-full", "north-sql1"], ["disk-room", "north-sql1"])
        self.fault_case("H12", "a share is gone", ["share-gone", "north-setup"], ["share-back", "north-setup"])
        service = "{}-CsWindowsService -ComputerName pchat01.example.net -Name RTCPCHAT -Confirm:$false"
        self.ps_case("H13", "the chat service of an active server has stopped", service.format("Stop"), service.format("Start"))
        identity = "UPDATE mgc.dbo.tblServerIdentity SET serverAddress = N'{}.example.net' WHERE serverAddress = N'{}.example.net'"
        self.sql_case("H13", "the pings of an active server do not arrive in the chat database", "north-sql1",
                      identity.format("nobody", "pchat02"), identity.format("pchat02", "nobody"), topology=self.prompt)
        self.case("H14", "a server does not learn what the central store says", self.late_replica,
                  lambda: self.fault("replica-start", "pchat08"))
        self.sql_case("H15", "the chat database stands at the backup mirror before any failover", "south-sql2", "CREATE DATABASE mgc",
                      "DROP DATABASE mgc")
        self.case("H16", "compliance events pile up", self.events_wait, self.events_go)
        self.fault_case("H17", "the next hop brings no message to the pool", ["next-hop-down"], ["next-hop-up"])


def main():
    tap = Tap()
    with Lab() as lab:
        Facts(lab, tap).play(sys.argv[1:])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
