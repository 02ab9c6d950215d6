/* The plugin pool against a small front end (wsman_fake.py) over real HTTPS:
 * what it asks for, what it makes of faults, and that it leaves no shell. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORLD                                                                                                      \
    "{\"module\": \"SkypeForBusiness\", \"identity\": \"PersistentChatServer:pchat.lab\", \"state\": \"Normal\", " \
    "\"active\": [\"n1.lab\", \"n2.lab\", \"n3.lab\", \"n4.lab\"], \"most\": 0, \"master\": \"fe-north.lab\", "    \
    "\"moves to\": \"fe-south.lab\", \"late\": [], \"message\": \"Success\", "                                     \
    "\"mirrors\": {\"mgc\": [\"Principal\", \"Mirror\", \"synchronized\", \"synchronized\"]}, "                    \
    "\"services\": {\"n1.lab\": {\"Persistent Chat\": \"Running\", \"Persistent Chat Compliance\": \"Running\"}}}"

#define SERVER(name, site, active) "[server " name "]\nsite = " site "\nactive = " active "\n"

static pid_t fake;

static void
run_tool (struct bench *b, const char *command)
{
    SB_AUTOFREE char *line = sb_xprintf ("cd '%s' && { %s; } >tool.log 2>&1", b->dir, command);

    if (system (line) != 0) {
        printf ("Bail out! %s\n", command);
        exit (99);
    }
}

static bool
has_port (void *ctx)
{
    SB_AUTOFREE char *path = bench_path (ctx, "port");

    return sb_file_exists (path);
}

static char *
text_in (struct bench *b, const char *name)
{
    SB_AUTOFREE char *path = bench_path (b, name);
    struct sb_buf text = { 0 };
    struct sb_faults ignored = { 0 };

    sb_file_read (path, 1 << 20, &text, &ignored);
    sb_faults_free (&ignored);
    return sb_buf_take (&text);
}

/* A port nobody listens on. */
static int
dead_port (void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket (AF_INET, SOCK_STREAM, 0);

    bind (fd, (struct sockaddr *) &a, len);
    getsockname (fd, (struct sockaddr *) &a, &len);
    close (fd);
    return ntohs (a.sin_port);
}

static struct bench *
a_bench_with (const char *front_end)
{
    const char *source = getenv ("SB_SRCDIR");
    struct bench *b = bench_new (NULL, "[pool x]\n");
    SB_AUTOFREE char *script = sb_xprintf ("%s/tests/plugins/%s", source != NULL ? source : "..", front_end);
    SB_AUTOFREE char *topology = NULL;

    bench_file (b, "world.json", WORLD, 0600);
    bench_file (b, "mode", "fine", 0600);
    bench_file (b, "log", "", 0600);
    bench_file (b, "admin.secret", "pass word-7\n", 0600);
    run_tool (
            b,
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout door.key -out door.pem "
            "-days 2 -subj /CN=fe -addext subjectAltName=IP:127.0.0.1");
    fake = fork ();
    if (fake == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        execlp ("python3", "python3", script, b->dir, NULL);
        _exit (127);
    }
    if (!bench_eventually (has_port, b)) {
        puts ("Bail out! the front end did not start");
        exit (99);
    }
    {
        SB_AUTOFREE char *port = text_in (b, "port");

        topology = sb_xprintf (
                "[pool pchat]\nfqdn = pchat.lab\ncontrol = fe-north, fe-south\nprimary site = north\n"
                "backup site = south\nconnect timeout = 2s\n[site north]\n[site south]\n"
                "[frontend fe-north]\nsite = north\nurl = https://127.0.0.1:%d/wsman\ncredential = admin\n"
                "ca = file:door.pem\nback end = sql-north.lab\n"
                "[frontend fe-south]\nsite = south\nurl = https://127.0.0.1:%d/wsman\ncredential = admin\n"
                "ca = file:door.pem\nback end = sql-south.lab\nback end instance = O'RTC\n"
                "[instance sql-s]\nsite = south\nhost = 10.0.0.9\nfqdn = sql-s.lab\ninstance name = RTC\n"
                "credential = admin\n[share setup]\nsite = south\nunc = \\\\fs\\o'setup\n"
                "[credential admin]\nuser = admin\nsecret = file:admin.secret\n" SERVER ("n1", "north", "yes")
                        SERVER ("n2", "north", "yes") SERVER ("n3", "north", "yes") SERVER ("n4", "north", "yes")
                                SERVER ("s1", "south", "no") SERVER ("s2", "south", "no"),
                dead_port (), atoi (port));
    }
    bench_file (b, "topology.ini", topology, 0600);
    bench_restart (b, NULL);
    return b;
}

static struct bench *
a_bench (void)
{
    return a_bench_with ("wsman_fake.py");
}

static void
end_bench (struct bench *b)
{
    bench_free (b);
    kill (fake, SIGKILL);
    waitpid (fake, NULL, 0);
}

static void
change_world (struct bench *b, const char *what)
{
    SB_AUTOFREE char *line = sb_xprintf ("python3 -c 'import json; w = json.load(open(\"world.json\")); w.update(%s); "
                                         "json.dump(w, open(\"world.json\", \"w\"))'",
                                         what);

    run_tool (b, line);
}

static bool
world_has (struct bench *b, const char *part)
{
    SB_AUTOFREE char *world = text_in (b, "world.json");

    return strstr (world, part) != NULL;
}

static bool
log_has (struct bench *b, const char *part)
{
    SB_AUTOFREE char *log = text_in (b, "log");

    return strstr (log, part) != NULL;
}

static size_t
lines_with (struct bench *b, const char *part)
{
    SB_AUTOFREE char *log = text_in (b, "log");
    const char *at = log;
    size_t n = 0;

    while ((at = strstr (at, part)) != NULL)
        n++, at++;
    return n;
}

/* The last deletion left no shell open. */
static bool
no_shell_is_left (struct bench *b)
{
    SB_AUTOFREE char *log = text_in (b, "log");
    const char *at = log, *last = NULL;

    while ((at = strstr (at, "shells ")) != NULL)
        last = at++;
    return last != NULL && strncmp (last, "shells 0", 8) == 0;
}

#define RUN(b, verb, on, ...)    bench_run (b, "pool", "pchat", verb, on, __VA_ARGS__)
#define VERIFY(b, verb, on, ...) bench_verify (b, "pool", "pchat", verb, on, __VA_ARGS__)

static void
observes (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o = RUN (b, "observe", NULL, NULL);

    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "state"), "Normal");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "active"), "n1, n2, n3, n4");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "central store"), "north");
    CU_ASSERT_TRUE (no_shell_is_left (b));
    change_world (b, "{\"no property\": 1, \"active\": [\"s2.lab\"]}");
    CU_ASSERT_STRING_EQUAL (outcome_result (RUN (b, "observe", NULL, NULL), "active"), "s2");
    end_bench (b);
}

static void
sets_state (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    CU_ASSERT_EQUAL (VERIFY (b, "set-state", NULL, "state", "FailedOver", NULL)->seen, SB_SEEN_NO);
    o = RUN (b, "set-state", NULL, "state", "FailedOver", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "was"), "Normal");
    CU_ASSERT_TRUE (world_has (b, "\"state\": \"FailedOver\""));
    o = VERIFY (b, "set-state", NULL, "state", "FailedOver", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_YES);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "was"), "Normal");
    CU_ASSERT_EQUAL (RUN (b, "set-state", NULL, "state", "Broken", NULL)->rc, SB_FAIL);
    end_bench (b);
}

static void
sets_active (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    o = RUN (b, "set-active", NULL, "+servers", "s1|s2", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "was"), "n1, n2, n3, n4");
    CU_ASSERT_TRUE (world_has (b, "\"active\": [\"s1.lab\", \"s2.lab\"]"));
    CU_ASSERT_EQUAL (VERIFY (b, "set-active", NULL, "+servers", "s1|s2.lab", NULL)->seen, SB_SEEN_YES);
    CU_ASSERT_EQUAL (VERIFY (b, "set-active", NULL, "+servers", "s1", NULL)->seen, SB_SEEN_PARTLY);
    CU_ASSERT_EQUAL (VERIFY (b, "set-active", NULL, "+servers", "n1|n2", NULL)->seen,
                     SB_SEEN_PARTLY); /* not as it was */
    bench_restart (b, NULL);          /* nobody remembers */
    CU_ASSERT_EQUAL (VERIFY (b, "set-active", NULL, "+servers", "n1|n2", NULL)->seen, SB_SEEN_NO);
    CU_ASSERT_EQUAL (VERIFY (b, "set-active", NULL, "+servers", "n1|s1", NULL)->seen, SB_SEEN_PARTLY);
    CU_ASSERT_EQUAL (RUN (b, "set-active", NULL, "+servers", "n1|n2|n3|n4", NULL)->rc, SB_OK);
    CU_ASSERT_TRUE (world_has (b, "\"most\": 4"));
    CU_ASSERT_EQUAL (RUN (b, "set-active", NULL, "+servers", "n1|n2|n3|n4|s1", NULL)->rc, SB_FAIL);
    CU_ASSERT_EQUAL (RUN (b, "set-active", NULL, NULL)->rc, SB_OK);
    CU_ASSERT_TRUE (world_has (b, "\"active\": []"));
    CU_ASSERT_FALSE (log_has (b, "-Swap"));
    end_bench (b);
}

static void
replicates (void)
{
    struct bench *b = a_bench ();

    change_world (b, "{\"late\": [\"x\", \"s1.lab\", \"s2.lab\"]}");
    CU_ASSERT_EQUAL (VERIFY (b, "await-replication", NULL, "+servers", "s1|s2", NULL)->seen, SB_SEEN_NO);
    CU_ASSERT_EQUAL (VERIFY (b, "await-replication", NULL, "+servers", "n1", NULL)->seen, SB_SEEN_YES);
    change_world (b, "{\"late\": [\"s1.lab\"]}");
    CU_ASSERT_EQUAL (RUN (b, "await-replication", NULL, "+servers", "s1|s2", NULL)->rc, SB_OK);
    CU_ASSERT_TRUE (log_has (b, "Invoke-CsManagementStoreReplication -ReplicaFqdn 's1.lab'"));
    change_world (b, "{\"late\": [\"a\", \"b\", \"c\", \"s1.lab\"]}");
    CU_ASSERT_EQUAL (bench_await (b, bench_send (b, "pool", "pchat", "await-replication", SB_OP_RUN, NULL, 12000,
                                                 "+servers", "s1", NULL))
                             ->rc,
                     SB_RETRY);
    end_bench (b);
}

/* cmd.exe takes 8191 characters; a script that is longer goes to PowerShell's stdin, in pieces. */
static void
long_scripts (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf names = { 0 };
    struct bench *b = a_bench ();
    const struct outcome *o;
    int i;

    for (i = 0; i < 12; i++)
        sb_buf_printf (&names, "%ss%d.%0*d.lab", i == 0 ? "" : "|", i, 4000, i);
    o = VERIFY (b, "await-replication", NULL, "+servers", names.s, NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_YES);
    if (o->seen != SB_SEEN_YES)
        printf ("# %d %.300s\n", (int) o->seen, o->sentence);
    CU_ASSERT_TRUE (lines_with (b, "exchange Send") >= 2);
    CU_ASSERT_TRUE (log_has (b, "fed "));
    CU_ASSERT_TRUE (no_shell_is_left (b));
    bench_file (b, "mode", "deaf", 0600);
    o = RUN (b, "await-replication", NULL, "+servers", names.s, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT_TRUE (no_shell_is_left (b));
    CU_ASSERT_FALSE (log_has (b, "cmdlet Invoke-CsManagementStoreReplication"));
    end_bench (b);
}

static void
services (void)
{
    struct bench *b = a_bench ();

    const struct outcome *o = RUN (b, "services", "n1", NULL);

    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "chat"), "Running");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "compliance"), "Running");
    CU_ASSERT_EQUAL (VERIFY (b, "start-services", "n1", NULL)->seen, SB_SEEN_YES);
    CU_ASSERT_EQUAL (VERIFY (b, "stop-services", "n1", NULL)->seen, SB_SEEN_NO);
    CU_ASSERT_EQUAL (RUN (b, "stop-services", "n1", NULL)->rc, SB_OK);
    CU_ASSERT_EQUAL (VERIFY (b, "stop-services", "n1", NULL)->seen, SB_SEEN_YES);
    change_world (
            b,
            "{\"services\": {\"n1.lab\": {\"Persistent Chat\": \"Stopped\", \"Persistent Chat Compliance\": \"Running\"}}}");
    CU_ASSERT_EQUAL (VERIFY (b, "stop-services", "n1", NULL)->seen, SB_SEEN_PARTLY);
    CU_ASSERT_EQUAL (RUN (b, "start-services", "n1", NULL)->rc, SB_OK);
    CU_ASSERT_EQUAL (VERIFY (b, "start-services", "n1", NULL)->seen, SB_SEEN_YES);
    CU_ASSERT_FALSE (log_has (b, "W32Time"));
    CU_ASSERT_EQUAL (VERIFY (b, "stop-services", "n2", NULL)->seen, SB_SEEN_UNKNOWN);
    end_bench (b);
}

static void
mirrors (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o = RUN (b, "mirror-state", NULL, NULL);

    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "principal"), "Primary");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "synchronized"), "yes");
    CU_ASSERT_EQUAL (VERIFY (b, "install-mirror", "sql-s", "share", "setup", NULL)->seen, SB_SEEN_YES);
    change_world (
            b, "{\"mirrors\": {\"mgc\": [\"Principal\", \"DatabaseInaccessibleOrMirroringNotEnabled\", \"x\", \"\"]}}");
    CU_ASSERT_EQUAL (VERIFY (b, "install-mirror", "sql-s", "share", "setup", NULL)->seen, SB_SEEN_PARTLY);
    change_world (b, "{\"mirrors\": {\"mgc\": [\"DatabaseInaccessibleOrMirroringNotEnabled\", \"\", \"\", \"\"]}}");
    CU_ASSERT_STRING_EQUAL (outcome_result (RUN (b, "mirror-state", NULL, NULL), "synchronized"), "no");
    CU_ASSERT_EQUAL (VERIFY (b, "install-mirror", "sql-s", "share", "setup", NULL)->seen, SB_SEEN_NO);
    CU_ASSERT_EQUAL (RUN (b, "install-mirror", "sql-s", "share", "setup", NULL)->rc, SB_OK);
    CU_ASSERT_TRUE (log_has (b,
                             "cmdlet Install-CsMirrorDatabase -DatabaseType PersistentChat -SqlServerFqdn 'sql-s.lab' "
                             "-SqlInstanceName 'RTC' -FileShare '\\\\fs\\o''setup' -DropExistingDatabasesOnMirror "
                             "-Confirm:$false"));
    CU_ASSERT_EQUAL (VERIFY (b, "install-mirror", "sql-s", "share", "setup", NULL)->seen, SB_SEEN_YES);
    change_world (b, "{\"mirrors\": {}}");
    CU_ASSERT_EQUAL (VERIFY (b, "install-mirror", "sql-s", "share", "setup", NULL)->seen, SB_SEEN_UNKNOWN);
    end_bench (b);
}

/* The older product: another module, the same cmdlets. */
static void
lync (void)
{
    struct bench *b = a_bench ();

    change_world (b, "{\"module\": \"Lync\"}");
    CU_ASSERT_EQUAL (RUN (b, "observe", NULL, NULL)->rc, SB_RETRY);
    run_tool (b, "sed -i 's|^connect timeout|module = Lync\\n&|' topology.ini");
    bench_restart (b, NULL);
    CU_ASSERT_EQUAL (RUN (b, "observe", NULL, NULL)->rc, SB_OK);
    end_bench (b);
}

/* Amber before it is needed: by force the store can only be taken where its SQL Server is named. */
static void
no_back_end (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    run_tool (b, "sed -i '/^back end = sql-south/d' topology.ini");
    bench_restart (b, NULL);
    o = RUN (b, "check", NULL, "fact", "H14", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "verdict"), "amber");
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "found"), "back end"));
    end_bench (b);
}

static void
moves_store (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    CU_ASSERT_EQUAL (VERIFY (b, "move-central-store", NULL, "site", "south", NULL)->seen, SB_SEEN_NO);
    o = RUN (b, "move-central-store", NULL, "site", "south", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "was"), "north");
    CU_ASSERT_TRUE (log_has (b, "Invoke-CsManagementServerFailover -BackupSqlServerFqdn 'sql-south.lab' "
                                "-BackupSqlInstanceName 'O''RTC' -Force -Confirm:$false"));
    CU_ASSERT_EQUAL (VERIFY (b, "move-central-store", NULL, "site", "south", NULL)->seen, SB_SEEN_YES);
    change_world (b, "{\"master\": \"\"}");
    CU_ASSERT_EQUAL (VERIFY (b, "move-central-store", NULL, "site", "south", NULL)->seen, SB_SEEN_NO);
    CU_ASSERT_EQUAL (VERIFY (b, "move-central-store", NULL, "site", "north", NULL)->seen, SB_SEEN_UNKNOWN);
    end_bench (b);
}

static void
hands_store_over (void)
{
    struct bench *b = a_bench ();
    SB_AUTOFREE char *port = text_in (b, "port");
    SB_AUTOFREE char *sed = sb_xprintf ("sed -i 's|127.0.0.1:[0-9]*|127.0.0.1:%d|' topology.ini", atoi (port));

    run_tool (b, sed); /* both front ends live now */
    bench_restart (b, NULL);
    CU_ASSERT_EQUAL (RUN (b, "move-central-store", NULL, "site", "south", NULL)->rc, SB_OK);
    CU_ASSERT_TRUE (log_has (b, "cmdlet Invoke-CsManagementServerFailover -Confirm:$false"));
    CU_ASSERT_TRUE (world_has (b, "\"master\": \"fe-south.lab\""));
    end_bench (b);
}

static void
checks (void)
{
    static const struct {
        const char *fact, *change, *verdict;
    } cases[] = {
        { "H1", "{}", "green" },
        { "H1", "{\"state\": \"FailedOver\"}", "red" },
        { "H2", "{}", "green" },
        { "H2", "{\"active\": [\"n1.lab\"]}", "amber" },
        { "H2", "{\"active\": [\"s1.lab\"]}", "red" },
        { "H2", "{\"active\": []}", "red" },
        { "H2", "{\"active\": [\"n1.lab\", \"zz.lab\"]}", "red" },
        { "H13", "{\"active\": [\"n1.lab\"]}", "green" },
        { "H13", "{\"services\": {\"n1.lab\": {\"Persistent Chat\": \"Stopped\"}}}", "red" },
        { "H13", "{\"services\": {}}", "unknown" },
        { "H14", "{}", "green" },
        { "H14", "{\"master\": \"\"}", "red" },
        { "H14", "{\"master\": \"fe-south.lab\"}", "amber" },
        { "H14", "{\"master\": \"fe-north.lab\", \"late\": [\"n3.lab\"]}", "red" },
        { "H17", "{}", "green" },
        { "H17", "{\"message\": \"Failure\"}", "red" },
    };
    struct bench *b = a_bench ();
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (i == 0 || strcmp (cases[i].fact, cases[i - 1].fact) != 0)
            bench_file (b, "world.json", WORLD, 0600);
        change_world (b, cases[i].change);
        CU_ASSERT_STRING_EQUAL (outcome_result (RUN (b, "check", NULL, "fact", cases[i].fact, NULL), "verdict"),
                                cases[i].verdict);
    }
    CU_ASSERT_EQUAL (RUN (b, "check", NULL, "fact", "H3", NULL)->rc, SB_FAIL);
    CU_ASSERT_EQUAL (RUN (b, "send-message", NULL, NULL)->rc, SB_RETRY);
    end_bench (b);
}

static void
faults (void)
{
    static const struct {
        const char *mode;
        enum sb_rc rc;        /* of a run that changes something */
        const char *sentence; /* part of it */
    } cases[] = {
        { "busy", SB_OK, "" },
        { "quota", SB_RETRY, "too many shells" },
        { "too many", SB_RETRY, "too many operations" },
        { "slow", SB_OK, "" },
        { "off", SB_RETRY, "no front end answers" },
        { "moved", SB_RETRY, "HTTP 302" },
        { "garbage", SB_RETRY, "cannot be read" },
        { "doctype", SB_RETRY, "cannot be read" },
        { "mute", SB_RETRY, "exit code 5" },
        { "flood", SB_RETRY, "more than" },
    };
    struct bench *b = a_bench ();
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct outcome *o;

        bench_file (b, "mode", cases[i].mode, 0600);
        o = RUN (b, "set-state", NULL, "state", "Normal", NULL);
        CU_ASSERT_EQUAL (o->rc, cases[i].rc);
        CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, cases[i].sentence));
        if (o->rc != cases[i].rc)
            printf ("# %s: %d %s\n", cases[i].mode, o->rc, o->sentence);
        bench_file (b, "mode", "fine", 0600);
        CU_ASSERT_EQUAL (VERIFY (b, "set-state", NULL, "state", "Normal", NULL)->seen, SB_SEEN_YES);
        CU_ASSERT_TRUE (no_shell_is_left (b));
    }
    end_bench (b);
}

/* The first command only reads; doubt begins with the second. */
static void
doubt (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    bench_file (b, "mode", "drop", 0600);
    o = VERIFY (b, "set-state", NULL, "state", "Normal", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_UNKNOWN);
    bench_file (b, "mode", "gone", 0600);
    CU_ASSERT_EQUAL (VERIFY (b, "set-state", NULL, "state", "Normal", NULL)->seen, SB_SEEN_UNKNOWN);
    bench_file (b, "mode", "drop change", 0600);
    o = RUN (b, "set-state", NULL, "state", "FailedOver", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_UNSURE);
    CU_ASSERT_EQUAL (lines_with (b, "cmdlet Set-CsPersistentChatState"), 1);
    CU_ASSERT_EQUAL (VERIFY (b, "set-state", NULL, "state", "FailedOver", NULL)->seen, SB_SEEN_YES);
    change_world (b, "{\"state\": \"Normal\", \"error\": \"the central store cannot be reached\"}");
    o = RUN (b, "set-state", NULL, "state", "FailedOver", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "the central store cannot be reached"));
    end_bench (b);
}

static void
bad_doors (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    bench_file (b, "admin.secret", "wrong-one\n", 0600);
    o = RUN (b, "observe", NULL, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "not accepted"));
    CU_ASSERT_PTR_NULL (strstr (o->sentence, "wrong-one"));
    bench_file (b, "admin.secret", "pass word-7\n", 0600);
    run_tool (
            b,
            "cp door.pem kept.pem; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout o.key "
            "-out door.pem -days 2 -subj /CN=other");
    o = RUN (b, "observe", NULL, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "certificate"));
    end_bench (b);
}

/* Whatever comes back: an answer in time, one sentence, no belief. */
static void
hostile (void)
{
    static const struct {
        const char *mode;
        int64_t ms; /* what the call may take */
    } cases[] = {
        { "endless", 20000 },     { "drip", 3000 },        { "headers", 20000 },    { "bomb", 20000 },
        { "silence", 3000 },      { "deep", 20000 },       { "half", 20000 },       { "negative", 20000 },
        { "chunks", 20000 },      { "zip", 20000 },        { "file", 20000 },       { "teapot", 20000 },
        { "noise", 20000 },       { "nul", 20000 },        { "nobody", 20000 },     { "no name", 20000 },
        { "never done", 3000 },   { "not base64", 20000 }, { "no markers", 20000 }, { "one marker", 20000 },
        { "not JSON", 20000 },    { "not UTF-8", 20000 },  { "deep JSON", 20000 },  { "other JSON", 20000 },
        { "wrong types", 20000 }, { "odd code", 20000 },   { "plain", 20000 },
    };
    struct bench *b = a_bench_with ("wsman_hostile.py");
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t began = sb_mono_ms ();
        const struct outcome *o;

        bench_file (b, "mode", cases[i].mode, 0600);
        o = bench_await (b, bench_send (b, "pool", "pchat", "set-state", SB_OP_RUN, NULL, cases[i].ms, "state",
                                        "FailedOver", NULL));
        CU_ASSERT_EQUAL (o->type, SB_LANE_ANSWER);
        CU_ASSERT (o->rc == SB_RETRY || o->rc == SB_FAIL); /* nothing was begun: it could not even be looked at */
        CU_ASSERT (strlen (o->sentence) > 20 && sb_is_utf8 (o->sentence, strlen (o->sentence)));
        CU_ASSERT (sb_mono_ms () - began < cases[i].ms + 15000);
        if (o->type != SB_LANE_ANSWER || (o->rc != SB_RETRY && o->rc != SB_FAIL) || strlen (o->sentence) <= 20)
            printf ("# %s: %d %d %.300s\n", cases[i].mode, (int) o->type, (int) o->rc, o->sentence);
    }
    end_bench (b);
}

static void
time_and_stop (void)
{
    struct bench *b = a_bench ();
    int64_t start = sb_mono_ms ();
    const struct outcome *o;

    bench_file (b, "mode", "hang", 0600);
    o = bench_await (b, bench_send (b, "pool", "pchat", "observe", SB_OP_RUN, NULL, 6000, NULL));
    CU_ASSERT_EQUAL (o->type, SB_LANE_ANSWER);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT (sb_mono_ms () - start < 15000);
    CU_ASSERT_TRUE (no_shell_is_left (b));
    end_bench (b);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "state, active list and central store are read, past a dead front end", observes },
        { "the pool state is set by its read identity, and was is what was before", sets_state },
        { "the active list is changed without ever passing four", sets_active },
        { "replication is pushed and waited for with a deadline", replicates },
        { "a script too long for a command line goes to stdin whole or not at all", long_scripts },
        { "the chat services of a server are found, stopped and started", services },
        { "mirrors are told and built by the chat system's own cmdlets", mirrors },
        { "the module of Lync serves as well", lync },
        { "a central store that could not be taken by force is amber while all is well", no_back_end },
        { "the central store is taken by force when its master is gone", moves_store },
        { "the central store is handed over when its master lives", hands_store_over },
        { "each fact turns red by itself", checks },
        { "faults become classes with a sentence, and the shell is deleted", faults },
        { "what cannot be read back is unknown, what a cmdlet refused is told", doubt },
        { "a wrong password and a wrong certificate are told as such", bad_doors },
        { "a front end that answers harmfully, hugely, endlessly or slowly is survived in time and believed in nothing",
          hostile },
        { "a command that hangs ends in time and leaves no shell", time_and_stop },
        { NULL, NULL }
    };

    signal (SIGPIPE, SIG_IGN);
    bench_enter (argc, argv);
    return sb_tap_run ("pool", tests);
}
