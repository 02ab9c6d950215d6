/* Common table expressions: WITH before a SELECT, said in SQLite's words, which are the same; see sql.h. */
#include "lab/tds/sql.h"

/* (a, b) behind the name; how many, 0: there is no such list. */
static size_t
cte_columns (struct sb_sql_cursor *c, struct sb_buf *out)
{
    size_t n = 0;

    if (!sb_sql_take_op (c, "("))
        return 0;
    do {
        sb_buf_str (out, n++ > 0 ? ", " : " (");
        sb_sql_quote_name (out, sb_sql_take_name (c));
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    sb_buf_char (out, ')');
    sb_sql_need_op (c, ")");
    return n;
}

bool
sb_sql_parse_ctes (struct sb_sql_cursor *c, struct sb_buf *out)
{
    const char *word = "WITH ";

    if (!sb_sql_need_word (c, "with"))
        return false;
    do {
        struct sb_sql_cte *x = sb_arena_alloc (c->arena, sizeof *x);
        struct sb_sql_query q = { 0 };
        size_t named;
        x->name = sb_sql_take_name (c);
        sb_buf_str (out, word);
        sb_sql_quote_name (out, x->name);
        named = cte_columns (c, out);
        if (!sb_sql_need_word (c, "as") || !sb_sql_need_op (c, "(") || !sb_sql_parse_query (c, NULL, &q)
            || !sb_sql_need_op (c, ")"))
            return false;
        if (named > 0 && q.types != NULL && named != q.ncols)
            sb_sql_fail (c, named < q.ncols ? 8158 : 8159, x->name);
        sb_buf_printf (out, " AS (%s)", q.sql);
        x->next = c->ctes; /* known from here on: it does not know itself, recursion is not spoken */
        c->ctes = x;
        word = ", ";
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    sb_buf_char (out, ' ');
    return c->fail.number == 0;
}
