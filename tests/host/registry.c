/* Finding, refusing and describing plugins.  Bad plugins are compiled on the
 * spot with the public header alone. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include "core/host/describe.h"
#include "core/host/load.h"
#include "core/sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A plugin named `good`; what a test replaces stands in macros. */
static const char source[] =
        "#include <switchback/plugin.h>\n"
        "#include <fcntl.h>\n#include <unistd.h>\n"
        "#ifndef NAME\n#define NAME \"good\"\n#endif\n"
        "#ifndef ROLE\n#define ROLE \"site-role\"\n#endif\n"
        "#ifndef EFFECT\n#define EFFECT SB_SETTLES\n#endif\n"
        "#ifndef VERIFY\n#define VERIFY verify\n#endif\n"
        "#ifndef EXTRA\n#define EXTRA\n#endif\n"
        "#ifdef TOUCH\n__attribute__ ((constructor)) static void touch (void)\n"
        "{ close (open (TOUCH, O_CREAT | O_WRONLY, 0600)); }\n#endif\n"
        "#ifdef MISSING\nvoid nobody_has_this (void);\n#endif\n"
        "static enum sb_rc run (struct sb_call *c, void *s) { (void) c; (void) s;\n"
        "#ifdef MISSING\nnobody_has_this ();\n#endif\nreturn SB_OK; }\n"
        "static enum sb_seen verify (struct sb_call *c, void *s) { (void) c; (void) s; return SB_SEEN_NO; }\n"
        "static const struct sb_option options[] = {\n"
        "  { .name = \"speed\", .type = SB_INT, .fallback = \"3\", .help = \"how fast\" }, EXTRA { .name = NULL } };\n"
        "static const struct sb_action actions[] = {\n"
        "  { .verb = \"observe\", .help = \"do it\", .effect = EFFECT, .params = options, .run = run, .verify = VERIFY,\n"
        "#ifdef UNDO\n    .undo = UNDO\n#endif\n  }, { .verb = NULL } };\n"
        "SB_PLUGIN (good, .name = NAME, .role = ROLE, .version = \"1\", .summary = \"a test\", .settings = options,\n"
        "           .actions = actions\n#ifdef ABI\n, .abi = ABI\n#endif\n);\n";

static void
compile (struct bench *b, const char *flags)
{
    const char *cc = getenv ("CC"), *src = getenv ("SB_SRCDIR");
    SB_AUTOFREE char *line =
            sb_xprintf ("cd '%s' && mkdir -p p && chmod 755 p && %s -Wno-override-init "
                        "-Wno-initializer-overrides -shared -fPIC -fvisibility=hidden -I '%s/include' %s "
                        "-o p/good.so good.c 2>cc.log && chmod 755 p/good.so",
                        b->dir, cc != NULL ? cc : "cc", src != NULL ? src : "..", flags);

    bench_file (b, "good.c", source, 0644);
    if (system (line) != 0) {
        printf ("Bail out! %s\n", line);
        exit (99);
    }
}

/* Describes `good` afresh and gives every fault as one text, "" for none. */
static char *
describe (struct bench *b, const char *name, struct sb_registry **ret)
{
    SB_AUTOFREE char *dir = bench_path (b, "p");
    const char *dirs[] = { dir, NULL };
    struct sb_registry *r = sb_registry_new (&(struct sb_registry_cfg){ .dirs = dirs });
    struct sb_faults faults = { 0 };
    char *text;

    sb_registry_describe (r, name, &faults);
    text = sb_faults_text (&faults);
    sb_faults_free (&faults);
    if (ret != NULL)
        *ret = r;
    else
        sb_registry_free (r);
    return text;
}

static bool
says (struct bench *b, const char *name, const char *part)
{
    SB_AUTOFREE char *text = describe (b, name, NULL);

    if (strstr (text, part) == NULL)
        printf ("# expected '%s' in: %s\n", part, text);
    return strstr (text, part) != NULL;
}

static void
good (void)
{
    struct bench *b = bench_new (NULL, "[pool x]\n");
    struct sb_registry *r;
    const struct sb_catalogue_plugin *p;

    compile (b, "");
    {
        SB_AUTOFREE char *text = describe (b, "good", &r);

        CU_ASSERT_STRING_EQUAL (text, "");
    }
    p = sb_catalogue_find (sb_registry_catalogue (r), "good");
    CU_ASSERT_PTR_NOT_NULL_FATAL (p);
    CU_ASSERT_STRING_EQUAL (p->role, "site-role");
    CU_ASSERT_STRING_EQUAL (p->settings[0].fallback, "3");
    CU_ASSERT_EQUAL (p->actions[0].effect, SB_SETTLES);
    CU_ASSERT_PTR_NULL (p->actions[0].run);
    CU_ASSERT_PTR_NULL (p->actions[1].verb);
    sb_registry_free (r);
    bench_free (b);
}

static void
missing (void)
{
    struct bench *b = bench_new (NULL, "[pool x]\n");
    SB_AUTOFREE char *dir = bench_path (b, "p");

    mkdir (dir, 0755);
    CU_ASSERT_TRUE (says (b, "absent", "there is no plugin 'absent' in"));
    CU_ASSERT_TRUE (says (b, "absent", dir));
    CU_ASSERT_TRUE (says (b, "absent", "HINT: "));
    CU_ASSERT_TRUE (says (b, "../p/good", "is not the name of a plugin"));
    CU_ASSERT_TRUE (says (b, "/etc/passwd", "is not the name of a plugin"));
    bench_free (b);
}

static void
unloadable (void)
{
    struct bench *b = bench_new (NULL, "[pool x]\n");

    compile (b, "-DMISSING");
    CU_ASSERT_TRUE (says (b, "good", "undefined symbol: nobody_has_this"));
    bench_file (b, "p/good.so", "#!/bin/sh\necho this is a long text file and no plugin, whatever its name may say\n",
                0755);
    CU_ASSERT_TRUE (says (b, "good", "invalid ELF header"));
    compile (b, "-Dgood_LTX_sb_plugin=other_symbol");
    CU_ASSERT_TRUE (says (b, "good", "the symbol NAME_LTX_sb_plugin is not there"));
    bench_free (b);
}

static void
other_abi (void)
{
    struct bench *b = bench_new (NULL, "[pool x]\n");

    compile (b, "-DABI=77");
    CU_ASSERT_TRUE (says (b, "good", "built for ABI 77, this program has ABI 1"));
    bench_free (b);
}

static void
tables (void)
{
    struct bench *b = bench_new (NULL, "[pool x]\n");

    compile (b, "'-DNAME=\"better\"'");
    CU_ASSERT_TRUE (says (b, "good", "it calls itself 'better'"));
    compile (b, "-DVERIFY=NULL '-DUNDO=\"undo-it\"' '-DEXTRA={\"speed\",SB_CHOICE,1,\"x\",0,0},'");
    CU_ASSERT_TRUE (says (b, "good", "it changes something and has no verify()"));
    CU_ASSERT_TRUE (says (b, "good", "undone by 'undo-it'"));
    CU_ASSERT_TRUE (says (b, "good", "'speed' stands there twice"));
    CU_ASSERT_TRUE (says (b, "good", "a choice without choices"));
    CU_ASSERT_TRUE (says (b, "good", "is required and yet has a fallback"));
    CU_ASSERT_TRUE (says (b, "good", "'speed' has no help"));
    compile (b, "-DEFFECT=7");
    CU_ASSERT_TRUE (says (b, "good", "an effect this program does not know (7)"));
    bench_free (b);
}

static void
untrusted (void)
{
    struct bench *b = bench_new (NULL, "[pool x]\n");
    SB_AUTOFREE char *dir = bench_path (b, "p"), *file = bench_path (b, "p/good.so");

    compile (b, "");
    CU_ASSERT_EQUAL (chmod (dir, 0777), 0);
    CU_ASSERT_TRUE (says (b, "good", dir));
    CU_ASSERT_EQUAL (chmod (dir, 0755), 0);
    CU_ASSERT_EQUAL (chmod (file, 0775), 0);
    CU_ASSERT_TRUE (says (b, "good", file));
    CU_ASSERT_EQUAL (chmod (file, 0755), 0);
    CU_ASSERT_TRUE (says (b, "good", ""));
    if (geteuid () == 0) {
        CU_ASSERT_EQUAL (chown (file, 12345, 12345), 0);
        CU_ASSERT_TRUE (says (b, "good", "12345"));
    }
    bench_free (b);
}

static void
manifests (void)
{
    struct bench *b = bench_new (NULL, "[pool x]\n");
    SB_AUTOFREE char *file = bench_path (b, "p/good.so"), *touched = bench_path (b, "loaded"), *text = NULL,
                     *again = NULL;
    SB_AUTOFREE char *flags = sb_xprintf ("'-DTOUCH=\"%s\"' -Wl,--build-id=sha1", touched);
    char fingerprint[SB_FINGERPRINT];
    struct sb_faults faults = { 0 };
    struct sb_loaded l = { 0 };

    compile (b, flags);
    CU_ASSERT_TRUE (sb_fingerprint (file, fingerprint, &faults));
    CU_ASSERT_TRUE_FATAL (sb_load_open (&l, file, &faults));
    text = sb_manifest_make (&l.plugin, fingerprint);
    sb_load_close (&l);
    bench_file (b, "p/good.manifest", text, 0644);
    unlink (touched);
    again = describe (b, "good", NULL);
    CU_ASSERT_STRING_EQUAL (again, "");
    CU_ASSERT_FALSE (sb_file_exists (touched)); /* its tables were known without loading it */
    compile (b, "'-DROLE=\"changed\"' -Wl,--build-id=sha1");
    {
        struct sb_registry *r;
        SB_AUTOFREE char *fresh = describe (b, "good", &r);

        CU_ASSERT_STRING_EQUAL (fresh, "");
        CU_ASSERT_STRING_EQUAL (sb_catalogue_find (sb_registry_catalogue (r), "good")->role, "changed");
        sb_registry_free (r);
    }
    bench_file (b, "p/good.manifest", "{ broken", 0644);
    CU_ASSERT_TRUE (says (b, "good", ""));
    sb_faults_free (&faults);
    bench_free (b);
}

static void
contracts (void)
{
    struct bench *b = bench_new (NULL, "[pool x]\n");
    struct sb_arena arena = { 0 };
    struct sb_registry *r;
    size_t n = 0;

    compile (b, "'-DROLE=\"share\"'");
    CU_ASSERT_TRUE (says (b, "good", "share.observe has another effect than in the contract"));
    CU_ASSERT_TRUE (says (b, "good", "lacks the result 'answers'"));
    {
        SB_AUTOFREE char *text = describe (b, "good", &r);
        struct sb_catalogue_plugin p = { .name = "x",
                                         .role = "share",
                                         .actions = (const struct sb_action[]){ { .verb = NULL } } };

        CU_ASSERT_STRING_EQUAL (sb_contract_missing (&p, &arena, &n)[0], "observe");
        CU_ASSERT (n >= 4);
        CU_ASSERT_STRING_NOT_EQUAL (text, "");
    }
    sb_registry_free (r);
    sb_arena_release (&arena);
    bench_free (b);
}

static void
packaged (void)
{
    struct bench *b = bench_new (NULL, "[pool x]\n");
    struct sb_arena arena = { 0 };
    const struct sb_catalogue *c;
    struct sb_faults faults = { 0 };
    SB_AUTOFREE char *text = NULL;
    size_t i, n;

    sb_registry_describe_all (b->registry, &faults);
    text = sb_faults_text (&faults);
    CU_ASSERT_STRING_EQUAL (text, "");
    if (*text != '\0')
        printf ("# %s\n", text);
    c = sb_registry_catalogue (b->registry);
    CU_ASSERT (c->count >= 5);
    for (i = 0; i < c->count; i++) {
        const char **verbs = sb_contract_missing (&c->plugins[i], &arena, &n);

        CU_ASSERT_EQUAL (n, 0);
        if (n > 0)
            printf ("# %s lacks %s\n", c->plugins[i].name, verbs[0]);
    }
    sb_faults_free (&faults);
    sb_arena_release (&arena);
    bench_free (b);
}

/* A plugin of tomorrow: its structs have grown. */
static void
newer (void)
{
    struct long_option {
        struct sb_option o;
        const char *tomorrow;
    };
    static const struct long_option options[] = { { { .name = "a", .type = SB_BOOL, .help = "first" }, "x" },
                                                  { { .name = "b", .type = SB_INT, .help = "second" }, "y" },
                                                  { { .name = NULL }, NULL } };
    static const struct sb_action actions[] = {
        { .verb = "look", .help = "look", .run = (enum sb_rc (*) (struct sb_call *, void *)) (void (*) (void)) abort },
        { .verb = NULL }
    };
    const struct sb_plugin p = { .abi = SB_ABI,
                                 .size = sizeof p,
                                 .option_size = sizeof (struct long_option),
                                 .action_size = sizeof (struct sb_action),
                                 .name = "good",
                                 .role = "r",
                                 .version = "1",
                                 .summary = "s",
                                 .settings = &options[0].o,
                                 .actions = actions };
    struct sb_plugin endless = p;
    struct sb_loaded l = { 0 };
    struct sb_faults faults = { 0 };

    CU_ASSERT_TRUE (sb_load_check (&l, &p, "/x/good.so", &faults));
    CU_ASSERT_STRING_EQUAL (l.plugin.settings[1].name, "b");
    CU_ASSERT_PTR_NULL (l.plugin.settings[2].name);
    sb_load_close (&l);
    endless.option_size = 4;
    CU_ASSERT_FALSE (sb_load_check (&l, &endless, "/x/good.so", &faults));
    sb_load_close (&l);
    sb_faults_free (&faults);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "a plugin is described by its tables, without its code", good },
        { "a plugin that is not there is told with the folders that were searched", missing },
        { "a text file, an undefined symbol and a library without entry are told for what they are", unloadable },
        { "a plugin of another ABI is refused", other_abi },
        { "every fault of the tables is told", tables },
        { "a plugin that others can write, or whose folder they can, is refused", untrusted },
        { "a manifest spares loading, and a stale or broken one is not believed", manifests },
        { "a plugin that contradicts the contract of its role is refused", contracts },
        { "the packaged plugins keep their contracts in full", packaged },
        { "structs of a newer plugin are read by their own size", newer },
        { NULL, NULL }
    };

    bench_enter (argc, argv);
    return sb_tap_run ("registry", tests);
}
