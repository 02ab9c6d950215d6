/* What is known of a verb.  Verbs of packaged roles are in the contracts; verbs
 * of a site's own role in the table of whatever plugin may play it.  A plugin
 * that takes every verb ("*") tells nothing about them: such a deed is open. */
#include "core/model/workflow_internal.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

static const struct sb_option no_options[] = { { .name = NULL } };

static void
from_contract (const struct sb_verb *v, struct sb_deed *ret)
{
    *ret = (struct sb_deed){ .effect = v->effect,
                             .undo = v->undo,
                             .timeout_ms = v->timeout_ms,
                             .settle_ms = v->settle_ms,
                             .target_words = v->targets,
                             .has_target = v->targets != NULL,
                             .needs_target = v->targets != NULL,
                             .params = v->params,
                             .results = v->results };
}

static void
from_action (const struct sb_action *a, struct sb_deed *ret)
{
    const struct sb_option *on = sb_option_find (a->params, "on");

    *ret = (struct sb_deed){ .open = strcmp (a->verb, "*") == 0,
                             .effect = a->effect,
                             .undo = a->undo,
                             .timeout_ms = a->timeout_ms,
                             .target_list = on ? on->choices : NULL,
                             .has_target = on != NULL,
                             .needs_target = on != NULL && (on->flags & SB_REQUIRED),
                             .params = a->params ? a->params : no_options,
                             .results = a->results ? a->results : no_options };
    if (ret->open)
        ret->has_target = true;
}

static const struct sb_action *
find_action (const struct sb_catalogue_plugin *p, const char *verb)
{
    for (const struct sb_action *a = p->actions; a != NULL && a->verb != NULL; a++)
        if (strcmp (a->verb, verb) == 0)
            return a;
    return NULL;
}

/* Among the plugins of the role, or among those that play any. */
static enum sb_found
find_own (const struct sb_catalogue *c, const char *plugin_role, const char *verb, const char *plugin,
          struct sb_deed *ret)
{
    const char *verbs[] = { verb, "*" };
    bool any = false;

    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; c != NULL && i < c->count; i++) {
            const struct sb_catalogue_plugin *p = &c->plugins[i];
            const struct sb_action *a;

            if (strcmp (p->role, plugin_role) != 0 || (plugin != NULL && strcmp (p->name, plugin) != 0))
                continue;
            any = true;
            a = find_action (p, verbs[v]);
            if (a != NULL) {
                from_action (a, ret);
                return SB_FOUND;
            }
        }
    return any ? SB_NO_VERB : SB_NO_ROLE;
}

enum sb_found
sb_deed_find (const struct sb_catalogue *c, const char *role, const char *verb, const char *plugin, struct sb_deed *ret)
{
    const struct sb_role *packaged = sb_role_find (role);
    const struct sb_verb *v = packaged ? sb_verb_find (packaged, verb) : NULL;
    enum sb_found found;

    if (packaged != NULL) {
        if (v != NULL)
            from_contract (v, ret);
        return v ? SB_FOUND : SB_NO_VERB;
    }
    found = find_own (c, role, verb, plugin, ret);
    if (found == SB_NO_ROLE && (plugin != NULL || sb_nearest_role (NULL, role) == NULL))
        found = find_own (c, "*", verb, plugin, ret);
    return found;
}

bool
sb_deed_takes_kind (const struct sb_deed *d, const char *kind)
{
    size_t n = strlen (kind);

    for (const char *p = d->target_words; p != NULL && *p != '\0'; p += strcspn (p, " "), p += strspn (p, " "))
        if (strcspn (p, " ") == n && strncmp (p, kind, n) == 0)
            return true;
    for (const char *const *k = d->target_list; k != NULL && *k != NULL; k++)
        if (strcmp (*k, kind) == 0)
            return true;
    return d->has_target && d->target_words == NULL && d->target_list == NULL;
}

const char *
sb_deed_target_kinds (const struct sb_deed *d, struct sb_arena *a)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    for (const char *p = d->target_words; p != NULL && *p != '\0'; p++)
        if (*p == ' ')
            sb_buf_str (&b, " or ");
        else
            sb_buf_char (&b, *p);
    for (size_t i = 0; d->target_list != NULL && d->target_list[i] != NULL; i++)
        sb_buf_printf (&b, "%s%s", i ? " or " : "", d->target_list[i]);
    return sb_arena_strdup (a, b.len ? sb_buf_cstr (&b) : "object");
}

const char *
sb_article (const char *word)
{
    return *word != '\0' && strchr ("aeiou", *word) != NULL ? "an" : "a";
}

/* ---- near words ---- */

enum { MAX_WORDS = 256 };

const char *
sb_nearest_role (const struct sb_catalogue *c, const char *role)
{
    const char *words[MAX_WORDS];
    size_t n = 0;

    for (const struct sb_role *r = sb_roles; r->name != NULL; r++)
        words[n++] = r->name;
    for (size_t i = 0; c != NULL && i < c->count && n < MAX_WORDS; i++)
        if (strcmp (c->plugins[i].role, "*") != 0)
            words[n++] = c->plugins[i].role;
    return sb_nearest (role, words, n);
}

const char *
sb_nearest_verb (const struct sb_catalogue *c, const char *role, const char *verb)
{
    const struct sb_role *packaged = sb_role_find (role);
    const char *words[MAX_WORDS];
    size_t n = 0;

    for (const struct sb_verb *v = packaged ? packaged->verbs : NULL; v != NULL && v->name != NULL && n < MAX_WORDS;
         v++)
        words[n++] = v->name;
    for (size_t i = 0; packaged == NULL && c != NULL && i < c->count; i++)
        if (strcmp (c->plugins[i].role, role) == 0 || strcmp (c->plugins[i].role, "*") == 0)
            for (const struct sb_action *a = c->plugins[i].actions; a != NULL && a->verb != NULL && n < MAX_WORDS; a++)
                words[n++] = a->verb;
    return sb_nearest (verb, words, n);
}

const char *
sb_nearest_option (const struct sb_option *list, const char *name)
{
    const char *words[MAX_WORDS];
    size_t n = 0;

    for (; list != NULL && list->name != NULL && n < MAX_WORDS; list++)
        words[n++] = list->name;
    return sb_nearest (name, words, n);
}

static bool
has_key (const struct sb_pair *list, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp (list[i].key, key) == 0)
            return true;
    return false;
}

size_t
sb_undo_pairs (const struct sb_wf_step *s, const struct sb_deed *undo, struct sb_pair *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < s->nundo; i++)
        ret[n++] = s->undo_params[i];
    if (strcmp (s->verb, s->undo_verb) == 0)
        return n;
    for (size_t i = 0; i < s->nparams; i++)
        if (!has_key (ret, n, s->params[i].key)
            && (undo->open || sb_option_find (undo->params, s->params[i].key) != NULL))
            ret[n++] = s->params[i];
    return n;
}
