"""The management shell's cmdlets on the lab's world, through a WS-Man door, in the order of a bad night: the steady
state, changes and their refusals, the loss of the site that holds the central store, and what is left."""

import configparser
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from winrm_lab import GONE, Lab, Raw, tap, until  # noqa: E402

lab = Lab()
south, north = lab.frontend("fe-south"), lab.frontend("fe-north")
POOL = "lyncpc.example.net"
NORTH = [f"pchat0{i}.example.net" for i in (1, 2, 3, 4)]
SOUTH = [f"pchat0{i}.example.net" for i in (5, 6, 7, 8)]
NAME = f"'PersistentChatServer:{POOL}'"
SET = f"Set-CsPersistentChatState -Identity {NAME}"
ACTIVE = "Set-CsPersistentChatActiveServer -Confirm:$false"


def ps(script, fe=None):
    return Raw(fe or south).ps("$ProgressPreference='SilentlyContinue'; Import-Module SkypeForBusiness\n" + script)


def value(script, fe=None):
    """What a script computes, by way of JSON."""
    code, out, err = ps("$ErrorActionPreference='Stop'\n$r = " + script + "\nConvertTo-Json -InputObject $r -Compress -Depth 5", fe)
    assert code == 0, (script, code, err)
    return json.loads(out)


def ok(script, fe=None):
    code, out, err = ps("$ErrorActionPreference='Stop'\n" + script, fe)
    assert code == 0 and not err, (script, code, err)
    return out


def refused(script, *words, fe=None):
    code, out, err = ps("$ErrorActionPreference='Stop'\n" + script, fe)
    assert code == 1, (script, code, out)
    flat = " ".join(err.split())
    for w in words:
        assert w in flat, (w, flat)


def state(fe=None, more=""):
    return value(f"\"$((Get-CsPersistentChatState {more}).PoolState)\"", fe)


def active():
    return value("@((Get-CsService -PersistentChatServer).ActiveServers)")


def replicated(*servers):
    names = ", ".join(f"'{s}'" for s in servers)
    until(lambda: value(f"@({names} | ForEach-Object {{ (Get-CsManagementStoreReplicationStatus -ReplicaFqdn $_).UpToDate }})")
          == [True] * len(servers), what="the replicas are up to date")


def message(fe=None):
    return value(f"(Test-CsPersistentChatMessage -TargetFqdn '{POOL}').Result", fe)


def steady():
    assert state() == "Normal"
    assert active() == NORTH
    assert value("(Get-CsPersistentChatState).Identity") == f"PersistentChatServer:{POOL}"
    assert value("@((Get-CsManagementStoreReplicationStatus | Where-Object { $_.UpToDate -eq $False })).Count") == 0
    assert value("(Get-CsManagementStoreReplicationStatus -CentralManagementStoreStatus).ActiveMasterFqdn") == "fe-north.example.net"
    assert message() == "Success"


def topology():
    assert value(f"@((Get-CsPool '{POOL}').Computers)") == NORTH + SOUTH
    assert value(f"@(Get-CsPool -Identity '{POOL}' | Select-Object -ExpandProperty Computers).Count") == 8
    assert value("@(Get-CsPool | Where-Object { $_.Fqdn -like 'fe-*' }).Count") == 2
    machines = value("@(([xml](Get-CsTopology -AsXml)).Topology.Clusters.Cluster[0].Machine | ForEach-Object { \"$($_.Fqdn)=$($_.State)\" })")
    assert machines == [s + "=Active" for s in NORTH] + [s + "=Inactive" for s in SOUTH], machines
    stores = value("@(Get-CsService -PersistentChatDatabase | ForEach-Object { \"$($_.PoolFqdn) $($_.IsBackup)\" })")
    assert stores == ["north-sql1.example.net False", "south-sql1.example.net True"], stores
    assert value("(Get-CsService -CentralManagement).PoolFqdn") == "fe-north.example.net"
    refused("Get-CsService", "Parameter set cannot be resolved")
    refused("Get-CsPool nowhere.example.net", "Cannot find pool")


def services():
    words = value("@(Get-CsWindowsService -ComputerName 'pchat01.example.net' -ExcludeActivityLevel | Where-Object "
                  "{ $_.DisplayName -like '*Persistent Chat*' } | ForEach-Object { \"$($_.Name) $($_.Status)\" })")
    assert words == ["RTCPCHAT Running", "RTCCHATCOMPLIANCE Running"], words
    one = "(Get-CsWindowsService -ComputerName 'pchat01.example.net' -Name RTCPCHAT).Status"
    ok("Stop-CsWindowsService -ComputerName 'pchat01.example.net' -Name RTCPCHAT -Confirm:$false")
    assert value(one) == "Stopped"
    assert value("(Get-CsWindowsService -ComputerName pchat01.example.net -Name RTCCHATCOMPLIANCE).Status") == "Running"
    ok("Start-CsWindowsService -ComputerName 'pchat01.example.net' -Name RTCPCHAT; "
       "Start-CsWindowsService -ComputerName 'pchat01.example.net' -Name RTCPCHAT -NoWait")
    assert value(one) == "Running"
    ok("Stop-CsWindowsService -ComputerName pchat01.example.net -WhatIf")
    assert value(one) == "Running"
    refused("Get-CsWindowsService -ComputerName pchat01.example.net -Name NOSUCH", 'Cannot find service "NOSUCH"')
    refused("Get-CsWindowsService -ComputerName nowhere.example.net", "Cannot open Service Control Manager on computer 'nowhere")


def what_if():
    code, out, _ = ps(f"{SET} -PoolState FailedOver -WhatIf; {ACTIVE} -ActiveServers $null -WhatIf")
    assert code == 0 and out.count("What if: Performing the operation") == 2, out
    assert state() == "Normal" and active() == NORTH


def prompts():
    for script in (f"{SET} -PoolState FailedOver", "Set-CsPersistentChatActiveServer -ActiveServers $null",
                   "Invoke-CsManagementServerFailover", f"{SET} -PoolState FailedOver -Confirm"):
        refused(script, "NonInteractive mode")
    assert state() == "Normal" and active() == NORTH


def identities():
    for good in (f"PersistentChatServer:{POOL}", f"service:{POOL}", f"service:PersistentChatServer:{POOL}", f"SERVICE:{POOL.upper()}"):
        ok(f"Set-CsPersistentChatState -Identity '{good}' -PoolState Normal -Confirm:$false")
    for bad in (f"service: {POOL}", POOL, "PersistentChatServer:", "x:y"):
        refused(f"Set-CsPersistentChatState -Identity '{bad}' -PoolState Normal -Confirm:$false", "Cannot convert value")
    refused("Set-CsPersistentChatState -Identity 'service:other.example.net' -PoolState Normal -Confirm:$false", "does not exist")
    refused("Set-CsPersistentChatState -PoolState Normal -Confirm:$false", "missing mandatory parameters: Identity")
    refused(f"{SET} -PoolState Broken -Confirm:$false", '"Normal,FailedOver"')
    ok("Get-CsPersistentChatState | Set-CsPersistentChatState -PoolState Normal -Confirm:$false")


def active_list():
    add, rid = f"@{{Add='{SOUTH[0]}'}}", f"@{{Remove='{NORTH[0]}','{NORTH[1]}'}}"
    refused(f"{ACTIVE} -ActiveServers {add}", "5 servers would be active", "at most 4 active")
    assert active() == NORTH
    ok(f"{ACTIVE} -ActiveServers {rid}")
    assert active() == NORTH[2:]
    ok(f"{ACTIVE} -Identity global -ActiveServers {add}")
    assert active() == NORTH[2:] + SOUTH[:1]
    refused(f"{ACTIVE} -ActiveServers @{{Add='pchat09.example.net'}}", "is not a member")
    refused(f"{ACTIVE} -ActiveServers @{{Add='pchat01'}}", "is not a member")
    refused(f"{ACTIVE} -ActiveServers @{{Put='{SOUTH[0]}'}}", "Add, Remove, Replace")
    refused(f"{ACTIVE} -Swap", "5 servers would be active")
    refused(ACTIVE, "Parameter set cannot be resolved")
    ok(f"{ACTIVE} -Identity PChatServerCollection -ActiveServers @{{Replace='{SOUTH[0]}','{SOUTH[1]}','{NORTH[0]}','{NORTH[1]}'}}")
    ok(f"{ACTIVE} -Swap")
    assert active() == NORTH[2:] + SOUTH[2:]
    ok(f"{ACTIVE} -ActiveServers $null")
    assert active() == []
    ok(f"{ACTIVE} -ActiveServers @{{Add=" + ",".join(f"'{s}'" for s in NORTH) + "}")
    assert active() == NORTH


def replication():
    ok(f"{SET} -PoolState FailedOver -Confirm:$false")
    assert state() == "FailedOver"
    ok("Invoke-CsManagementStoreReplication -ReplicaFqdn 'pchat05.example.net'; Invoke-CsManagementStoreReplication")
    replicated(*NORTH, *SOUTH, "fe-south.example.net")
    assert state(more="-LocalStore") == "FailedOver"
    assert message() == "Failure"  # the backup store is being restored and cannot be written
    ok(f"{SET} -PoolState Normal -Confirm:$false")
    replicated(*NORTH)
    until(lambda: message() == "Success", what="messages get through again")
    refused("Get-CsManagementStoreReplicationStatus -ReplicaFqdn nowhere", "Cannot find a replica")


def mirrors():
    look = (f"@(Get-CsDatabaseMirrorState -PoolFqdn '{POOL}' -DatabaseType PersistentChat | ForEach-Object "
            "{ \"$($_.DatabaseName) $($_.StateOnPrimary) $($_.StateOnMirror) $($_.MirroringStatusOnPrimary)\" })")
    assert value(look) == ["mgc Principal Mirror synchronized"], value(look)
    go = f"Invoke-CsDatabaseFailover -PoolFqdn '{POOL}' -DatabaseType PersistentChat -Confirm:$false -NewPrincipal"
    ok(f"{go} Mirror")
    until(lambda: value(look) == ["mgc Mirror Principal synchronized"], what="the roles are exchanged")
    assert message() == "Success"
    ok(f"{go} Primary; {go} Primary")
    until(lambda: value(look) == ["mgc Principal Mirror synchronized"], what="they are exchanged again")
    refused(f"{go} Third", '"Primary,Mirror"')
    refused(f"Get-CsDatabaseMirrorState -PoolFqdn '{POOL}' -DatabaseType Chat", "Cannot convert value")


def unmirror():
    look = f"(Get-CsDatabaseMirrorState -PoolFqdn '{POOL}' -DatabaseType PersistentChat).StateOnPrimary"
    which = "-DatabaseType PersistentChat -SqlServerFqdn north-sql1.example.net -Confirm:$false"
    ok(f"Uninstall-CsMirrorDatabase {which} -DropExistingDatabasesOnMirror")
    assert value(look) == "DatabaseInaccessibleOrMirroringNotEnabled"
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(os.path.join(lab.dir, "topology.ini"), encoding="utf-8")
    share = ini["share north-setup"]["unc"]
    ok(f"Install-CsMirrorDatabase {which} -FileShare '{share}' -DropExistingDatabasesOnMirror")
    ok(f"Install-CsMirrorDatabase {which} -FileShare '{share}' -WarningAction SilentlyContinue 3>$null")
    until(lambda: value(look) == "Principal", what="the mirror is built again")
    refused(f"Install-CsMirrorDatabase -DatabaseType PersistentChat -SqlServerFqdn north-wit.example.net -FileShare x -Confirm:$false",
            "No mirror")


def graceful():
    """-Graceful waits for clients; with none it ends at once."""
    ok("Stop-CsWindowsService -ComputerName pchat08.example.net -Graceful -Confirm:$false")
    assert value("(Get-CsWindowsService -ComputerName pchat08.example.net RTCPCHAT).Status") == "Stopped"
    ok("Start-CsWindowsService -ComputerName pchat08.example.net")


def dark_store():
    lab.fault("power-off", "site", "north")
    dead = "Central Management store does not answer"
    refused(f"{SET} -PoolState FailedOver -Confirm:$false", dead)
    refused(f"{ACTIVE} -ActiveServers $null", dead)
    refused("Invoke-CsManagementStoreReplication", dead)
    refused("Get-CsPersistentChatState", dead)
    refused("Get-CsManagementStoreReplicationStatus", dead)
    refused("Invoke-CsManagementServerFailover -Confirm:$false", dead)
    assert state(more="-LocalStore") == "Normal"
    assert value("@(Get-CsPool -LocalStore).Count") == 3
    assert value("\"$((Get-CsManagementStoreReplicationStatus -CentralManagementStoreStatus).ActiveMasterFqdn)\"") == ""
    assert message() == "Failure"
    refused("Stop-CsWindowsService -ComputerName pchat01.example.net -Confirm:$false", "Cannot open Service Control Manager")


def disaster():
    move = "Invoke-CsManagementServerFailover -BackupSqlServerFqdn fe-south-sql.example.net -BackupSqlInstanceName rtc -Confirm:$false"
    refused(move, "The Force parameter is needed")
    code, out, _ = ps(f"{move} -Force -WhatIf")
    assert code == 0 and "fe-north.example.net" in out, out
    ok(f"{move} -Force")
    assert value("(Get-CsManagementStoreReplicationStatus -CentralManagementStoreStatus).ActiveMasterFqdn") == "fe-south.example.net"
    assert state() == "Normal"
    ok(f"{SET} -PoolState FailedOver -Confirm:$false")
    ok(f"{ACTIVE} -ActiveServers @{{Remove=" + ",".join(f"'{s}'" for s in NORTH) + "}")
    ok(f"{ACTIVE} -ActiveServers @{{Add=" + ",".join(f"'{s}'" for s in SOUTH) + "}")
    assert active() == SOUTH
    replicated(*SOUTH)
    late = value("@(Get-CsManagementStoreReplicationStatus | Where-Object { -not $_.UpToDate } | Select-Object -ExpandProperty ReplicaFqdn)")
    assert sorted(late) == sorted(NORTH + ["fe-north.example.net"]), late


def back():
    lab.fault("power-on", "site", "north")

    def answers():
        try:
            return Raw(north).run("hostname")[0] == 0
        except GONE:
            return False
    until(answers, what="the front end in north answers")
    replicated(*NORTH)
    assert state(north) == "FailedOver"
    ok("Invoke-CsManagementServerFailover -Confirm:$false", north)
    assert value("(Get-CsManagementStoreReplicationStatus -CentralManagementStoreStatus).ActiveMasterFqdn") == "fe-north.example.net"


def rest():
    assert value("(Get-CsPersistentChatConfiguration).Identity") == "Global"
    assert value("(Get-CsManagementConnection).StoreProvider") == "Sql"
    assert value("@(Get-Command -Module SkypeForBusiness).Count") == 20
    refused("Get-CsPersistentChatActiveServer", "is not recognized as the name of a cmdlet")
    code, out, _ = ps("Get-CsPersistentChatState | Format-List *")
    assert code == 0 and f"Identity  : PersistentChatServer:{POOL}" in out and "PoolState : " in out, out


tap([
    ("the steady state is told: state, active servers, replicas, store, message", steady),
    ("the topology tells computers, machine states and stores", topology),
    ("services are told, stopped and started one by one", services),
    ("-WhatIf says what would be done and does nothing", what_if),
    ("a cmdlet that would ask fails without -Confirm:$false", prompts),
    ("identities: three forms are understood, a blank or a bare name is not", identities),
    ("the active list: Add, Remove, Replace, clear, swap, never more than four, only the pool's", active_list),
    ("a changed state reaches each server's replica, and the servers act on it", replication),
    ("a mirror failover moves the principal, not the labels", mirrors),
    ("a mirror can be removed and built again", unmirror),
    ("a graceful stop waits for nobody when nobody is there", graceful),
    ("while the store's site is dark it can be neither written nor read, but the local copy can", dark_store),
    ("a disaster failover of the store lets the other site be activated", disaster),
    ("the returning site is brought up to date, and the store goes home", back),
    ("the remaining cmdlets answer, and the missing one is missing", rest),
])
