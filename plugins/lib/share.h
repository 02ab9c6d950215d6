/* The role share, played over any store (store.h): the verbs of the plugins
 * `share` and `smb` are the same functions; each plugin only says how a share is
 * opened.  Contract: switchback-roles(7). */
#ifndef SB_PLUGINS_SHARE_H
#define SB_PLUGINS_SHARE_H

#include "plugins/lib/store.h"

#include <switchback/plugin.h>

/* Given by each plugin.  The store of a share of the topology, owned by the caller; NULL: ret_why is a sentence, and
 * what follows from it is returned in ret_rc (SB_RETRY, or SB_FAIL when the topology is wrong). */
struct sb_store *sb_share_open (struct sb_call *call, const char *share, const char **ret_why, enum sb_rc *ret_rc);

/* The verbs, for the plugin's constant. */
extern const struct sb_action sb_share_actions[];

/* Settings of every plugin of the role. */
#define SB_SHARE_SETTINGS                                                        \
    { .name = "least free mb",                                                   \
      .type = SB_INT,                                                            \
      .fallback = "512",                                                         \
      .help = "with less free room, in MiB, the share is red" },                 \
    {                                                                            \
        .name = "copies at once", .type = SB_INT, .fallback = "0",               \
        .help = "processes that copy at the same time, 1 to 8; 0: what suits it" \
    }

/* Of the verbs; see share.c, sharecopy.c, sharefiles.c. */
enum sb_rc sb_share_copy (struct sb_call *call, void *self);
enum sb_seen sb_share_see_copy (struct sb_call *call, void *self);
enum sb_rc sb_share_list (struct sb_call *call, void *self);
enum sb_rc sb_share_read (struct sb_call *call, void *self);
enum sb_rc sb_share_rights (struct sb_call *call, void *self);
enum sb_seen sb_share_see_rights (struct sb_call *call, void *self);
enum sb_rc sb_share_rename (struct sb_call *call, void *self);
enum sb_seen sb_share_see_rename (struct sb_call *call, void *self);
enum sb_rc sb_share_delete (struct sb_call *call, void *self);
enum sb_seen sb_share_see_delete (struct sb_call *call, void *self);

/* The share that the call is about; NULL: told, and *ret_rc is what to return. */
struct sb_store *sb_share_mine (struct sb_call *call, enum sb_rc *ret_rc);
struct sb_filter sb_share_filter (struct sb_call *call);
const char *sb_share_number (struct sb_call *call, int64_t n);

#endif
