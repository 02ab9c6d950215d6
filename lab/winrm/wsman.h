/* WS-Man as WinRM speaks it for its command shells (MS-WSMV, DSP0226): what a
 * request says, and the envelopes that answer it.  Requests are read by
 * namespace and local name, never by prefix; answers carry Windows' own
 * prefixes, because there are clients that look for those. */
#ifndef SB_LAB_WINRM_WSMAN_H
#define SB_LAB_WINRM_WSMAN_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSMAN_MAX_ENVELOPE   (500u << 10) /* MaxEnvelopeSizekb of WinRM 3.0 and later */
#define WSMAN_MIN_ENVELOPE   8192         /* DSP0226: less cannot be asked for */
#define WSMAN_MAX_TIMEOUT_MS 60000        /* MaxTimeoutms */
#define WSMAN_MAX_SHELLS     30           /* MaxShellsPerUser */
#define WSMAN_MAX_COMMANDS   25           /* MaxProcessesPerShell */
#define WSMAN_IDLE_MS        7200000      /* IdleTimeout */
#define WSMAN_GUID           37           /* 36 characters and NUL */

enum wsman_action {
    WSMAN_NO_ACTION,
    WSMAN_CREATE,
    WSMAN_COMMAND,
    WSMAN_SEND,
    WSMAN_RECEIVE,
    WSMAN_SIGNAL,
    WSMAN_DELETE,
    WSMAN_IDENTIFY /* the only one without headers */
};

struct wsman_request {
    enum wsman_action action;
    char *message_id; /* NULL: none was sent */
    char *resource_uri;
    char *shell_id; /* selector ShellId */
    char *command_id;
    char *signal_code;
    char *command;       /* the command and its arguments, joined by blanks */
    struct sb_buf input; /* Send: decoded bytes */
    bool input_end;
    const char *user; /* who asks, and can what runs for them reach other servers?  Filled in by the door */
    bool second_hop;
    int64_t timeout_ms; /* OperationTimeout, capped */
    int64_t idle_ms;    /* of a new shell */
    size_t max_envelope;
    int codepage;        /* WINRS_CODEPAGE, default 437 */
    bool skip_cmd_shell; /* WINRS_SKIP_CMD_SHELL */
};

enum wsman_fault {
    WSMAN_OK,
    WSMAN_F_MALFORMED, /* not XML, no envelope, no action */
    WSMAN_F_ACTION,    /* an action we do not know */
    WSMAN_F_RESOURCE,  /* another resource than the command shell */
    WSMAN_F_ENVELOPE,  /* too large, or too small a limit asked for */
    WSMAN_F_TIMED_OUT,
    WSMAN_F_NO_SHELL,
    WSMAN_F_TOO_MANY_SHELLS,
    WSMAN_F_TOO_MANY_COMMANDS,
    WSMAN_F_ABORTED,   /* 995 */
    WSMAN_F_PARAMETER, /* 87 */
    WSMAN_F_NO_FILE,   /* 2147942402 */
    WSMAN_F_TOO_LONG,  /* 2147942606 */
    WSMAN_F_DELETED    /* the shell went away while the request waited */
};

/* Reads an envelope.  On a fault what could be read (the message id) is kept. */
enum wsman_fault wsman_parse (const char *body, size_t n, struct wsman_request *ret);
void wsman_request_free (struct wsman_request *r);
/* PT60S, PT1.5S, P0DT0H1M0S; false: no duration. */
bool wsman_duration (const char *s, int64_t *ret_ms);

/* A piece of output in an answer to Receive. */
struct wsman_piece {
    const char *stream; /* "stdout", "stderr" */
    const void *data;
    size_t n;
    bool end;
};

/* Complete envelopes, added to `out`.  `host` is who answers. */
void wsman_created (const struct wsman_request *r, const char *host, const char *user, const char *shell_id,
                    struct sb_buf *out);
void wsman_commanded (const struct wsman_request *r, const char *command_id, struct sb_buf *out);
void wsman_received (const struct wsman_request *r, const struct wsman_piece *pieces, size_t npieces, bool done,
                     int exit_code, struct sb_buf *out);
void wsman_plain (const struct wsman_request *r, struct sb_buf *out); /* Send, Signal, Delete, Identify */
void wsman_faulted (const struct wsman_request *r, enum wsman_fault fault, const char *host, struct sb_buf *out);
unsigned wsman_http_status (enum wsman_fault fault);
void wsman_guid (char ret[WSMAN_GUID]);

#endif
