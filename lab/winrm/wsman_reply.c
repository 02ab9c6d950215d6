/* Writing WS-Man answers and faults; see wsman.h.  Faults are rows: their
 * subcodes, numbers and texts are those of Windows. */
#include "config.h"

#include "lab/winrm/wsman.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/sys/random.h"

#include <ctype.h>
#include <string.h>

#define SHELL        "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
#define TRANSFER     "http://schemas.xmlsoap.org/ws/2004/09/transfer/"
#define ANONYMOUS    "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
#define FAULT_ACTION "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
#define DETAIL       "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"

static const struct {
    const char *action, *body; /* of an answer; body NULL: it has one of its own */
} answers[] = {
    [WSMAN_CREATE] = { TRANSFER "CreateResponse", NULL },
    [WSMAN_COMMAND] = { SHELL "/CommandResponse", NULL },
    [WSMAN_SEND] = { SHELL "/SendResponse", "<rsp:SendResponse/>" },
    [WSMAN_RECEIVE] = { SHELL "/ReceiveResponse", NULL },
    [WSMAN_SIGNAL] = { SHELL "/SignalResponse", "<rsp:SignalResponse/>" },
    [WSMAN_DELETE] = { TRANSFER "DeleteResponse", "" },
};

/* How a fault is detailed: a WSManFault, a WMI error (the quota faults of real hosts), or the standard's detail alone. */
enum how { NUMBER, WMI, STANDARD };

static const struct {
    enum wsman_fault fault;
    unsigned http;
    const char *code, *subcode;
    uint32_t number;
    enum how how;
    const char *detail; /* of the standard, or NULL */
    const char *text;
} faults[] = {
    { WSMAN_F_MALFORMED, 400, "s:Sender", "w:SchemaValidationError", 0, STANDARD, NULL,
      "The SOAP packet did not correspond to the XML schema, or it is not an XML document." },
    { WSMAN_F_ACTION, 500, "s:Sender", "a:ActionNotSupported", 0, STANDARD, DETAIL "ActionMismatch",
      "The action is not supported by the service." },
    { WSMAN_F_RESOURCE, 500, "s:Sender", "a:DestinationUnreachable", 0, STANDARD, DETAIL "InvalidResourceURI",
      "The WS-Management service cannot process the request. The resource URI is missing or it has an incorrect format." },
    { WSMAN_F_ENVELOPE, 500, "s:Sender", "w:EncodingLimit", 0, STANDARD, DETAIL "MaxEnvelopeSize",
      "The size of the request exceeds, or the size asked for falls below, what the service can process." },
    { WSMAN_F_TIMED_OUT, 500, "s:Receiver", "w:TimedOut", 2150858793u, NUMBER, NULL,
      "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  " },
    { WSMAN_F_NO_SHELL, 500, "s:Sender", "w:InvalidSelectors", 2150858843u, NUMBER, DETAIL "UnexpectedSelectors",
      "The request for the Windows Remote Shell with ShellId %s failed because the shell was not found on the server. "
      "Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the server. Provide the "
      "correct ShellId or create a new shell and retry the operation. " },
    { WSMAN_F_TOO_MANY_SHELLS, 500, "s:Receiver", "w:QuotaLimit", 2150859173u, WMI, NULL,
      "The WS-Management service cannot process the request. This user is allowed a maximum number of %s concurrent shells, "
      "which has been exceeded. Close existing shells or raise the quota for this user. " },
    { WSMAN_F_TOO_MANY_COMMANDS, 500, "s:Receiver", "w:QuotaLimit", 2150859174u, WMI, NULL,
      "The WS-Management service cannot process the request. This user is allowed a maximum number of %s concurrent "
      "operations, which has been exceeded. Close existing operations for this user, or raise the quota for this user. " },
    { WSMAN_F_ABORTED, 500, "s:Receiver", "w:InternalError", 995, NUMBER, NULL,
      "The I/O operation has been aborted because of either a thread exit or an application request. " },
    { WSMAN_F_PARAMETER, 500, "s:Sender", "w:InvalidParameter", 87, NUMBER, NULL, "The parameter is incorrect. " },
    { WSMAN_F_NO_FILE, 500, "s:Receiver", "w:InternalError", 2147942402u, NUMBER, NULL,
      "The system cannot find the file specified. " },
    { WSMAN_F_TOO_LONG, 500, "s:Receiver", "w:InternalError", 2147942606u, NUMBER, NULL,
      "The filename or extension is too long. " },
    { WSMAN_F_DELETED, 500, "s:Receiver", "w:InternalError", 995, NUMBER, NULL,
      "The I/O operation has been aborted because of either a thread exit or an application request. " },
};

void
wsman_guid (char ret[WSMAN_GUID])
{
    char hex[33];
    size_t at = 0;

    sb_random_hex (hex, 32);
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            ret[at++] = '-';
        ret[at++] = (char) toupper ((unsigned char) hex[i]);
    }
    ret[at] = '\0';
}

/* Text between tags; what XML cannot hold becomes a question mark. */
static void
escape (struct sb_buf *b, const char *s)
{
    for (; s && *s; s++)
        switch (*s) {
        case '&':
            sb_buf_str (b, "&amp;");
            break;
        case '<':
            sb_buf_str (b, "&lt;");
            break;
        case '>':
            sb_buf_str (b, "&gt;");
            break;
        case '"':
            sb_buf_str (b, "&quot;");
            break;
        default:
            sb_buf_char (b, (unsigned char) *s < 0x20 && !strchr ("\t\r\n", *s) ? '?' : *s);
        }
}

static void
begin (const struct wsman_request *r, const char *action, struct sb_buf *out)
{
    char id[WSMAN_GUID];

    wsman_guid (id);
    sb_buf_str (out, "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
                     " xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""
                     " xmlns:x=\"http://schemas.xmlsoap.org/ws/2004/09/transfer\""
                     " xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\""
                     " xmlns:rsp=\"" SHELL "\""
                     " xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\"><s:Header>");
    sb_buf_printf (out, "<a:Action>%s</a:Action><a:MessageID>uuid:%s</a:MessageID><a:To>" ANONYMOUS "</a:To>", action,
                   id);
    if (r->message_id) {
        sb_buf_str (out, "<a:RelatesTo>");
        escape (out, r->message_id);
        sb_buf_str (out, "</a:RelatesTo>");
    }
    sb_buf_str (out, "</s:Header><s:Body>");
}

static void
end (struct sb_buf *out)
{
    sb_buf_str (out, "</s:Body></s:Envelope>");
}

void
wsman_created (const struct wsman_request *r, const char *host, const char *user, const char *shell_id,
               struct sb_buf *out)
{
    begin (r, answers[WSMAN_CREATE].action, out);
    sb_buf_str (out, "<x:ResourceCreated><a:Address>https://");
    escape (out, host);
    sb_buf_printf (
            out,
            "/wsman</a:Address><a:ReferenceParameters><w:ResourceURI>" SHELL "/cmd</w:ResourceURI><w:SelectorSet>"
            "<w:Selector Name=\"ShellId\">%s</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
            "<rsp:Shell><rsp:ShellId>%s</rsp:ShellId><rsp:ResourceUri>" SHELL "/cmd</rsp:ResourceUri><rsp:Owner>",
            shell_id, shell_id);
    escape (out, user);
    sb_buf_printf (
            out,
            "</rsp:Owner><rsp:IdleTimeOut>PT%lld.000S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>"
            "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>",
            (long long) (r->idle_ms / 1000));
    end (out);
}

void
wsman_commanded (const struct wsman_request *r, const char *command_id, struct sb_buf *out)
{
    begin (r, answers[WSMAN_COMMAND].action, out);
    sb_buf_printf (out, "<rsp:CommandResponse><rsp:CommandId>%s</rsp:CommandId></rsp:CommandResponse>", command_id);
    end (out);
}

void
wsman_received (const struct wsman_request *r, const struct wsman_piece *pieces, size_t npieces, bool done,
                int exit_code, struct sb_buf *out)
{
    begin (r, answers[WSMAN_RECEIVE].action, out);
    sb_buf_str (out, "<rsp:ReceiveResponse>");
    for (size_t i = 0; i < npieces; i++) {
        sb_buf_printf (out, "<rsp:Stream Name=\"%s\" CommandId=\"", pieces[i].stream);
        escape (out, r->command_id);
        sb_buf_printf (out, "\"%s>", pieces[i].end ? " End=\"true\"" : "");
        sb_base64_encode (pieces[i].data, pieces[i].n, out);
        sb_buf_str (out, "</rsp:Stream>");
    }
    sb_buf_str (out, "<rsp:CommandState CommandId=\"");
    escape (out, r->command_id);
    sb_buf_printf (out, "\" State=\"" SHELL "/CommandState/%s\"", done ? "Done" : "Running");
    if (done) /* an exit code is a DWORD, printed as a signed number */
        sb_buf_printf (out, "><rsp:ExitCode>%d</rsp:ExitCode></rsp:CommandState>", exit_code);
    else
        sb_buf_str (out, "/>");
    sb_buf_str (out, "</rsp:ReceiveResponse>");
    end (out);
}

void
wsman_plain (const struct wsman_request *r, struct sb_buf *out)
{
    if (r->action == WSMAN_IDENTIFY) {
        sb_buf_str (
                out,
                "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/><s:Body>"
                "<wsmid:IdentifyResponse xmlns:wsmid=\"http://schemas.dmtf.org/wbem/wsman/identity/1/"
                "wsmanidentity.xsd\"><wsmid:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
                "</wsmid:ProtocolVersion><wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
                "<wsmid:ProductVersion>OS: 10.0.14393 SP: 0.0 Stack: 3.0</wsmid:ProductVersion>"
                "</wsmid:IdentifyResponse></s:Body></s:Envelope>");
        return;
    }
    begin (r, answers[r->action].action, out);
    sb_buf_str (out, answers[r->action].body);
    end (out);
}

static size_t
row_of (enum wsman_fault fault)
{
    size_t i = 0;

    while (i + 1 < sizeof faults / sizeof *faults && faults[i].fault != fault)
        i++;
    return i;
}

unsigned
wsman_http_status (enum wsman_fault fault)
{
    return fault == WSMAN_OK ? 200 : faults[row_of (fault)].http;
}

/* The text of a row with its %s filled. */
static void
say (size_t row, const char *arg, struct sb_buf *out)
{
    const char *hole = strstr (faults[row].text, "%s");

    if (!hole) {
        escape (out, faults[row].text);
        return;
    }
    sb_buf_add (out, faults[row].text, (size_t) (hole - faults[row].text));
    escape (out, arg);
    escape (out, hole + 2);
}

static void
detail (size_t row, const char *arg, const char *host, struct sb_buf *out)
{
    if (faults[row].detail)
        sb_buf_printf (out, "<w:FaultDetail>%s</w:FaultDetail>", faults[row].detail);
    if (faults[row].how == NUMBER) {
        sb_buf_printf (
                out,
                "<f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"%u\" Machine=\"",
                faults[row].number);
        escape (out, host);
        sb_buf_str (out, "\"><f:Message>");
        say (row, arg, out);
        sb_buf_str (out, "</f:Message></f:WSManFault>");
    }
    if (faults[row].how == WMI) {
        sb_buf_printf (
                out,
                "<p:MSFT_WmiError b:IsCIM_Error=\"true\" xmlns:b=\"http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd\""
                " xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/MSFT_WmiError\">"
                "<p:CIMStatusCode>27</p:CIMStatusCode><p:error_Category>30</p:error_Category><p:error_Code>%u"
                "</p:error_Code><p:error_Type>HRESULT</p:error_Type><p:MessageID>HRESULT 0x%08x</p:MessageID><p:Message>",
                faults[row].number, faults[row].number);
        say (row, arg, out);
        sb_buf_str (out, "</p:Message></p:MSFT_WmiError>");
    }
}

void
wsman_faulted (const struct wsman_request *r, enum wsman_fault fault, const char *host, struct sb_buf *out)
{
    size_t row = row_of (fault);
    SB_AUTOFREE char *limit =
            sb_xprintf ("%d", fault == WSMAN_F_TOO_MANY_SHELLS ? WSMAN_MAX_SHELLS : WSMAN_MAX_COMMANDS);
    const char *arg = fault == WSMAN_F_NO_SHELL ? (r->shell_id ? r->shell_id : "") : limit;

    begin (r, FAULT_ACTION, out);
    sb_buf_printf (
            out,
            "<s:Fault><s:Code><s:Value>%s</s:Value><s:Subcode><s:Value>%s</s:Value></s:Subcode></s:Code><s:Reason>"
            "<s:Text xml:lang=\"en-US\">",
            faults[row].code, faults[row].subcode);
    say (row, arg, out);
    sb_buf_str (out, "</s:Text></s:Reason><s:Detail>");
    detail (row, arg, host, out);
    sb_buf_str (out, "</s:Detail></s:Fault>");
    end (out);
}
