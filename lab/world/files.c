/* Which path an instance may use at this moment, and how Windows words what
 * goes wrong with it. */
#include "lab/world/intern.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *
w_wanted_from (const struct w_wanted *wanted)
{
    const char *prefix = wanted == NULL || wanted->prefix == NULL ? "" : wanted->prefix,
               *after = wanted == NULL || wanted->after == NULL ? "" : wanted->after;

    return strcasecmp (prefix, after) > 0 ? prefix : after;
}

bool
w_wanted (const struct w_wanted *wanted, const char *name)
{
    return wanted == NULL
           || ((wanted->prefix == NULL || strncasecmp (name, wanted->prefix, strlen (wanted->prefix)) == 0)
               && (wanted->after == NULL || strcasecmp (name, wanted->after) > 0));
}

bool
w_wanted_ends (const struct w_wanted *wanted, const char *name)
{
    return wanted != NULL && wanted->prefix != NULL && strncasecmp (name, wanted->prefix, strlen (wanted->prefix)) > 0;
}

int
w_files_reach (const struct world *w, w_id instance, const char *path, bool to_write)
{
    w_id share = w_find_share (w, instance, path);
    const struct w_share *s = share == 0 ? NULL : &w->shares[share - 1];
    w_id site = w->instances[instance - 1].site;

    bool full = path[0] != '\\' ? w->instances[instance - 1].disk_full || (s != NULL && s->full) : s != NULL && s->full;

    if (w->instances[instance - 1].on_linux)
        return path[0] != '/' ? W_FILE_NO_PATH : full && to_write ? W_FILE_FULL : W_FILE_OK;
    if (path[0] != '\\' && !(isalpha ((unsigned char) path[0]) && path[1] == ':'))
        return W_FILE_BAD_NAME;
    if (path[0] != '\\')
        return s != NULL && s->gone ? W_FILE_NO_PATH : full && to_write ? W_FILE_FULL : W_FILE_OK;
    if (s == NULL || s->gone || (s->site != 0 && !w_linked (w, site, s->site)))
        return W_FILE_NO_NET;
    return full && to_write ? W_FILE_FULL : W_FILE_OK;
}

const char *
w_file_error_text (int error)
{
    static const struct {
        int number;
        const char *text;
    } texts[] = {
        { W_FILE_MISSING, "2(The system cannot find the file specified.)" },
        { W_FILE_NO_PATH, "3(The system cannot find the path specified.)" },
        { W_FILE_DENIED, "5(Access is denied.)" },
        { W_FILE_IN_USE, "32(The process cannot access the file because it is being used by another process.)" },
        { W_FILE_NO_NET, "53(The network path was not found.)" },
        { W_FILE_FULL, "112(There is not enough space on the disk.)" },
        { W_FILE_BAD_NAME, "123(The filename, directory name, or volume label syntax is incorrect.)" },
        { W_FILE_EXISTS, "183(Cannot create a file when that file already exists.)" },
    };

    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].number == error)
            return texts[i].text;
    return "1117(The request could not be performed because of an I/O device error.)";
}
