/* Contexts of libsmbclient.  Whenever a context is made and there is no other the
 * library reads ~/.smb/smb.conf or /etc/samba/smb.conf, so its behaviour would depend
 * on the machine: it is shown a home folder of ours for that moment.
 *
 * Names are resolved anew each time: the library's own cache (gencache.tdb) is one of the whole machine, or of the
 * user's home folder, and lasts eleven minutes; a server that moved would be looked for at its old address.
 *
 * Encryption that was required is looked for, not believed: libsmbclient of Samba 4.17 asks for it in
 * passing, when it looks for a DFS referral, and goes on in clear where a server has no DFS or cannot
 * encrypt.  What it writes into its log at level 10 for each message that was decrypted is the proof. */
#include "plugins/smb/intern.h"

#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Signing is always required: every server that speaks SMB 2 can do it.  Where encryption is on it takes its place. */
static const char settings[] = "[global]\n"
                               "client min protocol = SMB2_10\n"
                               "client max protocol = SMB3_11\n"
                               "client signing = required\n"
                               "client ipc signing = required\n"
                               "client NTLMv2 auth = yes\n"
                               "client lanman auth = no\n"
                               "client plaintext auth = no\n"
                               "disable netbios = yes\n"
                               "name resolve order = host\n"
                               "lock directory = /dev/null\n" /* there is no gencache.tdb */
                               "load printers = no\n"
                               "log level = 0\n";

static bool saw_decrypted;

static bool
write_settings (const char *home)
{
    SB_AUTOFREE char *dir = sb_xprintf ("%s/.smb", home), *file = sb_xprintf ("%s/smb.conf", dir);
    int fd = mkdir (dir, 0700) == 0 ? open (file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    bool good = fd >= 0 && write (fd, settings, strlen (settings)) == (ssize_t) strlen (settings);

    if (fd >= 0)
        close (fd);
    return good;
}

static void
remove_settings (const char *home)
{
    SB_AUTOFREE char *dir = sb_xprintf ("%s/.smb", home), *file = sb_xprintf ("%s/smb.conf", dir);
    int error = errno;

    unlink (file);
    rmdir (dir);
    rmdir (home);
    errno = error;
}

/* Makes one under a home of our own. */
static SMBCCTX *
new_at_home (const char *home)
{
    SB_AUTOFREE char *kept = sb_xstrdup (getenv ("HOME"));
    SMBCCTX *ctx = setenv ("HOME", home, 1) == 0 ? smbc_new_context () : NULL;

    if (kept != NULL)
        setenv ("HOME", kept, 1);
    else
        unsetenv ("HOME");
    return ctx;
}

/* What the library logs is thrown away: at high levels it may hold secrets. */
static void
take_log (void *ctx, int level, const char *line)
{
    (void) ctx;
    (void) level;
    if (strcasestr (line, "decrypted smb2 message") != NULL)
        saw_decrypted = true;
}

SMBCCTX *
sb_smb_context (void)
{
    const char *tmp = getenv ("TMPDIR");
    SB_AUTOFREE char *home = sb_xprintf ("%s/switchback-smb-XXXXXX", tmp != NULL && *tmp == '/' ? tmp : "/tmp");
    SMBCCTX *ctx = NULL;

    if (mkdtemp (home) == NULL)
        return NULL;
    if (write_settings (home))
        ctx = new_at_home (home);
    remove_settings (home);
    if (ctx != NULL)
        smbc_setDebug (ctx, 0);
    return ctx;
}

bool
sb_smb_begin (SMBCCTX *ctx)
{
    int error;

    if (smbc_init_context (ctx) != NULL) {
        smbc_setLogCallback (ctx, NULL, take_log);
        return true;
    }
    error = errno != 0 ? errno : EINVAL;
    smbc_free_context (ctx, 1);
    errno = error;
    return false;
}

bool
sb_smb_is_encrypted (SMBCCTX *ctx, const char *url)
{
    struct stat st;
    bool good;

    saw_decrypted = false;
    smbc_setDebug (ctx, 10);
    good = smbc_getFunctionStat (ctx) (ctx, url, &st) == 0;
    smbc_setDebug (ctx, 0);
    return good && saw_decrypted;
}
