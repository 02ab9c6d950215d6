/* Which section kinds a topology knows and which keys each of them has: one
 * table (keys.c), from which reading, checking, defaults, help and manual come.
 * Settings of plugins are not in it; they stand in the plugins' own tables. */
#ifndef SB_MODEL_KEYS_H
#define SB_MODEL_KEYS_H

#include "core/base/buf.h"

#include <switchback/plugin.h>

#include <stdbool.h>
#include <stdint.h>

#define SB_KEY_LIST 0x100u /* the value is a list; `type` and `choices` are those of its elements */

struct sb_key {
    const char *name;
    enum sb_type type;
    uint32_t flags;             /* SB_REQUIRED, SB_KEY_LIST */
    int64_t low, high;          /* SB_INT: the limits */
    const char *fallback;       /* as it would be typed; NULL: none */
    const char *const *choices; /* words of SB_CHOICE, kinds of SB_TARGET; ends with NULL */
    const char *help;           /* one line, no full stop */
};

struct sb_kind {
    const char *name;
    const struct sb_key *keys; /* ends with name NULL */
    bool unnamed;              /* "[policy]": one object, whose name is "" */
    const char *help;
};

extern const struct sb_kind sb_kinds[];        /* ends with name NULL */
extern const struct sb_key sb_own_role_keys[]; /* of objects that play a site's own role */

const struct sb_kind *sb_kind_find (const char *name);
/* Keys of a kind; a kind that the table does not know is a site's own role. */
const struct sb_key *sb_kind_keys (const char *kind);
const struct sb_key *sb_key_find (const struct sb_key *keys, const char *name);

/* True: `value` may stand where a value of the type is wanted.  Else says why not, to stand behind
 * "KEY = VALUE ": "is not a duration such as 90s or 5m".  SB_TARGET, SB_LIST and SB_STRING are always true. */
bool sb_value_check (enum sb_type type, const char *const *choices, const char *value, struct sb_buf *why);

#endif
