/* make-mirror, break-mirror, mirror-failover: mirroring sessions.
 *
 * SET PARTNER may report success and still fail later, or the other way round:
 * after every statement both catalogues are read, and they decide. */
#include "plugins/mssql/access.h"
#include "plugins/mssql/endpoint.h"
#include "plugins/mssql/files.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <string.h>

#define STEP_MS       500
#define ROUNDS        3   /* a log backup by a job between the seed and the session spoils the seed */
#define TRIES         8   /* of a statement that fails for the moment */
#define NOTICE_ROUNDS 120 /* steps until a mirror must have noticed that its principal is gone: six of its time-outs */

/* ------------------------------------------------------------------ pairs */

struct pair {
    struct sb_inst p, m; /* principal to be, mirror to be */
    struct sb_copy pc, mc;
};

static bool
read_pair (struct pair *x)
{
    return sb_copy_read (&x->p, &x->pc) && sb_copy_read (&x->m, &x->mc);
}

static bool
are_paired (const struct pair *x)
{
    return x->pc.mirrored && x->mc.mirrored && sb_casecmp (x->pc.session, x->mc.session) == 0
           && strcmp (x->pc.role, "PRINCIPAL") == 0 && strcmp (x->mc.role, "MIRROR") == 0;
}

static bool
are_synchronized (const struct pair *x)
{
    return are_paired (x) && strcmp (x->pc.mirroring, "SYNCHRONIZED") == 0
           && strcmp (x->mc.mirroring, "SYNCHRONIZED") == 0;
}

static bool
has_witness (struct sb_ms *ms, const struct pair *x)
{
    const char *witness = sb_param (ms->call, "witness");

    return witness == NULL || *witness == '\0' || *x->pc.witness != '\0';
}

static bool
await_synchronized (struct pair *x)
{
    struct sb_answer a;

    for (;;) {
        if (!read_pair (x))
            return false;
        if (are_synchronized (x))
            return true;
        if (!x->pc.mirrored || !x->mc.mirrored) {
            sb_ms_fail (x->p.ms, SB_RETRY,
                        "the mirroring session of '%s' ended while it was awaited: %s is %s, %s is %s", x->p.ms->db,
                        x->p.name, sb_copy_words (x->p.ms, &x->pc), x->m.name, sb_copy_words (x->p.ms, &x->mc));
            return false;
        }
        if (strcmp (x->pc.mirroring, "SUSPENDED") == 0 && !sb_ask (&x->p, &a, SB_STMT_RESUME, x->p.ms->db)
            && sb_answer_class (&a) == SB_MSG_FAIL) {
            sb_ms_failed (&x->p, &a, SB_STMT_RESUME, "the mirroring session cannot be resumed");
            return false;
        }
        sb_progress (x->p.ms->call, 101, x->pc.mirroring);
        if (!sb_ms_pause (x->p.ms, STEP_MS, "the copies are synchronized"))
            return false;
    }
}

/* ------------------------------------------------------------------ make-mirror */

/* A session of this copy with somebody else, or a stale half of one. */
static bool
clear_stale (struct pair *x)
{
    struct sb_ms *ms = x->p.ms;

    if (x->pc.mirrored && strcmp (x->pc.mirroring, "DISCONNECTED") != 0 && strcmp (x->pc.mirroring, "SUSPENDED") != 0) {
        sb_ms_fail (ms, SB_FAIL,
                    "database '%s' at instance '%s' is mirrored with %s already (%s)\n"
                    "HINT: End that session first (break-mirror).",
                    ms->db, x->p.name, x->pc.partner, x->pc.mirroring);
        return false;
    }
    return sb_unmirror (&x->p, &x->pc) && sb_unmirror (&x->m, &x->mc);
}

static bool
can_be_paired (struct pair *x)
{
    struct sb_ms *ms = x->p.ms;

    if (sb_copy_serves (&x->pc) && strcmp (x->pc.recovery, "FULL") == 0 && sb_copy_is (&x->mc, "RESTORING"))
        return true;
    sb_ms_fail (ms, SB_FAIL,
                "database '%s' cannot be mirrored: at '%s' it is %s in recovery model %s, at '%s' it is %s\n"
                "HINT: The first must be online in the full recovery model, the second restored WITH NORECOVERY.",
                ms->db, x->p.name, sb_copy_words (ms, &x->pc), *x->pc.recovery != '\0' ? x->pc.recovery : "(none)",
                x->m.name, sb_copy_words (ms, &x->mc));
    return false;
}

/* Brings the mirror to where the log share ends, for the level backup begins behind the last backup of the chain: a
 * copy that was frozen and is open again has its tail there.  False: told. */
static bool
follow_chain (struct pair *x)
{
    const char *share = sb_ms_attr (x->p.ms, "log share");
    const char *folder = share != NULL ? sb_attr (x->p.ms->call, "share", share, "unc") : NULL;

    int64_t applied;

    return folder == NULL || sb_apply_all (&x->m, folder, &applied);
}

/* One more log backup, outside the chain, brings the mirror level. */
static bool
bring_level (struct pair *x, const char *file)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    const char *what = sb_format (x->p.ms->call, "the mirror of '%s' cannot be brought level", x->p.ms->db);
    struct sb_answer a;
    bool good;

    if (!sb_must_ask (&x->p, &a, what, SB_STMT_BACKUP_LOG_COPY, x->p.ms->db, file)
        || !sb_piece (&x->m, &text, SB_STMT_RESTORE_LOG, x->p.ms->db, file, (int64_t) 1))
        return false;
    good = sb_ask_text (&x->m, &a, SB_STMT_RESTORE_LOG, sb_buf_cstr (&text));
    if (!good && sb_answer_has (&a, 4305)) { /* it begins too late */
        if (!follow_chain (x))
            return false;
        good = sb_ask_text (&x->m, &a, SB_STMT_RESTORE_LOG, sb_buf_cstr (&text));
    }
    if (good || sb_answer_class (&a) == SB_MSG_ALREADY)
        return true;
    sb_ms_failed (&x->m, &a, SB_STMT_RESTORE_LOG, what);
    return false;
}

/* The mirror lacks log; one more backup helps. */
static bool
lacks_log (const struct sb_answer *a)
{
    static const int numbers[] = { 1408, 1409, 1411, 1412, 1475, 1478 };
    const struct sb_msg *cause = sb_answer_cause (a);

    for (size_t n = 0; cause != NULL && n < sizeof numbers / sizeof *numbers; n++)
        if (cause->number == numbers[n])
            return true;
    return false;
}

/* SET PARTNER or SET WITNESS, tried again while it fails for the moment.  ret_lacks: the mirror needs more log. */
static bool
set_partner (struct sb_inst *i, enum sb_stmt id, const char *address, const char *what, bool *ret_lacks)
{
    struct sb_answer a;

    *ret_lacks = false;
    for (int tries = 0; tries < TRIES; tries++) {
        enum sb_msg_class class;

        if (sb_ask (i, &a, id, i->ms->db, address))
            return true;
        *ret_lacks = lacks_log (&a);
        class = sb_answer_class (&a);
        if (*ret_lacks)
            return false;
        if (class == SB_MSG_ALREADY)
            return true; /* the catalogue is read next */
        if (a.end != SB_END_ERROR || (class != SB_MSG_RETRY && class != SB_MSG_UNSURE))
            break;
        if (!sb_ms_pause (i->ms, STEP_MS * (tries + 1), "the partner takes part"))
            return false;
    }
    sb_ms_failed (i, &a, id, what);
    return false;
}

static bool
join (struct pair *x, const char *p_address, const char *m_address, bool *ret_lacks)
{
    const char *what = sb_format (x->p.ms->call, "database '%s' cannot be mirrored", x->p.ms->db);

    return set_partner (&x->m, SB_STMT_PARTNER, p_address, what, ret_lacks)
           && set_partner (&x->p, SB_STMT_PARTNER, m_address, what, ret_lacks);
}

static bool
make_pair (struct pair *x, const char *file)
{
    const char *p_address, *m_address;
    bool lacks = true;

    if (!clear_stale (x) || !can_be_paired (x) || !sb_endpoint (&x->p, "PARTNER", &p_address)
        || !sb_endpoint (&x->m, "PARTNER", &m_address))
        return false;
    for (int round = 0; lacks && round < ROUNDS; round++) {
        if (!sb_copy_read (&x->m, &x->mc) || !sb_unmirror (&x->m, &x->mc) || !bring_level (x, file))
            return false;
        if (join (x, p_address, m_address, &lacks))
            return true;
    }
    if (lacks)
        sb_ms_fail (x->p.ms, SB_RETRY,
                    "database '%s' cannot be mirrored: the copy at '%s' still lacks log after %d log backups\n"
                    "HINT: See who else takes log backups of it, or restore a fresh full backup there.",
                    x->p.ms->db, x->m.name, ROUNDS);
    return false;
}

static bool
set_witness (struct pair *x)
{
    struct sb_ms *ms = x->p.ms;
    const char *name = sb_param (ms->call, "witness"), *address;
    struct sb_inst w;
    bool lacks;

    if (has_witness (ms, x))
        return true;
    return sb_ms_open (ms, name, &w) && sb_endpoint (&w, "WITNESS", &address)
           && set_partner (&x->p, SB_STMT_WITNESS, address,
                           sb_format (ms->call, "'%s' cannot be made the witness of '%s'", name, ms->db), &lacks)
           && read_pair (x);
}

enum sb_rc
sb_run_make_mirror (struct sb_ms *ms)
{
    struct pair x;
    struct sb_answer a;

    if (!sb_ms_open (ms, ms->on, &x.p) || !sb_ms_open (ms, sb_param (ms->call, "mirror"), &x.m) || !read_pair (&x))
        return ms->rc;
    if (!are_paired (&x) && !make_pair (&x, sb_param (ms->call, "file")))
        return ms->rc;
    if (!await_synchronized (&x))
        return ms->rc;
    if (strcmp (x.pc.safety, "FULL") != 0
        && !sb_must_ask (&x.p, &a, "the safety level cannot be set", SB_STMT_SAFETY_FULL, ms->db))
        return ms->rc;
    if (!set_witness (&x))
        return ms->rc;
    sb_result (ms->call, "session", x.pc.session);
    return SB_OK;
}

enum sb_seen
sb_see_make_mirror (struct sb_ms *ms)
{
    struct pair x;
    enum sb_seen seen = sb_look (ms, &x.p, &x.pc);

    if (seen != SB_SEEN_YES)
        return seen;
    if (!sb_ms_open (ms, sb_param (ms->call, "mirror"), &x.m) || !sb_copy_read (&x.m, &x.mc))
        return SB_SEEN_UNKNOWN;
    sb_result (ms->call, "session", x.pc.session);
    if (are_synchronized (&x) && has_witness (ms, &x) && strcmp (x.pc.safety, "FULL") == 0)
        return SB_SEEN_YES;
    return x.pc.mirrored || x.mc.mirrored ? SB_SEEN_PARTLY : SB_SEEN_NO;
}

/* ------------------------------------------------------------------ break-mirror */

enum sb_rc
sb_run_break_mirror (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_copy_read (&i, &c) || !sb_unmirror (&i, &c))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_break_mirror (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    return seen != SB_SEEN_YES ? seen : c.mirrored ? SB_SEEN_NO : SB_SEEN_YES;
}

/* ------------------------------------------------------------------ mirror-failover */

/* The other instance of the pair, by the labels of the topology. */
static const char *
partner_of (struct sb_ms *ms, const char *instance)
{
    static const char *const pairs[][2] = { { "primary", "mirror" }, { "backup", "backup mirror" } };

    for (size_t n = 0; n < 4; n++) {
        const char *one = sb_ms_attr (ms, pairs[n / 2][n % 2]), *other = sb_ms_attr (ms, pairs[n / 2][1 - n % 2]);

        if (one != NULL && other != NULL && strcmp (one, instance) == 0)
            return other;
    }
    return NULL;
}

static bool
fail_over (struct pair *x)
{
    const char *what = sb_format (x->p.ms->call, "the role of '%s' cannot be switched", x->p.ms->db);
    struct sb_answer a;

    if (strcmp (x->pc.safety, "FULL") != 0
        && !sb_must_ask (&x->p, &a, "the safety level cannot be set to FULL", SB_STMT_SAFETY_FULL, x->p.ms->db))
        return false;
    for (int tries = 0; tries < TRIES; tries++) {
        enum sb_msg_class class;

        if (!await_synchronized (x))
            return false;
        if (sb_ask (&x->p, &a, SB_STMT_FAILOVER, x->p.ms->db))
            return true;
        class = sb_answer_class (&a);
        if (a.end != SB_END_ERROR || (class != SB_MSG_RETRY && class != SB_MSG_UNSURE))
            break;
        if (!sb_ms_pause (x->p.ms, STEP_MS, "the session can be failed over"))
            return false;
    }
    sb_ms_failed (&x->p, &a, SB_STMT_FAILOVER, what);
    return false;
}

static bool
is_new_principal (const struct sb_copy *c)
{
    return c->mirrored && strcmp (c->role, "PRINCIPAL") == 0 && sb_copy_is (c, "ONLINE");
}

/* Until the instance serves as principal and the other one has come back as its mirror. */
static bool
await_switched (struct sb_ms *ms, struct sb_inst *i, struct sb_copy *c)
{
    for (;;) {
        if (!sb_copy_read (i, c))
            return false;
        if (is_new_principal (c) && strcmp (c->mirroring, "SYNCHRONIZED") == 0)
            return true;
        if (!sb_ms_pause (ms, STEP_MS, sb_format (ms->call, "'%s' is principal and synchronized", i->name)))
            return false;
    }
}

/* A person gave the principal up, or what only the mirror of a suspended session holds. */
static bool
may_lose (struct sb_ms *ms)
{
    const char *force = sb_param (ms->call, "force");

    return force != NULL && *force != '\0';
}

/* The mirror's own word that its principal is gone: until it has noticed, a force is refused (1455).  Then the state
 * decides; a witness may have made it principal meanwhile. */
static bool
await_orphan (struct sb_inst *m, struct sb_copy *c)
{
    for (int rounds = 0; sb_copy_is_mirror (c) && strcmp (c->mirroring, "DISCONNECTED") != 0; rounds++) {
        if (rounds == NOTICE_ROUNDS) {
            sb_ms_fail (m->ms, SB_FAIL,
                        "service of '%s' is not forced at instance '%s': its principal does not answer here, but the "
                        "mirror still sees it (%s)\nHINT: Look at the network between this host and the principal.",
                        m->ms->db, m->name, c->mirroring);
            return false;
        }
        if (!sb_ms_pause (m->ms, STEP_MS, "the mirror has noticed that its principal is gone") || !sb_copy_read (m, c))
            return false;
    }
    return true;
}

/* The principal is silent: a witness switches by itself, else a person must have given it up.  The session is not
 * ended where a force is refused: a principal that comes back must find a partner that outranks it. */
static enum sb_rc
take_over (struct sb_inst *m, struct sb_copy *c, const char *other, const char *why)
{
    struct sb_ms *ms = m->ms;
    struct sb_answer a;

    if (!may_lose (ms))
        return sb_ms_fail (ms, SB_RETRY,
                           "instance '%s' cannot become principal of '%s' without loss: its principal '%s' does not "
                           "answer (%s)\nHINT: Bring it back, or give what only it holds up (parameter 'force').",
                           m->name, ms->db, other, why);
    if (!await_orphan (m, c))
        return ms->rc;
    if (sb_copy_is_mirror (c) && !sb_ask (m, &a, SB_STMT_FORCE, ms->db))
        return sb_ms_failed (m, &a, SB_STMT_FORCE,
                             sb_format (ms->call, "service of '%s' cannot be forced at '%s'", ms->db, m->name));
    while (!is_new_principal (c))
        if (!sb_ms_pause (ms, STEP_MS, sb_format (ms->call, "'%s' serves as principal", m->name))
            || !sb_copy_read (m, c))
            return ms->rc;
    return SB_OK;
}

static enum sb_rc
switch_roles (struct pair *x)
{
    struct sb_ms *ms = x->m.ms;

    if (!sb_copy_read (&x->p, &x->pc))
        return ms->rc;
    if (!are_paired (x))
        return sb_ms_fail (ms, SB_FAIL, "instance '%s' is not the principal of the session that '%s' mirrors: it is %s",
                           x->p.name, x->m.name, sb_copy_words (ms, &x->pc));
    if (strcmp (x->pc.mirroring, "SUSPENDED") == 0 && !may_lose (ms))
        return sb_ms_fail (ms, SB_FAIL,
                           "the mirroring session of '%s' is suspended, and to resume it would discard what only '%s' "
                           "holds\nHINT: Salvage that, or give it up (parameter 'force').",
                           ms->db, x->m.name);
    if (!fail_over (x) || !await_switched (ms, &x->m, &x->mc))
        return ms->rc;
    return SB_OK;
}

enum sb_rc
sb_run_mirror_failover (struct sb_ms *ms)
{
    const char *other = partner_of (ms, ms->on), *why;
    struct pair x;

    if (!sb_ms_open (ms, ms->on, &x.m) || !sb_copy_read (&x.m, &x.mc))
        return ms->rc;
    if (is_new_principal (&x.mc))
        return SB_OK;
    if (!sb_copy_is_mirror (&x.mc) || other == NULL)
        return sb_ms_fail (ms, SB_FAIL,
                           "instance '%s' cannot become principal of '%s': its copy is %s\n"
                           "HINT: Only the mirror of a session can; build the pair with make-mirror.",
                           ms->on, ms->db, sb_copy_words (ms, &x.mc));
    switch (sb_ms_reach (ms, other, &x.p, &why)) {
    case SB_REACH_OK:
        return switch_roles (&x);
    case SB_REACH_SILENT:
        return take_over (&x.m, &x.mc, other, why);
    case SB_REACH_REFUSED:
        return sb_ms_fail (ms, SB_FAIL, "%s", why);
    case SB_REACH_WRONG:
        break;
    }
    return ms->rc;
}

enum sb_seen
sb_see_mirror_failover (struct sb_ms *ms)
{
    struct sb_copy c;
    struct sb_inst i;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    if (is_new_principal (&c))
        return SB_SEEN_YES;
    return c.mirrored && strcmp (c.role, "PRINCIPAL") == 0 ? SB_SEEN_PARTLY : SB_SEEN_NO;
}
