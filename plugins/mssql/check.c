/* check: one fact of the steady state held against the servers.  Green: as it
 * shall be.  Amber: works, but not as it shall be, or on its way.  Red: broken;
 * a failover would fail or lose more than it need.  Unknown: it could not be
 * seen.  A fact about something that the topology does not have is green. */
#include "plugins/mssql/compliance.h"
#include "plugins/mssql/files.h"
#include "plugins/mssql/jobs.h"
#include "plugins/mssql/lsn.h"
#include "plugins/mssql/servers.h"
#include "plugins/mssql/verbs.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 100
#define SERVERS_MAX 64
#define VOLUME_MIN  ((int64_t) 1 << 30)
#define AGE_MIN_MS  10000 /* a limit below this would only tell how busy the machine is */

enum verdict { GREEN = 0, AMBER, RED, UNKNOWN };

struct fact {
    struct sb_ms *ms;
    enum verdict verdict;
    struct sb_buf found;
};

/* The worst stands; every finding is told. */
static void __attribute__ ((format (printf, 3, 4))) find (struct fact *f, enum verdict verdict, const char *fmt, ...)
{
    va_list args;

    if (verdict > f->verdict)
        f->verdict = verdict;
    if (f->found.len > 0)
        sb_buf_str (&f->found, "; ");
    va_start (args, fmt);
    sb_buf_vprintf (&f->found, fmt, args);
    va_end (args);
}

/* The instance of a label ("primary", ...).  False: there is none, or it cannot be asked: found. */
static bool
reach (struct fact *f, const char *label, struct sb_inst *ret)
{
    const char *instance = sb_ms_attr (f->ms, label), *why;

    if (instance == NULL) {
        find (f, GREEN, "no %s is configured", label);
        return false;
    }
    switch (sb_ms_reach (f->ms, instance, ret, &why)) {
    case SB_REACH_OK:
        return true;
    case SB_REACH_WRONG:
        find (f, UNKNOWN, "%s cannot be asked: its configuration is wrong", instance);
        return false;
    default:
        find (f, UNKNOWN, "%.*s", (int) strcspn (why, "\n"), why);
        return false;
    }
}

/* For reading functions that tell the host themselves. */
static bool
saw (struct fact *f, const struct sb_inst *i, bool good)
{
    if (!good)
        find (f, UNKNOWN, "%s could not be read", i->name);
    return good;
}

static bool
copy_at (struct fact *f, const char *label, struct sb_inst *i, struct sb_copy *c)
{
    return reach (f, label, i) && saw (f, i, sb_copy_read (i, c));
}

/* ------------------------------------------------------------------ H3 H4 H5: the pair */

static void
primary_serves (struct fact *f)
{
    bool mirrored = sb_ms_attr (f->ms, "mirror") != NULL;
    struct sb_copy c;
    struct sb_inst i;

    if (!copy_at (f, "primary", &i, &c))
        return;
    find (f, GREEN, "%s at %s is %s", f->ms->db, i.name, sb_copy_words (f->ms, &c));
    if (sb_copy_is_mirror (&c) && strcmp (c.mirroring, "SYNCHRONIZED") == 0)
        find (f, AMBER, "the roles of the pair are swapped");
    else if (!sb_copy_serves (&c))
        find (f, RED, "it does not serve");
    else if (strcmp (c.access, "MULTI_USER") != 0)
        find (f, RED, "users are shut out");
    else if (mirrored && !c.mirrored)
        find (f, RED, "it is not mirrored");
    if (c.there && strcmp (c.recovery, "FULL") != 0)
        find (f, RED, "its recovery model is %s", c.recovery);
}

static void
mirror_synchronized (struct fact *f)
{
    struct sb_copy c;
    struct sb_inst i;

    if (!copy_at (f, "mirror", &i, &c))
        return;
    find (f, GREEN, "%s at %s is %s", f->ms->db, i.name, sb_copy_words (f->ms, &c));
    if (!c.mirrored)
        find (f, RED, "it is not mirrored");
    else if (strcmp (c.mirroring, "SYNCHRONIZED") != 0)
        find (f, strcmp (c.mirroring, "SYNCHRONIZING") == 0 ? AMBER : RED, "it is not synchronized");
    else if (!sb_copy_is_mirror (&c))
        find (f, AMBER, "the roles of the pair are swapped");
    if (c.mirrored && strcmp (c.safety, "FULL") != 0)
        find (f, RED, "its safety level is %s", *c.safety != '\0' ? c.safety : "not told");
}

static void
witness_connected (struct fact *f)
{
    static const char *const labels[] = { "primary", "mirror" };
    struct sb_copy c;
    struct sb_inst i;

    if (sb_ms_attr (f->ms, "witness") == NULL) {
        find (f, GREEN, "no witness is configured");
        return;
    }
    for (size_t n = 0; n < 2; n++) {
        if (!copy_at (f, labels[n], &i, &c))
            continue;
        if (*c.witness == '\0')
            find (f, RED, "%s has no witness", i.name);
        else
            find (f, strcmp (c.witness_state, "CONNECTED") == 0 ? GREEN : RED, "%s sees the witness %s", i.name,
                  *c.witness_state != '\0' ? c.witness_state : "UNKNOWN");
    }
}

/* ------------------------------------------------------------------ H6 H7 H8 H9: log shipping */

static const char *
path_of (struct fact *f, const char *key)
{
    const char *share = sb_ms_attr (f->ms, key),
               *unc = share != NULL ? sb_attr (f->ms->call, "share", share, "unc") : NULL;

    return unc != NULL ? unc : "";
}

static void
primary_defined (struct fact *f)
{
    static const char *const labels[] = { "primary", "mirror" };
    const char *share = path_of (f, "log share");
    struct sb_primary p;
    struct sb_inst i;

    for (size_t n = 0; n < 2; n++) {
        if (sb_ms_attr (f->ms, labels[n]) == NULL || !reach (f, labels[n], &i)
            || !saw (f, &i, sb_primary_read (&i, &p)))
            continue;
        if (!p.there)
            find (f, RED, "%s has no definition", i.name);
        else if (sb_casecmp (p.share, share) != 0)
            find (f, RED, "%s ships to %s and not to %s", i.name, p.share, share);
        else
            find (f, p.secondaries.count > 0 ? GREEN : RED, "%s ships to %s, %zu secondar%s", i.name, p.share,
                  p.secondaries.count, p.secondaries.count == 1 ? "y" : "ies");
    }
}

static void
secondary_defined (struct fact *f)
{
    const char *share = path_of (f, "log share"), *primary = sb_ms_attr (f->ms, "primary");
    struct sb_secondary s;
    struct sb_inst i, p;

    if (!reach (f, "backup", &i) || !saw (f, &i, sb_secondary_read (&i, &s)))
        return;
    if (s.count != 1) {
        find (f, RED, "%s has %zu definitions instead of one", i.name, s.count);
        return;
    }
    find (f, sb_casecmp (s.source, share) == 0 ? GREEN : RED, "%s copies from %s", i.name, s.source);
    find (f, GREEN, "its primary is %s", s.primary_server);
    if (primary != NULL && reach (f, "primary", &p) && sb_casecmp (p.server_name, s.primary_server) != 0)
        find (f, RED, "but %s calls itself %s", primary, p.server_name);
}

static void
one_job (struct fact *f, struct sb_inst *i, const char *id, const char *which)
{
    struct sb_job job;

    if (!saw (f, i, sb_job_read (i, id, &job)))
        return;
    if (!job.there)
        find (f, RED, "%s has no %s job", i->name, which);
    else
        find (f, job.enabled ? GREEN : RED, "%s of %s is %s", job.name, i->name, job.enabled ? "enabled" : "disabled");
}

static void
agent_there (struct fact *f, struct sb_inst *i)
{
    bool runs;

    if (saw (f, i, sb_agent_runs (i, &runs)) && !runs)
        find (f, RED, "the Agent of %s does not run", i->name);
}

static void
jobs_enabled (struct fact *f)
{
    static const char *const labels[] = { "primary", "mirror" };
    struct sb_secondary s;
    struct sb_primary p;
    struct sb_inst i;

    for (size_t n = 0; n < 2; n++) {
        if (sb_ms_attr (f->ms, labels[n]) == NULL || !reach (f, labels[n], &i)
            || !saw (f, &i, sb_primary_read (&i, &p)))
            continue;
        one_job (f, &i, p.job, "backup");
        agent_there (f, &i);
    }
    if (!reach (f, "backup", &i) || !saw (f, &i, sb_secondary_read (&i, &s)))
        return;
    one_job (f, &i, s.copy_job, "copy");
    one_job (f, &i, s.restore_job, "restore");
    agent_there (f, &i);
}

/* Age against the server's own threshold (minutes) or three times the interval, whichever is shorter. */
static void
one_age (struct fact *f, struct sb_inst *i, const char *what, const char *at, int64_t threshold, const char *interval)
{
    int64_t limit = 3 * sb_number (f->ms->call, interval), then;
    struct sb_buf words SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_clock clock;

    if (!saw (f, i, sb_clock_read (i, &clock)))
        return;
    if (limit < AGE_MIN_MS)
        limit = AGE_MIN_MS;
    if (threshold > 0 && threshold * 60000 < limit)
        limit = threshold * 60000;
    if (at == NULL || !sb_parse_utc (at, &then)) {
        find (f, RED, "%s has no %s yet", i->name, what);
        return;
    }
    sb_format_duration (&words, clock.utc_ms > then ? clock.utc_ms - then : 0);
    find (f, clock.utc_ms - then <= limit ? GREEN : RED, "last %s at %s %s ago", what, i->name, sb_buf_cstr (&words));
}

/* The dormant source makes no backups: the fresher of the two partners counts. */
static bool
newest_backup (struct fact *f, struct sb_inst *ret, const char **ret_at, int64_t *ret_threshold)
{
    static const char *const labels[] = { "primary", "mirror" };
    bool found = false;

    *ret_at = NULL;
    for (size_t n = 0; n < 2; n++) {
        const char *at;
        struct sb_answer a;
        struct sb_inst i;

        if (sb_ms_attr (f->ms, labels[n]) == NULL || !reach (f, labels[n], &i)
            || !saw (f, &i, sb_must_ask (&i, &a, "the monitor cannot be read", SB_STMT_MONITOR_PRIMARY, f->ms->db)))
            continue;
        at = sb_rows_get (&a.rows, 0, "last_backup_date_utc");
        if (found && (at == NULL || (*ret_at != NULL && strcmp (at, *ret_at) <= 0)))
            continue;
        *ret = i;
        *ret_at = at;
        *ret_threshold = sb_rows_int (&a.rows, 0, "backup_threshold", 0);
        found = true;
    }
    return found;
}

static void
fresh (struct fact *f)
{
    int64_t threshold = 0;
    struct sb_answer a;
    struct sb_inst i;
    const char *at;

    if (newest_backup (f, &i, &at, &threshold))
        one_age (f, &i, "backup", at, threshold, "backup every");
    if (!reach (f, "backup", &i)
        || !saw (f, &i, sb_must_ask (&i, &a, "the monitor cannot be read", SB_STMT_MONITOR_SECONDARY, f->ms->db)))
        return;
    threshold = sb_rows_int (&a.rows, 0, "restore_threshold", 0);
    one_age (f, &i, "copy", sb_rows_get (&a.rows, 0, "last_copied_date_utc"), threshold, "copy every");
    one_age (f, &i, "restore", sb_rows_get (&a.rows, 0, "last_restored_date_utc"), threshold, "restore every");
}

/* ------------------------------------------------------------------ H10 H11: the backup copy and its chain */

static void
backup_restoring (struct fact *f)
{
    struct sb_secondary s;
    struct sb_user *users;
    struct sb_copy c;
    struct sb_inst i;
    size_t count;

    if (!copy_at (f, "backup", &i, &c))
        return;
    find (f, sb_copy_is (&c, "RESTORING") && !c.mirrored ? GREEN : RED, "%s at %s is %s", f->ms->db, i.name,
          sb_copy_words (f->ms, &c));
    if (saw (f, &i, sb_secondary_read (&i, &s)) && s.count > 0 && s.mode != 0)
        find (f, RED, "logs are restored in standby mode");
    if (saw (f, &i, sb_users_read (&i, &users, &count)) && count > 0)
        find (f, RED, "%s", sb_users_words (f->ms, users, count));
}

static bool
is_among (const char *const *names, size_t count, const char *name)
{
    for (size_t n = 0; n < count; n++)
        if (sb_casecmp (names[n], name) == 0)
            return true;
    return false;
}

struct waiting {
    const char **names; /* log backups on the share, as the backup instance sees it */
    size_t count;
    const char *folder;
};

/* The newest log backup that was made must lie on the share: one made elsewhere is a hole. */
static void
newest_is_shipped (struct fact *f, struct sb_inst *b, const struct sb_copy *c, const struct waiting *w)
{
    static const char *const labels[] = { "primary", "mirror" };

    for (size_t n = 0; n < 2; n++) {
        const char *last, *device, *trouble;
        const char **names;
        struct sb_answer a;
        struct sb_inst i;
        size_t count;

        if (sb_ms_attr (f->ms, labels[n]) == NULL || !reach (f, labels[n], &i)
            || !saw (f, &i, sb_must_ask (&i, &a, "the backup history cannot be read", SB_STMT_LAST_LOG, f->ms->db)))
            continue;
        last = sb_rows_get (&a.rows, 0, "last_lsn");
        device = sb_rows_get (&a.rows, 0, "physical_device_name");
        if (last == NULL || device == NULL || sb_lsn_cmp (last, c->redo_lsn) <= 0
            || is_among (w->names, w->count, sb_base_name (device)))
            continue;
        /* it may just have been made, or be under its temporary name */
        if (!sb_ms_pause (f->ms, 3000, "the newest log backup is on the share")
            || !saw (f, b, sb_files_list (b, w->folder, &names, &count, &trouble)))
            return;
        find (f, is_among (names, count, sb_base_name (device)) ? GREEN : RED, "the newest log backup of %s went to %s",
              i.name, device);
    }
}

static void
chain_goes_on (struct fact *f, struct sb_inst *i, const struct waiting *w, const char *last,
               const struct sb_point *point)
{
    struct sb_set list[HEADERS_MAX] = { { 0 } };
    struct sb_chain chain;
    struct sb_sets one;
    size_t count = 0, trouble = 0;

    for (size_t n = 0; n < w->count && count < HEADERS_MAX; n++) {
        if (last != NULL && strcmp (w->names[n], sb_base_name (last)) <= 0)
            continue;
        if (!saw (f, i, sb_header_read (i, sb_path_join (f->ms, w->folder, w->names[n]), &one)))
            return;
        list[count++] = one.list[0];
    }
    sb_chain_decide (f->ms->arena, list, count, point, &chain);
    for (size_t n = 0; n < count; n++)
        if (sb_chain_is_trouble (chain.verdicts[n]) && trouble++ < 3)
            find (f, RED, "%s: %s", sb_base_name (list[n].path),
                  list[n].trouble != NULL ? list[n].trouble : sb_chain_word (chain.verdicts[n]));
    if (trouble == 0)
        find (f, GREEN, "the copy at %s stands at LSN %s, %zu log backup%s continue%s it", i->name, point->lsn,
              chain.count, chain.count == 1 ? "" : "s", chain.count == 1 ? "s" : "");
}

static void
chain_whole (struct fact *f)
{
    struct waiting w = { .folder = path_of (f, "log share") };
    const char *trouble;
    struct sb_secondary s;
    struct sb_point point;
    struct sb_copy c;
    struct sb_inst i;

    if (!copy_at (f, "backup", &i, &c) || !saw (f, &i, sb_secondary_read (&i, &s)))
        return;
    if (!sb_copy_is (&c, "RESTORING") && !c.standby) {
        find (f, RED, "%s at %s is %s and takes no logs", f->ms->db, i.name, sb_copy_words (f->ms, &c));
        return;
    }
    if (!saw (f, &i, sb_point_read (&i, &c, &point))
        || !saw (f, &i, sb_files_list (&i, w.folder, &w.names, &w.count, &trouble)))
        return;
    if (trouble != NULL) {
        find (f, RED, "%s", trouble);
        return;
    }
    chain_goes_on (f, &i, &w, s.last_restored, &point);
    newest_is_shipped (f, &i, &c, &w);
}

/* ------------------------------------------------------------------ H12 H15 H16 */

static void
log_space (struct fact *f, const struct sb_rows *r)
{
    for (size_t n = 0; n < r->count; n++) {
        const char *name = sb_rows_get (r, n, "Database Name"), *percent = sb_rows_get (r, n, "Log Space Used (%)");
        int64_t used = percent != NULL ? (int64_t) strtod (percent, NULL) : 0;

        if (name != NULL && percent != NULL && sb_casecmp (name, f->ms->db) == 0)
            find (f, used < 75 ? GREEN : used < 90 ? AMBER : RED, "it is %lld %% full", (long long) used);
    }
}

static void
log_volume (struct fact *f, const struct sb_rows *r)
{
    int64_t room = sb_rows_int (r, 0, "available_bytes", -1), all = sb_rows_int (r, 0, "total_bytes", 0);
    const char *mount = sb_rows_get (r, 0, "volume_mount_point");

    if (room >= 0)
        find (f,
              room < VOLUME_MIN ? RED
              : room < all / 10 ? AMBER
                                : GREEN,
              "%s has %lld MB of room", mount != NULL ? mount : "its volume", (long long) (room >> 20));
}

/* What the log waits for is always told; how full it and its volume are, where the server says so. */
static void
log_bounded (struct fact *f)
{
    struct sb_answer a;
    struct sb_inst i;
    const char *wait;

    if (!reach (f, "primary", &i)
        || !saw (f, &i, sb_must_ask (&i, &a, "the log cannot be looked at", SB_STMT_LOG_WAIT, f->ms->db)))
        return;
    wait = sb_rows_get (&a.rows, 0, "log_reuse_wait_desc");
    find (f, GREEN, "the log at %s waits for %s", i.name, wait != NULL ? wait : "nothing known");
    if (sb_ask (&i, &a, SB_STMT_LOG_SPACE))
        log_space (f, &a.rows);
    if (sb_ask (&i, &a, SB_STMT_VOLUME, f->ms->db))
        log_volume (f, &a.rows);
}

static void
no_early_mirror (struct fact *f)
{
    struct sb_copy c;
    struct sb_inst i;

    if (!copy_at (f, "backup mirror", &i, &c))
        return;
    find (f,
          !c.there                                  ? GREEN
          : c.mirrored || sb_copy_is (&c, "ONLINE") ? RED
                                                    : AMBER,
          "%s at %s is %s", f->ms->db, i.name, sb_copy_words (f->ms, &c));
}

/* The copy that serves, at the principal or its mirror.  False: none does, or nobody knows: found. */
static bool
serving (struct fact *f, struct sb_inst *ret)
{
    static const char *const labels[] = { "primary", "mirror" };
    struct sb_copy c;

    for (size_t n = 0; n < 2; n++)
        if (sb_ms_attr (f->ms, labels[n]) != NULL && copy_at (f, labels[n], ret, &c) && sb_copy_serves (&c))
            return true;
    find (f, UNKNOWN, "no copy of %s serves", f->ms->db);
    return false;
}

static void
drained (struct fact *f)
{
    int64_t waiting, limit = sb_number (f->ms->call, "compliance limit");
    struct sb_inst i;

    if (serving (f, &i) && saw (f, &i, sb_waiting_read (&i, &waiting)))
        find (f, waiting <= limit ? GREEN : RED, "%lld compliance events wait at %s", (long long) waiting, i.name);
}

/* The other half of H13, what the services say of themselves, belongs to the role pool. */
static void
reported_in (struct fact *f)
{
    const char *names[SERVERS_MAX], *name, *missing, *active;
    size_t count = 0;
    struct sb_inst i;

    for (size_t n = 0; count < SERVERS_MAX && (name = sb_object (f->ms->call, "server", n)) != NULL; n++)
        if ((active = sb_attr (f->ms->call, "server", name, "active")) != NULL && strcmp (active, "yes") == 0)
            names[count++] = name;
    if (!serving (f, &i) || !saw (f, &i, sb_servers_missing (&i, names, count, &missing)))
        return;
    if (*missing != '\0')
        find (f, RED, "have not reported in at %s: %s", i.name, missing);
    else
        find (f, GREEN, "%zu server%s reported in at %s", count, count == 1 ? "" : "s", i.name);
}

static const struct {
    const char *name;
    void (*look) (struct fact *f);
} facts[] = {
    { "H3", primary_serves },  { "H4", mirror_synchronized }, { "H5", witness_connected },
    { "H6", primary_defined }, { "H7", secondary_defined },   { "H8", jobs_enabled },
    { "H9", fresh },           { "H10", backup_restoring },   { "H11", chain_whole },
    { "H12", log_bounded },    { "H13", reported_in },        { "H15", no_early_mirror },
    { "H16", drained },
};

enum sb_rc
sb_run_check (struct sb_ms *ms)
{
    static const char *const words[] = { "green", "amber", "red", "unknown" };
    const char *name = sb_param (ms->call, "fact");
    struct fact f = { .ms = ms };

    for (size_t n = 0; n < sizeof facts / sizeof *facts; n++) {
        if (strcmp (facts[n].name, name) != 0)
            continue;
        facts[n].look (&f);
        sb_result (ms->call, "verdict", words[f.verdict]);
        sb_result (ms->call, "found", sb_buf_cstr (&f.found));
        sb_buf_free (&f.found);
        return SB_OK;
    }
    return sb_ms_fail (ms, SB_FAIL, "'%s' is no fact about a database\nHINT: H3 to H13, H15 and H16 are.", name);
}
