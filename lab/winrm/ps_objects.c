/* Cmdlets of the little PowerShell that work on streams of objects:
 * Where-Object, ForEach-Object, Select-Object, Sort-Object, Measure-Object,
 * Group-Object. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Where-Object ---- */

static const struct ps_param where_params[] = {
    { "FilterScript", 0, 0 }, { "Value", 1, 0 },     { "InputObject", -1, PS_P_PIPED },
    { "Property", -1, 0 },    { "eq", -1, 0 },       { "ne", -1, 0 },
    { "gt", -1, 0 },          { "ge", -1, 0 },       { "lt", -1, 0 },
    { "le", -1, 0 },          { "like", -1, 0 },     { "notlike", -1, 0 },
    { "match", -1, 0 },       { "notmatch", -1, 0 }, { "contains", -1, 0 },
    { "notcontains", -1, 0 }, { "in", -1, 0 },       { "notin", -1, 0 },
    { "ceq", -1, 0 },         { "cne", -1, 0 },      { 0 }
};
#define WHERE_FIRST_OP 4

/* Where-Object Name -eq x */
static enum ps_flow
where_simple (struct ps_call *c, struct ps_value v, bool *ret)
{
    const char *property = ps_has (c, "Property") ? ps_arg_text (c, "Property") : ps_arg_text (c, "FilterScript");
    struct ps_value member, result;
    struct ps_node op = *c->node;
    enum ps_flow f = ps_member (c->ps, c->node, v, property ? property : "", &member);

    *ret = f == PS_GO && ps_true (member);
    for (int i = WHERE_FIRST_OP; where_params[i].name && f == PS_GO; i++)
        if (c->set[i]) {
            op.op = ps_op_word (ps_printf (c->ps, "-%s", where_params[i].name), strlen (where_params[i].name) + 1);
            f = ps_binary (c->ps, &op, member, c->arg[i], &result);
            *ret = f == PS_GO && ps_true (result);
        }
    return f;
}

static enum ps_flow
where_item (struct ps_call *c, struct ps_value v)
{
    struct ps_value filter = ps_arg (c, "FilterScript");
    struct ps_keep k;
    bool yes;
    enum ps_flow f;

    if (filter.type != PS_BLOCK)
        f = where_simple (c, v, &yes);
    else {
        ps_keep_init (&k, c->ps);
        f = ps_call_block (c->ps, filter.u.block, &v, NULL, false, &k.sink);
        yes = ps_true (ps_kept (&k));
    }
    return f == PS_GO && yes ? ps_put (c, v) : f;
}

/* ---- ForEach-Object ---- */

static const struct ps_param each_params[] = { { "Process", 0, PS_P_REST },
                                               { "MemberName", -1, 0 },
                                               { "Begin", -1, 0 },
                                               { "End", -1, 0 },
                                               { "InputObject", -1, PS_P_PIPED },
                                               { 0 } };

static enum ps_flow
each_block (struct ps_call *c, const char *param)
{
    struct ps_value v = ps_arg (c, param);

    return v.type == PS_BLOCK ? ps_call_block (c->ps, v.u.block, NULL, NULL, false, c->out) : PS_GO;
}

static enum ps_flow
each_begin (struct ps_call *c)
{
    return each_block (c, "Begin");
}

static enum ps_flow
each_end (struct ps_call *c)
{
    return each_block (c, "End");
}

static enum ps_flow
each_item (struct ps_call *c, struct ps_value v)
{
    struct ps_value what = ps_has (c, "MemberName") ? ps_arg (c, "MemberName") : ps_arg (c, "Process"), r;
    enum ps_flow f;

    if (what.type == PS_BLOCK)
        return ps_call_block (c->ps, what.u.block, &v, NULL, false, c->out);
    if (what.type != PS_STRING)
        return PS_GO;
    f = ps_member (c->ps, c->node, v, what.u.s, &r);
    return f == PS_GO ? ps_spread (c->ps, c->out, r) : f;
}

/* ---- Select-Object ---- */

static const struct ps_param select_params[] = { { "Property", 0, PS_P_REST },
                                                 { "ExpandProperty", -1, 0 },
                                                 { "First", -1, 0 },
                                                 { "Last", -1, 0 },
                                                 { "Skip", -1, 0 },
                                                 { "Unique", -1, PS_P_SWITCH },
                                                 { "InputObject", -1, PS_P_PIPED },
                                                 { "ExcludeProperty", -1, 0 },
                                                 { 0 } };

/* A column that is calculated: @{ Name = 'x'; Expression = { } } */
static enum ps_flow
calculated (struct ps_call *c, struct ps_object *spec, struct ps_value v, struct ps_object *to)
{
    static const char *const names[] = { "Name", "n", "Label", "l" }, *const bodies[] = { "Expression", "e" };
    struct ps_value *name = NULL, *body = NULL, r = ps_null ();
    struct ps_keep k;
    enum ps_flow f = PS_GO;

    for (size_t i = 0; i < 4 && !name; i++)
        name = ps_get (spec, names[i]);
    for (size_t i = 0; i < 2 && !body; i++)
        body = ps_get (spec, bodies[i]);
    if (body && body->type == PS_BLOCK) {
        ps_keep_init (&k, c->ps);
        f = ps_call_block (c->ps, body->u.block, &v, NULL, false, &k.sink);
        r = ps_kept (&k);
    } else if (body)
        f = ps_member (c->ps, c->node, v, ps_string (c->ps, *body), &r);
    ps_set (c->ps, to, name ? ps_string (c->ps, *name) : "", r);
    return f;
}

static enum ps_flow
project (struct ps_call *c, struct ps_value v, struct ps_value *ret)
{
    struct ps_list *columns = ps_as_list (c->ps, ps_arg (c, "Property"));
    struct ps_object *o = ps_object_new (c->ps, "System.Management.Automation.PSCustomObject");
    struct ps_value member;
    enum ps_flow f = PS_GO;

    for (size_t i = 0; i < columns->count && f == PS_GO; i++) {
        const char *name = ps_string (c->ps, columns->v[i]);

        if (columns->v[i].type == PS_OBJECT)
            f = calculated (c, columns->v[i].u.obj, v, o);
        else if (strpbrk (name, "*?")) {
            for (size_t k = 0; v.type == PS_OBJECT && k < v.u.obj->count; k++)
                if (ps_like (name, v.u.obj->props[k].name, false))
                    ps_set (c->ps, o, v.u.obj->props[k].name, v.u.obj->props[k].value);
        } else {
            f = ps_member (c->ps, c->node, v, name, &member);
            ps_set (c->ps, o, name, member);
        }
    }
    *ret = ps_of_object (o);
    return f;
}

static enum ps_flow
select_one (struct ps_call *c, struct ps_value v)
{
    const char *expand = ps_arg_text (c, "ExpandProperty");
    struct ps_value r = v;
    enum ps_flow f = PS_GO;

    if (expand) {
        if (v.type == PS_OBJECT && !ps_get (v.u.obj, expand))
            return ps_complain (c, "InvalidArgument", "ExpandPropertyNotFound", "Property \"%s\" cannot be found.",
                                expand);
        f = ps_member (c->ps, c->node, v, expand, &r);
        return f == PS_GO ? ps_spread (c->ps, c->out, r) : f;
    }
    if (ps_has (c, "Property"))
        f = project (c, v, &r);
    if (f != PS_GO)
        return f;
    if (ps_arg_switch (c, "Unique")) {
        for (size_t i = 0; i < c->kept->count; i++)
            if (!strcmp (ps_string (c->ps, c->kept->v[i]), ps_string (c->ps, r)))
                return PS_GO;
        ps_list_add (c->ps, c->kept, r);
    }
    return ps_put (c, r);
}

static int64_t
count_arg (struct ps_call *c, const char *name, int64_t fallback)
{
    int64_t n;

    return ps_has (c, name) && ps_integer (c->ps, ps_arg (c, name), &n) ? n : fallback;
}

static enum ps_flow
select_item (struct ps_call *c, struct ps_value v)
{
    int64_t skip = count_arg (c, "Skip", 0), first = count_arg (c, "First", INT64_MAX - skip);
    enum ps_flow f = PS_GO;

    if (ps_has (c, "Last")) {
        ps_list_add (c->ps, c->kept, v);
        return PS_GO;
    }
    c->number++;
    if (c->number > skip && c->number <= skip + first)
        f = select_one (c, v);
    if (f == PS_GO && c->number >= skip + first) {
        c->ps->enough = c;
        return PS_ENOUGH;
    }
    return f;
}

static enum ps_flow
select_end (struct ps_call *c)
{
    int64_t last = count_arg (c, "Last", 0), n = (int64_t) c->kept->count;
    enum ps_flow f = PS_GO;

    if (!c->piped && ps_has (c, "InputObject")) {
        c->piped = true;
        f = ps_spread (c->ps, &((struct ps_stage *) ((char *) c - offsetof (struct ps_stage, call)))->sink,
                       ps_arg (c, "InputObject"));
    }
    for (int64_t i = n > last ? n - last : 0; ps_has (c, "Last") && i < n && f == PS_GO; i++)
        f = select_one (c, c->kept->v[i]);
    return f;
}

/* ---- Sort-Object ---- */

static const struct ps_param sort_params[] = { { "Property", 0, PS_P_REST },
                                               { "Descending", -1, PS_P_SWITCH },
                                               { "Unique", -1, PS_P_SWITCH },
                                               { "InputObject", -1, PS_P_PIPED },
                                               { 0 } };

static enum ps_flow
keep_item (struct ps_call *c, struct ps_value v)
{
    ps_list_add (c->ps, c->kept, v);
    return PS_GO;
}

struct sort_key {
    struct ps_value v;      /* the object */
    struct ps_value key[4]; /* what it is sorted by */
    size_t at;              /* where it was: sorting is stable */
};

struct sorting {
    struct ps *ps;
    size_t keys;
    bool down;
};

static int
order (const struct sorting *s, const struct sort_key *a, const struct sort_key *b)
{
    int r = 0;

    for (size_t i = 0; i < s->keys && r == 0; i++)
        if (!ps_compare (s->ps, a->key[i], b->key[i], false, &r))
            r = ps_text_cmp (ps_string (s->ps, a->key[i]), ps_string (s->ps, b->key[i]), false);
    return s->down ? -r : r;
}

static int
by_keys (const void *a, const void *b, void *ctx)
{
    const struct sort_key *x = a, *y = b;
    int r = order (ctx, x, y);

    return r ? r : (x->at > y->at) - (x->at < y->at);
}

static enum ps_flow
sort_end (struct ps_call *c)
{
    struct ps_list *columns = ps_as_list (c->ps, ps_arg (c, "Property"));
    struct sort_key *all = ps_alloc (c->ps, (c->kept->count + 1) * sizeof *all);
    struct sorting how = { c->ps, columns->count > 4 ? 4 : columns->count, ps_arg_switch (c, "Descending") };
    enum ps_flow f = PS_GO;

    for (size_t i = 0; i < c->kept->count && f == PS_GO; i++) {
        all[i] = (struct sort_key){ .v = c->kept->v[i], .at = i };
        all[i].key[0] = all[i].v;
        for (size_t k = 0; k < how.keys && f == PS_GO; k++)
            if (columns->v[k].type == PS_BLOCK) {
                struct ps_keep keep;

                ps_keep_init (&keep, c->ps);
                f = ps_call_block (c->ps, columns->v[k].u.block, &all[i].v, NULL, false, &keep.sink);
                all[i].key[k] = ps_kept (&keep);
            } else
                f = ps_member (c->ps, c->node, all[i].v, ps_string (c->ps, columns->v[k]), &all[i].key[k]);
    }
    how.keys = how.keys ? how.keys : 1;
    if (f != PS_GO)
        return f;
    qsort_r (all, c->kept->count, sizeof *all, by_keys, &how);
    for (size_t i = 0; i < c->kept->count && f == PS_GO; i++)
        if (!i || !ps_arg_switch (c, "Unique") || order (&how, &all[i - 1], &all[i]))
            f = ps_put (c, all[i].v);
    return f;
}

/* ---- Measure-Object, Group-Object ---- */

static const struct ps_param measure_params[] = { { "Property", 0, 0 },
                                                  { "Sum", -1, PS_P_SWITCH },
                                                  { "Average", -1, PS_P_SWITCH },
                                                  { "Maximum", -1, PS_P_SWITCH },
                                                  { "Minimum", -1, PS_P_SWITCH },
                                                  { "InputObject", -1, PS_P_PIPED },
                                                  { 0 } };

static enum ps_flow
measure_end (struct ps_call *c)
{
    const char *property = ps_arg_text (c, "Property");
    struct ps_object *o = ps_object_new (c->ps, "Microsoft.PowerShell.Commands.GenericMeasureInfo");
    struct ps_value v, n;
    double sum = 0, least = INFINITY, most = -INFINITY;
    int64_t count = 0;
    enum ps_flow f;

    for (size_t i = 0; i < c->kept->count; i++) {
        v = c->kept->v[i];
        f = property ? ps_member (c->ps, c->node, v, property, &v) : PS_GO;
        if (f != PS_GO)
            return f;
        if (property && v.type == PS_NULL)
            continue;
        count++;
        if (ps_number (c->ps, v, &n)) {
            double d = n.type == PS_INT ? (double) n.u.i : n.u.d;

            sum += d;
            least = fmin (least, d);
            most = fmax (most, d);
        }
    }
    ps_set (c->ps, o, "Count", ps_int (count));
    ps_set (c->ps, o, "Average", ps_arg_switch (c, "Average") && count ? ps_double (sum / (double) count) : ps_null ());
    ps_set (c->ps, o, "Sum", ps_arg_switch (c, "Sum") ? ps_double (sum) : ps_null ());
    ps_set (c->ps, o, "Maximum", ps_arg_switch (c, "Maximum") && count ? ps_double (most) : ps_null ());
    ps_set (c->ps, o, "Minimum", ps_arg_switch (c, "Minimum") && count ? ps_double (least) : ps_null ());
    ps_set (c->ps, o, "Property", property ? ps_const (property) : ps_null ());
    return ps_put (c, ps_of_object (o));
}

static const struct ps_param group_params[] = {
    { "Property", 0, 0 }, { "InputObject", -1, PS_P_PIPED }, { "NoElement", -1, PS_P_SWITCH }, { 0 }
};

static enum ps_flow
group_end (struct ps_call *c)
{
    const char *property = ps_arg_text (c, "Property");
    struct ps_object groups = { 0 };
    enum ps_flow f = PS_GO;

    for (size_t i = 0; i < c->kept->count && f == PS_GO; i++) {
        struct ps_value v = c->kept->v[i], *g;

        f = ps_step (c->ps);
        if (f == PS_GO && property)
            f = ps_member (c->ps, c->node, v, property, &v);
        g = ps_get (&groups, ps_string (c->ps, v));
        if (!g) {
            ps_set (c->ps, &groups, ps_string (c->ps, v), ps_of_list (ps_list_new (c->ps)));
            g = ps_get (&groups, ps_string (c->ps, v));
        }
        ps_list_add (c->ps, g->u.list, c->kept->v[i]);
    }
    for (size_t i = 0; i < groups.count && f == PS_GO; i++) {
        struct ps_object *o = ps_object_new (c->ps, "Microsoft.PowerShell.Commands.GroupInfo");

        ps_set (c->ps, o, "Count", ps_int ((int64_t) groups.props[i].value.u.list->count));
        ps_set (c->ps, o, "Name", ps_const (groups.props[i].name));
        ps_set (c->ps, o, "Group", groups.props[i].value);
        o->table = true;
        f = ps_put (c, ps_of_object (o));
    }
    return f;
}

#define CORE    "Microsoft.PowerShell.Core"
#define UTILITY "Microsoft.PowerShell.Utility"
const struct ps_cmdlet ps_object_cmdlets[] = {
    { "Where-Object", where_params, 0, NULL, where_item, NULL, CORE },
    { "ForEach-Object", each_params, 0, each_begin, each_item, each_end, CORE },
    { "Select-Object", select_params, 0, NULL, select_item, select_end, UTILITY },
    { "Sort-Object", sort_params, 0, NULL, keep_item, sort_end, UTILITY },
    { "Measure-Object", measure_params, 0, NULL, keep_item, measure_end, UTILITY },
    { "Group-Object", group_params, 0, NULL, keep_item, group_end, UTILITY },
    { 0 },
};
