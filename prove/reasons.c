/* The file of accepted reasons: which mutations nothing bites, and why the
 * place is there all the same.  It is as strict as a workflow: an entry that
 * names no mutation any more is a fault, for it hides what was changed. */
#include "prove/mutants.h"

#include "core/base/text.h"
#include "core/sys/file.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT        (1u << 20)
#define SHORT_REASON 20 /* characters: fewer are no sentence */

struct reading {
    struct p_reasons *r;
    struct sb_map known; /* mutation -> itself */
    const char *file;
    int line;
    size_t used; /* mutations below the last sentence */
    struct sb_faults *faults;
};

static void
take_sentence (struct reading *x, const char *text)
{
    struct p_reasons *r = x->r;

    if (r->count > 0 && x->used == 0)
        sb_fault (x->faults, x->file, x->line, "the reason before this one stands for no mutation");
    if (strlen (text) < SHORT_REASON)
        sb_fault (x->faults, x->file, x->line, "'%s' is no reason; write a sentence", text);
    SB_PUSH (r->sentences, r->count, r->cap) = sb_xstrdup (text);
    x->used = 0;
}

static void
take_name (struct reading *x, const char *name)
{
    struct p_reasons *r = x->r;

    x->used++;
    if (r->count == 0) {
        sb_fault (x->faults, x->file, x->line, "'%s' stands before the first reason", name);
        sb_fault_hint (x->faults, "Write above it: reason = why it does no harm");
    } else if (!sb_map_get (&x->known, name)) {
        sb_fault (x->faults, x->file, x->line, "the workflow has no mutation '%s'", name);
        sb_fault_hint (x->faults, "'switchback prove WORKFLOW --mutate' names them; the workflow was changed.");
    } else if (sb_map_get (&r->why, name)) {
        sb_fault (x->faults, x->file, x->line, "'%s' appears a second time", name);
    } else {
        sb_map_set (&r->why, name, r->sentences[r->count - 1]);
    }
}

static void
take_line (struct reading *x, char *line)
{
    char *s = sb_trim (line);

    x->line++;
    if (s[0] == 0 || s[0] == ';')
        return;
    if (strncmp (s, "reason = ", 9) == 0)
        take_sentence (x, s + 9);
    else
        take_name (x, s);
}

bool
p_reasons_parse (struct p_reasons *r, const char *file, const char *text, const struct p_mutants *m,
                 struct sb_faults *faults)
{
    struct reading x = { .r = r, .file = file, .faults = faults };
    size_t i, before = faults->count;

    for (i = 0; i < m->count; i++)
        sb_map_set (&x.known, m->list[i].name, m->list[i].name);
    while (*text) {
        size_t n = strcspn (text, "\n");
        SB_AUTOFREE char *line = sb_xstrndup (text, n);

        take_line (&x, line);
        text += n + (text[n] == '\n');
    }
    if (r->count > 0 && x.used == 0)
        sb_fault (faults, file, x.line, "the last reason stands for no mutation");
    sb_map_free (&x.known);
    return faults->count == before;
}

bool
p_reasons_read (struct p_reasons *r, const char *file, const struct p_mutants *m, struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };

    return sb_file_read (file, LIMIT, &text, faults) && p_reasons_parse (r, file, sb_buf_cstr (&text), m, faults);
}

void
p_reasons_free (struct p_reasons *r)
{
    sb_map_free (&r->why);
    while (r->count > 0)
        free (r->sentences[--r->count]);
    free (r->sentences);
    *r = (struct p_reasons){ 0 };
}
