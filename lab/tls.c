/* The lab's certificate authority and one certificate per host, by OpenSSL's
 * library: DIR/tls/ca.pem, NAME.pem and NAME.key.  Each certificate is good for
 * the host's name, its name in the topology, localhost and the loopback address. */
#include "lab/lab.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DAYS 3650

static void
add_extension (X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx_nodb (&ctx);
    X509V3_set_ctx (&ctx, issuer, cert, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid (NULL, &ctx, nid, value);
    if (e != NULL)
        X509_add_ext (cert, e, -1);
    X509_EXTENSION_free (e);
}

static X509 *
new_cert (EVP_PKEY *key, const char *name, long serial)
{
    X509 *cert = X509_new ();

    X509_set_version (cert, X509_VERSION_3);
    ASN1_INTEGER_set (X509_get_serialNumber (cert), serial);
    X509_gmtime_adj (X509_getm_notBefore (cert), -86400);
    X509_gmtime_adj (X509_getm_notAfter (cert), 86400L * DAYS);
    X509_set_pubkey (cert, key);
    X509_NAME_add_entry_by_txt (X509_get_subject_name (cert), "CN", MBSTRING_UTF8, (const unsigned char *) name, -1, -1,
                                0);
    return cert;
}

static bool
save (const struct lab_cfg *c, const char *name, const char *suffix, X509 *cert, EVP_PKEY *key,
      struct sb_faults *faults)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/tls/%s%s", c->dir, name, suffix);
    mode_t old = umask (key != NULL ? 077 : 022);
    FILE *f = fopen (path, "we");
    bool good = f != NULL
                && (cert != NULL ? PEM_write_X509 (f, cert) : PEM_write_PrivateKey (f, key, NULL, NULL, 0, NULL, NULL))
                           == 1;

    umask (old);
    if (f != NULL && fclose (f) != 0)
        good = false;
    if (!good)
        sb_fault (faults, path, 0, "cannot be written");
    return good;
}

static bool
sign_and_save (const struct lab_cfg *c, X509 *ca, EVP_PKEY *ca_key, X509 *cert, EVP_PKEY *key, const char *name,
               struct sb_faults *faults)
{
    X509_set_issuer_name (cert, X509_get_subject_name (ca));
    return X509_sign (cert, ca_key, EVP_sha256 ()) > 0 && save (c, name, ".pem", cert, NULL, faults)
           && save (c, name, ".key", NULL, key, faults);
}

static bool
make_host (const struct lab_cfg *c, X509 *ca, EVP_PKEY *ca_key, const char *name, const char *host, const char *address,
           long serial, struct sb_faults *faults)
{
    EVP_PKEY *key = EVP_EC_gen ("P-256");
    X509 *cert = new_cert (key, host, serial);
    SB_AUTOFREE char *names = sb_xprintf ("DNS:%s,DNS:%s,DNS:localhost,IP:%s", host, name, address);
    bool good;

    add_extension (cert, ca, NID_basic_constraints, "critical,CA:FALSE");
    add_extension (cert, ca, NID_subject_alt_name, names);
    add_extension (cert, ca, NID_ext_key_usage, "serverAuth");
    good = sign_and_save (c, ca, ca_key, cert, key, name, faults);
    X509_free (cert);
    EVP_PKEY_free (key);
    return good;
}

/* A client's: its common name is the user that a front end maps it to. */
static bool
make_client (const struct lab_cfg *c, X509 *ca, EVP_PKEY *ca_key, const struct lab_credential *who, long serial,
             struct sb_faults *faults)
{
    SB_AUTOFREE char *name = sb_xprintf ("client-%s", who->name);
    EVP_PKEY *key = EVP_EC_gen ("P-256");
    X509 *cert = new_cert (key, who->user, serial);
    bool good;

    add_extension (cert, ca, NID_basic_constraints, "critical,CA:FALSE");
    add_extension (cert, ca, NID_ext_key_usage, "clientAuth");
    good = sign_and_save (c, ca, ca_key, cert, key, name, faults);
    X509_free (cert);
    EVP_PKEY_free (key);
    return good;
}

bool
lab_tls_make (const struct lab_cfg *c, struct sb_faults *faults)
{
    EVP_PKEY *key = EVP_EC_gen ("P-256");
    X509 *ca = new_cert (key, "Switchback lab CA", 1);
    long serial = 2;
    bool good;

    X509_set_issuer_name (ca, X509_get_subject_name (ca));
    add_extension (ca, ca, NID_basic_constraints, "critical,CA:TRUE");
    add_extension (ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension (ca, ca, NID_subject_key_identifier, "hash");
    good = X509_sign (ca, key, EVP_sha256 ()) > 0 && save (c, "ca", ".pem", ca, NULL, faults);
    for (size_t i = 0; good && i < c->ninstances; i++)
        good = make_host (c, ca, key, c->instances[i].name, c->instances[i].host,
                          lab_instance_address (&c->instances[i]), serial++, faults);
    for (size_t i = 0; good && i < c->nfrontends; i++)
        good = make_host (c, ca, key, c->frontends[i].name, c->frontends[i].host, LAB_ADDRESS, serial++, faults);
    good = good && make_host (c, ca, key, "sinks", "sinks.lab", LAB_ADDRESS, serial++, faults);
    for (size_t i = 0; good && i < c->ncredentials; i++)
        if (strcmp (c->credentials[i].method, "certificate") == 0)
            good = make_client (c, ca, key, &c->credentials[i], serial++, faults);
    X509_free (ca);
    EVP_PKEY_free (key);
    return good;
}
