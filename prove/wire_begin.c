/* The users of a replay's lab, and the world a workflow begins in; see
 * wire_int.h.  It is made as scenario.c makes it for the models. */
#include "prove/wire_int.h"

#include "core/sys/clock.h"
#include "core/sys/random.h"
#include "core/sys/socket.h"
#include "lab/world/rows.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAY_MS 20000 /* until a message is acknowledged */

/* Waits until something is so.  False: it is not at the deadline. */
static bool
until (struct p_wire *w, bool (*is_so) (struct p_wire *w, const struct world *now), const char *what,
       struct sb_faults *faults)
{
    int64_t deadline = sb_deadline_in (WIRE_WORLD_MS);
    const struct world *now;

    while (sb_deadline_left (deadline) > 0) {
        now = wire_world (w);
        if (!now)
            break;
        if (is_so (w, now))
            return true;
        sb_sleep_ms (50);
    }
    sb_fault (faults, NULL, 0, "the lab: after %d s it is not so that %s", WIRE_WORLD_MS / 1000, what);
    return false;
}

static size_t
main_database (const struct p_case *c)
{
    size_t i;

    for (i = 0; i + 1 < direct_databases (c->direct) && !direct_database (c->direct, i)->fail_over; i++)
        continue;
    return i;
}

/* ---------------------------------------------------------------- users */

static bool
hear (int fd, char *line, size_t n)
{
    int64_t deadline = sb_deadline_in (SAY_MS);
    size_t have = 0;

    while (have + 1 < n && sb_fd_wait (fd, POLLIN, deadline)) {
        ssize_t got = read (fd, line + have, 1);

        if (got <= 0)
            return false;
        if (line[have] == '\n') {
            line[have] = 0;
            return true;
        }
        have++;
    }
    return false;
}

/* A user of this server, connected. */
static bool
greet (struct p_wire *w, w_id server)
{
    struct sb_faults ignored = { 0 };
    SB_AUTOFREE char *path = sb_xprintf ("%s/chat/%s.sock", w->lab,
                                         w_str (w->c->first->world, w->c->first->world->servers[server - 1].name));
    char line[128];
    int fd = sb_unix_connect (path, sb_deadline_in (2000), &ignored);

    sb_faults_free (&ignored);
    if (fd >= 0 && write (fd, "HELLO replay\n", 13) == 13 && hear (fd, line, sizeof line) && strcmp (line, "OK") == 0) {
        sb_fd_close (&w->users[server]);
        w->users[server] = fd;
        return true;
    }
    sb_fd_close (&fd);
    return false;
}

static void
greet_all (struct p_wire *w)
{
    struct world *now = wire_world (w);
    w_id i, n = now ? (w_id) now->nservers : 0;

    for (i = 1; i <= n && i <= W_MAX_SERVERS; i++)
        if (w->users[i] < 0)
            greet (w, i);
}

/* Where an acknowledged message lies: the row with its identifier in the copies of the main database. */
static bool
find_message (struct p_wire *w, const char *id, struct d_message *ret)
{
    const struct d_database *d = direct_database (w->c->direct, main_database (w->c));
    struct w_rows *rows = w_rows_open (w->lab);
    struct world *now = wire_world (w);
    struct w_row *list;
    bool found = false;
    unsigned i;
    size_t k, n;

    for (i = 0; now && i < now->ncopies && !found; i++) {
        if (now->copies[i].instance == 0 || strcmp (w_str (now, now->copies[i].name), d->name) != 0)
            continue;
        n = w_rows_select (rows, now, (w_id) (i + 1), "tblchat", &list);
        for (k = 0; k < n && !found; k++) {
            SB_AUTOFREE char *text = json_dumps (list[k].columns, JSON_COMPACT | JSON_ENCODE_ANY);

            found = text && strstr (text, id);
            if (found)
                *ret = (struct d_message){ .family = now->copies[i].family, .fork = list[k].fork, .lsn = list[k].lsn };
        }
        free (list);
    }
    w_rows_free (rows);
    return found;
}

bool
wire_say (struct p_wire *w, w_id server, struct sb_faults *faults)
{
    const char *name = server ? w_str (w->c->first->world, w->c->first->world->servers[server - 1].name) : "";
    char hex[17], line[256], ack[256] = "";
    int64_t deadline = sb_deadline_in (WIRE_WORLD_MS);
    int n;

    sb_random_hex (hex, 16);
    n = snprintf (line, sizeof line, "MSG replay-%s message replay-%s\n", hex, hex);
    while (server && sb_deadline_left (deadline) > 0) {
        if (w->users[server] < 0 && !greet (w, server)) {
            sb_sleep_ms (200);
            continue;
        }
        if (write (w->users[server], line, (size_t) n) == n && hear (w->users[server], ack, sizeof ack)
            && strncmp (ack, "ACK ", 4) == 0)
            break;
        if (strncmp (ack, "ERR ", 4) != 0)
            sb_fd_close (&w->users[server]);
        sb_sleep_ms (200);
    }
    snprintf (line, sizeof line, "replay-%s", hex);
    if (server && sb_deadline_left (deadline) > 0 && w->nmessages < P_MESSAGES
        && find_message (w, line, &w->messages[w->nmessages].m)) {
        w->messages[w->nmessages++].database = (uint8_t) main_database (w->c);
        return true;
    }
    sb_fault (faults, NULL, 0, "the lab: no message was acknowledged%s%s", *name ? " by " : ": no server can write",
              name);
    return false;
}

/* ---------------------------------------------------------------- the world a workflow begins in */

static w_id
any_writer (struct p_wire *w)
{
    w_id i = p_event_subject (w->c, wire_world (w), P_EV_WRITE_HERE);

    return i ? i : p_event_subject (w->c, wire_world (w), P_EV_WRITE_THERE);
}

static bool
somebody_writes (struct p_wire *w, const struct world *now)
{
    (void) now;
    return any_writer (w) != 0;
}

static bool
no_job_runs (struct p_wire *w, const struct world *now)
{
    unsigned i;

    (void) w;
    for (i = 0; i < now->njobs; i++)
        if (now->jobs[i].instance != 0 && now->jobs[i].running)
            return false;
    return true;
}

static bool
run_job (struct p_wire *w, enum w_job_kind kind, struct sb_faults *faults)
{
    const struct world *now = wire_world (w);
    unsigned i, n = now ? now->njobs : 0;
    struct w_op op;
    struct w_out out;

    for (i = 0; i < n; i++) {
        now = wire_world (w);
        if (!now || now->jobs[i].instance == 0 || now->jobs[i].kind != kind || !now->jobs[i].enabled
            || !w_answers (now, now->jobs[i].instance))
            continue;
        w_op_init (&op, W_OP_JOB_START, now->jobs[i].instance, 0, "");
        op.subject = (w_id) (i + 1);
        w_client_op (w->client, &op, &out);
    }
    sb_sleep_ms (1100); /* files of jobs are called after the second */
    return until (w, no_job_runs, "no job runs", faults);
}

/* As scenario.c makes it: one message that was shipped and restored, one that lies on the share, one in no backup. */
static bool
some_traffic (struct p_wire *w, struct sb_faults *faults)
{
    return until (w, somebody_writes, "a chat server can write", faults) && (greet_all (w), true)
           && wire_say (w, any_writer (w), faults) && run_job (w, W_JOB_BACKUP, faults)
           && run_job (w, W_JOB_COPY, faults) && run_job (w, W_JOB_RESTORE, faults)
           && wire_say (w, any_writer (w), faults) && run_job (w, W_JOB_BACKUP, faults)
           && wire_say (w, any_writer (w), faults);
}

static bool
nothing_is_owed (struct p_wire *w, struct sb_faults *faults)
{
    struct wire_words words = wire_own_words (w, "watch");

    wire_word (&words, "--old-site");
    wire_word (&words, "--once");
    return wire_command (w, &words, NULL, faults);
}

/* As scenario.c makes it: the packaged failover, the first site back as it was, what is owed paid. */
static bool
fail_over (struct p_wire *w, struct sb_faults *faults)
{
    struct wire_words words = wire_own_words (w, "run");

    wire_word (&words, "failover");
    wire_word (&words, "--approve");
    wire_word (&words, "all");
    return wire_fault (w, "power-off", "site", wire_site_name (w, w->c->left), faults)
           && wire_command (w, &words, NULL, faults)
           && wire_fault (w, "power-on", "site", wire_site_name (w, w->c->left), faults) && nothing_is_owed (w, faults)
           && until (w, somebody_writes, "a chat server can write", faults) && wire_say (w, any_writer (w), faults);
}

bool
wire_begin_world (struct p_wire *w, struct sb_faults *faults)
{
    if (!some_traffic (w, faults))
        return false;
    if (w->c->start == P_START_FAILED_OVER)
        return fail_over (w, faults);
    return w->c->start != P_START_SITE_LOST
           || wire_fault (w, "power-off", "site", wire_site_name (w, w->c->left), faults);
}
