/* observe, check-store: what stands on an instance, in words.  An instance that
 * does not answer is an answer too. */
#include "plugins/mssql/facts.h"
#include "plugins/mssql/verbs.h"

#include <string.h>

/* End of the log: mirroring tells it; else the newest log backup is the best that is known. */
static const char *
lsn_of (struct sb_inst *i, const struct sb_copy *c)
{
    struct sb_answer a;
    const char *lsn;

    if (*c->redo_lsn != '\0')
        return c->redo_lsn;
    if (c->mirrored && *c->end_lsn != '\0')
        return c->end_lsn;
    if (!c->there || !sb_ask (i, &a, SB_STMT_LAST_BACKUP, i->ms->db, "L"))
        return "";
    lsn = sb_rows_get (&a.rows, 0, "last_lsn");
    return lsn != NULL ? lsn : "";
}

static const char *
shipping_of (struct sb_inst *i, bool *ret_known)
{
    struct sb_primary p;
    struct sb_secondary s;

    *ret_known = sb_primary_read (i, &p) && sb_secondary_read (i, &s);
    if (!*ret_known)
        return "none";
    return p.there ? "primary" : s.count > 0 ? "secondary" : "none";
}

static void
tell_silence (struct sb_ms *ms, const char *answers, const char *sentence)
{
    sb_result (ms->call, "answers", answers);
    sb_result (ms->call, "state", "unknown");
    sb_result (ms->call, "role", "none");
    sb_result (ms->call, "mirroring", "none");
    sb_result (ms->call, "partner", "");
    sb_result (ms->call, "lsn", "");
    sb_result (ms->call, "shipping", "none");
    sb_result (ms->call, "sentence", sentence);
}

static enum sb_rc
tell_copy (struct sb_inst *i, const struct sb_copy *c)
{
    struct sb_call *call = i->ms->call;
    const char *shipping;
    bool known;

    shipping = shipping_of (i, &known);
    if (!known)
        return i->ms->rc;
    sb_result (call, "answers", "yes");
    sb_result (call, "state", c->state);
    sb_result (call, "role", c->mirrored ? c->role : "none");
    sb_result (call, "mirroring", c->mirrored ? c->mirroring : "none");
    sb_result (call, "partner", c->mirrored ? (*c->partner_instance != '\0' ? c->partner_instance : c->partner) : "");
    sb_result (call, "lsn", lsn_of (i, c));
    sb_result (call, "shipping", shipping);
    sb_result (call, "sentence",
               sb_format (call, "%s at %s is %s%s%s", i->ms->db, i->name, sb_copy_words (i->ms, c),
                          strcmp (shipping, "none") != 0 ? "; log shipping " : "",
                          strcmp (shipping, "none") != 0 ? shipping : ""));
    return SB_OK;
}

enum sb_rc
sb_run_observe (struct sb_ms *ms)
{
    struct sb_inst i;
    struct sb_copy c;
    const char *why;

    switch (sb_ms_reach (ms, ms->on, &i, &why)) {
    case SB_REACH_OK:
        return sb_copy_read (&i, &c) ? tell_copy (&i, &c) : ms->rc;
    case SB_REACH_SILENT:
        tell_silence (ms, "no", why);
        return SB_OK;
    case SB_REACH_REFUSED:
        tell_silence (ms, "yes", why);
        return SB_OK;
    case SB_REACH_WRONG:
        break;
    }
    return ms->rc;
}

enum sb_rc
sb_run_check_store (struct sb_ms *ms)
{
    struct sb_inst i;
    struct sb_copy c;
    const char *words;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c))
        return ms->rc;
    words = sb_copy_words (ms, &c);
    sb_result (ms->call, "state", c.state);
    sb_result (ms->call, "sentence", sb_format (ms->call, "%s at %s is %s", ms->db, i.name, words));
    if (sb_copy_serves (&c))
        return SB_OK;
    return sb_ms_fail (ms, SB_FAIL,
                       "database '%s' is not ready at instance '%s': it is %s\n"
                       "HINT: %s",
                       ms->db, i.name, words,
                       c.there ? "Bring it online there, or look at why it is not."
                               : "Create it there, as the pool's topology says.");
}
