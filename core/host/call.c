/* One call in a worker, from its checks to its answer; see call.h. */
#include "core/host/callimpl.h"

#include "core/base/text.h"
#include "core/host/secret.h"
#include "core/sys/clock.h"

#include <stdlib.h>
#include <string.h>

static const struct sb_option no_options[] = { { .name = NULL } };

/* Refused before any code of the plugin ran: nothing was changed, and asking again will not help. */
__attribute__ ((format (printf, 2, 3))) static bool
refuse (struct sb_call *c, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start (args, fmt);
    text = sb_arena_vprintf (&c->arena, fmt, args);
    va_end (args);
    c->out->rc = SB_FAIL;
    c->out->seen = SB_SEEN_UNKNOWN;
    c->out->sentence = sb_call_clean (c, text, SB_SENTENCE_MAX, true);
    return false;
}

static const struct sb_action *
find_action (const struct sb_plugin *p, const char *verb)
{
    const struct sb_action *a, *any = NULL;

    for (a = p->actions; a->verb != NULL; a++) {
        if (strcmp (a->verb, verb) == 0)
            return a;
        if (strcmp (a->verb, "*") == 0)
            any = a;
    }
    return any;
}

/* An action for every verb takes its tables from the contract of the role; a site's own verb has none. */
static void
choose_tables (struct sb_call *c)
{
    const struct sb_role *role = sb_role_find (c->object->role);
    const struct sb_verb *verb = role != NULL ? sb_verb_find (role, c->in->verb) : NULL;

    c->params = c->action->params != NULL ? c->action->params : no_options;
    c->results = c->action->results != NULL ? c->action->results : no_options;
    if (strcmp (c->action->verb, "*") != 0)
        return;
    c->params = verb != NULL ? verb->params : NULL;
    c->results = verb != NULL ? verb->results : NULL;
}

static bool
find_tables (struct sb_call *c)
{
    const struct sb_call_in *in = c->in;

    c->object = sb_topology_find (c->world->topology, in->kind, in->object);
    if (c->object == NULL)
        return refuse (c, "there is no [%s %s] in the topology", in->kind, in->object);
    if (c->object->plugin == NULL || strcmp (c->object->plugin, c->world->plugin->name) != 0)
        return refuse (c, "[%s %s] is not played by plugin '%s'", in->kind, in->object, c->world->plugin->name);
    c->action = find_action (c->world->plugin, in->verb);
    if (c->action == NULL)
        return refuse (c, "plugin '%s' does not know the verb '%s'", c->world->plugin->name, in->verb);
    choose_tables (c);
    return true;
}

/* What the contract lets a plugin lack, and this one lacks. */
static bool
may_lack (const struct sb_call *c, const char *name)
{
    const struct sb_role *role = sb_role_find (c->object->role);
    const struct sb_verb *verb = role != NULL ? sb_verb_find (role, c->in->verb) : NULL;
    const struct sb_option *o = verb != NULL ? sb_option_find (verb->params, name) : NULL;

    return o != NULL && (o->flags & SB_MAY_LACK) != 0;
}

static bool
take_param (struct sb_call *c, const struct sb_call_param *p)
{
    const struct sb_option *o = sb_option_find (c->params, p->name);
    const char *fault = NULL;

    if (o == NULL && c->params != NULL && may_lack (c, p->name))
        return true;
    if (o == NULL && c->params != NULL && strcmp (p->name, "on") != 0)
        return refuse (c, "the action '%s' has no parameter '%s'", c->in->verb, p->name);
    if (p->items == NULL && (p->value == NULL || *p->value == '\0'))
        return true; /* nothing: the fallback, or missing */
    if (p->items != NULL && o != NULL && o->type != SB_LIST)
        return refuse (c, "the parameter '%s' is not a list", p->name);
    if (p->items == NULL && o != NULL)
        fault = sb_value_fault (c, o, p->value);
    if (fault != NULL)
        return refuse (c, "the parameter '%s' is '%.200s': %s", p->name, p->value, fault);
    SB_PUSH (c->given, c->ngiven, c->given_cap) = *p;
    return true;
}

static bool
has_given (const struct sb_call *c, const char *name)
{
    size_t i;

    for (i = 0; i < c->ngiven; i++)
        if (strcmp (c->given[i].name, name) == 0)
            return true;
    return false;
}

static bool
take_params (struct sb_call *c)
{
    const struct sb_call_param on = { "on", c->in->on, NULL };
    const struct sb_option *o;
    size_t i;

    if (c->in->on != NULL && !take_param (c, &on))
        return false;
    for (i = 0; i < c->in->nparams; i++)
        if (!take_param (c, &c->in->params[i]))
            return false;
    for (o = c->params; o != NULL && o->name != NULL; o++)
        if ((o->flags & SB_REQUIRED) != 0 && !has_given (c, o->name))
            return refuse (c, "the parameter '%s' of '%s' is missing or empty", o->name, c->in->verb);
    return true;
}

static bool
check_settings (struct sb_call *c)
{
    const struct sb_option *o;

    for (o = c->world->plugin->settings; o->name != NULL; o++) {
        const char *value = sb_object_attr (c->object, o->name), *fault;

        if (value == NULL || *value == '\0') {
            if ((o->flags & SB_REQUIRED) != 0)
                return refuse (c, "[%s %s] lacks the setting '%s'", c->in->kind, c->in->object, o->name);
        } else if ((fault = sb_value_fault (c, o, value)) != NULL) {
            return refuse (c, "[%s %s] %s = %.200s: %s", c->in->kind, c->in->object, o->name, value, fault);
        }
    }
    return true;
}

/* open() once for each object that this worker serves. */
static bool
find_self (struct sb_call *c, struct sb_selves *selves, void **ret)
{
    enum sb_rc rc;
    void *self = NULL;
    size_t i;

    for (i = 0; i < selves->count; i++)
        if (selves->list[i].object == c->object) {
            *ret = selves->list[i].self;
            return true;
        }
    if (c->world->plugin->open != NULL && (rc = c->world->plugin->open (c, &self)) != SB_OK) {
        c->out->rc = rc;
        c->out->seen = SB_SEEN_UNKNOWN;
        return false;
    }
    SB_PUSH (selves->list, selves->count, selves->cap) = (struct sb_self){ c->object, self };
    *ret = self;
    return true;
}

static void
settle_answer (struct sb_call *c)
{
    struct sb_call_out *out = c->out;

    if ((unsigned) out->rc > SB_STOPPED)
        sb_call_defect (c, "it answered with a class that does not exist (%d)", (int) out->rc);
    if ((unsigned) out->seen > SB_SEEN_UNKNOWN)
        sb_call_defect (c, "it saw something that does not exist (%d)", (int) out->seen);
    if (c->in->op == SB_OP_VERIFY && c->failed)
        out->seen = SB_SEEN_UNKNOWN;
    if (c->defect != NULL) {
        out->rc = SB_UNSURE;
        out->seen = SB_SEEN_UNKNOWN;
        out->sentence = sb_call_clean (c,
                                       sb_arena_printf (&c->arena, "plugin '%s' has a defect in '%s': %s%s%s",
                                                        c->world->plugin->name, c->in->verb, c->defect,
                                                        *out->sentence != '\0' ? "; it said: " : "", out->sentence),
                                       SB_SENTENCE_MAX, true);
    } else if (*out->sentence == '\0' && c->in->op == SB_OP_RUN && out->rc != SB_OK) {
        out->sentence = sb_arena_printf (&c->arena, "plugin '%s' gave no reason", c->world->plugin->name);
    }
}

static void
ask_plugin (struct sb_call *c, struct sb_selves *selves)
{
    void *self = NULL;

    if (!find_self (c, selves, &self))
        return;
    if (c->in->op == SB_OP_RUN)
        c->out->rc = c->action->run (c, self);
    else if (c->action->verify != NULL)
        c->out->seen = c->action->verify (c, self);
    else
        refuse (c, "the action '%s' only reads; there is nothing to verify", c->in->verb);
}

struct sb_call *
sb_call_perform (const struct sb_call_world *world, struct sb_selves *selves, const struct sb_call_in *in,
                 struct sb_call_out *out)
{
    struct sb_call *c = sb_xcalloc (1, sizeof *c);

    memset (out, 0, sizeof *out);
    c->head.host = &sb_services;
    c->world = world;
    c->in = in;
    c->out = out;
    c->deadline = sb_deadline_in (in->deadline_ms);
    c->progress_at = INT64_MIN / 2;
    out->sentence = sb_arena_strdup (&c->arena, "");
    out->seen = SB_SEEN_UNKNOWN;
    if (find_tables (c) && take_params (c) && check_settings (c))
        ask_plugin (c, selves);
    settle_answer (c);
    return c;
}

void
sb_call_release (struct sb_call *c, struct sb_call_out *out)
{
    size_t i;

    for (i = 0; i < c->nsecrets; i++)
        sb_secret_free (c->secrets[i].value);
    free (c->secrets);
    free (c->given);
    free (out->results);
    memset (out, 0, sizeof *out);
    sb_scrub_release (&c->scrub);
    sb_arena_release (&c->arena);
    free (c);
}

void
sb_selves_close (struct sb_selves *s, const struct sb_plugin *plugin)
{
    size_t i;

    for (i = 0; i < s->count; i++)
        if (plugin->close != NULL)
            plugin->close (s->list[i].self);
    free (s->list);
    memset (s, 0, sizeof *s);
}
