/* The rows of families: written by the world, read by every door.  A reader
 * keeps what it has read and continues where the file ended; a line that has no
 * end yet is left for the next time. */
#include "lab/world/rows.h"

#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct record {
    struct w_row row;
    json_t *line;  /* owns what the row points to */
    size_t before; /* index + 1 of the record of the same table and key before this one; 0: none */
};

struct family {
    int fd;
    struct sb_buf rest; /* of a line that was not complete */
    struct record *list;
    size_t count, cap;
    struct sb_map newest; /* "table/key" -> index + 1 of its newest record */
};

struct w_rows {
    char *dir;
    struct family families[W_MAX_FAMILIES];
};

static char *
file_of (const char *dir, w_id family)
{
    return sb_xprintf ("%s/rows/%u.log", dir, family);
}

struct w_rows *
w_rows_open (const char *dir)
{
    struct w_rows *r = sb_xcalloc (1, sizeof *r);

    r->dir = sb_xstrdup (dir);
    for (unsigned i = 0; i < W_MAX_FAMILIES; i++)
        r->families[i].fd = -1;
    return r;
}

void
w_rows_free (struct w_rows *r)
{
    if (r == NULL)
        return;
    for (unsigned i = 0; i < W_MAX_FAMILIES; i++) {
        struct family *f = &r->families[i];

        if (f->fd >= 0)
            close (f->fd);
        for (size_t k = 0; k < f->count; k++)
            json_decref (f->list[k].line);
        free (f->list);
        sb_map_free (&f->newest);
        sb_buf_free (&f->rest);
    }
    free (r->dir);
    free (r);
}

/* Tables ignore case, keys do not. */
static char *
chain_name (const char *table, const char *key)
{
    char *name = sb_xprintf ("%s/%s", table, key);

    for (char *p = name; *p != '/'; p++)
        *p = (char) tolower ((unsigned char) *p);
    return name;
}

static void
take_line (struct family *f, const char *text, size_t n)
{
    json_t *line = json_loadb (text, n, 0, NULL), *op;
    SB_AUTOFREE char *name = NULL;
    struct record *rec;

    op = json_array_get (line, 3);
    if (!json_is_array (line) || !json_is_string (op) || !json_is_string (json_array_get (line, 2))
        || !json_is_string (json_array_get (line, 4))) {
        json_decref (line);
        return;
    }
    rec = &SB_PUSH (f->list, f->count, f->cap);
    rec->line = line;
    rec->row = (struct w_row){ .fork = (w_id) json_integer_value (json_array_get (line, 0)),
                               .lsn = json_integer_value (json_array_get (line, 1)),
                               .table = json_string_value (json_array_get (line, 2)),
                               .op = *json_string_value (op),
                               .key = json_string_value (json_array_get (line, 4)),
                               .columns = json_array_get (line, 5) };
    name = chain_name (rec->row.table, rec->row.key);
    rec->before = (size_t) (uintptr_t) sb_map_get (&f->newest, name);
    sb_map_set (&f->newest, name, (void *) (uintptr_t) f->count);
}

void
w_rows_refresh (struct w_rows *r, w_id family)
{
    struct family *f;
    char chunk[65536];
    ssize_t n;

    if (family == 0 || family > W_MAX_FAMILIES)
        return;
    f = &r->families[family - 1];
    if (f->fd < 0) {
        SB_AUTOFREE char *path = file_of (r->dir, family);

        f->fd = open (path, O_RDONLY | O_CLOEXEC);
        if (f->fd < 0)
            return;
    }
    while ((n = read (f->fd, chunk, sizeof chunk)) > 0) {
        const char *at = chunk, *end = chunk + n, *nl;

        while ((nl = memchr (at, '\n', (size_t) (end - at))) != NULL) {
            sb_buf_add (&f->rest, at, (size_t) (nl - at));
            take_line (f, sb_buf_cstr (&f->rest), f->rest.len);
            sb_buf_clear (&f->rest);
            at = nl + 1;
        }
        sb_buf_add (&f->rest, at, (size_t) (end - at));
    }
}

static const struct w_copy *
copy_of (const struct world *w, w_id copy)
{
    return copy == 0 || copy > w->ncopies || w->copies[copy - 1].instance == 0 ? NULL : &w->copies[copy - 1];
}

/* The fold: by key, in order of first appearance; a row that was deleted and inserted again stands where it was. */
size_t
w_rows_select (struct w_rows *r, const struct world *w, w_id copy, const char *table, struct w_row **ret)
{
    const struct w_copy *c = copy_of (w, copy);
    struct sb_map live = { 0 };
    struct family *f;
    struct w_row *row, *list;
    size_t n = 0;

    *ret = NULL;
    if (c == NULL)
        return 0;
    w_rows_refresh (r, c->family);
    f = &r->families[c->family - 1];
    for (size_t i = 0; i < f->count; i++) {
        row = &f->list[i].row;
        if (sb_casecmp (row->table, table) == 0 && w_on_line (w, c->fork, c->lsn, row->fork, row->lsn))
            sb_map_set (&live, row->key, row);
    }
    list = sb_xcalloc (live.count + 1, sizeof *list);
    for (size_t i = 0; i < live.count; i++) {
        row = live.entries[i].value;
        if (row->op != 'd')
            list[n++] = *row;
    }
    sb_map_free (&live);
    *ret = list;
    return n;
}

bool
w_rows_get (struct w_rows *r, const struct world *w, w_id copy, const char *table, const char *key, struct w_row *ret)
{
    const struct w_copy *c = copy_of (w, copy);
    SB_AUTOFREE char *name = chain_name (table, key);
    const struct record *rec;
    struct family *f;
    size_t at;

    if (c == NULL)
        return false;
    w_rows_refresh (r, c->family);
    f = &r->families[c->family - 1];
    for (at = (size_t) (uintptr_t) sb_map_get (&f->newest, name); at != 0; at = rec->before) {
        rec = &f->list[at - 1];
        if (!w_on_line (w, c->fork, c->lsn, rec->row.fork, rec->row.lsn))
            continue;
        *ret = rec->row;
        return rec->row.op != 'd';
    }
    return false;
}

json_t *
w_rows_schema (struct w_rows *r, const struct world *w, w_id copy, const char *table)
{
    SB_AUTOFREE char *key = sb_xstrdup (table);
    struct w_row row;

    for (char *p = key; *p != 0; p++)
        *p = (char) tolower ((unsigned char) *p);
    return w_rows_get (r, w, copy, "", key, &row) ? row.columns : NULL;
}

bool
w_rows_write (const char *dir, w_id family, w_id fork, w_lsn lsn, json_t *changes)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    SB_AUTOFREE char *path = file_of (dir, family);
    json_t *change, *line;
    size_t i;
    char *text;
    ssize_t n;
    int fd;

    json_array_foreach (changes, i, change)
    {
        line = json_pack ("[i, I]", (int) fork, (json_int_t) (lsn + (w_lsn) i * W_LSN_STEP));
        json_array_extend (line, change);
        text = json_dumps (line, JSON_COMPACT);
        sb_buf_printf (&b, "%s\n", text);
        free (text);
        json_decref (line);
    }
    if (b.len == 0)
        return true;
    fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    n = write (fd, b.s, b.len); /* one write: a reader sees whole statements or the beginning of a line */
    close (fd);
    return n == (ssize_t) b.len;
}

/* The chat databases' tables, as far as the pool sheet and Microsoft's schema pages name them. */

static json_t *
column (const char *name, const char *type, int length, bool null)
{
    return json_pack ("{s:s, s:s, s:i, s:b}", "name", name, "type", type, "length", length, "null", null);
}

static void
add_table (json_t *changes, const char *name, json_t *columns, json_t *key)
{
    SB_AUTOFREE char *low = sb_xstrdup (name);

    for (char *p = low; *p != 0; p++)
        *p = (char) tolower ((unsigned char) *p);
    json_array_append_new (changes, json_pack ("[s, s, s, {s:s, s:o, s:o}]", "", "i", low, "name", name, "columns",
                                               columns, "key", key));
}

json_t *
w_rows_chat_tables (int which)
{
    json_t *changes = json_array ();

    if (which == 1) {
        add_table (changes, "tblChat",
                   json_pack ("[o, o, o, o, o, o, o]", column ("channelId", "int", 0, false),
                              column ("chatId", "bigint", 0, false), column ("chatDate", "bigint", 0, false),
                              column ("userId", "int", 0, false), column ("isAlert", "bit", 0, false),
                              column ("content", "nvarchar", -1, false), column ("rtf", "varchar", -1, true)),
                   json_pack ("[s, s]", "channelId", "chatId"));
        add_table (changes, "tblServerIdentity",
                   json_pack ("[o, o, o]", column ("serverID", "int", 0, false),
                              column ("serverAddress", "nvarchar", 256, false),
                              column ("serverLastPingTime", "datetime", 0, true)),
                   json_pack ("[s]", "serverID"));
    } else {
        add_table (changes, "tblComplianceData",
                   json_pack ("[o, o, o, o, o]", column ("entryID", "bigint", 0, false),
                              column ("cmplType", "int", 0, false), column ("entryDate", "bigint", 0, false),
                              column ("serverID", "int", 0, true), column ("content", "nvarchar", -1, true)),
                   json_pack ("[s]", "entryID"));
        add_table (changes, "tblComplianceState",
                   json_pack ("[o, o, o]", column ("lastProcessedEntryID", "bigint", 0, false),
                              column ("activeServerID", "int", 0, false),
                              column ("lockExpirationTime", "datetime", 0, true)),
                   json_array ());
        json_array_append_new (changes, json_pack ("[s, s, s, [i, i, n]]", "tblComplianceState", "i", "#state", 0, -1));
    }
    return changes;
}
