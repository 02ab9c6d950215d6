/* What a run tells people: the values that its messages are made of (the words
 * are templates, core/engine/message.h), and when there is one to be made. */
#include "core/engine/run_internal.h"

#include "core/base/text.h"
#include "core/engine/message.h"
#include "core/sys/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *what, *state;
} news[SB_NEWS] = {
    [SB_NEWS_BEGIN] = { "begin", "begins" },
    [SB_NEWS_GATE] = { "gate", "waits for an answer" },
    [SB_NEWS_FAILED] = { "failed", "failed" },
    [SB_NEWS_HELD] = { "held", "is held" },
    [SB_NEWS_OWED] = { "owed", "is owed" },
    [SB_NEWS_DARK] = { "dark", "a site is dark" },
    [SB_NEWS_UNDO] = { "undo", "is being taken back" },
    [SB_NEWS_FINISH] = { "finish", "ended" },
    [SB_NEWS_GLASS] = { "gate", "goes on with one person alone unless somebody says no" },
};

struct telling {
    struct sb_run *run;
    struct sb_arena arena;
    struct sb_map values;
};

static void
release (struct telling *t)
{
    sb_map_free (&t->values);
    sb_arena_release (&t->arena);
}

static void
put (struct telling *t, const char *name, const char *value)
{
    if (value != NULL && *value != '\0')
        sb_map_set (&t->values, name, sb_arena_strdup (&t->arena, value));
}

static void
put_run (struct telling *t)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf head = { 0 }, now = { 0 };
    const struct sb_run *run = t->run;
    char host[256] = "";

    put (t, "run", run->cfg->run);
    put (t, "pool", run->plan->pool);
    put (t, "workflow", run->plan->workflow);
    put (t, "title", run->plan->title);
    if (gethostname (host, sizeof host - 1) == 0)
        put (t, "host", host);
    sb_format_utc (&now, sb_run_now (run));
    put (t, "time", sb_buf_cstr (&now));
    if (run->head.seq > 0) {
        sb_buf_printf (&head, "record %lld, ", (long long) run->head.seq);
        sb_hex (run->head.hash, SB_HASH_BYTES, &head);
        put (t, "journal", sb_buf_cstr (&head));
    }
}

static void
put_step (struct telling *t, uint32_t step)
{
    const struct sb_run *run = t->run;
    const struct sb_plan_step *p = &run->plan->steps[step];
    const struct sb_engine_step *s = &sb_engine_steps (run->e)[step];
    const struct sb_run_step *w = &run->steps[step];

    put (t, "step", p->name);
    put (t, "step title", p->title);
    put (t, "site", p->site);
    put (t, "reason", sb_reason_texts[s->why]);
    put (t, "said", w->sentence);
    if (p->gate == SB_NO_GATE)
        return;
    put (t, "gate", run->plan->gates[p->gate].name);
    if (s->phase == SB_PHASE_ASKED) {
        put (t, "question",
             p->no_return ? sb_arena_printf (&t->arena, "%s Nothing takes this step back.", w->question) : w->question);
        put (t, "answer",
             sb_arena_printf (&t->arena, "switchback approve %s %s", run->cfg->run, run->plan->gates[p->gate].name));
    }
}

/* The outcome, how good it is, and how many steps stand where. */
static void
put_end (struct telling *t)
{
    static const char *const levels[SB_OUTCOMES] = { [SB_RUN_DONE] = "good", [SB_RUN_DONE_OWED] = "warning" };
    SB_CLEANUP (sb_buf_free) struct sb_buf counts = { 0 };
    const struct sb_engine *e = t->run->e;
    uint32_t by[SB_PHASES] = { 0 }, i;

    for (i = 0; i < e->count; i++)
        by[sb_engine_steps (e)[i].phase]++;
    for (i = 0; i < SB_PHASES; i++)
        if (by[i] > 0)
            sb_buf_printf (&counts, "%s%u %s", counts.len > 0 ? ", " : "", by[i], sb_phase_names[i]);
    put (t, "counts", sb_buf_cstr (&counts));
    put (t, "outcome", sb_outcome_words[e->outcome].text);
    put (t, "state", sb_outcome_words[e->outcome].text);
    put (t, "level", levels[e->outcome] != NULL ? levels[e->outcome] : "critical");
}

/* The site that the record before the command tells of. */
static const char *
dark_site (const struct sb_run *run, size_t k)
{
    while (k-- > 0)
        if (run->turn.list[k].kind == SB_CMD_RECORD && run->turn.list[k].record.kind == SB_REC_DARK)
            return run->plan->sites[run->turn.list[k].record.value];
    return NULL;
}

static const char *
name_of (const struct sb_run *run, enum sb_news kind)
{
    if (kind == SB_NEWS_BEGIN && (run->cfg->drill || run->plan->drill))
        return "drill-begin";
    if (kind == SB_NEWS_FINISH && (run->cfg->drill || run->plan->drill))
        return "drill-end";
    return news[kind].what;
}

bool
sb_run_tell (struct sb_run *run, size_t k)
{
    SB_CLEANUP (release) struct telling t = { .run = run };
    const struct sb_command *c = &run->turn.list[k];
    const char *what = name_of (run, c->news), *step = c->step == SB_NO_STEP ? "" : run->plan->steps[c->step].name;
    const char *key;

    if (!sb_notifier_wants (run->notify, what))
        return true;
    put_run (&t);
    put (&t, "state", news[c->news].state);
    if (c->step != SB_NO_STEP)
        put_step (&t, c->step);
    if (c->news == SB_NEWS_FINISH)
        put_end (&t);
    if (c->news == SB_NEWS_DARK)
        put (&t, "site", dark_site (run, k));
    if (c->news == SB_NEWS_UNDO)
        put (&t, "reason", sb_reason_texts[run->e->cause]);
    put (&t, "about",
         sb_arena_printf (&t.arena, "%s%s%s", step, *step ? " " : "", (const char *) sb_map_get (&t.values, "state")));
    key = sb_arena_printf (&t.arena, "%s/%d/%s/%lld", run->cfg->run, (int) c->news, step, (long long) sb_run_now (run));
    return sb_notifier_queue (run->notify, what, key, &t.values, sb_run_now (run), run->faults);
}

/* A quote is told as soon as it is there: before the gate that asks about it. */
static bool
tell_quote (struct sb_run *run, const struct sb_engine_record *r)
{
    SB_CLEANUP (release) struct telling t = { .run = run };
    const struct sb_plan_step *p = &run->plan->steps[r->step];
    const char *quote = sb_run_result_of (run, r->step, "sentence"), *key;

    if (r->kind != SB_REC_DONE || !p->role || strcmp (p->role, "database") != 0 || strcmp (p->verb, "quote") != 0
        || !quote || !sb_notifier_wants (run->notify, "loss"))
        return true;
    put_run (&t);
    put_step (&t, r->step);
    put (&t, "quote", quote);
    put (&t, "state", "quoted");
    put (&t, "about", p->title);
    key = sb_arena_printf (&t.arena, "%s/loss/%s/%lld", run->cfg->run, p->name, (long long) r->at);
    return sb_notifier_queue (run->notify, "loss", key, &t.values, r->at, run->faults);
}

bool
sb_run_tell_step (struct sb_run *run, const struct sb_engine_record *r)
{
    SB_CLEANUP (release) struct telling t = { .run = run };
    const char *state = sb_record_words[r->kind].text;
    bool ends = r->kind == SB_REC_DONE || r->kind == SB_REC_ADOPTED || r->kind == SB_REC_SKIPPED
                || r->kind == SB_REC_UNDONE;
    const char *key;

    if (!ends || !tell_quote (run, r))
        return !ends;
    if (!sb_notifier_wants (run->notify, "step"))
        return true;
    put_run (&t);
    put_step (&t, r->step);
    put (&t, "state", state);
    put (&t, "about", sb_arena_printf (&t.arena, "%s: %s", run->plan->steps[r->step].title, state));
    key = sb_arena_printf (&t.arena, "%s/step/%s/%lld", run->cfg->run, run->plan->steps[r->step].name,
                           (long long) r->at);
    return sb_notifier_queue (run->notify, "step", key, &t.values, r->at, run->faults);
}

/* ---------------------------------------------------------------- outside a run */

bool
sb_notify_wanted (const struct sb_topology *t, const char *what)
{
    struct sb_notifier *n = sb_notifier_new (t, NULL, "", false, NULL);
    bool wanted = sb_notifier_wants (n, what);

    sb_notifier_free (n);
    return wanted;
}

bool
sb_notify_tell (const struct sb_run_cfg *cfg, const char *what, const char *key, const struct sb_map *values,
                struct sb_faults *faults)
{
    struct sb_notifier *n = sb_notifier_new (cfg->topology, cfg->journal, "", cfg->drill, cfg->messages);
    bool fine = sb_journal_begin (cfg->journal, faults);

    if (fine && !sb_notifier_queue (n, what, key, values, sb_now_ms (), faults)) {
        sb_journal_rollback (cfg->journal);
        fine = false;
    }
    fine = fine && sb_journal_commit (cfg->journal, faults);
    sb_notifier_free (n);
    return fine;
}
