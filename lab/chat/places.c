/* A small reader of the topology: sections and keys, nothing checked that the
 * lab has not checked when it was built. */
#include "lab/chat/places.h"

#include "core/base/buf.h"
#include "core/base/ini.h"
#include "core/sys/file.h"

#include <stdlib.h>
#include <string.h>

static void
take (void *ctx, const char *section, const char *key, const char *value, int line)
{
    struct places *p = ctx;
    const char *blank = strchr (section, ' ');
    struct place *o;

    (void) line;
    if (key == NULL) {
        o = &SB_PUSH (p->list, p->count, p->cap);
        *o = (struct place){ 0 };
        o->kind = sb_arena_strndup (&p->arena, section, blank == NULL ? strlen (section) : (size_t) (blank - section));
        o->name = sb_arena_strdup (&p->arena, blank == NULL ? "" : blank + 1);
    } else if (p->count > 0) {
        o = &p->list[p->count - 1];
        SB_PUSH (o->keys, o->nkeys, o->cap) =
                (struct place_key){ sb_arena_strdup (&p->arena, key), sb_arena_strdup (&p->arena, value) };
    }
}

bool
places_read (struct places *p, const char *dir, struct sb_faults *faults)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    char *path SB_AUTOFREE = sb_path_join (dir, "topology.ini");

    return sb_file_read (path, 1u << 20, &text, faults)
           && sb_ini_parse (path, sb_buf_cstr (&text), text.len, take, p, faults);
}

const char *
place_key (const struct place *o, const char *key, const char *fallback)
{
    size_t i;

    for (i = 0; o != NULL && i < o->nkeys; i++)
        if (strcmp (o->keys[i].key, key) == 0)
            return o->keys[i].value;
    return fallback;
}

const struct place *
places_find (const struct places *p, const char *kind, const char *name)
{
    size_t i;

    for (i = 0; name != NULL && i < p->count; i++)
        if (strcmp (p->list[i].kind, kind) == 0 && strcmp (p->list[i].name, name) == 0)
            return &p->list[i];
    return NULL;
}

const struct place *
places_nth (const struct places *p, const char *kind, size_t index)
{
    size_t i;

    for (i = 0; i < p->count; i++)
        if (strcmp (p->list[i].kind, kind) == 0 && index-- == 0)
            return &p->list[i];
    return NULL;
}

void
places_free (struct places *p)
{
    size_t i;

    for (i = 0; i < p->count; i++)
        free (p->list[i].keys);
    free (p->list);
    sb_arena_release (&p->arena);
    *p = (struct places){ 0 };
}
