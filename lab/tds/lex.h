/* T-SQL as tokens.
 *
 * Knows: comments (nested), strings, quoted names, numbers, variables, operators
 * and the line each stands on.  Promises: linear time, an upper limit on the
 * number of tokens, no recursion.  Leaves to others: every meaning. */
#ifndef SB_TDS_LEX_H
#define SB_TDS_LEX_H

#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sb_sql_token_kind {
    SB_TOK_END = 0,
    SB_TOK_WORD,   /* a bare name or keyword */
    SB_TOK_NAME,   /* [x] or "x" */
    SB_TOK_STRING, /* 'x', N'x' */
    SB_TOK_NUMBER,
    SB_TOK_HEX,    /* 0x... */
    SB_TOK_VAR,    /* @x; text without the @ */
    SB_TOK_SYSVAR, /* @@x; text without the @@ */
    SB_TOK_OP      /* text is the operator, one or two characters */
};

struct sb_sql_token {
    uint8_t kind;
    bool national; /* N'x' */
    int line;
    const char *text; /* decoded: quotes gone, doubled ones single; NUL-terminated */
    size_t len;
};

#define SB_SQL_TOKENS_MAX 400000

struct sb_sql_lexed {
    struct sb_sql_token *tokens; /* ends with SB_TOK_END */
    size_t count;                /* without the end */
    int error, error_line;       /* 0, or a message number: 105, 113, 191 */
    const char *error_text;
};

/* Texts live in the arena.  `quoted_names`: "x" is a name, else a string. */
void sb_sql_lex (struct sb_arena *a, const char *s, size_t n, bool quoted_names, struct sb_sql_lexed *ret);

#endif
