/* What messages say: templates, one for each thing that can be told, in the
 * language of workflows (`${pool}`, `${said | "nothing"}`).
 *
 * A file has sections [message NAME] with the keys subject, text, hint, level
 * and `fact WORDS`; [message any] gives what a section lacks.  Files lie over
 * one another key by key: packaged, of the site, of the channel.  A key with an
 * empty value takes the one below away.
 *
 * The beginning of a subject is not the template's: "switchback: ", in a drill
 * "DRILL switchback: ".  A message of a drill says so in its first line too; in
 * any other, a line that begins with DRILL is quoted.  So neither can pass for
 * the other, whatever templates, names and servers say.  Pure. */
#ifndef SB_ENGINE_MESSAGE_H
#define SB_ENGINE_MESSAGE_H

#include "core/base/fault.h"
#include "core/base/map.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

/* One name that templates may ask for. */
struct sb_message_value {
    const char *name, *help;
    const char *sample; /* for previews */
};
extern const struct sb_message_value sb_message_values[]; /* ends with name NULL */

/* What can be told, and the word of `events =` that wants it. */
struct sb_message_kind {
    const char *what, *event;
    const char *also; /* another word that wants it, or NULL */
    const char *help;
};
extern const struct sb_message_kind sb_message_kinds[]; /* ends with what NULL */
const struct sb_message_kind *sb_message_kind_find (const char *what);

struct sb_messages;
struct sb_messages *sb_messages_new (void); /* with a plain text for everything */
void sb_messages_free (struct sb_messages *m);
struct sb_messages *sb_messages_copy (const struct sb_messages *m); /* the caller frees */
/* Lays a file over what was read before; true: no fault was added. */
bool sb_messages_read (struct sb_messages *m, const char *file, const char *text, size_t len, struct sb_faults *faults);

struct sb_message {
    const char *subject; /* one line */
    const char *body;    /* everything, for those who show plain text */
    const char *data;    /* JSON object: what, level, text, facts (list of NAME=VALUE), hint */
    const char *level;   /* info, good, warning, critical */
};

/* `values`: name -> char *, for the names of sb_message_values; a missing one is empty.  *ret lives in the arena. */
void sb_messages_make (const struct sb_messages *m, const char *what, const struct sb_map *values, bool drill,
                       struct sb_arena *a, struct sb_message *ret);

/* Does a message of this level want somebody to acknowledge it? */
bool sb_message_wants_ack (const char *level);

#endif
