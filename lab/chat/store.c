/* The client of a chat server, over DB-Library.  Message and error handlers
 * are process-wide; what they say is kept in the connection's user data, and
 * during a login in a variable of the thread (wire sheet A.8). */
#include "lab/chat/store.h"

#include "core/base/buf.h"
#include "core/sys/file.h"

#include <stdlib.h>
#include <string.h>
#include <sybdb.h>
#include <sybfront.h>

#define LOGIN_SECONDS 3
#define QUERY_SECONDS "4"

struct store {
    char *who, *program, *database;
    DBPROCESS *db;
    const char *instance; /* borrowed from the caller's list, which lives as long as the process */
    int number;           /* newest error above severity 10 */
};

static _Thread_local struct store *logging_in;
static char *password;

static struct store *
owner (DBPROCESS *db)
{
    struct store *s = db == NULL ? NULL : (struct store *) (void *) dbgetuserdata (db);

    return s != NULL ? s : logging_in;
}

static int
on_message (DBPROCESS *db, DBINT number, int state, int severity, char *text, char *server, char *proc, int line)
{
    struct store *s = owner (db);

    (void) state, (void) text, (void) server, (void) proc, (void) line;
    if (s != NULL && severity > 10 && s->number == 0)
        s->number = number;
    return 0;
}

static int
on_error (DBPROCESS *db, int severity, int number, int os, char *text, char *os_text)
{
    (void) db, (void) severity, (void) number, (void) os, (void) text, (void) os_text;
    return INT_CANCEL;
}

bool
stores_init (const char *dir, const struct places *places, struct sb_faults *faults)
{
    static const char *const env[] = { "TDSVER",   "TDSDUMP", "TDSDUMPCONFIG", "TDSPORT",     "TDSHOST",
                                       "TDSQUERY", "DSQUERY", "FREETDS",       "FREETDSCONF", "SYBASE" };
    struct sb_buf conf SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_buf secret SB_CLEANUP (sb_buf_free) = { 0 };
    char *path SB_AUTOFREE = sb_xprintf ("%s/chat/client.conf", dir);
    char *file SB_AUTOFREE = sb_xprintf ("%s/secrets/chatsvc.secret", dir);
    char *folder SB_AUTOFREE = sb_xprintf ("%s/chat", dir);
    const struct place *o;
    size_t i;

    for (i = 0; i < sizeof env / sizeof *env; i++)
        unsetenv (env[i]);
    for (i = 0; (o = places_nth (places, "instance", i)) != NULL; i++)
        sb_buf_printf (
                &conf,
                "[%s]\n\thost = %s\n\tport = %s\n\ttds version = 7.4\n\tencryption = require\n\tca file = %s/tls/ca.pem\n"
                "\tcheck certificate hostname = yes\n\tconnect timeout = %d\n\tclient charset = UTF-8\n",
                o->name, place_key (o, "host", "127.0.0.1"), place_key (o, "port", "1433"), dir, LOGIN_SECONDS);
    if (!sb_file_read (file, 4096, &secret, faults) || !sb_dir_make (folder, 0700, faults)
        || !sb_file_write (path, sb_buf_cstr (&conf), conf.len, 0600, faults))
        return false;
    password = sb_xstrndup (sb_buf_cstr (&secret), strcspn (sb_buf_cstr (&secret), "\r\n"));
    if (dbinit () == FAIL) {
        sb_fault (faults, NULL, 0, "DB-Library does not start");
        return false;
    }
    dberrhandle (on_error);
    dbmsghandle (on_message);
    dbsetifile (path);
    return true;
}

struct store *
store_new (const char *who, const char *program)
{
    struct store *s = sb_xcalloc (1, sizeof *s);

    s->who = sb_xstrdup (who);
    s->program = sb_xstrdup (program);
    return s;
}

void
store_close (struct store *s)
{
    if (s->db != NULL)
        dbclose (s->db);
    s->db = NULL;
    s->instance = NULL;
}

void
store_free (struct store *s)
{
    if (s == NULL)
        return;
    store_close (s);
    free (s->who);
    free (s->program);
    free (s->database);
    free (s);
}

static bool
connect_to (struct store *s, const char *instance, const char *database)
{
    LOGINREC *login = dblogin ();

    DBSETLUSER (login, "chatsvc");
    DBSETLPWD (login, password);
    DBSETLAPP (login, s->program);
    DBSETLHOST (login, s->who);
    DBSETLDBNAME (login, database);
    s->number = 0;
    logging_in = s;
    s->db = dbopen (login, instance);
    logging_in = NULL;
    dbloginfree (login);
    if (s->db == NULL)
        return false;
    dbsetuserdata (s->db, (BYTE *) s);
    dbsetopt (s->db, DBSETTIME, QUERY_SECONDS, 0);
    s->instance = instance;
    return true;
}

const char *
store_connect (struct store *s, const char *const *instances, const char *database)
{
    size_t i;

    if (s->db != NULL && !dbdead (s->db) && s->database != NULL && strcmp (s->database, database) == 0)
        for (i = 0; instances[i] != NULL; i++)
            if (strcmp (instances[i], s->instance) == 0)
                return s->instance;
    store_close (s);
    free (s->database);
    s->database = sb_xstrdup (database);
    for (i = 0; instances[i] != NULL; i++)
        if (connect_to (s, instances[i], database))
            return s->instance;
    return NULL;
}

const char *
store_at (const struct store *s)
{
    return s->db == NULL ? NULL : s->instance;
}

static bool
fetch (struct store *s, int64_t *ret_value, int *ret_rows)
{
    RETCODE rc;

    while ((rc = dbresults (s->db)) == SUCCEED) {
        while (dbnextrow (s->db) == REG_ROW)
            if (ret_value != NULL && *ret_value < 0 && dbdata (s->db, 1) != NULL) {
                char text[32] = "";

                dbconvert (s->db, dbcoltype (s->db, 1), dbdata (s->db, 1), dbdatlen (s->db, 1), SYBCHAR, (BYTE *) text,
                           (DBINT) sizeof text - 1);
                *ret_value = strtoll (text, NULL, 10);
            }
        if (ret_rows != NULL && dbcount (s->db) >= 0)
            *ret_rows = (int) dbcount (s->db);
    }
    return rc == NO_MORE_RESULTS;
}

bool
store_run (struct store *s, const char *sql, int *ret_number, int64_t *ret_value, int *ret_rows)
{
    bool good;

    *ret_number = 0;
    if (ret_value != NULL)
        *ret_value = -1;
    if (ret_rows != NULL)
        *ret_rows = 0;
    if (s->db == NULL)
        return false;
    s->number = 0;
    good = dbcmd (s->db, sql) == SUCCEED && dbsqlexec (s->db) == SUCCEED && fetch (s, ret_value, ret_rows)
           && s->number == 0;
    *ret_number = s->number;
    if (!good && (dbdead (s->db) || s->number == 0))
        store_close (s);
    else if (!good)
        dbcancel (s->db);
    return good;
}
