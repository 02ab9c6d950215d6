/* Reading the journal: records in order, runs, states, gates, results, owed
 * steps, durations.  Lists are copied into the caller's arena. */
#include "core/journal/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char *
sb_journal_column (sqlite3_stmt *st, int column, struct sb_arena *a)
{
    const char *text = (const char *) sqlite3_column_text (st, column);

    return text ? sb_arena_strdup (a, text) : NULL;
}

bool
sb_journal_read_record (sqlite3_stmt *st, struct sb_record *r)
{
    const char *kind = (const char *) sqlite3_column_text (st, 3);

    memset (r, 0, sizeof *r);
    r->seq = sqlite3_column_int64 (st, 0);
    r->run = (const char *) sqlite3_column_text (st, 1);
    r->at_ms = sqlite3_column_int64 (st, 2);
    r->kind = kind ? sb_record_kind_find (kind) : SB_REC_KINDS;
    r->step = sqlite3_column_type (st, 4) == SQLITE_NULL ? SB_RECORD_NO_STEP : (uint32_t) sqlite3_column_int64 (st, 4);
    r->name = (const char *) sqlite3_column_text (st, 5);
    r->attempt = (unsigned) sqlite3_column_int64 (st, 6);
    r->body = (const char *) sqlite3_column_text (st, 7);
    if (r->kind == SB_REC_KINDS || !r->run || !r->body || sqlite3_column_bytes (st, 8) != SB_HASH_BYTES
        || sqlite3_column_bytes (st, 9) != SB_HASH_BYTES)
        return false;
    memcpy (r->prev_hash, sqlite3_column_blob (st, 8), SB_HASH_BYTES);
    memcpy (r->hash, sqlite3_column_blob (st, 9), SB_HASH_BYTES);
    return true;
}

/* Steps a query to its end; `row` is called for each row and may end it. */
typedef bool (*row_fn) (void *ctx, sqlite3_stmt *st);

static bool
walk (struct sb_journal *j, const char *sql, const struct sb_bind *binds, size_t n, const char *what, row_fn row,
      void *ctx, struct sb_faults *faults)
{
    sqlite3_stmt *st = sb_journal_query (j, sql, binds, n, what, faults);
    int rc = SQLITE_ROW;

    if (!st)
        return false;
    while (rc == SQLITE_ROW && (rc = sqlite3_step (st)) == SQLITE_ROW)
        if (!row (ctx, st))
            rc = SQLITE_DONE;
    if (rc != SQLITE_DONE)
        sb_journal_fault (j, faults, rc, what);
    sqlite3_finalize (st);
    return rc == SQLITE_DONE;
}

struct each {
    sb_record_fn fn;
    void *ctx;
    const char *path;
    struct sb_faults *faults;
    bool fine;
};

static bool
each_row (void *ctx, sqlite3_stmt *st)
{
    struct each *e = ctx;
    struct sb_record r;

    if (sb_journal_read_record (st, &r))
        return e->fn (e->ctx, &r);
    sb_fault (e->faults, e->path, 0, "record %lld of the journal makes no sense", (long long) r.seq);
    e->fine = false;
    return false;
}

bool
sb_journal_each (struct sb_journal *j, const char *run, int64_t from, sb_record_fn fn, void *ctx,
                 struct sb_faults *faults)
{
    struct each e = { fn, ctx, j->path, faults, true };
    const struct sb_bind binds[] = { SB_INT (from), SB_TEXT (run) };

    /* The records of a run lie close together: the table from its first to its last is read faster than by the index. */
    return walk (j,
                 run ? "SELECT " SB_RECORD_COLUMNS " FROM records WHERE seq >= max (?1, coalesce ((SELECT min (seq)"
                       " FROM records WHERE run = ?2), 0)) AND seq <= (SELECT max (seq) FROM records WHERE run = ?2)"
                       " AND +run = ?2 ORDER BY seq"
                     : "SELECT " SB_RECORD_COLUMNS " FROM records WHERE seq >= ?1 ORDER BY seq",
                 binds, run ? 2 : 1, "read its records", each_row, &e, faults)
           && e.fine;
}

bool
sb_journal_each_of (struct sb_journal *j, enum sb_record_kind kind, sb_record_fn fn, void *ctx,
                    struct sb_faults *faults)
{
    struct each e = { fn, ctx, j->path, faults, true };
    const struct sb_bind binds[] = { SB_TEXT (sb_record_words[kind].name) };

    return walk (j, "SELECT " SB_RECORD_COLUMNS " FROM records WHERE kind = ?1 ORDER BY seq", binds, 1,
                 "read its records", each_row, &e, faults)
           && e.fine;
}

/* ---------------------------------------------------------------- runs */

#define ROW_COLUMNS \
    "r.id, r.workflow, r.pool, r.digest, r.topology_file, r.dir, r.info, r.drill, r.uid, r.started_ms, r.ended_ms, r.outcome, r.number"
#define RUNS "SELECT " ROW_COLUMNS ", p.plan, p.topology FROM runs r JOIN papers p ON p.number = r.number "

struct list {
    struct sb_arena *a;
    void *items;
    size_t count, cap;
};

static void
read_run (struct sb_journal_run *r, sqlite3_stmt *st, struct sb_arena *a)
{
    bool papers = sqlite3_column_count (st) > 13;

    r->id = sb_journal_column (st, 0, a);
    r->workflow = sb_journal_column (st, 1, a);
    r->pool = sb_journal_column (st, 2, a);
    r->digest = sb_journal_column (st, 3, a);
    r->topology_file = sb_journal_column (st, 4, a);
    r->dir = sb_journal_column (st, 5, a);
    r->info = sb_journal_column (st, 6, a);
    r->drill = sqlite3_column_int (st, 7) != 0;
    r->uid = (uint32_t) sqlite3_column_int64 (st, 8);
    r->started_ms = sqlite3_column_int64 (st, 9);
    r->ended_ms = sqlite3_column_int64 (st, 10);
    r->outcome = sb_journal_column (st, 11, a);
    r->number = sqlite3_column_int64 (st, 12);
    r->plan = papers ? sb_journal_column (st, 13, a) : NULL;
    r->topology = papers ? sb_journal_column (st, 14, a) : NULL;
}

/* Moves a grown array into the arena, so that the caller has one thing to release. */
static void *
settle (struct list *l, size_t size)
{
    void *items = sb_arena_alloc (l->a, l->count * size + 1);

    if (l->count)
        memcpy (items, l->items, l->count * size);
    free (l->items);
    l->items = NULL;
    return items;
}

static bool
run_row (void *ctx, sqlite3_stmt *st)
{
    struct list *l = ctx;
    struct sb_journal_run *runs = l->items = sb_grow (l->items, &l->cap, l->count + 1, sizeof *runs);

    read_run (&runs[l->count++], st, l->a);
    return true;
}

bool
sb_journal_runs (struct sb_journal *j, struct sb_arena *a, struct sb_journal_run **ret, size_t *ret_count,
                 struct sb_faults *faults)
{
    struct list l = { .a = a };
    bool fine = walk (j, RUNS "ORDER BY r.number DESC", NULL, 0, "list its runs", run_row, &l, faults);

    *ret = settle (&l, sizeof **ret);
    *ret_count = l.count;
    return fine;
}

bool
sb_journal_run_find (struct sb_journal *j, const char *id, struct sb_arena *a, struct sb_journal_run **ret,
                     struct sb_faults *faults)
{
    struct list l = { .a = a };
    const struct sb_bind binds[] = { SB_TEXT (id), SB_INT (id ? strlen (id) : 0) };
    bool fine = walk (j,
                      id ? RUNS "WHERE substr (r.id, 1, ?2) = ?1 ORDER BY r.id = ?1 DESC, r.number DESC"
                         : RUNS "WHERE r.outcome IS NULL ORDER BY r.number DESC LIMIT 1",
                      binds, id ? 2 : 0, "find a run", run_row, &l, faults);
    struct sb_journal_run *runs = settle (&l, sizeof *runs);

    *ret = l.count ? runs : NULL;
    if (fine && id && l.count > 1 && strcmp (runs[0].id, id) != 0) {
        sb_fault (faults, NULL, 0, "'%s' is the beginning of %zu runs, %s and %s among them", id, l.count, runs[0].id,
                  runs[1].id);
        *ret = NULL;
        return false;
    }
    return fine;
}

bool
sb_journal_run_row (struct sb_journal *j, const char *id, struct sb_arena *a, struct sb_journal_run **ret,
                    struct sb_faults *faults)
{
    struct list l = { .a = a };
    const struct sb_bind binds[] = { SB_TEXT (id) };
    bool fine =
            walk (j, "SELECT " ROW_COLUMNS " FROM runs r WHERE r.id = ?", binds, 1, "find a run", run_row, &l, faults);
    struct sb_journal_run *runs = settle (&l, sizeof *runs);

    *ret = l.count ? runs : NULL;
    return fine;
}

/* ---------------------------------------------------------------- steps and gates */

static bool
step_row (void *ctx, sqlite3_stmt *st)
{
    struct list *l = ctx;
    struct sb_journal_step *steps = l->items = sb_grow (l->items, &l->cap, l->count + 1, sizeof *steps);
    struct sb_journal_step *s = &steps[l->count++];

    s->step = (uint32_t) sqlite3_column_int64 (st, 0);
    s->name = sb_journal_column (st, 1, l->a);
    s->state = sb_journal_column (st, 2, l->a);
    s->attempt = (unsigned) sqlite3_column_int64 (st, 3);
    s->begun_ms = sqlite3_column_int64 (st, 4);
    s->ended_ms = sqlite3_column_int64 (st, 5);
    s->seq = sqlite3_column_int64 (st, 6);
    s->body = sb_journal_column (st, 7, l->a);
    return true;
}

bool
sb_journal_steps (struct sb_journal *j, const char *run, struct sb_arena *a, struct sb_journal_step **ret,
                  size_t *ret_count, struct sb_faults *faults)
{
    struct list l = { .a = a };
    const struct sb_bind binds[] = { SB_TEXT (run) };
    bool fine = walk (j,
                      "SELECT s.step, s.name, s.state, s.attempt, s.begun_ms, s.ended_ms, s.seq, r.body"
                      " FROM step_states s JOIN records r USING (seq) WHERE s.run = ? ORDER BY s.step",
                      binds, 1, "list the steps of a run", step_row, &l, faults);

    *ret = settle (&l, sizeof **ret);
    *ret_count = l.count;
    return fine;
}

/* The newest record of the step that has results says them all: the driver merges before it writes. */
static bool
results_row (void *ctx, sqlite3_stmt *st)
{
    struct list *l = ctx;
    json_t *body = json_loads ((const char *) sqlite3_column_text (st, 0), 0, NULL);
    json_t *results = json_object_get (body, "results");
    char *text = json_is_object (results) ? json_dumps (results, JSON_SORT_KEYS | JSON_COMPACT) : NULL;

    if (text)
        l->items = sb_arena_strdup (l->a, text);
    free (text);
    json_decref (body);
    return l->items == NULL;
}

bool
sb_journal_results (struct sb_journal *j, const char *run, const char *step, struct sb_arena *a, const char **ret,
                    struct sb_faults *faults)
{
    struct list l = { .a = a };
    const struct sb_bind binds[] = { SB_TEXT (run), SB_TEXT (step) };
    bool fine = walk (j,
                      "SELECT body FROM records WHERE run = ?1 AND name = ?2"
                      " AND kind IN ('adopted', 'done', 'answer', 'proved') ORDER BY seq DESC",
                      binds, 2, "read the results of a step", results_row, &l, faults);

    *ret = l.items;
    return fine;
}

static bool
gate_row (void *ctx, sqlite3_stmt *st)
{
    struct list *l = ctx;
    struct sb_journal_gate *gates = l->items = sb_grow (l->items, &l->cap, l->count + 1, sizeof *gates);
    struct sb_journal_gate *g = &gates[l->count++];

    g->step = (uint32_t) sqlite3_column_int64 (st, 0);
    g->name = sb_journal_column (st, 1, l->a);
    g->open = sb_journal_column (st, 2, l->a);
    g->opened_ms = sqlite3_column_int64 (st, 3);
    g->answer = sb_journal_column (st, 4, l->a);
    g->answered_ms = sqlite3_column_int64 (st, 5);
    g->state = g->answer ? "answered" : "open";
    return true;
}

bool
sb_journal_gates (struct sb_journal *j, const char *run, struct sb_arena *a, struct sb_journal_gate **ret,
                  size_t *ret_count, struct sb_faults *faults)
{
    struct list l = { .a = a };
    const struct sb_bind binds[] = { SB_TEXT (run) };
    bool fine = walk (j,
                      "SELECT g.step, g.name, o.body, o.at_ms, w.body, w.at_ms FROM gates g"
                      " JOIN records o ON o.seq = g.open_seq LEFT JOIN records w ON w.seq = g.answer_seq"
                      " WHERE g.run = ? ORDER BY g.step",
                      binds, 1, "list the gates of a run", gate_row, &l, faults);

    *ret = settle (&l, sizeof **ret);
    *ret_count = l.count;
    return fine;
}

/* ---------------------------------------------------------------- owed, durations */

static bool
owed_row (void *ctx, sqlite3_stmt *st)
{
    struct list *l = ctx;
    struct sb_journal_owed *owed = l->items = sb_grow (l->items, &l->cap, l->count + 1, sizeof *owed);
    struct sb_journal_owed *o = &owed[l->count++];

    o->run = sb_journal_column (st, 0, l->a);
    o->workflow = sb_journal_column (st, 1, l->a);
    o->name = sb_journal_column (st, 2, l->a);
    o->step = (uint32_t) sqlite3_column_int64 (st, 3);
    o->since_ms = sqlite3_column_int64 (st, 4);
    o->body = sb_journal_column (st, 5, l->a);
    return true;
}

bool
sb_journal_owed (struct sb_journal *j, const char *pool, struct sb_arena *a, struct sb_journal_owed **ret,
                 size_t *ret_count, struct sb_faults *faults)
{
    struct list l = { .a = a };
    const struct sb_bind binds[] = { SB_TEXT (pool) };
    bool fine = walk (j,
                      "SELECT s.run, u.workflow, s.name, s.step, r.at_ms, r.body FROM step_states s"
                      " JOIN runs u ON u.id = s.run JOIN records r ON r.seq = s.seq"
                      " WHERE s.state = 'owed' AND (?1 IS NULL OR u.pool = ?1) ORDER BY u.number, s.step",
                      binds, 1, "list what is owed", owed_row, &l, faults);

    *ret = settle (&l, sizeof **ret);
    *ret_count = l.count;
    return fine;
}

void
sb_journal_past (struct sb_journal *j, const char *workflow, const char *pool, bool drill, sb_past_fn fn, void *ctx)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    const struct sb_bind binds[] = { SB_TEXT (workflow), SB_TEXT (pool), SB_INT (drill) };
    sqlite3_stmt *st = sb_journal_query (
            j,
            "SELECT s.name, s.ended_ms - s.begun_ms FROM step_states s JOIN (SELECT id, number FROM runs WHERE workflow = ?1"
            " AND pool = ?2 AND drill = ?3 AND outcome IS NOT NULL ORDER BY number DESC LIMIT 20) u ON u.id = s.run"
            " WHERE s.state = 'done' AND s.begun_ms > 0 AND s.ended_ms >= s.begun_ms ORDER BY s.name, u.number DESC",
            binds, 3, "read durations", &ignored);

    while (st && sqlite3_step (st) == SQLITE_ROW)
        fn (ctx, (const char *) sqlite3_column_text (st, 0), sqlite3_column_int64 (st, 1));
    sqlite3_finalize (st);
}

size_t
sb_journal_durations (struct sb_journal *j, const char *workflow, const char *step, int64_t *ret_ms, size_t cap)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    const struct sb_bind binds[] = { SB_TEXT (workflow), SB_TEXT (step), SB_INT (cap) };
    sqlite3_stmt *st =
            sb_journal_query (j,
                              "SELECT s.ended_ms - s.begun_ms FROM step_states s JOIN runs u ON u.id = s.run"
                              " WHERE u.workflow = ?1 AND s.name = ?2 AND s.state = 'done'"
                              " AND s.begun_ms > 0 AND s.ended_ms >= s.begun_ms ORDER BY u.number DESC LIMIT ?3",
                              binds, 3, "read durations", &ignored);
    size_t n = 0;

    while (st && n < cap && sqlite3_step (st) == SQLITE_ROW)
        ret_ms[n++] = sqlite3_column_int64 (st, 0);
    sqlite3_finalize (st);
    return n;
}
