/* Asking: one call per step of a plan, all at once, bounded by each step's
 * own time-out.  Steps that refer to results of others are left out. */
#include "cli/ask.h"

#include "core/host/lane.h"

#include <stdlib.h>
#include <string.h>

struct asking {
    const struct sb_plan *plan;
    struct cli_answers *answers;
    size_t open;
};

static bool
answerable (const struct sb_plan_step *s, enum cli_ask what)
{
    size_t i;

    if (s->verb == NULL || s->on_rule == SB_ON_PRINCIPAL)
        return false;
    if ((what == CLI_ASK_READ) != (s->effect == SB_READS))
        return false;
    for (i = 0; i < s->nparams; i++)
        if (s->params[i].refers)
            return false;
    return true;
}

static void
take (void *ctx, const struct sb_lane_event *e)
{
    struct asking *k = ctx;
    struct cli_answer *a;
    size_t i;

    if ((e->type != SB_LANE_ANSWER && e->type != SB_LANE_DIED) || e->id == 0 || e->id > k->answers->count)
        return;
    a = &k->answers->list[e->id - 1];
    k->open--;
    a->rc = e->type == SB_LANE_ANSWER ? e->rc : SB_UNSURE;
    a->seen = e->type == SB_LANE_ANSWER ? e->seen : SB_SEEN_UNKNOWN;
    a->sentence = sb_xstrdup (e->sentence);
    for (i = 0; e->type == SB_LANE_ANSWER && i < e->nresults; i++) {
        free (sb_map_get (&a->results, e->results[i].name));
        sb_map_set (&a->results, e->results[i].name, sb_xstrdup (e->results[i].value));
    }
}

static bool
ask_step (struct sb_laneset *lanes, const struct sb_plan_step *s, uint64_t id, enum cli_ask what)
{
    struct sb_call_param *params = sb_xcalloc (s->nparams + 1, sizeof *params);
    struct sb_call_spec spec = { .id = id, .plugin = s->plugin, .kind = s->kind, .object = s->object, .verb = s->verb };
    bool good;
    size_t i;

    for (i = 0; i < s->nparams; i++)
        params[i] = (struct sb_call_param){ s->params[i].name, s->params[i].value, s->params[i].items };
    spec.op = what == CLI_ASK_READ ? SB_OP_RUN : SB_OP_VERIFY;
    spec.on = s->on;
    spec.params = params;
    spec.nparams = s->nparams;
    spec.deadline_ms = s->timeout_ms > 0 && s->timeout_ms < 60000 ? s->timeout_ms : 60000;
    spec.step = s->name;
    spec.attempt = 1;
    good = sb_lanes_call (lanes, &spec);
    free (params);
    return good;
}

int
cli_ask_plan (struct cli *c, const struct sb_plan *p, enum cli_ask what, struct cli_answers *ret)
{
    struct asking k = { .plan = p, .answers = ret };
    struct sb_laneset *lanes;
    uint32_t i;

    lanes = cli_lanes (c);
    if (lanes == NULL)
        return cli_fail (c, EXIT_CONFIG);
    ret->list = sb_xcalloc (p->count + 1, sizeof *ret->list);
    ret->count = p->count;
    for (i = 0; i < p->count; i++)
        if (answerable (&p->steps[i], what) && ask_step (lanes, &p->steps[i], i + 1, what)) {
            ret->list[i].asked = true;
            k.open++;
        }
    while (k.open > 0 && sb_lanes_under_way (lanes) > 0)
        sb_lanes_wait (lanes, 1000, take, &k);
    sb_lanes_free (lanes);
    return EXIT_DONE;
}

void
cli_answers_free (struct cli_answers *a)
{
    size_t i;

    for (i = 0; i < a->count; i++) {
        free (a->list[i].sentence);
        sb_map_free_with (&a->list[i].results, free);
    }
    free (a->list);
    *a = (struct cli_answers){ 0 };
}
