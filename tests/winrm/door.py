"""The WS-Man doors: pywinrm's real requests, then every fault and limit by hand."""

import base64
import os
import socket
import sys
import threading
import time
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from winrm_lab import CMD, GONE, NS, SHELL, TRANSFER, Lab, Raw, clixml, encoded, tap, until  # noqa: E402

warnings.filterwarnings("ignore")
try:
    from winrm.protocol import Protocol
except ImportError:
    print("1..0 # SKIP python3-winrm is not installed")
    sys.exit(0)

lab = Lab()
fe = lab.frontend("fe-south")
TIMED_OUT, NO_SHELL, SHELLS, COMMANDS, ABORTED = 2150858793, 2150858843, 2150859173, 2150859174, 995
SLOW = "powershell -EncodedCommand " + encoded("'begun'; Start-Sleep 600; 'never'")


def protocol():
    return Protocol(endpoint=fe["url"], transport="basic", username=fe["user"], password=fe["password"], ca_trust_path=fe["ca"],
                    server_cert_validation="validate", operation_timeout_sec=5, read_timeout_sec=20)


def pywinrm(line, arguments=()):
    p = protocol()
    shell = p.open_shell()
    command = p.run_command(shell, line, arguments)
    out, err, code = p.get_command_output(shell, command)
    p.cleanup_command(shell, command)
    p.close_shell(shell)
    return code, out, err


def pywinrm_plain():
    assert pywinrm("hostname") == (0, b"FE-SOUTH\r\n", b"")
    code, out, _ = pywinrm("whoami")
    assert code == 0 and fe["user"].encode() in out, out
    assert pywinrm("echo", ["a", "b  c"])[1] == b"a b  c\r\n"


def pywinrm_script():
    code, out, err = pywinrm("powershell", ["-EncodedCommand", encoded("'out'; Write-Error 'bad'; exit 7")])
    assert (code, out) == (7, b"out\r\n"), (code, out)
    assert err.startswith(b"#< CLIXML\r\n<Objs ") and err.endswith(b"</Objs>"), err
    assert "Write-Error 'bad'; exit 7" in clixml(err.decode()).replace("\n", ""), clixml(err.decode())


def script_on_stdin():
    raw = Raw(fe)
    _, shell = raw.create()
    _, command = raw.command(shell, "powershell -EncodedCommand " + encoded(
        "$t=-join @($input); Invoke-Expression ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($t))); 'never'"))
    text = base64.b64encode("'grüß dich'; exit 4".encode())
    assert raw.send(shell, command, text[:7]).status == 200
    assert raw.send(shell, command, text[7:], end=True).status == 200
    a = until(lambda: (lambda r: r if r.text(".//rsp:ExitCode") else None)(raw.receive(shell, command)), what="it ends")
    out = b"".join(base64.b64decode(s.text or "") for s in a.xml.iterfind(".//rsp:Stream[@Name='stdout']", NS))
    assert a.text(".//rsp:ExitCode") == "4" and b"never" not in out, (a.body, out)
    raw.delete(shell)


def pywinrm_many():
    results = []
    threads = [threading.Thread(target=lambda i=i: results.append(pywinrm("echo", [str(i)])[1])) for i in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert sorted(results) == sorted(f"{i}\r\n".encode() for i in range(12)), results


def unknown_command():
    code, out, err = pywinrm("frobnicate", ["x"])
    assert code == 1 and out == b"" and b"'frobnicate' is not recognized as an internal or external command" in err, (code, err)
    code, _, err, _ = Raw(fe).run("C:\\nowhere\\tool.exe")
    assert code == 1 and b"cannot find the path" in err, (code, err)


def other_style():
    """Another client's way: its own prefixes, Arguments apart, full path of the program, no cmd.exe."""
    r = Raw(fe)
    body = (f'<env:Envelope xmlns:env="{NS["s"]}" xmlns:wsa="{NS["a"]}" xmlns:wsman="{NS["w"]}" xmlns:x="{SHELL}"><env:Header>'
            f"<wsa:To>http://windows-host:5985/wsman</wsa:To><wsman:ResourceURI mustUnderstand=\"true\">{CMD}</wsman:ResourceURI>"
            f"<wsa:Action>{{action}}</wsa:Action><wsa:MessageID>uuid:11111111-1111-1111-1111-111111111111</wsa:MessageID>"
            f"{{selector}}<wsman:OptionSet><wsman:Option Name=\"WINRS_SKIP_CMD_SHELL\">TRUE</wsman:Option></wsman:OptionSet>"
            f"</env:Header><env:Body>{{body}}</env:Body></env:Envelope>")
    a = r.post(body.format(action=TRANSFER + "Create", selector="", body="<x:Shell><x:InputStreams>stdin</x:InputStreams>"
                           "<x:OutputStreams>stdout stderr</x:OutputStreams></x:Shell>"))
    shell = a.text(".//w:Selector[@Name='ShellId']")
    assert a.text(".//a:RelatesTo") == "uuid:11111111-1111-1111-1111-111111111111"
    a = r.post(body.format(action=SHELL + "/Command",
                           selector=f'<wsman:SelectorSet><wsman:Selector Name="ShellId">{shell}</wsman:Selector></wsman:SelectorSet>',
                           body="<x:CommandLine><x:Command>C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe</x:Command>"
                           "<x:Arguments>-Command</x:Arguments><x:Arguments>\"'one'; 1+1\"</x:Arguments></x:CommandLine>"))
    command = a.text(".//rsp:CommandId")
    out = b""
    while True:
        a = r.receive(shell, command)
        for s in a.xml.iterfind(".//rsp:Stream", NS):
            out += base64.b64decode(s.text or "")
        if a.xml.find(".//rsp:CommandState", NS).get("State").endswith("/Done"):
            break
    assert out == b"one\r\n2\r\n", out
    ends = [s.get("Name") for s in a.xml.iterfind(".//rsp:Stream", NS) if s.get("End") == "true"]
    assert ends == ["stdout", "stderr"], ends
    r.delete(shell)


def skip_cmd_shell():
    r = Raw(fe)
    _, shell = r.create()
    a, _ = r.command(shell, "powershell.exe -Command 1", skip=True)
    assert (a.status, a.code()) == (500, 2147942402), (a.status, a.body)
    a, _ = r.command(shell, "C:\\Windows\\System32\\hostname.exe " + "x" * 40000, skip=True)
    assert a.code() == 2147942606, a.code()
    r.delete(shell)
    assert r.run("C:\\Windows\\System32\\hostname.exe", skip=True)[:2] == (0, b"FE-SOUTH\r\n")


def long_line():
    code, _, err, _ = Raw(fe).run("powershell -Command " + "x" * 8200)
    assert code == 1 and b"too long" in err, (code, err)
    line = "echo " + "x" * 8100
    assert len(Raw(fe).run(line)[1]) == 8102


def early_output():
    r = Raw(fe)
    _, shell = r.create()
    _, command = r.command(shell, SLOW)
    a = r.receive(shell, command)
    assert b"".join(base64.b64decode(s.text or "") for s in a.xml.iterfind(".//rsp:Stream", NS)) == b"begun\r\n"
    state = a.xml.find(".//rsp:CommandState", NS)
    assert state.get("State").endswith("/Running") and a.text(".//rsp:ExitCode") is None
    began = time.monotonic()
    a = r.receive(shell, command, timeout="PT1.5S")
    assert (a.status, a.code(), a.subcode()) == (500, TIMED_OUT, "w:TimedOut"), (a.status, a.body)
    assert 1.4 <= time.monotonic() - began < 15
    r.delete(shell)


def terminate():
    r, other = Raw(fe), Raw(fe)
    _, shell = r.create()
    _, command = r.command(shell, SLOW)
    r.receive(shell, command)
    seen = []
    waiting = threading.Thread(target=lambda: seen.append(other.receive(shell, command, timeout="PT60S").code()))
    waiting.start()
    time.sleep(0.2)  # either order is right: while it waits, or before it comes
    assert r.signal(shell, command).status == 200
    waiting.join(20)
    assert seen in ([ABORTED], [NO_SHELL]), seen
    assert r.receive(shell, command).code() == NO_SHELL
    assert r.delete(shell).status == 200
    assert r.delete(shell).code() == NO_SHELL


def interrupt():
    r = Raw(fe)
    _, shell = r.create()
    _, command = r.command(shell, SLOW)
    r.receive(shell, command)
    assert r.signal(shell, command, "ctrl_c").status == 200
    a = r.receive(shell, command)
    assert a.text(".//rsp:ExitCode") == "-1073741510", a.body
    r.delete(shell)


def delete_wakes():
    r, other = Raw(fe), Raw(fe)
    _, shell = r.create()
    _, command = r.command(shell, SLOW)
    r.receive(shell, command)
    seen = []
    waiting = threading.Thread(target=lambda: seen.append(other.receive(shell, command, timeout="PT60S").code()))
    waiting.start()
    time.sleep(0.2)
    r.delete(shell)
    waiting.join(20)
    assert seen in ([ABORTED], [NO_SHELL]), seen


def endless_output():
    """A loop that prints for ever stands still when nobody takes its output, and ends when told to."""
    r = Raw(fe)
    _, shell = r.create()
    _, command = r.command(shell, "powershell -Command while ($true) { 'x' * 1000 }")
    for _ in range(3):
        assert r.receive(shell, command).status == 200
    assert r.signal(shell, command).status == 200
    assert r.delete(shell).status == 200


def password():
    for auth in (None, "Basic " + base64.b64encode(b"x:y").decode(), "Basic !!!", "Negotiate abc"):
        a = Raw(fe).post(Raw(fe).envelope(TRANSFER + "Create"), headers={"Authorization": auth})
        assert a.status == 401 and a.headers["WWW-Authenticate"] == 'Basic realm="WSMAN"', (auth, a.status)
    assert Raw(fe, fe["password"] + "x").create()[0].status == 401
    assert Raw(fe, fe["password"][:-1]).create()[0].status == 401


def paths():
    assert Raw(fe).post("x", path="/other").status == 404
    assert Raw(fe).post("x", path="/wsmanx").status == 404
    assert Raw(fe).post("", method="GET").status == 405


def malformed():
    r = Raw(fe)
    good = r.envelope(TRANSFER + "Create", "<rsp:Shell/>")
    cases = {
        "nothing": "", "text": "hello", "half": good[:200], "binary": bytes(range(256)),
        "entities": '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + good.replace("PT20S", "&b;"),
        "an external entity": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + good.replace("PT20S", "&a;"),
        "another namespace": good.replace(NS["s"], "urn:x"), "no action": good.replace("a:Action", "a:Inaction"),
        "no id": good.replace("a:MessageID", "a:Message"), "no duration": good.replace("PT20S", "20"),
        "deep": "<a>" * 5000,
    }
    for name, body in cases.items():
        a = Raw(fe).post(body)
        assert a.status == 400 and a.xml.find(".//s:Fault", NS) is not None, (name, a.status, a.body[:300])
        assert b"root:" not in a.body


def wrong_requests():
    r = Raw(fe)
    _, shell = r.create()
    a = r.call(SHELL + "/Frobnicate", shell=shell)
    assert (a.status, a.subcode()) == (500, "a:ActionNotSupported"), a.body
    a = r.call(TRANSFER + "Create", resource=SHELL + "/other")
    assert (a.status, a.subcode()) == (500, "a:DestinationUnreachable"), a.body
    a = r.receive(shell, None)
    assert a.code() == 87, a.body
    a = r.receive("00000000-0000-0000-0000-000000000000", "x")
    assert (a.status, a.code(), a.subcode()) == (500, NO_SHELL, "w:InvalidSelectors"), a.body
    assert r.receive(shell, "no-such-command").code() == NO_SHELL
    assert r.command("nowhere", "hostname")[0].code() == NO_SHELL
    assert r.command(shell, "")[0].code() == 87
    _, command = r.command(shell, SLOW)
    assert r.call(SHELL + "/Signal", f'<rsp:Signal CommandId="{command}"><rsp:Code>x</rsp:Code></rsp:Signal>', shell=shell).code() == 87
    a = r.call(SHELL + "/Send", f'<rsp:Send><rsp:Stream Name="stdin" CommandId="{command}">*</rsp:Stream></rsp:Send>', shell=shell)
    assert a.code() == 87, a.body
    r.delete(shell)


def sizes():
    r = Raw(fe)
    a = r.create()[0] if r.call(TRANSFER + "Create", size=100).subcode() == "w:EncodingLimit" else None
    assert a is not None and a.status == 200
    r.delete(a.text(".//w:Selector[@Name='ShellId']"))
    big = r.envelope(TRANSFER + "Create", "<rsp:Shell/>" + " " * 600000)
    a = Raw(fe).post(big)
    assert (a.status, a.subcode()) == (500, "w:EncodingLimit"), (a.status, a.body[:200])
    a = Raw(fe).post("", headers={"Content-Length": "99999999999"})
    assert a.status == 413, a.status


def endless_request():
    r = Raw(fe)
    r.c.connect()
    s = r.c.sock
    s.sendall(b"POST /wsman HTTP/1.1\r\nHost: x\r\nAuthorization: " + r.auth.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    s.settimeout(30)
    sent = 0
    try:
        while sent < 64 << 20:
            s.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent += 65536
    except OSError:
        pass
    assert sent < 32 << 20, sent
    assert Raw(fe).run("hostname")[0] == 0


def split_output():
    """Small envelopes, pieces that end inside characters: joined, the text is whole."""
    script = "1..3000 | ForEach-Object { 'Grüße ' + $_ + ' – ж' }"
    code, out, _, largest = Raw(fe).run("powershell -EncodedCommand " + encoded(script), size=8192)
    assert code == 0 and largest <= 8192, largest
    assert out.decode().splitlines() == [f"Grüße {i} – ж" for i in range(1, 3001)]


def code_pages():
    r = Raw(fe)
    script = "powershell -EncodedCommand " + encoded("'Grüße ж'")
    assert r.run(script, codepage=437)[1] == b"Gr\x81\xe1e ?\r\n"
    assert r.run(script, codepage=65001)[1] == "Grüße ж\r\n".encode()
    both = "powershell -EncodedCommand " + encoded("[Console]::OutputEncoding = [Text.UTF8Encoding]::new($false); 'ж'")
    assert r.run(both, codepage=437)[1] == "ж\r\n".encode()


def stdin():
    r = Raw(fe)
    _, shell = r.create()
    _, command = r.command(shell, "powershell -NoProfile -Command -")
    assert r.send(shell, command, b"'from '").status == 200
    assert r.send(shell, command, b" + 'stdin'", end=True).status == 200
    a = r.receive(shell, command)
    out = b"".join(base64.b64decode(s.text or "") for s in a.xml.iterfind(".//rsp:Stream[@Name='stdout']", NS))
    assert out == b"from stdin\r\n", (out, a.body)
    r.delete(shell)


def bad_base64():
    code, _, err, _ = Raw(fe).run("powershell -EncodedCommand ???")
    assert code == 1 and b"not properly encoded" in err, err
    code, _, err, _ = Raw(fe).run("powershell -EncodedCommand QQ==")
    assert code == 1 and b"not properly encoded" in err, err


def too_many_shells():
    r = Raw(fe)
    shells = []
    for _ in range(40):
        a, shell = r.create()
        if shell is None:
            break
        shells.append(shell)
    assert len(shells) == 30 and a.code() == SHELLS, (len(shells), a.body)
    assert a.xml.find(".//f:WSManFault", NS) is None  # as recorded from real hosts
    for shell in shells:
        assert r.delete(shell).status == 200
    a, shell = r.create()
    assert a.status == 200
    r.delete(shell)


def too_many_commands():
    r = Raw(fe)
    _, shell = r.create()
    for _ in range(25):
        assert r.command(shell, SLOW)[0].status == 200
    assert r.command(shell, SLOW)[0].code() == COMMANDS
    r.delete(shell)


def idle():
    r = Raw(fe)
    _, shell = r.create(idle="<rsp:IdleTimeOut>PT1S</rsp:IdleTimeOut>")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(1.6)  # asking is use: the shell must be left alone to become idle
        if r.delete(shell).code() == NO_SHELL:
            return
        _, shell = r.create(idle="<rsp:IdleTimeOut>PT1S</rsp:IdleTimeOut>")
        time.sleep(1.6)
    raise AssertionError("an idle shell does not end")


def client_gone():
    """Clients that vanish in the middle leave the door in order."""
    for i in range(20):
        r = Raw(fe)
        r.c.connect()
        r.c.sock.sendall(b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<half")
        if i % 2:
            r.c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        r.c.sock.close()
    s = socket.create_connection((fe["url"].split("//")[1].split(":")[0], int(fe["url"].split(":")[2].split("/")[0])))
    s.sendall(b"this is no TLS\r\n\r\n" * 100)
    s.close()
    assert Raw(fe).run("hostname")[0] == 0


def identify():
    a = Raw(fe).post(f'<s:Envelope xmlns:s="{NS["s"]}" xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
                     "<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>")
    assert a.status == 200 and b"ProductVendor" in a.body


def goes_and_comes(kind, name):
    north = lab.frontend("fe-north")

    def answers():
        try:
            return Raw(north).run("hostname")[:2] == (0, b"FE-NORTH\r\n")
        except GONE:
            return False
    until(answers, what="it answers before")
    r = Raw(north)
    _, shell = r.create()
    _, command = r.command(shell, SLOW)
    r.receive(shell, command)
    seen = []

    def wait():
        try:
            seen.append(r.receive(shell, command, timeout="PT60S").code())
        except GONE:
            seen.append(None)
    waiting = threading.Thread(target=wait)
    waiting.start()
    lab.fault("power-off", kind, name)
    waiting.join(20)
    assert seen in ([None], [ABORTED]), seen
    until(lambda: not answers(), what="it is gone")
    lab.fault("power-on", kind, name)
    until(answers, what="it answers again")
    assert Raw(north).receive(shell, command).code() == NO_SHELL


def power():
    goes_and_comes("site", "north")


def front_end_power():
    goes_and_comes("frontend", "fe-north")


tap([
    ("pywinrm runs commands over HTTPS with Basic authentication", pywinrm_plain),
    ("pywinrm runs an encoded script and gets its exit code and CLIXML", pywinrm_script),
    ("a script that comes through stdin in pieces runs with its exit code", script_on_stdin),
    ("twelve clients at once each get their own output", pywinrm_many),
    ("an unknown command gives exit code 1 and cmd.exe's words", unknown_command),
    ("another client's prefixes and argument style are understood", other_style),
    ("without cmd.exe a program needs its full path and a bounded line", skip_cmd_shell),
    ("a line that is too long for cmd.exe is refused by it", long_line),
    ("output comes before the end, and waiting longer than OperationTimeout is fault 2150858793", early_output),
    ("terminate ends a command: waiting receivers get 995, later ones 2150858843", terminate),
    ("control-C ends a command with its own exit code", interrupt),
    ("deleting a shell wakes who waits in it", delete_wakes),
    ("a command that prints for ever waits for its reader and can be ended", endless_output),
    ("wrong and missing passwords get 401 and the realm WSMAN", password),
    ("other paths are 404, other methods 405", paths),
    ("malformed, truncated, hostile and deep envelopes get 400 and a fault", malformed),
    ("wrong actions, resources, selectors and parameters get their faults", wrong_requests),
    ("envelopes that are too large, or ask for too small ones, are refused", sizes),
    ("a request that never ends is cut off", endless_request),
    ("output comes in pieces that respect MaxEnvelopeSize and loses no character", split_output),
    ("the code page of the shell decides about bytes, the script may change it", code_pages),
    ("a script can come through stdin in several pieces", stdin),
    ("an encoded command that is not one is refused in words", bad_base64),
    ("the 31st shell of a user is fault 2150859173, told the way real hosts do", too_many_shells),
    ("the 26th command of a shell is fault 2150859174", too_many_commands),
    ("a shell ends after its idle time", idle),
    ("clients that vanish or speak no TLS do no harm", client_gone),
    ("Identify tells what stands here", identify),
    ("a front end goes down and comes back with the power of its site, and knows no old shell", power),
    ("so it does alone", front_end_power),
])
