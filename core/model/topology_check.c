/* Each key of each object by itself: is it known, is its value of the type, is
 * it there where it must be, does a reference name something.  Settings of
 * plugins are held against the plugins' own tables, in a second step, because
 * reading a topology must not need a plugin. */
#include "core/model/topology_internal.h"

#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/model/keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "database 'mgc'", "policy": for "%s%s%s%s". */
#define WHO(o) (o)->kind, *(o)->name ? " '" : "", (o)->name, *(o)->name ? "'" : ""

enum { MAX_HINTED = 200 }; /* looking for near names is not worth it in a file with more faults than this */

int
sb_object_line (const struct sb_object *o, const char *key)
{
    const struct sb_attr *a = key ? sb_object_find_attr (o, key) : NULL;

    return a && a->line ? a->line : o->line;
}

static bool
is_one_of (const char *const *list, const char *word)
{
    for (; *list != NULL; list++)
        if (strcmp (*list, word) == 0)
            return true;
    return false;
}

void
sb_topology_hint_name (const struct sb_topology *t, const char *const *kinds, const char *name,
                       struct sb_faults *faults)
{
    const char **names;
    const char *near;
    size_t n = 0;

    if (faults->count > MAX_HINTED)
        return;
    names = sb_xcalloc (t->count + 1, sizeof *names);
    for (size_t i = 0; i < t->count; i++) {
        const struct sb_object *o = &t->objects[i];

        if (is_one_of (kinds, o->kind))
            names[n++] = o->name;
        else if (strcmp (o->name, name) == 0) {
            sb_fault_hint (faults, "'%s' is a %s (line %d), not a %s.", name, o->kind, o->line, kinds[0]);
            free (names);
            return;
        }
    }
    near = sb_nearest (name, names, n);
    for (size_t i = 0; near != NULL && i < t->count; i++)
        if (t->objects[i].name == near) {
            sb_fault_hint (faults, "Did you mean '%s' (%s, line %d)?", near, t->objects[i].kind, t->objects[i].line);
            break;
        }
    if (near == NULL && n == 0)
        sb_fault_hint (faults, "There is no %s in this file; write [%s %s].", kinds[0], kinds[0], name);
    free (names);
}

static void
check_reference (const struct sb_topology *t, const struct sb_object *o, const struct sb_key *k, const char *name,
                 int line, struct sb_faults *faults)
{
    for (size_t i = 0; k->choices[i] != NULL; i++)
        if (sb_topology_find (t, k->choices[i], name) != NULL)
            return;
    sb_fault (faults, t->file, line, "%s%s%s%s: %s = %s names no %s", WHO (o), k->name, name, k->choices[0]);
    sb_topology_hint_name (t, k->choices, name, faults);
}

static void
check_number (const struct sb_topology *t, const struct sb_object *o, const struct sb_key *k, const struct sb_attr *a,
              struct sb_faults *faults)
{
    int64_t n;

    if (k->type == SB_INT && sb_parse_int (a->value, &n) && (n < k->low || n > k->high))
        sb_fault (faults, t->file, a->line, "%s%s%s%s: %s = %s is not between %" PRId64 " and %" PRId64, WHO (o),
                  k->name, a->value, k->low, k->high);
}

static void
check_value (const struct sb_topology *t, const struct sb_object *o, const struct sb_key *k, const struct sb_attr *a,
             const char *value, struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };

    if (k->type == SB_TARGET)
        check_reference (t, o, k, value, a->line, faults);
    else if (sb_value_check (k->type, k->choices, value, &why))
        check_number (t, o, k, a, faults);
    else if (k->type == SB_SECRET) {
        /* The value may be a password: it is not repeated. */
        sb_fault (faults, t->file, a->line, "%s%s%s%s: %s %s", WHO (o), k->name, sb_buf_cstr (&why));
        sb_fault_hint (faults, "A secret never stands in the file: write file:PATH, env:NAME, command:PROGRAM or "
                               "credential:NAME.");
    } else
        sb_fault (faults, t->file, a->line, "%s%s%s%s: %s = %s %s", WHO (o), k->name, value, sb_buf_cstr (&why));
}

static void
check_list (const struct sb_topology *t, const struct sb_object *o, const struct sb_key *k, const struct sb_attr *a,
            struct sb_faults *faults)
{
    struct sb_arena arena = { 0 };
    size_t n;
    char **items = sb_split_list (&arena, a->value, &n);

    for (size_t i = 0; i < n; i++) {
        check_value (t, o, k, a, items[i], faults);
        for (size_t j = 0; j < i; j++)
            if (strcmp (items[i], items[j]) == 0) {
                sb_fault (faults, t->file, a->line, "%s%s%s%s: %s names '%s' twice", WHO (o), k->name, items[i]);
                break;
            }
    }
    sb_arena_release (&arena);
}

static void
unknown_key (const struct sb_topology *t, const struct sb_object *o, const struct sb_key *keys, const struct sb_attr *a,
             struct sb_faults *faults)
{
    const char *words[32];
    const char *near;
    size_t n = 0;

    for (; keys->name != NULL && n < 32; keys++)
        words[n++] = keys->name;
    near = sb_nearest (a->key, words, n);
    sb_fault (faults, t->file, a->line, "%s%s%s%s has no key '%s'", WHO (o), a->key);
    if (near != NULL)
        sb_fault_hint (faults, "Did you mean '%s'?", near);
}

static void
check_object (const struct sb_topology *t, const struct sb_object *o, struct sb_faults *faults)
{
    const struct sb_key *keys = sb_kind_keys (o->kind);

    for (size_t i = 0; i < o->nattrs; i++) {
        const struct sb_attr *a = &o->attrs[i];
        const struct sb_key *k = sb_key_find (keys, a->key);

        if (a->line == 0)
            continue;
        if (k != NULL && (k->flags & SB_KEY_LIST))
            check_list (t, o, k, a, faults);
        else if (k != NULL)
            check_value (t, o, k, a, a->value, faults);
        else if (o->role == NULL && sb_kind_find (o->kind) != NULL)
            unknown_key (t, o, keys, a, faults);
    }
    for (const struct sb_key *k = keys; k->name != NULL; k++)
        if ((k->flags & SB_REQUIRED) && sb_object_attr (o, k->name) == NULL && sb_kind_find (o->kind) != NULL) {
            sb_fault (faults, t->file, o->line, "%s%s%s%s has no '%s'", WHO (o), k->name);
            sb_fault_hint (faults, "'%s' says: %s.", k->name, k->help);
        }
}

void
sb_topology_check_keys (const struct sb_topology *t, struct sb_faults *faults)
{
    for (size_t i = 0; i < t->count; i++)
        check_object (t, &t->objects[i], faults);
}
