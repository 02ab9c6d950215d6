/* The three services, each started by sinks.c with a configuration that lives as
 * long as the process; the port that was chosen is written into it. */
#ifndef SB_LAB_SINKS_INTERN_H
#define SB_LAB_SINKS_INTERN_H

#include "core/base/fault.h"
#include "lab/sinks/sinks.h"

bool chat_start (struct lab_sinks_cfg *cfg, struct sb_faults *faults);
bool smtp_start (struct lab_sinks_cfg *cfg, struct sb_faults *faults);
bool power_start (struct lab_sinks_cfg *cfg, struct sb_faults *faults);

#endif
