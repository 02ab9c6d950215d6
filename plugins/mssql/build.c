/* build-primary, build-secondary, remove-primary, remove-secondary: log shipping
 * definitions made and unmade.
 *
 * A definition is made in an order in which only a whole one looks whole: rows,
 * schedules, rows of the other side, and the jobs enabled last.  What is found
 * half made or different is removed and made again. */
#include "plugins/mssql/access.h"
#include "plugins/mssql/jobs.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <string.h>

/* Minutes of a duration setting. */
static int64_t
minutes (struct sb_ms *ms, const char *setting)
{
    return (sb_number (ms->call, setting) + 59999) / 60000;
}

/* The path of a share as SQL Server sees it.  NULL: told. */
static const char *
share_path (struct sb_ms *ms, const char *key)
{
    const char *share = sb_ms_attr (ms, key), *unc = share != NULL ? sb_attr (ms->call, "share", share, "unc") : NULL;

    if (unc != NULL && *unc != '\0')
        return unc;
    sb_ms_fail (ms, SB_FAIL,
                "the path of '%s' of database '%s' is not known\n"
                "HINT: Set '%s' in [database %s] to a share, and 'unc' in that [share].",
                key, ms->object, key, ms->object);
    return NULL;
}

/* How the server itself is called: log shipping knows servers by that name.  NULL: told. */
static const char *
server_name (struct sb_ms *ms, const char *instance)
{
    struct sb_inst i;

    if (!sb_ms_open (ms, instance, &i))
        return NULL;
    if (*i.server_name != '\0')
        return i.server_name;
    sb_ms_fail (ms, SB_FAIL, "instance '%s' does not tell its name", instance);
    return NULL;
}

/* ------------------------------------------------------------------ primary */

static bool
lists (const struct sb_primary *p, const char *server, const char *db)
{
    for (size_t n = 0; n < p->secondaries.count; n++) {
        const char *s = sb_rows_get (&p->secondaries, n, "secondary_server");
        const char *d = sb_rows_get (&p->secondaries, n, "secondary_database");

        if (s != NULL && d != NULL && sb_casecmp (s, server) == 0 && sb_casecmp (d, db) == 0)
            return true;
    }
    return false;
}

/* Job, share and secondary as wanted; `server` NULL: no secondary is wanted. */
static bool
primary_is_right (const struct sb_primary *p, const struct sb_job *job, const char *share, const char *server,
                  const char *db)
{
    return p->there && job->there && sb_casecmp (p->share, share) == 0 && sb_casecmp (p->directory, share) == 0
           && (server == NULL || lists (p, server, db));
}

static bool
delete_primary (struct sb_inst *i, const struct sb_primary *p)
{
    const char *what = "the log shipping primary cannot be removed";

    if (!p->there)
        return true;
    for (size_t n = 0; n < p->secondaries.count; n++)
        if (!sb_must_call (i, what, SB_STMT_DELETE_PRIMARY_SECONDARY, i->ms->db,
                           sb_rows_get (&p->secondaries, n, "secondary_server"),
                           sb_rows_get (&p->secondaries, n, "secondary_database")))
            return false;
    if (p->job != NULL && !sb_job_await_idle (i, p->job))
        return false;
    return sb_must_call (i, what, SB_STMT_DELETE_PRIMARY, i->ms->db);
}

static bool
add_primary (struct sb_inst *i, const char *share, const char *server, struct sb_primary *ret)
{
    struct sb_ms *ms = i->ms;
    const char *job = sb_arena_printf (ms->arena, "LSBackup_%s", ms->db);
    const char *what = "the log shipping primary cannot be defined";
    struct sb_answer a;

    if (!sb_must_call (i, what, SB_STMT_ADD_PRIMARY, ms->db, share, share, job, minutes (ms, "keep backups"),
                       minutes (ms, "backup alert"))
        || !sb_primary_read (i, ret)
        || !sb_job_schedule (i, ret->job, sb_arena_printf (ms->arena, "%s_schedule", job),
                             sb_number (ms->call, "backup every")))
        return false;
    if (server != NULL && !sb_must_call (i, what, SB_STMT_ADD_PRIMARY_SECONDARY, ms->db, server, ms->db))
        return false;
    if (!sb_ask (i, &a, SB_STMT_ADD_ALERT_JOB)) /* once per server; there already is as good */
        sb_log (ms->call, SB_INFO, "the alert job of log shipping was not added at instance '%s'", i->name);
    return true;
}

enum sb_rc
sb_run_build_primary (struct sb_ms *ms)
{
    const char *share = share_path (ms, "log share"), *secondary = sb_param (ms->call, "secondary"), *server = NULL;
    struct sb_primary p;
    struct sb_copy c;
    struct sb_inst i;
    struct sb_job job;

    if (share == NULL || !sb_ms_open (ms, ms->on, &i))
        return ms->rc;
    if (secondary != NULL && *secondary != '\0' && (server = server_name (ms, secondary)) == NULL)
        return ms->rc;
    if (!sb_copy_read (&i, &c) || !sb_primary_read (&i, &p) || !sb_job_read (&i, p.job, &job))
        return ms->rc;
    /* Enabling the job is the last act of building: where it is disabled, schedule and alert may be missing too. */
    if (!primary_is_right (&p, &job, share, server, ms->db) || (!job.enabled && sb_copy_serves (&c))) {
        if (!sb_copy_serves (&c))
            return sb_ms_fail (ms, SB_FAIL,
                               "database '%s' at instance '%s' is %s: only a copy that serves can be defined as "
                               "log shipping primary\nHINT: On a mirror, do it while the mirror is principal.",
                               ms->db, i.name, sb_copy_words (ms, &c));
        if (!delete_primary (&i, &p) || !add_primary (&i, share, server, &p))
            return ms->rc;
    }
    if (!sb_job_enable (&i, p.job, true) || !sb_job_read (&i, p.job, &job))
        return ms->rc;
    sb_result (ms->call, "job", job.name);
    return SB_OK;
}

enum sb_seen
sb_see_build_primary (struct sb_ms *ms)
{
    const char *share = share_path (ms, "log share"), *secondary = sb_param (ms->call, "secondary"), *server = NULL;
    struct sb_primary p;
    struct sb_inst i;
    struct sb_job job;

    if (share == NULL || !sb_ms_open (ms, ms->on, &i) || !sb_primary_read (&i, &p) || !sb_job_read (&i, p.job, &job))
        return SB_SEEN_UNKNOWN;
    if (secondary != NULL && *secondary != '\0' && (server = server_name (ms, secondary)) == NULL)
        return SB_SEEN_UNKNOWN;
    sb_result (ms->call, "job", job.name);
    if (!p.there)
        return SB_SEEN_NO;
    return primary_is_right (&p, &job, share, server, ms->db) && job.enabled ? SB_SEEN_YES : SB_SEEN_PARTLY;
}

enum sb_rc
sb_run_remove_primary (struct sb_ms *ms)
{
    struct sb_primary p;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_primary_read (&i, &p) || !delete_primary (&i, &p))
        return ms->rc;
    return SB_OK;
}

/* By the topology, a source here has a secondary. */
static bool
ships_from (const struct sb_ms *ms, const char *instance)
{
    const char *primary = sb_ms_attr (ms, "primary"), *mirror = sb_ms_attr (ms, "mirror");

    return sb_ms_attr (ms, "backup") != NULL
           && ((primary != NULL && sb_casecmp (primary, instance) == 0)
               || (mirror != NULL && sb_casecmp (mirror, instance) == 0));
}

/* The list of secondaries goes first: a source that lost it is half removed, and taking it back has something to do. */
enum sb_seen
sb_see_remove_primary (struct sb_ms *ms)
{
    struct sb_primary p;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_primary_read (&i, &p))
        return SB_SEEN_UNKNOWN;
    if (p.there && p.secondaries.count == 0 && ships_from (ms, i.name))
        return SB_SEEN_PARTLY;
    return p.there ? SB_SEEN_NO : SB_SEEN_YES;
}

/* ------------------------------------------------------------------ secondary */

static bool
secondary_is_right (const struct sb_secondary *s, const char *server, const char *source, const char *destination)
{
    return s->count == 1 && sb_casecmp (s->primary_server, server) == 0 && sb_casecmp (s->source, source) == 0
           && sb_casecmp (s->destination, destination) == 0 && s->mode == 0 && s->delay == 0 && s->all == 1;
}

/* The row of the database, then registrations of a primary that have no database any more (half made). */
static bool
delete_secondary (struct sb_inst *i, const struct sb_secondary *s)
{
    const char *what = "the log shipping secondary cannot be removed";
    struct sb_answer a;

    if (s->count > 0) {
        if (!sb_job_await_idle (i, s->copy_job) || !sb_job_await_idle (i, s->restore_job)
            || !sb_must_call (i, what, SB_STMT_DELETE_SECONDARY, i->ms->db))
            return false;
    }
    if (!sb_must_ask (i, &a, "the log shipping definition cannot be read", SB_STMT_SECONDARY_HALF, i->ms->db))
        return false;
    for (size_t n = 0; n < a.rows.count; n++)
        if (!sb_must_call (i, what, SB_STMT_DELETE_SECONDARY_PRIMARY, sb_rows_get (&a.rows, n, "primary_server"),
                           sb_rows_get (&a.rows, n, "primary_database")))
            return false;
    return true;
}

static bool
secondary_half (struct sb_inst *i, struct sb_secondary *ret)
{
    struct sb_answer a;

    if (!sb_must_ask (i, &a, "the log shipping definition cannot be read", SB_STMT_SECONDARY_HALF, i->ms->db))
        return false;
    ret->copy_job = sb_rows_get (&a.rows, 0, "copy_job_id");
    ret->restore_job = sb_rows_get (&a.rows, 0, "restore_job_id");
    if (ret->copy_job != NULL && ret->restore_job != NULL)
        return true;
    sb_ms_fail (i->ms, SB_UNSURE, "the log shipping jobs of '%s' were not made at instance '%s'", i->ms->db, i->name);
    return false;
}

static bool
add_secondary (struct sb_inst *i, const char *server, const char *source, const char *destination,
               struct sb_secondary *ret)
{
    struct sb_ms *ms = i->ms;
    const char *copy = sb_arena_printf (ms->arena, "LSCopy_%s_%s", server, ms->db);
    const char *restore = sb_arena_printf (ms->arena, "LSRestore_%s_%s", server, ms->db);
    const char *what = "the log shipping secondary cannot be defined";

    return sb_must_call (i, what, SB_STMT_ADD_SECONDARY_PRIMARY, server, ms->db, source, destination, copy, restore,
                         minutes (ms, "keep copies"))
           && secondary_half (i, ret)
           && sb_job_schedule (i, ret->copy_job, sb_arena_printf (ms->arena, "%s_schedule", copy),
                               sb_number (ms->call, "copy every"))
           && sb_job_schedule (i, ret->restore_job, sb_arena_printf (ms->arena, "%s_schedule", restore),
                               sb_number (ms->call, "restore every"))
           && sb_must_call (i, what, SB_STMT_ADD_SECONDARY, ms->db, server, ms->db, minutes (ms, "restore alert"))
           && sb_secondary_read (i, ret);
}

struct secondary_want {
    const char *server, *source, *destination;
};

static bool
wanted (struct sb_ms *ms, struct secondary_want *ret)
{
    return (ret->source = share_path (ms, "log share")) != NULL
           && (ret->destination = share_path (ms, "copy folder")) != NULL
           && (ret->server = server_name (ms, sb_param (ms->call, "primary"))) != NULL;
}

static bool
tell_jobs (struct sb_inst *i, const struct sb_secondary *s, struct sb_job *copy, struct sb_job *restore)
{
    if (!sb_job_read (i, s->copy_job, copy) || !sb_job_read (i, s->restore_job, restore))
        return false;
    sb_result (i->ms->call, "copy job", copy->name);
    sb_result (i->ms->call, "restore job", restore->name);
    return true;
}

enum sb_rc
sb_run_build_secondary (struct sb_ms *ms)
{
    struct secondary_want want;
    struct sb_secondary s;
    struct sb_copy c;
    struct sb_inst i;
    struct sb_job copy, restore;

    if (!wanted (ms, &want) || !sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c) || !sb_secondary_read (&i, &s))
        return ms->rc;
    if ((!sb_copy_is (&c, "RESTORING") && !c.standby) || c.mirrored)
        return sb_ms_fail (ms, SB_FAIL,
                           "database '%s' at instance '%s' is %s: only a restoring copy can be a log shipping "
                           "secondary",
                           ms->db, i.name, sb_copy_words (ms, &c));
    if (!sb_job_read (&i, s.copy_job, &copy) || !sb_job_read (&i, s.restore_job, &restore))
        return ms->rc;
    if (!secondary_is_right (&s, want.server, want.source, want.destination) || !copy.there || !restore.there) {
        if (!delete_secondary (&i, &s) || !add_secondary (&i, want.server, want.source, want.destination, &s))
            return ms->rc;
    }
    if (!sb_job_enable (&i, s.copy_job, true) || !sb_job_enable (&i, s.restore_job, true)
        || !tell_jobs (&i, &s, &copy, &restore))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_build_secondary (struct sb_ms *ms)
{
    struct secondary_want want;
    struct sb_secondary s;
    struct sb_inst i;
    struct sb_job copy, restore;

    if (!wanted (ms, &want) || !sb_ms_open (ms, ms->on, &i) || !sb_secondary_read (&i, &s)
        || !tell_jobs (&i, &s, &copy, &restore))
        return SB_SEEN_UNKNOWN;
    if (s.count == 0)
        return SB_SEEN_NO;
    return secondary_is_right (&s, want.server, want.source, want.destination) && copy.enabled && restore.enabled
                   ? SB_SEEN_YES
                   : SB_SEEN_PARTLY;
}

enum sb_rc
sb_run_remove_secondary (struct sb_ms *ms)
{
    struct sb_secondary s;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_secondary_read (&i, &s) || !delete_secondary (&i, &s))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_remove_secondary (struct sb_ms *ms)
{
    struct sb_secondary s;
    struct sb_answer a;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_secondary_read (&i, &s)
        || !sb_must_ask (&i, &a, "the log shipping definition cannot be read", SB_STMT_SECONDARY_HALF, ms->db))
        return SB_SEEN_UNKNOWN;
    if (s.count == 0 && a.rows.count == 0)
        return SB_SEEN_YES;
    return s.count > 0 ? SB_SEEN_NO : SB_SEEN_PARTLY;
}
