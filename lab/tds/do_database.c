/* CREATE, ALTER, DROP DATABASE and KILL (SQL sheet 2.3, 5.2, 5.3).  What a
 * statement does to the world is one operation; refusals come back as numbers. */
#include "lab/tds/do.h"
#include "lab/tds/func.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
tds_take_text (struct sb_sql_cursor *c, struct tds_session *s, const char *what)
{
    static const struct sb_sql_type text = { .kind = SB_SQL_NVARCHAR, .len = 4000 };
    const struct sb_sql_token *t = sb_sql_peek (c, 0);
    struct sb_sql_var *var;
    struct sb_sql_value v;
    const char *ret = "";

    (void) what;
    if (t->kind == SB_TOK_STRING || t->kind == SB_TOK_NUMBER)
        return sb_sql_next (c)->text;
    if (t->kind != SB_TOK_VAR)
        return sb_sql_take_name (c);
    var = sb_sql_var_find (c->vars, t->text);
    if (var == NULL) {
        SB_AUTOFREE char *shown = sb_xprintf ("@%s", t->text);
        sb_sql_fail (c, 137, shown);
        return "";
    }
    sb_sql_next (c);
    if (s != NULL && sb_sql_convert (&var->value, &text, 0, &v) == 0) {
        if (v.tag == SB_SQL_TEXT)
            ret = sb_arena_strndup (c->arena, v.s, v.n);
        sb_sql_value_free (&v);
    }
    return ret;
}

/* Runs one operation and answers with DONE. */
static enum sb_sql_end
do_op (struct tds_session *s, const struct sb_sql_run *r, struct w_op *op, unsigned command)
{
    bool good;

    op->delay_ms = s->slow_ms;
    good = tds_do (s, r, op);
    if (!tds_stopped (s))
        tds_done (s, r, good ? 0 : SB_TDS_ERROR, command, 0);
    return SB_END_GO_ON;
}

/* Skips file specifications, COLLATE and the like up to the end of the statement. */
static void
skip_rest_of_create (struct sb_sql_cursor *c)
{
    int depth = 0;

    while (sb_sql_peek (c, 0)->kind != SB_TOK_END && !(depth == 0 && sb_sql_at_op (c, ";"))) {
        if (depth == 0 && sb_sql_verb_at (c) != NULL && !sb_sql_at_word (c, "with"))
            return;
        depth += sb_sql_at_op (c, "(") - sb_sql_at_op (c, ")");
        sb_sql_next (c);
    }
}

enum sb_sql_end
do_create_database (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct w_op op;
    const char *name;

    c->at += 2;
    name = sb_sql_take_name (c);
    if (sb_sql_at_word (c, "on") || sb_sql_at_word (c, "collate") || sb_sql_at_word (c, "log")
        || sb_sql_at_word (c, "with") || sb_sql_at_word (c, "containment"))
        skip_rest_of_create (c);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (tds_system_database (name)) {
        tds_say_state (s, r, 1801, 3, name);
        tds_done (s, r, SB_TDS_ERROR, TDS_CMD_CREATE_DB, 0);
        return SB_END_GO_ON;
    }
    tds_op_init (s, &op, W_OP_CREATE_DB, name);
    return do_op (s, r, &op, TDS_CMD_CREATE_DB);
}

enum sb_sql_end
do_drop_database (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    bool if_exists;

    c->at += 2;
    if_exists = sb_sql_at_words (c, "if", "exists");
    if (if_exists && s != NULL && s->major < 13) { /* it came with 2016 */
        sb_sql_fail_near (c);
        return SB_END_GO_ON;
    }
    if (if_exists)
        c->at += 2;
    do {
        const char *name = sb_sql_take_name (c);
        struct w_op op;
        if (s == NULL || c->fail.number != 0)
            continue;
        if (tds_system_database (name)) {
            tds_say (s, r, 3708, name);
            tds_done (s, r, SB_TDS_ERROR, TDS_CMD_DROP_DB, 0);
            continue;
        }
        if (tds_database_id (s, name) == 0) {
            if (!if_exists)
                tds_say_state (s, r, 3701, 1, "drop", "database", name);
            tds_done (s, r, if_exists ? 0 : SB_TDS_ERROR, TDS_CMD_DROP_DB, 0);
            continue;
        }
        tds_op_init (s, &op, W_OP_DROP_DB, name);
        do_op (s, r, &op, TDS_CMD_DROP_DB);
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    return SB_END_GO_ON;
}

/* ---- ALTER DATABASE ---- */

/* The words of SET that are one operation with one number. */
static const struct option {
    const char *word;
    enum w_op_kind kind;
    int number;
    const char *name; /* for W_OP_OPTION */
} options[] = {
    { "single_user", W_OP_ACCESS, W_SINGLE_USER, NULL },
    { "multi_user", W_OP_ACCESS, W_MULTI_USER, NULL },
    { "restricted_user", W_OP_ACCESS, W_RESTRICTED_USER, NULL },
    { "offline", W_OP_OFFLINE, 0, NULL },
    { "online", W_OP_ONLINE, 0, NULL },
    { "read_only", W_OP_READ_ONLY, 1, NULL },
    { "read_write", W_OP_READ_ONLY, 0, NULL },
    { "enable_broker", W_OP_OPTION, 1, "broker" },
    { "disable_broker", W_OP_OPTION, 0, "broker" },
    { "new_broker", W_OP_OPTION, 1, "broker" },
};

/* Options with ON or OFF that the world keeps; the others below are only accepted. */
static const char *const switches[][2] = { { "trustworthy", "trustworthy" }, { "auto_close", "auto_close" } };
static const char *const accepted[] = {
    "auto_shrink",
    "auto_create_statistics",
    "auto_update_statistics",
    "ansi_nulls",
    "ansi_padding",
    "ansi_warnings",
    "arithabort",
    "concat_null_yields_null",
    "numeric_roundabort",
    "quoted_identifier",
    "recursive_triggers",
    "allow_snapshot_isolation",
    "read_committed_snapshot",
    "db_chaining",
    "encryption",
    "ansi_null_default",
    "cursor_close_on_commit",
    "query_store",
    "honor_broker_priority",
};

struct change { /* one option of a SET list */
    struct w_op op;
    bool quiet; /* accepted, nothing to do */
};

static bool
set_partner (struct sb_sql_cursor *c, struct tds_session *s, struct w_op *op)
{
    static const struct {
        const char *word;
        enum w_op_kind kind;
    } words[] = { { "failover", W_OP_FAILOVER },
                  { "force_service_allow_data_loss", W_OP_FORCE },
                  { "off", W_OP_PARTNER_OFF },
                  { "suspend", W_OP_SUSPEND },
                  { "resume", W_OP_RESUME } };
    int64_t n;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sb_sql_take_word (c, words[i].word)) {
            op->kind = (uint16_t) words[i].kind;
            return true;
        }
    if (sb_sql_take_word (c, "safety")) {
        op->kind = W_OP_SAFETY;
        op->n[0] = sb_sql_take_word (c, "full") ? W_SAFETY_FULL : W_SAFETY_OFF;
        return op->n[0] == W_SAFETY_FULL || sb_sql_need_word (c, "off");
    }
    if (sb_sql_take_word (c, "timeout")) {
        op->kind = W_OP_TIMEOUT;
        if (!sb_sql_parse_int (c, &n) || n < 0 || n > INT32_MAX)
            sb_sql_fail_near (c);
        else
            op->n[0] = (int32_t) n;
        return true;
    }
    op->kind = W_OP_PARTNER;
    if (!sb_sql_need_op (c, "="))
        return false;
    snprintf (op->path[0], sizeof op->path[0], "%s", tds_take_text (c, s, "address"));
    return true;
}

static bool
set_witness (struct sb_sql_cursor *c, struct tds_session *s, struct w_op *op)
{
    op->kind = W_OP_WITNESS;
    if (sb_sql_take_word (c, "off")) {
        op->kind = W_OP_WITNESS_OFF;
        return true;
    }
    if (!sb_sql_need_op (c, "="))
        return false;
    snprintf (op->path[0], sizeof op->path[0], "%s", tds_take_text (c, s, "address"));
    return true;
}

static bool
set_recovery (struct sb_sql_cursor *c, struct w_op *op)
{
    op->kind = W_OP_RECOVERY;
    if (sb_sql_take_word (c, "full"))
        op->n[0] = W_FULL;
    else if (sb_sql_take_word (c, "simple"))
        op->n[0] = W_SIMPLE;
    else if (sb_sql_take_word (c, "bulk_logged"))
        op->n[0] = W_BULK_LOGGED;
    else
        sb_sql_fail_near (c);
    return true;
}

static bool
set_switch (struct sb_sql_cursor *c, struct change *x)
{
    const char *word = sb_sql_peek (c, 0)->text;
    bool known = false;

    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (sb_casecmp (word, switches[i][0]) == 0) {
            x->op.kind = W_OP_OPTION;
            snprintf (x->op.name[0], sizeof x->op.name[0], "%s", switches[i][1]);
            known = true;
        }
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
        if (sb_casecmp (word, accepted[i]) == 0)
            known = x->quiet = true;
    if (!known)
        return false;
    sb_sql_next (c);
    sb_sql_take_op (c, "=");
    x->op.n[0] = sb_sql_take_word (c, "on");
    return x->op.n[0] != 0 || sb_sql_need_word (c, "off");
}

/* One option; what it does is in *x. */
static void
parse_option (struct sb_sql_cursor *c, struct tds_session *s, struct change *x)
{
    if (sb_sql_take_word (c, "partner")) {
        set_partner (c, s, &x->op);
        return;
    }
    if (sb_sql_take_word (c, "witness")) {
        set_witness (c, s, &x->op);
        return;
    }
    if (sb_sql_take_word (c, "recovery")) {
        set_recovery (c, &x->op);
        return;
    }
    if (sb_sql_take_word (c, "page_verify") || sb_sql_take_word (c, "compatibility_level")
        || sb_sql_take_word (c, "parameterization") || sb_sql_take_word (c, "target_recovery_time")) {
        x->quiet = true;
        sb_sql_take_op (c, "=");
        sb_sql_next (c);
        if (!sb_sql_take_word (c, "seconds"))
            sb_sql_take_word (c, "minutes");
        return;
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (sb_sql_take_word (c, options[i].word)) {
            x->op.kind = (uint16_t) options[i].kind;
            x->op.n[0] = options[i].number;
            if (options[i].name != NULL)
                snprintf (x->op.name[0], sizeof x->op.name[0], "%s", options[i].name);
            return;
        }
    if (!set_switch (c, x) && c->fail.number == 0)
        sb_sql_fail_near (c);
}

static uint32_t
parse_termination (struct sb_sql_cursor *c)
{
    int64_t n;

    if (!sb_sql_take_word (c, "with"))
        return 0;
    if (sb_sql_take_word (c, "no_wait"))
        return W_WITH_NO_WAIT;
    if (!sb_sql_need_word (c, "rollback") || sb_sql_take_word (c, "immediate"))
        return W_WITH_ROLLBACK;
    if (sb_sql_need_word (c, "after") && !sb_sql_parse_int (c, &n))
        sb_sql_fail_near (c);
    sb_sql_take_word (c, "seconds");
    return W_WITH_ROLLBACK;
}

/* Without WITH a change of state waits until nobody else is in the database. */
static bool
alone (struct tds_session *s, const char *db)
{
    struct world *w = tds_world (s);
    w_id copy = w == NULL ? 0 : w_find_copy (w, s->instance, db);

    for (unsigned i = 0; copy != 0 && i < w->nsessions; i++)
        if (w->sessions[i].instance == s->instance && w->sessions[i].copy == copy && w->sessions[i].spid != s->spid)
            return false;
    return true;
}

static bool
evicts (const struct w_op *op)
{
    return op->kind == W_OP_OFFLINE || op->kind == W_OP_READ_ONLY
           || (op->kind == W_OP_ACCESS && op->n[0] == W_SINGLE_USER)
           || (op->kind == W_OP_ACCESS && op->n[0] == W_RESTRICTED_USER);
}

static enum sb_sql_end
refuse_system (struct tds_session *s, const struct sb_sql_run *r, const char *db, const char *option)
{
    tds_say (s, r, 5058, option, db);
    tds_done (s, r, SB_TDS_ERROR, TDS_CMD_ALTER_DB, 0);
    return SB_END_GO_ON;
}

static enum sb_sql_end
apply (struct tds_session *s, const struct sb_sql_run *r, struct change *list, size_t n, uint32_t flags)
{
    bool good = true;

    for (size_t i = 0; i < n && good; i++) {
        struct w_op *op = &list[i].op;
        if (list[i].quiet)
            continue;
        op->flags |= flags;
        op->delay_ms = i == 0 ? s->slow_ms : 0;
        if (flags == 0 && evicts (op))
            while (!alone (s, op->db))
                if (!tds_wait (s, 100))
                    return SB_END_GO_ON;
        good = tds_do (s, r, op);
    }
    if (!tds_stopped (s))
        tds_done (s, r, good ? 0 : SB_TDS_ERROR, TDS_CMD_ALTER_DB, 0);
    return SB_END_GO_ON;
}

enum sb_sql_end
do_alter_database (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct change *list = sb_arena_alloc (c->arena, 16 * sizeof *list);
    const char *name, *option;
    size_t n = 0;
    uint32_t flags;

    c->at += 2;
    if (sb_sql_take_word (c, "current"))
        name = s == NULL ? "" : s->database;
    else
        name = sb_sql_take_name (c);
    if (sb_sql_at_word (c, "modify") || sb_sql_at_word (c, "add") || sb_sql_at_word (c, "collate")
        || sb_sql_at_word (c, "remove")) {
        bool rename = sb_sql_at_words (c, "modify", "name");
        skip_rest_of_create (c);
        if (s != NULL && c->fail.number == 0) {
            struct world *w = tds_world (s);
            const struct w_copy *copy = w == NULL ? NULL : w_copy (w, w_find_copy (w, s->instance, name));
            tds_say (s, r, copy == NULL ? 5011 : rename && copy->mirror_guid != 0 ? 957 : 5008, name);
            tds_say (s, r, 5069);
            tds_done (s, r, SB_TDS_ERROR, TDS_CMD_ALTER_DB, 0);
        }
        return SB_END_GO_ON;
    }
    if (!sb_sql_need_word (c, "set"))
        return SB_END_GO_ON;
    option = sb_sql_peek (c, 0)->text;
    do {
        if (n == 16) {
            sb_sql_fail_near (c);
            break;
        }
        if (s != NULL)
            tds_op_init (s, &list[n].op, W_OP_NONE, name);
        parse_option (c, s, &list[n++]);
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    flags = parse_termination (c);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (tds_system_database (name))
        return refuse_system (s, r, name, option);
    return apply (s, r, list, n, flags);
}

/* ---- KILL ---- */

enum sb_sql_end
do_kill (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct w_op op;
    int64_t spid = 0;
    bool status;

    sb_sql_next (c);
    if (!sb_sql_parse_int (c, &spid))
        sb_sql_fail_near (c);
    status = sb_sql_at_words (c, "with", "statusonly");
    if (status)
        c->at += 2;
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (spid < 1 || spid > 32767) {
        tds_say (s, r, 6101, (int) (spid > INT32_MAX ? INT32_MAX : spid));
        tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
        return SB_END_GO_ON;
    }
    if (status) {
        struct world *w = tds_world (s);
        bool there = w != NULL && w_session (w, s->instance, (uint16_t) spid) != NULL;
        tds_say (s, r, there ? 6120 : 6106, (int) spid);
        tds_done (s, r, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
        return SB_END_GO_ON;
    }
    tds_op_init (s, &op, W_OP_KILL, "");
    op.n[0] = (int32_t) spid;
    return do_op (s, r, &op, TDS_CMD_OTHER);
}
