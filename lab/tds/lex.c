/* The scanner of T-SQL; see lex.h. */
#include "lab/tds/lex.h"

#include <ctype.h>
#include <string.h>

struct scan {
    struct sb_arena *arena;
    const char *s;
    size_t n, at;
    int line;
    size_t cap;
    struct sb_sql_lexed *out;
};

static bool
is_start (unsigned char c)
{
    return isalpha (c) || c == '_' || c == '#' || c >= 0x80;
}

static bool
is_part (unsigned char c)
{
    return isalnum (c) || c == '_' || c == '#' || c == '$' || c == '@' || c >= 0x80;
}

static char
peek (const struct scan *c, size_t ahead)
{
    return c->at + ahead < c->n ? c->s[c->at + ahead] : 0;
}

static void
add (struct scan *c, enum sb_sql_token_kind kind, const char *text, size_t len)
{
    struct sb_sql_lexed *o = c->out;

    if (o->count + 2 > c->cap) {
        size_t cap = c->cap == 0 ? 64 : c->cap * 2;
        struct sb_sql_token *bigger = sb_arena_alloc (c->arena, cap * sizeof *bigger);
        if (o->count > 0)
            memcpy (bigger, o->tokens, o->count * sizeof *bigger);
        o->tokens = bigger;
        c->cap = cap;
    }
    o->tokens[o->count++] = (struct sb_sql_token){
        .kind = (uint8_t) kind, .line = c->line, .text = sb_arena_memdup (c->arena, text, len), .len = len
    };
}

static void
fail (struct scan *c, int number, int line, const char *text, size_t len)
{
    c->out->error = number;
    c->out->error_line = line;
    c->out->error_text = sb_arena_strndup (c->arena, text, len > 60 ? 60 : len);
}

static void
skip_comment (struct scan *c)
{
    int depth = 0, line = c->line;

    do {
        if (c->at >= c->n) {
            fail (c, 113, line, "", 0);
            return;
        }
        if (peek (c, 0) == '/' && peek (c, 1) == '*') {
            depth++;
            c->at += 2;
        } else if (peek (c, 0) == '*' && peek (c, 1) == '/') {
            depth--;
            c->at += 2;
        } else if (c->s[c->at++] == '\n') {
            c->line++;
        }
    } while (depth > 0);
}

static void
skip_blank (struct scan *c)
{
    while (c->at < c->n && c->out->error == 0) {
        unsigned char ch = (unsigned char) c->s[c->at];
        if (ch == '\n')
            c->line++;
        if (isspace (ch) || ch == 0 || ch == 0x1a)
            c->at++;
        else if (ch == 0xc2 && (unsigned char) peek (c, 1) == 0xa0)
            c->at += 2;
        else if (ch == 0xef && (unsigned char) peek (c, 1) == 0xbb && (unsigned char) peek (c, 2) == 0xbf)
            c->at += 3;
        else if (ch == '-' && peek (c, 1) == '-')
            while (c->at < c->n && c->s[c->at] != '\n')
                c->at++;
        else if (ch == '/' && peek (c, 1) == '*')
            skip_comment (c);
        else
            return;
    }
}

/* From the opening character to `close`; a doubled close stands for itself. */
static void
quoted (struct scan *c, enum sb_sql_token_kind kind, char close, bool national)
{
    size_t start = ++c->at, len = 0;
    int line = c->line, now = c->line;
    char *text;

    for (size_t i = start;; i++) {
        if (i >= c->n) {
            fail (c, 105, line, c->s + start, c->n - start);
            c->at = c->n;
            return;
        }
        if (c->s[i] == '\n')
            now++;
        if (c->s[i] == close) {
            if (i + 1 >= c->n || c->s[i + 1] != close)
                break;
            i++;
        }
        len++;
    }
    text = sb_arena_alloc (c->arena, len + 1);
    for (size_t k = 0; k < len; k++) {
        text[k] = c->s[c->at];
        c->at += c->s[c->at] == close ? 2 : 1;
    }
    c->at++;
    add (c, kind, "", 0);
    c->out->tokens[c->out->count - 1].text = text;
    c->out->tokens[c->out->count - 1].len = strnlen (text, len);
    c->out->tokens[c->out->count - 1].national = national;
    c->line = now;
}

static void
number (struct scan *c)
{
    size_t start = c->at;

    if (peek (c, 0) == '0' && (peek (c, 1) == 'x' || peek (c, 1) == 'X')) {
        c->at += 2;
        while (isxdigit ((unsigned char) peek (c, 0)))
            c->at++;
        add (c, SB_TOK_HEX, c->s + start + 2, c->at - start - 2);
        return;
    }
    while (isdigit ((unsigned char) peek (c, 0)))
        c->at++;
    if (peek (c, 0) == '.') {
        c->at++;
        while (isdigit ((unsigned char) peek (c, 0)))
            c->at++;
    }
    if ((peek (c, 0) | 0x20) == 'e') {
        size_t sign = peek (c, 1) == '+' || peek (c, 1) == '-';
        if (isdigit ((unsigned char) peek (c, 1 + sign))) {
            c->at += 1 + sign;
            while (isdigit ((unsigned char) peek (c, 0)))
                c->at++;
        }
    }
    add (c, SB_TOK_NUMBER, c->s + start, c->at - start);
}

static void
word (struct scan *c, enum sb_sql_token_kind kind, size_t prefix)
{
    size_t start = c->at + prefix;

    c->at = start;
    while (c->at < c->n && is_part ((unsigned char) c->s[c->at]))
        c->at++;
    add (c, kind, c->s + start, c->at - start);
}

static void
operator(struct scan *c)
{
    static const char *const pairs[] = { "<=", ">=", "<>", "!=", "!<", "!>", "+=", "-=", "*=", "/=", "::" };
    size_t n = 1;

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (peek (c, 0) == pairs[i][0] && peek (c, 1) == pairs[i][1])
            n = 2;
    add (c, SB_TOK_OP, c->s + c->at, n);
    c->at += n;
}

static void
one (struct scan *c, bool quoted_names)
{
    unsigned char ch = (unsigned char) c->s[c->at];

    if ((ch == 'N' || ch == 'n') && peek (c, 1) == '\'') {
        c->at++;
        quoted (c, SB_TOK_STRING, '\'', true);
    } else if (ch == '\'')
        quoted (c, SB_TOK_STRING, '\'', false);
    else if (ch == '[')
        quoted (c, SB_TOK_NAME, ']', false);
    else if (ch == '"')
        quoted (c, quoted_names ? SB_TOK_NAME : SB_TOK_STRING, '"', false);
    else if (isdigit (ch) || (ch == '.' && isdigit ((unsigned char) peek (c, 1))))
        number (c);
    else if (ch == '@' && peek (c, 1) == '@')
        word (c, SB_TOK_SYSVAR, 2);
    else if (ch == '@')
        word (c, SB_TOK_VAR, 1);
    else if (is_start (ch))
        word (c, SB_TOK_WORD, 0);
    else
        operator(c);
}

void
sb_sql_lex (struct sb_arena *a, const char *s, size_t n, bool quoted_names, struct sb_sql_lexed *ret)
{
    struct scan c = { .arena = a, .s = s, .n = n, .line = 1, .out = ret };

    memset (ret, 0, sizeof *ret);
    add (&c, SB_TOK_END, "", 0); /* so that there always is a list */
    ret->count = 0;
    for (;;) {
        skip_blank (&c);
        if (c.at >= c.n || ret->error != 0)
            break;
        if (ret->count >= SB_SQL_TOKENS_MAX) {
            fail (&c, 191, c.line, "", 0);
            break;
        }
        one (&c, quoted_names);
    }
    add (&c, SB_TOK_END, "", 0);
    ret->count--;
}
