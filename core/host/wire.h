/* What passes between the run's process and a worker: messages of JSON, four
 * bytes of length before each (core/sys/stream.h), limited in both directions.
 *
 *   to the worker    init   plugin, dirs, topology, base, run, run_dir, drill     once, first
 *                    call   id, kind, object, verb, op, on, params, deadline_ms, step, attempt
 *   from the worker  start  id
 *                    log    id, level, text
 *                    progress  id, percent, text
 *                    answer id, rc, seen, sentence, results [[name, value], ...]
 *
 * "Stop" is a byte in a pipe of its own, so that the plugin can poll for it. */
#ifndef SB_HOST_WIRE_H
#define SB_HOST_WIRE_H

#include "core/host/call.h"

#include <jansson.h>
#include <stddef.h>

#define SB_WIRE_SOCKET      3 /* descriptors of the worker */
#define SB_WIRE_STOP        4
#define SB_WIRE_TO_WORKER   (8u << 20)
#define SB_WIRE_FROM_WORKER (4u << 20)
#define SB_TOPOLOGY_MAX     (1u << 20)

/* Texts; the caller frees.  NULL: something is not UTF-8. */
char *sb_wire_init (const struct sb_lanes_cfg *cfg, const char *plugin);
char *sb_wire_call (const struct sb_call_spec *spec);
char *sb_wire_answer (uint64_t id, const struct sb_call_out *out);
char *sb_wire_say (const char *type, uint64_t id, unsigned number, const char *text);

/* The parts of a call message; strings belong to `message`, arrays to the arena. */
bool sb_wire_parse_call (json_t *message, struct sb_arena *arena, struct sb_call_in *ret);

/* Small readers: "" and 0 when it is not there. */
const char *sb_wire_text (json_t *o, const char *key);
const char *sb_wire_text_or_null (json_t *o, const char *key);

#endif
