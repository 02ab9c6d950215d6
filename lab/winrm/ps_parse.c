/* Statements of the little PowerShell: from text to a tree; commands are in ps_command.c.
 * Stops at the first error and says where; what ran before is not its business. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <ctype.h>
#include <string.h>

static struct ps_node *
block (struct ps_lex *l)
{
    ps_blank_lines (l);
    if (ps_peek (l, 0) != '{') {
        ps_lex_error (l, "Missing statement block.");
        return ps_node_new (l, PS_N_BLOCK);
    }
    l->at++;
    return ps_block_until (l, '}');
}

/* ( statement ) behind a keyword */
static struct ps_node *
condition (struct ps_lex *l, const char *keyword)
{
    struct ps_node *n;

    ps_blank_lines (l);
    if (ps_peek (l, 0) != '(') {
        ps_lex_error (l, "Missing '(' after '%s' in statement.", keyword);
        return ps_node_new (l, PS_N_BLOCK);
    }
    l->at++;
    ps_blank_lines (l);
    n = ps_statement (l);
    ps_blank_lines (l);
    if (ps_peek (l, 0) != ')')
        ps_lex_error (l, "Missing closing ')' after expression in '%s' statement.", keyword);
    else
        l->at++;
    return n;
}

/* Goes on to a keyword behind newlines only when it is there. */
static bool
follows (struct ps_lex *l, const char *keyword)
{
    size_t at = l->at;

    ps_blank_lines (l);
    if (ps_keyword (l, keyword)) {
        l->at += strlen (keyword);
        return true;
    }
    l->at = at;
    return false;
}

static struct ps_node *
parse_if (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_IF);

    l->at += 2;
    do {
        ps_kid (l, n, condition (l, "if"));
        ps_kid (l, n, block (l));
    } while (!l->failed && follows (l, "elseif"));
    if (follows (l, "else"))
        ps_kid (l, n, block (l));
    return n;
}

static struct ps_node *
parse_while (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_WHILE);

    l->at += 5;
    ps_kid (l, n, condition (l, "while"));
    ps_kid (l, n, block (l));
    return n;
}

static struct ps_node *
parse_do (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_DO);

    l->at += 2;
    ps_kid (l, n, block (l));
    n->text = follows (l, "while") ? "while" : follows (l, "until") ? "until" : NULL;
    if (n->text)
        ps_kid (l, n, condition (l, n->text));
    else
        ps_lex_error (l, "Missing while or until keyword in do loop.");
    return n;
}

/* One part of for ( ; ; ), up to `end`; NULL: empty. */
static struct ps_node *
for_part (struct ps_lex *l, int end)
{
    struct ps_node *n = NULL;

    ps_blank_lines (l);
    if (ps_peek (l, 0) != end)
        n = ps_statement (l);
    ps_blank_lines (l);
    if (ps_peek (l, 0) != end)
        ps_lex_error (l, "Missing '%c' in 'for' statement.", end);
    else
        l->at++;
    return n;
}

static struct ps_node *
parse_for (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_FOR);

    l->at += 3;
    ps_blank_lines (l);
    if (ps_peek (l, 0) != '(') {
        ps_lex_error (l, "Missing opening '(' after keyword 'for'.");
        return n;
    }
    l->at++;
    ps_kid (l, n, for_part (l, ';'));
    ps_kid (l, n, for_part (l, ';'));
    ps_kid (l, n, for_part (l, ')'));
    ps_kid (l, n, block (l));
    return n;
}

static struct ps_node *
parse_foreach (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_FOREACH);

    l->at += 7;
    ps_blank_lines (l);
    if (ps_peek (l, 0) != '(') {
        ps_lex_error (l, "Missing opening '(' after foreach keyword.");
        return n;
    }
    l->at++;
    ps_blank_lines (l);
    if (ps_peek (l, 0) != '$') {
        ps_lex_error (l, "Missing variable name after foreach.");
        return n;
    }
    n->text = ps_lex_variable (l)->text;
    if (!follows (l, "in"))
        ps_lex_error (l, "Missing 'in' after variable in foreach loop.");
    ps_blank_lines (l);
    ps_kid (l, n, ps_statement (l));
    ps_blank_lines (l);
    if (ps_peek (l, 0) != ')')
        ps_lex_error (l, "Missing closing ')' after expression in foreach loop.");
    else
        l->at++;
    ps_kid (l, n, block (l));
    return n;
}

static struct ps_node *
parse_switch (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_SWITCH);

    l->at += 6;
    ps_kid (l, n, condition (l, "switch"));
    ps_blank_lines (l);
    if (ps_peek (l, 0) != '{') {
        ps_lex_error (l, "Missing '{' in switch statement.");
        return n;
    }
    l->at++;
    for (;;) {
        for (ps_blank_lines (l); ps_peek (l, 0) == ';'; ps_blank_lines (l))
            l->at++;
        if (l->failed || ps_peek (l, 0) == '}')
            break;
        if (follows (l, "default"))
            ps_kid (l, n, NULL);
        else
            ps_kid (l, n, isalpha (ps_peek (l, 0)) ? ps_lex_bare (l) : ps_primary (l, true));
        ps_kid (l, n, block (l));
    }
    l->at += ps_peek (l, 0) == '}';
    return n;
}

static struct ps_node *
parse_try (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_TRY), *catch;

    l->at += 3;
    ps_kid (l, n, block (l));
    ps_kid (l, n, NULL);
    while (!l->failed && follows (l, "catch")) {
        catch = ps_node_new (l, PS_N_CATCH);
        ps_blank_lines (l);
        if (ps_peek (l, 0) == '[') {
            size_t from = l->at + 1;

            while (l->at < l->len && ps_peek (l, 0) != ']')
                l->at++;
            catch->text = ps_strndup (l->ps, l->src + from, l->at - from);
            l->at += l->at < l->len;
        }
        ps_kid (l, catch, block (l));
        ps_kid (l, n, catch);
    }
    if (follows (l, "finally"))
        n->kids[1] = block (l);
    if (n->nkids == 2 && !n->kids[1])
        ps_lex_error (l, "The Try statement is missing its Catch or Finally block.");
    return n;
}

/* ---- functions and script blocks ---- */

/* [Parameter(...)], [string]: the last word of a type without arguments is kept. */
static const char *
attribute (struct ps_lex *l)
{
    size_t from = l->at + 1;
    int depth = 0;
    bool arguments = false;

    do {
        int c = ps_peek (l, 0);

        depth += c == '[' || c == '(' ? 1 : c == ']' || c == ')' ? -1 : 0;
        arguments |= c == '(';
        if (c == -1) {
            ps_lex_error (l, "Missing ']' at end of attribute or type literal.");
            return NULL;
        }
        l->at++;
    } while (depth);
    return arguments ? NULL : ps_strndup (l->ps, l->src + from, l->at - from - 1);
}

/* $a, [switch]$b = 1 ) */
static void
parameters (struct ps_lex *l, struct ps_node *script)
{
    l->at++;
    for (;;) {
        struct ps_node *n;
        const char *type = NULL, *t;

        ps_blank_lines (l);
        while (!l->failed && ps_peek (l, 0) == '[') {
            t = attribute (l);
            type = t ? t : type;
            ps_blank_lines (l);
        }
        if (l->failed || ps_peek (l, 0) != '$')
            break;
        n = ps_node_new (l, PS_N_PARAM);
        n->text = ps_lex_variable (l)->text;
        n->value = type ? ps_const (type) : ps_null ();
        ps_blank_lines (l);
        if (ps_peek (l, 0) == '=') {
            l->at++;
            ps_blank_lines (l);
            ps_kid (l, n, ps_primary (l, false));
            ps_blank_lines (l);
        } else
            ps_kid (l, n, NULL);
        ps_kid (l, script, n);
        if (ps_peek (l, 0) != ',')
            break;
        l->at++;
    }
    if (ps_peek (l, 0) != ')')
        ps_lex_error (l, "Missing ')' in function parameter list.");
    else
        l->at++;
}

/* Behind { */
struct ps_node *
ps_script_block (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_SCRIPT);

    n->from = l->at - 1;
    ps_blank_lines (l);
    while (!l->failed && ps_peek (l, 0) == '[' && !strncasecmp (l->src + l->at, "[CmdletBinding", 14)) {
        attribute (l);
        ps_blank_lines (l);
    }
    if (follows (l, "param")) {
        ps_blank_lines (l);
        if (ps_peek (l, 0) == '(')
            parameters (l, n);
    }
    if (ps_enter (l))
        ps_kid (l, n, ps_block_until (l, '}'));
    l->depth--;
    n->to = l->at;
    return n;
}

static struct ps_node *
parse_function (struct ps_lex *l)
{
    struct ps_node *n = ps_node_new (l, PS_N_FUNCTION), *script, *head;
    size_t from;

    l->at += 8;
    ps_blank (l);
    from = l->at;
    while (!ps_word_ends (ps_peek (l, 0)))
        l->at++;
    n->text = ps_strndup (l->ps, l->src + from, l->at - from);
    if (!*n->text)
        ps_lex_error (l, "Missing function name.");
    ps_blank_lines (l);
    head = ps_node_new (l, PS_N_SCRIPT);
    if (ps_peek (l, 0) == '(')
        parameters (l, head);
    ps_blank_lines (l);
    if (ps_peek (l, 0) != '{') {
        ps_lex_error (l, "Missing function body in function declaration.");
        return n;
    }
    l->at++;
    script = ps_script_block (l);
    if (head->nkids && script->nkids) { /* parameters before the brace */
        ps_kid (l, head, script->kids[script->nkids - 1]);
        script->kids = head->kids;
        script->nkids = head->nkids;
        script->cap = head->cap;
    }
    ps_kid (l, n, script);
    return n;
}

static struct ps_node *
parse_flow (struct ps_lex *l, const char *word)
{
    struct ps_node *n = ps_node_new (l, PS_N_FLOW);
    int c;

    n->text = word;
    l->at += strlen (word);
    ps_blank (l);
    c = ps_peek (l, 0);
    n->to = l->at;
    if (c == -1 || strchr (";\n})", c))
        return n;
    if (!strcmp (word, "break") || !strcmp (word, "continue")) { /* a label */
        ps_name (l);
        return n;
    }
    ps_kid (l, n, ps_pipeline (l));
    return n;
}

/* ---- statements ---- */

static const char *
assignment_here (const struct ps_lex *l)
{
    static const char *const words[] = { "+=", "-=", "*=", "/=", "%=", "=" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (l->len - l->at >= strlen (words[i]) && !strncmp (l->src + l->at, words[i], strlen (words[i])))
            return words[i];
    return NULL;
}

static struct ps_node *
expression_statement (struct ps_lex *l)
{
    struct ps_node *target = ps_pipeline (l), *n;
    const char *word;

    ps_blank (l);
    word = l->failed || target->kind == PS_N_PIPELINE ? NULL : assignment_here (l);
    if (!word)
        return target;
    n = ps_node_new (l, PS_N_ASSIGN);
    n->from = target->from;
    n->text = word;
    l->at += strlen (word);
    ps_blank_lines (l);
    ps_kid (l, n, target);
    ps_kid (l, n, ps_statement (l));
    return n;
}

static const struct {
    const char *word;
    struct ps_node *(*parse) (struct ps_lex *l);
} keywords[] = {
    { "if", parse_if },
    { "while", parse_while },
    { "do", parse_do },
    { "for", parse_for },
    { "foreach", parse_foreach },
    { "switch", parse_switch },
    { "try", parse_try },
    { "function", parse_function },
    { "filter", NULL },
    { "return", NULL },
    { "throw", NULL },
    { "exit", NULL },
    { "break", NULL },
    { "continue", NULL },
};

struct ps_node *
ps_statement (struct ps_lex *l)
{
    struct ps_node *n = NULL;
    size_t i;

    if (!ps_enter (l)) {
        l->depth--;
        return ps_node_new (l, PS_N_BLOCK);
    }
    ps_blank (l);
    for (i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (ps_keyword (l, keywords[i].word))
            break;
    if (i == sizeof keywords / sizeof *keywords)
        n = expression_statement (l);
    else if (keywords[i].parse)
        n = keywords[i].parse (l);
    else if (!strcmp (keywords[i].word, "filter"))
        ps_lex_error (l, "The 'filter' keyword is not supported in this version of the language.");
    else
        n = parse_flow (l, keywords[i].word);
    l->depth--;
    return n ? n : ps_node_new (l, PS_N_BLOCK);
}

/* Statements that end with a brace need no separator behind them. */
static bool
ends_itself (const struct ps_node *n)
{
    return n->kind >= PS_N_IF && n->kind <= PS_N_FUNCTION;
}

struct ps_node *
ps_block_until (struct ps_lex *l, int close)
{
    struct ps_node *n = ps_node_new (l, PS_N_BLOCK), *s;

    for (;;) {
        for (ps_blank_lines (l); ps_peek (l, 0) == ';'; ps_blank_lines (l))
            l->at++;
        if (l->failed || ps_peek (l, 0) == close || ps_peek (l, 0) == -1)
            break;
        s = ps_statement (l);
        ps_kid (l, n, s);
        ps_blank (l);
        if (!l->failed && !ends_itself (s) && ps_peek (l, 0) != ';' && ps_peek (l, 0) != '\n' && ps_peek (l, 0) != close
            && ps_peek (l, 0) != -1)
            ps_lex_error (l, "Unexpected token '%c' in expression or statement.", ps_peek (l, 0));
    }
    if (ps_peek (l, 0) != close)
        ps_lex_error (l, "Missing closing '%c' in statement block or type definition.", close);
    else if (close != -1)
        l->at++;
    n->to = l->at;
    return n;
}

struct ps_node *
ps_parse (struct ps *ps, const char *src, struct ps_lex *l)
{
    struct ps_node *n;

    *l = (struct ps_lex){ .ps = ps, .src = src, .len = strlen (src) };
    if (l->len >= 3 && !strncmp (src, "\xef\xbb\xbf", 3))
        l->at = 3;
    n = ps_node_new (l, PS_N_SCRIPT);
    ps_kid (l, n, ps_block_until (l, -1));
    return l->failed ? NULL : n;
}
