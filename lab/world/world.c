/* The life of a world: slots, strings, identifiers, copying, packing, digests.
 * One table says where every kind of thing lies, how many there are and which
 * of its fields are strings; everything here walks that table. */
#include "lab/world/intern.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define W_MAGIC  0x57424c53u /* SLBW */
#define W_FORMAT 5u
#define NO_MORE  0xffffu

struct table {
    const char *name;
    size_t at, size, count_at;
    unsigned max;
    uint16_t texts[16]; /* offsets of w_text fields; ends with NO_MORE */
};

#define TABLE(field, type, count, max, ...)                                                             \
    {                                                                                                   \
#field, offsetof(struct world, field), sizeof(struct type), offsetof(struct world, count), max, \
        {                                                                                               \
            __VA_ARGS__                                                                                 \
        }                                                                                               \
    }
#define T(type, field) offsetof (struct type, field)
#define RUN(i)         (offsetof (struct w_job, runs) + (i) * sizeof (struct w_run) + offsetof (struct w_run, arg))

static const struct table tables[W_TABLES] = {
    [W_T_SITES] = TABLE (sites, w_site, nsites, W_MAX_SITES, T (w_site, name), NO_MORE),
    [W_T_INSTANCES] = TABLE (instances, w_instance, ninstances, W_MAX_INSTANCES, T (w_instance, name),
                             T (w_instance, host), T (w_instance, server), T (w_instance, endpoint),
                             T (w_instance, slow_pattern), T (w_instance, fail_program), NO_MORE),
    [W_T_COPIES] = TABLE (copies, w_copy, ncopies, W_MAX_COPIES, T (w_copy, name), T (w_copy, owner),
                          T (w_copy, partner), T (w_copy, witness), NO_MORE),
    [W_T_FORKS] = TABLE (forks, w_fork, nforks, W_MAX_FORKS, NO_MORE),
    [W_T_FAMILIES] = TABLE (families, w_family, nfamilies, W_MAX_FAMILIES, NO_MORE),
    [W_T_SERVERS] = TABLE (servers, w_server, nservers, W_MAX_SERVERS, T (w_server, name), T (w_server, fqdn), NO_MORE),
    [W_T_FRONTENDS] = TABLE (frontends, w_frontend, nfrontends, W_MAX_FRONTENDS, T (w_frontend, name),
                             T (w_frontend, host), NO_MORE),
    [W_T_SHARES] = TABLE (shares, w_share, nshares, W_MAX_SHARES, T (w_share, name), T (w_share, unc), NO_MORE),
    [W_T_JOBS] = TABLE (jobs, w_job, njobs, W_MAX_JOBS, T (w_job, name), RUN (0), RUN (1), RUN (2), RUN (3), RUN (4),
                        RUN (5), RUN (6), RUN (7), NO_MORE),
    [W_T_PRIMARIES] =
            TABLE (primaries, w_primary, nprimaries, W_MAX_PRIMARIES, T (w_primary, database), T (w_primary, directory),
                   T (w_primary, share), T (w_primary, monitor), T (w_primary, last_file), NO_MORE),
    [W_T_PAIRS] = TABLE (pairs, w_pair, npairs, W_MAX_PAIRS, T (w_pair, server), T (w_pair, database), NO_MORE),
    [W_T_SECONDARIES] = TABLE (secondaries, w_secondary, nsecondaries, W_MAX_SECONDARIES, T (w_secondary, server),
                               T (w_secondary, database), T (w_secondary, source), T (w_secondary, destination),
                               T (w_secondary, monitor), T (w_secondary, last_copied), NO_MORE),
    [W_T_SECONDARY_DBS] = TABLE (secondary_dbs, w_secondary_db, nsecondary_dbs, W_MAX_SECONDARY_DBS,
                                 T (w_secondary_db, database), T (w_secondary_db, last_restored), NO_MORE),
    [W_T_SESSIONS] = TABLE (sessions, w_session, nsessions, W_MAX_SESSIONS, T (w_session, login), T (w_session, host),
                            T (w_session, program), NO_MORE),
    [W_T_WORKS] = TABLE (works, w_work, nworks, W_MAX_WORKS, NO_MORE),
    [W_T_HISTORY] = TABLE (history, w_history, nhistory, W_MAX_HISTORY, T (w_history, database), T (w_history, server),
                           T (w_history, file), T (w_history, user), NO_MORE),
};

_Static_assert(W_MAX_RUNS == 8, "the row of jobs above lists the strings of eight runs");
_Static_assert(W_MAX_TEXT / W_TEXT_UNIT <= 65535, "a string's place has sixteen bits");
_Static_assert(W_TEXT_UNIT == sizeof (uint64_t), "strings are compared by their first unit");
_Static_assert(W_MAX_FORKS <= 65535 && W_MAX_JOBS <= 32767, "a w_id has sixteen bits");
_Static_assert(W_MAX_SERVERS <= 16, "the active list has sixteen bits");

#define HEAD          offsetof (struct world, sites) /* everything before the tables */
#define TEXT_BYTES(w) ((size_t) (w)->ntext * W_TEXT_UNIT)

static uint16_t *
count_of (struct world *w, enum w_table t)
{
    return (uint16_t *) ((char *) w + tables[t].count_at);
}

static unsigned
count_in (const struct world *w, enum w_table t)
{
    uint16_t n;

    memcpy (&n, (const char *) w + tables[t].count_at, sizeof n);
    return n;
}

static char *
slot (struct world *w, enum w_table t, unsigned index)
{
    return (char *) w + tables[t].at + index * tables[t].size;
}

static const char *
slot_in (const struct world *w, enum w_table t, unsigned index)
{
    return (const char *) w + tables[t].at + index * tables[t].size;
}

/* A slot is free when all of it is zero: no thing that exists has nothing to say. */
static bool
slot_free (const char *p, size_t n)
{
    return n == 0 || (*p == 0 && memcmp (p, p + 1, n - 1) == 0);
}

void
w_init (struct world *w, uint64_t seed, int64_t now_ms)
{
    memset (w, 0, sizeof *w);
    w->magic = W_MAGIC;
    w->format = W_FORMAT;
    w->version = 1;
    w->seed = seed;
    w->now_ms = now_ms;
    w->ntext = 1;
    w->limit_history = W_HISTORY_LEAST;
    w->limit_active = 4;
    w->limit_servers = 8;
    w->central.version = 1;
    w->central.changed_ms = now_ms;
    w->rates = (struct w_rates){ .backup = 2000,
                                 .copy = 2000,
                                 .restore = 2000,
                                 .alert = 10000,
                                 .replication = 1000,
                                 .boot_replication = 4000,
                                 .job = 100,
                                 .mirror_silent = 1500 };
}

void
w_assign (struct world *to, const struct world *from)
{
    unsigned had, has;

    for (enum w_table t = 0; t < W_TABLES; t++) {
        had = count_in (to, t);
        has = count_in (from, t);
        memcpy (slot (to, t, 0), slot_in (from, t, 0), has * tables[t].size);
        if (had > has)
            memset (slot (to, t, has), 0, (had - has) * tables[t].size);
    }
    memcpy (to->text, from->text, TEXT_BYTES (from));
    if (to->ntext > from->ntext)
        memset (to->text + TEXT_BYTES (from), 0, TEXT_BYTES (to) - TEXT_BYTES (from));
    memcpy (to, from, HEAD);
}

void
w_pack (const struct world *w, struct sb_buf *out)
{
    sb_buf_add (out, w, HEAD);
    for (enum w_table t = 0; t < W_TABLES; t++)
        sb_buf_add (out, slot_in (w, t, 0), count_in (w, t) * tables[t].size);
    sb_buf_add (out, w->text, TEXT_BYTES (w));
}

bool
w_part (const struct world *w, unsigned part, size_t *ret_at, size_t *ret_size)
{
    if (part > W_TABLES)
        return false;
    *ret_at = part == W_TABLES ? offsetof (struct world, text) : tables[part].at;
    *ret_size = part == W_TABLES ? TEXT_BYTES (w) : count_in (w, (enum w_table) part) * tables[part].size;
    return true;
}

size_t
w_head_size (void)
{
    return HEAD;
}

/* Back to zero; touches the used slots only. */
static void
forget (struct world *w)
{
    for (enum w_table t = 0; t < W_TABLES; t++)
        memset (slot (w, t, 0), 0, count_in (w, t) * tables[t].size);
    memset (w->text, 0, TEXT_BYTES (w));
    memset (w, 0, HEAD);
}

/* Are the counts of a head possible? */
static bool
plausible (const struct world *head)
{
    if (head->magic != W_MAGIC || head->format != W_FORMAT || head->ntext == 0 || head->limit_history == 0
        || head->limit_history > W_MAX_HISTORY || head->history_next >= head->limit_history)
        return false;
    for (enum w_table t = 0; t < W_TABLES; t++)
        if (count_in (head, t) > tables[t].max)
            return false;
    return head->nhistory <= head->limit_history;
}

size_t
w_packed_size (const struct world *w)
{
    size_t whole = HEAD + TEXT_BYTES (w);

    for (enum w_table t = 0; t < W_TABLES; t++)
        whole += count_in (w, t) * tables[t].size;
    return whole;
}

bool
w_is_world (const struct world *w)
{
    return plausible (w) && w->text[TEXT_BYTES (w) - 1] == 0;
}

bool
w_unpack (struct world *w, const void *data, size_t n)
{
    const char *p = data;
    size_t part;

    if (w->magic == W_MAGIC)
        forget (w);
    if (n <= HEAD || p[n - 1] != 0)
        return false;
    memcpy (w, p, HEAD);
    if (!plausible (w) || w_packed_size (w) != n) {
        memset (w, 0, HEAD);
        return false;
    }
    p += HEAD;
    for (enum w_table t = 0; t < W_TABLES; t++) {
        part = count_in (w, t) * tables[t].size;
        memcpy (slot (w, t, 0), p, part);
        p += part;
    }
    memcpy (w->text, p, TEXT_BYTES (w));
    return true;
}

void
w_put (char *ret, size_t size, const char *s)
{
    size_t n = strnlen (s, size - 1);

    memmove (ret, s, n);
    ret[n] = 0;
}

uint32_t
w_crc (const void *data, size_t n)
{
    const uint8_t *p = data;
    uint32_t h = 2166136261u;

    while (n-- > 0)
        h = (h ^ *p++) * 16777619u;
    return h;
}

static uint64_t
digest_add (uint64_t h, const void *data, size_t n)
{
    const uint8_t *p = data;

    while (n-- > 0)
        h = (h ^ *p++) * UINT64_C (1099511628211);
    return h;
}

uint64_t
w_digest (const struct world *w)
{
    static const size_t skip_to = offsetof (struct world, next_guid);
    uint64_t h = UINT64_C (14695981039346656037);

    h = digest_add (h, (const char *) w + skip_to, HEAD - skip_to);
    for (enum w_table t = 0; t < W_TABLES; t++)
        if (t != W_T_HISTORY)
            h = digest_add (h, slot_in (w, t, 0), count_in (w, t) * tables[t].size);
    return digest_add (h, w->text, TEXT_BYTES (w));
}

w_id
w_slot_new (struct world *w, enum w_table t)
{
    uint16_t *count = count_of (w, t);
    unsigned i;

    for (i = 0; i < *count; i++)
        if (slot_free (slot (w, t, i), tables[t].size))
            return (w_id) (i + 1);
    if (*count == tables[t].max)
        return 0;
    (*count)++;
    return (w_id) (i + 1);
}

void
w_slot_drop (struct world *w, enum w_table t, w_id id)
{
    uint16_t *count = count_of (w, t);

    if (id == 0 || id > *count)
        return;
    memset (slot (w, t, id - 1u), 0, tables[t].size);
    while (*count > 0 && slot_free (slot (w, t, *count - 1u), tables[t].size))
        (*count)--;
}

const char *
w_table_name (enum w_table t)
{
    return tables[t].name;
}

/* Text */

const char *
w_str (const struct world *w, w_text t)
{
    return t < w->ntext ? w->text + (size_t) t * W_TEXT_UNIT : "";
}

/* Units that a string of n bytes takes, with its NUL. */
static size_t
units (size_t n)
{
    return n / W_TEXT_UNIT + 1;
}

static bool
has_zero (uint64_t u)
{
    return ((u - UINT64_C (0x0101010101010101)) & ~u & UINT64_C (0x8080808080808080)) != 0;
}

/* Does this very string begin at that unit? */
static bool
text_is (const struct world *w, unsigned at, const char *s)
{
    uint64_t before;

    if (at == 0 || at >= w->ntext || strcmp (w->text + (size_t) at * W_TEXT_UNIT, s) != 0)
        return false;
    memcpy (&before, w->text + (size_t) (at - 1) * W_TEXT_UNIT, sizeof before);
    return has_zero (before);
}

/* What lies behind a string up to the next unit is zero, so that unlike strings mostly differ in their first unit, and a
 * unit with a zero byte is the last of its string.  Exploration comes here often, with worlds that are much alike: where
 * a string lay last is looked at first. */
static w_text
text_find (const struct world *w, const char *s, size_t n)
{
    static __thread w_text recent[256];
    w_text *guess = &recent[w_crc (s, n) % 256];
    uint64_t first = 0, here;
    bool begins = true;

    if (text_is (w, *guess, s))
        return *guess;
    memcpy (&first, s, n < sizeof first ? n : sizeof first);
    for (unsigned at = 1; at < w->ntext; at++) {
        const char *unit = w->text + (size_t) at * W_TEXT_UNIT;

        memcpy (&here, unit, sizeof here);
        if (begins && here == first && strcmp (unit, s) == 0)
            return *guess = (w_text) at;
        begins = has_zero (here);
    }
    return 0;
}

_Static_assert(W_TEXT_UNIT == sizeof (uint64_t), "text_find() takes a unit for a number");

static w_text
text_add (struct world *w, const char *s, size_t n)
{
    w_text t = w->ntext;

    memcpy (w->text + TEXT_BYTES (w), s, n + 1);
    w->ntext = (uint16_t) (w->ntext + units (n));
    return t;
}

w_text
w_intern (struct world *w, const char *s)
{
    static const unsigned most = W_MAX_TEXT / W_TEXT_UNIT, slack = 512;
    size_t n = s == NULL ? 0 : strlen (s);
    w_text t;

    if (n == 0)
        return 0;
    t = text_find (w, s, n);
    if (t != 0)
        return t;
    if (w->ntext + units (n) > most || w->ntext > 2u * w->text_live + slack)
        w_compact (w);
    if (w->ntext + units (n) > most)
        return 0; /* a world this full loses a word, not its shape */
    return text_add (w, s, n);
}

/* Strings of the old text, where they are used, to their places in the new one. */
struct moving {
    char *old;
    uint16_t old_n, *place; /* by old place; 0: not moved yet */
};

static void
text_move (struct world *w, struct moving *m, char *field)
{
    w_text t;

    memcpy (&t, field, sizeof t);
    if (t >= m->old_n)
        t = 0;
    if (t != 0 && m->place[t] == 0) {
        const char *s = m->old + (size_t) t * W_TEXT_UNIT;
        m->place[t] = text_add (w, s, strlen (s));
    }
    t = t == 0 ? 0 : m->place[t];
    memcpy (field, &t, sizeof t);
}

void
w_compact (struct world *w)
{
    struct moving m = { .old_n = w->ntext };

    m.old = sb_xcalloc (m.old_n, W_TEXT_UNIT);
    memcpy (m.old, w->text, TEXT_BYTES (w));
    m.place = sb_xcalloc (m.old_n, sizeof *m.place);
    memset (w->text, 0, TEXT_BYTES (w));
    w->ntext = 1;
    text_move (w, &m, (char *) &w->pool);
    for (enum w_table t = 0; t < W_TABLES; t++)
        for (unsigned i = 0; i < count_in (w, t); i++)
            for (const uint16_t *f = tables[t].texts; *f != NO_MORE; f++)
                text_move (w, &m, slot (w, t, i) + *f);
    w->text_live = w->ntext;
    free (m.old);
    free (m.place);
}

/* Identifiers: twelve bytes say which world, four say which number. */

#define SPREAD 0x9e3779b1u

static uint64_t
mix (uint64_t x)
{
    x += UINT64_C (0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C (0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint32_t
unspread (uint32_t y)
{
    uint32_t inverse = SPREAD;

    for (int i = 0; i < 5; i++)
        inverse *= 2 - SPREAD * inverse;
    return y * inverse;
}

void
w_guid_bytes (const struct world *w, w_guid g, uint8_t ret[16])
{
    uint64_t a = mix (w->seed), b = mix (w->seed + 1);
    uint32_t n = g * SPREAD ^ (uint32_t) (b >> 32), c = (uint32_t) b;

    memcpy (ret, &n, 4);
    memcpy (ret + 4, &a, 8);
    memcpy (ret + 12, &c, 4);
}

void
w_guid_text (const struct world *w, w_guid g, char ret[W_GUID_TEXT])
{
    uint8_t b[16];

    w_guid_bytes (w, g, b);
    snprintf (ret, W_GUID_TEXT, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", b[3], b[2],
              b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

w_guid
w_guid_parse (const struct world *w, const char *text)
{
    unsigned first;
    char want[W_GUID_TEXT];
    uint64_t b = mix (w->seed + 1);
    w_guid g;

    if (text != NULL && *text == '{')
        text++;
    if (text == NULL || strlen (text) < W_GUID_TEXT - 1 || sscanf (text, "%8x-", &first) != 1)
        return 0;
    g = unspread (first ^ (uint32_t) (b >> 32));
    w_guid_text (w, g, want);
    return strncasecmp (want, text, W_GUID_TEXT - 1) == 0 ? g : 0;
}

void
w_lsn_hex (w_lsn lsn, char ret[24])
{
    snprintf (ret, 24, "%08x:%08x:%04x", (unsigned) (lsn / INT64_C (1000000000000000)),
              (unsigned) (lsn / 100000 % INT64_C (10000000000)), (unsigned) (lsn % 100000) & 0xffffu);
}
