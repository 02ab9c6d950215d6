/* Operators of the little PowerShell: comparison without case unless asked,
 * arithmetic that turns to floating point when integers overflow, -f and the
 * rest.  Comparing a list filters it. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGE 100000

/* ---- comparison ---- */

bool
ps_compare (struct ps *ps, struct ps_value a, struct ps_value b, bool exact, int *ret)
{
    struct ps_value x, y;
    int64_t ms;
    bool utc;

    if (a.type == PS_NULL || b.type == PS_NULL) {
        *ret = (a.type != PS_NULL) - (b.type != PS_NULL);
        return true;
    }
    if (a.type == PS_DATE) {
        if (b.type == PS_DATE)
            ms = b.u.i;
        else if (!ps_parse_date (ps_string (ps, b), &ms, &utc))
            return false;
        *ret = (a.u.i > ms) - (a.u.i < ms);
        return true;
    }
    if (a.type == PS_BOOL) {
        *ret = (int) a.u.b - (int) ps_true (b);
        return true;
    }
    if (a.type == PS_INT || a.type == PS_DOUBLE) {
        if (!ps_number (ps, a, &x) || !ps_number (ps, b, &y))
            return false;
        if (x.type == PS_INT && y.type == PS_INT)
            *ret = (x.u.i > y.u.i) - (x.u.i < y.u.i);
        else {
            double d = x.type == PS_INT ? (double) x.u.i : x.u.d, e = y.type == PS_INT ? (double) y.u.i : y.u.d;

            *ret = (d > e) - (d < e);
        }
        return true;
    }
    if (a.type == PS_STRING) {
        *ret = ps_text_cmp (a.u.s, ps_string (ps, b), exact);
        return true;
    }
    if (a.type == PS_CLASS && b.type == PS_CLASS)
        *ret = ps_text_cmp (ps_class_name (ps, a.u.s), ps_class_name (ps, b.u.s), false);
    else if (a.type == PS_OBJECT && b.type == PS_OBJECT && !a.u.obj->text)
        *ret = a.u.obj != b.u.obj;
    else if (a.type == PS_OBJECT)
        *ret = ps_text_cmp (ps_string (ps, a), ps_string (ps, b), exact);
    else
        *ret = 1;
    return true;
}

bool
ps_equal (struct ps *ps, struct ps_value a, struct ps_value b, bool exact)
{
    int order;

    if (a.type == PS_NULL || b.type == PS_NULL)
        return a.type == b.type;
    return ps_compare (ps, a, b, exact, &order) && order == 0;
}

static bool
contains (struct ps *ps, struct ps_value all, struct ps_value one, bool exact)
{
    struct ps_list *l = ps_as_list (ps, all);

    for (size_t i = 0; i < l->count; i++)
        if (ps_equal (ps, l->v[i], one, exact))
            return true;
    return false;
}

static enum ps_flow
compare_one (struct ps *ps, const struct ps_node *n, struct ps_value a, struct ps_value b, bool *ret)
{
    int order = 0;

    switch (n->op->id) {
    case PS_O_EQ:
        *ret = ps_equal (ps, a, b, n->op->exact);
        return PS_GO;
    case PS_O_NE:
        *ret = !ps_equal (ps, a, b, n->op->exact);
        return PS_GO;
    case PS_O_LIKE:
        *ret = ps_like (ps_string (ps, b), ps_string (ps, a), n->op->exact);
        return PS_GO;
    case PS_O_NOTLIKE:
        *ret = !ps_like (ps_string (ps, b), ps_string (ps, a), n->op->exact);
        return PS_GO;
    case PS_O_MATCH:
    case PS_O_NOTMATCH: {
        enum ps_flow f = ps_match (ps, n, ps_string (ps, a), ps_string (ps, b), n->op->exact, ret);

        *ret ^= n->op->id == PS_O_NOTMATCH;
        return f;
    }
    default:
        break;
    }
    if (!ps_compare (ps, a, b, n->op->exact, &order))
        return ps_throw (ps, n, "System.Management.Automation.RuntimeException", "InvalidOperation",
                         "ComparisonFailure",
                         "Could not compare \"%s\" to \"%s\". Error: \"Cannot convert value \"%s\" to type \"%s\".\"",
                         ps_string (ps, a), ps_string (ps, b), ps_string (ps, b), ps_type_name (a));
    *ret = n->op->id == PS_O_GT   ? order > 0
           : n->op->id == PS_O_GE ? order >= 0
           : n->op->id == PS_O_LT ? order < 0
                                  : order <= 0;
    return PS_GO;
}

/* -eq and its like on a list: the elements for which it holds. */
static enum ps_flow
compare (struct ps *ps, const struct ps_node *n, struct ps_value a, struct ps_value b, struct ps_value *ret)
{
    struct ps_list *hits;
    bool yes = false;
    enum ps_flow f = PS_GO;

    if (a.type != PS_LIST) {
        f = compare_one (ps, n, a, b, &yes);
        *ret = ps_bool (yes);
        return f;
    }
    hits = ps_list_new (ps);
    for (size_t i = 0; i < a.u.list->count && f == PS_GO; i++) {
        f = compare_one (ps, n, a.u.list->v[i], b, &yes);
        if (f == PS_GO && yes)
            ps_list_add (ps, hits, a.u.list->v[i]);
    }
    *ret = ps_of_list (hits);
    return f;
}

/* ---- arithmetic ---- */

static enum ps_flow
no_operation (struct ps *ps, const struct ps_node *n, struct ps_value a, const char *word)
{
    return ps_throw (ps, n, "System.Management.Automation.RuntimeException", "InvalidOperation", "MethodNotFound",
                     "Method invocation failed because [%s] does not contain a method named 'op_%s'.", ps_type_name (a),
                     word);
}

static enum ps_flow
add_text (struct ps *ps, const struct ps_node *n, const char *a, const char *b, struct ps_value *ret)
{
    if (strlen (a) + strlen (b) > PS_MAX_STRING)
        return ps_throw (ps, n, "System.OutOfMemoryException", "ResourceExhausted", "OutOfMemory",
                         "The text is too long.");
    *ret = ps_const (ps_printf (ps, "%s%s", a, b));
    return PS_GO;
}

static enum ps_flow
add (struct ps *ps, const struct ps_node *n, struct ps_value a, struct ps_value b, struct ps_value *ret)
{
    struct ps_list *l, *more;
    struct ps_object *o;

    if (a.type == PS_STRING)
        return add_text (ps, n, a.u.s, ps_string (ps, b), ret);
    if (a.type == PS_LIST) {
        l = ps_list_new (ps);
        for (size_t i = 0; i < a.u.list->count; i++)
            ps_list_add (ps, l, a.u.list->v[i]);
        more = b.type == PS_NULL ? NULL : ps_as_list (ps, b);
        if (!more)
            ps_list_add (ps, l, b);
        for (size_t i = 0; more && i < more->count; i++)
            ps_list_add (ps, l, more->v[i]);
        *ret = ps_of_list (l);
        return PS_GO;
    }
    if (a.type == PS_OBJECT && a.u.obj->hash && b.type == PS_OBJECT && b.u.obj->hash) {
        o = ps_object_new (ps, a.u.obj->type);
        o->hash = true;
        for (size_t i = 0; i < a.u.obj->count; i++)
            ps_set (ps, o, a.u.obj->props[i].name, a.u.obj->props[i].value);
        for (size_t i = 0; i < b.u.obj->count; i++)
            ps_set (ps, o, b.u.obj->props[i].name, b.u.obj->props[i].value);
        *ret = ps_of_object (o);
        return PS_GO;
    }
    return no_operation (ps, n, a, "Addition");
}

static struct ps_value
timespan (struct ps *ps, int64_t ms)
{
    struct ps_object *o = ps_object_new (ps, "System.TimeSpan");

    ps_set (ps, o, "Days", ps_int (ms / 86400000));
    ps_set (ps, o, "Hours", ps_int (ms / 3600000 % 24));
    ps_set (ps, o, "Minutes", ps_int (ms / 60000 % 60));
    ps_set (ps, o, "Seconds", ps_int (ms / 1000 % 60));
    ps_set (ps, o, "Milliseconds", ps_int (ms % 1000));
    ps_set (ps, o, "TotalDays", ps_double ((double) ms / 86400000.0));
    ps_set (ps, o, "TotalHours", ps_double ((double) ms / 3600000.0));
    ps_set (ps, o, "TotalMinutes", ps_double ((double) ms / 60000.0));
    ps_set (ps, o, "TotalSeconds", ps_double ((double) ms / 1000.0));
    ps_set (ps, o, "TotalMilliseconds", ps_double ((double) ms));
    o->text = ps_printf (ps, "%s%02d:%02d:%02d", ms < 0 ? "-" : "", (int) (llabs (ms) / 3600000),
                         (int) (llabs (ms) / 60000 % 60), (int) (llabs (ms) / 1000 % 60));
    return ps_of_object (o);
}

static enum ps_flow
of_integers (struct ps *ps, const struct ps_node *n, enum ps_opid id, int64_t x, int64_t y, struct ps_value *ret)
{
    int64_t z = 0;
    bool over = false;

    switch (id) {
    case PS_O_ADD:
        over = __builtin_add_overflow (x, y, &z);
        break;
    case PS_O_SUB:
        over = __builtin_sub_overflow (x, y, &z);
        break;
    case PS_O_MUL:
        over = __builtin_mul_overflow (x, y, &z);
        break;
    default:
        if (y == 0)
            return ps_throw (ps, n, "System.Management.Automation.RuntimeException", "NotSpecified", "RuntimeException",
                             "Attempted to divide by zero.");
        if (y == -1) {
            over = id == PS_O_DIV && x == INT64_MIN;
            z = id == PS_O_DIV && !over ? -x : 0;
        } else if (id == PS_O_MOD)
            z = x % y;
        else if (x % y) {
            *ret = ps_double ((double) x / (double) y);
            return PS_GO;
        } else
            z = x / y;
    }
    if (!over)
        *ret = ps_int (z);
    else
        *ret = ps_double (id == PS_O_MUL   ? (double) x * (double) y
                          : id == PS_O_SUB ? (double) x - (double) y
                          : id == PS_O_ADD ? (double) x + (double) y
                                           : -(double) x);
    return PS_GO;
}

static enum ps_flow
of_doubles (enum ps_opid id, double x, double y, struct ps_value *ret)
{
    double z = 0;

    switch (id) {
    case PS_O_ADD:
        z = x + y;
        break;
    case PS_O_SUB:
        z = x - y;
        break;
    case PS_O_MUL:
        z = x * y;
        break;
    case PS_O_DIV:
        z = x / y;
        break;
    default:
        z = fmod (x, y);
    }
    *ret = ps_double (z);
    return PS_GO;
}

static enum ps_flow
repeat (struct ps *ps, const struct ps_node *n, const char *text, struct ps_value times, struct ps_value *ret)
{
    struct sb_buf b = { 0 };
    int64_t count;

    if (!ps_integer (ps, times, &count) || count < 0)
        count = 0;
    if (*text && count > (int64_t) (PS_MAX_STRING / strlen (text)))
        return ps_throw (ps, n, "System.OutOfMemoryException", "ResourceExhausted", "OutOfMemory",
                         "The text is too long.");
    for (; *text && count > 0; count--)
        sb_buf_str (&b, text);
    *ret = ps_text (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return PS_GO;
}

enum ps_flow
ps_arith (struct ps *ps, const struct ps_node *n, enum ps_opid id, struct ps_value a, struct ps_value b,
          struct ps_value *ret)
{
    static const char *const words[] = { "Addition", "Subtraction", "Multiply", "Division", "Modulus" };
    struct ps_value x, y;

    if (id == PS_O_ADD && (a.type == PS_STRING || a.type == PS_LIST || a.type == PS_OBJECT))
        return add (ps, n, a, b, ret);
    if (id == PS_O_ADD && a.type == PS_NULL) {
        *ret = b;
        return PS_GO;
    }
    if (id == PS_O_MUL && a.type == PS_STRING)
        return repeat (ps, n, a.u.s, b, ret);
    if (id == PS_O_SUB && a.type == PS_DATE && b.type == PS_DATE) {
        *ret = timespan (ps, a.u.i - b.u.i);
        return PS_GO;
    }
    if (!ps_number (ps, a, &x) || a.type == PS_DATE)
        return no_operation (ps, n, a, words[id - PS_O_ADD]);
    if (!ps_number (ps, b, &y))
        return ps_throw (
                ps, n, "System.Management.Automation.RuntimeException", "InvalidArgument",
                "InvalidCastFromStringToInteger",
                "Cannot convert value \"%s\" to type \"System.Int32\". Error: \"Input string was not in a correct "
                "format.\"",
                ps_string (ps, b));
    if (x.type == PS_INT && y.type == PS_INT)
        return of_integers (ps, n, id, x.u.i, y.u.i, ret);
    return of_doubles (id, x.type == PS_INT ? (double) x.u.i : x.u.d, y.type == PS_INT ? (double) y.u.i : y.u.d, ret);
}

/* ---- -f ---- */

const char *
ps_format_number (struct ps *ps, struct ps_value v, const char *format)
{
    struct ps_value n;
    int digits = isdigit ((unsigned char) format[0] ? (unsigned char) format[1] : 0) ? atoi (format + 1) : -1;
    double d;
    char text[400];
    struct sb_buf b = { 0 };
    const char *ret, *dot;

    if (v.type == PS_DATE)
        return ps_date_text (ps, v, format);
    if (!ps_number (ps, v, &n) || v.type == PS_STRING || digits > 30)
        return ps_string (ps, v);
    d = n.type == PS_INT ? (double) n.u.i : n.u.d;
    switch (format[0]) {
    case 'D':
    case 'd':
        return n.type == PS_INT ? ps_printf (ps, "%0*lld", digits < 0 ? 1 : digits, (long long) n.u.i)
                                : ps_string (ps, v);
    case 'X':
        return ps_printf (ps, "%0*llX", digits < 0 ? 1 : digits, (long long) n.u.i);
    case 'x':
        return ps_printf (ps, "%0*llx", digits < 0 ? 1 : digits, (long long) n.u.i);
    case 'F':
    case 'f':
        return ps_printf (ps, "%.*f", digits < 0 ? 2 : digits, d);
    case 'P':
    case 'p':
        return ps_printf (ps, "%.*f %%", digits < 0 ? 2 : digits, d * 100);
    case 'N':
    case 'n':
        snprintf (text, sizeof text, "%.*f", digits < 0 ? 2 : digits, fabs (d));
        dot = strchr (text, '.') ? strchr (text, '.') : text + strlen (text);
        if (d < 0)
            sb_buf_char (&b, '-');
        for (const char *s = text; *s; s++) {
            if (s > text && s < dot && (dot - s) % 3 == 0)
                sb_buf_char (&b, ',');
            sb_buf_char (&b, *s);
        }
        ret = ps_strdup (ps, sb_buf_cstr (&b));
        sb_buf_free (&b);
        return ret;
    default:
        break;
    }
    if (strspn (format, "0") == strlen (format)) /* 00 */
        return ps_printf (ps, "%0*lld", (int) strlen (format), (long long) (n.type == PS_INT ? n.u.i : llround (d)));
    if ((dot = strchr (format, '.')) && strspn (format, "0#.,") == strlen (format)) /* 0.00 */
        return ps_printf (ps, "%.*f", (int) strlen (dot + 1), d);
    return ps_string (ps, v);
}

/* {index[,width][:format]} behind the brace; moves *s over it.  False: not well formed. */
static bool
format_item (struct ps *ps, const char **s, const struct ps_list *args, struct sb_buf *out)
{
    char *end;
    const char *close = strchr (*s, '}'), *text;
    long width = 0, i = strtol (*s, &end, 10);
    int pad;

    if (end == *s || !close || i < 0 || (size_t) i >= args->count)
        return false;
    if (*end == ',')
        width = strtol (end + 1, &end, 10);
    if (width > 1000 || width < -1000)
        return false;
    text = *end == ':' ? ps_format_number (ps, args->v[i], ps_strndup (ps, end + 1, (size_t) (close - end - 1)))
           : args->v[i].type == PS_LIST ? "System.Object[]"
                                        : ps_string (ps, args->v[i]);
    if (*end != ':' && *end != '}')
        return false;
    pad = (int) (labs (width) - (long) ps_chars (text));
    if (width > 0 && pad > 0)
        sb_buf_printf (out, "%*s", pad, "");
    sb_buf_str (out, text);
    if (width < 0 && pad > 0)
        sb_buf_printf (out, "%*s", pad, "");
    *s = close + 1;
    return true;
}

enum ps_flow
ps_format_op (struct ps *ps, const struct ps_node *n, const char *format, const struct ps_list *args, const char **ret)
{
    struct sb_buf b = { 0 };
    bool good = true;

    for (const char *s = format; *s && good && b.len < PS_MAX_STRING;) {
        if ((*s == '{' || *s == '}') && s[1] == *s) {
            sb_buf_char (&b, *s);
            s += 2;
        } else if (*s == '{') {
            s++;
            good = format_item (ps, &s, args, &b);
        } else if (*s == '}')
            good = false;
        else
            sb_buf_char (&b, *s++);
    }
    *ret = ps_strdup (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    if (good)
        return PS_GO;
    return ps_throw (
            ps, n, "System.FormatException", "InvalidOperation", "FormatError",
            "Error formatting a string: Index (zero based) must be greater than or equal to zero and less than the "
            "size of the argument list..");
}

/* ---- the rest ---- */

static enum ps_flow
range (struct ps *ps, const struct ps_node *n, struct ps_value a, struct ps_value b, struct ps_value *ret)
{
    struct ps_list *l = ps_list_new (ps);
    int64_t from, to;

    if (!ps_integer (ps, a, &from) || !ps_integer (ps, b, &to) || from > INT32_MAX || from < INT32_MIN || to > INT32_MAX
        || to < INT32_MIN || llabs (to - from) > MAX_RANGE)
        return ps_throw (ps, n, "System.Management.Automation.RuntimeException", "InvalidArgument", "RangeLimit",
                         "The range is not valid or too large.");
    for (int64_t i = from; from <= to ? i <= to : i >= to; i += from <= to ? 1 : -1)
        ps_list_add (ps, l, ps_int (i));
    *ret = ps_of_list (l);
    return PS_GO;
}

static enum ps_flow
on_each_text (struct ps *ps, const struct ps_node *n, struct ps_value a, struct ps_value b, struct ps_value *ret)
{
    struct ps_list *l = ps_as_list (ps, a), *how = ps_as_list (ps, b), *out = ps_list_new (ps);
    const char *text;
    int64_t max = 0;
    enum ps_flow f = PS_GO;

    if (how->count > 1)
        ps_integer (ps, how->v[1], &max);
    for (size_t i = 0; i < l->count && f == PS_GO; i++) {
        if (n->op->id == PS_O_SPLIT)
            f = ps_split (ps, n, ps_string (ps, l->v[i]), how->count ? ps_string (ps, how->v[0]) : "", max, true, out);
        else {
            f = ps_replace (ps, n, ps_string (ps, l->v[i]), b, n->op->exact, &text);
            if (f == PS_GO)
                ps_list_add (ps, out, ps_const (text));
        }
    }
    if (n->op->id == PS_O_REPLACE && a.type != PS_LIST)
        *ret = out->count ? out->v[0] : ps_const ("");
    else
        *ret = ps_of_list (out);
    return f;
}

static struct ps_value
join (struct ps *ps, struct ps_value a, const char *between)
{
    struct ps_list *l = ps_as_list (ps, a);
    struct sb_buf b = { 0 };
    struct ps_value v;

    for (size_t i = 0; i < l->count && b.len < PS_MAX_STRING; i++)
        sb_buf_printf (&b, "%s%s", i ? between : "", ps_string (ps, l->v[i]));
    v = ps_text (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return v;
}

static bool
is_type (struct ps *ps, struct ps_value v, const char *written)
{
    const char *want = ps_class_name (ps, written), *have = ps_class_name (ps, ps_type_name (v));
    static const struct {
        const char *shortcut, *name;
    } more[] = {
        { "array", "Object[]" },
        { "psobject", "Management.Automation.PSCustomObject" },
        { "Array", "Object[]" },
    };

    if (v.type == PS_NULL)
        return false;
    if (!ps_text_cmp (want, "object", false) || !ps_text_cmp (want, have, false))
        return true;
    if (!ps_text_cmp (want, "Int64", false) && v.type == PS_INT)
        return true;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (!ps_text_cmp (more[i].shortcut, want, false) && !ps_text_cmp (more[i].name, have, false))
            return true;
    return false;
}

enum ps_flow
ps_binary (struct ps *ps, const struct ps_node *n, struct ps_value a, struct ps_value b, struct ps_value *ret)
{
    enum ps_opid id = n->op->id;
    int64_t x = 0, y = 0;
    const char *text = "";
    enum ps_flow f;

    switch (id) {
    case PS_O_AND:
    case PS_O_OR:
        *ret = ps_bool (ps_true (b));
        return PS_GO;
    case PS_O_XOR:
        *ret = ps_bool (ps_true (a) != ps_true (b));
        return PS_GO;
    case PS_O_BAND:
    case PS_O_BOR:
    case PS_O_BXOR:
        ps_integer (ps, a, &x);
        ps_integer (ps, b, &y);
        *ret = ps_int (id == PS_O_BAND ? x & y : id == PS_O_BOR ? x | y : x ^ y);
        return PS_GO;
    case PS_O_CONTAINS:
    case PS_O_NOTCONTAINS:
        *ret = ps_bool (contains (ps, a, b, n->op->exact) == (id == PS_O_CONTAINS));
        return PS_GO;
    case PS_O_IN:
    case PS_O_NOTIN:
        *ret = ps_bool (contains (ps, b, a, n->op->exact) == (id == PS_O_IN));
        return PS_GO;
    case PS_O_SPLIT:
    case PS_O_REPLACE:
        return on_each_text (ps, n, a, b, ret);
    case PS_O_JOIN:
        *ret = join (ps, a, ps_string (ps, b));
        return PS_GO;
    case PS_O_IS:
    case PS_O_ISNOT:
        *ret = ps_bool (is_type (ps, a, ps_string (ps, b)) == (id == PS_O_IS));
        return PS_GO;
    case PS_O_AS:
        f = ps_cast (ps, n, ps_string (ps, b), a, ret);
        if (f == PS_THROWN)
            *ret = ps_null ();
        return f == PS_THROWN ? PS_GO : f;
    case PS_O_FORMAT:
        f = ps_format_op (ps, n, ps_string (ps, a), ps_as_list (ps, b), &text);
        *ret = ps_const (text);
        return f;
    case PS_O_RANGE:
        return range (ps, n, a, b, ret);
    case PS_O_ADD:
    case PS_O_SUB:
    case PS_O_MUL:
    case PS_O_DIV:
    case PS_O_MOD:
        return ps_arith (ps, n, id, a, b, ret);
    default:
        return compare (ps, n, a, b, ret);
    }
}
