/* Date-times and identifiers as text and as numbers; see value.h. */
#include "lab/tds/value.h"

#include <stdio.h>
#include <string.h>

int64_t
sb_sql_days (int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468 + 25567; /* the last number: 1970-01-01 counted from 1900-01-01 */
}

void
sb_sql_civil (int64_t days, int *year, int *month, int *day)
{
    int64_t z = days - 25567 + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (int) (doy - (153 * mp + 2) / 5 + 1);
    *month = (int) (mp < 10 ? mp + 3 : mp - 9);
    *year = (int) (yoe + era * 400 + (*month <= 2));
}

static int
digits (const char *s, size_t n, size_t *at, int max)
{
    int v = 0, k = 0;

    while (*at < n && k < max && s[*at] >= '0' && s[*at] <= '9') {
        v = v * 10 + (s[(*at)++] - '0');
        k++;
    }
    return k == 0 ? -1 : v;
}

static bool
parse_clock (const char *s, size_t n, size_t at, int64_t *ms)
{
    int h, m = 0, sec = 0, frac = 0, scale = 100;

    h = digits (s, n, &at, 2);
    if (h < 0 || h > 23 || at >= n || s[at] != ':')
        return false;
    at++;
    m = digits (s, n, &at, 2);
    if (m < 0 || m > 59)
        return false;
    if (at < n && s[at] == ':') {
        at++;
        sec = digits (s, n, &at, 2);
        if (sec < 0 || sec > 59)
            return false;
    }
    if (at < n && s[at] == '.')
        for (at++; at < n && s[at] >= '0' && s[at] <= '9'; at++) {
            frac += (s[at] - '0') * scale;
            scale /= 10;
        }
    if (at < n && (s[at] == 'Z' || s[at] == 'z'))
        at++;
    while (at < n && s[at] == ' ')
        at++;
    *ms = ((h * 60 + m) * 60 + sec) * 1000LL + frac;
    return at == n;
}

bool
sb_sql_date_parse (const char *s, size_t n, int64_t *days, int64_t *ms)
{
    size_t at = 0;
    int year, month, day;
    bool dashed;

    year = digits (s, n, &at, 4);
    if (year < 1 || at != 4)
        return false;
    dashed = at < n && s[at] == '-';
    at += dashed;
    month = digits (s, n, &at, 2);
    if (dashed && (at >= n || s[at] != '-'))
        return false;
    at += dashed;
    day = digits (s, n, &at, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *days = sb_sql_days (year, month, day);
    *ms = 0;
    while (at < n && s[at] == ' ' && at + 1 < n && s[at + 1] == ' ')
        at++;
    if (at == n)
        return true;
    return (s[at] == ' ' || s[at] == 'T' || s[at] == 't') && parse_clock (s, n, at + 1, ms);
}

void
sb_sql_date_format (int64_t days, int64_t ms, char ret[24])
{
    int y, m, d;

    if (days < -693595 || days > 2958463)
        days = 0;
    if (ms < 0 || ms >= 86400000)
        ms = 0;
    sb_sql_civil (days, &y, &m, &d);
    snprintf (ret, 24, "%04u-%02u-%02u %02u:%02u:%02u.%03u", (unsigned) y % 10000, (unsigned) m % 100,
              (unsigned) d % 100, (unsigned) (ms / 3600000) % 100, (unsigned) (ms / 60000 % 60),
              (unsigned) (ms / 1000 % 60), (unsigned) (ms % 1000));
}

void
sb_sql_date_from_unix (int64_t unix_ms, char ret[24])
{
    int64_t days = unix_ms / 86400000;
    int64_t ms = unix_ms % 86400000;

    if (ms < 0) {
        ms += 86400000;
        days--;
    }
    sb_sql_date_format (days + 25567, ms, ret);
}

static int
hex_digit (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
sb_sql_uuid_bytes (const char *s, size_t n, uint8_t ret[16])
{
    static const uint8_t place[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    size_t at = 0;

    if (n == 38 && s[0] == '{' && s[37] == '}') {
        s++;
        n = 36;
    }
    if (n < 36)
        return false;
    for (int i = 0; i < 16; i++) {
        int hi, lo;
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (s[at++] != '-')
                return false;
        }
        hi = hex_digit (s[at]);
        lo = hex_digit (s[at + 1]);
        if (hi < 0 || lo < 0)
            return false;
        ret[place[i]] = (uint8_t) (hi << 4 | lo);
        at += 2;
    }
    return true;
}

void
sb_sql_uuid_text (const uint8_t b[16], char ret[37])
{
    snprintf (ret, 37, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", b[3], b[2], b[1], b[0],
              b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
