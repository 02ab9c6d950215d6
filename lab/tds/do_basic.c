/* Statements that concern the session alone: variables, settings, messages, waiting, transactions. */
#include "lab/tds/do.h"
#include "lab/tds/func.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Converts and stores; false: said. */
static bool
assign (struct tds_session *s, const struct sb_sql_run *r, struct sb_sql_var *var, const struct sb_sql_value *v)
{
    struct sb_sql_value to;
    int number = sb_sql_convert (v, &var->type, 0, &to);

    if (number == 245) {
        SB_AUTOFREE char *shown = v->tag == SB_SQL_TEXT ? sb_xstrndup (v->s, v->n > 60 ? 60 : v->n) : sb_xstrdup ("");
        tds_say (s, r, number, "nvarchar", shown, sb_sql_type_name (&var->type));
        return false;
    }
    if (number != 0) {
        tds_say (s, r, number, "expression", sb_sql_type_name (&var->type));
        return false;
    }
    sb_sql_value_free (&var->value);
    var->value = to;
    return true;
}

static bool
set_variable (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r, struct sb_sql_var *var)
{
    struct sb_sql_expr e = sb_sql_parse_expr (c, NULL);
    struct sb_sql_value v;
    bool good;

    if (s == NULL || c->fail.number != 0)
        return true;
    good = tds_eval (s, r, &e, &v) && assign (s, r, var, &v);
    sb_sql_value_free (&v);
    return good;
}

enum sb_sql_end
do_declare (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    sb_sql_next (c);
    do {
        const struct sb_sql_token *t = sb_sql_peek (c, 0);
        struct sb_sql_type type = { 0 };
        struct sb_sql_var *var;
        if (t->kind != SB_TOK_VAR) {
            sb_sql_fail_near (c);
            break;
        }
        sb_sql_next (c);
        sb_sql_take_word (c, "as");
        if (!sb_sql_parse_type (c, &type))
            break;
        var = sb_sql_var_find (c->vars, t->text);
        if (s == NULL && var != NULL) {
            SB_AUTOFREE char *shown = sb_xprintf ("@%s", t->text);
            sb_sql_fail (c, 134, shown);
            break;
        }
        if (var == NULL)
            var = sb_sql_var_add (c->vars, t->text, &type);
        if (sb_sql_take_op (c, "=") && !set_variable (c, s, r, var))
            return SB_END_BATCH;
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    return SB_END_GO_ON;
}

/* SET options, together separated by commas: "ANSI_NULLS, QUOTED_IDENTIFIER ON". */
static void
apply_option (struct tds_session *s, const char *name, bool on)
{
    if (sb_casecmp (name, "nocount") == 0)
        s->nocount = on;
    else if (sb_casecmp (name, "xact_abort") == 0)
        s->xact_abort = on;
    else if (sb_casecmp (name, "quoted_identifier") == 0 || sb_casecmp (name, "ansi_defaults") == 0)
        s->quoted_names = on;
    else if (sb_casecmp (name, "implicit_transactions") == 0)
        s->implicit_transactions = on;
}

static bool
set_number (struct sb_sql_cursor *c, struct tds_session *s)
{
    const char *name = sb_sql_peek (c, 0)->text;
    bool size = sb_casecmp (name, "textsize") == 0, rows = sb_casecmp (name, "rowcount") == 0;
    bool lock = sb_casecmp (name, "lock_timeout") == 0;
    int64_t n = 0;

    if (!size && !rows && !lock && sb_casecmp (name, "datefirst") != 0
        && sb_casecmp (name, "query_governor_cost_limit") != 0 && sb_casecmp (name, "deadlock_priority") != 0)
        return false;
    sb_sql_next (c);
    if (!sb_sql_parse_int (c, &n)) {
        if (sb_sql_peek (c, 0)->kind != SB_TOK_WORD && sb_sql_peek (c, 0)->kind != SB_TOK_VAR)
            sb_sql_fail_near (c);
        sb_sql_next (c);
    }
    if (s == NULL || n > INT32_MAX || n < -1)
        return true;
    if (size)
        s->textsize = (int) n;
    if (rows)
        s->rowlimit = (int) n;
    if (lock)
        s->lock_timeout = (int) n;
    return true;
}

static void
set_options (struct sb_sql_cursor *c, struct tds_session *s)
{
    const char *names[16];
    size_t count = 0;
    bool on;

    if (sb_sql_at_words (c, "transaction", "isolation")) {
        c->at += 2;
        sb_sql_need_word (c, "level");
        sb_sql_next (c);
        if (!sb_sql_take_word (c, "committed") && !sb_sql_take_word (c, "uncommitted"))
            sb_sql_take_word (c, "read");
        return;
    }
    if (sb_sql_take_word (c, "language") || sb_sql_take_word (c, "dateformat")
        || sb_sql_take_word (c, "context_info")) {
        sb_sql_next (c);
        return;
    }
    if (set_number (c, s))
        return;
    sb_sql_take_word (c, "statistics");
    do {
        if (sb_sql_peek (c, 0)->kind != SB_TOK_WORD || count == 16) {
            sb_sql_fail_near (c);
            return;
        }
        names[count++] = sb_sql_next (c)->text;
        if (sb_casecmp (names[count - 1], "identity_insert") == 0) {
            struct sb_sql_name n;
            sb_sql_parse_name (c, &n);
        }
    } while (sb_sql_take_op (c, ","));
    on = sb_sql_take_word (c, "on");
    if (!on)
        sb_sql_need_word (c, "off");
    for (size_t i = 0; s != NULL && c->fail.number == 0 && i < count; i++)
        apply_option (s, names[i], on);
}

enum sb_sql_end
do_set (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const struct sb_sql_token *t;

    sb_sql_next (c);
    t = sb_sql_peek (c, 0);
    if (t->kind == SB_TOK_VAR) {
        struct sb_sql_var *var = sb_sql_var_find (c->vars, t->text);
        if (var == NULL) {
            SB_AUTOFREE char *shown = sb_xprintf ("@%s", t->text);
            sb_sql_fail (c, 137, shown);
            return SB_END_GO_ON;
        }
        sb_sql_next (c);
        if (!sb_sql_need_op (c, "="))
            return SB_END_GO_ON;
        if (!set_variable (c, s, r, var)) {
            tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
            return SB_END_BATCH;
        }
        return SB_END_GO_ON;
    }
    set_options (c, s);
    if (s != NULL && c->fail.number == 0)
        tds_done (s, r, 0, TDS_CMD_SET, 0);
    return SB_END_GO_ON;
}

enum sb_sql_end
do_print (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    static const struct sb_sql_type text = { .kind = SB_SQL_NVARCHAR, .len = 4000 };
    struct sb_sql_value v, shown;
    struct sb_sql_expr e;

    sb_sql_next (c);
    e = sb_sql_parse_expr (c, NULL);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (tds_eval (s, r, &e, &v) && sb_sql_convert (&v, &text, 0, &shown) == 0) {
        SB_AUTOFREE char *line =
                sb_xstrndup (shown.tag == SB_SQL_TEXT ? shown.s : " ", shown.tag == SB_SQL_TEXT ? shown.n : 1);
        tds_say_text (s, r, 0, 1, 0, line);
        sb_sql_value_free (&shown);
    }
    sb_sql_value_free (&v);
    tds_done (s, r, 0, TDS_CMD_OTHER, 0);
    return SB_END_GO_ON;
}

/* RAISERROR's %s, %d, %i, %u, %x with a width are filled from values. */
static void
fill_raise (const char *text, const struct sb_sql_value *args, size_t n, struct sb_buf *out)
{
    static const struct sb_sql_type type = { .kind = SB_SQL_NVARCHAR, .len = 2000 };
    size_t next = 0;

    while (*text != 0 && out->len < 8000) {
        struct sb_sql_value shown;
        if (*text != '%') {
            sb_buf_char (out, *text++);
            continue;
        }
        text++;
        if (*text == '%') {
            sb_buf_char (out, *text++);
            continue;
        }
        text += strspn (text, "0123456789.-+# *lhI");
        if (*text != 0)
            text++;
        if (next < n && sb_sql_convert (&args[next], &type, 0, &shown) == 0 && shown.tag == SB_SQL_TEXT) {
            sb_buf_add (out, shown.s, shown.n);
            sb_sql_value_free (&shown);
        } else {
            sb_buf_str (out, "(null)");
        }
        next++;
    }
}

enum sb_sql_end
do_raiserror (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct sb_sql_expr list[24];
    struct sb_sql_value values[24];
    size_t count = 0;
    bool nowait = false;

    sb_sql_next (c);
    if (!sb_sql_need_op (c, "("))
        return SB_END_GO_ON;
    do
        list[count++] = sb_sql_parse_expr (c, NULL);
    while (sb_sql_take_op (c, ",") && count < 23);
    sb_sql_need_op (c, ")");
    if (count < 3)
        sb_sql_fail_near (c);
    if (sb_sql_take_word (c, "with"))
        do {
            nowait |= sb_sql_at_word (c, "nowait");
            sb_sql_next (c);
        } while (sb_sql_take_op (c, ","));
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    for (size_t i = 0; i < count; i++)
        tds_eval (s, r, &list[i], &values[i]);
    {
        SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
        SB_AUTOFREE char *text =
                values[0].tag == SB_SQL_TEXT ? sb_xstrndup (values[0].s, values[0].n) : sb_xstrdup ("");
        int severity = (int) values[1].i, state = (int) values[2].i;
        fill_raise (text, values + 3, count - 3, &out);
        if (severity < 0 || severity > 25)
            severity = 16;
        tds_say_text (s, r, 50000, state < 0 || state > 255 ? 1 : state, severity, sb_buf_cstr (&out));
        tds_done (s, r, severity > 10 ? SB_TDS_ERROR : 0, TDS_CMD_OTHER, 0);
    }
    if (nowait)
        sb_tds_push (&s->out);
    for (size_t i = 0; i < count; i++)
        sb_sql_value_free (&values[i]);
    return SB_END_GO_ON;
}

/* THROW number, text, state; alone it says again what CATCH deals with.  Either way the batch is over. */
enum sb_sql_end
do_throw (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct sb_sql_expr list[3];
    struct sb_sql_value v[3];
    bool again;

    if (s != NULL && s->major < 11) { /* THROW came with 2012 */
        sb_sql_fail_near (c);
        return SB_END_GO_ON;
    }
    sb_sql_next (c);
    again = sb_sql_peek (c, 0)->kind != SB_TOK_NUMBER && sb_sql_peek (c, 0)->kind != SB_TOK_VAR;
    for (int i = 0; i < 3 && !again; i++) {
        list[i] = sb_sql_parse_expr (c, NULL);
        if (i < 2)
            sb_sql_need_op (c, ",");
    }
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (again && s->handled == NULL) {
        tds_say (s, r, 10704);
    } else if (again) {
        struct sb_sql_run at = *r;
        at.line = s->handled->line;
        at.proc = s->handled->proc;
        tds_say_text (s, &at, s->handled->number, s->handled->state, s->handled->severity, s->handled->text);
    } else {
        for (int i = 0; i < 3; i++)
            tds_eval (s, r, &list[i], &v[i]);
        if (v[0].tag != SB_SQL_INTEGER || v[0].i < 50000 || v[0].i > INT32_MAX)
            tds_say (s, r, 35100, v[0].tag == SB_SQL_INTEGER ? (int) v[0].i : 0);
        else
            tds_say_text (s, r, (int) v[0].i, (int) (v[2].i & 255), 16, v[1].tag == SB_SQL_TEXT ? v[1].s : "");
        for (int i = 0; i < 3; i++)
            sb_sql_value_free (&v[i]);
    }
    tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
    return SB_END_BATCH;
}

/* "hh:mm:ss.mmm" in ms; -1: not a time. */
static int64_t
delay_of (const char *s)
{
    int64_t days, ms;
    SB_AUTOFREE char *text = sb_xprintf ("1900-01-01 %.30s", s);

    return sb_sql_date_parse (text, strlen (text), &days, &ms) ? ms : -1;
}

enum sb_sql_end
do_waitfor (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct sb_sql_expr e;
    struct sb_sql_value v;
    int64_t ms;

    sb_sql_next (c);
    if (!sb_sql_need_word (c, "delay"))
        return SB_END_GO_ON;
    e = sb_sql_parse_expr (c, NULL);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    tds_eval (s, r, &e, &v);
    {
        SB_AUTOFREE char *text = v.tag == SB_SQL_TEXT ? sb_xstrndup (v.s, v.n) : sb_xstrdup ("");
        ms = delay_of (text);
        sb_sql_value_free (&v);
        if (ms < 0) {
            tds_say (s, r, 148, text);
            tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
            return SB_END_BATCH;
        }
    }
    sb_tds_push (&s->out);
    if (tds_wait (s, ms))
        tds_done (s, r, 0, TDS_CMD_OTHER, 0);
    return SB_END_GO_ON;
}

enum sb_sql_end
do_use (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *name;

    sb_sql_next (c);
    name = sb_sql_take_name (c);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (tds_use (s, r, name, false))
        tds_done (s, r, 0, TDS_CMD_USE, 0);
    else
        tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
    return s->error == 0 ? SB_END_GO_ON : SB_END_BATCH;
}

enum sb_sql_end
do_return (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    int64_t n;

    (void) r;
    sb_sql_next (c);
    sb_sql_parse_int (c, &n);
    return s == NULL ? SB_END_GO_ON : SB_END_BATCH;
}

enum sb_sql_end
do_break (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    (void) r;
    sb_sql_next (c);
    return s == NULL ? SB_END_GO_ON : SB_END_BREAK;
}

enum sb_sql_end
do_continue (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    (void) r;
    sb_sql_next (c);
    return s == NULL ? SB_END_GO_ON : SB_END_CONTINUE;
}

/* ---- transactions ---- */

static void
skip_transaction_name (struct sb_sql_cursor *c)
{
    if (sb_sql_at_name (c) || sb_sql_peek (c, 0)->kind == SB_TOK_VAR)
        sb_sql_next (c);
}

enum sb_sql_end
do_begin (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    sb_sql_next (c);
    if (!sb_sql_take_word (c, "tran"))
        sb_sql_need_word (c, "transaction");
    skip_transaction_name (c);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    tds_begin (s, r);
    tds_done (s, r, 0, TDS_CMD_BEGIN, 0);
    return SB_END_GO_ON;
}

enum sb_sql_end
do_commit (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    bool good;

    sb_sql_next (c);
    if (sb_sql_take_word (c, "tran") || sb_sql_take_word (c, "transaction"))
        skip_transaction_name (c);
    else
        sb_sql_take_word (c, "work");
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    good = tds_commit (s, r);
    tds_done (s, r, good ? 0 : SB_TDS_ERROR, TDS_CMD_COMMIT, 0);
    return SB_END_GO_ON;
}

enum sb_sql_end
do_rollback (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    sb_sql_next (c);
    if (sb_sql_take_word (c, "tran") || sb_sql_take_word (c, "transaction"))
        skip_transaction_name (c);
    else
        sb_sql_take_word (c, "work");
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (s->trancount == 0) {
        tds_say (s, r, 3903);
        tds_done (s, r, SB_TDS_ERROR, TDS_CMD_ROLLBACK, 0);
        return SB_END_GO_ON;
    }
    tds_rollback (s);
    tds_done (s, r, 0, TDS_CMD_ROLLBACK, 0);
    return SB_END_GO_ON;
}

enum sb_sql_end
do_checkpoint (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    sb_sql_next (c);
    if (s != NULL)
        tds_done (s, r, 0, TDS_CMD_OTHER, 0);
    return SB_END_GO_ON;
}

/* CHECKDB [(db [, ...])] [WITH word, ...]: pages of the lab are never torn, so it finds nothing; what it may be asked
 * for is checked all the same. */
static enum sb_sql_end
check_database (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *db = s != NULL ? s->database : "";
    bool quiet = false;
    struct world *w;
    w_id copy;
    int why;

    sb_sql_next (c);
    if (sb_sql_take_op (c, "(")) {
        db = tds_take_text (c, s, "database");
        while (c->fail.number == 0 && !sb_sql_take_op (c, ")") && sb_sql_next (c)->kind != SB_TOK_END)
            ;
    }
    if (sb_sql_take_word (c, "with"))
        do {
            quiet = quiet || sb_sql_at_word (c, "no_infomsgs");
            sb_sql_next (c);
        } while (sb_sql_take_op (c, ","));
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    w = tds_world (s);
    copy = w == NULL || tds_system_database (db) ? 0 : w_find_copy (w, s->instance, db);
    why = copy != 0 ? w_copy_readable (w, copy, s->spid) : tds_system_database (db) ? 0 : 911;
    if (why != 0) {
        tds_say (s, r, why, db);
        tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
        return SB_END_GO_ON;
    }
    if (!quiet) {
        tds_say (s, r, 8989, (int) 0, (int) 0, db);
        tds_say (s, r, 2528);
    }
    tds_done (s, r, 0, TDS_CMD_OTHER, 0);
    return SB_END_GO_ON;
}

enum sb_sql_end
do_dbcc (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *what;

    sb_sql_next (c);
    what = sb_sql_peek (c, 0)->text;
    if (sb_casecmp (what, "checkdb") == 0)
        return check_database (c, s, r);
    if (sb_casecmp (what, "traceon") != 0 && sb_casecmp (what, "traceoff") != 0) {
        sb_sql_fail (c, 2526);
        return SB_END_GO_ON;
    }
    sb_sql_next (c);
    if (sb_sql_take_op (c, "("))
        while (!sb_sql_take_op (c, ")") && sb_sql_next (c)->kind != SB_TOK_END)
            ;
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    tds_say (s, r, 2528);
    tds_done (s, r, 0, TDS_CMD_OTHER, 0);
    return SB_END_GO_ON;
}
