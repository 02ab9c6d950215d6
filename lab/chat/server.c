/* The chat servers of a site.  Each is a thread: it looks at its own replica a
 * few times a second, takes clients or not, writes their messages to the store,
 * reports in, and hands compliance events over.
 *
 *   client: "HELLO name"            server: "OK" or "NO why"
 *   client: "MSG id text"           server: "ACK id instance" or "ERR id number" */
#include "lab/chat/chat.h"
#include "lab/chat/places.h"
#include "lab/chat/store.h"

#include "core/base/buf.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/socket.h"
#include "core/sys/stream.h"
#include "lab/world/client.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CLIENTS 64
#define LINE_LIMIT  8192
#define LOOK_MS     100 /* between two looks at the replica */
#define PING_MS     1000
#define RETRY_MS    300 /* after a connection that failed */

struct home {
    const char *name;           /* real name of the database */
    const char *normal[3];      /* primary, mirror */
    const char *failed_over[3]; /* backup, backup mirror */
};

struct server {
    const char *dir, *name, *fqdn;
    unsigned index; /* place among all servers: its bit, its room */
    struct home content, compliance;
    struct w_client *world;
    struct store *store, *events;
    int listener;
    struct sb_stream *clients[MAX_CLIENTS];
    size_t nclients;
    bool chat, active, failed_over, compliance_runs, cut_off; /* cut_off: no client gets through to it */
    int64_t looked, pinged, retry, events_retry;
    unsigned event;  /* counts compliance events, to tell those of one millisecond apart */
    int64_t chat_id; /* last one used in its room; -1: not known */
};

/* A pool has one content and one compliance database: the first of each that the topology names. */
static void
take_home (struct home *h, const struct place *o)
{
    if (h->name == NULL)
        *h = (struct home){ place_key (o, "name", o->name),
                            { place_key (o, "primary", NULL), place_key (o, "mirror", NULL), NULL },
                            { place_key (o, "backup", NULL), place_key (o, "backup mirror", NULL), NULL } };
}

static const char *const *
instances_of (const struct server *s, const struct home *h)
{
    return s->failed_over ? h->failed_over : h->normal;
}

static void
drop_client (struct server *s, size_t i)
{
    int fd = s->clients[i]->fd;

    sb_stream_free (s->clients[i]);
    free (s->clients[i]);
    sb_fd_close (&fd);
    s->clients[i] = s->clients[--s->nclients];
}

static void
leave_store (struct server *s)
{
    store_close (s->store);
    s->chat_id = -1;
}

/* Looks at the replica and the services; a change of store shows at the next message. */
static bool
look (struct server *s)
{
    struct world *w = w_client_world (s->world);
    const struct w_server *me;
    w_id id;
    bool failed_over;

    s->looked = sb_mono_ms ();
    if (w == NULL)
        return false;
    id = w_find_server (w, s->name);
    if (id == 0 || id > W_MAX_SERVERS)
        return false;
    me = &w->servers[id - 1];
    failed_over = me->replica.state == W_FAILED_OVER;
    if (failed_over != s->failed_over) {
        leave_store (s);
        store_close (s->events);
    }
    s->failed_over = failed_over;
    s->index = (unsigned) id - 1;
    s->active = (me->replica.active >> (id - 1)) & 1;
    s->chat = me->chat != 0;
    s->cut_off = w->central.next_hop_down;
    s->compliance_runs = me->compliance != 0;
    while ((!s->chat || s->cut_off) && s->nclients > 0)
        drop_client (s, s->nclients - 1);
    if (!s->chat || (!s->active && s->nclients == 0))
        leave_store (s);
    return true;
}

static bool
connected (struct server *s)
{
    if (store_at (s->store) != NULL)
        return true;
    if (sb_mono_ms () < s->retry)
        return false;
    s->chat_id = -1;
    if (store_connect (s->store, instances_of (s, &s->content), s->content.name) != NULL)
        return true;
    s->retry = sb_mono_ms () + RETRY_MS;
    return false;
}

static void
literal (struct sb_buf *b, const char *text)
{
    sb_buf_str (b, "N'");
    for (; *text != 0; text++) {
        if (*text == '\'')
            sb_buf_char (b, '\'');
        sb_buf_char (b, *text);
    }
    sb_buf_char (b, '\'');
}

/* Each server has a room of its own, so that chatId, which counts per room, has one writer. */
static bool
next_chat_id (struct server *s, int *ret_number)
{
    char sql[160];
    int64_t last;

    if (s->chat_id >= 0)
        return ++s->chat_id, true;
    snprintf (sql, sizeof sql, "SELECT MAX(chatId) FROM dbo.tblChat WHERE channelId = %u", 100 + s->index);
    if (!store_run (s->store, sql, ret_number, &last, NULL))
        return false;
    s->chat_id = last < 0 ? 1 : last + 1;
    return true;
}

static void
hand_over_event (struct server *s, const char *text)
{
    struct sb_buf sql SB_CLEANUP (sb_buf_free) = { 0 };
    int number;

    if (s->compliance.name == NULL || !s->compliance_runs || sb_mono_ms () < s->events_retry)
        return;
    if (store_connect (s->events, instances_of (s, &s->compliance), s->compliance.name) == NULL) {
        s->events_retry = sb_mono_ms () + 1000;
        return;
    }
    sb_buf_printf (
            &sql,
            "INSERT INTO dbo.tblComplianceData (entryID, cmplType, entryDate, serverID, content) VALUES (%lld, 1, %lld, %u, ",
            (long long) (sb_now_ms () * 1000 + (int64_t) (s->index * 100 + s->event++ % 100)), (long long) sb_now_ms (),
            s->index + 1);
    literal (&sql, text);
    sb_buf_str (&sql, ")");
    store_run (s->events, sb_buf_cstr (&sql), &number, NULL, NULL);
}

static bool
post (struct server *s, const char *text, int *ret_number)
{
    struct sb_buf sql SB_CLEANUP (sb_buf_free) = { 0 };

    *ret_number = 0;
    if (!connected (s) || !next_chat_id (s, ret_number))
        return false;
    sb_buf_printf (
            &sql,
            "INSERT INTO dbo.tblChat (channelId, chatId, chatDate, userId, isAlert, content) VALUES (%u, %lld, %lld, %u, 0, ",
            100 + s->index, (long long) s->chat_id, (long long) sb_now_ms (), 1000 + s->index);
    literal (&sql, text);
    sb_buf_str (&sql, ")");
    if (store_run (s->store, sb_buf_cstr (&sql), ret_number, NULL, NULL))
        return true;
    if (*ret_number == 2627) /* a room that continued elsewhere */
        s->chat_id = -1;
    else
        leave_store (s);
    return false;
}

static void
on_line (struct server *s, struct sb_stream *c, char *line)
{
    struct sb_buf out SB_CLEANUP (sb_buf_free) = { 0 };
    char *id = line + 4, *text;
    const char *at;
    int number;

    if (strncmp (line, "HELLO", 5) == 0) {
        sb_stream_put (c, "OK\n", 3);
        return;
    }
    text = strncmp (line, "MSG ", 4) == 0 ? strchr (id, ' ') : NULL;
    if (text == NULL)
        return;
    *text++ = 0;
    if (post (s, text, &number)) {
        at = store_at (s->store);
        sb_buf_printf (&out, "ACK %s %s\n", id, at == NULL ? "" : at);
        hand_over_event (s, text);
    } else {
        sb_buf_printf (&out, "ERR %s %d\n", id, number);
    }
    sb_stream_put (c, sb_buf_cstr (&out), out.len);
}

static void
serve_client (struct server *s, size_t i)
{
    struct sb_stream *c = s->clients[i];
    char *line;
    enum sb_flow f;

    sb_stream_fill (c);
    while ((f = sb_stream_line (c, &line)) == SB_FLOW_OK)
        on_line (s, c, line);
    if (f == SB_FLOW_CLOSED || f == SB_FLOW_TOO_LONG || sb_stream_flush (c) == SB_FLOW_CLOSED)
        drop_client (s, i);
}

static void
take_client (struct server *s)
{
    int fd = sb_unix_accept (s->listener);
    struct sb_stream *c;
    ssize_t n;

    if (fd < 0)
        return;
    if (!s->chat || !s->active || s->cut_off || s->nclients == MAX_CLIENTS) {
        n = write (fd, "NO\n", 3);
        (void) n;
        sb_fd_close (&fd);
        return;
    }
    c = sb_xcalloc (1, sizeof *c);
    sb_stream_init (c, fd, LINE_LIMIT);
    s->clients[s->nclients++] = c;
}

/* Reports in at the store (tblServerIdentity), and tells the world, as its performance counters would. */
static void
ping (struct server *s)
{
    struct sb_buf sql SB_CLEANUP (sb_buf_free) = { 0 };
    struct w_op op;
    struct w_out out;
    int number, rows = 0;
    bool wrote = false;

    s->pinged = sb_mono_ms ();
    if (s->chat && (s->active || s->nclients > 0) && connected (s)) {
        sb_buf_str (&sql, "UPDATE dbo.tblServerIdentity SET serverLastPingTime = GETUTCDATE() WHERE serverAddress = ");
        literal (&sql, s->fqdn);
        wrote = store_run (s->store, sb_buf_cstr (&sql), &number, NULL, &rows);
        if (wrote && rows == 0) {
            sb_buf_clear (&sql);
            sb_buf_printf (
                    &sql,
                    "INSERT INTO dbo.tblServerIdentity (serverID, serverAddress, serverLastPingTime) VALUES (%u, ",
                    s->index + 1);
            literal (&sql, s->fqdn);
            sb_buf_str (&sql, ", GETUTCDATE())");
            wrote = store_run (s->store, sb_buf_cstr (&sql), &number, NULL, NULL);
        }
        if (!wrote && number != 2627)
            leave_store (s);
    }
    w_op_init (&op, W_OP_SERVER_REPORT, 0, 0, NULL);
    op.n[0] = (int32_t) s->index + 1;
    op.n[1] = (int32_t) s->nclients;
    op.n[2] = wrote;
    w_client_op (s->world, &op, &out);
}

/* The compliance adapter: takes what waits.  Any server whose compliance service runs may do it. */
static void
drain (struct server *s)
{
    int number;

    if (s->compliance.name != NULL && s->compliance_runs
        && store_connect (s->events, instances_of (s, &s->compliance), s->compliance.name) != NULL)
        store_run (s->events, "DELETE FROM dbo.tblComplianceData WHERE cmplType <> 9", &number, NULL, NULL);
    else if (!s->compliance_runs)
        store_close (s->events);
}

static void *
server_main (void *arg)
{
    struct server *s = arg;
    struct pollfd fds[MAX_CLIENTS + 1];
    const char *rare = getenv ("SWITCHBACK_LAB_PING_MS"); /* for tests that compare worlds: pings are log records */
    int64_t ping_ms = rare != NULL ? atoll (rare) : PING_MS;
    size_t i, n;

    for (;;) {
        fds[0] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
        n = s->nclients;
        for (i = 0; i < n; i++)
            fds[i + 1] =
                    (struct pollfd){ .fd = s->clients[i]->fd,
                                     .events = (short) (POLLIN | (sb_stream_unsent (s->clients[i]) ? POLLOUT : 0)) };
        poll (fds, n + 1, LOOK_MS);
        if (sb_mono_ms () - s->looked >= LOOK_MS && !look (s))
            sb_sleep_ms (LOOK_MS);
        for (i = n; i-- > 0;)
            if (i < s->nclients && fds[i + 1].revents != 0 && s->clients[i]->fd == fds[i + 1].fd)
                serve_client (s, i);
        if (fds[0].revents != 0)
            take_client (s);
        if (sb_mono_ms () - s->pinged >= ping_ms) {
            ping (s);
            drain (s);
        }
    }
    return NULL;
}

static bool
start_server (const char *dir, const struct places *places, const struct place *o, const char *socket,
              struct sb_faults *faults)
{
    struct server *s = sb_xcalloc (1, sizeof *s);
    const char *pool_fqdn = place_key (places_nth (places, "pool", 0), "fqdn", "pool.example.net");
    const char *dot = strchr (pool_fqdn, '.');
    char *path SB_AUTOFREE = sb_xprintf ("%s/chat/%s.sock", dir, o->name);
    const struct place *db;
    pthread_t thread;
    size_t i;

    s->dir = dir;
    s->name = o->name;
    s->fqdn = place_key (o, "fqdn", sb_xprintf ("%s%s", o->name, dot == NULL ? "" : dot));
    s->chat_id = -1;
    for (i = 0; (db = places_nth (places, "database", i)) != NULL; i++)
        take_home (strcmp (place_key (db, "fail over", "yes"), "no") == 0 ? &s->compliance : &s->content, db);
    s->store = store_new (s->name, "RTCPersistentChat");
    s->events = store_new (s->name, "RTCCompliance");
    s->world = w_client_open (socket, faults);
    s->listener = sb_unix_listen (path, faults);
    if (s->world == NULL || s->listener < 0)
        return false;
    if (look (s) && pthread_create (&thread, NULL, server_main, s) == 0 && pthread_detach (thread) == 0)
        return true;
    sb_fault (faults, NULL, 0, "server '%s' cannot be started", s->name);
    return false;
}

int
lab_chat_start (const char *dir, const char *site)
{
    static struct places places; /* lives as long as the process: names are borrowed from it */
    struct sb_faults faults = { 0 };
    char *socket = sb_xprintf ("%s/world.sock", dir), *text SB_AUTOFREE = NULL;
    const struct place *o;
    size_t i;

    dir = sb_xstrdup (dir);
    if (places_read (&places, dir, &faults) && stores_init (dir, &places, &faults))
        for (i = 0; faults.count == 0 && (o = places_nth (&places, "server", i)) != NULL; i++)
            if (strcmp (place_key (o, "site", ""), site) == 0)
                start_server (dir, &places, o, socket, &faults);
    if (faults.count == 0)
        return 0;
    text = sb_faults_text (&faults);
    fprintf (stderr, "chat servers of %s: %s", site, text);
    sb_faults_free (&faults);
    return -1;
}
