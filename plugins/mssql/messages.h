/* What the error numbers of the server mean to us: one table.  Texts are
 * localised and change; numbers do not, so numbers decide (SQL sheet: messages
 * of sys.messages, ranges 0-6999, 14000-15999, 18456, 22022, 32000-32055). */
#ifndef SB_MSSQL_MESSAGES_H
#define SB_MSSQL_MESSAGES_H

enum sb_msg_class {
    SB_MSG_RETRY = 0, /* nothing was changed; the same statement may work later */
    SB_MSG_FAIL,      /* nothing was changed; it will not work */
    SB_MSG_UNSURE,    /* something may have been changed */
    SB_MSG_ALREADY,   /* it is so already, if the state says so too */
    SB_MSG_BUSY,      /* others are in the way: end them and try again */
    SB_MSG_FILE,      /* a backup file cannot be used */
    SB_MSG_GONE,      /* what was to be removed or ended is not there */
    SB_MSG_TRAILER    /* follows the real cause: never the cause itself */
};

struct sb_msg_note {
    int number;
    enum sb_msg_class class;
    const char *sentence; /* what it means; NULL: the server's own text says it */
    const char *hint;     /* what to do, a full sentence; NULL: none */
};

/* The row of a number, or NULL. */
const struct sb_msg_note *sb_msg_note (int number);

/* The class of an error number; a number that is not in the table fails. */
enum sb_msg_class sb_msg_class (int number);

#endif
