/* Mirroring through the chat system's own cmdlets, where T-SQL is not to be used.
 *
 * Get-CsDatabaseMirrorState speaks of the store that the pool uses now; "Primary" and "Mirror" are labels of the topology and
 * do not move.  One word of it, DatabaseInaccessibleOrMirroringNotEnabled, means two things: it never becomes a no when the
 * other half is known.  Names of its properties differ between the help (...OnSecondary) and what is seen (...OnMirror). */
#include "plugins/pool/pool.h"

#include "core/base/text.h"

#include <string.h>

#define MAX_DATABASES 16

static bool
is_principal (const char *word)
{
    return sb_casecmp (word, "Principal") == 0;
}

static bool
is_mirror (const char *word)
{
    return sb_casecmp (word, "Mirror") == 0;
}

static const char *
describe (struct sb_call *call, const struct pool_mirror *list, size_t n)
{
    const char *text = "";
    size_t i;

    for (i = 0; i < n; i++)
        text = sb_format (call, "%s%s%s is %s on the primary and %s on the mirror, %ssynchronized", text,
                          i == 0 ? "" : "; ", list[i].name, list[i].on_primary, list[i].on_mirror,
                          list[i].both_synchronized ? "" : "not ");
    return n == 0 ? "no database of this kind" : text;
}

enum sb_rc
pool_mirror_state_run (struct sb_call *call, void *self)
{
    struct pool_mirror list[MAX_DATABASES];
    bool primary = true, mirror = true, known = true, both = true;
    size_t n, i;
    enum sb_rc rc = pool_mirrors (call, self, sb_param (call, "type"), list, MAX_DATABASES, &n);

    if (rc != SB_OK)
        return rc;
    for (i = 0; i < n; i++) {
        primary = primary && is_principal (list[i].on_primary);
        mirror = mirror && is_principal (list[i].on_mirror);
        known = known && (is_principal (list[i].on_primary) || is_principal (list[i].on_mirror));
        both = both && list[i].both_synchronized;
    }
    sb_result (call, "principal", n == 0 || !known ? "unknown" : primary ? "Primary" : mirror ? "Mirror" : "differs");
    sb_result (call, "synchronized", n > 0 && both ? "yes" : "no");
    sb_result (call, "sentence", describe (call, list, n));
    return SB_OK;
}

/* -SqlServerFqdn HOST [-SqlInstanceName NAME] */
static const char *
server_of (struct sb_call *call, const char *instance)
{
    const char *fqdn = sb_attr (call, "instance", instance, "fqdn"),
               *name = sb_attr (call, "instance", instance, "instance name");

    if (fqdn == NULL)
        fqdn = sb_attr (call, "instance", instance, "host");
    return sb_format (call, "-SqlServerFqdn %s%s%s", ps_quoted (call, fqdn != NULL ? fqdn : instance),
                      name != NULL ? " -SqlInstanceName " : "", name != NULL ? ps_quoted (call, name) : "");
}

enum sb_rc
pool_install_mirror_run (struct sb_call *call, void *self)
{
    const char *share = sb_param (call, "share"), *unc = sb_attr (call, "share", share, "unc");
    json_t *doc = NULL;
    enum sb_rc rc;

    if (unc == NULL)
        return sb_fail (call, SB_FAIL, "share '%s' has no 'unc': SQL Server could not find it", share);
    rc = pool_ps (
            call, self, NULL, true,
            sb_format (call,
                       "Install-CsMirrorDatabase -DatabaseType %s %s -FileShare %s -DropExistingDatabasesOnMirror "
                       "-Confirm:$false\n$r=@{installed=$true}",
                       sb_param (call, "type"), server_of (call, sb_param (call, "on")), ps_quoted (call, unc)),
            &doc);
    json_decref (doc);
    return rc;
}

enum sb_seen
pool_install_mirror_verify (struct sb_call *call, void *self)
{
    struct pool_mirror list[MAX_DATABASES];
    size_t n, i, good = 0, begun = 0;

    if (pool_mirrors (call, self, sb_param (call, "type"), list, MAX_DATABASES, &n) != SB_OK)
        return SB_SEEN_UNKNOWN;
    sb_result (call, "sentence", describe (call, list, n));
    for (i = 0; i < n; i++) {
        bool paired = (is_principal (list[i].on_primary) && is_mirror (list[i].on_mirror))
                      || (is_mirror (list[i].on_primary) && is_principal (list[i].on_mirror));

        good += paired && list[i].both_synchronized;
        begun += is_principal (list[i].on_primary) || is_mirror (list[i].on_primary) || is_principal (list[i].on_mirror)
                 || is_mirror (list[i].on_mirror);
    }
    if (n == 0) {
        sb_fail (call, SB_FAIL, "the pool has no mirrored database of the kind %s", sb_param (call, "type"));
        return SB_SEEN_UNKNOWN;
    }
    return good == n ? SB_SEEN_YES : begun > 0 ? SB_SEEN_PARTLY : SB_SEEN_NO;
}
