/* Built-in functions that need nothing but their arguments; see func.h. */
#include "lab/tds/func.h"

#include "core/base/text.h"
#include "lab/tds/session.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX (4u << 20)

/* One row per function.  "1": the type of the first argument. */
static const struct sb_sql_function functions[] = {
    { "abs", 1, 1, "abs", "1" },
    { "app_name", 0, 0, NULL, "nvarchar(128)" },
    { "ascii", 1, 1, "unicode", "int" },
    { "avg", 1, 1, "avg", "1" },
    { "ceiling", 1, 1, NULL, "1" },
    { "char", 1, 1, "char", "char(1)" },
    { "charindex", 2, 3, NULL, "int" },
    { "coalesce", 2, 16, "coalesce", "1" },
    { "concat", 2, 16, NULL, "nvarchar(4000)" },
    { "databasepropertyex", 2, 2, NULL, "sql_variant" },
    { "datalength", 1, 1, NULL, "int" },
    { "dateadd", 3, 3, NULL, "datetime" },
    { "datediff", 3, 3, NULL, "int" },
    { "datediff_big", 3, 3, "ts_datediff", "bigint" },
    { "datename", 2, 2, NULL, "nvarchar(30)" },
    { "datepart", 2, 2, NULL, "int" },
    { "day", 1, 1, NULL, "int" },
    { "db_id", 0, 1, NULL, "smallint" },
    { "db_name", 0, 1, NULL, "nvarchar(128)" },
    { "floor", 1, 1, NULL, "1" },
    { "getdate", 0, 0, NULL, "datetime" },
    { "getutcdate", 0, 0, "ts_getdate", "datetime" },
    { "has_dbaccess", 1, 1, NULL, "int" },
    { "has_perms_by_name", 3, 3, NULL, "int" },
    { "host_id", 0, 0, NULL, "char(10)" },
    { "host_name", 0, 0, NULL, "nvarchar(128)" },
    { "is_member", 1, 1, "ts_is_srvrolemember", "int" },
    { "is_srvrolemember", 1, 2, NULL, "int" },
    { "isdate", 1, 1, NULL, "int" },
    { "isnull", 2, 2, "ifnull", "1" },
    { "isnumeric", 1, 1, NULL, "int" },
    { "left", 2, 2, NULL, "1" },
    { "len", 1, 1, NULL, "int" },
    { "lower", 1, 1, "lower", "1" },
    { "ltrim", 1, 1, "ltrim", "1" },
    { "max", 1, 1, "max", "1" },
    { "min", 1, 1, "min", "1" },
    { "month", 1, 1, NULL, "int" },
    { "nchar", 1, 1, "char", "nchar(1)" },
    { "newid", 0, 0, NULL, "uniqueidentifier" },
    { "nullif", 2, 2, "nullif", "1" },
    { "object_id", 1, 2, NULL, "int" },
    { "object_name", 1, 2, NULL, "nvarchar(128)" },
    { "original_login", 0, 0, "ts_suser_sname", "nvarchar(128)" },
    { "quotename", 1, 2, NULL, "nvarchar(258)" },
    { "replace", 3, 3, NULL, "nvarchar(4000)" },
    { "replicate", 2, 2, NULL, "nvarchar(4000)" },
    { "reverse", 1, 1, NULL, "1" },
    { "right", 2, 2, NULL, "1" },
    { "round", 2, 3, NULL, "1" },
    { "row_number", 0, 0, "row_number", "bigint" },
    { "rtrim", 1, 1, "rtrim", "1" },
    { "schema_name", 0, 1, NULL, "nvarchar(128)" },
    { "scope_identity", 0, 0, NULL, "numeric(38,0)" },
    { "serverproperty", 1, 1, NULL, "sql_variant" },
    { "sign", 1, 1, "sign", "1" },
    { "space", 1, 1, NULL, "varchar(4000)" },
    { "str", 1, 3, NULL, "varchar(30)" },
    { "string_agg", 2, 2, "group_concat", "nvarchar(4000)" },
    { "stuff", 4, 4, NULL, "1" },
    { "substring", 3, 3, NULL, "1" },
    { "sum", 1, 1, "sum", "1" },
    { "suser_name", 0, 1, "ts_suser_sname", "nvarchar(128)" },
    { "suser_sid", 0, 1, NULL, "varbinary(85)" },
    { "suser_sname", 0, 1, NULL, "nvarchar(128)" },
    { "sysdatetime", 0, 0, "ts_getdate", "datetime2" },
    { "sysutcdatetime", 0, 0, "ts_getdate", "datetime2" },
    { "trim", 1, 1, "trim", "1" },
    { "unicode", 1, 1, "unicode", "int" },
    { "upper", 1, 1, "upper", "1" },
    { "user_name", 0, 1, NULL, "nvarchar(128)" },
    { "xact_state", 0, 0, NULL, "smallint" },
    { "year", 1, 1, NULL, "int" },
};

/* @@name; the SQLite function behind it gives the value. */
static const struct sb_sql_function sysvars[] = {
    { "error", 0, 0, "ts_at_error", "int" },
    { "identity", 0, 0, "ts_scope_identity", "numeric(38,0)" },
    { "language", 0, 0, "ts_at_language", "nvarchar(128)" },
    { "lock_timeout", 0, 0, "ts_at_lock_timeout", "int" },
    { "max_precision", 0, 0, "ts_at_max_precision", "tinyint" },
    { "microsoftversion", 0, 0, "ts_at_version_number", "int" },
    { "nestlevel", 0, 0, "ts_at_zero", "int" },
    { "options", 0, 0, "ts_at_options", "int" },
    { "procid", 0, 0, "ts_at_zero", "int" },
    { "rowcount", 0, 0, "ts_at_rowcount", "int" },
    { "servername", 0, 0, "ts_at_servername", "nvarchar(128)" },
    { "servicename", 0, 0, "ts_at_servicename", "nvarchar(128)" },
    { "spid", 0, 0, "ts_at_spid", "smallint" },
    { "textsize", 0, 0, "ts_at_textsize", "int" },
    { "trancount", 0, 0, "ts_at_trancount", "int" },
    { "version", 0, 0, "ts_at_version", "nvarchar(300)" },
};

static const struct sb_sql_function *
find (const struct sb_sql_function *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (sb_casecmp (list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

const struct sb_sql_function *
sb_sql_function_find (const char *name)
{
    return find (functions, sizeof functions / sizeof *functions, name);
}

const struct sb_sql_function *
sb_sql_sysvar_find (const char *name)
{
    return find (sysvars, sizeof sysvars / sizeof *sysvars, name);
}

/* ---- helpers ---- */

struct sb_sql_value
sb_sql_from_sqlite (sqlite3_value *v)
{
    switch (sqlite3_value_type (v)) {
    case SQLITE_INTEGER:
        return sb_sql_int (sqlite3_value_int64 (v));
    case SQLITE_FLOAT:
        return (struct sb_sql_value){ .tag = SB_SQL_REAL, .r = sqlite3_value_double (v) };
    case SQLITE_TEXT:
        return (struct sb_sql_value){ .tag = SB_SQL_TEXT,
                                      .s = (const char *) sqlite3_value_text (v),
                                      .n = (size_t) sqlite3_value_bytes (v) };
    case SQLITE_BLOB:
        return (struct sb_sql_value){ .tag = SB_SQL_BLOB,
                                      .s = sqlite3_value_bytes (v) > 0 ? sqlite3_value_blob (v) : "",
                                      .n = (size_t) sqlite3_value_bytes (v) };
    default:
        return sb_sql_null ();
    }
}

void
sb_sql_result (sqlite3_context *ctx, const struct sb_sql_value *v)
{
    switch (v->tag) {
    case SB_SQL_INTEGER:
        sqlite3_result_int64 (ctx, v->i);
        return;
    case SB_SQL_REAL:
        sqlite3_result_double (ctx, v->r);
        return;
    case SB_SQL_TEXT:
        sqlite3_result_text (ctx, v->s, (int) v->n, SQLITE_TRANSIENT);
        return;
    case SB_SQL_BLOB:
        sqlite3_result_blob (ctx, v->s, (int) v->n, SQLITE_TRANSIENT);
        return;
    case SB_SQL_NULL:
        sqlite3_result_null (ctx);
    }
}

int
sb_sql_bind (sqlite3_stmt *st, int at, const struct sb_sql_value *v)
{
    switch (v->tag) {
    case SB_SQL_INTEGER:
        return sqlite3_bind_int64 (st, at, v->i);
    case SB_SQL_REAL:
        return sqlite3_bind_double (st, at, v->r);
    case SB_SQL_TEXT:
        return sqlite3_bind_text (st, at, v->s, (int) v->n, SQLITE_TRANSIENT);
    case SB_SQL_BLOB:
        return sqlite3_bind_blob (st, at, v->s, (int) v->n, SQLITE_TRANSIENT);
    case SB_SQL_NULL:
        break;
    }
    return sqlite3_bind_null (st, at);
}

static bool
any_null (int n, sqlite3_value **v)
{
    for (int i = 0; i < n; i++)
        if (sqlite3_value_type (v[i]) == SQLITE_NULL)
            return true;
    return false;
}

static const char *
text (sqlite3_value *v)
{
    const char *s = (const char *) sqlite3_value_text (v);

    return s == NULL ? "" : s;
}

static void
result_text (sqlite3_context *ctx, const char *s, size_t n)
{
    sqlite3_result_text (ctx, s == NULL ? "" : s, (int) n, SQLITE_TRANSIENT);
}

/* The byte at which character `index` (from 0) of a UTF-8 text begins. */
static size_t
char_at (const char *s, size_t n, int64_t index)
{
    size_t at = 0;

    for (; index > 0 && at < n; index--) {
        at++;
        while (at < n && ((unsigned char) s[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

static int64_t
char_count (const char *s, size_t n)
{
    int64_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char) s[i] & 0xc0) != 0x80;
    return count;
}

/* ---- comparison ---- */

/* Folds ASCII and the Latin-1 letters of UTF-8. */
static int
folded (const unsigned char *s, size_t n, size_t *at)
{
    unsigned char c = s[(*at)++];

    if (c < 0x80)
        return tolower (c);
    if (c == 0xc3 && *at < n) {
        unsigned char d = s[(*at)++];
        return 0xc300 | (d >= 0x80 && d <= 0x9e && d != 0x97 ? d + 0x20 : d);
    }
    return c << 8;
}

static int
compare_ci (void *unused, int na, const void *a, int nb, const void *b)
{
    const unsigned char *x = a, *y = b;
    size_t i = 0, k = 0, n = (size_t) na, m = (size_t) nb;

    (void) unused;
    while (n > 0 && x[n - 1] == ' ') /* blanks at the end do not count */
        n--;
    while (m > 0 && y[m - 1] == ' ')
        m--;
    while (i < n && k < m) {
        int c = folded (x, n, &i), d = folded (y, m, &k);
        if (c != d)
            return c - d;
    }
    return (i < n) - (k < m);
}

static bool
in_set (const char **p, const char *end, unsigned char c)
{
    bool negate = false, found = false;

    if (*p < end && **p == '^') {
        negate = true;
        (*p)++;
    }
    for (bool first = true; *p < end && (first || **p != ']'); first = false) {
        unsigned char low = (unsigned char) tolower ((unsigned char) **p), high = low;
        if (*p + 2 < end && (*p)[1] == '-' && (*p)[2] != ']') {
            high = (unsigned char) tolower ((unsigned char) (*p)[2]);
            *p += 2;
        }
        (*p)++;
        found |= tolower (c) >= low && tolower (c) <= high;
    }
    if (*p < end)
        (*p)++;
    return found != negate;
}

/* %, _, [set], [^set]; without recursion: only the last % is ever tried again. */
bool
sb_sql_like (const char *s, size_t n, const char *pattern, size_t np, char escape)
{
    const char *p = pattern, *pend = pattern + np, *e = s + n;
    const char *star = NULL, *again = NULL;

    while (s < e || p < pend) {
        bool fits = false;
        if (p < pend && *p == '%' && (escape == 0 || *p != escape)) {
            star = ++p;
            again = s;
            continue;
        }
        if (p < pend && s < e) {
            const char *next = p;
            size_t width = 1;
            while (s + width < e && ((unsigned char) s[width] & 0xc0) == 0x80)
                width++;
            if (escape != 0 && *p == escape && p + 1 < pend) {
                fits = p[1] == *s;
                next = p + 2;
                width = 1;
            } else if (*p == '_') {
                fits = true;
                next = p + 1;
            } else if (*p == '[') {
                next = p + 1;
                fits = in_set (&next, pend, (unsigned char) *s);
            } else {
                fits = tolower ((unsigned char) *p) == tolower ((unsigned char) *s);
                next = p + 1;
                width = 1;
            }
            if (fits) {
                p = next;
                s += width;
                continue;
            }
        }
        if (star == NULL || again >= e)
            return false;
        p = star;
        s = ++again;
    }
    return true;
}

static void
f_like (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    char escape = sqlite3_value_type (v[2]) == SQLITE_NULL ? 0 : text (v[2])[0];
    const char *s, *p;

    if (any_null (2, v))
        return;
    (void) n;
    s = text (v[0]);
    p = text (v[1]);
    sqlite3_result_int (ctx, sb_sql_like (s, strlen (s), p, strlen (p), escape));
}

/* ---- arithmetic ---- */

static bool
is_text (sqlite3_value *v)
{
    return sqlite3_value_type (v) == SQLITE_TEXT;
}

static void
f_plus (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    if (any_null (n, v))
        return;
    if (is_text (v[0]) && is_text (v[1])) {
        char *joined = sqlite3_mprintf ("%s%s", text (v[0]), text (v[1]));
        sqlite3_result_text (ctx, joined, -1, sqlite3_free);
        return;
    }
    for (int i = 0; i < 2; i++) {
        struct sb_sql_type type = SB_SQL_TYPE (SB_SQL_INT, 4);
        struct sb_sql_value from = sb_sql_from_sqlite (v[i]), to;
        int64_t days, ms;
        if (!is_text (v[i]))
            continue;
        if (sb_sql_date_parse (from.s, from.n, &days, &ms)) { /* a date-time and days */
            char out[24];
            sb_sql_date_format (days + sqlite3_value_int64 (v[1 - i]), ms, out);
            result_text (ctx, out, strlen (out));
            return;
        }
        if (sb_sql_convert (&from, &type, 0, &to) != 0) {
            sb_sql_raise_in (ctx, 245, "nvarchar", text (v[i]), "int");
            return;
        }
        sqlite3_result_int64 (ctx, to.i + sqlite3_value_int64 (v[1 - i]));
        return;
    }
    if (sqlite3_value_type (v[0]) == SQLITE_INTEGER && sqlite3_value_type (v[1]) == SQLITE_INTEGER) {
        int64_t sum;
        if (__builtin_add_overflow (sqlite3_value_int64 (v[0]), sqlite3_value_int64 (v[1]), &sum))
            sb_sql_raise_in (ctx, 8115, "expression", "bigint");
        else
            sqlite3_result_int64 (ctx, sum);
    } else {
        sqlite3_result_double (ctx, sqlite3_value_double (v[0]) + sqlite3_value_double (v[1]));
    }
}

static void
f_divide (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    bool modulo = sqlite3_user_data (ctx) == NULL; /* the pointer tells which of the two this is */

    if (any_null (n, v))
        return;
    if (sqlite3_value_double (v[1]) == 0) {
        sb_sql_raise_in (ctx, 8134);
        return;
    }
    if (sqlite3_value_type (v[0]) != SQLITE_FLOAT && sqlite3_value_type (v[1]) != SQLITE_FLOAT) {
        int64_t a = sqlite3_value_int64 (v[0]), b = sqlite3_value_int64 (v[1]);
        if (b == -1)
            sqlite3_result_int64 (ctx, modulo || a == INT64_MIN ? 0 : -a);
        else
            sqlite3_result_int64 (ctx, b == 0 ? 0 : modulo ? a % b : a / b);
    } else {
        double a = sqlite3_value_double (v[0]), b = sqlite3_value_double (v[1]);
        sqlite3_result_double (ctx, modulo ? fmod (a, b) : a / b);
    }
}

static void
f_cast (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    int code = sqlite3_value_int (v[1]);
    struct sb_sql_type type = { .kind = (uint8_t) code, .prec = (uint8_t) (code >> 8), .scale = (uint8_t) (code >> 16),
                                .len = sqlite3_value_int (v[2]) };
    struct sb_sql_value from = sb_sql_from_sqlite (v[0]), to;
    int number = sb_sql_convert (&from, &type, sqlite3_value_int (v[3]), &to);

    (void) n;
    if (number == 0) {
        sb_sql_result (ctx, &to);
        sb_sql_value_free (&to);
        return;
    }
    if (sqlite3_value_int (v[4]) != 0)
        return;
    if (number == 245)
        sb_sql_raise_in (ctx, number, from.tag == SB_SQL_TEXT ? "nvarchar" : "varbinary", text (v[0]),
                         sb_sql_type_name (&type));
    else
        sb_sql_raise_in (ctx, number, from.tag == SB_SQL_TEXT ? "nvarchar" : "expression", sb_sql_type_name (&type));
}

static void
f_round (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const char *name = sqlite3_user_data (ctx);

    if (any_null (n, v))
        return;
    if (sqlite3_value_type (v[0]) == SQLITE_INTEGER && (name[0] != 'r' || sqlite3_value_int (v[1]) >= 0)) {
        sqlite3_result_int64 (ctx, sqlite3_value_int64 (v[0]));
    } else if (name[0] == 'r') {
        double scale = pow (10, sqlite3_value_int (v[1]) > 15 ? 15 : sqlite3_value_int (v[1]));
        sqlite3_result_double (ctx, round (sqlite3_value_double (v[0]) * scale) / scale);
    } else {
        double r = sqlite3_value_double (v[0]);
        sqlite3_result_double (ctx, name[0] == 'f' ? floor (r) : ceil (r));
    }
}

/* ---- texts ---- */

static void
f_len (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const char *s = text (v[0]);
    size_t len = strlen (s);

    if (any_null (n, v))
        return;
    while (len > 0 && s[len - 1] == ' ')
        len--;
    sqlite3_result_int64 (ctx, char_count (s, len));
}

static void
f_datalength (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    if (any_null (n, v))
        return;
    if (sqlite3_value_type (v[0]) == SQLITE_TEXT)
        sqlite3_result_int64 (ctx, 2 * char_count (text (v[0]), strlen (text (v[0]))));
    else
        sqlite3_result_int (ctx, sqlite3_value_type (v[0]) == SQLITE_BLOB ? sqlite3_value_bytes (v[0]) : 4);
}

static void
f_substring (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const char *name = sqlite3_user_data (ctx), *s;
    int64_t from, count, all;
    size_t len, a, b;

    if (any_null (n, v))
        return;
    s = text (v[0]);
    len = strlen (s);
    all = char_count (s, len);
    from = name[0] == 's' ? sqlite3_value_int (v[1]) - 1 : 0;
    count = sqlite3_value_int (v[name[0] == 's' ? 2 : 1]);
    if (count < 0) {
        sb_sql_raise_in (ctx, 8115, "length", "int");
        return;
    }
    if (name[0] == 'r')
        from = all > count ? all - count : 0;
    if (from < 0) {
        count += from;
        from = 0;
    }
    a = char_at (s, len, from);
    b = count > 0 ? a + char_at (s + a, len - a, count) : a;
    result_text (ctx, s + a, b - a);
}

static void
f_charindex (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const char *what, *s;
    size_t nw, ns;

    if (any_null (n, v))
        return;
    what = text (v[0]);
    s = text (v[1]);
    nw = strlen (what);
    ns = strlen (s);
    for (size_t i = n > 2 && sqlite3_value_int (v[2]) > 1 ? char_at (s, ns, sqlite3_value_int (v[2]) - 1) : 0;
         nw > 0 && i + nw <= ns; i++)
        if (strncasecmp (s + i, what, nw) == 0) {
            sqlite3_result_int64 (ctx, char_count (s, i) + 1);
            return;
        }
    sqlite3_result_int (ctx, 0);
}

static void
f_replace (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *s, *what;
    size_t nw;

    if (any_null (n, v))
        return;
    s = text (v[0]);
    what = text (v[1]);
    nw = strlen (what);
    while (*s != 0 && b.len < TEXT_MAX)
        if (nw > 0 && strncasecmp (s, what, nw) == 0) {
            sb_buf_str (&b, text (v[2]));
            s += nw;
        } else {
            sb_buf_char (&b, *s++);
        }
    result_text (ctx, b.s, b.len);
}

static void
f_replicate (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *unit = n == 1 ? " " : text (v[0]);
    int64_t count = sqlite3_value_int64 (v[n - 1]);

    if (any_null (n, v) || count < 0)
        return;
    while (count-- > 0 && b.len + strlen (unit) <= 8000 && *unit != 0)
        sb_buf_str (&b, unit);
    result_text (ctx, b.s, b.len);
}

static void
f_reverse (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *s = text (v[0]);

    if (any_null (n, v))
        return;
    for (size_t end = strlen (s), at = end; end > 0; end = at) {
        do
            at--;
        while (at > 0 && ((unsigned char) s[at] & 0xc0) == 0x80);
        sb_buf_add (&b, s + at, end - at);
    }
    result_text (ctx, b.s, b.len);
}

static void
f_stuff (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *s = text (v[0]);
    size_t len = strlen (s), a, e;
    int64_t from = sqlite3_value_int64 (v[1]), count = sqlite3_value_int64 (v[2]);

    if (any_null (3, v) || from < 1 || from > char_count (s, len) || count < 0)
        return;
    (void) n;
    a = char_at (s, len, from - 1);
    e = a + char_at (s + a, len - a, count);
    sb_buf_add (&b, s, a);
    sb_buf_str (&b, text (v[3]));
    sb_buf_add (&b, s + e, len - e);
    result_text (ctx, b.s, b.len);
}

static void
f_concat (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };

    for (int i = 0; i < n; i++)
        if (sqlite3_value_type (v[i]) != SQLITE_NULL && b.len < TEXT_MAX)
            sb_buf_str (&b, text (v[i]));
    result_text (ctx, b.s, b.len);
}

static void
f_quotename (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    const char *s = text (v[0]);
    char open = n > 1 ? text (v[1])[0] : '[';
    char close = open == '[' ? ']' : open == '(' ? ')' : open == '<' ? '>' : open == '{' ? '}' : open;

    if (any_null (n, v) || char_count (s, strlen (s)) > 128 || strchr ("[](){}<>'\"`", open) == NULL || open == 0)
        return;
    if (open == ']')
        open = '[';
    sb_buf_char (&b, open);
    for (; *s != 0; s++) {
        if (*s == close)
            sb_buf_char (&b, close);
        sb_buf_char (&b, *s);
    }
    sb_buf_char (&b, close);
    result_text (ctx, b.s, b.len);
}

static void
f_str (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    char out[64];
    int width = n > 1 ? sqlite3_value_int (v[1]) : 10, scale = n > 2 ? sqlite3_value_int (v[2]) : 0;

    if (any_null (n, v) || width < 1 || width > 30 || scale < 0 || scale > 16 || fabs (sqlite3_value_double (v[0])) > 1e28)
        return;
    snprintf (out, sizeof out, "%*.*f", width, scale, sqlite3_value_double (v[0]));
    result_text (ctx, out, strlen (out));
}

static void
f_isnumeric (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct sb_sql_type type = SB_SQL_TYPE (SB_SQL_FLOAT, 8);
    struct sb_sql_value from = sb_sql_from_sqlite (v[0]), to;

    (void) n;
    sqlite3_result_int (ctx, from.tag != SB_SQL_NULL && sb_sql_convert (&from, &type, 0, &to) == 0);
}

/* ---- date-times ---- */

static const struct part {
    const char *names;
    char code;
} parts[] = {
    { " year yy yyyy ", 'y' },     { " quarter qq q ", 'q' },      { " month mm m ", 'm' },
    { " dayofyear dy ", 'j' },     { " day dd d ", 'd' },          { " week wk ww ", 'w' },
    { " weekday dw ", 'k' },       { " hour hh ", 'h' },           { " minute mi n ", 'i' },
    { " second ss s ", 's' },      { " millisecond ms ", 'l' },    { " microsecond mcs ", 'u' },
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
                sqlite3_result_int64 (ctx, (d[1] * 86400000 + ms[1]) / units[i].ms - (d[0] * 86400000 + ms[0]) / units[i].ms);
}

static void
f_isdate (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    int64_t days, ms;

    (void) n;
    sqlite3_result_int (ctx, is_text (v[0]) && sb_sql_date_parse (text (v[0]), strlen (text (v[0])), &days, &ms));
}

/* ---- registration ---- */

static const struct {
    const char *name;
    int args;
    void (*fn) (sqlite3_context *, int, sqlite3_value **);
    const char *data;
} code[] = {
    { "ts_plus", 2, f_plus, NULL },           { "ts_divide", 2, f_divide, "divide" },
    { "ts_modulo", 2, f_divide, NULL },       { "ts_cast", 5, f_cast, NULL },
    { "ts_like", 3, f_like, NULL },           { "ts_len", 1, f_len, NULL },
    { "ts_datalength", 1, f_datalength, NULL }, { "ts_substring", 3, f_substring, "substring" },
    { "ts_left", 2, f_substring, "left" },    { "ts_right", 2, f_substring, "right" },
    { "ts_charindex", -1, f_charindex, NULL }, { "ts_replace", 3, f_replace, NULL },
    { "ts_replicate", 2, f_replicate, NULL }, { "ts_space", 1, f_replicate, NULL },
    { "ts_reverse", 1, f_reverse, NULL },     { "ts_stuff", 4, f_stuff, NULL },
    { "ts_concat", -1, f_concat, NULL },      { "ts_quotename", -1, f_quotename, NULL },
    { "ts_str", -1, f_str, NULL },            { "ts_isnumeric", 1, f_isnumeric, NULL },
    { "ts_round", -1, f_round, "round" },     { "ts_floor", 1, f_round, "floor" },
    { "ts_ceiling", 1, f_round, "ceiling" },  { "ts_datepart", 2, f_datepart, "part" },
    { "ts_datename", 2, f_datepart, "name" }, { "ts_year", 1, f_datepart, "y" },
    { "ts_month", 1, f_datepart, "m" },       { "ts_day", 1, f_datepart, "d" },
    { "ts_dateadd", 3, f_dateadd, NULL },     { "ts_datediff", 3, f_datediff, NULL },
    { "ts_isdate", 1, f_isdate, NULL },
};

bool
sb_sql_functions_add (sqlite3 *db, struct tds_session *s)
{
    bool good = sqlite3_create_collation (db, "ci", SQLITE_UTF8, NULL, compare_ci) == SQLITE_OK;

    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        good &= sqlite3_create_function (db, code[i].name, code[i].args, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                         (void *) (uintptr_t) code[i].data, code[i].fn, NULL, NULL)
                == SQLITE_OK;
    sb_sql_system_functions_add (db, s);
    return good;
}
