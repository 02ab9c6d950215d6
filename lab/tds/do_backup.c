/* BACKUP and RESTORE as statements (SQL sheet 3.1 to 3.4).
 *
 * Messages come as the server sends them: each INFO is followed by its own DONE
 * that says "more", except the last; 3211 leaves at once, in a packet of its own. */
#include "lab/tds/media.h"
#include "lab/tds/release.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tds_word backup_words[] = {
    { "init", W_WITH_INIT, 0 },
    { "noinit", 0, 0 },
    { "format", W_WITH_FORMAT | W_WITH_SKIP, 0 },
    { "noformat", 0, 0 },
    { "skip", W_WITH_SKIP, 0 },
    { "noskip", 0, 0 },
    { "copy_only", W_WITH_COPY_ONLY, 0 },
    { "checksum", W_WITH_CHECKSUM, 0 },
    { "no_checksum", 0, 0 },
    { "stop_on_error", 0, 0 },
    { "continue_after_error", 0, 0 },
    { "compression", 0, 'c' },
    { "no_compression", 0, 0 },
    { "name", 0, 'n' },
    { "description", 0, '=' },
    { "expiredate", 0, '=' },
    { "retaindays", 0, '=' },
    { "stats", 0, 's' },
    { "blocksize", 0, '=' },
    { "buffercount", 0, '=' },
    { "maxtransfersize", 0, '=' },
    { "norecovery", W_WITH_NORECOVERY, 0 },
    { "standby", W_WITH_STANDBY | W_WITH_NORECOVERY, 'b' },
    { "no_truncate", W_WITH_NO_TRUNCATE, 0 },
    { "medianame", 0, '=' },
    { "mediadescription", 0, '=' },
    { "differential", W_WITH_DIFFERENTIAL, 0 },
    { "rewind", 0, 0 },
    { "norewind", 0, 0 },
    { "unload", 0, 0 },
    { "nounload", 0, 0 },
    { NULL, 0, 0 },
};

static const struct tds_word restore_words[] = {
    { "recovery", 0, 0 },
    { "norecovery", W_WITH_NORECOVERY, 0 },
    { "standby", W_WITH_STANDBY, 'b' },
    { "file", 0, 'f' },
    { "replace", W_WITH_REPLACE, 0 },
    { "move", 0, 'm' },
    { "stopat", 0, 't' },
    { "stopatmark", 0, 't' },
    { "stopbeforemark", 0, 't' },
    { "checksum", W_WITH_CHECKSUM, 0 },
    { "no_checksum", 0, 0 },
    { "stop_on_error", 0, 0 },
    { "continue_after_error", 0, 0 },
    { "stats", 0, 's' },
    { "restricted_user", W_WITH_RESTRICTED, 0 },
    { "enable_broker", 0, 0 },
    { "new_broker", 0, 0 },
    { "error_broker_conversations", 0, 0 },
    { "keep_replication", 0, 0 },
    { "keep_cdc", 0, 0 },
    { "buffercount", 0, '=' },
    { "maxtransfersize", 0, '=' },
    { "blocksize", 0, '=' },
    { "medianame", 0, '=' },
    { "unload", 0, 0 },
    { "nounload", 0, 0 },
    { "rewind", 0, 0 },
    { "norewind", 0, 0 },
    { "loadhistory", 0, 0 },
    { "restart", 0, 0 },
    { NULL, 0, 0 },
};

void
tds_media_devices (struct sb_sql_cursor *c, struct tds_session *s, struct tds_media *m)
{
    do {
        const char *path;
        if (!sb_sql_take_word (c, "disk")) {
            sb_sql_fail_near (c); /* other devices are not known here */
            return;
        }
        if (!sb_sql_need_op (c, "="))
            return;
        path = tds_take_text (c, s, "path");
        if (m->ndevices++ == 0)
            m->path = path;
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
}

static void
take_value (struct sb_sql_cursor *c, struct tds_session *s, struct tds_media *m, char kind)
{
    int64_t n = 10;

    if (kind == 's') {
        if (sb_sql_take_op (c, "=") && !sb_sql_parse_int (c, &n))
            sb_sql_fail_near (c);
        m->stats = n < 1 ? 1 : n > 100 ? 100 : (int) n;
        return;
    }
    if (kind == 'm') {
        const char *logical = tds_take_text (c, s, "logical name");
        if (sb_sql_need_word (c, "to"))
            tds_take_text (c, s, "path");
        if (m->nmove < 8)
            m->move[m->nmove++] = logical;
        return;
    }
    if (kind == 'c') {
        m->compressed = true;
        return;
    }
    if (!sb_sql_need_op (c, "="))
        return;
    if (kind == 'f') {
        if (!sb_sql_parse_int (c, &m->file)) {
            const char *text = tds_take_text (c, s, "number");
            if (s != NULL && !sb_parse_int (text, &m->file))
                sb_sql_fail_near (c);
        }
        return;
    }
    m->point_in_time |= kind == 't';
    {
        const char *text = tds_take_text (c, s, "value");
        if (kind == 'n')
            m->name = text;
    }
    if (kind == 't' && sb_sql_take_word (c, "after"))
        tds_take_text (c, s, "time");
}

void
tds_media_options (struct sb_sql_cursor *c, struct tds_session *s, struct tds_media *m, const struct tds_word *words)
{
    if (!sb_sql_take_word (c, "with"))
        return;
    do {
        const struct sb_sql_token *t = sb_sql_peek (c, 0);
        const struct tds_word *w = words;
        while (w->word != NULL && !sb_sql_at_word (c, w->word))
            w++;
        if (w->word == NULL) {
            if (t->kind == SB_TOK_WORD)
                sb_sql_fail (c, 155, t->text, m->verb);
            else
                sb_sql_fail_near (c);
            return;
        }
        sb_sql_next (c);
        m->flags |= w->flag;
        if (w->value != 0)
            take_value (c, s, m, w->value);
    } while (sb_sql_take_op (c, ",") && c->fail.number == 0);
}

/* ---- running ---- */

enum sb_sql_end
tds_media_failed (struct tds_session *s, const struct sb_sql_run *r, const struct tds_media *m)
{
    tds_say (s, r, 3013, m->title);
    tds_done (s, r, SB_TDS_ERROR, m->command, 0);
    return SB_END_GO_ON;
}

struct progress {
    struct tds_session *s;
    const struct sb_sql_run *r;
    const struct tds_media *m;
    unsigned told;
};

static void
tell (struct progress *p, unsigned percent)
{
    unsigned step = (unsigned) p->m->stats;

    while (step > 0 && p->told + step <= percent && p->told < 100) {
        p->told += step;
        tds_say (p->s, p->r, 3211, (int) p->told);
        tds_done (p->s, p->r, 0, p->m->command, 0);
        sb_tds_push (&p->s->out);
    }
}

static void
on_progress (void *ctx, unsigned percent)
{
    tell (ctx, percent > 99 ? 99 : percent);
}

static void
say_processed (struct tds_session *s, const struct sb_sql_run *r, const struct tds_media *m, const struct w_out *out,
               int64_t took_ms)
{
    bool log = (m->flags & W_WITH_LOG) != 0;
    int64_t pages = out->value[0], rate = took_ms > 0 ? pages * 8192 * 1000 / 1048576 * 1000 / took_ms : 0;
    int file = m->file > 0 ? (int) m->file : 1;
    SB_AUTOFREE char *log_file = sb_xprintf ("%s_log", m->db);

    if (m->path != NULL) {
        if (!log || strcmp (m->verb, "RESTORE") == 0) {
            tds_say (s, r, 4035, log ? (int64_t) 0 : pages, m->db, m->db, file);
            tds_done (s, r, 0, m->command, 0);
        }
        tds_say (s, r, 4035, log ? pages : (int64_t) 2, m->db, log_file, file);
        tds_done (s, r, 0, m->command, 0);
    }
    tds_say (s, r, 3014, m->title, pages, (int) (took_ms / 1000), (int) (took_ms % 1000), (int) (rate / 1000),
             (int) (rate % 1000));
    tds_done (s, r, 0, m->command, 0);
}

enum sb_sql_end
tds_media_run (struct tds_session *s, const struct sb_sql_run *r, struct tds_media *m, struct w_op *op)
{
    struct progress p = { .s = s, .r = r, .m = m };
    struct w_out out;
    int64_t start = sb_mono_ms ();

    op->delay_ms = s->slow_ms;
    w_out_init (&out);
    if (!tds_op (s, op, &out, on_progress, &p)) {
        if (s->cancelled && !s->wire.dead) { /* attention: what was done is undone */
            tds_say (s, r, 3204);
            return tds_media_failed (s, r, m);
        }
        if (tds_stopped (s))
            return SB_END_BATCH;
    }
    if (out.status != W_DONE) {
        tds_say_out (s, r, &out);
        tds_done (s, r, SB_TDS_ERROR, m->command, 0);
        return SB_END_GO_ON;
    }
    tds_say_out (s, r, &out);
    if (m->stats > 0) {
        tell (&p, 100);
        if (p.told < 100) {
            tds_say (s, r, 3211, 100);
            tds_done (s, r, 0, m->command, 0);
        }
    }
    say_processed (s, r, m, &out, sb_mono_ms () - start);
    return SB_END_GO_ON;
}

/* Refusals that need no world: 0, or a number with what is said. */
static bool
refused (struct tds_session *s, const struct sb_sql_run *r, const struct tds_media *m)
{
    struct world *w = m->compressed ? tds_world (s) : NULL;

    if (w != NULL && w_instance (w, s->instance)->edition == W_EXPRESS) {
        SB_AUTOFREE char *title = sb_xprintf ("%s WITH COMPRESSION", m->title);
        tds_say (s, r, 1844, title, tds_edition_text (W_EXPRESS));
    } else if (m->ndevices > 1 && strcmp (m->verb, "RESTORE") == 0)
        tds_say (s, r, 3132, 1, (int) m->ndevices);
    else if (m->ndevices > 1)
        tds_say (s, r, 3032, "stripes");
    else if (m->point_in_time)
        tds_say (s, r, 3032, "stopat");
    else if (m->flags & W_WITH_DIFFERENTIAL && (tds_system_database (m->db) || m->flags & W_WITH_LOG))
        tds_say (s, r, m->flags & W_WITH_LOG ? 3032 : 3035, m->flags & W_WITH_LOG ? "differential" : m->db);
    else if (tds_system_database (m->db) && (m->flags & W_WITH_LOG))
        tds_say (s, r, 4208, m->title);
    else
        return false;
    return true;
}

enum sb_sql_end
do_backup (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    struct tds_media m = { .verb = "BACKUP", .title = "BACKUP DATABASE", .command = TDS_CMD_BACKUP_DB };
    struct w_op op;

    sb_sql_next (c);
    if (sb_sql_take_word (c, "log")) {
        m.title = "BACKUP LOG";
        m.command = TDS_CMD_BACKUP_LOG;
        m.flags = W_WITH_LOG;
    } else if (!sb_sql_need_word (c, "database")) {
        return SB_END_GO_ON;
    }
    m.db = tds_take_text (c, s, "database");
    if (!sb_sql_need_word (c, "to"))
        return SB_END_GO_ON;
    tds_media_devices (c, s, &m);
    tds_media_options (c, s, &m, backup_words);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (refused (s, r, &m))
        return tds_media_failed (s, r, &m);
    tds_op_init (s, &op, W_OP_BACKUP, m.db);
    op.flags = m.flags;
    snprintf (op.path[0], sizeof op.path[0], "%s", m.path);
    snprintf (op.name[0], sizeof op.name[0], "%s", m.name == NULL ? "" : m.name);
    return tds_media_run (s, r, &m, &op);
}

/* MOVE must name files of the set. */
static bool
moves_known (struct tds_session *s, const struct sb_sql_run *r, const struct tds_media *m)
{
    struct w_file_set *sets = NULL;
    size_t n = 0;
    bool good = true;

    if (m->nmove == 0 || w_client_sets (s->world, s->instance, m->path, &sets, &n) != W_FILE_OK || n == 0) {
        free (sets);
        return true; /* what is wrong with the file is said by the restore itself */
    }
    for (size_t i = 0; i < m->nmove && good; i++) {
        SB_AUTOFREE char *log = sb_xprintf ("%s_log", sets[0].set.database);
        good = sb_casecmp (m->move[i], sets[0].set.database) == 0 || sb_casecmp (m->move[i], log) == 0;
        if (!good)
            tds_say (s, r, 3234, m->move[i], m->db);
    }
    free (sets);
    return good;
}

static enum sb_sql_end
restore_headers (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r, struct tds_media *m,
                 char which)
{
    if (!sb_sql_need_word (c, "from"))
        return SB_END_GO_ON;
    tds_media_devices (c, s, m);
    tds_media_options (c, s, m, restore_words);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (s->trancount > 0) {
        tds_say (s, r, 3021);
        return tds_media_failed (s, r, m);
    }
    if (s->slow_ms > 0 && !tds_wait (s, s->slow_ms))
        return SB_END_BATCH;
    return tds_media_headers (s, r, m, which);
}

enum sb_sql_end
do_restore (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r)
{
    static const struct {
        const char *word, *title;
        unsigned command;
    } kinds[] = { { "headeronly", "RESTORE HEADERONLY", TDS_CMD_HEADERONLY },
                  { "filelistonly", "RESTORE FILELIST", TDS_CMD_FILELIST },
                  { "labelonly", "RESTORE LABELONLY", TDS_CMD_HEADERONLY },
                  { "verifyonly", "VERIFY DATABASE", TDS_CMD_VERIFY } };
    struct tds_media m = { .verb = "RESTORE", .title = "RESTORE DATABASE", .command = TDS_CMD_RESTORE, .db = "" };
    struct w_op op;

    sb_sql_next (c);
    for (size_t i = 0; i < 4; i++)
        if (sb_sql_take_word (c, kinds[i].word)) {
            m.title = kinds[i].title;
            m.command = kinds[i].command;
            return restore_headers (c, s, r, &m, kinds[i].word[0]);
        }
    if (sb_sql_take_word (c, "log")) {
        m.title = "RESTORE LOG";
        m.flags = W_WITH_LOG;
    } else if (!sb_sql_need_word (c, "database")) {
        return SB_END_GO_ON;
    }
    m.db = tds_take_text (c, s, "database");
    if (sb_sql_take_word (c, "from"))
        tds_media_devices (c, s, &m);
    tds_media_options (c, s, &m, restore_words);
    if (s == NULL || c->fail.number != 0)
        return SB_END_GO_ON;
    if (refused (s, r, &m) || (m.path != NULL && !moves_known (s, r, &m)))
        return tds_media_failed (s, r, &m);
    tds_op_init (s, &op, m.path == NULL ? W_OP_RESTORE_STATE : W_OP_RESTORE, m.db);
    op.flags = m.flags;
    op.n[0] = (int32_t) (m.file > INT16_MAX ? INT16_MAX : m.file);
    snprintf (op.path[0], sizeof op.path[0], "%s", m.path == NULL ? "" : m.path);
    return tds_media_run (s, r, &m, &op);
}
