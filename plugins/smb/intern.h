/* Between the files of this plugin. */
#ifndef SB_PLUGINS_SMB_INTERN_H
#define SB_PLUGINS_SMB_INTERN_H

#include "core/base/buf.h"
#include "plugins/smb/remote.h"

#include <libsmbclient.h>

/* Adds the text, encoded; '/' stays. */
void sb_smb_encode (struct sb_buf *b, const char *text);

/* A new context with nothing set; one that is alone loads the library's settings: ours, never the machine's or the home
 * folder's.  NULL: errno. */
SMBCCTX *sb_smb_context (void);
/* Makes it usable.  False: errno, the context is freed. */
bool sb_smb_begin (SMBCCTX *ctx);
/* Asks the server something and sees whether the answer had to be decrypted. */
bool sb_smb_is_encrypted (SMBCCTX *ctx, const char *url);

#endif
