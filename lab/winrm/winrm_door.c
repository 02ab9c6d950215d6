/* The WS-Man doors: HTTPS through libmicrohttpd (a thread per connection, since
 * Receive waits), one path.  Who comes in is signin.h's, envelopes are wsman.h's,
 * shells are shells.h's, what runs in them is cmdline.h's.  Events of the world
 * close and open a front end: closing drops connections and shells. */
#include "config.h"

#include "lab/winrm/winrm_door.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/socket.h"
#include "lab/winrm/cmdline.h"
#include "lab/winrm/cs.h"
#include "lab/winrm/shells.h"
#include "lab/winrm/signin.h"
#include "lab/winrm/wsman.h"
#include "lab/world/client.h"

#include <arpa/inet.h>
#include <libxml/parser.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CONNECTIONS   200
#define IDLE_CONNECTION_S 180
#define TICK_MS           1000
#define MAX_PEM           (1u << 20)
#define PATIENCE          (4u * WSMAN_MAX_ENVELOPE) /* bytes of a request that are read at all */
#define PIECE             8191                      /* bytes per rsp:Stream: odd, so that pieces end anywhere */

struct door {
    const struct lab_door_cfg *cfg;
    struct MHD_Daemon *daemon; /* NULL: switched off */
    struct shells *shells;
    struct sb_buf cert, key, ca;
    w_id id;
};

struct upload {
    struct sb_buf body;
    size_t seen;
    bool too_large;
};

/* ---- one exchange ---- */

static void
receive (struct door *d, const struct wsman_request *r, enum wsman_fault *f, struct sb_buf *out)
{
    static const char *const names[] = { "stdout", "stderr" };
    struct shells_output o;
    struct wsman_piece *pieces = NULL;
    size_t n = 0, cap = 0;

    *f = shells_receive (d->shells, r, &o);
    for (int i = 0; i < 2 && *f == WSMAN_OK; i++) {
        size_t at = 0;

        for (; at < o.bytes[i].len; at += PIECE) {
            size_t part = o.bytes[i].len - at < PIECE ? o.bytes[i].len - at : PIECE;

            SB_PUSH (pieces, n, cap) = (struct wsman_piece){ names[i], o.bytes[i].s + at, part, false };
        }
        if (o.end[i]) /* the end comes by itself, with empty text */
            SB_PUSH (pieces, n, cap) = (struct wsman_piece){ names[i], "", 0, true };
    }
    if (*f == WSMAN_OK)
        wsman_received (r, pieces, n, o.done, o.exit_code, out);
    free (pieces);
    shells_output_free (&o);
}

static enum wsman_fault
exchange (struct door *d, const struct wsman_request *r, struct sb_buf *out)
{
    char id[WSMAN_GUID];
    enum wsman_fault f = WSMAN_OK;

    switch (r->action) {
    case WSMAN_CREATE:
        f = shells_create (d->shells, r, id);
        if (f == WSMAN_OK)
            wsman_created (r, d->cfg->host, r->user, id, out);
        return f;
    case WSMAN_COMMAND:
        f = shells_command (d->shells, r, id);
        if (f == WSMAN_OK)
            wsman_commanded (r, id, out);
        return f;
    case WSMAN_RECEIVE:
        receive (d, r, &f, out);
        return f;
    case WSMAN_SEND:
        f = shells_send (d->shells, r);
        break;
    case WSMAN_SIGNAL:
        f = shells_signal (d->shells, r);
        break;
    case WSMAN_DELETE:
        f = shells_delete (d->shells, r);
        break;
    case WSMAN_IDENTIFY:
        break;
    default:
        return WSMAN_F_ACTION;
    }
    if (f == WSMAN_OK)
        wsman_plain (r, out);
    return f;
}

static unsigned
handle (struct door *d, const struct signin *who, const struct upload *u, struct sb_buf *out)
{
    struct wsman_request r = { 0 };
    enum wsman_fault f = u->too_large ? WSMAN_F_ENVELOPE : wsman_parse (sb_buf_cstr (&u->body), u->body.len, &r);

    r.user = who->user;
    r.second_hop = who->second_hop;
    if (f == WSMAN_OK)
        f = exchange (d, &r, out);
    if (f != WSMAN_OK)
        wsman_faulted (&r, f, d->cfg->host, out);
    wsman_request_free (&r);
    return wsman_http_status (f);
}

/* ---- HTTP ---- */

/* `who`: what is to be said of signing in; NULL: nothing. */
static enum MHD_Result
reply (const struct door *d, struct MHD_Connection *c, unsigned status, const struct signin *who, struct sb_buf *body)
{
    size_t n = body ? body->len : 0;
    struct MHD_Response *r = MHD_create_response_from_buffer (n, n ? sb_buf_take (body) : (char *) "",
                                                              n ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    enum MHD_Result ret;

    if (!r)
        return MHD_NO;
    MHD_add_response_header (r, "Server", "Microsoft-HTTPAPI/2.0");
    if (n)
        MHD_add_response_header (r, "Content-Type", "application/soap+xml;charset=UTF-8");
    if (who && who->token) {
        SB_AUTOFREE char *text = sb_xprintf ("Negotiate %s", who->token);

        MHD_add_response_header (r, "WWW-Authenticate", text);
    } else if (status == 401)
        signin_offer (d->cfg, r);
    if (status == 405)
        MHD_add_response_header (r, "Allow", "POST");
    ret = MHD_queue_response (c, status, r);
    MHD_destroy_response (r);
    return ret;
}

/* What is too large is read on for a while, so that its sender can be told; false: it does not end. */
static bool
take (struct upload *u, const char *data, size_t n)
{
    u->seen += n;
    u->too_large |= u->seen > WSMAN_MAX_ENVELOPE;
    if (u->too_large)
        sb_buf_free (&u->body);
    else
        sb_buf_add (&u->body, data, n);
    return u->seen <= PATIENCE;
}

static enum MHD_Result
answer (void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data,
        size_t *n, void **state)
{
    struct door *d = ctx;
    struct upload *u = *state;
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    const union MHD_ConnectionInfo *info = MHD_get_connection_info (c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct signin who;
    const char *length;
    enum MHD_Result ret;
    unsigned status = 200;

    (void) version;
    if (!u) {
        *state = sb_xcalloc (1, sizeof *u);
        length = MHD_lookup_connection_value (c, MHD_HEADER_KIND, "Content-Length");
        return length && strtoull (length, NULL, 10) > PATIENCE ? reply (d, c, 413, NULL, NULL) : MHD_YES;
    }
    if (*n) {
        if (!take (u, data, *n))
            return MHD_NO;
        *n = 0;
        return MHD_YES;
    }
    if (strncmp (url, "/wsman", 6) != 0 || (url[6] && url[6] != '/' && url[6] != '?'))
        return reply (d, c, 404, NULL, NULL);
    if (strcmp (method, "POST") != 0)
        return reply (d, c, 405, NULL, NULL);
    who = signin_look (d->cfg, info ? info->socket_context : NULL, c);
    if (!who.user)
        status = 401;
    else if (u->body.len || u->too_large || !who.by_ticket) /* the first request of a handshake comes without a body */
        status = handle (d, &who, u, &out);
    ret = reply (d, c, status, &who, &out);
    free (who.token);
    return ret;
}

/* Who signed in with a ticket is known for as long as the connection lasts. */
static void
connection (void *ctx, struct MHD_Connection *c, void **state, enum MHD_ConnectionNotificationCode what)
{
    (void) ctx;
    (void) c;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *state = visitor_new ();
    else
        visitor_free (*state);
}

static void
completed (void *ctx, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
    struct upload *u = *state;

    (void) ctx;
    (void) c;
    (void) why;
    if (u)
        sb_buf_free (&u->body);
    free (u);
    *state = NULL;
}

/* ---- what runs ---- */

/* svc@EXAMPLE.NET is EXAMPLE\svc to Windows; a local account belongs to the computer. */
static char *
account_of (const char *name, const char *computer)
{
    const char *at = strchr (name, '@');

    if (strchr (name, '\\'))
        return sb_xstrdup (name);
    return at ? sb_xprintf ("%.*s\\%.*s", (int) strcspn (at + 1, "."), at + 1, (int) (at - name), name)
              : sb_xprintf ("%s\\%s", computer, name);
}

static int
run_line (void *ctx, const struct cmd_io *io, const struct shells_process *what)
{
    static const char *const modules[] = { "SkypeForBusiness", "Lync", NULL };
    struct door *d = ctx;
    struct cs_world world = { .door = d->cfg, .alone = !what->second_hop };
    SB_AUTOFREE char *computer = sb_xstrndup (d->cfg->host, strcspn (d->cfg->host, "."));
    SB_AUTOFREE char *user = account_of (what->user, computer);
    struct cmd_place place = { computer, user, cs_cmdlets, modules, &world };
    int code;

    for (char *s = computer; *s; s++)
        *s = (char) (*s >= 'a' && *s <= 'z' ? *s - 32 : *s);
    code = cmd_run (io, &place, what->codepage, what->skip_cmd_shell, what->line);
    cs_world_close (&world);
    return code;
}

/* ---- doors ---- */

static bool
open_door (struct door *d)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons (d->cfg->port) };

    if (d->daemon)
        return true;
    if (inet_pton (AF_INET, d->cfg->address, &at.sin_addr) != 1)
        return false;
    shells_power (d->shells, true);
    d->daemon = MHD_start_daemon (MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_TLS
                                          | MHD_USE_POLL,
                                  d->cfg->port, NULL, NULL, answer, d, MHD_OPTION_SOCK_ADDR, (struct sockaddr *) &at,
                                  MHD_OPTION_HTTPS_MEM_CERT, d->cert.s, MHD_OPTION_HTTPS_MEM_KEY, d->key.s,
                                  MHD_OPTION_HTTPS_MEM_TRUST, d->ca.s, MHD_OPTION_NOTIFY_CONNECTION, connection, NULL,
                                  MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                                  IDLE_CONNECTION_S, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
                                  MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    return d->daemon != NULL;
}

static void
close_door (struct door *d)
{
    shells_power (d->shells, false); /* waiting requests come back, so that their threads can end */
    if (d->daemon)
        MHD_stop_daemon (d->daemon);
    d->daemon = NULL;
}

struct house {
    struct door *doors;
    size_t n;
    int events;
};

static void
happen (struct house *h, const struct w_event *e)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->doors[i].id != e->instance)
            continue;
        if (e->kind == W_EV_FRONT_CLOSE)
            close_door (&h->doors[i]);
        else if (e->kind == W_EV_FRONT_OPEN && !open_door (&h->doors[i]))
            fprintf (stderr, "winrm: %s does not open again\n", h->doors[i].cfg->name);
    }
}

/* Follows the world and ends idle shells; when the world is gone, so are the doors. */
static void *
follow (void *ctx)
{
    struct house *h = ctx;
    struct w_event e;
    bool gone = false;

    while (!gone) {
        if (w_client_event (h->events, sb_deadline_in (TICK_MS), &e, &gone))
            happen (h, &e);
        for (size_t i = 0; i < h->n; i++)
            shells_expire (h->doors[i].shells);
    }
    for (size_t i = 0; i < h->n; i++)
        close_door (&h->doors[i]);
    return NULL;
}

static bool
set_up (struct door *d, const struct lab_door_cfg *cfg, struct w_client *client, struct sb_faults *faults)
{
    struct shells_cfg shells = { d, run_line };
    struct world *w = w_client_world (client);

    d->cfg = cfg;
    d->shells = shells_new (&shells);
    d->id = w ? w_find_frontend (w, cfg->name) : 0;
    if (!d->id) {
        sb_fault (faults, NULL, 0, "the world has no front end %s", cfg->name);
        return false;
    }
    if (!sb_file_read (cfg->cert, MAX_PEM, &d->cert, faults) || !sb_file_read (cfg->key, MAX_PEM, &d->key, faults)
        || !sb_file_read (cfg->ca, MAX_PEM, &d->ca, faults))
        return false;
    if (!w->frontends[d->id - 1].running || open_door (d))
        return true;
    sb_fault (faults, NULL, 0, "%s cannot listen on %s port %u", cfg->name, cfg->address, cfg->port);
    return false;
}

static bool
start (struct house *h, const struct lab_door_cfg *doors, struct sb_faults *faults)
{
    struct w_client *client = w_client_open (doors[0].world_socket, faults);
    pthread_t thread;
    bool ok = client != NULL;

    if (ok)
        h->events = w_client_subscribe (doors[0].world_socket, 0, faults);
    ok = ok && h->events >= 0;
    for (size_t i = 0; i < h->n && ok; i++)
        ok = set_up (&h->doors[i], &doors[i], client, faults);
    w_client_close (client);
    if (ok && pthread_create (&thread, NULL, follow, h) != 0) {
        sb_fault (faults, NULL, 0, "no thread for the events of the front ends");
        ok = false;
    }
    if (ok)
        pthread_detach (thread);
    return ok;
}

int
lab_winrm_start (const struct lab_door_cfg *doors, size_t n)
{
    struct sb_faults faults = { 0 };
    struct house *h;
    bool ok;

    if (!n)
        return 0;
    xmlInitParser ();
    h = sb_xcalloc (1, sizeof *h); /* lives as long as the process */
    h->doors = sb_xcalloc (n, sizeof *h->doors);
    h->n = n;
    h->events = -1;
    ok = start (h, doors, &faults);
    if (!ok) {
        SB_AUTOFREE char *text = sb_faults_text (&faults);

        fprintf (stderr, "winrm: %s", text);
    }
    sb_faults_free (&faults);
    return ok ? 0 : -1;
}
