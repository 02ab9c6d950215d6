"""A front end for the tests of the plugin pool: WS-Management over HTTPS with a world of a few variables.

Usage: wsman_fake.py DIR.  Serves 127.0.0.1 on a free port, written to DIR/port once it listens.  DIR/world.json holds the
world; DIR/mode holds how it behaves (see MODES); DIR/log gets one line for each exchange and each cmdlet.  It knows no
PowerShell: it recognises the cmdlets that the plugin sends and complains about everything else.
"""

import base64
import json
import os
import re
import ssl
import sys
import time
import xml.etree.ElementTree as ET
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR = sys.argv[1]
NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
}
SHELL = NS["rsp"]
PASSWORD = "pass word-7"
commands = {}
waiting = {}  # by command: what came to its stdin
shells = set()


def path(name):
    return os.path.join(DIR, name)


def mode():
    with open(path("mode"), encoding="utf-8") as f:
        return f.read().strip()


def once():
    """The mode holds for one exchange only."""
    with open(path("mode"), "w", encoding="utf-8") as f:
        f.write("fine")


def log(text):
    with open(path("log"), "a", encoding="utf-8") as f:
        f.write(text + "\n")


def world():
    with open(path("world.json"), encoding="utf-8") as f:
        return json.load(f)


def save(w):
    with open(path("world.json.tmp"), "w", encoding="utf-8") as f:
        json.dump(w, f)
    os.replace(path("world.json.tmp"), path("world.json"))


class CmdletError(Exception):
    pass


def strings(text):
    return [s.replace("''", "'") for s in re.findall(r"'((?:[^']|'')*)'", text)]


def run_line(w, line):
    """One statement that changes something."""
    log("cmdlet " + line)
    if not line.startswith("Invoke-CsManagementStoreReplication") and "-Confirm:$false" not in line:
        raise CmdletError("a confirmation was asked for")
    if line.startswith("Set-CsPersistentChatState"):
        m = re.match(r"Set-CsPersistentChatState -Identity '([^']*)' -PoolState (\w+) ", line)
        if m[1] != w["identity"]:
            raise CmdletError("no such identity: " + m[1])
        w["state"] = m[2]
    elif line.startswith("Set-CsPersistentChatActiveServer"):
        if "$null" in line:
            w["active"] = []
        elif "@{Add=" in line:
            w["active"] += strings(line)
        elif "@{Remove=" in line:
            w["active"] = [s for s in w["active"] if s not in strings(line)]
        w["most"] = max(w["most"], len(w["active"]))
    elif line.startswith("Invoke-CsManagementStoreReplication"):
        w["late"] = w["late"][1:]
    elif line.startswith("Start-CsWindowsService") or line.startswith("Stop-CsWindowsService"):
        name, fqdn = strings(line)
        w["services"][fqdn][name] = "Running" if line.startswith("Start") else "Stopped"
    elif line.startswith("Install-CsMirrorDatabase"):
        assert "-DropExistingDatabasesOnMirror" in line
        w["mirrors"] = {n: ["Principal", "Mirror", "synchronized", "synchronized"] for n in w["mirrors"]}
    elif line.startswith("Invoke-CsManagementServerFailover"):
        w["master"] = w["moves to"]
    else:
        raise CmdletError("what is this: " + line)


def answer(script):
    w = world()
    if "Import-Module " + w["module"] not in script:
        raise CmdletError("the module was not loaded")
    if w.get("error"):
        raise CmdletError(w["error"])
    if "Get-CsTopology" in script:
        inner = "".join("<Machine Fqdn='%s'/>" % s for s in w["active"])
        return {"xml": "<Topology><ActiveServers>" + inner + "</ActiveServers></Topology>"}
    if "Get-CsPersistentChatState" in script:
        known = not w.get("no property")
        return {"states": [{"identity": w["identity"], "state": w["state"]}],
                "services": [{"identity": w["identity"], "pool": "pchat.lab", "known": known,
                              "active": w["active"] if known else []}]}
    if "-CentralManagementStoreStatus" in script:
        return {"master": w["master"]}
    if "Get-CsManagementStoreReplicationStatus" in script:
        asked = strings(script.split("replicas=@(")[1].split("|ForEach")[0])
        return {"replicas": [{"fqdn": s, "up": s not in w["late"]} for s in asked]}
    if "Get-CsWindowsService" in script:
        fqdn = strings(script.split("Get-CsWindowsService")[1])[0]
        if fqdn not in w["services"]:
            raise CmdletError("the RPC server is unavailable")
        found = [{"name": n, "words": "Skype for Business Server " + n, "status": s}
                 for n, s in w["services"][fqdn].items()]
        return {"services": found + [{"name": "W32Time", "words": "Windows Time", "status": "Stopped"}]}
    if "Get-CsDatabaseMirrorState" in script:
        return {"list": [{"name": n, "p": m[0], "m": m[1], "ps": m[2], "ms": m[3]} for n, m in w["mirrors"].items()]}
    if "Test-CsPersistentChatMessage" in script:
        return {"result": w["message"], "latency": "00:00:00.12", "why": "no route äöü"}
    for line in script.splitlines():
        if re.match(r"(Set|Start|Stop|Invoke|Install)-Cs", line):
            run_line(w, line)
    save(w)
    return {"set": True}


def script_of(command):
    m = re.match(r"powershell\.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand (\S+)$", command)
    assert len(command) < 8192, "cmd.exe cuts longer lines"
    return base64.b64decode(m[1]).decode("utf-16-le")


def run(script):
    try:
        document = answer(script)
        code = 0
    except CmdletError as e:
        document, code = {"error": str(e), "category": "OperationStopped"}, 1
    text = "Ein Gruß vom Modul\r\n<<<switchback\r\n%s\r\nswitchback>>>\r\n" % json.dumps(document, ensure_ascii=False)
    if mode() == "mute":
        text, code = "", 5
    if mode() == "flood":
        text = "x" * 12000000
    return text.encode(), code


def envelope(body):
    spaces = " ".join('xmlns:%s="%s"' % (k, v) for k, v in NS.items())
    return ('<?xml version="1.0"?><s:Envelope %s><s:Header/><s:Body>%s</s:Body></s:Envelope>' % (spaces, body)).encode()


def fault(code, text):
    return envelope('<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text>outer</s:Text></s:Reason>'
                    '<s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="%d">'
                    '<f:Message>%s</f:Message></f:WSManFault></s:Detail></s:Fault>' % (code, text))


def stream(name, data, command):
    return '<rsp:Stream Name="%s" CommandId="%s">%s</rsp:Stream>' % (name, command, base64.b64encode(data).decode())


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body, headers=()):
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        for k, v in headers:
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        expected = "Basic " + base64.b64encode(("admin:" + PASSWORD).encode()).decode()
        if self.headers.get("Authorization") != expected:
            return self.reply(401, b"", [("WWW-Authenticate", 'Basic realm="WSMAN"')])
        if mode() == "off":
            return self.reply(503, b"")
        if mode() == "moved":
            return self.reply(302, b"", [("Location", "https://127.0.0.1:1/")])
        root = ET.fromstring(data)
        action = root.findtext(".//a:Action", None, NS).rsplit("/", 1)[1]
        log("exchange " + action)
        return getattr(self, "on_" + action.lower())(root)

    def on_create(self, root):
        m = mode()
        if m in ("busy", "quota"):
            if m == "busy":
                once()
            return self.reply(500, fault(2150859173, "quota"))
        if m == "garbage":
            return self.reply(200, b"<html>")
        if m == "doctype":
            return self.reply(200, b'<!DOCTYPE x [<!ENTITY e "f">]>' + envelope("")[21:])
        options = {o.get("Name"): o.text for o in root.iterfind(".//w:Option", NS)}
        assert options == {"WINRS_NOPROFILE": "TRUE", "WINRS_CODEPAGE": "65001"}, options
        shell = "S-%d" % time.monotonic_ns()
        shells.add(shell)
        return self.reply(200, envelope('<w:SelectorSet><w:Selector Name="ShellId">%s</w:Selector></w:SelectorSet>' % shell))

    def on_command(self, root):
        if mode() == "too many":
            once()
            return self.reply(500, fault(2150859174, "too many"))
        command = "C-%d" % time.monotonic_ns()
        script = script_of(root.findtext(".//rsp:Command", None, NS))
        if "$input" in script:  # it waits for its text
            piped = [o.text for o in root.iterfind(".//w:Option", NS) if o.get("Name") == "WINRS_CONSOLEMODE_STDIN"]
            assert piped == ["FALSE"], piped
            waiting[command] = b""
            return self.reply(200, envelope("<rsp:CommandResponse><rsp:CommandId>%s</rsp:CommandId></rsp:CommandResponse>" % command))
        return self.begin(command, script)

    def on_send(self, root):
        s = root.find(".//rsp:Stream", NS)
        assert len(s.text) < 100000 and s.get("Name") == "stdin", "too much for one envelope"
        waiting[s.get("CommandId")] += base64.b64decode(s.text)
        if mode() == "deaf":
            once()
            return self.reply(500, fault(995, "aborted"))
        if s.get("End") != "true":
            return self.reply(200, envelope("<rsp:SendResponse/>"))
        text = waiting.pop(s.get("CommandId")).decode()
        assert text.endswith("."), "it was cut"
        log("fed %d" % len(text))
        return self.begin(s.get("CommandId"), base64.b64decode(text[:-1]).decode())

    def begin(self, command, script):
        out, code = run(script)
        size = 37 if len(out) < 20000 else 49999  # odd, to cut letters in the middle
        commands[command] = [out[i:i + size] for i in range(0, len(out), size)], code
        if mode() == "drop" or (mode() == "drop change" and b"\"set\"" in out):
            once()
            self.close_connection = True
            return self.connection.close()
        return self.reply(200, envelope("<rsp:CommandResponse><rsp:CommandId>%s</rsp:CommandId></rsp:CommandResponse>" % command))

    def on_receive(self, root):
        command = root.find(".//rsp:DesiredStream", NS).get("CommandId")
        if mode() == "hang":
            time.sleep(30)
        if mode() == "slow":
            once()
            return self.reply(500, fault(2150858793, "timed out"))
        if mode() == "gone":
            once()
            return self.reply(500, fault(2150858843, "shell not found"))
        parts, code = commands[command]
        now, rest = parts[:3], parts[3:]
        commands[command] = rest, code
        body = "".join(stream("stdout", p, command) for p in now)
        if rest:
            body += '<rsp:CommandState CommandId="%s" State="%s/CommandState/Running"/>' % (command, SHELL)
        else:
            body += stream("stderr", b"#< CLIXML\r\n<Objs><S S=\"Error\">oh_x000A_no</S></Objs>", command)
            body += ('<rsp:CommandState CommandId="%s" State="%s/CommandState/Done"><rsp:ExitCode>%d</rsp:ExitCode>'
                     "</rsp:CommandState>" % (command, SHELL, code))
        return self.reply(200, envelope("<rsp:ReceiveResponse>%s</rsp:ReceiveResponse>" % body))

    def on_signal(self, _root):
        return self.reply(200, envelope("<rsp:SignalResponse/>"))

    def on_delete(self, root):
        shells.discard(root.find(".//w:Selector", NS).text)
        log("shells %d" % len(shells))
        return self.reply(200, envelope(""))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args):
        log("error %r" % (sys.exc_info()[1],))


def main():
    server = Server(("127.0.0.1", 0), Door)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path("door.pem"), path("door.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with open(path("port.tmp"), "w", encoding="utf-8") as f:
        f.write("%d\n" % server.server_port)
    os.rename(path("port.tmp"), path("port"))
    server.serve_forever()


main()
