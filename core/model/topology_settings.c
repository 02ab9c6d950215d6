/* The settings of plugins: what stands in the sections of the objects that play
 * a role, against the tables of the plugins that play it.  Keys that the core
 * knows itself are the core's; a plugin may name them too and then adds its
 * own wishes about type and presence. */
#include "core/model/topology_internal.h"

#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/model/keys.h"

#include <string.h>

enum { MAX_WORDS = 128 };

static void
unknown_plugin (const struct sb_topology *t, const struct sb_object *o, const struct sb_catalogue *c,
                struct sb_faults *faults)
{
    const char *words[MAX_WORDS];
    const char *near;
    size_t n = 0;

    for (size_t i = 0; i < c->count && n < MAX_WORDS; i++)
        words[n++] = c->plugins[i].name;
    near = sb_nearest (o->plugin, words, n);
    sb_fault (faults, t->file, sb_object_line (o, "plugin"), "%s '%s': there is no plugin '%s'", o->kind, o->name,
              o->plugin);
    if (near != NULL)
        sb_fault_hint (faults, "Did you mean '%s'?", near);
    else
        sb_fault_hint (faults, "'switchback plugin list' shows what is installed.");
}

static void
unknown_setting (const struct sb_topology *t, const struct sb_object *o, const struct sb_catalogue_plugin *p,
                 const struct sb_attr *a, struct sb_faults *faults)
{
    const char *words[MAX_WORDS];
    const char *near;
    size_t n = 0;

    for (const struct sb_key *k = sb_kind_keys (o->kind); k->name != NULL && n < MAX_WORDS; k++)
        words[n++] = k->name;
    for (const struct sb_option *s = p->settings; s != NULL && s->name != NULL && n < MAX_WORDS; s++)
        words[n++] = s->name;
    near = sb_nearest (a->key, words, n);
    sb_fault (faults, t->file, a->line, "%s '%s': neither Switchback nor its plugin '%s' knows the key '%s'", o->kind,
              o->name, p->name, a->key);
    if (near != NULL)
        sb_fault_hint (faults, "Did you mean '%s'?", near);
}

static bool
names_object (const struct sb_topology *t, const char *const *kinds, const char *name)
{
    for (; kinds != NULL && *kinds != NULL; kinds++)
        if (sb_topology_find (t, *kinds, name) != NULL)
            return true;
    return false;
}

static void
check_setting (const struct sb_topology *t, const struct sb_object *o, const struct sb_option *s,
               const struct sb_attr *a, struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };

    if (s->type == SB_TARGET && s->choices != NULL && !names_object (t, s->choices, a->value)) {
        sb_fault (faults, t->file, a->line, "%s '%s': %s = %s names no %s", o->kind, o->name, a->key, a->value,
                  s->choices[0]);
        sb_topology_hint_name (t, s->choices, a->value, faults);
    } else if (sb_value_check (s->type, s->choices, a->value, &why))
        return;
    else if (s->type == SB_SECRET) {
        sb_fault (faults, t->file, a->line, "%s '%s': %s %s", o->kind, o->name, a->key, sb_buf_cstr (&why));
        sb_fault_hint (faults, "A secret never stands in the file: write file:PATH, env:NAME, command:PROGRAM or "
                               "credential:NAME.");
    } else
        sb_fault (faults, t->file, a->line, "%s '%s': %s = %s %s", o->kind, o->name, a->key, a->value,
                  sb_buf_cstr (&why));
}

static void
check_object (const struct sb_topology *t, const struct sb_object *o, const struct sb_catalogue_plugin *p,
              struct sb_faults *faults)
{
    const struct sb_key *keys = sb_kind_keys (o->kind);

    for (size_t i = 0; i < o->nattrs; i++) {
        const struct sb_attr *a = &o->attrs[i];
        const struct sb_option *s = sb_option_find (p->settings, a->key);

        if (s != NULL && a->line > 0)
            check_setting (t, o, s, a, faults);
        else if (s == NULL && sb_key_find (keys, a->key) == NULL)
            unknown_setting (t, o, p, a, faults);
    }
    for (const struct sb_option *s = p->settings; s != NULL && s->name != NULL; s++)
        if ((s->flags & SB_REQUIRED) && s->fallback == NULL && sb_object_attr (o, s->name) == NULL) {
            sb_fault (faults, t->file, o->line, "%s '%s' has no '%s', which its plugin '%s' needs", o->kind, o->name,
                      s->name, p->name);
            if (s->help != NULL)
                sb_fault_hint (faults, "'%s' says: %s.", s->name, s->help);
        }
}

bool
sb_topology_check_settings (const struct sb_topology *t, const struct sb_catalogue *c, struct sb_faults *faults)
{
    size_t before = faults->count;

    for (size_t i = 0; i < t->count; i++) {
        const struct sb_object *o = &t->objects[i];
        const struct sb_catalogue_plugin *p;

        if (o->role == NULL || o->plugin == NULL)
            continue;
        p = sb_catalogue_find (c, o->plugin);
        if (p == NULL)
            unknown_plugin (t, o, c, faults);
        else if (strcmp (p->role, "*") != 0 && strcmp (p->role, o->role) != 0) {
            sb_fault (faults, t->file, sb_object_line (o, "plugin"),
                      "%s '%s': plugin '%s' plays the role '%s', not '%s'", o->kind, o->name, p->name, p->role,
                      o->role);
            if (sb_role_of_kind (o->kind) == NULL)
                sb_fault_hint (faults, "What plays it is written [%s NAME].",
                               sb_role_find (p->role) ? sb_role_find (p->role)->kind : p->role);
        } else
            check_object (t, o, p, faults);
    }
    return faults->count == before;
}
