/* States: copying them, and the bytes that say whether two of them have the
 * same future.
 *
 * What cannot matter any more is left out of the bytes (counters that only make
 * identifiers, when a machine was started, the words of a job's history), times
 * are ages, and an age beyond what anybody asks for is that limit.  Identifiers
 * are numbered in the order in which they are met, times in names of files by
 * their order. */
#include "prove/prove.h"

#include "prove/stamps.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---------------------------------------------------------------- life */

struct p_state *
p_state_new (const struct p_case *c)
{
    struct p_state *s = sb_xcalloc (1, sizeof *s);

    s->world = sb_xcalloc (1, sizeof *s->world);
    s->e = sb_xcalloc (1, c->esize);
    s->j = sb_xcalloc (1, c->esize);
    s->w = sb_xcalloc (c->plan.count + 1, sizeof *s->w);
    s->wj = sb_xcalloc (c->plan.count + 1, sizeof *s->wj);
    s->things = sb_xcalloc (3, c->plan.count + 1);
    s->last = s->things + c->plan.count + 1;
    s->lastu = s->last + c->plan.count + 1;
    return s;
}

void
p_state_free (struct p_state *s)
{
    if (!s)
        return;
    free (s->world);
    free (s->e);
    free (s->j);
    free (s->w);
    free (s->wj);
    free (s->things);
    free (s);
}

static void
assign_calls (struct p_state *to, const struct p_state *from)
{
    uint32_t k;

    to->ncalls = from->ncalls;
    for (k = 0; k < from->ncalls; k++) {
        memcpy (&to->calls[k], &from->calls[k], offsetof (struct p_call, d));
        memcpy (&to->calls[k].d, &from->calls[k].d, direct_call_size (&from->calls[k].d));
    }
}

#define UNITS(n) ((size_t) (n) *W_TEXT_UNIT) /* in bytes */

/* Every world holds all strings there are, in the same places. */
static void
assign_world (const struct p_case *c, struct world *to, const struct world *from)
{
    w_assign (to, from);
    if (to->ntext < c->ntexts) {
        memcpy (to->text + UNITS (to->ntext), c->shared->texts + UNITS (to->ntext), UNITS (c->ntexts - to->ntext));
        to->ntext = c->ntexts;
    }
}

void
p_state_assign (const struct p_case *c, struct p_state *to, const struct p_state *from)
{
    size_t n = c->plan.count + 1;

    assign_world (c, to->world, from->world);
    direct_files_assign (&to->files, &from->files);
    memcpy (to->e, from->e, c->esize);
    memcpy (to->j, from->j, c->esize);
    memcpy (to->w, from->w, n * sizeof *to->w);
    memcpy (to->wj, from->wj, n * sizeof *to->wj);
    memcpy (to->things, from->things, 3 * n);
    memcpy (to->pending, from->pending, from->npending * sizeof *to->pending);
    to->npending = from->npending;
    assign_calls (to, from);
    memcpy (to->asks, from->asks, from->nasks * sizeof *to->asks);
    to->nasks = from->nasks;
    to->probes = from->probes;
    to->deaths = from->deaths;
    to->events = from->events;
    to->faults = from->faults;
    to->noes = from->noes;
    to->total = from->total;
    to->jumps = from->jumps;
    to->finished = from->finished;
    to->outcome = from->outcome;
    memcpy (to->messages, from->messages, from->nmessages * sizeof *to->messages);
    to->nmessages = from->nmessages;
    to->past = from->past;
}

bool
p_state_settle_texts (struct p_case *c, struct p_state *s)
{
    struct p_shared *all = c->shared;
    uint16_t from = c->ntexts, to = s->world->ntext;
    bool free_place;

    if (to <= from)
        return true;
    pthread_mutex_lock (&all->lock);
    free_place = atomic_load_explicit (&all->ntexts, memory_order_relaxed) == from;
    if (free_place) {
        memcpy (all->texts + UNITS (from), s->world->text + UNITS (from), UNITS (to - from));
        atomic_store_explicit (&all->ntexts, to, memory_order_release);
        c->ntexts = to;
    }
    pthread_mutex_unlock (&all->lock);
    return free_place;
}

void
p_case_refresh (struct p_case *c)
{
    c->ntexts = atomic_load_explicit (&c->shared->ntexts, memory_order_acquire);
}

/* ---------------------------------------------------------------- bytes */

static void
put (struct sb_buf *out, int64_t value, unsigned bytes)
{
    char b[8];

    memcpy (b, &value, sizeof b);
    sb_buf_add (out, b, bytes);
}

#define FAR_MS INT64_C (3000000000000000) /* beyond any clock */

static int64_t
age (int64_t now, int64_t at, int64_t most)
{
    if (at == 0 || at >= FAR_MS)
        return at == 0 ? INT64_MIN : at; /* never yet is not "just now" */
    return now - at > most ? most : now - at;
}

#define LONG 3600000

/* Times are ages at `now`, the world's: the engine's own clock stands still between its events. */
static void
put_step (struct sb_buf *out, const struct p_case *c, const struct sb_engine *e, int64_t now, uint32_t i)
{
    const struct sb_engine_step *s = &sb_engine_steps (e)[i];
    bool rests = s->phase == SB_PHASE_WAITING || sb_engine_at_rest (s), asks = s->flags & SB_STEP_REPROVE;
    struct {
        uint32_t waits_for, next, waiters, ran_prev, target, result;
        uint16_t tries, polls, flags;
        uint8_t lapses, phase, purpose, call, why, asks;
    } b = { s->waits_for, s->next,   s->waiters, s->ran_prev, s->target, s->result, s->tries, 0,
            s->flags,     s->lapses, s->phase,   s->purpose,  s->call,   s->why,    s->asks };

    b.polls = rests ? 0 : s->polls > 12 ? 12 : s->polls;
    if (rests) {
        b.tries = s->phase == SB_PHASE_WAITING ? s->tries : 0;
        b.purpose = s->purpose == SB_FOR_READ ? SB_FOR_READ : SB_FOR_TOP;
    }
    sb_buf_add (out, &b, sizeof b);
    if (!rests) {
        put (out, age (now, s->due, INT64_MAX), 8);
        put (out, age (now, s->since, INT64_MAX), 8);
    }
    if (!rests || asks)
        put (out, age (now, s->asked_at, LONG), 8);
    if (c->proof_ms[i] >= 0)
        put (out, age (now, s->proved_at, c->proof_ms[i] + 1), 8);
}

static void
put_engine (struct sb_buf *out, const struct p_case *c, const struct sb_engine *e, int64_t now)
{
    uint8_t head[] = { e->begun, e->started, e->wait, e->stay, e->stopping, e->undoing, e->cause, e->outcome };
    uint32_t i;

    for (i = 0; i < e->count; i++)
        put_step (out, c, e, now, i);
    for (i = 0; i < e->nsites; i++) {
        const struct sb_engine_site *t = &sb_engine_sites (e)[i];

        put (out, age (now, t->silent_since, c->plan.dark_after_ms), 8);
        put (out, age (now, t->due, INT64_MAX), 8);
        put (out, t->doubting, 4);
        put (out, t->probing, 1);
        put (out, t->dark, 1);
    }
    sb_buf_add (out, sb_engine_gates (e), e->ngates);
    put (out, e->ready_first, 4);
    put (out, e->ran_last, 4);
    sb_buf_add (out, head, sizeof head);
}

static void
put_words (struct sb_buf *out, const struct sb_engine *e, const struct p_word *w)
{
    static const struct p_word none;
    uint32_t i;

    for (i = 0; i < e->count; i++)
        sb_buf_add (out, sb_engine_at_rest (&sb_engine_steps (e)[i]) ? &none : &w[i], sizeof *w);
}

/* ---------------------------------------------------------------- identifiers */

#define GUIDS 16384

struct names {
    uint16_t to[GUIDS];
    uint16_t count;
    struct p_stamps stamps;
};

static w_guid
rename_guid (struct names *n, w_guid g)
{
    if (g == 0)
        return 0;
    g %= GUIDS;
    if (n->to[g] == 0)
        n->to[g] = ++n->count;
    return n->to[g];
}

static uint16_t
session_slot (const struct world *w, w_id instance, uint16_t spid)
{
    unsigned i;

    for (i = 0; spid != 0 && i < w->nsessions; i++)
        if (w->sessions[i].spid == spid && (instance == 0 || w->sessions[i].instance == instance))
            return (uint16_t) (i + 1);
    return spid != 0 ? 0xffff : 0;
}

/* ---------------------------------------------------------------- the world */

static void
plain_machines (struct world *w, struct names *n, int64_t now)
{
    unsigned i;

    for (i = 0; i < w->nsites; i++)
        w->sites[i].powered_ms = age (now, w->sites[i].powered_ms, w->rates.boot_replication + 1);
    for (i = 0; i < w->ninstances; i++) {
        w->instances[i].started_ms = 0;
        w->instances[i].next_session = 0;
        w->instances[i].endpoint_guid = rename_guid (n, w->instances[i].endpoint_guid);
    }
    for (i = 0; i < w->nservers; i++) {
        struct w_server *v = &w->servers[i];
        int64_t ping = now - v->ping_ms;

        v->ping_ms = v->ping_ms == 0 ? 0 : ping <= 30000 ? 1 : ping <= 120000 ? 2 : 3;
        v->replica.at_ms = 0;
        v->replica.version = w->central.version - v->replica.version;
    }
    for (i = 0; i < w->nfrontends; i++) {
        w->frontends[i].replica.at_ms = 0;
        w->frontends[i].replica.version = w->central.version - w->frontends[i].replica.version;
    }
    w->central.changed_ms = age (now, w->central.changed_ms, w->rates.replication + 1);
    w->central.push_ms = age (now, w->central.push_ms, INT64_MAX);
    w->central.version = 0;
}

static void
plain_copies (struct world *w, struct names *n, int64_t now)
{
    unsigned i;

    for (i = 0; i < w->ncopies; i++) {
        struct w_copy *v = &w->copies[i];

        v->holder = session_slot (w, v->instance, v->holder);
        v->created_ms = 0;
        v->guid = rename_guid (n, v->guid);
        v->mirror_guid = rename_guid (n, v->mirror_guid);
        v->lost_ms = age (now, v->lost_ms, 60000);
    }
    for (i = 0; i < w->nforks; i++)
        w->forks[i].guid = rename_guid (n, w->forks[i].guid);
    for (i = 0; i < w->nfamilies; i++)
        w->families[i].guid = rename_guid (n, w->families[i].guid);
    for (i = 0; i < w->nsessions; i++) {
        struct w_session *v = &w->sessions[i];

        v->spid = v->spid != 0 ? 1 : 0;
        v->pid = v->door = 0;
        v->login_ms = v->last_ms = 0;
    }
}

static void
plain_jobs (struct world *w, struct names *n, int64_t now)
{
    unsigned i;

    for (i = 0; i < w->njobs; i++) {
        struct w_job *v = &w->jobs[i];

        v->guid = rename_guid (n, v->guid);
        v->started_ms = v->running ? age (now, v->started_ms, LONG) : 0;
        v->ends_ms = v->running ? age (now, v->ends_ms, INT64_MAX) : 0;
        v->next_ms = 0;
        v->runs[0].instance_id = 0;
        v->runs[0].arg = 0; /* a name in a message */
        v->runs[0].started_ms = age (now, v->runs[0].started_ms, 60000);
        v->runs[0].ended_ms = age (now, v->runs[0].ended_ms, 60000);
        memset (&v->runs[1], 0, sizeof v->runs - sizeof v->runs[0]);
    }
}

static void
plain_shipping (struct world *w, struct names *n)
{
    unsigned i;

    for (i = 0; i < w->nprimaries; i++) {
        struct w_primary *v = &w->primaries[i];

        v->guid = rename_guid (n, v->guid);
        v->last_ms = v->since_ms = 0;
        v->last_file = v->last_file != 0; /* is only told */
    }
    for (i = 0; i < w->nsecondaries; i++) {
        struct w_secondary *v = &w->secondaries[i];

        v->guid = rename_guid (n, v->guid);
        v->last_copied = 0; /* put_file_names() */
        v->last_copied_ms = 0;
    }
    for (i = 0; i < w->nsecondary_dbs; i++) {
        struct w_secondary_db *v = &w->secondary_dbs[i];

        v->last_restored = 0;
        v->last_restored_ms = v->since_ms = 0;
        v->latency_min = v->latency_min < 0 ? -1 : 0;
    }
    for (i = 0; i < w->nworks; i++)
        w->works[i].id = w->works[i].id != 0;
}

static void
plain_history (struct world *w, struct names *n)
{
    unsigned i;

    for (i = 0; i < w->nhistory; i++) {
        struct w_history *v = &w->history[i];

        v->set = rename_guid (n, v->set);
        v->file = 0;
        v->start_ms = v->finish_ms = v->created_ms = v->at_ms = 0;
    }
}

static void
meet_file_names (struct p_stamps *stamps, const struct world *w, const struct d_files *files)
{
    unsigned i;

    for (i = 0; i < files->count; i++)
        p_stamps_meet (stamps, files->list[i].name);
    for (i = 0; i < w->nhistory; i++)
        p_stamps_meet (stamps, w_str (w, w->history[i].file));
    for (i = 0; i < w->nsecondaries; i++)
        p_stamps_meet (stamps, w_str (w, w->secondaries[i].last_copied));
    for (i = 0; i < w->nsecondary_dbs; i++)
        p_stamps_meet (stamps, w_str (w, w->secondary_dbs[i].last_restored));
}

static void
put_file_names (struct sb_buf *out, const struct p_stamps *stamps, const struct world *w)
{
    unsigned i;

    for (i = 0; i < w->nhistory; i++)
        p_stamps_put (stamps, w_str (w, w->history[i].file), out);
    for (i = 0; i < w->nsecondaries; i++)
        p_stamps_put (stamps, w_str (w, w->secondaries[i].last_copied), out);
    for (i = 0; i < w->nsecondary_dbs; i++)
        p_stamps_put (stamps, w_str (w, w->secondary_dbs[i].last_restored), out);
}

static void
put_world (struct sb_buf *out, const struct p_case *c, const struct world *from, struct names *n)
{
    struct world *w = c->scratch;
    int64_t now = from->now_ms;

    w_assign (w, from);
    w->ntext = 1; /* strings have the same place in every world */
    w->version = 0;
    w->now_ms = 0;
    w->next_guid = w->next_history = w->next_run = w->next_work = w->history_next = 0;
    plain_machines (w, n, now);
    plain_copies (w, n, now);
    plain_jobs (w, n, now);
    plain_shipping (w, n);
    plain_history (w, n);
    for (unsigned i = 0; i < w->nworks; i++) {
        w->works[i].started_ms = age (now, w->works[i].started_ms, LONG);
        w->works[i].done_ms = age (now, w->works[i].done_ms, INT64_MAX);
    }
    w_pack (w, out);
    w->ntext = from->ntext; /* so that the next w_assign() clears what it has to */
    put_file_names (out, &n->stamps, from);
}

#define KEPT_MS INT64_C (259200000) /* log backups are deleted after three days */

static void
put_files (struct sb_buf *out, const struct d_files *files, struct names *n, int64_t now)
{
    unsigned i;

    put (out, files->count, 2);
    put (out, files->lost, 2);
    for (i = 0; i < files->count; i++) {
        struct d_file f = files->list[i];

        f.created_ms = f.start_ms = 0;
        f.finish_ms = now - f.finish_ms > KEPT_MS;
        f.guid = rename_guid (n, f.guid);
        f.database_guid = rename_guid (n, f.database_guid);
        sb_buf_add (out, &f, offsetof (struct d_file, name));
        p_stamps_put (&n->stamps, f.name, out);
    }
}

static void
put_call (struct sb_buf *out, const struct world *w, const struct p_call *call)
{
    struct d_call d;
    size_t size = direct_call_size (&call->d);

    sb_buf_add (out, call, offsetof (struct p_call, d));
    if (!call->known || call->broken)
        return;
    memcpy (&d, &call->d, size);
    d.wake_ms = age (w->now_ms, d.wake_ms, INT64_MAX);
    d.deadline_ms = age (w->now_ms, d.deadline_ms, INT64_MAX);
    d.since_ms = age (w->now_ms, d.since_ms, LONG);
    sb_buf_add (out, &d, size);
}

static bool
tells_proof (const struct p_case *c, const struct sb_engine_record *r)
{
    return (r->kind == SB_REC_DONE || r->kind == SB_REC_ADOPTED || r->kind == SB_REC_PROVED) && r->step != SB_NO_STEP
           && c->proof_ms[r->step] >= 0;
}

static void
put_records (struct sb_buf *out, const struct p_case *c, const struct p_state *s)
{
    uint32_t i;

    put (out, s->npending, 4);
    for (i = 0; i < s->npending; i++) {
        const struct sb_engine_record *r = &s->pending[i];
        uint32_t b[] = { r->kind, r->step, r->why, r->value, r->accepted, r->target, r->result };

        sb_buf_add (out, b, sizeof b);
        if (tells_proof (c, r))
            put (out, age (s->world->now_ms, r->ms, c->proof_ms[r->step] + 1), 8);
    }
}

void
p_state_canonical (const struct p_case *c, const struct p_state *s, struct sb_buf *out)
{
    struct names names;
    uint8_t left[] = { s->deaths, s->events, s->faults, s->noes, s->total, s->jumps, s->finished, s->outcome };
    uint32_t k;

    memset (names.to, 0, sizeof names.to);
    names.count = 0;
    names.stamps.count = 0;
    sb_buf_clear (out);
    if (c->direct) {
        meet_file_names (&names.stamps, s->world, &s->files);
        put_world (out, c, s->world, &names);
        put_files (out, &s->files, &names, s->world->now_ms);
    }
    put_engine (out, c, s->e, s->world->now_ms);
    put_engine (out, c, s->j, s->world->now_ms);
    put_words (out, s->e, s->w);
    put_words (out, s->j, s->wj);
    sb_buf_add (out, s->things, 3 * (c->plan.count + 1));
    put_records (out, c, s);
    for (k = 0; k < s->ncalls; k++)
        put_call (out, s->world, &s->calls[k]);
    sb_buf_add (out, s->asks, s->nasks * sizeof *s->asks);
    put (out, s->probes, 4);
    sb_buf_add (out, left, sizeof left);
    sb_buf_add (out, s->messages, s->nmessages * sizeof *s->messages);
    sb_buf_add (out, &s->past, sizeof s->past);
}

struct p_hash
p_hash_of (const struct sb_buf *bytes)
{
    XXH128_hash_t h = XXH3_128bits (bytes->s, bytes->len);

    return (struct p_hash){ h.low64, h.high64 };
}
