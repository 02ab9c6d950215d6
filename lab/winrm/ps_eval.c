/* Statements and pipelines of the little PowerShell.  Values flow through sinks
 * as they are made, so a loop that prints is seen while it runs.  An error that
 * is not caught ends its statement; it ends the script when it was thrown or
 * when $ErrorActionPreference is Stop. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <string.h>

#define SLICE 256 /* steps between two looks at the host's stop flag */

enum ps_flow
ps_step (struct ps *ps)
{
    if (ps->stop_reason)
        return PS_STOPPED;
    if (++ps->steps % SLICE == 0 && ps->host->stopped && ps->host->stopped (ps->host->ctx)) {
        ps->stop_reason = "the script was stopped";
        return PS_STOPPED;
    }
    return PS_GO;
}

enum ps_flow
ps_spread (struct ps *ps, struct ps_sink *out, struct ps_value v)
{
    enum ps_flow f = PS_GO;

    if (v.type != PS_LIST)
        return out->put (out, v);
    for (size_t i = 0; i < v.u.list->count && f == PS_GO; i++) {
        f = ps_step (ps);
        if (f == PS_GO)
            f = out->put (out, v.u.list->v[i]);
    }
    return f;
}

enum ps_flow
ps_collect (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_keep k;
    enum ps_flow f;

    if (n->kind >= PS_N_CONST) { /* an expression keeps its arrays as they are */
        f = ps_calc (ps, n, ret);
        ps->ok = f == PS_GO;
        return f;
    }
    ps_keep_init (&k, ps);
    f = ps_do (ps, n, &k.sink);
    *ret = ps_kept (&k);
    return f;
}

/* ---- pipelines ---- */

static enum ps_flow
drop (struct ps_sink *sink, struct ps_value v)
{
    (void) sink;
    (void) v;
    return PS_GO;
}

struct around {
    struct ps_sink *merge;
    bool mute;
};

static struct around
enter (struct ps *ps, struct ps_stage *s)
{
    struct around old = { ps->merge, ps->mute };

    if (s->merge)
        ps->merge = s->call.out;
    ps->mute |= s->mute;
    return old;
}

static enum ps_flow
leave (struct ps *ps, struct around old, enum ps_flow f)
{
    ps->merge = old.merge;
    ps->mute = old.mute;
    return f;
}

static enum ps_flow
stage_put (struct ps_sink *sink, struct ps_value v)
{
    struct ps_stage *s = (struct ps_stage *) sink;
    struct ps *ps = s->call.ps;
    enum ps_flow f = ps_step (ps);

    if (f != PS_GO)
        return f;
    if (s->script) {
        ps_list_add (ps, s->call.kept, v);
        return PS_GO;
    }
    if (!s->call.cmdlet->item)
        return PS_GO;
    return leave (ps, enter (ps, s), s->call.cmdlet->item (&s->call, v));
}

static enum ps_flow
stage_begin (struct ps *ps, struct ps_stage *s)
{
    if (s->script || !s->call.cmdlet->begin)
        return PS_GO;
    return leave (ps, enter (ps, s), s->call.cmdlet->begin (&s->call));
}

static enum ps_flow
stage_end (struct ps *ps, struct ps_stage *s)
{
    struct around old = enter (ps, s);

    if (s->script)
        return leave (ps, old, ps_call_bound (ps, s));
    return leave (ps, old, s->call.cmdlet->end ? s->call.cmdlet->end (&s->call) : PS_GO);
}

/* Runs stages that are bound and connected; `input` (may be NULL) flows into the first. */
static enum ps_flow
run_stages (struct ps *ps, struct ps_stage *stages, size_t count, const struct ps_value *input, bool has_input)
{
    enum ps_flow f = PS_GO;
    size_t first = 0;

    for (size_t i = 0; i < count && f == PS_GO; i++)
        f = stage_begin (ps, &stages[i]);
    if (f == PS_GO && has_input)
        f = input->type == PS_NULL ? stages[0].sink.put (&stages[0].sink, *input)
                                   : ps_spread (ps, &stages[0].sink, *input);
    for (size_t i = 0; i <= count; i++) {
        if (f == PS_ENOUGH) /* whoever had enough goes on with what it has; those before it are not asked any more */
            for (size_t k = 0; k < count; k++)
                if (ps->enough == &stages[k].call) {
                    first = k;
                    f = PS_GO;
                }
        if (i == count || f != PS_GO)
            break;
        if (i >= first)
            f = stage_end (ps, &stages[i]);
    }
    return f;
}

static enum ps_flow
pipeline (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    bool has_input = n->kids[0]->kind != PS_N_COMMAND;
    size_t count = n->nkids - has_input;
    struct ps_stage *stages = ps_alloc (ps, count * sizeof *stages);
    struct ps_value input = ps_null ();
    enum ps_flow f;

    if (has_input) {
        f = ps_calc (ps, n->kids[0], &input);
        if (f != PS_GO)
            return f;
    }
    for (size_t i = 0; i < count; i++) {
        stages[i].sink.put = stage_put;
        stages[i].drop.put = drop;
        stages[i].call.out = i + 1 < count ? &stages[i + 1].sink : out;
        f = ps_bind (ps, n->kids[i + has_input], i + has_input > 0, &stages[i]);
        if (f != PS_GO)
            return f;
    }
    ps->ok = true;
    f = run_stages (ps, stages, count, &input, has_input);
    if (f == PS_THROWN)
        ps->ok = false;
    return f;
}

/* ---- statements ---- */

/* A statement failed: does the script go on with the next one? */
static bool
goes_on (struct ps *ps)
{
    if (ps->thrown_hard || ps->tries)
        return false;
    ps_show_error (ps, ps->thrown);
    ps->ok = false;
    return true;
}

static enum ps_flow
block (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    enum ps_flow f;

    for (size_t i = 0; i < n->nkids; i++) {
        f = ps_step (ps);
        if (f == PS_GO)
            f = ps_do (ps, n->kids[i], out);
        if (f == PS_THROWN && goes_on (ps))
            f = PS_GO;
        if (f != PS_GO)
            return f;
    }
    return PS_GO;
}

static enum ps_flow
test (struct ps *ps, const struct ps_node *n, bool *ret)
{
    struct ps_value v;
    enum ps_flow f = ps_collect (ps, n, &v);

    *ret = f == PS_GO && ps_true (v);
    return f;
}

static enum ps_flow
do_if (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    size_t i;
    bool yes;
    enum ps_flow f;

    for (i = 0; i + 1 < n->nkids; i += 2) {
        f = test (ps, n->kids[i], &yes);
        if (f != PS_GO)
            return f;
        if (yes)
            return ps_do (ps, n->kids[i + 1], out);
    }
    return i < n->nkids ? ps_do (ps, n->kids[i], out) : PS_GO;
}

/* The body of a loop; *ret_leave: break. */
static enum ps_flow
body (struct ps *ps, const struct ps_node *n, struct ps_sink *out, bool *ret_leave)
{
    enum ps_flow f = ps_do (ps, n, out);

    *ret_leave = f == PS_BROKE;
    return f == PS_BROKE || f == PS_CONTINUED ? PS_GO : f;
}

static enum ps_flow
do_while (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    bool yes, stop = false;
    enum ps_flow f;

    while (!stop) {
        f = ps_step (ps);
        if (f == PS_GO)
            f = test (ps, n->kids[0], &yes);
        if (f != PS_GO || !yes)
            return f;
        f = body (ps, n->kids[1], out, &stop);
        if (f != PS_GO)
            return f;
    }
    return PS_GO;
}

static enum ps_flow
do_do (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    bool until = !strcmp (n->text, "until"), yes = false, stop = false;
    enum ps_flow f = PS_GO;

    do {
        f = ps_step (ps);
        if (f == PS_GO)
            f = body (ps, n->kids[0], out, &stop);
        if (f == PS_GO && !stop)
            f = test (ps, n->kids[1], &yes);
    } while (f == PS_GO && !stop && yes != until);
    return f;
}

static enum ps_flow
do_for (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    struct ps_value ignored;
    bool yes = true, stop = false;
    enum ps_flow f = n->kids[0] ? ps_collect (ps, n->kids[0], &ignored) : PS_GO;

    while (f == PS_GO) {
        f = ps_step (ps);
        if (f == PS_GO && n->kids[1])
            f = test (ps, n->kids[1], &yes);
        if (f != PS_GO || !yes)
            break;
        f = body (ps, n->kids[3], out, &stop);
        if (f != PS_GO || stop)
            break;
        if (n->kids[2])
            f = ps_collect (ps, n->kids[2], &ignored);
    }
    return f;
}

static enum ps_flow
do_foreach (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    struct ps_value all;
    struct ps_list *l;
    bool stop = false;
    enum ps_flow f = ps_collect (ps, n->kids[0], &all);

    if (f != PS_GO)
        return f;
    l = ps_as_list (ps, all);
    for (size_t i = 0; i < l->count && !stop && f == PS_GO; i++) {
        f = ps_step (ps);
        ps_var_set (ps, n->text, l->v[i]);
        if (f == PS_GO)
            f = body (ps, n->kids[1], out, &stop);
    }
    return f;
}

static enum ps_flow
do_switch (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    const struct ps_node *fallback = NULL;
    struct ps_value v, pattern;
    bool hit = false, stop = false;
    enum ps_flow f = ps_collect (ps, n->kids[0], &v);

    for (size_t i = 1; i + 1 < n->nkids && f == PS_GO && !stop; i += 2) {
        if (!n->kids[i]) {
            fallback = n->kids[i + 1];
            continue;
        }
        f = ps_calc (ps, n->kids[i], &pattern);
        if (f != PS_GO || !ps_equal (ps, v, pattern, false))
            continue;
        hit = true;
        f = body (ps, n->kids[i + 1], out, &stop);
    }
    return f == PS_GO && !hit && fallback ? body (ps, fallback, out, &stop) : f;
}

/* Does this catch take the error? */
static bool
catches (struct ps *ps, const struct ps_node *catch)
{
    struct ps_value *exception = ps_get (ps->thrown.u.obj, "Exception");
    const char *type = exception ? ps_type_name (*exception) : "", *wanted;
    size_t n, m;

    if (!catch->text)
        return true;
    wanted = ps_class_name (ps, catch->text);
    if (!ps_text_cmp (wanted, "Exception", false)
        || !ps_text_cmp (wanted, "Management.Automation.RuntimeException", false))
        return true;
    n = strlen (type);
    m = strlen (wanted);
    return n >= m && !ps_text_cmp (type + n - m, wanted, false);
}

static enum ps_flow
run_catch (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    struct ps_value *old = ps_var (ps, "_"), saved = old ? *old : ps_null ();
    struct ps_value record = ps->thrown;
    enum ps_flow f;

    ps_list_add (ps, ps->errors, record);
    ps->thrown_hard = false;
    ps_var_set (ps, "_", record);
    f = ps_do (ps, n->kids[0], out);
    ps_var_set (ps, "_", saved);
    return f;
}

static enum ps_flow
do_try (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    enum ps_flow f, last;
    struct ps_value thrown;
    bool hard;

    ps->tries++;
    f = ps_do (ps, n->kids[0], out);
    ps->tries--;
    for (size_t i = 2; f == PS_THROWN && i < n->nkids; i++)
        if (catches (ps, n->kids[i])) {
            f = run_catch (ps, n->kids[i], out);
            break;
        }
    if (!n->kids[1] || f == PS_STOPPED)
        return f;
    thrown = ps->thrown;
    hard = ps->thrown_hard;
    last = ps_do (ps, n->kids[1], out);
    ps->thrown = last == PS_THROWN ? ps->thrown : thrown;
    ps->thrown_hard = last == PS_THROWN ? ps->thrown_hard : hard;
    return last == PS_GO ? f : last;
}

static enum ps_flow
do_throw (struct ps *ps, const struct ps_node *n, struct ps_value v)
{
    const char *text;

    if (!n->nkids) { /* again, inside a catch */
        struct ps_value *current = ps_var (ps, "_");

        if (current && current->type == PS_OBJECT && ps_get (current->u.obj, "Exception"))
            return ps_raise (ps, *current, true);
        v = ps_const ("ScriptHalted");
    }
    if (v.type == PS_OBJECT && ps_get (v.u.obj, "Exception"))
        return ps_raise (ps, v, true);
    if (v.type == PS_OBJECT && ps_get (v.u.obj, "Message")) { /* an exception object */
        struct ps_value record = ps_record (ps, n, v.u.obj->type, "OperationStopped", "", NULL,
                                            ps_string (ps, *ps_get (v.u.obj, "Message")));

        ps_set (ps, record.u.obj, "Exception", v);
        return ps_raise (ps, record, true);
    }
    text = ps_string (ps, v);
    return ps_raise (ps,
                     ps_record (ps, n, "System.Management.Automation.RuntimeException", "OperationStopped", text, NULL,
                                text),
                     true);
}

static enum ps_flow
do_flow (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    struct ps_value v = ps_null ();
    enum ps_flow f = PS_GO;
    int64_t code = 0;

    if (n->nkids && !strcmp (n->text, "return")) { /* what it returns flows on */
        f = n->kids[0]->kind >= PS_N_CONST ? ps_calc (ps, n->kids[0], &v) : ps_do (ps, n->kids[0], out);
        if (f == PS_GO && v.type != PS_NULL)
            f = ps_spread (ps, out, v);
        return f == PS_GO ? PS_RETURNED : f;
    }
    if (n->nkids)
        f = ps_collect (ps, n->kids[0], &v);
    if (f != PS_GO)
        return f;
    switch (n->text[0]) {
    case 'r':
        return PS_RETURNED;
    case 'b':
        return PS_BROKE;
    case 'c':
        return PS_CONTINUED;
    case 't':
        return do_throw (ps, n, v);
    default:
        break;
    }
    if (n->nkids && !ps_integer (ps, v, &code))
        code = 0;
    ps->exit_code = (int) (uint32_t) code;
    return PS_EXITED;
}

static enum ps_flow
do_assign (struct ps *ps, const struct ps_node *n)
{
    struct ps_value v, old;
    enum ps_opid id = PS_O_ADD;
    enum ps_flow f = ps_collect (ps, n->kids[1], &v);

    if (f != PS_GO)
        return f;
    if (n->text[1]) {
        f = ps_calc (ps, n->kids[0], &old);
        switch (n->text[0]) {
        case '-':
            id = PS_O_SUB;
            break;
        case '*':
            id = PS_O_MUL;
            break;
        case '/':
            id = PS_O_DIV;
            break;
        case '%':
            id = PS_O_MOD;
            break;
        default:
            break;
        }
        if (f == PS_GO)
            f = ps_arith (ps, n, id, old, v, &v);
    }
    return f == PS_GO ? ps_assign_to (ps, n->kids[0], v) : f;
}

static enum ps_flow
expression (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    struct ps_value v;
    enum ps_flow f;

    if (n->kind == PS_N_SUBEXPR)
        return ps_do (ps, n->kids[0], out);
    f = ps_calc (ps, n, &v);
    ps->ok = f == PS_GO;
    if (f != PS_GO || v.type == PS_NULL || n->kind == PS_N_STEP)
        return f;
    return ps_spread (ps, out, v);
}

enum ps_flow
ps_do (struct ps *ps, const struct ps_node *n, struct ps_sink *out)
{
    enum ps_flow f;

    if (++ps->depth > PS_MAX_DEPTH) {
        ps->depth--;
        return ps_throw (ps, n, "System.Management.Automation.ScriptCallDepthException", "InvalidOperation",
                         "CallDepthOverflow", "The script failed due to call depth overflow.");
    }
    switch (n->kind) {
    case PS_N_BLOCK:
        f = block (ps, n, out);
        break;
    case PS_N_PIPELINE:
        f = pipeline (ps, n, out);
        break;
    case PS_N_ASSIGN:
        f = do_assign (ps, n);
        break;
    case PS_N_IF:
        f = do_if (ps, n, out);
        break;
    case PS_N_WHILE:
        f = do_while (ps, n, out);
        break;
    case PS_N_DO:
        f = do_do (ps, n, out);
        break;
    case PS_N_FOR:
        f = do_for (ps, n, out);
        break;
    case PS_N_FOREACH:
        f = do_foreach (ps, n, out);
        break;
    case PS_N_SWITCH:
        f = do_switch (ps, n, out);
        break;
    case PS_N_TRY:
        f = do_try (ps, n, out);
        break;
    case PS_N_FLOW:
        f = do_flow (ps, n, out);
        break;
    case PS_N_FUNCTION:
        ps_set (ps, &ps->functions, n->text, (struct ps_value){ .type = PS_BLOCK, .u.block = n->kids[0] });
        f = PS_GO;
        break;
    default:
        f = expression (ps, n, out);
    }
    ps->depth--;
    return f;
}
