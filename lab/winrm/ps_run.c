/* Running one script from its text to its exit code, and the small services that
 * cmdlets ask for.  Exit code: what `exit` said, else 1 when the script failed or
 * its last statement did, else 0. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <string.h>

const struct ps_host *
ps_host (const struct ps *ps)
{
    return ps->host;
}

int64_t
ps_now (struct ps *ps)
{
    return ps->host->now_ms ? ps->host->now_ms : sb_now_ms ();
}

/* ---- arguments ---- */

static int
param_index (const struct ps_call *c, const char *name)
{
    for (int i = 0; c->cmdlet->params && c->cmdlet->params[i].name; i++)
        if (!strcmp (c->cmdlet->params[i].name, name))
            return i;
    return -1;
}

bool
ps_has (const struct ps_call *c, const char *param)
{
    int i = param_index (c, param);

    return i >= 0 && c->set[i];
}

struct ps_value
ps_arg (const struct ps_call *c, const char *param)
{
    int i = param_index (c, param);

    return i >= 0 && c->set[i] ? c->arg[i] : ps_null ();
}

const char *
ps_arg_text (const struct ps_call *c, const char *param)
{
    struct ps_value v = ps_arg (c, param);

    return v.type == PS_NULL ? NULL : ps_string (c->ps, v);
}

bool
ps_arg_switch (const struct ps_call *c, const char *param)
{
    return ps_true (ps_arg (c, param));
}

enum ps_flow
ps_put (struct ps_call *c, struct ps_value v)
{
    return c->out->put (c->out, v);
}

/* ---- the run ---- */

struct screen {
    struct ps_sink sink;
    struct ps *ps;
};

static enum ps_flow
show (struct ps_sink *sink, struct ps_value v)
{
    struct screen *s = (struct screen *) sink;

    ps_show (s->ps, v);
    return s->ps->stop_reason ? PS_STOPPED : PS_GO;
}

static void
parse_failed (struct ps *ps, const struct ps_lex *l)
{
    struct ps_node at = { .from = l->error_at, .to = l->error_at + 1 };

    ps_show_error (ps, ps_record (ps, &at, "System.Management.Automation.ParseException", "ParserError",
                                  "ParseException", NULL, l->error));
}

static int
ended (struct ps *ps, enum ps_flow f)
{
    ps_show_end (ps);
    switch (f) {
    case PS_EXITED:
        return ps->exit_code;
    case PS_THROWN:
        ps_show_error (ps, ps->thrown);
        return 1;
    case PS_STOPPED:
        if (strcmp (ps->stop_reason, "the script was stopped") != 0)
            ps->host->err (ps->host->ctx, "Error", ps->stop_reason);
        return 1;
    default:
        return ps->ok ? 0 : 1;
    }
}

/* Invoke-Expression: text becomes a script in the same scope. */
enum ps_flow
ps_invoke_end (struct ps_call *c)
{
    const char *text = ps_arg_text (c, "Command"), *outer = c->ps->src;
    struct ps_lex l = { 0 };
    struct ps_node *n = text && strlen (text) <= PS_MAX_SCRIPT ? ps_parse (c->ps, text, &l) : NULL;
    enum ps_flow f;

    if (!n)
        return ps_fail (c, "ParserError", "ParseException", "%s", l.failed ? l.error : "There is no command.");
    c->ps->src = text;
    f = ps_do (c->ps, n->kids[0], c->out);
    c->ps->src = outer;
    return f;
}

int
ps_run (const struct ps_host *host, const char *script)
{
    struct ps ps = { .host = host, .src = script, .ok = true };
    struct ps_scope scope = { 0 };
    struct screen screen = { { show }, &ps };
    struct ps_lex l = { 0 };
    struct ps_node *n = NULL;
    int code = 1;

    ps.scope = ps.global = &scope;
    ps.errors = ps_list_new (&ps);
    ps.group = ps_list_new (&ps);
    ps_var_set (&ps, "ErrorActionPreference", ps_const ("Continue"));
    ps_var_set (&ps, "ProgressPreference", ps_const ("Continue"));
    ps_var_set (&ps, "WarningPreference", ps_const ("Continue"));
    if (strlen (script) > PS_MAX_SCRIPT || !sb_is_utf8 (script, strlen (script)))
        host->err (host->ctx, "Error", "The script is too long or is not text.");
    else
        n = ps_parse (&ps, script, &l);
    if (n)
        code = ended (&ps, ps_do (&ps, n->kids[0], &screen.sink));
    else if (l.failed)
        parse_failed (&ps, &l);
    sb_arena_release (&ps.arena);
    return code;
}
