/* await-drained: events that wait for the compliance adapter. */
#include "plugins/mssql/compliance.h"
#include "plugins/mssql/access.h"
#include "plugins/mssql/verbs.h"

#include <string.h>

#define STEP_MS 1000

bool
sb_waiting_read (struct sb_inst *i, int64_t *ret)
{
    struct sb_answer a;

    *ret = 0;
    if (sb_ask (i, &a, SB_STMT_WAITING, i->ms->db)) {
        *ret = sb_rows_int (&a.rows, 0, "waiting", 0);
        return true;
    }
    if (sb_answer_has (&a, 208)) /* no such table: no events */
        return true;
    sb_ms_failed (i, &a, SB_STMT_WAITING, "the compliance events cannot be counted");
    return false;
}

static void
tell (struct sb_ms *ms, int64_t waiting)
{
    sb_result (ms->call, "waiting", sb_format (ms->call, "%lld", (long long) waiting));
}

/* The store is absent: nothing waits there.  1: go on and count, 0: nothing to count, -1: told. */
static int
can_count (struct sb_inst *i)
{
    struct sb_copy c;

    if (!sb_copy_read (i, &c))
        return -1;
    if (!c.there)
        return 0;
    if (sb_copy_is (&c, "ONLINE"))
        return 1;
    sb_ms_fail (i->ms, SB_RETRY, "whether '%s' is drained cannot be seen: at instance '%s' it is %s", i->ms->db,
                i->name, sb_copy_words (i->ms, &c));
    return -1;
}

enum sb_rc
sb_run_await_drained (struct sb_ms *ms)
{
    int64_t waiting = 0;
    struct sb_inst i;
    int can;

    if (!sb_ms_open (ms, ms->on, &i) || (can = can_count (&i)) < 0)
        return ms->rc;
    while (can > 0) {
        if (!sb_waiting_read (&i, &waiting))
            return ms->rc;
        if (waiting == 0)
            break;
        sb_progress (ms->call, 101, sb_format (ms->call, "%lld events are waiting", (long long) waiting));
        if (!sb_ms_pause (ms, STEP_MS,
                          sb_format (ms->call, "the %lld events left in '%s' are taken", (long long) waiting,
                                     ms->db))) {
            tell (ms, waiting);
            return ms->rc;
        }
    }
    tell (ms, waiting);
    return SB_OK;
}

enum sb_seen
sb_see_await_drained (struct sb_ms *ms)
{
    int64_t waiting = 0;
    struct sb_inst i;
    int can;

    if (!sb_ms_open (ms, ms->on, &i) || (can = can_count (&i)) < 0 || (can > 0 && !sb_waiting_read (&i, &waiting)))
        return SB_SEEN_UNKNOWN;
    tell (ms, waiting);
    return waiting == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}
