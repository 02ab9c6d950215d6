/* Calls, sessions, failures; see ms.h. */
#include "plugins/mssql/ms.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUERY_MS 1000 /* at least; the setting "query timeout" says more */

struct session {
    char *instance, *name, *server_name; /* name: switchback/RUN/STEP */
    struct sb_conn *conn;
    int major;
    bool sysadmin;
};

struct sb_ms_self {
    struct sb_arena arena;
    struct session *sessions;
    size_t count, cap;
};

struct sb_ms_self *
sb_ms_self_new (void)
{
    sb_conn_setup ();
    return sb_xcalloc (1, sizeof (struct sb_ms_self));
}

static void
session_drop (struct sb_ms_self *self, size_t n)
{
    struct session *s = &self->sessions[n];

    sb_conn_close (s->conn);
    free (s->instance);
    free (s->name);
    free (s->server_name);
    *s = self->sessions[--self->count];
}

void
sb_ms_self_free (struct sb_ms_self *self)
{
    if (self == NULL)
        return;
    while (self->count > 0)
        session_drop (self, self->count - 1);
    free (self->sessions);
    sb_arena_release (&self->arena);
    free (self);
}

void
sb_ms_begin (struct sb_ms *ms, struct sb_call *call, struct sb_ms_self *self)
{
    const char *name;

    sb_arena_release (&self->arena);
    *ms = (struct sb_ms){ .call = call,
                          .self = self,
                          .arena = &self->arena,
                          .object = sb_about (call, "object"),
                          .on = sb_param (call, "on") };
    name = sb_ms_attr (ms, "name");
    ms->db = ms->source = name != NULL ? name : ms->object;
}

bool
sb_ms_as (struct sb_ms *ms)
{
    const char *as = sb_param (ms->call, "as"), *prefix = sb_arena_printf (ms->arena, "%s_drill", ms->source), *other;
    size_t n = strlen (prefix);
    bool good;

    if (as == NULL || *as == '\0')
        return true;
    good = strlen (as) > n && sb_casecmp (sb_arena_strndup (ms->arena, as, n), prefix) == 0;
    for (size_t i = 0; good && (other = sb_object (ms->call, "database", i)) != NULL; i++) {
        const char *real = sb_attr (ms->call, "database", other, "name");

        good = sb_casecmp (real != NULL ? real : other, as) != 0;
    }
    if (good)
        ms->db = as;
    else
        sb_ms_fail (ms, SB_FAIL,
                    "'%s' is no name for a rehearsal of database '%s'\n"
                    "HINT: It must begin with '%s' and be no database of the topology.",
                    as, ms->source, prefix);
    return good;
}

const char *
sb_ms_attr (const struct sb_ms *ms, const char *key)
{
    const char *value = sb_attr (ms->call, "database", ms->object, key);

    return value != NULL && *value != '\0' ? value : NULL;
}

/* ------------------------------------------------------------------ sessions */

static bool
greet (struct sb_ms *ms, struct sb_conn *conn, struct session *s)
{
    struct sb_inst i = { .ms = ms, .name = s->instance, .conn = conn };
    struct sb_answer a;
    const char *version;

    if (!sb_ask (&i, &a, SB_STMT_SESSION) || !sb_ask (&i, &a, SB_STMT_SERVER))
        return false;
    version = sb_rows_get (&a.rows, 0, "version");
    s->major = version != NULL ? atoi (version) : 0;
    s->sysadmin = sb_rows_int (&a.rows, 0, "is_sysadmin", 0) == 1;
    s->server_name = sb_xstrdup (sb_rows_get (&a.rows, 0, "server_name"));
    return true;
}

/* A session that lives and bears the right name; else it is dropped. */
static struct session *
session_find (struct sb_ms *ms, const struct sb_target *t)
{
    struct sb_ms_self *self = ms->self;

    for (size_t n = self->count; n-- > 0;) {
        struct session *s = &self->sessions[n];
        struct sb_inst i = { .ms = ms, .name = t->instance, .conn = s->conn };
        struct sb_answer a;

        if (strcmp (s->instance, t->instance) != 0)
            continue;
        if (strcmp (s->name, t->session) == 0 && !sb_conn_dead (s->conn) && sb_ask (&i, &a, SB_STMT_SESSION))
            return s;
        session_drop (self, n);
    }
    return NULL;
}

enum sb_reach
sb_ms_reach (struct sb_ms *ms, const char *instance, struct sb_inst *ret, const char **ret_why)
{
    struct sb_target t;
    struct session *s;
    enum sb_reach reach;

    *ret_why = "";
    if (instance == NULL || *instance == '\0') {
        sb_ms_fail (ms, SB_FAIL, "no instance is named for database '%s'", ms->object);
        return SB_REACH_WRONG;
    }
    if (!sb_target_read (ms->call, instance, &t)) {
        ms->rc = SB_FAIL;
        return SB_REACH_WRONG;
    }
    s = session_find (ms, &t);
    if (s == NULL) {
        struct session fresh = { .instance = sb_xstrdup (instance), .name = sb_xstrdup (t.session) };

        reach = sb_conn_open (ms->call, &t, &fresh.conn, ret_why);
        if (reach == SB_REACH_WRONG)
            ms->rc = SB_FAIL;
        if (reach == SB_REACH_OK && !greet (ms, fresh.conn, &fresh)) {
            *ret_why = sb_format (ms->call, "instance '%s' answered the login but nothing after it", instance);
            reach = SB_REACH_SILENT;
        }
        s = &SB_PUSH (ms->self->sessions, ms->self->count, ms->self->cap);
        *s = fresh;
        if (reach != SB_REACH_OK) {
            session_drop (ms->self, ms->self->count - 1);
            return reach;
        }
    }
    *ret = (struct sb_inst){ .ms = ms,
                             .name = instance,
                             .conn = s->conn,
                             .major = s->major,
                             .sysadmin = s->sysadmin,
                             .server_name = s->server_name != NULL ? sb_arena_strdup (ms->arena, s->server_name) : "" };
    return SB_REACH_OK;
}

bool
sb_ms_open (struct sb_ms *ms, const char *instance, struct sb_inst *ret)
{
    const char *why;

    switch (sb_ms_reach (ms, instance, ret, &why)) {
    case SB_REACH_OK:
        return true;
    case SB_REACH_SILENT:
        sb_ms_fail (ms, SB_RETRY, "%s", why);
        return false;
    case SB_REACH_REFUSED:
        sb_ms_fail (ms, SB_FAIL, "%s", why);
        return false;
    case SB_REACH_WRONG:
        break;
    }
    return false;
}

/* ------------------------------------------------------------------ statements */

static bool
fill (struct sb_inst *i, struct sb_buf *out, enum sb_stmt id, va_list args)
{
    const char *bad = NULL;

    if (sb_stmt_fill (out, id, args, &bad))
        return true;
    sb_ms_fail (i->ms, SB_FAIL,
                "%s at instance '%s': a name or text cannot be sent: '%s'\n"
                "HINT: It is empty, too long, not UTF-8, or holds control characters.",
                sb_stmt_name (id), i->name, bad);
    return false;
}

bool
sb_ask_text (struct sb_inst *i, struct sb_answer *ret, enum sb_stmt id, const char *text)
{
    int64_t limit = sb_number (i->ms->call, "query timeout");

    if (limit < QUERY_MS)
        limit = QUERY_MS;
    sb_conn_exec (i->conn, i->ms->call, i->ms->arena, text, sb_stmt_is_long (id) ? 0 : limit, ret);
    return ret->end == SB_END_OK;
}

/* A statement that could not even be written: an answer that says so. */
static bool
ask_args (struct sb_inst *i, struct sb_answer *ret, enum sb_stmt id, va_list args)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };

    *ret = (struct sb_answer){ .end = SB_END_ERROR };
    return fill (i, &text, id, args) && sb_ask_text (i, ret, id, sb_buf_cstr (&text));
}

bool
sb_ask (struct sb_inst *i, struct sb_answer *ret, enum sb_stmt id, ...)
{
    va_list args;
    bool good;

    va_start (args, id);
    good = ask_args (i, ret, id, args);
    va_end (args);
    return good;
}

bool
sb_must_ask (struct sb_inst *i, struct sb_answer *ret, const char *what, enum sb_stmt id, ...)
{
    va_list args;
    bool good;

    va_start (args, id);
    good = ask_args (i, ret, id, args);
    va_end (args);
    if (!good)
        sb_ms_failed (i, ret, id, what);
    return good;
}

bool
sb_must_call (struct sb_inst *i, const char *what, enum sb_stmt id, ...)
{
    struct sb_answer a;
    va_list args;
    bool good;

    va_start (args, id);
    good = ask_args (i, &a, id, args);
    va_end (args);
    if (!good) {
        sb_ms_failed (i, &a, id, what);
        return false;
    }
    if (sb_rows_int (&a.rows, 0, "rc", 1) == 0)
        return true;
    sb_ms_fail (i->ms, SB_UNSURE, "%s at instance '%s': %s returned failure without a message", what, i->name,
                sb_stmt_name (id));
    return false;
}

bool
sb_piece (struct sb_inst *i, struct sb_buf *out, enum sb_stmt id, ...)
{
    va_list args;
    bool good;

    va_start (args, id);
    good = fill (i, out, id, args);
    va_end (args);
    return good;
}

/* ------------------------------------------------------------------ failures */

enum sb_msg_class
sb_answer_class (const struct sb_answer *a)
{
    const struct sb_msg *cause = sb_answer_cause (a);

    return a->end == SB_END_ERROR && cause != NULL ? sb_msg_class (cause->number) : SB_MSG_UNSURE;
}

/* What the engine shall do about an error of the server. */
static enum sb_rc rc_of (enum sb_msg_class class)
{
    switch (class) {
    case SB_MSG_RETRY:
    case SB_MSG_BUSY:
        return SB_RETRY;
    case SB_MSG_UNSURE:
    case SB_MSG_ALREADY:
        return SB_UNSURE;
    default:
        return SB_FAIL;
    }
}

static enum sb_rc
told_by_server (struct sb_inst *i, const struct sb_msg *m, enum sb_stmt id, const char *what)
{
    const struct sb_msg_note *note = sb_msg_note (m->number);

    return sb_ms_fail (i->ms, rc_of (sb_msg_class (m->number)), "%s at instance '%s': %s%s%s gave error %d: %s%s%s",
                       what, i->name, note != NULL && note->sentence != NULL ? note->sentence : "",
                       note != NULL && note->sentence != NULL ? "; " : "", sb_stmt_name (id), m->number, m->text,
                       note != NULL && note->hint != NULL ? "\nHINT: " : "",
                       note != NULL && note->hint != NULL ? note->hint : "");
}

enum sb_rc
sb_ms_failed (struct sb_inst *i, const struct sb_answer *a, enum sb_stmt id, const char *what)
{
    const struct sb_msg *cause = sb_answer_cause (a);
    bool changes = sb_stmt_changes (id);

    switch (a->end) {
    case SB_END_TIMEOUT:
        return sb_ms_fail (i->ms, changes ? SB_UNSURE : SB_RETRY,
                           "%s at instance '%s': %s did not end in time and was cancelled", what, i->name,
                           sb_stmt_name (id));
    case SB_END_STOPPED:
        return sb_ms_fail (i->ms, changes ? SB_UNSURE : SB_STOPPED, "%s at instance '%s': %s was cancelled as asked",
                           what, i->name, sb_stmt_name (id));
    case SB_END_LOST:
        return sb_ms_fail (i->ms, changes ? SB_UNSURE : SB_RETRY,
                           "%s: the connection to instance '%s' broke during %s: %s", what, i->name, sb_stmt_name (id),
                           cause != NULL       ? cause->text
                           : a->broken != NULL ? a->broken
                                               : "no reason given");
    default:
        break;
    }
    if (cause != NULL)
        return told_by_server (i, cause, id, what);
    return i->ms->rc; /* the statement could not be written; told already */
}

enum sb_rc
sb_ms_fail (struct sb_ms *ms, enum sb_rc rc, const char *fmt, ...)
{
    va_list args;

    va_start (args, fmt);
    ms->rc = sb_host (ms->call)->fail (ms->call, rc, fmt, args);
    va_end (args);
    return ms->rc;
}

bool
sb_ms_pause (struct sb_ms *ms, int64_t ms_to_sleep, const char *waiting_for)
{
    if (sb_pause (ms->call, ms_to_sleep) == 0)
        return true;
    if (sb_left_ms (ms->call) == 0)
        sb_ms_fail (ms, SB_RETRY, "no time left while waiting until %s", waiting_for);
    else
        sb_ms_fail (ms, SB_STOPPED, "stopped as asked while waiting until %s", waiting_for);
    return false;
}

const char *
sb_ms_now (struct sb_ms *ms)
{
    struct sb_buf b SB_CLEANUP (sb_buf_free) = { 0 };
    struct timespec t;

    clock_gettime (CLOCK_REALTIME, &t);
    sb_format_utc (&b, (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000);
    return sb_arena_strdup (ms->arena, sb_buf_cstr (&b));
}
