/* Scripts on front ends; see shell.h. */
#include "plugins/pool/shell.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "plugins/pool/soap.h"
#include "plugins/pool/wsman.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEAD_MS 60000
#define BEGIN   "<<<switchback"
#define END     "switchback>>>"

/* ---- scripts -------------------------------------------------------------------------------------------- */

void
ps_quote (struct sb_buf *b, const char *text)
{
    sb_buf_char (b, '\'');
    for (; *text != '\0'; text++) {
        /* U+2018 to U+201B end a string, too (about_Quoting_Rules): e2 80 98 .. e2 80 9b */
        if (*text == '\'')
            sb_buf_char (b, '\'');
        else if ((unsigned char) text[0] == 0xe2 && (unsigned char) text[1] == 0x80 && (unsigned char) text[2] >= 0x98
                 && (unsigned char) text[2] <= 0x9b)
            sb_buf_add (b, text, 3);
        sb_buf_char (b, *text);
    }
    sb_buf_char (b, '\'');
}

const char *
ps_quoted (struct sb_call *call, const char *text)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    ps_quote (&b, text);
    return sb_format (call, "%s", b.s);
}

/* An error ends the body and becomes part of the one JSON document; the marker lines part it from whatever else a
 * module may print. */
static const char *
whole_script (struct sb_call *call, const char *body)
{
    return sb_format (
            call,
            "$ErrorActionPreference='Stop'\n$ProgressPreference='SilentlyContinue'\n$code=0\n$r=$null\n"
            "try{\ntry{[Console]::OutputEncoding=[Text.Encoding]::UTF8}catch{}\nImport-Module %s\n%s\n}catch{\n"
            "$code=1\n$r=@{error=\"$($_.Exception.Message)\";category=\"$($_.CategoryInfo.Category)\"}\n}\n"
            "'" BEGIN "'\nConvertTo-Json -InputObject $r -Compress -Depth 5\n'" END "'\nexit $code\n",
            sb_setting (call, "module"), body);
}

/* The document between the last pair of markers.  A console may have broken its one line: line ends go. */
static json_t *
document (const struct sb_buf *out)
{
    const char *all = sb_buf_cstr (out), *begin = NULL, *at, *end;
    SB_CLEANUP (sb_buf_free) struct sb_buf json = { 0 };

    for (at = all; (at = strstr (at, BEGIN)) != NULL; at += strlen (BEGIN))
        begin = at + strlen (BEGIN);
    end = begin != NULL ? strstr (begin, END) : NULL;
    if (end == NULL)
        return NULL;
    for (; begin < end; begin++)
        if (*begin != '\r' && *begin != '\n')
            sb_buf_char (&json, *begin);
    return json_loads (sb_buf_cstr (&json), 0, NULL);
}

/* ---- names ---------------------------------------------------------------------------------------------- */

const char *
pool_fqdn (struct sb_call *call, const char *kind, const char *name)
{
    const char *fqdn = sb_attr (call, kind, name, "fqdn"),
               *pool = sb_attr (call, "pool", sb_about (call, "object"), "fqdn");
    const char *domain = pool != NULL ? strchr (pool, '.') : NULL;

    if (fqdn != NULL)
        return fqdn;
    return strchr (name, '.') != NULL || domain == NULL ? name : sb_format (call, "%s%s", name, domain);
}

const char *
pool_name_of (struct sb_call *call, const char *kind, const char *fqdn)
{
    const char *name;
    size_t i;

    for (i = 0; (name = sb_object (call, kind, i)) != NULL; i++)
        if (sb_casecmp (pool_fqdn (call, kind, name), fqdn) == 0)
            return name;
    return NULL;
}

/* ---- hosts ---------------------------------------------------------------------------------------------- */

static int64_t
now_ms (void)
{
    struct timespec t;

    clock_gettime (CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
is_dead (const struct pool *p, const char *name)
{
    size_t i;

    for (i = 0; i < POOL_MAX_HOSTS; i++)
        if (strcmp (p->dead[i].name, name) == 0 && p->dead[i].until_ms > now_ms ())
            return true;
    return false;
}

static void
mark (struct pool *p, const char *name, bool dead)
{
    size_t i, slot = 0;

    for (i = 0; i < POOL_MAX_HOSTS; i++) {
        if (strcmp (p->dead[i].name, name) == 0) {
            slot = i;
            break;
        }
        if (p->dead[i].until_ms < p->dead[slot].until_ms)
            slot = i;
    }
    if (!dead && strcmp (p->dead[slot].name, name) != 0)
        return;
    if (strlen (name) >= sizeof p->dead[slot].name)
        return;
    strcpy (p->dead[slot].name, name);
    p->dead[slot].until_ms = dead ? now_ms () + DEAD_MS : 0;
}

/* The front ends to ask: those that were not dead a moment ago come first. */
static size_t
list_hosts (struct sb_call *call, const struct pool *p, const char *site, const char *ret[POOL_MAX_HOSTS])
{
    struct sb_arena arena = { 0 };
    const char *control = sb_attr (call, "pool", sb_about (call, "object"), "control"), *name, *all[POOL_MAX_HOSTS];
    size_t n = 0, count = 0, i, pass, words = 0;
    char **list = site == NULL && control != NULL ? sb_split_list (&arena, control, &words) : NULL;

    for (i = 0; i < words && count < POOL_MAX_HOSTS; i++)
        all[count++] = sb_format (call, "%s", list[i]);
    for (i = 0; words == 0 && count < POOL_MAX_HOSTS && (name = sb_object (call, "frontend", i)) != NULL; i++) {
        const char *there = sb_attr (call, "frontend", name, "site");

        if (site == NULL || (there != NULL && strcmp (there, site) == 0))
            all[count++] = name;
    }
    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < count; i++)
            if (is_dead (p, all[i]) == (pass == 1))
                ret[n++] = all[i];
    sb_arena_release (&arena);
    return n;
}

/* A path as written, "file:x" or "x", from the folder of the topology. */
static const char *
path_of (struct sb_call *call, const char *text)
{
    if (text != NULL && strncmp (text, "file:", 5) == 0)
        text += 5;
    return text == NULL || *text == '/' ? text : sb_format (call, "%s/%s", sb_about (call, "base"), text);
}

/* How to sign in there; NULL, or why it cannot be done. */
static const char *
sign_in_of (struct sb_call *call, struct wsman_host *ret)
{
    const char *credential = sb_attr (call, "frontend", ret->name, "credential"), *method;

    if (credential == NULL)
        return sb_format (call, "[frontend %s] names no credential", ret->name);
    method = sb_attr (call, "credential", credential, "method");
    ret->user = sb_attr (call, "credential", credential, "user");
    if (sb_attr (call, "credential", credential, "secret") != NULL) {
        ret->password = sb_secret (call, "credential", credential, "secret");
        if (ret->password == NULL)
            return sb_format (call, "the secret of [credential %s] cannot be read", credential);
    }
    if (method == NULL || strcmp (method, "password") == 0) {
        ret->auth = WSMAN_BASIC;
        return ret->user != NULL && ret->password != NULL
                       ? NULL
                       : sb_format (call, "[credential %s] gives no user or no password", credential);
    }
    if (strcmp (method, "kerberos") == 0) {
        ret->auth = WSMAN_KERBEROS;
        ret->keytab = path_of (call, sb_attr (call, "credential", credential, "keytab"));
        return sb_key_distrust (call, ret->keytab);
    }
    ret->auth = WSMAN_CERTIFICATE;
    ret->certificate = path_of (call, sb_attr (call, "credential", credential, "certificate"));
    ret->key = path_of (call, sb_attr (call, "credential", credential, "key"));
    return ret->certificate == NULL ? sb_format (call, "[credential %s] names no certificate", credential)
                                    : sb_key_distrust (call, ret->key != NULL ? ret->key : ret->certificate);
}

/* NULL, or why this front end cannot be used.  How to sign in is sign_in_of()'s. */
static const char *
host_of (struct sb_call *call, const char *name, struct wsman_host *ret)
{
    const char *tls = sb_attr (call, "frontend", name, "tls"), *delegate = sb_attr (call, "frontend", name, "delegate");

    *ret = (struct wsman_host){ .name = name,
                                .url = sb_attr (call, "frontend", name, "url"),
                                .address = sb_attr (call, "frontend", name, "address"),
                                .ca = path_of (call, sb_attr (call, "frontend", name, "ca")),
                                .check_tls = tls == NULL || strcmp (tls, "verify") == 0,
                                .delegate = delegate == NULL || strcmp (delegate, "yes") == 0 };
    if (ret->url == NULL || strncmp (ret->url, "https://", 8) != 0)
        return sb_format (call, "[frontend %s] needs an url that begins with https://", name);
    return NULL;
}

bool
pool_site_answers (struct sb_call *call, const char *site)
{
    const struct pool nobody = { .was = NULL };
    const char *names[POOL_MAX_HOSTS];
    size_t n = list_hosts (call, &nobody, site, names), i;
    struct wsman_host host;

    for (i = 0; i < n; i++)
        if (host_of (call, names[i], &host) == NULL && wsman_answers (call, &host))
            return true;
    return false;
}

/* ---- running -------------------------------------------------------------------------------------------- */

/* ErrorCategory names that will be the same the next time. */
static const char *const final[] = { "PermissionDenied", "SecurityError",  "AuthenticationError", "InvalidArgument",
                                     "ParserError",      "ObjectNotFound", "NotImplemented",      NULL };

static enum sb_rc
judge_error (struct sb_call *call, const char *host, json_t *doc)
{
    const char *text = json_string_value (json_object_get (doc, "error"));
    const char *category = json_string_value (json_object_get (doc, "category"));
    size_t i;

    for (i = 0; final[i] != NULL && (category == NULL || strcmp (final[i], category) != 0); i++)
        ;
    return sb_fail (call, final[i] != NULL ? SB_FAIL : SB_RETRY, "a cmdlet failed on front end '%s': %s", host,
                    text != NULL ? text : "no reason given");
}

static enum sb_rc
judge_output (struct sb_call *call, const char *host, bool changes, struct wsman_result *result, json_t **ret)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf err = { 0 };
    enum sb_rc rc;

    *ret = document (&result->out);
    if (*ret == NULL) {
        soap_clixml_text (sb_buf_cstr (&result->err), result->err.len, &err);
        return sb_fail (call, changes ? SB_UNSURE : SB_RETRY,
                        "the script on front end '%s' ended with exit code %d and without an answer: %.600s", host,
                        result->exit_code, sb_buf_cstr (&err));
    }
    if (json_object_get (*ret, "error") == NULL)
        return SB_OK;
    rc = judge_error (call, host, *ret);
    json_decref (*ret);
    *ret = NULL;
    return rc;
}

/* A script that only reads leaves nothing in doubt. */
static enum sb_rc
judge_failure (struct sb_call *call, bool changes, const struct wsman_result *result)
{
    enum sb_rc rc = result->rc;

    if (rc == SB_UNSURE && !changes)
        rc = sb_pause (call, 0) ? SB_STOPPED : SB_RETRY;
    return sb_fail (call, rc, "%s", result->sentence);
}

enum sb_rc
pool_ps (struct sb_call *call, struct pool *p, const char *site, bool changes, const char *body, json_t **ret)
{
    const char *names[POOL_MAX_HOSTS], *script = whole_script (call, body), *why, *silent = "";
    size_t n = list_hosts (call, p, site, names), i;
    struct wsman_result result = { .reached = WSMAN_NOT_THERE };
    struct wsman_host host;
    enum sb_rc rc;

    *ret = NULL;
    for (i = 0; i < n; i++) {
        if ((why = host_of (call, names[i], &host)) != NULL || (why = sign_in_of (call, &host)) != NULL)
            return sb_fail (call, SB_FAIL, "%s", why);
        host.tickets = &p->tickets;
        wsman_run (call, &host, script, &result);
        if (result.reached == WSMAN_DONE)
            rc = judge_output (call, names[i], changes, &result, ret);
        else if (result.reached != WSMAN_NOT_THERE || sb_pause (call, 0))
            rc = judge_failure (call, changes, &result);
        else
            rc = SB_RETRY;
        mark (p, names[i], result.reached == WSMAN_NOT_THERE);
        wsman_result_free (&result);
        if (result.reached != WSMAN_NOT_THERE || sb_pause (call, 0))
            return rc;
        sb_log (call, SB_INFO, "%s", result.sentence);
        silent = sb_format (call, "%s%s%s", silent, *silent != '\0' ? "; " : "", result.sentence);
    }
    if (n == 0)
        return sb_fail (call, SB_FAIL, "no front end is known%s%s", site != NULL ? " in site " : "",
                        site != NULL ? site : "");
    return sb_fail (call, SB_RETRY, "no front end answers: %s", silent);
}
