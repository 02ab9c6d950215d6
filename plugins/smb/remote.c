/* The operations of a store over libsmbclient; see remote.h.
 *
 * What the library does not offer: a flush (a file is as durable as the server's close makes it; copy.h reads it back),
 * and a rename that does not replace (we look first; nobody else gives files our hidden names).  Errors come as errno:
 * a wrong password, a missing right and a read-only share are all EACCES, a missing file and a missing share ENOENT. */
#include "plugins/smb/remote.h"

#include "core/base/mem.h"
#include "plugins/smb/intern.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>

#define NS        1000000000LL
#define LANES     4
#define IS_FOLDER 0x10u /* FILE_ATTRIBUTE_DIRECTORY, MS-FSCC 2.6 */

struct remote {
    struct sb_store base;
    SMBCCTX *ctx;
    char *url; /* of the folder, encoded, without a slash at its end */
    char *user, *domain, *password, *tickets;
    bool kerberos;
    enum sb_smb_encryption encryption;
    int timeout_ms;
};

struct sb_handle {
    SMBCCTX *ctx;
    SMBCFILE *file;
    int64_t at; /* where the library stands */
};

static struct remote *
remote_of (struct sb_store *s)
{
    return (struct remote *) (void *) s;
}

/* The address of something below the folder; caller frees. */
static char *
url_of (const struct remote *r, const char *folder, const char *name)
{
    struct sb_buf b = { 0 };

    sb_buf_str (&b, r->url);
    if (folder != NULL) {
        sb_buf_char (&b, '/');
        sb_smb_encode (&b, folder);
    }
    if (name != NULL) {
        sb_buf_char (&b, '/');
        sb_smb_encode (&b, name);
    }
    return sb_buf_take (&b);
}

/* ---- folders ---------------------------------------------------------------------------------------------- */

static bool
list (struct sb_store *s, const struct sb_filter *filter, struct sb_entries *ret)
{
    struct remote *r = remote_of (s);
    SMBCFILE *d = smbc_getFunctionOpendir (r->ctx) (r->ctx, r->url);
    const struct libsmb_file_info *f;
    struct stat st;
    int error;

    if (d == NULL)
        return false;
    while (errno = 0, (f = smbc_getFunctionReaddirPlus2 (r->ctx) (r->ctx, d, &st)) != NULL)
        if ((f->attrs & IS_FOLDER) == 0 && f->name != NULL && sb_name_fits (f->name, filter) && f->size <= INT64_MAX)
            sb_entries_add (ret, f->name, (int64_t) f->size, f->mtime_ts.tv_sec * NS + f->mtime_ts.tv_nsec);
    error = errno;
    smbc_getFunctionClosedir (r->ctx) (r->ctx, d);
    if (error != 0) {
        sb_entries_free (ret);
        errno = error;
        return false;
    }
    sb_entries_sort (ret);
    return true;
}

static bool
stat_of (struct remote *r, const char *folder, const char *name, struct stat *ret)
{
    SB_AUTOFREE char *url = url_of (r, folder, name);

    return smbc_getFunctionStat (r->ctx) (r->ctx, url, ret) == 0;
}

static bool
look (struct sb_store *s, const char *name, struct sb_entry *ret)
{
    struct stat st;

    if (!stat_of (remote_of (s), NULL, name, &st))
        return false;
    if (S_ISDIR (st.st_mode)) {
        errno = EISDIR;
        return false;
    }
    *ret = (struct sb_entry){ NULL, st.st_size, st.st_mtim.tv_sec * NS + st.st_mtim.tv_nsec };
    return true;
}

static bool
make_folder (struct sb_store *s, const char *folder)
{
    struct remote *r = remote_of (s);
    SB_AUTOFREE char *path = sb_xstrdup (folder);
    struct stat st;
    char *at = path;

    do {
        char *slash = strchr (at, '/');
        SB_AUTOFREE char *url = NULL;

        if (slash != NULL)
            *slash = '\0';
        url = url_of (r, path, NULL);
        if (smbc_getFunctionMkdir (r->ctx) (r->ctx, url, 0750) != 0 && errno != EEXIST)
            return false;
        if (slash == NULL)
            break;
        *slash = '/';
        at = slash + 1;
    } while (true);
    if (!stat_of (r, folder, NULL, &st))
        return false;
    errno = ENOTDIR;
    return S_ISDIR (st.st_mode);
}

/* Samba's statvfs gives the size of a sector in f_bsize and the sectors of a unit in f_frsize. */
static bool
room (struct sb_store *s, int64_t *ret_free)
{
    struct remote *r = remote_of (s);
    struct statvfs vfs;
    uint64_t unit, bytes;

    if (smbc_getFunctionStatVFS (r->ctx) (r->ctx, r->url, &vfs) != 0)
        return false;
    unit = (uint64_t) vfs.f_bsize * (vfs.f_frsize != 0 ? (uint64_t) vfs.f_frsize : 1);
    if (__builtin_mul_overflow (unit, (uint64_t) vfs.f_bfree, &bytes) || bytes > INT64_MAX)
        bytes = INT64_MAX;
    *ret_free = (int64_t) bytes;
    return true;
}

static bool
rename_new (struct sb_store *s, const char *name, const char *folder, const char *new_name)
{
    struct remote *r = remote_of (s);
    SB_AUTOFREE char *from = url_of (r, NULL, name), *to = url_of (r, folder, new_name);
    struct stat st;

    if (stat_of (r, folder, new_name, &st)) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && smbc_getFunctionRename (r->ctx) (r->ctx, from, r->ctx, to) == 0;
}

static bool
remove_file (struct sb_store *s, const char *name)
{
    struct remote *r = remote_of (s);
    SB_AUTOFREE char *url = url_of (r, NULL, name);

    return smbc_getFunctionUnlink (r->ctx) (r->ctx, url) == 0;
}

static bool
set_time (struct sb_store *s, const char *name, int64_t mtime_ns)
{
    struct remote *r = remote_of (s);
    SB_AUTOFREE char *url = url_of (r, NULL, name);
    const struct timeval t = { mtime_ns / NS, mtime_ns % NS / 1000 };
    struct timeval times[2] = { t, t };

    return smbc_getFunctionUtimes (r->ctx) (r->ctx, url, times) == 0;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

static struct sb_handle *
open_file (struct sb_store *s, const char *name, enum sb_mode mode)
{
    static const int flags[] = {
        [SB_MODE_READ] = O_RDONLY, [SB_MODE_CREATE] = O_RDWR | O_CREAT | O_TRUNC, [SB_MODE_RESUME] = O_RDWR | O_CREAT
    };
    struct remote *r = remote_of (s);
    SB_AUTOFREE char *url = url_of (r, NULL, name);
    SMBCFILE *file = smbc_getFunctionOpen (r->ctx) (r->ctx, url, flags[mode], 0640);
    struct sb_handle *h;

    if (file == NULL)
        return NULL;
    h = sb_xcalloc (1, sizeof *h);
    *h = (struct sb_handle){ r->ctx, file, 0 };
    return h;
}

static bool
stand_at (struct sb_handle *h, int64_t at)
{
    if (h->at != at && smbc_getFunctionLseek (h->ctx) (h->ctx, h->file, at, SEEK_SET) != at)
        return false;
    h->at = at;
    return true;
}

static ssize_t
read_at (struct sb_handle *h, void *data, size_t n, int64_t at)
{
    ssize_t k = stand_at (h, at) ? smbc_getFunctionRead (h->ctx) (h->ctx, h->file, data, n) : -1;

    h->at = k >= 0 ? at + k : -1;
    return k;
}

static ssize_t
write_at (struct sb_handle *h, const void *data, size_t n, int64_t at)
{
    ssize_t k = stand_at (h, at) ? smbc_getFunctionWrite (h->ctx) (h->ctx, h->file, data, n) : -1;

    h->at = k >= 0 ? at + k : -1;
    return k;
}

static bool
truncate_file (struct sb_handle *h, int64_t size)
{
    return smbc_getFunctionFtruncate (h->ctx) (h->ctx, h->file, size) == 0;
}

static bool
close_file (struct sb_handle *h)
{
    SMBCCTX *ctx = h->ctx;
    SMBCFILE *file = h->file;

    free (h);
    return smbc_getFunctionClose (ctx) (ctx, file) == 0;
}

/* ---- the store -------------------------------------------------------------------------------------------- */

static const char *
why (struct sb_store *s, int error)
{
    (void) s;
    switch (error) {
    case EACCES:
    case EPERM:
        return "the server refuses this to the account (no right, or the share is read-only)";
    case ENOENT:
        return "the server knows no such file or folder";
    case EBUSY:
    case ETXTBSY:
        return "somebody on the server holds it open";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return "the server has no room left, or the account's quota is used up";
    case ETIMEDOUT:
        return "the server does not answer";
    case ECONNREFUSED:
        return "nothing listens there any more";
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EPIPE:
    case EIO:
    case EBADF:
        return "the connection to the server broke";
    case EINVAL:
        return "the server refuses the request as wrong, or its name cannot be resolved";
    default:
        return strerror (error);
    }
}

static void
give_login (SMBCCTX *ctx, const char *server, const char *share, char *wg, int wglen, char *un, int unlen, char *pw,
            int pwlen)
{
    const struct remote *r = smbc_getOptionUserData (ctx);

    (void) server;
    (void) share;
    if (wglen > 0 && r->domain != NULL)
        strncpy (wg, r->domain, (size_t) wglen - 1)[wglen - 1] = '\0';
    if (unlen > 0)
        strncpy (un, r->user, (size_t) unlen - 1)[unlen - 1] = '\0';
    if (pwlen > 0)
        strncpy (pw, r->password != NULL ? r->password : "", (size_t) pwlen - 1)[pwlen - 1] = '\0';
}

/* Connects at once, and sees whether it is encrypted as it must be. */
static bool
connect_remote (struct remote *r)
{
    static const smbc_smb_encrypt_level levels[] = { [SB_SMB_OFF] = SMBC_ENCRYPTLEVEL_NONE,
                                                     [SB_SMB_WANTED] = SMBC_ENCRYPTLEVEL_REQUEST,
                                                     [SB_SMB_REQUIRED] = SMBC_ENCRYPTLEVEL_REQUIRE };
    SMBCCTX *ctx = sb_smb_context ();
    struct stat st = { 0 };

    if (ctx == NULL)
        return false;
    if (r->tickets != NULL) /* the other end of a copy may have others */
        setenv ("KRB5CCNAME", r->tickets, 1);
    smbc_setOptionUserData (ctx, r);
    smbc_setFunctionAuthDataWithContext (ctx, give_login);
    smbc_setTimeout (ctx, r->timeout_ms);
    if (!sb_smb_begin (ctx))
        return false;
    r->ctx = ctx;
    smbc_setOptionProtocols (ctx, r->encryption == SB_SMB_REQUIRED ? "SMB3_00" : "SMB2_10", "SMB3_11");
    smbc_setOptionSmbEncryptionLevel (ctx, levels[r->encryption]);
    smbc_setOptionNoAutoAnonymousLogin (ctx, 1);
    smbc_setOptionUseKerberos (ctx, r->kerberos);
    smbc_setOptionFallbackAfterKerberos (ctx, 0);
    if (!stat_of (r, NULL, NULL, &st))
        return false;
    if (r->encryption == SB_SMB_REQUIRED && !sb_smb_is_encrypted (ctx, r->url)) {
        errno = EPROTONOSUPPORT;
        return false;
    }
    errno = ENOTDIR;
    return S_ISDIR (st.st_mode);
}

static void
free_remote (struct sb_store *s)
{
    struct remote *r = remote_of (s);
    int error = errno;

    if (r->ctx != NULL)
        smbc_free_context (r->ctx, 1);
    if (r->password != NULL)
        sb_wipe (r->password, strlen (r->password));
    free (r->url);
    free (r->user);
    free (r->domain);
    free (r->password);
    free (r->tickets);
    free (r);
    errno = error;
}

static const struct sb_store_ops *remote_ops (void);

static struct sb_store *
again (struct sb_store *s)
{
    const struct remote *old = remote_of (s);
    struct remote *r = sb_xcalloc (1, sizeof *r);

    *r = *old;
    r->ctx = NULL;
    r->url = sb_xstrdup (old->url);
    r->user = sb_xstrdup (old->user);
    r->domain = sb_xstrdup (old->domain);
    r->password = sb_xstrdup (old->password);
    r->tickets = sb_xstrdup (old->tickets);
    if (connect_remote (r))
        return &r->base;
    free_remote (&r->base);
    return NULL;
}

static const struct sb_store_ops *
remote_ops (void)
{
    static const struct sb_store_ops ops = { .list = list,
                                             .look = look,
                                             .open = open_file,
                                             .read = read_at,
                                             .write = write_at,
                                             .truncate = truncate_file,
                                             .close = close_file,
                                             .set_time = set_time,
                                             .rename = rename_new,
                                             .remove = remove_file,
                                             .make_folder = make_folder,
                                             .room = room,
                                             .again = again,
                                             .why = why,
                                             .free = free_remote };

    return &ops;
}

/* DOMAIN\NAME, NAME@REALM or NAME. */
static void
take_user (struct remote *r, const char *user)
{
    const char *back = strchr (user, '\\'), *at = strrchr (user, '@');

    if (back != NULL) {
        r->domain = sb_xstrndup (user, (size_t) (back - user));
        r->user = sb_xstrdup (back + 1);
    } else if (at != NULL) {
        r->domain = sb_xstrdup (at + 1);
        r->user = sb_xstrndup (user, (size_t) (at - user));
    } else {
        r->user = sb_xstrdup (user);
    }
}

/* Why the folder cannot be reached, as people need it.  ENOENT is the share or the folder: the share itself is asked. */
static char *
trouble_of (struct remote *r, int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return sb_xprintf ("the server refuses the account '%s'\n"
                           "HINT: %s and no right to this share look alike: see the credential, the rights of the "
                           "share, and the server's log.",
                           r->user,
                           r->kerberos ? "A ticket that the server cannot read, a user that it does not know"
                                       : "A wrong password");
    case ENOENT:
        return sb_xstrdup ("the server has no such share or folder");
    case EINVAL:
        return sb_xprintf ("the name of the server cannot be resolved%s", r->kerberos ? ", or it takes no ticket" : "");
    case ECONNREFUSED:
        return sb_xstrdup ("nothing listens there");
    case EPROTONOSUPPORT:
        return sb_xstrdup ("it takes no encryption, or does not ask for it\n"
                           "HINT: Turn on encryption for this share on the server, or say 'encryption = wanted' if its "
                           "network may read the backups.");
    default:
        return sb_xstrdup (why (&r->base, error));
    }
}

struct sb_store *
sb_store_smb (const struct sb_smb_place *place, char **ret_why)
{
    struct remote *r = sb_xcalloc (1, sizeof *r);
    const char *wrong;
    int error;

    *ret_why = NULL;
    r->base = (struct sb_store){ remote_ops (), LANES, true };
    r->url = sb_smb_url (place->url, &wrong);
    take_user (r, place->user);
    r->password = sb_xstrdup (place->password);
    r->tickets = sb_xstrdup (place->tickets);
    r->kerberos = place->kerberos;
    r->encryption = place->encryption;
    r->timeout_ms = place->timeout_ms;
    if (r->url == NULL) {
        *ret_why = sb_xstrdup (wrong);
        errno = EINVAL;
    } else if (connect_remote (r)) {
        return &r->base;
    }
    error = errno;
    if (*ret_why == NULL)
        *ret_why = trouble_of (r, error);
    free_remote (&r->base);
    errno = error;
    return NULL;
}
