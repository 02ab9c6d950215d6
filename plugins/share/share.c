/* The plugin `share`: a backup share or copy folder, seen as a folder of this
 * host (local, or mounted by whoever mounts things).  Verbs: observe, check,
 * copy, archive, as contracted in switchback-roles(7).
 *
 * It compares by name and size, never touches a file that it did not make, and
 * never calls a folder that cannot be read an empty one: what cannot be seen is
 * unknown.  A hung mount blocks this worker alone; the deadline ends it. */
#include "plugins/share/folder.h"
#include "plugins/share/transfer.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <switchback/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define END          \
    {                \
        .name = NULL \
    }
#define MIB (1 << 20)

static const struct sb_option settings[] = {
    { .name = "mounted",
      .type = SB_BOOL,
      .fallback = "no",
      .help = "yes: the path must be a mount point, else the share is not there" },
    { .name = "least free mb",
      .type = SB_INT,
      .fallback = "512",
      .help = "with less free room, in MiB, the share is red" },
    END
};

static const struct sb_option no_params[] = { END };
static const struct sb_option observe_results[] = {
    { .name = "answers", .type = SB_STRING, .help = "yes when it can be listed" },
    { .name = "files", .type = SB_INT, .help = "files there" },
    { .name = "free", .type = SB_INT, .help = "free bytes" },
    { .name = "sentence", .type = SB_STRING, .help = "in words" },
    END
};
static const struct sb_option check_params[] = {
    { .name = "fact", .type = SB_STRING, .flags = SB_REQUIRED, .help = "H12" }, END
};
static const struct sb_option check_results[] = {
    { .name = "verdict", .type = SB_STRING, .help = "green, amber, red or unknown" },
    { .name = "found", .type = SB_STRING, .help = "what was found, in words" },
    END
};
static const char *const share_kind[] = { "share", NULL };
static const struct sb_option copy_params[] = {
    { .name = "to",
      .type = SB_TARGET,
      .flags = SB_REQUIRED,
      .choices = share_kind,
      .help = "where the files shall be" },
    { .name = "prefix", .type = SB_STRING, .flags = SB_REQUIRED, .help = "files whose name starts so" },
    { .name = "suffix", .type = SB_STRING, .help = "files whose name ends so" },
    END
};
static const struct sb_option copy_results[] = {
    { .name = "copied", .type = SB_INT, .help = "files copied by this call" },
    { .name = "bytes", .type = SB_INT, .help = "bytes copied by this call" },
    { .name = "newest", .type = SB_STRING, .help = "newest file there" },
    { .name = "outcome", .type = SB_STRING, .help = "done, or why not" },
    END
};
static const struct sb_option archive_params[] = {
    { .name = "folder", .type = SB_STRING, .flags = SB_REQUIRED, .help = "folder below the share" },
    { .name = "prefix", .type = SB_STRING, .flags = SB_REQUIRED, .help = "files whose name starts so" },
    { .name = "suffix", .type = SB_STRING, .help = "files whose name ends so" },
    { .name = "before", .type = SB_STRING, .help = "only files older than this, UTC" },
    END
};
static const struct sb_option archive_results[] = {
    { .name = "moved", .type = SB_INT, .help = "files moved by this call" }, END
};

/* ---- folders -------------------------------------------------------------------------------------------- */

static void
close_dir (int *fd)
{
    if (*fd >= 0)
        close (*fd);
}

/* The folder of a share; -1: *ret_why is a sentence. */
static int
open_share (struct sb_call *call, const char *share, const char **ret_why)
{
    const char *path = sb_attr (call, "share", share, "path");
    int fd;

    if (path == NULL) {
        *ret_why = sb_format (call, "[share %s] has no path", share);
        return -1;
    }
    if (*path != '/')
        path = sb_format (call, "%s/%s", sb_about (call, "base"), path);
    fd = share_open (path);
    if (fd < 0)
        *ret_why = sb_format (call, "share '%s' (%s) cannot be reached: %s", share, path, strerror (errno));
    if (fd >= 0 && strcmp (share, sb_about (call, "object")) == 0 && sb_number (call, "mounted")
        && !share_is_mount (path)) {
        *ret_why = sb_format (call, "share '%s' is not mounted at %s", share, path);
        close (fd);
        return -1;
    }
    return fd;
}

static struct share_filter
filter_of (struct sb_call *call)
{
    return (struct share_filter){ sb_param (call, "prefix"), sb_param (call, "suffix") };
}

static const char *
number_text (struct sb_call *call, int64_t n)
{
    return sb_format (call, "%lld", (long long) n);
}

static int64_t
free_bytes (int fd)
{
    struct statvfs vfs;

    return fstatvfs (fd, &vfs) == 0 ? (int64_t) vfs.f_bavail * (int64_t) vfs.f_frsize : -1;
}

/* ---- observe and check ---------------------------------------------------------------------------------- */

struct look {
    const char *why; /* NULL: it answers */
    size_t files;
    int64_t free;
};

static struct look
look_at (struct sb_call *call)
{
    struct look l = { NULL, 0, -1 };
    struct share_list list = { 0 };
    const struct share_filter all = { NULL, NULL };
    SB_CLEANUP (close_dir) int fd = open_share (call, sb_about (call, "object"), &l.why);

    if (fd < 0)
        return l;
    if (!share_read (fd, &all, &list))
        l.why = sb_format (call, "share '%s' cannot be listed: %s", sb_about (call, "object"), strerror (errno));
    l.files = list.count;
    l.free = free_bytes (fd);
    share_list_free (&list);
    return l;
}

static const char *
words_of (struct sb_call *call, const struct look *l)
{
    if (l->why != NULL)
        return l->why;
    return sb_format (call, "share '%s' answers, %zu files, %lld MiB free", sb_about (call, "object"), l->files,
                      (long long) (l->free / MIB));
}

static enum sb_rc
observe (struct sb_call *call, void *self)
{
    struct look l = look_at (call);

    (void) self;
    sb_result (call, "answers", l.why == NULL ? "yes" : "no");
    sb_result (call, "files", number_text (call, (int64_t) l.files));
    sb_result (call, "free", number_text (call, l.free < 0 ? 0 : l.free));
    sb_result (call, "sentence", words_of (call, &l));
    return SB_OK;
}

static enum sb_rc
check (struct sb_call *call, void *self)
{
    const char *fact = sb_param (call, "fact"), *verdict = "green", *found;
    int64_t least = sb_number (call, "least free mb") * MIB;
    struct look l;

    (void) self;
    if (strcmp (fact, "H12") != 0)
        return sb_fail (call, SB_FAIL, "the fact '%s' is not one of shares", fact);
    l = look_at (call);
    found = words_of (call, &l);
    if (l.why != NULL) {
        verdict = "red";
    } else if (l.free < 2 * least) {
        verdict = l.free < least ? "red" : "amber";
        found = sb_format (call, "%s; at least %lld MiB are wanted", found, (long long) (least / MIB));
    }
    sb_result (call, "verdict", verdict);
    sb_result (call, "found", found);
    return SB_OK;
}

/* ---- copy ----------------------------------------------------------------------------------------------- */

struct job {
    struct sb_call *call;
    const char *from_name, *to_name;
    int from, to;
    struct share_list have, want;
    size_t missing, copied;
    int64_t bytes_missing, bytes_copied;
    struct sb_buf left_out; /* "x: still growing; y: ..." */
    const char *other;      /* a name that stands there with another size, or NULL */
};

static void
release (struct job *j)
{
    close_dir (&j->from);
    close_dir (&j->to);
    share_list_free (&j->have);
    share_list_free (&j->want);
    sb_buf_free (&j->left_out);
}

static void
leave_out (struct job *j, const char *name, const char *why)
{
    sb_buf_printf (&j->left_out, "%s%s: %s", j->left_out.len > 0 ? "; " : "", name, why);
}

/* NULL, or why the shares cannot be compared. */
static const char *
open_job (struct sb_call *call, struct job *j)
{
    const struct share_filter filter = filter_of (call);
    const char *why = NULL;

    *j = (struct job){
        .call = call, .from_name = sb_about (call, "object"), .to_name = sb_param (call, "to"), .from = -1, .to = -1
    };
    if ((j->from = open_share (call, j->from_name, &why)) < 0 || (j->to = open_share (call, j->to_name, &why)) < 0)
        return why;
    if (!share_read (j->from, &filter, &j->want))
        return sb_format (call, "share '%s' cannot be listed: %s", j->from_name, strerror (errno));
    if (!share_read (j->to, &filter, &j->have))
        return sb_format (call, "share '%s' cannot be listed: %s", j->to_name, strerror (errno));
    return NULL;
}

/* Keeps in `want` what is missing and not growing. */
static void
find_missing (struct job *j)
{
    size_t i, n = 0;

    for (i = 0; i < j->want.count; i++) {
        struct share_file *f = &j->want.files[i];
        const struct share_file *there = share_find (&j->have, f->name);
        bool keep = there == NULL || there->size != f->size;

        if (keep && share_is_growing (j->from, f)) {
            leave_out (j, f->name, "still growing");
            keep = false;
        } else if (keep && there != NULL) {
            j->other = sb_format (j->call, "'%s' stands in '%s' with %lld bytes, in '%s' with %lld", f->name,
                                  j->to_name, (long long) there->size, j->from_name, (long long) f->size);
            leave_out (j, f->name, "another file of that name is there");
            keep = false;
        }
        if (keep) {
            j->bytes_missing += f->size;
            j->want.files[n++] = *f;
        } else {
            free (f->name);
        }
    }
    j->want.count = j->missing = n;
}

static void
tell_results (struct job *j, const char *outcome)
{
    const struct share_filter filter = filter_of (j->call);
    struct share_list now = { 0 };

    if (j->to >= 0 && share_read (j->to, &filter, &now))
        sb_result (j->call, "newest", now.count > 0 ? now.files[now.count - 1].name : "");
    share_list_free (&now);
    sb_result (j->call, "copied", number_text (j->call, (int64_t) j->copied));
    sb_result (j->call, "bytes", number_text (j->call, j->bytes_copied));
    if (j->left_out.len > 0)
        outcome = sb_format (j->call, "%s; left out %s", outcome, j->left_out.s);
    sb_result (j->call, "outcome", outcome);
}

static void
count_bytes (void *ctx, int64_t bytes)
{
    struct job *j = ctx;

    j->bytes_copied += bytes;
    sb_progress (j->call, j->bytes_missing > 0 ? (unsigned) (100 * j->bytes_copied / j->bytes_missing) : 100,
                 sb_format (j->call, "%zu of %zu files, %lld of %lld bytes", j->copied, j->missing,
                            (long long) j->bytes_copied, (long long) j->bytes_missing));
}

static enum sb_rc
copy_one (struct job *j, const struct share_file *f)
{
    const struct share_watch watch = { sb_stop_fd (j->call), count_bytes, j };

    switch (share_copy (j->from, j->to, f, &watch)) {
    case SHARE_COPIED:
        j->copied++;
        sb_log (j->call, SB_INFO, "copied '%s', %lld bytes", f->name, (long long) f->size);
        return SB_OK;
    case SHARE_GREW:
        leave_out (j, f->name, "still growing");
        return SB_OK;
    case SHARE_STANDS:
        leave_out (j, f->name, "another file of that name is there");
        return SB_OK;
    case SHARE_STOPPED:
        return sb_fail (j->call, SB_STOPPED, "stopped after %zu of %zu files", j->copied, j->missing);
    case SHARE_NO_SOURCE:
        return sb_fail (j->call, SB_RETRY, "'%s' cannot be read from share '%s': %s", f->name, j->from_name,
                        strerror (errno));
    case SHARE_NO_TARGET:
        break;
    }
    return sb_fail (j->call, SB_RETRY, "'%s' cannot be written to share '%s': %s", f->name, j->to_name,
                    strerror (errno));
}

static enum sb_rc
copy_missing (struct job *j)
{
    int64_t room = free_bytes (j->to);
    enum sb_rc rc = SB_OK;
    size_t i;

    if (room >= 0 && room < j->bytes_missing)
        return sb_fail (j->call, SB_FAIL,
                        "share '%s' has too little room: %zu files need %lld bytes, %lld are free\n"
                        "HINT: Make room in the folder, then resume.",
                        j->to_name, j->missing, (long long) j->bytes_missing, (long long) room);
    for (i = 0; i < j->missing && rc == SB_OK; i++)
        rc = copy_one (j, &j->want.files[i]);
    if (j->copied > 0 && fsync (j->to) != 0 && rc == SB_OK)
        rc = sb_fail (j->call, SB_RETRY, "the folder of share '%s' cannot be made durable: %s", j->to_name,
                      strerror (errno));
    return rc;
}

static enum sb_rc
copy_run (struct sb_call *call, void *self)
{
    SB_CLEANUP (release) struct job j;
    const char *why = open_job (call, &j);
    enum sb_rc rc;

    (void) self;
    if (why != NULL) {
        tell_results (&j, why);
        return sb_fail (call, SB_RETRY, "%s", why);
    }
    find_missing (&j);
    rc = copy_missing (&j);
    tell_results (&j, rc == SB_OK ? "done" : "not finished");
    if (rc == SB_OK && j.other != NULL)
        return sb_fail (call, SB_FAIL, "%s\nHINT: Find out which one is right and move the other one away.", j.other);
    return rc;
}

static enum sb_seen
copy_verify (struct sb_call *call, void *self)
{
    SB_CLEANUP (release) struct job j;
    const char *why = open_job (call, &j);

    (void) self;
    if (why != NULL) {
        tell_results (&j, why);
        sb_fail (call, SB_RETRY, "%s", why);
        return SB_SEEN_UNKNOWN;
    }
    find_missing (&j);
    if (j.missing == 0 && j.other == NULL) {
        tell_results (&j, "done");
        return SB_SEEN_YES;
    }
    tell_results (&j, sb_format (call, "%zu files are missing", j.missing));
    return SB_SEEN_NO;
}

/* ---- archive -------------------------------------------------------------------------------------------- */

/* Parts parted by single slashes, none of them hidden or "..". */
static bool
is_below (const char *folder)
{
    const char *at = folder;

    do {
        if (*at == '/' || *at == '.' || *at == '\0')
            return false;
        at += strcspn (at, "/");
    } while (*at++ == '/');
    return true;
}

/* What is to be moved; SB_OK, or failed. */
static enum sb_rc
find_old (struct sb_call *call, int fd, struct share_list *list)
{
    const struct share_filter filter = filter_of (call);
    const char *before = sb_param (call, "before");
    int64_t limit = INT64_MAX;
    size_t i, n = 0;

    if (before != NULL && !sb_parse_utc (before, &limit))
        return sb_fail (call, SB_FAIL, "'%s' is not a time such as 2026-11-21T12:00:00Z", before);
    if (!share_read (fd, &filter, list))
        return sb_fail (call, SB_RETRY, "share '%s' cannot be listed: %s", sb_about (call, "object"), strerror (errno));
    for (i = 0; i < list->count; i++)
        if (list->files[i].mtime.tv_sec * 1000 + list->files[i].mtime.tv_nsec / 1000000 < limit)
            list->files[n++] = list->files[i];
        else
            free (list->files[i].name);
    list->count = n;
    return SB_OK;
}

/* Makes the folder and those above it, below `fd`; -1: errno. */
static int
make_folder (int fd, const char *folder)
{
    SB_AUTOFREE char *path = sb_xstrdup (folder);
    char *at;

    for (at = strchr (path, '/'); at != NULL; at = strchr (at + 1, '/')) {
        *at = '\0';
        if (mkdirat (fd, path, 0750) != 0 && errno != EEXIST)
            return -1;
        *at = '/';
    }
    if (mkdirat (fd, path, 0750) != 0 && errno != EEXIST)
        return -1;
    return openat (fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static enum sb_rc
move_all (struct sb_call *call, int fd, const char *folder, const struct share_list *list, size_t *ret_moved)
{
    SB_CLEANUP (close_dir) int into = make_folder (fd, folder);
    size_t i;

    if (into < 0)
        return sb_fail (call, SB_RETRY, "the folder '%s' of share '%s' cannot be made: %s", folder,
                        sb_about (call, "object"), strerror (errno));
    for (i = 0; i < list->count; i++) {
        if (sb_pause (call, 0))
            return sb_fail (call, SB_STOPPED, "stopped after %zu of %zu files", *ret_moved, list->count);
        if (!share_rename (fd, list->files[i].name, into, list->files[i].name))
            return sb_fail (call, errno == EEXIST ? SB_FAIL : SB_RETRY, "'%s' cannot be moved into '%s': %s",
                            list->files[i].name, folder, strerror (errno));
        ++*ret_moved;
    }
    if (*ret_moved > 0 && (fsync (into) != 0 || fsync (fd) != 0))
        return sb_fail (call, SB_RETRY, "the folder '%s' cannot be made durable: %s", folder, strerror (errno));
    return SB_OK;
}

static enum sb_rc
archive_run (struct sb_call *call, void *self)
{
    const char *folder = sb_param (call, "folder"), *why = NULL;
    struct share_list list = { 0 };
    size_t moved = 0;
    enum sb_rc rc = SB_OK;
    SB_CLEANUP (close_dir) int fd = -1;

    (void) self;
    if (!is_below (folder))
        return sb_fail (call, SB_FAIL, "'%s' is not a folder below the share", folder);
    fd = open_share (call, sb_about (call, "object"), &why);
    if (fd < 0)
        return sb_fail (call, SB_RETRY, "%s", why);
    rc = find_old (call, fd, &list);
    if (rc == SB_OK && list.count > 0)
        rc = move_all (call, fd, folder, &list, &moved);
    share_list_free (&list);
    sb_result (call, "moved", number_text (call, (int64_t) moved));
    return rc;
}

static enum sb_seen
archive_verify (struct sb_call *call, void *self)
{
    const char *why = NULL;
    struct share_list list = { 0 };
    SB_CLEANUP (close_dir) int fd = open_share (call, sb_about (call, "object"), &why);
    size_t left;

    (void) self;
    if (fd < 0) {
        sb_fail (call, SB_RETRY, "%s", why);
        return SB_SEEN_UNKNOWN;
    }
    if (find_old (call, fd, &list) != SB_OK)
        return SB_SEEN_UNKNOWN;
    left = list.count;
    share_list_free (&list);
    sb_result (call, "moved", "0");
    return left == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

static const struct sb_action actions[] = { { .verb = "observe",
                                              .help = "tell whether the share answers and how much room it has",
                                              .effect = SB_READS,
                                              .timeout_ms = 60000,
                                              .params = no_params,
                                              .results = observe_results,
                                              .run = observe },
                                            { .verb = "check",
                                              .help = "hold one fact of the steady state against the share",
                                              .effect = SB_READS,
                                              .timeout_ms = 60000,
                                              .params = check_params,
                                              .results = check_results,
                                              .run = check },
                                            { .verb = "copy",
                                              .help = "copy what is missing: temporary name, size check, fsync, rename",
                                              .effect = SB_SETTLES,
                                              .timeout_ms = 4 * 3600000u,
                                              .params = copy_params,
                                              .results = copy_results,
                                              .run = copy_run,
                                              .verify = copy_verify },
                                            { .verb = "archive",
                                              .help = "move files aside into a folder of the share",
                                              .effect = SB_SETTLES,
                                              .timeout_ms = 30 * 60000u,
                                              .params = archive_params,
                                              .results = archive_results,
                                              .run = archive_run,
                                              .verify = archive_verify },
                                            { .verb = NULL } };

SB_PLUGIN (share, .name = "share", .role = "share", .version = "0.1.0",
           .summary = "backup shares as folders of this host", .lanes = SB_PARALLEL, .settings = settings,
           .actions = actions);
