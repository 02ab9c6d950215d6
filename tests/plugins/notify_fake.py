"""Where the messages of the plugin notify end in its test: a webhook over HTTPS and a mail server with STARTTLS.

Usage: notify_fake.py DIR.  Ports are written to DIR/ports ("HTTPS SMTP") once both listen.  DIR/mode is read for each
message: a status such as "200" or "429" for the webhook; "mail", "mail no-starttls", "mail later", "mail refuse" for the
mail server.  What was accepted is appended to DIR/posts and DIR/mails.
"""

import os
import socket
import socketserver
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR = sys.argv[1]
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def mode():
    with open(os.path.join(DIR, "mode"), encoding="utf-8") as f:
        return f.read().strip()


def keep(name, text):
    with open(os.path.join(DIR, name), "a", encoding="utf-8", newline="") as f:
        f.write(text)


class Hook(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status = int(mode().split()[0])
        keep("posts", "%s\nIdempotency-Key: %s\n%s\n" % (self.path, self.headers["Idempotency-Key"], body))
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "7")
        if status == 302:
            self.send_header("Location", "https://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(b"thank you\nvery much" + b"x" * 5000)


class Mail(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")
        self.wfile.flush()

    def handle(self):
        behave, secure, talk = mode(), False, ""
        self.say("220 fake ESMTP")
        while True:
            line = self.rfile.readline().decode()
            word = line.split(" ")[0].strip().upper()
            talk += line
            if not line or word == "QUIT":
                return
            if word in ("EHLO", "HELO"):
                if secure or "no-starttls" in behave:
                    self.say("250-fake\r\n250 AUTH PLAIN")
                else:
                    self.say("250-fake\r\n250 STARTTLS")
            elif word == "STARTTLS":
                self.say("220 go")
                self.request = TLS.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb")
                secure = True
            elif word == "AUTH":
                if len(line.split()) < 3:
                    self.say("334 ")
                    self.rfile.readline()
                self.say("235 in")
            elif word == "RCPT" and "refuse" in behave:
                self.say("550 nobody here")
            elif word == "RCPT" and "later" in behave:
                self.say("451 come later")
            elif word == "DATA":
                self.say("354 go on")
                while not talk.endswith("\r\n.\r\n"):
                    talk += self.rfile.readline().decode()
                keep("mails", "secure %s\n%s" % (secure, talk))
                self.say("250 queued as 17")
            else:
                self.say("250 ok")


class MailServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *args):
        pass


class HookServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args):
        pass


def main():
    TLS.load_cert_chain(os.path.join(DIR, "door.pem"), os.path.join(DIR, "door.key"))
    hook, mail = HookServer(("127.0.0.1", 0), Hook), MailServer(("127.0.0.1", 0), Mail)
    hook.socket = TLS.wrap_socket(hook.socket, server_side=True, do_handshake_on_connect=False)
    assert isinstance(mail.socket, socket.socket)
    with open(os.path.join(DIR, "ports.tmp"), "w", encoding="utf-8") as f:
        f.write("%d %d\n" % (hook.server_port, mail.server_address[1]))
    os.rename(os.path.join(DIR, "ports.tmp"), os.path.join(DIR, "ports"))
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    mail.serve_forever()


main()
