/* How the little PowerShell shows objects: text and numbers as they are, objects
 * with up to four properties as a table, others as a list; 80 columns wide, as
 * a WinRM session of Windows.  Objects of one shape that come one after the
 * other share a table. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <stdio.h>
#include <string.h>

#define WIDTH       80
#define MAX_COLUMNS 32
#define MAX_GROUP   500 /* objects that wait for their table */
#define FORMATTED   "Microsoft.PowerShell.Commands.Internal.Format.FormatStartData"

/* Scalars are lines of their own. */
static bool
is_plain (struct ps_value v)
{
    if (v.type == PS_OBJECT)
        return !v.u.obj->count || !strcmp (v.u.obj->type, FORMATTED)
               || !strcmp (v.u.obj->type, "System.Management.Automation.ErrorRecord")
               || (v.u.obj->text && !v.u.obj->shown && !v.u.obj->table
                   && !strncmp (v.u.obj->type, "System.Version", 14));
    return v.type != PS_LIST;
}

static const char *
plain (struct ps *ps, struct ps_value v)
{
    if (v.type == PS_DATE)
        return ps_printf (ps, "\n%s\n", ps_date_text (ps, v, "F"));
    if (v.type == PS_OBJECT && !strcmp (v.u.obj->type, "System.Management.Automation.ErrorRecord"))
        return ps_error_text (ps, v);
    return ps_string (ps, v);
}

/* A value in a cell: lists in braces. */
static const char *
cell (struct ps *ps, struct ps_value v)
{
    struct sb_buf b = { 0 };
    const char *ret;

    if (v.type == PS_DATE)
        return ps_date_text (ps, v, "G");
    if (v.type == PS_OBJECT && v.u.obj->hash)
        v = ps_of_list (ps_list_new (ps));
    if (v.type != PS_LIST)
        return ps_string (ps, v);
    sb_buf_char (&b, '{');
    for (size_t i = 0; i < v.u.list->count && i < 4; i++)
        sb_buf_printf (&b, "%s%s", i ? ", " : "", ps_string (ps, v.u.list->v[i]));
    sb_buf_str (&b, v.u.list->count > 4 ? "...}" : "}");
    ret = ps_strdup (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return ret;
}

/* ---- columns ---- */

struct column {
    const char *name;
    const struct ps_node *block; /* calculated */
};

static size_t
columns_of (struct ps *ps, struct ps_value first, const struct ps_list *wanted, struct column *ret)
{
    size_t n = 0;
    const struct ps_object *o = first.type == PS_OBJECT ? first.u.obj : NULL;

    for (size_t i = 0; wanted && i < wanted->count && n < MAX_COLUMNS; i++) {
        struct ps_value w = wanted->v[i], *p;
        const char *name = ps_string (ps, w);

        if (w.type == PS_OBJECT) {
            p = ps_get (w.u.obj, "Name") ? ps_get (w.u.obj, "Name") : ps_get (w.u.obj, "n");
            p = p ? p : ps_get (w.u.obj, "Label");
            name = p ? ps_string (ps, *p) : "";
            p = ps_get (w.u.obj, "Expression") ? ps_get (w.u.obj, "Expression") : ps_get (w.u.obj, "e");
            ret[n++] = (struct column){ name, p && p->type == PS_BLOCK ? p->u.block : NULL };
        } else if (strpbrk (name, "*?")) {
            for (size_t k = 0; o && k < o->count && n < MAX_COLUMNS; k++)
                if (ps_like (name, o->props[k].name, false))
                    ret[n++] = (struct column){ o->props[k].name, NULL };
        } else
            ret[n++] = (struct column){ name, NULL };
    }
    if (wanted || !o)
        return n;
    for (size_t i = 0; o->shown && o->shown[i] && n < MAX_COLUMNS; i++)
        ret[n++] = (struct column){ o->shown[i], NULL };
    for (size_t i = 0; !o->shown && i < o->count && n < MAX_COLUMNS; i++)
        ret[n++] = (struct column){ o->props[i].name, NULL };
    return n;
}

static struct ps_value
value_of (struct ps *ps, struct ps_value v, const struct column *c)
{
    static const struct ps_node nowhere = { .kind = PS_N_CONST };
    struct ps_value r = ps_null ();
    struct ps_keep k;

    if (c->block) {
        ps_keep_init (&k, ps);
        ps_call_block (ps, c->block, &v, NULL, false, &k.sink);
        return ps_kept (&k);
    }
    if (ps_member (ps, &nowhere, v, c->name, &r) != PS_GO)
        return ps_null ();
    return r;
}

/* ---- lists ---- */

/* A value that is longer than the line goes on below itself. */
static void
list_value (const char *text, size_t indent, struct sb_buf *out)
{
    size_t room = indent + 10 < WIDTH ? WIDTH - 1 - indent : 10, n;

    for (;;) {
        n = strcspn (text, "\r\n");
        if (n > room)
            for (n = room; n > 0 && ((unsigned char) text[n] & 0xc0) == 0x80; n--)
                ;
        sb_buf_add (out, text, n);
        sb_buf_char (out, '\n');
        text += n;
        text += *text == '\r';
        text += *text == '\n';
        if (!*text)
            return;
        sb_buf_printf (out, "%*s", (int) indent, "");
    }
}

static void
view_list (struct ps *ps, const struct ps_list *l, const struct ps_list *wanted, struct sb_buf *out)
{
    struct column c[MAX_COLUMNS];

    sb_buf_str (out, "\n\n");
    for (size_t i = 0; i < l->count && !ps->stop_reason; i++) {
        struct ps_value v = l->v[i];
        size_t n, width = 0;
        bool hash = v.type == PS_OBJECT && v.u.obj->hash && !wanted;

        if (is_plain (v)) {
            sb_buf_printf (out, "%s\n", plain (ps, v));
            continue;
        }
        for (size_t k = 0; hash && k < v.u.obj->count; k++)
            sb_buf_printf (out, "Name  : %s\nValue : %s\n\n", v.u.obj->props[k].name,
                           cell (ps, v.u.obj->props[k].value));
        if (hash)
            continue;
        n = columns_of (ps, v, wanted, c);
        for (size_t k = 0; k < n; k++)
            width = ps_chars (c[k].name) > width ? ps_chars (c[k].name) : width;
        for (size_t k = 0; k < n; k++) {
            sb_buf_printf (out, "%s%*s : ", c[k].name, (int) (width - ps_chars (c[k].name)), "");
            list_value (cell (ps, value_of (ps, v, &c[k])), width + 3, out);
        }
        sb_buf_char (out, '\n');
    }
    sb_buf_str (out, "\n\n");
}

/* ---- tables ---- */

struct table {
    struct column c[MAX_COLUMNS];
    size_t width[MAX_COLUMNS];
    bool right[MAX_COLUMNS];
    size_t n;
};

static void
put_cell (const char *text, size_t width, bool right, bool last, struct sb_buf *out)
{
    size_t have = ps_chars (text), keep = 0;

    if (have > width) {
        for (size_t chars = 0; chars < (width > 3 ? width - 3 : width); chars++)
            for (keep++; ((unsigned char) text[keep] & 0xc0) == 0x80; keep++)
                ;
        sb_buf_add (out, text, keep);
        sb_buf_str (out, width > 3 ? "..." : "");
        return;
    }
    if (right)
        sb_buf_printf (out, "%*s", (int) (width - have), "");
    sb_buf_str (out, text);
    if (!right && !last)
        sb_buf_printf (out, "%*s", (int) (width - have), "");
}

/* Columns that do not fit any more are left out; the last that fits is cut. */
static void
fit (struct table *t)
{
    size_t used = 0;

    for (size_t i = 0; i < t->n; i++) {
        size_t room = WIDTH - 1 > used ? WIDTH - 1 - used : 0;

        if (t->width[i] > room) {
            if (room < 4)
                t->n = i;
            else
                t->width[i] = room;
        }
        used += t->width[i] + 1;
    }
}

static void
measure (struct ps *ps, struct table *t, const struct ps_list *l, const char **cells)
{
    for (size_t k = 0; k < t->n; k++) {
        t->width[k] = ps_chars (t->c[k].name);
        for (size_t i = 0; i < l->count; i++) {
            struct ps_value v = value_of (ps, l->v[i], &t->c[k]);
            size_t chars;

            cells[i * t->n + k] = cell (ps, v);
            chars = ps_chars (cells[i * t->n + k]);
            t->width[k] = chars > t->width[k] ? chars : t->width[k];
            if (i == 0)
                t->right[k] = v.type == PS_INT || v.type == PS_DOUBLE;
        }
    }
}

static void
view_table (struct ps *ps, const struct ps_list *l, const struct ps_list *wanted, struct sb_buf *out)
{
    struct table t = { 0 };
    const char **cells;
    size_t stride;
    char dashes[WIDTH + 1];

    t.n = l->count ? columns_of (ps, l->v[0], wanted, t.c) : 0;
    if (!t.n)
        return;
    stride = t.n;
    cells = ps_alloc (ps, l->count * stride * sizeof *cells);
    measure (ps, &t, l, cells);
    fit (&t);
    sb_buf_char (out, '\n');
    for (size_t k = 0; k < t.n; k++) {
        put_cell (t.c[k].name, t.width[k], t.right[k], k + 1 == t.n, out);
        sb_buf_char (out, k + 1 == t.n ? '\n' : ' ');
    }
    for (size_t k = 0; k < t.n; k++) {
        size_t n = ps_chars (t.c[k].name) < t.width[k] ? ps_chars (t.c[k].name) : t.width[k];

        memset (dashes, '-', n);
        dashes[n] = '\0';
        put_cell (dashes, t.width[k], t.right[k], k + 1 == t.n, out);
        sb_buf_char (out, k + 1 == t.n ? '\n' : ' ');
    }
    for (size_t i = 0; i < l->count; i++)
        for (size_t k = 0; k < t.n; k++) {
            put_cell (cells[i * stride + k], t.width[k], t.right[k], k + 1 == t.n, out);
            sb_buf_char (out, k + 1 == t.n ? '\n' : ' ');
        }
    sb_buf_str (out, "\n\n");
}

/* ---- which way ---- */

static struct ps_list *
entries (struct ps *ps, const struct ps_list *l)
{
    struct ps_list *out = ps_list_new (ps);

    for (size_t i = 0; i < l->count; i++) {
        if (l->v[i].type != PS_OBJECT || !l->v[i].u.obj->hash) {
            ps_list_add (ps, out, l->v[i]);
            continue;
        }
        for (size_t k = 0; k < l->v[i].u.obj->count; k++) {
            struct ps_object *e = ps_object_new (ps, "System.Collections.DictionaryEntry");

            ps_set (ps, e, "Name", ps_const (l->v[i].u.obj->props[k].name));
            ps_set (ps, e, "Value", l->v[i].u.obj->props[k].value);
            ps_list_add (ps, out, ps_of_object (e));
        }
    }
    return out;
}

void
ps_view_text (struct ps *ps, const struct ps_list *l, enum ps_view how, const struct ps_list *columns,
              struct sb_buf *out)
{
    if (!l->count)
        return;
    if (how == PS_VIEW_LIST)
        view_list (ps, l, columns, out);
    else
        view_table (ps, columns ? l : entries (ps, l), columns, out);
}

static void
view_default (struct ps *ps, const struct ps_list *l, struct sb_buf *out)
{
    const struct ps_object *o = l->v[0].u.obj;
    struct column c[MAX_COLUMNS];
    bool table = o->table || o->hash || columns_of (ps, l->v[0], NULL, c) <= 4;

    ps_view_text (ps, l, table ? PS_VIEW_TABLE : PS_VIEW_LIST, NULL, out);
}

/* Would these two stand in one table? */
static bool
same_shape (struct ps_value a, struct ps_value b)
{
    const struct ps_object *x = a.u.obj, *y = b.u.obj;

    if (strcmp (x->type, y->type) != 0)
        return false;
    if (x->hash || x->shown)
        return true;
    if (x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++)
        if (strcmp (x->props[i].name, y->props[i].name) != 0)
            return false;
    return true;
}

/* Adds a value to the group or to `out`; a value of another shape ends the group. */
static void
group (struct ps *ps, struct ps_list *waiting, struct ps_value v, struct sb_buf *out)
{
    bool joins = !is_plain (v) && v.type == PS_OBJECT && waiting->count < MAX_GROUP;

    if (v.type == PS_LIST) { /* a list inside a list: its elements */
        for (size_t i = 0; i < v.u.list->count && ps->depth < PS_MAX_DEPTH; i++) {
            ps->depth++;
            group (ps, waiting, v.u.list->v[i], out);
            ps->depth--;
        }
        return;
    }
    if (waiting->count && !(joins && same_shape (waiting->v[0], v))) {
        view_default (ps, waiting, out);
        waiting->count = 0;
    }
    if (joins)
        ps_list_add (ps, waiting, v);
    else if (v.type == PS_OBJECT && !is_plain (v)) {
        ps_list_add (ps, waiting, v);
    } else if (v.type != PS_NULL) {
        sb_buf_str (out, plain (ps, v));
        if (v.type != PS_OBJECT || strcmp (v.u.obj->type, FORMATTED) != 0)
            sb_buf_char (out, '\n');
    }
}

static void
send (struct ps *ps, struct sb_buf *b)
{
    if (b->len)
        ps->host->out (ps->host->ctx, b->s, b->len);
    sb_buf_free (b);
}

void
ps_show (struct ps *ps, struct ps_value v)
{
    struct sb_buf b = { 0 };

    group (ps, ps->group, v, &b);
    send (ps, &b);
}

void
ps_show_end (struct ps *ps)
{
    struct sb_buf b = { 0 };

    if (ps->group->count)
        view_default (ps, ps->group, &b);
    ps->group->count = 0;
    send (ps, &b);
}

void
ps_render (struct ps *ps, const struct ps_list *l, struct sb_buf *out)
{
    struct ps_list *waiting = ps_list_new (ps);

    for (size_t i = 0; i < l->count; i++)
        group (ps, waiting, l->v[i], out);
    if (waiting->count)
        view_default (ps, waiting, out);
}
