/* The client side of a remote shell; see wsman.h. */
#include "plugins/pool/wsman.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "plugins/pool/http.h"
#include "plugins/pool/soap.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX     (8u << 20)
#define OPERATION_S    20u    /* a Receive without news comes back after so long */
#define HTTP_MARGIN_MS 15000  /* the transport waits longer than the operation */
#define CLOSING_MS     1500   /* for Signal and for Delete, also when time is up */
#define RESERVE_MS     4000   /* kept back for them */
#define LINE_MAX_CHARS 8000u  /* cmd.exe takes 8191 */
#define FEED_BYTES     32768u /* of stdin in one envelope: the smallest limit in use is 150 KiB */
#define EMPTY_MS       200
#define BUSY_TRIES     3
#define BUSY_MS        1000 /* and twice as long each time */

struct session {
    struct sb_call *call;
    const struct wsman_host *host;
    struct wsman_result *result;
    struct http http;
    struct sb_buf body;
    char *shell, *command;
};

/* ---- faults --------------------------------------------------------------------------------------------- */

#define FAULT_TIMED_OUT 2150858793ul
#define FAULT_ABORTED   995ul

/* WSManFault codes: [MS-WSMV] 2.2.4.43 names the element; numbers from the WinRM error list (winerror.h, WSMAN). */
static const struct fault {
    unsigned long code;
    enum sb_rc rc; /* when it came before the command was taken */
    const char *text;
} faults[] = { { 2150858843ul, SB_UNSURE, "the shell is gone" },
               { 2150859173ul, SB_RETRY, "this user has too many shells there" },
               { 2150859236ul, SB_RETRY, "there are too many shells there" },
               { 2150859174ul, SB_RETRY, "too many operations at a time" },
               { 2150859240ul, SB_RETRY, "too many operations at a time" },
               { 2150859241ul, SB_RETRY, "too many commands at a time" },
               { 2150859175ul, SB_RETRY, "this user is throttled" },
               { 2150859176ul, SB_RETRY, "the service is throttled" },
               { 2150859179ul, SB_RETRY, "too many users have shells there" },
               { 2147943418ul, SB_RETRY, "an installation is going on there" },
               { 5ul, SB_FAIL, "access is denied" },
               { 2147942405ul, SB_FAIL, "access is denied" },
               { 2147942402ul, SB_FAIL, "PowerShell was not found there" },
               { 0, SB_UNSURE, NULL } };

static const struct fault *
fault_of (unsigned long code)
{
    const struct fault *f;

    for (f = faults; f->code != 0 && f->code != code; f++)
        ;
    return f;
}

/* Writes down how it went wrong; a command that may have run is in doubt, whatever the fault. */
static bool
failed (struct session *s, enum sb_rc rc, const char *sentence)
{
    if (s->result->reached == WSMAN_BEGUN)
        rc = SB_UNSURE;
    else if (rc == SB_UNSURE)
        rc = SB_RETRY;
    s->result->rc = rc;
    s->result->sentence = sentence;
    return false;
}

static bool
failed_by_fault (struct session *s, const char *what, const struct soap_answer *a)
{
    const struct fault *f = fault_of (a->code);

    if (s->result->reached == WSMAN_NOT_THERE)
        s->result->reached = WSMAN_REFUSED;
    return failed (s, f->rc,
                   sb_format (s->call, "front end '%s' refused to %s: %s%s%s (fault %lu)", s->host->name, what,
                              f->text != NULL ? f->text : "", f->text != NULL && a->reason != NULL ? ": " : "",
                              a->reason != NULL ? a->reason
                              : f->text != NULL ? ""
                                                : "no reason given",
                              a->code));
}

static const struct http_class {
    long status;
    enum sb_rc rc;
    bool elsewhere; /* another host may serve */
    const char *text;
} http_classes[] = {
    { 401, SB_FAIL, false, NULL },
    { 403, SB_FAIL, false, "access is forbidden" },
    { 404, SB_FAIL, false, "there is no WS-Management at this address" },
    { 503, SB_RETRY, true, "the service is off" },
    { 0, SB_RETRY, false, "an answer that does not belong to WS-Management" },
};

static const char *
refusal (struct session *s)
{
    static const char *const texts[] = {
        [WSMAN_NOBODY] = "it wants to know who asks",
        [WSMAN_BASIC] = "the user or password was not accepted, or Basic authentication is off",
        [WSMAN_KERBEROS] = "the ticket was not accepted, or Kerberos is off",
        [WSMAN_CERTIFICATE] = "the certificate is mapped to no user there, or certificates are off",
    };

    return sb_format (s->call, "%s%s%s%s", texts[s->host->auth], *s->http.offers != '\0' ? " (it offers " : "",
                      s->http.offers, *s->http.offers != '\0' ? ")" : "");
}

static bool
failed_by_status (struct session *s, const char *what, long status)
{
    const struct http_class *c = http_classes;

    while (c->status != 0 && c->status != status)
        c++;
    if (s->result->reached == WSMAN_NOT_THERE && !c->elsewhere)
        s->result->reached = WSMAN_REFUSED;
    return failed (s, c->rc,
                   sb_format (s->call, "front end '%s' did not %s: %s (HTTP %ld)", s->host->name, what,
                              c->text != NULL ? c->text : refusal (s), status));
}

/* libcurl's codes; certificates are not a matter of luck, everything else may be. */
static bool
failed_by_transport (struct session *s, const char *what, CURLcode code)
{
    const char *detail = s->http.error[0] != '\0' ? s->http.error : curl_easy_strerror (code);
    enum sb_rc rc = SB_RETRY;

    if (code == CURLE_ABORTED_BY_CALLBACK)
        return failed (s, SB_STOPPED,
                       sb_format (s->call, "stopped while front end '%s' was to %s", s->host->name, what));
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM
        || code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
        rc = SB_FAIL;
        if (s->result->reached == WSMAN_NOT_THERE)
            s->result->reached = WSMAN_REFUSED;
    }
    return failed (s, rc, sb_format (s->call, "front end '%s' could not %s: %s", s->host->name, what, detail));
}

/* ---- one exchange --------------------------------------------------------------------------------------- */

/* Of what the call may take, without the reserve for the end. */
static int64_t
time_left (const struct session *s)
{
    int64_t left = sb_left_ms (s->call);

    return left > 2 * RESERVE_MS ? left - RESERVE_MS : left / 2;
}

static long
limit_ms (const struct session *s, const struct soap_request *r)
{
    int64_t left = s->http.closing ? CLOSING_MS : time_left (s);
    int64_t most = (int64_t) r->timeout_s * 1000 + HTTP_MARGIN_MS;

    return (long) (left < most ? left : most) + 1;
}

/* One exchange.  true: *ret is an answer without a fault. */
static bool
exchange (struct session *s, struct soap_request *r, const char *what, struct soap_answer *ret)
{
    const char *why;
    CURLcode code;
    long status = 0;

    memset (ret, 0, sizeof *ret);
    r->url = s->host->url;
    r->timeout_s = OPERATION_S;
    r->shell = s->shell;
    r->command = s->command;
    sb_buf_clear (&s->body);
    soap_write (r, &s->body);
    /* libcurl sends a request again when a used connection turns out to be dead.  A command must not be sent twice. */
    code = http_post (&s->http, &s->body, r->step == SOAP_COMMAND || r->step == SOAP_SEND, limit_ms (s, r), &status);
    if (code != CURLE_OK)
        return failed_by_transport (s, what, code);
    if (status != 200 && status != 500)
        return failed_by_status (s, what, status);
    if (!soap_read (sb_buf_cstr (&s->http.answer), s->http.answer.len, ret, &why)) {
        if (s->result->reached == WSMAN_NOT_THERE)
            s->result->reached = WSMAN_REFUSED;
        return failed (s, SB_UNSURE,
                       sb_format (s->call, "front end '%s' gave an answer that cannot be read: %s (HTTP %ld)",
                                  s->host->name, why, status));
    }
    return !ret->fault || failed_by_fault (s, what, ret);
}

/* ---- the exchanges -------------------------------------------------------------------------------------- */

static bool
create_once (struct session *s, bool *ret_busy)
{
    struct soap_request r = { .step = SOAP_CREATE };
    struct soap_answer a;
    bool ok = exchange (s, &r, "open a shell", &a);

    *ret_busy = !ok && a.fault && fault_of (a.code)->rc == SB_RETRY;
    if (ok) {
        s->result->reached = WSMAN_REFUSED;
        s->shell = a.shell;
        a.shell = NULL;
        if (s->shell == NULL)
            ok = failed (s, SB_RETRY,
                         sb_format (s->call, "front end '%s' opened a shell without a name", s->host->name));
    }
    soap_answer_free (&a);
    return ok;
}

/* A quota that is used up is soon free again: nothing was begun, so it is asked again within this call. */
static bool
create (struct session *s)
{
    int64_t pause = BUSY_MS;
    bool busy;
    int i;

    for (i = 0; !create_once (s, &busy); i++, pause *= 2) {
        if (!busy || i + 1 == BUSY_TRIES || time_left (s) < 4 * pause)
            return false;
        sb_log (s->call, SB_INFO, "%s; asked again soon", s->result->sentence);
        if (sb_pause (s->call, pause))
            return failed (s, SB_STOPPED, sb_format (s->call, "stopped while front end '%s' was busy", s->host->name));
    }
    return true;
}

/* A fault says that the command was not taken; silence says nothing. */
static bool
command (struct session *s, const char *line, bool fed)
{
    struct soap_request r = { .step = SOAP_COMMAND, .line = line, .fed = fed };
    struct soap_answer a;
    bool ok;

    s->result->reached = WSMAN_BEGUN;
    ok = exchange (s, &r, "start the command", &a);
    if (!ok && a.fault && fault_of (a.code)->rc != SB_UNSURE) {
        s->result->reached = WSMAN_REFUSED;
        failed_by_fault (s, "start the command", &a);
    }
    if (ok) {
        s->command = a.command;
        a.command = NULL;
        if (s->command == NULL)
            ok = failed (s, SB_UNSURE,
                         sb_format (s->call, "front end '%s' started a command without a name", s->host->name));
    }
    soap_answer_free (&a);
    return ok;
}

/* Fills the command's stdin.  What reads there begins nothing before it has seen all of it. */
static bool
feed (struct session *s, const char *text)
{
    size_t len = strlen (text), at = 0;
    bool ok = true;

    while (ok && at < len) {
        size_t now = len - at < FEED_BYTES ? len - at : FEED_BYTES;
        struct soap_request r = { .step = SOAP_SEND, .data = text + at, .len = now, .last = at + now == len };
        struct soap_answer a;

        ok = exchange (s, &r, "take the script", &a);
        soap_answer_free (&a);
        at += now;
    }
    return ok;
}

/* One Receive.  false: failed; *ret_done: it was the last. */
static bool
receive (struct session *s, bool *ret_done)
{
    struct soap_request r = { .step = SOAP_RECEIVE };
    struct soap_answer a;
    bool ok = exchange (s, &r, "tell the command's output", &a);
    size_t before = s->result->out.len + s->result->err.len;

    if (!ok && a.fault && a.code == FAULT_TIMED_OUT)
        ok = true; /* nothing new: ask again */
    sb_buf_add (&s->result->out, sb_buf_cstr (&a.out), a.out.len);
    sb_buf_add (&s->result->err, sb_buf_cstr (&a.err), a.err.len);
    if (s->result->out.len + s->result->err.len > OUTPUT_MAX)
        ok = failed (s, SB_UNSURE,
                     sb_format (s->call, "the command on '%s' wrote more than %u bytes", s->host->name, OUTPUT_MAX));
    *ret_done = a.done;
    s->result->exit_code = a.exit_code;
    if (ok && !a.done && !a.fault && s->result->out.len + s->result->err.len == before)
        sb_pause (s->call, EMPTY_MS); /* it should have waited before it said nothing */
    soap_answer_free (&a);
    return ok;
}

static bool
receive_all (struct session *s)
{
    bool done = false;

    while (!done) {
        if (sb_pause (s->call, 0))
            return failed (s, SB_STOPPED, sb_format (s->call, "stopped while a command ran on '%s'", s->host->name));
        if (time_left (s) < RESERVE_MS / 2)
            return failed (s, SB_UNSURE,
                           sb_format (s->call, "the command on '%s' did not end in its time", s->host->name));
        if (!receive (s, &done))
            return false;
    }
    return true;
}

/* Best effort, bounded: what the command did is decided already. */
static void
end_shell (struct session *s)
{
    struct wsman_result kept = *s->result, *result = s->result;
    struct wsman_result ignored = { .reached = WSMAN_BEGUN };
    struct soap_request signal = { .step = SOAP_SIGNAL }, del = { .step = SOAP_DELETE };
    struct soap_answer a;

    s->http.closing = true;
    s->result = &ignored;
    if (s->command != NULL) {
        exchange (s, &signal, "end the command", &a);
        soap_answer_free (&a);
    }
    if (s->shell != NULL) {
        char *command_name = s->command;

        s->command = NULL;
        if (!exchange (s, &del, "delete the shell", &a) && a.code != 2150858843ul && a.code != FAULT_ABORTED)
            sb_log (s->call, SB_WARNING, "%s; the shell is left to its idle time-out", ignored.sentence);
        soap_answer_free (&a);
        s->command = command_name;
    }
    s->result = result;
    *result = kept;
}

/* ---- scripts -------------------------------------------------------------------------------------------- */

#define POWERSHELL "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand "

/* Reads base64 from stdin up to a full stop, and runs what it says.  Without the full stop the text was cut: nothing runs. */
#define READ_STDIN                                        \
    "$t=-join @($input)\nif(!$t.EndsWith('.')){exit 9}\n" \
    "Invoke-Expression ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($t.TrimEnd('.'))))\n"

static char *
command_line (struct sb_call *call, const char *script)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf wide = { 0 }, text = { 0 };

    if (!sb_utf8_to_utf16le (script, strlen (script), &wide))
        return NULL;
    sb_base64_encode (wide.s, wide.len, &text);
    return sb_format (call, POWERSHELL "%s", sb_buf_cstr (&text));
}

static char *
on_stdin (struct sb_call *call, const char *script)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };

    sb_base64_encode (script, strlen (script), &text);
    return sb_format (call, "%s.", sb_buf_cstr (&text));
}

static void
release (struct session *s)
{
    http_close (&s->http);
    sb_buf_free (&s->body);
    free (s->shell);
    free (s->command);
}

/* The name in the URL, which is the name of the service. */
static const char *
service_host (struct sb_call *call, const char *url)
{
    const char *start = url + strlen ("https://"), *end = start + strcspn (start, ":/");

    return sb_format (call, "%.*s", (int) (end - start), start);
}

static bool
have_ticket (struct session *s)
{
    const struct wsman_host *h = s->host;
    const struct sb_ticket_wish wish = { .principal = h->user,
                                         .password = h->password,
                                         .keytab = h->keytab,
                                         .service = "HTTP",
                                         .host = service_host (s->call, h->url),
                                         .delegate = h->delegate };
    const char *why;
    enum sb_rc rc = h->auth == WSMAN_KERBEROS ? sb_tickets_get (s->call, h->tickets, &wish, &why) : SB_OK;

    if (rc == SB_OK)
        return true;
    s->result->reached = WSMAN_REFUSED;
    return failed (s, rc, sb_format (s->call, "nobody can sign in at front end '%s': %s", h->name, why));
}

static bool
run_script (struct session *s, const char *script)
{
    const char *line = command_line (s->call, script), *input = NULL;

    if (line == NULL || strlen (script) > WSMAN_MAX_SCRIPT) {
        s->result->reached = WSMAN_REFUSED;
        return failed (s, SB_FAIL,
                       sb_format (s->call, "the script for '%s' is %s", s->host->name,
                                  line == NULL ? "not UTF-8" : "too long"));
    }
    if (strlen (line) > LINE_MAX_CHARS) {
        line = command_line (s->call, READ_STDIN);
        input = on_stdin (s->call, script);
    }
    return have_ticket (s) && create (s) && command (s, line, input != NULL) && (input == NULL || feed (s, input))
           && receive_all (s);
}

void
wsman_run (struct sb_call *call, const struct wsman_host *host, const char *script, struct wsman_result *ret)
{
    struct session s = { .call = call, .host = host, .result = ret };

    memset (ret, 0, sizeof *ret);
    ret->rc = SB_RETRY;
    ret->exit_code = -1;
    http_open (&s.http, call, host);
    if (run_script (&s, script)) {
        ret->reached = WSMAN_DONE;
        ret->rc = SB_OK;
    }
    end_shell (&s);
    release (&s);
}

void
wsman_result_free (struct wsman_result *r)
{
    sb_buf_free (&r->out);
    sb_buf_free (&r->err);
}

bool
wsman_answers (struct sb_call *call, const struct wsman_host *host)
{
    struct wsman_host nobody = *host;
    const struct sb_buf empty = { 0 };
    struct http http;
    long status;
    bool there;

    nobody.auth = WSMAN_NOBODY;
    http_open (&http, call, &nobody);
    there = http_post (&http, &empty, false, (long) sb_number (call, "connect timeout") * 2, &status) == CURLE_OK;
    http_close (&http);
    return there;
}
