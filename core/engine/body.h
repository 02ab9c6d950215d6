/* The outermost level of a record's body, read without making objects: a resume
 * reads hundreds of thousands of bodies and needs a word or a number of most.
 *
 * Words (texts without an escape) and whole numbers are given as they stand;
 * everything else is handed to the JSON library when it is asked for.  The text
 * must outlive the reading. */
#ifndef SB_ENGINE_BODY_H
#define SB_ENGINE_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SB_BODY_MOST 24 /* members; no kind of record has so many */

struct sb_body_member {
    const char *key, *value; /* the key without its quotes, the value with them */
    uint16_t key_len;
    size_t len;
};

struct sb_body {
    struct sb_body_member list[SB_BODY_MOST];
    size_t count;
    bool bad; /* a member that was asked for is not what it should be */
};

/* False: not an object, or one that no record has.  What stands inside of members is not looked at yet. */
bool sb_body_read (struct sb_body *b, const char *text);
/* The place of a word in a list, which may have gaps; `none`: it is not there, or no text. */
uint8_t sb_body_word (const struct sb_body *b, const char *key, const char *const *words, size_t n, uint8_t none);
int64_t sb_body_number (struct sb_body *b, const char *key); /* 0: it is not there, or bad */
bool sb_body_true (const struct sb_body *b, const char *key);
/* Any value as a new reference; NULL: it is not there, or bad. */
json_t *sb_body_json (struct sb_body *b, const char *key);

#endif
