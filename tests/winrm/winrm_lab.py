"""What the tests of the WS-Man doors share: a lab of their own, TAP, a raw WS-Man client over http.client (so that
requests can be wrong on purpose), and pywinrm's Protocol beside it."""

import atexit
import base64
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
import xml.etree.ElementTree as ET

BUILD = os.environ.get("SWITCHBACK_BUILD_DIR", ".")
LAB = os.path.join(BUILD, "switchback-lab")
NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "m": "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/MSFT_WmiError",
}
SHELL = NS["rsp"]
CMD = SHELL + "/cmd"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer/"


class Lab:
    """A lab that ends with this process."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sb-winrm-")
        atexit.register(shutil.rmtree, self.dir, True)
        self.end, self.owner = os.pipe()
        os.set_inheritable(self.end, True)
        subprocess.run([LAB, "up", "--dir", self.dir, "--owner-fd", str(self.end)], check=True, stdout=subprocess.DEVNULL,
                       pass_fds=[self.end], timeout=90)
        with open(os.path.join(self.dir, "lab.json"), encoding="utf-8") as f:
            self.json = json.load(f)
        atexit.register(subprocess.run, [LAB, "down", "--dir", self.dir], stdout=subprocess.DEVNULL)

    def frontend(self, name):
        return [f for f in self.json["frontends"] if f["name"] == name][0]

    def fault(self, *words):
        subprocess.run([LAB, "fault", "--dir", self.dir, *words], check=True, stdout=subprocess.DEVNULL, timeout=60)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        try:
            self.xml = ET.fromstring(body) if body else None
        except ET.ParseError:
            self.xml = None

    def text(self, path):
        return None if self.xml is None else self.xml.findtext(path, None, NS)

    def code(self):
        """The number of a WSManFault, else that of a WMI error, else None."""
        if self.xml is None:
            return None
        fault = self.xml.find(".//f:WSManFault", NS)
        if fault is not None:
            return int(fault.get("Code"))
        text = self.xml.findtext(".//m:error_Code", None, NS)
        return int(text) if text else None

    def subcode(self):
        return self.text(".//s:Subcode/s:Value")


GONE = (OSError, http.client.HTTPException)  # no answer, or half of one: its door lost the power


class Raw:
    """One connection; every part of a request can be replaced."""

    def __init__(self, frontend, password=None):
        self.fe = frontend
        host, port = re.match(r"https://([^:/]+):(\d+)/", frontend["url"]).groups()
        self.tls = ssl.create_default_context(cafile=frontend["ca"])
        self.c = http.client.HTTPSConnection(host, int(port), timeout=90, context=self.tls)
        secret = frontend["user"] + ":" + (password or frontend["password"])
        self.auth = "Basic " + base64.b64encode(secret.encode()).decode()

    def post(self, body, path="/wsman", method="POST", headers=None):
        h = {"Content-Type": "application/soap+xml;charset=UTF-8", "Authorization": self.auth}
        h.update(headers or {})
        h = {k: v for k, v in h.items() if v is not None}
        self.c.request(method, path, body if isinstance(body, bytes) else body.encode(), h)
        r = self.c.getresponse()
        return Answer(r.status, r.headers, r.read())

    def envelope(self, action, body="", shell=None, timeout="PT20S", size=153600, options="", resource=CMD):
        selector = f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet>' if shell else ""
        return (f'<s:Envelope xmlns:s="{NS["s"]}" xmlns:a="{NS["a"]}" xmlns:w="{NS["w"]}" xmlns:rsp="{SHELL}"><s:Header>'
                f"<a:To>{self.fe['url']}</a:To><a:Action s:mustUnderstand=\"true\">{action}</a:Action>"
                f"<a:MessageID>uuid:{uuid.uuid4()}</a:MessageID><w:ResourceURI>{resource}</w:ResourceURI>"
                f"<w:MaxEnvelopeSize>{size}</w:MaxEnvelopeSize><w:OperationTimeout>{timeout}</w:OperationTimeout>"
                f"{selector}<w:OptionSet>{options}</w:OptionSet></s:Header><s:Body>{body}</s:Body></s:Envelope>")

    def call(self, action, body="", **kw):
        return self.post(self.envelope(action, body, **kw))

    def create(self, codepage=65001, idle=""):
        a = self.call(TRANSFER + "Create", f"<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams>"
                      f"<rsp:OutputStreams>stdout stderr</rsp:OutputStreams>{idle}</rsp:Shell>",
                      options=f'<w:Option Name="WINRS_CODEPAGE">{codepage}</w:Option>')
        return a, a.text(".//w:Selector[@Name='ShellId']")

    def command(self, shell, line, skip=False, arguments=""):
        options = '<w:Option Name="WINRS_SKIP_CMD_SHELL">TRUE</w:Option>' if skip else ""
        line = line.replace("&", "&amp;").replace("<", "&lt;")
        a = self.call(SHELL + "/Command", f"<rsp:CommandLine><rsp:Command>{line}</rsp:Command>{arguments}</rsp:CommandLine>",
                      shell=shell, options=options)
        return a, a.text(".//rsp:CommandId")

    def receive(self, shell, command, **kw):
        at = f' CommandId="{command}"' if command else ""
        return self.call(SHELL + "/Receive", f"<rsp:Receive><rsp:DesiredStream{at}>stdout stderr</rsp:DesiredStream></rsp:Receive>",
                         shell=shell, **kw)

    def signal(self, shell, command, what="terminate"):
        return self.call(SHELL + "/Signal", f'<rsp:Signal CommandId="{command}"><rsp:Code>{SHELL}/signal/{what}</rsp:Code>'
                         "</rsp:Signal>", shell=shell)

    def send(self, shell, command, data, end=False):
        text = base64.b64encode(data).decode()
        return self.call(SHELL + "/Send", f'<rsp:Send><rsp:Stream Name="stdin" CommandId="{command}"'
                         f'{" End=" + chr(34) + "true" + chr(34) if end else ""}>{text}</rsp:Stream></rsp:Send>', shell=shell)

    def delete(self, shell):
        return self.call(TRANSFER + "Delete", shell=shell)

    def run(self, line, codepage=65001, skip=False, **kw):
        """(exit code, stdout, stderr, largest answer) of one command in a shell of its own."""
        _, shell = self.create(codepage)
        _, command = self.command(shell, line, skip)
        streams, largest = {"stdout": b"", "stderr": b""}, 0
        while True:
            a = self.receive(shell, command, **kw)
            if a.code() == 2150858793:
                continue
            assert a.status == 200, a.body
            largest = max(largest, len(a.body))
            for s in a.xml.iterfind(".//rsp:Stream", NS):
                streams[s.get("Name")] += base64.b64decode(s.text or "")
            if a.xml.find(".//rsp:CommandState", NS).get("State").endswith("/Done"):
                code = int(a.text(".//rsp:ExitCode"))
                break
        self.signal(shell, command)
        self.delete(shell)
        return code, streams["stdout"], streams["stderr"], largest

    def ps(self, script, codepage=65001, **kw):
        code, out, err, _ = self.run("powershell.exe -NoProfile -NonInteractive -EncodedCommand " + encoded(script), codepage, **kw)
        return code, out.decode("utf-8", "replace").replace("\r\n", "\n"), clixml(err.decode("utf-8", "replace"))


def encoded(script):
    return base64.b64encode(script.encode("utf-16-le")).decode()


def clixml(text):
    """The error texts of a CLIXML stream, joined."""
    if not text.startswith("#< CLIXML"):
        return text
    root = ET.fromstring(text.split("\r\n", 1)[1])
    lines = [e.text or "" for e in root if e.tag.endswith("}S") and e.get("S") == "Error"]
    return "".join(re.sub("_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), s) for s in lines).replace("\r\n", "\n")


def until(condition, seconds=20, what=""):
    """Waits for a condition, never for a time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"it did not come to that in {seconds} s: {what}")


def tap(tests):
    """Runs (sentence, function) pairs and exits."""
    sys.stdout.reconfigure(line_buffering=True)
    bad = 0
    print(f"1..{len(tests)}")
    for n, (title, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {n} - {title}")
        except Exception:  # every failure is a line of TAP
            bad += 1
            print(f"not ok {n} - {title}")
            for line in traceback.format_exc().splitlines():
                print("# " + line)
    sys.exit(1 if bad else 0)
