/* Shells and commands of a front end; see shells.h.  One lock and one condition
 * for all: there are few shells and nothing holds the lock for long.  A command
 * is owned by its shell and by its thread; the last one frees it. */
#include "config.h"

#include "lab/winrm/shells.h"

#include "core/sys/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_WAITING (256u << 10) /* bytes of output that nobody took */
#define MAX_INPUT   (1u << 20)
#define STACK       (16u << 20)
#define CONTROL_C   (-1073741510) /* STATUS_CONTROL_C_EXIT */
#define SIGNAL      "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/"

struct command {
    char id[WSMAN_GUID];
    struct shells *shells;
    int owners; /* shell, thread, receivers */
    char *line;
    struct shells_process what;
    struct sb_buf bytes[2], input;
    bool input_end, stop, interrupted, gone, done; /* gone: signalled away; receivers come back with 995 */
    int exit_code;
    struct command *next;
};

struct shell {
    char id[WSMAN_GUID];
    int codepage;
    int64_t idle_ms, used_at; /* monotonic */
    struct command *commands;
    struct shell *next;
};

struct shells {
    struct shells_cfg cfg;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* anything changed */
    bool off;
    struct shell *list;
};

struct shells *
shells_new (const struct shells_cfg *cfg)
{
    struct shells *s = sb_xcalloc (1, sizeof *s);
    pthread_condattr_t attr;

    s->cfg = *cfg;
    pthread_mutex_init (&s->lock, NULL);
    pthread_condattr_init (&attr);
    pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
    pthread_cond_init (&s->moved, &attr);
    pthread_condattr_destroy (&attr);
    return s;
}

/* ---- with the lock held ---- */

static void
drop (struct command *c)
{
    if (--c->owners > 0)
        return;
    for (int i = 0; i < 2; i++)
        sb_buf_free (&c->bytes[i]);
    sb_buf_free (&c->input);
    free (c->line);
    free (c);
}

static void
end_command (struct command *c)
{
    c->stop = c->gone = true;
    drop (c);
}

static struct shell *
find (struct shells *s, const char *id)
{
    struct shell *sh = s->list;

    while (sh && (!id || strcasecmp (sh->id, id) != 0))
        sh = sh->next;
    if (sh)
        sh->used_at = sb_mono_ms ();
    return sh;
}

static struct command *
find_command (struct shell *sh, const char *id)
{
    struct command *c = sh ? sh->commands : NULL;

    while (c && (!id || strcasecmp (c->id, id) != 0))
        c = c->next;
    return c;
}

static void
remove_shell (struct shells *s, struct shell *sh)
{
    struct shell **p = &s->list;

    while (*p != sh)
        p = &(*p)->next;
    *p = sh->next;
    while (sh->commands) {
        struct command *c = sh->commands;

        sh->commands = c->next;
        end_command (c);
    }
    free (sh);
    pthread_cond_broadcast (&s->moved);
}

static void
wait_until (struct shells *s, int64_t deadline)
{
    struct timespec t;

    if (deadline == SB_NEVER) {
        pthread_cond_wait (&s->moved, &s->lock);
        return;
    }
    t.tv_sec = deadline / 1000;
    t.tv_nsec = deadline % 1000 * 1000000;
    pthread_cond_timedwait (&s->moved, &s->lock, &t);
}

/* ---- the side of the process ---- */

static void
put (struct command *c, int stream, const char *data, size_t n)
{
    struct shells *s = c->shells;

    pthread_mutex_lock (&s->lock);
    while (n && !c->stop) {
        size_t room = c->bytes[stream].len < MAX_WAITING ? MAX_WAITING - c->bytes[stream].len : 0;
        size_t part = n < room ? n : room;

        if (!part) {
            wait_until (s, SB_NEVER);
            continue;
        }
        sb_buf_add (&c->bytes[stream], data, part);
        data += part;
        n -= part;
        pthread_cond_broadcast (&s->moved);
    }
    pthread_mutex_unlock (&s->lock);
}

static void
put_out (void *ctx, const char *data, size_t n)
{
    put (ctx, 0, data, n);
}

static void
put_err (void *ctx, const char *data, size_t n)
{
    put (ctx, 1, data, n);
}

static bool
is_stopped (void *ctx)
{
    struct command *c = ctx;
    bool ret;

    pthread_mutex_lock (&c->shells->lock);
    ret = c->stop;
    pthread_mutex_unlock (&c->shells->lock);
    return ret;
}

static void
rest (void *ctx, int64_t ms)
{
    struct command *c = ctx;
    int64_t deadline = sb_deadline_in (ms);

    pthread_mutex_lock (&c->shells->lock);
    while (!c->stop && sb_mono_ms () < deadline)
        wait_until (c->shells, deadline);
    pthread_mutex_unlock (&c->shells->lock);
}

static char *
all_input (void *ctx)
{
    struct command *c = ctx;
    char *ret;

    pthread_mutex_lock (&c->shells->lock);
    while (!c->stop && !c->input_end)
        wait_until (c->shells, SB_NEVER);
    ret = sb_buf_take (&c->input);
    pthread_mutex_unlock (&c->shells->lock);
    return ret;
}

static void *
run (void *ctx)
{
    struct command *c = ctx;
    struct shells *s = c->shells;
    struct cmd_io io = { c, put_out, put_err, is_stopped, rest, all_input };
    int code = s->cfg.run (s->cfg.ctx, &io, &c->what);

    pthread_mutex_lock (&s->lock);
    c->exit_code = c->interrupted ? CONTROL_C : code;
    c->done = true;
    drop (c);
    pthread_cond_broadcast (&s->moved);
    pthread_mutex_unlock (&s->lock);
    return NULL;
}

static bool
start (struct command *c)
{
    pthread_attr_t attr;
    pthread_t thread;
    bool ok;

    pthread_attr_init (&attr);
    pthread_attr_setstacksize (&attr, STACK);
    pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
    ok = pthread_create (&thread, &attr, run, c) == 0;
    pthread_attr_destroy (&attr);
    return ok;
}

/* ---- the exchanges ---- */

enum wsman_fault
shells_create (struct shells *s, const struct wsman_request *r, char ret[WSMAN_GUID])
{
    struct shell *sh;
    size_t n = 0;

    pthread_mutex_lock (&s->lock);
    for (sh = s->list; sh; sh = sh->next)
        n++;
    if (n < WSMAN_MAX_SHELLS && !s->off) {
        sh = sb_xcalloc (1, sizeof *sh);
        wsman_guid (sh->id);
        sh->codepage = r->codepage;
        sh->idle_ms = r->idle_ms;
        sh->used_at = sb_mono_ms ();
        sh->next = s->list;
        s->list = sh;
        memcpy (ret, sh->id, WSMAN_GUID);
    }
    pthread_mutex_unlock (&s->lock);
    return sh ? WSMAN_OK : WSMAN_F_TOO_MANY_SHELLS;
}

static struct command *
new_command (struct shells *s, const struct shell *sh, const struct wsman_request *r)
{
    struct command *c = sb_xcalloc (1, sizeof *c);

    wsman_guid (c->id);
    c->shells = s;
    c->owners = 2; /* shell and thread */
    c->line = sb_xstrdup (r->command);
    c->what = (struct shells_process){ c->line, r->user, sh->codepage, r->skip_cmd_shell, r->second_hop };
    return c;
}

enum wsman_fault
shells_command (struct shells *s, const struct wsman_request *r, char ret[WSMAN_GUID])
{
    enum wsman_fault f = r->command ? cmd_check (r->command, r->skip_cmd_shell) : WSMAN_F_PARAMETER;
    struct shell *sh;
    struct command *c;
    size_t running = 0;

    pthread_mutex_lock (&s->lock);
    sh = find (s, r->shell_id);
    for (c = sh ? sh->commands : NULL; c; c = c->next)
        running++;
    if (!sh)
        f = WSMAN_F_NO_SHELL;
    else if (running >= WSMAN_MAX_COMMANDS)
        f = WSMAN_F_TOO_MANY_COMMANDS;
    if (f == WSMAN_OK) {
        c = new_command (s, sh, r);
        if (start (c)) {
            c->next = sh->commands;
            sh->commands = c;
            memcpy (ret, c->id, WSMAN_GUID);
        } else {
            c->owners = 1;
            drop (c);
            f = WSMAN_F_TOO_MANY_COMMANDS;
        }
    }
    pthread_mutex_unlock (&s->lock);
    return f;
}

enum wsman_fault
shells_send (struct shells *s, const struct wsman_request *r)
{
    enum wsman_fault f = WSMAN_F_NO_SHELL;
    struct command *c;

    pthread_mutex_lock (&s->lock);
    c = find_command (find (s, r->shell_id), r->command_id);
    if (c && c->input.len + r->input.len > MAX_INPUT)
        f = WSMAN_F_PARAMETER;
    else if (c) {
        f = WSMAN_OK;
        if (r->input.len && !c->input_end)
            sb_buf_add (&c->input, r->input.s, r->input.len);
        c->input_end |= r->input_end;
        pthread_cond_broadcast (&s->moved);
    }
    pthread_mutex_unlock (&s->lock);
    return f;
}

/* Takes at most `limit` bytes from the front. */
static void
take (struct sb_buf *from, size_t limit, struct sb_buf *to)
{
    size_t n = from->len < limit ? from->len : limit;

    if (!n)
        return;
    sb_buf_add (to, from->s, n);
    memmove (from->s, from->s + n, from->len - n + 1);
    from->len -= n;
}

static void
fill (struct command *c, size_t room, struct shells_output *ret)
{
    for (int i = 0; i < 2; i++) {
        take (&c->bytes[i], room, &ret->bytes[i]);
        room -= ret->bytes[i].len;
        ret->end[i] = c->done && !c->bytes[i].len;
    }
    ret->done = ret->end[0] && ret->end[1];
    ret->exit_code = c->exit_code;
}

/* Waits at the command; WSMAN_OK: there is something to take. */
static enum wsman_fault
wait_for_output (struct shells *s, const struct command *c, int64_t deadline)
{
    for (;;) {
        if (s->off)
            return WSMAN_F_DELETED;
        if (c->gone)
            return WSMAN_F_ABORTED;
        if (c->bytes[0].len || c->bytes[1].len || c->done)
            return WSMAN_OK;
        if (sb_mono_ms () >= deadline)
            return WSMAN_F_TIMED_OUT;
        wait_until (s, deadline);
    }
}

enum wsman_fault
shells_receive (struct shells *s, const struct wsman_request *r, struct shells_output *ret)
{
    enum wsman_fault f = r->command_id ? WSMAN_F_NO_SHELL : WSMAN_F_PARAMETER;
    size_t room = (r->max_envelope - 4096) / 4 * 3; /* the envelope holds Base64 and a frame */
    struct command *c;
    struct shell *sh;

    *ret = (struct shells_output){ 0 };
    pthread_mutex_lock (&s->lock);
    c = r->command_id ? find_command (find (s, r->shell_id), r->command_id) : NULL;
    if (c) {
        c->owners++;
        f = wait_for_output (s, c, sb_deadline_in (r->timeout_ms));
        if (f == WSMAN_OK)
            fill (c, room - 1024, ret);
        drop (c);
        sh = find (s, r->shell_id); /* it was not idle while somebody waited */
        (void) sh;
        pthread_cond_broadcast (&s->moved);
    }
    pthread_mutex_unlock (&s->lock);
    return f;
}

enum wsman_fault
shells_signal (struct shells *s, const struct wsman_request *r)
{
    enum wsman_fault f = WSMAN_F_NO_SHELL;
    struct command **p;
    struct shell *sh;

    pthread_mutex_lock (&s->lock);
    sh = find (s, r->shell_id);
    p = sh ? &sh->commands : NULL;
    while (p && *p && (!r->command_id || strcasecmp ((*p)->id, r->command_id) != 0))
        p = &(*p)->next;
    if (p && *p) {
        struct command *c = *p;

        f = WSMAN_OK;
        if (r->signal_code
            && (!strcmp (r->signal_code, SIGNAL "ctrl_c") || !strcmp (r->signal_code, SIGNAL "ctrl_break"))) {
            c->stop = true;
            c->interrupted = !c->done;
        } else if (r->signal_code && !strcmp (r->signal_code, SIGNAL "terminate")) {
            *p = c->next;
            end_command (c);
        } else
            f = WSMAN_F_PARAMETER;
        pthread_cond_broadcast (&s->moved);
    }
    pthread_mutex_unlock (&s->lock);
    return f;
}

enum wsman_fault
shells_delete (struct shells *s, const struct wsman_request *r)
{
    struct shell *sh;

    pthread_mutex_lock (&s->lock);
    sh = find (s, r->shell_id);
    if (sh)
        remove_shell (s, sh);
    pthread_mutex_unlock (&s->lock);
    return sh ? WSMAN_OK : WSMAN_F_NO_SHELL;
}

void
shells_output_free (struct shells_output *o)
{
    sb_buf_free (&o->bytes[0]);
    sb_buf_free (&o->bytes[1]);
}

/* ---- time and power ---- */

void
shells_expire (struct shells *s)
{
    int64_t now = sb_mono_ms ();

    pthread_mutex_lock (&s->lock);
    for (struct shell *sh = s->list, *next; sh; sh = next) {
        next = sh->next;
        if (now - sh->used_at > sh->idle_ms)
            remove_shell (s, sh);
    }
    pthread_mutex_unlock (&s->lock);
}

void
shells_power (struct shells *s, bool on)
{
    pthread_mutex_lock (&s->lock);
    s->off = !on;
    while (!on && s->list)
        remove_shell (s, s->list);
    pthread_cond_broadcast (&s->moved);
    pthread_mutex_unlock (&s->lock);
}
