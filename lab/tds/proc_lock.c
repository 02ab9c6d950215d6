/* sp_getapplock and sp_releaseapplock, and the functions that ask about such locks. */
#include "lab/tds/applock.h"
#include "lab/tds/do.h"
#include "lab/tds/func_help.h"
#include "lab/tds/house.h"
#include "lab/tds/store.h"
#include "lab/tds/view.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_MS 20
enum { GRANTED = 0, GRANTED_AFTER_WAITING = 1, TIMED_OUT = -1, CANCELLED = -2, BAD_PARAMETER = -999 };

/* What the parameters of both procedures say; false: said, and -999. */
struct wanted {
    int database;
    const char *principal, *resource;
    bool transaction;
};

static bool
read_wanted (struct tds_call *call, struct wanted *x)
{
    const char *owner = tds_arg_text (call, "LockOwner");

    x->database = tds_database_id (call->s, call->s->database);
    x->resource = tds_arg_text (call, "Resource");
    x->principal = tds_arg_given (call, "DbPrincipal") ? tds_arg_text (call, "DbPrincipal") : "public";
    x->transaction = owner[0] == 0 || sb_casecmp (owner, "transaction") == 0;
    if (x->resource[0] == 0)
        tds_say (call->s, call->r, 15600, call->proc->name);
    else if (!x->transaction && sb_casecmp (owner, "session") != 0)
        tds_say (call->s, call->r, 15625, owner, "@LockOwner");
    else if (x->transaction && call->s->trancount == 0)
        tds_say (call->s, call->r, 15626);
    else
        return true;
    return false;
}

static bool
try_lock (struct tds_call *call, const struct wanted *x, enum tds_lock_mode mode)
{
    struct tds_door *d = call->s->door;
    bool good;

    pthread_mutex_lock (&d->lock);
    good = tds_applock_free (&d->applocks, call->s, x->database, x->principal, x->resource, mode);
    if (good)
        tds_applock_take (&d->applocks, call->s, x->database, x->principal, x->resource, x->transaction, mode);
    pthread_mutex_unlock (&d->lock);
    return good;
}

static int
get_lock (struct tds_call *call)
{
    const char *mode_name = tds_arg_text (call, "LockMode");
    enum tds_lock_mode mode = tds_lock_mode_named (mode_name);
    int64_t wait = tds_arg_int (call, "LockTimeout", call->s->lock_timeout), end = sb_deadline_in (wait < 0 ? 0 : wait);
    struct wanted x;

    if (mode == TDS_LOCK_NONE) {
        tds_say (call->s, call->r, 15625, mode_name, "@LockMode");
        return BAD_PARAMETER;
    }
    if (!read_wanted (call, &x))
        return BAD_PARAMETER;
    if (try_lock (call, &x, mode))
        return GRANTED;
    while (wait < 0 || sb_deadline_left (end) > 0) {
        if (!tds_wait (call->s, LOOK_AGAIN_MS))
            return CANCELLED;
        if (try_lock (call, &x, mode))
            return GRANTED_AFTER_WAITING;
    }
    return TIMED_OUT;
}

static int
release_lock (struct tds_call *call)
{
    struct tds_door *d = call->s->door;
    struct wanted x;
    bool held;

    if (!read_wanted (call, &x))
        return BAD_PARAMETER;
    pthread_mutex_lock (&d->lock);
    held = tds_applock_give (&d->applocks, call->s, x.database, x.principal, x.resource, x.transaction);
    pthread_mutex_unlock (&d->lock);
    if (held)
        return 0;
    tds_say (call->s, call->r, 1223, x.principal, x.resource);
    return BAD_PARAMETER;
}

const struct tds_proc tds_procs_lock[] = {
    { "sp_getapplock",
      "Resource nvarchar(255), LockMode varchar(32), ?LockOwner varchar(32), ?LockTimeout int, ?DbPrincipal sysname",
      get_lock, false },
    { "sp_releaseapplock", "Resource nvarchar(255), ?LockOwner varchar(32), ?DbPrincipal sysname", release_lock,
      false },
    { NULL, NULL, NULL, false },
};

/* APPLOCK_MODE (principal, resource, owner) */
void
tds_f_applock_mode (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct tds_session *s = sqlite3_user_data (ctx);
    const struct tds_applock *l;
    int database = tds_database_id (s, s->database);

    if (any_null (n, v))
        return;
    pthread_mutex_lock (&s->door->lock);
    l = tds_applock_find (&s->door->applocks, s, database, text (v[0]), text (v[1]),
                          sb_casecmp (text (v[2]), "session") != 0);
    sqlite3_result_text (ctx, tds_lock_mode_name (l == NULL ? TDS_LOCK_NONE : tds_applock_mode (l)), -1, SQLITE_STATIC);
    pthread_mutex_unlock (&s->door->lock);
}

/* APPLOCK_TEST (principal, resource, mode, owner) */
void
tds_f_applock_test (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct tds_session *s = sqlite3_user_data (ctx);
    int database = tds_database_id (s, s->database);
    enum tds_lock_mode mode = any_null (n, v) ? TDS_LOCK_NONE : tds_lock_mode_named (text (v[2]));

    if (mode == TDS_LOCK_NONE)
        return;
    pthread_mutex_lock (&s->door->lock);
    sqlite3_result_int (ctx, tds_applock_free (&s->door->applocks, s, database, text (v[0]), text (v[1]), mode));
    pthread_mutex_unlock (&s->door->lock);
}

/* Their rows of sys.dm_tran_locks. */
void
tds_applock_rows (struct tds_session *s, struct tds_sink *k)
{
    const struct tds_applocks *all = &s->door->applocks;

    pthread_mutex_lock (&s->door->lock);
    for (size_t i = 0; i < all->count; i++) {
        const struct tds_applock *l = &all->list[i];
        char description[300];
        snprintf (description, sizeof description, "%s:[%.32s]:(%08x)",
                  strcmp (l->principal, "public") == 0 ? "0" : "1", l->resource,
                  (unsigned) tds_name_hash (l->resource));
        tds_row (k);
        tds_put_text (k, "resource_type", "APPLICATION");
        tds_put_int (k, "resource_database_id", l->database);
        tds_put_text (k, "resource_description", description);
        tds_put_text (k, "request_mode", tds_lock_mode_short (tds_applock_mode (l)));
        tds_put_text (k, "request_type", "LOCK");
        tds_put_text (k, "request_status", "GRANT");
        tds_put_text (k, "request_owner_type", l->transaction ? "TRANSACTION" : "SESSION");
        tds_put_int (k, "request_session_id", l->spid);
    }
    pthread_mutex_unlock (&s->door->lock);
}
