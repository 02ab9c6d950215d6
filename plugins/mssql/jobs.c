/* Agent jobs; see jobs.h. */
#include "plugins/mssql/jobs.h"

#include <string.h>

#define STEP_MS    250
#define OUTCOME_MS 30000 /* between the end of a run and its row in the history */

bool
sb_job_read (struct sb_inst *i, const char *id, struct sb_job *ret)
{
    struct sb_answer a;

    *ret = (struct sb_job){ .id = id, .name = "" };
    if (id == NULL)
        return true;
    if (!sb_must_ask (i, &a, "the job cannot be read", SB_STMT_JOB, id))
        return false;
    if (a.rows.count == 0)
        return true;
    ret->there = true;
    ret->name = sb_rows_get (&a.rows, 0, "name");
    if (ret->name == NULL)
        ret->name = "";
    ret->enabled = sb_rows_int (&a.rows, 0, "enabled", 0) == 1;
    if (!sb_must_ask (i, &a, "the activity of the job cannot be read", SB_STMT_JOB_RUNNING, id))
        return false;
    ret->running = sb_rows_get (&a.rows, 0, "start_execution_date") != NULL
                   && sb_rows_get (&a.rows, 0, "stop_execution_date") == NULL;
    return true;
}

bool
sb_job_enable (struct sb_inst *i, const char *id, bool enabled)
{
    return sb_must_call (i, enabled ? "a job cannot be enabled" : "a job cannot be disabled", SB_STMT_JOB_ENABLE, id,
                         (int64_t) enabled);
}

bool
sb_job_await_idle (struct sb_inst *i, const char *id)
{
    struct sb_job job;

    for (;;) {
        if (!sb_job_read (i, id, &job))
            return false;
        if (!job.running)
            return true;
        sb_progress (i->ms->call, 101, sb_format (i->ms->call, "waiting for job '%s'", job.name));
        if (!sb_ms_pause (i->ms, STEP_MS, sb_format (i->ms->call, "job '%s' at '%s' is idle", job.name, i->name)))
            return false;
    }
}

static bool
newest_row (struct sb_inst *i, const char *id, int64_t *ret)
{
    struct sb_answer a;

    if (!sb_must_ask (i, &a, "the history of the job cannot be read", SB_STMT_JOB_NEWEST, id))
        return false;
    *ret = sb_rows_int (&a.rows, 0, "newest", 0);
    return true;
}

/* Queues it; waits for a run that is under way and tries again. */
static bool
start (struct sb_inst *i, const struct sb_job *job, int64_t *ret_after)
{
    struct sb_answer a;
    bool agent;

    for (int tries = 0; tries < 5; tries++) {
        if (!sb_job_await_idle (i, job->id) || !newest_row (i, job->id, ret_after))
            return false;
        if (sb_ask (i, &a, SB_STMT_JOB_START, job->id) && sb_rows_int (&a.rows, 0, "rc", 1) == 0)
            return true;
        if (a.end != SB_END_ERROR && a.end != SB_END_OK)
            break;
        if (!sb_agent_runs (i, &agent))
            return false;
        if (!agent) {
            sb_ms_fail (i->ms, SB_RETRY,
                        "job '%s' cannot be started: the Agent of instance '%s' does not run\n"
                        "HINT: Start the SQL Server Agent of the instance.",
                        job->name, i->name);
            return false;
        }
        if (!sb_ms_pause (i->ms, STEP_MS, "the Agent takes the request"))
            return false;
    }
    sb_ms_failed (i, &a, SB_STMT_JOB_START, sb_format (i->ms->call, "job '%s' cannot be started", job->name));
    return false;
}

static bool
judge (struct sb_inst *i, const struct sb_job *job, int64_t after, const struct sb_answer *outcome)
{
    const char *message = sb_rows_get (&outcome->rows, 0, "message");
    struct sb_answer detail;

    if (sb_rows_int (&outcome->rows, 0, "run_status", 0) == 1)
        return true;
    if (sb_ask (i, &detail, SB_STMT_JOB_DETAIL, job->id, after) && sb_rows_get (&detail.rows, 0, "message") != NULL)
        message = sb_rows_get (&detail.rows, 0, "message");
    sb_ms_fail (i->ms, SB_RETRY, "job '%s' at instance '%s' failed: %s", job->name, i->name,
                message != NULL ? message : "no message");
    return false;
}

bool
sb_job_run (struct sb_inst *i, const char *id)
{
    struct sb_answer a;
    struct sb_job job;
    int64_t after, idle_ms = 0;

    if (!sb_job_read (i, id, &job))
        return false;
    if (!job.there) {
        sb_ms_fail (i->ms, SB_FAIL,
                    "a job of log shipping is missing at instance '%s'\n"
                    "HINT: Remove the log shipping definition there and build it again.",
                    i->name);
        return false;
    }
    if (!start (i, &job, &after))
        return false;
    for (;;) {
        if (!sb_must_ask (i, &a, "the history of the job cannot be read", SB_STMT_JOB_OUTCOME, id, after))
            return false;
        if (a.rows.count > 0)
            return judge (i, &job, after, &a);
        if (!sb_job_read (i, id, &job))
            return false;
        idle_ms = job.running ? 0 : idle_ms + STEP_MS;
        if (idle_ms > OUTCOME_MS) {
            sb_ms_fail (i->ms, SB_UNSURE, "job '%s' at instance '%s' was started but left no trace in the history",
                        job.name, i->name);
            return false;
        }
        if (!sb_ms_pause (i->ms, STEP_MS, sb_format (i->ms->call, "job '%s' at '%s' is done", job.name, i->name)))
            return false;
    }
}

/* The Agent counts in whole minutes, or in seconds from ten on. */
bool
sb_job_schedule (struct sb_inst *i, const char *id, const char *name, int64_t every_ms)
{
    int64_t s = every_ms / 1000;
    bool minutes = s % 60 == 0 && s > 0;

    if (s < 10)
        s = 10;
    return sb_must_call (i, "a schedule cannot be attached", SB_STMT_SCHEDULE, name, (int64_t) (minutes ? 4 : 2),
                         minutes ? s / 60 : s, id);
}
