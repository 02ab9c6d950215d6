/* Moving over tokens, names, types, variables; see sql.h. */
#include "lab/tds/sql.h"

#include "core/base/text.h"
#include "lab/tds/messages.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Words that cannot be a name without brackets. */
static const char *const reserved[] = {
    "add",          "all",          "alter",        "and",
    "any",          "as",           "asc",          "authorization",
    "backup",       "begin",        "between",      "break",
    "browse",       "bulk",         "by",           "cascade",
    "case",         "check",        "checkpoint",   "close",
    "clustered",    "coalesce",     "collate",      "column",
    "commit",       "compute",      "constraint",   "contains",
    "continue",     "convert",      "create",       "cross",
    "current",      "current_date", "current_time", "current_timestamp",
    "current_user", "cursor",       "database",     "dbcc",
    "deallocate",   "declare",      "default",      "delete",
    "deny",         "desc",         "disk",         "distinct",
    "distributed",  "double",       "drop",         "dump",
    "else",         "end",          "escape",       "except",
    "exec",         "execute",      "exists",       "exit",
    "external",     "fetch",        "file",         "fillfactor",
    "for",          "foreign",      "from",         "full",
    "function",     "goto",         "grant",        "group",
    "having",       "holdlock",     "identity",     "if",
    "in",           "index",        "inner",        "insert",
    "intersect",    "into",         "is",           "join",
    "key",          "kill",         "left",         "like",
    "lineno",       "load",         "merge",        "national",
    "nocheck",      "nonclustered", "not",          "null",
    "nullif",       "of",           "off",          "offsets",
    "on",           "open",         "option",       "or",
    "order",        "outer",        "over",         "percent",
    "pivot",        "plan",         "primary",      "print",
    "proc",         "procedure",    "public",       "raiserror",
    "read",         "reconfigure",  "references",   "replication",
    "restore",      "restrict",     "return",       "revert",
    "revoke",       "right",        "rollback",     "rowcount",
    "rule",         "save",         "schema",       "select",
    "session_user", "set",          "setuser",      "shutdown",
    "some",         "statistics",   "system_user",  "table",
    "then",         "to",           "top",          "tran",
    "transaction",  "trigger",      "truncate",     "tsequal",
    "union",        "unique",       "update",       "use",
    "user",         "values",       "varying",      "view",
    "waitfor",      "when",         "where",        "while",
    "with",
};

const struct sb_sql_token *
sb_sql_peek (const struct sb_sql_cursor *c, size_t ahead)
{
    static const struct sb_sql_token end = { .kind = SB_TOK_END, .text = "" };

    return c->at + ahead < c->end ? &c->tok[c->at + ahead] : &end;
}

const struct sb_sql_token *
sb_sql_next (struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);

    if (c->at < c->end)
        c->at++;
    return t;
}

static bool
is_word (const struct sb_sql_token *t, const char *word)
{
    return t->kind == SB_TOK_WORD && sb_casecmp (t->text, word) == 0;
}

bool
sb_sql_at_word (const struct sb_sql_cursor *c, const char *word)
{
    return is_word (sb_sql_peek (c, 0), word);
}

bool
sb_sql_at_words (const struct sb_sql_cursor *c, const char *first, const char *second)
{
    return is_word (sb_sql_peek (c, 0), first) && is_word (sb_sql_peek (c, 1), second);
}

bool
sb_sql_at_op (const struct sb_sql_cursor *c, const char *op)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);

    return t->kind == SB_TOK_OP && strcmp (t->text, op) == 0;
}

bool
sb_sql_take_word (struct sb_sql_cursor *c, const char *word)
{
    bool there = sb_sql_at_word (c, word);

    c->at += there;
    return there;
}

bool
sb_sql_take_op (struct sb_sql_cursor *c, const char *op)
{
    bool there = sb_sql_at_op (c, op);

    c->at += there;
    return there;
}

bool
sb_sql_need_word (struct sb_sql_cursor *c, const char *word)
{
    if (sb_sql_take_word (c, word))
        return true;
    sb_sql_fail_near (c);
    return false;
}

bool
sb_sql_need_op (struct sb_sql_cursor *c, const char *op)
{
    if (sb_sql_take_op (c, op))
        return true;
    sb_sql_fail_near (c);
    return false;
}

bool
sb_sql_reserved (const char *word)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (sb_casecmp (word, reserved[i]) == 0)
            return true;
    return false;
}

void
sb_sql_fail (struct sb_sql_cursor *c, int number, ...)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    const struct sb_sql_message *m = sb_sql_message_find (number);
    va_list args;

    if (c->fail.number != 0)
        return;
    c->fail.number = number;
    c->fail.line = c->at < c->end ? c->tok[c->at].line : c->end > 0 ? c->tok[c->end - 1].line : 1;
    va_start (args, number);
    sb_sql_message_format (m == NULL ? "%ls" : m->text, &args, &text);
    va_end (args);
    c->fail.text = sb_arena_strdup (c->arena, sb_buf_cstr (&text));
    c->at = c->end;
}

void
sb_sql_fail_near (struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);
    SB_AUTOFREE char *shown = NULL;

    if (t->kind == SB_TOK_END && c->end > 0)
        t = &c->tok[c->end - 1];
    shown = sb_xprintf ("%s%.120s", t->kind == SB_TOK_VAR ? "@" : t->kind == SB_TOK_SYSVAR ? "@@" : "", t->text);
    sb_sql_fail (c, t->kind == SB_TOK_WORD && sb_sql_reserved (t->text) ? 156 : 102, shown);
}

/* ---- names ---- */

bool
sb_sql_at_name (const struct sb_sql_cursor *c)
{
    const struct sb_sql_token *t = sb_sql_peek (c, 0);

    return t->kind == SB_TOK_NAME || (t->kind == SB_TOK_WORD && !sb_sql_reserved (t->text));
}

const char *
sb_sql_take_name (struct sb_sql_cursor *c)
{
    if (!sb_sql_at_name (c)) {
        sb_sql_fail_near (c);
        return "";
    }
    if (sb_sql_peek (c, 0)->len > 512) { /* 128 characters of up to four bytes */
        SB_AUTOFREE char *head = sb_xstrndup (sb_sql_peek (c, 0)->text, 60);
        sb_sql_fail (c, 103, "identifier", head, 128);
        return "";
    }
    return sb_sql_next (c)->text;
}

bool
sb_sql_parse_name (struct sb_sql_cursor *c, struct sb_sql_name *ret)
{
    const char *parts[4];
    int n = 0;

    *ret = (struct sb_sql_name){ .part = { "", "", "", "" } };
    do {
        if (n == 4) {
            sb_sql_fail_near (c);
            return false;
        }
        parts[n] = n > 0 && sb_sql_at_op (c, ".") ? "" : sb_sql_take_name (c);
        n++;
    } while (sb_sql_take_op (c, "."));
    ret->count = n;
    for (int i = 0; i < n; i++)
        ret->part[4 - n + i] = parts[i];
    return c->fail.number == 0;
}

char *
sb_sql_name_text (struct sb_sql_cursor *c, const struct sb_sql_name *n)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    for (int i = 4 - n->count; i < 4; i++)
        sb_buf_printf (&b, "%s%s", i > 4 - n->count ? "." : "", n->part[i]);
    return sb_arena_strdup (c->arena, sb_buf_cstr (&b));
}

bool
sb_sql_parse_type (struct sb_sql_cursor *c, struct sb_sql_type *ret)
{
    struct sb_sql_name name;
    int numbers[2] = { 0, 0 }, count = 0;

    if (!sb_sql_parse_name (c, &name))
        return false;
    if (sb_sql_take_op (c, "(")) {
        do {
            int64_t v = SB_SQL_MAX;
            if (count == 2 || (!sb_sql_take_word (c, "max") && !sb_sql_parse_int (c, &v))) {
                sb_sql_fail_near (c);
                return false;
            }
            numbers[count++] = (int) (v > 100000 ? 100000 : v);
        } while (sb_sql_take_op (c, ","));
        if (!sb_sql_need_op (c, ")"))
            return false;
    }
    if (sb_sql_type_named (SB_SQL_OBJECT (&name), strlen (SB_SQL_OBJECT (&name)), numbers, count, ret))
        return true;
    sb_sql_fail (c, 243, SB_SQL_OBJECT (&name));
    return false;
}

bool
sb_sql_parse_int (struct sb_sql_cursor *c, int64_t *ret)
{
    bool minus = sb_sql_at_op (c, "-") && sb_sql_peek (c, 1)->kind == SB_TOK_NUMBER;
    const struct sb_sql_token *t = sb_sql_peek (c, minus ? 1 : 0);
    int64_t v;

    if (t->kind != SB_TOK_NUMBER || !sb_parse_int (t->text, &v))
        return false;
    c->at += minus ? 2 : 1;
    *ret = minus ? -v : v;
    return true;
}

/* ---- variables ---- */

struct sb_sql_var *
sb_sql_var_find (const struct sb_sql_vars *vars, const char *name)
{
    for (size_t i = 0; vars != NULL && i < vars->count; i++)
        if (sb_casecmp (vars->list[i].name, name) == 0)
            return &vars->list[i];
    return NULL;
}

struct sb_sql_var *
sb_sql_var_add (struct sb_sql_vars *vars, const char *name, const struct sb_sql_type *type)
{
    struct sb_sql_var *v = &SB_PUSH (vars->list, vars->count, vars->cap);

    *v = (struct sb_sql_var){ .name = sb_xstrdup (name), .type = *type };
    return v;
}

void
sb_sql_vars_release (struct sb_sql_vars *vars)
{
    for (size_t i = 0; i < vars->count; i++) {
        sb_sql_value_free (&vars->list[i].value);
        free ((char *) (uintptr_t) vars->list[i].name);
    }
    free (vars->list);
    memset (vars, 0, sizeof *vars);
}
