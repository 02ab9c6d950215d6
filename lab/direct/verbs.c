/* The table of verbs, in the order of the contracts. */
#include "lab/direct/verbs.h"

#define READS(r, n, id)   { .role = r, .name = n, .phases = d_##id },
#define CHANGES(r, n, id) { .role = r, .name = n, .phases = d_##id, .see = d_see_##id },

/* clang-format off */
const struct d_verb d_verbs[] = {
    READS ("database", "observe", observe)
    READS ("database", "locate", locate)
    READS ("database", "survey", survey)
    CHANGES ("database", "fence", fence)
    CHANGES ("database", "release", release)
    READS ("database", "save-shipping", save_shipping)
    CHANGES ("database", "stop-shipping", stop_shipping)
    CHANGES ("database", "start-shipping", start_shipping)
    CHANGES ("database", "take-tail", take_tail)
    CHANGES ("database", "apply-logs", apply_logs)
    READS ("database", "judge-logs", judge_logs)
    READS ("database", "quote", quote)
    CHANGES ("database", "end-sessions", end_sessions)
    CHANGES ("database", "await-no-sessions", await_no_sessions)
    CHANGES ("database", "await-servers", await_servers)
    CHANGES ("database", "recover", recover)
    CHANGES ("database", "remove-secondary", remove_secondary)
    CHANGES ("database", "remove-primary", remove_primary)
    CHANGES ("database", "build-primary", build_primary)
    CHANGES ("database", "build-secondary", build_secondary)
    CHANGES ("database", "ship-once", ship_once)
    CHANGES ("database", "backup-full", backup_full)
    CHANGES ("database", "restore-full", restore_full)
    CHANGES ("database", "drop-copy", drop_copy)
    CHANGES ("database", "make-mirror", make_mirror)
    CHANGES ("database", "break-mirror", break_mirror)
    CHANGES ("database", "mirror-failover", mirror_failover)
    { .role = "database", .name = "freeze", .phases = d_freeze, .see = d_see_freeze, .cleanup = d_open_again,
      .guarded = 1, .guarded_to = 3 },
    CHANGES ("database", "unfreeze", unfreeze)
    { .role = "database", .name = "salvage", .phases = d_salvage, .see = d_see_salvage, .cleanup = d_close_again,
      .guarded = 1, .guarded_to = 5 },
    CHANGES ("database", "await-drained", await_drained)
    READS ("database", "check-store", check_store)
    CHANGES ("database", "full-recovery", full_recovery)
    CHANGES ("database", "seed-copy", seed_copy)
    { .role = "database", .name = "build-dormant", .phases = d_build_dormant, .see = d_see_build_dormant,
      .cleanup = d_switch_back, .guarded = 1, .guarded_to = 19 },
    READS ("pool", "observe", pool_observe)
    CHANGES ("pool", "set-state", pool_state)
    CHANGES ("pool", "set-active", set_active)
    CHANGES ("pool", "await-replication", await_replication)
    CHANGES ("pool", "stop-services", stop_services)
    CHANGES ("pool", "start-services", start_services)
    CHANGES ("pool", "move-central-store", move_central_store)
    READS ("pool", "send-message", send_message)
    READS ("share", "observe", share_observe)
    CHANGES ("share", "copy", share_copy)
    CHANGES ("share", "archive", share_archive)
    CHANGES ("fence", "isolate", isolate)
    CHANGES ("fence", "release", site_release)
    CHANGES ("notify", "send", send)
};
/* clang-format on */

const size_t d_nverbs = sizeof d_verbs / sizeof *d_verbs;
