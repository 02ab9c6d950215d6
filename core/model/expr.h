/* The small language inside texts of a workflow: ${a | b | "text"}, and the
 * selections of objects "KIND where KEY = VALUE and not KEY".  Here it is only
 * taken apart; what a reference means is said by whoever asks (lint.c, resolve.c,
 * the engine).  doc/architecture.md, section 4. */
#ifndef SB_MODEL_EXPR_H
#define SB_MODEL_EXPR_H

#include "core/base/buf.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

enum sb_piece_type { SB_PIECE_END, SB_PIECE_TEXT, SB_PIECE_EXPR, SB_PIECE_BROKEN };

/* A stretch of a text: plain, or the inside of ${..}. */
struct sb_piece {
    const char *s;
    size_t n;
};

/* The piece at *p, and *p behind it.  BROKEN: "${" without its "}"; the piece is the rest.  "$${" is plain "${". */
enum sb_piece_type sb_next_piece (const char **p, struct sb_piece *ret);

/* One alternative of an expression.  A literal is already without its quotes. */
struct sb_term {
    bool literal;
    const char *text; /* in the arena */
};

/* The next alternative in [*p, end); false: there is none.  *p is then behind its '|'. */
bool sb_next_term (struct sb_arena *a, const char **p, const char *end, struct sb_term *ret);

/* Writes a literal with its quotes, so that sb_next_term() reads it back. */
void sb_quote_literal (struct sb_buf *b, const char *text);
/* Writes a value so that sb_expand() gives it back: "${" becomes "$${". */
void sb_escape_text (struct sb_buf *b, const char *text);
/* Does the text hold any ${..}? */
bool sb_has_reference (const char *text);

/* "a.b c.d" -> {"a", "b c", "d"}; blanks around dots are dropped. */
char **sb_split_chain (struct sb_arena *a, const char *text, size_t *ret_count);

enum sb_cond_op { SB_COND_SET, SB_COND_NOT_SET, SB_COND_IS, SB_COND_IS_NOT };

struct sb_cond {
    const char *key; /* may be a chain; or a text, see sb_cond_is_text() */
    enum sb_cond_op op;
    const char *value; /* may hold expressions; NULL for SET and NOT_SET */
};

/* Is the left side of a condition an expression, "${params.to} = mirror", and no attribute of the item? */
bool sb_cond_is_text (const char *key);

/* "KIND [where COND and COND ...]" */
struct sb_selection {
    const char *kind;
    size_t limit; /* "first N of"; 0: all */
    struct sb_cond *conds;
    size_t nconds;
};

/* False: `why` says what is wrong with it, to stand behind a colon. */
bool sb_selection_parse (struct sb_arena *a, const char *text, struct sb_selection *ret, struct sb_buf *why);
/* Is the value of a list parameter a selection: "all KIND ..." or "first N of KIND ..."? */
bool sb_is_list_selection (const char *text);
bool sb_list_selection_parse (struct sb_arena *a, const char *text, struct sb_selection *ret, struct sb_buf *why);
/* "a, ${b, c}, d" -> {"a", "${b, c}", "d"}: commas inside ${..} and quotes do not split. */
char **sb_split_items (struct sb_arena *a, const char *text, size_t *ret_count);

/* "principal of X in Y": true, with X and Y in the arena. */
bool sb_principal_parse (struct sb_arena *a, const char *text, const char **ret_database, const char **ret_site);

#endif
