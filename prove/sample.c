/* Histories chosen by dice, each with its seed and what it comes to: for those
 * who want to see the wire do the same (`switchback lab replay`).
 *
 * One walk without disturbances counts the places where somebody could
 * interfere; each sample chooses one to `total` of them and one of the other
 * choices there.  The same dice give the same samples. */
#include "prove/replay.h"
#include "prove/script.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TRIES 400 /* for one sample */
#define MOST_MOVES 20000

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint64_t
roll (uint64_t *dice)
{
    uint64_t z = (*dice += UINT64_C (0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct walking {
    struct p_run run;
    struct p_choice list[P_CHOICES];
    size_t count;
};

static void
begin (struct walking *w, struct p_case *c, const struct p_budget *b)
{
    struct p_state *s = w->run.s;

    w->run = (struct p_run){ .c = c, .s = s };
    s->deaths = (uint8_t) b->deaths;
    s->events = (uint8_t) b->events;
    s->faults = (uint8_t) b->faults;
    s->noes = (uint8_t) b->noes;
    s->total = (uint8_t) b->total;
    p_scenario (c, s);
    p_begin (&w->run);
}

/* On to the next place where there is a choice, as explore.c goes on; false: the history ends before. */
static bool
next_place (struct walking *w)
{
    unsigned forced = 0;

    for (;;) {
        bool goes = p_choices (w->run.c, w->run.s, w->list, &w->count);

        p_state_settle_texts (w->run.c, w->run.s);
        if (!goes || forced++ > MOST_MOVES)
            return false;
        if (w->count > 1 || (w->count == 1 && w->list[0].kind != P_GO))
            return true;
        p_take (&w->run, w->list[0]);
    }
}

static size_t
count_places (struct walking *w, struct p_case *c, const struct p_budget *b)
{
    size_t n = 0;

    begin (w, c, b);
    while (next_place (w) && n < MOST_MOVES) {
        p_take (&w->run, w->list[0]);
        n++;
    }
    sb_turn_free (&w->run.turn);
    return n;
}

/* A path with so many disturbances as the dice say, at places that they choose. */
static void
choose (struct walking *w, struct p_case *c, const struct p_budget *b, size_t places, uint64_t *dice,
        struct p_path *path)
{
    unsigned wanted = b->total ? 1 + (unsigned) (roll (dice) % b->total) : 0, k;
    size_t at[8] = { 0 }, n = 0, i;

    for (k = 0; k < wanted && k < 8; k++)
        at[k] = (size_t) (roll (dice) % (places + 1));
    path->count = 0;
    begin (w, c, b);
    while (next_place (w) && n < MOST_MOVES) {
        i = 0;
        for (k = 0; k < wanted && k < 8; k++)
            if (at[k] == n && w->count > 1)
                i = 1 + (size_t) (roll (dice) % (w->count - 1));
        SB_PUSH (path->list, path->count, path->cap) = (uint8_t) i;
        p_take (&w->run, w->list[i]);
        n++;
    }
    while (path->count > 0 && path->list[path->count - 1] == 0)
        path->count--;
    sb_turn_free (&w->run.turn);
}

static void
tell (struct p_case *c, const struct p_budget *b, const struct p_path *path, const struct p_script *s, json_t *list)
{
    char *seed = p_seed_text (c, b, path), *story = p_story (c, b, path);
    const char *breaks = p_script_breaks (s), *why = p_script_why_not (s) ? p_script_why_not (s) : p_script_unsure (s),
               *outcome = sb_outcome_words[s->end->outcome].name;

    if (list)
        json_array_append_new (list, json_pack ("{s:s, s:s, s:s?, s:b, s:s?, s:I, s:s}", "seed", seed, "outcome",
                                                outcome, "breaks", breaks, "playable", why == NULL, "why", why,
                                                "waits_ms", (json_int_t) s->waits_ms, "story", story));
    else
        printf ("%s\n  ends %s%s%s%s%s\n", seed, outcome, breaks ? ", breaks " : "", breaks ? breaks : "",
                why ? "; not surely played over the wire: " : "", why ? why : "");
    free (seed);
    free (story);
}

int
p_sample (struct p_case *c, const struct p_budget *b, const struct p_sampling *s, bool json)
{
    struct walking w = { .run = { .s = p_state_new (c) } };
    json_t *list = json ? json_array () : NULL;
    uint64_t dice = s->dice;
    struct p_path path = { 0 };
    unsigned found = 0, tries;
    size_t places = count_places (&w, c, b);

    for (tries = 0; found < s->count && tries < s->count * MOST_TRIES; tries++) {
        struct p_script script;

        choose (&w, c, b, places, &dice, &path);
        p_script_make (&script, c, b, &path);
        if (script.end && (path.count > 0 || b->total == 0)
            && (!s->playable || (!p_script_why_not (&script) && !p_script_unsure (&script)))) {
            tell (c, b, &path, &script, list);
            found++;
        }
        p_script_free (&script);
    }
    if (list) {
        char *text = json_dumps (list, JSON_INDENT (2) | JSON_PRESERVE_ORDER);

        puts (text ? text : "[]");
        free (text);
        json_decref (list);
    }
    free (path.list);
    p_state_free (w.run.s);
    return found == s->count ? 0 : 1;
}
