/* Text: parsing of typed values, lists, UTF conversions, encodings, near misses.
 * Parsers return false and leave the target alone when the text is not of the type. */
#ifndef SB_BASE_TEXT_H
#define SB_BASE_TEXT_H

#include "core/base/buf.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool sb_parse_int (const char *s, int64_t *ret);
bool sb_parse_bool (const char *s, bool *ret);           /* yes, no */
bool sb_parse_duration (const char *s, int64_t *ret_ms); /* 250ms, 90s, 5m, 2h, 1d; a bare number is refused */
void sb_format_duration (struct sb_buf *b, int64_t ms);  /* for people: 850ms, 12.3s, 4m10s, 2h05m, 3d04h */
void sb_format_utc (struct sb_buf *b, int64_t unix_ms);  /* 2026-11-21T12:00:00.123Z */
bool sb_parse_utc (const char *s, int64_t *ret_unix_ms); /* the same; the fraction may be missing */

char *sb_trim (char *s); /* in place; returns the first non-blank */
/* "a, b ,c" -> {"a","b","c",NULL} in the arena; empty elements are dropped. */
char **sb_split_list (struct sb_arena *a, const char *text, size_t *ret_count);
bool sb_list_has (char *const *list, const char *word);
/* The word nearest to `word` (edit distance at most a third of its length, rounded up), or NULL. */
const char *sb_nearest (const char *word, const char *const *words, size_t count);

bool sb_is_utf8 (const char *s, size_t n);
bool sb_utf8_to_utf16le (const char *s, size_t n, struct sb_buf *out);        /* false: not UTF-8 */
bool sb_utf16le_to_utf8 (const void *data, size_t bytes, struct sb_buf *out); /* false: odd length or lone surrogate */
void sb_base64_encode (const void *data, size_t n, struct sb_buf *out);
bool sb_base64_decode (const char *s, size_t n, struct sb_buf *out); /* blanks are skipped */
void sb_hex (const void *data, size_t n, struct sb_buf *out);
bool sb_glob (const char *pattern, const char *name, bool fold_case); /* '*' and '?' only */
int sb_casecmp (const char *a, const char *b);                        /* ASCII only, independent of the locale */

#endif
