/* A session's dealings with the world: operations that may take long, the
 * clock, databases by name and number. */
#include "lab/tds/session.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS 50

static const struct {
    const char *name;
    int id;
} system_databases[] = { { "master", 1 }, { "tempdb", 2 }, { "model", 3 }, { "msdb", 4 } };

struct world *
tds_world (struct tds_session *s)
{
    struct world *w = w_client_world (s->world);

    if (w == NULL)
        s->wire.dead = true;
    return w;
}

bool
tds_stopped (struct tds_session *s)
{
    if (!s->cancelled && !s->wire.dead)
        s->cancelled = sb_tds_wire_attention (&s->wire);
    return s->cancelled || atomic_load (&s->cut) != TDS_CUT_NO || s->wire.dead;
}

/* While something is waited for: a client that has gone and left no request behind ends the session. */
static bool
deserted (struct tds_session *s)
{
    if (tds_stopped (s))
        return true;
    if (s->wire.eof && s->wire.raw.len == s->wire.raw_at)
        s->wire.dead = true;
    return s->wire.dead;
}

bool
tds_wait (struct tds_session *s, int64_t ms)
{
    int64_t end = sb_deadline_in (ms);

    while (!deserted (s)) {
        struct pollfd p[2] = { { .fd = s->wire.eof ? -1 : s->wire.fd, .events = POLLIN },
                               { .fd = s->stop_fd, .events = POLLIN } };
        int left = sb_deadline_left (end);
        if (left <= 0)
            return true;
        poll (p, 2, left < TICK_MS ? left : TICK_MS);
    }
    return false;
}

void
tds_op_init (struct tds_session *s, struct w_op *op, enum w_op_kind kind, const char *db)
{
    w_op_init (op, kind, s->instance, s->spid, db);
}

/* Attention: the work ends here; a dead client or a lost world changes nothing about it. */
static void
cancel_work (struct tds_session *s, uint16_t work, struct w_out *out)
{
    struct w_op op;

    tds_op_init (s, &op, W_OP_ATTENTION, "");
    op.n[0] = work;
    w_client_op (s->world, &op, out);
}

bool
tds_op (struct tds_session *s, struct w_op *op, struct w_out *out, void (*progress) (void *ctx, unsigned percent),
        void *ctx)
{
    uint16_t work;

    w_client_op (s->world, op, out);
    work = out->work;
    while (out->status == W_WORKING) {
        bool alone = deserted (s);

        if (progress != NULL && !alone)
            progress (ctx, out->percent);
        if (alone && s->cancelled && !s->wire.dead)
            cancel_work (s, work, out);
        /* A client that is gone does not stop the server: the session stays, at work, until the statement has ended. */
        if (alone && (s->cancelled || atomic_load (&s->cut) != TDS_CUT_NO))
            return false;
        w_client_work (s->world, work, TICK_MS, out);
    }
    if (out->status == W_UNREACHABLE)
        s->wire.dead = true;
    return out->status == W_DONE && !s->wire.dead;
}

bool
tds_do (struct tds_session *s, const struct sb_sql_run *r, struct w_op *op)
{
    struct w_out out;

    w_out_init (&out);
    if (!tds_op (s, op, &out, NULL, NULL) && tds_stopped (s))
        return false;
    return tds_say_out (s, r, &out);
}

int64_t
tds_now (struct tds_session *s)
{
    if (s->now_ms == 0)
        s->now_ms = w_client_time (s->world);
    return s->now_ms > 0 ? s->now_ms : sb_now_ms ();
}

bool
tds_system_database (const char *name)
{
    for (size_t i = 0; i < 4; i++)
        if (sb_casecmp (name, system_databases[i].name) == 0)
            return true;
    return false;
}

int
tds_database_id (struct tds_session *s, const char *name)
{
    struct world *w;
    w_id copy;

    for (size_t i = 0; i < 4; i++)
        if (sb_casecmp (name, system_databases[i].name) == 0)
            return system_databases[i].id;
    w = tds_world (s);
    copy = w == NULL ? 0 : w_find_copy (w, s->instance, name);
    return copy == 0 ? 0 : w_copy (w, copy)->number;
}

const char *
tds_database_name (struct tds_session *s, int id)
{
    struct world *w = tds_world (s);

    if (id >= 1 && id <= 4)
        return system_databases[id - 1].name;
    for (w_id i = 1; w != NULL && i <= w->ncopies; i++) {
        const struct w_copy *c = w_copy (w, i);
        if (c != NULL && c->instance == s->instance && c->number == id)
            return w_str (w, c->name);
    }
    return NULL;
}

bool
tds_use (struct tds_session *s, const struct sb_sql_run *r, const char *name, bool quiet)
{
    struct w_op op;
    struct w_out out;
    char old[W_NAME];
    const char *real;

    tds_op_init (s, &op, W_OP_USE, name);
    w_out_init (&out);
    tds_op (s, &op, &out, NULL, NULL);
    if (!tds_say_out (s, r, &out))
        return false;
    s->copy = (w_id) out.value[1];
    memcpy (old, s->database, sizeof old);
    real = tds_database_name (s, tds_database_id (s, name));
    snprintf (s->database, sizeof s->database, "%s", real == NULL ? name : real);
    if (quiet)
        return true;
    sb_tds_env (&s->out, SB_TDS_ENV_DATABASE, s->database, old);
    tds_say (s, r, 5701, s->database);
    return true;
}
