/* Two worlds beside each other; see alike.h. */
#include "tests/direct/alike.h"

#include "core/base/mem.h"

#include <ctype.h>
#include <string.h>

/* ------------------------------------------------------------------ what is compared */

void
alike_mask_date (char *name, size_t n)
{
    for (size_t i = 0; i + 14 <= n; i++) {
        size_t k = 0;

        while (k < 14 && isdigit ((unsigned char) name[i + k]))
            k++;
        if (k == 14)
            memset (name + i, '#', 14);
    }
}

static w_text
there (struct world *w, w_text t)
{
    return t == 0 ? 0 : w_intern (w, "there");
}

/* Who was where is the same on both sides: what that leaves in the world is compared too. */
static void
mask_people (struct world *w)
{
    for (unsigned i = 0; i < w->nsessions; i++) {
        struct w_session *s = &w->sessions[i];

        *s = (struct w_session){ .instance = s->instance,
                                 .spid = s->spid,
                                 .copy = s->copy,
                                 .login = s->login,
                                 .sysadmin = s->sysadmin,
                                 .in_tran = s->in_tran };
    }
    for (unsigned i = 0; i < w->nhistory; i++) {
        struct w_history *h = &w->history[i];

        h->start_ms = h->finish_ms = h->created_ms = h->at_ms = 0;
        h->file = there (w, h->file);
    }
}

static void
forget_people (struct world *w)
{
    w->next_history = w->history_next = 0;
    memset (w->history, 0, sizeof w->history);
    w->nhistory = 0;
    memset (w->sessions, 0, sizeof w->sessions);
    w->nsessions = 0;
    for (unsigned i = 0; i < w->ninstances; i++)
        w->instances[i].next_session = 0;
    for (unsigned i = 0; i < w->ncopies; i++)
        w->copies[i].owner = w->copies[i].holder = 0; /* a session of ours, or the lab itself */
}

void
alike_mask (struct world *w, enum alike how)
{
    w->version = 1;
    w->now_ms = 0;
    w->central.changed_ms = w->central.push_ms = 0;
    if (how == ALIKE_PEOPLE)
        mask_people (w);
    else
        forget_people (w);
    for (unsigned i = 0; i < w->nsites; i++)
        w->sites[i].powered_ms = 0;
    for (unsigned i = 0; i < w->ninstances; i++)
        w->instances[i].started_ms = 0;
    for (unsigned i = 0; i < w->ncopies; i++)
        w->copies[i].created_ms = w->copies[i].lost_ms = 0;
    for (unsigned i = 0; i < w->nservers; i++) {
        w->servers[i].ping_ms = w->servers[i].clients = 0;
        w->servers[i].replica.at_ms = 0;
    }
    for (unsigned i = 0; i < w->nfrontends; i++)
        w->frontends[i].replica.at_ms = 0;
    for (unsigned i = 0; i < w->njobs; i++) {
        struct w_job *j = &w->jobs[i];

        j->started_ms = j->ends_ms = j->next_ms = 0;
        j->by_user = 0;
        for (unsigned k = 0; k < W_MAX_RUNS; k++) {
            j->runs[k].started_ms = j->runs[k].ended_ms = 0;
            j->runs[k].arg = there (w, j->runs[k].arg);
        }
    }
    for (unsigned i = 0; i < w->nprimaries; i++) {
        w->primaries[i].last_file = there (w, w->primaries[i].last_file);
        w->primaries[i].last_ms = w->primaries[i].since_ms = 0;
    }
    for (unsigned i = 0; i < w->nsecondaries; i++) {
        w->secondaries[i].last_copied = there (w, w->secondaries[i].last_copied);
        w->secondaries[i].last_copied_ms = 0;
    }
    for (unsigned i = 0; i < w->nsecondary_dbs; i++) {
        w->secondary_dbs[i].last_restored = there (w, w->secondary_dbs[i].last_restored);
        w->secondary_dbs[i].last_restored_ms = w->secondary_dbs[i].since_ms = 0;
        w->secondary_dbs[i].latency_min = 0;
    }
    w_compact (w);
}

/* ------------------------------------------------------------------ telling the difference */

void
alike_bytes (json_t *list, const char *what, unsigned index, const char *name, const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    size_t at = 0;

    while (at < n && x[at] == y[at])
        at++;
    if (at < n)
        json_array_append_new (list, json_sprintf ("%s %u (%s): from byte %zu: lab %u, model %u", what, index, name, at,
                                                   x[at], y[at]));
}

#define EACH(table, count, text)                            \
    for (unsigned i = 0; i < a->count || i < b->count; i++) \
    alike_bytes (list, #table, i, text, &a->table[i], &b->table[i], sizeof a->table[i])

static void
compare_copies (json_t *list, const struct world *a, const struct world *b)
{
    for (unsigned i = 0; i < a->ncopies || i < b->ncopies; i++) {
        const struct w_copy *x = &a->copies[i], *y = &b->copies[i];
        SB_AUTOFREE char *text =
                sb_xprintf ("%s at %s: state %u/%u access %u/%u lsn %lld/%lld role %u/%u mirroring %u/%u",
                            w_str (a, x->name), x->instance != 0 ? w_str (a, a->instances[x->instance - 1].name) : "",
                            x->state, y->state, x->user_access, y->user_access, (long long) x->lsn, (long long) y->lsn,
                            x->role, y->role, x->mirroring, y->mirroring);

        alike_bytes (list, "copies", i, text, x, y, sizeof *x);
    }
}

json_t *
alike_worlds (const struct world *a, const struct world *b)
{
    json_t *list = json_array ();

    compare_copies (list, a, b);
    EACH (sites, nsites, w_str (a, a->sites[i].name));
    EACH (instances, ninstances, w_str (a, a->instances[i].name));
    EACH (forks, nforks, "");
    EACH (servers, nservers, w_str (a, a->servers[i].name));
    EACH (frontends, nfrontends, w_str (a, a->frontends[i].name));
    EACH (jobs, njobs, w_str (a, a->jobs[i].name));
    EACH (primaries, nprimaries, w_str (a, a->primaries[i].database));
    EACH (pairs, npairs, w_str (a, a->pairs[i].server));
    EACH (secondaries, nsecondaries, w_str (a, a->secondaries[i].server));
    EACH (sessions, nsessions, "");
    EACH (history, nhistory, w_str (a, a->history[i].database));
    EACH (secondary_dbs, nsecondary_dbs, w_str (a, a->secondary_dbs[i].database));
    alike_bytes (list, "central", 0, "", &a->central, &b->central, sizeof a->central);
    if (a->next_guid != b->next_guid)
        json_array_append_new (list, json_sprintf ("identifiers given: lab %u, model %u", a->next_guid, b->next_guid));
    if (json_array_size (list) == 0 && w_digest (a) != w_digest (b))
        json_array_append_new (list, json_string ("the digests differ"));
    return list;
}
