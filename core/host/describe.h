/* The manifest of a plugin: its tables as JSON, and the fingerprint of the file
 * they were read from.  Both directions; what is read is checked as strictly as
 * a plugin that is loaded.  A manifest holds no code: run() and verify() of what
 * is read are NULL. */
#ifndef SB_HOST_DESCRIBE_H
#define SB_HOST_DESCRIBE_H

#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/model/topology.h"

#include <switchback/plugin.h>

#include <stdbool.h>
#include <stddef.h>

#define SB_MANIFEST_MAX    (1u << 20)
#define SB_MANIFEST_FORMAT 1
#define SB_FINGERPRINT     80 /* "build-id:" or "sha256:" and digits, and NUL */

/* What tells one build of a file from another: the build id that the linker wrote (stripping keeps it), else the
 * SHA-256 of the whole file. */
bool sb_fingerprint (const char *file, char ret[SB_FINGERPRINT], struct sb_faults *faults);

/* The manifest as text with a newline at its end; caller frees. */
char *sb_manifest_make (const struct sb_plugin *p, const char *fingerprint);

/* Fills `ret` (strings and tables in the arena).  false with one fault: not a manifest.  *ret_stale: it is one, but of
 * another build; nothing is filled and no fault is added. */
bool sb_manifest_read (const char *text, size_t len, const char *file, const char *fingerprint, struct sb_arena *arena,
                       struct sb_catalogue_plugin *ret, bool *ret_stale, struct sb_faults *faults);

#endif
