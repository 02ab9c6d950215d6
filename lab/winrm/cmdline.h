/* What a front end does with a command line: finds the program and runs it.
 * Knows cmd.exe's and powershell.exe's ways of reading a line, their exit codes,
 * encodings and error formats; leaves scripts to ps.h and shells to shells.h. */
#ifndef SB_LAB_WINRM_CMDLINE_H
#define SB_LAB_WINRM_CMDLINE_H

#include "lab/winrm/ps.h"
#include "lab/winrm/wsman.h"

/* What a process may use; bytes are as the process writes them (its code page, CR LF). */
struct cmd_io {
    void *ctx;
    void (*out) (void *ctx, const char *data, size_t n);
    void (*err) (void *ctx, const char *data, size_t n);
    bool (*stopped) (void *ctx);
    void (*pause) (void *ctx, int64_t ms);
    char *(*input) (void *ctx); /* all of stdin; caller frees */
};

struct cmd_place {
    const char *computer, *user;
    const struct ps_cmdlet *cmdlets;
    const char *const *modules;
    void *world;
};

/* Can this line be started at all?  WSMAN_OK, WSMAN_F_NO_FILE, WSMAN_F_TOO_LONG. */
enum wsman_fault cmd_check (const char *line, bool skip_cmd_shell);
/* Runs it to its end; returns the exit code. */
int
cmd_run (const struct cmd_io *io, const struct cmd_place *place, int codepage, bool skip_cmd_shell, const char *line);

#endif
