/* What a search came to, for people, as JSON, as a certificate. */
#ifndef SB_PROVE_REPORT_H
#define SB_PROVE_REPORT_H

#include "prove/prove.h"

struct p_outcome {
    struct p_case *c;
    const struct p_search *p;
    int64_t ms;
    const char *workflow_file;
};

void p_report (const struct p_outcome *o, bool json);
/* {"workflow", "workflow_digest", "digest", "budget", "states", "transitions", "histories", ...} */
bool p_certificate_write (const struct p_outcome *o, const char *file, struct sb_faults *faults);

#endif
