/* The door as db-lib sees it: attention, KILL, victims of ROLLBACK IMMEDIATE, progress of a backup, sessions side by
 * side.  Speaks to a lab that runs: environment TDS_DIR (DIR of the lab), TDS_SERVER (an instance of it), TDS_FAULT
 * (a command that takes the words of `lab fault`). */
#include "tests/lib/tap.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"

#include <sybdb.h>
#include <sybfront.h>

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct seen { /* what the handlers saw on one connection */
    int numbers[64], severities[64];
    int64_t at_ms[64];
    int n, timeouts, dead;
    int cancel_after; /* give up waiting after so many time-outs; 0: never */
};

static const char *user, *password, *server;

static struct seen *
seen_of (DBPROCESS *d)
{
    return d == NULL ? NULL : (struct seen *) (void *) dbgetuserdata (d);
}

static int
on_error (DBPROCESS *d, int severity, int dberr, int oserr, char *dberrstr, char *oserrstr)
{
    struct seen *s = seen_of (d);

    (void) severity;
    (void) oserr;
    (void) dberrstr;
    (void) oserrstr;
    if (dberr == SYBETIME && s != NULL)
        return ++s->timeouts >= s->cancel_after && s->cancel_after > 0 ? INT_TIMEOUT : INT_CONTINUE;
    if (s != NULL && dberr == SYBESEOF)
        s->dead = 1;
    return INT_CANCEL;
}

static int
on_message (DBPROCESS *d, DBINT number, int state, int severity, char *text, char *srv, char *proc, int line)
{
    struct seen *s = seen_of (d);

    (void) state;
    (void) text;
    (void) srv;
    (void) proc;
    (void) line;
    if (s != NULL && s->n < 64) {
        s->numbers[s->n] = number;
        s->at_ms[s->n] = sb_mono_ms ();
        s->severities[s->n++] = severity;
    }
    return 0;
}

static DBPROCESS *
open_as (struct seen *s, const char *name)
{
    LOGINREC *l = dblogin ();
    DBPROCESS *d;

    DBSETLUSER (l, user);
    DBSETLPWD (l, password);
    DBSETLAPP (l, name);
    DBSETLVERSION (l, DBVERSION_74);
    d = dbopen (l, server);
    dbloginfree (l);
    memset (s, 0, sizeof *s);
    if (d != NULL)
        dbsetuserdata (d, (BYTE *) (void *) s);
    return d;
}

/* Runs a batch to its end; true: every result said SUCCEED and no message was above 10. */
static int
run (DBPROCESS *d, const char *sql)
{
    struct seen *s = seen_of (d);
    RETCODE rc;
    int good = 1;

    s->n = s->timeouts = 0;
    dbcmd (d, sql);
    if (dbsqlexec (d) != SUCCEED)
        good = 0;
    while ((rc = dbresults (d)) != NO_MORE_RESULTS) {
        if (rc != SUCCEED) {
            good = 0;
            if (dbdead (d))
                break;
            continue;
        }
        while (dbnextrow (d) != NO_MORE_ROWS)
            if (dbdead (d))
                break;
    }
    for (int i = 0; i < s->n; i++)
        good &= s->severities[i] <= 10;
    return good;
}

static long
number_of (DBPROCESS *d, const char *sql)
{
    struct seen *s = seen_of (d);
    long v = -1;

    s->n = 0;
    dbcmd (d, sql);
    if (dbsqlexec (d) != SUCCEED)
        return -1;
    while (dbresults (d) == SUCCEED)
        while (dbnextrow (d) == REG_ROW) {
            DBINT i = -1;
            if (dbdatlen (d, 1) > 0)
                dbconvert (d, dbcoltype (d, 1), dbdata (d, 1), dbdatlen (d, 1), SYBINT4, (BYTE *) &i, sizeof i);
            v = i;
        }
    return v;
}

static int
saw (const struct seen *s, int number)
{
    for (int i = 0; i < s->n; i++)
        if (s->numbers[i] == number)
            return 1;
    return 0;
}

static void
fault (const char *words)
{
    SB_AUTOFREE char *line = sb_xprintf ("%s %s >&2", getenv ("TDS_FAULT"), words);

    if (system (line) != 0)
        CU_FAIL ("the fault could not be set");
}

static void
test_attention (void)
{
    struct seen s;
    DBPROCESS *d = open_as (&s, "attention");
    int64_t start = sb_mono_ms ();

    CU_ASSERT_FATAL (d != NULL);
    dbsetopt (d, DBSETTIME, "1", 0);
    s.cancel_after = 1;
    CU_ASSERT (!run (d, "WAITFOR DELAY '00:00:30'"));
    CU_ASSERT (s.timeouts >= 1);
    CU_ASSERT (sb_mono_ms () - start < 10000);
    CU_ASSERT (!dbdead (d));
    CU_ASSERT (number_of (d, "SELECT 42") == 42);
    dbclose (d);
}

static void
test_cancel_between (void)
{
    struct seen s;
    DBPROCESS *d = open_as (&s, "idle attention");

    CU_ASSERT_FATAL (d != NULL);
    dbcmd (d, "SELECT name FROM sys.databases; SELECT 1");
    CU_ASSERT (dbsqlexec (d) == SUCCEED);
    CU_ASSERT (dbresults (d) == SUCCEED);
    CU_ASSERT (dbcancel (d) == SUCCEED);
    CU_ASSERT (number_of (d, "SELECT 7") == 7);
    dbclose (d);
}

static void *
wait_long (void *arg)
{
    DBPROCESS *d = arg;

    run (d, "WAITFOR DELAY '00:00:30'");
    return NULL;
}

static void
test_kill (void)
{
    struct seen a, b;
    DBPROCESS *victim = open_as (&a, "victim"), *killer = open_as (&b, "killer");
    pthread_t t;
    long spid;
    char sql[64];
    int64_t end;

    CU_ASSERT_FATAL (victim != NULL && killer != NULL);
    spid = number_of (victim, "SELECT CAST(@@SPID AS int)");
    CU_ASSERT (spid > 50);
    pthread_create (&t, NULL, wait_long, victim);
    sb_sleep_ms (300);
    snprintf (sql, sizeof sql, "KILL %ld", spid);
    CU_ASSERT (run (killer, sql));
    pthread_join (t, NULL);
    CU_ASSERT (saw (&a, 596));
    snprintf (sql, sizeof sql, "SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE session_id = %ld", spid);
    end = sb_deadline_in (5000);
    while (number_of (killer, sql) != 0 && sb_deadline_left (end) > 0)
        sb_sleep_ms (20);
    CU_ASSERT (number_of (killer, sql) == 0);
    snprintf (sql, sizeof sql, "KILL %ld", spid);
    CU_ASSERT (!run (killer, sql));
    CU_ASSERT (saw (&b, 6106));
    CU_ASSERT (!run (killer, "KILL 1"));
    CU_ASSERT (saw (&b, 6107));
    dbclose (victim);
    dbclose (killer);
}

static void
test_victims (void)
{
    struct seen a, b, c;
    DBPROCESS *holder = open_as (&a, "holder"), *idle = open_as (&b, "idle"), *later = open_as (&c, "later");

    CU_ASSERT_FATAL (holder != NULL && idle != NULL && later != NULL);
    run (holder, "IF DB_ID(N'victims') IS NOT NULL DROP DATABASE victims");
    CU_ASSERT (run (holder, "CREATE DATABASE victims"));
    CU_ASSERT (run (idle, "USE victims"));
    CU_ASSERT (!run (holder, "ALTER DATABASE victims SET SINGLE_USER WITH NO_WAIT"));
    CU_ASSERT (saw (&a, 5070));
    CU_ASSERT (saw (&a, 5069));
    CU_ASSERT (run (holder, "ALTER DATABASE victims SET SINGLE_USER WITH ROLLBACK IMMEDIATE"));
    CU_ASSERT (saw (&a, 5060));
    CU_ASSERT (!run (idle, "SELECT 1"));
    CU_ASSERT (dbdead (idle) || saw (&b, 596)); /* 596 when the request came before the cut */
    CU_ASSERT (!run (later, "USE victims"));
    CU_ASSERT (saw (&c, 924));
    CU_ASSERT (!run (later, "ALTER DATABASE victims SET MULTI_USER WITH ROLLBACK IMMEDIATE"));
    CU_ASSERT (saw (&c, 5064));
    CU_ASSERT (run (holder, "ALTER DATABASE victims SET MULTI_USER"));
    CU_ASSERT (run (holder, "DROP DATABASE victims"));
    dbclose (holder);
    dbclose (idle);
    dbclose (later);
}

static void
test_progress (void)
{
    struct seen s, w;
    DBPROCESS *d = open_as (&s, "backup");
    SB_AUTOFREE char *slow = sb_xprintf ("slow %s 'backup database slowly*' 1200", server);
    SB_AUTOFREE char *fast = sb_xprintf ("slow %s '' 0", server);

    CU_ASSERT_FATAL (d != NULL);
    run (d, "IF DB_ID(N'slowly') IS NOT NULL DROP DATABASE slowly");
    CU_ASSERT (run (d, "CREATE DATABASE slowly"));
    fault (slow);
    CU_ASSERT (run (d, "BACKUP DATABASE slowly TO DISK = N'D:\\slowly.bak' WITH INIT, STATS = 10"));
    CU_ASSERT (s.n >= 13);
    CU_ASSERT (s.numbers[0] == 3211);
    CU_ASSERT (s.numbers[s.n - 1] == 3014);
    CU_ASSERT (s.at_ms[s.n - 1] - s.at_ms[0] > 300); /* they came while it worked, not at its end */
    (void) w;
    s.cancel_after = 1;
    dbsetopt (d, DBSETTIME, "1", 0);
    fault (fast);
    {
        SB_AUTOFREE char *slower = sb_xprintf ("slow %s 'backup database slowly*' 20000", server);
        fault (slower);
    }
    CU_ASSERT (!run (d, "BACKUP DATABASE slowly TO DISK = N'D:\\slowly2.bak' WITH INIT"));
    CU_ASSERT (saw (&s, 3204) || s.timeouts > 0);
    fault (fast);
    CU_ASSERT (number_of (d, "SELECT 5") == 5);
    run (d, "DROP DATABASE slowly");
    dbclose (d);
}

static void
test_fail_next (void)
{
    struct seen s;
    DBPROCESS *d = open_as (&s, "fail next");
    SB_AUTOFREE char *words = sb_xprintf ("fail-next %s 1205", server);

    CU_ASSERT_FATAL (d != NULL);
    CU_ASSERT (number_of (d, "SELECT 1") == 1);
    fault (words);
    for (int i = 0; i < 50 && !saw (&s, 1205); i++) /* another session of the lab may have met it */
        if (run (d, "SELECT 1") && i % 10 == 9)
            fault (words);
    CU_ASSERT (saw (&s, 1205));
    CU_ASSERT (number_of (d, "SELECT 1") == 1);
    dbclose (d);
}

static void *
many (void *arg)
{
    struct seen s;
    long *bad = arg;

    for (int i = 0; i < 6; i++) {
        DBPROCESS *d = open_as (&s, "one of many");
        if (d == NULL) {
            ++*bad;
            continue;
        }
        *bad += number_of (d, "SELECT COUNT(*) FROM sys.databases WHERE name = N'master'") != 1;
        *bad += number_of (d, "SELECT CAST(@@SPID AS int)") <= 50;
        dbclose (d);
    }
    return NULL;
}

static void
test_side_by_side (void)
{
    pthread_t t[6];
    long bad[6] = { 0 };

    for (int i = 0; i < 6; i++)
        pthread_create (&t[i], NULL, many, &bad[i]);
    for (int i = 0; i < 6; i++) {
        pthread_join (t[i], NULL);
        CU_ASSERT (bad[i] == 0);
    }
}

static void
test_long_values (void)
{
    struct seen s;
    DBPROCESS *d = open_as (&s, "long");

    CU_ASSERT_FATAL (d != NULL);
    CU_ASSERT (number_of (d, "DECLARE @s nvarchar(max) = N'x'; DECLARE @i int = 0;"
                             " WHILE @i < 14 BEGIN SET @s = @s + @s; SET @i = @i + 1 END; SELECT LEN(@s)")
               == 16384);
    dbcmd (d,
           "DECLARE @s nvarchar(max) = N'ab'; DECLARE @i int = 0; WHILE @i < 14 BEGIN SET @s = @s + @s; SET @i = @i + 1 END; SELECT @s, NULL, @s");
    CU_ASSERT (dbsqlexec (d) == SUCCEED);
    CU_ASSERT (dbresults (d) == SUCCEED);
    CU_ASSERT (dbnextrow (d) == REG_ROW);
    CU_ASSERT (dbdatlen (d, 1) == 32768);
    CU_ASSERT (dbdata (d, 2) == NULL);
    CU_ASSERT (dbdatlen (d, 3) == 32768);
    dbcancel (d);
    dbclose (d);
}

static const struct sb_tap_test tests[] = {
    { "a statement that takes too long is ended by attention and the connection stays usable", test_attention },
    { "what is left of an answer can be cancelled", test_cancel_between },
    { "KILL ends a running request with 596 and the session is gone", test_kill },
    { "ROLLBACK IMMEDIATE cuts idle sessions and SINGLE_USER keeps others out", test_victims },
    { "a slow backup tells its progress while it works, and attention ends it", test_progress },
    { "a fault makes one statement fail with its number", test_fail_next },
    { "sessions side by side do not disturb each other", test_side_by_side },
    { "values longer than a packet arrive whole, NULLs stay NULL", test_long_values },
    { NULL, NULL },
};

int
main (void)
{
    SB_AUTOFREE char *path = NULL;
    static json_t *lab; /* the strings below stay its */
    json_t *x;
    size_t i;

    if (getenv ("TDS_DIR") == NULL || getenv ("TDS_SERVER") == NULL || getenv ("TDS_CONF") == NULL) {
        printf ("1..0 # SKIP run by tests/tds/clients.sh\n");
        return 0;
    }
    server = getenv ("TDS_SERVER");
    path = sb_xprintf ("%s/lab.json", getenv ("TDS_DIR"));
    lab = json_load_file (path, 0, NULL);
    json_array_foreach (json_object_get (lab, "instances"), i,
                        x) if (strcmp (json_string_value (json_object_get (x, "name")), server) == 0)
    {
        user = json_string_value (json_object_get (x, "user"));
        password = json_string_value (json_object_get (x, "password"));
    }
    dbinit ();
    dberrhandle (on_error);
    dbmsghandle (on_message);
    dbsetifile ((char *) (uintptr_t) getenv ("TDS_CONF"));
    dbsetlogintime (10);
    return sb_tap_run ("TDS door through db-lib", tests);
}
