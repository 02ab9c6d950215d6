/* How doors talk to the world process: a UNIX stream socket, DIR/world.sock, and
 * messages of core/sys/stream.h (four bytes of length, then a body).  Bodies are
 * the structs of world.h and ops.h as they lie in memory: both ends are the same
 * program.  Every request begins with struct w_req and is answered by struct
 * w_ans and what follows it; events come on connections that asked for them.
 *
 * A session ends when the connection that sent its W_OP_LOGIN closes. */
#ifndef SB_LAB_WORLD_RPC_H
#define SB_LAB_WORLD_RPC_H

#include "lab/world/ops.h"

#define W_RPC_LIMIT (16u << 20) /* a full world fits */

enum w_req_kind {
    W_REQ_SNAPSHOT =
            1,       /* arg: version that the caller has; answer: arg is the clock; W_ANS_SAME, W_ANS_CHANGES and what
                           changed since (delta.h), or W_ANS_OK and a packed world */
    W_REQ_OP,        /* body: struct w_op; answer: struct w_out */
    W_REQ_WORK,      /* arg: work; answer: struct w_out, W_WORKING as long as it is under way */
    W_REQ_ROWS,      /* id: copy, spid; body: JSON array of [table, op, key, columns]; answer: struct w_out,
                           value[0] first LSN, value[1] fork; 2627 and the numbers of w_copy_writable() */
    W_REQ_SUBSCRIBE, /* from now on this connection carries struct w_event; id: instance, 0: all */
    W_REQ_SITE,      /* id: site; this connection is the power of a site: when it breaks, the site lost power */
    W_REQ_TIME,      /* answer: arg is the clock in Unix ms */
    W_REQ_FILE, /* id: instance; arg: enum w_file_req; body: path\0path\0: what xp_dirtree, HEADERONLY, VERIFYONLY need */
    W_REQ_STOP /* the lab ends */
};
enum w_file_req {
    W_FILE_LIST = 1, /* answer: arg = error, body: struct w_file ... */
    W_FILE_STAT,     /* answer: arg = error, body: struct w_file */
    W_FILE_READ,     /* spid: position, 0: all; answer: arg = error, body: struct w_file_set ... */
    W_FILE_MKDIR,    /* answer: arg = error */
    W_FILE_REMOVE,
    W_FILE_DAMAGE,  /* the lab's faults: overwrite bytes in the middle, */
    W_FILE_TRUNCATE /* cut the file in half */
};
struct w_file_set {
    uint32_t set_class; /* enum w_set_class */
    uint32_t sets;      /* how many the file holds */
    struct w_set set;
};

struct w_req {
    uint16_t kind;
    w_id id;
    uint16_t spid;
    uint16_t reserved;
    uint64_t arg;
};
enum w_ans_kind { W_ANS_OK = 1, W_ANS_SAME, W_ANS_BAD, W_ANS_CHANGES };
struct w_ans {
    uint32_t kind;
    uint32_t reserved;
    uint64_t arg;
};

#endif
