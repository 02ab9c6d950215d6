/* Agent jobs: when they run and what the three log shipping jobs do to files
 * and databases (SQL sheet 4.5 to 4.7).  A run takes a while and has its effect
 * at its end; power loss and a stopped Agent end it without an outcome. */
#include "lab/world/intern.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

w_id
w_job_new (struct world *w, w_id instance, enum w_job_kind kind, const char *name)
{
    w_id id = w_slot_new (w, W_T_JOBS);
    struct w_job *j;

    if (id == 0)
        return 0;
    j = &w->jobs[id - 1];
    j->instance = instance;
    j->kind = (uint8_t) kind;
    j->guid = ++w->next_guid;
    j->name = w_intern (w, name);
    j->every_min = 15;
    return id;
}

void
w_job_drop (struct world *w, w_id job)
{
    w_slot_drop (w, W_T_JOBS, job);
}

static int32_t
interval (const struct world *w, const struct w_job *j)
{
    const struct w_rates *r = &w->rates;

    if (r->real)
        return j->every_min * 60000;
    return j->kind == W_JOB_BACKUP    ? r->backup
           : j->kind == W_JOB_COPY    ? r->copy
           : j->kind == W_JOB_RESTORE ? r->restore
                                      : r->alert;
}

/* With a rate of INT32_MAX jobs of the kind run only when somebody starts them. */
static bool
by_clock (const struct world *w, const struct w_job *j)
{
    return j->enabled && j->scheduled && interval (w, j) != INT32_MAX;
}

void
w_job_begin (struct world *w, struct w_job *j, bool by_user)
{
    j->running = 1;
    j->by_user = by_user;
    j->started_ms = w->now_ms;
    j->ends_ms = w->now_ms + w->rates.job;
    j->next_ms = w->now_ms + interval (w, j);
    w->version++;
}

/* What a run came to. */
struct outcome {
    int status, message;
    unsigned files;
    char arg[W_PATH];
};

static void
failed (struct outcome *o, int message, const char *arg)
{
    o->status = W_RUN_FAILED;
    o->message = message;
    w_put (o->arg, sizeof o->arg, arg);
}

static void
job_end (struct world *w, struct w_job *j, const struct outcome *o)
{
    struct w_run *r = j->runs;

    j->running = 0;
    j->by_user = 0;
    memmove (r + 1, r, (W_MAX_RUNS - 1) * sizeof *r);
    memset (r, 0, sizeof *r);
    w->next_run += 2;
    r->instance_id = (int32_t) w->next_run;
    r->status = o->status;
    r->started_ms = j->started_ms;
    r->ended_ms = w->now_ms;
    r->message = o->message;
    r->arg = w_intern (w, o->arg);
    r->files = (uint16_t) o->files;
    j->started_ms = j->ends_ms = 0;
    w->version++;
}

/* Names */

const char *
w_path_name (const char *path)
{
    const char *a = strrchr (path, '\\'), *b = strrchr (path, '/');

    if (a == NULL || (b != NULL && b > a))
        a = b;
    return a == NULL ? path : a + 1;
}

void
w_path_join (char *ret, size_t size, const char *folder, const char *name)
{
    size_t n = strlen (folder);

    bool ended = n > 0 && (folder[n - 1] == '\\' || folder[n - 1] == '/');

    snprintf (ret, size, "%s%s%s", folder, ended ? "" : folder[0] == '/' ? "/" : "\\", name);
}

static void
log_name (char *ret, size_t size, const char *database, int64_t now_ms, const char *suffix)
{
    time_t t = (time_t) (now_ms / 1000);
    struct tm tm;

    gmtime_r (&t, &tm);
    snprintf (ret, size, "%s_%04d%02d%02d%02d%02d%02d%s", database, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
              tm.tm_hour, tm.tm_min, tm.tm_sec, suffix);
}

struct listing {
    struct w_file *list;
    size_t count, cap;
    int64_t before_ms; /* end with the first that is not older */
};

static bool
each_log_file (void *arg, const struct w_file *f)
{
    struct listing *l = arg;
    size_t len = strlen (f->name);

    if (f->is_dir || len < 5 || strcasecmp (f->name + len - 4, ".trn") != 0)
        return true;
    if (f->modified_ms < l->before_ms)
        SB_PUSH (l->list, l->count, l->cap) = *f;
    return f->modified_ms < l->before_ms;
}

static int
by_name (const void *a, const void *b)
{
    return strcasecmp (((const struct w_file *) a)->name, ((const struct w_file *) b)->name);
}

/* Files <database>_*.trn of a folder in order of their names, those after the file `after` (a name, "": all); of these,
 * up to the first that is not older than `before_ms`.  Caller frees. */
static struct w_file *
log_files (const struct w_files *files, const char *instance, const char *folder, const char *database,
           const char *after, int64_t before_ms, size_t *ret_count, int *ret_error)
{
    struct listing l = { .before_ms = before_ms };
    char prefix[W_NAME + 1];
    const struct w_wanted wanted = { prefix, after };

    snprintf (prefix, sizeof prefix, "%s_", database);
    *ret_error = files->list (files->ctx, instance, folder, &wanted, each_log_file, &l);
    if (l.count > 1)
        qsort (l.list, l.count, sizeof *l.list, by_name);
    *ret_count = l.count;
    return l.list;
}

/* Files older than the retention go, in either folder. */
static void
retire (struct world *w, const struct w_files *files, w_id instance, const char *folder, const char *database,
        int32_t retention_min)
{
    const char *name = w_str (w, w->instances[instance - 1].name);
    int64_t oldest = w->now_ms - (int64_t) retention_min * 60000;
    char path[2 * W_PATH];
    size_t n;
    int error;
    SB_AUTOFREE struct w_file *list = NULL;

    if (retention_min <= 0 || w_files_reach (w, instance, folder, true) != W_FILE_OK)
        return;
    list = log_files (files, name, folder, database, "", oldest, &n, &error);
    for (size_t i = 0; i < n; i++) {
        w_path_join (path, sizeof path, folder, list[i].name);
        files->remove (files->ctx, name, path);
    }
}

/* Backup: writes NAME.wrk, verifies, renames to NAME.trn. */
static void
run_backup (struct world *w, const struct w_files *files, const struct w_job *j, struct outcome *o)
{
    struct w_primary *p = &w->primaries[j->subject - 1];
    const char *instance = w_str (w, w->instances[j->instance - 1].name), *db = w_str (w, p->database),
               *folder = w_str (w, p->directory);
    w_id copy = w_find_copy (w, j->instance, db);
    char wrk[2 * W_PATH], trn[2 * W_PATH], name[2 * W_NAME];
    int64_t stamp = w->now_ms;
    struct w_backup b = { .copy = copy,
                          .flags = W_WITH_LOG | W_WITH_INIT | W_WITH_CHECKSUM,
                          .path = wrk,
                          .known_as = trn,
                          .user = "NT SERVICE\\SQLSERVERAGENT" };
    struct w_file seen;
    struct w_set set;
    struct w_out out;

    if (copy == 0 || w->copies[copy - 1].state != W_ONLINE) {
        o->message = 32008; /* and it succeeds: that is what a dormant source looks like */
        w_put (o->arg, sizeof o->arg, db);
        return;
    }
    for (int tries = 0; tries < 10; tries++, stamp += 1000) {
        log_name (name, sizeof name, db, stamp, ".trn");
        w_path_join (trn, sizeof trn, folder, name);
        if (files->stat (files->ctx, instance, trn, &seen) != W_FILE_OK)
            break;
    }
    log_name (name, sizeof name, db, stamp, ".wrk");
    w_path_join (wrk, sizeof wrk, folder, name);
    w_out_init (&out);
    if (!w_backup_run (w, files, &b, &set, &out)) {
        failed (o, out.msgs[0].number, w_out_arg (&out, &out.msgs[0], 0));
        return;
    }
    if (files->rename (files->ctx, instance, wrk, trn) != W_FILE_OK) {
        failed (o, 3202, trn);
        return;
    }
    p->last_file = w_intern (w, trn);
    p->last_ms = w->now_ms;
    o->files = 1;
    retire (w, files, j->instance, folder, db, p->retention_min);
}

/* Copy: what the source has and the destination has not. */
static void
run_copy (struct world *w, const struct w_files *files, const struct w_job *j, struct outcome *o)
{
    struct w_secondary *s = &w->secondaries[j->subject - 1];
    const char *instance = w_str (w, w->instances[j->instance - 1].name), *source = w_str (w, s->source),
               *destination = w_str (w, s->destination);
    int error = w_files_reach (w, j->instance, source, false);
    char from[2 * W_PATH], to[2 * W_PATH], wrk[2 * W_PATH + 8];
    struct w_file seen;
    size_t n = 0;
    SB_AUTOFREE struct w_file *list = NULL;

    if (error == W_FILE_OK)
        error = w_files_reach (w, j->instance, destination, true);
    if (error == W_FILE_FULL) {
        failed (o, 3202, destination);
        return;
    }
    if (error == W_FILE_OK)
        list = log_files (files, instance, source, w_str (w, s->database), w_path_name (w_str (w, s->last_copied)),
                          INT64_MAX, &n, &error);
    if (error != W_FILE_OK) {
        failed (o, 3201, source);
        return;
    }
    files->make_dir (files->ctx, instance, destination);
    for (size_t i = 0; i < n; i++) {
        w_path_join (from, sizeof from, source, list[i].name);
        w_path_join (to, sizeof to, destination, list[i].name);
        if (files->stat (files->ctx, instance, to, &seen) == W_FILE_OK)
            continue;
        snprintf (wrk, sizeof wrk, "%.*swrk", (int) strlen (to) - 3, to);
        error = files->copy (files->ctx, instance, from, wrk);
        if (error == W_FILE_OK)
            error = files->rename (files->ctx, instance, wrk, to);
        if (error != W_FILE_OK) {
            failed (o, error == W_FILE_FULL ? 3202 : 3201, from);
            return;
        }
        s->last_copied = w_intern (w, to);
        s->last_copied_ms = w->now_ms;
        o->files++;
    }
}

/* One database of a secondary. */
static void
restore_database (struct world *w, const struct w_files *files, const struct w_job *j, struct w_secondary_db *d,
                  struct outcome *o)
{
    struct w_secondary *s = &w->secondaries[j->subject - 1];
    const char *instance = w_str (w, w->instances[j->instance - 1].name), *folder = w_str (w, s->destination),
               *db = w_str (w, d->database);
    struct w_copy *c = w_copy (w, w_find_copy (w, j->instance, db));
    char path[2 * W_PATH];
    enum w_set_class class;
    struct w_set set;
    unsigned sets;
    size_t n = 0;
    int error = W_FILE_OK, problem;
    SB_AUTOFREE struct w_file *list = NULL;

    if (c == NULL || !c->restored || (c->state != W_RESTORING && !c->standby) || c->mirror_guid != 0) {
        failed (o, 32014, db); /* could not be restored to: it is no secondary any more */
        return;
    }
    list = log_files (files, instance, folder, w_str (w, s->database), w_path_name (w_str (w, d->last_restored)),
                      INT64_MAX, &n, &error);
    for (size_t i = 0; i < n && o->status == W_RUN_SUCCEEDED; i++) {
        w_path_join (path, sizeof path, folder, list[i].name);
        error = files->read (files->ctx, instance, path, 1, &set, &class, &sets);
        if (error != W_FILE_OK || class != W_SET_GOOD || set.seed != w->seed) {
            failed (o, error != W_FILE_OK ? 3201 : w_set_problem (class == W_SET_GOOD ? W_SET_NO_BACKUP : class), path);
            return;
        }
        if (set.finish_ms + (int64_t) d->delay_min * 60000 > w->now_ms)
            return;
        if (w_sessions_in (w, c, 0) > 0) {
            if (!d->disconnect_users) {
                failed (o, 3101, db);
                return;
            }
            w_sessions_cut (w, c, 0, true, NULL);
        }
        if (w_copy_busy (w, c)) {
            failed (o, 3101, db);
            return;
        }
        problem = w_log_apply (w, c, &set);
        if (problem != 0 && problem != 4326) {
            failed (o, problem, path);
            return;
        }
        if (problem == 4326)
            continue;
        c->standby = c->read_only = d->restore_mode == 1;
        c->state = c->standby ? W_ONLINE : W_RESTORING;
        w_history_restore (w, c, &set, path, "NT SERVICE\\SQLSERVERAGENT", W_WITH_LOG | W_WITH_NORECOVERY);
        d->last_restored = w_intern (w, path);
        d->last_restored_ms = w->now_ms;
        d->latency_min = (int32_t) ((w->now_ms - set.finish_ms) / 60000);
        o->files++;
        if (!d->restore_all)
            return;
    }
}

static void
run_restore (struct world *w, const struct w_files *files, const struct w_job *j, struct outcome *o)
{
    struct w_secondary *s = &w->secondaries[j->subject - 1];

    for (unsigned i = 0; i < w->nsecondary_dbs; i++)
        if (w->secondary_dbs[i].secondary == j->subject)
            restore_database (w, files, j, &w->secondary_dbs[i], o);
    retire (w, files, j->instance, w_str (w, s->destination), w_str (w, s->database), s->retention_min);
}

/* 14420 and 14421, as the alert job raises them. */
static void
run_alert (struct world *w, const struct w_job *j, struct outcome *o)
{
    const struct w_primary *p;
    const struct w_secondary_db *d;
    int64_t last;

    for (unsigned i = 0; i < w->nprimaries; i++) {
        p = &w->primaries[i];
        last = p->last_ms != 0 ? p->last_ms : p->since_ms;
        if (p->instance == j->instance && p->alert_enabled && w->now_ms - last > (int64_t) p->threshold_min * 60000)
            failed (o, 14420, w_str (w, p->database));
    }
    for (unsigned i = 0; i < w->nsecondary_dbs; i++) {
        d = &w->secondary_dbs[i];
        last = d->last_restored_ms != 0 ? d->last_restored_ms : d->since_ms;
        if (d->secondary != 0 && w->secondaries[d->secondary - 1].instance == j->instance && d->alert_enabled
            && w->now_ms - last > (int64_t) d->threshold_min * 60000)
            failed (o, 14421, w_str (w, d->database));
    }
}

static void
job_finish (struct world *w, const struct w_files *files, struct w_job *j)
{
    struct outcome o = { .status = W_RUN_SUCCEEDED };

    switch (j->subject == 0 && j->kind != W_JOB_ALERT ? 0 : j->kind) {
    case W_JOB_BACKUP:
        run_backup (w, files, j, &o);
        break;
    case W_JOB_COPY:
        run_copy (w, files, j, &o);
        break;
    case W_JOB_RESTORE:
        run_restore (w, files, j, &o);
        break;
    case W_JOB_ALERT:
        run_alert (w, j, &o);
        break;
    default: /* a job whose definition is gone */
        failed (&o, 32016, w_str (w, j->name));
    }
    job_end (w, j, &o);
}

/* So many at a time: between two ticks the world answers. */
#define MOST_A_TICK 64

void
w_jobs_tick (struct world *w, const struct w_files *files)
{
    unsigned finished = 0;
    struct w_job *j;

    for (unsigned i = 0; i < w->njobs && finished < MOST_A_TICK; i++) {
        j = &w->jobs[i];
        if (j->instance == 0)
            continue;
        if (!w_answers (w, j->instance) || !w->instances[j->instance - 1].agent)
            j->running = 0;
        else if (!j->running && by_clock (w, j) && w->now_ms >= j->next_ms)
            w_job_begin (w, j, false);
        else if (j->running && w->now_ms >= j->ends_ms) {
            job_finish (w, files, j);
            finished++;
        }
    }
}

int64_t
w_jobs_due (const struct world *w)
{
    int64_t due = INT64_MAX, at;
    const struct w_job *j;

    for (unsigned i = 0; i < w->njobs; i++) {
        j = &w->jobs[i];
        if (j->instance == 0 || !w_answers (w, j->instance) || !w->instances[j->instance - 1].agent)
            continue;
        at = j->running ? j->ends_ms : by_clock (w, j) ? j->next_ms : INT64_MAX;
        due = at < due ? at : due;
    }
    return due;
}

/* Statements */

static struct w_job *
the_job (struct w_ctx *c)
{
    w_id id = c->op->subject;

    if (id != 0 && id <= c->w->njobs && c->w->jobs[id - 1].instance == c->op->instance)
        return &c->w->jobs[id - 1];
    fail (c, 14262, "@job_id\1%u", id);
    return NULL;
}

void
w_do_job_start (struct w_ctx *c)
{
    struct w_job *j = the_job (c);

    if (j == NULL)
        return;
    if (!c->inst->agent) {
        fail (c, 22022, NULL); /* no arguments: the Agent does not run */
        return;
    }
    if (j->running) {
        fail (c, 22022, "%s\1%s\1%s", w_str (c->w, j->name), c->me == NULL ? "" : w_str (c->w, c->me->login),
              j->by_user ? "User" : "Schedule");
        return;
    }
    w_job_begin (c->w, j, true);
    w_out_say (c->out, 14243, "%s", w_str (c->w, j->name));
}

void
w_do_job_stop (struct w_ctx *c)
{
    struct w_job *j = the_job (c);
    struct outcome o = { .status = W_RUN_CANCELLED };

    if (j == NULL)
        return;
    if (!j->running)
        fail (c, 22022, "%s\1%s\1stop", w_str (c->w, j->name), c->me == NULL ? "" : w_str (c->w, c->me->login));
    else
        job_end (c->w, j, &o);
}

void
w_do_job_update (struct w_ctx *c)
{
    struct w_job *j = the_job (c);

    if (j == NULL)
        return;
    if (c->op->n[0] >= 0)
        j->enabled = c->op->n[0] != 0;
    if (c->op->name[0][0] != 0)
        j->name = w_intern (c->w, c->op->name[0]);
}

void
w_do_job_schedule (struct w_ctx *c)
{
    struct w_job *j = the_job (c);

    if (j == NULL)
        return;
    j->scheduled = 1;
    j->every_min = (uint16_t) (c->op->n[0] > 0 ? c->op->n[0] : 15);
}

void
w_do_job_delete (struct w_ctx *c)
{
    if (the_job (c) != NULL)
        w_job_drop (c->w, c->op->subject);
}
