/* What BACKUP and RESTORE have in common: the words behind WITH, devices, progress. */
#ifndef SB_TDS_MEDIA_H
#define SB_TDS_MEDIA_H

#include "lab/tds/do.h"

/* One statement as it was read. */
struct tds_media {
    const char *verb;  /* "BACKUP", "RESTORE": in 155 */
    const char *title; /* "BACKUP LOG": in 3013 and 3014 */
    unsigned command;  /* CurCmd */
    const char *db;
    const char *path; /* NULL: no FROM */
    const char *name; /* NAME = */
    uint32_t flags;   /* W_WITH_* */
    int64_t file;     /* FILE = n; 0: not given */
    int stats;        /* 0: none */
    bool point_in_time, standby_named, compressed;
    const char *move[8]; /* logical names of MOVE */
    size_t nmove;
    unsigned ndevices;
};

struct tds_word { /* an option */
    const char *word;
    uint32_t flag;
    char value; /* 0: none; '=': a value follows, ignored; other letters: see take_value() */
};

/* TO or FROM: DISK = x [, ...]. */
void tds_media_devices (struct sb_sql_cursor *c, struct tds_session *s, struct tds_media *m);
/* WITH ...; `words` ends with NULL. */
void
tds_media_options (struct sb_sql_cursor *c, struct tds_session *s, struct tds_media *m, const struct tds_word *words);
/* Sends the operation, tells the progress, says how it ended. */
enum sb_sql_end tds_media_run (struct tds_session *s, const struct sb_sql_run *r, struct tds_media *m, struct w_op *op);
/* ERROR 3013 and the DONE of a failure. */
enum sb_sql_end tds_media_failed (struct tds_session *s, const struct sb_sql_run *r, const struct tds_media *m);
/* RESTORE HEADERONLY and its kin (headers.c). */
enum sb_sql_end tds_media_headers (struct tds_session *s, const struct sb_sql_run *r, struct tds_media *m, char which);
/* Reads the sets of a file; false: said, without 3013. */
bool tds_media_sets (struct tds_session *s, const struct sb_sql_run *r, const struct tds_media *m,
                     struct w_file_set **ret, size_t *n);

#endif
