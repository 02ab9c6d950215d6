/* NTLM and Kerberos; see sspi.h. */
#include "lab/tds/sspi.h"
#include "lab/tds/house.h"
#include "lab/tds/login.h"

#include "core/base/text.h"
#include "core/sys/file.h"

#include <gssapi/gssapi_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WAIT_MS   15000
#define LIMIT     65536
#define ROUNDS    6
#define OWN       "LAB" /* the domain of users whose name has none */
#define NTLM_SIGN "NTLMSSP"

/* ---- what is accepted ---- */

/* A user's domain and name: DOMAIN\name, name@domain or name. */
static void
split (const char *name, char domain[W_NAME], char user[W_NAME])
{
    const char *slash = strchr (name, '\\'), *at = strchr (name, '@');

    if (slash != NULL) {
        snprintf (domain, W_NAME, "%.*s", (int) (slash - name < W_NAME ? slash - name : W_NAME - 1), name);
        snprintf (user, W_NAME, "%s", slash + 1);
    } else if (at != NULL) {
        snprintf (domain, W_NAME, "%.*s", (int) strcspn (at + 1, "."), at + 1);
        snprintf (user, W_NAME, "%.*s", (int) (at - name < W_NAME ? at - name : W_NAME - 1), name);
    } else {
        snprintf (domain, W_NAME, "%s", OWN);
        snprintf (user, W_NAME, "%s", name);
    }
}

static const struct lab_user *
user_called (const struct lab_door_cfg *cfg, const char *domain, const char *user)
{
    for (size_t i = 0; i < cfg->nusers; i++) {
        char have[W_NAME], name[W_NAME];
        split (cfg->users[i].name, have, name);
        if (strcasecmp (have, domain) == 0 && strcasecmp (name, user) == 0)
            return &cfg->users[i];
    }
    return NULL;
}

/* Passwords for gss-ntlmssp, in the only form that it reads: a file that the environment names.  It lies with the lab's
 * other secrets; users of all doors of the process stand in it, so a name has one password. */
void
tds_sspi_prepare (const struct lab_door_cfg *doors, size_t n)
{
    SB_AUTOFREE char *path = n == 0 ? NULL : sb_xprintf ("%s/secrets/%s.ntlm", doors[0].dir, doors[0].name);
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct sb_faults faults = { 0 };

    for (size_t d = 0; d < n; d++)
        for (size_t i = 0; i < doors[d].nusers; i++) {
            char domain[W_NAME], name[W_NAME];
            SB_AUTOFREE char *line = NULL;
            split (doors[d].users[i].name, domain, name);
            line = sb_xprintf ("%s:%s:%s\n", domain, name, doors[d].users[i].password);
            if (b.len == 0 || strstr (b.s, line) == NULL)
                sb_buf_str (&b, line);
            sb_wipe (line, strlen (line));
        }
    if (path != NULL && sb_file_write (path, sb_buf_cstr (&b), b.len, 0600, &faults))
        setenv ("NTLM_USER_FILE", path, 1);
    sb_wipe (b.s, b.cap);
    sb_faults_free (&faults);
}

static gss_cred_id_t
credentials (const struct lab_door_cfg *cfg, bool ntlm)
{
    static gss_OID_desc ntlm_oid = { 10, (void *) (uintptr_t) "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a" };
    gss_OID_set_desc ntlm_only = { 1, &ntlm_oid };
    SB_AUTOFREE char *keytab = sb_xprintf ("FILE:%s", cfg->keytab == NULL ? "" : cfg->keytab);
    gss_key_value_element_desc keys[] = { { "keytab", keytab }, { "rcache", "none:" } };
    gss_key_value_set_desc store = { ntlm ? 0 : 2, keys };
    SB_AUTOFREE char *service = sb_xprintf ("MSSQLSvc@%s", cfg->host);
    gss_buffer_desc text = { strlen (service), service };
    gss_name_t name = GSS_C_NO_NAME;
    gss_cred_id_t ret = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    if (!ntlm && (cfg->keytab == NULL || !sb_file_exists (cfg->keytab)))
        return GSS_C_NO_CREDENTIAL;
    if (ntlm) /* without a name its credentials are those of a user */
        gss_import_name (&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name);
    if (gss_acquire_cred_from (&minor, name, GSS_C_INDEFINITE, ntlm ? &ntlm_only : GSS_C_NO_OID_SET, GSS_C_ACCEPT,
                               &store, &ret, NULL, NULL)
        != GSS_S_COMPLETE)
        ret = GSS_C_NO_CREDENTIAL;
    gss_release_name (&minor, &name);
    return ret;
}

static char *
text_of (gss_name_t name)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    char *ret = NULL;

    if (name != GSS_C_NO_NAME && gss_display_name (&minor, name, &text, NULL) == GSS_S_COMPLETE)
        ret = sb_xstrndup (text.value, text.length);
    gss_release_buffer (&minor, &text);
    return ret;
}

/* Was the ticket for MSSQLSvc/ this host, whatever port or instance it names? */
static bool
is_for (const struct lab_door_cfg *cfg, gss_ctx_id_t context)
{
    static const char service[] = "MSSQLSvc/";
    const char *hosts[] = { cfg->host, cfg->name, cfg->address, "localhost" };
    gss_name_t target = GSS_C_NO_NAME;
    OM_uint32 minor;
    bool ret = false;

    if (gss_inquire_context (&minor, context, NULL, &target, NULL, NULL, NULL, NULL, NULL) == GSS_S_COMPLETE) {
        SB_AUTOFREE char *name = text_of (target);
        const char *host = name != NULL && strncasecmp (name, service, 9) == 0 ? name + 9 : "";
        size_t n = strcspn (host, ":@");
        for (size_t i = 0; i < 4 && n > 0; i++)
            ret |= strlen (hosts[i]) == n && strncasecmp (hosts[i], host, n) == 0;
    }
    gss_release_name (&minor, &target);
    return ret;
}

/* ---- NTLM as FreeTDS writes it, which gss-ntlmssp takes literally ---- */

/* A client that does not ask who the server is (NTLMSSP_REQUEST_TARGET) needs it all the same for NTLMv2, and a real server
 * says it to everybody; gss-ntlmssp only to who asks. */
static void
ask_for_target (uint8_t *p, size_t n)
{
    enum { TYPE = 8, FLAGS = 12, REQUEST_TARGET = 4 };

    if (n >= FLAGS + 4 && p[TYPE] == 1)
        p[FLAGS] |= REQUEST_TARGET;
}

/* The last message has a version of eight bytes in front of its payload when that was agreed; FreeTDS leaves it out. */
static void
add_version (struct sb_buf *b)
{
    enum { TYPE = 8, FIRST = 12, FIELDS = 6, HEAD = 64, VERSION = 8 };
    uint8_t *p = (uint8_t *) b->s;
    bool bare = false;

    if (b->len < HEAD || memcmp (p, NTLM_SIGN, sizeof NTLM_SIGN) != 0 || p[TYPE] != 3)
        return;
    for (size_t i = 0; i < FIELDS; i++) {
        const uint8_t *field = p + FIRST + i * 8;
        bare |= (field[0] | field[1]) != 0 && field[4] < HEAD + VERSION && (field[5] | field[6] | field[7]) == 0;
    }
    if (!bare)
        return;
    sb_buf_add (b, "\0\0\0\0\0\0\0", VERSION);
    p = (uint8_t *) b->s;
    memmove (p + HEAD + VERSION, p + HEAD, b->len - HEAD - VERSION);
    memset (p + HEAD, 0, VERSION);
    for (size_t i = 0; i < FIELDS; i++) {
        uint8_t *field = p + FIRST + i * 8 + 4;
        unsigned at = (field[0] | (unsigned) field[1] << 8) + VERSION;
        field[0] = (uint8_t) at;
        field[1] = (uint8_t) (at >> 8);
    }
}

/* ---- the exchange ---- */

struct exchange {
    struct tds_session *s;
    bool ntlm;
    gss_cred_id_t credentials;
    gss_ctx_id_t context;
    gss_name_t from;
};

static void
send_token (struct exchange *x, const gss_buffer_desc *token, bool alone)
{
    if (token->length == 0 || token->length > 0xffff)
        return;
    sb_tds_sspi (&x->s->out, token->value, token->length);
    if (alone)
        sb_tds_end (&x->s->out);
}

/* One token of the client; true: that was the last, and it is believed. */
static bool
step (struct exchange *x, const uint8_t *p, size_t n, bool *more)
{
    gss_buffer_desc token = { n, (void *) (uintptr_t) p }, answer = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, major;

    gss_release_name (&minor, &x->from);
    major = gss_accept_sec_context (&minor, &x->context, x->credentials, &token, GSS_C_NO_CHANNEL_BINDINGS, &x->from,
                                    NULL, &answer, NULL, NULL, NULL);
    *more = major == GSS_S_CONTINUE_NEEDED;
    if (*more || major == GSS_S_COMPLETE)
        send_token (x, &answer, *more);
    gss_release_buffer (&minor, &answer);
    return major == GSS_S_COMPLETE;
}

/* Reads the client's next token. */
static bool
next_token (struct exchange *x, struct sb_buf *body)
{
    uint8_t type = 0;

    return sb_tds_wire_read (&x->s->wire, WAIT_MS, LIMIT, &type, body) == SB_TDS_GOT && type == SB_TDS_SSPI
           && body->len > 0;
}

static bool
converse (struct exchange *x, const struct sb_tds_login *l)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf body = { 0 };
    bool more = false, good = step (x, l->sspi, l->nsspi, &more);

    for (int round = 0; more && round < ROUNDS && next_token (x, &body); round++) {
        if (x->ntlm)
            add_version (&body);
        good = step (x, (const uint8_t *) body.s, body.len, &more);
    }
    return good && !more;
}

char *
tds_sspi_login (struct tds_session *s, const struct sb_tds_login *l, const struct lab_user **ret_user)
{
    struct exchange x = { .s = s, .context = GSS_C_NO_CONTEXT, .from = GSS_C_NO_NAME };
    char *ret = NULL;
    OM_uint32 minor;

    *ret_user = NULL;
    if (l->nsspi == 0)
        return NULL;
    x.ntlm = l->nsspi >= sizeof NTLM_SIGN && memcmp (l->sspi, NTLM_SIGN, sizeof NTLM_SIGN) == 0;
    if (x.ntlm)
        ask_for_target (l->sspi, l->nsspi);
    x.credentials = credentials (s->cfg, x.ntlm);
    if (x.credentials != GSS_C_NO_CREDENTIAL && converse (&x, l) && (x.ntlm || is_for (s->cfg, x.context))) {
        SB_AUTOFREE char *name = text_of (x.from);
        char domain[W_NAME], user[W_NAME];
        split (name == NULL ? "" : name, domain, user);
        *ret_user = user_called (s->cfg, domain, user);
        ret = user[0] == 0 ? NULL : sb_xprintf ("%s\\%s", domain, user);
    }
    if (x.context != GSS_C_NO_CONTEXT)
        gss_delete_sec_context (&minor, &x.context, GSS_C_NO_BUFFER);
    gss_release_name (&minor, &x.from);
    gss_release_cred (&minor, &x.credentials);
    return ret;
}
