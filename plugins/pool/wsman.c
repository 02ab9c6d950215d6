/* The client side of a remote shell; see wsman.h. */
#include "plugins/pool/wsman.h"

#include "core/base/mem.h"
#include "plugins/pool/soap.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX     (4u << 20)
#define OUTPUT_MAX     (8u << 20)
#define OPERATION_S    20u   /* a Receive without news comes back after so long */
#define HTTP_MARGIN_MS 15000 /* the transport waits longer than the operation */
#define CLOSING_MS     1500  /* for Signal and for Delete, also when time is up */
#define RESERVE_MS     4000  /* kept back for them */
#define LINE_MAX_CHARS 8000u /* cmd.exe takes 8191 */

struct session {
    struct sb_call *call;
    const struct wsman_host *host;
    struct wsman_result *result;
    CURL *curl;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    struct sb_buf body, answer;
    bool closing; /* the stop is known: what is sent now ends things */
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
    { 401, SB_FAIL, false, "the user or password was not accepted, or Basic authentication is off" },
    { 403, SB_FAIL, false, "access is forbidden" },
    { 404, SB_FAIL, false, "there is no WS-Management at this address" },
    { 503, SB_RETRY, true, "the service is off" },
    { 0, SB_RETRY, false, "an answer that does not belong to WS-Management" },
};

static bool
failed_by_status (struct session *s, const char *what, long status)
{
    const struct http_class *c = http_classes;

    while (c->status != 0 && c->status != status)
        c++;
    if (s->result->reached == WSMAN_NOT_THERE && !c->elsewhere)
        s->result->reached = WSMAN_REFUSED;
    return failed (s, c->rc,
                   sb_format (s->call, "front end '%s' did not %s: %s (HTTP %ld)", s->host->name, what, c->text,
                              status));
}

/* libcurl's codes; certificates are not a matter of luck, everything else may be. */
static bool
failed_by_transport (struct session *s, const char *what, CURLcode code)
{
    const char *detail = s->error[0] != '\0' ? s->error : curl_easy_strerror (code);
    enum sb_rc rc = SB_RETRY;

    if (code == CURLE_ABORTED_BY_CALLBACK)
        return failed (s, SB_STOPPED,
                       sb_format (s->call, "stopped while front end '%s' was to %s", s->host->name, what));
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT
        || code == CURLE_UNSUPPORTED_PROTOCOL) {
        rc = SB_FAIL;
        if (s->result->reached == WSMAN_NOT_THERE)
            s->result->reached = WSMAN_REFUSED;
    }
    return failed (s, rc, sb_format (s->call, "front end '%s' could not %s: %s", s->host->name, what, detail));
}

/* ---- transport ------------------------------------------------------------------------------------------ */

static size_t
take_body (char *data, size_t size, size_t n, void *ctx)
{
    struct session *s = ctx;

    if (s->answer.len + size * n > ANSWER_MAX)
        return 0;
    sb_buf_add (&s->answer, data, size * n);
    return size * n;
}

static int
look_at_stop (void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct session *s = ctx;
    struct pollfd p = { .fd = sb_stop_fd (s->call), .events = POLLIN };

    (void) a, (void) b, (void) c, (void) d;
    return !s->closing && poll (&p, 1, 0) > 0;
}

static void
prepare (struct session *s)
{
    CURL *c = s->curl = curl_easy_init ();

    s->headers = curl_slist_append (s->headers, "Content-Type: application/soap+xml;charset=UTF-8");
    s->headers = curl_slist_append (s->headers, "Expect:");
    curl_easy_setopt (c, CURLOPT_URL, s->host->url);
    curl_easy_setopt (c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt (c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt (c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt (c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt (c, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt (c, CURLOPT_POST, 1L);
    curl_easy_setopt (c, CURLOPT_ERRORBUFFER, s->error);
    curl_easy_setopt (c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt (c, CURLOPT_WRITEDATA, s);
    curl_easy_setopt (c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt (c, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    curl_easy_setopt (c, CURLOPT_XFERINFODATA, s);
    curl_easy_setopt (c, CURLOPT_CONNECTTIMEOUT_MS, (long) sb_number (s->call, "connect timeout"));
    curl_easy_setopt (c, CURLOPT_SSL_VERIFYPEER, s->host->check_tls ? 1L : 0L);
    curl_easy_setopt (c, CURLOPT_SSL_VERIFYHOST, s->host->check_tls ? 2L : 0L);
    if (s->host->ca != NULL) {
        curl_easy_setopt (c, CURLOPT_CAINFO, s->host->ca);
        curl_easy_setopt (c, CURLOPT_CAPATH, NULL);
    }
    if (s->host->user != NULL) {
        curl_easy_setopt (c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt (c, CURLOPT_USERNAME, s->host->user);
        curl_easy_setopt (c, CURLOPT_PASSWORD, s->host->password);
    }
}

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
    int64_t left = s->closing ? CLOSING_MS : time_left (s);
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
    sb_buf_clear (&s->answer);
    s->error[0] = '\0';
    soap_write (r, &s->body);
    curl_easy_setopt (s->curl, CURLOPT_POSTFIELDS, s->body.s);
    curl_easy_setopt (s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) s->body.len);
    curl_easy_setopt (s->curl, CURLOPT_TIMEOUT_MS, limit_ms (s, r));
    /* libcurl sends a request again when a used connection turns out to be dead.  A command must not be sent twice. */
    curl_easy_setopt (s->curl, CURLOPT_FRESH_CONNECT, r->step == SOAP_COMMAND ? 1L : 0L);
    code = curl_easy_perform (s->curl);
    if (code != CURLE_OK)
        return failed_by_transport (s, what, code);
    curl_easy_getinfo (s->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 500)
        return failed_by_status (s, what, status);
    if (!soap_read (sb_buf_cstr (&s->answer), s->answer.len, ret, &why)) {
        if (s->result->reached == WSMAN_NOT_THERE)
            s->result->reached = WSMAN_REFUSED;
        return failed (s, SB_UNSURE,
                       sb_format (s->call, "front end '%s' gave an answer that cannot be read: %s (HTTP %ld)",
                                  s->host->name, why, status));
    }
    return !ret->fault || failed_by_fault (s, what, ret);
}

/* ---- the five exchanges --------------------------------------------------------------------------------- */

static bool
create (struct session *s)
{
    struct soap_request r = { .step = SOAP_CREATE };
    struct soap_answer a;
    bool ok = exchange (s, &r, "open a shell", &a);

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

/* A fault says that the command was not taken; silence says nothing. */
static bool
command (struct session *s, const char *line)
{
    struct soap_request r = { .step = SOAP_COMMAND, .line = line };
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

/* One Receive.  false: failed; *ret_done: it was the last. */
static bool
receive (struct session *s, bool *ret_done)
{
    struct soap_request r = { .step = SOAP_RECEIVE };
    struct soap_answer a;
    bool ok = exchange (s, &r, "tell the command's output", &a);

    if (!ok && a.fault && a.code == FAULT_TIMED_OUT)
        ok = true; /* nothing new: ask again */
    sb_buf_add (&s->result->out, sb_buf_cstr (&a.out), a.out.len);
    sb_buf_add (&s->result->err, sb_buf_cstr (&a.err), a.err.len);
    if (s->result->out.len + s->result->err.len > OUTPUT_MAX)
        ok = failed (s, SB_UNSURE,
                     sb_format (s->call, "the command on '%s' wrote more than %u bytes", s->host->name, OUTPUT_MAX));
    *ret_done = a.done;
    s->result->exit_code = a.exit_code;
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

    s->closing = true;
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

static void
release (struct session *s)
{
    curl_easy_cleanup (s->curl);
    curl_slist_free_all (s->headers);
    sb_buf_free (&s->body);
    sb_buf_free (&s->answer);
    free (s->shell);
    free (s->command);
}

void
wsman_run (struct sb_call *call, const struct wsman_host *host, const char *encoded, struct wsman_result *ret)
{
    struct session s = { .call = call, .host = host, .result = ret };
    char *line =
            sb_format (call, "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand %s",
                       encoded);

    memset (ret, 0, sizeof *ret);
    ret->rc = SB_RETRY;
    ret->exit_code = -1;
    if (strlen (line) > LINE_MAX_CHARS) {
        ret->reached = WSMAN_REFUSED;
        ret->rc = SB_FAIL;
        ret->sentence = sb_format (call, "the script for '%s' is too long (%zu characters)", host->name, strlen (line));
        return;
    }
    prepare (&s);
    if (create (&s) && command (&s, line) && receive_all (&s)) {
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
    struct wsman_result result = { .reached = WSMAN_NOT_THERE };
    struct session s = { .call = call, .host = &nobody, .result = &result };
    bool there;

    nobody.user = nobody.password = NULL;
    prepare (&s);
    curl_easy_setopt (s.curl, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt (s.curl, CURLOPT_TIMEOUT_MS, (long) sb_number (call, "connect timeout") * 2);
    there = curl_easy_perform (s.curl) == CURLE_OK;
    release (&s);
    return there;
}
