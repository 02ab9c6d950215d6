/* Values and types of T-SQL as this door knows them.
 *
 * Knows: the types that the statement set in use can declare, store and send,
 * and how each looks on the wire (MS-TDS 2.2.5.4 to 2.2.5.6).  Promises: a value
 * of any kind can be written as any type; what does not fit becomes NULL or is
 * cut to the declared length, never more bytes than announced.  Leaves to others:
 * conversions between types (convert.c) and where values come from.
 *
 * Inside the door every value is one of five things: NULL, a 64-bit integer (also
 * bit, and numeric without a scale), a double, a text in UTF-8 (also date-times as
 * "yyyy-mm-dd hh:mm:ss.mmm" and identifiers as 36 capital characters) or bytes. */
#ifndef SB_TDS_VALUE_H
#define SB_TDS_VALUE_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sb_sql_kind {
    SB_SQL_UNKNOWN = 0, /* not known before the first row */
    SB_SQL_BIT,
    SB_SQL_TINYINT,
    SB_SQL_SMALLINT,
    SB_SQL_INT,
    SB_SQL_BIGINT,
    SB_SQL_NUMERIC,
    SB_SQL_FLOAT,
    SB_SQL_DATETIME,
    SB_SQL_DATETIME2,
    SB_SQL_DATE,
    SB_SQL_UUID,
    SB_SQL_NVARCHAR,
    SB_SQL_NCHAR,
    SB_SQL_VARCHAR,
    SB_SQL_CHAR,
    SB_SQL_VARBINARY,
    SB_SQL_VARIANT
};

#define SB_SQL_MAX (-1) /* the length of nvarchar(max) and its kin */

struct sb_sql_type {
    uint8_t kind;  /* enum sb_sql_kind */
    uint8_t prec;  /* numeric */
    uint8_t scale; /* numeric, datetime2 */
    bool not_null;
    bool computed; /* an expression: flag 0x20 in the column's description */
    int32_t len; /* characters (bytes for varbinary); SB_SQL_MAX; of numeric: bytes that its description claims, 0: as many
                      as the precision needs */
};

enum sb_sql_tag { SB_SQL_NULL = 0, SB_SQL_INTEGER, SB_SQL_REAL, SB_SQL_TEXT, SB_SQL_BLOB };

struct sb_sql_value {
    enum sb_sql_tag tag;
    int64_t i;
    double r;
    const char *s; /* text or bytes; not NUL-terminated by contract */
    size_t n;
};

#define SB_SQL_TYPE(kind_, len_) ((struct sb_sql_type){ .kind = (kind_), .len = (len_) })

struct sb_sql_value sb_sql_text (const char *s); /* borrows; NULL becomes the value NULL */
struct sb_sql_value sb_sql_int (int64_t i);
struct sb_sql_value sb_sql_null (void);
/* An owned copy, freed by sb_sql_value_free; texts get a NUL behind the last byte. */
struct sb_sql_value sb_sql_value_copy (const struct sb_sql_value *v);
void sb_sql_value_free (struct sb_sql_value *v);

/* "nvarchar", with the numbers that stood in brackets (count 0 to 2; SB_SQL_MAX for max).
 * false: no such type here. */
bool sb_sql_type_named (const char *name, size_t n, const int *numbers, int count, struct sb_sql_type *ret);
/* "nvarchar(128)", "numeric(25,0)": as it is written in the tables of the views. */
bool sb_sql_type_parse (const char *text, struct sb_sql_type *ret);
/* "nvarchar(128)"; (max) is written -1, which SQLite's grammar allows. */
void sb_sql_type_format (const struct sb_sql_type *type, struct sb_buf *out);
bool sb_sql_is_text (const struct sb_sql_type *type);
bool sb_sql_is_integer (const struct sb_sql_type *type);

/* TYPE_INFO of COLMETADATA and RETURNVALUE; nullable forms only, except bit and
 * integers that are `not_null`, which use their fixed-length types. */
void sb_sql_type_info (const struct sb_sql_type *type, struct sb_buf *out);
/* One value behind that TYPE_INFO. */
void sb_sql_encode (const struct sb_sql_type *type, const struct sb_sql_value *v, struct sb_buf *out);
/* The type that fits a value when nothing better is known. */
struct sb_sql_type sb_sql_type_of (const struct sb_sql_value *v);

/* The database collation on the wire: Latin1 general, case-insensitive. */
extern const uint8_t sb_sql_collation[5];

/* Days since 1900-01-01 and milliseconds of the day; false: not a date-time. */
bool sb_sql_date_parse (const char *s, size_t n, int64_t *days, int64_t *ms);
/* "yyyy-mm-dd hh:mm:ss.mmm" in ret (24 bytes). */
void sb_sql_date_format (int64_t days, int64_t ms, char ret[24]);
void sb_sql_date_from_unix (int64_t unix_ms, char ret[24]);
void sb_sql_civil (int64_t days, int *year, int *month, int *day); /* days since 1900-01-01 */
int64_t sb_sql_days (int year, int month, int day);
/* 36 characters to 16 bytes of the wire (first three groups byte-swapped). */
bool sb_sql_uuid_bytes (const char *s, size_t n, uint8_t ret[16]);
void sb_sql_uuid_text (const uint8_t bytes[16], char ret[37]);

#endif
