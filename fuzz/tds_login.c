/* LOGIN7: texts, features, the token of an integrated login. */
#include "lab/tds/login.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct sb_tds_login l;

    if (sb_tds_login_parse (data, size, &l)) {
        if (l.user == NULL || l.password == NULL || l.database == NULL || l.tds < 0x71 || l.tds > 0x74)
            __builtin_trap ();
        sb_tds_login_release (&l);
    }
    return 0;
}
