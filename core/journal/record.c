/* Words of records and their seal.  What a record means to the state of its
 * step stands in this one table; everything that shows or rebuilds states uses it. */
#include "core/journal/record.h"

#include "core/base/sha256.h"

#include <string.h>

const struct sb_record_word sb_record_words[SB_REC_KINDS] = {
    [SB_REC_RUN_BEGIN] = { "run-begin", NULL, "the run begins" },
    [SB_REC_RUN_RESUME] = { "run-resume", NULL, "the run is taken up again" },
    [SB_REC_RUN_FINISH] = { "run-finish", NULL, "the run ends" },
    [SB_REC_ABORT] = { "abort", NULL, "a person wants the run taken back" },
    [SB_REC_REFUSED] = { "refused", NULL, "a gate was not agreed to" },
    [SB_REC_UNDO_BEGIN] = { "undo-begin", NULL, "what was done is taken back" },
    [SB_REC_ADOPTED] = { "adopted", "done", "was so already" },
    [SB_REC_INTENT] = { "intent", "running", "will be done now" },
    [SB_REC_ANSWER] = { "answer", "checking", "the action returned" },
    [SB_REC_CLEARED] = { "cleared", "due", "nothing of the attempt stands" },
    [SB_REC_DONE] = { "done", "done", "done, and seen to be so" },
    [SB_REC_FAILED] = { "failed", "failed", "failed, nothing was changed" },
    [SB_REC_HELD] = { "held", "held", "held; a person must look" },
    [SB_REC_OWED] = { "owed", "owed", "owed; to be done when the site answers" },
    [SB_REC_SKIPPED] = { "skipped", "skipped", "skipped" },
    [SB_REC_UNDO_INTENT] = { "undo-intent", "undoing", "will be taken back now" },
    [SB_REC_UNDO_ANSWER] = { "undo-answer", "undoing", "the undoing action returned" },
    [SB_REC_UNDO_CLEARED] = { "undo-cleared", "undoing", "nothing of the undoing attempt stands" },
    [SB_REC_UNDO_HELD] = { "undo-held", "held", "could not be taken back; a person must look" },
    [SB_REC_UNDONE] = { "undone", "undone", "taken back, and seen to be so" },
    [SB_REC_UNDO_LEFT] = { "undo-left", "left", "left as it is; it does no harm" },
    [SB_REC_GATE_OPEN] = { "gate-open", "asked", "a person is asked" },
    [SB_REC_GATE_ANSWER] = { "gate-answer", "due", "the question was answered" },
    [SB_REC_PROVED] = { "proved", NULL, "asked again, and still so" },
    [SB_REC_DARK] = { "dark", NULL, "nothing of the site answers" },
    [SB_REC_LIGHT] = { "light", NULL, "the site answers again" },
    [SB_REC_PERSON] = { "person", NULL, "a person wishes" },
    [SB_REC_NOTE] = { "note", NULL, "noted" },
    [SB_REC_GATE_FIRST] = { "gate-first", NULL, "one of two persons agrees" },
    [SB_REC_GATE_GLASS] = { "gate-glass", NULL, "BREAK GLASS: one person alone goes on after a countdown" },
    [SB_REC_OPERATOR] = { "operator", NULL, "the run is handed over" },
    [SB_REC_TAKEN_OVER] = { "taken-over", NULL, "the hold of another run was ended by a person" },
};

enum sb_record_kind
sb_record_kind_find (const char *name)
{
    int i;

    for (i = 0; i < SB_REC_KINDS; i++)
        if (sb_record_words[i].name[0] == name[0] && strcmp (sb_record_words[i].name, name) == 0)
            break;
    return (enum sb_record_kind) i;
}

static void
add_number (struct sb_sha256 *h, int64_t value)
{
    uint8_t bytes[8];
    int i;

    for (i = 0; i < 8; i++)
        bytes[i] = (uint8_t) ((uint64_t) value >> (56 - 8 * i));
    sb_sha256_add (h, bytes, sizeof bytes);
}

static void
add_text (struct sb_sha256 *h, const char *s)
{
    size_t n = s ? strlen (s) : 0;

    add_number (h, (int64_t) n);
    sb_sha256_add (h, s ? s : "", n);
}

void
sb_record_seal (struct sb_record *r)
{
    static const char domain[] = "switchback record 1";
    struct sb_sha256 h;

    sb_sha256_init (&h);
    sb_sha256_add (&h, domain, sizeof domain);
    sb_sha256_add (&h, r->prev_hash, SB_HASH_BYTES);
    add_number (&h, r->seq);
    add_text (&h, r->run);
    add_number (&h, r->at_ms);
    add_text (&h, sb_record_words[r->kind].name);
    add_number (&h, r->step == SB_RECORD_NO_STEP ? -1 : (int64_t) r->step);
    add_text (&h, r->name);
    add_number (&h, (int64_t) r->attempt);
    add_text (&h, r->body);
    sb_sha256_end (&h, r->hash);
}
