/* A plan for Graphviz: a node for each step, a cluster for each site, gates as
 * labels, steps that nothing takes back with a double border. */
#include "core/model/plan.h"

#include "core/base/buf.h"

#include <string.h>

/* A quoted string of the dot language: only the quote and the backslash are special. */
static void
write_string (struct sb_buf *b, const char *text)
{
    sb_buf_char (b, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            sb_buf_char (b, '\\');
        sb_buf_char (b, *text);
    }
    sb_buf_char (b, '"');
}

static void
write_node (struct sb_buf *b, const struct sb_plan *p, uint32_t i, const char *indent)
{
    const struct sb_plan_step *s = &p->steps[i];

    sb_buf_printf (b, "%ss%u [label=", indent, i);
    write_string (b, s->name);
    sb_buf_str (b, ", tooltip=");
    write_string (b, s->title);
    if (s->no_return)
        sb_buf_str (b, ", peripheries=2");
    if (s->gate != SB_NO_GATE) {
        sb_buf_str (b, ", shape=house, xlabel=");
        write_string (b, p->gates[s->gate].name);
    } else if (s->role == NULL || s->effect == SB_READS)
        sb_buf_str (b, s->role == NULL ? ", shape=point" : ", shape=ellipse");
    sb_buf_str (b, "];\n");
}

static void
write_site (struct sb_buf *b, const struct sb_plan *p, const char *site, size_t number)
{
    sb_buf_printf (b, "  subgraph cluster_%zu {\n    label=", number);
    write_string (b, site);
    sb_buf_str (b, ";\n");
    for (uint32_t i = 0; i < p->count; i++)
        if (p->steps[i].site != NULL && strcmp (p->steps[i].site, site) == 0)
            write_node (b, p, i, "    ");
    sb_buf_str (b, "  }\n");
}

char *
sb_plan_to_dot (const struct sb_plan *p)
{
    struct sb_buf b = { 0 };

    sb_buf_str (&b, "digraph plan {\n  rankdir=LR;\n  node [shape=box];\n  label=");
    write_string (&b, p->title);
    sb_buf_str (&b, ";\n");
    for (size_t i = 0; p->sites != NULL && p->sites[i] != NULL; i++)
        write_site (&b, p, p->sites[i], i);
    for (uint32_t i = 0; i < p->count; i++)
        if (p->steps[i].site == NULL)
            write_node (&b, p, i, "  ");
    for (uint32_t i = 0; i < p->count; i++)
        for (size_t e = 0; e < p->steps[i].nafter; e++)
            sb_buf_printf (&b, "  s%u -> s%u;\n", p->steps[i].after[e], i);
    sb_buf_str (&b, "}\n");
    return sb_buf_take (&b);
}
