/* Ids for texts and results. */
#include "core/engine/store.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

uint32_t
sb_store_text (struct sb_store *s, const char *text)
{
    void *known = text && *text ? sb_map_get (&s->ids, text) : NULL;

    if (!text || !*text)
        return 0;
    if (known)
        return (uint32_t) (uintptr_t) known;
    SB_PUSH (s->texts, s->ntexts, s->texts_cap) = sb_xstrdup (text);
    sb_map_set (&s->ids, text, (void *) (uintptr_t) s->ntexts);
    return (uint32_t) s->ntexts;
}

const char *
sb_store_get_text (const struct sb_store *s, uint32_t id)
{
    return id > 0 && id <= s->ntexts ? s->texts[id - 1] : NULL;
}

uint32_t
sb_store_results (struct sb_store *s, json_t *results)
{
    if (json_object_size (results) == 0) {
        json_decref (results);
        return 0;
    }
    SB_PUSH (s->results, s->nresults, s->results_cap) = results;
    return (uint32_t) s->nresults;
}

json_t *
sb_store_get_results (const struct sb_store *s, uint32_t id)
{
    return id > 0 && id <= s->nresults ? s->results[id - 1] : NULL;
}

void
sb_store_release (struct sb_store *s)
{
    size_t i;

    for (i = 0; i < s->ntexts; i++)
        free ((void *) (uintptr_t) s->texts[i]);
    for (i = 0; i < s->nresults; i++)
        json_decref (s->results[i]);
    free (s->texts);
    free (s->results);
    sb_map_free (&s->ids);
    *s = (struct sb_store){ 0 };
}

/* ---------------------------------------------------------------- layers */

static const char *const first_words[] = { "was", "found" };

json_t *
sb_results_before (const json_t *seen)
{
    json_t *out = json_object ();
    size_t i;

    for (i = 0; i < sizeof first_words / sizeof first_words[0]; i++) {
        json_t *value = json_object_get (seen, first_words[i]);
        if (value)
            json_object_set (out, first_words[i], value);
    }
    return out;
}

json_t *
sb_results_ran (const json_t *before, const json_t *ran)
{
    json_t *out = ran ? json_copy ((json_t *) (uintptr_t) ran) : json_object (), *first = sb_results_before (before);

    json_object_update (out, first);
    json_decref (first);
    return out;
}

json_t *
sb_results_seen (const json_t *so_far, const json_t *seen)
{
    json_t *out = so_far ? json_copy ((json_t *) (uintptr_t) so_far) : json_object ();

    if (seen)
        json_object_update_missing (out, (json_t *) (uintptr_t) seen);
    return out;
}
