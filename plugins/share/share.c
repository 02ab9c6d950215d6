/* The plugin `share`: a backup share or copy folder, seen as a folder of this
 * host (local, or mounted by whoever mounts things).  The verbs are those of
 * plugins/lib/share.h; here stands only how such a folder is opened. */
#include "plugins/lib/share.h"

#include <errno.h>
#include <string.h>

static const struct sb_option settings[] = {
    { .name = "mounted",
      .type = SB_BOOL,
      .fallback = "no",
      .help = "yes: the path must be a mount point, else the share is not there" },
    SB_SHARE_SETTINGS,
    { .name = NULL }
};

static bool
is (const char *a, const char *b)
{
    return a != NULL && strcmp (a, b) == 0;
}

struct sb_store *
sb_share_open (struct sb_call *call, const char *share, const char **ret_why, enum sb_rc *ret_rc)
{
    const char *path = sb_attr (call, "share", share, "path");
    struct sb_store *s;

    *ret_rc = SB_FAIL;
    if (is (sb_attr (call, "share", share, "plugin"), "smb")) {
        *ret_why = sb_format (call,
                              "share '%s' is reached by the plugin 'smb', share '%s' by the plugin 'share'\n"
                              "HINT: Say 'plugin = smb' in [share %s] too: it also takes folders of this host.",
                              share, sb_about (call, "object"), sb_about (call, "object"));
        return NULL;
    }
    if (path == NULL) {
        *ret_why = sb_format (call, "[share %s] has no path", share);
        return NULL;
    }
    *ret_rc = SB_RETRY;
    if (*path != '/')
        path = sb_format (call, "%s/%s", sb_about (call, "base"), path);
    s = sb_store_local (path);
    if (s == NULL)
        *ret_why = sb_format (call, "share '%s' (%s) cannot be reached: %s", share, path, strerror (errno));
    if (s != NULL && is (sb_attr (call, "share", share, "mounted"), "yes") && !sb_is_mount (path)) {
        *ret_why = sb_format (call, "share '%s' is not mounted at %s", share, path);
        sb_store_free (s);
        return NULL;
    }
    return s;
}

SB_PLUGIN (share, .name = "share", .role = "share", .version = "0.1.0",
           .summary = "backup shares as folders of this host", .lanes = SB_PARALLEL, .settings = settings,
           .actions = sb_share_actions);
