/* The central management store: where it is, and how it comes to another site.  Its cmdlets run on a front end of the target
 * (Invoke-CsManagementServerFailover's own rule). */
#include "plugins/pool/pool.h"

#include <string.h>

/* The front end of a site that names its SQL Server; NULL: none does. */
static const char *
front_end_with_store (struct sb_call *call, const char *site)
{
    const char *name, *there;
    size_t i;

    for (i = 0; (name = sb_object (call, "frontend", i)) != NULL; i++)
        if ((there = sb_attr (call, "frontend", name, "site")) != NULL && strcmp (there, site) == 0
            && sb_attr (call, "frontend", name, "back end") != NULL)
            return name;
    return NULL;
}

/* With the old master alive the store is handed over; without it, the copy of the target's back end is made the master
 * by force.  NULL: force is needed and the back end is not known. */
static const char *
move_script (struct sb_call *call, const char *site, bool healthy)
{
    const char *name = front_end_with_store (call, site), *instance;

    if (healthy)
        return "Invoke-CsManagementServerFailover -Confirm:$false\n$r=@{moved=$true}";
    if (name == NULL)
        return NULL;
    instance = sb_attr (call, "frontend", name, "back end instance");
    return sb_format (
            call,
            "Invoke-CsManagementServerFailover -BackupSqlServerFqdn %s%s%s -Force -Confirm:$false\n$r=@{moved=$true}",
            ps_quoted (call, sb_attr (call, "frontend", name, "back end")),
            instance != NULL ? " -BackupSqlInstanceName " : "", instance != NULL ? ps_quoted (call, instance) : "");
}

const char *
pool_known_site (const struct pool_store *store)
{
    return store->site != NULL ? store->site : "unknown";
}

enum sb_rc
pool_move_run (struct sb_call *call, void *self)
{
    const char *site = sb_param (call, "site"), *script;
    struct pool_store store;
    json_t *doc = NULL;
    bool healthy;
    enum sb_rc rc = pool_store (call, self, site, &store);

    if (rc != SB_OK)
        return rc;
    pool_remember (call, self, pool_known_site (&store));
    pool_tell_was (call, self, pool_known_site (&store));
    if (store.site != NULL && strcmp (store.site, site) == 0)
        return SB_OK;
    healthy = store.site != NULL && pool_site_answers (call, store.site);
    script = move_script (call, site, healthy);
    if (script == NULL)
        return sb_fail (call, SB_FAIL,
                        "the central store cannot be moved to site '%s': no front end there names its SQL Server\n"
                        "HINT: Write 'back end = FQDN' into the section of the front end.",
                        site);
    sb_log (call, SB_NOTICE, "moving the central store from %s to %s%s", pool_known_site (&store), site,
            healthy ? "" : " by force: its master does not answer");
    rc = pool_ps (call, self, site, true, script, &doc);
    json_decref (doc);
    return rc;
}

enum sb_seen
pool_move_verify (struct sb_call *call, void *self)
{
    const char *site = sb_param (call, "site");
    struct pool_store store;

    if (pool_store (call, self, site, &store) != SB_OK)
        return SB_SEEN_UNKNOWN;
    pool_tell_was (call, self, pool_known_site (&store));
    return store.site != NULL && strcmp (store.site, site) == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}
