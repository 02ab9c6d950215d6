/* Every way in which a topology can be wrong, with the line, the sentence and
 * the hint that the operator gets.  Each case stands behind the same sound
 * topology; its lines are counted from 1. */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/model/topology.h"
#include "tests/model/cases.h"

#include <string.h>

/* clang-format off */
static const char sound[] =
      "[pool chat]\n"
      "fqdn = chat.example.net\n"
      "primary site = east\n"
      "backup site = west\n"
      "[site east]\n"
      "[site west]\n"
      "[credential admin]\n"
      "user = switchback\n"
      "secret = file:admin.secret\n"
      "[instance e1]\n"
      "site = east\n"
      "credential = admin\n"
      "[instance e2]\n"
      "site = east\n"
      "credential = admin\n"
      "[instance w1]\n"
      "site = west\n"
      "credential = admin\n"
      "[instance w2]\n"
      "site = west\n"
      "credential = admin\n"
      "[share logs]\n"
      "site = west\n"
      "unc = \\\\files\\logs\n"
      "[share copies]\n"
      "unc = D:\\copies\n"
      "[share plain]\n"
      "site = east\n"
      "[server s1]\n"
      "site = east\n"
      "active = yes\n";

static const struct sb_case cases[] = {
    { "a sound topology has no fault",
      "[policy]\n"
      "unattended = no\n",
      "" },
    { "a file without a pool is refused",
      "ALONE\n"
      "[site a]\n",
      "there is no pool in this file\n"
      "HINT: A topology describes one pool: write [pool NAME].\n" },
    { "a second pool is refused and the first one named",
      "[pool other]\n"
      "fqdn = other.example.net\n"
      "primary site = east\n"
      "backup site = west\n",
      "1: a second pool 'other'; the first, 'chat', is in line 1\n"
      "HINT: Write one file for each pool.\n" },
    { "a pool needs two different sites",
      "ALONE\n"
      "[pool p]\n"
      "fqdn = p.example.net\n"
      "primary site = a\n"
      "backup site = a\n"
      "[site a]\n",
      "4: pool 'p': primary site and backup site are both 'a'\n"
      "HINT: A stretched pool has two sites.\n" },
    { "a pool without its required keys is refused key by key",
      "ALONE\n"
      "[pool p]\n",
      "1: pool 'p' has no 'fqdn'\n"
      "HINT: 'fqdn' says: the pool's name in the topology of the chat system.\n"
      "1: pool 'p' has no 'primary site'\n"
      "HINT: 'primary site' says: where the live database stands in the steady state.\n"
      "1: pool 'p' has no 'backup site'\n"
      "HINT: 'backup site' says: where the pool comes up after a failover.\n" },
    { "a section must begin with a kind",
      "[3 x]\n",
      "1: section [3] does not begin with a kind of object\n"
      "HINT: A section is written [KIND NAME], for example [site north].\n" },
    { "a misspelt kind is refused with the nearest one",
      "[databse mgc]\n"
      "primary = e1\n",
      "1: 'databse' is not a kind of object, and [databse mgc] names no plugin\n"
      "HINT: Did you mean [database mgc]?\n" },
    { "a kind of nobody needs a plugin",
      "[dns corp]\n"
      "zone = example.net\n",
      "1: 'dns' is not a kind of object, and [dns corp] names no plugin\n"
      "HINT: An object that plays a role of your own needs 'plugin ='.\n" },
    { "a role is not a kind",
      "[notify ops]\n",
      "1: 'notify' is a role, not a kind of object\n"
      "HINT: What plays it is written [channel NAME].\n" },
    { "an object needs a name",
      "[site]\n",
      "1: section [site] has no name\n"
      "HINT: Write [site NAME].\n" },
    { "the policy has no name",
      "[policy strict]\n",
      "1: section [policy] has no name, but 'strict' is given\n" },
    { "a name longer than the reader takes is refused",
      "[site abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz]\n",
      "1: section name of 57 characters; at most 49 are possible\n" },
    { "a key before the first section is refused",
      "ALONE\n"
      "fqdn = x\n"
      "[pool p]\n"
      "fqdn = p.example.net\n"
      "primary site = a\n"
      "backup site = b\n"
      "[site a]\n"
      "[site b]\n",
      "1: 'fqdn' stands before the first section\n" },
    { "an object that is there twice is refused, however its header is written",
      "[site  east]\n",
      "1: site 'east' is already in line 5\n" },
    { "a section that is there twice is refused",
      "[site east]\n",
      "1: section 'site east' is already in line 5\n"
      "HINT: Keep one of the two.\n" },
    { "a key that is there twice is refused",
      "[link east west]\n"
      "fast = yes\n"
      "fast = no\n",
      "3: 'fast' is already set in line 33\n"
      "HINT: Keep one of the two.\n" },
    { "a key without a value is refused",
      "[instance i]\n"
      "site = east\n"
      "credential = admin\n"
      "host =\n",
      "4: 'host' has no value\n"
      "HINT: Leave the line out if the instance has none.\n" },
    { "an unknown key is refused with the nearest one",
      "[instance i]\n"
      "site = east\n"
      "credental = admin\n"
      "credential = admin\n",
      "3: instance 'i' has no key 'credental'\n"
      "HINT: Did you mean 'credential'?\n" },
    { "a key that resembles nothing is refused without a guess",
      "[instance i]\n"
      "site = east\n"
      "credential = admin\n"
      "colour = blue\n",
      "4: instance 'i' has no key 'colour'\n" },
    { "an unknown key of the policy is refused",
      "[policy]\n"
      "unatended = yes\n",
      "2: policy has no key 'unatended'\n"
      "HINT: Did you mean 'unattended'?\n" },
    { "a reference to nothing is refused with the nearest name",
      "[instance i]\n"
      "site = wset\n"
      "credential = admin\n",
      "2: instance 'i': site = wset names no site\n"
      "HINT: Did you mean 'west' (site, line 6)?\n" },
    { "a reference to an object of another kind says what it is",
      "[instance i]\n"
      "site = s1\n"
      "credential = admin\n",
      "2: instance 'i': site = s1 names no site\n"
      "HINT: 's1' is a server (line 29), not a site.\n" },
    { "a reference to a kind that is not there says how to write it",
      "[site north]\n"
      "fence = power\n",
      "2: site 'north': fence = power names no fence\n"
      "HINT: There is no fence in this file; write [fence power].\n" },
    { "a name with a bracket in it is refused",
      "[database we[ird]\n",
      "1: name of the database is too long (over 120 bytes) or has a bracket in it\n"
      "HINT: Choose a plain name; a database's real name can be given with 'name ='.\n" },
    { "a name that closes the bracket early is refused",
      "[database we]ird'db]\n",
      "1: text after the section header\n"
      "HINT: A comment starts with a blank and a semicolon.\n" },
    { "a control character is refused",
      "[site n\001" "th]\n",
      "1: control character in the line\n"
      "HINT: Take it out; only tabs are allowed.\n" },
    { "a list that names something twice is refused",
      "[channel ops]\n"
      "events = run, gate, run\n",
      "2: channel 'ops': events names 'run' twice\n" },
    { "a list of words knows its words",
      "[channel ops]\n"
      "events = run, gates\n",
      "2: channel 'ops': events = gates is not one of run, drill, gate, failure, held, owed, loss, step, check, watch\n" },
    { "an instance needs a site and a credential",
      "[instance i]\n",
      "1: instance 'i' has no 'site'\n"
      "HINT: 'site' says: the site it stands in.\n"
      "1: instance 'i' has no 'credential'\n"
      "HINT: 'credential' says: who signs in.\n" },
    { "a port is a number in its range",
      "[instance i]\n"
      "site = east\n"
      "credential = admin\n"
      "port = 65536\n"
      "endpoint port = five\n",
      "4: instance 'i': port = 65536 is not between 1 and 65535\n"
      "5: instance 'i': endpoint port = five is not a whole number\n" },
    { "the mirroring endpoint needs a port of its own",
      "[instance i]\n"
      "site = east\n"
      "credential = admin\n"
      "endpoint port = 1433\n",
      "4: instance 'i': port and endpoint port are both 1433\n" },
    { "a choice is one of its words",
      "[instance i]\n"
      "site = east\n"
      "credential = admin\n"
      "tls = maybe\n",
      "4: instance 'i': tls = maybe is not one of verify, trust, off\n" },
    { "a flag is yes or no",
      "[server s2]\n"
      "site = east\n"
      "active = true\n",
      "3: server 's2': active = true is neither yes nor no\n" },
    { "a duration needs its unit",
      "[policy]\n"
      "dark after = 60\n",
      "2: policy: dark after = 60 is not a duration such as 250ms, 90s, 5m or 2h\n" },
    { "a number of lanes has limits",
      "[policy]\n"
      "lanes = 0\n"
      "max workers = 100000\n",
      "2: policy: lanes = 0 is not between 1 and 64\n"
      "3: policy: max workers = 100000 is not between 1 and 4096\n" },
    { "a secret never stands in the file and is never repeated",
      "[credential c]\n"
      "user = u\n"
      "secret = hunter2\n",
      "3: credential 'c': secret is not a reference to a secret\n"
      "HINT: A secret never stands in the file: write file:PATH, env:NAME, command:PROGRAM or credential:NAME.\n" },
    { "a secret must refer to something",
      "[credential c]\n"
      "user = u\n"
      "secret = file:\n",
      "3: credential 'c': secret is not a reference to a secret\n"
      "HINT: A secret never stands in the file: write file:PATH, env:NAME, command:PROGRAM or credential:NAME.\n" },
    { "a password credential needs a secret",
      "[credential c]\n"
      "user = u\n",
      "1: credential 'c' has no 'secret'\n"
      "HINT: It signs in by password.\n" },
    { "a certificate credential needs a certificate",
      "[credential c]\n"
      "method = certificate\n"
      "user = u\n",
      "1: credential 'c' has no 'certificate'\n"
      "HINT: It signs in by certificate.\n" },
    { "a keytab without Kerberos is not ignored in silence",
      "[credential c]\n"
      "user = u\n"
      "secret = env:X\n"
      "keytab = file:u.keytab\n",
      "4: credential 'c' has a 'keytab' and signs in by password\n"
      "HINT: Write 'method = kerberos' or 'method = certificate', or take it out.\n" },
    { "a password and a keytab contradict each other",
      "[credential c]\n"
      "method = kerberos\n"
      "user = u@EXAMPLE.NET\n"
      "secret = env:X\n"
      "keytab = file:u.keytab\n",
      "5: credential 'c' has both a password and a keytab\n"
      "HINT: Keep one of the two.\n" },
    { "two instances must not share host and port",
      "[instance i]\n"
      "site = east\n"
      "credential = admin\n"
      "host = E1\n",
      "4: instance 'i' has the same host, port and instance name as instance 'e1' in line 10\n" },
    { "two servers must not share an fqdn",
      "[server s2]\n"
      "site = east\n"
      "fqdn = S1.example.net\n",
      "3: server 's2' has the same fqdn as server 's1' in line 29\n" },
    { "a mirror stands in the site of its primary",
      "[database d]\n"
      "primary = e1\n"
      "mirror = w1\n",
      "3: database 'd': mirror 'w1' stands in west, but primary 'e1' in east\n"
      "HINT: primary and mirror stand in one site.\n" },
    { "a mirror is another instance than its primary",
      "[database d]\n"
      "primary = e1\n"
      "mirror = e1\n",
      "3: database 'd': primary and mirror are both 'e1'\n" },
    { "a witness is a third instance",
      "[database d]\n"
      "primary = e1\n"
      "mirror = e2\n"
      "witness = e2\n",
      "4: database 'd': mirror and witness are both 'e2'\n" },
    { "a witness needs a mirror",
      "[database d]\n"
      "primary = e1\n"
      "witness = e2\n",
      "3: database 'd': 'witness' is given without 'mirror'\n" },
    { "a backup stands in the other site",
      "[database d]\n"
      "primary = e1\n"
      "backup = e2\n"
      "log share = logs\n"
      "copy folder = copies\n"
      "fail over = no\n",
      "3: database 'd': backup 'e2' stands in east, as its primary 'e1' does\n"
      "HINT: The backup stands in the other site.\n" },
    { "a backup mirror stands in the site of its backup",
      "[database d]\n"
      "primary = e1\n"
      "backup = w1\n"
      "backup mirror = e2\n"
      "log share = logs\n"
      "copy folder = copies\n",
      "4: database 'd': backup mirror 'e2' stands in east, but backup 'w1' in west\n"
      "HINT: backup and backup mirror stand in one site.\n" },
    { "a backup mirror needs a backup, and a backup witness a backup mirror",
      "[database d]\n"
      "primary = e1\n"
      "backup mirror = w2\n"
      "[database e]\n"
      "primary = e1\n"
      "backup witness = w2\n",
      "3: database 'd': 'backup mirror' is given without 'backup'\n"
      "6: database 'e': 'backup witness' is given without 'backup mirror'\n" },
    { "a backup witness is a third instance",
      "[database d]\n"
      "primary = e1\n"
      "backup = w1\n"
      "backup mirror = w2\n"
      "backup witness = w1\n"
      "log share = logs\n"
      "copy folder = copies\n",
      "5: database 'd': backup and backup witness are both 'w1'\n" },
    { "a database that fails over needs its share and its copy folder",
      "[database d]\n"
      "primary = e1\n"
      "backup = w1\n",
      "1: database 'd' fails over to its backup but has no 'log share'\n"
      "HINT: Its log backups reach the backup through it; or say 'fail over = no'.\n"
      "1: database 'd' fails over to its backup but has no 'copy folder'\n"
      "HINT: Its log backups reach the backup through it; or say 'fail over = no'.\n" },
    { "fail over without a backup contradicts itself",
      "[database d]\n"
      "primary = e1\n"
      "fail over = yes\n",
      "3: database 'd': 'fail over = yes' contradicts that it has no backup\n"
      "HINT: Name a backup, or say 'fail over = no'.\n" },
    { "a database that fails over goes from the pool's primary site to its backup site",
      "[database d]\n"
      "primary = w1\n"
      "backup = e1\n"
      "log share = logs\n"
      "copy folder = logs\n",
      "2: database 'd': primary 'w1' stands in west, but the pool's primary site is east\n"
      "HINT: A database that fails over goes from the pool's primary site to its backup site.\n"
      "3: database 'd': backup 'e1' stands in east, but the pool's backup site is west\n"
      "HINT: A database that fails over goes from the pool's primary site to its backup site.\n"
      "5: database 'd': copy folder 'logs' stands in west, but backup 'e1' in east\n"
      "HINT: The copies must outlive the primary site: the copy folder stands where the backup does.\n" },
    { "the copy folder stands where the backup does",
      "[share here]\n"
      "site = east\n"
      "unc = E:\\copies\n"
      "[database d]\n"
      "primary = e1\n"
      "backup = w1\n"
      "log share = logs\n"
      "copy folder = here\n",
      "8: database 'd': copy folder 'here' stands in east, but backup 'w1' in west\n"
      "HINT: The copies must outlive the primary site: the copy folder stands where the backup does.\n" },
    { "a share that SQL Server uses needs its unc path",
      "[database d]\n"
      "primary = e1\n"
      "backup = w1\n"
      "log share = plain\n"
      "copy folder = copies\n",
      "-4: share 'plain' is the log share of database 'd' but has no 'unc'\n"
      "HINT: 'unc' says under which path SQL Server sees it.\n" },
    { "a mirror setup share stands in its own site and has a unc path",
      "[share setup]\n"
      "site = east\n"
      "[site third]\n"
      "mirror setup share = setup\n",
      "1: share 'setup' is the mirror setup share of site 'third' but has no 'unc'\n"
      "HINT: 'unc' says under which path SQL Server sees it.\n"
      "4: site 'third': its mirror setup share 'setup' stands in east\n"
      "HINT: Each site has its own, or it dies with the other one.\n" },
    { "two databases of one name cannot have one primary",
      "[database d]\n"
      "name = mgc\n"
      "primary = e1\n"
      "[database e]\n"
      "name = MGC\n"
      "primary = e1\n",
      "5: database 'e' has the same name and primary as database 'd' in line 32\n" },
    { "a pool has at most eight servers",
      "[server s2]\n"
      "site = east\n"
      "[server s3]\n"
      "site = east\n"
      "[server s4]\n"
      "site = east\n"
      "[server s5]\n"
      "site = east\n"
      "[server s6]\n"
      "site = west\n"
      "[server s7]\n"
      "site = west\n"
      "[server s8]\n"
      "site = west\n"
      "[server s9]\n"
      "site = west\n",
      "15: server 's9' is one too many: a pool has at most 8\n" },
    { "at most four servers are active",
      "[server s2]\n"
      "site = east\n"
      "active = yes\n"
      "[server s3]\n"
      "site = east\n"
      "active = yes\n"
      "[server s4]\n"
      "site = east\n"
      "active = yes\n"
      "[server s5]\n"
      "site = east\n"
      "active = yes\n",
      "12: server 's5' is one active server too many: at most 4 are active\n" },
    { "at least one server is active",
      "ALONE\n"
      "[pool p]\n"
      "fqdn = p.example.net\n"
      "primary site = a\n"
      "backup site = b\n"
      "[site a]\n"
      "[site b]\n"
      "[server s]\n"
      "site = a\n",
      "7: no server of the pool is active\n"
      "HINT: Say 'active = yes' for one to four servers of the steady state.\n" },
    { "active servers stand near the live database",
      "[server s2]\n"
      "site = west\n"
      "active = yes\n",
      "3: server 's2' is active in west, but the live database stands in east\n"
      "HINT: Active servers stand in the primary site, or in one with [link east west] fast = yes.\n" },
    { "a fast link lets active servers stand in both sites",
      "[server s2]\n"
      "site = west\n"
      "active = yes\n"
      "[link west east]\n"
      "fast = yes\n",
      "" },
    { "a slow link does not",
      "[server s2]\n"
      "site = west\n"
      "active = yes\n"
      "[link east west]\n"
      "fast = no\n",
      "3: server 's2' is active in west, but the live database stands in east\n"
      "HINT: Active servers stand in the primary site, or in one with [link east west] fast = yes.\n" },
    { "a link names two sites",
      "[link east south]\n",
      "1: link 'east south' does not name two sites of this file\n"
      "HINT: Write [link A B] with the names of two [site ...] sections.\n" },
    { "a link does not join a site with itself",
      "[link east east]\n",
      "1: link 'east east' joins a site with itself\n" },
    { "a link is written once, in either direction",
      "[link east west]\n"
      "[link west east]\n",
      "2: link 'west east' is already in line 32, the other way round\n" },
    { "control, next hop, central store and tool site must exist",
      "ALONE\n"
      "[pool p]\n"
      "fqdn = p.example.net\n"
      "primary site = a\n"
      "backup site = b\n"
      "control = fe\n"
      "next hop = fe\n"
      "central store = c\n"
      "tool site = d\n"
      "[site a]\n"
      "[site b]\n",
      "5: pool 'p': control = fe names no frontend\n"
      "HINT: There is no frontend in this file; write [frontend fe].\n"
      "6: pool 'p': next hop = fe names no frontend\n"
      "HINT: There is no frontend in this file; write [frontend fe].\n"
      "7: pool 'p': central store = c names no site\n"
      "HINT: Did you mean 'a' (site, line 9)?\n"
      "8: pool 'p': tool site = d names no site\n"
      "HINT: Did you mean 'a' (site, line 9)?\n" },
    { "a fence names its plugin",
      "[fence power]\n"
      "outlet = 3\n",
      "1: fence 'power' has no 'plugin'\n"
      "HINT: 'plugin' says: the plugin that plays the role.\n" },
    { "every fault of a file is reported, in the order of its lines",
      "[instance i]\n"
      "site = esat\n"
      "port = 0\n"
      "[database d]\n"
      "primary = e3\n"
      "mirror = e2\n"
      "witness = e2\n",
      "1: instance 'i' has no 'credential'\n"
      "HINT: 'credential' says: who signs in.\n"
      "2: instance 'i': site = esat names no site\n"
      "HINT: Did you mean 'east' (site, line 5)?\n"
      "3: instance 'i': port = 0 is not between 1 and 65535\n"
      "5: database 'd': primary = e3 names no instance\n"
      "HINT: Did you mean 'e1' (instance, line 10)?\n"
      "7: database 'd': mirror and witness are both 'e2'\n" },
    { NULL, NULL, NULL }
};
/* clang-format on */

static char *
render (const char *text)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf whole = { 0 };
    struct sb_topology t = { 0 };
    struct sb_faults faults = { 0 };
    int first = 1;

    for (const char *p = sound; *p; p++)
        first += *p == '\n';
    if (strncmp (text, "ALONE\n", 6) != 0)
        sb_buf_str (&whole, sound);
    sb_buf_str (&whole, strncmp (text, "ALONE\n", 6) == 0 ? text + 6 : text);
    if (strncmp (text, "ALONE\n", 6) == 0)
        first = 1;
    sb_topology_parse (&t, "t.ini", whole.s, whole.len, &faults);
    sb_topology_release (&t);
    return sb_show_faults (&faults, first);
}

int
main (void)
{
    return sb_cases_run ("faults of a topology", cases, render);
}
