/* The world's poll loop; see server.h.  Requests of one connection are answered
 * in order; what an operation causes elsewhere goes to subscribers in the same
 * turn; the state file is written before the answers leave. */
#include "lab/world/server.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/sigs.h"
#include "core/sys/socket.h"
#include "core/sys/stream.h"
#include "lab/world/delta.h"
#include "lab/world/folder.h"
#include "lab/world/intern.h"
#include "lab/world/rows.h"
#include "lab/world/rpc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CLIENTS 4096
#define KEPT        1024 /* outcomes of works nobody has asked for yet */
#define CHANGES     256  /* versions that a door may be behind and still get what changed */

struct client {
    struct sb_stream s;
    uint32_t number; /* sessions remember the connection that opened them */
    bool subscriber;
    w_id instance; /* a subscriber's; 0: all */
    w_id site;     /* this connection is the power of a site */
};

struct kept {
    uint16_t work;
    struct w_out out;
};

/* What made a world of one version one of a later. */
struct change {
    uint64_t from, to;
    struct sb_buf delta;
};

struct server {
    const struct w_server_cfg *cfg;
    struct world *w;
    struct world *told;             /* the world as doors and the state file know it */
    struct change changes[CHANGES]; /* the last ones, newest at (next_change - 1) */
    unsigned next_change;
    struct sb_buf unsaved; /* what the state file lacks */
    struct w_keeper keeper;
    uint64_t ticked; /* the version and the works that the last tick left behind */
    uint32_t ticked_work;
    int64_t due; /* when the next is, if nothing changes before */
    struct w_disk disk;
    struct w_files files;
    struct w_rows *rows;
    struct client *clients[MAX_CLIENTS];
    size_t nclients;
    uint32_t next_number;
    struct kept kept[KEPT];
    unsigned next_kept;
    bool powered[W_MAX_SITES];
    w_id power_of[W_MAX_SITES]; /* the connection number that is the power now, low bits */
    int listener;
    bool stop;
};

static void
answer (struct client *c, enum w_ans_kind kind, uint64_t arg, const void *body, size_t n)
{
    struct w_ans a = { .kind = kind, .arg = arg };
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    sb_buf_add (&b, &a, sizeof a);
    if (n > 0)
        sb_buf_add (&b, body, n);
    sb_stream_put_message (&c->s, b.s, b.len);
}

static void
answer_out (struct client *c, const struct w_out *out)
{
    answer (c, W_ANS_OK, 0, out, sizeof *out);
}

/* Requests */

/* From now on this version is what others know. */
static void
make_known (struct server *s)
{
    struct change *c = &s->changes[s->next_change % CHANGES];

    if (s->w->version == s->told->version)
        return;
    sb_buf_clear (&c->delta);
    c->from = s->told->version;
    w_delta_make (s->told, s->w, &c->delta);
    c->to = s->told->version;
    sb_buf_add (&s->unsaved, c->delta.s, c->delta.len);
    s->next_change++;
}

/* All changes since a version; false: too many, or none that is known. */
static bool
changes_since (const struct server *s, uint64_t version, struct sb_buf *ret)
{
    const size_t most = w_packed_size (s->told) / 2;
    unsigned n = s->next_change < CHANGES ? s->next_change : CHANGES, back = 1;

    while (back <= n && s->changes[(s->next_change - back) % CHANGES].from != version)
        back++;
    if (back > n)
        return false;
    for (; back > 0 && ret->len <= most; back--) {
        const struct sb_buf *b = &s->changes[(s->next_change - back) % CHANGES].delta;

        sb_buf_add (ret, b->s, b->len);
    }
    return back == 0;
}

static void
do_snapshot (struct server *s, struct client *c, uint64_t has)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    enum w_ans_kind kind = W_ANS_SAME;

    s->w->now_ms = sb_now_ms () > s->w->now_ms ? sb_now_ms () : s->w->now_ms;
    if (has != s->w->version) {
        make_known (s);
        kind = W_ANS_CHANGES;
        if (!changes_since (s, has, &b)) {
            kind = W_ANS_OK;
            sb_buf_clear (&b);
            w_pack (s->told, &b);
        }
    }
    answer (c, kind, (uint64_t) s->w->now_ms, b.s, b.len);
}

/* Where the tables of a chat database that a cmdlet made are due. */
static void
after_install (struct server *s, const struct w_op *op, const struct w_out *out)
{
    if (op->kind == W_OP_INSTALL_DB && out->status == W_DONE && out->value[2] != 0)
        w_state_tables ((void *) (uintptr_t) s->cfg->dir, s->w, (w_id) out->value[1], op->n[0]);
}

/* With SWITCHBACK_LAB_TRACE=FILE each operation that a client asked for is a line there: its kind, and how it ended.
 * Comings and goings of sessions are not. */
static void
trace (const struct w_op *op, const struct w_out *out)
{
    const char *path = getenv ("SWITCHBACK_LAB_TRACE");
    bool talk = op->kind == W_OP_LOGIN || op->kind == W_OP_LOGOUT || op->kind == W_OP_USE || op->kind == W_OP_TRAN
                || op->kind == W_OP_STATEMENT || op->kind == W_OP_ATTENTION || op->kind == W_OP_SERVER_REPORT;
    FILE *f = path == NULL || talk ? NULL : fopen (path, "ae");

    if (f == NULL)
        return;
    fprintf (f, "%u %u %s %d\n", op->kind, out->status, op->db[0] != 0 ? op->db : "-",
             out->nmsgs > 0 ? out->msgs[0].number : 0);
    fclose (f);
}

static void
do_op (struct server *s, struct client *c, const char *body, size_t n)
{
    struct w_op op;
    struct w_out out;
    struct w_session *session;

    if (n != sizeof op) {
        answer (c, W_ANS_BAD, 0, NULL, 0);
        return;
    }
    memcpy (&op, body, sizeof op);
    op.db[sizeof op.db - 1] = 0;
    for (int i = 0; i < 4; i++)
        op.name[i][sizeof op.name[i] - 1] = 0;
    op.path[0][sizeof op.path[0] - 1] = op.path[1][sizeof op.path[1] - 1] = 0;
    w_run (s->w, &s->files, &op, &out);
    after_install (s, &op, &out);
    trace (&op, &out);
    if (op.kind == W_OP_LOGIN && out.status == W_DONE) {
        session = w_session (s->w, op.instance, (uint16_t) out.value[0]);
        if (session != NULL)
            session->door = c->number;
    }
    answer_out (c, &out);
}

static void
work_finished (void *ctx, const struct w_op *op, uint16_t work, const struct w_out *out)
{
    struct server *s = ctx;

    after_install (s, op, out);
    s->kept[s->next_kept].work = work;
    s->kept[s->next_kept].out = *out;
    s->next_kept = (s->next_kept + 1) % KEPT;
}

static void
do_work (struct server *s, struct client *c, uint16_t work)
{
    struct w_out out;
    const struct w_work *k;
    int64_t all;

    w_out_init (&out);
    for (unsigned i = 0; i < s->w->nworks; i++) {
        k = &s->w->works[i];
        if (k->id != work)
            continue;
        all = k->done_ms - k->started_ms;
        out.status = W_WORKING;
        out.work = work;
        out.done_ms = k->done_ms;
        out.percent = (uint8_t) (all <= 0 ? 99 : (s->w->now_ms - k->started_ms) * 99 / all);
        answer_out (c, &out);
        return;
    }
    for (unsigned i = 0; i < KEPT; i++)
        if (s->kept[i].work == work) {
            answer_out (c, &s->kept[i].out);
            return;
        }
    w_fail (&out, 3204, NULL); /* it was ended: attention, KILL, power */
    answer_out (c, &out);
}

/* A key that is there already; true: refused. */
static bool
duplicate (struct server *s, w_id copy, json_t *change, struct w_out *out)
{
    const char *table = json_string_value (json_array_get (change, 0)),
               *op = json_string_value (json_array_get (change, 1)),
               *key = json_string_value (json_array_get (change, 2));
    struct w_row row;

    if (table == NULL || op == NULL || key == NULL || *op != 'i' || *table == 0
        || !w_rows_get (s->rows, s->w, copy, table, key, &row))
        return false;
    w_fail (out, 2627, "PK_%s\1dbo.%s\1(%s)", table, table, key);
    return true;
}

/* Tables without a key name their rows by LSN. */
static void
name_rows (json_t *changes, w_lsn first)
{
    json_t *change;
    size_t i;
    char key[32];

    json_array_foreach (changes, i, change)
    {
        if (!json_is_null (json_array_get (change, 2)))
            continue;
        snprintf (key, sizeof key, "#%lld", (long long) (first + (w_lsn) i * W_LSN_STEP));
        json_array_set_new (change, 2, json_string (key));
    }
}

static bool
well_formed (json_t *changes)
{
    json_t *change, *key;
    size_t i;

    if (!json_is_array (changes) || json_array_size (changes) == 0)
        return false;
    json_array_foreach (changes, i, change)
    {
        key = json_array_get (change, 2);
        if (json_array_size (change) != 4 || !json_is_string (json_array_get (change, 0))
            || json_string_length (json_array_get (change, 1)) != 1 || (!json_is_string (key) && !json_is_null (key)))
            return false;
    }
    return true;
}

static void
do_rows (struct server *s, struct client *c, const struct w_req *r, const char *body, size_t n)
{
    json_t *changes = json_loadb (body, n, 0, NULL), *change;
    struct w_out out;
    w_id fork = 0;
    w_lsn first = 0;
    size_t i;

    w_out_init (&out);
    if (!well_formed (changes)) {
        answer (c, W_ANS_BAD, 0, NULL, 0);
        json_decref (changes);
        return;
    }
    json_array_foreach (changes, i, change) if (out.status == W_DONE) duplicate (s, r->id, change, &out);
    if (out.status == W_DONE
        && w_append (s->w, r->id, r->spid, (unsigned) json_array_size (changes), &fork, &first, &out)) {
        name_rows (changes, first);
        if (!w_rows_write (s->cfg->dir, s->w->copies[r->id - 1].family, fork, first, changes))
            w_fail (&out, 9002, "%s\1LOG_BACKUP", w_str (s->w, s->w->copies[r->id - 1].name));
    }
    out.value[0] = first;
    out.value[1] = fork;
    answer_out (c, &out);
    json_decref (changes);
}

static bool
collect_file (void *arg, const struct w_file *f)
{
    sb_buf_add (arg, f, sizeof *f);
    return ((struct sb_buf *) arg)->len + 2 * sizeof *f < W_RPC_LIMIT;
}

static int
read_sets (struct server *s, const char *instance, const char *path, unsigned position, struct sb_buf *out)
{
    struct w_file_set f;
    enum w_set_class class = W_SET_NO_BACKUP;
    unsigned sets = 0, first = position == 0 ? 1 : position;
    int error;

    for (unsigned p = first;; p++) {
        memset (&f, 0, sizeof f);
        error = s->files.read (s->files.ctx, instance, path, p, &f.set, &class, &sets);
        if (error != W_FILE_OK)
            return error;
        if (class == W_SET_GOOD && f.set.seed != s->w->seed)
            class = W_SET_NO_BACKUP;
        f.set_class = class;
        f.sets = sets;
        sb_buf_add (out, &f, sizeof f);
        if (class != W_SET_GOOD || position != 0 || p >= sets || p >= 64)
            return W_FILE_OK;
    }
}

/* The lab's own faults, on the real file: cut in half, or bytes in the middle turned over. */
static int
spoil (struct server *s, const char *instance, const char *path, bool cut)
{
    SB_AUTOFREE char *real = w_files_where (s->cfg->dir, instance, path);
    FILE *f = real == NULL ? NULL : fopen (real, "r+b");
    long size;
    int byte;

    if (f == NULL)
        return W_FILE_MISSING;
    fseek (f, 0, SEEK_END);
    size = ftell (f);
    if (cut) {
        fflush (f);
        if (ftruncate (fileno (f), size / 2) != 0)
            size = -1;
    } else {
        for (long at = size / 2; at < size / 2 + 16 && at < size; at++) {
            fseek (f, at, SEEK_SET);
            byte = fgetc (f);
            fseek (f, at, SEEK_SET);
            fputc (byte ^ 0x5a, f);
        }
    }
    fclose (f);
    return size < 0 ? W_FILE_DENIED : W_FILE_OK;
}

static void
do_file (struct server *s, struct client *c, const struct w_req *r, const char *path)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    bool fault = r->arg == W_FILE_DAMAGE || r->arg == W_FILE_TRUNCATE;
    bool writes = r->arg == W_FILE_MKDIR || r->arg == W_FILE_REMOVE;
    const char *instance;
    struct w_file f;
    int error;

    if (r->id == 0 || r->id > s->w->ninstances) {
        answer (c, W_ANS_BAD, 0, NULL, 0);
        return;
    }
    instance = w_str (s->w, s->w->instances[r->id - 1].name);
    error = fault ? W_FILE_OK : w_files_reach (s->w, r->id, path, writes);
    if (error == W_FILE_OK)
        switch (r->arg) {
        case W_FILE_LIST:
            error = s->files.list (s->files.ctx, instance, path, NULL, collect_file, &b);
            break;
        case W_FILE_STAT:
            error = s->files.stat (s->files.ctx, instance, path, &f);
            if (error == W_FILE_OK)
                sb_buf_add (&b, &f, sizeof f);
            break;
        case W_FILE_READ:
            error = read_sets (s, instance, path, r->spid, &b);
            break;
        case W_FILE_MKDIR:
            error = s->files.make_dir (s->files.ctx, instance, path);
            break;
        case W_FILE_REMOVE:
            error = s->files.remove (s->files.ctx, instance, path);
            break;
        default:
            error = spoil (s, instance, path, r->arg == W_FILE_TRUNCATE);
        }
    answer (c, W_ANS_OK, (uint64_t) error, b.s, b.len);
}

static void
do_request (struct server *s, struct client *c, char *text, size_t n)
{
    struct w_req r;
    const char *body = text + sizeof r;

    if (n < sizeof r) {
        answer (c, W_ANS_BAD, 0, NULL, 0);
        return;
    }
    memcpy (&r, text, sizeof r);
    n -= sizeof r;
    switch (r.kind) {
    case W_REQ_SNAPSHOT:
        do_snapshot (s, c, r.arg);
        return;
    case W_REQ_OP:
        do_op (s, c, body, n);
        return;
    case W_REQ_WORK:
        do_work (s, c, (uint16_t) r.arg);
        return;
    case W_REQ_ROWS:
        do_rows (s, c, &r, body, n);
        return;
    case W_REQ_FILE:
        do_file (s, c, &r, body); /* messages are NUL-terminated */
        return;
    case W_REQ_SUBSCRIBE:
        c->subscriber = true;
        c->instance = r.id;
        break;
    case W_REQ_SITE:
        c->site = r.id <= s->w->nsites ? r.id : 0;
        if (c->site != 0)
            s->power_of[c->site - 1] = (w_id) c->number;
        break;
    case W_REQ_STOP:
        s->stop = true;
        break;
    case W_REQ_TIME:
        break;
    default:
        answer (c, W_ANS_BAD, 0, NULL, 0);
        return;
    }
    answer (c, W_ANS_OK, (uint64_t) s->w->now_ms, NULL, 0);
}

/* Connections */

static void
power_lost (struct server *s, w_id site)
{
    struct w_op op;
    struct w_out out;

    w_op_init (&op, W_OP_SITE_POWER, 0, 0, NULL);
    op.n[0] = site;
    w_run (s->w, &s->files, &op, &out);
}

static void
client_gone (struct server *s, size_t index)
{
    struct client *c = s->clients[index];
    w_id site = c->site;

    for (w_id i = s->w->nsessions; i > 0; i--)
        if (s->w->sessions[i - 1].instance != 0 && s->w->sessions[i - 1].door == c->number) {
            w_session_end (s->w, i, false, false);
            s->w->version++;
        }
    close (c->s.fd);
    sb_stream_free (&c->s);
    s->clients[index] = s->clients[--s->nclients];
    if (site != 0 && s->power_of[site - 1] == (w_id) c->number && s->w->sites[site - 1].powered && !s->stop)
        power_lost (s, site);
    free (c);
}

static void
client_comes (struct server *s)
{
    int fd = sb_unix_accept (s->listener);
    struct client *c;

    if (fd < 0)
        return;
    if (s->nclients == MAX_CLIENTS) {
        close (fd);
        return;
    }
    c = sb_xcalloc (1, sizeof *c);
    sb_stream_init (&c->s, fd, W_RPC_LIMIT);
    s->next_number = s->next_number % 65000 + 1;
    c->number = s->next_number;
    s->clients[s->nclients++] = c;
}

/* False: it has gone. */
static bool
client_speaks (struct server *s, struct client *c)
{
    enum sb_flow flow = sb_stream_fill (&c->s), took;
    char *text;
    size_t n;

    while ((took = sb_stream_message (&c->s, &text, &n)) == SB_FLOW_OK)
        do_request (s, c, text, n);
    return flow != SB_FLOW_CLOSED && flow != SB_FLOW_TOO_LONG && took != SB_FLOW_TOO_LONG && took != SB_FLOW_CLOSED;
}

static void
spread_events (struct server *s)
{
    struct w_event list[32];
    size_t n;

    while ((n = w_events_take (list, 32)) > 0)
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < s->nclients; k++)
                if (s->clients[k]->subscriber
                    && (s->clients[k]->instance == 0
                        || (s->clients[k]->instance == list[i].instance && list[i].kind < W_EV_FRONT_CLOSE)))
                    sb_stream_put_message (&s->clients[k]->s, &list[i], sizeof list[i]);
}

static void
tell_power (struct server *s)
{
    for (w_id i = 1; i <= s->w->nsites; i++)
        if (s->powered[i - 1] != s->w->sites[i - 1].powered) {
            s->powered[i - 1] = s->w->sites[i - 1].powered;
            if (!s->powered[i - 1])
                s->power_of[i - 1] = 0;
            s->cfg->site (s->cfg->ctx, s->w, i, s->powered[i - 1]);
        }
}

static bool
is_calm (const struct server *s)
{
    return s->w->version == s->ticked && s->w->next_work == s->ticked_work;
}

/* What is due is done; of a large world even looking for it costs, so it is looked for when something may have changed. */
static void
tick (struct server *s, w_finished_fn finished, void *ctx)
{
    int64_t now = sb_now_ms ();

    if (is_calm (s) && now < s->due) {
        s->w->now_ms = now > s->w->now_ms ? now : s->w->now_ms;
        return;
    }
    w_tick (s->w, &s->files, now, finished, ctx);
    s->ticked = s->w->version;
    s->ticked_work = s->w->next_work;
    s->due = w_next_due (s->w);
    if (s->due > now + 500)
        s->due = now + 500;
}

static int
patience (const struct server *s)
{
    int64_t left = (is_calm (s) ? s->due : w_next_due (s->w)) - sb_now_ms ();

    return left < 0 ? 0 : left > 500 ? 500 : (int) left;
}

static void
one_turn (struct server *s, struct pollfd *fds)
{
    size_t n = 0, first;
    int timeout = patience (s);

    fds[n++] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
    fds[n++] = (struct pollfd){ .fd = s->cfg->owner_fd, .events = POLLIN };
    fds[n++] = (struct pollfd){ .fd = s->cfg->signal_fd, .events = POLLIN };
    first = n;
    for (size_t i = 0; i < s->nclients; i++)
        fds[n++] = (struct pollfd){ .fd = s->clients[i]->s.fd,
                                    .events = (short) (POLLIN | (sb_stream_unsent (&s->clients[i]->s) ? POLLOUT : 0)) };
    poll (fds, n, timeout);
    if ((fds[1].revents != 0 && s->cfg->owner_fd >= 0) || (fds[2].revents != 0 && s->cfg->signal_fd >= 0))
        s->stop = true;
    tick (s, work_finished, s);
    for (size_t i = n - first; i-- > 0;)
        if (fds[first + i].revents != 0 && (fds[first + i].revents & ~POLLOUT) != 0
            && !client_speaks (s, s->clients[i]))
            client_gone (s, i);
    if ((fds[0].revents & POLLIN) != 0)
        client_comes (s);
}

static void
flush_all (struct server *s)
{
    for (size_t i = s->nclients; i-- > 0;)
        if (sb_stream_flush (&s->clients[i]->s) == SB_FLOW_CLOSED)
            client_gone (s, i);
        else
            sb_stream_trim (&s->clients[i]->s);
}

/* Nobody is connected to a world that starts. */
static void
forget_connections (struct world *w)
{
    for (w_id i = w->nsessions; i > 0; i--)
        if (w->sessions[i - 1].instance != 0)
            w_session_end (w, i, false, false);
    for (unsigned i = 0; i < w->njobs; i++)
        w->jobs[i].running = 0;
}

static bool
save (struct server *s, struct sb_faults *faults)
{
    make_known (s);
    if (s->unsaved.len == 0 && s->keeper.fd >= 0)
        return true;
    if (!w_keeper_save (&s->keeper, s->cfg->dir, s->told, &s->unsaved, faults))
        return false;
    sb_buf_clear (&s->unsaved);
    return true;
}

int
w_server_run (const struct w_server_cfg *cfg, struct world *w, struct sb_faults *faults)
{
    struct server *s = sb_xcalloc (1, sizeof *s);
    struct pollfd *fds = sb_xcalloc (MAX_CLIENTS + 3, sizeof *fds);
    SB_AUTOFREE char *path = sb_xprintf ("%s/world.sock", cfg->dir);
    int ret = -1;

    s->cfg = cfg;
    s->w = w;
    s->told = sb_xcalloc (1, sizeof *s->told);
    s->keeper.fd = -1;
    s->disk = (struct w_disk){ cfg->dir, w_folders_new () };
    w_files_disk (&s->files, &s->disk);
    s->rows = w_rows_open (cfg->dir);
    forget_connections (w);
    s->listener = sb_unix_listen (path, faults);
    if (s->listener < 0)
        goto out;
    tick (s, NULL, NULL);
    w_assign (s->told, w);
    tell_power (s);
    if (cfg->ready_fd >= 0 && write (cfg->ready_fd, "", 1) < 0)
        s->stop = true;
    ret = 0;
    do {
        one_turn (s, fds);
        spread_events (s);
        tell_power (s);
        if (!save (s, faults))
            ret = -1;
        if (cfg->turn != NULL)
            cfg->turn (cfg->ctx, w); /* before the answers leave: who asked finds it done */
        flush_all (s);
    } while (!s->stop && ret == 0);
    s->stop = true;
    while (s->nclients > 0)
        client_gone (s, s->nclients - 1);
    close (s->listener);
    if (cfg->ended != NULL)
        cfg->ended (cfg->ctx); /* before the socket's name goes: who waits for that finds nothing running */
    unlink (path);
out:
    w_rows_free (s->rows);
    w_folders_free (s->disk.folders);
    w_keeper_close (&s->keeper);
    for (unsigned i = 0; i < CHANGES; i++)
        sb_buf_free (&s->changes[i].delta);
    sb_buf_free (&s->unsaved);
    free (s->told);
    free (fds);
    free (s);
    return ret;
}
