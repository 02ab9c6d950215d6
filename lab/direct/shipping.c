/* save-shipping, stop-shipping, start-shipping, ship-once. */
#include "core/base/text.h"
#include "lab/direct/verbs.h"

#include <string.h>

#define ROUNDS     3
#define OUTCOME_MS 30000

static const char *
base_name (const char *path)
{
    const char *base = strrchr (path, '\\');

    return base == NULL ? path : base + 1;
}

/* ------------------------------------------------------------------ save-shipping */

static enum go
save (struct step *s)
{
    const struct w_primary *p;
    const struct w_secondary *x;
    const struct w_secondary_db *d;
    unsigned count;

    D_OPEN (s, s->c->on);
    p = d_primary (s, s->c->on);
    d = d_secondary_db (s, s->c->on, &count);
    x = d_secondary (s, s->c->on);
    d_tellf (
            s, "definition",
            "{\"instance\":\"%s\",\"primary\":\"%s\",\"secondary of\":\"%s\",\"source\":\"%s\",\"destination\":\"%s\"}",
            d_instance_name (s, s->c->on), p == NULL ? "" : w_str (s->w, p->directory),
            x == NULL ? "" : w_str (s->w, x->server), x == NULL ? "" : w_str (s->w, x->source),
            x == NULL ? "" : w_str (s->w, x->destination));
    d_tell (s, "last restored", d == NULL ? "" : w_str (s->w, d->last_restored));
    return d_done (s);
}

const phase_fn d_save_shipping[] = { save, NULL };

/* ------------------------------------------------------------------ stop-shipping, start-shipping */

/* All jobs of the definitions there that exist. */
static unsigned
jobs_of (struct step *s, struct w_job *ret[3])
{
    const struct w_primary *p = d_primary (s, s->c->on);
    const struct w_secondary *x = d_secondary (s, s->c->on);
    const w_id ids[] = { p == NULL ? 0 : p->job, x == NULL ? 0 : x->copy_job, x == NULL ? 0 : x->restore_job };
    unsigned n = 0;

    for (unsigned i = 0; i < 3; i++) {
        ret[n] = d_job (s, ids[i]);
        n += ret[n] != NULL;
    }
    return n;
}

static enum go
disable (struct step *s)
{
    struct w_job *jobs[4];
    unsigned n = jobs_of (s, jobs);

    for (unsigned i = 0; i < n; i++)
        if (jobs[i]->enabled)
            return d_job_off (s, jobs[i]);
    return GO_NEXT;
}

static enum go
await_idle (struct step *s)
{
    struct w_job *jobs[4];
    unsigned n;

    D_OPEN (s, s->c->on);
    n = jobs_of (s, jobs);
    for (unsigned i = 0; i < n; i++)
        if (jobs[i]->running)
            return d_nap (s, D_FAR);
    return GO_NEXT;
}

const phase_fn d_stop_shipping[] = { d_phase_open, disable, await_idle, NULL };

static void
count_jobs (struct step *s, unsigned *ret_all, unsigned *ret_enabled, unsigned *ret_running)
{
    struct w_job *jobs[4];

    *ret_all = jobs_of (s, jobs);
    *ret_enabled = *ret_running = 0;
    for (unsigned i = 0; i < *ret_all; i++) {
        *ret_enabled += jobs[i]->enabled;
        *ret_running += jobs[i]->running;
    }
}

enum d_seen
d_see_stop_shipping (struct step *s)
{
    unsigned all, enabled, running;

    if (s->c->on == 0 || !d_reach (s, s->c->on))
        return D_UNKNOWN;
    count_jobs (s, &all, &enabled, &running);
    if (enabled == 0)
        return running == 0 ? D_YES : D_PARTLY;
    return enabled == all ? D_NO : D_PARTLY;
}

static enum go
enable (struct step *s)
{
    struct w_job *jobs[4];
    unsigned n;

    D_OPEN (s, s->c->on);
    n = jobs_of (s, jobs);
    if (n == 0)
        return d_fail (s, D_FAIL, "no log shipping is defined at '%s'", d_instance_name (s, s->c->on));
    for (unsigned i = 0; i < n; i++)
        if (!jobs[i]->enabled)
            return d_job_on (s, jobs[i]);
    return GO_NEXT;
}

const phase_fn d_start_shipping[] = { enable, NULL };

enum d_seen
d_see_start_shipping (struct step *s)
{
    unsigned all, enabled, running;

    if (s->c->on == 0 || !d_reach (s, s->c->on))
        return D_UNKNOWN;
    count_jobs (s, &all, &enabled, &running);
    if (enabled == all && enabled > 0)
        return D_YES;
    return enabled > 0 ? D_PARTLY : D_NO;
}

/* ------------------------------------------------------------------ ship-once */

static w_id
to_of (const struct step *s)
{
    return d_id (s->d, "instance", d_option (s, "to"));
}

/* The newest restored file, if this primary made it; "" if not. */
static const char *
shipped_file (struct step *s)
{
    unsigned count;
    const struct w_secondary_db *d = d_secondary_db (s, to_of (s), &count);
    const char *base = d == NULL ? "" : base_name (w_str (s->w, d->last_restored));

    for (unsigned i = 0; *base != 0 && i < s->w->nhistory; i++) {
        const struct w_history *h = &s->w->history[i];

        if (h->instance == s->c->on && h->type == W_SET_LOG && sb_casecmp (w_str (s->w, h->database), s->db->name) == 0
            && sb_casecmp (base_name (w_str (s->w, h->file)), base) == 0)
            return base;
    }
    return "";
}

static enum go
open_both (struct step *s)
{
    struct w_primary *p;
    unsigned count;

    D_OPEN (s, s->c->on);
    D_OPEN (s, to_of (s));
    p = d_primary (s, s->c->on);
    if (p == NULL || d_secondary_db (s, to_of (s), &count) == NULL)
        return d_fail (s, D_FAIL, "log shipping is not defined at '%s'",
                       d_instance_name (s, p == NULL ? s->c->on : to_of (s)));
    return GO_NEXT;
}

enum { IDLE, ASKED };

static enum go
job_start (struct step *s, struct w_job *j)
{
    enum d_class class;
    struct w_op op;

    if (j->running)
        return d_nap (s, D_FAR);
    s->c->since_ms = j->runs[0].instance_id;
    d_op (s, &op, W_OP_JOB_START, j->instance);
    op.subject = (uint16_t) (j - s->w->jobs + 1);
    class = d_act (s, &op);
    if (class == D_C_OK) {
        s->c->round = ASKED;
        s->c->wake_ms = s->w->now_ms + OUTCOME_MS;
        return GO_AGAIN;
    }
    if (class == D_C_LOST || ++s->c->count == 5)
        return d_failed (s, class, "a job cannot be started");
    if (!s->w->instances[j->instance - 1].agent)
        return d_fail (s, D_RETRY, "the Agent of '%s' does not run", d_instance_name (s, j->instance));
    return d_nap (s, s->w->now_ms + 250);
}

/* Starts a job and waits for its outcome in the history. */
static enum go
run_job (struct step *s, w_id instance, w_id id)
{
    struct w_job *j = d_job (s, id);

    D_OPEN (s, instance);
    if (j == NULL)
        return d_fail (s, D_FAIL, "a job of log shipping is missing at '%s'", d_instance_name (s, instance));
    if (s->c->round == IDLE)
        return job_start (s, j);
    if (j->runs[0].instance_id > s->c->since_ms)
        return j->runs[0].status == W_RUN_SUCCEEDED ? GO_NEXT
                                                    : d_fail (s, D_RETRY, "a job at '%s' failed (%d)",
                                                              d_instance_name (s, instance), j->runs[0].message);
    if (j->running)
        return d_nap (s, D_FAR);
    if (s->c->wake_ms < D_FAR && s->w->now_ms >= s->c->wake_ms)
        return d_fail (s, D_UNSURE, "a job at '%s' left no trace", d_instance_name (s, instance));
    return d_nap (s, s->c->wake_ms < D_FAR ? s->c->wake_ms : s->w->now_ms + OUTCOME_MS);
}

static enum go
run_backup (struct step *s)
{
    const struct w_primary *p = d_primary (s, s->c->on);

    return run_job (s, s->c->on, p == NULL ? 0 : p->job);
}

static enum go
note_end (struct step *s)
{
    const struct w_history *h = d_backed_up (s, s->c->on, W_SET_LOG);

    s->c->lsn = h == NULL ? 0 : h->last;
    s->c->bits = 0;
    return GO_NEXT;
}

static enum go
run_copy (struct step *s)
{
    const struct w_secondary *x = d_secondary (s, to_of (s));

    return run_job (s, to_of (s), x == NULL ? 0 : x->copy_job);
}

static enum go
run_restore (struct step *s)
{
    const struct w_secondary *x = d_secondary (s, to_of (s));

    return run_job (s, to_of (s), x == NULL ? 0 : x->restore_job);
}

static enum go
arrived (struct step *s)
{
    const struct w_copy *c;

    D_OPEN (s, to_of (s));
    c = d_copy (s, to_of (s));
    if (s->c->lsn != 0 && c != NULL && d_restoring (c) && c->lsn >= s->c->lsn) {
        d_tell (s, "file", shipped_file (s));
        return d_done (s);
    }
    if (++s->c->bits == ROUNDS)
        return d_fail (s, D_RETRY, "the newest log backup did not arrive at '%s'", d_instance_name (s, to_of (s)));
    s->c->phase = (uint8_t) (s->c->phase - 2);
    s->c->round = 0;
    return GO_AGAIN;
}

const phase_fn d_ship_once[] = { open_both, run_backup, note_end, run_copy, run_restore, arrived, NULL };

enum d_seen
d_see_ship_once (struct step *s)
{
    const char *file;

    if (s->c->on == 0 || !d_reach (s, s->c->on) || to_of (s) == 0 || !d_reach (s, to_of (s)))
        return D_UNKNOWN;
    file = shipped_file (s);
    d_tell (s, "file", file);
    return *file != 0 ? D_YES : D_NO;
}
