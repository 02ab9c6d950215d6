/* A walk over the members of one object: strings are skipped to their closing
 * quote, objects and lists to their closing bracket. */
#include "core/engine/body.h"

#include "core/base/text.h"

#include <string.h>

/* Past the closing quote; NULL: there is none. */
static const char *
skip_text (const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && *++at == 0)
            return NULL;
    return *at ? at + 1 : NULL;
}

/* Past an object or a list. */
static const char *
skip_nested (const char *at)
{
    unsigned depth = 0;

    do {
        if (*at == '"') {
            if ((at = skip_text (at)) == NULL)
                return NULL;
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        if (*at++ == 0)
            return NULL;
    } while (depth > 0);
    return at;
}

static const char *
skip_value (const char *at)
{
    const char *end;

    if (*at == '"')
        return skip_text (at);
    if (*at == '{' || *at == '[')
        return skip_nested (at);
    end = at + strcspn (at, ",}");
    return end > at ? end : NULL;
}

/* Behind a member comes a comma, or the end of the object. */
static const char *
read_member (struct sb_body *b, const char *at)
{
    struct sb_body_member *m = &b->list[b->count];
    const char *end = *at == '"' && b->count < SB_BODY_MOST ? skip_text (at) : NULL;

    if (end == NULL || *end != ':' || end - at - 2 > UINT16_MAX)
        return NULL;
    m->key = at + 1;
    m->key_len = (uint16_t) (end - at - 2);
    m->value = end + 1;
    end = skip_value (m->value);
    if (end == NULL || (*end != ',' && *end != '}'))
        return NULL;
    m->len = (size_t) (end - m->value);
    b->count++;
    return end;
}

bool
sb_body_read (struct sb_body *b, const char *text)
{
    b->count = 0;
    b->bad = false;
    if (strcmp (text, "{}") == 0)
        return true;
    if (*text != '{')
        return false;
    do
        text = read_member (b, text + 1);
    while (text != NULL && *text == ',');
    return text != NULL && strcmp (text, "}") == 0;
}

static const struct sb_body_member *
member (const struct sb_body *b, const char *key)
{
    size_t n = strlen (key), i;

    for (i = 0; i < b->count; i++)
        if (b->list[i].key_len == n && memcmp (b->list[i].key, key, n) == 0)
            return &b->list[i];
    return NULL;
}

uint8_t
sb_body_word (const struct sb_body *b, const char *key, const char *const *words, size_t n, uint8_t none)
{
    const struct sb_body_member *m = member (b, key);
    size_t i;

    for (i = 0; m != NULL && *m->value == '"' && i < n; i++)
        if (words[i] != NULL && strlen (words[i]) == m->len - 2 && memcmp (words[i], m->value + 1, m->len - 2) == 0)
            return (uint8_t) i;
    return none;
}

int64_t
sb_body_number (struct sb_body *b, const char *key)
{
    const struct sb_body_member *m = member (b, key);
    char text[24] = "";
    int64_t value = 0;

    if (m == NULL)
        return 0;
    if (m->len < sizeof text)
        memcpy (text, m->value, m->len);
    if (!sb_parse_int (text, &value))
        b->bad = true;
    return value;
}

bool
sb_body_true (const struct sb_body *b, const char *key)
{
    const struct sb_body_member *m = member (b, key);

    return m != NULL && m->len == 4 && memcmp (m->value, "true", 4) == 0;
}

json_t *
sb_body_json (struct sb_body *b, const char *key)
{
    const struct sb_body_member *m = member (b, key);
    json_t *value = m == NULL ? NULL : json_loadb (m->value, m->len, JSON_DECODE_ANY, NULL);

    if (m != NULL && value == NULL)
        b->bad = true;
    return value;
}
