/* backup-log, verify-backup, run-job: one file made, one file read whole, one job run. */
#include "plugins/mssql/files.h"
#include "plugins/mssql/jobs.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define STEP_MS 250

/* ------------------------------------------------------------------ backup-log */

static bool
copy_only (struct sb_ms *ms)
{
    return sb_number (ms->call, "copy only") != 0;
}

/* The set in the file is a log backup of this database. */
static bool
is_our_log (struct sb_ms *ms, const struct sb_set *set)
{
    return set != NULL && set->trouble == NULL && !set->damaged && set->type == 2 && set->database != NULL
           && sb_casecmp (set->database, ms->source) == 0 && set->copy_only == copy_only (ms);
}

static void
tell_log (struct sb_ms *ms, const struct sb_set *set)
{
    sb_result (ms->call, "file", set->path);
    sb_result (ms->call, "first lsn", set->first);
    sb_result (ms->call, "lsn", set->last);
}

enum sb_rc
sb_run_backup_log (struct sb_ms *ms)
{
    const char *file = sb_param (ms->call, "file"), *trouble = NULL;
    const struct sb_set *set;
    struct sb_answer a;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i)
        || !sb_must_ask (&i, &a, sb_format (ms->call, "the log of '%s' cannot be backed up", ms->db),
                         copy_only (ms) ? SB_STMT_BACKUP_LOG_COPY : SB_STMT_BACKUP_LOG, ms->db, file))
        return ms->rc;
    set = sb_header_one (&i, file, &trouble);
    if (set != NULL && !sb_set_verify (&i, set, &trouble))
        return ms->rc;
    if (trouble != NULL || !is_our_log (ms, set))
        return sb_ms_fail (ms, SB_UNSURE, "the log backup '%s' of '%s' was made but cannot be used: %s", file, ms->db,
                           trouble != NULL ? trouble : "its header says something else");
    tell_log (ms, set);
    return SB_OK;
}

enum sb_seen
sb_see_backup_log (struct sb_ms *ms)
{
    struct sb_answer a;
    struct sb_sets sets;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i))
        return SB_SEEN_UNKNOWN;
    if (sb_ours_at_work (&i))
        return SB_SEEN_PARTLY;
    if (!sb_header_read (&i, sb_param (ms->call, "file"), &sets))
        return SB_SEEN_UNKNOWN;
    if (sets.count != 1 || !is_our_log (ms, &sets.list[0]) || sets.list[0].guid == NULL)
        return SB_SEEN_NO;
    if (!sb_must_ask (&i, &a, "the backup history cannot be read", SB_STMT_SET_BY_GUID, sets.list[0].guid))
        return SB_SEEN_UNKNOWN;
    tell_log (ms, &sets.list[0]);
    return a.rows.count > 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ------------------------------------------------------------------ verify-backup */

static const char *
kind_of (const struct sb_set *set)
{
    switch (set->type) {
    case 1:
        return "full";
    case 2:
        return set->tail ? "tail" : "log";
    case 5:
        return "differential";
    default:
        return "other";
    }
}

enum sb_rc
sb_run_verify_backup (struct sb_ms *ms)
{
    const char *file = sb_param (ms->call, "file"), *trouble = NULL;
    const struct sb_set *set;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i))
        return ms->rc;
    set = sb_header_one (&i, file, &trouble);
    if (set != NULL && !sb_set_verify (&i, set, &trouble))
        return ms->rc;
    if (set != NULL && trouble == NULL && (set->database == NULL || sb_casecmp (set->database, ms->source) != 0))
        trouble = "it is one of another database";
    if (set != NULL && trouble == NULL && set->damaged)
        trouble = "it was made of a damaged database";
    if (set == NULL || trouble != NULL)
        return sb_ms_fail (ms, SB_FAIL, "the backup '%s' cannot be used at instance '%s': %s", file, i.name, trouble);
    sb_result (ms->call, "kind", kind_of (set));
    sb_result (ms->call, "first lsn", set->first);
    sb_result (ms->call, "lsn", set->last);
    sb_result (ms->call, "time", set->finish);
    sb_result (ms->call, "bytes", sb_format (ms->call, "%lld", (long long) set->size));
    return SB_OK;
}

/* ------------------------------------------------------------------ run-job */

/* The history writes local times as two numbers, yyyymmdd and hhmmss. */
static bool
history_number (const struct sb_clock *clock, const char *utc, int64_t *ret)
{
    struct tm t;
    int64_t at;
    time_t s;

    if (utc == NULL || !sb_parse_utc (utc, &at))
        return false;
    s = (time_t) ((at + clock->ahead_ms) / 1000);
    if (gmtime_r (&s, &t) == NULL)
        return false;
    *ret = ((((int64_t) t.tm_year + 1900) * 100 + t.tm_mon + 1) * 100 + t.tm_mday) * 1000000
           + ((int64_t) t.tm_hour * 100 + t.tm_min) * 100 + t.tm_sec;
    return true;
}

/* The job's identifier; NULL: told. */
static const char *
job_id (struct sb_inst *i)
{
    const char *name = sb_param (i->ms->call, "job"), *id;
    struct sb_answer a;

    if (!sb_must_ask (i, &a, "the job cannot be read", SB_STMT_JOB_NAMED, name))
        return NULL;
    id = sb_rows_get (&a.rows, 0, "job_id");
    if (id == NULL)
        sb_ms_fail (i->ms, SB_FAIL, "instance '%s' has no job '%s'", i->name, name);
    return id;
}

/* Whether its newest run ended well and began after the second of `since`: the history counts whole seconds. */
static bool
ran_since (struct sb_inst *i, const char *id, bool *ret_good)
{
    const char *since = sb_param (i->ms->call, "since");
    int64_t from, ran;
    struct sb_clock clock;
    struct sb_answer a;

    if (!sb_clock_read (i, &clock)
        || !sb_must_ask (i, &a, "the history of the job cannot be read", SB_STMT_JOB_LAST, id))
        return false;
    ran = sb_rows_int (&a.rows, 0, "run_date", 0) * 1000000 + sb_rows_int (&a.rows, 0, "run_time", 0);
    *ret_good = history_number (&clock, since, &from) && ran > from && sb_rows_int (&a.rows, 0, "run_status", 0) == 1;
    if (*ret_good)
        sb_result (i->ms->call, "outcome", sb_rows_get (&a.rows, 0, "message"));
    return true;
}

enum sb_rc
sb_run_run_job (struct sb_ms *ms)
{
    struct sb_inst i;
    const char *id;
    bool good;

    if (!sb_ms_open (ms, ms->on, &i) || (id = job_id (&i)) == NULL || !sb_job_run (&i, id)
        || !ran_since (&i, id, &good))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_run_job (struct sb_ms *ms)
{
    struct sb_job job;
    struct sb_inst i;
    const char *id;
    bool good;

    if (!sb_ms_open (ms, ms->on, &i) || (id = job_id (&i)) == NULL || !sb_job_read (&i, id, &job)
        || !ran_since (&i, id, &good))
        return SB_SEEN_UNKNOWN;
    return good ? SB_SEEN_YES : job.running ? SB_SEEN_PARTLY : SB_SEEN_NO;
}
