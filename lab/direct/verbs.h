/* The phases and questions of every verb, by the file that has them. */
#ifndef SB_LAB_DIRECT_VERBS_H
#define SB_LAB_DIRECT_VERBS_H

#include "lab/direct/intern.h"

#define D_READS(id)   extern const phase_fn d_##id[];
#define D_CHANGES(id) D_READS (id) enum d_seen d_see_##id (struct step *s);

/* fence.c */
D_CHANGES (fence)
D_CHANGES (release)
/* shipping.c */
D_READS (save_shipping)
D_CHANGES (stop_shipping)
D_CHANGES (start_shipping)
D_CHANGES (ship_once)
/* build.c */
D_CHANGES (build_primary)
D_CHANGES (build_secondary)
D_CHANGES (remove_primary)
D_CHANGES (remove_secondary)
/* backup.c */
D_CHANGES (backup_full)
D_CHANGES (take_tail)
D_CHANGES (freeze)
D_READS (open_again)
D_CHANGES (unfreeze)
D_CHANGES (salvage)
D_READS (close_again)
/* logs.c */
D_CHANGES (apply_logs)
/* restore.c */
D_CHANGES (recover)
D_CHANGES (restore_full)
D_CHANGES (drop_copy)
/* mirror.c */
D_CHANGES (make_mirror)
D_CHANGES (break_mirror)
D_CHANGES (mirror_failover)
/* seed.c */
D_CHANGES (full_recovery)
D_CHANGES (seed_copy)
D_CHANGES (build_dormant)
D_READS (switch_back)
/* sessions.c */
D_CHANGES (end_sessions)
D_CHANGES (await_no_sessions)
D_CHANGES (await_servers)
D_CHANGES (await_drained)
/* survey.c */
D_READS (observe)
D_READS (locate)
D_READS (survey)
D_READS (judge_logs)
D_READS (quote)
D_READS (check_store)
/* pool.c */
D_READS (pool_observe)
D_CHANGES (pool_state)
D_CHANGES (set_active)
D_CHANGES (await_replication)
D_CHANGES (stop_services)
D_CHANGES (start_services)
D_CHANGES (move_central_store)
D_READS (send_message)
/* share.c */
D_READS (share_observe)
D_CHANGES (share_copy)
D_CHANGES (share_archive)
D_CHANGES (isolate)
D_CHANGES (site_release)
D_CHANGES (send)

/* Phases that several verbs have in common. */
enum go d_phase_open (struct step *s);     /* the instance of the call answers */
enum go d_phase_unmirror (struct step *s); /* its copy is not mirrored any more */
enum go d_phase_restrict (struct step *s); /* an online copy admits administrators alone */
enum go d_phase_online (struct step *s);   /* an offline copy is brought up */
enum go d_phase_await_online (struct step *s);
enum go d_phase_recover (struct step *s); /* RESTORE ... WITH RECOVERY, unless it serves */
enum go d_phase_await_recovered (struct step *s);
enum go d_phase_multi_user (struct step *s);
enum go d_phase_is_recovered (struct step *s);
bool d_is_recovered (const struct w_copy *c);

#define D_OPEN(s, instance)                        \
    do {                                           \
        enum go opened = d_open ((s), (instance)); \
                                                   \
        if (opened != GO_NEXT)                     \
            return opened;                         \
    } while (0)

#endif
