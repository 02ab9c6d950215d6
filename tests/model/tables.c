/* The tables of contracts and keys against each other: what one names, another has. */
#include "core/base/mem.h"
#include "core/model/contracts.h"
#include "core/model/keys.h"
#include "tests/lib/tap.h"

#include <stdio.h>
#include <string.h>

/* The failing entry's name is worth more than a line number. */
static void
expect (bool ok, const char *what, const char *a, const char *b)
{
    if (!ok)
        printf ("# %s: %s %s\n", what, a, b);
    CU_ASSERT (ok);
}

static void
test_kinds_of_roles (void)
{
    for (const struct sb_role *r = sb_roles; r->name; r++) {
        expect (sb_kind_find (r->kind) != NULL, "kind of role", r->name, r->kind);
        expect (sb_key_find (sb_kind_keys (r->kind), "plugin") != NULL, "no plugin key", r->kind, "");
        expect (sb_role_of_kind (r->kind) == r, "role of kind", r->kind, r->name);
    }
}

static void
test_undo (void)
{
    for (const struct sb_role *r = sb_roles; r->name; r++)
        for (const struct sb_verb *v = r->verbs; v->name; v++) {
            const struct sb_verb *undo = v->undo ? sb_verb_find (r, v->undo) : NULL;

            expect (v->undo == NULL || undo != NULL, "undo is no verb", v->name, v->undo ? v->undo : "");
            expect (v->undo == NULL || v->effect != SB_READS, "a reading verb has an undo", r->name, v->name);
            expect (undo == NULL || undo->effect != SB_READS, "the undo only reads", r->name, v->name);
        }
}

static void
test_verbs (void)
{
    for (const struct sb_role *r = sb_roles; r->name; r++)
        for (const struct sb_verb *v = r->verbs; v->name; v++) {
            expect (sb_verb_find (r, v->name) == v, "verb is there twice", r->name, v->name);
            expect (v->timeout_ms > 0 && v->settle_ms < v->timeout_ms, "times", r->name, v->name);
            expect (v->effect != SB_READS || v->settle_ms == 0, "a reading verb settles", r->name, v->name);
            expect (v->help != NULL && *v->help, "no help", r->name, v->name);
            expect (v->params != NULL && v->results != NULL, "no tables", r->name, v->name);
            expect (sb_option_find (v->params, "on") == NULL, "'on' is a parameter", r->name, v->name);
        }
}

static void
test_targets (void)
{
    for (const struct sb_role *r = sb_roles; r->name; r++)
        for (const struct sb_verb *v = r->verbs; v->name; v++) {
            expect (v->targets == NULL || sb_kind_find (v->targets) != NULL, "targets", r->name, v->name);
            for (const struct sb_option *o = v->params; o->name; o++)
                for (size_t i = 0; o->type == SB_TARGET && o->choices[i]; i++)
                    expect (sb_kind_find (o->choices[i]) != NULL, "kind of parameter", v->name, o->name);
        }
}

static void
test_key_choices (void)
{
    for (const struct sb_kind *kind = sb_kinds; kind->name; kind++)
        for (const struct sb_key *k = kind->keys; k->name; k++) {
            expect (sb_key_find (kind->keys, k->name) == k, "key is there twice", kind->name, k->name);
            expect (k->help != NULL && *k->help, "no help", kind->name, k->name);
            for (size_t i = 0; k->type == SB_TARGET && k->choices[i]; i++)
                expect (sb_kind_find (k->choices[i]) != NULL, "kind of key", kind->name, k->name);
        }
}

static void
test_key_fallbacks (void)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };

    for (const struct sb_kind *kind = sb_kinds; kind->name; kind++)
        for (const struct sb_key *k = kind->keys; k->name; k++) {
            bool plain = k->fallback != NULL && !(k->flags & SB_KEY_LIST);

            expect (!plain || sb_value_check (k->type, k->choices, k->fallback, &why), "fallback", kind->name, k->name);
            expect (!(k->flags & SB_REQUIRED) || k->fallback == NULL, "required, with fallback", kind->name, k->name);
            expect (k->type != SB_INT || k->low < k->high, "limits", kind->name, k->name);
        }
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "every role is played by a kind of object that can name its plugin", test_kinds_of_roles },
        { "what undoes a verb is a verb of the same role that changes something", test_undo },
        { "every verb is there once, with help, tables and times that fit", test_verbs },
        { "targets and parameters name kinds that exist", test_targets },
        { "keys are there once, with help, and refer to kinds that exist", test_key_choices },
        { "the default of a key is a value of its type", test_key_fallbacks },
        { NULL, NULL },
    };

    return sb_tap_run ("tables", tests);
}
