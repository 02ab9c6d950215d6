/* The plugin notify against a webhook over HTTPS and a mail server with
 * STARTTLS (notify_fake.py). */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t fake;

static void
run_tool (struct bench *b, const char *command)
{
    SB_AUTOFREE char *line = sb_xprintf ("cd '%s' && { %s; } >tool.log 2>&1", b->dir, command);

    if (system (line) != 0) {
        printf ("Bail out! %s\n", command);
        exit (99);
    }
}

static char *
text_in (struct bench *b, const char *name)
{
    SB_AUTOFREE char *path = bench_path (b, name);
    struct sb_buf text = { 0 };
    struct sb_faults ignored = { 0 };

    sb_file_read (path, 1 << 20, &text, &ignored);
    sb_faults_free (&ignored);
    return sb_buf_take (&text);
}

static bool
has_ports (void *ctx)
{
    SB_AUTOFREE char *path = bench_path (ctx, "ports");

    return sb_file_exists (path);
}

static struct bench *
a_bench (bool drill)
{
    const char *source = getenv ("SB_SRCDIR");
    struct bench *b = bench_new (NULL, "[pool x]\n");
    SB_AUTOFREE char *script = sb_xprintf ("%s/tests/plugins/notify_fake.py", source != NULL ? source : "..");
    SB_AUTOFREE char *ports = NULL, *topology = NULL, *url = NULL;
    int https = 0, smtp = 0;

    run_tool (
            b,
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout door.key -out door.pem "
            "-days 2 -subj /CN=door -addext subjectAltName=IP:127.0.0.1");
    fake = fork ();
    if (fake == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        execlp ("python3", "python3", script, b->dir, NULL);
        _exit (127);
    }
    if (!bench_eventually (has_ports, b)) {
        puts ("Bail out! the sinks did not start");
        exit (99);
    }
    ports = text_in (b, "ports");
    sscanf (ports, "%d %d", &https, &smtp);
    topology = sb_xprintf (
            "[channel hook]\nurl = file:hook.url\nca = file:door.pem\n"
            "[channel plain]\nurl = file:plain.url\n"
            "[channel untrusted]\nurl = file:hook.url\n"
            "[channel post]\nsmtp = 127.0.0.1:%d\nfrom = switchback@lab.example\n"
            "to = ops@lab.example, duty@lab.example\nca = file:door.pem\ncredential = mailer\n"
            "[channel open]\nsmtp = 127.0.0.1:%d\nsmtp tls = off\nfrom = a@b.example\nto = c@d.example\n"
            "[channel evil]\nsmtp = 127.0.0.1:%d\nfrom = a@b.example\nto = c@d.example>x\n"
            "[channel teams]\nservice = teams\n[channel slack]\nservice = slack\n"
            "[channel mattermost]\nservice = mattermost\n[channel rocketchat]\nservice = rocketchat\n"
            "[channel googlechat]\nservice = googlechat\n[channel discord]\nservice = discord\n"
            "[channel matrix]\nservice = matrix\n[channel syslog]\nservice = syslog\n"
            "[channel clear]\nsmtp = 127.0.0.1:1\nsmtp tls = off\nfrom = a@b.example\nto = c@d.example\n"
            "credential = mailer\n[channel none]\n[credential mailer]\nuser = mail\nsecret = file:mail.secret\n",
            smtp, smtp, smtp);
    url = sb_xprintf ("https://127.0.0.1:%d/hook/T0PSECRET\n", https);
    bench_file (b, "topology.ini", topology, 0600);
    bench_file (b, "hook.url", url, 0600);
    bench_file (b, "plain.url", "http://127.0.0.1/hook\n", 0600);
    bench_file (b, "mail.secret", "letter-box\n", 0600);
    bench_file (b, "mode", "200", 0600);
    bench_restart (b, &(struct sb_lanes_cfg){ .drill = drill, .grace_ms = 500 });
    return b;
}

static void
end_bench (struct bench *b)
{
    bench_free (b);
    kill (fake, SIGKILL);
    waitpid (fake, NULL, 0);
}

#define SEND(b, channel, ...) \
    bench_run (b, "channel", channel, "send", NULL, "id", "r1/7", "event", "gate", __VA_ARGS__, NULL)

static bool
kept (struct bench *b, const char *name, const char *part)
{
    SB_AUTOFREE char *text = text_in (b, name);

    return strstr (text, part) != NULL;
}

static void
posts (void)
{
    struct bench *b = a_bench (false);
    const struct outcome *o = SEND (b, "hook", "subject", "Gate \"loss\"\nwaits", "body", "line 1\nMünchen \\ \t");

    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "receipt"), "HTTP 200 thank you very much"));
    CU_ASSERT_TRUE (kept (b, "posts", "/hook/T0PSECRET\nIdempotency-Key: r1/7\n"));
    CU_ASSERT_TRUE (kept (b, "posts", "\"id\":\"r1/7\",\"event\":\"gate\""));
    CU_ASSERT_TRUE (kept (b, "posts", "\"subject\":\"Gate \\\"loss\\\" waits\""));
    CU_ASSERT_TRUE (kept (b, "posts", "\"body\":\"line 1\\u000aMünchen \\\\ \\u0009\""));
    CU_ASSERT_TRUE (kept (b, "posts", "\"drill\":false"));
    CU_ASSERT_EQUAL (bench_verify (b, "channel", "hook", "send", NULL, "id", "r1/7", "event", "gate", "subject", "x",
                                   NULL)
                             ->seen,
                     SB_SEEN_YES);
    CU_ASSERT_EQUAL (bench_verify (b, "channel", "hook", "send", NULL, "id", "r1/8", "event", "gate", "subject", "x",
                                   NULL)
                             ->seen,
                     SB_SEEN_NO);
    end_bench (b);
}

static void
classes (void)
{
    static const struct {
        const char *mode;
        enum sb_rc rc;
        const char *part;
    } cases[] = { { "204", SB_OK, "" },          { "429", SB_RETRY, "in 7 s" }, { "500", SB_RETRY, "HTTP 500" },
                  { "503", SB_RETRY, "503" },    { "302", SB_FAIL, "302" },     { "404", SB_FAIL, "404" },
                  { "410", SB_FAIL, "HTTP 410" } };
    struct bench *b = a_bench (false);
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct outcome *o;

        bench_file (b, "mode", cases[i].mode, 0600);
        o = SEND (b, "hook", "subject", "s");
        CU_ASSERT_EQUAL (o->rc, cases[i].rc);
        CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, cases[i].part));
        CU_ASSERT_PTR_NULL (strstr (o->sentence, "T0PSECRET"));
    }
    end_bench (b);
}

static void
refuses (void)
{
    struct bench *b = a_bench (false);
    const struct outcome *o = SEND (b, "plain", "subject", "s");

    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "https://"));
    CU_ASSERT_EQUAL (SEND (b, "untrusted", "subject", "s")->rc, SB_FAIL);
    CU_ASSERT_EQUAL (SEND (b, "none", "subject", "s")->rc, SB_FAIL);
    o = SEND (b, "evil", "subject", "s");
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "not an address"));
    kill (fake, SIGKILL);
    waitpid (fake, NULL, 0);
    CU_ASSERT_EQUAL (SEND (b, "hook", "subject", "s")->rc, SB_RETRY);
    CU_ASSERT_EQUAL (SEND (b, "post", "subject", "s")->rc, SB_RETRY);
    bench_free (b);
}

static void
mails (void)
{
    struct bench *b = a_bench (true);
    const struct outcome *o;
    SB_AUTOFREE char *text = NULL;

    bench_file (b, "mode", "mail", 0600);
    o = SEND (b, "post", "subject", "Über den Verlust von mgc\r\nBcc: everybody@lab.example\r\n\r\nhello", "body",
              "Grüße\n.\nEnde");
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "receipt"), "queued as 17"));
    text = text_in (b, "mails");
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "secure True"));
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "RCPT TO:<ops@lab.example>"));
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "RCPT TO:<duty@lab.example>"));
    CU_ASSERT_PTR_NULL (strstr (text, "\nBcc:"));
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "To: ops@lab.example,\r\n duty@lab.example\r\n"));
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "Message-ID: <r1_7."));
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "@lab.example>\r\n"));
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "Date: "));
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "Subject: =?UTF-8?B?RFJJTEwgw5xiZXIg")); /* "DRILL Über " */
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "Content-Type: multipart/alternative; boundary="));
    CU_ASSERT_PTR_NOT_NULL (strstr (text, "X-Switchback-Drill: yes\r\n"));
    end_bench (b);
}

static void
mail_classes (void)
{
    static const struct {
        const char *mode, *channel;
        enum sb_rc rc;
        const char *part;
    } cases[] = { { "mail no-starttls", "post", SB_FAIL, "STARTTLS" },
                  { "mail refuse", "post", SB_FAIL, "550" },
                  { "mail later", "post", SB_RETRY, "451" },
                  { "mail no-starttls", "open", SB_OK, "" } };
    struct bench *b = a_bench (false);
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct outcome *o;

        bench_file (b, "mode", cases[i].mode, 0600);
        o = SEND (b, cases[i].channel, "subject", "plain words");
        CU_ASSERT_EQUAL (o->rc, cases[i].rc);
        CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, cases[i].part));
        CU_ASSERT_PTR_NULL (strstr (o->sentence, "letter-box"));
    }
    CU_ASSERT_TRUE (kept (b, "mails", "Subject: plain words\r\n"));
    end_bench (b);
}

/* Of 100,000 characters as much as fits is within the limit of every service. */
static void
long_messages (void)
{
    static const struct {
        const char *channel;
        size_t most;
    } cases[] = { { "teams", 28000 },      { "slack", 40000 },   { "mattermost", 60000 }, { "rocketchat", 30000 },
                  { "googlechat", 32000 }, { "discord", 12000 }, { "matrix", 60000 },     { "syslog", 2048 } };
    struct bench *b = a_bench (false);
    struct sb_buf text = { 0 };
    size_t i;

    for (i = 0; i < 100000; i++)
        sb_buf_str (&text, i % 50 == 49 ? "\n" : i % 7 == 0 ? "\"" : "Ü");
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct outcome *o = bench_run (b, "channel", cases[i].channel, "preview", NULL, "id", "r1/7", "event",
                                             "gate", "subject", "s", "text", sb_buf_cstr (&text), NULL);

        CU_ASSERT_EQUAL (o->rc, SB_OK);
        CU_ASSERT_STRING_EQUAL (outcome_result (o, "cut"), "yes");
        CU_ASSERT_TRUE (strlen (outcome_result (o, "payload")) <= cases[i].most);
        CU_ASSERT_TRUE (sb_is_utf8 (outcome_result (o, "payload"), strlen (outcome_result (o, "payload"))));
    }
    sb_buf_free (&text);
    end_bench (b);
}

/* What a message tells of is its own, not that of the process which delivers it. */
static void
whose_drill (void)
{
    struct bench *b = a_bench (false);

    CU_ASSERT_EQUAL (SEND (b, "hook", "subject", "said by a drill", "drill", "yes")->rc, SB_OK);
    CU_ASSERT_TRUE (kept (b, "posts", "\"subject\":\"DRILL said by a drill\""));
    CU_ASSERT_TRUE (kept (b, "posts", "\"drill\":true"));
    CU_ASSERT_EQUAL (SEND (b, "hook", "subject", "  drill, it says")->rc, SB_OK);
    CU_ASSERT_TRUE (kept (b, "posts", "\"subject\":\"(no drill)   drill, it says\""));
    CU_ASSERT_EQUAL (SEND (b, "clear", "subject", "s")->rc, SB_FAIL);
    end_bench (b);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "a webhook gets JSON and an idempotency key, and its answer is the receipt", posts },
        { "status codes become classes, and the address stays secret", classes },
        { "no plain HTTP, no unknown certificate, no bad address; a dead server is for later", refuses },
        { "a mail is whole: encoded subject that says DRILL, no header smuggled in", mails },
        { "no mail without TLS unless the channel says so; 4xx later, 5xx never", mail_classes },
        { "no message is longer than its service takes, in bytes, and what is cut stays UTF-8", long_messages },
        { "a drill is told by the message, whoever delivers it; no password without TLS", whose_drill },
        { NULL, NULL }
    };

    signal (SIGPIPE, SIG_IGN);
    bench_enter (argc, argv);
    return sb_tap_run ("notify", tests);
}
