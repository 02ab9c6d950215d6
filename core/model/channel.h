/* What the settings of a channel mean beyond their types. */
#ifndef SB_MODEL_CHANNEL_H
#define SB_MODEL_CHANNEL_H

#include "core/model/topology.h"

#include <stdint.h>

/* "escalate to = CHANNEL after TIME": that channel, and *ret_ms > 0; NULL: there is no such key, or it makes no sense. */
const struct sb_object *
sb_channel_escalation (const struct sb_topology *t, const struct sb_object *channel, int64_t *ret_ms);

#endif
