/* The people who chat: clients with sticky connections.  A client stays with
 * its server until the connection breaks, then goes to any server that takes
 * it.  Whatever was acknowledged goes into the ledger before anything else. */
#include "lab/chat/chat.h"
#include "lab/chat/places.h"

#include "core/base/buf.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/random.h"
#include "core/sys/socket.h"
#include "core/sys/stream.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PEOPLE 64
#define ANSWER_MS  8000 /* a server that is silent so long is left */
#define KNOCK_MS   150  /* between two tries of a client without a server */

struct person {
    struct sb_stream stream;
    bool connected, welcome, waiting;
    const char *server;
    char id[40]; /* the message that is under way */
    int64_t sent, sent_mono, knocked;
    unsigned next_server; /* where to try next */
};

struct crowd {
    const char *dir;
    struct places places;
    struct person people[MAX_PEOPLE];
    size_t count;
    int rate, ledger;
    int64_t due; /* when the next message is due */
    size_t turn;
};

static void
leave (struct person *p)
{
    int fd = p->stream.fd;

    if (p->connected) {
        sb_stream_free (&p->stream);
        sb_fd_close (&fd);
    }
    p->connected = p->welcome = p->waiting = false;
}

static void
knock (struct crowd *c, struct person *p)
{
    const struct place *server = places_nth (&c->places, "server", p->next_server);
    struct sb_faults ignored = { 0 };
    char *path;
    int fd;

    p->knocked = sb_mono_ms ();
    p->next_server = server == NULL ? 0 : p->next_server + 1;
    if (server == NULL)
        return;
    path = sb_xprintf ("%s/chat/%s.sock", c->dir, server->name);
    fd = sb_unix_connect (path, sb_deadline_in (200), &ignored);
    free (path);
    sb_faults_free (&ignored);
    if (fd < 0)
        return;
    sb_stream_init (&p->stream, fd, 4096);
    p->connected = true;
    p->server = server->name;
    p->sent_mono = sb_mono_ms ();
    sb_stream_put (&p->stream, "HELLO\n", 6);
    sb_stream_flush (&p->stream);
}

static void
new_id (char id[40])
{
    char hex[33];

    sb_random_hex (hex, 32);
    snprintf (id, 40, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void
speak (struct person *p, size_t number)
{
    char line[160];
    int n;

    new_id (p->id);
    n = snprintf (line, sizeof line, "MSG %s message %s of person %zu\n", p->id, p->id, number);
    p->sent = sb_now_ms ();
    p->sent_mono = sb_mono_ms ();
    p->waiting = true;
    sb_stream_put (&p->stream, line, (size_t) n);
    sb_stream_flush (&p->stream);
}

char *
lab_ledger_line (const char *id, const char *server, const char *instance, size_t client, int64_t sent_ms,
                 int64_t acked_ms)
{
    json_t *j = json_pack ("{s:s, s:s, s:s, s:I, s:I, s:I}", "id", id, "server", server, "instance", instance, "client",
                           (json_int_t) client, "sent_ms", (json_int_t) sent_ms, "acked_ms", (json_int_t) acked_ms);
    SB_AUTOFREE char *text = json_dumps (j, JSON_PRESERVE_ORDER);

    json_decref (j);
    return sb_xprintf ("%s\n", text == NULL ? "{}" : text); /* NULL: not UTF-8 */
}

/* One write per line, so that a line is there whole or not at all. */
static void
enter (struct crowd *c, const struct person *p, const char *instance)
{
    SB_AUTOFREE char *line =
            lab_ledger_line (p->id, p->server, instance, (size_t) (p - c->people), p->sent, sb_now_ms ());
    size_t n = strlen (line);

    if (write (c->ledger, line, n) != (ssize_t) n)
        fprintf (stderr, "traffic: the ledger could not be written\n");
}

static void
hear (struct crowd *c, struct person *p, char *line)
{
    char *instance;

    if (strcmp (line, "OK") == 0) {
        p->welcome = true;
    } else if (strncmp (line, "ACK ", 4) == 0 && strncmp (line + 4, p->id, strlen (p->id)) == 0) {
        instance = strchr (line + 4, ' ');
        enter (c, p, instance == NULL ? "" : instance + 1);
        p->waiting = false;
    } else if (strncmp (line, "ERR ", 4) == 0) {
        p->waiting = false;
    } else if (strncmp (line, "NO", 2) == 0) {
        leave (p);
    }
}

static void
listen_to (struct crowd *c, struct person *p)
{
    char *line;
    enum sb_flow f = SB_FLOW_LATE;

    sb_stream_fill (&p->stream);
    while (p->connected && (f = sb_stream_line (&p->stream, &line)) == SB_FLOW_OK)
        hear (c, p, line);
    if (p->connected && (f == SB_FLOW_CLOSED || f == SB_FLOW_TOO_LONG))
        leave (p);
}

/* The wish of whoever started or stopped the traffic. */
static void
read_wish (struct crowd *c)
{
    char *path = sb_xprintf ("%s/traffic.json", c->dir);
    json_t *wish = json_load_file (path, 0, NULL);
    json_int_t clients = 8, rate = 0;

    if (wish != NULL) {
        json_unpack (wish, "{s?I, s?I}", "rate", &rate, "clients", &clients);
        json_decref (wish);
    }
    free (path);
    c->rate = rate < 0 || rate > 1000 ? 0 : (int) rate;
    c->count = clients < 1 || clients > MAX_PEOPLE ? 8 : (size_t) clients;
    if (c->rate == 0)
        for (size_t i = 0; i < MAX_PEOPLE; i++)
            if (!c->people[i].waiting)
                leave (&c->people[i]);
}

static void
talk (struct crowd *c)
{
    int64_t now = sb_mono_ms ();
    size_t i, k;

    for (i = 0; i < c->count; i++) {
        struct person *p = &c->people[i];

        if (p->connected && (p->waiting || !p->welcome) && now - p->sent_mono > ANSWER_MS)
            leave (p);
        if (!p->connected && now - p->knocked >= KNOCK_MS)
            knock (c, p);
    }
    if (c->due < now - 1000)
        c->due = now;
    while (c->due <= now) {
        for (k = 0; k < c->count; k++) {
            struct person *p = &c->people[c->turn++ % c->count];

            if (p->connected && p->welcome && !p->waiting) {
                speak (p, (size_t) (p - c->people));
                break;
            }
        }
        c->due += 1000 / c->rate > 0 ? 1000 / c->rate : 1;
    }
}

static void *
crowd_main (void *arg)
{
    struct crowd *c = arg;
    struct pollfd fds[MAX_PEOPLE];
    struct person *who[MAX_PEOPLE];
    int64_t looked = 0;
    size_t i, n;

    for (;;) {
        if (sb_mono_ms () - looked >= 100) {
            read_wish (c);
            looked = sb_mono_ms ();
        }
        if (c->rate > 0)
            talk (c);
        for (i = n = 0; i < MAX_PEOPLE; i++)
            if (c->people[i].connected) {
                who[n] = &c->people[i];
                fds[n++] = (struct pollfd){ .fd = c->people[i].stream.fd, .events = POLLIN };
            }
        poll (fds, n, c->rate > 0 ? 10 : 100);
        for (i = 0; i < n; i++)
            if (fds[i].revents != 0)
                listen_to (c, who[i]);
    }
    return NULL;
}

int
lab_traffic_start (const char *dir)
{
    struct crowd *c = sb_xcalloc (1, sizeof *c);
    struct sb_faults faults = { 0 };
    char *path = sb_xprintf ("%s/ledger.jsonl", dir), *text;
    pthread_t thread;
    size_t i;

    c->dir = sb_xstrdup (dir);
    for (i = 0; i < MAX_PEOPLE; i++)
        c->people[i].next_server = (unsigned) i;
    c->ledger = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    free (path);
    if (c->ledger >= 0 && places_read (&c->places, dir, &faults) && pthread_create (&thread, NULL, crowd_main, c) == 0)
        return pthread_detach (thread);
    text = sb_faults_text (&faults);
    fprintf (stderr, "traffic: %s\n", c->ledger < 0 ? "the ledger cannot be opened" : text);
    free (text);
    sb_faults_free (&faults);
    return -1;
}
