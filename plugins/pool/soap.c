/* Envelopes and answers; see soap.h. */
#include "plugins/pool/soap.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <ctype.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NS_SOAP    "http://www.w3.org/2003/05/soap-envelope"
#define NS_ADDR    "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define NS_WSMAN   "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
#define NS_MSWSMAN "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
#define NS_SHELL   "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
#define NS_FAULT   "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
#define TRANSFER   "http://schemas.xmlsoap.org/ws/2004/09/transfer/"

static const char *const actions[] = {
    [SOAP_CREATE] = TRANSFER "Create",    [SOAP_COMMAND] = NS_SHELL "/Command", [SOAP_SEND] = NS_SHELL "/Send",
    [SOAP_RECEIVE] = NS_SHELL "/Receive", [SOAP_SIGNAL] = NS_SHELL "/Signal",   [SOAP_DELETE] = TRANSFER "Delete",
};

/* ---- writing -------------------------------------------------------------------------------------------- */

static void
add_escaped (struct sb_buf *b, const char *s)
{
    for (; *s != '\0'; s++)
        if (*s == '&')
            sb_buf_str (b, "&amp;");
        else if (*s == '<')
            sb_buf_str (b, "&lt;");
        else if (*s == '>')
            sb_buf_str (b, "&gt;");
        else if (*s == '"')
            sb_buf_str (b, "&quot;");
        else
            sb_buf_char (b, *s);
}

static void
add_element (struct sb_buf *b, const char *name, const char *attributes, const char *text)
{
    sb_buf_printf (b, "<%s%s%s>", name, *attributes != '\0' ? " " : "", attributes);
    add_escaped (b, text);
    sb_buf_printf (b, "</%s>", name);
}

/* A random identifier as RFC 4122 writes it, version 4. */
static void
new_uuid (char ret[37])
{
    unsigned char r[16] = { 0 };
    size_t i, n = 0;

    if (getrandom (r, sizeof r, 0) != (ssize_t) sizeof r)
        memset (r, 0x5a, sizeof r); /* only has to differ within a connection that has one request at a time */
    r[6] = (unsigned char) ((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char) ((r[8] & 0x3f) | 0x80);
    for (i = 0; i < sizeof r; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            ret[n++] = '-';
        n += (size_t) sprintf (ret + n, "%02X", r[i]);
    }
}

static void
add_options (struct sb_buf *b, const struct soap_request *r)
{
    if (r->step == SOAP_CREATE)
        sb_buf_str (b, "<w:OptionSet><w:Option Name=\"WINRS_NOPROFILE\">TRUE</w:Option>"
                       "<w:Option Name=\"WINRS_CODEPAGE\">65001</w:Option></w:OptionSet>");
    if (r->step == SOAP_COMMAND)
        sb_buf_printf (b,
                       "<w:OptionSet><w:Option Name=\"WINRS_CONSOLEMODE_STDIN\">%s</w:Option>"
                       "<w:Option Name=\"WINRS_SKIP_CMD_SHELL\">FALSE</w:Option></w:OptionSet>",
                       r->fed ? "FALSE" : "TRUE");
}

static void
add_header (struct sb_buf *b, const struct soap_request *r)
{
    char id[37];

    new_uuid (id);
    sb_buf_str (b, "<s:Header>");
    add_element (b, "a:To", "", r->url);
    sb_buf_printf (b,
                   "<a:ReplyTo><a:Address s:mustUnderstand=\"true\">" NS_ADDR "/role/anonymous</a:Address></a:ReplyTo>"
                   "<a:MessageID>uuid:%s</a:MessageID>"
                   "<a:Action s:mustUnderstand=\"true\">%s</a:Action>"
                   "<w:ResourceURI s:mustUnderstand=\"true\">" NS_SHELL "/cmd</w:ResourceURI>"
                   "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">153600</w:MaxEnvelopeSize>"
                   "<w:OperationTimeout>PT%uS</w:OperationTimeout>"
                   "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>"
                   "<p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>",
                   id, actions[r->step], r->timeout_s);
    if (r->shell != NULL) {
        sb_buf_str (b, "<w:SelectorSet>");
        add_element (b, "w:Selector", "Name=\"ShellId\"", r->shell);
        sb_buf_str (b, "</w:SelectorSet>");
    }
    add_options (b, r);
    sb_buf_str (b, "</s:Header>");
}

static void
add_body (struct sb_buf *b, const struct soap_request *r)
{
    sb_buf_str (b, "<s:Body>");
    switch (r->step) {
    case SOAP_CREATE:
        sb_buf_str (b, "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams>"
                       "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>");
        break;
    case SOAP_COMMAND:
        sb_buf_str (b, "<rsp:CommandLine>");
        add_element (b, "rsp:Command", "", r->line);
        sb_buf_str (b, "</rsp:CommandLine>");
        break;
    case SOAP_SEND:
        sb_buf_str (b, "<rsp:Send><rsp:Stream Name=\"stdin\" CommandId=\"");
        add_escaped (b, r->command);
        sb_buf_printf (b, "\"%s>", r->last ? " End=\"true\"" : "");
        sb_base64_encode (r->data, r->len, b);
        sb_buf_str (b, "</rsp:Stream></rsp:Send>");
        break;
    case SOAP_RECEIVE:
        sb_buf_str (b, "<rsp:Receive><rsp:DesiredStream CommandId=\"");
        add_escaped (b, r->command);
        sb_buf_str (b, "\">stdout stderr</rsp:DesiredStream></rsp:Receive>");
        break;
    case SOAP_SIGNAL:
        sb_buf_str (b, "<rsp:Signal CommandId=\"");
        add_escaped (b, r->command);
        sb_buf_str (b, "\"><rsp:Code>" NS_SHELL "/signal/terminate</rsp:Code></rsp:Signal>");
        break;
    case SOAP_DELETE:
        break;
    }
    sb_buf_str (b, "</s:Body>");
}

void
soap_write (const struct soap_request *r, struct sb_buf *out)
{
    sb_buf_str (out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                     "<s:Envelope xmlns:s=\"" NS_SOAP "\" xmlns:a=\"" NS_ADDR "\" xmlns:w=\"" NS_WSMAN
                     "\" xmlns:p=\"" NS_MSWSMAN "\" xmlns:rsp=\"" NS_SHELL "\">");
    add_header (out, r);
    add_body (out, r);
    sb_buf_str (out, "</s:Envelope>");
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static bool
is (const xmlNode *n, const char *ns, const char *name)
{
    return n->type == XML_ELEMENT_NODE && strcmp ((const char *) n->name, name) == 0
           && (ns == NULL || (n->ns != NULL && n->ns->href != NULL && strcmp ((const char *) n->ns->href, ns) == 0));
}

/* The next node in document order below `top`; no recursion, whatever the depth. */
static xmlNode *
next_node (xmlNode *n, const xmlNode *top)
{
    if (n->children != NULL && n->type == XML_ELEMENT_NODE)
        return n->children;
    while (n != top && n->next == NULL)
        n = n->parent;
    return n == top ? NULL : n->next;
}

static char *
text_of (xmlNode *n)
{
    xmlChar *text = xmlNodeGetContent (n);
    char *copy = sb_xstrdup (text != NULL ? (const char *) text : "");

    xmlFree (text);
    return copy;
}

static void
keep_text (char **slot, xmlNode *n)
{
    if (*slot == NULL)
        *slot = text_of (n);
}

static bool
attribute_is (xmlNode *n, const char *name, const char *value)
{
    xmlChar *text = xmlGetNoNsProp (n, (const xmlChar *) name);
    bool same = text != NULL && strcmp ((const char *) text, value) == 0;

    xmlFree (text);
    return same;
}

static void
take_stream (struct soap_answer *a, xmlNode *n)
{
    SB_AUTOFREE char *text = text_of (n);

    if (attribute_is (n, "Name", "stdout"))
        sb_base64_decode (text, strlen (text), &a->out);
    else if (attribute_is (n, "Name", "stderr"))
        sb_base64_decode (text, strlen (text), &a->err);
}

static void
take_state (struct soap_answer *a, xmlNode *n)
{
    static const char done[] = "CommandState/Done";
    xmlChar *text = xmlGetNoNsProp (n, (const xmlChar *) "State");
    size_t len = text != NULL ? strlen ((const char *) text) : 0;

    if (len >= sizeof done - 1 && strcmp ((const char *) text + len - (sizeof done - 1), done) == 0)
        a->done = true;
    xmlFree (text);
}

static unsigned long
number_of (const char *text)
{
    return text != NULL ? strtoul (text, NULL, 10) : 0;
}

/* The code stands in WSManFault's attribute; quota faults carry it in an MSFT_WmiError alone. */
static void
take_fault_part (struct soap_answer *a, xmlNode *n, char **wsman_text, char **soap_text)
{
    if (is (n, NS_FAULT, "WSManFault")) {
        xmlChar *code = xmlGetNoNsProp (n, (const xmlChar *) "Code");

        if (a->code == 0) /* a provider's own fault may stand inside; what the service says comes first */
            a->code = number_of ((const char *) code);
        xmlFree (code);
    } else if (is (n, NS_FAULT, "Message")) {
        keep_text (wsman_text, n);
    } else if (is (n, NULL, "error_Code") && a->code == 0) {
        SB_AUTOFREE char *code = text_of (n);

        a->code = number_of (code);
    } else if (is (n, NS_SOAP, "Text")) {
        keep_text (soap_text, n);
    }
}

static void
take_node (struct soap_answer *a, xmlNode *n, char **wsman_text, char **soap_text)
{
    if (is (n, NS_SOAP, "Fault"))
        a->fault = true;
    else if (is (n, NS_WSMAN, "Selector") && attribute_is (n, "Name", "ShellId"))
        keep_text (&a->shell, n);
    else if (is (n, NS_SHELL, "ShellId"))
        keep_text (&a->shell, n);
    else if (is (n, NS_SHELL, "CommandId"))
        keep_text (&a->command, n);
    else if (is (n, NS_SHELL, "Stream"))
        take_stream (a, n);
    else if (is (n, NS_SHELL, "CommandState"))
        take_state (a, n);
    else if (is (n, NS_SHELL, "ExitCode")) {
        SB_AUTOFREE char *code = text_of (n);

        a->exit_code = (int) strtol (code, NULL, 10);
    } else if (a->fault) {
        take_fault_part (a, n, wsman_text, soap_text);
    }
}

bool
soap_read (const char *data, size_t len, struct soap_answer *ret, const char **ret_why)
{
    const int flags = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
    xmlDoc *doc = len < INT32_MAX ? xmlReadMemory (data, (int) len, "answer.xml", NULL, flags) : NULL;
    xmlNode *top = doc != NULL ? xmlDocGetRootElement (doc) : NULL, *n;
    char *wsman_text = NULL, *soap_text = NULL;
    bool ok = top != NULL && doc->intSubset == NULL && is (top, NS_SOAP, "Envelope");

    *ret = (struct soap_answer){ .exit_code = -1 };
    *ret_why = doc == NULL ? "it is not XML" : "it is not a SOAP envelope";
    for (n = top; ok && n != NULL; n = next_node (n, top))
        take_node (ret, n, &wsman_text, &soap_text);
    ret->reason = wsman_text != NULL ? wsman_text : soap_text;
    if (wsman_text != NULL)
        free (soap_text);
    if (ret->reason != NULL)
        memmove (ret->reason, sb_trim (ret->reason), strlen (sb_trim (ret->reason)) + 1);
    xmlFreeDoc (doc);
    return ok;
}

void
soap_answer_free (struct soap_answer *a)
{
    free (a->reason);
    free (a->shell);
    free (a->command);
    sb_buf_free (&a->out);
    sb_buf_free (&a->err);
}

/* ---- CLIXML --------------------------------------------------------------------------------------------- */

/* Is there an escape at `s`?  Then *ret is the UTF-16 code unit that it stands for. */
static bool
escaped_unit (const char *s, unsigned *ret)
{
    unsigned value = 0;
    int i;

    if (s[0] != '_' || s[1] != 'x')
        return false;
    for (i = 2; i < 6; i++) {
        if (!isxdigit ((unsigned char) s[i]))
            return false;
        value = value * 16 + (unsigned) (isdigit ((unsigned char) s[i]) ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
    }
    *ret = value;
    return s[6] == '_';
}

/* _x000D_ stands for a carriage return, and so on ([MS-PSRP] 2.2.5.3.2).  A sentence is one line: line ends become a
 * blank, other control characters and halves of a pair go away. */
static void
add_unescaped (const char *s, struct sb_buf *out)
{
    while (*s != '\0') {
        unsigned unit, low = 0;
        bool two;

        if (!escaped_unit (s, &unit)) {
            sb_buf_char (out, *s++);
            continue;
        }
        s += 7;
        two = unit >= 0xd800 && unit < 0xdc00 && escaped_unit (s, &low);
        if (two)
            s += 7;
        if (unit == '\n')
            sb_buf_char (out, ' ');
        else if (unit >= 32 && unit != 127) {
            const unsigned char pair[] = { (unsigned char) (unit & 0xff), (unsigned char) (unit >> 8),
                                           (unsigned char) (low & 0xff), (unsigned char) (low >> 8) };

            sb_utf16le_to_utf8 (pair, two ? 4 : 2, out);
        }
    }
}

void
soap_clixml_text (const char *text, size_t len, struct sb_buf *out)
{
    static const char mark[] = "#< CLIXML";
    const int flags = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    const char *start = memmem (text, len, "<Objs", 5);
    xmlDoc *doc = NULL;
    xmlNode *top, *n;

    if (len < sizeof mark - 1 || memcmp (text, mark, sizeof mark - 1) != 0 || start == NULL) {
        sb_buf_add (out, text, len);
        return;
    }
    if (len < INT32_MAX)
        doc = xmlReadMemory (start, (int) (len - (size_t) (start - text)), "stderr.xml", NULL, flags);
    top = doc != NULL && doc->intSubset == NULL ? xmlDocGetRootElement (doc) : NULL;
    for (n = top; n != NULL; n = next_node (n, top))
        if (is (n, NULL, "S") && attribute_is (n, "S", "Error")) {
            SB_AUTOFREE char *line = text_of (n);

            add_unescaped (line, out);
        }
    xmlFreeDoc (doc);
}
