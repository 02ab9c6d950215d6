/* end-sessions, await-no-sessions: who is in the copy. */
#include "plugins/mssql/access.h"
#include "plugins/mssql/verbs.h"

#define STEP_MS 500

static void
tell_ended (struct sb_ms *ms, int64_t ended)
{
    sb_result (ms->call, "ended", sb_format (ms->call, "%lld", (long long) ended));
}

/* Ends them until none is left, for at most `ms_to_try`; they reconnect. */
static bool
end_all (struct sb_inst *i, int64_t ms_to_try, int64_t *ended)
{
    struct sb_user *users;
    size_t count;

    for (int64_t waited = 0;; waited += STEP_MS) {
        if (!sb_users_end (i, ended) || !sb_users_read (i, &users, &count))
            return false;
        if (count == 0)
            return true;
        if (waited >= ms_to_try) {
            sb_ms_fail (i->ms, SB_RETRY,
                        "database '%s' at instance '%s' is still used by %s\n"
                        "HINT: Stop the applications that reconnect.",
                        i->ms->db, i->name, sb_users_words (i->ms, users, count));
            return false;
        }
        if (!sb_ms_pause (i->ms, STEP_MS, "the sessions are gone"))
            return false;
    }
}

static enum sb_seen
see_none (struct sb_ms *ms)
{
    struct sb_user *users;
    struct sb_inst i;
    size_t count;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_users_read (&i, &users, &count))
        return SB_SEEN_UNKNOWN;
    tell_ended (ms, 0);
    return count == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

enum sb_rc
sb_run_end_sessions (struct sb_ms *ms)
{
    int64_t ended = 0;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !end_all (&i, 30000, &ended))
        return ms->rc;
    tell_ended (ms, ended);
    return SB_OK;
}

enum sb_seen
sb_see_end_sessions (struct sb_ms *ms)
{
    return see_none (ms);
}

enum sb_rc
sb_run_await_no_sessions (struct sb_ms *ms)
{
    int64_t grace = sb_number (ms->call, "session grace"), waited = 0, ended = 0;
    bool end = sb_number (ms->call, "end") != 0;
    struct sb_user *users;
    struct sb_inst i;
    size_t count;

    if (!sb_ms_open (ms, ms->on, &i))
        return ms->rc;
    for (;; waited += STEP_MS) {
        if (!sb_users_read (&i, &users, &count))
            return ms->rc;
        if (count == 0)
            break;
        if (end && waited >= grace) {
            if (!end_all (&i, 60000, &ended))
                return ms->rc;
            break;
        }
        sb_progress (ms->call, 101, sb_users_words (ms, users, count));
        if (!sb_ms_pause (ms, STEP_MS, "no session is left"))
            return ms->rc;
    }
    tell_ended (ms, ended);
    return SB_OK;
}

enum sb_seen
sb_see_await_no_sessions (struct sb_ms *ms)
{
    return see_none (ms);
}
