/* An HTTPS service of the lab: TLS 1.2 or newer, POST only, whole bodies of at
 * most 1 MiB, a thread a connection and at most 32 of them, silence and slow
 * bodies bounded.  What a request means is left to a handler, which is called in
 * the connection's thread and may take its time. */
#ifndef SB_LAB_SINKS_HTTPS_H
#define SB_LAB_SINKS_HTTPS_H

#include "core/base/buf.h"
#include "core/base/fault.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#define HTTPS_BODY_LIMIT ((size_t) 1 << 20)

struct https_request {
    struct MHD_Connection *connection; /* for its headers */
    const char *path;                  /* begins with a slash; escapes are resolved */
    const char *body;                  /* NUL-terminated besides */
    size_t len;
};

struct https_answer {
    unsigned status;  /* as set by the handler; 200 before */
    const char *type; /* content type; text/plain before */
    const char *name; /* one header more; NULL: none */
    char value[64];   /* its value */
    struct sb_buf body;
};

typedef void (*https_fn) (void *ctx, const struct https_request *request, struct https_answer *answer);

/* Listens on address:*port (0: any, then written there) until the process ends.  `ctx` must live as long. */
bool https_start (const char *address, uint16_t *port, const char *cert, const char *key, https_fn handler, void *ctx,
                  struct sb_faults *faults);

#endif
