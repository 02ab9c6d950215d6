/* Batches: reading them into statements, running those; see batch.h. */
#include "lab/tds/do.h"
#include "lab/tds/messages.h"
#include "lab/tds/session.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NESTING 32      /* of EXEC and sp_executesql, as the server's own limit */
#define LOOPS   1000000 /* rounds of one WHILE */

const struct sb_sql_verb *
sb_sql_verb_at (const struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);

    if (t->kind != SB_TOK_WORD)
        return NULL;
    for (const struct sb_sql_verb *v = tds_verbs; v->first != NULL; v++)
        if (sb_sql_at_word (c, v->first) && (v->second == NULL || sb_sql_at_words (c, v->first, v->second)))
            return v;
    return NULL;
}

static struct sb_sql_stmt *read_list (struct sb_sql_cursor *c, bool in_block);
static struct sb_sql_stmt *read_one (struct sb_sql_cursor *c, bool first);

static struct sb_sql_stmt *
new_stmt (struct sb_sql_cursor *c, enum sb_sql_flow flow)
{
    struct sb_sql_stmt *s = sb_arena_alloc (c->arena, sizeof *s);

    s->flow = flow;
    s->line = sb_sql_peek (c, 0)->line;
    s->from = c->at;
    return s;
}

static struct sb_sql_stmt *
read_conditional (struct sb_sql_cursor *c, enum sb_sql_flow flow)
{
    struct sb_sql_stmt *s = new_stmt (c, flow);

    sb_sql_next (c);
    s->cond_from = c->at;
    sb_sql_parse_condition (c, NULL);
    s->cond_to = c->at;
    s->body = read_one (c, false);
    if (flow == SB_FLOW_IF) {
        size_t before = c->at;
        while (sb_sql_take_op (c, ";"))
            ;
        if (sb_sql_take_word (c, "else"))
            s->other = read_one (c, false);
        else if (c->fail.number == 0)
            c->at = before;
    }
    return s;
}

static struct sb_sql_stmt *
read_block (struct sb_sql_cursor *c)
{
    struct sb_sql_stmt *s = new_stmt (c, SB_FLOW_BLOCK);

    sb_sql_next (c);
    s->body = read_list (c, true);
    if (s->body == NULL)
        sb_sql_fail_near (c);
    sb_sql_need_word (c, "end");
    return s;
}

/* BEGIN TRY ... END TRY BEGIN CATCH ... END CATCH */
static struct sb_sql_stmt *
read_try (struct sb_sql_cursor *c)
{
    struct sb_sql_stmt *s = new_stmt (c, SB_FLOW_TRY);

    c->at += 2;
    s->body = read_list (c, true);
    if (!sb_sql_need_word (c, "end") || !sb_sql_need_word (c, "try") || !sb_sql_need_word (c, "begin")
        || !sb_sql_need_word (c, "catch"))
        return s;
    s->other = read_list (c, true);
    if (sb_sql_need_word (c, "end"))
        sb_sql_need_word (c, "catch");
    return s;
}

static bool
at_block (const struct sb_sql_cursor *c)
{
    static const char *const others[] = {
        "tran", "transaction", "distributed", "try", "catch", "conversation", "dialog"
    };

    if (!sb_sql_at_word (c, "begin"))
        return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (sb_sql_at_words (c, "begin", others[i]))
            return false;
    return true;
}

static struct sb_sql_stmt *
read_one (struct sb_sql_cursor *c, bool first)
{
    struct sb_sql_stmt *s = NULL;

    if (++c->depth > SB_SQL_DEPTH)
        sb_sql_fail (c, 191);
    while (sb_sql_take_op (c, ";"))
        ;
    if (sb_sql_at_word (c, "if"))
        s = read_conditional (c, SB_FLOW_IF);
    else if (sb_sql_at_word (c, "while"))
        s = read_conditional (c, SB_FLOW_WHILE);
    else if (at_block (c))
        s = read_block (c);
    else if (sb_sql_at_words (c, "begin", "try"))
        s = read_try (c);
    else if (c->fail.number == 0) {
        s = new_stmt (c, SB_FLOW_STATEMENT);
        s->verb = sb_sql_verb_at (c);
        if (s->verb == NULL && first && sb_sql_at_name (c))
            s->verb = tds_verb_call; /* a procedure's name may begin a batch */
        if (s->verb == NULL)
            sb_sql_fail_near (c);
        else
            s->verb->run (c, NULL, NULL);
        s->to = c->at;
    }
    c->depth--;
    return s;
}

static struct sb_sql_stmt *
read_list (struct sb_sql_cursor *c, bool in_block)
{
    struct sb_sql_stmt *first = NULL, **last = &first;

    for (bool start = !in_block;; start = false) {
        while (sb_sql_take_op (c, ";"))
            ;
        if (c->fail.number != 0 || sb_sql_peek (c, 0)->kind == SB_TOK_END || (in_block && sb_sql_at_word (c, "end")))
            return first;
        *last = read_one (c, start);
        if (*last == NULL)
            return first;
        last = &(*last)->next;
    }
}

struct sb_sql_stmt *
sb_sql_read_batch (struct sb_sql_cursor *c)
{
    return read_list (c, false);
}

/* ---- running ---- */

void
tds_done (struct tds_session *s, const struct sb_sql_run *r, unsigned status, unsigned command, int64_t rows)
{
    if (s->capture != NULL)
        return;
    if (s->nocount)
        status &= ~(unsigned) SB_TDS_COUNT;
    if (s->tries > 0 && s->caught.number != 0)
        status &= ~(unsigned) SB_TDS_ERROR; /* CATCH deals with it */
    sb_tds_done (&s->out, r->in_proc ? SB_TDS_DONEINPROC : SB_TDS_DONE, status, command,
                 status & SB_TDS_COUNT ? (uint64_t) rows : 0);
}

enum sb_sql_end
tds_failed (struct tds_session *s, const struct sb_sql_cursor *c, const struct sb_sql_run *r)
{
    const struct sb_sql_message *m = sb_sql_message_find (c->fail.number);
    struct sb_sql_run at = *r;

    at.line = c->fail.line;
    if (c->fail.number == 208 && s->tries > 0 && s->try_level == r->level)
        s->tries = 0; /* a name that is not there ends the batch that says it, TRY or not */
    tds_say_text (s, &at, c->fail.number, m == NULL ? 1 : m->state, m == NULL ? 16 : m->severity, c->fail.text);
    tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
    return SB_END_BATCH;
}

static bool
is_dot (const struct sb_sql_run *r, size_t i)
{
    return r->c->tok[i].kind == SB_TOK_OP && strcmp (r->c->tok[i].text, ".") == 0;
}

/* Faults of the lab: a statement that fails or takes its time.  False: it is over. */
static bool
suffer_faults (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_stmt *st, int64_t *ret_slow)
{
    struct w_op op;
    struct w_out out;
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };

    for (size_t i = st->from; i < st->to && text.len < sizeof op.path[0] - 40; i++)
        sb_buf_printf (&text, "%s%.*s", i > st->from && !is_dot (r, i) && !is_dot (r, i - 1) ? " " : "", 60,
                       r->c->tok[i].text);
    tds_op_init (s, &op, W_OP_STATEMENT, "");
    snprintf (op.path[0], sizeof op.path[0], "%s", sb_buf_cstr (&text));
    w_out_init (&out);
    tds_op (s, &op, &out, NULL, NULL);
    *ret_slow = out.status == W_DONE ? out.value[0] : 0;
    if (out.status == W_DONE)
        return true;
    if (w_out_has (&out, 596)) /* killed, and the event is still on its way */
        atomic_store (&s->cut, TDS_CUT_KILLED);
    if (!tds_stopped (s)) {
        tds_say_out (s, r, &out);
        tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
    }
    return false;
}

static enum sb_sql_end
run_statement (struct tds_session *s, const struct sb_sql_run *outer, const struct sb_sql_stmt *st)
{
    struct sb_sql_env env = tds_env (s);
    struct sb_sql_cursor c = *outer->c;
    struct sb_sql_run r = *outer;
    enum sb_sql_end end;
    int64_t slow = 0;

    c.at = st->from;
    c.end = st->to;
    c.env = &env;
    c.line = st->line;
    c.fail = (struct sb_sql_fail){ 0 };
    r.c = &c;
    r.line = st->line;
    s->now_ms = 0;
    s->error = 0;
    if (!st->verb->trivial && !suffer_faults (s, &r, st, &slow))
        return tds_stopped (s) ? SB_END_BATCH : s->tries > 0 && s->caught.number != 0 ? SB_END_CATCH : SB_END_GO_ON;
    s->slow_ms = (int32_t) slow;
    if (slow > 0 && !st->verb->long_work && !tds_wait (s, slow))
        return SB_END_BATCH;
    if (st->verb->in_transaction_refused && s->trancount > 0) {
        tds_say_state (s, &r, 226, 6, st->verb->title);
        tds_done (s, &r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
        return s->tries > 0 ? SB_END_CATCH : SB_END_GO_ON;
    }
    end = st->verb->run (&c, s, &r);
    if (c.fail.number != 0)
        end = tds_failed (s, &c, &r);
    if (tds_stopped (s) || s->over)
        return SB_END_BATCH;
    if (s->tries > 0 && s->caught.number != 0) {
        s->doomed |= s->xact_abort && s->trancount > 0;
        return SB_END_CATCH;
    }
    if (s->error != 0 && s->xact_abort && s->trancount > 0) {
        tds_rollback (s);
        return SB_END_BATCH;
    }
    return end;
}

/* -1: a message was said. */
static int
holds (struct tds_session *s, const struct sb_sql_run *outer, const struct sb_sql_stmt *st)
{
    struct sb_sql_env env = tds_env (s);
    struct sb_sql_cursor c = *outer->c;
    struct sb_sql_run r = *outer;
    struct sb_sql_expr e;
    struct sb_sql_value v;
    int yes;

    c.at = st->cond_from;
    c.end = st->cond_to;
    c.env = &env;
    r.c = &c;
    r.line = st->line;
    s->now_ms = 0;
    e = sb_sql_parse_condition (&c, NULL);
    if (c.fail.number != 0) {
        tds_failed (s, &c, &r);
        return -1;
    }
    if (!tds_eval (s, &r, &e, &v)) {
        tds_done (s, &r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
        return -1;
    }
    yes = v.tag == SB_SQL_INTEGER && v.i != 0;
    sb_sql_value_free (&v);
    return yes;
}

static enum sb_sql_end run_list (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_stmt *st);

static enum sb_sql_end
condition_failed (const struct tds_session *s)
{
    return s->tries > 0 && s->caught.number != 0 ? SB_END_CATCH : SB_END_BATCH;
}

static enum sb_sql_end
run_while (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_stmt *st)
{
    for (unsigned round = 0; round < LOOPS && !tds_stopped (s); round++) {
        enum sb_sql_end end;
        int yes = holds (s, r, st);
        if (yes <= 0)
            return yes < 0 ? condition_failed (s) : SB_END_GO_ON;
        end = run_list (s, r, st->body);
        if (end == SB_END_BREAK)
            return SB_END_GO_ON;
        if (end == SB_END_BATCH || end == SB_END_CATCH)
            return end;
    }
    return SB_END_BATCH;
}

/* The body until something is caught, then the other part, in which ERROR_NUMBER () and its kin speak of it. */
static enum sb_sql_end
run_try (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_stmt *st)
{
    unsigned outer_tries = s->tries, outer_level = s->try_level;
    struct tds_error *outer = s->handled, *mine;
    enum sb_sql_end end;

    s->tries++;
    s->try_level = r->level;
    s->caught.number = 0;
    end = run_list (s, r, st->body);
    if (s->tries > 0)
        s->tries = outer_tries;
    s->try_level = outer_level;
    if (end != SB_END_CATCH)
        return end;
    mine = sb_arena_alloc (r->c->arena, sizeof *mine);
    *mine = s->caught;
    s->caught.number = 0;
    s->handled = mine;
    end = run_list (s, r, st->other);
    s->handled = outer;
    return end;
}

static enum sb_sql_end
run_list (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_stmt *st)
{
    for (; st != NULL; st = st->next) {
        enum sb_sql_end end = SB_END_GO_ON;
        int yes;
        if (st->flow == SB_FLOW_STATEMENT)
            end = run_statement (s, r, st);
        else if (st->flow == SB_FLOW_WHILE)
            end = run_while (s, r, st);
        else if (st->flow == SB_FLOW_BLOCK)
            end = run_list (s, r, st->body);
        else if (st->flow == SB_FLOW_TRY)
            end = run_try (s, r, st);
        else if ((yes = holds (s, r, st)) < 0)
            end = condition_failed (s);
        else
            end = run_list (s, r, yes ? st->body : st->other);
        if (end != SB_END_GO_ON)
            return end;
    }
    return SB_END_GO_ON;
}

enum sb_sql_end
tds_run_text (struct tds_session *s, const char *text, size_t n, struct sb_sql_vars *vars,
              const struct sb_sql_run *outer)
{
    struct sb_arena arena = { 0 };
    struct sb_sql_lexed lexed;
    struct sb_sql_cursor c = { .arena = &arena, .vars = vars };
    struct sb_sql_run r = { .c = &c, .vars = vars, .proc = "", .line = 1 };
    struct sb_sql_stmt *first;
    enum sb_sql_end end;

    if (outer != NULL) {
        r.in_proc = true;
        r.level = outer->level + 1;
    }
    if (r.level > NESTING) {
        tds_say (s, outer, 217);
        return SB_END_BATCH;
    }
    sb_sql_lex (&arena, text, n, s->quoted_names, &lexed);
    c.tok = lexed.tokens;
    c.end = lexed.count;
    if (lexed.error != 0) {
        sb_sql_fail (&c, lexed.error, lexed.error_text);
        c.fail.line = lexed.error_line;
    }
    first = c.fail.number != 0 ? NULL : sb_sql_read_batch (&c);
    if (c.fail.number != 0) {
        end = tds_failed (s, &c, &r);
    } else {
        c.at = 0;
        end = run_list (s, &r, first);
    }
    sb_arena_release (&arena);
    return end;
}

void
tds_run_batch (struct tds_session *s, const char *text, size_t n)
{
    struct sb_sql_vars vars = { 0 };

    s->tries = 0;
    s->handled = NULL;
    s->caught.number = 0;
    tds_run_text (s, text, n, &vars, NULL);
    s->tries = 0;
    if (s->doomed && s->trancount > 0 && !tds_stopped (s)) {
        tds_rollback (s);
        tds_say (s, NULL, 3998);
        sb_tds_done (&s->out, SB_TDS_DONE, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
    }
    if (!s->out.held) /* nothing that answers: an empty batch, a DECLARE */
        sb_tds_done (&s->out, SB_TDS_DONE, 0, TDS_CMD_OTHER, 0);
    sb_sql_vars_release (&vars);
}
