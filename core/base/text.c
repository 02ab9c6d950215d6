/* Typed values, lists and near misses.  Encodings are in encode.c. */
#include "core/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool
is_blank (char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_digit (char c)
{
    return c >= '0' && c <= '9';
}

static char
lower (char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

bool
sb_parse_int (const char *s, int64_t *ret)
{
    char *end;
    intmax_t n;

    if (!s || !is_digit (*s == '-' ? s[1] : *s))
        return false;
    errno = 0;
    n = strtoimax (s, &end, 10);
    if (errno || *end)
        return false;
    *ret = n;
    return true;
}

bool
sb_parse_bool (const char *s, bool *ret)
{
    if (!s || (strcmp (s, "yes") != 0 && strcmp (s, "no") != 0))
        return false;
    *ret = *s == 'y';
    return true;
}

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };

bool
sb_parse_duration (const char *s, int64_t *ret_ms)
{
    char *end;
    intmax_t n;

    if (!s || !is_digit (*s))
        return false;
    errno = 0;
    n = strtoimax (s, &end, 10);
    if (errno)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp (end, units[i].name) == 0 && n <= INT64_MAX / units[i].ms) {
            *ret_ms = n * units[i].ms;
            return true;
        }
    return false;
}

/* "4m10s", "4m": the larger unit, and the smaller one unless it is nothing. */
static void
two_units (struct sb_buf *b, int64_t big, const char *big_name, int64_t small, const char *small_name)
{
    sb_buf_printf (b, "%" PRId64 "%s", big, big_name);
    if (small)
        sb_buf_printf (b, "%02" PRId64 "%s", small, small_name);
}

void
sb_format_duration (struct sb_buf *b, int64_t ms)
{
    if (ms < 0) {
        sb_buf_char (b, '-');
        ms = ms == INT64_MIN ? INT64_MAX : -ms;
    }
    if (ms < 1000)
        sb_buf_printf (b, "%" PRId64 "ms", ms);
    else if (ms < 60000 && ms % 1000 < 100)
        sb_buf_printf (b, "%" PRId64 "s", ms / 1000);
    else if (ms < 60000)
        sb_buf_printf (b, "%" PRId64 ".%" PRId64 "s", ms / 1000, ms % 1000 / 100);
    else if (ms < 3600000)
        two_units (b, ms / 60000, "m", ms / 1000 % 60, "s");
    else if (ms < 86400000)
        two_units (b, ms / 3600000, "h", ms / 60000 % 60, "m");
    else
        two_units (b, ms / 86400000, "d", ms / 3600000 % 24, "h");
}

void
sb_format_utc (struct sb_buf *b, int64_t unix_ms)
{
    int64_t ms = (unix_ms % 1000 + 1000) % 1000;
    time_t seconds = (time_t) ((unix_ms - ms) / 1000);
    struct tm tm = { 0 };

    gmtime_r (&seconds, &tm);
    sb_buf_printf (b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                   tm.tm_min, tm.tm_sec, (int) ms);
}

/* `count` digits at *s; moves *s behind them. */
static bool
digits (const char **s, int count, int *ret)
{
    *ret = 0;
    for (; count; count--, (*s)++) {
        if (!is_digit (**s))
            return false;
        *ret = *ret * 10 + (**s - '0');
    }
    return true;
}

static bool
expect (const char **s, char c)
{
    return **s == c && (*s)++;
}

/* ".123" or nothing; digits after the third are dropped. */
static bool
fraction (const char **s, int *ret_ms)
{
    int weight = 100;

    *ret_ms = 0;
    if (!expect (s, '.'))
        return true;
    if (!is_digit (**s))
        return false;
    for (; is_digit (**s); (*s)++, weight /= 10)
        *ret_ms += (**s - '0') * weight;
    return true;
}

bool
sb_parse_utc (const char *s, int64_t *ret_unix_ms)
{
    int year, month, day, hour, minute, second, ms;
    struct tm tm, back = { 0 };
    time_t t;

    if (!s || !digits (&s, 4, &year) || !expect (&s, '-') || !digits (&s, 2, &month) || !expect (&s, '-')
        || !digits (&s, 2, &day) || !expect (&s, 'T') || !digits (&s, 2, &hour) || !expect (&s, ':')
        || !digits (&s, 2, &minute) || !expect (&s, ':') || !digits (&s, 2, &second) || !fraction (&s, &ms)
        || strcmp (s, "Z") != 0)
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    tm = (struct tm){
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_sec = second
    };
    t = timegm (&tm);
    gmtime_r (&t, &back);
    if (back.tm_mon != month - 1 || back.tm_mday != day) /* 30 February */
        return false;
    *ret_unix_ms = (int64_t) t * 1000 + ms;
    return true;
}

char *
sb_trim (char *s)
{
    size_t n;

    while (is_blank (*s))
        s++;
    n = strlen (s);
    while (n && is_blank (s[n - 1]))
        n--;
    s[n] = '\0';
    return s;
}

char **
sb_split_list (struct sb_arena *a, const char *text, size_t *ret_count)
{
    char *rest = sb_arena_strdup (a, text ? text : "");
    size_t room = 2, count = 0;
    char **list;

    for (const char *p = rest; *p; p++)
        room += *p == ',';
    list = sb_arena_alloc (a, room * sizeof *list);
    while (rest) {
        char *word = sb_trim (strsep (&rest, ","));

        if (*word)
            list[count++] = word;
    }
    if (ret_count)
        *ret_count = count;
    return list;
}

bool
sb_list_has (char *const *list, const char *word)
{
    for (; list && *list; list++)
        if (strcmp (*list, word) == 0)
            return true;
    return false;
}

static size_t
min (size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, changes and exchanges of neighbours that turn a into b, case aside. */
static size_t
distance (const char *a, const char *b)
{
    size_t na = strlen (a), nb = strlen (b), result;
    size_t *rows = sb_xcalloc (3 * (nb + 1), sizeof *rows);
    size_t *before = rows, *above = before + nb + 1, *row = above + nb + 1;

    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *oldest = before;

        before = above;
        above = row;
        row = oldest;
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            char x = lower (a[i - 1]), y = lower (b[j - 1]);

            row[j] = min (min (above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower (b[j - 2]) && y == lower (a[i - 2]))
                row[j] = min (row[j], before[j - 2] + 1);
        }
    }
    result = row[nb];
    free (rows);
    return result;
}

const char *
sb_nearest (const char *word, const char *const *words, size_t count)
{
    size_t best = (strlen (word) + 2) / 3 + 1;
    const char *found = NULL;

    for (size_t i = 0; i < count; i++) {
        size_t d = words[i] ? distance (word, words[i]) : best;

        if (d < best) {
            best = d;
            found = words[i];
        }
    }
    return found;
}

bool
sb_glob (const char *pattern, const char *name, bool fold_case)
{
    const char *star = NULL, *retry = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            retry = name;
        } else if (*pattern == '?' || *pattern == *name || (fold_case && lower (*pattern) == lower (*name))) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

int
sb_casecmp (const char *a, const char *b)
{
    while (*a && lower (*a) == lower (*b)) {
        a++;
        b++;
    }
    return (unsigned char) lower (*a) - (unsigned char) lower (*b);
}
