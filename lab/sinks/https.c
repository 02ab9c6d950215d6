/* HTTPS by libmicrohttpd; see https.h.  An answer can be given when a request's
 * head has come (then the body is not wanted) or when all of it has come; a body
 * that turns out too long between the two is let run out, up to a point. */
#include "config.h"

#include "lab/sinks/https.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/socket.h"
#include "core/sys/tcp.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CONNECTIONS 32
#define SILENCE_S       30
#define REQUEST_MS      60000
#define TOO_LARGE       413 /* its name in microhttpd.h depends on the version */
#define PEM_LIMIT       65536
#define PATIENCE_BYTES  (4 * HTTPS_BODY_LIMIT) /* what a client may send in vain */

struct service {
    https_fn handler;
    void *ctx;
    char *cert, *key;
    struct MHD_Daemon *daemon;
};

/* One request on its way in. */
struct incoming {
    struct sb_buf body;
    size_t received;
    int64_t deadline;
};

static enum MHD_Result
answer_with (struct MHD_Connection *connection, const struct https_answer *a)
{
    struct MHD_Response *r = MHD_create_response_from_buffer (a->body.len, (void *) (uintptr_t) sb_buf_cstr (&a->body),
                                                              MHD_RESPMEM_MUST_COPY);
    enum MHD_Result ret;

    if (r == NULL)
        return MHD_NO;
    MHD_add_response_header (r, "Content-Type", a->type);
    if (a->name != NULL)
        MHD_add_response_header (r, a->name, a->value);
    ret = MHD_queue_response (connection, a->status, r);
    MHD_destroy_response (r);
    return ret;
}

static enum MHD_Result
refuse (struct MHD_Connection *connection, unsigned status, const char *text, const char *allow)
{
    struct https_answer a = { .status = status, .type = "text/plain" };
    enum MHD_Result ret;

    sb_buf_printf (&a.body, "%s\n", text);
    if (allow != NULL) {
        a.name = "Allow";
        memcpy (a.value, allow, strlen (allow) + 1);
    }
    ret = answer_with (connection, &a);
    sb_buf_free (&a.body);
    return ret;
}

static enum MHD_Result
head_came (struct MHD_Connection *connection, const char *method, void **state)
{
    const char *length = MHD_lookup_connection_value (connection, MHD_HEADER_KIND, "Content-Length");
    struct incoming *in;
    int64_t n;

    if (strcmp (method, "POST") != 0)
        return refuse (connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only POST is understood here", "POST");
    if (length != NULL && (!sb_parse_int (length, &n) || n < 0 || (uint64_t) n > HTTPS_BODY_LIMIT))
        return refuse (connection, TOO_LARGE, "the body may have 1 MiB", NULL);
    in = sb_xcalloc (1, sizeof *in);
    in->deadline = sb_deadline_in (REQUEST_MS);
    *state = in;
    return MHD_YES;
}

static enum MHD_Result
part_came (struct incoming *in, const char *data, size_t *size)
{
    in->received += *size;
    if (in->received <= HTTPS_BODY_LIMIT)
        sb_buf_add (&in->body, data, *size);
    *size = 0;
    return in->received <= PATIENCE_BYTES && sb_mono_ms () < in->deadline ? MHD_YES : MHD_NO;
}

static enum MHD_Result
all_came (const struct service *s, struct MHD_Connection *connection, const char *path, const struct incoming *in)
{
    struct https_request request = {
        .connection = connection, .path = path, .body = sb_buf_cstr (&in->body), .len = in->body.len
    };
    struct https_answer answer = { .status = MHD_HTTP_OK, .type = "text/plain" };
    enum MHD_Result ret;

    if (in->received > HTTPS_BODY_LIMIT)
        return refuse (connection, TOO_LARGE, "the body may have 1 MiB", NULL);
    s->handler (s->ctx, &request, &answer);
    ret = answer_with (connection, &answer);
    sb_buf_free (&answer.body);
    return ret;
}

static enum MHD_Result
on_request (void *ctx, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
            const char *data, size_t *size, void **state)
{
    (void) version;
    if (*state == NULL)
        return head_came (connection, method, state);
    return *size > 0 ? part_came (*state, data, size) : all_came (ctx, connection, url, *state);
}

static void
on_end (void *ctx, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    struct incoming *in = *state;

    (void) ctx;
    (void) connection;
    (void) why;
    if (in == NULL)
        return;
    sb_buf_free (&in->body);
    free (in);
    *state = NULL;
}

static char *
read_pem (const char *path, struct sb_faults *faults)
{
    struct sb_buf b = { 0 };

    if (sb_file_read (path, PEM_LIMIT, &b, faults))
        return sb_buf_take (&b);
    return NULL;
}

bool
https_start (const char *address, uint16_t *port, const char *cert, const char *key, https_fn handler, void *ctx,
             struct sb_faults *faults)
{
    struct service *s = sb_xcalloc (1, sizeof *s);
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_TLS;
    int fd = -1;

    *s = (struct service){ .handler = handler, .ctx = ctx };
    s->cert = read_pem (cert, faults);
    s->key = s->cert != NULL ? read_pem (key, faults) : NULL;
    if (s->key != NULL)
        fd = sb_tcp_listen (address, *port, port, faults);
    if (fd >= 0) {
        s->daemon = MHD_start_daemon (flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, (MHD_socket) fd,
                                      MHD_OPTION_HTTPS_MEM_CERT, s->cert, MHD_OPTION_HTTPS_MEM_KEY, s->key,
                                      MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
                                      MHD_OPTION_CONNECTION_LIMIT, (unsigned) MAX_CONNECTIONS,
                                      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) SILENCE_S, MHD_OPTION_NOTIFY_COMPLETED,
                                      on_end, NULL, MHD_OPTION_END);
        if (s->daemon != NULL)
            return true;
        sb_fault (faults, NULL, 0, "cannot serve HTTPS with '%s' and '%s': they are not a certificate and its key",
                  cert, key);
    }
    sb_fd_close (&fd);
    free (s->cert);
    if (s->key != NULL)
        sb_wipe (s->key, strlen (s->key));
    free (s->key);
    free (s);
    return false;
}
