/* Expressions of the little PowerShell, read by precedence: from -and, -or over
 * comparison, + -, * / %, -f, .. and the comma to unary operators, casts and
 * what stands behind a dot.  Leaves statements and commands to ps_parse.c. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <ctype.h>
#include <string.h>

/* Words without case; with c before the word ("-ceq") case counts, with i it does not. */
static const struct ps_op ops[] = {
    { "-and", PS_O_AND, 1, false },
    { "-or", PS_O_OR, 1, false },
    { "-xor", PS_O_XOR, 1, false },
    { "-band", PS_O_BAND, 2, false },
    { "-bor", PS_O_BOR, 2, false },
    { "-bxor", PS_O_BXOR, 2, false },
    { "-eq", PS_O_EQ, 3, false },
    { "-ne", PS_O_NE, 3, false },
    { "-gt", PS_O_GT, 3, false },
    { "-ge", PS_O_GE, 3, false },
    { "-lt", PS_O_LT, 3, false },
    { "-le", PS_O_LE, 3, false },
    { "-like", PS_O_LIKE, 3, false },
    { "-notlike", PS_O_NOTLIKE, 3, false },
    { "-match", PS_O_MATCH, 3, false },
    { "-notmatch", PS_O_NOTMATCH, 3, false },
    { "-replace", PS_O_REPLACE, 3, false },
    { "-contains", PS_O_CONTAINS, 3, false },
    { "-notcontains", PS_O_NOTCONTAINS, 3, false },
    { "-in", PS_O_IN, 3, false },
    { "-notin", PS_O_NOTIN, 3, false },
    { "-split", PS_O_SPLIT, 3, false },
    { "-ceq", PS_O_EQ, 3, true },
    { "-cne", PS_O_NE, 3, true },
    { "-cgt", PS_O_GT, 3, true },
    { "-cge", PS_O_GE, 3, true },
    { "-clt", PS_O_LT, 3, true },
    { "-cle", PS_O_LE, 3, true },
    { "-clike", PS_O_LIKE, 3, true },
    { "-cnotlike", PS_O_NOTLIKE, 3, true },
    { "-cmatch", PS_O_MATCH, 3, true },
    { "-cnotmatch", PS_O_NOTMATCH, 3, true },
    { "-creplace", PS_O_REPLACE, 3, true },
    { "-ccontains", PS_O_CONTAINS, 3, true },
    { "-cnotcontains", PS_O_NOTCONTAINS, 3, true },
    { "-cin", PS_O_IN, 3, true },
    { "-cnotin", PS_O_NOTIN, 3, true },
    { "-csplit", PS_O_SPLIT, 3, true },
    { "-join", PS_O_JOIN, 3, false },
    { "-is", PS_O_IS, 3, false },
    { "-isnot", PS_O_ISNOT, 3, false },
    { "-as", PS_O_AS, 3, false },
    { "+", PS_O_ADD, 4, false },
    { "-", PS_O_SUB, 4, false },
    { "*", PS_O_MUL, 5, false },
    { "/", PS_O_DIV, 5, false },
    { "%", PS_O_MOD, 5, false },
    { "-f", PS_O_FORMAT, 6, false },
    { "..", PS_O_RANGE, PS_LEVEL_RANGE, false },
};

const struct ps_op *
ps_op_word (const char *s, size_t n)
{
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strlen (ops[i].word) == n && !strncasecmp (ops[i].word, s, n))
            return &ops[i];
    if (n > 3 && s[0] == '-' && (s[1] | 32) == 'i') { /* -ieq is -eq; -in, -is stand in the table */
        char word[24];

        if (n > sizeof word)
            return NULL;
        word[0] = '-';
        memcpy (word + 1, s + 2, n - 2);
        return ps_op_word (word, n - 1);
    }
    return NULL;
}

/* The binary operator that stands here; *ret_n: its length. */
static const struct ps_op *
operator_here (const struct ps_lex *l, size_t *ret_n)
{
    const char *s = l->src + l->at;
    size_t n = 1;
    int c = ps_peek (l, 0), d = ps_peek (l, 1);

    if (c == '-' && d >= 0 && isalpha (d)) {
        while (ps_peek (l, n) >= 0 && isalpha (ps_peek (l, n)))
            n++;
    } else if (c == '.' && d == '.')
        n = 2;
    else if (c == -1 || !strchr ("+-*/%", c) || d == '=' || (d == c && (c == '+' || c == '-')))
        return NULL;
    *ret_n = n;
    return ps_op_word (s, n);
}

static struct ps_node *unary (struct ps_lex *l);

static struct ps_node *
array_literal (struct ps_lex *l)
{
    struct ps_node *first, *n;

    ps_blank (l);
    if (ps_peek (l, 0) == ',') { /* ,1: an array of one */
        n = ps_node_new (l, PS_N_COMMA);
        l->at++;
        ps_blank_lines (l);
        ps_kid (l, n, unary (l));
        return n;
    }
    first = unary (l);
    ps_blank (l);
    if (ps_peek (l, 0) != ',')
        return first;
    n = ps_node_new (l, PS_N_COMMA);
    n->from = first->from;
    ps_kid (l, n, first);
    while (!l->failed && ps_peek (l, 0) == ',') {
        l->at++;
        ps_blank_lines (l);
        ps_kid (l, n, unary (l));
        ps_blank (l);
    }
    return n;
}

static struct ps_node *
level (struct ps_lex *l, int at)
{
    struct ps_node *left, *n;
    const struct ps_op *op;
    size_t width;

    if (at > PS_LEVEL_RANGE)
        return array_literal (l);
    left = level (l, at + 1);
    for (;;) {
        ps_blank (l);
        op = operator_here (l, &width);
        if (l->failed || !op || op->level != at)
            return left;
        n = ps_node_new (l, PS_N_BINARY);
        n->from = left->from;
        n->op = op;
        l->at += width;
        ps_blank_lines (l);
        ps_kid (l, n, left);
        ps_kid (l, n, level (l, at + 1));
        left = n;
    }
}

struct ps_node *
ps_expression (struct ps_lex *l)
{
    struct ps_node *n = NULL;

    if (ps_enter (l))
        n = level (l, PS_LEVEL_LOGIC);
    l->depth--;
    return n ? n : ps_node_new (l, PS_N_CONST);
}

/* ---- unary operators and casts ---- */

static const char *
unary_word (const struct ps_lex *l)
{
    static const char *const words[] = { "-not", "-join", "-split", "-bnot" };
    int c = ps_peek (l, 0), d = ps_peek (l, 1);

    for (size_t i = 0; c == '-' && i < sizeof words / sizeof *words; i++)
        if (ps_keyword (l, words[i]))
            return words[i];
    if ((c == '+' && d == '+') || (c == '-' && d == '-'))
        return c == '+' ? "++" : "--";
    if (c == '!')
        return "!";
    return c == '-' ? "-" : c == '+' ? "+" : NULL;
}

/* [name], [name[]], [a.b.c]; NULL: none here. */
static const char *
type_here (struct ps_lex *l)
{
    size_t n = 1;
    const char *ret;

    while (ps_peek (l, n) >= 0
           && (isalnum (ps_peek (l, n)) || strchr ("._,", ps_peek (l, n))
               || (ps_peek (l, n) == '[' && ps_peek (l, n - 1) != '[')
               || (ps_peek (l, n) == ']' && (ps_peek (l, n - 1) == '[' || ps_peek (l, n + 1) == ']'))))
        n++;
    if (n == 1 || ps_peek (l, n) != ']' || isdigit (ps_peek (l, 1)))
        return NULL;
    ret = ps_strndup (l->ps, l->src + l->at + 1, n - 1);
    l->at += n + 1;
    return ret;
}

static struct ps_node *
with_type (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_TYPE);
    size_t from = l->at, m;
    int c;

    n->text = type_here (l);
    if (!n->text) {
        ps_lex_error (l, "Missing type name after '['.");
        return n;
    }
    n->to = l->at;
    ps_blank (l);
    c = ps_peek (l, 0);
    if ((c == '-' || c == '+') && ps_peek (l, 1) > 0 && strchr ("0123456789$(", ps_peek (l, 1)))
        c = '('; /* a sign; -and and its like are operators */
    if ((c > 0 && strchr ("$(@[!{0123456789", c)) || ps_quote (l, &m)) {
        struct ps_node *cast = ps_node_new (l, PS_N_CAST);

        cast->text = n->text;
        cast->from = from;
        ps_kid (l, cast, unary (l));
        return cast;
    }
    return NULL; /* [type]::member: the primary reads it again */
}

static struct ps_node *
unary (struct ps_lex *l)
{
    struct ps_node *n = NULL;
    const char *word;
    size_t at;

    ps_blank (l);
    if (!ps_enter (l)) {
        l->depth--;
        return ps_node_new (l, PS_N_CONST);
    }
    word = unary_word (l);
    at = l->at;
    if (word) {
        n = ps_node_new (l, strlen (word) == 2 && word[0] == word[1] ? PS_N_STEP : PS_N_UNARY);
        n->text = word;
        n->is_prefix = true;
        l->at += strlen (word);
        ps_blank (l);
        /* -join and -split take a whole list, the others one operand */
        ps_kid (l, n, !strcmp (word, "-join") || !strcmp (word, "-split") ? array_literal (l) : unary (l));
    } else if (ps_peek (l, 0) == '[') {
        n = with_type (l);
        if (!n)
            l->at = at;
    }
    if (!n)
        n = ps_primary (l, false);
    l->depth--;
    return n;
}

/* ---- primaries ---- */

static struct ps_node *
hash (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_HASH);

    l->at += 2;
    for (;;) {
        struct ps_node *key;
        size_t m;

        for (ps_blank_lines (l); ps_peek (l, 0) == ';'; ps_blank_lines (l))
            l->at++;
        if (l->failed || ps_peek (l, 0) == '}')
            break;
        if (ps_peek (l, 0) == -1) {
            ps_lex_error (l, "The hash literal was incomplete.");
            break;
        }
        if (ps_quote (l, &m) || ps_peek (l, 0) == '$' || ps_peek (l, 0) == '(')
            key = ps_primary (l, true);
        else {
            key = ps_node_new (l, PS_N_CONST);
            key->value = ps_const (ps_name (l));
            if (!key->value.u.s) {
                ps_lex_error (l, "Missing key before '=' in the hash literal.");
                break;
            }
        }
        ps_blank (l);
        if (ps_peek (l, 0) != '=') {
            ps_lex_error (l, "Missing '=' operator after key in hash literal.");
            break;
        }
        l->at++;
        ps_blank_lines (l);
        ps_kid (l, n, key);
        ps_kid (l, n, ps_statement (l));
        ps_blank (l);
    }
    l->at += ps_peek (l, 0) == '}';
    n->to = l->at;
    return n;
}

static struct ps_node *
bracketed (struct ps_lex *l, enum ps_kind kind, size_t skip)
{
    struct ps_node *n = ps_node_new (l, kind);

    l->at += skip;
    ps_kid (l, n, ps_block_until (l, ')'));
    return n;
}

static struct ps_node *
paren (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_PAREN);

    l->at++;
    ps_blank_lines (l);
    ps_kid (l, n, ps_statement (l));
    ps_blank_lines (l);
    if (ps_peek (l, 0) != ')')
        ps_lex_error (l, "Missing closing ')' in expression.");
    else
        l->at++;
    n->to = l->at;
    return n;
}

static struct ps_node *
atom (struct ps_lex *l)
{
    int c = ps_peek (l, 0), d = ps_peek (l, 1);
    struct ps_node *n;
    size_t m;

    if (ps_quote (l, &m) || (c == '@' && (d == '"' || d == '\'')))
        return ps_lex_string (l);
    if (c == '$' && d == '(')
        return bracketed (l, PS_N_SUBEXPR, 2);
    if (c == '$')
        return ps_lex_variable (l);
    if (c == '@' && d == '(')
        return bracketed (l, PS_N_ARRAY, 2);
    if (c == '@' && d == '{')
        return hash (l);
    if (c == '(')
        return paren (l);
    if (c == '{') {
        l->at++;
        return ps_script_block (l);
    }
    if (c == '[') {
        n = ps_node_new (l, PS_N_TYPE);
        n->text = type_here (l);
        if (n->text) {
            n->to = l->at;
            return n;
        }
    }
    n = ps_lex_number (l);
    if (n)
        return n;
    n = ps_node_new (l, PS_N_CONST);
    if (c == -1 || c == '\n')
        ps_lex_error (l, "An expression was expected here.");
    else
        ps_lex_error (l, "Unexpected token '%c' in expression or statement.", c);
    return n;
}

/* The arguments of a method: a comma list, but its elements are arguments. */
static struct ps_node *
invoke (struct ps_lex *l, struct ps_node *member)
{
    struct ps_node *n = ps_node_new (l, PS_N_INVOKE), *args;

    n->from = member->from;
    ps_kid (l, n, member);
    l->at++;
    ps_blank_lines (l);
    if (ps_peek (l, 0) != ')') {
        args = ps_expression (l);
        if (args->kind == PS_N_COMMA)
            for (size_t i = 0; i < args->nkids; i++)
                ps_kid (l, n, args->kids[i]);
        else
            ps_kid (l, n, args);
    }
    ps_blank_lines (l);
    if (ps_peek (l, 0) != ')')
        ps_lex_error (l, "Missing ')' in method call.");
    else
        l->at++;
    n->to = l->at;
    return n;
}

static struct ps_node *
member (struct ps_lex *l, struct ps_node *object, bool is_static)
{
    struct ps_node *n = ps_node_new (l, PS_N_MEMBER);
    size_t m;

    n->from = object->from;
    n->is_static = is_static;
    ps_kid (l, n, object);
    l->at += is_static ? 2 : 1;
    if (ps_quote (l, &m) || ps_peek (l, 0) == '$' || ps_peek (l, 0) == '(')
        ps_kid (l, n, atom (l));
    else {
        n->text = ps_name (l);
        if (!n->text)
            ps_lex_error (l, "Missing property name after reference operator.");
    }
    n->to = l->at;
    return ps_peek (l, 0) == '(' ? invoke (l, n) : n;
}

static struct ps_node *
index_of (struct ps_lex *l, struct ps_node *object)
{
    struct ps_node *n = ps_node_new (l, PS_N_INDEX);

    n->from = object->from;
    ps_kid (l, n, object);
    l->at++;
    ps_blank_lines (l);
    ps_kid (l, n, ps_expression (l));
    ps_blank_lines (l);
    if (ps_peek (l, 0) != ']')
        ps_lex_error (l, "Array index expression is missing or not valid.");
    else
        l->at++;
    n->to = l->at;
    return n;
}

struct ps_node *
ps_primary (struct ps_lex *l, bool argument)
{
    struct ps_node *n = ps_node_new (l, PS_N_CONST);

    if (!ps_enter (l)) {
        l->depth--;
        return n;
    }
    n = atom (l);
    while (!l->failed) {
        int c = ps_peek (l, 0), d = ps_peek (l, 1);
        struct ps_node *step;

        if (c == ':' && d == ':')
            n = member (l, n, true);
        else if (c == '.' && d != '.' && (d == '(' || d == '$' || d == '\'' || d == '"' || d == '_' || isalpha (d)))
            n = member (l, n, false);
        else if (c == '[')
            n = index_of (l, n);
        else if (!argument && ((c == '+' && d == '+') || (c == '-' && d == '-'))) {
            step = ps_node_new (l, PS_N_STEP);
            step->from = n->from;
            step->text = c == '+' ? "++" : "--";
            l->at += 2;
            ps_kid (l, step, n);
            n = step;
        } else
            break;
    }
    l->depth--;
    return n;
}
