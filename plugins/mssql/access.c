/* Exclusive access and state options; see access.h. */
#include "plugins/mssql/access.h"

#include <string.h>

#define ALONE_MS 60000
#define STEP_MS  300

static bool
kill_one (struct sb_inst *i, int64_t spid, int64_t *ended)
{
    struct sb_answer a;

    if (sb_ask (i, &a, SB_STMT_KILL, spid)) {
        (*ended)++;
        return true;
    }
    if (sb_answer_class (&a) == SB_MSG_GONE)
        return true;
    sb_ms_failed (i, &a, SB_STMT_KILL, "a session cannot be ended");
    return false;
}

bool
sb_users_end (struct sb_inst *i, int64_t *ended)
{
    struct sb_user *users;
    size_t count;

    if (!sb_users_read (i, &users, &count))
        return false;
    for (size_t n = 0; n < count; n++)
        if (!kill_one (i, users[n].spid, ended))
            return false;
    return true;
}

/* Sessions that hold the database while their context is elsewhere. */
static bool
end_holders (struct sb_inst *i)
{
    struct sb_answer a;
    int64_t ended = 0;

    if (!sb_users_end (i, &ended))
        return false;
    if (!sb_ask (i, &a, SB_STMT_LOCKS, i->ms->db))
        return true;
    for (size_t n = 0; n < a.rows.count; n++)
        if (!kill_one (i, sb_rows_int (&a.rows, n, "spid", 0), &ended))
            return false;
    return true;
}

bool
sb_ask_alone (struct sb_inst *i, struct sb_answer *ret, const char *what, enum sb_stmt id, const char *text)
{
    for (int64_t waited = 0;; waited += STEP_MS) {
        if (sb_ask_text (i, ret, id, text))
            return true;
        if (sb_answer_class (ret) != SB_MSG_BUSY || waited >= ALONE_MS) {
            sb_ms_failed (i, ret, id, what);
            return false;
        }
        if (!end_holders (i) || !sb_ms_pause (i->ms, STEP_MS, "nobody uses the database"))
            return false;
    }
}

bool
sb_set_state (struct sb_inst *i, const char *what, enum sb_stmt id)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_answer a;

    if (!sb_piece (i, &text, id, i->ms->db))
        return false;
    for (int64_t waited = 0;; waited += STEP_MS) {
        enum sb_msg_class class;

        if (sb_ask_text (i, &a, id, sb_buf_cstr (&text)))
            return true;
        class = sb_answer_class (&a);
        if ((class != SB_MSG_RETRY && class != SB_MSG_BUSY) || waited >= ALONE_MS) {
            sb_ms_failed (i, &a, id, what);
            return false;
        }
        if ((class == SB_MSG_BUSY && !end_holders (i))
            || !sb_ms_pause (i->ms, STEP_MS, "the database takes the statement"))
            return false;
    }
}

bool
sb_await_state (struct sb_inst *i, struct sb_copy *ret, const char *state, int64_t at_most_ms)
{
    for (int64_t waited = 0;; waited += STEP_MS) {
        if (!sb_copy_read (i, ret))
            return false;
        if (sb_copy_is (ret, state))
            return true;
        if (waited >= at_most_ms) {
            sb_ms_fail (i->ms, SB_UNSURE, "database '%s' at instance '%s' did not become %s: it is %s", i->ms->db,
                        i->name, state, sb_copy_words (i->ms, ret));
            return false;
        }
        if (!sb_ms_pause (i->ms, STEP_MS, sb_format (i->ms->call, "the copy at '%s' is %s", i->name, state)))
            return false;
    }
}

bool
sb_unmirror (struct sb_inst *i, struct sb_copy *copy)
{
    struct sb_answer a;

    for (int64_t waited = 0; copy->mirrored; waited += STEP_MS) {
        if (!sb_ask (i, &a, SB_STMT_PARTNER_OFF, i->ms->db) && sb_answer_class (&a) != SB_MSG_GONE
            && sb_answer_class (&a) != SB_MSG_RETRY) {
            sb_ms_failed (i, &a, SB_STMT_PARTNER_OFF, "the mirroring session cannot be ended");
            return false;
        }
        if (!sb_copy_read (i, copy))
            return false;
        if (copy->mirrored && waited >= ALONE_MS) {
            sb_ms_fail (i->ms, SB_UNSURE, "the mirroring session of '%s' at instance '%s' does not end", i->ms->db,
                        i->name);
            return false;
        }
        if (copy->mirrored && !sb_ms_pause (i->ms, STEP_MS, "the mirroring session is gone"))
            return false;
    }
    return true;
}

enum sb_seen
sb_look (struct sb_ms *ms, struct sb_inst *i, struct sb_copy *ret)
{
    if (!sb_ms_open (ms, ms->on, i))
        return SB_SEEN_UNKNOWN;
    if (sb_ours_at_work (i))
        return SB_SEEN_PARTLY;
    return sb_copy_read (i, ret) ? SB_SEEN_YES : SB_SEEN_UNKNOWN;
}
