/* What the plugin pool reads in answers of front ends: envelopes and faults in the forms that hosts from 2008 R2 to 2016 give
 * them (fuzz/corpus/pool_soap), and PowerShell's CLIXML (fuzz/corpus/pool_clixml). */
#include "plugins/pool/soap.h"
#include "tests/lib/tap.h"

#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/sys/file.h"

#include <CUnit/CUnit.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

static struct sb_buf
corpus (const char *folder, const char *name)
{
    const char *source = getenv ("SB_SRCDIR");
    SB_AUTOFREE char *path = sb_xprintf ("%s/fuzz/corpus/%s/%s", source != NULL ? source : "..", folder, name);
    struct sb_buf text = { 0 };
    struct sb_faults faults = { 0 };

    CU_ASSERT_TRUE (sb_file_read (path, 1 << 20, &text, &faults));
    sb_faults_free (&faults);
    return text;
}

static const char *
or_none (const char *text)
{
    return text != NULL ? text : "(none)";
}

static void
answers (void)
{
    static const struct {
        const char *file;
        bool fault, done;
        unsigned long code;
        int exit_code;
        const char *shell, *command, *out, *err, *reason; /* reason: part of it */
    } cases[] = {
#define GUID "6F9619FF-8B86-D011-B42D-00C04FC964FF"
        { "created", false, false, 0, -1, GUID, NULL, "", "", NULL },
        { "created-2008", false, false, 0, -1, "uuid:" GUID, NULL, "", "", NULL },
        { "commanded", false, false, 0, -1, NULL, "11111111-8B86-D011-B42D-00C04FC964FF", "", "", NULL },
        { "other-prefixes", false, false, 0, -1, NULL, "D", "", "", NULL },
        { "running", false, false, 0, -1, NULL, NULL, "Hallo", "oh!", NULL },
        { "stateless", false, false, 0, -1, NULL, NULL, "x", "", NULL },
        { "done", false, true, 0, 123, NULL, NULL, "", "", NULL },
        { "killed", false, true, 0, -1073741510, NULL, NULL, "", "", NULL },
        { "timed-out", true, false, 2150858793ul, -1, NULL, NULL, "", "", "timed out." },
        { "no-shell", true, false, 2150858843ul, -1, NULL, NULL, "", "", "the shell was not found" },
        { "quota", true, false, 2150859173ul, -1, NULL, NULL, "", "", "concurrent shells" },
        { "denied", true, false, 5, -1, NULL, NULL, "", "", "Access is denied." },
        { "nested", true, false, 2147942402ul, -1, NULL, NULL, "", "", "cannot find the file" },
        { "aborted", true, false, 995, -1, NULL, NULL, "", "", "aborted" },
        { "bare", true, false, 0, -1, NULL, NULL, "", "", "not supported" },
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        SB_CLEANUP (sb_buf_free) struct sb_buf text = corpus ("pool_soap", cases[i].file);
        struct soap_answer a;
        const char *why;

        CU_ASSERT_TRUE (soap_read (sb_buf_cstr (&text), text.len, &a, &why));
        CU_ASSERT_EQUAL (a.fault, cases[i].fault);
        CU_ASSERT_EQUAL (a.done, cases[i].done);
        CU_ASSERT_EQUAL (a.code, cases[i].code);
        CU_ASSERT_EQUAL (a.exit_code, cases[i].exit_code);
        CU_ASSERT_STRING_EQUAL (or_none (a.shell), or_none (cases[i].shell));
        CU_ASSERT_STRING_EQUAL (or_none (a.command), or_none (cases[i].command));
        CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&a.out), cases[i].out);
        CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&a.err), cases[i].err);
        CU_ASSERT_TRUE (cases[i].reason == NULL ? a.reason == NULL
                                                : strstr (or_none (a.reason), cases[i].reason) != NULL);
        soap_answer_free (&a);
    }
}

static void
no_answers (void)
{
    static const char *const texts[] = {
        "",
        "no XML",
        "<html/>",
        "<Envelope/>",
        "<!DOCTYPE e><s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'/>",
        "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'>",
    };
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct soap_answer a;
        const char *why = NULL;

        CU_ASSERT_FALSE (soap_read (texts[i], strlen (texts[i]), &a, &why));
        CU_ASSERT_PTR_NOT_NULL (why);
        soap_answer_free (&a);
    }
}

static void
clixml (void)
{
    static const struct {
        const char *file, *text;
    } cases[] = {
        { "error", "Get-Thing : Gr\xc3\xbc\xc3\x9f"
                   "e \xf0\x9f\x98\x80 At line:1 char:1 " },
        { "plain", "cmd.exe says: not found\r\n" },
        { "lone", "abc_xZZZZ_d_x0041" }, /* halves of a pair go away; what is no escape stays */
        { "cut", "" },
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        SB_CLEANUP (sb_buf_free) struct sb_buf text = corpus ("pool_clixml", cases[i].file), out = { 0 };

        soap_clixml_text (sb_buf_cstr (&text), text.len, &out);
        CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&out), cases[i].text);
        if (strcmp (sb_buf_cstr (&out), cases[i].text) != 0)
            printf ("# %s: '%s'\n", cases[i].file, sb_buf_cstr (&out));
    }
}

/* What is sent is read by namespace and name on the other side; a quote must not end an attribute. */
static void
requests (void)
{
    const struct soap_request r = { .step = SOAP_SEND,
                                    .url = "https://fe/?a&b",
                                    .shell = "S\"<&",
                                    .command = "C\"/>",
                                    .data = "\xff\x00x",
                                    .len = 3,
                                    .last = true };
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    xmlDoc *doc;

    soap_write (&r, &text);
    doc = xmlReadMemory (sb_buf_cstr (&text), (int) text.len, "x", NULL, XML_PARSE_NONET);
    CU_ASSERT_PTR_NOT_NULL (doc);
    xmlFreeDoc (doc);
    CU_ASSERT_PTR_NOT_NULL (strstr (text.s, "S&quot;&lt;&amp;"));
    CU_ASSERT_PTR_NOT_NULL (strstr (text.s, "CommandId=\"C&quot;/&gt;\" End=\"true\">/wB4<"));
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "answers and faults of Windows hosts are read, whatever their prefixes", answers },
        { "what is no answer says nothing", no_answers },
        { "errors in CLIXML become one line of text", clixml },
        { "a request is well-formed whatever stands in it", requests },
        { NULL, NULL }
    };

    return sb_tap_run ("soap", tests);
}
