/* The chat services of one server: told, stopped, started. */
#include "plugins/pool/pool.h"

#include "core/base/mem.h"

#include <string.h>

/* Is the k-th service one that the parameter `which` means? */
static bool
is_meant (struct sb_call *call, const struct pool_services *found, size_t k)
{
    const char *which = sb_param (call, "which");

    return which == NULL || strcmp (which, "all") == 0
           || found->list[k].compliance == (strcmp (which, "compliance") == 0);
}

static enum sb_rc
services_run (struct sb_call *call, struct pool *p, const char *cmdlet, const char *wanted)
{
    const char *fqdn = pool_fqdn (call, "server", sb_param (call, "on"));
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct pool_services found;
    json_t *doc = NULL;
    enum sb_rc rc = pool_services (call, p, fqdn, &found);
    size_t i;

    if (rc != SB_OK)
        return rc;
    for (i = 0; i < found.count; i++)
        if (is_meant (call, &found, i) && strcmp (found.list[i].status, wanted) != 0)
            sb_buf_printf (&b, "%s -Name %s -ComputerName %s -Confirm:$false\n", cmdlet,
                           ps_quoted (call, found.list[i].name), ps_quoted (call, fqdn));
    sb_buf_str (&b, "$r=@{set=$true}");
    rc = pool_ps (call, p, NULL, true, b.s, &doc);
    json_decref (doc);
    return rc;
}

static enum sb_seen
services_verify (struct sb_call *call, struct pool *p, const char *wanted)
{
    struct pool_services found;
    size_t i, n = 0, meant = 0;

    if (pool_services (call, p, pool_fqdn (call, "server", sb_param (call, "on")), &found) != SB_OK)
        return SB_SEEN_UNKNOWN;
    for (i = 0; i < found.count; i++) {
        meant += is_meant (call, &found, i);
        n += is_meant (call, &found, i) && strcmp (found.list[i].status, wanted) == 0;
    }
    return n == meant ? SB_SEEN_YES : n == 0 ? SB_SEEN_NO : SB_SEEN_PARTLY;
}

enum sb_rc
pool_stop_run (struct sb_call *call, void *self)
{
    return services_run (call, self, "Stop-CsWindowsService", "Stopped");
}

enum sb_seen
pool_stop_verify (struct sb_call *call, void *self)
{
    return services_verify (call, self, "Stopped");
}

enum sb_rc
pool_start_run (struct sb_call *call, void *self)
{
    return services_run (call, self, "Start-CsWindowsService", "Running");
}

enum sb_seen
pool_start_verify (struct sb_call *call, void *self)
{
    return services_verify (call, self, "Running");
}

enum sb_rc
pool_services_run (struct sb_call *call, void *self)
{
    static const char *const keys[] = { "chat", "compliance" };
    const char *on = sb_param (call, "on"), *text = "";
    struct pool_services found;
    enum sb_rc rc = pool_services (call, self, pool_fqdn (call, "server", on), &found);
    size_t i;

    if (rc != SB_OK)
        return rc;
    sb_result (call, keys[0], "absent");
    sb_result (call, keys[1], "absent");
    for (i = 0; i < found.count; i++) {
        sb_result (call, keys[found.list[i].compliance], found.list[i].status);
        text = sb_format (call, "%s%s%s is %s", text, i == 0 ? "" : "; ", found.list[i].name, found.list[i].status);
    }
    sb_result (call, "sentence", sb_format (call, "%s: %s", on, text));
    return SB_OK;
}
