/* build-primary, build-secondary, remove-primary, remove-secondary. */
#include "core/base/text.h"
#include "lab/direct/verbs.h"

#include <stdio.h>
#include <string.h>

#define REBUILD 1 /* in call.bits: what stands is to be made again */

static int32_t
minutes (const struct step *s, const char *key, int64_t fallback_ms)
{
    return (int32_t) ((d_setting_ms (s->d, s->db, key, fallback_ms) + 59999) / 60000);
}

static bool
says (const struct step *s, w_text t, const char *text)
{
    return text != NULL && sb_casecmp (w_str (s->w, t), text) == 0;
}

static w_id
named (const struct step *s, const char *option)
{
    return d_id (s->d, "instance", d_option (s, option));
}

/* One procedure. */
static enum go
call (struct step *s, const struct w_op *op, const char *what)
{
    enum d_class class = d_act (s, op);

    return class == D_C_OK ? GO_NEXT : d_failed (s, class, what);
}

static enum go
schedule (struct step *s, w_id job, const char *setting)
{
    struct w_op op;
    int64_t ms = d_setting_ms (s->d, s->db, setting, 900000);

    d_op (s, &op, W_OP_JOB_SCHEDULE, s->c->on);
    op.subject = job;
    op.n[0] = ms % 60000 == 0 && ms > 0 ? (int32_t) (ms / 60000) : 1;
    return call (s, &op, "a schedule cannot be attached");
}

static enum go
idle (struct step *s, w_id job)
{
    const struct w_job *j = d_job (s, job);

    D_OPEN (s, s->c->on);
    return j != NULL && j->running ? d_nap (s, D_FAR) : GO_NEXT;
}

static enum go
enable (struct step *s, w_id job)
{
    struct w_op op;

    d_op (s, &op, W_OP_JOB_UPDATE, s->c->on);
    op.subject = job;
    op.n[0] = 1;
    return call (s, &op, "a job cannot be enabled");
}

static const char *
job_name (struct step *s, w_id job)
{
    const struct w_job *j = d_job (s, job);

    return j == NULL ? "" : w_str (s->w, j->name);
}

/* ------------------------------------------------------------------ primary */

static struct w_pair *
pair_of (struct step *s, const struct w_primary *p, const char *server)
{
    w_id id = p == NULL ? 0 : (w_id) (p - s->w->primaries + 1);

    for (unsigned i = 0; id != 0 && i < s->w->npairs; i++)
        if (s->w->pairs[i].primary == id
            && (server == NULL
                || (says (s, s->w->pairs[i].server, server) && says (s, s->w->pairs[i].database, s->db->name))))
            return &s->w->pairs[i];
    return NULL;
}

static bool
primary_is_right (struct step *s)
{
    const struct w_primary *p = d_primary (s, s->c->on);
    const char *share = d_unc (s, s->db->log_share);
    w_id secondary = named (s, "secondary");

    return p != NULL && d_job (s, p->job) != NULL && says (s, p->share, share) && says (s, p->directory, share)
           && (secondary == 0 || pair_of (s, p, d_server_name (s, secondary)) != NULL);
}

static enum go
check_primary (struct step *s)
{
    const struct w_primary *p;
    const struct w_job *j;
    bool serves;

    if (d_unc (s, s->db->log_share) == NULL)
        return d_fail (s, D_FAIL, "the path of the log share is not known");
    D_OPEN (s, s->c->on);
    if (d_option (s, "secondary") != NULL)
        D_OPEN (s, named (s, "secondary"));
    p = d_primary (s, s->c->on);
    j = p == NULL ? NULL : d_job (s, p->job);
    serves = d_serves (d_copy (s, s->c->on));
    if (primary_is_right (s) && j != NULL && (j->enabled || !serves))
        return GO_NEXT;
    s->c->bits = REBUILD;
    return serves ? GO_NEXT
                  : d_fail (s, D_FAIL, "only a copy that serves can be a log shipping primary: it is %s",
                            d_copy_words (d_copy (s, s->c->on)));
}

static enum go
delete_pairs (struct step *s)
{
    const struct w_pair *pair = pair_of (s, d_primary (s, s->c->on), NULL);
    struct w_op op;
    enum go go;

    if (s->c->bits != REBUILD || pair == NULL)
        return GO_NEXT;
    d_op (s, &op, W_OP_LS_DELETE_PAIR, s->c->on);
    snprintf (op.name[0], sizeof op.name[0], "%s", w_str (s->w, pair->server));
    snprintf (op.name[1], sizeof op.name[1], "%s", w_str (s->w, pair->database));
    go = call (s, &op, "the log shipping primary cannot be removed");
    return go == GO_NEXT ? GO_AGAIN : go;
}

static enum go
backup_idle (struct step *s)
{
    const struct w_primary *p = d_primary (s, s->c->on);

    return s->c->bits != REBUILD || p == NULL ? GO_NEXT : idle (s, p->job);
}

static enum go
delete_primary (struct step *s)
{
    struct w_op op;

    if (s->c->bits != REBUILD || d_primary (s, s->c->on) == NULL)
        return GO_NEXT;
    d_op (s, &op, W_OP_LS_DELETE_PRIMARY, s->c->on);
    return call (s, &op, "the log shipping primary cannot be removed");
}

static enum go
add_primary (struct step *s)
{
    const char *share = d_unc (s, s->db->log_share);
    struct w_op op;

    if (s->c->bits != REBUILD)
        return GO_NEXT;
    d_op (s, &op, W_OP_LS_ADD_PRIMARY, s->c->on);
    snprintf (op.path[0], sizeof op.path[0], "%s", share);
    snprintf (op.path[1], sizeof op.path[1], "%s", share);
    snprintf (op.name[0], sizeof op.name[0], "LSBackup_%.100s", s->db->name);
    op.n[0] = minutes (s, "keep backups", INT64_C (259200000));
    op.n[1] = minutes (s, "backup alert", 3600000);
    op.n[2] = 14420;
    op.n[3] = 1;
    op.n[4] = 5760;
    op.n[5] = 2;
    op.flags = W_WITH_OVERWRITE;
    return call (s, &op, "the log shipping primary cannot be defined");
}

static enum go
schedule_backup (struct step *s)
{
    const struct w_primary *p = d_primary (s, s->c->on);

    return s->c->bits != REBUILD ? GO_NEXT : schedule (s, p == NULL ? 0 : p->job, "backup every");
}

static enum go
add_pair (struct step *s)
{
    w_id secondary = named (s, "secondary");
    struct w_op op;

    if (s->c->bits != REBUILD || secondary == 0)
        return GO_NEXT;
    d_op (s, &op, W_OP_LS_ADD_PAIR, s->c->on);
    snprintf (op.name[0], sizeof op.name[0], "%s", d_server_name (s, secondary));
    snprintf (op.name[1], sizeof op.name[1], "%s", s->db->name);
    op.flags = W_WITH_OVERWRITE;
    return call (s, &op, "the log shipping primary cannot be defined");
}

/* Once per server; that it is there already is as good. */
static enum go
add_alert (struct step *s)
{
    struct w_op op;

    if (s->c->bits != REBUILD)
        return GO_NEXT;
    d_op (s, &op, W_OP_LS_ADD_ALERT_JOB, s->c->on);
    d_act (s, &op);
    return GO_NEXT;
}

static enum go
enable_backup (struct step *s)
{
    const struct w_primary *p = d_primary (s, s->c->on);

    return enable (s, p == NULL ? 0 : p->job);
}

static enum go
tell_primary (struct step *s)
{
    const struct w_primary *p = d_primary (s, s->c->on);

    D_OPEN (s, s->c->on);
    d_tell (s, "job", job_name (s, p == NULL ? 0 : p->job));
    return d_done (s);
}

const phase_fn d_build_primary[] = { check_primary, delete_pairs,    backup_idle, delete_primary,
                                     add_primary,   schedule_backup, add_pair,    add_alert,
                                     enable_backup, tell_primary,    NULL };

enum d_seen
d_see_build_primary (struct step *s)
{
    const struct w_primary *p;
    const struct w_job *j;
    bool needs_name = d_option (s, "secondary") != NULL;

    if (d_unc (s, s->db->log_share) == NULL || s->c->on == 0 || !d_reach (s, s->c->on)
        || (needs_name && (named (s, "secondary") == 0 || !d_reach (s, named (s, "secondary")))))
        return D_UNKNOWN;
    p = d_primary (s, s->c->on);
    j = p == NULL ? NULL : d_job (s, p->job);
    d_tell (s, "job", j == NULL ? "" : w_str (s->w, j->name));
    if (p == NULL)
        return D_NO;
    return primary_is_right (s) && j != NULL && j->enabled ? D_YES : D_PARTLY;
}

static enum go
rebuild (struct step *s)
{
    D_OPEN (s, s->c->on);
    s->c->bits = REBUILD;
    return GO_NEXT;
}

const phase_fn d_remove_primary[] = { rebuild, delete_pairs, backup_idle, delete_primary, NULL };

/* A source that has lost its secondaries, where by the topology it has one, is half removed. */
enum d_seen
d_see_remove_primary (struct step *s)
{
    const struct w_primary *p;

    if (s->c->on == 0 || !d_reach (s, s->c->on))
        return D_UNKNOWN;
    p = d_primary (s, s->c->on);
    if (p != NULL && pair_of (s, p, NULL) == NULL && s->db->backup != 0
        && (s->c->on == s->db->primary || s->c->on == s->db->mirror))
        return D_PARTLY;
    return p != NULL ? D_NO : D_YES;
}

/* ------------------------------------------------------------------ secondary */

static bool
secondary_is_right (struct step *s)
{
    unsigned count;
    const struct w_secondary_db *d = d_secondary_db (s, s->c->on, &count);
    const struct w_secondary *x = d_secondary (s, s->c->on);

    return count == 1 && says (s, x->server, d_server_name (s, named (s, "primary")))
           && says (s, x->source, d_unc (s, s->db->log_share))
           && says (s, x->destination, d_unc (s, s->db->copy_folder)) && d->restore_mode == 0 && d->delay_min == 0
           && d->restore_all == 1;
}

static enum go
check_secondary (struct step *s)
{
    const struct w_secondary *x;

    if (d_unc (s, s->db->log_share) == NULL || d_unc (s, s->db->copy_folder) == NULL)
        return d_fail (s, D_FAIL, "the path of the log share or copy folder is not known");
    D_OPEN (s, named (s, "primary"));
    D_OPEN (s, s->c->on);
    if (!d_takes_log (d_copy (s, s->c->on)))
        return d_fail (s, D_FAIL, "only a restoring copy can be a log shipping secondary: it is %s",
                       d_copy_words (d_copy (s, s->c->on)));
    x = d_secondary (s, s->c->on);
    if (!secondary_is_right (s) || d_job (s, x->copy_job) == NULL || d_job (s, x->restore_job) == NULL)
        s->c->bits = REBUILD;
    return GO_NEXT;
}

static enum go
jobs_idle (struct step *s)
{
    const struct w_secondary *x = d_secondary (s, s->c->on);
    enum go go;

    if (s->c->bits != REBUILD || x == NULL)
        return GO_NEXT;
    go = idle (s, x->copy_job);
    return go == GO_NEXT ? idle (s, x->restore_job) : go;
}

static enum go
delete_secondary_db (struct step *s)
{
    struct w_op op;
    unsigned count;

    if (s->c->bits != REBUILD || d_secondary_db (s, s->c->on, &count) == NULL)
        return GO_NEXT;
    d_op (s, &op, W_OP_LS_DELETE_SECONDARY_DB, s->c->on);
    return call (s, &op, "the log shipping secondary cannot be removed");
}

/* Registrations that have no database any more (half made). */
static enum go
delete_halves (struct step *s)
{
    const struct w_secondary *x = d_secondary_half (s, s->c->on);
    struct w_op op;
    enum go go;

    if (s->c->bits != REBUILD || x == NULL)
        return GO_NEXT;
    d_op (s, &op, W_OP_LS_DELETE_SECONDARY, s->c->on);
    snprintf (op.name[0], sizeof op.name[0], "%s", w_str (s->w, x->server));
    snprintf (op.db, sizeof op.db, "%s", w_str (s->w, x->database));
    go = call (s, &op, "the log shipping secondary cannot be removed");
    return go == GO_NEXT ? GO_AGAIN : go;
}

static enum go
add_secondary (struct step *s)
{
    const char *server = d_server_name (s, named (s, "primary"));
    struct w_op op;

    if (s->c->bits != REBUILD)
        return GO_NEXT;
    d_op (s, &op, W_OP_LS_ADD_SECONDARY, s->c->on);
    snprintf (op.name[0], sizeof op.name[0], "%s", server);
    snprintf (op.name[1], sizeof op.name[1], "LSCopy_%.50s_%.60s", server, s->db->name);
    snprintf (op.name[2], sizeof op.name[2], "LSRestore_%.50s_%.60s", server, s->db->name);
    snprintf (op.path[0], sizeof op.path[0], "%s", d_unc (s, s->db->log_share));
    snprintf (op.path[1], sizeof op.path[1], "%s", d_unc (s, s->db->copy_folder));
    op.n[0] = minutes (s, "keep copies", INT64_C (259200000));
    op.flags = W_WITH_OVERWRITE;
    return call (s, &op, "the log shipping secondary cannot be defined");
}

static enum go
schedule_copy (struct step *s)
{
    const struct w_secondary *x = d_secondary_half (s, s->c->on);

    return s->c->bits != REBUILD ? GO_NEXT : schedule (s, x == NULL ? 0 : x->copy_job, "copy every");
}

static enum go
schedule_restore (struct step *s)
{
    const struct w_secondary *x = d_secondary_half (s, s->c->on);

    return s->c->bits != REBUILD ? GO_NEXT : schedule (s, x == NULL ? 0 : x->restore_job, "restore every");
}

static enum go
add_secondary_db (struct step *s)
{
    struct w_op op;

    if (s->c->bits != REBUILD)
        return GO_NEXT;
    d_op (s, &op, W_OP_LS_ADD_SECONDARY_DB, s->c->on);
    snprintf (op.name[0], sizeof op.name[0], "%s", d_server_name (s, named (s, "primary")));
    snprintf (op.name[1], sizeof op.name[1], "%s", s->db->name);
    op.n[1] = 1;
    op.n[4] = minutes (s, "restore alert", 2700000);
    op.n[5] = 14421;
    op.n[6] = 1;
    op.n[7] = 5760;
    op.flags = W_WITH_OVERWRITE;
    return call (s, &op, "the log shipping secondary cannot be defined");
}

static enum go
enable_copy (struct step *s)
{
    const struct w_secondary *x = d_secondary (s, s->c->on);

    return enable (s, x == NULL ? 0 : x->copy_job);
}

static enum go
enable_restore (struct step *s)
{
    const struct w_secondary *x = d_secondary (s, s->c->on);

    return enable (s, x == NULL ? 0 : x->restore_job);
}

static void
tell_jobs (struct step *s)
{
    const struct w_secondary *x = d_secondary (s, s->c->on);

    d_tell (s, "copy job", job_name (s, x == NULL ? 0 : x->copy_job));
    d_tell (s, "restore job", job_name (s, x == NULL ? 0 : x->restore_job));
}

static enum go
tell_secondary (struct step *s)
{
    D_OPEN (s, s->c->on);
    tell_jobs (s);
    return d_done (s);
}

const phase_fn d_build_secondary[] = { check_secondary, jobs_idle,      delete_secondary_db, delete_halves,
                                       add_secondary,   schedule_copy,  schedule_restore,    add_secondary_db,
                                       enable_copy,     enable_restore, tell_secondary,      NULL };

enum d_seen
d_see_build_secondary (struct step *s)
{
    w_id primary = named (s, "primary");
    const struct w_secondary *x;
    const struct w_job *copy, *restore;
    unsigned count;

    if (primary == 0 || !d_reach (s, primary) || s->c->on == 0 || !d_reach (s, s->c->on))
        return D_UNKNOWN;
    tell_jobs (s);
    if (d_secondary_db (s, s->c->on, &count) == NULL)
        return D_NO;
    x = d_secondary (s, s->c->on);
    copy = d_job (s, x->copy_job);
    restore = d_job (s, x->restore_job);
    return secondary_is_right (s) && copy != NULL && copy->enabled && restore != NULL && restore->enabled ? D_YES
                                                                                                          : D_PARTLY;
}

const phase_fn d_remove_secondary[] = { rebuild, jobs_idle, delete_secondary_db, delete_halves, NULL };

enum d_seen
d_see_remove_secondary (struct step *s)
{
    unsigned count;

    if (s->c->on == 0 || !d_reach (s, s->c->on))
        return D_UNKNOWN;
    if (d_secondary_db (s, s->c->on, &count) != NULL)
        return D_NO;
    return d_secondary_half (s, s->c->on) != NULL ? D_PARTLY : D_YES;
}
