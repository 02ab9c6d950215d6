/* Reading WS-Man requests; see wsman.h.  The parser gets no network, no
 * entities, no huge texts; what is missing stays NULL or at its default. */
#include "config.h"

#include "lab/winrm/wsman.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <ctype.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#define NS_SOAP       "http://www.w3.org/2003/05/soap-envelope"
#define NS_ADDRESSING "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define NS_WSMAN      "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
#define NS_SHELL      "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
#define NS_IDENTITY   "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
#define TRANSFER      "http://schemas.xmlsoap.org/ws/2004/09/transfer/"
#define CMD_SHELL     NS_SHELL "/cmd"

static const struct {
    const char *uri;
    enum wsman_action action;
} actions[] = {
    { TRANSFER "Create", WSMAN_CREATE },    { NS_SHELL "/Command", WSMAN_COMMAND }, { NS_SHELL "/Send", WSMAN_SEND },
    { NS_SHELL "/Receive", WSMAN_RECEIVE }, { NS_SHELL "/Signal", WSMAN_SIGNAL },   { TRANSFER "Delete", WSMAN_DELETE },
};

static bool
is (const xmlNode *n, const char *ns, const char *name)
{
    return n->type == XML_ELEMENT_NODE && n->ns && !strcmp ((const char *) n->ns->href, ns)
           && !strcmp ((const char *) n->name, name);
}

static const xmlNode *
child (const xmlNode *n, const char *ns, const char *name)
{
    for (n = n ? n->children : NULL; n; n = n->next)
        if (is (n, ns, name))
            return n;
    return NULL;
}

/* The text without blanks around it; the caller frees; NULL for NULL. */
static char *
text (const xmlNode *n)
{
    xmlChar *raw = n ? xmlNodeGetContent (n) : NULL;
    char *ret = raw ? sb_xstrdup (sb_trim ((char *) raw)) : NULL;

    xmlFree (raw);
    return ret;
}

static char *
attribute (const xmlNode *n, const char *name)
{
    xmlChar *raw = n ? xmlGetNoNsProp ((xmlNode *) n, (const xmlChar *) name) : NULL;
    char *ret = raw ? sb_xstrdup ((const char *) raw) : NULL;

    xmlFree (raw);
    return ret;
}

/* The text of the child of `set` whose Name attribute is `wanted`. */
static char *
named (const xmlNode *set, const char *element, const char *wanted)
{
    for (const xmlNode *n = set ? set->children : NULL; n; n = n->next) {
        SB_AUTOFREE char *name = is (n, NS_WSMAN, element) ? attribute (n, "Name") : NULL;

        if (name && !strcasecmp (name, wanted))
            return text (n);
    }
    return NULL;
}

bool
wsman_duration (const char *s, int64_t *ret_ms)
{
    bool time = false, any = false;
    double ms = 0;

    if (*s++ != 'P')
        return false;
    for (; *s; s++) {
        char *end;
        double unit, number;

        if (*s == 'T' && !time) {
            time = true;
            continue;
        }
        if (!isdigit ((unsigned char) *s))
            return false;
        number = strtod (s, &end);
        switch (*end) {
        case 'D':
            unit = 86400e3;
            break;
        case 'H':
            unit = 3600e3;
            break;
        case 'M':
            unit = time ? 60e3 : 30 * 86400e3;
            break;
        case 'S':
            unit = 1e3;
            break;
        default:
            return false;
        }
        ms += number * unit;
        any = true;
        s = end;
    }
    if (!any || !(ms >= 0 && ms < 1e15))
        return false;
    *ret_ms = (int64_t) ms;
    return true;
}

static bool
yes (const char *s)
{
    return s && (!strcasecmp (s, "true") || !strcmp (s, "1"));
}

static enum wsman_action
action_of (const char *uri)
{
    for (size_t i = 0; uri && i < sizeof actions / sizeof *actions; i++)
        if (!strcmp (actions[i].uri, uri))
            return actions[i].action;
    return WSMAN_NO_ACTION;
}

static enum wsman_fault
read_header (const xmlNode *header, struct wsman_request *r)
{
    SB_AUTOFREE char *action = text (child (header, NS_ADDRESSING, "Action"));
    SB_AUTOFREE char *timeout = text (child (header, NS_WSMAN, "OperationTimeout"));
    SB_AUTOFREE char *size = text (child (header, NS_WSMAN, "MaxEnvelopeSize"));
    const xmlNode *options = child (header, NS_WSMAN, "OptionSet");
    SB_AUTOFREE char *skip = named (options, "Option", "WINRS_SKIP_CMD_SHELL");
    SB_AUTOFREE char *page = named (options, "Option", "WINRS_CODEPAGE");
    int64_t n;

    r->message_id = text (child (header, NS_ADDRESSING, "MessageID"));
    r->resource_uri = text (child (header, NS_WSMAN, "ResourceURI"));
    r->shell_id = named (child (header, NS_WSMAN, "SelectorSet"), "Selector", "ShellId");
    r->skip_cmd_shell = yes (skip);
    if (page && sb_parse_int (page, &n) && n > 0 && n < 100000)
        r->codepage = (int) n;
    if (timeout && !wsman_duration (timeout, &r->timeout_ms))
        return WSMAN_F_MALFORMED;
    if (r->timeout_ms > WSMAN_MAX_TIMEOUT_MS)
        r->timeout_ms = WSMAN_MAX_TIMEOUT_MS;
    if (size && sb_parse_int (size, &n)) {
        if (n < WSMAN_MIN_ENVELOPE)
            return WSMAN_F_ENVELOPE;
        r->max_envelope = n < (int64_t) WSMAN_MAX_ENVELOPE ? (size_t) n : WSMAN_MAX_ENVELOPE;
    }
    if (!action || !r->message_id)
        return WSMAN_F_MALFORMED;
    r->action = action_of (action);
    if (r->action == WSMAN_NO_ACTION)
        return WSMAN_F_ACTION;
    return r->resource_uri && !strcasecmp (r->resource_uri, CMD_SHELL) ? WSMAN_OK : WSMAN_F_RESOURCE;
}

/* rsp:Command, and rsp:Arguments each; blanks between them. */
static void
read_command (const xmlNode *line, struct wsman_request *r)
{
    struct sb_buf b = { 0 };

    for (const xmlNode *n = line->children; n; n = n->next) {
        xmlChar *raw = is (n, NS_SHELL, "Command") || is (n, NS_SHELL, "Arguments") ? xmlNodeGetContent (n) : NULL;

        if (raw && *raw)
            sb_buf_printf (&b, "%s%s", b.len ? " " : "", (const char *) raw);
        xmlFree (raw);
    }
    r->command = sb_buf_take (&b);
}

static enum wsman_fault
read_body (const xmlNode *body, struct wsman_request *r)
{
    const xmlNode *n;

    if ((n = child (body, NS_SHELL, "Shell"))) {
        SB_AUTOFREE char *idle = text (child (n, NS_SHELL, "IdleTimeOut"));

        if (idle && wsman_duration (idle, &r->idle_ms) && (r->idle_ms > WSMAN_IDLE_MS || r->idle_ms < 1000))
            r->idle_ms = WSMAN_IDLE_MS;
    } else if ((n = child (body, NS_SHELL, "CommandLine")))
        read_command (n, r);
    else if ((n = child (body, NS_SHELL, "Receive")))
        r->command_id = attribute (child (n, NS_SHELL, "DesiredStream"), "CommandId");
    else if ((n = child (body, NS_SHELL, "Signal"))) {
        r->command_id = attribute (n, "CommandId");
        r->signal_code = text (child (n, NS_SHELL, "Code"));
    } else if ((n = child (child (body, NS_SHELL, "Send"), NS_SHELL, "Stream"))) {
        SB_AUTOFREE char *data = text (n), *end = attribute (n, "End");

        r->command_id = attribute (n, "CommandId");
        r->input_end = yes (end);
        if (data && !sb_base64_decode (data, strlen (data), &r->input))
            return WSMAN_F_PARAMETER;
    }
    return WSMAN_OK;
}

static enum wsman_fault
read_envelope (const xmlNode *root, struct wsman_request *r)
{
    const xmlNode *body;
    enum wsman_fault f;

    if (!root || !is (root, NS_SOAP, "Envelope") || !(body = child (root, NS_SOAP, "Body")))
        return WSMAN_F_MALFORMED;
    if (child (body, NS_IDENTITY, "Identify")) {
        r->action = WSMAN_IDENTIFY;
        return WSMAN_OK;
    }
    f = read_header (child (root, NS_SOAP, "Header"), r);
    return f == WSMAN_OK ? read_body (body, r) : f;
}

enum wsman_fault
wsman_parse (const char *body, size_t n, struct wsman_request *ret)
{
    xmlDoc *doc;
    enum wsman_fault f = WSMAN_F_MALFORMED;

    *ret = (struct wsman_request){ .timeout_ms = WSMAN_MAX_TIMEOUT_MS,
                                   .idle_ms = WSMAN_IDLE_MS,
                                   .max_envelope = WSMAN_MAX_ENVELOPE,
                                   .codepage = 437 };
    if (n > WSMAN_MAX_ENVELOPE)
        return WSMAN_F_ENVELOPE;
    doc = n ? xmlReadMemory (body, (int) n, "request.xml", NULL,
                             XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
            : NULL;
    if (doc && !doc->intSubset) /* SOAP knows no document types */
        f = read_envelope (xmlDocGetRootElement (doc), ret);
    xmlFreeDoc (doc);
    return f;
}

void
wsman_request_free (struct wsman_request *r)
{
    free (r->message_id);
    free (r->resource_uri);
    free (r->shell_id);
    free (r->command_id);
    free (r->signal_code);
    free (r->command);
    sb_buf_free (&r->input);
    *r = (struct wsman_request){ 0 };
}
