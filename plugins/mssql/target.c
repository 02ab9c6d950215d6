/* Reading and checking what reaches an instance; see target.h. */
#include "plugins/mssql/target.h"

#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CA_MAX   ((size_t) 4 << 20)
#define WORD_MAX 200 /* a line of the file has 255 bytes, with the key */

bool
sb_target_is_word (const char *text)
{
    if (text == NULL || *text == '\0' || strlen (text) > WORD_MAX)
        return false;
    for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++)
        if (*p <= 0x20 || *p >= 0x7f || strchr ("#;=\\[]\"'", *p) != NULL)
            return false;
    return true;
}

static const char *
attr (struct sb_call *call, const char *instance, const char *key)
{
    const char *value = sb_attr (call, "instance", instance, key);

    return value != NULL && *value != '\0' ? value : NULL;
}

#define DEFAULT_PORT 1433

static bool
read_address (struct sb_call *call, struct sb_target *t)
{
    const char *port = attr (call, t->instance, "port");
    int64_t number = 0;

    t->host = attr (call, t->instance, "host");
    t->named = attr (call, t->instance, "instance name");
    if (t->host == NULL)
        t->host = attr (call, t->instance, "fqdn");
    if (!sb_target_is_word (t->host) || (t->named != NULL && !sb_target_is_word (t->named))) {
        sb_fail (call, SB_FAIL,
                 "the address of instance '%s' cannot be used: '%s'\n"
                 "HINT: Give a host name or an address without blanks and without # ; = \\ [ ] in [instance %s].",
                 t->instance, t->host != NULL ? t->host : "", t->instance);
        return false;
    }
    if (port == NULL)
        port = "1433";
    if (!sb_parse_int (port, &number) || number < 1 || number > 65535) {
        sb_fail (call, SB_FAIL, "the port of instance '%s' is not a number from 1 to 65535: '%s'", t->instance, port);
        return false;
    }
    /* The topology's default port is that of the default instance: another one would answer there. */
    t->port = t->named != NULL && number == DEFAULT_PORT ? 0 : (uint16_t) number;
    return true;
}

static const char *
absolute (struct sb_call *call, const char *path)
{
    const char *base = sb_about (call, "base");

    return *path == '/' || base == NULL || *base == '\0' ? path : sb_format (call, "%s/%s", base, path);
}

static bool
read_tls (struct sb_call *call, struct sb_target *t)
{
    static const char *const words[] = { "verify", "trust", "off" };
    const char *tls = attr (call, t->instance, "tls"), *ca = attr (call, t->instance, "ca");
    unsigned i = 0;

    while (tls != NULL && i < 3 && strcmp (tls, words[i]) != 0)
        i++;
    if (i == 3) {
        sb_fail (call, SB_FAIL, "'tls = %s' of instance '%s' is none of verify, trust, off", tls, t->instance);
        return false;
    }
    t->tls = (enum sb_tls) i;
    if (ca != NULL && strncmp (ca, "file:", 5) == 0)
        ca += 5;
    if (ca != NULL && strcmp (ca, "system") != 0)
        t->ca = absolute (call, ca);
    if (t->tls == SB_TLS_TRUST)
        sb_log (call, SB_WARNING, "the certificate of instance '%s' is not checked (tls = trust)", t->instance);
    if (t->tls == SB_TLS_OFF)
        sb_log (call, SB_WARNING, "the connection to instance '%s' is not encrypted (tls = off)", t->instance);
    return true;
}

static bool
read_login (struct sb_call *call, struct sb_target *t)
{
    const char *credential = attr (call, t->instance, "credential");

    if (credential == NULL)
        return true;
    t->user = sb_attr (call, "credential", credential, "user");
    t->secret = sb_secret (call, "credential", credential, "secret");
    if (t->user != NULL && t->secret != NULL && strlen (t->user) <= 128 && strlen (t->secret) <= 128)
        return true;
    sb_fail (call, SB_FAIL,
             "credential '%s' of instance '%s' cannot be used: its %s\n"
             "HINT: Look at 'user' and 'secret' in [credential %s].",
             credential, t->instance,
             t->user == NULL     ? "user is missing"
             : t->secret == NULL ? "secret is missing or cannot be read"
                                 : "user or secret is longer than 128 bytes",
             credential);
    return false;
}

bool
sb_target_read (struct sb_call *call, const char *instance, struct sb_target *ret)
{
    struct sb_target t = { .instance = instance, .login_ms = sb_number (call, "login timeout") };
    const char *session = sb_about (call, "session");
    int64_t left = sb_left_ms (call);

    t.fqdn = attr (call, instance, "fqdn");
    if (t.fqdn != NULL && !sb_target_is_word (t.fqdn))
        t.fqdn = NULL;
    if (!read_address (call, &t) || !read_tls (call, &t) || !read_login (call, &t))
        return false;
    if (t.login_ms <= 0)
        t.login_ms = 15000;
    if (t.login_ms > left)
        t.login_ms = left;
    if (session == NULL || *session == '\0')
        session = "switchback/-/-";
    t.session = sb_format (call, "%.120s", session);
    *ret = t;
    return true;
}

void
sb_target_conf (const struct sb_target *t, uint16_t port, const char *ca_file, struct sb_buf *out)
{
    sb_buf_printf (out, "[global]\n\ttds version = 7.4\n[target]\n\thost = %s\n\tport = %u\n", t->host,
                   (unsigned) port);
    sb_buf_str (out, "\ttds version = 7.4\n\tclient charset = UTF-8\n\ttext size = 16777216\n\tuse ntlmv2 = yes\n");
    if (t->user == NULL && t->fqdn != NULL)
        sb_buf_printf (out, "\tspn = MSSQLSvc/%s:%u\n", t->fqdn, (unsigned) port);
    sb_buf_printf (out, "\tconnect timeout = %lld\n", (long long) ((t->login_ms + 999) / 1000));
    sb_buf_printf (out, "\tencryption = %s\n", t->tls == SB_TLS_OFF ? "off" : "require");
    if (t->tls == SB_TLS_VERIFY)
        sb_buf_printf (out, "\tca file = %s\n\tcheck certificate hostname = yes\n",
                       ca_file != NULL ? ca_file : "system");
}

/* One block between the marks: base64 of DER, which begins with a SEQUENCE. */
static bool
block_ok (const char *begin, const char *end)
{
    struct sb_buf der SB_CLEANUP (sb_buf_free) = { 0 };

    return sb_base64_decode (begin, (size_t) (end - begin), &der) && der.len > 64 && der.s[0] == 0x30;
}

bool
sb_target_ca_ok (const char *pem, size_t len, const char **ret_why)
{
    static const char first[] = "-----BEGIN CERTIFICATE-----", last[] = "-----END CERTIFICATE-----";
    const char *p = pem, *end;
    unsigned found = 0;

    if (memchr (pem, '\0', len) != NULL) {
        *ret_why = "it is not a text file";
        return false;
    }
    while ((p = strstr (p, first)) != NULL) {
        p += sizeof first - 1;
        end = strstr (p, last);
        if (end == NULL || !block_ok (p, end)) {
            *ret_why = "a certificate in it is cut off or garbled";
            return false;
        }
        found++;
        p = end + sizeof last - 1;
    }
    *ret_why = "it holds no certificate (PEM)";
    return found > 0;
}

bool
sb_target_ca_load (struct sb_call *call, const struct sb_target *t, struct sb_buf *ret)
{
    const char *why = NULL;
    char block[8192];
    FILE *f = fopen (t->ca, "re");
    size_t n;

    if (f == NULL)
        why = strerror (errno);
    while (f != NULL && ret->len <= CA_MAX && (n = fread (block, 1, sizeof block, f)) > 0)
        sb_buf_add (ret, block, n);
    if (f != NULL && ferror (f))
        why = "it cannot be read";
    if (f != NULL)
        fclose (f);
    if (why == NULL && ret->len > CA_MAX)
        why = "it is larger than 4 MiB";
    if (why == NULL && sb_target_ca_ok (sb_buf_cstr (ret), ret->len, &why))
        return true;
    sb_fail (call, SB_FAIL,
             "the CA file of instance '%s' cannot be used: '%s': %s\n"
             "HINT: Set 'ca' of [instance %s] to the PEM file of the authority that signed the server's certificate.",
             t->instance, t->ca, why, t->instance);
    return false;
}
