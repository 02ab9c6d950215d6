/* Plugins of packaged roles, held to the contracts of core/model/contracts.c.
 * A plugin may take more parameters and give more results than the contract
 * asks for; it must not contradict it.  The role "*" with the verb "*" takes
 * everything as the contract says, so there is nothing to compare. */
#include "core/host/registry.h"

#include <string.h>

static const struct sb_action *
find_action (const struct sb_catalogue_plugin *p, const char *verb)
{
    const struct sb_action *a;

    for (a = p->actions; a->verb != NULL; a++)
        if (strcmp (a->verb, verb) == 0)
            return a;
    return NULL;
}

static bool
plays_all (const struct sb_catalogue_plugin *p)
{
    return find_action (p, "*") != NULL;
}

static void
compare (const struct sb_catalogue_plugin *p, const char *verb, const char *what, const struct sb_option *ours,
         const struct sb_option *theirs, bool strict, struct sb_faults *faults)
{
    const struct sb_option *o, *t;

    for (o = ours; o != NULL && o->name != NULL; o++) {
        t = sb_option_find (theirs, o->name);
        if (t == NULL && (o->flags & SB_MAY_LACK) != 0)
            continue;
        if (t == NULL)
            sb_fault (faults, NULL, 0, "plugin '%s': %s.%s lacks the %s '%s' of the contract", p->name, p->role, verb,
                      what, o->name);
        else if (t->type != o->type)
            sb_fault (faults, NULL, 0, "plugin '%s': the %s '%s' of %s.%s has another type than in the contract",
                      p->name, what, o->name, p->role, verb);
    }
    for (t = theirs; strict && t != NULL && t->name != NULL; t++)
        if ((t->flags & SB_REQUIRED) != 0 && sb_option_find (ours, t->name) == NULL && strcmp (t->name, "on") != 0)
            sb_fault (faults, NULL, 0, "plugin '%s': %s.%s requires '%s', which the contract does not have", p->name,
                      p->role, verb, t->name);
}

void
sb_contract_check (const struct sb_catalogue_plugin *p, struct sb_faults *faults)
{
    const struct sb_role *role = sb_role_find (p->role);
    const struct sb_verb *v;

    if (role == NULL || plays_all (p))
        return;
    for (v = role->verbs; v->name != NULL; v++) {
        const struct sb_action *a = find_action (p, v->name);

        if (a == NULL)
            continue;
        if (a->effect != v->effect)
            sb_fault (faults, NULL, 0, "plugin '%s': %s.%s has another effect than in the contract", p->name, p->role,
                      v->name);
        compare (p, v->name, "parameter", v->params, a->params, true, faults);
        compare (p, v->name, "result", v->results, a->results, false, faults);
    }
}

const char **
sb_contract_missing (const struct sb_catalogue_plugin *p, struct sb_arena *arena, size_t *ret_count)
{
    const struct sb_role *role = sb_role_find (p->role);
    const struct sb_verb *v;
    const char **list = NULL;
    size_t n = 0, all = 0;

    for (v = role != NULL ? role->verbs : NULL; v != NULL && v->name != NULL; v++)
        all++;
    list = sb_arena_alloc (arena, (all + 1) * sizeof *list);
    for (v = role != NULL ? role->verbs : NULL; v != NULL && v->name != NULL && !plays_all (p); v++)
        if (find_action (p, v->name) == NULL)
            list[n++] = v->name;
    if (ret_count != NULL)
        *ret_count = n;
    return list;
}
