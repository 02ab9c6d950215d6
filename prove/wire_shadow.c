/* The lab's world as a state of the explorer: its rules then speak of what
 * really stands there. */
#include "prove/wire_int.h"

#include <stdlib.h>
#include <string.h>

struct names {
    struct w_file *list;
    size_t count, cap;
};

static bool
take_name (void *arg, const struct w_file *f)
{
    struct names *n = arg;

    SB_PUSH (n->list, n->count, n->cap) = *f;
    return true;
}

static void
read_file (struct p_wire *w, struct p_state *s, w_id instance, const char *path)
{
    struct d_place p = { .world = s->world, .files = &s->files };
    enum w_set_class class = W_SET_NO_BACKUP;
    struct w_disk where = { w->lab, NULL };
    struct w_files disk;
    struct w_set set;
    unsigned sets = 0;

    memset (&set, 0, sizeof set);
    w_files_disk (&disk, &where);
    if (disk.read (disk.ctx, w_str (s->world, s->world->instances[instance - 1].name), path, 1, &set, &class, &sets)
        == W_FILE_OK)
        direct_put_file (w->c->direct, &p, instance, path, &set, class);
}

static void
read_folder (struct p_wire *w, struct p_state *s, w_id instance, const char *folder, unsigned depth)
{
    struct names n = { 0 };
    struct w_disk where = { w->lab, NULL };
    struct w_files disk;

    w_files_disk (&disk, &where);
    disk.list (disk.ctx, w_str (s->world, s->world->instances[instance - 1].name), folder, NULL, take_name, &n);
    for (size_t i = 0; i < n.count; i++) {
        SB_AUTOFREE char *path = sb_xprintf ("%s\\%s", folder, n.list[i].name);

        if (!n.list[i].is_dir)
            read_file (w, s, instance, path);
        else if (depth < 4)
            read_folder (w, s, instance, path, depth + 1);
    }
    free (n.list);
}

static void
read_files (struct p_wire *w, struct p_state *s)
{
    const struct world *now = s->world;

    memset (&s->files, 0, sizeof s->files);
    for (unsigned i = 0; i < now->nshares; i++)
        if (now->shares[i].unc != 0)
            read_folder (w, s, now->shares[i].instance != 0 ? now->shares[i].instance : 1,
                         w_str (now, now->shares[i].unc), 0);
    for (w_id i = 1; i <= now->ninstances; i++)
        read_folder (w, s, i, "D:\\Backup", 0);
}

struct p_state *
p_wire_shadow (struct p_wire *w, const struct p_state *state)
{
    struct p_state *s = p_state_new (w->c);
    const struct world *now;
    uint32_t k;

    p_state_assign (w->c, s, state);
    now = wire_world (w);
    if (!now) {
        p_state_free (s);
        return NULL;
    }
    memcpy (s->world, now, sizeof *s->world);
    read_files (w, s);
    s->nmessages = s->nmessages < w->nmessages ? s->nmessages : w->nmessages;
    for (k = 0; k < s->nmessages; k++)
        s->messages[k].m = w->messages[k].m;
    memset (s->past.quoted, 0, sizeof s->past.quoted); /* they name places in the models' log */
    return s;
}
