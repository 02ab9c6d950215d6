/* Asking SQL Browser where a named instance listens (core/base/ssrp.h).  The name is looked up first, which may take as
 * long as the resolver likes; everything else ends with the deadline. */
#ifndef SB_SYS_BROWSER_H
#define SB_SYS_BROWSER_H

#include "core/base/fault.h"

#include <stdint.h>

/* The TCP port of the instance; 0 with one fault.  Datagrams get lost: it is asked up to three times. */
uint16_t sb_browser_ask (const char *host, const char *named, int64_t deadline, struct sb_faults *faults);

#endif
