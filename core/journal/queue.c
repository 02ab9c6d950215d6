/* What stands in the journal beside the history: wishes that other terminals
 * left (inbox) and messages on their way to people (notes). */
#include "core/journal/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- inbox */

bool
sb_journal_inbox_put (struct sb_journal *j, const char *run, const char *verb, const char *body, int64_t at_ms,
                      struct sb_faults *faults)
{
    const struct sb_bind binds[] = { SB_TEXT (run), SB_INT (at_ms), SB_TEXT (verb), SB_TEXT (body ? body : "{}"),
                                     SB_INT (getuid ()) };

    return sb_journal_exec (j, "INSERT INTO inbox (run, at_ms, verb, body, uid) VALUES (?,?,?,?,?)", binds, 5,
                            "leave a wish for the run", faults);
}

bool
sb_journal_inbox (struct sb_journal *j, const char *run, struct sb_arena *a, struct sb_inbox_item **ret,
                  size_t *ret_count, struct sb_faults *faults)
{
    const struct sb_bind binds[] = { SB_TEXT (run) };
    const char *what = "read the wishes for a run";
    sqlite3_stmt *st = sb_journal_query (j,
                                         "SELECT id, at_ms, run, verb, body, uid FROM inbox"
                                         " WHERE run = ? AND taken_ms IS NULL ORDER BY id",
                                         binds, 1, what, faults);
    struct sb_inbox_item *items = NULL, *copy;
    size_t count = 0, cap = 0;
    int rc = SQLITE_ROW;

    while (st && (rc = sqlite3_step (st)) == SQLITE_ROW) {
        struct sb_inbox_item *i = &SB_PUSH (items, count, cap);
        i->id = sqlite3_column_int64 (st, 0);
        i->at_ms = sqlite3_column_int64 (st, 1);
        i->run = sb_journal_column (st, 2, a);
        i->verb = sb_journal_column (st, 3, a);
        i->body = sb_journal_column (st, 4, a);
        i->uid = (uint32_t) sqlite3_column_int64 (st, 5);
    }
    if (st && rc != SQLITE_DONE)
        sb_journal_fault (j, faults, rc, what);
    sqlite3_finalize (st);
    copy = sb_arena_alloc (a, count * sizeof *copy + 1);
    if (count)
        memcpy (copy, items, count * sizeof *copy);
    free (items);
    *ret = copy;
    *ret_count = count;
    return st && rc == SQLITE_DONE;
}

bool
sb_journal_inbox_taken (struct sb_journal *j, int64_t id, int64_t at_ms, struct sb_faults *faults)
{
    const struct sb_bind binds[] = { SB_INT (at_ms), SB_INT (id) };

    return sb_journal_exec (j, "UPDATE inbox SET taken_ms = ? WHERE id = ?", binds, 2, "take a wish", faults);
}

uint32_t
sb_journal_owner (const struct sb_journal *j)
{
    struct stat st;

    return stat (j->path, &st) == 0 ? st.st_uid : getuid ();
}

/* PRAGMA data_version changes when another connection has committed. */
bool
sb_journal_stirred (struct sb_journal *j)
{
    int64_t before = j->data_version;

    return sb_journal_kept_run (j, SB_KEPT_STIRRED, NULL, 0, "look for wishes", NULL) && j->data_version != before;
}

/* ---------------------------------------------------------------- notes */

bool
sb_journal_note_add (struct sb_journal *j, const struct sb_note *n, struct sb_faults *faults)
{
    const struct sb_bind binds[] = { SB_TEXT (n->run),       SB_INT (n->at_ms),
                                     SB_TEXT (n->channel),   SB_TEXT (n->event),
                                     SB_TEXT (n->key),       SB_TEXT (n->subject),
                                     SB_TEXT (n->body),      SB_INT (n->next_ms),
                                     SB_INT (n->drill),      SB_TEXT (n->data ? n->data : "{}"),
                                     SB_INT (n->escalate_ms) };

    return sb_journal_exec (j,
                            "INSERT INTO notes (run, at_ms, channel, event, key, subject, body, state, tries, next_ms,"
                            " drill, data, escalate_ms) VALUES (?,?,?,?,?,?,?,'queued',0,?,?,?,?)"
                            " ON CONFLICT (channel, key) DO NOTHING",
                            binds, 11, "queue a message", faults);
}

bool
sb_journal_note_ack (struct sb_journal *j, const char *run, int64_t at_ms, uint32_t uid, int64_t *ret_count,
                     struct sb_faults *faults)
{
    const struct sb_bind binds[] = { SB_INT (at_ms), SB_INT (uid), SB_TEXT (run) };
    bool fine = sb_journal_exec (j,
                                 "UPDATE notes SET ack_ms = ?1, ack_uid = ?2, escalate_ms = 0"
                                 " WHERE (?3 IS NULL OR run = ?3) AND ack_ms = 0 AND at_ms <= ?1",
                                 binds, 3, "acknowledge messages", faults);

    if (ret_count)
        *ret_count = fine ? sqlite3_changes64 (j->db) : 0;
    return fine;
}

bool
sb_journal_note_escalate (struct sb_journal *j, int64_t id, const struct sb_note *n, struct sb_faults *faults)
{
    static const struct sb_note nothing;
    const struct sb_note *x = n ? n : &nothing;
    const struct sb_bind binds[] = { SB_INT (id),       SB_INT (x->at_ms),      SB_TEXT (x->channel),
                                     SB_TEXT (x->key),  SB_TEXT (x->subject),   SB_TEXT (x->body),
                                     SB_TEXT (x->data), SB_INT (x->escalate_ms) };
    const char *what = "queue a message for the next channel";

    return (!n
            || sb_journal_exec (
                    j,
                    "INSERT INTO notes (run, at_ms, channel, event, key, subject, body, state, tries, next_ms,"
                    " drill, data, escalate_ms) SELECT run, ?2, ?3, event, ?4, ?5, ?6, 'queued', 0, ?2, drill,"
                    " coalesce (?7, data), ?8 FROM notes WHERE id = ?1 AND ack_ms = 0 AND escalate_ms > 0"
                    " ON CONFLICT (channel, key) DO NOTHING",
                    binds, 8, what, faults))
           && sb_journal_exec (j, "UPDATE notes SET escalate_ms = 0 WHERE id = ?1", binds, 1, what, faults);
}

bool
sb_journal_note_result (struct sb_journal *j, int64_t id, const char *state, unsigned tries, int64_t next_ms,
                        const char *receipt, struct sb_faults *faults)
{
    const struct sb_bind binds[] = { SB_TEXT (state), SB_INT (tries), SB_INT (next_ms), SB_TEXT (receipt),
                                     SB_INT (id) };

    return sb_journal_exec (j, "UPDATE notes SET state = ?, tries = ?, next_ms = ?, receipt = ? WHERE id = ?", binds, 5,
                            "note what became of a message", faults);
}

bool
sb_journal_notes (struct sb_journal *j, const char *run, const char *state, struct sb_arena *a, struct sb_note **ret,
                  size_t *ret_count, struct sb_faults *faults)
{
    const struct sb_bind binds[] = { SB_TEXT (run), SB_TEXT (state) };
    const char *what = "list messages";
    sqlite3_stmt *st =
            sb_journal_query (j,
                              "SELECT id, at_ms, run, channel, event, key, subject, body, state, tries, next_ms,"
                              " receipt, drill, data, escalate_ms, ack_ms FROM notes WHERE (?1 IS NULL OR run = ?1)"
                              " AND (?2 IS NULL OR state = ?2"
                              " OR (?2 = 'open' AND (state = 'queued' OR escalate_ms > 0))) ORDER BY id",
                              binds, 2, what, faults);
    struct sb_note *notes = NULL, *copy;
    size_t count = 0, cap = 0;
    int rc = SQLITE_ROW;

    while (st && (rc = sqlite3_step (st)) == SQLITE_ROW) {
        struct sb_note *n = &SB_PUSH (notes, count, cap);
        n->id = sqlite3_column_int64 (st, 0);
        n->at_ms = sqlite3_column_int64 (st, 1);
        n->run = sb_journal_column (st, 2, a);
        n->channel = sb_journal_column (st, 3, a);
        n->event = sb_journal_column (st, 4, a);
        n->key = sb_journal_column (st, 5, a);
        n->subject = sb_journal_column (st, 6, a);
        n->body = sb_journal_column (st, 7, a);
        n->state = sb_journal_column (st, 8, a);
        n->tries = (unsigned) sqlite3_column_int64 (st, 9);
        n->next_ms = sqlite3_column_int64 (st, 10);
        n->receipt = sb_journal_column (st, 11, a);
        n->drill = sqlite3_column_int64 (st, 12) != 0;
        n->data = sb_journal_column (st, 13, a);
        n->escalate_ms = sqlite3_column_int64 (st, 14);
        n->ack_ms = sqlite3_column_int64 (st, 15);
    }
    if (st && rc != SQLITE_DONE)
        sb_journal_fault (j, faults, rc, what);
    sqlite3_finalize (st);
    copy = sb_arena_alloc (a, count * sizeof *copy + 1);
    if (count)
        memcpy (copy, notes, count * sizeof *copy);
    free (notes);
    *ret = copy;
    *ret_count = count;
    return st && rc == SQLITE_DONE;
}
