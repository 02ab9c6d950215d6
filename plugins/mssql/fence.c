/* fence, release: whether a copy can serve.
 *
 * Fenced is: absent, offline, or restoring and not mirrored, with its log backup
 * job disabled.  The way there ends in the same state from wherever it begins. */
#include "plugins/mssql/access.h"
#include "plugins/mssql/jobs.h"
#include "plugins/mssql/verbs.h"

#include <string.h>

static bool
cannot_serve (const struct sb_copy *c)
{
    return !c->there || sb_copy_is (c, "OFFLINE") || (sb_copy_is (c, "RESTORING") && !c->mirrored);
}

/* The backup job of the database there; there is none when it is no primary. */
static bool
backup_job (struct sb_inst *i, struct sb_job *ret)
{
    struct sb_primary p;

    return sb_primary_read (i, &p) && sb_job_read (i, p.job, ret);
}

static void
tell (struct sb_ms *ms, const struct sb_copy *before)
{
    sb_result (ms->call, "found", sb_copy_words (ms, before));
    sb_result (ms->call, "at", sb_ms_now (ms));
}

/* RECOVERING is what a principal without quorum or a starting server shows; it passes, or OFFLINE ends it. */
static bool
take_offline (struct sb_inst *i, struct sb_copy *c)
{
    const char *what = sb_format (i->ms->call, "database '%s' cannot be fenced", i->ms->db);

    if (!sb_unmirror (i, c))
        return false;
    if (cannot_serve (c))
        return true;
    if (sb_copy_is (c, "ONLINE") && !c->standby && !sb_set_state (i, what, SB_STMT_RESTRICT))
        return false;
    return sb_set_state (i, what, SB_STMT_OFFLINE);
}

enum sb_rc
sb_run_fence (struct sb_ms *ms)
{
    struct sb_copy before, c;
    struct sb_inst i;
    struct sb_job job;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &before) || !backup_job (&i, &job))
        return ms->rc;
    if (job.there && job.enabled && !sb_job_enable (&i, job.id, false))
        return ms->rc;
    c = before;
    if (c.there && !take_offline (&i, &c))
        return ms->rc;
    tell (ms, &before);
    return SB_OK;
}

enum sb_seen
sb_see_fence (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;
    struct sb_job job;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    if (!backup_job (&i, &job))
        return SB_SEEN_UNKNOWN;
    tell (ms, &c);
    if (!cannot_serve (&c)) /* the job goes first: where it stands still, releasing has something to do */
        return job.there && !job.enabled ? SB_SEEN_PARTLY : SB_SEEN_NO;
    return job.enabled ? SB_SEEN_PARTLY : SB_SEEN_YES;
}

/* ------------------------------------------------------------------ release */

enum sb_rc
sb_run_release (struct sb_ms *ms)
{
    const char *what = sb_format (ms->call, "database '%s' cannot be released", ms->db);
    struct sb_copy c;
    struct sb_inst i;
    struct sb_job job;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c) || !backup_job (&i, &job))
        return ms->rc;
    if (sb_copy_is (&c, "OFFLINE")
        && (!sb_set_state (&i, what, SB_STMT_ONLINE) || !sb_await_state (&i, &c, "ONLINE", 120000)))
        return ms->rc;
    if (sb_copy_is (&c, "ONLINE") && strcmp (c.access, "MULTI_USER") != 0
        && !sb_set_state (&i, what, SB_STMT_MULTI_USER))
        return ms->rc;
    if (job.there && !job.enabled && !sb_job_enable (&i, job.id, true))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_release (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;
    struct sb_job job;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    if (!backup_job (&i, &job))
        return SB_SEEN_UNKNOWN;
    if (sb_copy_is (&c, "OFFLINE"))
        return SB_SEEN_NO;
    if (sb_copy_is (&c, "ONLINE") && strcmp (c.access, "MULTI_USER") != 0)
        return SB_SEEN_PARTLY;
    if (c.there && !sb_copy_is (&c, "ONLINE") && !sb_copy_is (&c, "RESTORING"))
        return SB_SEEN_PARTLY; /* on its way up */
    return job.there && !job.enabled ? SB_SEEN_PARTLY : SB_SEEN_YES;
}
