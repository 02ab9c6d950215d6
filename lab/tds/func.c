/* Comparison, arithmetic, conversion as SQLite functions, and the registration of
 * all; see func.h. */
#include "lab/tds/func_help.h"
#include "lab/tds/session.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

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
    struct sb_sql_type type = { .kind = (uint8_t) code,
                                .prec = (uint8_t) (code >> 8),
                                .scale = (uint8_t) (code >> 16),
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

static void
f_isnumeric (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct sb_sql_type type = SB_SQL_TYPE (SB_SQL_FLOAT, 8);
    struct sb_sql_value from = sb_sql_from_sqlite (v[0]), to;

    (void) n;
    sqlite3_result_int (ctx, from.tag != SB_SQL_NULL && sb_sql_convert (&from, &type, 0, &to) == 0);
}

/* ---- registration ---- */

static const struct sb_sql_code number_functions[] = {
    { "ts_plus", 2, f_plus, NULL },          { "ts_divide", 2, f_divide, "divide" },
    { "ts_modulo", 2, f_divide, NULL },      { "ts_cast", 5, f_cast, NULL },
    { "ts_like", 3, f_like, NULL },          { "ts_isnumeric", 1, f_isnumeric, NULL },
    { "ts_round", -1, f_round, "round" },    { "ts_floor", 1, f_round, "floor" },
    { "ts_ceiling", 1, f_round, "ceiling" }, { NULL, 0, NULL, NULL },
};

bool
sb_sql_functions_add (sqlite3 *db, struct tds_session *s)
{
    static const struct sb_sql_code *const lists[] = { number_functions, sb_sql_text_functions, sb_sql_date_functions };
    bool good = sqlite3_create_collation (db, "ci", SQLITE_UTF8, NULL, compare_ci) == SQLITE_OK;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct sb_sql_code *f = lists[i]; f->name != NULL; f++)
            good &= sqlite3_create_function (db, f->name, f->args, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                             (void *) (uintptr_t) f->data, f->fn, NULL, NULL)
                    == SQLITE_OK;
    sb_sql_system_functions_add (db, s);
    return good;
}
