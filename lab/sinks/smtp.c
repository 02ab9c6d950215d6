/* The SMTP server: listens, runs a thread a session, at most 32, and stores what
 * came as DIR/sinks/mail/N.eml, whole or not at all, in the order in which it was
 * acknowledged. */
#include "config.h"

#include "lab/sinks/smtp.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/socket.h"
#include "core/sys/tcp.h"
#include "lab/sinks/intern.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_SESSIONS 32
#define IDLE_MS      (5 * 60 * 1000) /* RFC 5321 4.5.3.2.7 */
#define SESSION_MS   (30 * 60 * 1000)

static struct {
    const struct lab_sinks_cfg *cfg;
    SSL_CTX *tls;
    int listener;
    atomic_uint sessions;
    pthread_mutex_t lock; /* over `last` and the storing of a message */
    int64_t last;         /* N of the newest file */
} smtp = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Mail */

bool
smtp_store (const struct lab_sinks_cfg *cfg, const struct sb_buf *envelope, const struct sb_buf *message)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults faults = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf all = { 0 };
    SB_AUTOFREE char *path = NULL;
    bool ok;

    sb_buf_add (&all, envelope->s, envelope->len);
    if (message->len > 0)
        sb_buf_add (&all, message->s, message->len);
    pthread_mutex_lock (&smtp.lock);
    path = sb_xprintf ("%s/sinks/mail/%lld.eml", cfg->dir, (long long) smtp.last + 1);
    ok = sb_file_write (path, all.s, all.len, 0600, &faults);
    smtp.last += ok;
    pthread_mutex_unlock (&smtp.lock);
    return ok;
}

/* The greatest N of N.eml that an earlier life left. */
static bool
find_last (struct sb_faults *faults)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    SB_AUTOFREE char *folder = sb_xprintf ("%s/sinks/mail", smtp.cfg->dir);
    char **names, *dot;
    size_t count;
    int64_t n;

    if (!sb_dir_list (folder, &a, &names, &count, faults))
        return false;
    for (size_t i = 0; i < count; i++) {
        dot = strchr (names[i], '.');
        if (dot == NULL || strcmp (dot, ".eml") != 0)
            continue;
        *dot = 0;
        if (sb_parse_int (names[i], &n) && n > smtp.last)
            smtp.last = n;
    }
    return true;
}

/* Sessions */

static void *
session_thread (void *arg)
{
    int fd = (int) (intptr_t) arg;
    struct smtp_session *s = sb_xcalloc (1, sizeof *s);

    s->cfg = smtp.cfg;
    s->tls = smtp.tls;
    wire_init (&s->w, fd, smtp.cfg->mail_idle_ms > 0 ? smtp.cfg->mail_idle_ms : IDLE_MS, SESSION_MS);
    smtp_session_run (s);
    wire_free (&s->w);
    sb_buf_free (&s->envelope);
    free (s);
    OPENSSL_thread_stop (); /* what it keeps for a thread, before anybody sees this session end */
    sb_fd_close (&fd);
    atomic_fetch_sub (&smtp.sessions, 1);
    return NULL;
}

static void
begin_session (int fd, const pthread_attr_t *detached)
{
    static const char full[] = "421 4.3.2 Too many sessions\r\n";
    pthread_t thread;

    if (atomic_fetch_add (&smtp.sessions, 1) < MAX_SESSIONS
        && pthread_create (&thread, detached, session_thread, (void *) (intptr_t) fd) == 0)
        return;
    atomic_fetch_sub (&smtp.sessions, 1);
    (void) !send (fd, full, strlen (full), MSG_NOSIGNAL);
    sb_fd_close (&fd);
}

static void *
listen_thread (void *arg)
{
    pthread_attr_t detached;
    int fd;

    (void) arg;
    pthread_attr_init (&detached);
    pthread_attr_setdetachstate (&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        sb_fd_wait (smtp.listener, POLLIN, SB_NEVER);
        fd = sb_tcp_accept (smtp.listener);
        if (fd >= 0)
            begin_session (fd, &detached);
        else
            sb_sleep_ms (10); /* no descriptors left, or a client that came and went */
    }
    return NULL;
}

static SSL_CTX *
make_tls (const struct lab_sinks_cfg *cfg, struct sb_faults *faults)
{
    SSL_CTX *c = SSL_CTX_new (TLS_server_method ());

    if (c != NULL && SSL_CTX_set_min_proto_version (c, TLS1_2_VERSION) == 1
        && SSL_CTX_use_certificate_chain_file (c, cfg->cert) == 1
        && SSL_CTX_use_PrivateKey_file (c, cfg->key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key (c) == 1) {
        SSL_CTX_set_options (c, SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_mode (c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        return c;
    }
    SSL_CTX_free (c);
    sb_fault (faults, NULL, 0, "'%s' and '%s' are not a certificate and its key", cfg->cert, cfg->key);
    return NULL;
}

bool
smtp_start (struct lab_sinks_cfg *cfg, struct sb_faults *faults)
{
    pthread_t thread;

    smtp.cfg = cfg;
    if (!find_last (faults) || (smtp.tls = make_tls (cfg, faults)) == NULL)
        return false;
    smtp.listener = sb_tcp_listen (cfg->address, cfg->mail_port, &cfg->mail_port, faults);
    if (smtp.listener < 0)
        return false;
    if (pthread_create (&thread, NULL, listen_thread, NULL) != 0) {
        sb_fault (faults, NULL, 0, "cannot make a thread for mail");
        return false;
    }
    pthread_detach (thread);
    return true;
}
