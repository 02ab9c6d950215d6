/* The crew: several workers go through one search.  They share the table of
 * states and the words; whoever has nothing to do is given the choices that lie
 * lowest in the stack of one who has.
 *
 * Each state is gone on with once, whoever meets it, so states, transitions,
 * histories and violations are the same numbers with any number of workers.
 * What is not is which violation is met first: a search that stops at one, or
 * after so many transitions, has one worker. */
#include "prove/crew.h"

#include "core/sys/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 200 /* between two looks at limits and signals */

void
p_crew_stop (struct p_crew *crew, enum p_stop why)
{
    int none = P_COMPLETE;

    atomic_compare_exchange_strong (&crew->stop, &none, (int) why);
}

static bool
goes_on (const struct p_crew *crew)
{
    return crew->stop == P_COMPLETE;
}

/* ---------------------------------------------------------------- work is divided */

static void
copy_path (const struct p_worker *w, size_t depth, struct p_path *ret)
{
    size_t i;

    *ret = (struct p_path){ 0 };
    for (i = 0; i < w->path.count + depth; i++)
        SB_PUSH (ret->list, ret->count, ret->cap) =
                i < w->path.count ? w->path.list[i] : (uint8_t) (w->stack[i - w->path.count]->next - 1);
}

/* The choices that lie lowest: they lead to the most. */
static void
give (struct p_worker *w)
{
    struct p_crew *crew = w->crew;
    struct p_job job;
    struct p_frame *from;
    size_t i;

    for (i = 0; i + 1 < w->depth && w->stack[i]->next == w->stack[i]->count; i++)
        continue;
    from = w->stack[i];
    if (w->depth < 2 || from->next == from->count || from->next == 0) /* without any choice it would count as an end */
        return;
    job.frame = p_frame_new (w->c);
    p_state_assign (w->c, job.frame->s, from->s);
    memcpy (job.frame->list, from->list, sizeof from->list);
    job.frame->next = from->next;
    job.frame->count = from->count;
    job.frame->open = from->open;
    job.frame->lent = true;
    copy_path (w, i, &job.path);
    p_table_share (from->open);
    from->count = from->next;
    pthread_mutex_lock (&crew->lock);
    if (crew->njobs < P_MOST_WORKERS) {
        crew->jobs[crew->njobs++] = job;
        crew->wanted--;
        pthread_cond_broadcast (&crew->news);
        job.frame = NULL;
    }
    pthread_mutex_unlock (&crew->lock);
    if (job.frame) { /* there is no place for it: it stays here */
        from->count = job.frame->count;
        p_table_add (crew->table, from->open, &(struct p_count){ { 0 } });
        p_frame_free (job.frame);
        free (job.path.list);
    }
}

static void
take_over (struct p_worker *w, const struct p_job *job)
{
    if (w->made == 0) {
        w->stack = sb_xcalloc (1, sizeof *w->stack);
        w->made = 1;
    }
    p_frame_free (w->stack[0]);
    w->stack[0] = job->frame;
    w->depth = 1;
    free (w->path.list);
    w->path = job->path;
}

/* False: there is nothing left to do. */
static bool
find_work (struct p_worker *w)
{
    struct p_crew *crew = w->crew;
    struct p_job job = { 0 };

    pthread_mutex_lock (&crew->lock);
    crew->idle++;
    crew->wanted++;
    while (crew->njobs == 0 && crew->idle < crew->nworkers && goes_on (crew))
        pthread_cond_wait (&crew->news, &crew->lock);
    if (crew->njobs > 0 && goes_on (crew)) {
        job = crew->jobs[--crew->njobs];
        crew->idle--;
    } else {
        pthread_cond_broadcast (&crew->news);
    }
    pthread_mutex_unlock (&crew->lock);
    if (job.frame)
        take_over (w, &job);
    return job.frame != NULL;
}

/* ---------------------------------------------------------------- many */

static void *
work (void *arg)
{
    struct p_worker *w = arg;
    struct p_crew *crew = w->crew;

    if (w->number == 0)
        p_worker_begin (w);
    while (goes_on (crew) && (w->depth > 0 || find_work (w))) {
        if (w->depth == 0)
            continue;
        p_worker_step (w);
        if (crew->wanted > 0)
            give (w);
    }
    pthread_mutex_lock (&crew->lock);
    crew->gone++;
    pthread_cond_broadcast (&crew->news);
    pthread_mutex_unlock (&crew->lock);
    return NULL;
}

static void
count_up (struct p_crew *crew, struct p_worker *list)
{
    struct p_search *p = crew->p;
    unsigned i;

    p->states = p->transitions = p->violations = 0;
    for (i = 0; i < crew->nworkers; i++) {
        p->states += list[i].states;
        p->transitions += list[i].transitions;
        p->violations += list[i].violations;
    }
}

static void
look_at_limits (struct p_crew *crew, struct p_worker *list)
{
    struct p_search *p = crew->p;

    count_up (crew, list);
    if (p->deadline_ms != SB_NEVER && sb_mono_ms () > p->deadline_ms)
        p_crew_stop (crew, P_STOPPED_TIME);
    if (p->most && p->transitions > p->most)
        p_crew_stop (crew, P_STOPPED_TIME);
    if (p->progress && !p->progress (p->ctx, p))
        p_crew_stop (crew, P_STOPPED_SIGNAL);
}

static void
watch (struct p_crew *crew, struct p_worker *list)
{
    struct timespec at;

    pthread_mutex_lock (&crew->lock);
    while (crew->gone < crew->nworkers) {
        clock_gettime (CLOCK_MONOTONIC, &at);
        at.tv_nsec += LOOK_MS * 1000000L;
        at.tv_sec += at.tv_nsec / 1000000000L;
        at.tv_nsec %= 1000000000L;
        pthread_cond_timedwait (&crew->news, &crew->lock, &at);
        pthread_mutex_unlock (&crew->lock);
        look_at_limits (crew, list);
        pthread_mutex_lock (&crew->lock);
        if (!goes_on (crew))
            pthread_cond_broadcast (&crew->news);
    }
    pthread_mutex_unlock (&crew->lock);
}

static void
work_together (struct p_crew *crew, struct p_worker *list)
{
    unsigned i, started = 0;

    for (i = 0; i < crew->nworkers; i++) {
        p_case_twin (&list[i].twin, list[i].c);
        list[i].c = &list[i].twin;
        list[i].run.c = &list[i].twin;
    }
    for (i = 0; i < crew->nworkers; i++)
        if (pthread_create (&list[i].thread, NULL, work, &list[i]) == 0)
            started++;
        else
            break;
    if (started < crew->nworkers) { /* those who are there do it */
        pthread_mutex_lock (&crew->lock);
        crew->idle += crew->nworkers - started;
        crew->gone += crew->nworkers - started;
        pthread_mutex_unlock (&crew->lock);
        if (started == 0)
            p_crew_stop (crew, P_STOPPED_MEMORY);
    }
    watch (crew, list);
    for (i = 0; i < started; i++)
        pthread_join (list[i].thread, NULL);
}

/* ---------------------------------------------------------------- one */

static void
work_alone (struct p_crew *crew, struct p_worker *w)
{
    unsigned steps = 0;

    p_worker_begin (w);
    while (w->depth > 0 && goes_on (crew)) {
        p_worker_step (w);
        if ((++steps & 0xff) == 0)
            look_at_limits (crew, w);
    }
}

/* ---------------------------------------------------------------- a search */

static int
by_rule (const void *a, const void *b)
{
    const struct p_rule *x = ((const struct p_found *) a)->rule, *y = ((const struct p_found *) b)->rule;

    return (x > y) - (x < y);
}

/* False: what is left open stands in a circle that no worker could see alone. */
static bool
explore (struct p_case *c, struct p_search *p, unsigned workers)
{
    struct p_crew crew = { .p = p, .nworkers = workers, .lock = PTHREAD_MUTEX_INITIALIZER };
    struct p_worker *list = sb_xcalloc (workers, sizeof *list);
    pthread_condattr_t attr;
    bool whole = true;
    unsigned i;

    pthread_condattr_init (&attr);
    pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
    pthread_cond_init (&crew.news, &attr);
    pthread_condattr_destroy (&attr);
    crew.table = p->merge ? p_table_new (p->memory, p->full_compare) : NULL;
    for (i = 0; i < workers; i++)
        list[i] = (struct p_worker){ .crew = &crew, .c = c, .number = i };
    if (workers == 1)
        work_alone (&crew, list);
    else
        work_together (&crew, list);
    count_up (&crew, list);
    p->histories = list[0].histories;
    if (crew.table) {
        p_table_add (crew.table, p_table_top (crew.table), &list[0].histories);
        whole = p_table_result (crew.table, &p->histories) || !goes_on (&crew);
    }
    p->stop = (enum p_stop) crew.stop;
    if (!p->first)
        qsort (p->found, p->nfound, sizeof p->found[0], by_rule); /* not in the order of who came first */
    for (i = 0; i < workers; i++) {
        p->deepest = list[i].deepest > p->deepest ? list[i].deepest : p->deepest;
        p_worker_free (&list[i]);
        if (workers > 1)
            p_case_twin_free (&list[i].twin);
    }
    while (crew.njobs > 0) {
        p_frame_free (crew.jobs[--crew.njobs].frame);
        free (crew.jobs[crew.njobs].path.list);
    }
    free (list);
    p_table_free (crew.table);
    pthread_cond_destroy (&crew.news);
    pthread_mutex_destroy (&crew.lock);
    return whole;
}

void
p_explore (struct p_case *c, struct p_search *p)
{
    unsigned workers = p->workers > P_MOST_WORKERS ? P_MOST_WORKERS : p->workers;

    if (workers < 2 || !p->merge || p->first || p->most)
        workers = 1;
    if (explore (c, p, workers) || workers == 1)
        return;
    p_search_free (p);
    p->stop = P_COMPLETE;
    explore (c, p, 1);
}
