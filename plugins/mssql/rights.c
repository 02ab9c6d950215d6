/* set-access, full-recovery, mend-copy: properties of a copy, among them those that a restore takes away (owner,
 * TRUSTWORTHY, broker, the bond between users and logins). */
#include "plugins/mssql/access.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <string.h>

/* A copy that serves; else told. */
static bool
open_serving (struct sb_ms *ms, struct sb_inst *i, struct sb_copy *c)
{
    if (!sb_ms_as (ms) || !sb_ms_open (ms, ms->on, i) || !sb_copy_read (i, c))
        return false;
    if (sb_copy_serves (c))
        return true;
    sb_ms_fail (ms, SB_FAIL,
                "database '%s' at instance '%s' is %s: it can be changed only where it serves\n"
                "HINT: On a mirror or a restoring copy, do it after its recovery.",
                ms->db, i->name, sb_copy_words (ms, c));
    return false;
}

/* ------------------------------------------------------------------ set-access */

static const struct {
    const char *word, *state;
    enum sb_stmt stmt;
} accesses[] = { { "multi", "MULTI_USER", SB_STMT_MULTI_USER },
                 { "restricted", "RESTRICTED_USER", SB_STMT_RESTRICT },
                 { "single", "SINGLE_USER", SB_STMT_SINGLE_USER } };

static size_t
access_of (const char *text)
{
    for (size_t n = 0; n < sizeof accesses / sizeof *accesses; n++)
        if (text != NULL && (strcmp (accesses[n].word, text) == 0 || strcmp (accesses[n].state, text) == 0))
            return n;
    return 0;
}

enum sb_rc
sb_run_set_access (struct sb_ms *ms)
{
    size_t wanted = access_of (sb_param (ms->call, "access"));
    struct sb_copy c;
    struct sb_inst i;

    if (!open_serving (ms, &i, &c))
        return ms->rc;
    sb_result (ms->call, "was", accesses[access_of (c.access)].word);
    if (strcmp (c.access, accesses[wanted].state) != 0
        && !sb_set_state (&i, sb_format (ms->call, "the access to '%s' cannot be changed", ms->db),
                          accesses[wanted].stmt))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_set_access (struct sb_ms *ms)
{
    size_t wanted = access_of (sb_param (ms->call, "access"));
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen;

    if (!sb_ms_as (ms))
        return SB_SEEN_UNKNOWN;
    seen = sb_look (ms, &i, &c);
    if (seen != SB_SEEN_YES)
        return seen;
    sb_result (ms->call, "was", accesses[access_of (c.access)].word);
    return sb_copy_serves (&c) && strcmp (c.access, accesses[wanted].state) == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ------------------------------------------------------------------ full-recovery */

enum sb_rc
sb_run_full_recovery (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;

    if (!open_serving (ms, &i, &c))
        return ms->rc;
    if (strcmp (c.recovery, "FULL") != 0
        && !sb_set_state (&i, sb_format (ms->call, "the recovery model of '%s' cannot be changed", ms->db),
                          SB_STMT_FULL_RECOVERY))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_full_recovery (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    return c.there && strcmp (c.recovery, "FULL") == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ------------------------------------------------------------------ mend-copy */

struct mend {
    struct sb_inst i;
    struct sb_answer now;     /* SB_STMT_PROPERTIES */
    struct sb_answer orphans; /* SB_STMT_ORPHANS: name, logins */
    int64_t mendable;         /* orphans that have a login of their name */
};

static const char *
wanted (struct mend *m, const char *param)
{
    const char *value = sb_param (m->i.ms->call, param);

    return value != NULL && *value != '\0' && strcmp (value, "keep") != 0 ? value : NULL;
}

/* "yes" or "no" as wanted, or nothing wanted. */
static bool
flag_is_right (struct mend *m, const char *param, const char *column)
{
    const char *value = wanted (m, param);

    return value == NULL || (strcmp (value, "yes") == 0) == (sb_rows_int (&m->now.rows, 0, column, 0) != 0);
}

static bool
owner_is_right (struct mend *m)
{
    const char *value = wanted (m, "owner"), *owner = sb_rows_get (&m->now.rows, 0, "owner");

    return value == NULL || (owner != NULL && sb_casecmp (owner, value) == 0);
}

static bool
is_mended (struct mend *m)
{
    return owner_is_right (m) && flag_is_right (m, "trustworthy", "is_trustworthy_on")
           && flag_is_right (m, "broker", "is_broker_enabled") && m->mendable == 0;
}

/* Who is left: users whose login is not here cannot be mended, and are named. */
static bool
read_now (struct mend *m)
{
    struct sb_ms *ms = m->i.ms;
    struct sb_buf left SB_CLEANUP (sb_buf_free) = { 0 };

    if (!sb_must_ask (&m->i, &m->now, "the properties of the copy cannot be read", SB_STMT_PROPERTIES, ms->db)
        || !sb_must_ask (&m->i, &m->orphans, "the users of the copy cannot be read", SB_STMT_ORPHANS, ms->db))
        return false;
    m->mendable = 0;
    for (size_t n = 0; n < m->orphans.rows.count; n++) {
        const char *name = sb_rows_get (&m->orphans.rows, n, "name");

        if (sb_rows_int (&m->orphans.rows, n, "logins", 0) > 0)
            m->mendable++;
        else
            sb_buf_printf (&left, "%s%s", left.len > 0 ? ", " : "", name != NULL ? name : "?");
    }
    sb_result (ms->call, "left", sb_buf_cstr (&left));
    return true;
}

static bool
adopt_user (struct mend *m, const char *name)
{
    struct sb_buf inner SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_answer a;

    return sb_piece (&m->i, &inner, SB_STMT_ADOPT_USER, name, name)
           && sb_must_ask (&m->i, &a, sb_format (m->i.ms->call, "user '%s' gets no login again", name), SB_STMT_INSIDE,
                           m->i.ms->db, sb_buf_cstr (&inner));
}

static bool
mend_flag (struct mend *m, const char *param, const char *column, enum sb_stmt on, enum sb_stmt off)
{
    const char *what = sb_format (m->i.ms->call, "'%s' of '%s' cannot be set", param, m->i.ms->db);

    return flag_is_right (m, param, column)
           || sb_set_state (&m->i, what, strcmp (wanted (m, param), "yes") == 0 ? on : off);
}

enum sb_rc
sb_run_mend_copy (struct sb_ms *ms)
{
    struct mend m = { .mendable = 0 };
    struct sb_answer a;
    struct sb_copy c;
    int64_t mended = 0;

    if (!open_serving (ms, &m.i, &c) || !read_now (&m))
        return ms->rc;
    if (!owner_is_right (&m)
        && !sb_must_ask (&m.i, &a, sb_format (ms->call, "database '%s' gets no owner", ms->db), SB_STMT_OWNER, ms->db,
                         wanted (&m, "owner")))
        return ms->rc;
    if (!mend_flag (&m, "trustworthy", "is_trustworthy_on", SB_STMT_TRUSTWORTHY_ON, SB_STMT_TRUSTWORTHY_OFF)
        || !mend_flag (&m, "broker", "is_broker_enabled", SB_STMT_BROKER_ON, SB_STMT_BROKER_OFF))
        return ms->rc;
    for (size_t n = 0; n < m.orphans.rows.count; n++) {
        const char *name = sb_rows_get (&m.orphans.rows, n, "name");

        if (name == NULL || sb_rows_int (&m.orphans.rows, n, "logins", 0) == 0)
            continue;
        if (!adopt_user (&m, name))
            return ms->rc;
        mended++;
    }
    sb_result (ms->call, "users", sb_format (ms->call, "%lld", (long long) mended));
    return SB_OK;
}

enum sb_seen
sb_see_mend_copy (struct sb_ms *ms)
{
    struct mend m = { .mendable = 0 };
    struct sb_copy c;
    enum sb_seen seen;

    if (!sb_ms_as (ms))
        return SB_SEEN_UNKNOWN;
    seen = sb_look (ms, &m.i, &c);
    if (seen != SB_SEEN_YES)
        return seen;
    if (!sb_copy_serves (&c))
        return SB_SEEN_NO;
    if (!read_now (&m))
        return SB_SEEN_UNKNOWN;
    return is_mended (&m) ? SB_SEEN_YES : SB_SEEN_NO;
}
