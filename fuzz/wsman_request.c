/* What a client asks of the lab's WS-Man doors (lab/winrm/wsman.h). */
#include "lab/winrm/wsman.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct wsman_request r = { 0 };
    enum wsman_fault f = wsman_parse ((const char *) data, size, &r);

    if (f == WSMAN_OK && (r.action == WSMAN_NO_ACTION || r.timeout_ms > WSMAN_MAX_TIMEOUT_MS))
        __builtin_trap ();
    wsman_request_free (&r);
    return 0;
}
