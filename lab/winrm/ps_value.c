/* Values of the little PowerShell: making them, their truth, their text, their
 * numbers.  Knows the arena of the script and nothing of syntax or cmdlets.
 * Everything made here lives until the script ends. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include "core/base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_MEMORY (96u << 20)

/* ---- memory ---- */

void *
ps_alloc (struct ps *ps, size_t n)
{
    size_t limit = ps->host->memory ? ps->host->memory : DEFAULT_MEMORY;

    ps->used += n + 16;
    if (ps->used > limit && !ps->stop_reason)
        ps->stop_reason = "the script used too much memory";
    return sb_arena_alloc (&ps->arena, n);
}

const char *
ps_strndup (struct ps *ps, const char *s, size_t n)
{
    char *p = ps_alloc (ps, n + 1);

    memcpy (p, s, n);
    return p;
}

const char *
ps_strdup (struct ps *ps, const char *s)
{
    return ps_strndup (ps, s, strlen (s));
}

const char *
ps_printf (struct ps *ps, const char *fmt, ...)
{
    va_list args;
    SB_AUTOFREE char *text = NULL;

    va_start (args, fmt);
    text = sb_xvprintf (fmt, args);
    va_end (args);
    return ps_strdup (ps, text);
}

/* ---- making ---- */

struct ps_value
ps_null (void)
{
    return (struct ps_value){ .type = PS_NULL };
}

struct ps_value
ps_bool (bool b)
{
    return (struct ps_value){ .type = PS_BOOL, .u.b = b };
}

struct ps_value
ps_int (int64_t i)
{
    return (struct ps_value){ .type = PS_INT, .u.i = i };
}

struct ps_value
ps_double (double d)
{
    return (struct ps_value){ .type = PS_DOUBLE, .u.d = d };
}

struct ps_value
ps_const (const char *s)
{
    return (struct ps_value){ .type = PS_STRING, .u.s = s };
}

struct ps_value
ps_text (struct ps *ps, const char *s)
{
    return ps_const (ps_strdup (ps, s));
}

struct ps_value
ps_date (int64_t unix_ms, bool utc)
{
    return (struct ps_value){ .type = PS_DATE, .utc = utc, .u.i = unix_ms };
}

struct ps_value
ps_of_list (struct ps_list *l)
{
    return (struct ps_value){ .type = PS_LIST, .u.list = l };
}

struct ps_value
ps_of_object (struct ps_object *o)
{
    return (struct ps_value){ .type = PS_OBJECT, .u.obj = o };
}

struct ps_list *
ps_list_new (struct ps *ps)
{
    return ps_alloc (ps, sizeof (struct ps_list));
}

/* An array of the arena grows by being copied: what is left behind is freed with the rest. */
static void *
grown (struct ps *ps, void *old, size_t count, size_t *cap, size_t size)
{
    void *p;

    if (count < *cap)
        return old;
    *cap = *cap ? *cap * 2 : 4;
    p = ps_alloc (ps, *cap * size);
    if (count)
        memcpy (p, old, count * size);
    return p;
}

void
ps_list_add (struct ps *ps, struct ps_list *l, struct ps_value v)
{
    l->v = grown (ps, l->v, l->count, &l->cap, sizeof *l->v);
    l->v[l->count++] = v;
}

struct ps_object *
ps_object_new (struct ps *ps, const char *type)
{
    struct ps_object *o = ps_alloc (ps, sizeof *o);

    o->type = type;
    return o;
}

struct ps_value *
ps_get (const struct ps_object *o, const char *name)
{
    for (size_t i = 0; i < o->count; i++)
        if (ps_text_cmp (o->props[i].name, name, false) == 0)
            return &o->props[i].value;
    return NULL;
}

void
ps_set (struct ps *ps, struct ps_object *o, const char *name, struct ps_value v)
{
    struct ps_value *old = ps_get (o, name);

    if (old) {
        *old = v;
        return;
    }
    o->props = grown (ps, o->props, o->count, &o->cap, sizeof *o->props);
    o->props[o->count++] = (struct ps_prop){ ps_strdup (ps, name), v };
}

struct ps_list *
ps_as_list (struct ps *ps, struct ps_value v)
{
    struct ps_list *l;

    if (v.type == PS_LIST)
        return v.u.list;
    l = ps_list_new (ps);
    if (v.type != PS_NULL)
        ps_list_add (ps, l, v);
    return l;
}

static enum ps_flow
keep (struct ps_sink *sink, struct ps_value v)
{
    struct ps_keep *k = (struct ps_keep *) sink;

    ps_list_add (k->ps, k->list, v);
    return k->ps->stop_reason ? PS_STOPPED : PS_GO;
}

void
ps_keep_init (struct ps_keep *k, struct ps *ps)
{
    k->sink.put = keep;
    k->ps = ps;
    k->list = ps_list_new (ps);
}

struct ps_value
ps_kept (const struct ps_keep *k)
{
    if (!k->list->count)
        return ps_null ();
    return k->list->count == 1 ? k->list->v[0] : ps_of_list (k->list);
}

/* ---- reading ---- */

bool
ps_true (struct ps_value v)
{
    switch (v.type) {
    case PS_NULL:
        return false;
    case PS_BOOL:
        return v.u.b;
    case PS_INT:
        return v.u.i != 0;
    case PS_DOUBLE:
        return v.u.d != 0;
    case PS_STRING:
        return v.u.s[0] != '\0';
    case PS_LIST:
        if (v.u.list->count == 1)
            return ps_true (v.u.list->v[0]);
        return v.u.list->count > 0;
    default:
        return true;
    }
}

/* A double as .NET Framework writes it: 15 digits. */
const char *
ps_flat (struct ps *ps, double d)
{
    char text[40];
    char *exponent;

    if (isnan (d))
        return "NaN";
    if (isinf (d))
        return d < 0 ? "-Infinity" : "Infinity";
    snprintf (text, sizeof text, "%.15g", d);
    for (exponent = text; *exponent; exponent++)
        if (*exponent == 'e')
            *exponent = 'E';
    return ps_strdup (ps, text);
}

const char *
ps_string (struct ps *ps, struct ps_value v)
{
    struct sb_buf b = { 0 };
    const char *ret;

    switch (v.type) {
    case PS_NULL:
        return "";
    case PS_BOOL:
        return v.u.b ? "True" : "False";
    case PS_INT:
        return ps_printf (ps, "%lld", (long long) v.u.i);
    case PS_DOUBLE:
        return ps_flat (ps, v.u.d);
    case PS_STRING:
        return v.u.s;
    case PS_DATE:
        return ps_date_text (ps, v, "MM/dd/yyyy HH:mm:ss");
    case PS_CLASS:
        return v.u.s;
    case PS_BLOCK:
        return ps_strndup (ps, ps->src + v.u.block->from + 1, v.u.block->to - v.u.block->from - 2);
    case PS_OBJECT:
        break;
    case PS_LIST:
        if (ps->depth >= PS_MAX_DEPTH)
            return "...";
        ps->depth++;
        for (size_t i = 0; i < v.u.list->count && b.len < PS_MAX_STRING; i++) {
            if (i)
                sb_buf_char (&b, ' ');
            sb_buf_str (&b, ps_string (ps, v.u.list->v[i]));
        }
        ps->depth--;
        ret = ps_strdup (ps, sb_buf_cstr (&b));
        sb_buf_free (&b);
        return ret;
    }
    if (v.u.obj->text)
        return v.u.obj->text;
    if (v.u.obj->hash || strcmp (v.u.obj->type, "System.Management.Automation.PSCustomObject") != 0)
        return v.u.obj->type;
    sb_buf_str (&b, "@{");
    for (size_t i = 0; i < v.u.obj->count && ps->depth < PS_MAX_DEPTH && b.len < PS_MAX_STRING; i++) {
        ps->depth++;
        sb_buf_printf (&b, "%s%s=%s", i ? "; " : "", v.u.obj->props[i].name, ps_string (ps, v.u.obj->props[i].value));
        ps->depth--;
    }
    sb_buf_char (&b, '}');
    ret = ps_strdup (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return ret;
}

static bool
number_of_text (const char *s, struct ps_value *ret)
{
    char *end;
    long long i;
    double d;

    while (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r')
        s++;
    if (!*s) {
        *ret = ps_int (0);
        return true;
    }
    if (s[0] == '0' && (s[1] | 32) == 'x')
        i = strtoll (s, &end, 16);
    else
        i = strtoll (s, &end, 10);
    if (end != s && !end[strspn (end, " \t\r\n")] && i != INT64_MAX && i != INT64_MIN) {
        *ret = ps_int (i);
        return true;
    }
    if (strspn (s, "+-0123456789.eE \t\r\n") != strlen (s))
        return false;
    d = strtod (s, &end);
    if (end == s || end[strspn (end, " \t\r\n")])
        return false;
    *ret = ps_double (d);
    return true;
}

bool
ps_number (struct ps *ps, struct ps_value v, struct ps_value *ret)
{
    (void) ps;
    switch (v.type) {
    case PS_NULL:
        *ret = ps_int (0);
        return true;
    case PS_BOOL:
        *ret = ps_int (v.u.b);
        return true;
    case PS_INT:
    case PS_DOUBLE:
        *ret = v;
        return true;
    case PS_STRING:
        return number_of_text (v.u.s, ret);
    default:
        return false;
    }
}

bool
ps_integer (struct ps *ps, struct ps_value v, int64_t *ret)
{
    struct ps_value n;

    if (!ps_number (ps, v, &n))
        return false;
    if (n.type == PS_DOUBLE) {
        if (!(fabs (n.u.d) < 9e18))
            return false;
        n.u.i = (int64_t) nearbyint (n.u.d);
    }
    *ret = n.u.i;
    return true;
}

const char *
ps_type_name (struct ps_value v)
{
    switch (v.type) {
    case PS_NULL:
        return "System.Void";
    case PS_BOOL:
        return "System.Boolean";
    case PS_INT:
        return v.u.i > INT32_MAX || v.u.i < INT32_MIN ? "System.Int64" : "System.Int32";
    case PS_DOUBLE:
        return "System.Double";
    case PS_STRING:
        return "System.String";
    case PS_DATE:
        return "System.DateTime";
    case PS_LIST:
        return v.u.list->grows ? "System.Collections.ArrayList" : "System.Object[]";
    case PS_OBJECT:
        return v.u.obj->type;
    case PS_BLOCK:
        return "System.Management.Automation.ScriptBlock";
    case PS_CLASS:
        return "System.RuntimeType";
    }
    return "System.Object";
}

/* ---- text ---- */

int
ps_text_cmp (const char *a, const char *b, bool exact)
{
    return exact ? strcmp (a, b) : sb_casecmp (a, b);
}

size_t
ps_chars (const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char) *s & 0xc0) != 0x80;
    return n;
}

/* Wildcards: * ? and [a-z]; linear but for the last star. */
bool
ps_like (const char *pattern, const char *text, bool exact)
{
    const char *star = NULL, *mark = NULL;

#define FOLD(c) (exact || (c) < 'A' || (c) > 'Z' ? (c) : (c) + 32)
    while (*text) {
        const char *close = *pattern == '[' ? strchr (pattern + 1, ']') : NULL;
        bool hit = false;

        if (close) {
            for (const char *p = pattern + 1; p < close; p++)
                if (p + 2 < close && p[1] == '-') {
                    hit |= FOLD (*text) >= FOLD (p[0]) && FOLD (*text) <= FOLD (p[2]);
                    p += 2;
                } else
                    hit |= FOLD (*p) == FOLD (*text);
        } else if (*pattern == '`' && pattern[1]) {
            hit = pattern[1] == *text;
            close = pattern + 1;
        } else
            hit = *pattern && *pattern != '*' && (*pattern == '?' || FOLD (*pattern) == FOLD (*text));
        if (hit) {
            pattern = close ? close + 1 : pattern + 1;
            text++;
        } else if (*pattern == '*') {
            star = ++pattern;
            mark = text;
        } else if (star) {
            pattern = star;
            text = ++mark;
        } else
            return false;
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
#undef FOLD
}
