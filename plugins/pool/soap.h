/* The SOAP side of WS-Management: envelopes for a shell and its command, and
 * what is read from the answers.  Pure text in, text out; the protocol is
 * [MS-WSMV] over SOAP 1.2 with WS-Addressing of August 2004.  Elements are found
 * by namespace and local name, never by prefix; a document type is refused. */
#ifndef SB_PLUGINS_POOL_SOAP_H
#define SB_PLUGINS_POOL_SOAP_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum soap_step { SOAP_CREATE, SOAP_COMMAND, SOAP_SEND, SOAP_RECEIVE, SOAP_SIGNAL, SOAP_DELETE };

struct soap_request {
    enum soap_step step;
    const char *url;
    const char *shell, *command; /* identifiers; NULL before they are known */
    const char *line;            /* SOAP_COMMAND: the command line */
    bool fed;                    /* SOAP_COMMAND: its stdin is a pipe that is going to be filled */
    const char *data;            /* SOAP_SEND: the next bytes of stdin; */
    size_t len;                  /*            so many */
    bool last;                   /*            and no more */
    unsigned timeout_s;          /* OperationTimeout */
};

void soap_write (const struct soap_request *r, struct sb_buf *out);

/* What one answer holds; soap_answer_free() in any case. */
struct soap_answer {
    bool fault;
    unsigned long code; /* of the WSManFault or MSFT_WmiError; 0: none given */
    char *reason;       /* f:Message, else s:Text; NULL: none */
    char *shell, *command;
    struct sb_buf out, err; /* bytes of the streams */
    bool done;              /* CommandState/Done */
    int exit_code;
};

/* false: not an answer of this protocol (*ret_why is a constant). */
bool soap_read (const char *data, size_t len, struct soap_answer *ret, const char **ret_why);
void soap_answer_free (struct soap_answer *a);

/* The readable part of what PowerShell writes to stderr as CLIXML ("#< CLIXML"): the strings of kind Error. */
void soap_clixml_text (const char *text, size_t len, struct sb_buf *out);

#endif
