/* The topology as the models need it: what is written, by kind and name, and
 * the databases with their instances by number. */
#include "core/base/ini.h"
#include "core/base/text.h"
#include "core/sys/file.h"
#include "lab/direct/intern.h"

#include <stdlib.h>
#include <string.h>

static uint16_t
count_kind (const struct direct *d, const char *kind)
{
    uint16_t n = 0;

    for (size_t i = 0; i < d->count; i++)
        n = (uint16_t) (n + (strcmp (d->list[i].kind, kind) == 0));
    return n;
}

static void
take (void *ctx, const char *section, const char *key, const char *value, int line)
{
    struct direct *d = ctx;
    struct d_section s = { 0 };
    size_t n = strcspn (section, " \t");

    (void) line;
    if (key == NULL) {
        s.kind = sb_xstrndup (section, n);
        s.name = sb_xstrdup (section + n + strspn (section + n, " \t"));
        s.index = (uint16_t) (count_kind (d, s.kind) + 1);
        SB_PUSH (d->list, d->count, d->cap) = s;
    } else if (d->count > 0) {
        struct d_section *last = &d->list[d->count - 1];

        SB_PUSH (last->keys, last->nkeys, last->cap) = (struct d_key){ sb_xstrdup (key), sb_xstrdup (value) };
    }
}

static const struct d_section *
section (const struct direct *d, const char *kind, const char *name)
{
    for (size_t i = 0; name != NULL && i < d->count; i++)
        if (strcmp (d->list[i].kind, kind) == 0 && strcmp (d->list[i].name, name) == 0)
            return &d->list[i];
    return NULL;
}

static const char *
key_of (const struct d_section *s, const char *key)
{
    for (size_t i = 0; s != NULL && i < s->nkeys; i++)
        if (strcmp (s->keys[i].name, key) == 0 && s->keys[i].value[0] != 0)
            return s->keys[i].value;
    return NULL;
}

const char *
d_attr (const struct direct *d, const char *kind, const char *name, const char *key)
{
    return key_of (section (d, kind, name), key);
}

const char *
d_object (const struct direct *d, const char *kind, size_t index)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp (d->list[i].kind, kind) == 0 && d->list[i].index == index + 1)
            return d->list[i].name;
    return NULL;
}

w_id
d_id (const struct direct *d, const char *kind, const char *name)
{
    const struct d_section *s = section (d, kind, name);

    return s == NULL ? 0 : s->index;
}

int64_t
d_setting_ms (const struct direct *d, const struct d_database *db, const char *key, int64_t fallback_ms)
{
    const char *value = d_attr (d, "database", db->object, key);
    int64_t ms;

    return value != NULL && sb_parse_duration (value, &ms) ? ms : fallback_ms;
}

static void
take_databases (struct direct *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct d_section *s = &d->list[i];
        const char *over = key_of (s, "fail over"), *name = key_of (s, "name");

        if (strcmp (s->kind, "database") != 0)
            continue;
        SB_PUSH (d->databases, d->ndatabases, d->cdatabases) =
                (struct d_database){ .object = s->name,
                                     .name = name != NULL ? name : s->name,
                                     .fail_over = over == NULL || strcmp (over, "no") != 0,
                                     .primary = d_id (d, "instance", key_of (s, "primary")),
                                     .mirror = d_id (d, "instance", key_of (s, "mirror")),
                                     .witness = d_id (d, "instance", key_of (s, "witness")),
                                     .backup = d_id (d, "instance", key_of (s, "backup")),
                                     .backup_mirror = d_id (d, "instance", key_of (s, "backup mirror")),
                                     .backup_witness = d_id (d, "instance", key_of (s, "backup witness")),
                                     .log_share = d_id (d, "share", key_of (s, "log share")),
                                     .copy_folder = d_id (d, "share", key_of (s, "copy folder")) };
    }
}

static bool
read_file (struct direct *d, const char *file, struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    if (!sb_file_read (file, 4u << 20, &b, faults) || !sb_ini_parse (file, sb_buf_cstr (&b), b.len, take, d, faults))
        return false;
    take_databases (d);
    return true;
}

struct direct *
direct_new (const char *topology, struct sb_faults *faults)
{
    struct direct *d = sb_xcalloc (1, sizeof *d);
    struct lab_topology *t;

    if (read_file (d, topology, faults) && (t = lab_topology_read (topology, &d->cfg, faults)) != NULL) {
        lab_topology_free (t);
        lab_place_shares (&d->cfg);
        for (size_t i = 0; i < d->cfg.ninstances; i++)
            d->cfg.instances[i].port = (int) (1433 + i);
        return d;
    }
    direct_free (d);
    return NULL;
}

struct direct *
direct_of_lab (const char *dir, struct sb_faults *faults)
{
    SB_AUTOFREE char *file = lab_path (dir, "topology.ini");
    struct direct *d = sb_xcalloc (1, sizeof *d);

    if (read_file (d, file, faults))
        return d;
    direct_free (d);
    return NULL;
}

void
direct_free (struct direct *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->count; i++) {
        for (size_t k = 0; k < d->list[i].nkeys; k++) {
            free (d->list[i].keys[k].name);
            free (d->list[i].keys[k].value);
        }
        free (d->list[i].keys);
        free (d->list[i].kind);
        free (d->list[i].name);
    }
    free (d->list);
    free (d->databases);
    lab_cfg_free (&d->cfg);
    free (d);
}

size_t
direct_databases (const struct direct *d)
{
    return d->ndatabases;
}

const struct d_database *
direct_database (const struct direct *d, size_t index)
{
    return index < d->ndatabases ? &d->databases[index] : NULL;
}
