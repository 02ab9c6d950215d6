/* A map from strings to pointers that remembers the order of insertion. */
#ifndef SB_BASE_MAP_H
#define SB_BASE_MAP_H

#include <stddef.h>

struct sb_map_entry {
    char *key; /* owned by the map */
    void *value;
};

struct sb_map {
    struct sb_map_entry *entries; /* in order of insertion */
    size_t count, cap;
    size_t *slots; /* open addressing; index + 1 */
    size_t nslots;
};

void *sb_map_get (const struct sb_map *m, const char *key);            /* NULL: not there */
void sb_map_set (struct sb_map *m, const char *key, void *value);      /* adds or replaces */
void sb_map_room (struct sb_map *m, size_t n);                         /* for so many entries in all */
void sb_map_free (struct sb_map *m);                                   /* keys and table, not the values */
void sb_map_free_with (struct sb_map *m, void (*free_value) (void *)); /* the values too */

#endif
