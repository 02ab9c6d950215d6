/* lab fault: one table of words, what each needs and which operation it is. */
#include "lab/lab.h"

#include "lab/world/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
    const struct lab_args *args;
    struct w_client *client;
    struct world *w;
    struct w_op op;
    char **word; /* after the fault's name */
    struct sb_faults *faults;
};

enum arg { NONE, SITE, INSTANCE, SHARE, NUMBER, PATTERN, PATH, FRONTEND, SERVER };

struct fault {
    const char *name, *kind; /* kind: second word, or NULL */
    enum arg args[3];
    enum w_op_kind op;
    int value; /* goes to n[] as the operation wants it */
    const char *help;
};

static const struct fault list[] = {
    { "power-off", "site", { SITE }, W_OP_SITE_POWER, 0, "power-off site NAME" },
    { "power-on", "site", { SITE }, W_OP_SITE_POWER, 1, "power-on site NAME" },
    { "rebuild", "site", { SITE }, W_OP_SITE_REBUILD, 0, "rebuild site NAME" },
    { "power-off", "instance", { INSTANCE }, W_OP_INSTANCE_POWER, 0, "power-off instance NAME" },
    { "power-on", "instance", { INSTANCE }, W_OP_INSTANCE_POWER, 1, "power-on instance NAME" },
    { "power-off", "frontend", { FRONTEND }, W_OP_FRONTEND_POWER, 0, "power-off frontend NAME" },
    { "power-on", "frontend", { FRONTEND }, W_OP_FRONTEND_POWER, 1, "power-on frontend NAME" },
    { "cut-link", NULL, { SITE, SITE }, W_OP_LINK, 0, "cut-link SITE SITE" },
    { "join-link", NULL, { SITE, SITE }, W_OP_LINK, 1, "join-link SITE SITE" },
    { "slow", NULL, { INSTANCE, PATTERN, NUMBER }, W_OP_FAULT_SLOW, 0, "slow INSTANCE PATTERN MS (0 ends it)" },
    { "fail-next", NULL, { INSTANCE, NUMBER }, W_OP_FAULT_FAIL_NEXT, 0, "fail-next INSTANCE NUMBER" },
    { "fail-next",
      NULL,
      { INSTANCE, NUMBER, PATTERN },
      W_OP_FAULT_FAIL_NEXT,
      0,
      "fail-next INSTANCE NUMBER PROGRAM (only for clients of that name, with * and ?)" },
    { "transient", NULL, { INSTANCE, NUMBER }, W_OP_FAULT_TRANSIENT, 0, "transient INSTANCE 1404|1421|1438" },
    { "damage-file", NULL, { INSTANCE, PATH }, W_OP_NONE, W_FILE_DAMAGE, "damage-file INSTANCE PATH" },
    { "truncate-file", NULL, { INSTANCE, PATH }, W_OP_NONE, W_FILE_TRUNCATE, "truncate-file INSTANCE PATH" },
    { "share-gone", NULL, { SHARE }, W_OP_FAULT_SHARE, 1, "share-gone SHARE" },
    { "share-back", NULL, { SHARE }, W_OP_FAULT_SHARE, 0, "share-back SHARE" },
    { "disk-full", "share", { SHARE }, W_OP_FAULT_DISK, 1, "disk-full share SHARE" },
    { "disk-room", "share", { SHARE }, W_OP_FAULT_DISK, 0, "disk-room share SHARE" },
    { "disk-full", NULL, { INSTANCE }, W_OP_FAULT_DISK, 1, "disk-full INSTANCE" },
    { "disk-room", NULL, { INSTANCE }, W_OP_FAULT_DISK, 0, "disk-room INSTANCE" },
    { "agent-stop", NULL, { INSTANCE }, W_OP_FAULT_AGENT, 0, "agent-stop INSTANCE" },
    { "agent-start", NULL, { INSTANCE }, W_OP_FAULT_AGENT, 1, "agent-start INSTANCE" },
    { "witness-lost", NULL, { INSTANCE }, W_OP_FAULT_WITNESS, 1, "witness-lost INSTANCE" },
    { "witness-back", NULL, { INSTANCE }, W_OP_FAULT_WITNESS, 0, "witness-back INSTANCE" },
    { "cms-down", NULL, { NONE }, W_OP_FAULT_CENTRAL, 1, "cms-down" },
    { "cms-up", NULL, { NONE }, W_OP_FAULT_CENTRAL, 0, "cms-up" },
    { "replica-stop", NULL, { SERVER }, W_OP_FAULT_REPLICA, 1, "replica-stop SERVER" },
    { "replica-start", NULL, { SERVER }, W_OP_FAULT_REPLICA, 0, "replica-start SERVER" },
    { "next-hop-down", NULL, { NONE }, W_OP_FAULT_NEXT_HOP, 1, "next-hop-down" },
    { "next-hop-up", NULL, { NONE }, W_OP_FAULT_NEXT_HOP, 0, "next-hop-up" },
};
#define NFAULTS (sizeof list / sizeof *list)

static w_id
share_named (const struct world *w, const char *name)
{
    for (w_id i = 1; i <= w->nshares; i++)
        if (strcmp (w_str (w, w->shares[i - 1].name), name) == 0)
            return i;
    return 0;
}

/* Puts one argument where the operation reads it.  `n`: the next free number. */
static bool
put_arg (struct job *j, enum arg arg, const char *word, unsigned *n)
{
    w_id id = 1;

    switch (arg) {
    case SITE:
        id = w_find_site (j->w, word);
        j->op.n[(*n)++] = id;
        break;
    case FRONTEND:
        id = w_find_frontend (j->w, word);
        j->op.n[(*n)++] = id;
        break;
    case INSTANCE:
        id = j->op.instance = w_find_instance (j->w, word);
        break;
    case SHARE:
        id = j->op.subject = share_named (j->w, word);
        break;
    case SERVER:
        id = j->op.subject = w_find_server (j->w, word);
        break;
    case NUMBER:
        j->op.n[(*n)++] = atoi (word);
        break;
    case PATTERN:
    case PATH:
        snprintf (j->op.path[0], sizeof j->op.path[0], "%s", word);
        break;
    case NONE:
        break;
    }
    if (id == 0)
        sb_fault (j->faults, NULL, 0, "there is no '%s' in this lab", word);
    return id != 0;
}

static bool
numbers_come_from_words (const struct fault *f)
{
    return f->op == W_OP_FAULT_SLOW || f->op == W_OP_FAULT_FAIL_NEXT || f->op == W_OP_FAULT_TRANSIENT;
}

static int
usage (void)
{
    fprintf (stderr, "switchback lab fault --dir DIR WORDS, where WORDS is one of\n");
    for (size_t i = 0; i < NFAULTS; i++)
        fprintf (stderr, "  %s\n", list[i].help);
    return 2;
}

static const struct fault *
find (const struct lab_args *a)
{
    for (size_t i = 0; i < NFAULTS; i++) {
        const struct fault *f = &list[i];
        int need = 1 + (f->kind != NULL);

        if (a->nwords < need || strcmp (a->words[0], f->name) != 0
            || (f->kind != NULL && strcmp (a->words[1], f->kind) != 0))
            continue;
        for (int k = 0; k < 3 && f->args[k] != NONE; k++)
            need++;
        if (a->nwords == need)
            return f;
    }
    return NULL;
}

/* A site that has power again is there when its doors answer. */
static bool
settle (struct job *j, const struct fault *f)
{
    struct lab_cfg cfg;
    bool good;

    if ((f->op != W_OP_SITE_POWER && f->op != W_OP_INSTANCE_POWER && f->op != W_OP_FRONTEND_POWER) || f->value == 0)
        return true;
    if (!lab_cfg_load (&cfg, j->args->dir, j->faults))
        return false;
    j->w = w_client_world (j->client);
    good = j->w != NULL && lab_doors_answer (&cfg, j->w, 20000, j->faults);
    lab_cfg_free (&cfg);
    return good;
}

/* Like a setup program on the machines of a rebuilt site: the databases that belong there, empty, where none is. */
static bool
install_databases (struct job *j, w_id site)
{
    struct lab_cfg cfg;
    struct w_op op;
    struct w_out out;
    bool good = lab_cfg_load (&cfg, j->args->dir, j->faults);

    for (size_t i = 0; good && i < cfg.ndatabases; i++) {
        const struct lab_database *d = &cfg.databases[i];
        w_id instance = w_find_instance (j->w, d->primary);

        if (instance == 0 || j->w->instances[instance - 1].site != site)
            continue;
        w_op_init (&op, W_OP_INSTALL_DB, instance, 0, d->name);
        op.n[0] = d->fail_over ? 1 : 2;
        w_client_op (j->client, &op, &out);
        good = out.status == W_DONE;
        if (!good)
            sb_fault (j->faults, NULL, 0, "'%s' cannot be installed at '%s'", d->name, d->primary);
    }
    lab_cfg_free (&cfg);
    return good;
}

/* New machines for a dark site; then it has power, and the pool's databases are there, empty. */
static bool
rebuild (struct job *j, const struct fault *f)
{
    static const struct fault power_on = { .op = W_OP_SITE_POWER, .value = 1 };
    w_id site = (w_id) j->op.n[0];
    struct w_out out;

    if (j->w->sites[site - 1].powered) {
        sb_fault (j->faults, NULL, 0, "site '%s' has power: nobody rebuilds what runs", j->word[0]);
        sb_fault_hint (j->faults, "First: switchback lab fault --dir DIR power-off site %s", j->word[0]);
        return false;
    }
    w_client_op (j->client, &j->op, &out);
    if (out.status == W_DONE) {
        w_op_init (&j->op, W_OP_SITE_POWER, 0, 0, NULL);
        j->op.n[0] = site;
        j->op.n[1] = 1;
        w_client_op (j->client, &j->op, &out);
    }
    if (out.status != W_DONE)
        sb_fault (j->faults, NULL, 0, "the world refuses '%s'", f->name);
    return out.status == W_DONE && settle (j, &power_on) && install_databases (j, site);
}

static bool
do_it (struct job *j, const struct fault *f)
{
    struct w_out out;
    unsigned n = 0;
    int error;

    w_op_init (&j->op, f->op, 0, 0, NULL);
    for (int k = 0; k < 3 && f->args[k] != NONE; k++)
        if (!put_arg (j, f->args[k], j->word[k], &n))
            return false;
    if (f->op == W_OP_NONE) {
        error = w_client_file (j->client, j->op.instance, (enum w_file_req) f->value, j->op.path[0]);
        if (error != W_FILE_OK)
            sb_fault (j->faults, NULL, 0, "'%s': %s", j->op.path[0], w_file_error_text (error));
        return error == W_FILE_OK;
    }
    if (f->op == W_OP_SITE_REBUILD)
        return rebuild (j, f);
    if (!numbers_come_from_words (f))
        j->op.n[n] = f->value;
    w_client_op (j->client, &j->op, &out);
    if (out.status != W_DONE)
        sb_fault (j->faults, NULL, 0, "the world refuses '%s' with %d", f->name,
                  out.nmsgs > 0 ? out.msgs[0].number : 0);
    return out.status == W_DONE && settle (j, f);
}

int
lab_fault (const struct lab_args *a)
{
    const struct fault *f = find (a);
    struct sb_faults faults = { 0 };
    struct job j = { .args = a, .faults = &faults };
    bool good;

    if (f == NULL)
        return usage ();
    j.word = a->words + 1 + (f->kind != NULL);
    j.client = lab_world (a->dir, &faults);
    j.w = j.client == NULL ? NULL : w_client_world (j.client);
    good = j.w != NULL && do_it (&j, f);
    w_client_close (j.client);
    return good ? 0 : lab_fail (&faults);
}
