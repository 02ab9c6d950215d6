/* Plans as data.  Each folder below golden/ is a case: workflow.ini (its first
 * line, a comment, is the title), topology.ini (or the one beside the folders)
 * and expected.txt: the plan as people see it and who waits for whom, or the
 * faults.  Where expected.dot stands, the drawing is compared too.  Every plan
 * also goes through JSON and back.
 *
 *   SB_UPDATE=yes tests/model/golden      writes what is there now; read the diff */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/model/plan.h"
#include "tests/lib/tap.h"
#include "tests/model/cases.h"
#include "tests/model/catalogue.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char root[4096];

/* The file's text, or NULL. */
static char *
slurp (const char *folder, const char *name)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/%s%s%s", root, folder, *folder ? "/" : "", name);

    return sb_tap_read (path);
}

static void
spill (const char *folder, const char *name, const char *text)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/%s/%s", root, folder, name);

    sb_tap_write (path, text);
}

static void
compare (const char *folder, const char *name, const char *got)
{
    SB_AUTOFREE char *expected = NULL;

    if (getenv ("SB_UPDATE") != NULL)
        spill (folder, name, got);
    expected = slurp (folder, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL (expected);
    sb_same_text (expected, got);
}

/* What the text for people leaves out. */
static void
write_details (struct sb_buf *b, const struct sb_plan *p)
{
    sb_buf_str (b, "\n");
    for (uint32_t i = 0; i < p->count; i++) {
        const struct sb_plan_step *s = &p->steps[i];

        sb_buf_printf (b, "%s:", s->name);
        for (size_t e = 0; e < s->nafter; e++)
            sb_buf_printf (b, "%s %s", e ? "," : " after", p->steps[s->after[e]].name);
        for (size_t e = 0; e < s->nproofs; e++)
            sb_buf_printf (b, "; proof %s %lld ms", p->steps[s->proofs[e].step].name,
                           (long long) s->proofs[e].within_ms);
        if (s->role != NULL)
            sb_buf_printf (b, "; %lld ms, settle %lld ms, %d x %lld ms", (long long) s->timeout_ms,
                           (long long) s->settle_ms, s->retries, (long long) s->retry_ms);
        for (size_t e = 0; e < s->nundo; e++)
            sb_buf_printf (b, "; undo %s = %s", s->undo_params[e].name,
                           s->undo_params[e].items ? s->undo_params[e].items[0] : s->undo_params[e].value);
        sb_buf_str (b, "\n");
    }
    for (uint32_t i = 0; i < p->ngates; i++)
        sb_buf_printf (b, "gate %s: %s%s%s%s%s, expires %lld ms\n", p->gates[i].name, p->gates[i].ask,
                       p->gates[i].when ? " -- when " : "", p->gates[i].when ? p->gates[i].when : "",
                       p->gates[i].named ? ", named" : "", p->gates[i].refuse ? ", refuse" : "",
                       (long long) p->gates[i].expires_ms);
}

/* Through JSON and back: an equal plan, with the same digest. */
static void
check_round_trip (const struct sb_plan *p)
{
    SB_AUTOFREE char *json = sb_plan_to_json (p), *again = NULL, *faults = NULL;
    struct sb_faults f = { 0 };
    struct sb_plan copy = { 0 };

    CU_ASSERT (sb_plan_from_json (&copy, json, strlen (json), &f));
    faults = sb_show_faults (&f, 1);
    sb_same_text ("", faults);
    again = sb_plan_to_json (&copy);
    sb_same_text (json, again);
    CU_ASSERT_STRING_EQUAL (p->digest, copy.digest);
    for (uint32_t i = 0; i < p->count; i++)
        CU_ASSERT_EQUAL (p->steps[i].nbefore, copy.steps[i].nbefore);
    sb_plan_release (&copy);
}

static void
check_plan (const char *folder, const struct sb_plan *p)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    SB_AUTOFREE char *text = sb_plan_to_text (p), *dot = slurp (folder, "expected.dot"), *drawn = NULL;

    sb_buf_str (&b, text);
    write_details (&b, p);
    compare (folder, "expected.txt", sb_buf_cstr (&b));
    check_round_trip (p);
    if (dot != NULL) {
        drawn = sb_plan_to_dot (p);
        compare (folder, "expected.dot", drawn);
    }
}

static void
check_folder (const char *folder)
{
    SB_AUTOFREE char *own = slurp (folder, "topology.ini"), *common = slurp ("", "topology.ini"), *faults_text = NULL;
    SB_AUTOFREE char *workflow = slurp (folder, "workflow.ini");
    const char *topology = own ? own : common;
    struct sb_topology t = { 0 };
    struct sb_workflow w = { 0 };
    struct sb_plan p = { 0 };
    struct sb_faults faults = { 0 };
    struct sb_pair given = { "limit", "7", 0 };
    struct sb_plan_args args = { .topology = &t, .workflow = &w, .catalogue = &sb_test_catalogue, .params = &given };
    bool ok;

    args.nparams = strstr (workflow, "[params]") != NULL;
    ok = sb_topology_parse (&t, "topology.ini", topology, strlen (topology), &faults)
         && sb_workflow_parse (&w, "workflow.ini", workflow, strlen (workflow), &faults)
         && sb_plan_make (&p, &args, &faults);
    faults_text = sb_show_faults (&faults, 1);
    CU_ASSERT_EQUAL (ok, *faults_text == '\0');
    if (ok)
        check_plan (folder, &p);
    else
        compare (folder, "expected.txt", faults_text);
    sb_plan_release (&p);
    sb_workflow_release (&w);
    sb_topology_release (&t);
}

/* ---- the folders as tests ---- */

static struct {
    char *folder, *title;
} cases[256];
static size_t ncases;

static void
run_case (void)
{
    for (size_t i = 0; i < ncases; i++)
        if (strcmp (cases[i].title, CU_get_current_test ()->pName) == 0)
            check_folder (cases[i].folder);
}

static int
is_case (const struct dirent *d)
{
    return d->d_name[0] != '.' && strchr (d->d_name, '.') == NULL;
}

int
main (void)
{
    const char *top = getenv ("SB_SRCDIR");
    struct sb_tap_test tests[sizeof cases / sizeof *cases + 1] = { 0 };
    struct dirent **entries;
    int n, rc;

    snprintf (root, sizeof root, "%s/tests/model/golden", top ? top : ".");
    n = scandir (root, &entries, is_case, alphasort);
    for (int i = 0; i < n; i++) {
        char *folder = sb_xstrdup (entries[i]->d_name), *text = slurp (folder, "workflow.ini");

        free (entries[i]);
        if (text == NULL || *text != ';' || ncases == sizeof cases / sizeof *cases) {
            printf ("Bail out! %s has no workflow.ini that begins with a title\n", folder);
            return 99;
        }
        cases[ncases].folder = folder;
        cases[ncases].title = sb_xstrndup (text + 2, strcspn (text + 2, "\n"));
        tests[ncases] = (struct sb_tap_test){ cases[ncases].title, run_case };
        ncases++;
        free (text);
    }
    if (n >= 0)
        free (entries);
    rc = sb_tap_run ("plans", tests);
    while (ncases > 0) {
        free (cases[--ncases].folder);
        free (cases[ncases].title);
    }
    return rc;
}
