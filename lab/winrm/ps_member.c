/* Members of values in the little PowerShell: properties, methods, and member
 * enumeration (a property of a list is the list of its elements' properties).
 * Methods are a table of names per kind of value. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include "core/base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- properties ---- */

static struct ps_value
date_member (struct ps *ps, struct ps_value v, const char *name)
{
    static const struct {
        const char *name, *format;
    } parts[] = {
        { "Year", "yyyy" }, { "Month", "MM" },  { "Day", "dd" },          { "Hour", "HH" },
        { "Minute", "mm" }, { "Second", "ss" }, { "Millisecond", "fff" },
    };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!ps_text_cmp (parts[i].name, name, false))
            return ps_int (atoi (ps_date_text (ps, v, parts[i].format)));
    if (!ps_text_cmp (name, "Ticks", false))
        return ps_int (v.u.i * 10000 + INT64_C (621355968000000000));
    if (!ps_text_cmp (name, "Kind", false))
        return ps_const (v.utc ? "Utc" : "Local");
    if (!ps_text_cmp (name, "Date", false))
        return ps_date (v.u.i - ((v.u.i % 86400000) + 86400000) % 86400000, v.utc);
    if (!ps_text_cmp (name, "DayOfWeek", false))
        return ps_const (ps_date_text (ps, v, "dddd"));
    return ps_null ();
}

/* .PSObject.Properties: name and value of each */
static struct ps_value
ps_object_of (struct ps *ps, struct ps_value v)
{
    struct ps_object *o = ps_object_new (ps, "System.Management.Automation.PSObject");
    struct ps_list *l = ps_list_new (ps);

    for (size_t i = 0; v.type == PS_OBJECT && i < v.u.obj->count; i++) {
        struct ps_object *p = ps_object_new (ps, "System.Management.Automation.PSNoteProperty");

        ps_set (ps, p, "Name", ps_const (v.u.obj->props[i].name));
        ps_set (ps, p, "Value", v.u.obj->props[i].value);
        ps_list_add (ps, l, ps_of_object (p));
    }
    ps_set (ps, o, "Properties", ps_of_list (l));
    ps_set (ps, o, "TypeNames", ps_const (ps_type_name (v)));
    return ps_of_object (o);
}

static struct ps_value
keys (struct ps *ps, const struct ps_object *o, bool values)
{
    struct ps_list *l = ps_list_new (ps);

    for (size_t i = 0; i < o->count; i++)
        ps_list_add (ps, l, values ? o->props[i].value : ps_const (o->props[i].name));
    return ps_of_list (l);
}

/* The member of each element that has one. */
static enum ps_flow
of_each (struct ps *ps, const struct ps_node *n, const struct ps_list *l, const char *name, struct ps_value *ret)
{
    struct ps_list *out = ps_list_new (ps), *inner;
    enum ps_flow f = PS_GO;

    if (++ps->depth > PS_MAX_DEPTH) {
        ps->depth--;
        return PS_GO;
    }
    for (size_t i = 0; i < l->count && f == PS_GO; i++) {
        struct ps_value v = ps_null ();

        if (l->v[i].type == PS_OBJECT && !l->v[i].u.obj->hash && !ps_get (l->v[i].u.obj, name)
            && ps_text_cmp (name, "PSObject", false))
            continue;
        f = ps_step (ps);
        if (f == PS_GO)
            f = ps_member (ps, n, l->v[i], name, &v);
        inner = v.type == PS_LIST ? v.u.list : NULL;
        if (f == PS_GO && !inner)
            ps_list_add (ps, out, v);
        for (size_t k = 0; inner && k < inner->count; k++)
            ps_list_add (ps, out, inner->v[k]);
    }
    ps->depth--;
    *ret = out->count == 0 ? ps_null () : out->count == 1 ? out->v[0] : ps_of_list (out);
    return f;
}

enum ps_flow
ps_member (struct ps *ps, const struct ps_node *n, struct ps_value v, const char *name, struct ps_value *ret)
{
    struct ps_value *p = v.type == PS_OBJECT ? ps_get (v.u.obj, name) : NULL;
    bool counts = !ps_text_cmp (name, "Count", false) || !ps_text_cmp (name, "Length", false);

    *ret = ps_null ();
    if (p)
        *ret = *p;
    else if (!ps_text_cmp (name, "PSObject", false))
        *ret = ps_object_of (ps, v);
    else if (v.type == PS_STRING && !ps_text_cmp (name, "Length", false))
        *ret = ps_int ((int64_t) ps_chars (v.u.s));
    else if (v.type == PS_LIST && counts)
        *ret = ps_int ((int64_t) v.u.list->count);
    else if (v.type == PS_OBJECT && v.u.obj->hash && counts)
        *ret = ps_int ((int64_t) v.u.obj->count);
    else if (counts)
        *ret = ps_int (v.type != PS_NULL);
    else if (v.type == PS_OBJECT && v.u.obj->hash
             && (!ps_text_cmp (name, "Keys", false) || !ps_text_cmp (name, "Values", false)))
        *ret = keys (ps, v.u.obj, (name[0] | 32) == 'v');
    else if (v.type == PS_DATE)
        *ret = date_member (ps, v, name);
    else if (v.type == PS_LIST)
        return of_each (ps, n, v.u.list, name, ret);
    else if (v.type == PS_CLASS && (!ps_text_cmp (name, "Name", false) || !ps_text_cmp (name, "FullName", false)))
        *ret = ps_const ((name[0] | 32) == 'n' && strrchr (v.u.s, '.') ? strrchr (v.u.s, '.') + 1 : v.u.s);
    return PS_GO;
}

enum ps_flow
ps_member_set (struct ps *ps, const struct ps_node *n, struct ps_value v, const char *name, struct ps_value to)
{
    if (v.type != PS_OBJECT || (!v.u.obj->hash && !ps_get (v.u.obj, name)))
        return ps_throw (
                ps, n, "System.Management.Automation.RuntimeException", "InvalidOperation",
                "PropertyAssignmentException",
                "The property '%s' cannot be found on this object. Verify that the property exists and can be set.",
                name);
    ps_set (ps, v.u.obj, name, to);
    return PS_GO;
}

/* ---- methods of text ---- */

typedef enum ps_flow (*method_fn) (struct ps *ps, const struct ps_node *n, struct ps_value v,
                                   const struct ps_list *args, struct ps_value *ret);

static const char *
text_arg (struct ps *ps, const struct ps_list *args, size_t i)
{
    return i < args->count ? ps_string (ps, args->v[i]) : "";
}

static enum ps_flow
m_text (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    if (args->count && v.type == PS_DATE)
        *ret = ps_const (ps_date_text (ps, v, text_arg (ps, args, 0)));
    else if (args->count && (v.type == PS_INT || v.type == PS_DOUBLE))
        *ret = ps_const (ps_format_number (ps, v, text_arg (ps, args, 0)));
    else if (v.type == PS_DATE)
        *ret = ps_const (ps_date_text (ps, v, "G"));
    else if (v.type == PS_LIST)
        *ret = ps_const (ps_type_name (v));
    else
        *ret = ps_text (ps, ps_string (ps, v));
    return PS_GO;
}

static enum ps_flow
m_type (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) ps;
    (void) n;
    (void) args;
    *ret = (struct ps_value){ .type = PS_CLASS, .u.s = ps_type_name (v) };
    return PS_GO;
}

static enum ps_flow
m_equals (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    *ret = ps_bool (args->count && ps_equal (ps, v, args->v[0], true));
    return PS_GO;
}

static enum ps_flow
fold (struct ps *ps, struct ps_value v, int (*change) (int), struct ps_value *ret)
{
    char *s = (char *) ps_strdup (ps, v.u.s);

    for (size_t i = 0; s[i]; i++)
        if ((unsigned char) s[i] < 0x80)
            s[i] = (char) change ((unsigned char) s[i]);
    *ret = ps_const (s);
    return PS_GO;
}

static enum ps_flow
m_upper (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    (void) args;
    return fold (ps, v, toupper, ret);
}

static enum ps_flow
m_lower (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    (void) args;
    return fold (ps, v, tolower, ret);
}

static enum ps_flow
trimmed (struct ps *ps, struct ps_value v, const struct ps_list *args, bool left, bool right, struct ps_value *ret)
{
    const char *set = args->count ? text_arg (ps, args, 0) : " \t\r\n", *s = v.u.s;
    size_t n;

    s += left ? strspn (s, set) : 0;
    n = strlen (s);
    while (right && n && strchr (set, s[n - 1]))
        n--;
    *ret = ps_const (ps_strndup (ps, s, n));
    return PS_GO;
}

static enum ps_flow
m_trim (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    return trimmed (ps, v, args, true, true, ret);
}

static enum ps_flow
m_trim_start (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args,
              struct ps_value *ret)
{
    (void) n;
    return trimmed (ps, v, args, true, false, ret);
}

static enum ps_flow
m_trim_end (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    return trimmed (ps, v, args, false, true, ret);
}

static enum ps_flow
m_contains (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    *ret = ps_bool (strstr (v.u.s, text_arg (ps, args, 0)) != NULL);
    return PS_GO;
}

static enum ps_flow
m_starts (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    const char *s = text_arg (ps, args, 0);

    (void) n;
    *ret = ps_bool (args->count > 1 ? !strncasecmp (v.u.s, s, strlen (s)) : !strncmp (v.u.s, s, strlen (s)));
    return PS_GO;
}

static enum ps_flow
m_ends (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    const char *s = text_arg (ps, args, 0);
    size_t have = strlen (v.u.s), want = strlen (s);

    (void) n;
    *ret = ps_bool (have >= want
                    && !(args->count > 1 ? strcasecmp (v.u.s + have - want, s) : strcmp (v.u.s + have - want, s)));
    return PS_GO;
}

static enum ps_flow
m_index (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    const char *hit = strstr (v.u.s, text_arg (ps, args, 0));

    (void) n;
    *ret = ps_int (hit ? (int64_t) ps_chars (ps_strndup (ps, v.u.s, (size_t) (hit - v.u.s))) : -1);
    return PS_GO;
}

static enum ps_flow
m_replace (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    const char *old = text_arg (ps, args, 0), *new = text_arg (ps, args, 1), *s = v.u.s, *hit;
    struct sb_buf b = { 0 };

    (void) n;
    while (*old && b.len < PS_MAX_STRING && (hit = strstr (s, old))) {
        sb_buf_add (&b, s, (size_t) (hit - s));
        sb_buf_str (&b, new);
        s = hit + strlen (old);
    }
    sb_buf_str (&b, s);
    *ret = ps_text (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return PS_GO;
}

/* Each character of the argument separates, as in .NET Framework. */
static enum ps_flow
m_split (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    const char *set = args->count ? text_arg (ps, args, 0) : " \t\r\n", *s = v.u.s;
    struct ps_list *l = ps_list_new (ps);

    (void) n;
    for (;;) {
        size_t m = strcspn (s, set);

        ps_list_add (ps, l, ps_const (ps_strndup (ps, s, m)));
        if (!s[m])
            break;
        s += m + 1;
    }
    *ret = ps_of_list (l);
    return PS_GO;
}

static enum ps_flow
m_substring (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args,
             struct ps_value *ret)
{
    int64_t from = 0, count = -1, all = (int64_t) ps_chars (v.u.s);
    const char *s = v.u.s, *end;

    if (args->count)
        ps_integer (ps, args->v[0], &from);
    if (args->count > 1)
        ps_integer (ps, args->v[1], &count);
    if (from < 0 || from > all || count > all - from || (args->count > 1 && count < 0))
        return ps_throw (
                ps, n, "System.Management.Automation.MethodInvocationException", "NotSpecified",
                "ArgumentOutOfRangeException",
                "Exception calling \"Substring\" with \"%zu\" argument(s): \"Index and length must refer to a location "
                "within the string.\"",
                args->count);
    for (; from > 0; from--)
        for (s++; ((unsigned char) *s & 0xc0) == 0x80; s++)
            ;
    for (end = s; *end && count != 0; count--)
        for (end++; ((unsigned char) *end & 0xc0) == 0x80; end++)
            ;
    *ret = ps_const (ps_strndup (ps, s, (size_t) (end - s)));
    return PS_GO;
}

static enum ps_flow
padded (struct ps *ps, struct ps_value v, const struct ps_list *args, bool left, struct ps_value *ret)
{
    int64_t width = 0, have = (int64_t) ps_chars (v.u.s);
    const char *with = args->count > 1 && *text_arg (ps, args, 1) ? text_arg (ps, args, 1) : " ";
    struct sb_buf b = { 0 };

    if (args->count)
        ps_integer (ps, args->v[0], &width);
    width = width > 10000 ? 10000 : width;
    if (!left)
        sb_buf_str (&b, v.u.s);
    for (; have < width; have++)
        sb_buf_char (&b, *with);
    if (left)
        sb_buf_str (&b, v.u.s);
    *ret = ps_text (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return PS_GO;
}

static enum ps_flow
m_pad_left (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    return padded (ps, v, args, true, ret);
}

static enum ps_flow
m_pad_right (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args,
             struct ps_value *ret)
{
    (void) n;
    return padded (ps, v, args, false, ret);
}

/* ---- methods of dates, lists, hash tables ---- */

static enum ps_flow
m_utc (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) ps;
    (void) n;
    (void) args;
    *ret = ps_date (v.u.i, true);
    return PS_GO;
}

static enum ps_flow
m_local (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    (void) ps;
    (void) n;
    (void) args;
    *ret = ps_date (v.u.i, false);
    return PS_GO;
}

static enum ps_flow
later (struct ps *ps, struct ps_value v, const struct ps_list *args, double unit, struct ps_value *ret)
{
    struct ps_value by = ps_int (0);
    double ms;

    if (args->count)
        ps_number (ps, args->v[0], &by);
    ms = (by.type == PS_INT ? (double) by.u.i : by.u.d) * unit;
    *ret = ps_date (ms > -1e15 && ms < 1e15 ? v.u.i + (int64_t) ms : v.u.i, v.utc);
    return PS_GO;
}

#define LATER(name, unit)                                                                                            \
    static enum ps_flow name (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, \
                              struct ps_value *ret)                                                                  \
    {                                                                                                                \
        (void) n;                                                                                                    \
        return later (ps, v, args, unit, ret);                                                                       \
    }
LATER (m_milliseconds, 1)
LATER (m_seconds, 1000)
LATER (m_minutes, 60000)
LATER (m_hours, 3600000)
LATER (m_days, 86400000)

static enum ps_flow
m_add (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    if (v.type == PS_LIST && !v.u.list->grows)
        return ps_throw (ps, n, "System.Management.Automation.MethodInvocationException", "NotSpecified",
                         "NotSupportedException",
                         "Exception calling \"Add\" with \"1\" argument(s): \"Collection was of a fixed size.\"");
    if (v.type == PS_LIST && args->count) {
        ps_list_add (ps, v.u.list, args->v[0]);
        *ret = strchr (ps_type_name (v), 'A') ? ps_int ((int64_t) v.u.list->count - 1) : ps_null ();
    } else if (v.type == PS_OBJECT && args->count > 1)
        ps_set (ps, v.u.obj, text_arg (ps, args, 0), args->v[1]);
    return PS_GO;
}

static enum ps_flow
m_list_contains (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args,
                 struct ps_value *ret)
{
    (void) n;
    *ret = ps_bool (false);
    for (size_t i = 0; v.type == PS_LIST && args->count && i < v.u.list->count; i++)
        if (ps_equal (ps, v.u.list->v[i], args->v[0], true))
            *ret = ps_bool (true);
    if (v.type == PS_OBJECT)
        *ret = ps_bool (ps_get (v.u.obj, text_arg (ps, args, 0)) != NULL);
    return PS_GO;
}

static enum ps_flow
m_remove (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args, struct ps_value *ret)
{
    struct ps_value *p = v.type == PS_OBJECT ? ps_get (v.u.obj, text_arg (ps, args, 0)) : NULL;
    size_t i;

    (void) n;
    (void) ret;
    if (!p)
        return PS_GO;
    for (i = 0; &v.u.obj->props[i].value != p; i++)
        ;
    memmove (&v.u.obj->props[i], &v.u.obj->props[i + 1], (v.u.obj->count - i - 1) * sizeof *v.u.obj->props);
    v.u.obj->count--;
    return PS_GO;
}

/* [Text.Encoding]: between text and bytes */
static enum ps_flow
m_get_bytes (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args,
             struct ps_value *ret)
{
    struct ps_list *l = ps_list_new (ps);
    const char *s = text_arg (ps, args, 0);
    struct sb_buf b = { 0 };

    (void) n;
    if (strstr (v.u.obj->type, "UnicodeEncoding"))
        sb_utf8_to_utf16le (s, strlen (s), &b);
    else
        sb_buf_str (&b, s);
    for (size_t i = 0; i < b.len && !ps->stop_reason; i++)
        ps_list_add (ps, l, ps_int ((unsigned char) b.s[i]));
    sb_buf_free (&b);
    *ret = ps_of_list (l);
    return PS_GO;
}

static enum ps_flow
m_get_string (struct ps *ps, const struct ps_node *n, struct ps_value v, const struct ps_list *args,
              struct ps_value *ret)
{
    struct ps_list *l = args->count ? ps_as_list (ps, args->v[0]) : ps_list_new (ps);
    struct sb_buf b = { 0 }, text = { 0 };
    int64_t byte;

    (void) n;
    for (size_t i = 0; i < l->count; i++)
        sb_buf_char (&b, ps_integer (ps, l->v[i], &byte) ? (char) byte : '?');
    if (strstr (v.u.obj->type, "UnicodeEncoding"))
        sb_utf16le_to_utf8 (sb_buf_cstr (&b), b.len, &text);
    else if (sb_is_utf8 (sb_buf_cstr (&b), b.len))
        sb_buf_add (&text, sb_buf_cstr (&b), b.len);
    *ret = ps_text (ps, sb_buf_cstr (&text));
    sb_buf_free (&b);
    sb_buf_free (&text);
    return PS_GO;
}

/* ---- the table ---- */

#define ON(type) (1u << (type))
#define ANY      (~0u)
static const struct {
    const char *name;
    unsigned on;
    method_fn run;
} methods[] = {
    { "ToString", ANY, m_text },
    { "GetType", ANY, m_type },
    { "Equals", ANY, m_equals },
    { "ToUpper", ON (PS_STRING), m_upper },
    { "ToUpperInvariant", ON (PS_STRING), m_upper },
    { "ToLower", ON (PS_STRING), m_lower },
    { "ToLowerInvariant", ON (PS_STRING), m_lower },
    { "Trim", ON (PS_STRING), m_trim },
    { "TrimStart", ON (PS_STRING), m_trim_start },
    { "TrimEnd", ON (PS_STRING), m_trim_end },
    { "Contains", ON (PS_STRING), m_contains },
    { "StartsWith", ON (PS_STRING), m_starts },
    { "EndsWith", ON (PS_STRING), m_ends },
    { "IndexOf", ON (PS_STRING), m_index },
    { "Replace", ON (PS_STRING), m_replace },
    { "Split", ON (PS_STRING), m_split },
    { "Substring", ON (PS_STRING), m_substring },
    { "PadLeft", ON (PS_STRING), m_pad_left },
    { "PadRight", ON (PS_STRING), m_pad_right },
    { "ToUniversalTime", ON (PS_DATE), m_utc },
    { "ToLocalTime", ON (PS_DATE), m_local },
    { "AddMilliseconds", ON (PS_DATE), m_milliseconds },
    { "AddSeconds", ON (PS_DATE), m_seconds },
    { "AddMinutes", ON (PS_DATE), m_minutes },
    { "AddHours", ON (PS_DATE), m_hours },
    { "AddDays", ON (PS_DATE), m_days },
    { "Add", ON (PS_LIST) | ON (PS_OBJECT), m_add },
    { "Contains", ON (PS_LIST) | ON (PS_OBJECT), m_list_contains },
    { "ContainsKey", ON (PS_OBJECT), m_list_contains },
    { "Remove", ON (PS_OBJECT), m_remove },
    { "GetBytes", ON (PS_OBJECT), m_get_bytes },
    { "GetString", ON (PS_OBJECT), m_get_string },
};

enum ps_flow
ps_method (struct ps *ps, const struct ps_node *n, struct ps_value v, const char *name, const struct ps_list *args,
           struct ps_value *ret)
{
    *ret = ps_null ();
    if (v.type == PS_NULL)
        return ps_throw (ps, n, "System.Management.Automation.RuntimeException", "InvalidOperation",
                         "InvokeMethodOnNull", "You cannot call a method on a null-valued expression.");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (!ps_text_cmp (methods[i].name, name, false) && (methods[i].on & ON (v.type)))
            return methods[i].run (ps, n, v, args, ret);
    return ps_throw (ps, n, "System.Management.Automation.RuntimeException", "InvalidOperation", "MethodNotFound",
                     "Method invocation failed because [%s] does not contain a method named '%s'.", ps_type_name (v),
                     name);
}
