/* What chat servers need to know of the topology: where the databases are, and
 * which chat servers stand in a site.  Read once, from DIR/topology.ini. */
#ifndef SB_LAB_CHAT_PLACES_H
#define SB_LAB_CHAT_PLACES_H

#include "core/base/fault.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct place {
    const char *kind, *name;
    struct place_key {
        const char *key, *value;
    } * keys;
    size_t nkeys, cap;
};

struct places {
    struct sb_arena arena;
    struct place *list;
    size_t count, cap;
};

bool places_read (struct places *p, const char *dir, struct sb_faults *faults);
const char *place_key (const struct place *o, const char *key, const char *fallback);
const struct place *places_find (const struct places *p, const char *kind, const char *name);
/* The index-th of a kind; NULL after the last. */
const struct place *places_nth (const struct places *p, const char *kind, size_t index);
void places_free (struct places *p);

#endif
