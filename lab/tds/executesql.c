/* sp_executesql: a statement with parameters, from EXEC or from RPC. */
#include "lab/tds/do.h"
#include "lab/tds/func.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

/* "@a nvarchar(10), @b int = 3 output" as variables; false: said. */
static bool
define (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_value *text, struct sb_sql_vars *vars)
{
    struct sb_arena a = { 0 };
    struct sb_sql_lexed lexed;
    struct sb_sql_cursor c = { .arena = &a, .vars = vars };

    if (text->tag != SB_SQL_TEXT || text->n == 0)
        return true;
    sb_sql_lex (&a, text->s, text->n, true, &lexed);
    c.tok = lexed.tokens;
    c.end = lexed.count;
    if (lexed.error != 0)
        sb_sql_fail (&c, lexed.error, lexed.error_text);
    while (c.at < c.end && c.fail.number == 0) {
        const struct sb_sql_token *t = sb_sql_next (&c);
        struct sb_sql_type type = { 0 };
        struct sb_sql_var *v;
        if (t->kind != SB_TOK_VAR || vars->count > 2100) {
            sb_sql_fail_near (&c);
            break;
        }
        sb_sql_take_word (&c, "as");
        if (!sb_sql_parse_type (&c, &type))
            break;
        v = sb_sql_var_add (vars, t->text, &type);
        if (sb_sql_take_op (&c, "=")) {
            struct sb_sql_expr e = sb_sql_parse_expr (&c, NULL);
            if (e.constant)
                v->value = sb_sql_value_copy (&e.value);
        }
        v->output = sb_sql_take_word (&c, "output") || sb_sql_take_word (&c, "out");
        if (c.at < c.end)
            sb_sql_need_op (&c, ",");
    }
    if (c.fail.number != 0)
        tds_say_text (s, r, c.fail.number, 1, 15, c.fail.text);
    sb_arena_release (&a);
    return c.fail.number == 0;
}

static struct sb_sql_var *
target (struct sb_sql_vars *vars, const struct tds_argument *a, size_t index)
{
    if (a->name[0] != 0)
        return sb_sql_var_find (vars, a->name[0] == '@' ? a->name + 1 : a->name);
    return index < vars->count ? &vars->list[index] : NULL;
}

static bool
supply (struct tds_session *s, const struct sb_sql_run *r, struct sb_sql_vars *vars, const struct tds_argument *args,
        size_t n)
{
    bool *given = sb_xcalloc (vars->count + 1, sizeof *given);
    bool good = true;

    for (size_t i = 0; i < n && good; i++) {
        struct sb_sql_var *v = target (vars, &args[i], i);
        struct sb_sql_value to;
        int number;
        if (v == NULL) {
            tds_say_state (s, r, 8145, 2, args[i].name, "");
            good = false;
            break;
        }
        given[v - vars->list] = true;
        number = sb_sql_convert (&args[i].value, &v->type, 0, &to);
        if (number != 0) {
            tds_say (s, r, 8114, "nvarchar", sb_sql_type_name (&v->type));
            good = false;
            break;
        }
        sb_sql_value_free (&v->value);
        v->value = to;
    }
    for (size_t i = 0; i < vars->count && good; i++)
        if (!given[i] && vars->list[i].value.tag == SB_SQL_NULL) {
            SB_AUTOFREE char *name = sb_xprintf ("@%s", vars->list[i].name);
            tds_say (s, r, 8178, "", name);
            good = false;
        }
    free (given);
    return good;
}

enum sb_sql_end
tds_executesql (struct tds_session *s, const struct sb_sql_run *r, struct tds_argument *args, size_t nargs,
                tds_out_fn out, void *ctx)
{
    struct sb_sql_vars vars = { 0 };
    enum sb_sql_end end = SB_END_GO_ON;
    bool good = false;

    if (nargs < 1 || args[0].value.tag != SB_SQL_TEXT)
        tds_say_state (s, r, 214, 2, "@statement", "ntext/nchar/nvarchar");
    else if (nargs < 2)
        good = true;
    else
        good = define (s, r, &args[1].value, &vars) && supply (s, r, &vars, args + 2, nargs - 2);
    if (good)
        end = tds_run_text (s, args[0].value.s, args[0].value.n, &vars, r);
    else
        tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
    for (size_t i = 2; i < nargs && good; i++) {
        struct sb_sql_var *v = target (&vars, &args[i], i - 2);
        if (args[i].output && v != NULL && out != NULL)
            out (ctx, i, &v->type, &v->value);
    }
    sb_sql_vars_release (&vars);
    return end;
}
