/* What the files that read a topology share; nobody else includes this. */
#ifndef SB_MODEL_TOPOLOGY_INTERNAL_H
#define SB_MODEL_TOPOLOGY_INTERNAL_H

#include "core/model/topology.h"

char *sb_topology_index_key (const char *kind, const char *name);                       /* caller frees */
const struct sb_attr *sb_object_find_attr (const struct sb_object *o, const char *key); /* NULL: not written */
/* The line of an attribute; of its object, where it was not written or `key` is NULL. */
int sb_object_line (const struct sb_object *o, const char *key);
/* Adds the hint "Did you mean 'NAME' (KIND, line N)?", or where an object of that name was found instead. */
void sb_topology_hint_name (const struct sb_topology *t, const char *const *kinds, const char *name,
                            struct sb_faults *faults);

/* Each key of each object: known, of its type, present where required, references resolved. */
void sb_topology_check_keys (const struct sb_topology *t, struct sb_faults *faults);
/* Rules that join several objects. */
void sb_topology_check_rules (const struct sb_topology *t, struct sb_faults *faults);

#endif
