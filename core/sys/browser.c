/* Asking SQL Browser; see browser.h. */
#include "core/sys/browser.h"

#include "core/base/mem.h"
#include "core/base/ssrp.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"
#include "core/sys/tcp.h"

#include <poll.h>
#include <sys/socket.h>

#define TRIES 3

/* One question, and what comes back until then; 0: nothing that answers it. */
static uint16_t
ask_once (int fd, const struct sb_buf *question, const char *named, int64_t until)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char answer[SB_SSRP_ANSWER];
    uint16_t port = 0;

    if (send (fd, question->s, question->len, MSG_NOSIGNAL) < 0)
        return 0;
    while (port == 0 && poll (&p, 1, sb_deadline_left (until)) > 0) {
        ssize_t n = recv (fd, answer, sizeof answer, MSG_DONTWAIT);

        if (n < 0) /* nobody listens there */
            return 0;
        port = sb_ssrp_port (answer, (size_t) n, named);
    }
    return port;
}

uint16_t
sb_browser_ask (const char *host, const char *named, int64_t deadline, struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf question = { 0 };
    struct sb_tcp_addr a;
    uint16_t port = 0;

    if (!sb_ssrp_question (named, &question)) {
        sb_fault (faults, NULL, 0, "'%s' cannot be the name of an instance", named);
        return 0;
    }
    if (!sb_tcp_resolve (host, SB_SSRP_PORT, &a, faults))
        return 0;
    SB_CLEANUP (sb_fd_close) int fd = socket (a.sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect (fd, (struct sockaddr *) &a.sa, a.len) == 0)
        for (int left = TRIES; left > 0 && port == 0 && sb_deadline_left (deadline) > 0; left--)
            port = ask_once (fd, &question, named, sb_deadline_in (sb_deadline_left (deadline) / left));
    if (port == 0)
        sb_fault (faults, NULL, 0, "SQL Browser at %s does not tell where the instance '%s' listens", host, named);
    return port;
}
