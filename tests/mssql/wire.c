/* The plugin 'mssql' against peers that refuse, stay silent, cut, hang and lie
 * about who they are (tests/mssql/peer.py): what is said, in which class, and
 * how long it takes. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include "core/sys/clock.h"
#include "core/sys/spawn.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct peer {
    struct bench *b;
    pid_t pid;
    int in;
    unsigned port;
};

static char *
peer_script (void)
{
    const char *src = getenv ("SB_SRCDIR");

    return sb_xprintf ("%s/tests/mssql/peer.py", src != NULL ? src : "..");
}

/* Starts a peer; certificates (when named) lie in the bench's folder as NAME.pem and NAME.key. */
static void
peer_start (struct peer *p, const char *mode, const char *cert)
{
    SB_AUTOFREE char *script = peer_script (), *pem = NULL, *key = NULL;
    const char *argv[] = { "python3", script, mode, NULL, NULL, NULL };
    struct sb_faults faults = { 0 };
    int to[2], from[2];
    char line[32] = "";
    size_t got = 0;
    ssize_t n;

    if (cert != NULL) {
        SB_AUTOFREE char *a = sb_xprintf ("%s.pem", cert), *k = sb_xprintf ("%s.key", cert);

        argv[3] = pem = bench_path (p->b, a);
        argv[4] = key = bench_path (p->b, k);
    }
    if (pipe (to) != 0 || pipe (from) != 0)
        exit (99);
    p->pid = sb_spawn (&(struct sb_spawn){ .argv = argv,
                                           .fds = (struct sb_spawn_fd[]){ { to[0], 0 }, { from[1], 1 } },
                                           .nfds = 2,
                                           .die_signal = SIGKILL },
                       &faults);
    close (to[0]);
    close (from[1]);
    p->in = to[1];
    while (strchr (line, '\n') == NULL && got < sizeof line - 1
           && (n = read (from[0], line + got, sizeof line - 1 - got)) > 0)
        got += (size_t) n;
    close (from[0]);
    p->port = (unsigned) strtoul (line, NULL, 10);
    if (p->port == 0) {
        puts ("Bail out! the peer does not start");
        exit (99);
    }
    sb_faults_free (&faults);
}

static void
peer_end (struct peer *p)
{
    close (p->in);
    sb_end (p->pid, false, 2000);
    bench_free (p->b);
}

/* A self-signed certificate for a name and an address; it is its own CA. */
static void
make_cert (struct bench *b, const char *name, const char *alt)
{
    SB_AUTOFREE char *command = sb_xprintf ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                                            "-days 2 -subj /CN=%s -addext subjectAltName=%s -keyout '%s/%s.key' -out "
                                            "'%s/%s.pem' 2>/dev/null",
                                            name, alt, b->dir, name, b->dir, name);

    if (system (command) != 0) {
        puts ("Bail out! openssl makes no certificate");
        exit (99);
    }
}

/* A topology with one instance that is not there yet; its port follows when the peer has one. */
static struct peer
a_peer (const char *mode, const char *tls, const char *cert, const char *alt, const char *ca)
{
    struct peer p = { .b = bench_new (NULL, "[instance x]\n") };
    SB_AUTOFREE char *text = NULL;

    bench_file (p.b, "secret", "very-secret-7\n", 0600);
    if (cert != NULL)
        make_cert (p.b, cert, alt);
    if (ca != NULL && strcmp (ca, "other") == 0)
        make_cert (p.b, "other", "DNS:other");
    peer_start (&p, mode, cert);
    text = sb_xprintf (
            "[instance x]\nhost = 127.0.0.1\nport = %u\ntls = %s\n%s%s%scredential = c\n"
            "[credential c]\nuser = %s\nsecret = file:secret\n[database mgc]\nprimary = x\nlogin timeout = 2s\n",
            p.port, tls, ca != NULL ? "ca = file:" : "", ca != NULL ? ca : "", ca != NULL ? ".pem\n" : "",
            strncmp (mode, "ntlm", 4) == 0 ? "LAB\\sb" : "sb");
    bench_file (p.b, "topology.ini", text, 0644);
    bench_restart (p.b, &(struct sb_lanes_cfg){ .grace_ms = 4000 });
    return p;
}

static bool
says (const struct outcome *o, const char *word)
{
    if (strstr (o->sentence, word) != NULL)
        return true;
    printf ("# said: %s\n", o->sentence);
    return false;
}

#define observe(p) bench_run ((p).b, "database", "mgc", "observe", "x", NULL)

static void
good (void)
{
    struct peer p = a_peer ("good", "off", NULL, NULL, NULL);
    const struct outcome *o = observe (p);

    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "state"), "ONLINE");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "yes");
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&o->said), "not encrypted"));
    peer_end (&p);
}

static void
checked_tls (void)
{
    struct peer p = a_peer ("good", "verify", "right", "IP:127.0.0.1", "right");
    const struct outcome *o = observe (p);

    CU_ASSERT_STRING_EQUAL (outcome_result (o, "state"), "ONLINE");
    if (strcmp (outcome_result (o, "state"), "ONLINE") != 0)
        printf ("# found: %s\n", outcome_result (o, "sentence"));
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&o->said), "");
    peer_end (&p);
}

static void
refused (const char *cert, const char *alt, const char *ca)
{
    struct peer p = a_peer ("good", "verify", cert, alt, ca);
    const struct outcome *o = observe (p);

    /* it is there, and it must count as there: failover would be the wrong workflow */
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "yes");
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "sentence"), "answers at 127.0.0.1"));
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "sentence"), "HINT: Look at 'tls', 'ca' and 'host'"));
    o = bench_run (p.b, "database", "mgc", "fence", "x", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    o = bench_verify (p.b, "database", "mgc", "fence", "x", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_UNKNOWN);
    CU_ASSERT_TRUE (says (o, "no session came about"));
    peer_end (&p);
}

static void
wrong_name (void)
{
    refused ("wrong", "DNS:elsewhere.example.net", "wrong");
}

static void
wrong_ca (void)
{
    refused ("right", "IP:127.0.0.1", "other");
}

static void
no_tls_there (void)
{
    refused (NULL, NULL, "other");
}

static void
ca_missing (void)
{
    struct peer p = a_peer ("good", "verify", "right", "IP:127.0.0.1", "nowhere");
    const struct outcome *o = observe (p);

    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_TRUE (says (o, "the CA file of instance 'x' cannot be used"));
    CU_ASSERT_TRUE (says (o, "No such file"));
    peer_end (&p);
}

static void
login_refused (void)
{
    struct peer p = a_peer ("refuse", "off", NULL, NULL, NULL);
    const struct outcome *o = observe (p);

    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "yes");
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "sentence"), "18456"));
    o = bench_verify (p.b, "database", "mgc", "fence", "x", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_UNKNOWN);
    CU_ASSERT_TRUE (says (o, "refuses the login"));
    CU_ASSERT_TRUE (says (o, "HINT: "));
    CU_ASSERT_PTR_NULL (strstr (o->sentence, "very-secret-7"));
    peer_end (&p);
}

/* A user with a domain logs in with NTLMv2; the password does not travel. */
static void
windows_login (void)
{
    struct peer p = a_peer ("ntlm", "off", NULL, NULL, NULL);
    const struct outcome *o = observe (p);

    CU_ASSERT_STRING_EQUAL (outcome_result (o, "state"), "ONLINE");
    if (strcmp (outcome_result (o, "state"), "ONLINE") != 0)
        printf ("# found: %s\n", outcome_result (o, "sentence"));
    peer_end (&p);
    p = a_peer ("ntlm-other", "off", NULL, NULL, NULL);
    o = observe (p);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "yes");
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "sentence"), "refuses the login of 'LAB\\sb'"));
    peer_end (&p);
    p = a_peer ("ntlm", "verify", "right", "IP:127.0.0.1", "right");
    CU_ASSERT_STRING_EQUAL (outcome_result (observe (p), "state"), "ONLINE");
    peer_end (&p);
}

/* The port is asked of SQL Browser, on an address of this process alone: its port is the same everywhere. */
static void
named_instance (void)
{
    SB_AUTOFREE char *host =
            sb_xprintf ("127.%u.%u.77", 9 + (unsigned) getpid () / 250 % 200, 1 + (unsigned) getpid () % 250);
    struct peer p = { .b = bench_new (NULL, "[instance x]\n") };
    SB_AUTOFREE char *text = NULL;
    const struct outcome *o;

    setenv ("PEER_HOST", host, 1);
    bench_file (p.b, "secret", "very-secret-7\n", 0600);
    peer_start (&p, "browser", NULL);
    unsetenv ("PEER_HOST");
    text = sb_xprintf (
            "[instance x]\nhost = %s\ninstance name = RTC\ntls = off\ncredential = c\n[instance y]\nhost = %s\n"
            "instance name = OTHER\ntls = off\ncredential = c\n[credential c]\nuser = sb\n"
            "secret = file:secret\n[database mgc]\nprimary = x\nlogin timeout = 2s\n",
            host, host);
    bench_file (p.b, "topology.ini", text, 0644);
    bench_restart (p.b, &(struct sb_lanes_cfg){ .grace_ms = 4000 });
    o = observe (p);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "state"), "ONLINE");
    o = bench_run (p.b, "database", "mgc", "observe", "y", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "no");
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "sentence"), "SQL Browser"));
    peer_end (&p);
}

static void
silent (void)
{
    struct peer p = a_peer ("mute", "off", NULL, NULL, NULL);
    const struct outcome *o = observe (p);

    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "no");
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "sentence"), "does not answer"));
    CU_ASSERT_TRUE (o->took_ms < 10000);
    peer_end (&p);
}

static void
nobody (void)
{
    struct peer p = a_peer ("good", "off", NULL, NULL, NULL);
    const struct outcome *o;

    close (p.in);
    sb_end (p.pid, false, 2000);
    o = observe (p);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "no");
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "sentence"), "Connection refused"));
    o = bench_run (p.b, "database", "mgc", "fence", "x", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    o = bench_verify (p.b, "database", "mgc", "fence", "x", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_UNKNOWN);
    CU_ASSERT_TRUE (says (o, "does not answer"));
    bench_free (p.b);
}

static void
cut (void)
{
    struct peer p = a_peer ("cut", "off", NULL, NULL, NULL);
    const struct outcome *o = bench_verify (p.b, "database", "mgc", "fence", "x", NULL);

    CU_ASSERT_EQUAL (o->seen, SB_SEEN_UNKNOWN);
    CU_ASSERT_TRUE (says (o, "broke during SELECT"));
    o = bench_run (p.b, "database", "mgc", "check-store", "x", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    peer_end (&p);
}

static void
fatal (void)
{
    struct peer p = a_peer ("fatal", "off", NULL, NULL, NULL);
    const struct outcome *o = bench_run (p.b, "database", "mgc", "check-store", "x", NULL);

    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT_TRUE (says (o, "kill state"));
    peer_end (&p);
}

/* The deadline of the call passes while ALTER DATABASE runs. */
static void
too_long (const char *mode, int64_t at_most_ms)
{
    struct peer p = a_peer (mode, "off", NULL, NULL, NULL);
    const struct outcome *o;
    uint64_t id = bench_send (p.b, "database", "mgc", "fence", SB_OP_RUN, "x", 2500, NULL);

    o = bench_await (p.b, id);
    if (o->type == SB_LANE_ANSWER) {
        CU_ASSERT_EQUAL (o->rc, SB_UNSURE);
        CU_ASSERT_TRUE (says (o, "was cancelled"));
    } else {
        CU_ASSERT_EQUAL (o->reason, SB_DIED_DEADLINE);
    }
    CU_ASSERT_TRUE (o->took_ms >= 2000 && o->took_ms < at_most_ms);
    CU_ASSERT_TRUE (strcmp (mode, "hang") != 0 || o->type == SB_LANE_ANSWER);
    peer_end (&p);
}

static void
heeds (void)
{
    too_long ("hang", 6000);
}

static void
deaf (void)
{
    too_long ("deaf", 15000);
}

static void
stop_busy (void)
{
    struct peer p = a_peer ("slow", "off", NULL, NULL, NULL);
    uint64_t id = bench_send (p.b, "database", "mgc", "backup-full", SB_OP_RUN, "x", 60000, "file", "D:\\x.bak", NULL);
    int64_t begun = sb_mono_ms ();
    const struct outcome *o;

    sb_sleep_ms (1500); /* into the middle of the messages; whenever it falls, the call must end */
    sb_lanes_stop (p.b->lanes, id);
    o = bench_await (p.b, id);
    CU_ASSERT_EQUAL (o->type, SB_LANE_ANSWER);
    CU_ASSERT_TRUE (o->rc == SB_UNSURE || o->rc == SB_STOPPED);
    CU_ASSERT_TRUE (sb_mono_ms () - begun < 8000);
    peer_end (&p);
}

/* Whatever a server answers, a call ends in bounded time with doubt or a failure, and the next one is served.  A worker may
 * have to be given up (a server that never ends its answer); then the run has lost a worker and nothing else. */
static void
survives (const char *mode)
{
    static const struct {
        const char *verb;
        enum sb_op op;
    } calls[] = { { "check-store", SB_OP_RUN }, { "fence", SB_OP_RUN }, { "fence", SB_OP_VERIFY } };
    struct peer p = a_peer (mode, "off", NULL, NULL, NULL);

    bench_restart (p.b, &(struct sb_lanes_cfg){ .grace_ms = 500 });
    for (size_t n = 0; n < sizeof calls / sizeof *calls; n++) {
        uint64_t id = bench_send (p.b, "database", "mgc", calls[n].verb, calls[n].op, "x", 1000, NULL);
        const struct outcome *o = bench_await (p.b, id);

        CU_ASSERT_TRUE (o->type == SB_LANE_DIED || calls[n].op == SB_OP_VERIFY || o->rc != SB_OK);
        CU_ASSERT_TRUE (o->type == SB_LANE_DIED || calls[n].op == SB_OP_RUN || o->seen != SB_SEEN_YES);
        CU_ASSERT_TRUE (o->type == SB_LANE_DIED || o->rc == SB_OK || o->sentence[0] != '\0');
    }
    peer_end (&p);
}

#define SURVIVES(mode)         \
    static void mode##_ (void) \
    {                          \
        survives (#mode);      \
    }
SURVIVES (garbage)
SURVIVES (noise)
SURVIVES (half)
SURVIVES (nothing)
SURVIVES (endless)
SURVIVES (chatty)
SURVIVES (wide)
SURVIVES (odd)
SURVIVES (lies)

static void
orphans (void)
{
    struct peer p = a_peer ("orphans", "off", NULL, NULL, NULL);
    const struct outcome *o = bench_verify (p.b, "database", "mgc", "mend-copy", "x", NULL);

    CU_ASSERT_EQUAL (o->seen, SB_SEEN_NO);
    o = bench_run (p.b, "database", "mgc", "mend-copy", "x", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "users"), "1");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "left"), "nobody's");
    o = bench_verify (p.b, "database", "mgc", "mend-copy", "x", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_YES);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "left"), "nobody's");
    peer_end (&p);
}

static unsigned
entries (const char *dir)
{
    DIR *d = opendir (dir);
    unsigned n = 0;

    while (d != NULL && readdir (d) != NULL)
        n++;
    if (d != NULL)
        closedir (d);
    return n;
}

static void
nothing_left (void)
{
    char dir[] = "/tmp/sb-mssql-XXXXXX";
    struct peer p;

    CU_ASSERT_PTR_NOT_NULL_FATAL (mkdtemp (dir));
    setenv ("TMPDIR", dir, 1);
    p = a_peer ("good", "verify", "right", "IP:127.0.0.1", "right");
    CU_ASSERT_EQUAL (observe (p)->rc, SB_OK);
    CU_ASSERT_EQUAL (entries (dir), 2); /* . and .. */
    peer_end (&p);
    CU_ASSERT_EQUAL (rmdir (dir), 0);
    setenv ("TMPDIR", "/nowhere", 1);
    p = a_peer ("good", "off", NULL, NULL, NULL);
    CU_ASSERT_EQUAL (observe (p)->rc, SB_FAIL);
    CU_ASSERT_TRUE (says (observe (p), "no private folder in /nowhere"));
    peer_end (&p);
    unsetenv ("TMPDIR");
}

static void
bad_address (void)
{
    struct bench *b =
            bench_new (NULL, "[instance x]\nhost = a#b\ntls = off\n[instance y]\nhost = h\nport = 70000\ntls = off\n"
                             "[database mgc]\nprimary = x\n");
    const struct outcome *o = bench_run (b, "database", "mgc", "observe", "x", NULL);

    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_TRUE (says (o, "the address of instance 'x' cannot be used"));
    o = bench_run (b, "database", "mgc", "observe", "y", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_TRUE (says (o, "port"));
    bench_free (b);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "a peer that answers well is observed, with a warning without TLS", good },
        { "a checked certificate makes no noise", checked_tls },
        { "a certificate of another name is refused, and the instance still counts as answering", wrong_name },
        { "a certificate of another CA is refused, and the instance still counts as answering", wrong_ca },
        { "a server without TLS is refused, and still counts as answering", no_tls_there },
        { "a CA file that is not there is named before anybody is asked", ca_missing },
        { "a refused login is told from silence, and the secret stays secret", login_refused },
        { "a user of a domain logs in with NTLMv2, with and without TLS", windows_login },
        { "a named instance is found through SQL Browser, another one is not", named_instance },
        { "a peer that accepts and says nothing does not answer, in bounded time", silent },
        { "a closed port does not answer: fence may be tried again, verify does not know", nobody },
        { "an answer cut in the middle leaves doubt, not a crash", cut },
        { "severity 21 ends the session and is told", fatal },
        { "a statement over its deadline is cancelled and leaves doubt", heeds },
        { "a server that does not heed the cancel is left in bounded time", deaf },
        { "a stop is seen although messages never cease", stop_busy },
        { "a server that answers garbage is survived", garbage_ },
        { "a server that sends noise instead of packets is survived", noise_ },
        { "a server that sends half an answer and stays silent is survived", half_ },
        { "a server that says nothing after the login is survived", nothing_ },
        { "a server whose rows never end is survived", endless_ },
        { "a server whose messages never end is survived", chatty_ },
        { "a server that announces 65534 columns is survived", wide_ },
        { "a server that answers another question is survived", odd_ },
        { "a server whose values are longer than its packets is survived", lies_ },
        { "users who lost their logins get them back; those who have none here are named", orphans },
        { "the private folder of a connection is gone at once", nothing_left },
        { "addresses that the library would mangle are refused", bad_address },
        { NULL, NULL },
    };

    bench_enter (argc, argv);
    return sb_tap_run ("mssql wire", tests);
}
