/* The worker's side of a rehearsal; see stage.h. */
#include "core/host/stage.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 2000
#define MOST_MS    120000

static void
say_and_wait (char *line)
{
    struct sb_faults faults = { 0 };
    int fd = sb_unix_connect (getenv ("SWITCHBACK_STAGE"), sb_deadline_in (CONNECT_MS), &faults);
    size_t n = strlen (line);

    sb_faults_free (&faults);
    if (fd >= 0 && send (fd, line, n, MSG_NOSIGNAL) == (ssize_t) n)
        sb_fd_wait (fd, POLLIN, sb_deadline_in (MOST_MS));
    sb_fd_close (&fd);
    free (line);
}

static bool
is_rehearsed (const struct sb_call_in *in)
{
    const char *path = getenv ("SWITCHBACK_STAGE");

    return path != NULL && *path != '\0' && in->step != NULL && *in->step != '\0';
}

void
sb_stage_begin (const struct sb_call_in *in)
{
    if (is_rehearsed (in))
        say_and_wait (sb_xprintf ("begin\t%ld\t%" PRIu64 "\t%s\t%s\n", (long) getpid (), in->id, in->step, in->verb));
}

void
sb_stage_answer (const struct sb_call_in *in, const struct sb_call_out *out)
{
    if (is_rehearsed (in))
        say_and_wait (sb_xprintf ("answer\t%ld\t%" PRIu64 "\t%s\t%s\t%d\n", (long) getpid (), in->id, in->step,
                                  in->verb, in->op == SB_OP_VERIFY ? (int) out->seen : (int) out->rc));
}
