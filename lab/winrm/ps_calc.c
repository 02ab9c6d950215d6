/* Expressions of the little PowerShell: variables and their scopes, literals,
 * indexing, and the targets of assignments.  Operators are in ps_ops.c, members
 * in ps_member.c. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <string.h>

/* ---- variables ---- */

/* "script:x" -> "x" in the global scope; *ret_scope: where to look. */
static const char *
scoped (struct ps *ps, const char *name, struct ps_scope **ret_scope)
{
    static const char *const global[] = { "script:", "global:" }, *const local[] = { "local:", "private:",
                                                                                     "variable:" };

    *ret_scope = ps->scope;
    for (size_t i = 0; i < 2; i++)
        if (!strncasecmp (name, global[i], strlen (global[i]))) {
            *ret_scope = ps->global;
            return name + strlen (global[i]);
        }
    for (size_t i = 0; i < 3; i++)
        if (!strncasecmp (name, local[i], strlen (local[i])))
            return name + strlen (local[i]);
    return name;
}

struct ps_value *
ps_var (struct ps *ps, const char *name)
{
    struct ps_scope *s;
    struct ps_value *v;

    for (name = scoped (ps, name, &s); s; s = s->up) {
        v = ps_get (&s->vars, name);
        if (v)
            return v;
    }
    return NULL;
}

void
ps_var_set (struct ps *ps, const char *name, struct ps_value v)
{
    struct ps_scope *s;

    name = scoped (ps, name, &s);
    ps_set (ps, &s->vars, name, v);
}

static struct ps_value
environment (struct ps *ps, const char *name)
{
    const struct {
        const char *name, *value;
    } vars[] = {
        { "COMPUTERNAME", ps->host->computer }, { "USERNAME", ps->host->user },
        { "SystemRoot", "C:\\Windows" },        { "windir", "C:\\Windows" },
        { "TEMP", "C:\\Windows\\TEMP" },        { "ProgramFiles", "C:\\Program Files" },
        { "PROCESSOR_ARCHITECTURE", "AMD64" },  { "OS", "Windows_NT" },
    };

    for (size_t i = 0; i < sizeof vars / sizeof *vars; i++)
        if (!ps_text_cmp (vars[i].name, name, false))
            return ps_const (vars[i].value ? vars[i].value : "");
    return ps_null ();
}

static struct ps_value
version_table (struct ps *ps)
{
    struct ps_object *o = ps_object_new (ps, "System.Collections.Hashtable"), *v = ps_object_new (ps, "System.Version");

    v->text = "5.1.14393.0";
    ps_set (ps, v, "Major", ps_int (5));
    ps_set (ps, v, "Minor", ps_int (1));
    ps_set (ps, v, "Build", ps_int (14393));
    o->hash = true;
    ps_set (ps, o, "PSVersion", ps_of_object (v));
    ps_set (ps, o, "PSEdition", ps_const ("Desktop"));
    return ps_of_object (o);
}

/* $input: what is written to the process, line by line; read when it is first asked for. */
static struct ps_value
input_lines (struct ps *ps)
{
    SB_AUTOFREE char *all = ps->host->input ? ps->host->input (ps->host->ctx) : NULL;
    struct ps_list *l = ps_list_new (ps);

    for (const char *at = all; at && *at;) {
        size_t n = strcspn (at, "\r\n");

        ps_list_add (ps, l, ps_text (ps, ps_strndup (ps, at, n)));
        at += n;
        at += *at == '\r';
        at += *at == '\n';
    }
    ps_var_set (ps, "input", ps_of_list (l));
    return ps_of_list (l);
}

struct ps_value
ps_var_read (struct ps *ps, const char *name)
{
    struct ps_value *v;
    struct ps_list *l;

    if (!strncasecmp (name, "env:", 4))
        return environment (ps, name + 4);
    if (!ps_text_cmp (name, "true", false) || !ps_text_cmp (name, "false", false))
        return ps_bool ((name[0] | 32) == 't');
    if (!ps_text_cmp (name, "null", false))
        return ps_null ();
    if (!strcmp (name, "?"))
        return ps_bool (ps->ok);
    if (!ps_text_cmp (name, "PSVersionTable", false))
        return version_table (ps);
    if (!ps_text_cmp (name, "PID", false))
        return ps_int (4);
    if (!ps_text_cmp (name, "error", false)) { /* newest first */
        l = ps_list_new (ps);
        for (size_t i = ps->errors->count; i-- > 0;)
            ps_list_add (ps, l, ps->errors->v[i]);
        l->grows = true;
        return ps_of_list (l);
    }
    v = ps_var (ps, name);
    if (!v && !ps_text_cmp (name, "input", false))
        return input_lines (ps);
    return v ? *v : ps_null ();
}

static bool
constant (const char *name)
{
    return !ps_text_cmp (name, "true", false) || !ps_text_cmp (name, "false", false)
           || !ps_text_cmp (name, "null", false);
}

/* ---- indexing ---- */

static struct ps_value
char_at (struct ps *ps, const char *s, int64_t i)
{
    int64_t n = (int64_t) ps_chars (s);
    const char *end;

    if (i < 0)
        i += n;
    if (i < 0 || i >= n)
        return ps_null ();
    for (; i > 0; i--)
        for (s++; ((unsigned char) *s & 0xc0) == 0x80; s++)
            ;
    for (end = s + 1; ((unsigned char) *end & 0xc0) == 0x80; end++)
        ;
    return ps_const (ps_strndup (ps, s, (size_t) (end - s)));
}

static struct ps_value
element (struct ps *ps, struct ps_value v, struct ps_value at)
{
    struct ps_value *p;
    int64_t i;

    if (v.type == PS_OBJECT && (v.u.obj->hash || at.type == PS_STRING)) {
        p = ps_get (v.u.obj, ps_string (ps, at));
        if (!p && v.u.obj->hash && at.type == PS_INT && at.u.i >= 0 && (size_t) at.u.i < v.u.obj->count
            && strstr (v.u.obj->type, "Ordered"))
            p = &v.u.obj->props[at.u.i].value;
        return p ? *p : ps_null ();
    }
    if (v.type == PS_LIST && at.type == PS_STRING) /* PSObject.Properties['x'] */
        for (size_t k = 0; k < v.u.list->count; k++) {
            p = v.u.list->v[k].type == PS_OBJECT ? ps_get (v.u.list->v[k].u.obj, "Name") : NULL;
            if (p && ps_equal (ps, *p, at, false))
                return v.u.list->v[k];
        }
    if (!ps_integer (ps, at, &i))
        return ps_null ();
    if (v.type == PS_STRING)
        return char_at (ps, v.u.s, i);
    if (v.type != PS_LIST)
        return i == 0 || i == -1 ? v : ps_null ();
    if (i < 0)
        i += (int64_t) v.u.list->count;
    return i < 0 || (size_t) i >= v.u.list->count ? ps_null () : v.u.list->v[i];
}

static enum ps_flow
calc_index (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_value v, at;
    struct ps_list *l;
    enum ps_flow f = ps_calc (ps, n->kids[0], &v);

    if (f == PS_GO)
        f = ps_calc (ps, n->kids[1], &at);
    if (f != PS_GO)
        return f;
    if (v.type == PS_NULL)
        return ps_throw (ps, n, "System.Management.Automation.RuntimeException", "InvalidOperation", "NullArray",
                         "Cannot index into a null array.");
    if (at.type != PS_LIST) {
        *ret = element (ps, v, at);
        return PS_GO;
    }
    l = ps_list_new (ps);
    for (size_t i = 0; i < at.u.list->count; i++) {
        struct ps_value e = element (ps, v, at.u.list->v[i]);

        if (e.type != PS_NULL)
            ps_list_add (ps, l, e);
    }
    *ret = ps_of_list (l);
    return PS_GO;
}

/* ---- literals ---- */

static enum ps_flow
calc_string (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct sb_buf b = { 0 };
    struct ps_value v;
    enum ps_flow f = PS_GO;

    if (n->nkids == 1 && n->kids[0]->kind == PS_N_CONST) {
        *ret = n->kids[0]->value;
        return PS_GO;
    }
    for (size_t i = 0; i < n->nkids && f == PS_GO; i++) {
        f = ps_calc (ps, n->kids[i], &v);
        if (f == PS_GO)
            sb_buf_str (&b, ps_string (ps, v));
        if (f == PS_GO && b.len > PS_MAX_STRING)
            f = ps_throw (ps, n, "System.OutOfMemoryException", "ResourceExhausted", "OutOfMemory",
                          "The text is too long.");
    }
    if (f == PS_GO)
        *ret = ps_text (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return f;
}

static enum ps_flow
calc_hash (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_object *o = ps_object_new (ps, "System.Collections.Hashtable");
    struct ps_value key, v;
    enum ps_flow f = PS_GO;

    o->hash = true;
    for (size_t i = 0; i + 1 < n->nkids && f == PS_GO; i += 2) {
        f = ps_calc (ps, n->kids[i], &key);
        if (f == PS_GO)
            f = ps_collect (ps, n->kids[i + 1], &v);
        if (f == PS_GO && ps_get (o, ps_string (ps, key)))
            f = ps_throw (ps, n, "System.Management.Automation.RuntimeException", "ParserError",
                          "DuplicateKeyInHashLiteral", "Duplicate keys '%s' are not allowed in hash literals.",
                          ps_string (ps, key));
        if (f == PS_GO)
            ps_set (ps, o, ps_string (ps, key), v);
    }
    *ret = ps_of_object (o);
    return f;
}

static enum ps_flow
calc_array (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_keep k;
    enum ps_flow f;

    ps_keep_init (&k, ps);
    f = ps_do (ps, n->kids[0], &k.sink);
    *ret = n->kind == PS_N_ARRAY ? ps_of_list (k.list) : ps_kept (&k);
    return f;
}

static enum ps_flow
calc_comma (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_list *l = ps_list_new (ps);
    struct ps_value v;
    enum ps_flow f = PS_GO;

    for (size_t i = 0; i < n->nkids && f == PS_GO; i++) {
        f = ps_calc (ps, n->kids[i], &v);
        if (f == PS_GO)
            ps_list_add (ps, l, v);
    }
    *ret = ps_of_list (l);
    return f;
}

/* ---- members ---- */

static enum ps_flow
member_name (struct ps *ps, const struct ps_node *n, const char **ret)
{
    struct ps_value v;
    enum ps_flow f = PS_GO;

    *ret = n->text;
    if (!n->text && n->nkids > 1) {
        f = ps_calc (ps, n->kids[1], &v);
        if (f == PS_GO)
            *ret = ps_string (ps, v);
    }
    return f;
}

static enum ps_flow
calc_member (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_value v;
    const char *name = NULL;
    enum ps_flow f = ps_calc (ps, n->kids[0], &v);

    if (f == PS_GO)
        f = member_name (ps, n, &name);
    if (f != PS_GO)
        return f;
    if (n->is_static)
        return ps_static_get (ps, n, ps_string (ps, v), name, ret);
    return ps_member (ps, n, v, name, ret);
}

static enum ps_flow
calc_invoke (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    const struct ps_node *m = n->kids[0];
    struct ps_list *args = ps_list_new (ps);
    struct ps_value v, a;
    const char *name = NULL;
    enum ps_flow f = ps_calc (ps, m->kids[0], &v);

    if (f == PS_GO)
        f = member_name (ps, m, &name);
    for (size_t i = 1; i < n->nkids && f == PS_GO; i++) {
        f = ps_calc (ps, n->kids[i], &a);
        if (f == PS_GO)
            ps_list_add (ps, args, a);
    }
    if (f != PS_GO)
        return f;
    if (!m->is_static)
        return ps_method (ps, n, v, name, args, ret);
    if (!ps_text_cmp (name, "new", false))
        return ps_new (ps, n, ps_string (ps, v), args, ret);
    return ps_static_call (ps, n, ps_string (ps, v), name, args, ret);
}

/* ---- operators with one operand ---- */

static enum ps_flow
calc_unary (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_value v;
    struct ps_list *l, *out;
    enum ps_flow f = ps_calc (ps, n->kids[0], &v);

    if (f != PS_GO)
        return f;
    if (!strcmp (n->text, "!") || !strcmp (n->text, "-not"))
        *ret = ps_bool (!ps_true (v));
    else if (!strcmp (n->text, "-") || !strcmp (n->text, "+"))
        return ps_arith (ps, n, n->text[0] == '-' ? PS_O_SUB : PS_O_ADD, ps_int (0), v, ret);
    else if (!strcmp (n->text, "-join")) {
        struct sb_buf b = { 0 };

        l = ps_as_list (ps, v);
        for (size_t i = 0; i < l->count && b.len < PS_MAX_STRING; i++)
            sb_buf_str (&b, ps_string (ps, l->v[i]));
        *ret = ps_text (ps, sb_buf_cstr (&b));
        sb_buf_free (&b);
    } else if (!strcmp (n->text, "-split")) { /* at blanks; those around it do not count */
        l = ps_as_list (ps, v);
        out = ps_list_new (ps);
        for (size_t i = 0; i < l->count; i++)
            for (const char *s = ps_string (ps, l->v[i]); *(s += strspn (s, " \t\r\n"));) {
                size_t m = strcspn (s, " \t\r\n");

                ps_list_add (ps, out, ps_const (ps_strndup (ps, s, m)));
                s += m;
            }
        *ret = ps_of_list (out);
    } else { /* -bnot */
        int64_t i;

        *ret = ps_int (ps_integer (ps, v, &i) ? ~i : -1);
    }
    return PS_GO;
}

static enum ps_flow
calc_step (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_value old, new;
    enum ps_flow f = ps_calc (ps, n->kids[0], &old);

    if (f == PS_GO)
        f = ps_arith (ps, n, n->text[0] == '+' ? PS_O_ADD : PS_O_SUB, old.type == PS_NULL ? ps_int (0) : old,
                      ps_int (1), &new);
    if (f == PS_GO)
        f = ps_assign_to (ps, n->kids[0], new);
    if (f == PS_GO)
        *ret = n->is_prefix ? new : old.type == PS_NULL ? ps_int (0) : old;
    return f;
}

static enum ps_flow
calc_binary (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_value a, b;
    enum ps_flow f = ps_calc (ps, n->kids[0], &a);

    if (f != PS_GO)
        return f;
    if ((n->op->id == PS_O_AND && !ps_true (a)) || (n->op->id == PS_O_OR && ps_true (a))) {
        *ret = ps_bool (n->op->id == PS_O_OR);
        return PS_GO;
    }
    f = ps_calc (ps, n->kids[1], &b);
    return f == PS_GO ? ps_binary (ps, n, a, b, ret) : f;
}

static enum ps_flow
calc_cast (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    struct ps_value v;
    enum ps_flow f = ps_calc (ps, n->kids[0], &v);

    return f == PS_GO ? ps_cast (ps, n, n->text, v, ret) : f;
}

static enum ps_flow
calc (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    switch (n->kind) {
    case PS_N_CONST:
        *ret = n->value;
        return PS_GO;
    case PS_N_STRING:
        return calc_string (ps, n, ret);
    case PS_N_VAR:
        *ret = ps_var_read (ps, n->text);
        return PS_GO;
    case PS_N_MEMBER:
        return calc_member (ps, n, ret);
    case PS_N_INVOKE:
        return calc_invoke (ps, n, ret);
    case PS_N_INDEX:
        return calc_index (ps, n, ret);
    case PS_N_HASH:
        return calc_hash (ps, n, ret);
    case PS_N_ARRAY:
    case PS_N_SUBEXPR:
        return calc_array (ps, n, ret);
    case PS_N_PAREN:
        return ps_collect (ps, n->kids[0], ret);
    case PS_N_SCRIPT:
        *ret = (struct ps_value){ .type = PS_BLOCK, .u.block = n };
        return PS_GO;
    case PS_N_TYPE:
        *ret = (struct ps_value){ .type = PS_CLASS, .u.s = n->text };
        return PS_GO;
    case PS_N_CAST:
        return calc_cast (ps, n, ret);
    case PS_N_UNARY:
        return calc_unary (ps, n, ret);
    case PS_N_BINARY:
        return calc_binary (ps, n, ret);
    case PS_N_COMMA:
        return calc_comma (ps, n, ret);
    case PS_N_STEP:
        return calc_step (ps, n, ret);
    default:
        return ps_collect (ps, n, ret);
    }
}

enum ps_flow
ps_calc (struct ps *ps, const struct ps_node *n, struct ps_value *ret)
{
    enum ps_flow f = ps_step (ps);

    *ret = ps_null ();
    if (f != PS_GO)
        return f;
    if (++ps->depth > PS_MAX_DEPTH)
        f = ps_throw (ps, n, "System.Management.Automation.ScriptCallDepthException", "InvalidOperation",
                      "CallDepthOverflow", "The script failed due to call depth overflow.");
    else
        f = calc (ps, n, ret);
    ps->depth--;
    return f;
}

/* ---- assignment ---- */

static enum ps_flow
assign_index (struct ps *ps, const struct ps_node *n, struct ps_value v)
{
    struct ps_value object, at;
    int64_t i;
    enum ps_flow f = ps_calc (ps, n->kids[0], &object);

    if (f == PS_GO)
        f = ps_calc (ps, n->kids[1], &at);
    if (f != PS_GO)
        return f;
    if (object.type == PS_OBJECT) {
        ps_set (ps, object.u.obj, ps_string (ps, at), v);
        return PS_GO;
    }
    if (object.type != PS_LIST || !ps_integer (ps, at, &i) || i >= (int64_t) object.u.list->count
        || i < -(int64_t) object.u.list->count)
        return ps_throw (ps, n, "System.IndexOutOfRangeException", "OperationStopped",
                         "System.IndexOutOfRangeException", "Index was outside the bounds of the array.");
    object.u.list->v[i < 0 ? i + (int64_t) object.u.list->count : i] = v;
    return PS_GO;
}

static enum ps_flow
assign_member (struct ps *ps, const struct ps_node *n, struct ps_value v)
{
    struct ps_value object;
    const char *name = NULL;
    enum ps_flow f = ps_calc (ps, n->kids[0], &object);

    if (f == PS_GO)
        f = member_name (ps, n, &name);
    if (f != PS_GO)
        return f;
    if (n->is_static)
        return ps_static_set (ps, n, ps_string (ps, object), name, v);
    return ps_member_set (ps, n, object, name, v);
}

/* $a, $b = 1, 2: the last one takes what is left. */
static enum ps_flow
assign_each (struct ps *ps, const struct ps_node *n, struct ps_value v)
{
    struct ps_list *l = ps_as_list (ps, v), *rest = ps_list_new (ps);
    enum ps_flow f = PS_GO;

    for (size_t i = 0; i < n->nkids && f == PS_GO; i++) {
        if (i + 1 < n->nkids || l->count <= n->nkids) {
            f = ps_assign_to (ps, n->kids[i], i < l->count ? l->v[i] : ps_null ());
            continue;
        }
        for (size_t k = i; k < l->count; k++)
            ps_list_add (ps, rest, l->v[k]);
        f = ps_assign_to (ps, n->kids[i], ps_of_list (rest));
    }
    return f;
}

enum ps_flow
ps_assign_to (struct ps *ps, const struct ps_node *n, struct ps_value v)
{
    enum ps_flow f;

    switch (n->kind) {
    case PS_N_VAR:
        if (constant (n->text))
            return ps_text_cmp (n->text, "null", false) == 0
                           ? PS_GO
                           : ps_throw (ps, n, "System.Management.Automation.SessionStateUnauthorizedAccessException",
                                       "WriteError", "VariableNotWritable",
                                       "Cannot overwrite variable %s because it is read-only or constant.", n->text);
        ps_var_set (ps, n->text, v);
        return PS_GO;
    case PS_N_CAST:
        f = ps_cast (ps, n, n->text, v, &v);
        return f == PS_GO ? ps_assign_to (ps, n->kids[0], v) : f;
    case PS_N_COMMA:
        return assign_each (ps, n, v);
    case PS_N_INDEX:
        return assign_index (ps, n, v);
    case PS_N_MEMBER:
        return assign_member (ps, n, v);
    default:
        return ps_throw (
                ps, n, "System.Management.Automation.ParseException", "ParserError", "InvalidLeftHandSide",
                "The assignment expression is not valid. The input to an assignment operator must be an object that "
                "is able to accept assignments, such as a variable or a property.");
    }
}
