/* What a front end answers, as the plugin `pool` reads it (plugins/pool/soap.h). */
#include "plugins/pool/soap.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct soap_answer a;
    const char *why = NULL;
    bool good = soap_read ((const char *) data, size, &a, &why);

    if (!good && (why == NULL || a.shell != NULL || a.out.len > 0))
        __builtin_trap (); /* what is no answer says nothing */
    if (a.reason != NULL && strlen (a.reason) > size)
        __builtin_trap (); /* nothing grows: no entity was expanded */
    if (a.out.len + a.err.len > size)
        __builtin_trap ();
    soap_answer_free (&a);
    return 0;
}
