/* The plugin `smb`: backup shares on a file server, spoken to directly (SMB 2.1 to
 * 3.1.1), and folders of this host, so that both ends of a copy can be its own.  The
 * verbs are those of plugins/lib/share.h; here stands how a share is opened.
 *
 * This module links libsmbclient, which is GPL-3-or-later: so it is a shared object of
 * its own, loaded only in its worker, built only where the library is found; nothing
 * else links or includes it (tests/lint-binaries looks). */
#include "plugins/lib/share.h"
#include "plugins/smb/login.h"
#include "plugins/smb/remote.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENCRYPTION "required"
#define TIMEOUT    "20s"

static const char *const encryptions[] = { "required", "wanted", "off", NULL };
static const struct sb_option settings[] = {
    { .name = "encryption",
      .type = SB_CHOICE,
      .fallback = ENCRYPTION,
      .choices = encryptions,
      .help = "required: SMB 3 or nothing; wanted: where the server can; off: signed only" },
    { .name = "answer within",
      .type = SB_DURATION,
      .fallback = TIMEOUT,
      .help = "longest silence of the server during one request" },
    SB_SHARE_SETTINGS,
    { .name = NULL }
};

static const char *
attr (struct sb_call *call, const char *share, const char *key, const char *fallback)
{
    const char *value = sb_attr (call, "share", share, key);

    return value != NULL ? value : fallback;
}

static struct sb_store *
open_folder (struct sb_call *call, const char *share, const char *path, const char **ret_why)
{
    struct sb_store *s;

    if (*path != '/')
        path = sb_format (call, "%s/%s", sb_about (call, "base"), path);
    s = sb_store_local (path);
    if (s == NULL)
        *ret_why = sb_format (call, "share '%s' (%s) cannot be reached: %s", share, path, strerror (errno));
    return s;
}

/* What will not be better at the next attempt. */
static bool
is_final (int error)
{
    return error == EACCES || error == EPERM || error == ENOENT || error == ENOTDIR || error == EPROTONOSUPPORT;
}

static struct sb_store *
open_remote (struct sb_call *call, const char *share, struct sb_smb_place *place, const char **ret_why,
             enum sb_rc *ret_rc)
{
    SB_AUTOFREE char *why = NULL;
    struct sb_store *s = sb_store_smb (place, &why);

    if (s != NULL)
        return s;
    *ret_rc = is_final (errno) ? SB_FAIL : SB_RETRY;
    *ret_why = sb_format (call, "share '%s' (%s) cannot be reached: %s", share, place->url, why);
    return NULL;
}

struct sb_store *
sb_share_open (struct sb_call *call, const char *share, const char **ret_why, enum sb_rc *ret_rc)
{
    const char *path = sb_attr (call, "share", share, "path"), *word, *wrong = NULL;
    struct sb_smb_place place = { .url = path };
    SB_AUTOFREE char *url = NULL;
    int64_t within = 0;

    *ret_rc = SB_FAIL;
    if (path == NULL) {
        *ret_why = sb_format (call, "[share %s] has no path", share);
        return NULL;
    }
    if (strstr (path, "://") == NULL) {
        *ret_rc = SB_RETRY;
        return open_folder (call, share, path, ret_why);
    }
    url = sb_smb_url (path, &wrong);
    if (url == NULL) {
        *ret_why = sb_format (call, "the path of share '%s' cannot be used: %s", share, wrong);
        return NULL;
    }
    *ret_rc = sb_smb_login (call, share, &place, ret_why);
    if (*ret_rc != SB_OK)
        return NULL;
    word = attr (call, share, "encryption", ENCRYPTION);
    place.encryption = strcmp (word, "off") == 0      ? SB_SMB_OFF
                       : strcmp (word, "wanted") == 0 ? SB_SMB_WANTED
                                                      : SB_SMB_REQUIRED;
    if (!sb_parse_duration (attr (call, share, "answer within", TIMEOUT), &within) || within < 1 || within > 3600000)
        within = 20000;
    place.timeout_ms = (int) within;
    return open_remote (call, share, &place, ret_why, ret_rc);
}

SB_PLUGIN (smb, .name = "smb", .role = "share", .version = "0.1.0",
           .summary = "backup shares on a file server (SMB 2.1 to 3.1.1, signed and encrypted)", .lanes = SB_PARALLEL,
           .settings = settings, .actions = sb_share_actions);
