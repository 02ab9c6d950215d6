/* Asking without a run: calls that change nothing, through lanes, side by side. */
#ifndef SB_CLI_ASK_H
#define SB_CLI_ASK_H

#include "cli/cli.h"

struct cli_answer {
    bool asked;        /* false: the step has no such question, or it still refers to results */
    enum sb_rc rc;     /* of a reading action */
    enum sb_seen seen; /* of verify */
    char *sentence;
    struct sb_map results; /* char * */
};

struct cli_answers {
    struct cli_answer *list; /* one per step of the plan */
    size_t count;
};

enum cli_ask {
    CLI_ASK_READ,  /* run the steps that only read */
    CLI_ASK_VERIFY /* verify the steps that change something */
};

/* EXIT_DONE with an answer for each step, or an exit code with a message printed. */
int cli_ask_plan (struct cli *c, const struct sb_plan *p, enum cli_ask what, struct cli_answers *ret);
void cli_answers_free (struct cli_answers *a);

#endif
