/* The words of the engine, each list in one place. */
#include "core/engine/engine.h"

const struct sb_outcome_word sb_outcome_words[SB_OUTCOMES] = {
    [SB_RUN_GOES_ON] = { "goes on", 70, false, "the run has not ended" },
    [SB_RUN_DONE] = { "done", 0, true, "done" },
    [SB_RUN_DONE_OWED] = { "done, owed", 0, true, "done; what dark targets owe is listed" },
    [SB_RUN_REFUSED] = { "refused", 1, true, "refused at a gate; what ran was taken back" },
    [SB_RUN_FAILED_UNDONE] = { "failed, undone", 1, true, "a step failed; what ran was taken back" },
    [SB_RUN_ABORTED] = { "aborted", 1, true, "aborted by a person; what ran was taken back" },
    [SB_RUN_HELD] = { "held", 4, false, "held; a person must look" },
    [SB_RUN_WAITING] = { "waiting", 4, false, "waiting for the answer of a person" },
    [SB_RUN_STOPPED] = { "stopped", 130, false, "stopped by a signal; it can be resumed" },
};

const char *const sb_phase_names[SB_PHASES] = {
    [SB_PHASE_WAITING] = "waiting",     [SB_PHASE_DUE] = "due",
    [SB_PHASE_GATE] = "gate",           [SB_PHASE_ASKED] = "asked",
    [SB_PHASE_LOCATING] = "locating",   [SB_PHASE_VERIFYING] = "verifying",
    [SB_PHASE_PAUSING] = "checking",    [SB_PHASE_DOUBTING] = "doubting",
    [SB_PHASE_PROVING] = "proving",     [SB_PHASE_RUNNING] = "running",
    [SB_PHASE_BACKOFF] = "backing off", [SB_PHASE_DONE] = "done",
    [SB_PHASE_SKIPPED] = "skipped",     [SB_PHASE_OWED] = "owed",
    [SB_PHASE_FAILED] = "failed",       [SB_PHASE_HELD] = "held",
    [SB_PHASE_UNDONE] = "undone",
};

const char *const sb_purpose_names[SB_PURPOSES] = {
    [SB_FOR_TOP] = "is it so already",
    [SB_FOR_SETTLE] = "has it become so",
    [SB_FOR_RETRY] = "may it be tried again",
    [SB_FOR_FAIL] = "was nothing changed",
    [SB_FOR_CLEAR] = "does anything still work there",
    [SB_FOR_LOCATE] = "where does it serve",
    [SB_FOR_READ] = "what is there",
};

const char *const sb_reason_names[SB_WHYS] = {
    [SB_WHY_NONE] = "none",
    [SB_WHY_UNKNOWN] = "unknown",
    [SB_WHY_PARTLY] = "partly",
    [SB_WHY_NOT_SETTLED] = "not-settled",
    [SB_WHY_DARK] = "dark",
    [SB_WHY_GATE_NO] = "gate-no",
    [SB_WHY_GATE_EXPIRED] = "gate-expired",
    [SB_WHY_PROOF] = "proof",
    [SB_WHY_LOCATE] = "not-located",
    [SB_WHY_PERSON] = "person",
    [SB_WHY_FAILED] = "failed",
    [SB_WHY_ATTEMPTS] = "attempts",
    [SB_WHY_LAPSES] = "lapses",
    [SB_WHY_UNDO] = "undo",
    [SB_WHY_NO_RETURN] = "no-return",
    [SB_WHY_ABORT] = "abort",
    [SB_WHY_REFUSED] = "refused",
    [SB_WHY_NOT_NOW] = "not-now",
    [SB_WHY_DEFECT] = "defect",
    [SB_WHY_SAME] = "same-person",
    [SB_WHY_GLASS] = "break-glass",
    [SB_WHY_NOT_SO] = "not-so",
};

const char *const sb_reason_texts[SB_WHYS] = {
    [SB_WHY_NONE] = "",
    [SB_WHY_UNKNOWN] = "nobody can tell whether it is so, and the site answers",
    [SB_WHY_PARTLY] = "it is half done, and doing it again is not safe",
    [SB_WHY_NOT_SETTLED] = "the action said that it is done, but reading back does not agree",
    [SB_WHY_DARK] = "nothing of the site answers",
    [SB_WHY_GATE_NO] = "a person said no",
    [SB_WHY_GATE_EXPIRED] = "nobody answered in time",
    [SB_WHY_PROOF] = "what it relies on could not be shown to hold any more",
    [SB_WHY_LOCATE] = "the instance to work on was not found",
    [SB_WHY_PERSON] = "a person wants it so",
    [SB_WHY_FAILED] = "the action failed and nothing was changed",
    [SB_WHY_ATTEMPTS] = "no attempt is left",
    [SB_WHY_LAPSES] = "its attempts broke off too often",
    [SB_WHY_UNDO] = "the run is being taken back",
    [SB_WHY_NO_RETURN] = "the point of no return was passed",
    [SB_WHY_ABORT] = "a person wants the run taken back",
    [SB_WHY_REFUSED] = "a gate was not agreed to",
    [SB_WHY_NOT_NOW] = "the step is not in a state that allows it",
    [SB_WHY_DEFECT] = "this state should not exist: a defect in the program",
    [SB_WHY_SAME] = "a second person is needed, and this is the first one again",
    [SB_WHY_GLASS] = "one person alone broke the glass, and the countdown is over",
    [SB_WHY_NOT_SO] = "a person said that it is done, and reading back does not agree",
};

const char *const sb_news_names[SB_NEWS] = {
    [SB_NEWS_BEGIN] = "run",    [SB_NEWS_GATE] = "gate",  [SB_NEWS_FAILED] = "failure",
    [SB_NEWS_HELD] = "failure", [SB_NEWS_OWED] = "owed",  [SB_NEWS_DARK] = "failure",
    [SB_NEWS_UNDO] = "failure", [SB_NEWS_FINISH] = "run", [SB_NEWS_GLASS] = "gate",
};
