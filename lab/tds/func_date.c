/* Functions on date-times; see func.h. */
#include "lab/tds/func_help.h"

#include <ctype.h>
#include <stdio.h>

static const struct part {
    const char *names;
    char code;
} parts[] = {
    { " year yy yyyy ", 'y' }, { " quarter qq q ", 'q' }, { " month mm m ", 'm' },     { " dayofyear dy ", 'j' },
    { " day dd d ", 'd' },     { " week wk ww ", 'w' },   { " weekday dw ", 'k' },     { " hour hh ", 'h' },
    { " minute mi n ", 'i' },  { " second ss s ", 's' },  { " millisecond ms ", 'l' }, { " microsecond mcs ", 'u' },
};

static char
part_code (const char *name)
{
    char key[24];

    snprintf (key, sizeof key, " %.18s ", name);
    for (char *p = key; *p != 0; p++)
        *p = (char) tolower ((unsigned char) *p);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr (parts[i].names, key) != NULL)
            return parts[i].code;
    return 0;
}

static bool
date_arg (sqlite3_context *ctx, sqlite3_value *v, int64_t *days, int64_t *ms)
{
    const char *s = text (v);

    *ms = 0;
    if (sqlite3_value_type (v) == SQLITE_INTEGER) {
        *days = sqlite3_value_int64 (v);
        return true;
    }
    if (sb_sql_date_parse (s, strlen (s), days, ms))
        return true;
    sb_sql_raise_in (ctx, 241);
    return false;
}

static int64_t
part_of (char code, int64_t days, int64_t ms)
{
    int y, m, d;

    sb_sql_civil (days, &y, &m, &d);
    switch (code) {
    case 'y':
        return y;
    case 'q':
        return (m + 2) / 3;
    case 'm':
        return m;
    case 'j':
        return days - sb_sql_days (y, 1, 1) + 1;
    case 'd':
        return d;
    case 'w':
        return (days - sb_sql_days (y, 1, 1) + ((sb_sql_days (y, 1, 1) + 1) % 7 + 7) % 7) / 7 + 1;
    case 'k':
        return ((days + 1) % 7 + 7) % 7 + 1; /* 1900-01-01 was a Monday, the week begins on Sunday */
    case 'h':
        return ms / 3600000;
    case 'i':
        return ms / 60000 % 60;
    case 's':
        return ms / 1000 % 60;
    case 'l':
        return ms % 1000;
    default:
        return ms % 1000 * 1000;
    }
}

static void
f_datepart (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December" };
    static const char *const week[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
    const char *name = sqlite3_user_data (ctx);
    int64_t days, ms, value;
    char code = n == 2 ? part_code (text (v[0])) : name[0];

    if (sqlite3_value_type (v[n - 1]) == SQLITE_NULL || !date_arg (ctx, v[n - 1], &days, &ms))
        return;
    if (code == 0) {
        sb_sql_raise_in (ctx, 155, text (v[0]), "datepart");
        return;
    }
    value = part_of (code, days, ms);
    if (name[0] != 'n')
        sqlite3_result_int64 (ctx, value);
    else if (code == 'm')
        result_text (ctx, months[value - 1], strlen (months[value - 1]));
    else if (code == 'k')
        result_text (ctx, week[value - 1], strlen (week[value - 1]));
    else {
        char out[24];
        snprintf (out, sizeof out, "%lld", (long long) value);
        result_text (ctx, out, strlen (out));
    }
}

static void
add_months (int64_t *days, int64_t count)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int y, m, d, last;
    int64_t index;

    sb_sql_civil (*days, &y, &m, &d);
    index = y * 12LL + m - 1 + count;
    if (index < 12 * 1753 || index > 12 * 9999LL)
        index = 12 * 1753;
    y = (int) (index / 12);
    m = (int) (index % 12) + 1;
    last = lengths[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
    *days = sb_sql_days (y, m, d > last ? last : d);
}

static void
f_dateadd (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    static const struct {
        char code;
        int64_t ms;
    } units[] = { { 'w', 604800000 }, { 'd', 86400000 }, { 'j', 86400000 }, { 'k', 86400000 },
                  { 'h', 3600000 },   { 'i', 60000 },    { 's', 1000 },     { 'l', 1 } };
    char code = part_code (text (v[0])), out[24];
    int64_t days, ms, count = sqlite3_value_int64 (v[1]);

    if (any_null (n, v) || !date_arg (ctx, v[2], &days, &ms))
        return;
    if (count > INT32_MAX || count < INT32_MIN || code == 0) {
        sb_sql_raise_in (ctx, code == 0 ? 155 : 8115, code == 0 ? text (v[0]) : "expression",
                         code == 0 ? "dateadd option" : "int");
        return;
    }
    if (code == 'y' || code == 'q' || code == 'm')
        add_months (&days, count * (code == 'y' ? 12 : code == 'q' ? 3 : 1));
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].code == code) {
            int64_t all = days * 86400000 + ms + count * units[i].ms;
            days = all / 86400000 - (all % 86400000 < 0);
            ms = (all % 86400000 + 86400000) % 86400000;
        }
    sb_sql_date_format (days, ms, out);
    result_text (ctx, out, strlen (out));
}

/* Boundaries crossed, as DATEDIFF counts them. */
static void
f_datediff (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    static const struct {
        char code;
        int64_t ms;
    } units[] = { { 'h', 3600000 }, { 'i', 60000 }, { 's', 1000 }, { 'l', 1 } };
    char code = part_code (text (v[0]));
    int64_t d[2], ms[2];
    int y[2], m[2], day;

    if (any_null (n, v) || !date_arg (ctx, v[1], &d[0], &ms[0]) || !date_arg (ctx, v[2], &d[1], &ms[1]))
        return;
    sb_sql_civil (d[0], &y[0], &m[0], &day);
    sb_sql_civil (d[1], &y[1], &m[1], &day);
    if (code == 'y')
        sqlite3_result_int (ctx, y[1] - y[0]);
    else if (code == 'm')
        sqlite3_result_int (ctx, (y[1] - y[0]) * 12 + m[1] - m[0]);
    else if (code == 'q')
        sqlite3_result_int (ctx, (y[1] - y[0]) * 4 + (m[1] + 2) / 3 - (m[0] + 2) / 3);
    else if (code == 'd' || code == 'j' || code == 'k')
        sqlite3_result_int64 (ctx, d[1] - d[0]);
    else if (code == 'w')
        sqlite3_result_int64 (ctx, (d[1] + 1) / 7 - (d[0] + 1) / 7);
    else
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (units[i].code == code)
                sqlite3_result_int64 (ctx, (d[1] * 86400000 + ms[1]) / units[i].ms
                                                   - (d[0] * 86400000 + ms[0]) / units[i].ms);
}

static void
f_isdate (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    int64_t days, ms;

    (void) n;
    sqlite3_result_int (ctx, is_text (v[0]) && sb_sql_date_parse (text (v[0]), strlen (text (v[0])), &days, &ms));
}

const struct sb_sql_code sb_sql_date_functions[] = {
    { "ts_datepart", 2, f_datepart, "part" },
    { "ts_datename", 2, f_datepart, "name" },
    { "ts_year", 1, f_datepart, "y" },
    { "ts_month", 1, f_datepart, "m" },
    { "ts_day", 1, f_datepart, "d" },
    { "ts_dateadd", 3, f_dateadd, NULL },
    { "ts_datediff", 3, f_datediff, NULL },
    { "ts_isdate", 1, f_isdate, NULL },
    { NULL, 0, NULL, NULL },
};
