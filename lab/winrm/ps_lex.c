/* Tokens of the little PowerShell.  PowerShell reads a word differently where a
 * command's arguments stand and where an expression stands, so there is no
 * stream of tokens: the parser asks for what may stand where it is.
 *
 * Known: blanks, # and <# #> comments, lines continued with a backquote; single
 * and double quoted text (the quotes U+2018 to U+201B and U+201C to U+201E too)
 * with their escapes, here-strings, variables with scopes, numbers with kb, mb
 * and gb, bare words of commands with variables inside. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void
ps_lex_error (struct ps_lex *l, const char *fmt, ...)
{
    va_list args;
    SB_AUTOFREE char *text = NULL;

    if (l->failed)
        return;
    va_start (args, fmt);
    text = sb_xvprintf (fmt, args);
    va_end (args);
    l->failed = true;
    l->error = ps_strdup (l->ps, text);
    l->error_at = l->at;
    l->at = l->len; /* nothing more to read: everybody comes to an end */
}

bool
ps_enter (struct ps_lex *l)
{
    if (++l->depth <= PS_MAX_DEPTH)
        return true;
    ps_lex_error (l, "The script is nested too deeply.");
    return false;
}

int
ps_peek (const struct ps_lex *l, size_t ahead)
{
    return ahead < l->len - l->at ? (unsigned char) l->src[l->at + ahead] : -1;
}

static bool
is_name (int c)
{
    return c == '_' || (c >= 0 && isalnum (c)) || c >= 0x80;
}

static void
skip_comment (struct ps_lex *l)
{
    const char *end;

    if (ps_peek (l, 0) == '#') {
        while (l->at < l->len && ps_peek (l, 0) != '\n')
            l->at++;
        return;
    }
    end = strstr (l->src + l->at, "#>");
    l->at = end ? (size_t) (end - l->src) + 2 : l->len;
}

void
ps_blank (struct ps_lex *l)
{
    for (;;) {
        int c = ps_peek (l, 0), d = ps_peek (l, 1);

        if (c == ' ' || c == '\t' || c == '\r' || c == '\f')
            l->at++;
        else if (c == '`' && d == '\n')
            l->at += 2;
        else if (c == '`' && d == '\r' && ps_peek (l, 2) == '\n')
            l->at += 3;
        else if (c == '#' || (c == '<' && d == '#'))
            skip_comment (l);
        else
            return;
    }
}

void
ps_blank_lines (struct ps_lex *l)
{
    for (ps_blank (l); ps_peek (l, 0) == '\n'; ps_blank (l))
        l->at++;
}

/* UTF-8 e2 80 98..9b are single quotes, e2 80 9c..9e double ones. */
static int
quote_at (const char *s, size_t left, size_t *ret_n)
{
    const unsigned char *u = (const unsigned char *) s;

    *ret_n = 1;
    if (left && (*s == '\'' || *s == '"'))
        return *s;
    *ret_n = 3;
    if (left < 3 || u[0] != 0xe2 || u[1] != 0x80 || u[2] < 0x98 || u[2] > 0x9e)
        return 0;
    return u[2] <= 0x9b ? '\'' : '"';
}

int
ps_quote (const struct ps_lex *l, size_t *ret_n)
{
    return quote_at (l->src + l->at, l->len - l->at, ret_n);
}

bool
ps_word_ends (int c)
{
    return c == -1 || strchr (" \t\r\n\f;|&(){},\"'", c) != NULL;
}

bool
ps_keyword (const struct ps_lex *l, const char *w)
{
    size_t n = strlen (w);

    if (l->len - l->at < n || strncasecmp (l->src + l->at, w, n) != 0)
        return false;
    return !is_name (ps_peek (l, n)) && ps_peek (l, n) != '-';
}

const char *
ps_name (struct ps_lex *l)
{
    size_t from = l->at;

    while (is_name (ps_peek (l, 0)))
        l->at++;
    return l->at > from ? ps_strndup (l->ps, l->src + from, l->at - from) : NULL;
}

struct ps_node *
ps_node_new (struct ps_lex *l, enum ps_kind kind)
{
    struct ps_node *n = ps_alloc (l->ps, sizeof *n);

    n->kind = kind;
    n->from = n->to = l->at;
    return n;
}

void
ps_kid (struct ps_lex *l, struct ps_node *n, struct ps_node *kid)
{
    if (n->nkids == n->cap) {
        struct ps_node **more;

        n->cap = n->cap ? n->cap * 2 : 3;
        more = ps_alloc (l->ps, n->cap * sizeof *more);
        if (n->nkids)
            memcpy (more, n->kids, n->nkids * sizeof *more);
        n->kids = more;
    }
    n->kids[n->nkids++] = kid;
    n->to = l->at;
}

/* ---- text ---- */

/* What stands behind a backquote inside double quotes. */
static char
escaped (int c)
{
    static const char from[] = "0abfnrtv", to[] = "\0\a\b\f\n\r\t\v";
    const char *p = c > 0 ? strchr (from, c) : NULL;

    return p ? to[p - from] : (char) c;
}

static void
take_text (struct ps_lex *l, struct ps_node *string, struct sb_buf *b)
{
    struct ps_node *n;

    if (!b->len)
        return;
    n = ps_node_new (l, PS_N_CONST);
    n->value = ps_const (ps_strndup (l->ps, b->s, b->len));
    ps_kid (l, string, n);
    sb_buf_clear (b);
}

/* $name or $( ) inside text; false: the dollar is only a dollar. */
static bool
inside (struct ps_lex *l, struct ps_node *string, struct sb_buf *b)
{
    struct ps_node *n;
    int c = ps_peek (l, 1);

    if (c == '(') {
        take_text (l, string, b);
        n = ps_node_new (l, PS_N_SUBEXPR);
        l->at += 2;
        if (ps_enter (l))
            ps_kid (l, n, ps_block_until (l, ')'));
        l->depth--;
        ps_kid (l, string, n);
        return true;
    }
    if (!is_name (c) && c != '{' && c != '?' && c != '$')
        return false;
    if (c == '$' || (c >= 0x80)) /* $$ and typographic signs behind a dollar are text */
        return false;
    take_text (l, string, b);
    ps_kid (l, string, ps_lex_variable (l));
    return true;
}

/* One character of expandable text, escapes and variables included. */
static void
expandable (struct ps_lex *l, struct ps_node *string, struct sb_buf *b)
{
    int c = ps_peek (l, 0);

    if (c == '`') {
        l->at++;
        c = ps_peek (l, 0);
        if (c == -1)
            return;
        if (escaped (c))
            sb_buf_char (b, escaped (c));
        l->at++;
        return;
    }
    if (c == '$' && inside (l, string, b))
        return;
    sb_buf_char (b, (char) c);
    l->at++;
}

/* Behind @" or @': from the next line to a line that begins with the quote and @. */
static struct ps_node *
here_string (struct ps_lex *l, int quote)
{
    struct ps_node *string = ps_node_new (l, PS_N_STRING);
    struct sb_buf b = { 0 };
    bool line_begins = true;

    while (l->at < l->len && l->src[l->at++] != '\n')
        ;
    while (l->at < l->len && !(line_begins && ps_peek (l, 0) == quote && ps_peek (l, 1) == '@')) {
        line_begins = ps_peek (l, 0) == '\n';
        if (quote == '"')
            expandable (l, string, &b);
        else
            sb_buf_char (&b, l->src[l->at++]);
    }
    if (l->at >= l->len)
        ps_lex_error (l, "The string is missing the terminator: %c@.", quote);
    else
        l->at += 2;
    for (const char *end = "\n\r"; *end; end++)
        if (b.len && b.s[b.len - 1] == *end)
            b.s[--b.len] = '\0';
    take_text (l, string, &b);
    sb_buf_free (&b);
    string->to = l->at;
    return string;
}

struct ps_node *
ps_lex_string (struct ps_lex *l)
{
    struct ps_node *string;
    struct sb_buf b = { 0 };
    size_t n, m;
    int quote;

    if (ps_peek (l, 0) == '@') {
        l->at++;
        return here_string (l, ps_peek (l, 0));
    }
    string = ps_node_new (l, PS_N_STRING);
    quote = ps_quote (l, &n);
    l->at += n;
    for (;;) {
        if (l->at >= l->len) {
            ps_lex_error (l, "The string is missing the terminator: %c.", quote);
            break;
        }
        if (ps_quote (l, &n) == quote) {
            if (quote_at (l->src + l->at + n, l->len - l->at - n, &m) != quote)
                break;
            sb_buf_add (&b, l->src + l->at, n);
            l->at += n + m;
        } else if (quote == '"')
            expandable (l, string, &b);
        else
            sb_buf_char (&b, l->src[l->at++]);
    }
    if (!l->failed)
        l->at += n;
    take_text (l, string, &b);
    sb_buf_free (&b);
    string->to = l->at;
    return string;
}

/* ---- variables, numbers, words ---- */

struct ps_node *
ps_lex_variable (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_VAR);
    size_t from = ++l->at;

    if (ps_peek (l, 0) == '{') {
        const char *close = memchr (l->src + l->at, '}', l->len - l->at);

        if (!close) {
            ps_lex_error (l, "The braced variable name is missing its closing brace.");
            return n;
        }
        n->text = ps_strndup (l->ps, l->src + from + 1, (size_t) (close - l->src) - from - 1);
        l->at = (size_t) (close - l->src) + 1;
    } else {
        if (ps_peek (l, 0) == '?' || ps_peek (l, 0) == '$' || ps_peek (l, 0) == '^')
            l->at++;
        else
            while (is_name (ps_peek (l, 0))
                   || (ps_peek (l, 0) == ':' && ps_peek (l, 1) != ':' && is_name (ps_peek (l, 1)) && l->at > from
                       && !memchr (l->src + from, ':', l->at - from)))
                l->at++;
        n->text = ps_strndup (l->ps, l->src + from, l->at - from);
    }
    if (!*n->text)
        ps_lex_error (l, "Variable reference is not valid. '$' was not followed by a valid variable name character.");
    n->to = l->at;
    return n;
}

struct ps_node *
ps_lex_number (struct ps_lex *l)
{
    static const struct {
        const char *word;
        int64_t times;
    } units[] = { { "kb", 1 << 10 }, { "mb", 1 << 20 }, { "gb", 1 << 30 } };
    const char *s = l->src + l->at;
    struct ps_node *n;
    char *end, *whole;
    int64_t i;
    double d;

    if (!isdigit ((unsigned char) *s) && !(*s == '.' && isdigit ((unsigned char) s[1])))
        return NULL;
    i = strtoll (s, &whole, s[0] == '0' && (s[1] | 32) == 'x' ? 16 : 10);
    end = whole;
    d = (double) i;
    if (*whole == '.' && whole[1] == '.') /* a range */
        end = whole;
    else if (*whole == '.' || *s == '.' || (*whole | 32) == 'e')
        d = strtod (s, &end);
    n = ps_node_new (l, PS_N_CONST);
    n->value = end == whole && i != INT64_MAX ? ps_int (i) : ps_double (d);
    for (size_t u = 0; u < 3; u++)
        if (!strncasecmp (end, units[u].word, 2)) {
            int64_t product;

            end += 2;
            if (n->value.type == PS_INT && !__builtin_mul_overflow (i, units[u].times, &product))
                n->value = ps_int (product);
            else
                n->value = ps_double (d * (double) units[u].times);
            break;
        }
    if ((*end | 32) == 'l' && n->value.type == PS_INT)
        end++;
    if (is_name ((unsigned char) *end))
        return NULL; /* a word that begins with digits */
    l->at = (size_t) (end - l->src);
    n->to = l->at;
    return n;
}

struct ps_node *
ps_lex_bare (struct ps_lex *l)
{
    struct ps_node *string = ps_node_new (l, PS_N_STRING);
    struct sb_buf b = { 0 };
    size_t from = l->at, n;

    string->bare = true;
    while (!l->failed && (!ps_word_ends (ps_peek (l, 0)) || (l->at > from && ps_quote (l, &n)))) {
        if (ps_quote (l, &n)) { /* a"b c"d is one word */
            struct ps_node *quoted;

            take_text (l, string, &b);
            quoted = ps_lex_string (l);
            for (size_t i = 0; i < quoted->nkids; i++)
                ps_kid (l, string, quoted->kids[i]);
        } else
            expandable (l, string, &b);
    }
    take_text (l, string, &b);
    sb_buf_free (&b);
    string->to = l->at;
    return string;
}
