/* The only two ways in which a foreign word enters a statement.  Both refuse
 * what is empty, too long, not UTF-8, or holds control characters: nothing of
 * this house is called so, and such a word would only hide something. */
#ifndef SB_MSSQL_QUOTE_H
#define SB_MSSQL_QUOTE_H

#include "core/base/buf.h"

#include <stdbool.h>

#define SB_IDENT_MAX   128  /* characters of a sysname */
#define SB_LITERAL_MAX 4000 /* characters of an nvarchar that is not (max) */

/* [name] with ] doubled.  False: refused, nothing was added. */
bool sb_quote_ident (struct sb_buf *out, const char *name);

/* N'text' with ' doubled; an empty text is allowed, NULL gives NULL.  False: refused, nothing was added. */
bool sb_quote_literal (struct sb_buf *out, const char *text);

#endif
