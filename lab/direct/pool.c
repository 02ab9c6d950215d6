/* The pool: each verb is a script on the first front end that answers; each
 * cmdlet in it is one operation. */
#include "core/base/text.h"
#include "lab/direct/verbs.h"

#include <stdio.h>
#include <string.h>

#define RESERVE_MS 10000 /* what await-replication leaves of its time */

/* ------------------------------------------------------------------ front ends */

static bool
fe_answers (const struct step *s, w_id fe)
{
    const struct w_frontend *f = &s->w->frontends[fe - 1];

    return f->running && w_linked (s->w, s->p->site, f->site);
}

/* The first that answers, of a site (0: of those that control the pool, in their order); 0: none. */
static w_id
front_end (const struct step *s, w_id site)
{
    const char *control = site == 0 ? d_attr (s->d, "pool", d_object (s->d, "pool", 0), "control") : NULL;
    struct sb_arena arena = { 0 };
    size_t count = 0;
    w_id found = 0, id;
    char **names = control == NULL ? NULL : sb_split_list (&arena, control, &count);

    for (size_t i = 0; i < count && found == 0; i++)
        if ((id = d_id (s->d, "frontend", names[i])) != 0 && fe_answers (s, id))
            found = id;
    for (id = 1; count == 0 && id <= s->w->nfrontends && found == 0; id++)
        if ((site == 0 || s->w->frontends[id - 1].site == site) && fe_answers (s, id))
            found = id;
    sb_arena_release (&arena);
    return found;
}

static w_id
site_of (const struct step *s, w_id fe)
{
    return s->w->frontends[fe - 1].site;
}

static enum go
no_front_end (struct step *s)
{
    return d_fail (s, D_RETRY, "no front end answers");
}

/* One cmdlet: what the error's category makes of it. */
static enum go
cmdlet (struct step *s, w_id fe, struct w_op *op)
{
    enum d_class class;

    op->subject = fe;
    class = d_act (s, op);
    if (class == D_C_OK)
        return GO_NEXT;
    return d_fail (s, s->a->number == W_POOL_TOO_MANY || s->a->number == W_POOL_NO_SERVER ? D_FAIL : D_RETRY,
                   "a cmdlet failed (%d)", s->a->number);
}

/* ------------------------------------------------------------------ lists */

/* Names of servers as bits; *ret_all false: some are none of the pool. */
static uint16_t
bits_of (const struct step *s, const char *list, unsigned *ret_count)
{
    struct sb_arena arena = { 0 };
    size_t count = 0;
    uint16_t bits = 0;
    char **names = list == NULL ? NULL : sb_split_list (&arena, list, &count);

    for (size_t i = 0; i < count; i++) {
        w_id id = w_find_server (s->w, names[i]);

        if (id != 0)
            bits |= (uint16_t) (1u << (id - 1));
    }
    sb_arena_release (&arena);
    *ret_count = (unsigned) count;
    return bits;
}

static void
tell_list (struct step *s, const char *key, uint16_t bits)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    for (unsigned i = 0; i < s->w->nservers; i++)
        if ((bits >> i & 1) != 0)
            sb_buf_printf (&b, "%s%s", b.len > 0 ? ", " : "", w_str (s->w, s->w->servers[i].name));
    d_tell (s, key, sb_buf_cstr (&b));
}

/* ------------------------------------------------------------------ looking */

/* State and active list can be read: a front end answers, and the store answers it. */
static bool
can_look (const struct step *s, w_id *ret_fe)
{
    *ret_fe = front_end (s, 0);
    return *ret_fe != 0 && w_central_answers (s->w, site_of (s, *ret_fe));
}

static const char *
state_word (const struct step *s)
{
    return s->w->central.state == W_FAILED_OVER ? "FailedOver" : "Normal";
}

/* The site of the store's master as a front end tells it; 0: unknown. */
static w_id
store_site (const struct step *s, w_id fe)
{
    if (!w_central_answers (s->w, site_of (s, fe)))
        return 0;
    for (w_id i = 1; i <= s->w->nfrontends; i++)
        if (s->w->frontends[i - 1].site == s->w->central.site)
            return s->w->central.site;
    return 0;
}

static const char *
site_word (const struct step *s, w_id site)
{
    return site == 0 ? "unknown" : w_str (s->w, s->w->sites[site - 1].name);
}

static enum go
look (struct step *s)
{
    w_id fe;

    if (!can_look (s, &fe))
        return fe == 0 ? no_front_end (s) : d_fail (s, D_RETRY, "the central store does not answer");
    d_tell (s, "state", state_word (s));
    tell_list (s, "active", s->w->central.active);
    d_tell (s, "central store", site_word (s, store_site (s, fe)));
    d_tellf (s, "sentence", "the pool is %s", state_word (s));
    return d_done (s);
}

const phase_fn d_pool_observe[] = { look, NULL };

/* ------------------------------------------------------------------ set-state */

static bool
wants_over (const struct step *s)
{
    const char *state = d_option (s, "state");

    return state != NULL && strcmp (state, "FailedOver") == 0;
}

static enum go
set_state (struct step *s)
{
    struct w_op op;
    w_id fe;

    if (!can_look (s, &fe))
        return fe == 0 ? no_front_end (s) : d_fail (s, D_RETRY, "the central store does not answer");
    d_tell (s, "was", state_word (s));
    if (s->w->central.state == (wants_over (s) ? W_FAILED_OVER : W_NORMAL))
        return d_done (s);
    d_op (s, &op, W_OP_POOL_STATE, 0);
    op.n[0] = wants_over (s) ? W_FAILED_OVER : W_NORMAL;
    return cmdlet (s, fe, &op) == GO_NEXT ? d_done (s) : GO_END;
}

const phase_fn d_pool_state[] = { set_state, NULL };

enum d_seen
d_see_pool_state (struct step *s)
{
    w_id fe;

    if (!can_look (s, &fe))
        return D_UNKNOWN;
    d_tell (s, "was", state_word (s));
    return s->w->central.state == (wants_over (s) ? W_FAILED_OVER : W_NORMAL) ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ set-active */

/* call.bits is the list before, so that it can be told when the script has ended. */
static enum go
plan_active (struct step *s)
{
    unsigned count;
    uint16_t want = bits_of (s, d_option (s, "servers"), &count), now;
    w_id fe;

    if (count > s->w->limit_active)
        return d_fail (s, D_FAIL, "%u servers were to be active", count);
    if (!can_look (s, &fe))
        return fe == 0 ? no_front_end (s) : d_fail (s, D_RETRY, "the central store does not answer");
    now = s->c->bits = s->w->central.active;
    tell_list (s, "was", now);
    s->c->count = 0;
    if (now == want && (unsigned) __builtin_popcount (want) == count)
        return d_done (s);
    if ((unsigned) __builtin_popcount (want) != count)
        return d_fail (s, D_FAIL, "a server is none of the pool");
    return GO_NEXT;
}

/* First the half that keeps somebody active and the limit too: adding, unless that would pass it. */
static uint16_t
half (const struct step *s, uint16_t want, bool first)
{
    uint16_t before = s->c->bits, both = before | want, now = s->w->central.active;
    bool add_first = __builtin_popcount (both) <= s->w->limit_active;

    if (want == 0)
        return 0;
    if (first == add_first)
        return now | (want & (uint16_t) ~before);
    return now & (uint16_t) ~(before & (uint16_t) ~want);
}

static enum go
set_half (struct step *s, bool first)
{
    unsigned count;
    uint16_t want = bits_of (s, d_option (s, "servers"), &count), next = half (s, want, first);
    struct w_op op;
    w_id fe;

    if (next == s->w->central.active)
        return GO_NEXT;
    if (!can_look (s, &fe))
        return fe == 0 ? d_fail (s, D_UNSURE, "the front end fell silent")
                       : d_fail (s, D_RETRY, "the central store does not answer");
    d_op (s, &op, W_OP_POOL_ACTIVE, 0);
    op.n[0] = next;
    return cmdlet (s, fe, &op);
}

static enum go
set_first (struct step *s)
{
    return set_half (s, true);
}

static enum go
set_second (struct step *s)
{
    return set_half (s, false);
}

static enum go
active_set (struct step *s)
{
    tell_list (s, "was", s->c->bits);
    return d_done (s);
}

const phase_fn d_set_active[] = { plan_active, set_first, set_second, active_set, NULL };

enum d_seen
d_see_set_active (struct step *s)
{
    unsigned count;
    uint16_t want = bits_of (s, d_option (s, "servers"), &count);
    w_id fe;

    if (!can_look (s, &fe))
        return D_UNKNOWN;
    tell_list (s, "was", s->w->central.active);
    if (s->w->central.active == want && (unsigned) __builtin_popcount (want) == count)
        return D_YES;
    return (s->w->central.active & want) != 0 ? D_PARTLY : D_NO; /* one of the two cmdlets may have come through */
}

/* ------------------------------------------------------------------ await-replication */

static uint16_t
late (const struct step *s, uint16_t servers)
{
    uint16_t ret = 0;

    for (unsigned i = 0; i < s->w->nservers; i++)
        if ((servers >> i & 1) != 0 && s->w->servers[i].replica.version != s->w->central.version)
            ret |= (uint16_t) (1u << i);
    return ret;
}

/* One push for each server: call.count says how far it is. */
static enum go
push (struct step *s)
{
    unsigned count;
    uint16_t servers = bits_of (s, d_option (s, "servers"), &count);
    struct w_op op;
    enum go go;
    w_id fe;

    while (s->c->count < s->w->nservers && (servers >> s->c->count & 1) == 0)
        s->c->count++;
    if (s->c->count >= s->w->nservers)
        return GO_NEXT;
    if (!can_look (s, &fe))
        return fe == 0 ? no_front_end (s) : d_fail (s, D_RETRY, "the central store does not answer");
    d_op (s, &op, W_OP_REPLICATE, 0);
    op.n[0] = 1 << s->c->count;
    go = cmdlet (s, fe, &op);
    if (go != GO_NEXT)
        return go;
    s->c->count++;
    return GO_AGAIN;
}

static enum go
await_replicas (struct step *s)
{
    unsigned count;
    uint16_t servers = bits_of (s, d_option (s, "servers"), &count);
    int64_t last = s->c->deadline_ms == 0 ? D_FAR : s->c->deadline_ms - RESERVE_MS;
    w_id fe;

    if (!can_look (s, &fe))
        return fe == 0 ? no_front_end (s) : d_fail (s, D_RETRY, "the central store does not answer");
    if (late (s, servers) == 0)
        return d_done (s);
    return s->w->now_ms >= last ? d_fail (s, D_RETRY, "replicas are not up to date") : d_nap (s, last);
}

const phase_fn d_await_replication[] = { push, await_replicas, NULL };

enum d_seen
d_see_await_replication (struct step *s)
{
    unsigned count;
    uint16_t servers = bits_of (s, d_option (s, "servers"), &count);
    w_id fe;

    if (!can_look (s, &fe))
        return D_UNKNOWN;
    return late (s, servers) == 0 ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ services */

enum { CHAT = 1, COMPLIANCE = 2 };

static int
which (const struct step *s)
{
    const char *word = d_option (s, "which");

    return word == NULL || strcmp (word, "all") == 0 ? CHAT | COMPLIANCE
           : strcmp (word, "compliance") == 0        ? COMPLIANCE
                                                     : CHAT;
}

static int
running (const struct step *s)
{
    const struct w_server *v = &s->w->servers[s->c->on - 1];

    return (v->chat ? CHAT : 0) | (v->compliance ? COMPLIANCE : 0);
}

static bool
server_seen (const struct step *s, w_id *ret_fe)
{
    *ret_fe = front_end (s, 0);
    return *ret_fe != 0 && s->c->on != 0 && w_linked (s->w, site_of (s, *ret_fe), s->w->servers[s->c->on - 1].site);
}

/* One service after the other; those that are so already are left alone. */
static enum go
set_services (struct step *s, bool start)
{
    int todo;
    struct w_op op;
    enum go go;
    w_id fe;

    if (s->c->on == 0)
        return d_fail (s, D_FAIL, "no server is named");
    if (!server_seen (s, &fe))
        return fe == 0 ? no_front_end (s) : d_fail (s, D_RETRY, "the server does not answer");
    if (s->c->round == 0) { /* the script is written with what was found */
        todo = which (s) & (start ? ~running (s) : running (s));
        s->c->bits = (uint16_t) todo;
        s->c->round = 1;
    }
    todo = s->c->bits;
    if (todo == 0)
        return d_done (s);
    d_op (s, &op, W_OP_SERVICE, 0);
    op.n[0] = s->c->on;
    op.n[1] = (todo & CHAT) != 0 ? CHAT : COMPLIANCE;
    op.n[2] = start;
    s->c->bits = (uint16_t) (todo & ~op.n[1]);
    go = cmdlet (s, fe, &op);
    return go == GO_NEXT ? GO_AGAIN : go;
}

static enum d_seen
see_services (struct step *s, bool start)
{
    int meant = which (s), good = meant & (start ? running (s) : ~running (s));
    w_id fe;

    if (!server_seen (s, &fe))
        return D_UNKNOWN;
    return good == meant ? D_YES : good == 0 ? D_NO : D_PARTLY;
}

static enum go
stop (struct step *s)
{
    return set_services (s, false);
}

static enum go
start (struct step *s)
{
    return set_services (s, true);
}

const phase_fn d_stop_services[] = { stop, NULL };
const phase_fn d_start_services[] = { start, NULL };

enum d_seen
d_see_stop_services (struct step *s)
{
    return s->c->on == 0 ? D_UNKNOWN : see_services (s, false);
}

enum d_seen
d_see_start_services (struct step *s)
{
    return s->c->on == 0 ? D_UNKNOWN : see_services (s, true);
}

/* ------------------------------------------------------------------ move-central-store */

static bool
names_its_store (const struct step *s, w_id site)
{
    const char *name;

    for (w_id fe = 1; fe <= s->w->nfrontends; fe++) {
        name = w_str (s->w, s->w->frontends[fe - 1].name);
        if (s->w->frontends[fe - 1].site == site && d_attr (s->d, "frontend", name, "back end") != NULL)
            return true;
    }
    return false;
}

static enum go
move (struct step *s)
{
    w_id site = d_id (s->d, "site", d_option (s, "site")), fe = site == 0 ? 0 : front_end (s, site), was;
    struct w_op op;

    if (site == 0)
        return d_fail (s, D_FAIL, "no such site");
    if (fe == 0)
        return no_front_end (s);
    was = store_site (s, fe);
    d_tell (s, "was", site_word (s, was));
    if (was == site)
        return d_done (s);
    d_op (s, &op, W_OP_CENTRAL_MOVE, 0);
    op.n[0] = site;
    op.flags = was != 0 && front_end (s, was) != 0 ? 0 : W_WITH_FORCE;
    if (op.flags != 0 && !names_its_store (s, site))
        return d_fail (s, D_FAIL, "no front end there names its SQL Server");
    return cmdlet (s, fe, &op) == GO_NEXT ? d_done (s) : GO_END;
}

const phase_fn d_move_central_store[] = { move, NULL };

enum d_seen
d_see_move_central_store (struct step *s)
{
    w_id site = d_id (s->d, "site", d_option (s, "site")), fe = site == 0 ? 0 : front_end (s, site), now;

    if (fe == 0)
        return D_UNKNOWN;
    now = store_site (s, fe);
    d_tell (s, "was", site_word (s, now));
    return now == site ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ send-message */

/* A server that accepts clients reaches a copy that can be written. */
static bool
gets_through (const struct step *s, w_id fe, w_id server)
{
    const struct w_server *v = &s->w->servers[server - 1];
    size_t db = 0;

    if (!v->chat || (v->replica.active >> (server - 1) & 1) == 0 || !w_linked (s->w, site_of (s, fe), v->site))
        return false;
    while (db < s->d->ndatabases && !s->d->databases[db].fail_over)
        db++;
    return db < s->d->ndatabases && direct_server_copy (s->d, s->w, server, db) != 0;
}

static enum go
send_message (struct step *s)
{
    w_id fe = front_end (s, 0);
    bool through = false;

    if (fe == 0)
        return no_front_end (s);
    for (w_id i = 1; i <= s->w->nservers && !through; i++)
        through = gets_through (s, fe, i);
    through = through && !s->w->central.next_hop_down;
    d_tell (s, "latency", through ? "00:00:00.0213010" : "00:00:00");
    return through ? d_done (s) : d_fail (s, D_RETRY, "the synthetic message did not get through");
}

const phase_fn d_send_message[] = { send_message, NULL };
