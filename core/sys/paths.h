/* Where the parts of this installation lie.  A program that lies in a build
 * tree (config.status beside it) uses the parts of that tree, so that nothing
 * has to be installed to be tried; everything else is fixed when configured, and
 * found below a staging folder (DESTDIR) when the program lies in one. */
#ifndef SB_SYS_PATHS_H
#define SB_SYS_PATHS_H

#include <stdbool.h>

struct sb_paths {
    char *program;   /* this very program, to be started again as a lane */
    char *plugins;   /* NAME.so */
    char *libexec;   /* programs that only this one starts */
    char *workflows; /* NAME.ini */
    char *templates; /* messages.ini */
    bool build_tree;
};

void sb_paths_find (struct sb_paths *ret);
/* The same for a program at `program` (tests). */
void sb_paths_find_for (struct sb_paths *ret, const char *program);
void sb_paths_free (struct sb_paths *p);

#endif
