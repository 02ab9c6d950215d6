"""A front end that means harm, for the tests of the plugin pool: TLS and then whatever DIR/mode says.

Usage: wsman_hostile.py DIR.  Serves 127.0.0.1 on a free port, written to DIR/port once it listens; certificate in
DIR/door.pem and door.key.  Modes are functions below: each gets the connection and the request, and says what it pleases.
"""

import base64
import os
import socket
import ssl
import sys
import threading
import time

DIR = sys.argv[1]
NS = ('xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
      'xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"')
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"


def path(name):
    return os.path.join(DIR, name)


def envelope(body):
    return f"<s:Envelope {NS}><s:Body>{body}</s:Body></s:Envelope>".encode()


def answer(c, body, status="200 OK", headers=""):
    c.sendall(f"HTTP/1.1 {status}\r\nContent-Type: application/soap+xml\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def shell_then(receive):
    """Plays the first steps as they should be; what Receive gets is the mode's own."""
    def play(c, request):
        if b"/Create<" in request:
            return answer(c, envelope('<w:SelectorSet><w:Selector Name="ShellId">S</w:Selector></w:SelectorSet>'))
        if b"/Command<" in request:
            return answer(c, envelope("<rsp:CommandResponse><rsp:CommandId>C</rsp:CommandId></rsp:CommandResponse>"))
        if b"/Receive<" in request:
            return receive(c)
        return answer(c, envelope(""))
    return play


def received(text, state="Done", code="<rsp:ExitCode>0</rsp:ExitCode>"):
    return envelope(f'<rsp:ReceiveResponse><rsp:Stream Name="stdout">{text}</rsp:Stream>'
                    f'<rsp:CommandState CommandId="C" State="{SHELL}/CommandState/{state}">{code}</rsp:CommandState></rsp:ReceiveResponse>')


def says(data, **how):
    return shell_then(lambda c: answer(c, received(base64.b64encode(data).decode(), **how)))


def endless(c, _):
    c.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        c.sendall(b"x" * 65536)


def drip(c, _):
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        c.sendall(b" ")
        time.sleep(0.05)


def headers(c, _):
    c.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        c.sendall(b"X-More: " + b"y" * 1000 + b"\r\n")


def bomb(c, _):
    entities = "".join(f'<!ENTITY e{i} "{("&e%d;" % (i - 1)) * 10 if i else "boom" * 10}">' for i in range(12))
    answer(c, f"<!DOCTYPE s:Envelope [{entities}]>".encode() + envelope("<rsp:ShellId>&e11;</rsp:ShellId>"))


def silence(_c, _):
    time.sleep(60)


MODES = {
    "endless": endless,
    "drip": drip,
    "headers": headers,
    "bomb": bomb,
    "silence": silence,
    "deep": lambda c, _: answer(c, envelope("<a>" * 200000 + "</a>" * 200000)),
    "half": lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<s:Env"),
    "negative": lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
    "chunks": lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\nx"),
    "zip": lambda c, _: answer(c, b"\x1f\x8b\x08\x00" + b"\xff" * 100, headers="Content-Encoding: gzip\r\n"),
    "file": lambda c, _: answer(c, b"", "302 Found", "Location: file:///etc/passwd\r\n"),
    "teapot": lambda c, _: answer(c, b"no", "418 I'm a teapot"),
    "noise": lambda c, _: c.sendall(os.urandom(5000)),
    "nul": lambda c, _: answer(c, b"<s:Envelope \x00>"),
    "nobody": lambda c, _: answer(c, b""),
    "no name": lambda c, _: answer(c, envelope("")),
    "never done": shell_then(lambda c: answer(c, received("", "Running", ""))),
    "not base64": shell_then(lambda c: answer(c, received("????"))),
    "no markers": says(b"hello"),
    "one marker": says(b"<<<switchback\r\n{}"),
    "not JSON": says(b"<<<switchback\r\n{\"states\": [\r\nswitchback>>>"),
    "not UTF-8": says(b"<<<switchback\r\n{\"states\": \"\xff\xfe\"}\r\nswitchback>>>"),
    "deep JSON": says(b"<<<switchback\r\n" + b"[" * 100000 + b"\r\nswitchback>>>"),
    "other JSON": says(b"<<<switchback\r\n[1, {\"states\": 7}]\r\nswitchback>>>"),
    "wrong types": says(b"<<<switchback\r\n{\"states\": {\"identity\": 7, \"state\": []}, \"services\": \"x\"}\r\nswitchback>>>"),
    "odd code": says(b"x", code="<rsp:ExitCode>99999999999999999999</rsp:ExitCode>"),
}


def serve(raw, context):
    try:
        with open(path("mode"), encoding="utf-8") as f:
            mode = f.read().strip()
        if mode == "plain":
            raw.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            raw.close()
            return
        c = context.wrap_socket(raw, server_side=True)
        c.settimeout(60)
        while True:
            data = b""
            while b"</s:Envelope>" not in data:
                got = c.recv(65536)
                if not got:
                    return
                data += got
            MODES[mode](c, data)
            if mode in ("half", "noise"):
                return
    except (OSError, ssl.SSLError):
        pass
    finally:
        raw.close()


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path("door.pem"), path("door.key"))
    listener = socket.create_server(("127.0.0.1", 0))
    with open(path("port.tmp"), "w", encoding="utf-8") as f:
        f.write("%d\n" % listener.getsockname()[1])
    os.rename(path("port.tmp"), path("port"))
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=serve, args=(raw, context), daemon=True).start()


main()
