/* A plan as JSON and back.  Both directions walk the tables of fields.c; what
 * is NULL, false or "none" is left out when writing.  Reading believes nothing:
 * types, ranges, order and names are checked, and the digest must be the one
 * that the plan's own content gives. */
#include "core/model/plan.h"

#include "core/base/text.h"
#include "core/model/plan_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "switchback plan 1"

/* ---- writing ---- */

static json_t *write_object (const struct sb_field *fields, const char *object);

static json_t *
write_texts (const char *const *list)
{
    json_t *array = list ? json_array () : NULL;

    for (; list != NULL && *list != NULL; list++)
        json_array_append_new (array, json_string (*list));
    return array;
}

static json_t *
write_indexes (const uint32_t *list, size_t n)
{
    json_t *array = json_array ();

    for (size_t i = 0; i < n; i++)
        json_array_append_new (array, json_integer (list[i]));
    return array;
}

static json_t *
write_group (const struct sb_field *f, const char *object)
{
    const char *list = *(const char *const *) (const void *) (object + f->offset);
    json_t *array = json_array ();

    for (size_t i = 0; i < sb_field_count (f, object); i++)
        json_array_append_new (array, write_object (f->fields, list + i * f->size));
    return array;
}

/* NULL: the field is left out. */
static json_t *
write_field (const struct sb_field *f, const char *object)
{
    const void *at = object + f->offset;

    switch (f->type) {
    case SB_FIELD_TEXT:
        return *(const char *const *) at ? json_string (*(const char *const *) at) : NULL;
    case SB_FIELD_FLAG:
        return *(const bool *) at ? json_true () : NULL;
    case SB_FIELD_WORD:
        return json_string (f->words[*(const unsigned *) at]);
    case SB_FIELD_INT:
        return json_integer (*(const int *) at);
    case SB_FIELD_MS:
        return json_integer (*(const int64_t *) at);
    case SB_FIELD_INDEX:
        return *(const uint32_t *) at != UINT32_MAX ? json_integer (*(const uint32_t *) at) : NULL;
    case SB_FIELD_TEXTS:
        return write_texts (*(const char *const *const *) at);
    case SB_FIELD_INDEXES:
        return write_indexes (*(const uint32_t *const *) at, sb_field_count (f, object));
    case SB_FIELD_GROUP:
        return write_group (f, object);
    }
    return NULL;
}

static json_t *
write_object (const struct sb_field *fields, const char *object)
{
    json_t *o = json_object ();

    for (; fields->name != NULL; fields++) {
        json_t *value = sb_field_absent (fields, object) ? NULL : write_field (fields, object);

        if (value != NULL)
            json_object_set_new (o, fields->name, value);
    }
    return o;
}

char *
sb_plan_to_json (const struct sb_plan *p)
{
    json_t *o = write_object (sb_plan_fields, (const char *) p);
    char *text, *owned;

    json_object_set_new (o, "format", json_string (FORMAT));
    json_object_set_new (o, "topology_digest", json_string (p->topology_digest));
    json_object_set_new (o, "digest", json_string (p->digest));
    text = json_dumps (o, JSON_INDENT (1));
    json_decref (o);
    owned = sb_xstrdup (text ? text : "");
    free (text);
    return owned;
}

/* ---- reading ---- */

struct reader {
    struct sb_plan *p;
    struct sb_faults *faults;
    bool bad;
};

/* One fault is enough: what follows would only be its shadow. */
static void
refuse (struct reader *r, const char *what, const char *why)
{
    if (!r->bad)
        sb_fault (r->faults, NULL, 0, "plan: %s %s", what, why);
    r->bad = true;
}

static void read_object (struct reader *r, const struct sb_field *fields, const json_t *o, char *to);

static void
read_text (struct reader *r, const struct sb_field *f, const json_t *v, char *at)
{
    if (v != NULL && !json_is_string (v))
        refuse (r, f->name, "is not a text");
    else if (v == NULL && f->required)
        refuse (r, f->name, "is missing");
    else if (v != NULL)
        *(const char **) (void *) at = sb_arena_strdup (&r->p->arena, json_string_value (v));
}

static void
read_word (struct reader *r, const struct sb_field *f, const json_t *v, char *at)
{
    const char *word = json_string_value (v);
    unsigned i = 0;

    while (word != NULL && f->words[i] != NULL && strcmp (f->words[i], word) != 0)
        i++;
    if (word == NULL || f->words[i] == NULL)
        refuse (r, f->name, "is not one of its words");
    else
        *(unsigned *) (void *) at = i;
}

/* An integer in [low, high]; 0 with a fault otherwise. */
static int64_t
read_number (struct reader *r, const struct sb_field *f, const json_t *v, int64_t low, int64_t high)
{
    if (!json_is_integer (v) || json_integer_value (v) < low || json_integer_value (v) > high) {
        refuse (r, f->name, "is not a number in its range");
        return 0;
    }
    return json_integer_value (v);
}

static void
read_texts (struct reader *r, const struct sb_field *f, const json_t *v, char *at)
{
    size_t n = json_array_size (v);
    const char **list;

    if (v == NULL)
        return;
    if (!json_is_array (v)) {
        refuse (r, f->name, "is not a list");
        return;
    }
    list = sb_arena_alloc (&r->p->arena, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        if (!json_is_string (json_array_get (v, i))) {
            refuse (r, f->name, "is not a list of texts");
            return;
        }
        list[i] = sb_arena_strdup (&r->p->arena, json_string_value (json_array_get (v, i)));
    }
    *(const char ***) (void *) at = list;
}

static void
read_indexes (struct reader *r, const struct sb_field *f, const json_t *v, char *object)
{
    size_t n = json_array_size (v);
    uint32_t *list = sb_arena_alloc (&r->p->arena, (n + 1) * sizeof *list);

    if (!json_is_array (v) || n > SB_MAX_STEPS) {
        refuse (r, f->name, "is not a list");
        return;
    }
    for (size_t i = 0; i < n; i++)
        list[i] = (uint32_t) read_number (r, f, json_array_get (v, i), 0, SB_MAX_STEPS);
    *(uint32_t **) (void *) (object + f->offset) = list;
    sb_field_set_count (f, object, n);
}

static void
read_group (struct reader *r, const struct sb_field *f, const json_t *v, char *object)
{
    size_t n = json_array_size (v);
    char *list;

    if (!json_is_array (v) || n > SB_MAX_STEPS) {
        refuse (r, f->name, "is not a list");
        return;
    }
    list = sb_arena_alloc (&r->p->arena, (n + 1) * f->size);
    for (size_t i = 0; i < n && !r->bad; i++)
        read_object (r, f->fields, json_array_get (v, i), list + i * f->size);
    *(char **) (void *) (object + f->offset) = list;
    sb_field_set_count (f, object, n);
}

static void
read_field (struct reader *r, const struct sb_field *f, const json_t *v, char *object)
{
    char *at = object + f->offset;

    switch (f->type) {
    case SB_FIELD_TEXT:
        read_text (r, f, v, at);
        break;
    case SB_FIELD_FLAG:
        *(bool *) at = json_is_true (v);
        break;
    case SB_FIELD_WORD:
        read_word (r, f, v, at);
        break;
    case SB_FIELD_INT:
        *(int *) (void *) at = (int) read_number (r, f, v, 0, INT32_MAX);
        break;
    case SB_FIELD_MS:
        *(int64_t *) (void *) at = read_number (r, f, v, 0, INT64_MAX);
        break;
    case SB_FIELD_INDEX:
        *(uint32_t *) (void *) at = v ? (uint32_t) read_number (r, f, v, 0, SB_MAX_STEPS) : UINT32_MAX;
        break;
    case SB_FIELD_TEXTS:
        read_texts (r, f, v, at);
        break;
    case SB_FIELD_INDEXES:
        read_indexes (r, f, v, object);
        break;
    case SB_FIELD_GROUP:
        read_group (r, f, v, object);
        break;
    }
}

static void
read_object (struct reader *r, const struct sb_field *fields, const json_t *o, char *to)
{
    if (!json_is_object (o)) {
        refuse (r, "an element of a list", "is not an object");
        return;
    }
    for (; fields->name != NULL; fields++) {
        const json_t *value = json_object_get (o, fields->name);

        if (value != NULL || !fields->rare)
            read_field (r, fields, value, to);
    }
}

/* ---- what the engine relies on ---- */

static void
check_step (struct reader *r, uint32_t i)
{
    const struct sb_plan_step *s = &r->p->steps[i];

    for (size_t e = 0; e < s->nafter; e++)
        if (s->after[e] >= i || (e > 0 && s->after[e] <= s->after[e - 1]))
            refuse (r, s->name, "comes after a step that is not before it");
    for (size_t e = 0; e < s->nproofs; e++)
        if (s->proofs[e].step >= i)
            refuse (r, s->name, "has a proof that is not before it");
    if (s->gate != SB_NO_GATE && s->gate >= r->p->ngates)
        refuse (r, s->name, "has a gate that is not there");
    if ((s->role == NULL) != (s->verb == NULL)
        || (s->role != NULL && (s->kind == NULL || s->object == NULL || s->plugin == NULL)))
        refuse (r, s->name, "does not say who plays which role");
    if ((s->on_rule == SB_ON_OBJECT && (s->on_kind == NULL || s->on == NULL))
        || (s->on_rule == SB_ON_PRINCIPAL && (s->on_database == NULL || s->on_site == NULL)))
        refuse (r, s->name, "does not say at what it works");
    if (s->undo == SB_UNDO_VERB && s->undo_verb == NULL)
        refuse (r, s->name, "does not say how it is undone");
    for (size_t e = 0; e < s->nparams + s->nundo; e++) {
        const struct sb_plan_param *q = e < s->nparams ? &s->params[e] : &s->undo_params[e - s->nparams];

        if ((q->value == NULL) == (q->items == NULL))
            refuse (r, s->name, "has a parameter that is neither a value nor a list");
    }
    sb_map_set (&r->p->index, s->name, (void *) ((uintptr_t) i + 1));
    if (r->p->index.count != i + 1)
        refuse (r, s->name, "is there twice");
}

bool
sb_plan_check (struct sb_plan *p, struct sb_faults *faults)
{
    struct reader r = { .p = p, .faults = faults };

    sb_map_room (&p->index, p->count);
    for (uint32_t i = 0; !r.bad && i < p->count; i++)
        check_step (&r, i);
    return !r.bad;
}

static void
check_digest (struct reader *r, const json_t *o)
{
    const char *topology = json_string_value (json_object_get (o, "topology_digest"));
    const char *digest = json_string_value (json_object_get (o, "digest"));

    if (topology == NULL || strlen (topology) != SB_SHA256_HEX - 1 || digest == NULL) {
        refuse (r, "digest", "is missing");
        return;
    }
    memcpy (r->p->topology_digest, topology, SB_SHA256_HEX);
    sb_plan_seal (r->p);
    if (strcmp (r->p->digest, digest) == 0)
        return;
    refuse (r, "digest",
            "does not fit the content: the plan was changed after it was made, or made by another version");
    sb_fault_hint (r->faults, "Make the plan again.");
}

bool
sb_plan_from_json (struct sb_plan *p, const char *json, size_t len, struct sb_faults *faults)
{
    struct reader r = { .p = p, .faults = faults };
    json_error_t error;
    json_t *o = json_loadb (json, len, JSON_REJECT_DUPLICATES, &error);
    const char *format = json_string_value (json_object_get (o, "format"));

    if (o == NULL)
        sb_fault (faults, NULL, error.line, "plan: not JSON: %s", error.text);
    else if (format == NULL || strcmp (format, FORMAT) != 0)
        refuse (&r, "format", "is not '" FORMAT "'");
    if (o != NULL && !r.bad)
        read_object (&r, sb_plan_fields, o, (char *) p);
    if (o != NULL && !r.bad)
        r.bad = !sb_plan_check (p, faults);
    if (o != NULL && !r.bad)
        check_digest (&r, o);
    json_decref (o);
    return o != NULL && !r.bad;
}
