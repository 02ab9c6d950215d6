/* Names as a file server lists them (plugins/lib/store.h): a prefix, a suffix, then names, a line each.  Whatever fits the
 * filter can be put behind a folder without leaving it, and is found again in the sorted list. */
#include "plugins/lib/copy.h"

#include "core/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
must (bool good)
{
    if (!good)
        __builtin_trap ();
}

static void
look_at (const char *name, const struct sb_filter *f, struct sb_entries *l)
{
    SB_AUTOFREE char *hidden = sb_copy_hidden (name, ".part");

    must (strlen (hidden) < 64 && sb_name_is_sound (hidden));
    must (!sb_folder_is_sound (name) || (*name != '/' && strstr (name, "..") != name));
    if (!sb_name_fits (name, f))
        return;
    must (sb_name_is_sound (name) && *name != '.' && strlen (name) <= 255 && strpbrk (name, "/\\\n") == NULL);
    sb_entries_add (l, name, (int64_t) strlen (name), 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    SB_AUTOFREE char *text = sb_xstrndup ((const char *) data, size);
    SB_CLEANUP (sb_entries_free) struct sb_entries l = { 0 };
    char *rest = text, *prefix = strsep (&rest, "\n"), *suffix = strsep (&rest, "\n"), *name;
    const struct sb_filter f = { prefix, suffix };

    while ((name = strsep (&rest, "\n")) != NULL)
        look_at (name, &f, &l);
    sb_entries_sort (&l);
    for (size_t i = 0; i < l.count; i++)
        must (strcmp (sb_entries_find (&l, l.list[i].name)->name, l.list[i].name) == 0);
    return 0;
}
