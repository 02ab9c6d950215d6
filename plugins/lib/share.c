/* The verbs observe, check and archive, and the table of all; see share.h.
 *
 * A folder that cannot be read is never called an empty one: what cannot be seen
 * is unknown.  A share that hangs blocks this worker alone; the deadline ends it. */
#include "plugins/lib/share.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <errno.h>
#include <string.h>

#define END          \
    {                \
        .name = NULL \
    }
#define MIB (1 << 20)

static const char *const share_kind[] = { "share", NULL };
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
static const struct sb_option list_params[] = { { .name = "prefix", .type = SB_STRING, .help = "names start so" },
                                                { .name = "suffix", .type = SB_STRING, .help = "names end so" },
                                                END };
static const struct sb_option list_results[] = {
    { .name = "files", .type = SB_INT, .help = "files that fit" },
    { .name = "bytes", .type = SB_INT, .help = "their bytes" },
    { .name = "newest", .type = SB_STRING, .help = "the one changed last" },
    { .name = "names", .type = SB_STRING, .help = "a line each: bytes, time, name; at most 500" },
    END
};
static const struct sb_option file_param[] = {
    { .name = "file", .type = SB_STRING, .flags = SB_REQUIRED, .help = "name in the share" }, END
};
static const struct sb_option read_results[] = {
    { .name = "size", .type = SB_INT, .help = "its bytes" },
    { .name = "modified", .type = SB_STRING, .help = "when it was changed, UTC" },
    { .name = "sha256", .type = SB_STRING, .help = "checksum of all of it" },
    { .name = "text", .type = SB_STRING, .help = "its first 4 KiB where they are text" },
    END
};
static const struct sb_option rights_results[] = {
    { .name = "create", .type = SB_STRING, .help = "yes or no: may make a file" },
    { .name = "write", .type = SB_STRING, .help = "yes or no: may write into it" },
    { .name = "rename", .type = SB_STRING, .help = "yes or no: may rename it" },
    { .name = "delete", .type = SB_STRING, .help = "yes or no: may delete it" },
    { .name = "sentence", .type = SB_STRING, .help = "in words" },
    END
};
static const struct sb_option copy_params[] = {
    { .name = "to",
      .type = SB_TARGET,
      .flags = SB_REQUIRED,
      .choices = share_kind,
      .help = "where the files shall be" },
    { .name = "prefix", .type = SB_STRING, .flags = SB_REQUIRED, .help = "files whose name starts so" },
    { .name = "suffix", .type = SB_STRING, .help = "files whose name ends so" },
    { .name = "files", .type = SB_LIST, .help = "with 'checked': only these" },
    { .name = "checked",
      .type = SB_BOOL,
      .fallback = "no",
      .help = "yes: 'files' are those whose headers were read and found good" },
    { .name = "left out", .type = SB_STRING, .help = "what is told of files that were not found good" },
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
static const struct sb_option rename_params[] = {
    { .name = "file", .type = SB_STRING, .flags = SB_REQUIRED, .help = "name in the share" },
    { .name = "as", .type = SB_STRING, .flags = SB_REQUIRED, .help = "its new name" },
    END
};
static const struct sb_option done_results[] = {
    { .name = "done", .type = SB_STRING, .help = "yes when this call did it" }, END
};

/* ---- what all verbs use ----------------------------------------------------------------------------------- */

struct sb_store *
sb_share_mine (struct sb_call *call, enum sb_rc *ret_rc)
{
    const char *why = NULL;
    struct sb_store *s = sb_share_open (call, sb_about (call, "object"), &why, ret_rc);

    if (s == NULL)
        sb_fail (call, *ret_rc, "%s", why);
    return s;
}

struct sb_filter
sb_share_filter (struct sb_call *call)
{
    return (struct sb_filter){ sb_param (call, "prefix"), sb_param (call, "suffix") };
}

const char *
sb_share_number (struct sb_call *call, int64_t n)
{
    return sb_format (call, "%lld", (long long) n);
}

/* ---- observe and check ------------------------------------------------------------------------------------ */

struct look {
    const char *why; /* NULL: it answers */
    size_t files;
    int64_t free; /* -1: it does not tell */
};

static struct look
look_at (struct sb_call *call)
{
    struct look l = { NULL, 0, -1 };
    SB_CLEANUP (sb_entries_free) struct sb_entries list = { 0 };
    const struct sb_filter all = { NULL, NULL };
    enum sb_rc rc;
    SB_CLEANUP (sb_store_freep) struct sb_store *s = sb_share_open (call, sb_about (call, "object"), &l.why, &rc);

    if (s == NULL)
        return l;
    if (!s->ops->list (s, &all, &list))
        l.why = sb_format (call, "share '%s' cannot be listed: %s", sb_about (call, "object"), sb_store_why (s, errno));
    l.files = list.count;
    if (l.why == NULL && !s->ops->room (s, &l.free))
        l.free = -1;
    return l;
}

static const char *
words_of (struct sb_call *call, const struct look *l)
{
    if (l->why != NULL)
        return l->why;
    if (l->free < 0)
        return sb_format (call, "share '%s' answers, %zu files, and does not tell its free room",
                          sb_about (call, "object"), l->files);
    return sb_format (call, "share '%s' answers, %zu files, %lld MiB free", sb_about (call, "object"), l->files,
                      (long long) (l->free / MIB));
}

static enum sb_rc
observe (struct sb_call *call, void *self)
{
    struct look l = look_at (call);

    (void) self;
    sb_result (call, "answers", l.why == NULL ? "yes" : "no");
    sb_result (call, "files", sb_share_number (call, (int64_t) l.files));
    sb_result (call, "free", sb_share_number (call, l.free < 0 ? 0 : l.free));
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
        verdict = l.free < 0 ? "unknown" : l.free < least ? "red" : "amber";
        found = sb_format (call, "%s; at least %lld MiB are wanted", found, (long long) (least / MIB));
    }
    sb_result (call, "verdict", verdict);
    sb_result (call, "found", found);
    return SB_OK;
}

/* ---- archive ---------------------------------------------------------------------------------------------- */

/* What is to be moved; SB_OK, or failed. */
static enum sb_rc
find_old (struct sb_call *call, struct sb_store *s, struct sb_entries *list)
{
    const struct sb_filter filter = sb_share_filter (call);
    const char *before = sb_param (call, "before");
    int64_t limit = INT64_MAX;
    size_t n = 0;

    if (before != NULL && !sb_parse_utc (before, &limit))
        return sb_fail (call, SB_FAIL, "'%s' is not a time such as 2026-11-21T12:00:00Z", before);
    if (!s->ops->list (s, &filter, list))
        return sb_fail (call, SB_RETRY, "share '%s' cannot be listed: %s", sb_about (call, "object"),
                        sb_store_why (s, errno));
    for (size_t i = 0; i < list->count; i++)
        if (list->list[i].mtime_ns / 1000000 < limit)
            list->list[n++] = list->list[i];
        else
            sb_freep (&list->list[i].name);
    list->count = n;
    return SB_OK;
}

static enum sb_rc
move_all (struct sb_call *call, struct sb_store *s, const char *folder, const struct sb_entries *list,
          size_t *ret_moved)
{
    if (!s->ops->make_folder (s, folder))
        return sb_fail (call, SB_RETRY, "the folder '%s' of share '%s' cannot be made: %s", folder,
                        sb_about (call, "object"), sb_store_why (s, errno));
    for (size_t i = 0; i < list->count; i++) {
        if (sb_pause (call, 0))
            return sb_fail (call, SB_STOPPED, "stopped after %zu of %zu files", *ret_moved, list->count);
        if (!s->ops->rename (s, list->list[i].name, folder, list->list[i].name))
            return sb_fail (call, errno == EEXIST ? SB_FAIL : SB_RETRY, "'%s' cannot be moved into '%s': %s",
                            list->list[i].name, folder, sb_store_why (s, errno));
        ++*ret_moved;
    }
    if (*ret_moved > 0 && s->ops->sync_names != NULL
        && (!s->ops->sync_names (s, folder) || !s->ops->sync_names (s, NULL)))
        return sb_fail (call, SB_RETRY, "the folder '%s' cannot be made durable: %s", folder, sb_store_why (s, errno));
    return SB_OK;
}

static enum sb_rc
archive (struct sb_call *call, void *self)
{
    const char *folder = sb_param (call, "folder");
    SB_CLEANUP (sb_entries_free) struct sb_entries list = { 0 };
    SB_CLEANUP (sb_store_freep) struct sb_store *s = NULL;
    size_t moved = 0;
    enum sb_rc rc = SB_OK;

    (void) self;
    if (!sb_folder_is_sound (folder))
        return sb_fail (call, SB_FAIL, "'%s' is not a folder below the share", folder);
    s = sb_share_mine (call, &rc);
    if (s == NULL)
        return rc;
    rc = find_old (call, s, &list);
    if (rc == SB_OK && list.count > 0)
        rc = move_all (call, s, folder, &list, &moved);
    sb_result (call, "moved", sb_share_number (call, (int64_t) moved));
    return rc;
}

static enum sb_seen
see_archive (struct sb_call *call, void *self)
{
    SB_CLEANUP (sb_entries_free) struct sb_entries list = { 0 };
    enum sb_rc rc;
    SB_CLEANUP (sb_store_freep) struct sb_store *s = sb_share_mine (call, &rc);

    (void) self;
    if (s == NULL || find_old (call, s, &list) != SB_OK)
        return SB_SEEN_UNKNOWN;
    sb_result (call, "moved", "0");
    return list.count == 0 ? SB_SEEN_YES : SB_SEEN_NO;
}

/* ---- the table -------------------------------------------------------------------------------------------- */

#define MINUTES(n) ((n) *60000u)

const struct sb_action sb_share_actions[] = {
    { .verb = "observe",
      .help = "tell whether the share answers and how much room it has",
      .effect = SB_READS,
      .timeout_ms = MINUTES (1),
      .params = no_params,
      .results = observe_results,
      .run = observe },
    { .verb = "check",
      .help = "hold one fact of the steady state against the share",
      .effect = SB_READS,
      .timeout_ms = MINUTES (1),
      .params = check_params,
      .results = check_results,
      .run = check },
    { .verb = "list",
      .help = "list files by prefix and suffix",
      .effect = SB_READS,
      .timeout_ms = MINUTES (5),
      .params = list_params,
      .results = list_results,
      .run = sb_share_list },
    { .verb = "read",
      .help = "read one file to its end: size, time, checksum, first words",
      .effect = SB_READS,
      .timeout_ms = MINUTES (240),
      .params = file_param,
      .results = read_results,
      .run = sb_share_read },
    { .verb = "rights",
      .help = "try whether this account can create, write, rename and delete there, with a file of its own",
      .effect = SB_SETTLES,
      .timeout_ms = MINUTES (2),
      .params = no_params,
      .results = rights_results,
      .run = sb_share_rights,
      .verify = sb_share_see_rights },
    { .verb = "copy",
      .help = "copy what is missing: temporary name, checksum, sync, rename",
      .effect = SB_SETTLES,
      .timeout_ms = MINUTES (240),
      .params = copy_params,
      .results = copy_results,
      .run = sb_share_copy,
      .verify = sb_share_see_copy },
    { .verb = "archive",
      .help = "move files aside into a folder of the share",
      .effect = SB_SETTLES,
      .timeout_ms = MINUTES (30),
      .params = archive_params,
      .results = archive_results,
      .run = archive,
      .verify = see_archive },
    { .verb = "rename",
      .help = "give one file another name, never over another file",
      .effect = SB_SETTLES,
      .timeout_ms = MINUTES (2),
      .params = rename_params,
      .results = done_results,
      .run = sb_share_rename,
      .verify = sb_share_see_rename },
    { .verb = "delete",
      .help = "delete one file",
      .effect = SB_SETTLES,
      .timeout_ms = MINUTES (2),
      .params = file_param,
      .results = done_results,
      .run = sb_share_delete,
      .verify = sb_share_see_delete },
    { .verb = NULL }
};
