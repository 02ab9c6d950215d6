/* Commands of the little PowerShell: finds what a name means (alias, function,
 * cmdlet), binds arguments to parameters, calls script blocks.  Parameter names
 * may be shortened as long as they stay unique. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <string.h>

static const struct {
    const char *alias, *name;
} aliases[] = {
    { "?", "Where-Object" },         { "where", "Where-Object" },   { "%", "ForEach-Object" },
    { "foreach", "ForEach-Object" }, { "select", "Select-Object" }, { "sort", "Sort-Object" },
    { "measure", "Measure-Object" }, { "fl", "Format-List" },       { "ft", "Format-Table" },
    { "echo", "Write-Output" },      { "write", "Write-Output" },   { "gcm", "Get-Command" },
    { "iex", "Invoke-Expression" },  { "ipmo", "Import-Module" },   { "sleep", "Start-Sleep" },
    { "group", "Group-Object" },     { "gm", "Get-Member" },
};

/* Common parameters; `flag` tells what the value is for. */
enum common { C_VERBOSE, C_ACTION, C_VARIABLE, C_WHATIF, C_CONFIRM, C_NOTHING, C_NOTHING_SWITCH };
static const struct {
    const char *name;
    enum common what;
    bool is_switch;
} common[] = {
    { "Verbose", C_VERBOSE, true },
    { "Debug", C_NOTHING, true },
    { "ErrorAction", C_ACTION, false },
    { "ea", C_ACTION, false },
    { "WarningAction", C_NOTHING, false },
    { "wa", C_NOTHING, false },
    { "InformationAction", C_NOTHING, false },
    { "ErrorVariable", C_VARIABLE, false },
    { "ev", C_VARIABLE, false },
    { "OutBuffer", C_NOTHING, false },
    { "WhatIf", C_WHATIF, true },
    { "wi", C_WHATIF, true },
    { "Confirm", C_CONFIRM, true },
    { "cf", C_CONFIRM, true },
};
#define NCOMMON (sizeof common / sizeof *common)

static const struct ps_cmdlet *
in_table (const struct ps_cmdlet *table, const char *name)
{
    for (; table && table->name; table++)
        if (!ps_text_cmp (table->name, name, false))
            return table;
    return NULL;
}

const struct ps_cmdlet *
ps_find_cmdlet (struct ps *ps, const char *name)
{
    const struct ps_cmdlet *c;

    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (!ps_text_cmp (aliases[i].alias, name, false))
            name = aliases[i].name;
    c = in_table (ps_core_cmdlets, name);
    c = c ? c : in_table (ps_object_cmdlets, name);
    return c ? c : in_table (ps->host->cmdlets, name);
}

/* ---- parameters ---- */

/* Index of a parameter by its name or the beginning of it: < PS_MAX_PARAMS of the cmdlet, above it of `common`.
 * -1: none, -2: several. */
static int
parameter (const struct ps_cmdlet *c, const char *name)
{
    size_t n = strlen (name);
    int found = -1, hits = 0;

    for (int i = 0; c->params && c->params[i].name; i++) {
        if (!ps_text_cmp (c->params[i].name, name, false))
            return i;
        if (!strncasecmp (c->params[i].name, name, n) && ++hits)
            found = i;
    }
    for (size_t i = 0; i < NCOMMON; i++) {
        if ((common[i].what == C_WHATIF || common[i].what == C_CONFIRM) && !(c->flags & PS_C_CHANGES))
            continue;
        if (!ps_text_cmp (common[i].name, name, false))
            return PS_MAX_PARAMS + (int) i;
        if (strlen (common[i].name) > 2 && !strncasecmp (common[i].name, name, n) && ++hits)
            found = PS_MAX_PARAMS + (int) i;
    }
    return hits > 1 ? -2 : found;
}

static enum ps_flow
set_common (struct ps_call *call, size_t i, struct ps_value v)
{
    switch (common[i].what) {
    case C_VERBOSE:
        call->verbose = ps_true (v);
        break;
    case C_ACTION:
        call->error_action = ps_string (call->ps, v);
        break;
    case C_VARIABLE:
        call->error_variable = ps_string (call->ps, v);
        break;
    case C_WHATIF:
        call->what_if = ps_true (v);
        break;
    case C_CONFIRM:
        call->confirm_off = !ps_true (v);
        call->confirm_asked = ps_true (v);
        break;
    default:
        break;
    }
    return PS_GO;
}

static enum ps_flow
bind_failed (struct ps_stage *s, const struct ps_node *n, const char *id, const char *text)
{
    return ps_raise (s->call.ps,
                     ps_record (s->call.ps, n, "System.Management.Automation.ParameterBindingException",
                                "InvalidArgument", id, s->call.cmdlet->name, text),
                     false);
}

/* -Name [value]; *i stands on it and moves over the value. */
static enum ps_flow
bind_named (struct ps_stage *s, const struct ps_node *n, size_t *i)
{
    struct ps_call *call = &s->call;
    const struct ps_node *arg = n->kids[*i];
    int p = parameter (call->cmdlet, arg->text);
    bool is_switch;
    struct ps_value v = ps_bool (true);
    enum ps_flow f = PS_GO;

    if (p == -1)
        return bind_failed (s, arg, "NamedParameterNotFound",
                            ps_printf (call->ps, "A parameter cannot be found that matches parameter name '%s'.",
                                       arg->text));
    if (p == -2)
        return bind_failed (s, arg, "AmbiguousParameter",
                            ps_printf (call->ps,
                                       "Parameter cannot be processed because the parameter name '%s' is ambiguous.",
                                       arg->text));
    is_switch = p >= PS_MAX_PARAMS ? common[p - PS_MAX_PARAMS].is_switch : call->cmdlet->params[p].flags & PS_P_SWITCH;
    if (arg->nkids)
        f = ps_calc (call->ps, arg->kids[0], &v);
    else if (!is_switch) {
        if (*i + 1 >= n->nkids || n->kids[*i + 1]->kind == PS_N_ARG || n->kids[*i + 1]->kind == PS_N_REDIRECT)
            return bind_failed (s, arg, "MissingArgument",
                                ps_printf (call->ps,
                                           "Missing an argument for parameter '%s'. Specify a parameter of type "
                                           "'System.Object' and try again.",
                                           p >= PS_MAX_PARAMS ? common[p - PS_MAX_PARAMS].name
                                                              : call->cmdlet->params[p].name));
        ++*i;
        f = ps_calc (call->ps, n->kids[*i], &v);
    }
    if (f != PS_GO)
        return f;
    if (p >= PS_MAX_PARAMS)
        return set_common (call, (size_t) (p - PS_MAX_PARAMS), v);
    if (call->set[p])
        return bind_failed (
                s, arg, "ParameterAlreadyBound",
                ps_printf (call->ps,
                           "Cannot bind parameter because parameter '%s' is specified more than once. To "
                           "provide multiple values to parameters that can accept multiple values, use the array "
                           "syntax.",
                           call->cmdlet->params[p].name));
    call->arg[p] = v;
    call->set[p] = true;
    return PS_GO;
}

static enum ps_flow
bind_positional (struct ps_stage *s, const struct ps_node *arg)
{
    struct ps_call *call = &s->call;
    const struct ps_param *params = call->cmdlet->params;
    int best = -1, rest = -1;
    struct ps_value v;
    enum ps_flow f = ps_calc (call->ps, arg, &v);

    if (f != PS_GO)
        return f;
    for (int i = 0; params && params[i].name; i++) {
        if (params[i].flags & PS_P_REST)
            rest = i;
        if (params[i].position >= 0 && !call->set[i] && (best < 0 || params[i].position < params[best].position))
            best = i;
    }
    if (best < 0 && rest >= 0) {
        struct ps_list *l = ps_list_new (call->ps), *old = ps_as_list (call->ps, call->arg[rest]);

        for (size_t k = 0; k < old->count; k++)
            ps_list_add (call->ps, l, old->v[k]);
        ps_list_add (call->ps, l, v);
        call->arg[rest] = ps_of_list (l);
        return PS_GO;
    }
    if (best < 0)
        return bind_failed (s, arg, "PositionalParameterNotFound",
                            ps_printf (call->ps, "A positional parameter cannot be found that accepts argument '%s'.",
                                       ps_string (call->ps, v)));
    call->arg[best] = v;
    call->set[best] = true;
    return PS_GO;
}

static enum ps_flow
bind_redirect (struct ps *ps, struct ps_stage *s, const struct ps_node *n)
{
    bool to_null = n->nkids && n->kids[0]->kind == PS_N_VAR && !ps_text_cmp (n->kids[0]->text, "null", false);
    int stream = n->text[0] == '>' ? '1' : n->text[0];

    if (!n->nkids)
        s->merge = stream == '2' || stream == '*';
    else if (!to_null)
        return ps_throw (ps, n, "System.UnauthorizedAccessException", "OpenError", "FileOpenFailure",
                         "Access to the path is denied.");
    if (n->nkids && (stream == '2' || stream == '*'))
        s->mute = true;
    if (n->nkids && (stream == '1' || stream == '*'))
        s->call.out = &s->drop;
    return PS_GO;
}

static enum ps_flow
bind_cmdlet (struct ps *ps, struct ps_stage *s, const struct ps_node *n)
{
    const struct ps_param *p = s->call.cmdlet->params;
    struct sb_buf missing = { 0 };
    const char *names;
    enum ps_flow f = PS_GO;

    for (size_t i = 1; i < n->nkids && f == PS_GO; i++) {
        if (n->kids[i]->kind == PS_N_ARG)
            f = bind_named (s, n, &i);
        else if (n->kids[i]->kind == PS_N_REDIRECT)
            f = bind_redirect (ps, s, n->kids[i]);
        else
            f = bind_positional (s, n->kids[i]);
    }
    for (size_t i = 0; p && p[i].name && f == PS_GO; i++)
        if ((p[i].flags & PS_P_MANDATORY) && !s->call.set[i] && !((p[i].flags & PS_P_PIPED) && s->call.piped))
            sb_buf_printf (&missing, "%s%s", missing.len ? " " : "", p[i].name);
    names = ps_strdup (ps, sb_buf_cstr (&missing));
    sb_buf_free (&missing);
    if (f == PS_GO && *names)
        return bind_failed (
                s, n, "MissingMandatoryParameter",
                ps_printf (ps, "Cannot process command because of one or more missing mandatory parameters: %s.",
                           names));
    return f;
}

/* Arguments of a function are kept as (name, value) until it runs. */
static enum ps_flow
bind_script (struct ps *ps, struct ps_stage *s, const struct ps_node *n)
{
    enum ps_flow f = PS_GO;

    s->args = ps_list_new (ps);
    for (size_t i = 1; i < n->nkids && f == PS_GO; i++) {
        const struct ps_node *arg = n->kids[i];
        struct ps_value v = ps_null ();

        if (arg->kind == PS_N_REDIRECT) {
            f = bind_redirect (ps, s, arg);
            continue;
        }
        ps_list_add (ps, s->args, arg->kind == PS_N_ARG ? ps_const (arg->text) : ps_null ());
        if (arg->kind != PS_N_ARG)
            f = ps_calc (ps, arg, &v);
        else if (arg->nkids)
            f = ps_calc (ps, arg->kids[0], &v);
        else
            v.type = PS_CLASS, v.u.s = ""; /* the value is the next one, unless it is a switch */
        ps_list_add (ps, s->args, v);
    }
    return f;
}

static enum ps_flow
not_found (struct ps *ps, const struct ps_node *n, const char *name)
{
    return ps_raise (
            ps,
            ps_record (ps, n, "System.Management.Automation.CommandNotFoundException", "ObjectNotFound",
                       "CommandNotFoundException", name,
                       ps_printf (ps,
                                  "The term '%s' is not recognized as the name of a cmdlet, function, script "
                                  "file, or operable program. Check the spelling of the name, or if a path was "
                                  "included, verify that the path is correct and try again.",
                                  name)),
            false);
}

enum ps_flow
ps_bind (struct ps *ps, const struct ps_node *n, bool piped, struct ps_stage *s)
{
    struct ps_value name;
    const struct ps_value *function;
    enum ps_flow f = ps_calc (ps, n->kids[0], &name);

    s->call.ps = ps;
    s->call.node = n;
    s->call.piped = piped;
    s->call.kept = ps_list_new (ps);
    if (f != PS_GO)
        return f;
    if (name.type == PS_BLOCK) {
        s->script = name.u.block;
        return bind_script (ps, s, n);
    }
    function = ps_get (&ps->functions, ps_string (ps, name));
    if (function) {
        s->script = function->u.block;
        return bind_script (ps, s, n);
    }
    s->call.cmdlet = ps_find_cmdlet (ps, ps_string (ps, name));
    if (!s->call.cmdlet)
        return not_found (ps, n, ps_string (ps, name));
    return bind_cmdlet (ps, s, n);
}

/* ---- script blocks ---- */

static const struct ps_node *
named (const struct ps_node *script, const char *name)
{
    size_t n = strlen (name);

    for (size_t i = 0; i + 1 < script->nkids; i++)
        if (!strncasecmp (script->kids[i]->text, name, n))
            return script->kids[i];
    return NULL;
}

static bool
is_switch (struct ps *ps, const struct ps_node *param)
{
    return param->value.type == PS_STRING && !ps_text_cmp (ps_class_name (ps, param->value.u.s), "switch", false);
}

static enum ps_flow
set_param (struct ps *ps, const struct ps_node *param, struct ps_value v)
{
    enum ps_flow f = PS_GO;

    if (is_switch (ps, param))
        v = ps_bool (ps_true (v));
    else if (param->value.type == PS_STRING)
        f = ps_cast (ps, param, param->value.u.s, v, &v);
    if (f == PS_GO)
        ps_set (ps, &ps->scope->vars, param->text, v);
    return f;
}

/* Named ones first, then by position; what is left is $args. */
static enum ps_flow
bind_params (struct ps *ps, const struct ps_node *script, const struct ps_list *args)
{
    struct ps_list *rest = ps_list_new (ps);
    const struct ps_node *p;
    enum ps_flow f = PS_GO;

    for (size_t i = 0; args && i + 1 < args->count && f == PS_GO; i += 2) {
        p = args->v[i].type == PS_STRING ? named (script, args->v[i].u.s) : NULL;
        if (!p) {
            if (args->v[i].type != PS_STRING)
                ps_list_add (ps, rest, args->v[i + 1]);
        } else if (args->v[i + 1].type != PS_CLASS || *args->v[i + 1].u.s)
            f = set_param (ps, p, args->v[i + 1]);
        else if (is_switch (ps, p))
            f = set_param (ps, p, ps_bool (true));
        else if (i + 3 < args->count) {
            i += 2;
            f = set_param (ps, p, args->v[i + 1]);
        }
    }
    for (size_t i = 0, k = 0; i + 1 < script->nkids && f == PS_GO; i++) {
        struct ps_value v = ps_null ();

        p = script->kids[i];
        if (ps_get (&ps->scope->vars, p->text))
            continue;
        if (is_switch (ps, p))
            v = ps_bool (false);
        else if (k < rest->count)
            v = rest->v[k++];
        else if (p->kids[0])
            f = ps_calc (ps, p->kids[0], &v);
        else {
            ps_set (ps, &ps->scope->vars, p->text, v);
            continue;
        }
        if (f == PS_GO)
            f = set_param (ps, p, v);
    }
    if (script->nkids == 1)
        ps_set (ps, &ps->scope->vars, "args", ps_of_list (rest));
    return f;
}

enum ps_flow
ps_call_block (struct ps *ps, const struct ps_node *script, const struct ps_value *dollar, const struct ps_list *args,
               bool own_scope, struct ps_sink *out)
{
    struct ps_scope scope = { .up = ps->scope }, *old_scope = ps->scope;
    struct ps_value *old = ps_var (ps, "_"), saved = old ? *old : ps_null ();
    enum ps_flow f = PS_GO;

    if (own_scope) {
        ps->scope = &scope;
        f = bind_params (ps, script, args);
    }
    if (dollar)
        ps_var_set (ps, "_", *dollar);
    if (f == PS_GO)
        f = ps_do (ps, script->kids[script->nkids - 1], out);
    ps->scope = old_scope;
    if (dollar)
        ps_var_set (ps, "_", saved);
    return f == PS_RETURNED ? PS_GO : f;
}

enum ps_flow
ps_call_bound (struct ps *ps, const struct ps_stage *s)
{
    struct ps_scope scope = { .up = ps->scope }, *old_scope = ps->scope;
    enum ps_flow f;

    ps->scope = &scope;
    if (s->call.piped)
        ps_set (ps, &scope.vars, "input", ps_of_list (s->call.kept));
    f = bind_params (ps, s->script, s->args);
    if (f == PS_GO)
        f = ps_do (ps, s->script->kids[s->script->nkids - 1], s->call.out);
    ps->scope = old_scope;
    return f == PS_RETURNED ? PS_GO : f;
}
