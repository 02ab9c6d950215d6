/* Backup files as a server sees them: what lies in a folder, and what the
 * headers say.  A file that is still written (.wrk) is never looked at; one
 * whose header cannot be read is kept with its trouble, to be reported. */
#ifndef SB_MSSQL_FILES_H
#define SB_MSSQL_FILES_H

#include "plugins/mssql/chain.h"
#include "plugins/mssql/facts.h"

struct sb_sets {
    struct sb_set *list; /* in the arena of the call */
    size_t count;
};

/* folder and name joined as the folder is written (\ or /). */
const char *sb_path_join (struct sb_ms *ms, const char *folder, const char *name);

/* The names of the log backups of this database in a folder (depth 1).  ret_trouble: why the folder cannot
 * be listed, or NULL; then there are none.  False: told. */
bool sb_files_list (struct sb_inst *i, const char *folder, const char ***ret_names, size_t *ret_count,
                    const char **ret_trouble);

/* The sets of one file; an unreadable file gives one set with trouble.  False: told (the connection broke, ...). */
bool sb_header_read (struct sb_inst *i, const char *path, struct sb_sets *ret);
/* The only set of a file, or NULL with ret_trouble (never NULL then). */
const struct sb_set *sb_header_one (struct sb_inst *i, const char *path, const char **ret_trouble);

/* The headers of all log backups of this database in a folder. */
bool sb_sets_read (struct sb_inst *i, const char *folder, struct sb_sets *ret, const char **ret_trouble);

/* Reads the whole set (RESTORE VERIFYONLY).  ret_trouble NULL: it is good.  False: told. */
bool sb_set_verify (struct sb_inst *i, const struct sb_set *set, const char **ret_trouble);

/* Applies every log backup of a folder that continues the copy, and says how many.  False: told. */
bool sb_apply_all (struct sb_inst *i, const char *folder, int64_t *ret_applied);

/* Where the copy stands, for sb_chain_decide(). */
bool sb_point_read (struct sb_inst *i, const struct sb_copy *copy, struct sb_point *ret);

#endif
