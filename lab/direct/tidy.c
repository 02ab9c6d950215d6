/* One form for worlds that no question tells apart: history that no verb reads
 * is forgotten, times that only describe are zero, sessions are numbered in
 * order, strings that nothing uses are gone. */
#include "core/base/text.h"
#include "lab/direct/intern.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ history */

static bool
same_thing (const struct w_history *a, const struct w_history *b)
{
    return a->instance == b->instance && a->kind == b->kind && a->database == b->database;
}

/* A ring: the i-th newest. */
static struct w_history *
newest (struct world *w, unsigned i)
{
    return &w->history[(w->history_next + w->limit_history - 1u - i) % w->limit_history];
}

/* Of an instance and database: the newest restore and the newest full one; the newest log and full backup that count. */
static bool
is_newest (struct world *w, unsigned from_newest)
{
    const struct w_history *h = newest (w, from_newest);
    bool backup = h->kind == W_WAS_BACKUP, first = true, first_of_type = true;

    if (h->instance == 0 || (backup && (h->flags & W_SET_COPY_ONLY) != 0))
        return false;
    for (unsigned i = 0; i < from_newest; i++) {
        const struct w_history *x = newest (w, i);

        if (!same_thing (h, x) || (backup && (x->flags & W_SET_COPY_ONLY) != 0))
            continue;
        first = false;
        first_of_type = first_of_type && x->type != h->type;
    }
    return backup ? first_of_type : first || (h->type == W_SET_FULL && first_of_type);
}

static const char *
base_name (const char *path)
{
    const char *base = strrchr (path, '\\');

    return base == NULL ? path : base + 1;
}

/* A backup whose file is there (its verify asks for the set), or that a secondary restored last (ship-once asks). */
static bool
is_asked_for (const struct d_place *p, const struct w_history *h)
{
    const struct world *w = p->world;

    if (h->kind != W_WAS_BACKUP)
        return false;
    for (unsigned i = 0; h->type == W_SET_FULL && i < p->files->count; i++)
        if (p->files->list[i].guid == h->set)
            return true;
    for (unsigned i = 0; h->type == W_SET_LOG && i < w->nsecondary_dbs; i++)
        if (w->secondary_dbs[i].secondary != 0
            && sb_casecmp (base_name (w_str (w, w->secondary_dbs[i].last_restored)), base_name (w_str (w, h->file)))
                       == 0)
            return true;
    return false;
}

static int
by_place (const void *a, const void *b)
{
    const struct w_history *x = a, *y = b;

    if (x->instance != y->instance)
        return x->instance < y->instance ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void
tidy_history (struct d_place *p)
{
    struct world *w = p->world;
    uint8_t keep[W_HISTORY_LEAST] = { 0 };
    unsigned n = 0, count = w->nhistory;

    if (count > W_HISTORY_LEAST) /* a lab's own: it is left as it is */
        return;
    for (unsigned i = 0; i < count; i++)
        keep[newest (w, i) - w->history] = is_newest (w, i) || is_asked_for (p, newest (w, i));
    for (unsigned i = 0; i < count; i++)
        if (keep[i])
            w->history[n++] = w->history[i];
    memset (&w->history[n], 0, (count - n) * sizeof *w->history);
    if (n > 1)
        qsort (w->history, n, sizeof *w->history, by_place);
    for (unsigned i = 0; i < n; i++) {
        w->history[i].id = (int32_t) i + 1;
        w->history[i].user = 0;
        w->history[i].created_ms = w->history[i].at_ms = 0;
    }
    w->nhistory = (uint16_t) n;
    w->history_next = w->next_history = n;
}

/* ------------------------------------------------------------------ times and counters */

static void
tidy_jobs (struct world *w)
{
    for (unsigned i = 0; i < w->njobs; i++) {
        struct w_job *j = &w->jobs[i];

        memset (&j->runs[1], 0, sizeof j->runs - sizeof *j->runs);
        j->runs[0].started_ms = j->runs[0].ended_ms = 0;
        j->started_ms = 0;
        j->next_ms = 0;
        j->by_user = 0;
    }
}

static void
tidy_times (struct world *w)
{
    for (unsigned i = 0; i < w->ncopies; i++)
        w->copies[i].created_ms = 0;
    for (unsigned i = 0; i < w->ninstances; i++)
        w->instances[i].started_ms = 0;
    for (unsigned i = 0; i < w->nprimaries; i++)
        w->primaries[i].last_ms = w->primaries[i].since_ms = 0;
    for (unsigned i = 0; i < w->nsecondaries; i++)
        w->secondaries[i].last_copied_ms = 0;
    for (unsigned i = 0; i < w->nsecondary_dbs; i++) {
        w->secondary_dbs[i].last_restored_ms = w->secondary_dbs[i].since_ms = 0;
        w->secondary_dbs[i].latency_min = 0;
    }
    for (unsigned i = 0; i < w->nservers; i++)
        w->servers[i].replica.at_ms = 0;
    for (unsigned i = 0; i < w->nfrontends; i++)
        w->frontends[i].replica.at_ms = 0;
}

static void
tidy_files (struct d_files *f)
{
    for (unsigned i = 0; i < f->count; i++)
        f->list[i].created_ms = 0;
}

/* ------------------------------------------------------------------ sessions */

static int
by_client (const void *a, const void *b)
{
    const struct w_session *x = a, *y = b;

    if (x->instance != y->instance)
        return x->instance < y->instance ? -1 : 1;
    if (x->copy != y->copy)
        return x->copy < y->copy ? -1 : 1;
    return (x->host > y->host) - (x->host < y->host);
}

/* Numbered from 51 on each instance; who holds a database in SINGLE_USER keeps it. */
static void
tidy_sessions (struct world *w)
{
    static __thread uint16_t next[W_MAX_INSTANCES];
    unsigned n = 0;

    memset (next, 0, sizeof next);
    for (unsigned i = 0; i < w->nsessions; i++)
        if (w->sessions[i].instance != 0)
            w->sessions[n++] = w->sessions[i];
    memset (&w->sessions[n], 0, (w->nsessions - n) * sizeof *w->sessions);
    w->nsessions = (uint16_t) n;
    if (n > 1)
        qsort (w->sessions, n, sizeof *w->sessions, by_client);
    for (unsigned i = 0; i < n; i++) {
        struct w_session *x = &w->sessions[i];
        uint16_t spid = (uint16_t) (51 + next[x->instance - 1]++);

        for (unsigned k = 0; k < w->ncopies; k++)
            if (w->copies[k].instance == x->instance && w->copies[k].holder == x->spid)
                w->copies[k].holder = (uint16_t) (spid | 0x8000); /* not taken for an old number */
        x->spid = spid;
        x->login_ms = x->last_ms = 0;
        x->pid = x->door = 0;
    }
    for (unsigned k = 0; k < w->ncopies; k++)
        w->copies[k].holder &= 0x7fff;
    for (unsigned i = 0; i < w->ninstances; i++)
        w->instances[i].next_session = next[i] == 0 ? 0 : (uint16_t) (50 + next[i]);
}

void
direct_tidy (const struct direct *d, struct d_place *p)
{
    (void) d;
    tidy_history (p);
    tidy_jobs (p->world);
    tidy_times (p->world);
    tidy_files (p->files);
    tidy_sessions (p->world);
    w_compact (p->world);
    p->world->version = 1;
}
