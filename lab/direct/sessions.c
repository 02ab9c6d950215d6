/* end-sessions, await-no-sessions, await-servers, await-drained: who is in the
 * copy.  Rows are not kept here: a server has reported in when it has a session
 * in the copy and wrote its ping not long ago; a store that can be read is drained. */
#include "core/base/text.h"
#include "lab/direct/verbs.h"

#include <string.h>

#define STEP_MS 500

static void
tell_ended (struct step *s)
{
    d_tellf (s, "ended", "%u", s->c->bits);
}

/* ------------------------------------------------------------------ ending them */

/* Ends those that are there, looks, and again until none is left, for at most `ms_to_try`; they reconnect. */
static enum go
end_all (struct step *s, int64_t ms_to_try)
{
    struct d_call *c = s->c;
    const struct w_copy *copy = d_copy (s, c->on);
    uint16_t spid = d_user (s, c->on, copy);
    enum d_class class;
    struct w_op op;

    D_OPEN (s, c->on);
    if (spid == 0)
        return GO_NEXT;
    if (c->since_ms == 0)
        c->since_ms = s->w->now_ms;
    if (c->round == 0) { /* as many as there are now */
        c->round = 1;
        c->count = (uint16_t) d_users (s, c->on, copy);
    }
    if (c->count == 0) {
        if (s->w->now_ms - c->since_ms >= ms_to_try)
            return d_fail (s, D_RETRY, "the copy is still used by %u sessions", d_users (s, c->on, copy));
        c->round = 0;
        return d_nap (s, s->w->now_ms + STEP_MS);
    }
    c->count--;
    d_op (s, &op, W_OP_KILL, c->on);
    op.n[0] = spid;
    class = d_act (s, &op);
    if (class == D_C_OK)
        c->bits++;
    return class == D_C_OK || class == D_C_GONE ? GO_AGAIN : d_failed (s, class, "a session cannot be ended");
}

static enum go
end_now (struct step *s)
{
    return end_all (s, 30000);
}

static enum go
all_ended (struct step *s)
{
    tell_ended (s);
    return d_done (s);
}

const phase_fn d_end_sessions[] = { d_phase_open, end_now, all_ended, NULL };

static enum d_seen
see_none (struct step *s)
{
    if (s->c->on == 0 || !d_reach (s, s->c->on))
        return D_UNKNOWN;
    d_tell (s, "ended", "0");
    return d_user (s, s->c->on, d_copy (s, s->c->on)) == 0 ? D_YES : D_NO;
}

enum d_seen
d_see_end_sessions (struct step *s)
{
    return see_none (s);
}

static enum go
grace (struct step *s)
{
    const char *end = d_option (s, "end");
    bool may_end = end == NULL || strcmp (end, "no") != 0;
    int64_t patience = d_setting_ms (s->d, s->db, "session grace", 15000);

    D_OPEN (s, s->c->on);
    if (d_user (s, s->c->on, d_copy (s, s->c->on)) == 0)
        return GO_NEXT;
    if (s->c->since_ms == 0)
        s->c->since_ms = s->w->now_ms;
    if (may_end && s->w->now_ms - s->c->since_ms >= patience)
        return GO_NEXT;
    return d_nap (s, may_end ? s->c->since_ms + patience : D_FAR);
}

static enum go
end_rest (struct step *s)
{
    return end_all (s, 60000);
}

const phase_fn d_await_no_sessions[] = { grace, end_rest, all_ended, NULL };

enum d_seen
d_see_await_no_sessions (struct step *s)
{
    return see_none (s);
}

/* ------------------------------------------------------------------ await-servers */

static bool
in_copy (const struct step *s, w_id server, w_id copy)
{
    const struct w_server *v = &s->w->servers[server - 1];

    for (unsigned i = 0; i < s->w->nsessions; i++) {
        const struct w_session *x = &s->w->sessions[i];

        if (x->instance != 0 && x->copy == copy && sb_casecmp (w_str (s->w, x->host), w_str (s->w, v->name)) == 0)
            return true;
    }
    return false;
}

/* The wanted servers that have not reported in. */
static unsigned
missing (struct step *s)
{
    const char *list = d_option (s, "servers");
    const struct w_copy *c = d_copy (s, s->c->on);
    w_id copy = c == NULL ? 0 : (w_id) (c - s->w->copies + 1), id;
    int64_t oldest = s->w->now_ms - d_setting_ms (s->d, s->db, "ping within", 30000);
    struct sb_arena arena = { 0 };
    size_t count = 0;
    unsigned n = 0;
    char **names = list == NULL ? NULL : sb_split_list (&arena, list, &count);

    for (size_t i = 0; i < count; i++) {
        id = w_find_server (s->w, names[i]);
        n += id == 0 || s->w->servers[id - 1].ping_ms == 0 || s->w->servers[id - 1].ping_ms < oldest
             || !in_copy (s, id, copy);
    }
    sb_arena_release (&arena);
    return n;
}

/* 0, or what the servers' table cannot be read for. */
static int
unreadable (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    return w_copy_readable (s->w, c == NULL ? 0 : (w_id) (c - s->w->copies + 1), 0);
}

static enum go
await_servers (struct step *s)
{
    D_OPEN (s, s->c->on);
    s->a->number = unreadable (s);
    if (s->a->number != 0)
        return d_failed (s, d_class_of (s->a->number), "the table of chat servers cannot be read");
    return missing (s) == 0 ? GO_NEXT : d_nap (s, D_FAR);
}

const phase_fn d_await_servers[] = { await_servers, NULL };

enum d_seen
d_see_await_servers (struct step *s)
{
    if (s->c->on == 0 || !d_reach (s, s->c->on) || unreadable (s) != 0)
        return D_UNKNOWN;
    return missing (s) == 0 ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ await-drained */

static enum go
drained (struct step *s)
{
    const struct w_copy *c;

    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    if (c != NULL && !d_online (c))
        return d_fail (s, D_RETRY, "whether it is drained cannot be seen: it is %s", d_copy_words (c));
    d_tell (s, "waiting", "0");
    return d_done (s);
}

const phase_fn d_await_drained[] = { drained, NULL };

enum d_seen
d_see_await_drained (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    if (s->c->on == 0 || !d_reach (s, s->c->on) || (c != NULL && !d_online (c)))
        return D_UNKNOWN;
    d_tell (s, "waiting", "0");
    return D_YES;
}
