/* set-witness, remove-witness, resume-mirror: what is changed in a session that stands. */
#include "plugins/mssql/access.h"
#include "plugins/mssql/endpoint.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/verbs.h"

#include <string.h>

#define STEP_MS 500
#define TRIES   8 /* of a statement that fails for the moment */

/* The session's principal, on whom it is changed.  False: told. */
static bool
is_principal (struct sb_inst *i, const struct sb_copy *c)
{
    if (c->mirrored && strcmp (c->role, "PRINCIPAL") == 0)
        return true;
    sb_ms_fail (i->ms, SB_FAIL,
                "the mirroring session of '%s' is not changed at instance '%s': its copy there is %s\n"
                "HINT: A session is changed at its principal; build the pair with make-mirror.",
                i->ms->db, i->name, sb_copy_words (i->ms, c));
    return false;
}

/* A statement about the session, tried again while it fails for the moment. */
static bool
say (struct sb_inst *i, enum sb_stmt id, const char *text, const char *what)
{
    struct sb_answer a;

    for (int tries = 0;; tries++) {
        enum sb_msg_class class;

        if (sb_ask_text (i, &a, id, text))
            return true;
        class = sb_answer_class (&a);
        if (class == SB_MSG_ALREADY || class == SB_MSG_GONE)
            return true; /* the catalogue is read next */
        if (a.end != SB_END_ERROR || (class != SB_MSG_RETRY && class != SB_MSG_UNSURE) || tries == TRIES)
            break;
        if (!sb_ms_pause (i->ms, (int64_t) STEP_MS * (tries + 1), "the session takes the statement"))
            return false;
    }
    sb_ms_failed (i, &a, id, what);
    return false;
}

/* ------------------------------------------------------------------ witness */

static bool
has_witness (const struct sb_copy *c)
{
    return *c->witness != '\0' && strcmp (c->witness_state, "CONNECTED") == 0;
}

enum sb_rc
sb_run_set_witness (struct sb_ms *ms)
{
    const char *what = sb_format (ms->call, "'%s' gets no witness", ms->db), *address;
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_inst i, w;
    struct sb_copy c;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c) || !is_principal (&i, &c))
        return ms->rc;
    if (*c.witness == '\0'
        && (!sb_ms_open (ms, sb_param (ms->call, "witness"), &w) || !sb_endpoint (&w, "WITNESS", &address)
            || !sb_piece (&i, &text, SB_STMT_WITNESS, ms->db, address)
            || !say (&i, SB_STMT_WITNESS, sb_buf_cstr (&text), what)))
        return ms->rc;
    while (!has_witness (&c))
        if (!sb_ms_pause (ms, STEP_MS, "the witness is connected") || !sb_copy_read (&i, &c))
            return ms->rc;
    sb_result (ms->call, "witness", c.witness);
    return SB_OK;
}

static enum sb_seen
see_witness (struct sb_ms *ms, bool wanted)
{
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    sb_result (ms->call, "witness", c.witness);
    if (!wanted)
        return *c.witness == '\0' ? SB_SEEN_YES : SB_SEEN_NO;
    return has_witness (&c) ? SB_SEEN_YES : *c.witness != '\0' ? SB_SEEN_PARTLY : SB_SEEN_NO;
}

enum sb_seen
sb_see_set_witness (struct sb_ms *ms)
{
    return see_witness (ms, true);
}

enum sb_rc
sb_run_remove_witness (struct sb_ms *ms)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_copy c;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c))
        return ms->rc;
    if (*c.witness == '\0')
        return SB_OK;
    if (!is_principal (&i, &c) || !sb_piece (&i, &text, SB_STMT_WITNESS_OFF, ms->db)
        || !say (&i, SB_STMT_WITNESS_OFF, sb_buf_cstr (&text),
                 sb_format (ms->call, "the witness of '%s' cannot be removed", ms->db)))
        return ms->rc;
    sb_result (ms->call, "witness", "");
    return SB_OK;
}

enum sb_seen
sb_see_remove_witness (struct sb_ms *ms)
{
    return see_witness (ms, false);
}

/* ------------------------------------------------------------------ resume-mirror */

/* The mirror of the session, if it can be asked.  False: it cannot. */
static bool
read_mirror (struct sb_ms *ms, const char *principal, struct sb_copy *ret)
{
    static const char *const labels[] = { "primary", "mirror", "backup", "backup mirror" };
    const char *instance, *why;
    struct sb_inst i;

    for (size_t n = 0; n < 4; n++) {
        instance = sb_ms_attr (ms, labels[n]);
        if (instance != NULL && strcmp (instance, principal) != 0 && sb_ms_reach (ms, instance, &i, &why) == SB_REACH_OK
            && sb_copy_read (&i, ret) && sb_copy_is_mirror (ret))
            return true;
    }
    return false;
}

/* Resuming makes the mirror follow the principal, whatever it holds: after a forced service that may be what only the old
 * principal acknowledged.  Nothing is lost when its log ends where both partners have it. */
static bool
may_resume (struct sb_inst *i, const struct sb_copy *c)
{
    const char *force = sb_param (i->ms->call, "force");
    struct sb_copy m;

    if ((force != NULL && *force != '\0')
        || (read_mirror (i->ms, i->name, &m) && sb_lsn_valid (m.end_lsn) && sb_lsn_valid (c->failover_lsn)
            && sb_lsn_cmp (m.end_lsn, c->failover_lsn) <= 0))
        return true;
    sb_ms_fail (i->ms, SB_FAIL,
                "the mirroring session of '%s' is not resumed at instance '%s': the mirror may hold what the principal "
                "lacks, and resuming discards it\nHINT: Salvage that, or give it up (parameter 'force').",
                i->ms->db, i->name);
    return false;
}

static bool
is_moving (const struct sb_copy *c)
{
    return strcmp (c->mirroring, "SYNCHRONIZED") == 0 || strcmp (c->mirroring, "SYNCHRONIZING") == 0;
}

enum sb_rc
sb_run_resume_mirror (struct sb_ms *ms)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_copy c;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c) || !is_principal (&i, &c))
        return ms->rc;
    if (strcmp (c.mirroring, "SUSPENDED") == 0
        && (!may_resume (&i, &c) || !sb_piece (&i, &text, SB_STMT_RESUME, ms->db)
            || !say (&i, SB_STMT_RESUME, sb_buf_cstr (&text),
                     sb_format (ms->call, "the mirroring session of '%s' cannot be resumed", ms->db))))
        return ms->rc;
    while (strcmp (c.mirroring, "SYNCHRONIZED") != 0) {
        sb_progress (ms->call, 101, c.mirroring);
        if (!sb_ms_pause (ms, STEP_MS, "the copies are synchronized") || !sb_copy_read (&i, &c))
            return ms->rc;
    }
    return SB_OK;
}

enum sb_seen
sb_see_resume_mirror (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    if (!c.mirrored)
        return SB_SEEN_NO;
    return strcmp (c.mirroring, "SYNCHRONIZED") == 0 ? SB_SEEN_YES : is_moving (&c) ? SB_SEEN_PARTLY : SB_SEEN_NO;
}
