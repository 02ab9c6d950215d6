/* salvage: what only an old copy holds.
 *
 * The old copy is brought online for administrators alone, backed up (copy-only)
 * and compared with the live one, message by message; the list of what is missing
 * in the live copy is written at once or not at all; then the old copy is fenced
 * again, also when something failed.
 *
 * Numbers of messages are given by each copy on its own after the fork, so a
 * message is known by what it is: channel, date, user, content.  Both copies are
 * read in pages; of the live one only fingerprints (16 bytes each) are kept. */
#include "plugins/mssql/access.h"
#include "plugins/mssql/files.h"
#include "plugins/mssql/verbs.h"

#include "core/base/sha256.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRINT_LEN 16

struct prints {
    uint8_t (*list)[PRINT_LEN];
    bool *used;
    size_t count, cap;
};

/* ------------------------------------------------------------------ reading messages */

typedef bool (*message_fn) (void *ctx, const struct sb_rows *rows, size_t row);

/* Every message of the copy, in pages that are forgotten one by one. */
static bool
each_message (struct sb_inst *i, message_fn fn, void *ctx)
{
    struct sb_arena pages[2] = { { 0 }, { 0 } }, *outer = i->ms->arena;
    const char *channel = NULL, *chat = NULL;
    bool channel_number = false, chat_number = false, good = true;
    struct sb_answer a;

    for (unsigned page = 0; good; page ^= 1) {
        sb_arena_release (&pages[page]); /* the keys of the last page lie in the other one */
        i->ms->arena = &pages[page];
        good = channel == NULL ? sb_must_ask (i, &a, "the messages cannot be read", SB_STMT_CHAT_BATCH, i->ms->db)
                               : sb_must_ask (i, &a, "the messages cannot be read", SB_STMT_CHAT_FROM, i->ms->db,
                                              (int) channel_number, channel, (int) channel_number, channel,
                                              (int) chat_number, chat);
        for (size_t n = 0; good && n < a.rows.count; n++)
            good = fn (ctx, &a.rows, n);
        if (!good || a.rows.count == 0)
            break;
        channel = sb_rows_get (&a.rows, a.rows.count - 1, "channelId");
        chat = sb_rows_get (&a.rows, a.rows.count - 1, "chatId");
        channel_number = sb_rows_is_number (&a.rows, "channelId");
        chat_number = sb_rows_is_number (&a.rows, "chatId");
        if (channel == NULL || chat == NULL)
            break;
    }
    i->ms->arena = outer;
    sb_arena_release (&pages[0]);
    sb_arena_release (&pages[1]);
    return good;
}

static void
print_of (const struct sb_rows *r, size_t row, uint8_t ret[PRINT_LEN])
{
    uint8_t whole[32];
    struct sb_sha256 h;

    sb_sha256_init (&h);
    sb_sha256_str (&h, sb_rows_get (r, row, "channelId"));
    sb_sha256_str (&h, sb_rows_get (r, row, "chatDate"));
    sb_sha256_str (&h, sb_rows_get (r, row, "userId"));
    sb_sha256_str (&h, sb_rows_get (r, row, "content"));
    sb_sha256_end (&h, whole);
    memcpy (ret, whole, PRINT_LEN);
}

static bool
keep_print (void *ctx, const struct sb_rows *r, size_t row)
{
    struct prints *p = ctx;

    p->list = sb_grow (p->list, &p->cap, p->count + 1, PRINT_LEN);
    print_of (r, row, p->list[p->count++]);
    return true;
}

static int
by_print (const void *a, const void *b)
{
    return memcmp (a, b, PRINT_LEN);
}

/* Takes one equal print out; false: there is none (left). */
static bool
take_print (struct prints *p, const uint8_t print[PRINT_LEN])
{
    size_t low = 0, high = p->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (memcmp (p->list[mid], print, PRINT_LEN) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < p->count && memcmp (p->list[low], print, PRINT_LEN) == 0; low++)
        if (!p->used[low]) {
            p->used[low] = true;
            return true;
        }
    return false;
}

/* ------------------------------------------------------------------ the list */

struct list {
    struct sb_ms *ms;
    const char *path, *temporary;
    FILE *f;
    struct prints *live;
    int64_t count;
};

static json_t *
value_json (const struct sb_rows *r, size_t row, const char *column)
{
    const char *text = sb_rows_get (r, row, column);
    int64_t number;

    if (text == NULL)
        return json_null ();
    if (sb_rows_is_number (r, column) && sb_parse_int (text, &number))
        return json_integer (number);
    return json_string (text);
}

static bool
list_message (void *ctx, const struct sb_rows *r, size_t row)
{
    static const char *const columns[] = { "channelId", "chatId", "chatDate", "userId", "content" };
    struct list *l = ctx;
    uint8_t print[PRINT_LEN];
    json_t *line;
    char *text;
    bool good;

    print_of (r, row, print);
    if (take_print (l->live, print))
        return true;
    line = json_object ();
    for (size_t n = 0; n < sizeof columns / sizeof *columns; n++)
        json_object_set_new (line, columns[n], value_json (r, row, columns[n]));
    text = json_dumps (line, JSON_COMPACT);
    json_decref (line);
    good = text != NULL && fprintf (l->f, "%s\n", text) > 0;
    free (text);
    l->count++;
    if (!good)
        sb_ms_fail (l->ms, SB_RETRY, "the list '%s' cannot be written: %s", l->path, strerror (errno));
    return good;
}

static bool
list_open (struct list *l)
{
    int fd = open (l->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    l->f = fd >= 0 ? fdopen (fd, "w") : NULL;
    if (l->f != NULL)
        return true;
    sb_ms_fail (l->ms, SB_RETRY, "the list '%s' cannot be written: %s", l->path, strerror (errno));
    if (fd >= 0)
        close (fd);
    return false;
}

/* Whole and durable under its own name, or not there. */
static bool
list_publish (struct list *l)
{
    bool good = fflush (l->f) == 0 && fsync (fileno (l->f)) == 0;

    good = fclose (l->f) == 0 && good;
    l->f = NULL;
    good = good && rename (l->temporary, l->path) == 0;
    if (!good)
        sb_ms_fail (l->ms, SB_RETRY, "the list '%s' cannot be written: %s", l->path, strerror (errno));
    return good;
}

/* The old copy may be one that never held messages. */
static bool
has_messages (struct sb_inst *i, bool *ret)
{
    struct sb_answer a;

    *ret = sb_ask (i, &a, SB_STMT_CHAT_TABLE, i->ms->db);
    if (*ret || sb_answer_has (&a, 208))
        return true;
    sb_ms_failed (i, &a, SB_STMT_CHAT_TABLE, "the messages cannot be counted");
    return false;
}

static bool
compare (struct sb_inst *old, struct sb_inst *live, struct list *l)
{
    struct prints prints = { 0 };
    bool some, good;

    l->live = &prints;
    good = has_messages (old, &some) && list_open (l);
    if (good && some) {
        good = each_message (live, keep_print, &prints);
        if (good && prints.count > 0)
            qsort (prints.list, prints.count, PRINT_LEN, by_print);
        prints.used = sb_xcalloc (prints.count + 1, sizeof *prints.used);
        good = good && each_message (old, list_message, l);
    }
    free (prints.list);
    free (prints.used);
    good = good && list_publish (l);
    if (l->f != NULL)
        fclose (l->f);
    if (!good)
        unlink (l->temporary);
    return good;
}

/* ------------------------------------------------------------------ the verb */

static const char *
list_path (struct sb_ms *ms)
{
    const char *path = sb_param (ms->call, "list"), *base = sb_about (ms->call, "base");

    return *path == '/' || base == NULL ? path : sb_format (ms->call, "%s/%s", base, path);
}

static void
tell_none (struct sb_ms *ms, const struct sb_copy *c)
{
    sb_result (ms->call, "old", "no");
    sb_result (ms->call, "messages", "0");
    sb_result (ms->call, "file", "");
    sb_result (ms->call, "list", "");
    sb_result (ms->call, "sentence",
               sb_format (ms->call, "There is nothing to salvage of %s at %s: the copy there is %s.", ms->db, ms->on,
                          c->state));
}

static void
tell_some (struct sb_ms *ms, int64_t count)
{
    const char *file = sb_param (ms->call, "file"), *list = list_path (ms), *live = sb_param (ms->call, "live");

    sb_result (ms->call, "old", "yes");
    sb_result (ms->call, "messages", sb_format (ms->call, "%lld", (long long) count));
    sb_result (ms->call, "file", file);
    sb_result (ms->call, "list", list);
    sb_result (ms->call, "sentence",
               count == 0 ? sb_format (
                       ms->call,
                       "The old copy of %s at %s holds no message that the live copy at %s lacks; it was backed "
                       "up to %s.",
                       ms->db, ms->on, live, file)
                          : sb_format (
                                  ms->call,
                                  "The old copy of %s at %s holds %lld message%s that the live copy at %s lacks: they "
                                  "are listed in %s, and the whole copy was backed up to %s.",
                                  ms->db, ms->on, (long long) count, count == 1 ? "" : "s", live, list, file));
}

/* Nothing readable is there: absent, or restoring and not to be opened without harm. */
static bool
is_nothing (const struct sb_copy *c)
{
    return !c->there || (sb_copy_is (c, "RESTORING") && !c->mirrored);
}

static bool
open_for_us (struct sb_inst *i, struct sb_copy *c)
{
    const char *what = sb_format (i->ms->call, "the old copy of '%s' cannot be opened", i->ms->db);

    if (sb_copy_is (c, "OFFLINE")
        && (!sb_set_state (i, what, SB_STMT_ONLINE) || !sb_await_state (i, c, "ONLINE", 120000)))
        return false;
    if (sb_copy_is (c, "ONLINE"))
        return strcmp (c->access, "RESTRICTED_USER") == 0 || sb_set_state (i, what, SB_STMT_RESTRICT);
    sb_ms_fail (i->ms, SB_FAIL, "the old copy of '%s' at instance '%s' cannot be read: it is %s", i->ms->db, i->name,
                sb_copy_words (i->ms, c));
    return false;
}

static bool
save (struct sb_inst *old, struct sb_inst *live, struct list *l)
{
    struct sb_answer a;

    return sb_must_ask (old, &a, sb_format (l->ms->call, "the old copy of '%s' cannot be backed up", l->ms->db),
                        SB_STMT_BACKUP_COPY_ONLY, l->ms->db, sb_param (l->ms->call, "file"))
           && compare (old, live, l);
}

enum sb_rc
sb_run_salvage (struct sb_ms *ms)
{
    struct list l = { .ms = ms, .path = list_path (ms) };
    struct sb_inst old, live;
    struct sb_copy c;
    struct sb_answer a;
    bool good;

    l.temporary = sb_format (ms->call, "%s.part", l.path);
    if (!sb_ms_open (ms, ms->on, &old) || !sb_copy_read (&old, &c))
        return ms->rc;
    if (is_nothing (&c)) {
        tell_none (ms, &c);
        return SB_OK;
    }
    if (c.mirrored)
        return sb_ms_fail (ms, SB_FAIL,
                           "the old copy of '%s' at instance '%s' is still mirrored\nHINT: Fence it first.", ms->db,
                           old.name);
    if (!sb_ms_open (ms, sb_param (ms->call, "live"), &live))
        return ms->rc;
    good = open_for_us (&old, &c) && save (&old, &live, &l);
    if (!good) {
        enum sb_rc rc = ms->rc; /* the first failure is the one to tell; fencing again is still owed to everybody */

        if (!sb_ask (&old, &a, SB_STMT_OFFLINE, ms->db))
            sb_log (ms->call, SB_WARNING, "the old copy of '%s' at instance '%s' could not be taken offline again",
                    ms->db, old.name);
        return rc;
    }
    if (!sb_set_state (&old, sb_format (ms->call, "the old copy of '%s' cannot be fenced again", ms->db),
                       SB_STMT_OFFLINE))
        return ms->rc;
    tell_some (ms, l.count);
    return SB_OK;
}

/* Lines of the list; -1: it is not there. */
static int64_t
list_lines (struct sb_ms *ms)
{
    FILE *f = fopen (list_path (ms), "re");
    int64_t lines = 0;
    char block[65536];
    size_t n;

    if (f == NULL)
        return -1;
    while ((n = fread (block, 1, sizeof block, f)) > 0)
        for (size_t k = 0; k < n; k++)
            lines += block[k] == '\n';
    fclose (f);
    return lines;
}

enum sb_seen
sb_see_salvage (struct sb_ms *ms)
{
    const struct sb_set *set;
    struct sb_sets sets;
    struct sb_inst i;
    struct sb_copy c;
    int64_t lines;
    enum sb_seen seen = sb_look (ms, &i, &c);

    if (seen != SB_SEEN_YES)
        return seen;
    if (is_nothing (&c)) {
        tell_none (ms, &c);
        return SB_SEEN_YES;
    }
    lines = list_lines (ms);
    if (lines < 0)
        return SB_SEEN_NO;
    if (!sb_header_read (&i, sb_param (ms->call, "file"), &sets))
        return SB_SEEN_UNKNOWN;
    set = &sets.list[0];
    if (sets.count != 1 || set->trouble != NULL || set->type != 1 || set->database == NULL
        || sb_casecmp (set->database, ms->db) != 0)
        return SB_SEEN_NO;
    tell_some (ms, lines);
    return sb_copy_is (&c, "OFFLINE") ? SB_SEEN_YES : SB_SEEN_PARTLY;
}
