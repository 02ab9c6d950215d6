/* Mutants: a workflow made worse at one place, by every operator at every place.
 * Mutations are made in the text, so that lint has its word as it has with a
 * person's mistake.  The operators are the table below and the functions behind
 * it; switchback-prove(1) lists them.  What bites a mutant is mutate.c's matter. */
#include "prove/mutants.h"

#include "core/base/text.h"
#include "core/model/contracts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    char *text;
    int section; /* index of its section */
};
struct section {
    char *kind, *name; /* "step", "recover" */
};
struct text {
    struct line *lines;
    size_t nlines, lines_cap;
    struct section *sections;
    size_t nsections, sections_cap;
};

/* ---------------------------------------------------------------- the text in pieces */

static void
take_text (struct text *t, const char *s, size_t len)
{
    const char *end = s + len;

    while (s < end) {
        size_t n = strcspn (s, "\n");
        char *one = sb_xstrndup (s, n);
        size_t k = one[0] == '[' ? strcspn (one + 1, " ]") : 0;

        if (one[0] == '[') {
            struct section *sec = &SB_PUSH (t->sections, t->nsections, t->sections_cap);

            sec->kind = sb_xstrndup (one + 1, k);
            sec->name = one[1 + k] == ' ' ? sb_xstrndup (one + 2 + k, strcspn (one + 2 + k, "]")) : sb_xstrdup ("");
        }
        SB_PUSH (t->lines, t->nlines, t->lines_cap) = (struct line){ one, (int) t->nsections - 1 };
        s += n + (s[n] == '\n');
    }
}

static void
free_text (struct text *t)
{
    size_t i;

    for (i = 0; i < t->nlines; i++)
        free (t->lines[i].text);
    for (i = 0; i < t->nsections; i++) {
        free (t->sections[i].kind);
        free (t->sections[i].name);
    }
    free (t->lines);
    free (t->sections);
}

/* The value behind "key =", or NULL. */
static const char *
value_of (const char *line, const char *key)
{
    size_t n = strlen (key);

    if (strncmp (line, key, n) != 0)
        return NULL;
    line += n;
    line += strspn (line, " ");
    if (*line != '=')
        return NULL;
    return line + 1 + strspn (line + 1, " ");
}

static size_t
line_of (const struct text *t, int section, const char *key)
{
    size_t i;

    for (i = 0; i < t->nlines; i++)
        if (t->lines[i].section == section && value_of (t->lines[i].text, key))
            return i;
    return t->nlines;
}

static const char *
get (const struct text *t, int section, const char *key)
{
    size_t i = line_of (t, section, key);

    return i < t->nlines ? value_of (t->lines[i].text, key) : NULL;
}

static bool
is_step (const struct text *t, int section)
{
    return section >= 0 && strcmp (t->sections[section].kind, "step") == 0;
}

/* ---------------------------------------------------------------- one mutation */

/* All lines, but: line `at` is `instead` (NULL: left out); section `without` is left out (-1: none). */
static char *
join (const struct text *t, size_t at, const char *instead, int without)
{
    struct sb_buf b = { 0 };
    size_t i;

    for (i = 0; i < t->nlines; i++) {
        const char *s = i == at ? instead : t->lines[i].text;

        if (s && (without < 0 || t->lines[i].section != without))
            sb_buf_printf (&b, "%s\n", s);
    }
    return sb_buf_take (&b);
}

static void add (struct p_mutants *m, char *text, const char *fmt, ...) __attribute__ ((format (printf, 3, 4)));

static void
add (struct p_mutants *m, char *text, const char *fmt, ...)
{
    va_list args;
    struct p_mutant *one = &SB_PUSH (m->list, m->count, m->cap);

    va_start (args, fmt);
    *one = (struct p_mutant){ .name = sb_xvprintf (fmt, args), .text = text };
    va_end (args);
}

static bool
names (const char *list, const char *name, size_t *ret_at, size_t *ret_len)
{
    const char *p = list;

    while (*p) {
        size_t lead = strspn (p, " ,"), n = strcspn (p + lead, ","), m = n;

        p += lead;
        while (m > 0 && p[m - 1] == ' ')
            m--;
        if (m == strlen (name) && strncmp (p, name, m) == 0) {
            *ret_at = (size_t) (p - list);
            *ret_len = m;
            return true;
        }
        p += n;
    }
    return false;
}

/* A list with one name replaced by a list (maybe empty). */
static char *
replaced (const char *list, size_t at, size_t len, const char *by)
{
    char *raw = sb_xprintf ("%.*s%s%s", (int) at, list, by ? by : "", list + at + len);
    struct sb_buf b = { 0 };
    const char *p = raw;

    while (*p) {
        size_t lead = strspn (p, " ,"), n = strcspn (p + lead, ",");

        size_t had, len_had;
        SB_AUTOFREE char *name = sb_xstrndup (p + lead, n);

        p += lead;
        if (n > 0 && !names (sb_buf_cstr (&b), sb_trim (name), &had, &len_had))
            sb_buf_printf (&b, "%s%s", b.len ? ", " : "", sb_trim (name));
        p += n;
    }
    free (raw);
    return sb_buf_take (&b);
}

/* The step is gone; who waited for it waits for what it waited for. */
static void
remove_step (const struct text *t, struct p_mutants *m, int section)
{
    struct text other = { 0 };
    SB_AUTOFREE char *rest = join (t, t->nlines, NULL, section);
    const char *after = get (t, section, "after");
    size_t i, at, len;

    take_text (&other, rest, strlen (rest));
    for (i = 0; i < other.nlines; i++) {
        const char *list = value_of (other.lines[i].text, "after");

        if (list && names (list, t->sections[section].name, &at, &len)) {
            SB_AUTOFREE char *new_list = replaced (list, at, len, after);

            free (other.lines[i].text);
            other.lines[i].text = new_list[0] ? sb_xprintf ("after = %s", new_list) : sb_xstrdup ("");
        }
    }
    add (m, join (&other, other.nlines, NULL, -1), "remove step %s", t->sections[section].name);
    free_text (&other);
}

/* X after Y becomes Y after X. */
static void
swap_steps (const struct text *t, struct p_mutants *m, int section, const char *before)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *mine = t->sections[section].name, *list = get (t, section, "after");
    size_t at, len, i;
    int other;

    for (other = 0; other < (int) t->nsections; other++)
        if (is_step (t, other) && strcmp (t->sections[other].name, before) == 0)
            break;
    if (other == (int) t->nsections || !names (list, before, &at, &len))
        return;
    for (i = 0; i < t->nlines; i++) {
        const struct line *l = &t->lines[i];
        bool after = value_of (l->text, "after") != NULL;

        if (l->section == section && after) {
            SB_AUTOFREE char *rest = replaced (list, at, len, get (t, other, "after"));

            if (rest[0])
                sb_buf_printf (&b, "after = %s\n", rest);
        } else if (l->section == other && after) {
            continue;
        } else {
            sb_buf_printf (&b, "%s\n", l->text);
            if (l->section == other && l->text[0] == '[')
                sb_buf_printf (&b, "after = %s\n", mine);
        }
    }
    add (m, sb_xstrdup (sb_buf_cstr (&b)), "swap %s and %s", before, mine);
}

static void
loosen_after (const struct text *t, struct p_mutants *m, int section, size_t line)
{
    const char *list = value_of (t->lines[line].text, "after"), *p = list;

    while (*p) {
        size_t lead = strspn (p, " ,"), n = strcspn (p + lead, ","), at, len;
        SB_AUTOFREE char *name = sb_xstrndup (p + lead, n);

        if (names (list, sb_trim (name), &at, &len)) {
            SB_AUTOFREE char *rest = replaced (list, at, len, NULL);
            SB_AUTOFREE char *instead = rest[0] ? sb_xprintf ("after = %s", rest) : NULL;

            add (m, join (t, line, instead, -1), "do not wait: %s for %s", t->sections[section].name, sb_trim (name));
            swap_steps (t, m, section, sb_trim (name));
        }
        p += lead + n;
    }
}

static const struct change {
    const char *key, *from, *to; /* from NULL: whatever it is; to NULL: the line is dropped */
    const char *name;
} changes[] = {
    { "gate", NULL, NULL, "drop gate" },
    { "proof", NULL, NULL, "drop proof" },
    { "when", NULL, NULL, "drop when" },
    { "named", NULL, NULL, "drop named" },
    { "refuse", NULL, NULL, "drop refuse" },
    { "if dark", "owe", "skip", "owe -> skip" },
    { "if dark", NULL, NULL, "drop if dark" },
    { "undo", "none", "not needed", "hide the point of no return" },
    { "undo", NULL, "not needed", "drop undo" },
    { "retry", NULL, NULL, "drop retry" },
    { "settle", NULL, NULL, "drop settle" },
    { "timeout", NULL, NULL, "drop timeout" },
    { "optional", NULL, NULL, "make required" },
    { "state", "FailedOver", "Normal", "other state" },
    { "state", "Normal", "FailedOver", "other state" },
    { "on", "${database.backup}", "${database.primary}", "other target" },
    { "on", "${database.primary}", "${database.backup}", "other target" },
    { "on", "${database.mirror}", "${database.primary}", "other target" },
    { "on", "${database.backup mirror}", "${database.backup}", "other target" },
    { "servers", "first 4 of server where site = ${pool.backup site}",
      "first 4 of server where site = ${pool.primary site}", "other servers" },
    { "servers", "all server where active = yes", "all server", "other servers" },
    { "expect", NULL, NULL, "drop option expect" },
    { "until", NULL, NULL, "drop option until" },
    { "evidence", NULL, "silent", "no evidence" },
    { "witness", NULL, NULL, "drop option witness" },
    { "secondary", NULL, NULL, "drop option secondary" },
    { "undo state", NULL, NULL, "drop option of the undo" },
    { "undo servers", NULL, NULL, "drop option of the undo" },
    { "undo on", NULL, NULL, "drop option of the undo" },
    { "which", NULL, NULL, "drop option which" },
    { "needs", NULL, NULL, "drop needs" },
    { "leaves", NULL, NULL, "drop leaves" },
    { "expires", NULL, NULL, "drop expires" },
};

static void
change_line (const struct text *t, struct p_mutants *m, size_t line)
{
    const struct line *l = &t->lines[line];
    size_t i;

    for (i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const struct change *c = &changes[i];
        const char *value = value_of (l->text, c->key);

        if (!value || (c->from && strcmp (value, c->from) != 0) || (c->to && strcmp (value, c->to) == 0))
            continue;
        if (!c->from && strcmp (c->key, "undo") == 0 && strcmp (value, "none") == 0)
            continue;
        SB_AUTOFREE char *instead = c->to ? sb_xprintf ("%s = %s", c->key, c->to) : NULL;
        add (m, join (t, line, instead, -1), "%s: %s", c->name, t->sections[l->section].name);
    }
}

static void
weaken_loop (const struct text *t, struct p_mutants *m, size_t line)
{
    const char *value = value_of (t->lines[line].text, "for each");
    const char *where = value ? strstr (value, " where ") : NULL;
    const char *and = where ? strstr (where, " and ") : NULL;

    if (where)
        add (m, join (t, line, NULL, -1) /* replaced below */, "loop over all: %s",
             t->sections[t->lines[line].section].name);
    if (where) {
        SB_AUTOFREE char *instead = sb_xprintf ("for each = %.*s", (int) (where - value), value);

        free (m->list[m->count - 1].text);
        m->list[m->count - 1].text = join (t, line, instead, -1);
    }
    if (and) {
        SB_AUTOFREE char *instead = sb_xprintf ("for each = %.*s", (int) (and-value), value);

        add (m, join (t, line, instead, -1), "loop over more: %s", t->sections[t->lines[line].section].name);
    }
}

/* Only what changes something has a verify that could lie. */
static bool
changes_something (const char *action)
{
    SB_AUTOFREE char *role = sb_xstrdup (action ? action : "");
    char *verb_name = role + strcspn (role, ".");
    const struct sb_role *known;
    const struct sb_verb *verb;

    if (*verb_name == 0)
        return false;
    *verb_name++ = 0;
    known = sb_role_find (role);
    verb = known ? sb_verb_find (known, verb_name) : NULL;
    return !verb || verb->effect != SB_READS;
}

static void
make_all (const struct text *t, struct p_mutants *m)
{
    int s;
    size_t i;

    for (s = 0; s < (int) t->nsections; s++)
        if (is_step (t, s)) {
            remove_step (t, m, s);
            if (changes_something (get (t, s, "action"))) {
                add (m, join (t, t->nlines, NULL, -1), "believe without looking: %s", t->sections[s].name);
                m->list[m->count - 1].lies_for = sb_xstrdup (t->sections[s].name);
            }
        }
    for (i = 0; i < t->nlines; i++) {
        if (t->lines[i].section < 0 || t->lines[i].text[0] == '[')
            continue;
        if (is_step (t, t->lines[i].section) && value_of (t->lines[i].text, "after"))
            loosen_after (t, m, t->lines[i].section, i);
        change_line (t, m, i);
        weaken_loop (t, m, i);
    }
}

/* ---------------------------------------------------------------- all of them */

void
p_mutants_make (struct p_mutants *m, const char *text, size_t len)
{
    struct text t = { 0 };

    take_text (&t, text, len);
    make_all (&t, m);
    free_text (&t);
}

void
p_mutants_free (struct p_mutants *m)
{
    size_t i;

    for (i = 0; i < m->count; i++) {
        free (m->list[i].name);
        free (m->list[i].text);
        free (m->list[i].lies_for);
    }
    free (m->list);
    *m = (struct p_mutants){ 0 };
}
