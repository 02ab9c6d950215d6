/* A small PowerShell: what a script works with, and how a script is run.
 *
 * It speaks the part of Windows PowerShell 5.1 that administrators' scripts use
 * (lab/winrm/ps_lex.c tells which part) and knows nothing of the lab: cmdlets
 * that touch a world come in a table with the host.  Everything a script makes
 * lives in one arena that is released when it ends.  What a script may use is
 * bounded: memory, depth, size of a text; it is stopped from outside through
 * ps_host.stopped.  One script belongs to one thread. */
#ifndef SB_LAB_WINRM_PS_H
#define SB_LAB_WINRM_PS_H

#include "core/base/buf.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps;
struct ps_node;
struct ps_list;
struct ps_object;

enum ps_type { PS_NULL, PS_BOOL, PS_INT, PS_DOUBLE, PS_STRING, PS_DATE, PS_LIST, PS_OBJECT, PS_BLOCK, PS_CLASS };

struct ps_value {
    enum ps_type type;
    bool utc; /* PS_DATE: kind is Utc; the lab's machines live in UTC, so it changes the text only */
    union {
        bool b;
        int64_t i; /* PS_INT; PS_DATE: Unix milliseconds */
        double d;
        const char *s; /* PS_STRING: UTF-8; PS_CLASS: name of a type without System. */
        struct ps_list *list;
        struct ps_object *obj;
        const struct ps_node *block;
    } u;
};

struct ps_list {
    struct ps_value *v;
    size_t count, cap;
    bool grows; /* an ArrayList; else a fixed array */
};

struct ps_prop {
    const char *name;
    struct ps_value value;
};

/* Properties in order; names compare without case.  Hash tables are objects with `hash`. */
struct ps_object {
    const char *type;         /* full name, as Get-Member would print it */
    const char *text;         /* what it looks like inside a string; NULL: by type */
    const char *const *shown; /* columns of its default view, ends with NULL; NULL: all of them */
    bool hash, table;         /* table: the default view is a table whatever the number of columns */
    struct ps_prop *props;
    size_t count, cap;
};

/* How the running of something ended. */
enum ps_flow {
    PS_GO,
    PS_THROWN, /* an error is on its way; ps_thrown() */
    PS_RETURNED,
    PS_BROKE,
    PS_CONTINUED,
    PS_EXITED,
    PS_ENOUGH, /* the rest of this pipeline is not wanted (Select-Object -First) */
    PS_STOPPED /* from outside, or a limit was reached: nothing in the script can catch it */
};

/* Where values go. */
struct ps_sink {
    enum ps_flow (*put) (struct ps_sink *sink, struct ps_value v);
};

/* Parameters of a cmdlet. */
enum { PS_P_SWITCH = 1, PS_P_MANDATORY = 2, PS_P_PIPED = 4, PS_P_REST = 8 };
struct ps_param {
    const char *name;
    int position;   /* from 0; -1: by name only */
    unsigned flags; /* PS_P_PIPED: may come from the pipeline; PS_P_REST: takes all further positional arguments */
};

#define PS_MAX_PARAMS 24

/* One use of a cmdlet. */
struct ps_call {
    struct ps *ps;
    const struct ps_cmdlet *cmdlet;
    const struct ps_node *node;
    struct ps_sink *out;
    struct ps_value arg[PS_MAX_PARAMS]; /* by index in cmdlet->params */
    bool set[PS_MAX_PARAMS];
    bool what_if, confirm_off, confirm_asked, verbose;
    const char *error_action; /* NULL: the variable decides */
    const char *error_variable;
    bool piped;           /* it stands behind a | */
    struct ps_list *kept; /* for cmdlets that gather what they get */
    int64_t number;       /* for cmdlets that count */
    void *state;          /* for cmdlets that need more; in the arena */
};

typedef enum ps_flow (*ps_call_fn) (struct ps_call *c);
typedef enum ps_flow (*ps_item_fn) (struct ps_call *c, struct ps_value v);

/* Without `item` a cmdlet ignores what is piped into it.  `begin` and `end` may be NULL too. */
struct ps_cmdlet {
    const char *name;
    const struct ps_param *params; /* ends with a NULL name */
    unsigned flags;                /* PS_C_* */
    ps_call_fn begin;
    ps_item_fn item;
    ps_call_fn end;
    const char *module; /* what Get-Command shows */
};
enum {
    PS_C_CHANGES = 1, /* has -WhatIf and -Confirm */
    PS_C_ASKS = 2     /* would ask for confirmation unless told -Confirm:$false */
};

/* What stands around a script.  Texts are UTF-8 with \n. */
struct ps_host {
    void *ctx;
    void (*out) (void *ctx, const char *text, size_t n);
    void (*err) (void *ctx, const char *kind, const char *text); /* kind: Error, warning, verbose, progress */
    bool (*stopped) (void *ctx);
    void (*pause) (void *ctx, int64_t ms);      /* returns early when stopped */
    char *(*input) (void *ctx);                 /* all of stdin; caller frees; NULL: there is none */
    void (*encoding) (void *ctx, int codepage); /* [Console]::OutputEncoding was set */
    const char *computer, *user;
    const struct ps_cmdlet *cmdlets; /* ends with a NULL name; may be NULL */
    const char *const *modules;      /* names that Import-Module accepts; ends with NULL */
    void *world;                     /* for the cmdlets above */
    int64_t now_ms;                  /* 0: the clock of this machine; else a fixed instant (tests) */
    size_t memory;                   /* 0: 96 MiB */
};

/* Runs a script; returns the exit code of the process. */
int ps_run (const struct ps_host *host, const char *script);

/* ---- for cmdlets ---- */

const struct ps_host *ps_host (const struct ps *ps);
/* Memory of the script; zeroed, never NULL.  Too much of it stops the script at the next step. */
void *ps_alloc (struct ps *ps, size_t n);
const char *ps_strdup (struct ps *ps, const char *s);
const char *ps_strndup (struct ps *ps, const char *s, size_t n);
const char *ps_printf (struct ps *ps, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));
enum ps_flow ps_step (struct ps *ps); /* PS_GO, or PS_STOPPED; to be called in every loop */
int64_t ps_now (struct ps *ps);       /* Unix ms */

struct ps_value ps_null (void);
struct ps_value ps_bool (bool b);
struct ps_value ps_int (int64_t i);
struct ps_value ps_double (double d);
struct ps_value ps_text (struct ps *ps, const char *s); /* copies */
struct ps_value ps_const (const char *s);               /* does not */
struct ps_value ps_date (int64_t unix_ms, bool utc);
struct ps_value ps_of_list (struct ps_list *l);
struct ps_value ps_of_object (struct ps_object *o);

struct ps_list *ps_list_new (struct ps *ps);
void ps_list_add (struct ps *ps, struct ps_list *l, struct ps_value v);
struct ps_object *ps_object_new (struct ps *ps, const char *type);
void ps_set (struct ps *ps, struct ps_object *o, const char *name, struct ps_value v); /* adds or replaces */
struct ps_value *ps_get (const struct ps_object *o, const char *name);                 /* NULL: not there */

bool ps_true (struct ps_value v);
const char *ps_string (struct ps *ps, struct ps_value v);                /* as inside a string; never NULL */
bool ps_number (struct ps *ps, struct ps_value v, struct ps_value *ret); /* PS_INT or PS_DOUBLE; false: is none */
bool ps_integer (struct ps *ps, struct ps_value v, int64_t *ret);
const char *ps_type_name (struct ps_value v); /* System.String ... */

/* Arguments of the call by parameter name. */
bool ps_has (const struct ps_call *c, const char *param);
struct ps_value ps_arg (const struct ps_call *c, const char *param);  /* null when not given */
const char *ps_arg_text (const struct ps_call *c, const char *param); /* NULL when not given or null */
bool ps_arg_switch (const struct ps_call *c, const char *param);

enum ps_flow ps_put (struct ps_call *c, struct ps_value v);

/* Errors.  `category` is one word as in CategoryInfo, `id` the first part of FullyQualifiedErrorId. */
enum ps_flow ps_fail (struct ps_call *c, const char *category, const char *id, const char *fmt, ...) /* terminating */
        __attribute__ ((format (printf, 4, 5)));
enum ps_flow ps_complain (struct ps_call *c, const char *category, const char *id, const char *fmt, ...) /* not */
        __attribute__ ((format (printf, 4, 5)));
void ps_warn (struct ps_call *c, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));
void ps_verbose (struct ps_call *c, const char *fmt, ...) __attribute__ ((format (printf, 2, 3)));

/* May the cmdlet act?  *ret_go false with PS_GO: -WhatIf said what it would do.  A cmdlet that would ask fails. */
enum ps_flow ps_should (struct ps_call *c, const char *target, const char *action, bool *ret_go);

#endif
