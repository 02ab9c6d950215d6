/* Looking at an instance without a login: does anybody listen, does he speak
 * TDS, and which port has a named instance (SQL Browser, UDP 1434)?  Bounded and
 * harmless: a PRELOGIN packet and no more. */
#ifndef SB_MSSQL_PROBE_H
#define SB_MSSQL_PROBE_H

#include <switchback/plugin.h>

#include <stdint.h>

enum sb_probe {
    SB_PROBE_ANSWERS = 0, /* a TDS server answered PRELOGIN */
    SB_PROBE_MUTE,        /* the port is open, but nobody speaks TDS */
    SB_PROBE_DEAD         /* nobody accepts connections */
};

/* ret_found: what was found, in words; lives as long as the call. */
enum sb_probe
sb_probe_tds (struct sb_call *call, const char *host, uint16_t port, int64_t limit_ms, const char **ret_found);

/* The TCP port of a named instance; 0: not told. */
uint16_t sb_probe_browser (struct sb_call *call, const char *host, const char *named, int64_t limit_ms);

#endif
