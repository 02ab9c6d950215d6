/* switchback lab: hands everything over to the lab, a program of its own.
 * This file is the only place outside lab/ that knows of it. */
#include "cli/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int
cmd_lab (int argc, char **argv)
{
    struct sb_paths paths;
    char *program, **args = sb_xcalloc ((size_t) argc + 1, sizeof *args);

    sb_paths_find (&paths);
    program = sb_xprintf ("%s/switchback-lab", paths.libexec);
    memcpy (args, argv, (size_t) argc * sizeof *args);
    args[0] = program;
    execv (program, args);
    cli_error ("cannot start '%s': %s", program, strerror (errno));
    cli_hint ("The lab is part of an installation ('make install') and of a build tree ('make').");
    return EXIT_DEFECT;
}
