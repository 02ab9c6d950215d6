/* What PowerShell writes to stderr, as the plugin `pool` makes a sentence of it (plugins/pool/soap.h). */
#include "plugins/pool/soap.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct sb_buf out = { 0 };

    soap_clixml_text ((const char *) data, size, &out);
    if (out.len > size)
        __builtin_trap ();
    sb_buf_free (&out);
    return 0;
}
