/* Signing in; see login.h. */
#include "plugins/smb/login.h"

#include "core/base/mem.h"
#include "plugins/lib/child.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KINIT_MS 30000

static char *cache; /* FILE: name of this worker's own cache; removed at exit */

static void
remove_cache (void)
{
    if (cache != NULL)
        unlink (cache + strlen ("FILE:"));
}

/* A cache file of this worker's own, told to every Kerberos library by the environment. */
static bool
make_cache (void)
{
    const char *tmp = getenv ("TMPDIR");
    char *path;
    int fd;

    if (cache != NULL)
        return true;
    path = sb_xprintf ("FILE:%s/switchback-krb5-XXXXXX", tmp != NULL && *tmp == '/' ? tmp : "/tmp");
    fd = mkstemp (path + strlen ("FILE:"));
    if (fd < 0) {
        free (path);
        return false;
    }
    close (fd);
    cache = path;
    atexit (remove_cache);
    return setenv ("KRB5CCNAME", cache, 1) == 0;
}

static void
keep_line (void *ctx, const char *line)
{
    struct sb_buf *said = ctx;

    sb_buf_clear (said);
    sb_buf_str (said, line);
}

static const char *const kinits[] = { "/usr/bin/kinit", "/bin/kinit", "/usr/local/bin/kinit" };

/* kinit -k -t KEYTAB -c CACHE PRINCIPAL */
static bool
fetch_ticket (struct sb_call *call, const char *keytab, const char *principal, const char **ret_why)
{
    const char *argv[] = { NULL, "-k", "-t", keytab, "-c", NULL, principal, NULL };
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 }, said = { 0 };
    struct sb_child child = { .argv = argv,
                              .env = (const char *const *) environ,
                              .cwd = "/",
                              .limit = 65536,
                              .deadline_ms = KINIT_MS,
                              .grace_ms = 500,
                              .stop_fd = sb_stop_fd (call),
                              .err_line = keep_line,
                              .ctx = &said };
    int code = 0;

    for (size_t i = 0; i < sizeof kinits / sizeof *kinits && argv[0] == NULL; i++)
        if (access (kinits[i], X_OK) == 0)
            argv[0] = kinits[i];
    if (argv[0] == NULL || !make_cache ()) {
        *ret_why = argv[0] == NULL ? "a keytab needs kinit\nHINT: Install it (on Debian: krb5-user)."
                                   : "no file can be made for the ticket";
        return false;
    }
    argv[5] = cache;
    if (sb_child_run (&child, &out, &code) == SB_CHILD_EXITED && code == 0)
        return true;
    *ret_why = sb_format (call, "no ticket is given to '%s' for the key in %s: %s", principal, keytab,
                          said.len > 0 ? said.s : "kinit did not end in time");
    return false;
}

static bool
by_kerberos (struct sb_call *call, const char *name, struct sb_smb_place *place, const char **ret_why)
{
    const char *keytab = sb_attr (call, "credential", name, "keytab");

    place->kerberos = true;
    if (keytab == NULL)
        return true; /* a password, else the tickets that the caller has */
    if (strncmp (keytab, "file:", 5) == 0)
        keytab += 5;
    if (*keytab != '/')
        keytab = sb_format (call, "%s/%s", sb_about (call, "base"), keytab);
    return fetch_ticket (call, keytab, place->user, ret_why);
}

bool
sb_smb_login (struct sb_call *call, const char *share, struct sb_smb_place *place, const char **ret_why)
{
    const char *name = sb_attr (call, "share", share, "credential"), *method;

    if (name == NULL) {
        *ret_why = sb_format (call,
                              "[share %s] names no credential\n"
                              "HINT: A file server is never asked as a guest.",
                              share);
        return false;
    }
    place->user = sb_attr (call, "credential", name, "user");
    method = sb_attr (call, "credential", name, "method");
    if (sb_attr (call, "credential", name, "secret") != NULL) {
        place->password = sb_secret (call, "credential", name, "secret");
        if (place->password == NULL) {
            *ret_why = sb_format (call, "the password of credential '%s' cannot be had", name);
            return false;
        }
    }
    if (place->user == NULL || strlen (place->user) > 255
        || (place->password != NULL && strlen (place->password) > 255)) {
        *ret_why = sb_format (call, "[credential %s] gives no user, or one or a password over 255 bytes", name);
        return false;
    }
    if (method != NULL && strcmp (method, "kerberos") == 0)
        return by_kerberos (call, name, place, ret_why);
    if (method == NULL || strcmp (method, "password") == 0)
        return true;
    *ret_why =
            sb_format (call, "file servers are not reached by %s\nHINT: Use the method password or kerberos.", method);
    return false;
}
