/* Output: faults as sentences on stderr, tables and JSON on stdout. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
cli_error (const char *fmt, ...)
{
    va_list args;

    va_start (args, fmt);
    fputs ("switchback: ", stderr);
    vfprintf (stderr, fmt, args);
    fputc ('\n', stderr);
    va_end (args);
}

void
cli_hint (const char *fmt, ...)
{
    va_list args;

    va_start (args, fmt);
    fputs ("HINT: ", stderr);
    vfprintf (stderr, fmt, args);
    fputc ('\n', stderr);
    va_end (args);
}

int
cli_fail (struct cli *c, int code)
{
    char *text SB_AUTOFREE = sb_faults_text (&c->faults);

    if (text != NULL && text[0] != 0) {
        fputs ("switchback: ", stderr);
        fputs (text, stderr);
        if (text[strlen (text) - 1] != '\n')
            fputc ('\n', stderr);
    }
    sb_faults_free (&c->faults);
    c->faults = (struct sb_faults){ 0 };
    return code;
}

static bool json_broken; /* an answer was lost: the program must not end with success */

int
cli_print_json (json_t *value)
{
    char *text = json_dumps (value, JSON_INDENT (2));

    json_decref (value);
    if (text == NULL) {
        json_broken = true;
        cli_error ("the answer cannot be written as JSON; this is a defect in the program");
        return EXIT_DEFECT;
    }
    puts (text);
    free (text);
    return EXIT_DONE;
}

const char *
cli_paint (const struct cli *c, const char *color)
{
    static const struct {
        const char *name, *code;
    } colors[] = { { "red", "\033[31m" }, { "green", "\033[32m" }, { "amber", "\033[33m" }, { "unknown", "\033[35m" },
                   { "bold", "\033[1m" }, { "dim", "\033[2m" },    { "off", "\033[0m" } };
    size_t i;

    for (i = 0; c->color && i < sizeof colors / sizeof *colors; i++)
        if (strcmp (colors[i].name, color) == 0)
            return colors[i].code;
    return "";
}

bool
cli_stdout_broken (void)
{
    return fflush (stdout) != 0 || ferror (stdout) || json_broken;
}

void
cli_table_row (struct cli_table *t, const char *const *cells)
{
    size_t i;

    for (i = 0; i < t->columns; i++)
        SB_PUSH (t->cells, t->count, t->cap) = sb_xstrdup (cells[i] == NULL ? "" : cells[i]);
}

/* Columns of a terminal that a UTF-8 text takes, near enough: code points. */
static size_t
width (const char *s)
{
    size_t n = 0;

    for (; *s != 0; s++)
        n += ((unsigned char) *s & 0xc0) != 0x80;
    return n;
}

static void
print_row (const struct cli_table *t, const char *const *cells, const size_t *widths)
{
    size_t i, pad;

    for (i = 0; i < t->columns; i++) {
        fputs (cells[i], stdout);
        if (i + 1 == t->columns)
            break;
        for (pad = width (cells[i]); pad < widths[i] + 2; pad++)
            putchar (' ');
    }
    putchar ('\n');
}

void
cli_table_print (struct cli_table *t)
{
    size_t *widths SB_AUTOFREE = sb_xcalloc (t->columns, sizeof *widths);
    size_t i;

    if (t->columns == 0)
        return;
    for (i = 0; i < t->columns; i++)
        widths[i] = width (t->heads[i]);
    for (i = 0; i < t->count; i++)
        if (width (t->cells[i]) > widths[i % t->columns])
            widths[i % t->columns] = width (t->cells[i]);
    print_row (t, t->heads, widths);
    for (i = 0; i < t->count; i += t->columns)
        print_row (t, (const char *const *) t->cells + i, widths);
    for (i = 0; i < t->count; i++)
        free (t->cells[i]);
    free (t->cells);
    t->cells = NULL;
    t->count = t->cap = 0;
}
