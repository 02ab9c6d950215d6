/* Ways through a door; see signin.h. */
#include "config.h"

#include "lab/winrm/signin.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/file.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <gssapi/gssapi_ext.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TOKEN      (64u << 10)
#define BY_CERTIFICATE "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

struct visitor {
    gss_ctx_id_t context;
    const char *user; /* once a ticket was accepted */
    bool second_hop;
};

struct visitor *
visitor_new (void)
{
    return sb_xcalloc (1, sizeof (struct visitor));
}

void
visitor_free (struct visitor *v)
{
    OM_uint32 minor;

    if (!v)
        return;
    if (v->context)
        gss_delete_sec_context (&minor, &v->context, GSS_C_NO_BUFFER);
    free (v);
}

/* A user who signs in this way; NULL: none has this name. */
static const struct lab_user *
find (const struct lab_door_cfg *door, const char *name, const char *method)
{
    for (size_t i = 0; name && i < door->nusers; i++)
        if (!strcasecmp (door->users[i].name, name) && !strcmp (door->users[i].method, method))
            return &door->users[i];
    return NULL;
}

/* ---- Basic ---- */

/* Equal texts, in a time that does not tell where they differ. */
static bool
same (const char *a, const char *b)
{
    size_t n = strlen (a), m = strlen (b);
    unsigned char diff = n != m;

    for (size_t i = 0; i < n; i++)
        diff |= (unsigned char) (a[i] ^ b[m ? i % m : 0]);
    return diff == 0;
}

static const char *
by_password (const struct lab_door_cfg *door, struct MHD_Connection *c)
{
    char *password = NULL, *name = MHD_basic_auth_get_username_password (c, &password);
    const struct lab_user *u = find (door, name, "password");
    const char *ret = u && password && same (u->password, password) ? u->name : NULL;

    if (password)
        sb_wipe (password, strlen (password));
    MHD_free (name);
    MHD_free (password);
    return ret;
}

/* ---- certificate ---- */

/* A good certificate of the lab's own authority; its common name is the user it is mapped to. */
static const char *
by_certificate (const struct lab_door_cfg *door, struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info (c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_session_t session = info ? (gnutls_session_t) info->tls_session : NULL;
    gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *) (uintptr_t) GNUTLS_KP_TLS_WWW_CLIENT,
                                      0 };
    const gnutls_datum_t *list;
    const struct lab_user *u = NULL;
    gnutls_x509_crt_t cert;
    unsigned status = 1, n = 0;
    char name[256];
    size_t size = sizeof name;

    if (!session || gnutls_certificate_verify_peers (session, &purpose, 1, &status) < 0 || status != 0)
        return NULL;
    list = gnutls_certificate_get_peers (session, &n);
    if (!list || !n || gnutls_x509_crt_init (&cert) < 0)
        return NULL;
    if (gnutls_x509_crt_import (cert, &list[0], GNUTLS_X509_FMT_DER) == 0
        && gnutls_x509_crt_get_dn_by_oid (cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) == 0)
        u = find (door, name, "certificate");
    gnutls_x509_crt_deinit (cert);
    return u ? u->name : NULL;
}

/* ---- Kerberos ---- */

/* The name as text, without what GSSAPI may print behind it. */
static char *
text_of (gss_name_t name)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    char *ret = NULL;

    if (name && gss_display_name (&minor, name, &text, NULL) == GSS_S_COMPLETE)
        ret = sb_xstrndup (text.value, text.length);
    gss_release_buffer (&minor, &text);
    return ret;
}

/* Was the ticket for HTTP/HOST of this door, and not for another service whose key lies in the same keytab? */
static bool
is_for (const struct lab_door_cfg *door, gss_ctx_id_t context)
{
    SB_AUTOFREE char *wanted = sb_xprintf ("HTTP/%s@", door->host);
    gss_name_t target = GSS_C_NO_NAME;
    OM_uint32 minor;
    bool ret = false;

    if (gss_inquire_context (&minor, context, NULL, &target, NULL, NULL, NULL, NULL, NULL) == GSS_S_COMPLETE) {
        SB_AUTOFREE char *name = text_of (target);

        ret = name && !strncasecmp (name, wanted, strlen (wanted));
    }
    gss_release_name (&minor, &target);
    return ret;
}

static gss_cred_id_t
keys_of (const struct lab_door_cfg *door)
{
    SB_AUTOFREE char *path = sb_xprintf ("FILE:%s", door->keytab);
    gss_key_value_element_desc elements[] = { { "keytab", path }, { "rcache", "none:" } };
    gss_key_value_set_desc store = { 2, elements };
    gss_cred_id_t ret = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    if (gss_acquire_cred_from (&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET, GSS_C_ACCEPT, &store, &ret,
                               NULL, NULL)
        != GSS_S_COMPLETE)
        return GSS_C_NO_CREDENTIAL;
    return ret;
}

/* One step of the handshake. */
static void
accept_token (const struct lab_door_cfg *door, struct visitor *v, struct sb_buf *in, struct signin *ret)
{
    gss_buffer_desc token = { in->len, in->s }, answer = GSS_C_EMPTY_BUFFER;
    gss_cred_id_t keys = keys_of (door), delegated = GSS_C_NO_CREDENTIAL;
    gss_name_t from = GSS_C_NO_NAME;
    OM_uint32 minor, flags = 0, major;

    major = gss_accept_sec_context (&minor, &v->context, keys, &token, GSS_C_NO_CHANNEL_BINDINGS, &from, NULL, &answer,
                                    &flags, NULL, &delegated);
    if (answer.length > 0) {
        SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };

        sb_base64_encode (answer.value, answer.length, &text);
        ret->token = sb_buf_take (&text);
    }
    if (major == GSS_S_COMPLETE && is_for (door, v->context)) {
        SB_AUTOFREE char *name = text_of (from);
        const struct lab_user *u = find (door, name, "kerberos");

        v->user = u ? u->name : NULL;
        v->second_hop = (flags & GSS_C_DELEG_FLAG) && delegated != GSS_C_NO_CREDENTIAL;
    }
    if (major != GSS_S_CONTINUE_NEEDED && v->context) /* who it was is known now */
        gss_delete_sec_context (&minor, &v->context, GSS_C_NO_BUFFER);
    gss_release_buffer (&minor, &answer);
    gss_release_name (&minor, &from);
    gss_release_cred (&minor, &delegated);
    gss_release_cred (&minor, &keys);
}

static void
by_ticket (const struct lab_door_cfg *door, struct visitor *v, const char *text, struct signin *ret)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf in = { 0 };

    v->user = NULL;
    if (strlen (text) > MAX_TOKEN || !sb_base64_decode (text, strlen (text), &in) || !in.len)
        return;
    accept_token (door, v, &in, ret);
    ret->user = v->user;
    ret->second_hop = v->second_hop;
    ret->by_ticket = v->user != NULL;
}

static bool
takes_tickets (const struct lab_door_cfg *door)
{
    return door->keytab && sb_file_exists (door->keytab);
}

/* ---- all of them ---- */

/* The word behind the scheme; NULL: another scheme. */
static const char *
behind (const char *header, const char *scheme)
{
    size_t n = strlen (scheme);

    return header && !strncasecmp (header, scheme, n) && header[n] == ' ' ? header + n + 1 : NULL;
}

struct signin
signin_look (const struct lab_door_cfg *door, struct visitor *v, struct MHD_Connection *c)
{
    const char *header = MHD_lookup_connection_value (c, MHD_HEADER_KIND, "Authorization");
    const char *token = behind (header, "Negotiate") ? behind (header, "Negotiate") : behind (header, "Kerberos");
    struct signin ret = { .second_hop = true }; /* a local account does what it may on the front end itself */

    if (!header && v && v->user) {
        ret.user = v->user;
        ret.second_hop = v->second_hop;
    } else if (header && !strcmp (header, BY_CERTIFICATE))
        ret.user = by_certificate (door, c);
    else if (token && v && takes_tickets (door))
        by_ticket (door, v, token, &ret);
    else if (header)
        ret.user = by_password (door, c);
    return ret;
}

void
signin_offer (const struct lab_door_cfg *door, struct MHD_Response *r)
{
    if (takes_tickets (door)) {
        MHD_add_response_header (r, "WWW-Authenticate", "Negotiate");
        MHD_add_response_header (r, "WWW-Authenticate", "Kerberos");
    }
    for (size_t i = 0; i < door->nusers; i++)
        if (!strcmp (door->users[i].method, "password")) {
            MHD_add_response_header (r, "WWW-Authenticate", "Basic realm=\"WSMAN\"");
            return;
        }
}
