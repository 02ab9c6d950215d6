/* The bytes of a backup set:
 *
 *   SBSET1 <length of header> <length of the set>\n     a line of fixed width
 *   header, JSON
 *   filler, so that the set is as long as it claims
 *   SBEND1 <checksum of header and filler>\n            a line of fixed width
 *
 * One set follows another in one file. */
#include "lab/world/backupfile.h"

#include "lab/world/intern.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAD  29 /* "SBSET1 0000000000 0000000000\n" */
#define TRAIL 16 /* "SBEND1 00000000\n" */
#define MOST  (64u << 20)

enum field_type { SMALL, NUMBER, TEXT };

struct field {
    const char *name;
    enum field_type type;
    size_t at, size;
};

#define FIELD(type, field)                                                             \
    {                                                                                  \
#field, type, offsetof(struct w_set, field), sizeof((struct w_set *) 0)->field \
    }

static const struct field fields[] = {
    FIELD (NUMBER, seed),
    FIELD (NUMBER, guid),
    FIELD (NUMBER, database_guid),
    FIELD (NUMBER, family),
    FIELD (NUMBER, fork),
    FIELD (NUMBER, first_fork),
    FIELD (NUMBER, type),
    FIELD (NUMBER, user_access),
    FIELD (NUMBER, recovery_model),
    FIELD (NUMBER, flags),
    FIELD (NUMBER, first),
    FIELD (NUMBER, last),
    FIELD (NUMBER, checkpoint),
    FIELD (NUMBER, database_backup),
    FIELD (NUMBER, fork_point),
    FIELD (NUMBER, created_ms),
    FIELD (NUMBER, start_ms),
    FIELD (NUMBER, finish_ms),
    FIELD (NUMBER, size),
    FIELD (NUMBER, position),
    FIELD (NUMBER, version),
    FIELD (TEXT, database),
    FIELD (TEXT, server),
    FIELD (TEXT, name),
    FIELD (TEXT, user),
};

static json_t *
header_json (const struct w_set *s)
{
    json_t *j = json_object ();

    for (const struct field *f = fields; f < fields + sizeof fields / sizeof *fields; f++) {
        int64_t v = 0;

        if (f->type == TEXT) {
            json_object_set_new (j, f->name, json_string_nocheck ((const char *) s + f->at));
            continue;
        }
        memcpy (&v, (const char *) s + f->at, f->size); /* little endian, as is everything the lab runs on */
        json_object_set_new (j, f->name, json_integer (v));
    }
    return j;
}

static bool
header_read (const char *text, size_t n, struct w_set *s)
{
    json_t *j = json_loadb (text, n, 0, NULL), *v;
    bool good = j != NULL;

    memset (s, 0, sizeof *s);
    for (const struct field *f = fields; good && f < fields + sizeof fields / sizeof *fields; f++) {
        v = json_object_get (j, f->name);
        if (f->type == TEXT) {
            good = json_is_string (v) && json_string_length (v) < f->size;
            if (good)
                memcpy ((char *) s + f->at, json_string_value (v), json_string_length (v) + 1);
        } else {
            int64_t number = json_integer_value (v);

            good = json_is_integer (v);
            memcpy ((char *) s + f->at, &number, f->size);
        }
    }
    json_decref (j);
    return good;
}

void
w_set_write (const struct w_set *s, struct sb_buf *out)
{
    json_t *j = header_json (s);
    char *header = json_dumps (j, JSON_COMPACT | JSON_SORT_KEYS);
    size_t n = strlen (header), total = LEAD + n + TRAIL, start = out->len + LEAD;
    uint32_t fill = s->guid * 2654435761u;

    if (s->size > 0 && (size_t) s->size > total)
        total = (size_t) s->size;
    sb_buf_printf (out, "SBSET1 %010zu %010zu\n", n, total);
    sb_buf_str (out, header);
    for (size_t i = LEAD + n; i < total - TRAIL; i++) {
        fill = fill * 1664525u + 1013904223u;
        sb_buf_char (out, (char) (fill >> 24));
    }
    sb_buf_printf (out, "SBEND1 %08x\n", w_crc (out->s + start, out->len - start));
    free (header);
    json_decref (j);
}

/* One set at `p`; *ret_total is how long it is. */
static enum w_set_class
read_one (const char *p, size_t n, struct w_set *ret, size_t *ret_total)
{
    size_t header, total;
    unsigned crc;
    char lead[LEAD + 1] = "", trail[TRAIL + 1] = "", again[64];

    if (n == 0)
        return W_SET_EMPTY;
    if (memcmp (p, "SBSET1 ", n < 7 ? n : 7) != 0)
        return W_SET_NO_BACKUP;
    if (n < LEAD)
        return W_SET_EMPTY;
    memcpy (lead, p, LEAD);
    if (sscanf (lead, "SBSET1 %10zu %10zu\n", &header, &total) != 2 || total > MOST || header > total
        || LEAD + header + TRAIL > total)
        return W_SET_NO_BACKUP;
    snprintf (again, sizeof again, "SBSET1 %010zu %010zu\n", header, total);
    if (strcmp (again, lead) != 0)
        return W_SET_NO_BACKUP;
    if (n < LEAD + header)
        return W_SET_EMPTY;
    if (!header_read (p + LEAD, header, ret))
        return W_SET_NO_BACKUP;
    if (n < total)
        return W_SET_SHORT;
    memcpy (trail, p + total - TRAIL, TRAIL);
    crc = w_crc (p + LEAD, total - LEAD - TRAIL);
    snprintf (again, sizeof again, "SBEND1 %08x\n", crc);
    if (strcmp (again, trail) != 0)
        return W_SET_BROKEN;
    *ret_total = total;
    return W_SET_GOOD;
}

enum w_set_class
w_set_read (const void *data, size_t n, unsigned position, struct w_set *ret, unsigned *ret_sets)
{
    const char *p = data;
    enum w_set_class class, wanted = W_SET_NO_POSITION;
    struct w_set s;
    size_t total, left = n;

    *ret_sets = 0;
    do {
        class = read_one (p, left, &s, &total);
        if (class != W_SET_GOOD && *ret_sets == 0)
            return class;
        (*ret_sets)++;
        if (*ret_sets == position) {
            *ret = s;
            wanted = class;
        }
        if (class != W_SET_GOOD)
            break;
        p += total;
        left -= total;
    } while (left > 0);
    return wanted;
}
