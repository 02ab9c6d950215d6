/* Probes: does anything of a site answer?  Each endpoint (instances and front
 * ends of the topology) has a thread while it is looked up and connected to, so
 * that neither a silent resolver nor a silent host can hold the loop up.  A
 * round of a site ends when all its endpoints have answered or the time is over;
 * an endpoint whose thread still hangs counts as silent and is not asked twice
 * at a time.  "Answers" means that it accepted a connection.  A named instance
 * without a port of its own is asked for at its machine's SQL Browser in every round. */
#ifndef SB_ENGINE_PROBE_H
#define SB_ENGINE_PROBE_H

#include "core/model/topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sb_prober;

/* sites: NULL-terminated names, as in the plan; a round takes at most timeout_ms. */
struct sb_prober *sb_prober_new (const struct sb_topology *t, const char *const *sites, int64_t timeout_ms);
/* Threads that still hang end by themselves and touch nothing that is freed. */
void sb_prober_free (struct sb_prober *p);
void sb_prober_start (struct sb_prober *p, uint32_t site);
int sb_prober_fd (const struct sb_prober *p);
/* A round that ended: true, with the site and how many of its endpoints answered.  *ret_left_ms is lowered to the time
 * until a round will end by itself. */
bool sb_prober_next (struct sb_prober *p, uint32_t *ret_site, uint32_t *ret_answers, int *ret_left_ms);

#endif
