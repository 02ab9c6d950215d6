/* ConvertTo-Json and ConvertFrom-Json as Windows PowerShell 5.1 has them: dates
 * as \/Date(ms)\/, ' < > & escaped, objects below -Depth as their text, its
 * peculiar indentation; and [xml], read into objects. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <jansson.h>
#include <libxml/parser.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_JSON   (4u << 20)
#define MAX_NESTED 100

/* ---- writing ---- */

struct writer {
    struct ps *ps;
    struct sb_buf *out;
    bool compress;
    int64_t depth;
};

static void
quoted (struct sb_buf *b, const char *s)
{
    static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

    sb_buf_char (b, '"');
    for (; *s; s++) {
        const char *p = strchr (special, *s);

        if (p)
            sb_buf_printf (b, "\\%c", letters[p - special]);
        else if ((unsigned char) *s < 0x20 || strchr ("'<>&", *s))
            sb_buf_printf (b, "\\u%04x", (unsigned char) *s);
        else
            sb_buf_char (b, *s);
    }
    sb_buf_char (b, '"');
}

static void
indent (struct writer *w, size_t column)
{
    if (!w->compress)
        sb_buf_printf (w->out, "\r\n%*s", (int) column, "");
}

static void write_value (struct writer *w, struct ps_value v, int64_t level, size_t column);

static void
write_list (struct writer *w, const struct ps_list *l, int64_t level, size_t column)
{
    sb_buf_char (w->out, '[');
    for (size_t i = 0; i < l->count && w->out->len < MAX_JSON; i++) {
        if (i)
            sb_buf_char (w->out, ',');
        indent (w, column + 4);
        write_value (w, l->v[i], level + 1, column + 4);
    }
    indent (w, column);
    sb_buf_char (w->out, ']');
}

static void
write_object (struct writer *w, const struct ps_object *o, int64_t level, size_t column)
{
    sb_buf_char (w->out, '{');
    for (size_t i = 0; i < o->count && w->out->len < MAX_JSON; i++) {
        size_t before;

        if (i)
            sb_buf_char (w->out, ',');
        indent (w, column + 4);
        before = w->out->len;
        quoted (w->out, o->props[i].name);
        sb_buf_str (w->out, w->compress ? ":" : ":  ");
        write_value (w, o->props[i].value, level + 1, column + 4 + (w->out->len - before));
    }
    indent (w, column);
    sb_buf_char (w->out, '}');
}

static void
write_value (struct writer *w, struct ps_value v, int64_t level, size_t column)
{
    bool deep = level > w->depth;

    switch (v.type) {
    case PS_NULL:
        sb_buf_str (w->out, "null");
        return;
    case PS_BOOL:
        sb_buf_str (w->out, v.u.b ? "true" : "false");
        return;
    case PS_INT:
        sb_buf_printf (w->out, "%lld", (long long) v.u.i);
        return;
    case PS_DOUBLE:
        if (!isfinite (v.u.d))
            quoted (w->out, ps_flat (w->ps, v.u.d));
        else
            sb_buf_printf (w->out, "%s%s", ps_flat (w->ps, v.u.d), strpbrk (ps_flat (w->ps, v.u.d), ".E") ? "" : ".0");
        return;
    case PS_DATE:
        sb_buf_printf (w->out, "\"\\/Date(%lld)\\/\"", (long long) v.u.i);
        return;
    case PS_LIST:
        if (!deep) {
            write_list (w, v.u.list, level, column);
            return;
        }
        break;
    case PS_OBJECT:
        if (!deep && v.u.obj->count + v.u.obj->hash > 0
            && !(v.u.obj->text && v.u.obj->shown == NULL && !v.u.obj->count)) {
            write_object (w, v.u.obj, level, column);
            return;
        }
        break;
    default:
        break;
    }
    quoted (w->out, ps_string (w->ps, v));
}

void
ps_json (struct ps *ps, struct ps_value v, int64_t depth, bool compress, struct sb_buf *out)
{
    struct writer w = { ps, out, compress, depth > MAX_NESTED ? MAX_NESTED : depth };

    write_value (&w, v, 0, 0);
}

/* ---- reading ---- */

static struct ps_value
value_of (struct ps *ps, const json_t *j)
{
    struct ps_object *o;
    struct ps_list *l;
    const char *key;
    json_t *e;
    size_t i;

    switch (json_typeof (j)) {
    case JSON_OBJECT:
        o = ps_object_new (ps, "System.Management.Automation.PSCustomObject");
        json_object_foreach ((json_t *) j, key, e) ps_set (ps, o, key, value_of (ps, e));
        return ps_of_object (o);
    case JSON_ARRAY:
        l = ps_list_new (ps);
        json_array_foreach (j, i, e) ps_list_add (ps, l, value_of (ps, e));
        return ps_of_list (l);
    case JSON_STRING:
        return ps_text (ps, json_string_value (j));
    case JSON_INTEGER:
        return ps_int (json_integer_value (j));
    case JSON_REAL:
        return ps_double (json_real_value (j));
    case JSON_TRUE:
        return ps_bool (true);
    case JSON_FALSE:
        return ps_bool (false);
    default:
        return ps_null ();
    }
}

bool
ps_json_read (struct ps *ps, const char *text, struct ps_value *ret, const char **ret_error)
{
    json_error_t error;
    json_t *j = strlen (text) <= MAX_JSON ? json_loads (text, JSON_DECODE_ANY, &error) : NULL;

    *ret = ps_null ();
    if (!j) {
        *ret_error = ps_strndup (ps, text, strcspn (text, "\r\n"));
        return false;
    }
    *ret = value_of (ps, j);
    json_decref (j);
    return true;
}

/* ---- XML ---- */

static void
add_child (struct ps *ps, struct ps_object *o, const char *name, struct ps_value v)
{
    struct ps_value *old = ps_get (o, name);
    struct ps_list *l;

    if (!old) {
        ps_set (ps, o, name, v);
        return;
    }
    if (old->type != PS_LIST) {
        l = ps_list_new (ps);
        ps_list_add (ps, l, *old);
        *old = ps_of_list (l);
    }
    ps_list_add (ps, old->u.list, v);
}

/* An element with text alone is that text; else attributes and children are properties, repeated ones lists. */
static struct ps_value
element (struct ps *ps, const xmlNode *n)
{
    struct ps_object *o = ps_object_new (ps, "System.Xml.XmlElement");
    bool rich = n->properties != NULL;
    xmlChar *text = xmlNodeGetContent (n);
    struct ps_value v;

    for (const xmlAttr *a = n->properties; a; a = a->next) {
        xmlChar *value = xmlNodeGetContent ((const xmlNode *) a);

        ps_set (ps, o, (const char *) a->name, ps_text (ps, value ? (const char *) value : ""));
        xmlFree (value);
    }
    for (const xmlNode *c = n->children; c; c = c->next)
        if (c->type == XML_ELEMENT_NODE) {
            rich = true;
            add_child (ps, o, (const char *) c->name, element (ps, c));
        }
    if (!rich)
        v = ps_text (ps, text ? (const char *) text : "");
    else {
        ps_set (ps, o, "InnerText", ps_text (ps, text ? (const char *) text : ""));
        v = ps_of_object (o);
    }
    xmlFree (text);
    return v;
}

bool
ps_xml_read (struct ps *ps, const char *text, struct ps_value *ret)
{
    size_t n = strlen (text);
    xmlDoc *doc =
            n <= MAX_JSON
                    ? xmlReadMemory (text, (int) n, "script.xml", NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS)
                    : NULL;
    struct ps_object *o;

    if (!doc || !xmlDocGetRootElement (doc)) {
        xmlFreeDoc (doc);
        return false;
    }
    o = ps_object_new (ps, "System.Xml.XmlDocument");
    ps_set (ps, o, (const char *) xmlDocGetRootElement (doc)->name, element (ps, xmlDocGetRootElement (doc)));
    ps_set (ps, o, "OuterXml", ps_text (ps, text));
    xmlFreeDoc (doc);
    *ret = ps_of_object (o);
    return true;
}
