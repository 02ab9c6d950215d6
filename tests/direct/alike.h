/* Two worlds beside each other, for tests that reach one state by two ways: what may differ is taken away (clocks,
 * history, sessions, who owns a restored copy, names that hold a date), what differs then is told in words. */
#ifndef SB_TESTS_DIRECT_ALIKE_H
#define SB_TESTS_DIRECT_ALIKE_H

#include "lab/world/world.h"

#include <jansson.h>

/* Digits of a date in a name become marks: log backups of jobs are called after the clock. */
void alike_mask_date (char *name, size_t n);
/* Takes away what may differ and nothing else: clocks; without ALIKE_PEOPLE also sessions, history and who said it. */
enum alike { ALIKE_DEEDS, ALIKE_PEOPLE };
void alike_mask (struct world *w, enum alike how);
/* A sentence in `list` when n bytes differ; `what` and `name` say what they are. */
void
alike_bytes (json_t *list, const char *what, unsigned index, const char *name, const void *a, const void *b, size_t n);
/* What differs between two masked worlds (the lab's, the other's), as a list of sentences.  New reference. */
json_t *alike_worlds (const struct world *a, const struct world *b);

#endif
