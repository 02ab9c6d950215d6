/* Commands and pipelines of the little PowerShell: from text to a tree.  Behind a
 * command's name words need no quotes; -Name, -Name:value and redirections are
 * read here, what they mean is decided when the command is bound. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <ctype.h>
#include <string.h>

static bool
command_ends (const struct ps_lex *l)
{
    int c = ps_peek (l, 0);

    return c == -1 || strchr (";\n|)}", c);
}

/* 2>&1, > file, *> $null; NULL: none here */
static struct ps_node *
redirection (struct ps_lex *l)
{
    int c = ps_peek (l, 0);
    size_t n = c == '*' || (c >= '1' && c <= '6') ? 1 : 0;
    struct ps_node *r;

    if (ps_peek (l, n) != '>')
        return NULL;
    n += ps_peek (l, n + 1) == '>' ? 2 : 1;
    if (ps_peek (l, n) == '&' && ps_peek (l, n + 1) == '1')
        n += 2;
    r = ps_node_new (l, PS_N_REDIRECT);
    r->text = ps_strndup (l->ps, l->src + l->at, n);
    l->at += n;
    if (r->text[n - 1] == '1')
        return r;
    ps_blank (l);
    ps_kid (l, r, ps_peek (l, 0) == '$' ? ps_lex_variable (l) : ps_lex_bare (l));
    return r;
}

/* One value among the arguments of a command. */
static struct ps_node *
argument_value (struct ps_lex *l)
{
    size_t at = l->at, n;
    int c = ps_peek (l, 0);
    struct ps_node *v;

    if (c == '$' || c == '(' || c == '@' || c == '{' || ps_quote (l, &n)) {
        v = ps_primary (l, true);
        if (l->failed || c != '$' || ps_word_ends (ps_peek (l, 0)))
            return v;
        l->at = at; /* $x\y is one word */
        return ps_lex_bare (l);
    }
    l->at += c == '-';
    v = ps_lex_number (l);
    if (v && ps_word_ends (ps_peek (l, 0))) {
        if (c == '-')
            v->value = v->value.type == PS_INT ? ps_int (-v->value.u.i) : ps_double (-v->value.u.d);
        v->from = at;
        return v;
    }
    l->at = at;
    v = ps_lex_bare (l);
    if (l->at == at)
        ps_lex_error (l, "Unexpected token '%c' in expression or statement.", c);
    return v;
}

static struct ps_node *
argument (struct ps_lex *l)
{
    struct ps_node *v = argument_value (l), *list;
    size_t at;

    if (ps_blank (l), ps_peek (l, 0) != ',')
        return v;
    list = ps_node_new (l, PS_N_COMMA);
    list->from = v->from;
    ps_kid (l, list, v);
    while (!l->failed && ps_peek (l, 0) == ',') {
        l->at++;
        ps_blank_lines (l);
        ps_kid (l, list, argument_value (l));
        at = l->at;
        ps_blank (l);
        if (ps_peek (l, 0) != ',')
            l->at = at;
    }
    return list;
}

/* -Name or -Name:value */
static struct ps_node *
parameter (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_ARG);
    size_t from = ++l->at;

    while (!ps_word_ends (ps_peek (l, 0)) && ps_peek (l, 0) != ':')
        l->at++;
    n->text = ps_strndup (l->ps, l->src + from, l->at - from);
    n->to = l->at;
    if (ps_peek (l, 0) == ':') {
        l->at++;
        ps_blank (l);
        ps_kid (l, n, argument (l));
    }
    return n;
}

static struct ps_node *
command (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_COMMAND), *r;
    int c = ps_peek (l, 0);
    size_t m;

    if ((c == '&' || c == '.')
        && (ps_peek (l, 1) == ' ' || ps_peek (l, 1) == '{' || ps_peek (l, 1) == '$'
            || (c == '&' && (ps_peek (l, 1) == '\'' || ps_peek (l, 1) == '"')))) {
        n->text = c == '&' ? "&" : ".";
        l->at++;
        ps_blank (l);
        c = ps_peek (l, 0);
        ps_kid (l, n, c == '$' || c == '{' || c == '(' || ps_quote (l, &m) ? ps_primary (l, true) : ps_lex_bare (l));
    } else
        ps_kid (l, n, ps_lex_bare (l));
    for (;;) {
        ps_blank (l);
        if (l->failed || command_ends (l))
            break;
        r = redirection (l);
        if (!r)
            r = ps_peek (l, 0) == '-' && (isalpha (ps_peek (l, 1)) || ps_peek (l, 1) == '_') ? parameter (l)
                                                                                             : argument (l);
        ps_kid (l, n, r);
    }
    return n;
}

/* Does a command begin here, not an expression? */
static bool
command_here (const struct ps_lex *l)
{
    int c = ps_peek (l, 0), d = ps_peek (l, 1);

    if (c == -1)
        return false;
    if (isalpha (c) || c == '_' || c >= 0x80) {
        size_t n;

        return !ps_quote (l, &n);
    }
    if (c == '&' || ((c == '%' || c == '?') && (d == ' ' || d == '{')))
        return true;
    return c == '.' && (d == ' ' || d == '\\' || d == '{');
}

struct ps_node *
ps_pipeline (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_PIPELINE), *r;

    ps_kid (l, n, command_here (l) ? command (l) : ps_expression (l));
    for (;;) {
        ps_blank (l);
        r = l->failed || n->nkids != 1 ? NULL : redirection (l); /* behind an expression */
        if (r)
            continue;
        if (l->failed || ps_peek (l, 0) != '|')
            break;
        l->at++;
        ps_blank_lines (l);
        if (!command_here (l)) {
            ps_lex_error (l, "Expressions are only allowed as the first element of a pipeline.");
            break;
        }
        ps_kid (l, n, command (l));
    }
    n->to = l->at;
    return n->nkids == 1 && n->kids[0]->kind != PS_N_COMMAND ? n->kids[0] : n;
}
