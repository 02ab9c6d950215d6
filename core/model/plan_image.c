/* A plan as bytes, for a resume that has no time to parse text: the fields of
 * fields.c in order, numbers little-endian, texts with their length and a NUL so
 * that they can be used where they lie.
 *
 * An image is believed no more than JSON is: every length is checked, and the
 * digest of what was read, or the hash of the bytes, must be the one that the
 * caller expects (the journal keeps both under seal).  Whoever cannot read one
 * takes the JSON. */
#include "core/model/plan.h"

#include "core/model/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC   "sbplan1\n"
#define NOTHING UINT32_MAX /* a text or list that is NULL */

/* ---- writing ---- */

static void
put (struct sb_buf *b, uint64_t value, unsigned bytes)
{
    char le[8];
    unsigned i;

    for (i = 0; i < bytes; i++)
        le[i] = (char) (value >> (8 * i));
    sb_buf_add (b, le, bytes);
}

static void
put_text (struct sb_buf *b, const char *s)
{
    size_t n = s ? strlen (s) : 0;

    put (b, s ? (uint32_t) n : NOTHING, 4);
    if (s)
        sb_buf_add (b, s, n + 1);
}

static void
put_texts (struct sb_buf *b, const char *const *list)
{
    uint32_t n = 0;

    while (list && list[n])
        n++;
    put (b, list ? n : NOTHING, 4);
    for (uint32_t i = 0; i < n; i++)
        put_text (b, list[i]);
}

static void put_object (struct sb_buf *b, const struct sb_field *fields, const char *object);

static void
put_field (struct sb_buf *b, const struct sb_field *f, const char *object)
{
    const void *at = object + f->offset;
    size_t n = f->type == SB_FIELD_INDEXES || f->type == SB_FIELD_GROUP ? sb_field_count (f, object) : 0;

    switch (f->type) {
    case SB_FIELD_TEXT:
        put_text (b, *(const char *const *) at);
        break;
    case SB_FIELD_FLAG:
        put (b, *(const bool *) at, 1);
        break;
    case SB_FIELD_WORD:
        put (b, *(const unsigned *) at, 4);
        break;
    case SB_FIELD_INT:
        put (b, (uint64_t) (int64_t) * (const int *) at, 8);
        break;
    case SB_FIELD_MS:
        put (b, (uint64_t) * (const int64_t *) at, 8);
        break;
    case SB_FIELD_INDEX:
        put (b, *(const uint32_t *) at, 4);
        break;
    case SB_FIELD_TEXTS:
        put_texts (b, *(const char *const *const *) at);
        break;
    case SB_FIELD_INDEXES:
        put (b, n, 4);
        for (size_t i = 0; i < n; i++)
            put (b, (*(const uint32_t *const *) at)[i], 4);
        break;
    case SB_FIELD_GROUP:
        put (b, n, 4);
        for (size_t i = 0; i < n; i++)
            put_object (b, f->fields, *(const char *const *) at + i * f->size);
        break;
    }
}

static void
put_object (struct sb_buf *b, const struct sb_field *fields, const char *object)
{
    for (; fields->name != NULL; fields++)
        put_field (b, fields, object);
}

void
sb_plan_to_image (const struct sb_plan *p, struct sb_buf *out)
{
    sb_buf_add (out, MAGIC, sizeof MAGIC - 1);
    put_text (out, p->topology_digest);
    put_object (out, sb_plan_fields, (const char *) p);
}

/* ---- reading ---- */

struct reader {
    struct sb_plan *p;
    const uint8_t *at, *end;
    bool bad;
};

static uint64_t
get (struct reader *r, unsigned bytes)
{
    uint64_t value = 0;
    unsigned i;

    if ((size_t) (r->end - r->at) < bytes) {
        r->bad = true;
        r->at = r->end;
        return 0;
    }
    for (i = 0; i < bytes; i++)
        value |= (uint64_t) r->at[i] << (8 * i);
    r->at += bytes;
    return value;
}

/* NULL: there is none, or the image is bad. */
static const char *
get_text (struct reader *r)
{
    uint64_t n = get (r, 4);
    const char *text = (const char *) r->at;

    if (r->bad || n == NOTHING)
        return NULL;
    if ((uint64_t) (r->end - r->at) <= n || text[n] != 0 || memchr (text, 0, n) != NULL) {
        r->bad = true;
        return NULL;
    }
    r->at += n + 1;
    return text;
}

/* A count whose items need at least `least` bytes each: what is not there cannot be claimed. */
static size_t
get_count (struct reader *r, size_t least)
{
    uint64_t n = get (r, 4);

    if (n > SB_MAX_STEPS || n * least > (uint64_t) (r->end - r->at))
        r->bad = true;
    return r->bad ? 0 : (size_t) n;
}

static const char **
get_texts (struct reader *r)
{
    const char **list;
    size_t n;

    if (r->end - r->at >= 4 && memcmp (r->at, "\xff\xff\xff\xff", 4) == 0) {
        r->at += 4;
        return NULL;
    }
    n = get_count (r, 5);
    list = sb_arena_alloc (&r->p->arena, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++)
        if ((list[i] = get_text (r)) == NULL)
            r->bad = true;
    list[n] = NULL;
    return list;
}

static void get_object (struct reader *r, const struct sb_field *fields, char *object);

static void
get_group (struct reader *r, const struct sb_field *f, char *object)
{
    size_t n = get_count (r, 1);
    char *list = sb_arena_alloc (&r->p->arena, (n + 1) * f->size);

    memset (list, 0, (n + 1) * f->size);
    for (size_t i = 0; i < n && !r->bad; i++)
        get_object (r, f->fields, list + i * f->size);
    *(char **) (void *) (object + f->offset) = list;
    sb_field_set_count (f, object, r->bad ? 0 : n);
}

static unsigned
get_word (struct reader *r, const struct sb_field *f)
{
    uint64_t value = get (r, 4);
    unsigned n = 0;

    while (f->words[n] != NULL)
        n++;
    if (value >= n)
        r->bad = true;
    return r->bad ? 0 : (unsigned) value;
}

static void
get_indexes (struct reader *r, const struct sb_field *f, char *object)
{
    size_t n = get_count (r, 4);
    uint32_t *list = sb_arena_alloc (&r->p->arena, (n + 1) * sizeof *list);

    for (size_t i = 0; i < n; i++)
        list[i] = (uint32_t) get (r, 4);
    *(uint32_t **) (void *) (object + f->offset) = list;
    sb_field_set_count (f, object, n);
}

static void
get_field (struct reader *r, const struct sb_field *f, char *object)
{
    void *at = object + f->offset;

    switch (f->type) {
    case SB_FIELD_TEXT:
        *(const char **) at = get_text (r);
        r->bad = r->bad || (f->required && *(const char **) at == NULL);
        break;
    case SB_FIELD_FLAG:
        *(bool *) at = get (r, 1) == 1;
        break;
    case SB_FIELD_WORD:
        *(unsigned *) at = get_word (r, f);
        break;
    case SB_FIELD_INT:
        *(int *) at = (int) (int64_t) get (r, 8);
        break;
    case SB_FIELD_MS:
        *(int64_t *) at = (int64_t) get (r, 8);
        break;
    case SB_FIELD_INDEX:
        *(uint32_t *) at = (uint32_t) get (r, 4);
        break;
    case SB_FIELD_TEXTS:
        *(const char ***) at = get_texts (r);
        break;
    case SB_FIELD_INDEXES:
        get_indexes (r, f, object);
        break;
    case SB_FIELD_GROUP:
        get_group (r, f, object);
        break;
    }
}

static void
get_object (struct reader *r, const struct sb_field *fields, char *object)
{
    for (; fields->name != NULL && !r->bad; fields++)
        get_field (r, fields, object);
}

/* All but the digest, which is still to be worked out or believed. */
static bool
read_image (struct sb_plan *p, const void *bytes, size_t n)
{
    char *copy = sb_arena_alloc (&p->arena, n + 1); /* texts are used where they lie */
    struct reader r = { .p = p, .at = (const uint8_t *) copy, .end = (const uint8_t *) copy + n };
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    const char *topology;

    memcpy (copy, bytes, n);
    if (n < sizeof MAGIC || memcmp (copy, MAGIC, sizeof MAGIC - 1) != 0)
        return false;
    r.at += sizeof MAGIC - 1;
    topology = get_text (&r);
    if (topology == NULL || strlen (topology) != SB_SHA256_HEX - 1)
        return false;
    memcpy (p->topology_digest, topology, SB_SHA256_HEX);
    get_object (&r, sb_plan_fields, (char *) p);
    return !r.bad && r.at == r.end && sb_plan_check (p, &ignored);
}

bool
sb_plan_from_image (struct sb_plan *p, const void *bytes, size_t n, const char *digest)
{
    if (!read_image (p, bytes, n))
        return false;
    sb_plan_seal (p);
    return strcmp (p->digest, digest) == 0;
}

void
sb_plan_image_seal (const void *bytes, size_t n, char ret[SB_SHA256_HEX])
{
    struct sb_sha256 h;

    sb_sha256_init (&h);
    sb_sha256_add (&h, bytes, n);
    sb_sha256_hex (&h, ret);
}

bool
sb_plan_from_sealed_image (struct sb_plan *p, const void *bytes, size_t n, const char *digest, const char *seal)
{
    char found[SB_SHA256_HEX];

    sb_plan_image_seal (bytes, n, found);
    if (strcmp (found, seal) != 0 || strlen (digest) != SB_SHA256_HEX - 1 || !read_image (p, bytes, n))
        return false;
    sb_plan_link (p);
    memcpy (p->digest, digest, SB_SHA256_HEX);
    return true;
}
