/* Finding the parts of the installation. */
#include "core/sys/paths.h"

#include "core/base/mem.h"
#include "core/sys/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
sb_paths_find_for (struct sb_paths *ret, const char *program)
{
    SB_AUTOFREE char *dir = sb_path_dir (program);
    SB_AUTOFREE char *mark = sb_path_join (dir, "config.status");

    *ret = (struct sb_paths){ .program = sb_xstrdup (program), .build_tree = sb_file_exists (mark) };
    ret->plugins = ret->build_tree ? sb_path_join (dir, ".libs") : sb_xstrdup (SB_PLUGIN_DIR);
    ret->libexec = sb_xstrdup (ret->build_tree ? dir : SB_LIBEXEC_DIR);
    ret->workflows = ret->build_tree ? sb_path_join (dir, "workflows") : sb_xstrdup (SB_WORKFLOW_DIR);
    ret->templates = ret->build_tree ? sb_path_join (dir, "templates") : sb_xstrdup (SB_TEMPLATE_DIR);
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
