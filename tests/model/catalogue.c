/* See catalogue.h. */
#include "tests/model/catalogue.h"

static const struct sb_option none[] = { { .name = NULL } };

static const struct sb_option zone_settings[] = {
    { .name = "server", .type = SB_STRING, .flags = SB_REQUIRED, .help = "name server" },
    { .name = "ttl", .type = SB_DURATION, .fallback = "5m", .help = "time to live" },
    { .name = "mode", .type = SB_CHOICE, .choices = (const char *const[]){ "nsupdate", "api", NULL } },
    { .name = "near", .type = SB_TARGET, .choices = (const char *const[]){ "site", NULL } },
    { .name = "key", .type = SB_SECRET },
    { .name = NULL },
};

static const struct sb_option update_params[] = {
    { .name = "on", .type = SB_TARGET, .flags = SB_REQUIRED, .choices = (const char *const[]){ "server", NULL } },
    { .name = "address", .type = SB_STRING, .flags = SB_REQUIRED, .help = "what the name shall point at" },
    { .name = "count", .type = SB_INT },
    { .name = NULL },
};

static const struct sb_option update_results[] = {
    { .name = "serial", .type = SB_INT },
    { .name = NULL },
};

static const struct sb_action zone_actions[] = {
    { .verb = "look", .effect = SB_READS, .timeout_ms = 5000, .params = none, .results = update_results },
    { .verb = "point",
      .effect = SB_SETTLES,
      .timeout_ms = 20000,
      .params = update_params,
      .results = update_results,
      .undo = "point" },
    { .verb = NULL },
};

static const struct sb_action any_actions[] = {
    { .verb = "*", .effect = SB_SETTLES, .params = none, .results = none },
    { .verb = NULL },
};

static const struct sb_option mssql_settings[] = {
    { .name = "login timeout", .type = SB_DURATION, .fallback = "5s" },
    { .name = NULL },
};

static struct sb_catalogue_plugin plugins[] = {
    { .name = "nameserver", .role = "dns", .version = "1", .settings = zone_settings, .actions = zone_actions },
    { .name = "bridge", .role = "*", .version = "1", .settings = none, .actions = any_actions },
    { .name = "mssql", .role = "database", .version = "1", .settings = mssql_settings, .actions = any_actions },
    { .name = "pool", .role = "pool", .version = "1", .settings = none, .actions = any_actions },
    { .name = "share", .role = "share", .version = "1", .settings = none, .actions = any_actions },
    { .name = "notify", .role = "notify", .version = "1", .settings = none, .actions = any_actions },
};

const struct sb_catalogue sb_test_catalogue = { plugins, sizeof plugins / sizeof *plugins, 0 };
