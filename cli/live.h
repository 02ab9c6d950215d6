/* The live view of a run: one line per thing that happened, on stderr; gates
 * asked on a terminal.  Decides nothing but what a person typed. */
#ifndef SB_CLI_LIVE_H
#define SB_CLI_LIVE_H

#include "cli/forecast.h"
#include "core/engine/run.h"

#include <stdbool.h>

struct live {
    bool color;
    bool terminal; /* a person can be asked here */
    bool drill;
    uint32_t asking; /* the step whose gate is being asked, or SB_NO_STEP */
    int64_t began_ms;
    const struct cli_forecast *forecast; /* NULL: none */
    int64_t told_left_ms, told_at_ms;    /* what was told last, and when */
};

extern const struct sb_run_view live_view; /* its context is a struct live */

#endif
