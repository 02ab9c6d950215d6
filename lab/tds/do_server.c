/* Endpoints, logins, users, ownership, permissions: as much as setting up a pair of servers needs. */
#include "lab/tds/do.h"
#include "lab/tds/store.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CMD_OTHER TDS_CMD_OTHER

static enum sb_sql_end
done (struct tds_session *s, const struct sb_sql_run *r, bool good)
{
    if (!tds_stopped (s))
        tds_done (s, r, good ? 0 : SB_TDS_ERROR, CMD_OTHER, 0);
    return SB_END_GO_ON;
}

static bool
take_state (struct sb_sql_cursor *c, int *ret)
{
    static const char *const states[] = { "started", "stopped", "disabled" };

    sb_sql_need_op (c, "=");
    for (int i = 0; i < 3; i++)
        if (sb_sql_take_word (c, states[i])) {
            *ret = i;
            return true;
        }
    sb_sql_fail_near (c);
    return false;
}

/* ( LISTENER_PORT = n [, LISTENER_IP = ...] ) */
static void
take_listener (struct sb_sql_cursor *c, int64_t *port)
{
    if (!sb_sql_need_op (c, "("))
        return;
    do {
        if (sb_sql_take_word (c, "listener_port")) {
            sb_sql_need_op (c, "=");
            if (!sb_sql_parse_int (c, port) || *port < 1024 || *port > 65535)
                sb_sql_fail_near (c);
        } else if (sb_sql_take_word (c, "listener_ip")) {
            sb_sql_need_op (c, "=");
            if (sb_sql_take_op (c, "("))
                while (!sb_sql_take_op (c, ")") && sb_sql_next (c)->kind != SB_TOK_END)
                    ;
            else if (!sb_sql_take_word (c, "all"))
                sb_sql_fail_near (c);
        } else {
            sb_sql_fail_near (c);
        }
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    sb_sql_need_op (c, ")");
}

static void
take_algorithm (struct sb_sql_cursor *c)
{
    if (!sb_sql_take_word (c, "algorithm"))
        return;
    while (sb_sql_take_word (c, "aes") || sb_sql_take_word (c, "rc4"))
        ;
}

/* ( AUTHENTICATION = ..., ENCRYPTION = ..., ROLE = ... ) */
static void
take_mirroring (struct sb_sql_cursor *c, int *role)
{
    if (!sb_sql_need_op (c, "("))
        return;
    do {
        if (sb_sql_take_word (c, "authentication")) {
            sb_sql_need_op (c, "=");
            while (sb_sql_at_name (c) && !sb_sql_at_op (c, ","))
                sb_sql_next (c);
        } else if (sb_sql_take_word (c, "encryption")) {
            sb_sql_need_op (c, "=");
            if (!sb_sql_take_word (c, "disabled") && !sb_sql_take_word (c, "supported"))
                sb_sql_need_word (c, "required");
            take_algorithm (c);
        } else if (sb_sql_take_word (c, "role")) {
            sb_sql_need_op (c, "=");
            *role = sb_sql_take_word (c, "partner")   ? W_EP_PARTNER
                    : sb_sql_take_word (c, "witness") ? W_EP_WITNESS
                    : sb_sql_need_word (c, "all")     ? W_EP_ALL
                                                      : 0;
        } else {
            sb_sql_fail_near (c);
        }
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
    sb_sql_need_op (c, ")");
}

enum sb_sql_end
do_create_endpoint (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    int state = W_EP_STOPPED, role = 0;
    int64_t port = 0;
    const char *name;
    struct w_op op;

    c->at += 2;
    name = sb_sql_take_name (c);
    if (sb_sql_take_word (c, "authorization"))
        sb_sql_take_name (c);
    if (sb_sql_take_word (c, "state"))
        take_state (c, &state);
    if (!sb_sql_need_word (c, "as") || !sb_sql_need_word (c, "tcp"))
        return SB_END_GO_ON;
    take_listener (c, &port);
    if (!sb_sql_need_word (c, "for"))
        return SB_END_GO_ON;
    if (!sb_sql_take_word (c, "database_mirroring"))
        sb_sql_need_word (c, "data_mirroring");
    take_mirroring (c, &role);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    tds_op_init (s, &op, W_OP_ENDPOINT_CREATE, "");
    snprintf (op.name[0], sizeof op.name[0], "%s", name);
    op.n[0] = (int32_t) port;
    op.n[1] = state;
    op.n[2] = role;
    return done (s, r, tds_do (s, r, &op));
}

enum sb_sql_end
do_alter_endpoint (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    int state = 0;
    const char *name;
    struct w_op op;

    c->at += 2;
    name = sb_sql_take_name (c);
    if (!sb_sql_need_word (c, "state") || !take_state (c, &state) || s == NULL)
        return SB_END_GO_ON;
    tds_op_init (s, &op, W_OP_ENDPOINT_STATE, "");
    snprintf (op.name[0], sizeof op.name[0], "%s", name);
    op.n[1] = state;
    return done (s, r, tds_do (s, r, &op));
}

enum sb_sql_end
do_drop_endpoint (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *name;
    struct w_op op;

    c->at += 2;
    name = sb_sql_take_name (c);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    tds_op_init (s, &op, W_OP_ENDPOINT_DROP, "");
    snprintf (op.name[0], sizeof op.name[0], "%s", name);
    return done (s, r, tds_do (s, r, &op));
}

/* GRANT ... ON ENDPOINT::x TO [login]: checked, and then it holds: every account of the lab may connect. */
enum sb_sql_end
do_grant (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *verb = sb_sql_peek (c, 0)->text, *endpoint = NULL, *login;
    struct world *w;

    sb_sql_next (c);
    while (sb_sql_peek (c, 0)->kind == SB_TOK_WORD && !sb_sql_at_word (c, "on") && !sb_sql_at_word (c, "to")
           && !sb_sql_at_word (c, "from"))
        do
            sb_sql_next (c);
        while (sb_sql_take_op (c, ","));
    if (sb_sql_take_word (c, "on")) {
        bool is_endpoint = sb_sql_take_word (c, "endpoint");
        struct sb_sql_name n;
        if (is_endpoint || sb_sql_at_op (c, "::") || strcmp (sb_sql_peek (c, 1)->text, "::") == 0) {
            if (!is_endpoint)
                sb_sql_next (c);
            sb_sql_need_op (c, "::");
        }
        if (!sb_sql_parse_name (c, &n))
            return SB_END_GO_ON;
        endpoint = is_endpoint ? SB_SQL_OBJECT (&n) : NULL;
    }
    if (!sb_sql_take_word (c, "to") && !sb_sql_need_word (c, "from"))
        return SB_END_GO_ON;
    do
        login = sb_sql_at_word (c, "public") ? sb_sql_next (c)->text : sb_sql_take_name (c);
    while (sb_sql_take_op (c, ","));
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    w = tds_world (s);
    if (!s->sysadmin) {
        tds_say (s, r, 4613);
        return done (s, r, false);
    }
    if (endpoint != NULL && w != NULL && sb_casecmp (w_str (w, w_instance (w, s->instance)->endpoint), endpoint) != 0) {
        tds_say (s, r, 15151, verb, "endpoint", endpoint);
        return done (s, r, false);
    }
    if (sb_casecmp (login, "public") != 0 && strchr (login, '\\') == NULL && !tds_login_exists (s, login)) {
        tds_say (s, r, 15151, "find", "login", login);
        return done (s, r, false);
    }
    return done (s, r, true);
}

/* Options behind WITH: name = value [words], separated by commas; *password gets a PASSWORD. */
static void
take_login_options (struct sb_sql_cursor *c, struct tds_session *s, const char **password)
{
    if (!sb_sql_take_word (c, "with"))
        return;
    do {
        bool is_password = sb_sql_at_word (c, "password");
        if (sb_sql_next (c)->kind != SB_TOK_WORD || !sb_sql_need_op (c, "=")) {
            sb_sql_fail_near (c);
            return;
        }
        if (sb_sql_peek (c, 0)->kind == SB_TOK_HEX)
            sb_sql_next (c);
        else if (is_password)
            *password = tds_take_text (c, s, "password");
        else
            sb_sql_next (c);
        while (sb_sql_take_word (c, "hashed") || sb_sql_take_word (c, "must_change"))
            ;
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
}

enum sb_sql_end
do_create_login (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *name, *password = "";

    c->at += 2;
    name = sb_sql_take_name (c);
    if (sb_sql_take_word (c, "from")) {
        sb_sql_need_word (c, "windows");
    }
    take_login_options (c, s, &password);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (!s->sysadmin) {
        tds_say (s, r, 15247);
        return done (s, r, false);
    }
    if (!tds_login_add (s, name, password)) {
        tds_say (s, r, 15025, name);
        return done (s, r, false);
    }
    return done (s, r, true);
}

enum sb_sql_end
do_alter_login (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *name, *password = "";
    bool there;

    c->at += 2;
    name = sb_sql_take_name (c);
    if (!sb_sql_take_word (c, "enable") && !sb_sql_take_word (c, "disable"))
        take_login_options (c, s, &password);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    there = tds_login_exists (s, name);
    if (!there)
        tds_say (s, r, 15151, "alter", "login", name);
    return done (s, r, there);
}

enum sb_sql_end
do_drop_login (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *name;

    c->at += 2;
    name = sb_sql_take_name (c);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    tds_say (s, r, 15151, "drop", "login", name); /* the lab's logins stay */
    return done (s, r, false);
}

/* Users inside a database follow their logins here; the statements check their words and names. */
enum sb_sql_end
do_create_user (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *name, *login;
    bool good;

    c->at += 2;
    name = login = sb_sql_take_name (c);
    if (sb_sql_take_word (c, "for") || sb_sql_take_word (c, "from")) {
        sb_sql_need_word (c, "login");
        login = sb_sql_take_name (c);
    } else if (sb_sql_at_words (c, "without", "login")) {
        c->at += 2;
        login = NULL;
    }
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    good = login == NULL || tds_login_exists (s, login);
    if (!good)
        tds_say (s, r, 15007, login);
    (void) name;
    return done (s, r, good);
}

enum sb_sql_end
do_alter_user (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *name, *login = NULL;
    bool good = true;

    c->at += 2;
    name = sb_sql_take_name (c);
    if (!sb_sql_need_word (c, "with"))
        return SB_END_GO_ON;
    do {
        bool is_login = sb_sql_at_word (c, "login");
        sb_sql_next (c);
        if (!sb_sql_need_op (c, "="))
            return SB_END_GO_ON;
        if (is_login)
            login = sb_sql_take_name (c);
        else
            sb_sql_take_name (c);
    } while (sb_sql_take_op (c, ","));
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (s->copy == 0 || !tds_login_exists (s, name)) {
        tds_say (s, r, 15151, "alter", "user", name);
        good = false;
    } else if (login != NULL && !tds_login_exists (s, login)) {
        tds_say (s, r, 15151, "alter", "login", login);
        good = false;
    }
    return done (s, r, good);
}

enum sb_sql_end
do_alter_authorization (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    const char *db, *login;
    struct w_op op;

    c->at += 2;
    if (!sb_sql_need_word (c, "on") || !sb_sql_need_word (c, "database") || !sb_sql_need_op (c, "::"))
        return SB_END_GO_ON;
    db = sb_sql_take_name (c);
    if (!sb_sql_need_word (c, "to"))
        return SB_END_GO_ON;
    login = sb_sql_take_name (c);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (tds_database_id (s, db) == 0 || !tds_login_exists (s, login)) {
        bool no_db = tds_database_id (s, db) == 0;
        tds_say (s, r, 15151, "find", no_db ? "database" : "principal", no_db ? db : login);
        return done (s, r, false);
    }
    tds_op_init (s, &op, W_OP_OWNER, db);
    snprintf (op.name[0], sizeof op.name[0], "%s", login);
    return done (s, r, tds_do (s, r, &op));
}
