/* Finding the parts of the installation. */
#include "core/sys/paths.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/sys/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A folder of the installation, as seen from the program: below the staging folder where it lies in one (make install
 * DESTDIR=), so that such a tree works where it stands. */
static char *
installed (const char *program, const char *folder)
{
    static const char bin[] = SB_BIN_DIR "/";
    const char *name = strrchr (program, '/');
    size_t head = name ? (size_t) (name + 1 - program) : 0, tail = sizeof bin - 1;
    struct sb_buf b = { 0 };

    if (head > tail && memcmp (program + head - tail, bin, tail) == 0)
        sb_buf_add (&b, program, head - tail);
    sb_buf_str (&b, folder);
    return sb_buf_take (&b);
}

void
sb_paths_find_for (struct sb_paths *ret, const char *program)
{
    SB_AUTOFREE char *dir = sb_path_dir (program);
    SB_AUTOFREE char *mark = sb_path_join (dir, "config.status");

    *ret = (struct sb_paths){ .program = sb_xstrdup (program), .build_tree = sb_file_exists (mark) };
    ret->plugins = ret->build_tree ? sb_path_join (dir, ".libs") : installed (program, SB_PLUGIN_DIR);
    ret->libexec = ret->build_tree ? sb_xstrdup (dir) : installed (program, SB_LIBEXEC_DIR);
    ret->workflows = ret->build_tree ? sb_path_join (dir, "workflows") : installed (program, SB_WORKFLOW_DIR);
    ret->templates = ret->build_tree ? sb_path_join (dir, "templates") : installed (program, SB_TEMPLATE_DIR);
}

void
sb_paths_find (struct sb_paths *ret)
{
    char program[4096];
    ssize_t n = readlink ("/proc/self/exe", program, sizeof program - 1);

    program[n > 0 ? n : 0] = '\0';
    sb_paths_find_for (ret, program);
}

void
sb_paths_free (struct sb_paths *p)
{
    free (p->program);
    free (p->plugins);
    free (p->libexec);
    free (p->workflows);
    free (p->templates);
    *p = (struct sb_paths){ 0 };
}
