/* Maps: an array of entries in order of insertion, and beside it a table of
 * indices with open addressing, at most half full.  Nothing is ever removed. */
#include "core/base/map.h"

#include "core/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a */
static size_t
hash (const char *key)
{
    uint64_t h = 14695981039346656037u;

    for (const unsigned char *p = (const unsigned char *) key; *p; p++)
        h = (h ^ *p) * 1099511628211u;
    return (size_t) (h ^ h >> 32);
}

/* The slot where `key` is, or the free one where it would go. */
static size_t *
slot_of (const struct sb_map *m, const char *key)
{
    size_t i = hash (key) & (m->nslots - 1);

    while (m->slots[i] && strcmp (m->entries[m->slots[i] - 1].key, key) != 0)
        i = (i + 1) & (m->nslots - 1);
    return &m->slots[i];
}

static void
rebuild (struct sb_map *m, size_t nslots)
{
    free (m->slots);
    m->nslots = nslots;
    m->slots = sb_xcalloc (m->nslots, sizeof *m->slots);
    for (size_t i = 0; i < m->count; i++)
        *slot_of (m, m->entries[i].key) = i + 1;
}

void *
sb_map_get (const struct sb_map *m, const char *key)
{
    size_t *slot = m->nslots ? slot_of (m, key) : NULL;

    return slot && *slot ? m->entries[*slot - 1].value : NULL;
}

void
sb_map_set (struct sb_map *m, const char *key, void *value)
{
    size_t *slot;

    if ((m->count + 1) * 2 > m->nslots)
        rebuild (m, m->nslots ? m->nslots * 2 : 16);
    slot = slot_of (m, key);
    if (*slot) {
        m->entries[*slot - 1].value = value;
        return;
    }
    SB_PUSH (m->entries, m->count, m->cap) = (struct sb_map_entry){ sb_xstrdup (key), value };
    *slot = m->count;
}

void
sb_map_room (struct sb_map *m, size_t n)
{
    size_t nslots = m->nslots ? m->nslots : 16;

    while (nslots / 2 < n)
        nslots *= 2;
    if (nslots > m->nslots)
        rebuild (m, nslots);
}

void
sb_map_free (struct sb_map *m)
{
    sb_map_free_with (m, NULL);
}

void
sb_map_free_with (struct sb_map *m, void (*free_value) (void *))
{
    for (size_t i = 0; i < m->count; i++) {
        free (m->entries[i].key);
        if (free_value)
            free_value (m->entries[i].value);
    }
    free (m->entries);
    free (m->slots);
    *m = (struct sb_map){ 0 };
}
