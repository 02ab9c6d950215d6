/* DB-Library, tamed; see conn.h.
 *
 * The handlers are global to the process and one call runs at a time, so the
 * connection at work is found through the library's user data, or, during the
 * login, through `logging_in` (the library has no user data yet then).
 *
 * While a statement runs the library calls the error handler with 20003 after
 * each idle second (DBSETTIME).  The handler answers "go on" until the deadline
 * or a stop request; then once "cancel and keep the connection" (attention), and
 * after a grace time "close".  While messages flow there is no idle second, so
 * the message handler looks too.  (The interrupt hook of the library would only
 * add a second way into the same handler.) */
#include "plugins/mssql/conn.h"

#include "core/base/text.h"
#include "plugins/mssql/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sybdb.h>
#include <sybfront.h>

#define GRACE_MS      5000 /* for the server to heed an attention */
#define MSGS_MAX      2000
#define ROWS_MAX      500000
#define LOOK_ROWS     256
#define LOST_SEVERITY 20

struct sb_conn {
    DBPROCESS *db;
    struct sb_call *call; /* at work for; NULL between batches */
    struct sb_arena *arena;
    struct sb_answer *answer;
    int64_t deadline;     /* monotonic ms */
    int64_t cancelled_at; /* 0: not */
    enum sb_end cancelled_as;
    bool dead;
};

static struct sb_conn *logging_in;

static int64_t
now_ms (void)
{
    struct timespec t;

    clock_gettime (CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
asked_to_stop (struct sb_call *call)
{
    struct pollfd p = { .fd = sb_stop_fd (call), .events = POLLIN };

    return p.fd >= 0 && poll (&p, 1, 0) > 0;
}

static struct sb_conn *
conn_of (DBPROCESS *db)
{
    struct sb_conn *c = db != NULL ? (struct sb_conn *) (void *) dbgetuserdata (db) : NULL;

    return c != NULL ? c : logging_in;
}

/* Remembers why, once; true: the statement shall end. */
static bool
must_end (struct sb_conn *c)
{
    if (c->cancelled_at != 0)
        return true;
    if (asked_to_stop (c->call))
        c->cancelled_as = SB_END_STOPPED;
    else if (now_ms () >= c->deadline)
        c->cancelled_as = SB_END_TIMEOUT;
    else
        return false;
    c->cancelled_at = now_ms ();
    return true;
}

static int
on_idle (struct sb_conn *c)
{
    bool first = c->cancelled_at == 0;

    if (!must_end (c))
        return INT_CONTINUE;
    if (first)
        return INT_TIMEOUT;
    if (now_ms () - c->cancelled_at < GRACE_MS)
        return INT_CONTINUE;
    c->dead = true;
    return INT_CANCEL;
}

static int
on_error (DBPROCESS *db, int severity, int number, int os_error, char *text, char *os_text)
{
    struct sb_conn *c = conn_of (db);

    (void) severity;
    (void) os_error;
    (void) os_text;
    if (c == NULL || c->answer == NULL)
        return INT_CANCEL;
    if (number == SYBETIME && c != logging_in)
        return on_idle (c);
    if (number != SYBESMSG && c->answer->broken == NULL)
        c->answer->broken = sb_arena_printf (c->arena, "%s (%d)", text != NULL ? text : "?", number);
    return INT_CANCEL;
}

static void
tell_progress (struct sb_call *call, const char *text)
{
    long percent = strtol (text, NULL, 10);

    if (percent >= 0 && percent <= 100)
        sb_progress (call, (unsigned) percent, text);
}

static int
on_message (DBPROCESS *db, DBINT number, int state, int severity, char *text, char *server, char *proc, int line)
{
    struct sb_conn *c = conn_of (db);

    (void) proc;
    if (c == NULL || c->answer == NULL)
        return 0;
    if (c->answer->nmsgs < MSGS_MAX)
        SB_PUSH (c->answer->msgs, c->answer->nmsgs, c->answer->msgs_cap) =
                (struct sb_msg){ .number = number,
                                 .state = state,
                                 .severity = severity,
                                 .line = line,
                                 .text = sb_arena_strdup (c->arena, text != NULL ? text : ""),
                                 .server = sb_arena_strdup (c->arena, server != NULL ? server : "") };
    if (severity > c->answer->worst)
        c->answer->worst = severity;
    if (severity >= LOST_SEVERITY)
        c->dead = true;
    if (number == 3211 && text != NULL)
        tell_progress (c->call, text);
    if (db != NULL && c != logging_in && c->cancelled_at == 0 && must_end (c))
        dbcancel (db);
    return 0;
}

void
sb_conn_setup (void)
{
    static const char *const heeded[] = { "TDSVER",  "TDSDUMP", "TDSDUMPCONFIG", "TDSPORT", "TDSHOST",     "TDSQUERY",
                                          "DSQUERY", "FREETDS", "FREETDSCONF",   "SYBASE",  "ASA_DATABASE" };
    static bool done;

    if (done)
        return;
    for (size_t i = 0; i < sizeof heeded / sizeof *heeded; i++)
        unsetenv (heeded[i]);
    dbinit ();
    dberrhandle (on_error);
    dbmsghandle (on_message);
    done = true;
}

/* ------------------------------------------------------------------ the private configuration file */

struct conf {
    char dir[256], file[272], ca[272];
};

/* TMPDIR when the library's parser can read it as it stands, else /tmp. */
static const char *
temporary_folder (void)
{
    const char *dir = getenv ("TMPDIR");

    return dir != NULL && *dir == '/' && sb_target_is_word (dir) ? dir : "/tmp";
}

static bool
write_private (const char *path, const struct sb_buf *text)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t done = 0;
    ssize_t n = 1;

    if (fd < 0)
        return false;
    while (done < text->len && (n = write (fd, text->s + done, text->len - done)) > 0)
        done += (size_t) n;
    return close (fd) == 0 && done == text->len;
}

static void
conf_remove (struct conf *f)
{
    if (f->dir[0] == '\0')
        return;
    unlink (f->file);
    unlink (f->ca);
    rmdir (f->dir);
    f->dir[0] = '\0';
}

/* False: sb_fail() was called. */
static bool
conf_write (struct sb_call *call, const struct sb_target *t, uint16_t port, struct conf *f)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 }, ca SB_CLEANUP (sb_buf_free) = { 0 };
    bool copy_ca = t->tls == SB_TLS_VERIFY && t->ca != NULL;

    if (copy_ca && !sb_target_ca_load (call, t, &ca))
        return false;
    snprintf (f->dir, sizeof f->dir, "%s/switchback-tds-XXXXXX", temporary_folder ());
    if (mkdtemp (f->dir) == NULL) {
        f->dir[0] = '\0';
        sb_fail (call, SB_FAIL, "no private folder in %s for the connection to instance '%s': %s", temporary_folder (),
                 t->instance, strerror (errno));
        return false;
    }
    snprintf (f->file, sizeof f->file, "%s/conf", f->dir);
    snprintf (f->ca, sizeof f->ca, "%s/ca.pem", f->dir);
    sb_target_conf (t, port, copy_ca ? f->ca : NULL, &text);
    if (write_private (f->file, &text) && (!copy_ca || write_private (f->ca, &ca)))
        return true;
    sb_fail (call, SB_FAIL, "the private configuration for instance '%s' cannot be written: %s", t->instance,
             strerror (errno));
    conf_remove (f);
    return false;
}

/* ------------------------------------------------------------------ opening */

static LOGINREC *
login_record (const struct sb_target *t)
{
    LOGINREC *login = dblogin ();
    bool good;

    if (login == NULL)
        return NULL;
    good = DBSETLAPP (login, t->session) == SUCCEED && DBSETLDBNAME (login, "master") == SUCCEED
           && DBSETLCHARSET (login, "UTF-8") == SUCCEED && DBSETLVERSION (login, DBVERSION_74) == SUCCEED;
    if (t->user != NULL)
        good = good && DBSETLUSER (login, t->user) == SUCCEED && DBSETLPWD (login, t->secret) == SUCCEED;
    else
        good = good && DBSETLNETWORKAUTH (login, TRUE) == SUCCEED;
    if (good)
        return login;
    dbloginfree (login);
    return NULL;
}

static const char *
tls_words (const struct sb_target *t)
{
    if (t->tls == SB_TLS_OFF)
        return "no encryption (tls = off)";
    if (t->tls == SB_TLS_TRUST)
        return "encryption without a check of the certificate (tls = trust)";
    return t->ca != NULL
                   ? "encryption, a certificate signed by the configured CA, and the right host name in it (tls = verify)"
                   : "encryption, a certificate signed by a CA of this system, and the right host name in it (tls = verify)";
}

/* What else may be missing when nobody's password is used. */
static const char *
ticket_words (struct sb_call *call, const struct sb_target *t, uint16_t port)
{
    if (t->user != NULL)
        return "";
    return sb_format (
            call,
            " There is no credential, so a Kerberos ticket for MSSQLSvc/%s:%u is needed: see klist(1), and that "
            "the domain knows that name.",
            t->fqdn != NULL ? t->fqdn : t->host, (unsigned) port);
}

/* The library has one sentence for all failures; the server's messages and a look of our own tell them apart. */
static enum sb_reach
why_not (struct sb_call *call, const struct sb_target *t, uint16_t port, const struct sb_answer *a,
         const char **ret_why)
{
    const struct sb_msg *cause = sb_answer_cause (a);
    const char *found;

    if (cause != NULL) {
        *ret_why = sb_format (
                call,
                "instance '%s' answers but refuses the login of '%s': error %d: %s\n"
                "HINT: Look at 'user' and 'secret' of the credential; the true reason stands in the error log "
                "of the server.",
                t->instance, t->user != NULL ? t->user : "(Kerberos)", cause->number, cause->text);
        return SB_REACH_REFUSED;
    }
    switch (sb_probe_tds (call, t->host, port, 3000, &found)) {
    case SB_PROBE_ANSWERS:
        *ret_why =
                sb_format (call,
                           "instance '%s' answers at %s:%u but no session came about; asked for were %s: %s\n"
                           "HINT: Look at 'tls', 'ca' and 'host' in [instance %s] and at the server's certificate.%s",
                           t->instance, t->host, (unsigned) port, tls_words (t),
                           a->broken != NULL ? a->broken : "no reason given", t->instance,
                           ticket_words (call, t, port));
        return SB_REACH_REFUSED;
    case SB_PROBE_MUTE:
    case SB_PROBE_DEAD:
        break;
    }
    *ret_why =
            sb_format (call,
                       "instance '%s' does not answer at %s:%u: %s\nHINT: See that its service runs and listens there, "
                       "and that no firewall stands between.",
                       t->instance, t->host, (unsigned) port, found);
    return SB_REACH_SILENT;
}

static enum sb_reach
log_in (struct sb_call *call, const struct sb_target *t, uint16_t port, struct sb_conn *c, const char **ret_why)
{
    struct sb_arena arena SB_CLEANUP (sb_arena_release) = { 0 };
    struct sb_answer answer = { 0 };
    struct conf conf = { 0 };
    LOGINREC *login;
    enum sb_reach reach = SB_REACH_OK;

    if (!conf_write (call, t, port, &conf))
        return SB_REACH_WRONG;
    login = login_record (t);
    if (login == NULL) {
        conf_remove (&conf);
        sb_fail (call, SB_FAIL, "the login to instance '%s' cannot be prepared: a name is too long", t->instance);
        return SB_REACH_WRONG;
    }
    *c = (struct sb_conn){ .call = call, .arena = &arena, .answer = &answer };
    logging_in = c;
    dbsetifile (conf.file);
    dbsetlogintime ((int) ((t->login_ms + 999) / 1000));
    c->db = dbopen (login, "target");
    logging_in = NULL;
    dbloginfree (login);
    conf_remove (&conf);
    if (c->db == NULL)
        reach = why_not (call, t, port, &answer, ret_why);
    c->answer = NULL;
    c->call = NULL;
    free (answer.msgs);
    return reach;
}

enum sb_reach
sb_conn_open (struct sb_call *call, const struct sb_target *t, struct sb_conn **ret, const char **ret_why)
{
    uint16_t port = t->port;
    struct sb_conn *c;
    enum sb_reach reach;

    if (port == 0 && (port = sb_probe_browser (call, t->host, t->named, 3000)) == 0) {
        *ret_why = sb_format (call,
                              "SQL Browser at '%s' does not tell the port of instance '%s'\n"
                              "HINT: Set 'port' in [instance %s].",
                              t->host, t->named, t->instance);
        return SB_REACH_SILENT;
    }
    c = sb_xcalloc (1, sizeof *c);
    reach = log_in (call, t, port, c, ret_why);
    if (reach != SB_REACH_OK) {
        free (c);
        return reach;
    }
    dbsetuserdata (c->db, (BYTE *) c);
    dbsetopt (c->db, DBSETTIME, "1", 0);
    *ret = c;
    return SB_REACH_OK;
}

void
sb_conn_close (struct sb_conn *c)
{
    if (c == NULL)
        return;
    if (c->db != NULL)
        dbclose (c->db);
    free (c);
}

bool
sb_conn_dead (const struct sb_conn *c)
{
    return c->dead || dbdead (c->db);
}

/* ------------------------------------------------------------------ cells as text */

static const char *
date_text (struct sb_arena *a, const DBDATETIME *d)
{
    /* days since 1900-01-01, 1/300 s since midnight; civil date after the well-known era arithmetic */
    int64_t z = (int64_t) d->dtdays + 693901, era, doe, yoe, doy, mp, ms;

    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    ms = (int64_t) (DBUINT) d->dttime * 10 / 3;
    return sb_arena_printf (a, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int) (yoe + era * 400 + (mp >= 10)),
                            (int) (mp < 10 ? mp + 3 : mp - 9), (int) (doy - (153 * mp + 2) / 5 + 1),
                            (int) (ms / 3600000), (int) (ms / 60000 % 60), (int) (ms / 1000 % 60), (int) (ms % 1000));
}

static const char *
guid_text (struct sb_arena *a, const BYTE *g)
{
    return sb_arena_printf (a, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", g[3], g[2], g[1],
                            g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
}

static const char *
converted (struct sb_conn *c, int type, const BYTE *data, DBINT len)
{
    BYTE text[128];
    DBINT n = dbconvert (c->db, type, data, len, SYBCHAR, text, sizeof text - 1);

    if (n < 0)
        return NULL;
    while (n > 0 && text[n - 1] == ' ')
        n--;
    return sb_arena_strndup (c->arena, (char *) text, (size_t) n);
}

static const char *
cell_text (struct sb_conn *c, int column)
{
    const BYTE *data = dbdata (c->db, column);
    DBINT len = dbdatlen (c->db, column);
    int type = dbcoltype (c->db, column);
    DBDATETIME date;

    if (data == NULL)
        return NULL;
    switch (type) {
    case SYBCHAR:
    case SYBVARCHAR:
    case SYBNVARCHAR:
    case SYBTEXT:
    case SYBNTEXT:
        return sb_arena_strndup (c->arena, (const char *) data, (size_t) len);
    case 36: /* uniqueidentifier; the library's header has no public name for it */
        return len == 16 ? guid_text (c->arena, data) : NULL;
    case SYBBINARY:
    case SYBVARBINARY:
    case SYBIMAGE: {
        struct sb_buf hex SB_CLEANUP (sb_buf_free) = { 0 };

        sb_hex (data, (size_t) len, &hex);
        return sb_arena_strdup (c->arena, sb_buf_cstr (&hex));
    }
    case SYBDATETIME:
        memcpy (&date, data, sizeof date);
        return date_text (c->arena, &date);
    case SYBDATETIME4:
    case SYBMSDATE:
    case SYBMSDATETIME2:
        if (dbconvert (c->db, type, data, len, SYBDATETIME, (BYTE *) &date, sizeof date) < 0)
            return NULL;
        return date_text (c->arena, &date);
    default:
        return converted (c, type, data, len);
    }
}

static bool
is_number (int type)
{
    return type == SYBINT1 || type == SYBINT2 || type == SYBINT4 || type == SYBINT8 || type == SYBNUMERIC
           || type == SYBDECIMAL || type == SYBBIT;
}

/* ------------------------------------------------------------------ running a batch */

static void
take_columns (struct sb_conn *c, struct sb_rows *r)
{
    int n = dbnumcols (c->db);

    r->ncolumns = (size_t) n;
    r->columns = sb_arena_alloc (c->arena, (size_t) n * sizeof *r->columns);
    r->numbers = sb_arena_alloc (c->arena, (size_t) n * sizeof *r->numbers);
    for (int i = 0; i < n; i++) {
        const char *name = dbcolname (c->db, i + 1);

        r->columns[i] = sb_arena_strdup (c->arena, name != NULL ? name : "");
        r->numbers[i] = is_number (dbcoltype (c->db, i + 1));
    }
}

/* Rows of the first result set are kept, those of others read and dropped. */
static void
take_rows (struct sb_conn *c, bool keep)
{
    struct sb_rows *r = &c->answer->rows;
    uint64_t seen = 0;
    STATUS status;

    if (keep)
        take_columns (c, r);
    while ((status = dbnextrow (c->db)) != NO_MORE_ROWS && status != FAIL) {
        const char **cells;

        /* while rows flow there is no idle second, so the clock is looked at here; what is still on its way is not waited for */
        if (++seen % LOOK_ROWS == 0 && must_end (c)) {
            c->dead = true;
            return;
        }
        if (!keep || status != REG_ROW)
            continue;
        if (r->count >= ROWS_MAX) {
            c->answer->broken = "more rows than anybody asked for";
            c->dead = true;
            return;
        }
        cells = sb_arena_alloc (c->arena, (r->ncolumns + 1) * sizeof *cells);
        for (size_t i = 0; i < r->ncolumns; i++)
            cells[i] = cell_text (c, (int) i + 1);
        SB_PUSH (r->cells, r->count, r->cap) = cells;
    }
}

/* All results are read even after a failure, or later messages would be lost. */
static void
run_batch (struct sb_conn *c, const char *sql)
{
    unsigned failures = 0;
    bool have_rows = false;
    RETCODE rc;

    if (dbcmd (c->db, sql) != SUCCEED) {
        c->dead = true;
        return;
    }
    if (dbsqlexec (c->db) == FAIL)
        failures++;
    while (!c->dead && !dbdead (c->db) && failures < 64 && (rc = dbresults (c->db)) != NO_MORE_RESULTS) {
        if (rc == FAIL) {
            failures++;
            if (c->cancelled_at != 0)
                break;
            continue;
        }
        if (dbnumcols (c->db) > 0) {
            take_rows (c, !have_rows);
            have_rows = true;
        }
    }
    if (!c->dead && !dbdead (c->db))
        dbcancel (c->db);
}

static enum sb_end
how_it_ended (struct sb_conn *c)
{
    if (c->cancelled_at != 0)
        return c->cancelled_as;
    if (c->dead || dbdead (c->db) || c->answer->worst >= LOST_SEVERITY)
        return SB_END_LOST;
    if (c->answer->worst > 10)
        return SB_END_ERROR;
    /* the library failed without a word of the server: the stream cannot be trusted */
    if (c->answer->broken != NULL) {
        c->dead = true;
        return SB_END_LOST;
    }
    return SB_END_OK;
}

void
sb_conn_exec (struct sb_conn *c, struct sb_call *call, struct sb_arena *arena, const char *sql, int64_t limit_ms,
              struct sb_answer *ret)
{
    int64_t left = sb_left_ms (call);
    struct sb_msg *msgs;
    const char ***cells;

    *ret = (struct sb_answer){ .end = SB_END_LOST };
    if (sb_conn_dead (c))
        return;
    c->call = call;
    c->arena = arena;
    c->answer = ret;
    c->cancelled_at = 0;
    c->deadline = now_ms () + (limit_ms > 0 && limit_ms < left ? limit_ms : left);
    run_batch (c, sql);
    ret->end = how_it_ended (c);
    c->answer = NULL;
    c->call = NULL;

    /* growing arrays into the arena, so that nobody has to free an answer */
    msgs = sb_arena_alloc (arena, (ret->nmsgs + 1) * sizeof *msgs);
    if (ret->nmsgs > 0)
        memcpy (msgs, ret->msgs, ret->nmsgs * sizeof *msgs);
    free (ret->msgs);
    ret->msgs = msgs;
    cells = sb_arena_alloc (arena, (ret->rows.count + 1) * sizeof *cells);
    if (ret->rows.count > 0)
        memcpy (cells, ret->rows.cells, ret->rows.count * sizeof *cells);
    free (ret->rows.cells);
    ret->rows.cells = cells;
}
