/* Strict INI reading over inih: our own line reader owns line numbers and
 * refuses what inih would change silently (long lines, long section names, NUL
 * bytes, indented headers, continuation lines, keys after a broken header).
 *
 * `;` or `#` starts a comment line, a blank and `;` a comment behind a value; a
 * value that needs a semicolon after a blank has it as `\;`.  A section or a key
 * of one section that appears twice is a fault.  `:` does not separate key and
 * value.  Keys before the first header belong to the section "". */
#ifndef SB_BASE_INI_H
#define SB_BASE_INI_H

#include "core/base/fault.h"

#include <stdbool.h>
#include <stddef.h>

/* One "key = value"; also called once for each section header with key and value NULL. */
typedef void (*sb_ini_fn) (void *ctx, const char *section, const char *key, const char *value, int line);

/* Reads the whole text; every fault goes to `faults` with `file` and line; true: none was added. */
bool sb_ini_parse (const char *file, const char *text, size_t len, sb_ini_fn fn, void *ctx, struct sb_faults *faults);

#endif
