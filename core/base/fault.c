/* Lists of faults. */
#include "core/base/fault.h"

#include "core/base/buf.h"
#include "core/base/mem.h"

#include <stdlib.h>

void
sb_fault (struct sb_faults *f, const char *file, int line, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start (args, fmt);
    text = sb_xvprintf (fmt, args);
    va_end (args);
    SB_PUSH (f->list, f->count, f->cap) = (struct sb_fault){ sb_xstrdup (file), line, text, NULL };
}

void
sb_fault_hint (struct sb_faults *f, const char *fmt, ...)
{
    va_list args;

    if (f->count == 0)
        return;
    free (f->list[f->count - 1].hint);
    va_start (args, fmt);
    f->list[f->count - 1].hint = sb_xvprintf (fmt, args);
    va_end (args);
}

void
sb_fault_prefix (struct sb_faults *f, size_t from, const char *fmt, ...)
{
    SB_AUTOFREE char *prefix = NULL;
    va_list args;

    va_start (args, fmt);
    prefix = sb_xvprintf (fmt, args);
    va_end (args);
    for (size_t i = from; i < f->count; i++) {
        char *text = sb_xprintf ("%s: %s", prefix, f->list[i].text);

        free (f->list[i].text);
        f->list[i].text = text;
    }
}

void
sb_faults_sort (struct sb_faults *f, size_t from)
{
    enum { MAX_SORTED = 2000 }; /* nobody reads more, and insertion must stay quick */

    for (size_t i = from + 1; i < f->count && i < from + MAX_SORTED; i++) {
        struct sb_fault moving = f->list[i];
        size_t j = i;

        for (; j > from && f->list[j - 1].line > moving.line; j--)
            f->list[j] = f->list[j - 1];
        f->list[j] = moving;
    }
}

void
sb_faults_move (struct sb_faults *to, struct sb_faults *from)
{
    for (size_t i = 0; i < from->count; i++)
        SB_PUSH (to->list, to->count, to->cap) = from->list[i];
    free (from->list);
    *from = (struct sb_faults){ 0 };
}

char *
sb_faults_text (const struct sb_faults *f)
{
    struct sb_buf b = { 0 };

    for (size_t i = 0; i < f->count; i++) {
        const struct sb_fault *one = &f->list[i];

        if (one->file)
            sb_buf_printf (&b, "%s:", one->file);
        if (one->file && one->line > 0)
            sb_buf_printf (&b, "%d:", one->line);
        sb_buf_printf (&b, "%s%s\n", one->file ? " " : "", one->text);
        if (one->hint)
            sb_buf_printf (&b, "HINT: %s\n", one->hint);
    }
    return sb_buf_take (&b);
}

void
sb_faults_free (struct sb_faults *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free (f->list[i].file);
        free (f->list[i].text);
        free (f->list[i].hint);
    }
    free (f->list);
    *f = (struct sb_faults){ 0 };
}
