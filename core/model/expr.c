/* Taking expressions and selections apart.  All functions are linear in the
 * text and keep no state. */
#include "core/model/expr.h"

#include "core/base/text.h"
#include "core/model/plan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Behind a quoted literal that begins at p (a quote); the end of text if it is not closed. */
static const char *
skip_quoted (const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\' && p + 1 < end)
            p++;
    return p < end ? p + 1 : end;
}

/* Behind an item's "[name]", whose name may hold anything but brackets. */
static const char *
skip_item (const char *p, const char *end)
{
    const char *close = memchr (p, ']', (size_t) (end - p));

    return close ? close + 1 : end;
}

/* The "}" that closes the "${" before p, or NULL. */
static const char *
closing_brace (const char *p, const char *end)
{
    size_t depth = 1;

    while (p < end) {
        if (*p == '"')
            p = skip_quoted (p, end);
        else if (*p == '[')
            p = skip_item (p, end);
        else if (*p == '$' && p + 1 < end && p[1] == '{') {
            depth++;
            p += 2;
        } else if (*p == '}' && --depth == 0)
            return p;
        else
            p++;
    }
    return NULL;
}

enum sb_piece_type
sb_next_piece (const char **p, struct sb_piece *ret)
{
    const char *s = *p, *end = s + strlen (s);
    const char *mark, *close;

    if (*s == '\0')
        return SB_PIECE_END;
    if (strncmp (s, "$${", 3) == 0) {
        *ret = (struct sb_piece){ s + 1, 2 };
        *p = s + 3;
        return SB_PIECE_TEXT;
    }
    if (strncmp (s, "${", 2) == 0) {
        close = closing_brace (s + 2, end);
        *ret = (struct sb_piece){ s + 2, (size_t) ((close ? close : end) - (s + 2)) };
        *p = close ? close + 1 : end;
        return close ? SB_PIECE_EXPR : SB_PIECE_BROKEN;
    }
    for (mark = s + 1; *mark != '\0'; mark++)
        if (mark[0] == '$' && (strncmp (mark, "${", 2) == 0 || strncmp (mark, "$${", 3) == 0))
            break;
    *ret = (struct sb_piece){ s, (size_t) (mark - s) };
    *p = mark;
    return SB_PIECE_TEXT;
}

static const char *
unquote (struct sb_arena *a, const char *s, const char *end)
{
    char *text = sb_arena_alloc (a, (size_t) (end - s) + 1);
    char *to = text;

    for (s++; s < end && *s != '"'; s++) {
        if (*s == '\\' && s + 1 < end)
            s++;
        *to++ = *s;
    }
    return text;
}

bool
sb_next_term (struct sb_arena *a, const char **p, const char *end, struct sb_term *ret)
{
    const char *start = *p, *s, *stop;

    if (start == NULL)
        return false;
    for (s = start; s < end && *s != '|';)
        if (*s == '"')
            s = skip_quoted (s, end);
        else
            s = *s == '[' ? skip_item (s, end) : s + 1;
    *p = s < end ? s + 1 : NULL;
    stop = s;
    while (start < stop && isspace ((unsigned char) *start))
        start++;
    while (stop > start && isspace ((unsigned char) stop[-1]))
        stop--;
    ret->literal = start < stop && *start == '"';
    ret->text = ret->literal ? unquote (a, start, stop) : sb_arena_strndup (a, start, (size_t) (stop - start));
    return true;
}

void
sb_quote_literal (struct sb_buf *b, const char *text)
{
    sb_buf_char (b, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            sb_buf_char (b, '\\');
        sb_buf_char (b, *text);
    }
    sb_buf_char (b, '"');
}

void
sb_escape_text (struct sb_buf *b, const char *text)
{
    for (; *text; text++) {
        if (text[0] == '$' && text[1] == '{')
            sb_buf_char (b, '$');
        sb_buf_char (b, *text);
    }
}

bool
sb_has_reference (const char *text)
{
    struct sb_piece piece;
    enum sb_piece_type type;

    while ((type = sb_next_piece (&text, &piece)) != SB_PIECE_END)
        if (type != SB_PIECE_TEXT)
            return true;
    return false;
}

/* Cuts at each `separator` outside quotes, items and ${..}; trims. */
static char **
split (struct sb_arena *a, const char *text, char separator, bool drop_empty, size_t *ret_count)
{
    const char *end = text + strlen (text), *start = text, *p = text;
    char **list = NULL, **kept;
    size_t n = 0, cap = 0;

    for (;; p++) {
        while (p < end && *p != separator) {
            const char *close;

            if (*p == '"')
                p = skip_quoted (p, end);
            else if (*p == '[')
                p = skip_item (p, end);
            else if (p[0] == '$' && p[1] == '{') {
                close = closing_brace (p + 2, end);
                p = close ? close + 1 : end;
            } else
                p++;
        }
        char *item = sb_trim (sb_arena_strndup (a, start, (size_t) (p - start)));
        if (*item != '\0' || !drop_empty)
            SB_PUSH (list, n, cap) = item;
        if (p >= end)
            break;
        start = p + 1;
    }
    kept = sb_arena_alloc (a, (n + 1) * sizeof *kept);
    if (n > 0)
        memcpy (kept, list, n * sizeof *kept);
    free (list);
    *ret_count = n;
    return kept;
}

char **
sb_split_chain (struct sb_arena *a, const char *text, size_t *ret_count)
{
    return split (a, text, '.', false, ret_count);
}

char **
sb_split_items (struct sb_arena *a, const char *text, size_t *ret_count)
{
    return split (a, text, ',', true, ret_count);
}

/* ---- selections ---- */

/* The next " word " outside quotes and ${..} at or behind p; NULL: none. */
static const char *
find_word (const char *p, const char *word)
{
    const char *end = p + strlen (p);
    size_t n = strlen (word);
    bool at_start = true;

    while (p < end) {
        if (at_start && strncmp (p, word, n) == 0 && (p[n] == '\0' || isspace ((unsigned char) p[n])))
            return p;
        at_start = isspace ((unsigned char) *p);
        if (*p == '"')
            p = skip_quoted (p, end);
        else if (p[0] == '$' && p[1] == '{') {
            const char *close = closing_brace (p + 2, end);
            p = close ? close + 1 : end;
        } else
            p++;
    }
    return NULL;
}

bool
sb_cond_is_text (const char *key)
{
    return strncmp (key, "${", 2) == 0;
}

/* The '=' of a condition, outside quotes and ${..}. */
static char *
find_equals (char *p)
{
    char *end = p + strlen (p);

    while (p < end && *p != '=') {
        if (*p == '"')
            p = (char *) skip_quoted (p, end);
        else if (p[0] == '$' && p[1] == '{') {
            const char *close = closing_brace (p + 2, end);
            p = (char *) (close ? close + 1 : end);
        } else
            p++;
    }
    return p < end ? p : NULL;
}

static bool
parse_cond (struct sb_arena *a, char *text, struct sb_cond *ret, struct sb_buf *why)
{
    char *equals = find_equals (text);

    if (equals == NULL) {
        bool not = strncmp (text, "not", 3) == 0 && isspace ((unsigned char) text[3]);

        *ret = (struct sb_cond){ not ? sb_trim (text + 3) : text, not ? SB_COND_NOT_SET : SB_COND_SET, NULL };
    } else {
        ret->op = equals > text && equals[-1] == '!' ? SB_COND_IS_NOT : SB_COND_IS;
        equals[ret->op == SB_COND_IS_NOT ? -1 : 0] = '\0';
        ret->key = sb_trim (text);
        ret->value = sb_trim (equals + 1);
        if (ret->value[0] == '"')
            ret->value = unquote (a, ret->value, ret->value + strlen (ret->value));
        if (*ret->value == '\0') {
            sb_buf_printf (why, "condition on '%s' has no value", ret->key);
            return false;
        }
    }
    if (*ret->key == '\0') {
        sb_buf_str (why, "a condition is empty");
        return false;
    }
    return true;
}

static bool
parse_conds (struct sb_arena *a, const char *text, struct sb_selection *ret, struct sb_buf *why)
{
    struct sb_cond *list = NULL;
    size_t n = 0, cap = 0;
    bool ok = true;

    while (ok && text != NULL) {
        const char *and = find_word (text, "and");
        char *cond = sb_arena_strndup (a, text, and? (size_t) (and-text) : strlen (text));
        struct sb_cond c = { 0 };

        ok = parse_cond (a, sb_trim (cond), &c, why);
        if (ok)
            SB_PUSH (list, n, cap) = c;
        text = and? and+3 : NULL;
    }
    ret->conds = sb_arena_alloc (a, (n + 1) * sizeof *ret->conds);
    if (n > 0)
        memcpy (ret->conds, list, n * sizeof *list);
    ret->nconds = n;
    free (list);
    return ok;
}

bool
sb_selection_parse (struct sb_arena *a, const char *text, struct sb_selection *ret, struct sb_buf *why)
{
    const char *rest = text + strcspn (text, " \t");

    *ret = (struct sb_selection){ .kind = sb_arena_strndup (a, text, (size_t) (rest - text)) };
    rest += strspn (rest, " \t");
    if (*ret->kind == '\0') {
        sb_buf_str (why, "no kind of object is named");
        return false;
    }
    if (*rest == '\0')
        return true;
    if (find_word (rest, "where") != rest) {
        sb_buf_printf (why, "'where' is expected behind '%s', not '%s'", ret->kind, rest);
        return false;
    }
    return parse_conds (a, rest + 5, ret, why);
}

bool
sb_is_list_selection (const char *text)
{
    return find_word (text, "all") == text || find_word (text, "first") == text;
}

bool
sb_list_selection_parse (struct sb_arena *a, const char *text, struct sb_selection *ret, struct sb_buf *why)
{
    unsigned long limit;
    char *rest;

    if (find_word (text, "all") == text)
        return sb_selection_parse (a, text + 3 + strspn (text + 3, " \t"), ret, why);
    limit = strtoul (text + 5, &rest, 10);
    rest += strspn (rest, " \t");
    if (limit == 0 || limit > 1000000 || find_word (rest, "of") != rest) {
        sb_buf_str (why, "'first N of KIND' is expected");
        return false;
    }
    rest += 2;
    if (!sb_selection_parse (a, rest + strspn (rest, " \t"), ret, why))
        return false;
    ret->limit = limit;
    return true;
}

bool
sb_principal_parse (struct sb_arena *a, const char *text, const char **ret_database, const char **ret_site)
{
    const char *of, *in;

    if (find_word (text, "principal") != text)
        return false;
    of = text + 9 + strspn (text + 9, " \t");
    if (find_word (of, "of") != of)
        return false;
    in = find_word (of + 2, "in");
    if (in == NULL)
        return false;
    *ret_database = sb_trim (sb_arena_strndup (a, of + 2, (size_t) (in - of - 2)));
    *ret_site = sb_trim (sb_arena_strdup (a, in + 2));
    return true;
}

/* ---- for the engine ---- */

char *
sb_expand (const char *text, sb_lookup_fn lookup, void *ctx)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    struct sb_arena arena = { 0 };
    struct sb_piece piece;
    enum sb_piece_type type;

    while ((type = sb_next_piece (&text, &piece)) != SB_PIECE_END) {
        const char *p = piece.s;
        struct sb_term term;

        if (type == SB_PIECE_BROKEN)
            sb_buf_str (&out, "${"); /* the lint refuses it; elsewhere it is just text */
        if (type != SB_PIECE_EXPR) {
            sb_buf_add (&out, piece.s, piece.n);
            continue;
        }
        while (sb_next_term (&arena, &p, piece.s + piece.n, &term)) {
            const char *value = term.literal ? term.text : lookup (ctx, term.text);

            if (value != NULL && *value != '\0') {
                sb_buf_str (&out, value);
                break;
            }
        }
    }
    sb_arena_release (&arena);
    return sb_buf_take (&out);
}
