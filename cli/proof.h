/* The certificate of a plan, if somebody has proved it on this host. */
#ifndef SB_CLI_PROOF_H
#define SB_CLI_PROOF_H

#include "cli/cli.h"

json_t *cli_proof (struct cli *c, const char *digest); /* caller owns; NULL: there is none */
void cli_proof_words (const json_t *proof, struct sb_buf *out);

#endif
