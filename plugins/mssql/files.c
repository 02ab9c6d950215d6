/* Files and headers; see files.h. */
#include "plugins/mssql/files.h"

#include "core/base/text.h"
#include "plugins/mssql/lsn.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILES_MAX 20000

const char *
sb_path_join (struct sb_ms *ms, const char *folder, const char *name)
{
    size_t n = strlen (folder);
    char slash = *folder == '/' ? '/' : '\\';

    if (n > 0 && (folder[n - 1] == '/' || folder[n - 1] == '\\'))
        return sb_arena_printf (ms->arena, "%s%s", folder, name);
    return sb_arena_printf (ms->arena, "%s%c%s", folder, slash, name);
}

static int
by_name (const void *a, const void *b)
{
    return sb_casecmp (*(const char *const *) a, *(const char *const *) b);
}

/* The other databases of the topology, as their backups call them, in order. */
struct others {
    const char **list;
    size_t count;
};

static void
find_others (struct sb_ms *ms, struct others *ret)
{
    const char **list SB_AUTOFREE = NULL, *name, *real;
    size_t cap = 0;

    *ret = (struct others){ 0 };
    for (size_t i = 0; (name = sb_object (ms->call, "database", i)) != NULL; i++) {
        real = sb_attr (ms->call, "database", name, "name");
        if (sb_casecmp (real != NULL ? real : name, ms->source) != 0)
            SB_PUSH (list, ret->count, cap) = real != NULL ? real : name;
    }
    ret->list = sb_arena_alloc (ms->arena, (ret->count + 1) * sizeof *ret->list);
    if (list != NULL)
        memcpy (ret->list, list, ret->count * sizeof *list);
    if (ret->count > 1)
        qsort (ret->list, ret->count, sizeof *ret->list, by_name);
}

/* NAME starts with "DB_", whatever the case, and DB is another one.  A share of many databases holds many files, so the
 * names are not tried one by one. */
static bool
bears_another_name (const struct others *o, const char *name)
{
    char head[256];

    for (const char *end = strchr (name, '_'); end != NULL; end = strchr (end + 1, '_')) {
        const size_t n = (size_t) (end - name);
        const char *key = head;

        if (n >= sizeof head)
            return false;
        memcpy (head, name, n);
        head[n] = '\0';
        if (o->count > 0 && bsearch (&key, o->list, o->count, sizeof *o->list, by_name) != NULL)
            return true;
    }
    return false;
}

/* A log backup that may be ours: the header decides, but files that bear the name of another database of the
 * topology need not be opened. */
static bool
worth_a_look (struct sb_ms *ms, const struct others *others, const char *name)
{
    const size_t n = strlen (name), own = strlen (ms->source);

    if (n < 5 || sb_casecmp (name + n - 4, ".trn") != 0)
        return false;
    if (n > own && name[own] == '_' && strncasecmp (name, ms->source, own) == 0)
        return true;
    return !bears_another_name (others, name);
}

bool
sb_files_list (struct sb_inst *i, const char *folder, const char ***ret_names, size_t *ret_count,
               const char **ret_trouble)
{
    struct others others;
    struct sb_answer a;

    *ret_count = 0;
    *ret_names = NULL;
    *ret_trouble = NULL;
    if (!sb_must_ask (i, &a, "the folder cannot be looked at", SB_STMT_FILE_EXIST, folder))
        return false;
    if (sb_rows_int (&a.rows, 0, "File is a Directory", 0) != 1) {
        *ret_trouble = sb_format (i->ms->call, "instance '%s' cannot open the folder '%s'", i->name, folder);
        return true;
    }
    if (!sb_must_ask (i, &a, "the folder cannot be listed", SB_STMT_LIST, folder))
        return false;
    find_others (i->ms, &others);
    *ret_names = sb_arena_alloc (i->ms->arena, (a.rows.count + 1) * sizeof **ret_names);
    for (size_t n = 0; n < a.rows.count && *ret_count < FILES_MAX; n++) {
        const char *name = sb_rows_get (&a.rows, n, "subdirectory");

        if (name != NULL && sb_rows_int (&a.rows, n, "file", 0) == 1 && worth_a_look (i->ms, &others, name))
            (*ret_names)[(*ret_count)++] = name;
    }
    return true;
}

/* ------------------------------------------------------------------ headers */

/* The writer's own zone, in quarters of an hour, when the header tells it (2022); else the reader's. */
static const char *
utc_of (struct sb_inst *i, const struct sb_clock *reader, const struct sb_rows *r, size_t row, const char *column)
{
    int64_t zone = sb_rows_int (r, row, "TimeZone", 127);
    struct sb_clock clock = *reader;

    if (zone >= -56 && zone <= 56)
        clock.ahead_ms = zone * 900000;
    return sb_clock_utc (i->ms, &clock, sb_rows_get (r, row, column));
}

/* A row without a database or a kind: what a server makes of a set that is incomplete or damaged. */
static bool
is_hollow (const struct sb_rows *r, size_t n)
{
    const char *database = sb_rows_get (r, n, "DatabaseName");

    return database == NULL || *database == '\0' || sb_rows_int (r, n, "BackupType", 0) == 0;
}

static struct sb_set
set_of_row (struct sb_inst *i, const struct sb_clock *clock, const char *path, const struct sb_rows *r, size_t n)
{
    if (is_hollow (r, n))
        return (struct sb_set){ .path = path, .trouble = "its header is damaged" };
    return (struct sb_set){
        .path = path,
        .database = sb_rows_get (r, n, "DatabaseName"),
        .family = sb_rows_get (r, n, "FamilyGUID"),
        .fork = sb_rows_get (r, n, "RecoveryForkID"),
        .first_fork = sb_rows_get (r, n, "FirstRecoveryForkID"),
        .fork_point = sb_rows_get (r, n, "ForkPointLSN"),
        .first = sb_rows_get (r, n, "FirstLSN"),
        .last = sb_rows_get (r, n, "LastLSN"),
        .checkpoint = sb_rows_get (r, n, "CheckpointLSN"),
        .start = utc_of (i, clock, r, n, "BackupStartDate"),
        .finish = utc_of (i, clock, r, n, "BackupFinishDate"),
        .guid = sb_rows_get (r, n, "BackupSetGUID"),
        .recovery = sb_rows_get (r, n, "RecoveryModel"),
        .size = sb_rows_int (r, n, "BackupSize", 0),
        .type = (int) sb_rows_int (r, n, "BackupType", 0),
        .position = (int) sb_rows_int (r, n, "Position", 1),
        .tail = sb_rows_int (r, n, "IsForceOffline", 0) == 1,
        .copy_only = sb_rows_int (r, n, "IsCopyOnly", 0) == 1,
        .checksums = sb_rows_int (r, n, "HasBackupChecksums", 0) == 1,
        .damaged = sb_rows_int (r, n, "IsDamaged", 0) == 1,
    };
}

/* What the server says about a file that it cannot use; NULL: it was something else. */
static const char *
file_trouble (struct sb_inst *i, const struct sb_answer *a)
{
    const struct sb_msg *cause = sb_answer_cause (a);

    if (a->end != SB_END_ERROR || cause == NULL || sb_msg_class (cause->number) != SB_MSG_FILE)
        return NULL;
    return sb_arena_printf (i->ms->arena, "%s (error %d: %s)", sb_msg_note (cause->number)->sentence, cause->number,
                            cause->text);
}

static bool
header_read (struct sb_inst *i, const struct sb_clock *clock, const char *path, struct sb_sets *ret)
{
    struct sb_answer a;
    const char *trouble = NULL;

    if (!sb_ask (i, &a, SB_STMT_HEADER, path)) {
        trouble = file_trouble (i, &a);
        if (trouble == NULL) {
            sb_ms_failed (i, &a, SB_STMT_HEADER, sb_format (i->ms->call, "the header of '%s' cannot be read", path));
            return false;
        }
    } else if (a.rows.count == 0) {
        trouble = "it holds no backup set";
    }
    ret->count = trouble != NULL ? 1 : a.rows.count;
    ret->list = sb_arena_alloc (i->ms->arena, ret->count * sizeof *ret->list);
    if (trouble != NULL)
        ret->list[0] = (struct sb_set){ .path = path, .trouble = trouble };
    for (size_t n = 0; trouble == NULL && n < ret->count; n++)
        ret->list[n] = set_of_row (i, clock, path, &a.rows, n);
    return true;
}

bool
sb_header_read (struct sb_inst *i, const char *path, struct sb_sets *ret)
{
    struct sb_clock clock;

    return sb_clock_read (i, &clock) && header_read (i, &clock, path, ret);
}

const struct sb_set *
sb_header_one (struct sb_inst *i, const char *path, const char **ret_trouble)
{
    struct sb_sets sets;

    if (!sb_header_read (i, path, &sets)) {
        *ret_trouble = "its header cannot be read";
        return NULL;
    }
    if (sets.count != 1)
        *ret_trouble = "it holds more than one backup set";
    else
        *ret_trouble = sets.list[0].trouble;
    return *ret_trouble == NULL ? &sets.list[0] : NULL;
}

bool
sb_sets_read (struct sb_inst *i, const char *folder, struct sb_sets *ret, const char **ret_trouble)
{
    struct sb_set *list SB_AUTOFREE = NULL;
    size_t cap = 0, count;
    const char **names;
    struct sb_clock clock;

    *ret = (struct sb_sets){ 0 };
    if (!sb_clock_read (i, &clock) || !sb_files_list (i, folder, &names, &count, ret_trouble))
        return false;
    for (size_t n = 0; n < count; n++) {
        struct sb_sets one;

        if (!header_read (i, &clock, sb_path_join (i->ms, folder, names[n]), &one))
            return false;
        for (size_t k = 0; k < one.count; k++)
            SB_PUSH (list, ret->count, cap) = one.list[k];
    }
    ret->list = sb_arena_alloc (i->ms->arena, (ret->count + 1) * sizeof *ret->list);
    if (list != NULL)
        memcpy (ret->list, list, ret->count * sizeof *list);
    return true;
}

bool
sb_set_verify (struct sb_inst *i, const struct sb_set *set, const char **ret_trouble)
{
    struct sb_answer a;

    *ret_trouble = NULL;
    if (sb_ask (i, &a, SB_STMT_VERIFYONLY, set->path, (int64_t) set->position))
        return true;
    *ret_trouble = file_trouble (i, &a);
    if (*ret_trouble != NULL)
        return true;
    sb_ms_failed (i, &a, SB_STMT_VERIFYONLY, sb_format (i->ms->call, "the backup '%s' cannot be verified", set->path));
    return false;
}

bool
sb_point_read (struct sb_inst *i, const struct sb_copy *copy, struct sb_point *ret)
{
    struct sb_restored newest;

    if (!sb_restored_read (i, false, &newest))
        return false;
    *ret = (struct sb_point){ .database = i->ms->source,
                              .family = newest.family,
                              .lsn = copy->redo_lsn,
                              .fork = *copy->redo_fork != '\0' ? copy->redo_fork : NULL };
    if (sb_lsn_valid (ret->lsn))
        return true;
    sb_ms_fail (i->ms, SB_FAIL,
                "instance '%s' does not tell the redo point of '%s'\n"
                "HINT: Give the login the server role sysadmin.",
                i->name, i->ms->db);
    return false;
}
