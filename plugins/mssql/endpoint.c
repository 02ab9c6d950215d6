/* start-endpoint, stop-endpoint; see endpoint.h. */
#include "plugins/mssql/endpoint.h"

#include "core/base/text.h"
#include "plugins/mssql/verbs.h"

#include <string.h>

#define ENDPOINT "switchback_mirroring"

bool
sb_endpoint (struct sb_inst *i, const char *role, const char **ret_address)
{
    struct sb_ms *ms = i->ms;
    const char *wanted = sb_attr (ms->call, "instance", i->name, "endpoint port");
    const char *host = sb_attr (ms->call, "instance", i->name, "host");
    int64_t port = 5022;
    struct sb_answer a, b;
    const char *has;

    if (wanted != NULL && (!sb_parse_int (wanted, &port) || port < 1024 || port > 65535)) {
        sb_ms_fail (ms, SB_FAIL, "'endpoint port' of instance '%s' is not a port from 1024 to 65535: '%s'", i->name,
                    wanted);
        return false;
    }
    if (!sb_must_ask (i, &a, "the mirroring endpoint cannot be read", SB_STMT_ENDPOINT))
        return false;
    if (a.rows.count == 0) {
        if (!sb_must_ask (i, &b, "the mirroring endpoint cannot be created", SB_STMT_CREATE_ENDPOINT, ENDPOINT, port))
            return false;
    } else {
        /* there is one for the whole instance, and it keeps its own port */
        port = sb_rows_int (&a.rows, 0, "port", port);
        has = sb_rows_get (&a.rows, 0, "role_desc");
        if (has != NULL && strcmp (has, "ALL") != 0 && strcmp (has, role) != 0) {
            sb_ms_fail (ms, SB_FAIL,
                        "the mirroring endpoint of instance '%s' has the role %s and cannot serve as %s\n"
                        "HINT: Alter it to ROLE = ALL.",
                        i->name, has, role);
            return false;
        }
        if (strcmp (sb_rows_get (&a.rows, 0, "state_desc") != NULL ? sb_rows_get (&a.rows, 0, "state_desc") : "",
                    "STARTED")
                    != 0
            && !sb_must_ask (i, &b, "the mirroring endpoint cannot be started", SB_STMT_START_ENDPOINT,
                             sb_rows_get (&a.rows, 0, "name")))
            return false;
    }
    *ret_address = sb_format (ms->call, "TCP://%s:%lld", host, (long long) port);
    return true;
}

/* ------------------------------------------------------------------ start-endpoint, stop-endpoint */

/* Its state and port; "" when there is none.  False: told. */
static bool
read_endpoint (struct sb_inst *i, const char **ret_name, const char **ret_state)
{
    struct sb_answer a;
    const char *name, *state, *port;

    if (!sb_must_ask (i, &a, "the mirroring endpoint cannot be read", SB_STMT_ENDPOINT))
        return false;
    name = sb_rows_get (&a.rows, 0, "name");
    state = sb_rows_get (&a.rows, 0, "state_desc");
    port = sb_rows_get (&a.rows, 0, "port");
    *ret_name = name != NULL ? name : "";
    *ret_state = state != NULL ? state : "";
    sb_result (i->ms->call, "port", port != NULL ? port : "");
    return true;
}

enum sb_rc
sb_run_start_endpoint (struct sb_ms *ms)
{
    const char *address, *name, *state;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !sb_endpoint (&i, "PARTNER", &address) || !read_endpoint (&i, &name, &state))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_start_endpoint (struct sb_ms *ms)
{
    const char *name, *state;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !read_endpoint (&i, &name, &state))
        return SB_SEEN_UNKNOWN;
    return strcmp (state, "STARTED") == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

/* Sessions of other databases go through it too. */
static bool
nobody_else_needs_it (struct sb_inst *i)
{
    struct sb_answer a;

    if (!sb_must_ask (i, &a, "the mirrored databases cannot be read", SB_STMT_MIRRORED_TOO, i->ms->db))
        return false;
    if (a.rows.count == 0)
        return true;
    sb_ms_fail (i->ms, SB_FAIL,
                "the mirroring endpoint of instance '%s' is not stopped: database '%s'%s is mirrored through it\n"
                "HINT: End the other sessions first, or stop it by hand.",
                i->name, sb_rows_get (&a.rows, 0, "name"), a.rows.count > 1 ? " and others" : "");
    return false;
}

enum sb_rc
sb_run_stop_endpoint (struct sb_ms *ms)
{
    const char *name, *state;
    struct sb_answer a;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !read_endpoint (&i, &name, &state))
        return ms->rc;
    if (strcmp (state, "STARTED") != 0)
        return SB_OK;
    if (!nobody_else_needs_it (&i)
        || !sb_must_ask (&i, &a, "the mirroring endpoint cannot be stopped", SB_STMT_STOP_ENDPOINT, name))
        return ms->rc;
    return SB_OK;
}

enum sb_seen
sb_see_stop_endpoint (struct sb_ms *ms)
{
    const char *name, *state;
    struct sb_inst i;

    if (!sb_ms_open (ms, ms->on, &i) || !read_endpoint (&i, &name, &state))
        return SB_SEEN_UNKNOWN;
    return strcmp (state, "STARTED") == 0 ? SB_SEEN_NO : SB_SEEN_YES;
}
