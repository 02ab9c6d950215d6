/* PRELOGIN, the first thing that anybody can send to the lab's SQL door. */
#include "core/base/mem.h"
#include "lab/tds/login.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct sb_tds_prelogin p;

    if (!sb_tds_prelogin_parse (data, size, &p))
        return 0;
    for (int policy = SB_TDS_TLS_FORCED; policy <= SB_TDS_TLS_NONE; policy++) {
        SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
        struct sb_tds_agreement a = sb_tds_agree (p.encrypt, (enum sb_tds_policy) policy);
        sb_tds_prelogin_answer (&p, a.answer, 16, &out);
        if (!sb_tds_prelogin_parse ((const uint8_t *) out.s, out.len, &p)) /* what the server says can be read, too */
            __builtin_trap ();
    }
    return 0;
}
