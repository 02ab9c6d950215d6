/* The doors' side of the world's socket; see client.h. */
#include "lab/world/client.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"
#include "core/sys/stream.h"
#include "lab/world/delta.h"
#include "lab/world/intern.h"
#include "lab/world/rows.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE 10000

/* A snapshot, shared by all clients of the process that have seen no newer one.  It does not change, but for its clock. */
struct snapshot {
    unsigned users; /* clients, and the house */
    struct world w;
};

/* One world that this process talks to, by its socket. */
struct house {
    dev_t dev;
    ino_t ino;
    struct timespec made;
    unsigned clients;
    struct snapshot *latest; /* NULL: none yet */
};

#define SPARE 4

static pthread_mutex_t houses_lock = PTHREAD_MUTEX_INITIALIZER; /* guards houses, their snapshots and the counts */
static struct house **houses;
static size_t nhouses, houses_cap;
static struct snapshot *spare[SPARE]; /* that nobody uses; their pages are there already */
static size_t nspare;

struct w_client {
    struct sb_stream s;
    bool gone;
    struct house *house;
    struct snapshot *snapshot; /* what w_client_world() gave last; NULL: nothing yet */
};

/* A snapshot is large and mostly untouched: pages of its own cost what is used of them, and go back at once. */
static struct snapshot *
new_snapshot (void)
{
    void *p = NULL;

    pthread_mutex_lock (&houses_lock);
    if (nspare > 0)
        p = spare[--nspare];
    pthread_mutex_unlock (&houses_lock);
    if (p == NULL)
        p = mmap (NULL, sizeof (struct snapshot), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        abort (); /* as everything here does without memory */
    return p;
}

static void
free_snapshot (struct snapshot *s)
{
    munmap (s, sizeof *s);
}

/* With the lock. */
static void
let_go (struct snapshot *s)
{
    if (s == NULL || --s->users > 0)
        return;
    if (nspare < SPARE)
        spare[nspare++] = s;
    else
        free_snapshot (s);
}

static struct house *
enter_house (const char *path)
{
    struct stat st = { 0 };
    struct house *h = NULL;

    if (stat (path, &st) != 0)
        st.st_ino = 0;
    pthread_mutex_lock (&houses_lock);
    for (size_t i = 0; i < nhouses && h == NULL; i++)
        if (houses[i]->dev == st.st_dev && houses[i]->ino == st.st_ino && houses[i]->made.tv_sec == st.st_ctim.tv_sec
            && houses[i]->made.tv_nsec == st.st_ctim.tv_nsec)
            h = houses[i];
    if (h == NULL) {
        h = sb_xcalloc (1, sizeof *h);
        h->dev = st.st_dev;
        h->ino = st.st_ino;
        h->made = st.st_ctim;
        SB_PUSH (houses, nhouses, houses_cap) = h;
    }
    h->clients++;
    pthread_mutex_unlock (&houses_lock);
    return h;
}

static void
leave_house (struct w_client *c)
{
    struct house *h = c->house;

    pthread_mutex_lock (&houses_lock);
    let_go (c->snapshot);
    if (--h->clients == 0) {
        let_go (h->latest);
        for (size_t i = 0; i < nhouses; i++)
            if (houses[i] == h) {
                houses[i] = houses[--nhouses];
                break;
            }
        free (h);
    }
    if (nhouses == 0) {
        while (nspare > 0)
            free_snapshot (spare[--nspare]);
        free (houses);
        houses = NULL;
        houses_cap = 0;
    }
    pthread_mutex_unlock (&houses_lock);
}

/* Takes the newest snapshot that the process has; its version, 0: none. */
static uint64_t
take_latest (struct w_client *c)
{
    uint64_t version = 0;

    pthread_mutex_lock (&houses_lock);
    if (c->house->latest != NULL) {
        c->house->latest->users++;
        let_go (c->snapshot);
        c->snapshot = c->house->latest;
        version = c->snapshot->w.version;
    }
    pthread_mutex_unlock (&houses_lock);
    return version;
}

/* With the lock: what the client has is the latest, if it is. */
static void
tell_others (struct w_client *c)
{
    struct snapshot *s = c->snapshot;

    if (c->house->latest == s || (c->house->latest != NULL && c->house->latest->w.version >= s->w.version))
        return;
    let_go (c->house->latest);
    c->house->latest = s;
    s->users++;
}

static void
keep (struct w_client *c, struct snapshot *fresh)
{
    pthread_mutex_lock (&houses_lock);
    fresh->users = 1;
    let_go (c->snapshot);
    c->snapshot = fresh;
    tell_others (c);
    pthread_mutex_unlock (&houses_lock);
}

static bool
keep_new (struct w_client *c, const char *body, size_t n)
{
    struct snapshot *fresh = new_snapshot ();

    if (!w_unpack (&fresh->w, body, n)) {
        free_snapshot (fresh);
        return false;
    }
    keep (c, fresh);
    return true;
}

/* A snapshot that nobody else looks at is brought up to date where it lies.  False: somebody does. */
static bool
change_in_place (struct w_client *c, const char *body, size_t n, bool *ret_good)
{
    struct snapshot *s = c->snapshot;
    bool alone;

    pthread_mutex_lock (&houses_lock);
    alone = s->users == 1u + (c->house->latest == s);
    if (alone) {
        *ret_good = w_delta_apply (&s->w, body, n);
        tell_others (c);
    }
    pthread_mutex_unlock (&houses_lock);
    return alone;
}

static bool
keep_changed (struct w_client *c, const char *body, size_t n)
{
    struct snapshot *fresh;
    bool good;

    if (c->snapshot == NULL)
        return false;
    if (change_in_place (c, body, n, &good))
        return good;
    fresh = new_snapshot ();
    w_assign (&fresh->w, &c->snapshot->w);
    if (!w_delta_apply (&fresh->w, body, n)) {
        free_snapshot (fresh);
        return false;
    }
    keep (c, fresh);
    return true;
}

struct w_client *
w_client_open (const char *path, struct sb_faults *faults)
{
    int fd = sb_unix_connect (path, sb_deadline_in (PATIENCE), faults);
    struct w_client *c;

    if (fd < 0)
        return NULL;
    c = sb_xcalloc (1, sizeof *c);
    sb_stream_init (&c->s, fd, W_RPC_LIMIT);
    c->house = enter_house (path);
    return c;
}

void
w_client_close (struct w_client *c)
{
    if (c == NULL)
        return;
    leave_house (c);
    close (c->s.fd);
    sb_stream_free (&c->s);
    free (c);
}

void
w_client_rest (struct w_client *c)
{
    if (c == NULL)
        return;
    sb_stream_trim (&c->s);
    pthread_mutex_lock (&houses_lock);
    let_go (c->snapshot);
    c->snapshot = NULL;
    pthread_mutex_unlock (&houses_lock);
}

bool
w_client_gone (const struct w_client *c)
{
    return c->gone;
}

static bool
ask_stream (struct sb_stream *s, const struct w_req *r, const void *body, size_t n, struct w_ans *ret, char **ret_body,
            size_t *ret_n)
{
    int64_t deadline = sb_deadline_in (PATIENCE);
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    char *text;
    size_t len;

    sb_buf_add (&b, r, sizeof *r);
    if (n > 0)
        sb_buf_add (&b, body, n);
    sb_stream_put_message (s, b.s, b.len);
    if (sb_stream_send (s, deadline) != SB_FLOW_OK || sb_stream_get_message (s, deadline, &text, &len) != SB_FLOW_OK
        || len < sizeof *ret)
        return false;
    memcpy (ret, text, sizeof *ret);
    *ret_body = text + sizeof *ret;
    *ret_n = len - sizeof *ret;
    return true;
}

static bool
ask (struct w_client *c, const struct w_req *r, const void *body, size_t n, struct w_ans *ret, char **ret_body,
     size_t *ret_n)
{
    if (!c->gone && !ask_stream (&c->s, r, body, n, ret, ret_body, ret_n))
        c->gone = true;
    return !c->gone;
}

struct world *
w_client_world (struct w_client *c)
{
    struct w_req r = { .kind = W_REQ_SNAPSHOT, .arg = take_latest (c) };
    struct w_ans a;
    char *body;
    size_t n;

    if (!ask (c, &r, NULL, 0, &a, &body, &n))
        return NULL;
    if (a.kind == W_ANS_CHANGES ? !keep_changed (c, body, n) : a.kind == W_ANS_OK && !keep_new (c, body, n))
        return NULL;
    if (a.kind == W_ANS_BAD || c->snapshot == NULL)
        return NULL;
    __atomic_store_n (&c->snapshot->w.now_ms, (int64_t) a.arg, __ATOMIC_RELAXED);
    return &c->snapshot->w;
}

static void
ask_out (struct w_client *c, const struct w_req *r, const void *body, size_t n, struct w_out *out)
{
    struct w_ans a;
    char *answer;
    size_t len;

    w_out_init (out);
    out->status = W_UNREACHABLE;
    if (ask (c, r, body, n, &a, &answer, &len) && a.kind == W_ANS_OK && len == sizeof *out)
        memcpy (out, answer, sizeof *out);
}

void
w_client_op (struct w_client *c, const struct w_op *op, struct w_out *out)
{
    struct w_req r = { .kind = W_REQ_OP };

    ask_out (c, &r, op, sizeof *op, out);
}

void
w_client_work (struct w_client *c, uint16_t work, int wait_ms, struct w_out *out)
{
    struct w_req r = { .kind = W_REQ_WORK, .arg = work };
    int64_t deadline = sb_deadline_in (wait_ms);
    int pause = 5;

    for (;;) {
        ask_out (c, &r, NULL, 0, out);
        if (out->status != W_WORKING || sb_mono_ms () >= deadline)
            return;
        sb_sleep_ms (pause < wait_ms ? pause : wait_ms);
        pause = pause < 50 ? pause * 2 : 50;
    }
}

void
w_client_rows (struct w_client *c, w_id copy, uint16_t spid, json_t *changes, struct w_out *out)
{
    struct w_req r = { .kind = W_REQ_ROWS, .id = copy, .spid = spid };
    char *text = json_dumps (changes, JSON_COMPACT);

    ask_out (c, &r, text, text == NULL ? 0 : strlen (text), out);
    free (text);
}

void
w_client_send (struct w_client *c, const struct w_req *r)
{
    struct w_ans a;
    char *body;
    size_t n;

    ask (c, r, NULL, 0, &a, &body, &n);
}

int64_t
w_client_time (struct w_client *c)
{
    struct w_req r = { .kind = W_REQ_TIME };
    struct w_ans a;
    char *body;
    size_t n;

    return ask (c, &r, NULL, 0, &a, &body, &n) ? (int64_t) a.arg : sb_now_ms ();
}

static int
ask_file (struct w_client *c, w_id instance, enum w_file_req what, const char *path, char **ret, size_t *ret_n)
{
    struct w_req r = { .kind = W_REQ_FILE, .id = instance, .arg = what };
    struct w_ans a;

    if (!ask (c, &r, path, strlen (path), &a, ret, ret_n) || a.kind != W_ANS_OK)
        return W_FILE_NO_NET;
    return (int) a.arg;
}

int
w_client_list (struct w_client *c, w_id instance, const char *folder, struct w_file **ret, size_t *ret_count)
{
    char *body;
    size_t n;
    int error = ask_file (c, instance, W_FILE_LIST, folder, &body, &n);

    *ret = NULL;
    *ret_count = 0;
    if (error != W_FILE_OK)
        return error;
    *ret_count = n / sizeof **ret;
    *ret = sb_xcalloc (*ret_count + 1, sizeof **ret);
    memcpy (*ret, body, *ret_count * sizeof **ret);
    return W_FILE_OK;
}

int
w_client_stat (struct w_client *c, w_id instance, const char *path, struct w_file *ret)
{
    char *body;
    size_t n;
    int error = ask_file (c, instance, W_FILE_STAT, path, &body, &n);

    if (error == W_FILE_OK && n == sizeof *ret)
        memcpy (ret, body, sizeof *ret);
    return error;
}

int
w_client_sets (struct w_client *c, w_id instance, const char *path, struct w_file_set **ret, size_t *ret_count)
{
    char *body;
    size_t n;
    int error = ask_file (c, instance, W_FILE_READ, path, &body, &n);

    *ret = NULL;
    *ret_count = 0;
    if (error != W_FILE_OK)
        return error;
    *ret_count = n / sizeof **ret;
    *ret = sb_xcalloc (*ret_count + 1, sizeof **ret);
    memcpy (*ret, body, *ret_count * sizeof **ret);
    return W_FILE_OK;
}

int
w_client_file (struct w_client *c, w_id instance, enum w_file_req what, const char *path)
{
    char *body;
    size_t n;

    return ask_file (c, instance, what, path, &body, &n);
}

/* Exactly `want` bytes: what follows on the connection belongs to the next reader.  False: late (nothing had come) or gone. */
static bool
read_exactly (int fd, void *ret, size_t want, int64_t deadline, bool *ret_gone)
{
    size_t have = 0;
    ssize_t n;

    *ret_gone = false;
    while (have < want) {
        if (!sb_fd_wait (fd, POLLIN, have == 0 ? deadline : sb_deadline_in (PATIENCE)))
            return false;
        n = read (fd, (char *) ret + have, want - have);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0) {
            *ret_gone = true;
            return false;
        }
        have += (size_t) n;
    }
    return true;
}

/* A connection that says one thing and then listens. */
static int
open_for (const char *path, const struct w_req *r, struct sb_faults *faults)
{
    int fd = sb_unix_connect (path, sb_deadline_in (PATIENCE), faults);
    struct sb_stream s;
    struct w_ans a;
    unsigned char b[4 + sizeof a] = { 0 };
    bool good, gone;

    if (fd < 0)
        return -1;
    sb_stream_init (&s, fd, W_RPC_LIMIT);
    sb_stream_put_message (&s, r, sizeof *r);
    good = sb_stream_send (&s, sb_deadline_in (PATIENCE)) == SB_FLOW_OK;
    sb_stream_free (&s);
    good = good && read_exactly (fd, b, sizeof b, sb_deadline_in (PATIENCE), &gone);
    memcpy (&a, b + 4, sizeof a);
    if (good && a.kind == W_ANS_OK)
        return fd;
    sb_fault (faults, path, 0, "the world does not answer");
    close (fd);
    return -1;
}

int
w_client_subscribe (const char *path, w_id instance, struct sb_faults *faults)
{
    struct w_req r = { .kind = W_REQ_SUBSCRIBE, .id = instance };

    return open_for (path, &r, faults);
}

int
w_client_site (const char *path, w_id site, struct sb_faults *faults)
{
    struct w_req r = { .kind = W_REQ_SITE, .id = site };

    return open_for (path, &r, faults);
}

/* Events have one size: four bytes of length and the struct. */
bool
w_client_event (int fd, int64_t deadline, struct w_event *ret, bool *ret_gone)
{
    unsigned char b[4 + sizeof *ret];

    if (!read_exactly (fd, b, sizeof b, deadline, ret_gone))
        return false;
    memcpy (ret, b + 4, sizeof *ret);
    return true;
}
