/* Signing in; see login.h. */
#include "plugins/smb/login.h"

#include "plugins/lib/kerberos.h"

#include <stdlib.h>
#include <string.h>

static struct sb_tickets tickets; /* of this worker */

static void
forget_tickets (void)
{
    sb_tickets_free (&tickets);
}

static void
forget_tickets_at_exit (void)
{
    static bool said;

    if (!said)
        said = atexit (forget_tickets) == 0;
}

/* HOST of smb://HOST[:PORT]/...; whether the address is sound is seen elsewhere. */
static const char *
host_of (struct sb_call *call, const char *url)
{
    const char *host = strstr (url, "://");

    host = host != NULL ? host + strlen ("://") : url;
    return sb_format (call, "%.*s", (int) strcspn (host, ":/"), host);
}

/* The path of the keytab; NULL: the credential has none. */
static const char *
keytab_of (struct sb_call *call, const char *name)
{
    const char *keytab = sb_attr (call, "credential", name, "keytab");

    if (keytab != NULL && strncmp (keytab, "file:", 5) == 0)
        keytab += 5;
    if (keytab != NULL && *keytab != '/')
        keytab = sb_format (call, "%s/%s", sb_about (call, "base"), keytab);
    return keytab;
}

static enum sb_rc
by_kerberos (struct sb_call *call, const char *name, struct sb_smb_place *place, const char **ret_why)
{
    const struct sb_ticket_wish wish = { .principal = place->user,
                                         .password = place->password,
                                         .keytab = keytab_of (call, name),
                                         .service = "cifs",
                                         .host = host_of (call, place->url),
                                         .in_file = true };
    const char *cache;
    enum sb_rc rc;

    *ret_why = sb_key_distrust (call, wish.keytab);
    if (*ret_why != NULL)
        return SB_FAIL;
    forget_tickets_at_exit ();
    rc = sb_tickets_get (call, &tickets, &wish, ret_why);
    if (rc != SB_OK)
        return rc;
    cache = getenv ("KRB5CCNAME");
    place->tickets = cache != NULL ? sb_format (call, "%s", cache) : NULL;
    place->password = NULL;
    place->kerberos = true;
    return SB_OK;
}

enum sb_rc
sb_smb_login (struct sb_call *call, const char *share, struct sb_smb_place *place, const char **ret_why)
{
    const char *name = sb_attr (call, "share", share, "credential"), *method;

    if (name == NULL) {
        *ret_why = sb_format (call,
                              "[share %s] names no credential\n"
                              "HINT: A file server is never asked as a guest.",
                              share);
        return SB_FAIL;
    }
    place->user = sb_attr (call, "credential", name, "user");
    method = sb_attr (call, "credential", name, "method");
    if (sb_attr (call, "credential", name, "secret") != NULL) {
        place->password = sb_secret (call, "credential", name, "secret");
        if (place->password == NULL) {
            *ret_why = sb_format (call, "the password of credential '%s' cannot be had", name);
            return SB_FAIL;
        }
    }
    if (place->user == NULL || strlen (place->user) > 255
        || (place->password != NULL && strlen (place->password) > 255)) {
        *ret_why = sb_format (call, "[credential %s] gives no user, or one or a password over 255 bytes", name);
        return SB_FAIL;
    }
    if (method != NULL && strcmp (method, "kerberos") == 0)
        return by_kerberos (call, name, place, ret_why);
    if (method == NULL || strcmp (method, "password") == 0)
        return SB_OK;
    *ret_why =
            sb_format (call, "file servers are not reached by %s\nHINT: Use the method password or kerberos.", method);
    return SB_FAIL;
}
