/* Tickets of this process, by MIT's libkrb5; see kerberos.h. */
#include "plugins/lib/kerberos.h"

#include "core/base/mem.h"

#include <errno.h>
#include <krb5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SPARE_S 300 /* a ticket that ends sooner is fetched again */

struct sb_ticket_file {
    struct sb_ticket_file *next;
    pid_t maker;
    char *principal;
    char *name; /* FILE:/tmp/... */
};

/* Everything one question needs; end() frees it. */
struct asking {
    struct sb_call *call;
    const struct sb_ticket_wish *wish;
    krb5_context k;
    krb5_ccache cache;
    krb5_principal who, service;
    const char *why; /* of a failure */
    enum sb_rc rc;
};

/* ---- sentences ------------------------------------------------------------------------------------------ */

/* What will be the same the next time.  Codes: krb5.h of MIT krb5 1.20. */
static const struct class
{
    krb5_error_code code;
    const char *hint;
} final[] = {
    { KRB5KDC_ERR_PREAUTH_FAILED, "The password or the keytab is not that of this principal (any more)." },
    { KRB5KRB_AP_ERR_BAD_INTEGRITY, "The password or the keytab is not that of this principal (any more)." },
    { KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, "Look at 'user' of the credential: it is written USER@REALM." },
    { KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, "Look at the host name: the service must be registered under it (setspn -L)." },
    { KRB5KDC_ERR_KEY_EXP, "The password has expired." },
    { KRB5KDC_ERR_CLIENT_REVOKED, "The account is locked or disabled." },
    { KRB5KRB_AP_ERR_SKEW, "Set the clock of this host right: Kerberos allows five minutes." },
    { KRB5_KT_NOTFOUND, "Look at 'keytab' of the credential with klist -k: it holds no key of this principal." },
    { KRB5_FCC_NOFILE, "Sign in first (kinit -f), or give the credential a 'secret' or a 'keytab'." },
    { KRB5_CC_NOTFOUND, "Sign in first (kinit -f), or give the credential a 'secret' or a 'keytab'." },
    { KRB5_REALM_UNKNOWN, "Look at [realms] in krb5.conf." },
    { KRB5_REALM_CANT_RESOLVE, "Look at [realms] in krb5.conf, and at DNS." },
    { KRB5_CONFIG_NODEFREALM, "Write the realm behind the user (USER@REALM), or set default_realm in krb5.conf." },
    { 0, NULL },
};

static bool
bad (struct asking *a, krb5_error_code code, const char *what)
{
    const char *text = code != 0 ? krb5_get_error_message (a->k, code) : NULL;
    const struct class *c = final;

    while (c->hint != NULL && c->code != code)
        c++;
    a->rc = c->hint != NULL ? SB_FAIL : SB_RETRY;
    a->why = sb_format (a->call, "%s for '%s': %s%s%s", what, a->wish->principal,
                        text != NULL ? text : "no reason given", c->hint != NULL ? "\nHINT: " : "",
                        c->hint != NULL ? c->hint : "");
    krb5_free_error_message (a->k, text);
    return false;
}

/* ---- the cache ------------------------------------------------------------------------------------------ */

static void
remember_outer (struct sb_tickets *t)
{
    const char *name = getenv ("KRB5CCNAME");

    if (t->known)
        return;
    t->known = true;
    t->outer = name != NULL ? sb_xstrdup (name) : NULL;
}

void
sb_tickets_free (struct sb_tickets *t)
{
    for (struct sb_ticket_file *f = t->files, *next; f != NULL; f = next) {
        next = f->next;
        if (f->maker == getpid ())
            unlink (f->name + strlen ("FILE:"));
        free (f->principal);
        free (f->name);
        free (f);
    }
    free (t->outer);
    *t = (struct sb_tickets){ .known = false };
}

static void
use_cache (const char *name)
{
    if (name != NULL)
        setenv ("KRB5CCNAME", name, 1);
    else
        unsetenv ("KRB5CCNAME");
}

static bool
has_own_key (const struct sb_ticket_wish *w)
{
    return w->password != NULL || w->keytab != NULL;
}

/* The name of this principal's file, made when it is not there yet; NULL: it cannot be made. */
static const char *
file_of (struct sb_tickets *t, const char *principal)
{
    const char *tmp = getenv ("TMPDIR");
    struct sb_ticket_file *f = t->files;
    char *name;
    int fd;

    while (f != NULL && strcmp (f->principal, principal) != 0)
        f = f->next;
    if (f != NULL)
        return f->name;
    name = sb_xprintf ("FILE:%s/switchback-krb5-XXXXXX", tmp != NULL && *tmp == '/' ? tmp : "/tmp");
    fd = mkstemp (name + strlen ("FILE:"));
    if (fd < 0) {
        free (name);
        return NULL;
    }
    close (fd);
    f = sb_xcalloc (1, sizeof *f);
    *f = (struct sb_ticket_file){ t->files, getpid (), sb_xstrdup (principal), name };
    t->files = f;
    return f->name;
}

static bool
open_cache (struct asking *a, struct sb_tickets *t)
{
    const char *own = NULL;
    krb5_error_code code;

    if (has_own_key (a->wish))
        own = a->wish->in_file ? file_of (t, a->wish->principal)
                               : sb_format (a->call, "MEMORY:switchback-%s", a->wish->principal);
    if (has_own_key (a->wish) && own == NULL) {
        a->rc = SB_RETRY;
        a->why = "no file can be made for the tickets\nHINT: Look at TMPDIR: is there room, and the right to write?";
        return false;
    }
    use_cache (has_own_key (a->wish) ? own : t->outer);
    code = has_own_key (a->wish) ? krb5_cc_resolve (a->k, own, &a->cache) : krb5_cc_default (a->k, &a->cache);
    return code == 0 || bad (a, code, "no place for tickets");
}

/* The ticket-granting ticket that is there; zeroed times: none that lasts. */
static krb5_creds
granting_ticket (struct asking *a)
{
    const krb5_data *owner = krb5_princ_realm (a->k, a->who);
    const char *realm = sb_format (a->call, "%.*s", (int) owner->length, owner->data);
    krb5_creds mask = { .client = a->who }, found = { 0 };

    mask.times.endtime = (krb5_timestamp) (time (NULL) + SPARE_S);
    if (krb5_build_principal (a->k, &mask.server, (unsigned) strlen (realm), realm, KRB5_TGS_NAME, realm, (char *) NULL)
        != 0)
        return found;
    if (krb5_cc_retrieve_cred (a->k, a->cache, KRB5_TC_MATCH_TIMES, &mask, &found) != 0)
        memset (&found, 0, sizeof found);
    krb5_free_principal (a->k, mask.server);
    return found;
}

/* Fetches a first ticket with the password or the key, and empties the cache around it. */
static bool
sign_in (struct asking *a)
{
    krb5_get_init_creds_opt *opt = NULL;
    krb5_keytab keytab = NULL;
    krb5_creds creds = { 0 };
    krb5_error_code code = krb5_get_init_creds_opt_alloc (a->k, &opt);

    if (code != 0)
        return bad (a, code, "no ticket");
    krb5_get_init_creds_opt_set_forwardable (opt, a->wish->delegate);
    krb5_get_init_creds_opt_set_change_password_prompt (opt, 0);
    if (a->wish->keytab != NULL)
        code = krb5_kt_resolve (a->k, sb_format (a->call, "FILE:%s", a->wish->keytab), &keytab);
    if (code == 0)
        code = keytab != NULL ? krb5_get_init_creds_keytab (a->k, &creds, a->who, keytab, 0, NULL, opt)
                              : krb5_get_init_creds_password (a->k, &creds, a->who, a->wish->password, NULL, NULL, 0,
                                                              NULL, opt);
    if (code == 0 && (code = krb5_cc_initialize (a->k, a->cache, a->who)) == 0)
        code = krb5_cc_store_cred (a->k, a->cache, &creds);
    krb5_free_cred_contents (a->k, &creds);
    if (keytab != NULL)
        krb5_kt_close (a->k, keytab);
    krb5_get_init_creds_opt_free (a->k, opt);
    return code == 0 || bad (a, code, "no ticket");
}

/* ---- what is needed ------------------------------------------------------------------------------------- */

static bool
have_first_ticket (struct asking *a)
{
    krb5_creds first = granting_ticket (a);
    krb5_flags flags = first.ticket_flags;
    bool there = first.times.endtime != 0;

    krb5_free_cred_contents (a->k, &first);
    if (!there && has_own_key (a->wish)) {
        if (!sign_in (a))
            return false;
        first = granting_ticket (a);
        flags = first.ticket_flags;
        there = first.times.endtime != 0;
        krb5_free_cred_contents (a->k, &first);
    }
    a->rc = SB_FAIL;
    if (!there) {
        a->why = sb_format (a->call,
                            "there is no ticket of '%s' that lasts\n"
                            "HINT: Sign in first (kinit -f), or give the credential a 'secret' or a 'keytab'.",
                            a->wish->principal);
        return false;
    }
    if (a->wish->delegate && (flags & TKT_FLG_FORWARDABLE) == 0) {
        a->why = sb_format (a->call,
                            "the ticket of '%s' cannot be handed on: it is not forwardable\n"
                            "HINT: Get it with kinit -f, let the domain allow it, or write 'delegate = no'.",
                            a->wish->principal);
        return false;
    }
    return true;
}

/* The caller's cache must be that of the credential's user. */
static bool
is_ours (struct asking *a)
{
    krb5_principal owner = NULL;
    krb5_error_code code;
    bool same;

    if (has_own_key (a->wish))
        return true;
    code = krb5_cc_get_principal (a->k, a->cache, &owner);
    if (code != 0)
        return bad (a, code, "no ticket");
    same = krb5_principal_compare (a->k, owner, a->who);
    if (!same) {
        char *name = NULL;

        krb5_unparse_name (a->k, owner, &name);
        a->rc = SB_FAIL;
        a->why = sb_format (a->call, "the tickets here are those of '%s', not of '%s'\nHINT: Sign in as that user.",
                            name != NULL ? name : "?", a->wish->principal);
        krb5_free_unparsed_name (a->k, name);
    }
    krb5_free_principal (a->k, owner);
    return same;
}

static bool
have_service_ticket (struct asking *a)
{
    krb5_creds wanted = { .client = a->who }, *got = NULL;
    krb5_error_code code = krb5_sname_to_principal (a->k, a->wish->host, a->wish->service,
                                                    a->wish->in_file ? KRB5_NT_UNKNOWN : KRB5_NT_SRV_HST, &a->service);

    if (code == 0) {
        wanted.server = a->service;
        code = krb5_get_credentials (a->k, 0, a->cache, &wanted, &got);
    }
    krb5_free_creds (a->k, got);
    return code == 0
           || bad (a, code, sb_format (a->call, "no ticket for the service %s/%s", a->wish->service, a->wish->host));
}

static void
end (struct asking *a)
{
    krb5_free_principal (a->k, a->who);
    krb5_free_principal (a->k, a->service);
    if (a->cache != NULL)
        krb5_cc_close (a->k, a->cache);
    krb5_free_context (a->k);
}

const char *
sb_key_distrust (struct sb_call *call, const char *path)
{
    struct stat st;

    if (path == NULL)
        return NULL;
    if (stat (path, &st) != 0)
        return sb_format (call, "'%s' cannot be used: %s", path, strerror (errno));
    if ((st.st_mode & 077) != 0)
        return sb_format (
                call, "the key '%s' can be read or written by others (mode %04o)\nHINT: Make it private: chmod 600.",
                path, (unsigned) (st.st_mode & 07777));
    return NULL;
}

enum sb_rc
sb_tickets_get (struct sb_call *call, struct sb_tickets *t, const struct sb_ticket_wish *wish, const char **ret_why)
{
    struct asking a = { .call = call, .wish = wish, .rc = SB_FAIL };
    krb5_error_code code = krb5_init_context (&a.k);

    if (code != 0) {
        *ret_why = "Kerberos cannot be used here\nHINT: Look at krb5.conf (KRB5_CONFIG).";
        return SB_FAIL;
    }
    remember_outer (t);
    code = krb5_parse_name (a.k, wish->principal, &a.who);
    if (code != 0)
        bad (&a, code, "no principal");
    else if (open_cache (&a, t) && is_ours (&a) && have_first_ticket (&a) && have_service_ticket (&a))
        a.rc = SB_OK;
    *ret_why = a.why;
    end (&a);
    return a.rc;
}
