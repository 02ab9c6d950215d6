/* The command shells of one front end: who has which, what runs in them, and
 * what it has written.  Each command has a thread; its output waits here, in
 * bounded buffers, until somebody receives it: a process whose output nobody
 * takes stands still, as behind a full pipe.  Knows nothing of XML or HTTP. */
#ifndef SB_LAB_WINRM_SHELLS_H
#define SB_LAB_WINRM_SHELLS_H

#include "lab/winrm/cmdline.h"
#include "lab/winrm/wsman.h"

struct shells;

/* A command that is to run. */
struct shells_process {
    const char *line, *user; /* user: a constant of the door */
    int codepage;
    bool skip_cmd_shell;
    bool second_hop; /* it can reach other servers as its user */
};

struct shells_cfg {
    void *ctx;
    /* Runs a line to its end; called in a thread of its own. */
    int (*run) (void *ctx, const struct cmd_io *io, const struct shells_process *what);
};

/* What one Receive takes. */
struct shells_output {
    struct sb_buf bytes[2]; /* stdout, stderr */
    bool end[2];            /* nothing more will come */
    bool done;
    int exit_code;
};

struct shells *shells_new (const struct shells_cfg *cfg); /* cfg is copied */
/* The five exchanges; ids are written to `ret` on WSMAN_OK. */
enum wsman_fault shells_create (struct shells *s, const struct wsman_request *r, char ret[WSMAN_GUID]);
enum wsman_fault shells_command (struct shells *s, const struct wsman_request *r, char ret[WSMAN_GUID]);
enum wsman_fault shells_send (struct shells *s, const struct wsman_request *r);
/* Waits for output, the end, or OperationTimeout (WSMAN_F_TIMED_OUT). */
enum wsman_fault shells_receive (struct shells *s, const struct wsman_request *r, struct shells_output *ret);
enum wsman_fault shells_signal (struct shells *s, const struct wsman_request *r);
enum wsman_fault shells_delete (struct shells *s, const struct wsman_request *r);
void shells_output_free (struct shells_output *o);

void shells_expire (struct shells *s);         /* ends those that were idle for too long */
void shells_power (struct shells *s, bool on); /* off: everything ends, waiting requests come back; on: as new */

#endif
