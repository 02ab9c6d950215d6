/* A message as the JSON that each service takes.  The subject comes first
 * everywhere, so a drill is seen to be one wherever only a beginning is shown.
 * Nothing in a message is markup: it is escaped, or stands where the service
 * parses none; nobody is mentioned. */
#include "plugins/notify/notify.h"

#include <string.h>

struct build {
    struct text *t;
    const struct service *s;
    const struct message *m;
    int *cut;
};

static const char *const colors[LEVELS] = { "#0072c6", "#2e8540", "#c07800", "#c4262e" };
static const char *const numbers[LEVELS] = { "29382", "3048768", "12613632", "12854830" };
static const char *const card_colors[LEVELS] = { "Accent", "Good", "Warning", "Attention" };

/* Raw JSON. */
static void
raw (struct build *b, const char *s)
{
    text_str (b->t, s);
}

static void
string (struct build *b, const char *s)
{
    text_json (b->t, s);
}

/* A text of the message: escaped for the service and cut. */
static void
said (struct build *b, const char *s, size_t limit)
{
    string (b, escaped (b->t->call, b->s->escape, s, limit, b->cut));
}

static void
plain (struct build *b, const char *s, size_t limit)
{
    string (b, escaped (b->t->call, NULL, s, limit, b->cut));
}

static const char *
text_of (const struct message *m)
{
    return *m->text != '\0' ? m->text : m->body;
}

static size_t
facts_of (struct build *b)
{
    size_t most = b->s->facts, n = b->m->nfacts;

    if (most > 0 && n > most) {
        *b->cut = 1;
        return most;
    }
    return n;
}

/* ---- generic ---- */

void
build_json (struct text *t, const struct service *s, const struct message *m, int *ret_cut)
{
    struct build b = { t, s, m, ret_cut };
    const char *text = *m->body != '\0' ? sb_format (t->call, "%s\n%s", m->subject, m->body) : m->subject;
    const struct {
        const char *key, *value;
    } fields[] = { { "source", "switchback" }, { "id", m->id },           { "event", m->event }, { "what", m->what },
                   { "level", m->level_word }, { "subject", m->subject }, { "body", m->body },   { "run", m->run },
                   { "hint", m->hint },        { "text", text } };
    size_t i;

    raw (&b, "{");
    for (i = 0; i < sizeof fields / sizeof *fields; i++) {
        string (&b, fields[i].key);
        raw (&b, ":");
        string (&b, fields[i].value);
        raw (&b, ",");
    }
    raw (&b, "\"facts\":[");
    for (i = 0; i < m->nfacts; i++) {
        raw (&b, i > 0 ? ",{\"name\":" : "{\"name\":");
        string (&b, m->facts[i].name);
        raw (&b, ",\"value\":");
        string (&b, m->facts[i].value);
        raw (&b, "}");
    }
    raw (&b, m->drill ? "],\"drill\":true}" : "],\"drill\":false}");
}

/* ---- Teams: an Adaptive Card of text runs, in which no Markdown is parsed ---- */

static void
card_line (struct build *b, const char *s, size_t n, const char *look)
{
    raw (b, ",{\"type\":\"RichTextBlock\",\"spacing\":\"None\",\"inlines\":[{\"type\":\"TextRun\",\"text\":");
    string (b, n > 0 ? sb_format (b->t->call, "%.*s", (int) n, s) : " ");
    raw (b, look);
    raw (b, "}]}");
}

static void
card_text (struct build *b, const char *s, size_t limit, const char *look)
{
    const char *text = escaped (b->t->call, NULL, s, limit, b->cut);
    size_t n;

    for (; *text != '\0'; text += n + (text[n] == '\n')) {
        n = strcspn (text, "\n");
        card_line (b, text, n, look);
    }
}

void
build_teams (struct text *t, const struct service *s, const struct message *m, int *ret_cut)
{
    struct build b = { t, s, m, ret_cut };
    size_t i, n = facts_of (&b);

    raw (&b, "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/vnd.microsoft.card.adaptive\","
             "\"contentUrl\":null,\"content\":{\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\","
             "\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"msteams\":{\"width\":\"Full\"},\"fallbackText\":");
    plain (&b, m->subject, s->subject);
    raw (&b, ",\"body\":[{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"weight\":\"Bolder\","
             "\"size\":\"Medium\",\"color\":\"");
    raw (&b, card_colors[m->level]);
    raw (&b, "\",\"text\":");
    plain (&b, m->subject, s->subject);
    raw (&b, "}]}");
    card_text (&b, text_of (m), s->text, "");
    for (i = 0; i < n; i++) {
        raw (&b, ",{\"type\":\"RichTextBlock\",\"spacing\":\"Small\",\"inlines\":[{\"type\":\"TextRun\","
                 "\"weight\":\"Bolder\",\"text\":");
        plain (&b, sb_format (t->call, "%s: ", m->facts[i].name), s->fact);
        raw (&b, "},{\"type\":\"TextRun\",\"text\":");
        plain (&b, one_line (t->call, m->facts[i].value), s->fact);
        raw (&b, "}]}");
    }
    if (*m->hint != '\0')
        card_text (&b, m->hint, s->hint, ",\"fontType\":\"Monospace\",\"isSubtle\":true");
    raw (&b, "]}}]}");
}

/* ---- Slack: blocks of plain text ---- */

static void
plain_text (struct build *b, const char *s, size_t limit)
{
    raw (b, "{\"type\":\"plain_text\",\"emoji\":false,\"text\":");
    said (b, s, limit);
    raw (b, "}");
}

void
build_slack (struct text *t, const struct service *s, const struct message *m, int *ret_cut)
{
    struct build b = { t, s, m, ret_cut };
    size_t i, n = facts_of (&b);

    raw (&b, "{\"text\":");
    said (&b, m->subject, s->text);
    raw (&b, ",\"mrkdwn\":false,\"unfurl_links\":false,\"blocks\":[{\"type\":\"header\",\"text\":");
    plain_text (&b, m->subject, s->subject);
    raw (&b, "}");
    if (*text_of (m) != '\0') {
        raw (&b, ",{\"type\":\"section\",\"text\":");
        plain_text (&b, text_of (m), s->text);
        raw (&b, "}");
    }
    for (i = 0; i < n; i++) {
        raw (&b, i == 0 ? ",{\"type\":\"section\",\"fields\":[" : ",");
        plain_text (&b, sb_format (t->call, "%s: %s", m->facts[i].name, m->facts[i].value), s->fact);
    }
    raw (&b, n > 0 ? "]}" : "");
    if (*m->hint != '\0') {
        raw (&b, ",{\"type\":\"context\",\"elements\":[");
        plain_text (&b, m->hint, s->hint);
        raw (&b, "]}");
    }
    raw (&b, "]}");
}

/* ---- Mattermost and Rocket.Chat: a text with an attachment ---- */

void
build_attachment (struct text *t, const struct service *s, const struct message *m, int *ret_cut)
{
    struct build b = { t, s, m, ret_cut };
    const char *text = text_of (m);
    size_t i, n = facts_of (&b);

    if (*m->hint != '\0')
        text = sb_format (t->call, "%s%s%s", text, *text != '\0' ? "\n" : "", m->hint);
    raw (&b, "{\"text\":");
    said (&b, m->subject, s->subject);
    raw (&b, ",\"attachments\":[{\"fallback\":");
    said (&b, m->subject, s->subject);
    raw (&b, ",\"color\":");
    string (&b, colors[m->level]);
    raw (&b, ",\"text\":");
    said (&b, text, s->text);
    raw (&b, ",\"fields\":[");
    for (i = 0; i < n; i++) {
        raw (&b, i > 0 ? ",{\"short\":true,\"title\":" : "{\"short\":true,\"title\":");
        said (&b, m->facts[i].name, s->fact);
        raw (&b, ",\"value\":");
        said (&b, m->facts[i].value, s->fact);
        raw (&b, "}");
    }
    raw (&b, "]}]}");
}

/* ---- Google Chat: a card; its texts take a little HTML ---- */

void
build_googlechat (struct text *t, const struct service *s, const struct message *m, int *ret_cut)
{
    static const struct escape parted = { .how = ESCAPE_PART, .chars = "*_~`<" };
    struct build b = { t, s, m, ret_cut };
    const char *text = text_of (m);
    size_t i, n = facts_of (&b);

    raw (&b, "{\"text\":");
    string (&b, escaped (t->call, &parted, m->subject, s->subject, ret_cut));
    raw (&b, ",\"cardsV2\":[{\"cardId\":\"switchback\",\"card\":{\"header\":{\"title\":");
    plain (&b, m->subject, s->subject);
    raw (&b, "},\"sections\":[{\"widgets\":[{\"textParagraph\":{\"text\":");
    said (&b, *text != '\0' ? text : " ", s->text);
    raw (&b, "}}");
    for (i = 0; i < n; i++) {
        raw (&b, ",{\"decoratedText\":{\"topLabel\":");
        said (&b, m->facts[i].name, s->fact);
        raw (&b, ",\"wrapText\":true,\"text\":");
        said (&b, m->facts[i].value, s->fact);
        raw (&b, "}}");
    }
    if (*m->hint != '\0') {
        raw (&b, ",{\"textParagraph\":{\"text\":");
        said (&b, m->hint, s->hint);
        raw (&b, "}}");
    }
    raw (&b, "]}]}}]}");
}

/* ---- Discord ---- */

void
build_discord (struct text *t, const struct service *s, const struct message *m, int *ret_cut)
{
    struct build b = { t, s, m, ret_cut };
    size_t i, n = facts_of (&b);

    raw (&b, "{\"content\":");
    said (&b, m->subject, s->subject);
    raw (&b, ",\"allowed_mentions\":{\"parse\":[]},\"embeds\":[{\"color\":");
    raw (&b, numbers[m->level]);
    raw (&b, ",\"description\":");
    said (&b, *text_of (m) != '\0' ? text_of (m) : m->subject, s->text);
    raw (&b, ",\"fields\":[");
    for (i = 0; i < n; i++) {
        raw (&b, i > 0 ? ",{\"inline\":true,\"name\":" : "{\"inline\":true,\"name\":");
        said (&b, m->facts[i].name, s->fact / 2);
        raw (&b, ",\"value\":");
        said (&b, m->facts[i].value, s->fact);
        raw (&b, "}");
    }
    raw (&b, "]");
    if (*m->hint != '\0') {
        raw (&b, ",\"footer\":{\"text\":");
        plain (&b, m->hint, s->hint);
        raw (&b, "}");
    }
    raw (&b, "}]}");
}

/* ---- Matrix: plain text and the same as HTML ---- */

static void
html_add (struct build *b, struct text *t, const char *before, const char *s, size_t limit, const char *after)
{
    text_str (t, before);
    text_str (t, escaped (t->call, b->s->escape, s, limit, b->cut));
    text_str (t, after);
}

void
build_matrix (struct text *t, const struct service *s, const struct message *m, int *ret_cut)
{
    struct build b = { t, s, m, ret_cut };
    struct text html = { .call = t->call };
    size_t i, n = facts_of (&b);

    html_add (&b, &html, "<strong>", m->subject, s->subject, "</strong>");
    if (*text_of (m) != '\0')
        html_add (&b, &html, "<br>", text_of (m), s->text, "");
    for (i = 0; i < n; i++) {
        html_add (&b, &html, i == 0 ? "<ul><li><b>" : "<li><b>", m->facts[i].name, s->fact, ":</b> ");
        html_add (&b, &html, "", m->facts[i].value, s->fact, i + 1 < n ? "</li>" : "</li></ul>");
    }
    if (*m->hint != '\0')
        html_add (&b, &html, "<code>", m->hint, s->hint, "</code>");
    raw (&b, "{\"msgtype\":\"m.text\",\"body\":");
    plain (&b, sb_format (t->call, "%s\n%s", m->subject, m->body), s->text);
    raw (&b, ",\"format\":\"org.matrix.custom.html\",\"formatted_body\":");
    string (&b, html.s);
    raw (&b, ",\"m.mentions\":{}}");
}

/* ---- within the limit of all ---- */

const char *
payload (struct sb_call *call, const struct service *s, const struct message *m, int *ret_cut)
{
    struct message less = *m;
    struct service tight = *s;
    struct text t;

    for (;;) {
        t = (struct text){ .call = call };
        s->build (&t, &tight, &less, ret_cut);
        if (s->payload == 0 || t.len <= s->payload || (tight.text < 100 && less.nfacts == 0))
            return t.s;
        *ret_cut = 1;
        if (tight.text >= 100)
            tight.text /= 2;
        else
            less.nfacts /= 2;
        if (tight.fact >= 100)
            tight.fact /= 2;
    }
}
