/* Packets on a socket: messages over several of them, cancelled ones, attention between and inside. */
#include "core/base/mem.h"
#include "lab/tds/wire.h"

#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf body = { 0 };
    struct sb_tds_wire w;
    int fd[2];

    if (size > 65536 || socketpair (AF_UNIX, SOCK_STREAM, 0, fd) != 0)
        return 0;
    if (size > 0 && write (fd[1], data, size) != (ssize_t) size) {
        close (fd[0]);
        close (fd[1]);
        return 0;
    }
    shutdown (fd[1], SHUT_WR);
    sb_tds_wire_init (&w, fd[0], -1);
    for (unsigned n = 0; n < 10000; n++) {
        uint8_t type;
        if (n % 2 == 1 && sb_tds_wire_attention (&w))
            continue;
        if (sb_tds_wire_read (&w, 1000, 65536, &type, &body) != SB_TDS_GOT)
            break;
        if (body.len > 65536)
            __builtin_trap ();
    }
    sb_tds_wire_release (&w);
    close (fd[0]);
    close (fd[1]);
    return 0;
}
