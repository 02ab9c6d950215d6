/* Agent jobs: enabled or not, running or idle, run and waited for.
 *
 * sp_start_job returns when the request is queued; the end is read from the
 * history (row of step 0 above the newest one remembered before).  An instance
 * runs a job once at a time: a start that is refused because it runs already
 * waits for that run and starts again, for it may have begun too early.
 *
 * Functions that return false have told the host why and set ms->rc. */
#ifndef SB_MSSQL_JOBS_H
#define SB_MSSQL_JOBS_H

#include "plugins/mssql/facts.h"

struct sb_job {
    const char *id, *name; /* name "" when it is not there */
    bool there, enabled, running;
};

bool sb_job_read (struct sb_inst *i, const char *id, struct sb_job *ret);
bool sb_job_enable (struct sb_inst *i, const char *id, bool enabled);
/* Waits until it does not run; the job may be gone.  Bounded by the time of the call. */
bool sb_job_await_idle (struct sb_inst *i, const char *id);
/* Runs it once and sees it succeed. */
bool sb_job_run (struct sb_inst *i, const char *id);
/* A daily schedule, every `every_ms`, attached to the job. */
bool sb_job_schedule (struct sb_inst *i, const char *id, const char *name, int64_t every_ms);

#endif
