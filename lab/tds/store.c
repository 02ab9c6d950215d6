/* Logins and rows; see store.h. */
#include "lab/tds/store.h"
#include "lab/tds/house.h"
#include "lab/tds/temp.h"
#include "lab/tds/view.h"

#include "core/base/sha256.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One reader for the process: it keeps what it has read, and all doors of a process serve one lab. */
static pthread_mutex_t rows_lock = PTHREAD_MUTEX_INITIALIZER;
static struct w_rows *rows;
static char *rows_dir;

struct w_rows *
tds_rows_hold (struct tds_session *s)
{
    pthread_mutex_lock (&rows_lock);
    if (rows != NULL && strcmp (rows_dir, s->cfg->dir) != 0) { /* another lab in the same process: tests */
        w_rows_free (rows);
        free (rows_dir);
        rows = NULL;
    }
    if (rows == NULL) {
        rows = w_rows_open (s->cfg->dir);
        rows_dir = sb_xstrdup (s->cfg->dir);
    }
    return rows;
}

void
tds_rows_release (struct tds_session *s)
{
    (void) s;
    pthread_mutex_unlock (&rows_lock);
}

void
tds_each_table (struct tds_session *s, w_id copy, void (*each) (void *ctx, const char *name, json_t *schema), void *ctx)
{
    struct world *w = tds_world (s);
    struct w_rows *r = tds_rows_hold (s);
    struct w_row *list = NULL;
    size_t n = w == NULL || copy == 0 ? 0 : w_rows_select (r, w, copy, "", &list);

    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value (json_object_get (list[i].columns, "name"));
        each (ctx, name == NULL ? list[i].key : name, list[i].columns);
    }
    free (list);
    tds_rows_release (s);
}

size_t
tds_count_rows (struct tds_session *s, w_id copy, const char *table)
{
    struct world *w = tds_world (s);
    struct w_rows *r = tds_rows_hold (s);
    struct w_row *list = NULL;
    size_t n = w == NULL || copy == 0 ? 0 : w_rows_select (r, w, copy, table, &list);

    free (list);
    tds_rows_release (s);
    return n;
}

int
tds_name_hash (const char *text)
{
    uint32_t h = 2166136261u;

    for (; *text != 0; text++) {
        unsigned char c = (unsigned char) *text;
        h = (h ^ (c >= 'A' && c <= 'Z' ? c | 0x20u : c)) * 16777619u;
    }
    return (int) (h % 2000000000u) + 100000000;
}

int
tds_object_id (struct tds_session *s, const struct sb_sql_name *name)
{
    const char *db = SB_SQL_DATABASE (name)[0] != 0 ? SB_SQL_DATABASE (name) : s->database;
    const char *schema = SB_SQL_SCHEMA (name);
    SB_AUTOFREE char *full = sb_xprintf ("%s.dbo.%s", db, SB_SQL_OBJECT (name));
    struct world *w = tds_world (s);
    w_id copy = w == NULL ? 0 : w_find_copy (w, s->instance, db);
    bool there;

    if (tds_temp_name (name))
        return tds_temp_find (s, name) == NULL ? 0 : -tds_name_hash (SB_SQL_OBJECT (name));
    if (tds_view_find (s, name) != NULL)
        return tds_name_hash (full);
    if (copy == 0 || (schema[0] != 0 && sb_casecmp (schema, "dbo") != 0) || w_copy_readable (w, copy, s->spid) != 0)
        return 0;
    there = w_rows_schema (tds_rows_hold (s), w, copy, SB_SQL_OBJECT (name)) != NULL;
    tds_rows_release (s);
    return there ? tds_name_hash (full) : 0;
}

/* ---- logins ---- */

/* Compares in a time that does not tell how much of it was right. */
static bool
same_secret (const char *a, const char *b)
{
    size_t n = strlen (a), m = strlen (b);
    unsigned char diff = n != m;

    for (size_t i = 0; i < n; i++)
        diff |= (unsigned char) (a[i] ^ b[m == 0 ? 0 : i % m]);
    return diff == 0;
}

bool
tds_login_check (const struct lab_door_cfg *cfg, const char *name, const char *password, bool *ret_sysadmin)
{
    for (size_t i = 0; i < cfg->nusers; i++)
        if (sb_casecmp (cfg->users[i].name, name) == 0) {
            *ret_sysadmin = cfg->users[i].sysadmin != 0;
            return same_secret (password, cfg->users[i].password);
        }
    return false;
}

const char *
tds_login_at (struct tds_session *s, size_t index, bool *ret_sysadmin)
{
    const struct lab_door_cfg *cfg = s->cfg;
    const char *name = NULL;

    *ret_sysadmin = true;
    if (index == 0)
        return "sa";
    for (size_t i = 0, at = 1; i < cfg->nusers; i++) {
        if (sb_casecmp (cfg->users[i].name, "sa") == 0)
            continue;
        if (at++ == index) {
            *ret_sysadmin = cfg->users[i].sysadmin != 0;
            return cfg->users[i].name;
        }
    }
    index -= 1 + cfg->nusers;
    for (size_t i = 0; i < cfg->nusers; i++)
        index += sb_casecmp (cfg->users[i].name, "sa") == 0;
    pthread_mutex_lock (&s->door->lock);
    *ret_sysadmin = false;
    if (index < s->door->nlogins)
        name = s->door->logins[index].name; /* entries are never moved */
    pthread_mutex_unlock (&s->door->lock);
    return name;
}

bool
tds_login_exists (struct tds_session *s, const char *name)
{
    const char *have;
    bool admin;

    for (size_t i = 0; (have = tds_login_at (s, i, &admin)) != NULL; i++)
        if (sb_casecmp (have, name) == 0)
            return true;
    return false;
}

size_t
tds_sid_of_login (const char *name, uint8_t ret[16])
{
    struct sb_sha256 h;
    uint8_t all[32];
    SB_AUTOFREE char *low = sb_xstrdup (name);

    if (sb_casecmp (name, "sa") == 0) {
        ret[0] = 1;
        return 1;
    }
    for (char *p = low; *p != 0; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p |= 0x20;
    sb_sha256_init (&h);
    sb_sha256_str (&h, low);
    sb_sha256_end (&h, all);
    memcpy (ret, all, 16);
    return 16;
}

const char *
tds_login_of_sid (struct tds_session *s, const void *sid, size_t n)
{
    const char *name;
    bool admin;
    uint8_t have[16];

    for (size_t i = 0; (name = tds_login_at (s, i, &admin)) != NULL; i++)
        if (tds_sid_of_login (name, have) == n && memcmp (have, sid, n) == 0)
            return name;
    return NULL;
}

bool
tds_login_add (struct tds_session *s, const char *name, const char *password)
{
    struct tds_door *d = s->door;
    bool room;

    if (tds_login_exists (s, name))
        return false;
    pthread_mutex_lock (&d->lock);
    room = d->nlogins < TDS_LOGINS_MAX;
    if (room) {
        snprintf (d->logins[d->nlogins].name, W_NAME, "%s", name);
        snprintf (d->logins[d->nlogins].password, W_NAME, "%s", password);
        d->nlogins++;
    }
    pthread_mutex_unlock (&d->lock);
    return room;
}
