/* await-servers, and what it shares with fact H13; see servers.h. */
#include "plugins/mssql/servers.h"

#include "core/base/text.h"
#include "plugins/mssql/verbs.h"

#define STEP_MS   500
#define NEVER     ((int64_t) -1)
#define NAMES_MAX 64 /* a pool has eight */

/* Age of the server's newest ping by the clock of the instance, or NEVER. */
static int64_t
ping_age (struct sb_ms *ms, const struct sb_rows *rows, const char *server, int64_t now_ms)
{
    const char *fqdn = sb_attr (ms->call, "server", server, "fqdn");
    int64_t age = NEVER, at;

    for (size_t n = 0; n < rows->count; n++) {
        const char *address = sb_rows_get (rows, n, "serverAddress");
        const char *ping = sb_rows_get (rows, n, "serverLastPingTime");

        if (address == NULL || ping == NULL || !sb_parse_utc (ping, &at))
            continue;
        if (sb_casecmp (address, server) != 0 && (fqdn == NULL || sb_casecmp (address, fqdn) != 0))
            continue;
        if (age == NEVER || now_ms - at < age)
            age = now_ms > at ? now_ms - at : 0;
    }
    return age;
}

bool
sb_servers_missing (struct sb_inst *i, const char *const *names, size_t count, const char **ret)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };
    int64_t within = sb_number (i->ms->call, "ping within");
    struct sb_clock clock;
    struct sb_answer a;

    if (!sb_must_ask (i, &a, "the table of chat servers cannot be read", SB_STMT_SERVERS, i->ms->db)
        || !sb_clock_read (i, &clock))
        return false;
    for (size_t n = 0; n < count; n++) {
        int64_t age = ping_age (i->ms, &a.rows, names[n], clock.utc_ms);

        if (age != NEVER && age <= within)
            continue;
        sb_buf_printf (&b, "%s%s (", b.len > 0 ? ", " : "", names[n]);
        if (age == NEVER)
            sb_buf_str (&b, "never");
        else
            sb_format_duration (&b, age);
        sb_buf_str (&b, age == NEVER ? ")" : " ago)");
    }
    *ret = sb_arena_strdup (i->ms->arena, sb_buf_cstr (&b));
    return true;
}

/* The servers of the call that have not reported in.  False: told. */
static bool
missing_of_call (struct sb_inst *i, const char **ret)
{
    const char *names[NAMES_MAX], *server;
    size_t count = 0;

    while (count < NAMES_MAX && (server = sb_item (i->ms->call, "servers", count)) != NULL)
        names[count++] = server;
    return sb_servers_missing (i, names, count, ret);
}

enum sb_rc
sb_run_await_servers (struct sb_ms *ms)
{
    const char *missing;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i))
        return ms->rc;
    for (;;) {
        if (!missing_of_call (&i, &missing))
            return ms->rc;
        if (*missing == '\0')
            return SB_OK;
        sb_progress (ms->call, 101, sb_format (ms->call, "waiting for %s", missing));
        if (!sb_ms_pause (ms, STEP_MS, sb_format (ms->call, "%s have reported in at '%s'", missing, i.name)))
            return ms->rc;
    }
}

enum sb_seen
sb_see_await_servers (struct sb_ms *ms)
{
    const char *missing;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !missing_of_call (&i, &missing))
        return SB_SEEN_UNKNOWN;
    return *missing == '\0' ? SB_SEEN_YES : SB_SEEN_NO;
}
