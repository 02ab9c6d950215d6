/* Plans made of tables, and the driver of the pure engine. */
#include "tests/engine/lib.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
row_named (const struct plan_row *rows, const char *name, size_t len)
{
    uint32_t i;

    for (i = 0; rows[i].name; i++)
        if (strlen (rows[i].name) == len && memcmp (rows[i].name, name, len) == 0)
            return i;
    abort ();
}

static size_t
count_words (const char *s)
{
    size_t n = 0;

    while (s && *(s += strspn (s, " "))) {
        n++;
        s += strcspn (s, " ");
    }
    return n;
}

static void
link_steps (struct sb_plan *p, const struct plan_row *rows)
{
    uint32_t i;
    size_t k;

    for (i = 0; i < p->count; i++) {
        struct sb_plan_step *s = &p->steps[i];
        const char *w = rows[i].after;
        s->after = sb_arena_alloc (&p->arena, (count_words (w) + 1) * sizeof *s->after);
        while (w && *(w += strspn (w, " "))) {
            size_t len = strcspn (w, " ");
            s->after[s->nafter++] = row_named (rows, w, len);
            w += len;
        }
        s->before = sb_arena_alloc (&p->arena, p->count * sizeof *s->before);
    }
    for (i = 0; i < p->count; i++)
        for (k = 0; k < p->steps[i].nafter; k++) {
            struct sb_plan_step *b = &p->steps[p->steps[i].after[k]];
            b->before[b->nbefore++] = i;
        }
}

static void
make_gates (struct sb_plan *p, const struct gate_row *gates)
{
    uint32_t n = 0;

    while (gates && gates[n].name)
        n++;
    p->gates = sb_arena_alloc (&p->arena, (n + 1) * sizeof *p->gates);
    p->ngates = n;
    while (n-- > 0)
        p->gates[n] = (struct sb_plan_gate){ .name = gates[n].name,
                                             .base = gates[n].name,
                                             .title = gates[n].name,
                                             .ask = gates[n].name,
                                             .named = gates[n].named,
                                             .refuse = gates[n].refuse,
                                             .expires_ms = gates[n].expires_ms,
                                             .persons = gates[n].persons,
                                             .glass_ms = gates[n].glass_ms };
}

static void
make_step (struct sb_plan *p, const struct plan_row *rows, uint32_t i)
{
    const struct plan_row *row = &rows[i];
    struct sb_plan_step *s = &p->steps[i];
    uint32_t g;

    *s = (struct sb_plan_step){ .name = row->name,
                                .base = row->name,
                                .title = row->name,
                                .role = "thing",
                                .verb = "do",
                                .kind = "thing",
                                .object = "one",
                                .plugin = "dummy",
                                .effect = row->effect,
                                .site = row->site,
                                .gate = SB_NO_GATE,
                                .if_dark = row->if_dark,
                                .undo = row->undo,
                                .optional = row->optional,
                                .retries = row->retries,
                                .retry_ms = RETRY_MS,
                                .timeout_ms = TIMEOUT,
                                .settle_ms = SETTLE };
    s->undo_verb = row->undo == SB_UNDO_VERB ? "undo" : NULL;
    s->no_return = row->effect != SB_READS && row->undo == SB_UNDO_NONE;
    if (row->idle)
        s->role = s->verb = NULL;
    if (row->principal) {
        s->on_rule = SB_ON_PRINCIPAL;
        s->on_database = "db";
        s->on_site = row->site;
    }
    for (g = 0; row->gate && g < p->ngates; g++)
        if (strcmp (p->gates[g].name, row->gate) == 0)
            s->gate = g;
    if (row->proof) {
        s->proofs = sb_arena_alloc (&p->arena, sizeof *s->proofs);
        s->proofs[0] = (struct sb_plan_proof){ row_named (rows, row->proof, strlen (row->proof)), 60000 };
        s->nproofs = 1;
    }
}

void
make_plan (struct sb_plan *p, const struct plan_row *rows, const struct gate_row *gates)
{
    uint32_t i;

    memset (p, 0, sizeof *p);
    while (rows[p->count].name)
        p->count++;
    p->workflow = p->title = "test";
    p->pool = "pool";
    p->dark_after_ms = DARK_AFTER;
    p->sites = sb_arena_alloc (&p->arena, 3 * sizeof *p->sites);
    p->sites[0] = "north";
    p->sites[1] = "south";
    p->steps = sb_arena_alloc (&p->arena, (p->count + 1) * sizeof *p->steps);
    make_gates (p, gates);
    for (i = 0; i < p->count; i++) {
        make_step (p, rows, i);
        sb_map_set (&p->index, rows[i].name, (void *) (uintptr_t) (i + 1));
    }
    link_steps (p, rows);
}

/* ---------------------------------------------------------------- rig */

void
rig_new (struct rig *r, struct sb_plan *plan)
{
    *r = (struct rig){ .plan = plan, .now = 1000000 };
    r->e = sb_xcalloc (1, sb_engine_size (plan));
    sb_engine_init (r->e, plan);
}

void
rig_free (struct rig *r)
{
    free (r->e);
    free (r->log);
    sb_turn_free (&r->turn);
}

void
rig_event (struct rig *r, struct sb_event ev)
{
    size_t k;

    r->turn.count = 0;
    ev.now = r->now;
    sb_engine_event (r->e, r->plan, &ev, &r->turn);
    for (k = 0; k < r->turn.count; k++)
        if (r->turn.list[k].kind == SB_CMD_RECORD)
            SB_PUSH (r->log, r->nlog, r->log_cap) = r->turn.list[k].record;
}

void
rig_crash (struct rig *r)
{
    size_t k;

    sb_engine_init (r->e, r->plan);
    for (k = 0; k < r->nlog; k++)
        sb_engine_replay (r->e, r->plan, &r->log[k]);
}

void
rig_start (struct rig *r)
{
    rig_event (r, (struct sb_event){ .kind = SB_EV_START, .wait = r->wait, .stay = r->wait, .pay = r->pay });
}

void
rig_saw (struct rig *r, uint32_t step, enum sb_seen seen)
{
    rig_event (r, (struct sb_event){ .kind = SB_EV_ANSWER, .step = step, .op = SB_CALL_VERIFY, .seen = seen });
}

void
rig_ran (struct rig *r, uint32_t step, enum sb_rc rc)
{
    rig_event (r, (struct sb_event){ .kind = SB_EV_ANSWER, .step = step, .op = SB_CALL_RUN, .rc = rc });
}

void
rig_died (struct rig *r, uint32_t step, enum sb_call_op op)
{
    rig_event (r, (struct sb_event){ .kind = SB_EV_DIED, .step = step, .op = op, .begun = true });
}

void
rig_gate (struct rig *r, uint32_t step, enum sb_gate_answer answer)
{
    rig_event (r, (struct sb_event){ .kind = SB_EV_GATE, .step = step, .gate = answer });
}

void
rig_probed (struct rig *r, uint32_t site, uint32_t answers)
{
    rig_event (r, (struct sb_event){ .kind = SB_EV_PROBED, .site = site, .answers = answers });
}

void
rig_located (struct rig *r, uint32_t step, uint32_t target)
{
    rig_event (r, (struct sb_event){ .kind = SB_EV_LOCATED, .step = step, .target = target });
}

void
rig_person (struct rig *r, enum sb_event_kind kind, uint32_t step)
{
    rig_event (r, (struct sb_event){ .kind = kind, .step = step });
}

void
rig_ring (struct rig *r)
{
    int64_t due = sb_engine_next_timer (r->e);

    if (due != SB_ENGINE_NEVER && due > r->now)
        r->now = due;
    rig_event (r, (struct sb_event){ .kind = SB_EV_TIMER });
}

static const char *const command_words[] = {
    [SB_CMD_VERIFY] = "verify", [SB_CMD_RUN] = "run", [SB_CMD_LOCATE] = "locate", [SB_CMD_KILL] = "kill",
    [SB_CMD_PROBE] = "probe",   [SB_CMD_ASK] = "ask", [SB_CMD_FINISH] = "finish",
};

const char *
rig_said (struct rig *r)
{
    static char text[4096];
    struct sb_buf b = { 0 };
    size_t k;

    for (k = 0; k < r->turn.count; k++) {
        const struct sb_command *c = &r->turn.list[k];
        if (c->kind == SB_CMD_NOTIFY)
            continue;
        sb_buf_str (&b, b.len ? " " : "");
        sb_buf_str (&b, c->undo ? "un" : "");
        sb_buf_str (&b, c->kind == SB_CMD_RECORD ? sb_record_words[c->record.kind].name : command_words[c->kind]);
        if (c->kind == SB_CMD_FINISH)
            sb_buf_printf (&b, ":%s", sb_outcome_words[c->outcome].name);
        else if (c->step != SB_NO_STEP)
            sb_buf_printf (&b, ":%s", r->plan->steps[c->step].name);
        if (c->kind == SB_CMD_RECORD && c->record.why != SB_WHY_NONE)
            sb_buf_printf (&b, "(%s)", sb_reason_names[c->record.why]);
    }
    snprintf (text, sizeof text, "%s", sb_buf_cstr (&b));
    sb_buf_free (&b);
    return text;
}

enum sb_phase
rig_phase (const struct rig *r, uint32_t step)
{
    return sb_engine_steps (r->e)[step].phase;
}

enum sb_outcome
rig_outcome (const struct rig *r)
{
    return r->e->outcome;
}
