/* EXEC: procedures of the server with named and OUTPUT parameters, EXEC ('text'), sp_executesql. */
#include "lab/tds/do.h"
#include "lab/tds/func.h"
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 128

/* ---- what a procedure sees of its call ---- */

static int
param_at (const struct tds_call *call, const char *param)
{
    for (size_t i = 0; i < call->nparams; i++)
        if (sb_casecmp (call->params[i].name, param) == 0)
            return (int) i;
    return -1;
}

const char *
tds_arg_text (struct tds_call *call, const char *param)
{
    int i = param_at (call, param);

    return i < 0 || call->args[i].tag != SB_SQL_TEXT ? "" : call->args[i].s;
}

int64_t
tds_arg_int (struct tds_call *call, const char *param, int64_t fallback)
{
    int i = param_at (call, param);

    return i < 0 || call->args[i].tag != SB_SQL_INTEGER ? fallback : call->args[i].i;
}

bool
tds_arg_given (struct tds_call *call, const char *param)
{
    int i = param_at (call, param);

    return i >= 0 && call->given[i] && call->args[i].tag != SB_SQL_NULL;
}

void
tds_out_text (struct tds_call *call, const char *param, const char *value)
{
    int i = param_at (call, param);
    struct sb_sql_value v = sb_sql_text (value);

    if (i < 0)
        return;
    sb_sql_value_free (&call->outs[i]);
    call->outs[i] = sb_sql_value_copy (&v);
}

void
tds_out_guid (struct tds_call *call, const char *param, w_guid g)
{
    char text[W_GUID_TEXT];
    struct world *w = tds_world (call->s);

    if (g == 0 || w == NULL)
        return;
    w_guid_text (w, g, text);
    tds_out_text (call, param, text);
}

/* ---- calling ---- */

static const struct tds_proc *
find_proc (const char *name)
{
    static const struct tds_proc *const lists[] = { tds_procs_ship, tds_procs_job, tds_procs_misc, tds_procs_lock };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct tds_proc *p = lists[i]; p->name != NULL; p++)
            if (sb_casecmp (p->name, name) == 0)
                return p;
    return NULL;
}

/* Puts one argument in its place; false: said. */
static bool
place (struct tds_call *call, const struct tds_argument *a, size_t index)
{
    int at = a->name[0] == 0 ? (int) index : param_at (call, a->name[0] == '@' ? a->name + 1 : a->name);
    struct sb_sql_value v;
    int number;

    if (a->name[0] == 0 && index >= call->nparams) {
        tds_say_state (call->s, call->r, 8144, 2, call->proc->name);
        return false;
    }
    if (at < 0) {
        tds_say_state (call->s, call->r, 8145, 1, a->name, call->proc->name);
        return false;
    }
    if (a->fallback)
        return true;
    number = sb_sql_convert (&a->value, &call->params[at].type, 0, &v);
    if (number != 0) {
        tds_say (call->s, call->r, 8114, a->value.tag == SB_SQL_TEXT ? "nvarchar" : "int",
                 sb_sql_type_name (&call->params[at].type));
        return false;
    }
    sb_sql_value_free (&call->args[at]);
    call->args[at] = v;
    call->given[at] = true;
    return true;
}

/* "?x int" may be left out. */
static bool
complete (struct tds_call *call, const bool *optional)
{
    for (size_t i = 0; i < call->nparams; i++)
        if (!call->given[i] && !optional[i]) {
            SB_AUTOFREE char *shown = sb_xprintf ("@%s", call->params[i].name);
            tds_say_state (call->s, call->r, 201, 4, call->proc->name, shown);
            return false;
        }
    return true;
}

static void
deliver (struct tds_call *call, const struct tds_argument *args, size_t nargs,
         void (*out) (void *ctx, size_t arg, const struct sb_sql_type *t, const struct sb_sql_value *v), void *ctx)
{
    for (size_t i = 0; i < nargs; i++) {
        int at = args[i].name[0] == 0 ? (int) i
                                      : param_at (call, args[i].name[0] == '@' ? args[i].name + 1 : args[i].name);
        if (args[i].output && at >= 0 && (size_t) at < call->nparams)
            out (ctx, i, &call->params[at].type, call->outs[at].tag != SB_SQL_NULL ? &call->outs[at] : &call->args[at]);
    }
}

bool
tds_call_proc (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_name *name,
               struct tds_argument *args, size_t nargs, int *ret,
               void (*out) (void *ctx, size_t arg, const struct sb_sql_type *t, const struct sb_sql_value *v),
               void *ctx)
{
    const struct tds_proc *p = find_proc (SB_SQL_OBJECT (name));
    struct sb_sql_run inner = *r;
    struct tds_call call = { .s = s, .r = &inner, .proc = p };
    bool optional[64] = { false }, good = true;

    if (p == NULL
        || (SB_SQL_DATABASE (name)[0] != 0 && !tds_system_database (SB_SQL_DATABASE (name))
            && tds_database_id (s, SB_SQL_DATABASE (name)) == 0)) {
        tds_say_state (s, r, 2812, 62, sb_sql_name_text (r->c, name));
        return false;
    }
    if (p->sysadmin && !s->sysadmin) {
        tds_say (s, r, 15247);
        *ret = 1;
        return true;
    }
    inner.proc = p->name;
    inner.in_proc = true;
    call.params = tds_columns_of (r->c->arena, p->params, &call.nparams);
    for (size_t i = 0; i < call.nparams && i < 64; i++)
        if (call.params[i].name[0] == '?') {
            optional[i] = true;
            call.params[i].name++;
        }
    call.args = sb_xcalloc (call.nparams + 1, sizeof *call.args);
    call.outs = sb_xcalloc (call.nparams + 1, sizeof *call.outs);
    call.given = sb_xcalloc (call.nparams + 1, sizeof *call.given);
    for (size_t i = 0; i < nargs && good; i++)
        good = place (&call, &args[i], i);
    good = good && complete (&call, optional);
    if (good) {
        *ret = p->run (&call);
        deliver (&call, args, nargs, out, ctx);
    }
    for (size_t i = 0; i < call.nparams; i++) {
        sb_sql_value_free (&call.args[i]);
        sb_sql_value_free (&call.outs[i]);
    }
    free (call.args);
    free (call.outs);
    free (call.given);
    return good;
}

/* ---- EXEC as a statement ---- */

struct outputs {
    const struct sb_sql_run *r;
    const struct tds_argument *args;
};

static void
store_output (void *ctx, size_t arg, const struct sb_sql_type *t, const struct sb_sql_value *v)
{
    struct outputs *o = ctx;
    struct sb_sql_var *var = o->args[arg].var == NULL ? NULL : sb_sql_var_find (o->r->vars, o->args[arg].var);
    struct sb_sql_value to;

    (void) t;
    if (var != NULL && sb_sql_convert (v, &var->type, 0, &to) == 0) {
        sb_sql_value_free (&var->value);
        var->value = to;
    }
}

/* A constant, a variable, DEFAULT, or a bare word (EXEC sp_who2 active). */
static void
take_argument (struct sb_sql_cursor *c, struct tds_argument *a)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);
    struct sb_sql_expr e;

    a->name = "";
    if (t->kind == SB_TOK_VAR && strcmp (sb_sql_peek (c, 1)->text, "=") == 0) {
        a->name = t->text;
        c->at += 2;
        t = sb_sql_peek (c, 0);
    }
    if (sb_sql_take_word (c, "default")) {
        a->fallback = true;
        return;
    }
    if (t->kind == SB_TOK_VAR) {
        struct sb_sql_var *var = sb_sql_var_find (c->vars, t->text);
        if (var == NULL) {
            SB_AUTOFREE char *shown = sb_xprintf ("@%s", t->text);
            sb_sql_fail (c, 137, shown);
            return;
        }
        sb_sql_next (c);
        a->value = var->value;
        a->var = var->name;
        a->output = sb_sql_take_word (c, "output") || sb_sql_take_word (c, "out");
        return;
    }
    if (t->kind == SB_TOK_WORD && !sb_sql_reserved (t->text) && strcmp (sb_sql_peek (c, 1)->text, "(") != 0) {
        a->value = (struct sb_sql_value){ .tag = SB_SQL_TEXT, .s = t->text, .n = t->len };
        sb_sql_next (c);
        return;
    }
    if (t->kind != SB_TOK_STRING && t->kind != SB_TOK_NUMBER && t->kind != SB_TOK_NAME && t->kind != SB_TOK_HEX
        && t->kind != SB_TOK_SYSVAR && !sb_sql_at_word (c, "null") && !sb_sql_at_op (c, "-")) {
        sb_sql_fail_near (c);
        return;
    }
    if (t->kind == SB_TOK_NAME) {
        a->value = (struct sb_sql_value){ .tag = SB_SQL_TEXT, .s = t->text, .n = t->len };
        sb_sql_next (c);
        return;
    }
    e = sb_sql_parse_expr (c, NULL);
    a->value = e.constant ? e.value : sb_sql_null ();
    if (!e.constant && c->fail.number == 0 && t->kind != SB_TOK_SYSVAR)
        sb_sql_fail_near (c);
}

static size_t
take_arguments (struct sb_sql_cursor *c, struct tds_argument *args)
{
    size_t n = 0;

    if (sb_sql_peek (c, 0)->kind == SB_TOK_END || sb_sql_at_op (c, ";")
        || (sb_sql_peek (c, 0)->kind == SB_TOK_WORD && sb_sql_reserved (sb_sql_peek (c, 0)->text)
            && !sb_sql_at_word (c, "null") && !sb_sql_at_word (c, "default")))
        return 0;
    do {
        if (n == ARGS_MAX) {
            sb_sql_fail (c, 8003, ARGS_MAX);
            return n;
        }
        take_argument (c, &args[n++]);
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    return n;
}

/* The texts of EXEC (...) joined by +, or of one argument. */
static enum sb_sql_end
exec_text (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct sb_sql_expr e = sb_sql_parse_expr (c, NULL);
    struct sb_sql_vars vars = { 0 };
    struct sb_sql_value v;

    if (!sb_sql_need_op (c, ")") || s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (tds_eval (s, r, &e, &v) && v.tag == SB_SQL_TEXT)
        tds_run_text (s, v.s, v.n, &vars, r);
    sb_sql_value_free (&v);
    sb_sql_vars_release (&vars);
    return SB_END_GO_ON;
}

static void
set_return (const struct sb_sql_run *r, const char *var, int status)
{
    struct sb_sql_var *v = var == NULL ? NULL : sb_sql_var_find (r->vars, var);

    if (v == NULL)
        return;
    sb_sql_value_free (&v->value);
    v->value = sb_sql_int (status);
}

static enum sb_sql_end
call (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct tds_argument *args = sb_arena_alloc (c->arena, (ARGS_MAX + 1) * sizeof *args);
    const char *status_var = NULL;
    struct sb_sql_name name;
    size_t n;
    int status = 0;

    if (sb_sql_peek (c, 0)->kind == SB_TOK_VAR && strcmp (sb_sql_peek (c, 1)->text, "=") == 0) {
        status_var = sb_sql_peek (c, 0)->text;
        if (sb_sql_var_find (c->vars, status_var) == NULL) {
            SB_AUTOFREE char *shown = sb_xprintf ("@%s", status_var);
            sb_sql_fail (c, 137, shown);
        }
        c->at += c->fail.number == 0 ? 2 : 0;
    }
    if (!sb_sql_parse_name (c, &name))
        return SB_END_GO_ON;
    n = take_arguments (c, args);
    if (sb_sql_at_words (c, "with", "recompile"))
        c->at += 2;
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    {
        struct outputs o = { .r = r, .args = args };
        bool called = true;
        if (sb_casecmp (SB_SQL_OBJECT (&name), "sp_executesql") == 0)
            tds_executesql (s, r, args, n, store_output, &o);
        else
            called = tds_call_proc (s, r, &name, args, n, &status, store_output, &o);
        if (tds_stopped (s))
            return SB_END_BATCH;
        if (!called) {
            tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
            return SB_END_GO_ON;
        }
    }
    set_return (r, status_var, status);
    if (s->capture != NULL)
        return SB_END_GO_ON;
    sb_tds_return_status (&s->out, status);
    sb_tds_done (&s->out, SB_TDS_DONEPROC, 0, TDS_CMD_EXEC, 0);
    return SB_END_GO_ON;
}

enum sb_sql_end
do_exec (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    sb_sql_next (c);
    if (sb_sql_take_op (c, "("))
        return exec_text (c, s, r);
    return call (c, s, r);
}

enum sb_sql_end
do_call (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    return call (c, s, r);
}
