/* One client from the first byte to the last: PRELOGIN, TLS, LOGIN7, then requests. */
#include "lab/tds/session.h"
#include "lab/tds/house.h"
#include "lab/tds/rpc.h"
#include "lab/tds/sspi.h"
#include "lab/tds/store.h"
#include "lab/tds/temp.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOGIN_WAIT_MS 15000 /* for each message until the login is done */
#define LOGIN_BYTES   65536
#define PACKET_OWN    8000 /* the largest packet that this server grants */

static void
enter (struct tds_door *d, struct tds_session *s)
{
    pthread_mutex_lock (&d->lock);
    SB_PUSH (d->sessions, d->nsessions, d->cap) = s;
    pthread_mutex_unlock (&d->lock);
}

static void
leave (struct tds_door *d, struct tds_session *s)
{
    pthread_mutex_lock (&d->lock);
    for (size_t i = 0; i < d->nsessions; i++)
        if (d->sessions[i] == s) {
            d->sessions[i] = d->sessions[--d->nsessions];
            break;
        }
    pthread_mutex_unlock (&d->lock);
}

/* ---- PRELOGIN ---- */

/* Reads PRELOGIN, answers it, starts TLS; *login_only: only LOGIN7 is encrypted.  A client of TDS 7.0 may begin with
 * LOGIN7; that is not spoken here. */
static bool
prelogin (struct tds_session *s, bool *login_only)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf body = { 0 }, answer = { 0 };
    struct sb_tds_prelogin p;
    struct sb_tds_agreement a;
    uint8_t type;

    if (sb_tds_wire_read (&s->wire, LOGIN_WAIT_MS, LOGIN_BYTES, &type, &body) != SB_TDS_GOT || type != SB_TDS_PRELOGIN
        || !sb_tds_prelogin_parse ((const uint8_t *) sb_buf_cstr (&body), body.len, &p))
        return false;
    a = sb_tds_agree (p.encrypt, s->door->policy);
    sb_tds_prelogin_answer (&p, a.answer, s->major, &answer);
    sb_tds_wire_put (&s->wire, SB_TDS_ANSWER, answer.s, answer.len);
    sb_tds_wire_flush (&s->wire, SB_TDS_ANSWER, true);
    *login_only = a.login_only;
    if (a.refuse)
        return false;
    return !a.tls || sb_tds_wire_tls (&s->wire, s->door->ssl, LOGIN_WAIT_MS);
}

/* ---- LOGIN7 ---- */

static bool
refuse (struct tds_session *s, const char *user)
{
    tds_say (s, NULL, 18456, user);
    sb_tds_done (&s->out, SB_TDS_DONE, SB_TDS_ERROR, 0, 0);
    sb_tds_end (&s->out);
    return false;
}

static bool
made_login (struct tds_door *d, const struct sb_tds_login *l)
{
    bool good = false;

    pthread_mutex_lock (&d->lock);
    for (size_t i = 0; i < d->nlogins; i++)
        good |= sb_casecmp (d->logins[i].name, l->user) == 0 && l->password[0] != 0
                && strcmp (d->logins[i].password, l->password) == 0;
    pthread_mutex_unlock (&d->lock);
    return good;
}

/* Asks the world for a session; false: refused, and said as far as the world lets it. */
static bool
admit (struct tds_session *s, const struct sb_tds_login *l)
{
    struct w_op op;
    struct w_out out;

    tds_op_init (s, &op, W_OP_LOGIN, l->database);
    snprintf (op.name[0], sizeof op.name[0], "%.131s", l->user);
    snprintf (op.name[1], sizeof op.name[1], "%.131s", l->host);
    snprintf (op.name[2], sizeof op.name[2], "%.131s", l->app);
    op.n[0] = (int32_t) (l->client_pid & 0x7fffffff);
    if (s->sysadmin)
        op.flags |= W_WITH_SYSADMIN;
    w_out_init (&out);
    tds_op (s, &op, &out, NULL, NULL);
    if (out.status == W_UNREACHABLE)
        return false;
    if (out.status != W_DONE) {
        tds_say_out (s, NULL, &out);
        if (!w_out_has (&out, 18456))
            tds_say (s, NULL, 18456, l->user);
        sb_tds_done (&s->out, SB_TDS_DONE, SB_TDS_ERROR, 0, 0);
        sb_tds_end (&s->out);
        return false;
    }
    s->spid = s->wire.spid = (uint16_t) out.value[0];
    s->copy = (w_id) out.value[1];
    return true;
}

static const char *
server_name (struct tds_session *s)
{
    struct world *w = tds_world (s);

    return w == NULL ? s->cfg->name : w_str (w, w_instance (w, s->instance)->server);
}

static void
feature_ack (struct tds_session *s)
{
    static const uint8_t ack[] = { 0xae, 0x0a, 1, 0, 0, 0, 0, 0xff };

    sb_tds_wire_put (&s->wire, SB_TDS_ANSWER, ack, sizeof ack);
}

static void
welcome (struct tds_session *s, const struct sb_tds_login *l)
{
    SB_AUTOFREE char *granted = NULL, *own = sb_xprintf ("%zu", s->wire.packet_size);
    size_t size = l->packet_size < SB_TDS_PACKET_MIN ? SB_TDS_PACKET_MIN
                  : l->packet_size > PACKET_OWN      ? PACKET_OWN
                                                     : l->packet_size;

    if (l->packet_size == 0)
        size = 4096;
    granted = sb_xprintf ("%zu", size);
    sb_tds_env (&s->out, SB_TDS_ENV_DATABASE, s->database, "master");
    tds_say_state (s, NULL, 5701, 2, s->database);
    sb_tds_env (&s->out, SB_TDS_ENV_COLLATION, NULL, NULL);
    sb_tds_env (&s->out, SB_TDS_ENV_LANGUAGE, "us_english", "");
    tds_say (s, NULL, 5703, "us_english");
    sb_tds_login_ack (&s->out, l, s->major);
    sb_tds_env (&s->out, SB_TDS_ENV_PACKET_SIZE, granted, own);
    if (l->wants_utf8 && l->tds >= 0x74)
        feature_ack (s);
    sb_tds_done (&s->out, SB_TDS_DONE, 0, 0, 0);
    sb_tds_end (&s->out);
    s->wire.packet_size = size;
}

static void
remember (struct tds_session *s, const struct sb_tds_login *l)
{
    s->login = sb_xstrdup (l->user);
    s->host = sb_xstrdup (l->host);
    s->app = sb_xstrdup (l->app);
    s->library = sb_xstrdup (l->library);
    s->client_pid = l->client_pid;
    s->quoted_names = l->odbc; /* the ANSI options follow the ODBC bit; db-lib clears it */
    s->textsize = l->odbc ? 2147483647 : 4096;
    s->lock_timeout = -1;
}

/* NTLM or Kerberos: who it is, and whether he may. */
static bool
integrated (struct tds_session *s, struct sb_tds_login *l)
{
    const struct lab_user *user = NULL;
    char *name = tds_sspi_login (s, l, &user);

    if (s->wire.dead)
        return false;
    if (name == NULL) {
        tds_say (s, NULL, 18452);
        sb_tds_done (&s->out, SB_TDS_DONE, SB_TDS_ERROR, 0, 0);
        sb_tds_end (&s->out);
        return false;
    }
    free (l->user);
    l->user = name;
    if (user != NULL)
        s->sysadmin = user->sysadmin != 0;
    else if (!tds_login_exists (s, name))
        return refuse (s, name);
    return true;
}

static bool
login (struct tds_session *s, bool login_only)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf body = { 0 };
    SB_CLEANUP (sb_tds_login_release) struct sb_tds_login l = { 0 };
    uint8_t type;
    bool good;

    good = sb_tds_wire_read (&s->wire, LOGIN_WAIT_MS, LOGIN_BYTES, &type, &body) == SB_TDS_GOT && type == SB_TDS_LOGIN7
           && sb_tds_login_parse ((const uint8_t *) sb_buf_cstr (&body), body.len, &l);
    if (body.len > 0)
        sb_wipe (body.s, body.len);
    if (login_only)
        sb_tds_wire_tls_end (&s->wire);
    if (!good)
        return false;
    s->out.tds = l.tds;
    s->out.server = sb_xstrdup (server_name (s));
    if (l.integrated && !integrated (s, &l))
        return false;
    if (!l.integrated && !tds_login_check (s->cfg, l.user, l.password, &s->sysadmin)) {
        s->sysadmin = false;
        if (!made_login (s->door, &l))
            return refuse (s, l.user);
    }
    remember (s, &l);
    if (!admit (s, &l))
        return false;
    {
        const char *name = l.database[0] == 0 ? "master" : tds_database_name (s, tds_database_id (s, l.database));
        snprintf (s->database, sizeof s->database, "%s", name == NULL ? "master" : name);
    }
    welcome (s, &l);
    return !s->wire.dead;
}

/* ---- requests ---- */

static void
run_batch (struct tds_session *s, const struct sb_buf *body)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct sb_tds_reader rd = { .p = (const uint8_t *) sb_buf_cstr (body), .n = body->len };

    if (s->out.tds >= 0x72)
        sb_tds_skip_headers (&rd);
    if (rd.bad || !sb_utf16le_to_utf8 (rd.p + rd.at, rd.n - rd.at, &text)) {
        tds_say (s, NULL, 4002);
        sb_tds_done (&s->out, SB_TDS_DONE, SB_TDS_ERROR, 0, 0);
        s->over = true;
        return;
    }
    tds_run_batch (s, sb_buf_cstr (&text), text.len);
}

/* How an answer ends when the request was cut short: by attention in two messages, by KILL with 596. */
static void
end_answer (struct tds_session *s)
{
    int cut = atomic_load (&s->cut);

    if (s->wire.dead && cut == TDS_CUT_NO)
        return;
    if (cut == TDS_CUT_KILLED) {
        struct sb_sql_run r = { .proc = "", .line = 0 };
        s->wire.dead = false; /* the socket itself is whole */
        s->wire.stop_fd = -1;
        tds_say (s, &r, 596);
        sb_tds_done (&s->out, SB_TDS_DONE, SB_TDS_ERROR | SB_TDS_SEVERE, TDS_CMD_OTHER, 0);
        sb_tds_end (&s->out);
        s->over = true;
        return;
    }
    if (cut == TDS_CUT_LOST) {
        s->wire.dead = true;
        return;
    }
    if (s->cancelled) {
        if (!s->out.held)
            sb_tds_done (&s->out, SB_TDS_DONE, SB_TDS_ERROR, TDS_CMD_OTHER, 0);
        s->out.held_status |= SB_TDS_ERROR;
        sb_tds_end (&s->out);
        if (s->xact_abort)
            tds_rollback (s);
        sb_tds_attention_ack (&s->out);
        s->cancelled = false;
        return;
    }
    sb_tds_end (&s->out);
}

static void
serve_requests (struct tds_session *s)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf body = { 0 };

    while (!s->over && !s->wire.dead) {
        uint8_t type = 0;
        const uint8_t *p;
        enum sb_tds_got got;

        w_client_rest (s->world);
        got = sb_tds_wire_read (&s->wire, -1, SB_TDS_MESSAGE_MAX, &type, &body);
        if (got == SB_TDS_TIMEOUT)
            continue;
        if (got != SB_TDS_GOT)
            return;
        p = (const uint8_t *) sb_buf_cstr (&body);
        if (type == SB_TDS_ATTENTION) {
            sb_tds_attention_ack (&s->out);
            continue;
        }
        s->cancelled = false;
        s->error = 0;
        s->now_ms = 0;
        if (type == SB_TDS_BATCH)
            run_batch (s, &body);
        else if (type == SB_TDS_RPC)
            tds_run_rpc (s, p, body.len);
        else if (type == SB_TDS_TRANSACTION)
            tds_run_transaction (s, p, body.len);
        else
            return;
        end_answer (s);
    }
}

static void
release (struct tds_session *s)
{
    tds_applocks_end (s, true);
    if (s->spid != 0) {
        struct w_op op;
        struct w_out out;
        tds_op_init (s, &op, W_OP_LOGOUT, "");
        w_client_op (s->world, &op, &out);
    }
    for (size_t i = 0; i < s->npending; i++)
        json_decref (s->pending[i].changes);
    free (s->pending);
    for (size_t i = 0; i < s->nprepared; i++) {
        free (s->prepared[i].params);
        free (s->prepared[i].text);
    }
    free (s->prepared);
    tds_temps_release (s);
    sqlite3_close (s->db);
    sb_tds_wire_release (&s->wire);
    w_client_close (s->world);
    close (s->stop_fd);
    free (s->login);
    free (s->host);
    free (s->app);
    free (s->library);
    if (s->out.server != s->cfg->name)
        free ((char *) (uintptr_t) s->out.server);
    free (s);
}

static unsigned
major_of (struct tds_session *s)
{
    struct world *w = tds_world (s);

    return w == NULL || s->instance == 0 ? 16 : w_instance (w, s->instance)->version;
}

void
tds_serve (struct tds_door *door, int fd)
{
    struct tds_session *s = sb_xcalloc (1, sizeof *s);
    struct sb_faults faults = { 0 };
    bool login_only = false;

    s->door = door;
    s->cfg = door->cfg;
    s->instance = door->instance;
    s->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    sb_tds_wire_init (&s->wire, fd, s->stop_fd);
    s->out.wire = &s->wire;
    s->out.tds = 0x74;
    s->out.server = s->cfg->name;
    s->world = w_client_open (s->cfg->world_socket, &faults);
    sb_faults_free (&faults);
    if (s->world == NULL) {
        sb_tds_wire_release (&s->wire);
        close (s->stop_fd);
        free (s);
        close (fd);
        return;
    }
    s->major = major_of (s);
    enter (door, s);
    if (prelogin (s, &login_only) && login (s, login_only))
        serve_requests (s);
    leave (door, s);
    if (atomic_load (&s->cut) == TDS_CUT_LOST) { /* power is gone: no goodbye, a reset */
        struct linger hard = { .l_onoff = 1, .l_linger = 0 };
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    release (s);
    close (fd);
}
