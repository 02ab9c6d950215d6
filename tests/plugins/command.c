/* The plugin command with small shell programs that answer well, badly, late,
 * or not at all. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include "core/model/contracts.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct bench *
a_bench (const char *script)
{
    struct bench *b =
            bench_new (NULL,
                       "[dns corp]\nplugin = command\nprogram = tool.sh, first word\n"
                       "secret = file:key\ntimeout = 30s\n[site north]\n[fence power]\nplugin = command\nprogram = "
                       "tool.sh\n");

    bench_file (b, "tool.sh", script, 0700);
    bench_file (b, "key", "sesame-7\n", 0600);
    return b;
}

static void
asks (void)
{
    struct bench *b =
            a_bench ("#!/bin/sh\ncat > in.json\nprintf '%s' \"$1\" > word\n"
                     "echo '{\"rc\": \"ok\", \"results\": {\"n\": 3, \"list\": [\"a\", \"b\"], \"yes\": true}}'\n");
    SB_CLEANUP (sb_buf_free) struct sb_buf in = { 0 }, word = { 0 };
    SB_AUTOFREE char *in_path = bench_path (b, "in.json"), *word_path = bench_path (b, "word");
    const struct outcome *o =
            bench_run (b, "dns", "corp", "move", "north", "name", "chat \"x\" äöü", "+hosts", "a|b c", NULL);

    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "n"), "3");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "list"), "a, b");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "yes"), "yes");
    sb_file_read (in_path, 10000, &in, &b->faults);
    sb_file_read (word_path, 100, &word, &b->faults);
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&word), "first word");
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&in), "\"role\":\"dns\""));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&in), "\"verb\":\"move\""));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&in), "\"op\":\"run\""));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&in), "\"on\":\"north\""));
    CU_ASSERT_PTR_NOT_NULL (
            strstr (sb_buf_cstr (&in), "\"params\":{\"name\":\"chat \\\"x\\\" äöü\",\"hosts\":[\"a\",\"b c\"]}"));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&in), "\"secret\":\"sesame-7\""));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&in), "\"attempt\":1"));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&in), "\"drill\":false"));
    bench_free (b);
}

static void
classes (void)
{
    static const struct {
        const char *script;
        enum sb_rc rc;
        enum sb_seen seen;
        const char *word; /* in the sentence of run */
    } cases[] = {
        { "echo '{\"rc\":\"ok\",\"seen\":\"yes\"}'", SB_OK, SB_SEEN_YES, "" },
        { "echo '{\"rc\":\"retry\",\"seen\":\"no\",\"message\":\"busy\"}'", SB_RETRY, SB_SEEN_NO, "busy" },
        { "echo '{\"rc\":\"fail\",\"seen\":\"partly\",\"message\":\"never\"}'", SB_FAIL, SB_SEEN_PARTLY, "never" },
        { "echo '{\"rc\":\"stopped\",\"seen\":\"unknown\"}'", SB_STOPPED, SB_SEEN_UNKNOWN, "" },
        { "echo '{\"rc\":\"ok\",\"seen\":\"yes\"}'; exit 3", SB_UNSURE, SB_SEEN_UNKNOWN, "exit code 3" },
        { "echo '{\"rc\":\"fine\",\"seen\":\"perhaps\"}'", SB_UNSURE, SB_SEEN_UNKNOWN, "rc" },
        { "echo done", SB_UNSURE, SB_SEEN_UNKNOWN, "no JSON" },
        { "exit 0", SB_UNSURE, SB_SEEN_UNKNOWN, "no JSON" },
        { "echo '[1]'", SB_UNSURE, SB_SEEN_UNKNOWN, "type" },
        { "kill -9 $$", SB_UNSURE, SB_SEEN_UNKNOWN, "signal 9" },
        { "head -c 2000000 /dev/zero", SB_UNSURE, SB_SEEN_UNKNOWN, "more than" },
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        SB_AUTOFREE char *script = sb_xprintf ("#!/bin/sh\ncat > /dev/null\n%s\n", cases[i].script);
        struct bench *b = a_bench (script);
        const struct outcome *o = bench_run (b, "dns", "corp", "move", NULL, NULL);

        CU_ASSERT_EQUAL (o->rc, cases[i].rc);
        CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, cases[i].word));
        CU_ASSERT_EQUAL (bench_verify (b, "dns", "corp", "move", NULL, NULL)->seen, cases[i].seen);
        bench_free (b);
    }
}

static void
contract (void)
{
    struct bench *b = a_bench (
            "#!/bin/sh\ncat > /dev/null\necho '{\"rc\":\"ok\",\"results\":{\"grade\":\"'\"$(cat grade)\"'\"}}'\n");
    const struct outcome *o;

    bench_file (b, "grade", "confirmed", 0600);
    o = bench_run (b, "fence", "power", "isolate", "north", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "grade"), "confirmed");
    bench_file (b, "grade", "certain", 0600);
    CU_ASSERT_EQUAL (bench_run (b, "fence", "power", "isolate", "north", NULL)->rc, SB_UNSURE);
    CU_ASSERT_EQUAL (bench_run (b, "fence", "power", "isolate", "north", "speed", "high", NULL)->rc, SB_FAIL);
    bench_free (b);
}

/* A value that an option takes. */
static const char *
sample (const struct sb_option *o)
{
    static const char *const texts[] = {
        [SB_STRING] = "text äöü", [SB_INT] = "7",        [SB_BOOL] = "yes",  [SB_DURATION] = "90s",
        [SB_LIST] = "a, b",       [SB_SECRET] = "env:X", [SB_CHOICE] = NULL, [SB_TARGET] = NULL,
    };

    if (o->type == SB_CHOICE)
        return o->choices[0];
    if (o->type != SB_TARGET)
        return texts[o->type];
    return strcmp (o->choices[0], "instance") == 0 ? "i1"
           : strcmp (o->choices[0], "share") == 0  ? "vault"
           : strcmp (o->choices[0], "server") == 0 ? "s1"
                                                   : "north";
}

/* The answer of a program that gives every result of the verb, and one that nobody asked for. */
static void
prepare_answer (struct bench *b, const struct sb_verb *v)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    const struct sb_option *o;

    sb_buf_str (&text, "{\"rc\": \"ok\", \"seen\": \"yes\", \"results\": {\"more than asked\": \"x\"");
    for (o = v->results; o->name != NULL; o++)
        sb_buf_printf (&text, ", \"%s\": \"%s\"", o->name, sample (o));
    sb_buf_str (&text, "}}");
    bench_file (b, "answer", text.s, 0600);
}

/* Required parameters in pairs; at most four are needed by any verb. */
static const struct outcome *
call_verb (struct bench *b, const struct sb_role *r, const struct sb_verb *v, enum sb_op op)
{
    SB_AUTOFREE char *kind = v->targets != NULL ? sb_xstrndup (v->targets, strcspn (v->targets, " ")) : NULL;
    const char *kinds[] = { kind, NULL }, *pairs[10] = { NULL };
    const struct sb_option target = { .type = SB_TARGET, .choices = kinds }, *o;
    struct sb_arena arena = { 0 };
    const struct outcome *ret;
    size_t n = 0;

    for (o = v->params; o->name != NULL && n < 8; o++)
        if ((o->flags & SB_REQUIRED) != 0) {
            pairs[n++] = o->type == SB_LIST ? sb_arena_printf (&arena, "+%s", o->name) : o->name;
            pairs[n++] = o->type == SB_LIST ? "a|b" : sample (o);
        }
    ret = bench_await (b, bench_send (b, r->kind, strcmp (r->kind, "share") == 0 ? "vault" : "it", v->name, op,
                                      kind != NULL ? sample (&target) : NULL, 20000, pairs[0], pairs[1], pairs[2],
                                      pairs[3], pairs[4], pairs[5], pairs[6], pairs[7], NULL));
    sb_arena_release (&arena);
    return ret;
}

static bool
request_has (struct bench *b, const char *part)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf in = { 0 };
    SB_AUTOFREE char *path = bench_path (b, "in.json");

    return sb_file_read (path, 100000, &in, &b->faults) && strstr (sb_buf_cstr (&in), part) != NULL;
}

/* Every verb of every packaged role can be played by a program. */
static void
every_role (void)
{
    struct bench *b = bench_new (
            NULL,
            "[pool it]\nplugin = command\nprogram = tool.sh\nfqdn = chat.lab\nprimary site = north\nbackup site = south\n"
            "[site north]\n[site south]\n[database it]\nplugin = command\nprogram = tool.sh\nprimary = i1\n"
            "[instance i1]\nsite = north\nhost = sql.lab\ncredential = c\n[server s1]\nsite = north\n"
            "[credential c]\nuser = u\nsecret = env:X\n[share vault]\nplugin = command\nprogram = tool.sh\n"
            "site = north\n[fence it]\nplugin = command\nprogram = tool.sh\n[channel it]\nplugin = command\n"
            "program = tool.sh\n");
    const struct sb_role *r;
    const struct sb_verb *v;
    size_t verbs = 0;

    bench_file (b, "tool.sh", "#!/bin/sh\ncat > in.json\ncat answer\n", 0700);
    for (r = sb_roles; r->name != NULL; r++)
        for (v = r->verbs; v->name != NULL; v++) {
            SB_AUTOFREE char *role = sb_xprintf ("\"role\":\"%s\",\"verb\":\"%s\"", r->name, v->name);
            const struct outcome *o;
            const struct sb_option *k;

            prepare_answer (b, v);
            o = call_verb (b, r, v, SB_OP_RUN);
            if (o->rc != SB_OK)
                printf ("# %s.%s: %s\n", r->name, v->name, o->sentence);
            CU_ASSERT_EQUAL (o->rc, SB_OK);
            CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&o->said), "'more than asked' is none of"));
            for (k = v->results; k->name != NULL; k++)
                CU_ASSERT_STRING_EQUAL (outcome_result (o, k->name), sample (k));
            CU_ASSERT_TRUE (request_has (b, role));
            if (v->effect != SB_READS)
                CU_ASSERT_EQUAL (call_verb (b, r, v, SB_OP_VERIFY)->seen, SB_SEEN_YES);
            verbs++;
        }
    CU_ASSERT_TRUE (verbs > 40);
    call_verb (b, sb_role_find ("database"), sb_verb_find (sb_role_find ("database"), "observe"), SB_OP_RUN);
    CU_ASSERT_TRUE (request_has (b, "\"host\":\"sql.lab\""));
    CU_ASSERT_TRUE (request_has (b, "\"primary\":\"i1\""));
    bench_free (b);
}

static void
not_startable (void)
{
    struct bench *b = a_bench ("#!/no/such/interpreter\n");
    const struct outcome *o = bench_run (b, "dns", "corp", "move", NULL, NULL);

    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "cannot be started"));
    bench_file (b, "tool.sh", "#!/bin/sh\n", 0722);
    o = bench_run (b, "dns", "corp", "move", NULL, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "changed by others"));
    bench_file (b, "tool.sh", "#!/bin/sh\n", 0600);
    CU_ASSERT_EQUAL (bench_run (b, "dns", "corp", "move", NULL, NULL)->rc, SB_FAIL);
    bench_free (b);
}

struct file_pid {
    char *path;
    pid_t pid;
};

static bool
has_pid (void *ctx)
{
    struct file_pid *f = ctx;
    FILE *file = fopen (f->path, "r");
    int pid = 0;

    if (file != NULL) {
        if (fscanf (file, "%d", &pid) != 1)
            pid = 0;
        fclose (file);
    }
    f->pid = pid;
    return pid > 0;
}

static bool
is_gone (void *ctx)
{
    return kill (((struct file_pid *) ctx)->pid, 0) != 0 && errno == ESRCH;
}

#define LINGER \
    "#!/bin/sh\ncat > /dev/null\necho 'secret is sesame-7' >&2\nsh -c 'echo $$ > pid.tmp; mv pid.tmp pid; sleep 1000' &\nwait\n"

static void
late (void)
{
    struct bench *b = a_bench (LINGER);
    struct file_pid f = { bench_path (b, "pid"), 0 };
    const struct outcome *o = bench_await (b, bench_send (b, "dns", "corp", "move", SB_OP_RUN, NULL, 3000, NULL));

    CU_ASSERT_EQUAL (o->type, SB_LANE_ANSWER);
    CU_ASSERT_EQUAL (o->rc, SB_UNSURE);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "did not end in its time"));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&o->said), "secret is ********"));
    CU_ASSERT_TRUE (has_pid (&f));
    CU_ASSERT_TRUE (bench_eventually (is_gone, &f));
    free (f.path);
    bench_free (b);
}

static void
stopped (void)
{
    struct bench *b = a_bench ("#!/bin/sh\ncat > /dev/null\ntrap 'echo \"{\\\"rc\\\":\\\"stopped\\\"}\"; exit 0' TERM\n"
                               "echo $$ > pid.tmp; mv pid.tmp pid\nwhile :; do sleep 0.05; done\n");
    struct file_pid f = { bench_path (b, "pid"), 0 };
    uint64_t id = bench_send (b, "dns", "corp", "move", SB_OP_RUN, NULL, 20000, NULL);

    CU_ASSERT_TRUE (bench_eventually (has_pid, &f));
    sb_lanes_stop (b->lanes, id);
    CU_ASSERT_EQUAL (bench_await (b, id)->rc, SB_STOPPED);
    free (f.path);
    bench_free (b);
}

static void
orphans (void)
{
    struct bench *b = a_bench (LINGER);
    struct file_pid f = { bench_path (b, "pid"), 0 };
    FILE *children;
    char path[64];
    int worker = 0;

    bench_send (b, "dns", "corp", "move", SB_OP_RUN, NULL, 20000, NULL);
    CU_ASSERT_TRUE (bench_eventually (has_pid, &f));
    snprintf (path, sizeof path, "/proc/self/task/%d/children", (int) getpid ());
    children = fopen (path, "r");
    CU_ASSERT_EQUAL (fscanf (children, "%d", &worker), 1);
    fclose (children);
    kill (worker, SIGKILL); /* nobody of us looks after the program now: its keeper does */
    CU_ASSERT_TRUE (bench_eventually (is_gone, &f));
    free (f.path);
    bench_free (b);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "the program gets the whole call as JSON and its results come back", asks },
        { "answers become classes, and what is no answer becomes doubt", classes },
        { "a packaged role is held to its contract", contract },
        { "a program can play every verb of every packaged role; what it says beyond them is left out", every_role },
        { "a program that cannot be started or trusted changed nothing", not_startable },
        { "a program that does not end is killed with all it started, and its secret stays in", late },
        { "a program that is asked to stop can say so", stopped },
        { "what a program started ends when the worker is killed", orphans },
        { NULL, NULL }
    };

    bench_enter (argc, argv);
    return sb_tap_run ("command", tests);
}
