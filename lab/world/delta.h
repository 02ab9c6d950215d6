/* What changed in a world, so that a large one is neither written nor sent as a whole each time: a list of places and
 * bytes, in the form in which the state file keeps it and doors get it. */
#ifndef SB_LAB_WORLD_DELTA_H
#define SB_LAB_WORLD_DELTA_H

#include "core/base/buf.h"
#include "lab/world/world.h"

/* Appends what makes `old` be `now`, and makes it so. */
void w_delta_make (struct world *old, const struct world *now, struct sb_buf *out);
/* Applies what w_delta_make() wrote, once or several times.  False: it is none, or the world would be none; `w` is
 * useless then. */
bool w_delta_apply (struct world *w, const void *data, size_t n);

#endif
