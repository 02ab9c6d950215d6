/* The contracts of all roles: which verbs a role offers, with parameters,
 * results, effect, advised time-out and undo.  One table (contracts.c); it is
 * printed by `plugin list --contracts`, is the source of switchback-roles(7),
 * and every plugin that plays a packaged role is held to it when it is loaded.
 * A site's own role has no contract here: its plugin's tables are its contract. */
#ifndef SB_MODEL_CONTRACTS_H
#define SB_MODEL_CONTRACTS_H

#include <switchback/plugin.h>

#include <stdint.h>

/* Of a parameter or result in a contract: a plugin may lack it, and is then not given it. */
#define SB_MAY_LACK 0x200u

/* Every verb has the parameter "on" where `targets` is not NULL: the object it
 * works at, one of these kinds. */
struct sb_verb {
    const char *name;
    enum sb_effect effect;
    const char *undo; /* verb that takes it back, or NULL */
    uint32_t timeout_ms;
    uint32_t settle_ms;              /* how long verify may take to turn yes after run */
    const char *targets;             /* kinds of "on", separated by blanks; NULL: none */
    const struct sb_option *params;  /* without "on"; never NULL, ends with name NULL */
    const struct sb_option *results; /* likewise */
    const char *help;
};

struct sb_role {
    const char *name;
    const char *kind;            /* the section kind whose objects play it */
    const char *plugin;          /* default plugin, or NULL */
    const struct sb_verb *verbs; /* ends with name NULL */
    const char *help;
};

extern const struct sb_role sb_roles[]; /* ends with name NULL */

const struct sb_role *sb_role_find (const char *name);
const struct sb_role *sb_role_of_kind (const char *kind);
const struct sb_verb *sb_verb_find (const struct sb_role *role, const char *verb);
/* Looks among the params (or results) of a verb; NULL: not there. */
const struct sb_option *sb_option_find (const struct sb_option *list, const char *name);

#endif
