/* The world as it lies in DIR/state and as it travels to the doors. */
#include "core/base/mem.h"
#include "lab/world/world.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static struct world w;

    if (w_unpack (&w, data, size)) {
        SB_CLEANUP (sb_buf_free) struct sb_buf again = { 0 };
        w_pack (&w, &again);
        if (again.len != size)
            __builtin_trap ();
    }
    return 0;
}
