/* Types of the little PowerShell: names, casts, [Type]::Member, constructors.
 * Every static member is a row of a table. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include "core/base/text.h"

#include <math.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *written, *name;
} shortcuts[] = {
    { "string", "String" },
    { "int", "Int32" },
    { "int32", "Int32" },
    { "long", "Int64" },
    { "int64", "Int64" },
    { "double", "Double" },
    { "bool", "Boolean" },
    { "boolean", "Boolean" },
    { "datetime", "DateTime" },
    { "hashtable", "Collections.Hashtable" },
    { "char", "String" },
    { "array", "Object[]" },
    { "scriptblock", "Management.Automation.ScriptBlock" },
    { "timespan", "TimeSpan" },
    { "uint32", "Int64" },
    { "pscustomobject", "Management.Automation.PSCustomObject" },
    { "xml", "Xml.XmlDocument" },
    { "decimal", "Double" },
    { "arraylist", "Collections.ArrayList" },
    { "uint64", "Int64" },
    { "byte", "Int32" },
    { "float", "Double" },
};

const char *
ps_class_name (struct ps *ps, const char *written)
{
    if (!strncasecmp (written, "System.", 7))
        written += 7;
    for (size_t i = 0; i < sizeof shortcuts / sizeof *shortcuts; i++)
        if (!ps_text_cmp (shortcuts[i].written, written, false))
            return shortcuts[i].name;
    return ps_strdup (ps, written);
}

/* ---- casts ---- */

static enum ps_flow
bad_cast (struct ps *ps, const struct ps_node *n, struct ps_value v, const char *type)
{
    return ps_throw (
            ps, n, "System.Management.Automation.PSInvalidCastException", "InvalidArgument", "InvalidCastException",
            "Cannot convert value \"%s\" to type \"System.%s\". Error: \"Input string was not in a correct format.\"",
            ps_string (ps, v), type);
}

static enum ps_flow
to_list (struct ps *ps, const struct ps_node *n, struct ps_value v, const char *element, struct ps_value *ret)
{
    struct ps_list *from = ps_as_list (ps, v), *l = ps_list_new (ps);
    struct ps_value e;
    enum ps_flow f = PS_GO;

    for (size_t i = 0; i < from->count && f == PS_GO; i++) {
        f = ps_cast (ps, n, element, from->v[i], &e);
        if (f == PS_GO)
            ps_list_add (ps, l, e);
    }
    *ret = ps_of_list (l);
    return f;
}

static enum ps_flow
to_custom (struct ps *ps, struct ps_value v, struct ps_value *ret)
{
    struct ps_object *o;

    *ret = v;
    if (v.type != PS_OBJECT || !v.u.obj->hash)
        return PS_GO;
    o = ps_object_new (ps, "System.Management.Automation.PSCustomObject");
    for (size_t i = 0; i < v.u.obj->count; i++)
        ps_set (ps, o, v.u.obj->props[i].name, v.u.obj->props[i].value);
    *ret = ps_of_object (o);
    return PS_GO;
}

static enum ps_flow
to_date (struct ps *ps, const struct ps_node *n, struct ps_value v, struct ps_value *ret)
{
    int64_t ms;
    bool utc;

    *ret = v;
    if (v.type == PS_DATE)
        return PS_GO;
    if (!ps_parse_date (ps_string (ps, v), &ms, &utc))
        return bad_cast (ps, n, v, "DateTime");
    *ret = ps_date (ms, false); /* as .NET: converted to local time, which is UTC here */
    return PS_GO;
}

enum ps_flow
ps_cast (struct ps *ps, const struct ps_node *n, const char *type, struct ps_value v, struct ps_value *ret)
{
    const char *name = ps_class_name (ps, type);
    size_t len = strlen (name);
    struct ps_value number;
    int64_t i;

    *ret = v;
    if (!strcmp (name, "Object[]"))
        *ret = ps_of_list (ps_as_list (ps, v));
    else if (len > 2 && !strcmp (name + len - 2, "[]"))
        return to_list (ps, n, v, ps_strndup (ps, name, len - 2), ret);
    else if (!strcmp (name, "String"))
        *ret = ps_const (ps_string (ps, v));
    else if (!strcmp (name, "Boolean") || !ps_text_cmp (name, "switch", false))
        *ret = ps_bool (ps_true (v));
    else if (!strcmp (name, "Int32") || !strcmp (name, "Int64")) {
        if (v.type == PS_DATE || !ps_integer (ps, v, &i) || (name[3] == '3' && (i > INT32_MAX || i < INT32_MIN)))
            return bad_cast (ps, n, v, name);
        *ret = ps_int (i);
    } else if (!strcmp (name, "Double")) {
        if (!ps_number (ps, v, &number))
            return bad_cast (ps, n, v, name);
        *ret = ps_double (number.type == PS_INT ? (double) number.u.i : number.u.d);
    } else if (!strcmp (name, "DateTime"))
        return to_date (ps, n, v, ret);
    else if (!strcmp (name, "Management.Automation.PSCustomObject"))
        return to_custom (ps, v, ret);
    else if (!ps_text_cmp (name, "ordered", false) && v.type == PS_OBJECT)
        v.u.obj->type = "System.Collections.Specialized.OrderedDictionary";
    else if (!strcmp (name, "Xml.XmlDocument") && !ps_xml_read (ps, ps_string (ps, v), ret))
        return bad_cast (ps, n, ps_const ("System.String"), "Xml.XmlDocument");
    else if (!ps_text_cmp (name, "void", false))
        *ret = ps_null ();
    return PS_GO;
}

/* ---- constructors ---- */

static struct ps_value
encoding (struct ps *ps, const char *type, const char *name, int codepage)
{
    struct ps_object *o = ps_object_new (ps, type);

    ps_set (ps, o, "EncodingName", ps_const (name));
    ps_set (ps, o, "CodePage", ps_int (codepage));
    return ps_of_object (o);
}

static struct ps_value
utf8 (struct ps *ps)
{
    return encoding (ps, "System.Text.UTF8Encoding", "Unicode (UTF-8)", 65001);
}

enum ps_flow
ps_new (struct ps *ps, const struct ps_node *n, const char *type, const struct ps_list *args, struct ps_value *ret)
{
    const char *name = ps_class_name (ps, type);
    struct ps_object *o;
    struct ps_list *l;

    if (!ps_text_cmp (name, "Text.UTF8Encoding", false))
        *ret = utf8 (ps);
    else if (!ps_text_cmp (name, "Collections.ArrayList", false)
             || !strncasecmp (name, "Collections.Generic.List", 24)) {
        l = ps_list_new (ps);
        l->grows = true;
        *ret = ps_of_list (l);
    } else if (!ps_text_cmp (name, "Management.Automation.PSCustomObject", false)
               || !ps_text_cmp (name, "PSObject", false) || !ps_text_cmp (name, "Object", false))
        *ret = ps_of_object (ps_object_new (ps, "System.Management.Automation.PSCustomObject"));
    else if (!strcmp (name, "Collections.Hashtable")) {
        o = ps_object_new (ps, "System.Collections.Hashtable");
        o->hash = true;
        *ret = ps_of_object (o);
    } else if (strlen (name) > 9 && !ps_text_cmp (name + strlen (name) - 9, "Exception", false)) {
        o = ps_object_new (ps, ps_printf (ps, "System.%s", name));
        ps_set (ps, o, "Message", ps_const (args->count ? ps_string (ps, args->v[0]) : ""));
        *ret = ps_of_object (o);
    } else if (!strcmp (name, "String"))
        *ret = ps_const (args->count ? ps_string (ps, args->v[0]) : "");
    else
        return ps_throw (ps, n, "System.Management.Automation.PSArgumentException", "InvalidType", "TypeNotFound",
                         "Cannot find type [%s]: verify that the assembly containing this type is loaded.", type);
    return PS_GO;
}

/* ---- static members ---- */

typedef enum ps_flow (*static_fn) (struct ps *ps, const struct ps_node *n, const struct ps_list *args,
                                   struct ps_value *ret);

static struct ps_value
arg (const struct ps_list *args, size_t i)
{
    return args && i < args->count ? args->v[i] : ps_null ();
}

static double
real (struct ps *ps, struct ps_value v)
{
    struct ps_value n;

    if (!ps_number (ps, v, &n))
        return NAN;
    return n.type == PS_INT ? (double) n.u.i : n.u.d;
}

static enum ps_flow
s_round (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    int64_t digits = 0;
    double times;

    (void) n;
    ps_integer (ps, arg (args, 1), &digits);
    times = pow (10, (double) (digits < 0 ? 0 : digits > 15 ? 15 : digits));
    *ret = ps_double (nearbyint (real (ps, arg (args, 0)) * times) / times);
    return PS_GO;
}

#define REAL(name, expression)                                                                    \
    static enum ps_flow name (struct ps *ps, const struct ps_node *n, const struct ps_list *args, \
                              struct ps_value *ret)                                               \
    {                                                                                             \
        double x = real (ps, arg (args, 0));                                                      \
        (void) n;                                                                                 \
        *ret = ps_double (expression);                                                            \
        return PS_GO;                                                                             \
    }
REAL (s_floor, floor (x))
REAL (s_ceiling, ceil (x))

static enum ps_flow
s_abs (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    struct ps_value v = arg (args, 0);

    if (real (ps, v) < 0)
        return ps_arith (ps, n, PS_O_SUB, ps_int (0), v, ret);
    *ret = v;
    return PS_GO;
}

static enum ps_flow
s_max (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    *ret = real (ps, arg (args, 0)) >= real (ps, arg (args, 1)) ? arg (args, 0) : arg (args, 1);
    return PS_GO;
}

static enum ps_flow
s_min (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    *ret = real (ps, arg (args, 0)) <= real (ps, arg (args, 1)) ? arg (args, 0) : arg (args, 1);
    return PS_GO;
}

static enum ps_flow
s_utc_now (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    (void) args;
    *ret = ps_date (ps_now (ps), true);
    return PS_GO;
}

static enum ps_flow
s_now (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    (void) args;
    *ret = ps_date (ps_now (ps), false);
    return PS_GO;
}

static enum ps_flow
s_parse_date (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    return to_date (ps, n, arg (args, 0), ret);
}

static enum ps_flow
s_machine (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    (void) args;
    *ret = ps_var_read (ps, "env:COMPUTERNAME");
    return PS_GO;
}

static enum ps_flow
s_user (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    (void) args;
    *ret = ps_var_read (ps, "env:USERNAME");
    return PS_GO;
}

static enum ps_flow
s_newline (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) ps;
    (void) n;
    (void) args;
    *ret = ps_const ("\r\n");
    return PS_GO;
}

static enum ps_flow
s_empty (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) ps;
    (void) n;
    (void) args;
    *ret = ps_const ("");
    return PS_GO;
}

static enum ps_flow
s_is_empty (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    *ret = ps_bool (!*ps_string (ps, arg (args, 0)));
    return PS_GO;
}

static enum ps_flow
s_is_blank (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    const char *s = ps_string (ps, arg (args, 0));

    (void) n;
    *ret = ps_bool (!s[strspn (s, " \t\r\n")]);
    return PS_GO;
}

static enum ps_flow
s_join (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    static const struct ps_op join = { "-join", PS_O_JOIN, 3, false };
    struct ps_node op = *n;

    op.op = &join;
    return ps_binary (ps, &op, arg (args, 1), arg (args, 0), ret);
}

static enum ps_flow
s_format (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    struct ps_list rest = { .v = args->count > 1 ? args->v + 1 : NULL, .count = args->count > 1 ? args->count - 1 : 0 };
    const char *text = "";
    enum ps_flow f = ps_format_op (ps, n, ps_string (ps, arg (args, 0)), &rest, &text);

    *ret = ps_const (text);
    return f;
}

static enum ps_flow
s_utf8 (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    (void) args;
    *ret = utf8 (ps);
    return PS_GO;
}

static enum ps_flow
s_unicode (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    (void) args;
    *ret = encoding (ps, "System.Text.UnicodeEncoding", "Unicode", 1200);
    return PS_GO;
}

static enum ps_flow
s_oem (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    (void) n;
    (void) args;
    *ret = encoding (ps, "System.Text.SBCSCodePageEncoding", "OEM United States", 437);
    return PS_GO;
}

static enum ps_flow
s_write_line (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    const char *s = ps_printf (ps, "%s\n", ps_string (ps, arg (args, 0)));

    (void) n;
    (void) ret;
    ps->host->out (ps->host->ctx, s, strlen (s));
    return PS_GO;
}

static enum ps_flow
s_write (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    const char *s = ps_string (ps, arg (args, 0));

    (void) n;
    (void) ret;
    ps->host->out (ps->host->ctx, s, strlen (s));
    return PS_GO;
}

static enum ps_flow
s_from_base64 (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    const char *s = ps_string (ps, arg (args, 0));
    struct ps_list *l = ps_list_new (ps);
    struct sb_buf b = { 0 };
    bool good = sb_base64_decode (s, strlen (s), &b);

    for (size_t i = 0; good && i < b.len; i++)
        ps_list_add (ps, l, ps_int ((unsigned char) b.s[i]));
    sb_buf_free (&b);
    *ret = ps_of_list (l);
    if (good)
        return PS_GO;
    return ps_throw (
            ps, n, "System.Management.Automation.MethodInvocationException", "NotSpecified", "FormatException",
            "Exception calling \"FromBase64String\" with \"1\" argument(s): \"The input is not a valid Base-64 "
            "string.\"");
}

static enum ps_flow
s_to_base64 (struct ps *ps, const struct ps_node *n, const struct ps_list *args, struct ps_value *ret)
{
    struct ps_list *l = ps_as_list (ps, arg (args, 0));
    struct sb_buf b = { 0 }, text = { 0 };
    int64_t byte;

    (void) n;
    for (size_t i = 0; i < l->count; i++)
        sb_buf_char (&b, ps_integer (ps, l->v[i], &byte) ? (char) byte : '\0');
    sb_base64_encode (sb_buf_cstr (&b), b.len, &text);
    *ret = ps_text (ps, sb_buf_cstr (&text));
    sb_buf_free (&b);
    sb_buf_free (&text);
    return PS_GO;
}

static const struct {
    const char *type, *name;
    bool call; /* with parentheses */
    static_fn run;
} statics[] = {
    { "Math", "Round", true, s_round },
    { "Math", "Floor", true, s_floor },
    { "Math", "Ceiling", true, s_ceiling },
    { "Math", "Abs", true, s_abs },
    { "Math", "Max", true, s_max },
    { "Math", "Min", true, s_min },
    { "DateTime", "UtcNow", false, s_utc_now },
    { "DateTime", "Now", false, s_now },
    { "DateTime", "Parse", true, s_parse_date },
    { "Environment", "MachineName", false, s_machine },
    { "Environment", "UserName", false, s_user },
    { "Environment", "NewLine", false, s_newline },
    { "String", "Empty", false, s_empty },
    { "String", "IsNullOrEmpty", true, s_is_empty },
    { "String", "IsNullOrWhiteSpace", true, s_is_blank },
    { "String", "Join", true, s_join },
    { "String", "Format", true, s_format },
    { "Text.Encoding", "UTF8", false, s_utf8 },
    { "Text.Encoding", "Unicode", false, s_unicode },
    { "Text.Encoding", "Default", false, s_oem },
    { "Console", "OutputEncoding", false, s_oem },
    { "Console", "InputEncoding", false, s_oem },
    { "Console", "WriteLine", true, s_write_line },
    { "Console", "Write", true, s_write },
    { "Convert", "FromBase64String", true, s_from_base64 },
    { "Convert", "ToBase64String", true, s_to_base64 },
};

static enum ps_flow
find_static (struct ps *ps, const struct ps_node *n, const char *type, const char *name, bool call,
             const struct ps_list *args, struct ps_value *ret)
{
    const char *class = ps_class_name (ps, type);

    *ret = ps_null ();
    for (size_t i = 0; i < sizeof statics / sizeof *statics; i++)
        if (statics[i].call == call && !ps_text_cmp (statics[i].type, class, false)
            && !ps_text_cmp (statics[i].name, name, false))
            return statics[i].run (ps, n, args, ret);
    if (!call)
        return PS_GO;
    return ps_throw (ps, n, "System.Management.Automation.RuntimeException", "InvalidOperation", "MethodNotFound",
                     "Method invocation failed because [%s] does not contain a method named '%s'.", type, name);
}

enum ps_flow
ps_static_get (struct ps *ps, const struct ps_node *n, const char *type, const char *name, struct ps_value *ret)
{
    return find_static (ps, n, type, name, false, NULL, ret);
}

enum ps_flow
ps_static_call (struct ps *ps, const struct ps_node *n, const char *type, const char *name, const struct ps_list *args,
                struct ps_value *ret)
{
    return find_static (ps, n, type, name, true, args, ret);
}

enum ps_flow
ps_static_set (struct ps *ps, const struct ps_node *n, const char *type, const char *name, struct ps_value v)
{
    struct ps_value *page = v.type == PS_OBJECT ? ps_get (v.u.obj, "CodePage") : NULL;
    int64_t codepage;

    if (ps_text_cmp (ps_class_name (ps, type), "Console", false))
        return ps_throw (
                ps, n, "System.Management.Automation.RuntimeException", "InvalidOperation",
                "PropertyAssignmentException",
                "The property '%s' cannot be found on this object. Verify that the property exists and can be set.",
                name);
    if (!ps_text_cmp (name, "OutputEncoding", false) && page && ps_integer (ps, *page, &codepage) && ps->host->encoding)
        ps->host->encoding (ps->host->ctx, (int) codepage);
    return PS_GO;
}
