/* RPC and transaction manager requests, done; the bytes are read in rpc.c. */
#include "lab/tds/do.h"
#include "lab/tds/rpc.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define PARAMS_MAX 2100 /* the server's own limit */

enum { EXECUTESQL = 10, PREPARE = 11, EXECUTE = 12, PREPEXEC = 13, UNPREPARE = 15 };

struct request {
    struct tds_session *s;
    struct sb_sql_run *r;
    struct sb_tds_param *params;
    struct tds_argument *args;
    size_t n;
    struct sb_buf outs; /* of struct kept: sent behind the return status */
};

struct kept {
    size_t arg;
    struct sb_sql_type type;
    struct sb_sql_value value; /* owned */
};

static void
keep (void *ctx, size_t arg, const struct sb_sql_type *t, const struct sb_sql_value *v)
{
    struct request *q = ctx;
    struct kept k = { .arg = arg, .type = *t, .value = sb_sql_value_copy (v) };

    sb_buf_add (&q->outs, &k, sizeof k);
}

static void
finish (struct request *q, int status)
{
    struct tds_session *s = q->s;
    const struct kept *list = (const void *) sb_buf_cstr (&q->outs);
    size_t n = q->outs.len / sizeof *list;

    if (!s->wire.dead && !s->cancelled)
        sb_tds_return_status (&s->out, status);
    for (size_t i = 0; i < n; i++) {
        struct kept k = list[i];
        const char *name = k.arg < q->n ? q->params[k.arg].name : "";
        k.type.not_null = false;
        if (!s->wire.dead && !s->cancelled)
            sb_tds_return_value (&s->out, (unsigned) k.arg, name, &k.type, &k.value);
        sb_sql_value_free (&k.value);
    }
    sb_tds_done (&s->out, SB_TDS_DONEPROC, s->error != 0 ? SB_TDS_ERROR : 0, TDS_CMD_EXEC, 0);
    sb_buf_free (&q->outs);
}

/* Remembers a statement; its handle. */
static int
remember (struct tds_session *s, const struct sb_sql_value *params, const struct sb_sql_value *text)
{
    struct tds_prepared *p;

    if (s->nprepared >= 4096)
        return 0;
    p = &SB_PUSH (s->prepared, s->nprepared, s->prepared_cap);
    p->params = params->tag == SB_SQL_TEXT ? sb_xstrndup (params->s, params->n) : sb_xstrdup ("");
    p->text = text->tag == SB_SQL_TEXT ? sb_xstrndup (text->s, text->n) : sb_xstrdup ("");
    return (int) s->nprepared;
}

static void
keep_handle (struct request *q, int handle)
{
    static const struct sb_sql_type type = { .kind = SB_SQL_INT, .len = 4 };
    struct sb_sql_value v = sb_sql_int (handle);

    keep (q, 0, &type, &v);
}

/* Runs text and definitions with the arguments from `first` on. */
static void
run_prepared (struct request *q, struct sb_sql_value text, struct sb_sql_value params, size_t first)
{
    size_t n = q->n > first ? q->n - first : 0;
    struct tds_argument *args = sb_xcalloc (n + 2, sizeof *args);

    args[0].name = args[1].name = "";
    args[0].value = text;
    args[1].value = params;
    for (size_t i = 0; i < n; i++)
        args[2 + i] = q->args[first + i];
    tds_executesql (q->s, q->r, args, n + 2, keep, q);
    free (args);
}

static void
run_number (struct request *q, unsigned number)
{
    struct tds_session *s = q->s;
    int64_t handle;

    switch (number) {
    case EXECUTESQL:
        tds_executesql (s, q->r, q->args, q->n, keep, q);
        return;
    case PREPARE:
    case PREPEXEC:
        if (q->n < 3)
            break;
        keep_handle (q, remember (s, &q->args[1].value, &q->args[2].value));
        if (number == PREPEXEC)
            run_prepared (q, q->args[2].value, q->args[1].value, 3);
        return;
    case EXECUTE:
    case UNPREPARE:
        handle = q->n > 0 && q->args[0].value.tag == SB_SQL_INTEGER ? q->args[0].value.i : 0;
        if (handle < 1 || (size_t) handle > s->nprepared) {
            tds_say (s, q->r, 8179, (int) handle);
            return;
        }
        if (number == EXECUTE)
            run_prepared (q, sb_sql_text (s->prepared[handle - 1].text), sb_sql_text (s->prepared[handle - 1].params),
                          1);
        return;
    default:
        break;
    }
    tds_say_state (s, q->r, 2812, 62, "sp_cursor");
}

static void
run_named (struct request *q, const char *text)
{
    static const struct {
        const char *name;
        unsigned number;
    } numbered[] = { { "sp_executesql", EXECUTESQL },
                     { "sp_prepare", PREPARE },
                     { "sp_execute", EXECUTE },
                     { "sp_prepexec", PREPEXEC },
                     { "sp_unprepare", UNPREPARE } };
    struct sb_sql_lexed lexed;
    struct sb_sql_cursor c = *q->r->c;
    struct sb_sql_name name;
    int status = 0;

    sb_sql_lex (c.arena, text, strlen (text), true, &lexed);
    c.tok = lexed.tokens;
    c.at = 0;
    c.end = lexed.count;
    if (lexed.error != 0 || !sb_sql_parse_name (&c, &name)) {
        tds_say_state (q->s, q->r, 2812, 62, text);
        finish (q, 0);
        return;
    }
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
        if (sb_casecmp (SB_SQL_OBJECT (&name), numbered[i].name) == 0) {
            run_number (q, numbered[i].number);
            finish (q, 0);
            return;
        }
    tds_call_proc (q->s, q->r, &name, q->args, q->n, &status, keep, q);
    finish (q, status);
}

static bool
take_params (struct sb_tds_reader *rd, struct request *q, struct sb_arena *a)
{
    q->params = sb_xcalloc (PARAMS_MAX + 1, sizeof *q->params);
    q->args = sb_xcalloc (PARAMS_MAX + 1, sizeof *q->args);
    while (rd->at < rd->n && rd->p[rd->at] < 0x80 && q->n < PARAMS_MAX) { /* 80, FE, FF part requests */
        struct sb_tds_param *p = &q->params[q->n];
        if (!sb_tds_take_param (rd, a, p))
            return false;
        q->args[q->n++] = (struct tds_argument){
            .name = p->name, .value = p->value, .output = p->output, .fallback = p->fallback
        };
    }
    return !rd->bad;
}

/* One of the requests in the message; false: it is not RPC. */
static bool
one (struct tds_session *s, struct sb_tds_reader *rd)
{
    struct sb_arena a = { 0 };
    struct sb_sql_cursor c = { .arena = &a };
    struct sb_sql_vars vars = { 0 };
    struct sb_sql_run r = { .c = &c, .vars = &vars, .proc = "", .line = 1, .in_proc = true };
    struct request q = { .s = s, .r = &r };
    unsigned units = (unsigned) sb_tds_take_le (rd, 2), number = 0;
    const char *name = "";
    bool good;

    c.vars = &vars;
    if (units == 0xffff)
        number = (unsigned) sb_tds_take_le (rd, 2);
    else
        name = sb_tds_take_text (rd, &a, units > 1024 ? 0 : units);
    sb_tds_take_le (rd, 2); /* option flags */
    good = !rd->bad && units != 0 && take_params (rd, &q, &a);
    if (good) {
        s->error = 0;
        if (units == 0xffff) {
            run_number (&q, number);
            finish (&q, 0);
        } else {
            run_named (&q, name);
        }
    }
    free (q.params);
    free (q.args);
    sb_sql_vars_release (&vars);
    sb_arena_release (&a);
    return good;
}

static void
refuse (struct tds_session *s)
{
    tds_say (s, NULL, 4002);
    sb_tds_done (&s->out, SB_TDS_DONE, SB_TDS_ERROR, 0, 0);
    s->over = true;
}

void
tds_run_rpc (struct tds_session *s, const uint8_t *p, size_t n)
{
    struct sb_tds_reader rd = { .p = p, .n = n };

    if (s->out.tds >= 0x72)
        sb_tds_skip_headers (&rd);
    do {
        if (rd.bad || !one (s, &rd)) {
            refuse (s);
            return;
        }
        if (rd.at < rd.n)
            rd.at++; /* the mark between two requests */
    } while (rd.at < rd.n && !s->over && !tds_stopped (s));
}

void
tds_run_transaction (struct tds_session *s, const uint8_t *p, size_t n)
{
    enum { DTC = 0, BEGIN = 5, COMMIT = 7, ROLLBACK = 8, SAVE = 9 };
    struct sb_tds_reader rd = { .p = p, .n = n };
    unsigned type, flags;
    bool good = true;

    if (s->out.tds >= 0x72)
        sb_tds_skip_headers (&rd);
    type = (unsigned) sb_tds_take_le (&rd, 2);
    if (rd.bad || (type != BEGIN && type != COMMIT && type != ROLLBACK)) {
        refuse (s);
        return;
    }
    if (type == BEGIN) {
        tds_begin (s, NULL);
    } else {
        rd.at += rd.at < rd.n ? 1u + rd.p[rd.at] * 2u : 0;
        flags = rd.at < rd.n ? rd.p[rd.at] : 0;
        if (type == COMMIT)
            good = tds_commit (s, NULL);
        else
            tds_rollback (s);
        if (flags & 1)
            tds_begin (s, NULL);
    }
    sb_tds_done (&s->out, SB_TDS_DONE, good ? 0 : SB_TDS_ERROR,
                 type == BEGIN    ? TDS_CMD_BEGIN
                 : type == COMMIT ? TDS_CMD_COMMIT
                                  : TDS_CMD_ROLLBACK,
                 0);
}
