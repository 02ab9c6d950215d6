/* Regular expressions of the little PowerShell: -match, -replace, -split, on
 * POSIX extended ones.  What .NET has and POSIX lacks is translated (\d, (?:),
 * (?i), lazy stars become greedy); back references and counts are refused,
 * since their cost has no bound.  Patterns and subjects are limited in size. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>

#define MAX_PATTERN 2000
#define MAX_SUBJECT (256u << 10)

/* .NET's words that POSIX lacks: \d, \D, (?:, (?i), lazy quantifiers lose their laziness. */
static void
translate (const char *p, struct sb_buf *out)
{
    bool in_class = false;

    for (; *p; p++) {
        if (*p == '\\' && (p[1] == 'd' || p[1] == 'D')) {
            sb_buf_str (out, in_class ? "0-9" : p[1] == 'd' ? "[0-9]" : "[^0-9]");
            p++;
        } else if (*p == '\\' && p[1] && strchr ("rnt", p[1])) {
            sb_buf_char (out, p[1] == 'r' ? '\r' : p[1] == 'n' ? '\n' : '\t');
            p++;
        } else if (*p == '\\' && in_class && p[1]) {
            if (p[1] == 's')
                sb_buf_str (out, " \t\r\n");
            else if (p[1] == 'w')
                sb_buf_str (out, "a-zA-Z0-9_");
            else
                sb_buf_char (out, p[1]);
            p++;
        } else if (*p == '\\' && p[1]) {
            sb_buf_add (out, p, 2);
            p++;
        } else if (!strncmp (p, "(?:", 3)) {
            sb_buf_char (out, '(');
            p += 2;
        } else if (!strncmp (p, "(?i)", 4))
            p += 3;
        else if (!in_class && p[0] == '?' && out->len && strchr ("*+?}", out->s[out->len - 1])
                 && !(out->len > 1 && out->s[out->len - 2] == '\\'))
            continue;
        else {
            in_class = *p == '[' ? true : *p == ']' ? false : in_class;
            sb_buf_char (out, *p);
        }
    }
}

static enum ps_flow
compile (struct ps *ps, const struct ps_node *n, const char *text, const char *pattern, bool exact, regex_t *ret)
{
    struct sb_buf b = { 0 };
    int error = REG_BADPAT;

    translate (pattern, &b);
    /* no back references and no large counts: they cost time without bound */
    if (b.len <= MAX_PATTERN && strlen (text) <= MAX_SUBJECT && !strstr (sb_buf_cstr (&b), "\\1")
        && !strchr (sb_buf_cstr (&b), '{'))
        error = regcomp (ret, sb_buf_cstr (&b), REG_EXTENDED | (exact ? 0 : REG_ICASE));
    sb_buf_free (&b);
    if (!error)
        return PS_GO;
    return ps_throw (ps, n, "System.ArgumentException", "OperationStopped", "System.ArgumentException",
                     "parsing \"%s\" - the regular expression is not valid here.", pattern);
}

#define GROUPS 10

static void
keep_matches (struct ps *ps, const char *text, const regmatch_t m[GROUPS])
{
    struct ps_object *o = ps_object_new (ps, "System.Collections.Hashtable");

    o->hash = true;
    for (int i = 0; i < GROUPS && m[i].rm_so >= 0; i++)
        ps_set (ps, o, (char[]){ (char) ('0' + i), '\0' },
                ps_const (ps_strndup (ps, text + m[i].rm_so, (size_t) (m[i].rm_eo - m[i].rm_so))));
    ps_var_set (ps, "Matches", ps_of_object (o));
}

enum ps_flow
ps_match (struct ps *ps, const struct ps_node *n, const char *text, const char *pattern, bool exact, bool *ret)
{
    regex_t re;
    regmatch_t m[GROUPS];
    enum ps_flow f = compile (ps, n, text, pattern, exact, &re);

    *ret = false;
    if (f != PS_GO)
        return f;
    *ret = regexec (&re, text, GROUPS, m, 0) == 0;
    if (*ret)
        keep_matches (ps, text, m);
    regfree (&re);
    return PS_GO;
}

/* $1, ${1} and $& in the replacement */
static void
substitute (const char *by, const char *text, const regmatch_t m[GROUPS], struct sb_buf *out)
{
    for (; *by; by++) {
        bool brace = by[0] == '$' && by[1] == '{' && isdigit ((unsigned char) by[2]) && by[3] == '}';
        int g = by[0] != '$'                      ? -1
                : brace                           ? by[2] - '0'
                : isdigit ((unsigned char) by[1]) ? by[1] - '0'
                : by[1] == '&'                    ? 0
                                                  : -1;

        if (by[0] == '$' && by[1] == '$') {
            sb_buf_char (out, '$');
            by++;
        } else if (g < 0)
            sb_buf_char (out, *by);
        else {
            if (m[g].rm_so >= 0)
                sb_buf_add (out, text + m[g].rm_so, (size_t) (m[g].rm_eo - m[g].rm_so));
            by += brace ? 3 : 1;
        }
    }
}

enum ps_flow
ps_replace (struct ps *ps, const struct ps_node *n, const char *text, struct ps_value how, bool exact, const char **ret)
{
    struct ps_list *l = ps_as_list (ps, how);
    const char *by = l->count > 1 ? ps_string (ps, l->v[1]) : "";
    struct sb_buf b = { 0 };
    regex_t re;
    regmatch_t m[GROUPS];
    int flags = 0;
    enum ps_flow f = compile (ps, n, text, l->count ? ps_string (ps, l->v[0]) : "", exact, &re);

    if (f != PS_GO)
        return f;
    while (b.len < PS_MAX_STRING && regexec (&re, text, GROUPS, m, flags) == 0) {
        sb_buf_add (&b, text, (size_t) m[0].rm_so);
        substitute (by, text, m, &b);
        text += m[0].rm_eo;
        flags = REG_NOTBOL;
        if (m[0].rm_so == m[0].rm_eo) {
            if (!*text)
                break;
            sb_buf_char (&b, *text++);
        }
    }
    sb_buf_str (&b, text);
    *ret = ps_strdup (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    regfree (&re);
    return PS_GO;
}

enum ps_flow
ps_split (struct ps *ps, const struct ps_node *n, const char *text, const char *pattern, int64_t max, bool regex,
          struct ps_list *ret)
{
    regex_t re;
    regmatch_t m[1];
    enum ps_flow f = PS_GO;

    if (regex)
        f = compile (ps, n, text, pattern, false, &re);
    if (f != PS_GO)
        return f;
    while (max != 1 && (regex || *pattern) && !ps->stop_reason) {
        if (regex) {
            if (regexec (&re, text, 1, m, 0) != 0 || m[0].rm_eo == 0)
                break;
        } else {
            const char *hit = strstr (text, pattern);

            if (!hit)
                break;
            m[0].rm_so = (regoff_t) (hit - text);
            m[0].rm_eo = m[0].rm_so + (regoff_t) strlen (pattern);
        }
        ps_list_add (ps, ret, ps_const (ps_strndup (ps, text, (size_t) m[0].rm_so)));
        text += m[0].rm_eo;
        max -= max > 0;
    }
    ps_list_add (ps, ret, ps_text (ps, text));
    if (regex)
        regfree (&re);
    return PS_GO;
}
