/* Files as one flat, sorted table: what the world's operations and the models
 * see of shares and drives.  A file holds one backup set. */
#include "core/base/text.h"
#include "lab/direct/intern.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

size_t
direct_files_size (const struct d_files *f)
{
    return offsetof (struct d_files, list) + f->count * sizeof *f->list;
}

void
direct_files_assign (struct d_files *to, const struct d_files *from)
{
    if (to->count > from->count)
        memset (&to->list[from->count], 0, (size_t) (to->count - from->count) * sizeof *to->list);
    memcpy (to, from, direct_files_size (from));
}

/* ------------------------------------------------------------------ places */

struct spot {
    w_id share, instance;
    const char *rest; /* below it */
};

/* A share by its path, else a drive of the instance: there the whole path is the name. */
static struct spot
spot_of (const struct world *w, w_id instance, const char *path)
{
    w_id share = w_find_share (w, instance, path);
    struct spot at = { .share = share, .instance = share != 0 ? 0 : instance, .rest = path };

    if (share != 0) {
        at.rest += strlen (w_str (w, w->shares[share - 1].unc));
        at.rest += strspn (at.rest, "\\/");
    }
    return at;
}

static int
order (const struct d_file *f, w_id share, w_id instance, const char *name)
{
    if (f->share != share)
        return f->share < share ? -1 : 1;
    if (f->instance != instance)
        return f->instance < instance ? -1 : 1;
    return strcasecmp (f->name, name);
}

/* Where it stands, or would stand. */
static unsigned
place_of (const struct d_files *f, w_id share, w_id instance, const char *name, bool *ret_there)
{
    unsigned low = 0, high = f->count;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;

        if (order (&f->list[mid], share, instance, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_there = low < f->count && order (&f->list[low], share, instance, name) == 0;
    return low;
}

static struct d_file *
find (struct d_files *f, const struct spot *at)
{
    bool there;
    unsigned i = place_of (f, at->share, at->instance, at->rest, &there);

    return there ? &f->list[i] : NULL;
}

static void
drop (struct d_files *f, struct d_file *file)
{
    size_t i = (size_t) (file - f->list);

    memmove (file, file + 1, (f->count - i - 1) * sizeof *file);
    f->count--;
    memset (&f->list[f->count], 0, sizeof *file);
}

/* The slot of that name, emptied; NULL: no room. */
static struct d_file *
make (struct d_files *f, w_id share, w_id instance, const char *name)
{
    bool there;
    unsigned i = place_of (f, share, instance, name, &there);
    struct d_file *file = &f->list[i];

    if (!there && (f->count == D_FILES || strlen (name) >= D_FILE_NAME)) {
        f->lost++;
        return NULL;
    }
    if (!there) {
        memmove (file + 1, file, (f->count - i) * sizeof *file);
        f->count++;
    }
    memset (file, 0, sizeof *file);
    file->share = share;
    file->instance = instance;
    memcpy (file->name, name, strlen (name));
    return file;
}

struct d_file *
d_file_at (struct d_files *f, const struct world *w, w_id instance, const char *path)
{
    struct spot at = spot_of (w, instance, path);

    return find (f, &at);
}

struct d_file *
d_file_next (struct d_files *f, w_id share, w_id instance, const char *under, unsigned *at, const char **ret_name)
{
    size_t n = strlen (under);

    for (; *at < f->count; ++*at) {
        struct d_file *file = &f->list[*at];

        if (file->share != share || file->instance != instance || strncasecmp (file->name, under, n) != 0
            || strpbrk (file->name + n, "\\/") != NULL)
            continue;
        *ret_name = file->name + n;
        ++*at;
        return file;
    }
    return NULL;
}

bool
d_file_copy (struct d_files *f, const struct d_file *file, w_id share, w_id instance, const char *new_name)
{
    struct d_file old = *file, *to = make (f, share, instance, new_name);
    char name[D_FILE_NAME];

    if (to == NULL)
        return false;
    memcpy (name, to->name, sizeof name);
    *to = old;
    to->share = share;
    to->instance = instance;
    memcpy (to->name, name, sizeof name);
    return true;
}

bool
d_file_move (struct d_files *f, struct d_file *file, const char *new_name)
{
    struct d_file old = *file;
    bool there;
    unsigned i;

    if (strlen (new_name) >= D_FILE_NAME)
        return false;
    drop (f, file);
    if (d_file_copy (f, &old, old.share, old.instance, new_name))
        return true;
    i = place_of (f, old.share, old.instance, old.name, &there);
    memmove (&f->list[i + 1], &f->list[i], (f->count - i) * sizeof old);
    f->list[i] = old;
    f->count++;
    return false;
}

/* ------------------------------------------------------------------ sets */

static const char *
database_name (const struct direct *d, w_id database)
{
    return database == 0 || database > d->ndatabases ? "" : d->databases[database - 1].name;
}

static w_id
database_of (const struct direct *d, const char *name)
{
    for (size_t i = 0; i < d->ndatabases; i++)
        if (sb_casecmp (d->databases[i].name, name) == 0)
            return (w_id) (i + 1);
    return 0;
}

static void
put (char *ret, size_t size, const char *text)
{
    size_t n = strnlen (text, size - 1);

    memcpy (ret, text, n);
    ret[n] = 0;
}

static void
to_set (const struct d_bound *b, const struct d_file *f, struct w_set *s)
{
    memset (s, 0, sizeof *s);
    s->seed = b->w->seed;
    s->guid = f->guid;
    s->database_guid = f->database_guid;
    s->family = f->family;
    s->fork = f->fork;
    s->first_fork = f->first_fork;
    s->type = f->type;
    s->user_access = f->user_access;
    s->recovery_model = f->recovery_model;
    s->flags = f->flags;
    s->first = f->first;
    s->last = f->last;
    s->checkpoint = f->checkpoint;
    s->database_backup = f->database_backup;
    s->fork_point = f->fork_point;
    s->created_ms = f->created_ms;
    s->start_ms = f->start_ms;
    s->finish_ms = f->finish_ms;
    s->size = f->size;
    s->position = 1;
    s->version = f->version;
    put (s->database, sizeof s->database, database_name (b->d, f->database));
    put (s->server, sizeof s->server, f->server == 0 ? "" : w_str (b->w, b->w->instances[f->server - 1].server));
}

static void
from_set (const struct d_bound *b, const struct w_set *s, struct d_file *f)
{
    f->damage = (s->flags & W_SET_DAMAGED) != 0 ? W_SET_BROKEN : W_SET_GOOD;
    f->type = s->type;
    f->user_access = s->user_access;
    f->recovery_model = s->recovery_model;
    f->database = database_of (b->d, s->database);
    f->server = w_find_instance (b->w, s->server);
    f->family = s->family;
    f->fork = s->fork;
    f->first_fork = s->first_fork;
    f->version = s->version;
    f->flags = s->flags;
    f->guid = s->guid;
    f->database_guid = s->database_guid;
    f->first = s->first;
    f->last = s->last;
    f->checkpoint = s->checkpoint;
    f->database_backup = s->database_backup;
    f->fork_point = s->fork_point;
    f->created_ms = s->created_ms;
    f->start_ms = s->start_ms;
    f->finish_ms = s->finish_ms;
    f->size = s->size;
}

/* ------------------------------------------------------------------ the world's table */

static w_id
asker (const struct d_bound *b, const char *instance)
{
    return w_find_instance (b->w, instance);
}

static void
describe (const struct d_file *f, const char *name, struct w_file *ret)
{
    memset (ret, 0, sizeof *ret);
    put (ret->name, sizeof ret->name, name);
    ret->size = f->size;
    ret->modified_ms = f->finish_ms;
}

static int
flat_list (void *ctx, const char *instance, const char *folder, const struct w_wanted *wanted,
           bool (*each) (void *arg, const struct w_file *f), void *arg)
{
    const struct d_bound *b = ctx;
    struct spot at = spot_of (b->w, asker (b, instance), folder);
    char under[W_PATH + 2];
    struct d_file *f;
    struct w_file seen;
    const char *name;
    size_t n = strlen (at.rest);

    if (n + 2 > sizeof under)
        return W_FILE_BAD_NAME;
    snprintf (under, sizeof under, "%s%s", at.rest, n == 0 || at.rest[n - 1] == '\\' ? "" : "\\");
    for (unsigned i = 0; (f = d_file_next (b->files, at.share, at.instance, under, &i, &name)) != NULL;) {
        if (!w_wanted (wanted, name))
            continue;
        describe (f, name, &seen);
        if (!each (arg, &seen))
            break;
    }
    return W_FILE_OK;
}

static int
flat_stat (void *ctx, const char *instance, const char *path, struct w_file *ret)
{
    const struct d_bound *b = ctx;
    const struct d_file *f = d_file_at (b->files, b->w, asker (b, instance), path);
    const char *name = strrchr (path, '\\');

    if (f == NULL)
        return W_FILE_MISSING;
    describe (f, name == NULL ? path : name + 1, ret);
    return W_FILE_OK;
}

static int
flat_read (void *ctx, const char *instance, const char *path, unsigned position, struct w_set *ret,
           enum w_set_class *ret_class, unsigned *ret_sets)
{
    const struct d_bound *b = ctx;
    const struct d_file *f = d_file_at (b->files, b->w, asker (b, instance), path);

    if (f == NULL)
        return W_FILE_MISSING;
    *ret_sets = 1;
    *ret_class = position != 1 ? W_SET_NO_POSITION : (enum w_set_class) f->damage;
    if (*ret_class == W_SET_GOOD || *ret_class == W_SET_BROKEN)
        to_set (b, f, ret);
    return W_FILE_OK;
}

static int
flat_write (void *ctx, const char *instance, const char *path, const struct w_set *set, bool append)
{
    const struct d_bound *b = ctx;
    struct spot at = spot_of (b->w, asker (b, instance), path);
    struct d_file *f = append ? NULL : make (b->files, at.share, at.instance, at.rest);

    if (f == NULL)
        return W_FILE_FULL;
    from_set (b, set, f);
    return W_FILE_OK;
}

static int
flat_remove (void *ctx, const char *instance, const char *path)
{
    const struct d_bound *b = ctx;
    struct d_file *f = d_file_at (b->files, b->w, asker (b, instance), path);

    if (f == NULL)
        return W_FILE_MISSING;
    drop (b->files, f);
    return W_FILE_OK;
}

static int
flat_copy (void *ctx, const char *instance, const char *from, const char *to)
{
    const struct d_bound *b = ctx;
    const struct d_file *f = d_file_at (b->files, b->w, asker (b, instance), from);
    struct spot at = spot_of (b->w, asker (b, instance), to);

    if (f == NULL)
        return W_FILE_MISSING;
    return d_file_copy (b->files, f, at.share, at.instance, at.rest) ? W_FILE_OK : W_FILE_FULL;
}

static int
flat_rename (void *ctx, const char *instance, const char *from, const char *to)
{
    int error = flat_copy (ctx, instance, from, to);

    return error != W_FILE_OK ? error : flat_remove (ctx, instance, from);
}

static int
flat_make_dir (void *ctx, const char *instance, const char *path)
{
    (void) ctx;
    (void) instance;
    (void) path;
    return W_FILE_OK;
}

static int64_t
flat_free_bytes (void *ctx, const char *instance, const char *path)
{
    (void) ctx;
    (void) instance;
    (void) path;
    return INT64_MAX;
}

void
d_files_bind (struct w_files *ret, struct d_bound *bound, const struct direct *d, struct world *w, struct d_files *f)
{
    *bound = (struct d_bound){ .d = d, .w = w, .files = f };
    *ret = (struct w_files){ .ctx = bound,
                             .list = flat_list,
                             .stat = flat_stat,
                             .read = flat_read,
                             .write = flat_write,
                             .copy = flat_copy,
                             .rename = flat_rename,
                             .remove = flat_remove,
                             .make_dir = flat_make_dir,
                             .free_bytes = flat_free_bytes };
}

bool
direct_put_file (const struct direct *d, struct d_place *p, w_id instance, const char *path, const struct w_set *set,
                 enum w_set_class class)
{
    struct d_bound b = { .d = d, .w = p->world, .files = p->files };
    struct spot at = spot_of (p->world, instance, path);
    struct d_file *f = make (p->files, at.share, at.instance, at.rest);

    if (f == NULL)
        return false;
    from_set (&b, set, f);
    if (class != W_SET_GOOD)
        f->damage = (uint8_t) class;
    return true;
}
