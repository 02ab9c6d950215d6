/* The parameters of a remote procedure call, one after the other. */
#include "lab/tds/rpc.h"

#include "core/base/mem.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct sb_tds_reader rd = { .p = data, .n = size };
    struct sb_arena arena = { 0 };
    struct sb_tds_param p;
    uint64_t length;

    sb_tds_skip_headers (&rd);
    length = sb_tds_take_le (&rd, 2);
    if (length == 0xffff)
        sb_tds_take_le (&rd, 2);
    else
        sb_tds_take_text (&rd, &arena, (size_t) length);
    sb_tds_take_le (&rd, 2); /* options */
    for (unsigned n = 0; n < 200 && !rd.bad && rd.at < rd.n; n++)
        if (!sb_tds_take_param (&rd, &arena, &p))
            break;
    if (rd.at > rd.n)
        __builtin_trap ();
    sb_arena_release (&arena);
    return 0;
}
