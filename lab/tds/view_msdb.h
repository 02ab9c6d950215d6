/* What the two halves of msdb share: log shipping (view_msdb.c) and the Agent (view_agent.c). */
#ifndef SB_TDS_VIEW_MSDB_H
#define SB_TDS_VIEW_MSDB_H

#include "lab/tds/view.h"

#define MSDB(name, columns, fill)             \
    {                                         \
        "msdb", "dbo", name, columns, fill, 0 \
    }

/* The log shipping definition that a job works for; 0: none. */
w_guid tds_agent_guid (const struct world *w, const struct w_job *j);
/* What a run says about itself. */
void tds_explain_run (struct world *w, const struct w_job *j, const struct w_run *run, struct sb_buf *out);

#endif
