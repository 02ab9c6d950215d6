#!/usr/bin/env python3
"""The plugin 'mssql' at servers of 2008 R2 to 2022, one of them on Linux, and at editions that lack something.

The lab gives each instance its release (`lab up --sql-server`).  A client that nobody here wrote (pymssql) sees what only
that release has; the plugin then backs up, drops, restores and recovers a database there, carries it to the next newer
release and is refused by an older one.  Speaks TAP.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as shared  # noqa: E402
from lab import Lab, brief, check, pymssql, settles  # noqa: E402

# instance, words of --sql-server, ProductVersion, columns of HEADERONLY, DatabaseVersion of a backup (SQL sheet 1.1 and 3.5)
RELEASES = (("r2", "2008R2", "10.50.", 52, 661), ("s2012", "2012", "11.0.", 53, 706), ("s2014", "2014", "12.0.", 56, 782),
            ("s2016", "2016", "13.0.", 56, 852), ("s2017", "2017+linux", "14.0.", 56, 869), ("s2019", "2019", "15.0.", 56, 904),
            ("s2022", "2022", "16.0.", 59, 957))
LINUX = "s2017"
EDITIONS = (("std1", "2014+standard"), ("std2", "2014+standard"), ("xe", "2019+express"))


def topology():
    text = ["[pool p]\nfqdn = p.example.org\ncontrol = f1\nprimary site = a\nbackup site = b\ntool site = a",
            "[policy]\nunattended = yes\n[site a]\nfence = f\n[site b]\n[fence f]\nplugin = command\nprogram = /usr/local/sbin/p",
            "[credential c]\nuser = u\nsecret = file:c.secret", "[server s1]\nsite = a\n[server s2]\nsite = b",
            "[frontend f1]\nsite = a\nurl = https://f1.example.org:5986/wsman\ncredential = c",
            "[share logs]\nsite = a\npath = /mnt/logs\nunc = \\\\fs\\logs"]
    names = [r[0] for r in RELEASES] + [e[0] for e in EDITIONS]
    text += [f"[instance {name}]\nsite = a\ncredential = c" for name in names]
    text += [f"[database d_{name}]\nprimary = {name}\nfail over = no" + ("\nmirror = std2\nlog share = logs" if name == "std1" else "")
             for name in names if name != "std2"]
    return "\n".join(text) + "\n"


def error_of(instance, sql):
    """The number with which it is refused, not that of the statement that closes (3013, 5069); 0: it is not."""
    try:
        lab.sql(instance, sql)
        return 0
    except pymssql.Error as e:
        return e.args[0]


def one(instance, sql):
    return lab.sql(instance, sql)[0][0]


def folder(instance):
    return "/var/opt/mssql/data/" if instance == LINUX else "D:\\Backup\\"


def on_disk(instance, name):
    """Where the lab keeps that file of an instance."""
    return os.path.join(lab.dir, "disk", instance, "root/var/opt/mssql/data" if instance == LINUX else "D/Backup", name)


def looks(name, version, columns, database_version):
    """What a client sees of the release."""
    major = int(version.split(".")[0])
    check(one(name, "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128))").startswith(version),
          "%s says that it is %s" % (name, version))
    check((one(name, "SELECT CAST(SERVERPROPERTY('InstanceDefaultDataPath') AS nvarchar(260))") is None) == (major < 11)
          and (one(name, "SELECT CAST(SERVERPROPERTY('InstanceDefaultBackupPath') AS nvarchar(260))") is None) == (major < 15),
          "%s tells the default folders that its release tells" % name)
    wrong = {sql: error_of(name, sql) for sql, since, number in (
        ("DROP DATABASE IF EXISTS nothing", 13, 156), ("SELECT CONCAT('a', 'b')", 11, 195), ("SELECT TRIM(' a ')", 14, 195),
        ("SELECT database_id FROM sys.dm_exec_sessions", 11, 207), ("SELECT host_platform FROM sys.dm_os_host_info", 14, 208))
        if error_of(name, sql) != (number if major < since else 0)}
    check(not wrong, "%s knows no word that came after it, and every older one" % name, wrong)
    if major >= 14:
        check(one(name, "SELECT host_platform FROM sys.dm_os_host_info") == ("Linux" if name == LINUX else "Windows"),
              "%s tells its platform" % name)
    file = folder(name) + "seen.bak"
    lab.sql(name, "BACKUP DATABASE d_%s TO DISK = N'%s' WITH INIT" % (name, file))
    i = lab.instances[name]
    with pymssql.connect(server=i["host"], port=str(i["port"]), user=i["user"], password=i["password"], autocommit=True) as c:
        cursor = c.cursor(as_dict=True)
        cursor.execute("RESTORE HEADERONLY FROM DISK = N'%s'" % file)
        row = cursor.fetchone()
    check(len(row) == columns and row["DatabaseVersion"] == database_version and row["SoftwareVersionMajor"] == major,
          "a header read at %s has the columns and the version of its release" % name, (len(row), row))
    other = "D:\\Backup\\x.bak" if name == LINUX else "/var/opt/mssql/data/x.bak"
    check(error_of(name, "BACKUP DATABASE d_%s TO DISK = N'%s'" % (name, other)) in (3201,),
          "%s refuses a path of the other platform" % name)


def verbs(name):
    """The plugin's way there and back."""
    db = "d_" + name
    o = lab.ask("observe", name, db=db)["results"]
    check(o["state"] == "ONLINE", "the plugin observes a database at %s" % name, o)
    settles("it is backed up at %s" % name, "backup-full", name, db=db, file=folder(name) + "one.bak")
    settles("dropped", "fence", name, seen=None, db=db)
    settles("for good", "drop-copy", name, db=db)
    settles("restored", "restore-full", name, db=db, file=folder(name) + "one.bak")
    settles("and recovered", "recover", name, db=db, evidence="declared")
    place = one(name, "SELECT physical_name FROM sys.master_files WHERE database_id = DB_ID('%s') AND type = 0" % db)
    check(place.startswith("/var/opt/mssql/data/" if name == LINUX else "D:\\Data\\"), "its files lie where files of %s lie" % name, place)


def carried(older, newer):
    """A backup goes up to a newer release, over platforms, and never down."""
    db, back = "d_" + older, "d_" + newer
    shutil.copy(on_disk(older, "one.bak"), on_disk(newer, "up.bak"))
    shutil.copy(on_disk(newer, "one.bak"), on_disk(older, "down.bak"))
    answer = lab.ask("restore-full", newer, db=db, file=folder(newer) + "up.bak")
    check(answer["rc"] == "ok", "a backup of %s is restored at %s" % (older, newer), brief(answer))
    answer = lab.ask("restore-full", older, db=back, file=folder(older) + "down.bak")
    check(answer["rc"] == "fail" and ("version" in answer["sentence"] or "3169" in answer["sentence"]),
          "one of %s is refused at %s, and the version is named" % (newer, older), brief(answer))


def editions():
    check(error_of("std1", "ALTER DATABASE d_std1 SET PARTNER SAFETY OFF") == 1473, "Standard mirrors with full safety alone")
    check(one("xe", "SELECT CAST(SERVERPROPERTY('EngineEdition') AS int)") == 4, "Express says that it is")
    wrong = {sql: (n, error_of("xe", sql)) for sql, n in (
        ("BACKUP DATABASE d_xe TO DISK = N'D:\\Backup\\c.bak' WITH COMPRESSION", 1844),
        ("ALTER DATABASE d_xe SET PARTNER = N'TCP://std1:5022'", 1463),
        ("EXEC master.dbo.sp_add_log_shipping_primary_database @database = N'd_xe', @backup_directory = N'D:\\Backup', "
         "@backup_share = N'\\\\fs\\logs', @backup_job_name = N'LSBackup_d_xe', @backup_retention_period = 4320", 32017),
    ) if error_of("xe", sql) != n}
    check(not wrong, "and compresses nothing, mirrors nothing, ships nothing", wrong)
    agents = one("xe", "SELECT COUNT(*) FROM master.dbo.sysprocesses WHERE program_name LIKE N'SQLAgent%%'")
    check(agents == 0, "for it has no Agent", agents)
    lab.fault("agent-start", "xe")
    check(one("xe", "SELECT COUNT(*) FROM master.dbo.sysprocesses WHERE program_name LIKE N'SQLAgent%%'") == 0, "nor gets one")
    settles("Express is backed up by the plugin all the same", "backup-full", "xe", db="d_xe", file="D:\\Backup\\one.bak")
    answer = lab.ask("build-primary", "xe", db="d_xe")
    check(answer["rc"] == "fail", "and the plugin says why it cannot ship its log", brief(answer))
    answer = lab.ask("make-mirror", LINUX, db="d_" + LINUX, mirror="s2019", file="/var/opt/mssql/data/pair.trn")
    check(answer["rc"] == "fail", "a database on Linux is not mirrored", brief(answer))


def words():
    """What no server is cannot be asked for."""
    for word in ("2005", "2016+linux", "nobody=2019"):
        with tempfile.TemporaryDirectory(prefix="sb-words-") as folder:
            done = subprocess.run([shared.LAB, "up", "--dir", folder + "/lab", "-t", file.name,
                                   "--sql-server", word], capture_output=True, text=True, timeout=60)
            check(done.returncode != 0 and word in done.stderr and "HINT" in done.stderr,
                  "a lab says that it does not know the server '%s'" % word, done.stdout + done.stderr)


def main():
    global lab, file
    with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as file:
        file.write(topology())
        file.flush()
        words()
        servers = ",".join("%s=%s" % e[:2] for e in (*RELEASES, *EDITIONS))
        lab = shared.lab = Lab(file.name, ["--sql-server", servers])
        try:
            for name, _, version, columns, database_version in RELEASES:
                looks(name, version, columns, database_version)
                verbs(name)
            for older, newer in zip(RELEASES, RELEASES[1:]):
                carried(older[0], newer[0])
            editions()
        finally:
            lab.end()
    print("1..%d" % shared.number)
    return 1 if shared.failed else 0


if __name__ == "__main__":
    sys.exit(main())
