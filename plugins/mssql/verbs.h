/* The verbs of the role "database": run and, where something changes, verify.
 * What each shall do is said in core/model/contracts.c, printed by
 * `switchback plugin list --contracts` and in switchback-roles(7). */
#ifndef SB_MSSQL_VERBS_H
#define SB_MSSQL_VERBS_H

#include "plugins/mssql/ms.h"

#define SB_VERB_READS(id)   enum sb_rc sb_run_##id (struct sb_ms *ms);
#define SB_VERB_CHANGES(id) SB_VERB_READS (id) enum sb_seen sb_see_##id (struct sb_ms *ms);

SB_VERB_READS (observe)
SB_VERB_READS (locate)
SB_VERB_READS (survey)
SB_VERB_READS (check)
SB_VERB_READS (save_shipping)
SB_VERB_READS (quote)
SB_VERB_READS (judge_logs)
SB_VERB_READS (check_store)
SB_VERB_READS (verify_backup)
SB_VERB_READS (check_integrity)
SB_VERB_READS (count_rows)
SB_VERB_READS (fingerprint)
SB_VERB_CHANGES (fence)
SB_VERB_CHANGES (release)
SB_VERB_CHANGES (stop_shipping)
SB_VERB_CHANGES (start_shipping)
SB_VERB_CHANGES (take_tail)
SB_VERB_CHANGES (apply_logs)
SB_VERB_CHANGES (end_sessions)
SB_VERB_CHANGES (await_no_sessions)
SB_VERB_CHANGES (await_servers)
SB_VERB_CHANGES (recover)
SB_VERB_CHANGES (remove_secondary)
SB_VERB_CHANGES (remove_primary)
SB_VERB_CHANGES (build_primary)
SB_VERB_CHANGES (build_secondary)
SB_VERB_CHANGES (ship_once)
SB_VERB_CHANGES (backup_full)
SB_VERB_CHANGES (restore_full)
SB_VERB_CHANGES (drop_copy)
SB_VERB_CHANGES (make_mirror)
SB_VERB_CHANGES (break_mirror)
SB_VERB_CHANGES (mirror_failover)
SB_VERB_CHANGES (freeze)
SB_VERB_CHANGES (unfreeze)
SB_VERB_CHANGES (salvage)
SB_VERB_CHANGES (await_drained)
SB_VERB_CHANGES (start_endpoint)
SB_VERB_CHANGES (stop_endpoint)
SB_VERB_CHANGES (set_witness)
SB_VERB_CHANGES (remove_witness)
SB_VERB_CHANGES (resume_mirror)
SB_VERB_CHANGES (backup_log)
SB_VERB_CHANGES (run_job)
SB_VERB_CHANGES (set_access)
SB_VERB_CHANGES (full_recovery)
SB_VERB_CHANGES (mend_copy)
SB_VERB_CHANGES (restore_as)
SB_VERB_CHANGES (drop_as)
SB_VERB_CHANGES (seed_copy)
SB_VERB_CHANGES (build_dormant)

#endif
