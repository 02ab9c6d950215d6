/* Between the search as one worker goes through it (explore.c) and the crew that
 * divides it (crew.c). */
#ifndef SB_PROVE_CREW_H
#define SB_PROVE_CREW_H

#include "prove/prove.h"

#define P_MOST_WORKERS 64

/* A state and its choices, from `next` on. */
struct p_frame {
    struct p_state *s;
    struct p_choice list[P_CHOICES];
    size_t count, next;
    struct p_count sum;
    struct p_open *open; /* NULL: states are not merged */
    bool lent;           /* somebody else met it first */
};

/* Choices that one worker leaves to another: a frame, and how it was come to. */
struct p_job {
    struct p_frame *frame;
    struct p_path path;
};

struct p_crew {
    struct p_search *p;
    struct p_table *table; /* NULL: states are not merged */
    pthread_mutex_t lock;  /* of jobs, of what was found */
    pthread_cond_t news;
    struct p_job jobs[P_MOST_WORKERS];
    unsigned njobs, nworkers, idle, gone;
    _Atomic int wanted; /* workers that have nothing to do, less the jobs that lie there */
    _Atomic int stop;   /* enum p_stop */
};

struct p_worker {
    struct p_crew *crew;
    struct p_case *c, twin;
    unsigned number;
    pthread_t thread;
    struct p_frame **stack;
    size_t depth, made;
    struct p_path path; /* how the lowest frame was come to */
    struct p_run run;
    struct sb_buf bytes;
    struct p_count histories; /* where states are not merged */
    _Atomic uint64_t transitions, states, violations;
    uint32_t deepest;
};

/* explore.c */
struct p_frame *p_frame_new (const struct p_case *c);
void p_frame_free (struct p_frame *f);
void p_worker_begin (struct p_worker *w); /* the first state */
void p_worker_step (struct p_worker *w);  /* one choice, or back */
void p_worker_free (struct p_worker *w);
void p_search_note (struct p_search *p, const struct p_found *one); /* takes the path and the words over */

/* crew.c */
void p_crew_stop (struct p_crew *crew, enum p_stop why);

#endif
