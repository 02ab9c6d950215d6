/* TCP: resolve a name once, connect with a deadline, probe.  Names are looked
 * up by sb_tcp_resolve() alone, which may take as long as the resolver likes;
 * everything else is bounded. */
#ifndef SB_SYS_TCP_H
#define SB_SYS_TCP_H

#include "core/base/buf.h"
#include "core/base/fault.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct sb_tcp_addr {
    struct sockaddr_storage sa;
    socklen_t len; /* 0: none */
};

bool sb_tcp_resolve (const char *host, uint16_t port, struct sb_tcp_addr *ret, struct sb_faults *faults);
/* A connected, non-blocking, close-on-exec socket without delay; -1 with one fault. */
int sb_tcp_connect (const struct sb_tcp_addr *addr, int64_t deadline, struct sb_faults *faults);
/* Does anybody accept connections there?  The fault says what came back: refused, no answer, no route. */
bool sb_tcp_probe (const struct sb_tcp_addr *addr, int64_t deadline, struct sb_faults *faults);
/* Listens on an address of this machine; port 0 chooses one, told in *ret_port (may be NULL). */
int sb_tcp_listen (const char *host, uint16_t port, uint16_t *ret_port, struct sb_faults *faults);
int sb_tcp_accept (int listener);                                      /* -1: nobody is waiting */
void sb_tcp_text (const struct sb_tcp_addr *addr, struct sb_buf *out); /* 127.0.0.1:1433, [::1]:1433 */

#endif
