#!/usr/bin/env python3
"""Any pool: topologies with other names, other sizes and other parts go through the whole story.

Each lab is built from a topology of its own; all facts are green, people chat, the primary site loses power, `failover`
runs unattended, the site comes back (its old copy writable, its servers with stale replicas) or is replaced by new
machines, and `failback` runs without anybody watching for the old site: what is owed is paid by the run.  Then
everything is green again, and what was acknowledged is counted with pymssql against what the copies hold.

    pools.py              all of them
    pools.py NAME...      some; see STORIES
"""

import concurrent.futures
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import SOURCE, Ended, Lab, Tap, pymssql, until  # noqa: E402

AGREED_MS = 1000  # what was under way when the power went may be acknowledged so much later


def sections(*parts):
    return "\n".join(f"[{head}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()) for head, keys in parts)


def eight_servers():
    """Eight servers, all parts, names and paths that nobody else uses; the tool stands with the backup site."""
    def sql(name, **more):
        return f"instance {name}", {"site": name.split("-")[0], "host": f"{name}.rz.beispiel.de", "credential": "dba", **more}

    return sections(
        ("pool gespräch", {"fqdn": "gespraech.rz.beispiel.de", "control": "nuernberg-fe, koeln-fe", "primary site": "koeln",
                           "backup site": "nuernberg", "central store": "koeln", "next hop": "koeln-fe", "tool site": "nuernberg"}),
        ("policy", {"unattended": "no", "dark after": "30s", "lanes": "6"}),
        ("site koeln", {"mirror setup share": "koeln-saat", "fence": "koeln-strom"}),
        ("site nuernberg", {"mirror setup share": "nuernberg-saat", "fence": "nuernberg-strom"}),
        sql("koeln-db1"), sql("koeln-db2"), sql("koeln-zeuge", **{"endpoint port": 7022}),
        sql("nuernberg-db1"), sql("nuernberg-db2"), sql("nuernberg-zeuge", **{"endpoint port": 7022}),
        ("database mgc", {"primary": "koeln-db1", "mirror": "koeln-db2", "witness": "koeln-zeuge", "backup": "nuernberg-db1",
                          "backup mirror": "nuernberg-db2", "backup witness": "nuernberg-zeuge", "log share": "protokoll",
                          "copy folder": "kopien"}),
        ("database mgccomp", {"primary": "koeln-db1", "mirror": "koeln-db2", "backup": "nuernberg-db1", "fail over": "no"}),
        *((f"server k{n}", {"site": "koeln", "active": "yes" if n < 4 else "no"}) for n in range(1, 5)),
        *((f"server n{n}", {"site": "nuernberg", "active": "no"}) for n in range(1, 5)),
        *((f"frontend {site}-fe", {"site": site, "url": f"https://{site}-fe.rz.beispiel.de:5986/wsman", "credential": "leitstand"})
          for site in ("koeln", "nuernberg")),
        ("share protokoll", {"site": "nuernberg", "path": "/mnt/protokoll", "unc": r"\\nuernberg-datei\Protokolle für später"}),
        ("share kopien", {"path": "/mnt/kopien", "unc": r"E:\Kopien"}),
        ("share koeln-saat", {"site": "koeln", "path": "/mnt/koeln-saat", "unc": r"\\koeln-datei\saat"}),
        ("share nuernberg-saat", {"site": "nuernberg", "path": "/mnt/nuernberg-saat", "unc": r"\\nuernberg-datei\saat"}),
        ("fence koeln-strom", {"plugin": "command", "program": "/usr/local/sbin/strom"}),
        ("fence nuernberg-strom", {"plugin": "command", "program": "/usr/local/sbin/strom"}),
        ("credential dba", {"user": "umschalter", "secret": "file:dba.secret"}),
        ("credential leitstand", {"user": r"RZ\umschalter", "secret": "file:leitstand.secret"}),
    )


def least():
    """As few lines as a topology can have: what may be left out is left out, compliance has no store in the second site."""
    return sections(
        ("pool mini", {"fqdn": "mini.example.org", "control": "f2, f1", "primary site": "a", "backup site": "b"}),
        ("site a", {}), ("site b", {}),
        ("instance s1", {"site": "a", "credential": "c"}), ("instance s2", {"site": "b", "credential": "c"}),
        ("database mgc", {"primary": "s1", "backup": "s2", "log share": "logs", "copy folder": "copies"}),
        ("database mgccomp", {"primary": "s1", "fail over": "no"}),
        ("server p1", {"site": "a", "active": "yes"}), ("server p2", {"site": "b"}),
        ("frontend f1", {"site": "a", "url": "https://f1.example.org:5986/wsman", "credential": "c"}),
        ("frontend f2", {"site": "b", "url": "https://f2.example.org:5986/wsman", "credential": "c"}),
        ("share logs", {"site": "b", "path": "/mnt/logs", "unc": r"\\f2\logs"}),
        ("share copies", {"path": "/mnt/copies", "unc": r"D:\copies"}),
        ("credential c", {"user": "u", "secret": "file:c.secret"}),
    )


class Home:
    """One story.  `lines` says what was not as it should be; nothing: all was."""

    def __init__(self, lab):
        self.lab = lab
        with open(lab.topology, encoding="utf-8") as f:
            text = f.read()
        self.first, self.second = (text.split(f"\n{key} = ")[1].splitlines()[0] for key in ("primary site", "backup site"))
        database = next(part for part in text.split("\n[database ")[1:] if "fail over = no" not in part.split("\n[")[0])
        database = database.split("\n[")[0]
        self.object = database.split("]")[0]
        keys = dict(line.split(" = ", 1) for line in database.splitlines() if " = " in line)
        self.name, self.primary, self.backup = keys.get("name", self.object), keys["primary"], keys["backup"]
        self.mirror = keys.get("mirror")
        self.old = {i["name"] for i in lab.instances(self.first)}
        self.lines = []

    def expect(self, good, text):
        if not good:
            self.lines.append(text)

    def green(self, when):
        facts = self.lab.json_of("check", "--wait", "30s", good=(0, 1))
        for row in facts["checks"]:
            self.expect(row["verdict"] == "green", f"{when}: {row['verdict']} {row['fact']} {row['title']}: {row['found']}")
        self.expect(facts["green"] >= 12, f"{when}: only {facts['green']} facts are green")

    def acknowledged_at(self, instances, after):
        until(f"somebody chats at {', '.join(sorted(instances))}",
              lambda: any(e["acked_ms"] > after and e["instance"] in instances for e in self.lab.ledger()), 60)

    def failover(self):
        self.power_off_ms = time.time() * 1000
        self.lab.fault("power-off", "site", self.first)
        self.lab.switchback("run", "failover", "--approve", "all")
        self.acknowledged_at({i["name"] for i in self.lab.instances(self.second)}, self.power_off_ms)
        report = self.lab.json_of("report")
        self.point = next(s["results"]["lsn"] for s in report["steps"] if s["step"] == f"quote[{self.object}]")
        self.live = self.lab.messages(self.backup, self.name)

    def come_back(self, rebuilt):
        """The site has power again; on its old machines people find their old servers and write into the old copy.
        `rebuilt`: "empty": new machines, an empty chat database was installed; "bare": not even that."""
        if rebuilt:
            self.lab.fault("rebuild", "site", self.first)
            if rebuilt == "bare":
                self.lab.sql(self.primary, f"DROP DATABASE [{self.name}]")
            return
        back = time.time() * 1000
        self.lab.fault("power-on", "site", self.first)
        self.lab.lab_does("traffic", "start", "--rate", "40", "--clients", "32")
        self.acknowledged_at(self.old, back)

    def failback(self):
        begin = time.time() * 1000
        self.lab.switchback("run", "failback", "--approve", "all")
        self.acknowledged_at({self.primary}, begin)
        self.expect(self.lab.json_of("status")["owed"] == [], "after failback something is still owed")

    def account(self, rebuilt):
        """Who lost what.  Until the last message at the second site all that the old copy took was stray."""
        self.lab.quiet()
        ledger, home, salvaged = self.lab.ledger(), self.lab.messages(self.primary, self.name), self.lab.salvaged()
        before = [e for e in ledger if e["acked_ms"] <= self.power_off_ms + AGREED_MS and e["instance"] in self.old]
        away = max(e["acked_ms"] for e in ledger if e["instance"] not in self.old)
        stray = [e for e in ledger if e not in before and e["instance"] in self.old and e["acked_ms"] < away]
        lost = [e for e in before if e["id"] not in self.live]
        later = [e for e in ledger if e not in before and e not in stray]
        after = self.lab.after_point(self.point, self.name)
        quoted = [e for e in before if e["id"] in after]
        self.expect(len(before) >= 20 and len(later) >= 20, f"nobody chatted: {len(before)} before, {len(later)} later")
        self.expect(all(e["id"] in after for e in lost), "a message was lost that lies before the quoted point")
        self.expect(len(lost) <= len(quoted), f"{len(lost)} were lost, {len(quoted)} quoted")
        self.expect(all(e["id"] in home for e in later), f"lost in failback: {[e for e in later if e['id'] not in home][:3]}")
        if rebuilt:
            self.expect(not stray and not salvaged, f"new machines gave {len(stray)} strays, {len(salvaged)} salvaged")
        else:
            self.expect(all(e["id"] in salvaged for e in lost + stray),
                        f"of {len(lost)} lost and {len(stray)} stray {sum(e['id'] not in salvaged for e in lost + stray)} were not salvaged")
        return f"{len(before)} before, {len(lost)} lost, {len(quoted)} quoted, {len(stray)} stray, {len(salvaged)} salvaged, {len(later)} later"


def whole(topology, rebuilt=None, before=None):
    """The whole story; `before` is called with the story when everything stands and people chat."""
    with Lab(topology) as lab:
        home = Home(lab)
        home.green("before")
        lab.traffic(first=60)  # some of it is shipped before the power goes
        if before:
            before(home)
        home.failover()
        home.come_back(rebuilt)
        home.failback()
        home.green("after")
        Tap.note(f"{home.object}: {home.account(rebuilt)}")
        return home.lines


def mirror_takes_over(home):
    """The mirror becomes the principal, and stays it; log shipping goes on from there."""
    home.lab.sql(home.primary, f"ALTER DATABASE [{home.name}] SET PARTNER FAILOVER")
    home.acknowledged_at({home.mirror}, time.time() * 1000)
    started = home.lab.sql(home.mirror, "SELECT max (backup_finish_date) FROM msdb.dbo.backupset WHERE type = 'L'")
    until("the new principal ships its log", lambda: home.lab.sql(
        home.mirror, "SELECT max (backup_finish_date) FROM msdb.dbo.backupset WHERE type = 'L'") != started, 20)


# name -> (what is promised, text of a topology or the name of an example, how)
STORIES = {
    "small": ("a pool without mirrors, its compliance database in the same instance, fails over and comes home",
              "small-pool.ini", {}),
    "no-witness": ("a pool with active servers in both sites and no witness fails over and comes home", "no-witness.ini", {}),
    "eight": ("a pool of eight servers with other names and a mirrored compliance database in the same instance does",
              eight_servers(), {}),
    "rebuilt": ("failback fills a site whose machines are new, with mirrors", "stretched-pool.ini", {"rebuilt": "empty"}),
    "bare": ("a pool of two servers in the shortest topology; failback fills new machines that hold no chat database",
             least(), {"rebuilt": "bare"}),
    "mirror": ("failover may begin while the mirror is principal; failback makes the primary principal", "stretched-pool.ini",
               {"before": mirror_takes_over}),
}


def play(name):
    """Lines that say what went wrong; one story does not stop the others."""
    _, topology, how = STORIES[name]
    with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as file:
        if "\n" in topology:
            file.write(topology)
            file.flush()
            topology = file.name
        else:
            topology = os.path.join(SOURCE, "examples", topology)
        try:
            return whole(topology, **how)
        except (Ended, TimeoutError, subprocess.TimeoutExpired, pymssql.Error, LookupError, ValueError) as e:
            return [f"{type(e).__name__}: {e}"]


def main():
    tap, names = Tap(), sys.argv[1:] or list(STORIES)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, wrong in zip(names, pool.map(play, names)):
            tap.ok(not wrong, STORIES[name][0], "\n".join(wrong))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
