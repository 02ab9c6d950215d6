/* What the engine knows as small ids: texts (targets, people) and results.
 * Ids count from 1 and are never given back; 0 is "none". */
#ifndef SB_ENGINE_STORE_H
#define SB_ENGINE_STORE_H

#include "core/base/map.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct sb_store {
    struct sb_map ids; /* text -> id */
    const char **texts;
    size_t ntexts, texts_cap;
    json_t **results;
    size_t nresults, results_cap;
};

uint32_t sb_store_text (struct sb_store *s, const char *text);         /* NULL and "": 0 */
const char *sb_store_get_text (const struct sb_store *s, uint32_t id); /* NULL: none */
/* Takes the object over; 0 when it is empty or NULL. */
uint32_t sb_store_results (struct sb_store *s, json_t *results);
json_t *sb_store_get_results (const struct sb_store *s, uint32_t id); /* borrowed; NULL: none */
void sb_store_release (struct sb_store *s);

/* Results of one step come in layers.  What stood before an act (`was`, `found`) is known only before it, so the first
 * word stays; of anything else the run's word beats that of a later verify, which fills the gaps. */
json_t *sb_results_before (const json_t *seen);                     /* of the verify before the intention: was, found */
json_t *sb_results_ran (const json_t *before, const json_t *ran);   /* what run answered, over what was before */
json_t *sb_results_seen (const json_t *so_far, const json_t *seen); /* gaps filled by a verify that said yes */

#endif
