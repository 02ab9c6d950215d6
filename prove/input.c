/* From files to a case: topology, workflow, plan, and what the search needs to
 * know of them beforehand. */
#include "prove/prove.h"

#include "core/sys/file.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_LIMIT (4u << 20)

static bool
load_topology (struct p_case *c, const struct p_input *in, struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct sb_registry_cfg cfg = { .dirs = in->plugin_dirs, .program = in->program };

    if (!sb_file_read (in->topology_file, CONFIG_LIMIT, &text, faults)
        || !sb_topology_parse (&c->topology, in->topology_file, sb_buf_cstr (&text), text.len, faults))
        return false;
    if (in->like) {
        c->registry = in->like->registry;
        c->borrowed = true;
        return true;
    }
    if (!in->program)
        return true;
    c->registry = sb_registry_new (&cfg);
    return sb_registry_describe_used (c->registry, &c->topology, faults);
}

static bool
make_plan (struct p_case *c, const struct p_input *in, struct sb_faults *faults)
{
    struct sb_plan_args args = { .topology = &c->topology,
                                 .workflow = &c->workflow,
                                 .catalogue = c->registry ? sb_registry_catalogue (c->registry) : NULL,
                                 .params = in->params,
                                 .nparams = in->nparams };

    return sb_workflow_lint (&c->workflow, args.catalogue, faults) && sb_plan_make (&c->plan, &args, faults);
}

static bool
needs_models (const struct p_case *c)
{
    uint32_t i;

    for (i = 0; i < c->plan.count; i++)
        if (c->plan.steps[i].role && c->plan.steps[i].verb
            && direct_knows (c->plan.steps[i].role, c->plan.steps[i].verb))
            return true;
    return false;
}

static bool
moves_users (const struct p_case *c)
{
    uint32_t i;

    for (i = 0; i < c->plan.count; i++) {
        const char *verb = c->plan.steps[i].verb;

        if (verb && (strcmp (verb, "set-state") == 0 || strcmp (verb, "mirror-failover") == 0))
            return true;
    }
    return false;
}

static void
find_proofs (struct p_case *c)
{
    uint32_t i;
    size_t k;

    c->proof_ms = sb_xcalloc (c->plan.count + 1, sizeof *c->proof_ms);
    for (i = 0; i < c->plan.count; i++)
        c->proof_ms[i] = -1;
    for (i = 0; i < c->plan.count; i++)
        for (k = 0; k < c->plan.steps[i].nproofs; k++) {
            const struct sb_plan_proof *p = &c->plan.steps[i].proofs[k];

            if (p->within_ms > c->proof_ms[p->step])
                c->proof_ms[p->step] = p->within_ms;
        }
}

bool
p_case_load_text (struct p_case *c, const struct p_input *in, const char *text, size_t len, struct sb_faults *faults)
{
    *c = (struct p_case){ .start = in->start, .workflows = in->workflows, .reverse = in->reverse };
    if (!load_topology (c, in, faults) || !sb_workflow_parse (&c->workflow, in->workflow_file, text, len, faults)
        || !make_plan (c, in, faults))
        return false;
    c->esize = sb_engine_size (&c->plan);
    c->shared = sb_xcalloc (1, sizeof *c->shared);
    pthread_mutex_init (&c->shared->lock, NULL);
    c->shared->texts = sb_xcalloc (1, W_MAX_TEXT);
    c->book = p_book_new ();
    c->scratch = sb_xcalloc (1, sizeof *c->scratch);
    find_proofs (c);
    p_words_init (c);
    if (in->like)
        c->start = in->like->start;
    if (needs_models (c)) {
        c->direct = direct_new (in->topology_file, faults);
        if (!c->direct)
            return false;
    }
    if (c->start == P_START_AUTO)
        c->start = p_start_guess (c);
    c->planned = c->start != P_START_SITE_LOST;
    c->moves = moves_users (c);
    if (c->direct && in->like && in->like->direct) {
        p_scenario_take (c, in->like);
        return true;
    }
    return !c->direct || p_scenario_make (c, faults);
}

bool
p_case_load (struct p_case *c, const struct p_input *in, struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };

    *c = (struct p_case){ 0 };
    return sb_file_read (in->workflow_file, CONFIG_LIMIT, &text, faults)
           && p_case_load_text (c, in, sb_buf_cstr (&text), text.len, faults);
}

void
p_case_twin (struct p_case *twin, const struct p_case *c)
{
    *twin = *c;
    twin->book = p_book_new ();
    twin->scratch = sb_xcalloc (1, sizeof *twin->scratch);
}

void
p_case_twin_free (struct p_case *twin)
{
    p_book_free (twin->book);
    free (twin->scratch);
}

static void
free_shared (struct p_shared *shared)
{
    if (!shared)
        return;
    sb_store_release (&shared->store);
    pthread_mutex_destroy (&shared->lock);
    free (shared->texts);
    free (shared);
}

void
p_case_free (struct p_case *c)
{
    p_words_free (c);
    free_shared (c->shared);
    p_state_free (c->first);
    direct_free (c->direct);
    free (c->scratch);
    free (c->proof_ms);
    free (c->lies);
    sb_buf_free (&c->clean);
    sb_plan_release (&c->plan);
    sb_workflow_release (&c->workflow);
    sb_topology_release (&c->topology);
    if (!c->borrowed)
        sb_registry_free (c->registry);
    *c = (struct p_case){ 0 };
}
