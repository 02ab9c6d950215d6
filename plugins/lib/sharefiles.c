/* The verbs for single files and for rights: list, read, rename, delete, rights; see share.h. */
#include "plugins/lib/share.h"

#include "core/base/mem.h"
#include "core/base/sha256.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX 500
#define TEXT_MAX  4096
#define PIECE     ((size_t) 1 << 20)

static const char *
time_text (struct sb_call *call, int64_t ns)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_format_utc (&b, ns / 1000000);
    return sb_format (call, "%s", sb_buf_cstr (&b));
}

/* ---- list ------------------------------------------------------------------------------------------------- */

enum sb_rc
sb_share_list (struct sb_call *call, void *self)
{
    const struct sb_filter filter = sb_share_filter (call);
    SB_CLEANUP (sb_entries_free) struct sb_entries l = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf names = { 0 };
    const struct sb_entry *newest = NULL;
    int64_t bytes = 0;
    enum sb_rc rc = SB_OK;
    SB_CLEANUP (sb_store_freep) struct sb_store *s = sb_share_mine (call, &rc);

    (void) self;
    if (s == NULL)
        return rc;
    if (!s->ops->list (s, &filter, &l))
        return sb_fail (call, SB_RETRY, "share '%s' cannot be listed: %s", sb_about (call, "object"),
                        sb_store_why (s, errno));
    for (size_t i = 0; i < l.count; i++) {
        const struct sb_entry *f = &l.list[i];

        bytes += f->size;
        if (newest == NULL || f->mtime_ns > newest->mtime_ns)
            newest = f;
        if (i < NAMES_MAX)
            sb_buf_printf (&names, "%lld %s %s\n", (long long) f->size, time_text (call, f->mtime_ns), f->name);
    }
    sb_result (call, "files", sb_share_number (call, (int64_t) l.count));
    sb_result (call, "bytes", sb_share_number (call, bytes));
    sb_result (call, "newest", newest != NULL ? newest->name : "");
    sb_result (call, "names", sb_buf_cstr (&names));
    return SB_OK;
}

/* ---- one file --------------------------------------------------------------------------------------------- */

/* A parameter that names a file; false: told. */
static bool
named (struct sb_call *call, const char *param, const char **ret)
{
    *ret = sb_param (call, param);
    if (**ret != '.' && sb_name_is_sound (*ret))
        return true;
    sb_fail (call, SB_FAIL, "'%s' is not the name of a file of a share", *ret);
    return false;
}

/* Does it stand there?  1 yes, 0 no, -1: told. */
static int
stands (struct sb_call *call, struct sb_store *s, const char *name, struct sb_entry *ret)
{
    struct sb_entry ignored;

    if (s->ops->look (s, name, ret != NULL ? ret : &ignored))
        return 1;
    if (errno == ENOENT)
        return 0;
    sb_fail (call, errno == EISDIR ? SB_FAIL : SB_RETRY, "'%s' of share '%s' cannot be looked at: %s", name,
             sb_about (call, "object"), sb_store_why (s, errno));
    return -1;
}

struct reading {
    struct sb_sha256 hash;
    char text[TEXT_MAX + 1];
    size_t ntext;
    int64_t size;
};

static enum sb_rc
read_whole (struct sb_call *call, struct sb_store *s, const char *name, struct reading *r)
{
    SB_AUTOFREE unsigned char *piece = sb_xcalloc (1, PIECE);
    struct sb_handle *h = s->ops->open (s, name, SB_MODE_READ);
    ssize_t n = -1;

    while (h != NULL && (n = s->ops->read (h, piece, PIECE, r->size)) > 0 && !sb_pause (call, 0)) {
        size_t take = (size_t) n < TEXT_MAX - r->ntext ? (size_t) n : TEXT_MAX - r->ntext;

        memcpy (r->text + r->ntext, piece, take);
        r->ntext += take;
        sb_sha256_add (&r->hash, piece, (size_t) n);
        r->size += n;
    }
    if (n < 0)
        sb_fail (call, errno == ENOENT ? SB_FAIL : SB_RETRY, "'%s' cannot be read from share '%s': %s", name,
                 sb_about (call, "object"), sb_store_why (s, errno));
    if (n > 0)
        sb_fail (call, SB_STOPPED, "stopped after %lld bytes", (long long) r->size);
    if (h != NULL)
        s->ops->close (h);
    return n == 0 ? SB_OK : n > 0 ? SB_STOPPED : SB_RETRY;
}

/* The first words, cut where a character begins; "" when it is not text. */
static const char *
words_of (struct reading *r)
{
    size_t n = r->ntext;

    while (r->size > TEXT_MAX && n > 0 && r->ntext - n < 4 && ((unsigned char) r->text[n - 1] & 0x80) != 0)
        n--;
    r->text[n] = '\0';
    return memchr (r->text, '\0', n) == NULL && sb_is_utf8 (r->text, n) ? r->text : "";
}

enum sb_rc
sb_share_read (struct sb_call *call, void *self)
{
    SB_AUTOFREE struct reading *r = sb_xcalloc (1, sizeof *r);
    char hex[SB_SHA256_HEX];
    struct sb_entry e = { 0 };
    const char *name;
    enum sb_rc rc = SB_OK;
    SB_CLEANUP (sb_store_freep) struct sb_store *s = NULL;

    (void) self;
    if (!named (call, "file", &name))
        return SB_FAIL;
    s = sb_share_mine (call, &rc);
    if (s == NULL)
        return rc;
    sb_sha256_init (&r->hash);
    rc = read_whole (call, s, name, r);
    if (rc != SB_OK)
        return rc;
    sb_sha256_hex (&r->hash, hex);
    sb_result (call, "size", sb_share_number (call, r->size));
    sb_result (call, "modified", s->ops->look (s, name, &e) ? time_text (call, e.mtime_ns) : "");
    sb_result (call, "sha256", hex);
    sb_result (call, "text", words_of (r));
    return SB_OK;
}

enum sb_rc
sb_share_rename (struct sb_call *call, void *self)
{
    const char *name, *as;
    enum sb_rc rc = SB_OK;
    SB_CLEANUP (sb_store_freep) struct sb_store *s = NULL;

    (void) self;
    if (!named (call, "file", &name) || !named (call, "as", &as))
        return SB_FAIL;
    s = sb_share_mine (call, &rc);
    if (s == NULL)
        return rc;
    if (!s->ops->rename (s, name, NULL, as))
        return sb_fail (call, errno == EEXIST || errno == ENOENT ? SB_FAIL : SB_RETRY,
                        "'%s' of share '%s' cannot be renamed to '%s': %s", name, sb_about (call, "object"), as,
                        sb_store_why (s, errno));
    if (s->ops->sync_names != NULL)
        s->ops->sync_names (s, NULL);
    sb_result (call, "done", "yes");
    return SB_OK;
}

enum sb_seen
sb_share_see_rename (struct sb_call *call, void *self)
{
    const char *name, *as;
    enum sb_rc rc;
    SB_CLEANUP (sb_store_freep) struct sb_store *s = NULL;
    int old, new;

    (void) self;
    if (!named (call, "file", &name) || !named (call, "as", &as) || (s = sb_share_mine (call, &rc)) == NULL
        || (old = stands (call, s, name, NULL)) < 0 || (new = stands (call, s, as, NULL)) < 0)
        return SB_SEEN_UNKNOWN;
    sb_result (call, "done", "no");
    return old == 0 && new == 1 ? SB_SEEN_YES : SB_SEEN_NO;
}

enum sb_rc
sb_share_delete (struct sb_call *call, void *self)
{
    const char *name;
    enum sb_rc rc = SB_OK;
    SB_CLEANUP (sb_store_freep) struct sb_store *s = NULL;

    (void) self;
    if (!named (call, "file", &name))
        return SB_FAIL;
    s = sb_share_mine (call, &rc);
    if (s == NULL)
        return rc;
    switch (stands (call, s, name, NULL)) {
    case 0:
        sb_result (call, "done", "no");
        return SB_OK;
    case 1:
        break;
    default:
        return SB_RETRY;
    }
    if (!s->ops->remove (s, name))
        return sb_fail (call, SB_RETRY, "'%s' of share '%s' cannot be deleted: %s", name, sb_about (call, "object"),
                        sb_store_why (s, errno));
    if (s->ops->sync_names != NULL)
        s->ops->sync_names (s, NULL);
    sb_result (call, "done", "yes");
    return SB_OK;
}

enum sb_seen
sb_share_see_delete (struct sb_call *call, void *self)
{
    const char *name;
    enum sb_rc rc;
    SB_CLEANUP (sb_store_freep) struct sb_store *s = NULL;
    int there;

    (void) self;
    if (!named (call, "file", &name) || (s = sb_share_mine (call, &rc)) == NULL
        || (there = stands (call, s, name, NULL)) < 0)
        return SB_SEEN_UNKNOWN;
    sb_result (call, "done", "no");
    return there == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ---- rights ----------------------------------------------------------------------------------------------- */

static const char *const rights[] = { "create", "write", "rename", "delete" };
#define NRIGHTS (sizeof rights / sizeof *rights)

/* The proof of one run: it lies with the run, nothing stays on the share. */
static char *
proof_path (struct sb_call *call)
{
    const char *dir = sb_about (call, "run dir");

    return dir != NULL ? sb_format (call, "%s/rights-%s", dir, sb_about (call, "object")) : NULL;
}

static void
tell_rights (struct sb_call *call, const bool can[NRIGHTS])
{
    SB_CLEANUP (sb_buf_free) struct sb_buf not = { 0 };

    for (size_t i = 0; i < NRIGHTS; i++) {
        sb_result (call, rights[i], can[i] ? "yes" : "no");
        if (!can[i])
            sb_buf_printf (&not, "%s%s", not .len > 0 ? ", " : "", rights[i]);
    }
    sb_result (call, "sentence",
               not .len == 0 ? sb_format (call, "share '%s': this account can create, write, rename and delete",
                                          sb_about (call, "object"))
                             : sb_format (call, "share '%s': this account cannot %s", sb_about (call, "object"),
                                          sb_buf_cstr (&not )));
}

/* Tries all four with a hidden file of its own, called *ret_name at the end; the first errno that stood in the way. */
static int
try_rights (struct sb_call *call, struct sb_store *s, bool can[NRIGHTS], const char **ret_name)
{
    const char *name = sb_format (call, ".sb-rights-%ld", (long) getpid ()),
               *moved = sb_format (call, "%s.moved", name);
    struct sb_handle *h = s->ops->open (s, name, SB_MODE_CREATE);
    int error = 0;

    *ret_name = name;
    can[0] = h != NULL;
    if (h == NULL)
        return errno;
    can[1] = s->ops->write (h, "rights", 6, 0) == 6;
    error = can[1] ? 0 : errno;
    if (!s->ops->close (h) && can[1]) {
        can[1] = false;
        error = errno;
    }
    can[2] = s->ops->rename (s, name, NULL, moved);
    if (!can[2] && error == 0)
        error = errno;
    *ret_name = can[2] ? moved : name;
    can[3] = s->ops->remove (s, *ret_name);
    if (!can[3] && error == 0)
        error = errno;
    return error;
}

static void
keep_proof (struct sb_call *call)
{
    const char *path = proof_path (call);
    int fd = path != NULL ? open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

    if (fd >= 0)
        close (fd);
    else
        sb_log (call, SB_WARNING, "that it was tried cannot be kept: %s", path != NULL ? strerror (errno) : "no run");
}

enum sb_rc
sb_share_rights (struct sb_call *call, void *self)
{
    bool can[NRIGHTS] = { false };
    enum sb_rc rc = SB_OK;
    SB_CLEANUP (sb_store_freep) struct sb_store *s = sb_share_mine (call, &rc);
    const char *name;
    int error;

    (void) self;
    if (s == NULL)
        return rc;
    error = try_rights (call, s, can, &name);
    tell_rights (call, can);
    if (error == 0) {
        keep_proof (call);
        return SB_OK;
    }
    for (size_t i = 0; i < NRIGHTS; i++)
        if (!can[i])
            return sb_fail (call, SB_FAIL,
                            "this account cannot %s in share '%s': %s%s\n"
                            "HINT: Give it change rights on the share and on the folder behind it.",
                            rights[i], sb_about (call, "object"), sb_store_why (s, error),
                            can[0] && !can[3] ? sb_format (call, "; the file '%s' of the attempt stays there", name)
                                              : "");
    return SB_OK;
}

/* Yes: this run tried, and all four went well. */
enum sb_seen
sb_share_see_rights (struct sb_call *call, void *self)
{
    const bool can[NRIGHTS] = { true, true, true, true };
    const char *path = proof_path (call);

    (void) self;
    if (path == NULL || access (path, F_OK) != 0)
        return SB_SEEN_NO;
    tell_rights (call, can);
    return SB_SEEN_YES;
}
