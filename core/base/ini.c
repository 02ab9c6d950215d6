/* The line reader above inih.  inih asks for one line at a time and calls its
 * handler before it asks for the next, so the reader knows the number of the
 * line that is being handled.  Each line is judged here first; what inih would
 * cut, join or drop becomes a fault, and inih is handed an empty line instead.
 * What remains, inih splits into key and value. */
#include "core/base/ini.h"

#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/text.h"

#include <ini.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_MAX_CHARS = 198,  /* inih's buffer less newline and NUL */
    SECTION_MAX_CHARS = 49 /* inih cuts the rest */
};

struct reader {
    const char *file, *rest, *end;
    int line;
    bool lost; /* after a broken header: whose keys are these? */
    char *section;
    struct sb_map sections, keys; /* name -> line of its first appearance */
    struct sb_faults *faults;
    sb_ini_fn fn;
    void *ctx;
};

/* Notes that `name` appears at this line; 0, or the line where it did before. */
static int
seen_at (struct reader *r, struct sb_map *map, const char *name)
{
    int before = (int) (intptr_t) sb_map_get (map, name);

    if (before == 0)
        sb_map_set (map, name, (void *) (intptr_t) r->line);
    return before;
}

static void
bad (struct reader *r, const char *text, const char *hint)
{
    sb_fault (r->faults, r->file, r->line, "%s", text);
    if (hint)
        sb_fault_hint (r->faults, "%s", hint);
}

static void
bad_twice (struct reader *r, const char *what, const char *name, int before)
{
    sb_fault (r->faults, r->file, r->line, "%s'%s' is already %s line %d", what, name, *what ? "in" : "set in", before);
    sb_fault_hint (r->faults, "Keep one of the two.");
}

static void
judge_section (struct reader *r, const char *text)
{
    const char *close = strchr (text, ']');
    const char *after = close ? close + 1 : "";
    SB_AUTOFREE char *name = close ? sb_xstrndup (text + 1, (size_t) (close - text - 1)) : NULL;
    size_t n = name ? strlen (name) : 0;
    int before;

    r->lost = true;
    after += strspn (after, " \t");
    if (!close)
        return bad (r, "section header without ']'", NULL);
    if (*after && (*after != ';' || after == close + 1))
        return bad (r, "text after the section header", "A comment starts with a blank and a semicolon.");
    if (n == 0 || strchr (" \t", name[0]) || strchr (" \t", name[n - 1]))
        return bad (r, "section name is empty or has blanks at its ends", NULL);
    if (strchr (name, ';'))
        return bad (r, "semicolon in a section name", NULL);
    if (n > SECTION_MAX_CHARS)
        return sb_fault (r->faults, r->file, r->line, "section name of %zu characters; at most %d are possible", n,
                         SECTION_MAX_CHARS);
    before = seen_at (r, &r->sections, name);
    if (before)
        return bad_twice (r, "section ", name, before);
    r->lost = false;
    sb_map_free (&r->keys);
    free (r->section);
    r->section = sb_xstrdup (name);
    r->fn (r->ctx, name, NULL, NULL, r->line);
}

/* Where a comment starts behind other text: a semicolon after a blank; else the end. */
static size_t
comment_start (const char *text)
{
    size_t i = 1;

    while (text[i] && (text[i] != ';' || !strchr (" \t", text[i - 1])))
        i++;
    return i;
}

/* Is this "key = value" as inih will understand it? */
static bool
judge_pair (struct reader *r, const char *text)
{
    size_t key = strcspn (text, "=:");

    if (text[key] == '\0')
        bad (r, "neither a section header nor 'key = value'", NULL);
    else if (text[key] == ':')
        bad (r, "':' before '='", "Write 'key = value'; a key has no colon.");
    else if (key == strspn (text, " \t"))
        bad (r, "value without a key", NULL);
    else if (comment_start (text) < key)
        bad (r, "comment before '='", NULL);
    else
        return !r->lost;
    return false;
}

/* Behind a NUL byte there is no text: one fault for a whole binary file. */
static void
bad_byte (struct reader *r, char byte)
{
    if (byte)
        return bad (r, "control character in the line", "Take it out; only tabs are allowed.");
    bad (r, "NUL byte in the line", "This is no text file, or it is damaged; the rest of it was not read.");
    r->rest = r->end;
}

/* True: inih may see this line. */
static bool
judge (struct reader *r, const char *text, size_t n)
{
    const char *start = text + strspn (text, " \t");

    for (size_t i = 0; i < n; i++)
        if ((unsigned char) text[i] < ' ' && text[i] != '\t')
            return bad_byte (r, text[i]), false;
    if (!sb_is_utf8 (text, n))
        return bad (r, "line is not UTF-8", "Save the file as UTF-8."), false;
    if (*start == '\0' || *start == ';' || *start == '#')
        return false;
    if (n > LINE_MAX_CHARS) {
        sb_fault (r->faults, r->file, r->line, "line of %zu bytes; at most %d are possible", n, LINE_MAX_CHARS);
        sb_fault_hint (r->faults, "Values cannot be continued on a next line; shorten this one.");
        r->lost |= *start == '[';
        return false;
    }
    if (start > text) {
        bad (r, *start == '[' ? "indented section header" : "indented line",
             "Values cannot be continued on a next line; start each line in its first column.");
        r->lost |= *start == '[';
        return false;
    }
    if (*start == '[')
        return judge_section (r, text), !r->lost;
    return judge_pair (r, text);
}

/* fgets() for inih. */
static char *
next_line (char *to, int room, void *stream)
{
    struct reader *r = stream;
    const char *newline;
    SB_AUTOFREE char *text = NULL;
    size_t n;

    if (r->rest >= r->end)
        return NULL;
    newline = memchr (r->rest, '\n', (size_t) (r->end - r->rest));
    n = (size_t) ((newline ? newline : r->end) - r->rest);
    text = sb_xcalloc (n + 1, 1);
    memcpy (text, r->rest, n);
    r->rest += n + (newline != NULL);
    r->line++;
    if (n && text[n - 1] == '\r')
        text[--n] = '\0';
    to[0] = '\0';
    if (judge (r, text, n) && n < (size_t) room)
        memcpy (to, text, n + 1);
    return to;
}

/* "\;" -> ";" */
static void
unescape (char *s)
{
    char *to = s;

    for (; *s; s++)
        if (s[0] != '\\' || s[1] != ';')
            *to++ = *s;
    *to = '\0';
}

static int
pair (void *user, const char *section, const char *key, const char *value)
{
    struct reader *r = user;
    SB_AUTOFREE char *plain = sb_xstrdup (value);
    int before = seen_at (r, &r->keys, key);

    (void) section;
    unescape (plain);
    if (before)
        bad_twice (r, "", key, before);
    else
        r->fn (r->ctx, r->section, key, plain, r->line);
    return 1;
}

bool
sb_ini_parse (const char *file, const char *text, size_t len, sb_ini_fn fn, void *ctx, struct sb_faults *faults)
{
    struct reader r = { .file = file,
                        .rest = text,
                        .end = text + len,
                        .section = sb_xstrdup (""),
                        .faults = faults,
                        .fn = fn,
                        .ctx = ctx };
    size_t before = faults->count;
    int rc;

    if (len >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
        r.rest += 3;
    rc = ini_parse_stream (next_line, &r, pair, &r);
    if (rc && faults->count == before)
        sb_fault (faults, file, rc > 0 ? rc : 0, "line cannot be understood");
    free (r.section);
    sb_map_free (&r.sections);
    sb_map_free (&r.keys);
    return faults->count == before;
}
