/* A message as one line for a system log: RFC 5424 over UDP, TCP or TLS (RFC
 * 5425, 6587), the older form (RFC 3164) for the socket of this host.  Nobody
 * answers there: the receipt says to whom it was given. */
#include "plugins/notify/notify.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCAL_SOCKET  "/dev/log"
#define DATAGRAM_MOST 2048 /* every receiver should take that: RFC 5424, 6.1 */
#define STREAM_MOST   8192

static const int severities[LEVELS] = { 6, 5, 4, 2 };
static const char *const facilities[] = { "kern", "user", "mail", "daemon", "auth" };

static int
facility_of (struct sb_call *call)
{
    const char *word = sb_setting (call, "facility");
    size_t i;

    for (i = 0; i < sizeof facilities / sizeof *facilities; i++)
        if (strcmp (word, facilities[i]) == 0)
            return (int) i;
    return 16 + (word[strlen (word) - 1] - '0'); /* local0 to local7 */
}

/* PARAM-VALUE of RFC 5424, 6.3.3. */
static const char *
param (struct sb_call *call, const char *s)
{
    struct text t = { .call = call };

    text_add (&t, "", 0);
    for (s = one_line (call, s); *s != '\0'; s++) {
        if (strchr ("\"\\]", *s) != NULL)
            text_str (&t, "\\");
        text_add (&t, s, 1);
    }
    return t.s;
}

static const char *
line_of (struct sb_call *call, const struct message *m, int modern, size_t most, int *ret_cut)
{
    int pri = facility_of (call) * 8 + severities[m->level];
    char host[256] = "-", stamp[64];
    time_t now = time (NULL);
    struct text t = { .call = call };
    const char *said;
    struct tm tm;
    size_t i;

    gethostname (host, sizeof host - 1);
    gmtime_r (&now, &tm);
    if (modern) {
        strftime (stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
        text_str (
                &t,
                sb_format (
                        call,
                        "<%d>1 %s %s switchback %ld %s [switchback@32473 id=\"%s\" run=\"%s\" drill=\"%s\"] \xef\xbb\xbf",
                        pri, stamp, host, (long) getpid (), m->what, param (call, m->id), param (call, m->run),
                        m->drill ? "yes" : "no"));
    } else {
        localtime_r (&now, &tm);
        strftime (stamp, sizeof stamp, "%b %e %H:%M:%S", &tm);
        text_str (&t, sb_format (call, "<%d>%s switchback[%ld]: ", pri, stamp, (long) getpid ()));
    }
    said = sb_format (call, "%s; %s", m->subject, *m->text != '\0' ? m->text : m->body);
    for (i = 0; i < m->nfacts; i++)
        said = sb_format (call, "%s; %s=%s", said, m->facts[i].name, m->facts[i].value);
    text_str (&t, escaped (call, NULL, one_line (call, said), (most - t.len) / 3, ret_cut));
    return t.s;
}

static enum sb_rc
send_local (struct sb_call *call, const char *path, const char *line)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int types[] = { SOCK_DGRAM, SOCK_STREAM }, failed = 0, fd;
    size_t i, n = strlen (line);

    if (strlen (path) >= sizeof to.sun_path)
        return sb_fail (call, SB_FAIL, "the socket's path is too long: %s", path);
    strcpy (to.sun_path, path);
    for (i = 0; i < 2; i++) {
        fd = socket (AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && connect (fd, (struct sockaddr *) &to, sizeof to) == 0
            && send (fd, line, n + (types[i] == SOCK_STREAM), MSG_NOSIGNAL)
                       == (ssize_t) (n + (types[i] == SOCK_STREAM))) {
            close (fd);
            sb_result (call, "receipt", sb_format (call, "given to %s", path));
            return SB_OK;
        }
        failed = errno;
        if (fd >= 0)
            close (fd);
        if (failed != EPROTOTYPE)
            break;
    }
    return sb_fail (call, SB_RETRY, "the system log %s does not take the line: %s", path, strerror (failed));
}

static enum sb_rc
send_datagram (struct sb_call *call, const char *where, const char *line)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
    const char *colon = strrchr (where, ':');
    struct addrinfo *list = NULL, *a;
    const char *host;
    int fd, sent = 0, error;

    if (colon == NULL)
        return sb_fail (call, SB_FAIL, "syslog = udp:%s has no port", where);
    host = sb_format (call, "%.*s", (int) (colon - where), where);
    error = getaddrinfo (host, colon + 1, &hints, &list);
    if (error != 0)
        return sb_fail (call, SB_RETRY, "the host of the system log '%s' is not known: %s", host, gai_strerror (error));
    for (a = list; a != NULL && !sent; a = a->ai_next) {
        fd = socket (a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        sent = fd >= 0 && sendto (fd, line, strlen (line), 0, a->ai_addr, a->ai_addrlen) == (ssize_t) strlen (line);
        if (fd >= 0)
            close (fd);
    }
    freeaddrinfo (list);
    if (!sent)
        return sb_fail (call, SB_RETRY, "the system log at %s does not take the line: %s", where, strerror (errno));
    sb_result (call, "receipt", sb_format (call, "sent to %s by UDP, which nobody confirms", where));
    return SB_OK;
}

static CURLcode
write_all (struct sb_call *call, CURL *c, const char *data, size_t n)
{
    CURLcode code = CURLE_OK;
    size_t sent = 0, k;

    while (sent < n && (code == CURLE_OK || code == CURLE_AGAIN)) {
        k = 0;
        code = curl_easy_send (c, data + sent, n - sent, &k);
        sent += k;
        if (code == CURLE_AGAIN && sb_pause (call, 20))
            return CURLE_OPERATION_TIMEDOUT;
    }
    return code;
}

/* curl connects, with TLS where it is wanted; the bytes are ours: "LENGTH LINE" (RFC 6587, 3.4.1). */
static enum sb_rc
send_stream (struct sb_call *call, const char *scheme, const char *where, const char *line)
{
    char error[CURL_ERROR_SIZE] = "";
    struct reply reply = { .len = 0 };
    const char *frame = sb_format (call, "%zu %s", strlen (line), line);
    CURL *c = new_transfer (call, &reply, error);
    CURLcode code;

    curl_easy_setopt (c, CURLOPT_URL, sb_format (call, "%s://%s", scheme, where));
    curl_easy_setopt (c, CURLOPT_PROTOCOLS_STR, scheme);
    curl_easy_setopt (c, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt (c, CURLOPT_SSL_ENABLE_ALPN, 0L);
    code = curl_easy_perform (c);
    if (code == CURLE_OK)
        code = write_all (call, c, frame, strlen (frame));
    curl_easy_cleanup (c);
    if (code != CURLE_OK)
        return sb_fail (call, code == CURLE_PEER_FAILED_VERIFICATION ? SB_FAIL : SB_RETRY,
                        "the system log at %s was not reached: %s", where,
                        *error != '\0' ? error : curl_easy_strerror (code));
    sb_result (call, "receipt", sb_format (call, "written to %s", where));
    return SB_OK;
}

static const struct {
    const char *prefix, *scheme;
} ways[] = { { "udp:", NULL }, { "tcp:", "http" }, { "tls:", "https" } };

enum sb_rc
send_syslog (struct sb_call *call, const struct message *m)
{
    const char *where = sb_setting (call, "syslog");
    size_t i;
    int cut = 0;

    if (where == NULL || strcmp (where, "local") == 0)
        return send_local (call, LOCAL_SOCKET, line_of (call, m, 0, DATAGRAM_MOST, &cut));
    if (*where == '/')
        return send_local (call, where, line_of (call, m, 0, DATAGRAM_MOST, &cut));
    for (i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strncmp (where, ways[i].prefix, 4) == 0)
            return ways[i].scheme == NULL
                           ? send_datagram (call, where + 4, line_of (call, m, 1, DATAGRAM_MOST, &cut))
                           : send_stream (call, ways[i].scheme, where + 4, line_of (call, m, 1, STREAM_MOST, &cut));
    return sb_fail (call, SB_FAIL,
                    "[channel %s] syslog = %s is neither 'local', a path, udp:, tcp: nor tls: with HOST:PORT",
                    sb_about (call, "object"), where);
}

const char *
preview_syslog (struct sb_call *call, const struct message *m, int *ret_cut)
{
    const char *where = sb_setting (call, "syslog");
    int modern = where != NULL && strlen (where) > 4 && where[3] == ':';

    return line_of (call, m, modern, modern && strncmp (where, "udp:", 4) != 0 ? STREAM_MOST : DATAGRAM_MOST, ret_cut);
}
