"""A webhook that takes only what the real services take: for each of them the shape of a payload, every key that is
allowed, every limit, and how a reader sees it.  A module for tests; nothing here knows the program that is tested.

The shapes and limits are those of the services' own documentation: Adaptive Cards 1.4 and "Create incoming webhooks with
Workflows" (28 KB), Slack Block Kit, Mattermost incoming webhooks, Rocket.Chat integrations (Message_MaxAllowedSize 5000),
Google Chat API v1 (32000 bytes), Discord "Execute Webhook", Matrix client-server API v3 (65536 bytes an event).

Sink(folder) listens on loopback with TLS.  A path is /SERVICE/SECRET; sink.seen holds what was accepted, as `Seen`;
sink.refused why something was not.  sink.behave[SERVICE] is a list of answers that come before the good one:
(status, headers, body), a number of seconds by which the good one is late, or "silence".
"""

import html
import json
import os
import re
import ssl
import string as string_module
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Wrong(Exception):
    """The service would not take it."""


class Seen:
    """What a reader sees: the first line, and all text."""

    def __init__(self, service, first, text, headers, path, at, raw):
        self.service, self.first, self.text, self.headers, self.path, self.at, self.raw = service, first, text, headers, path, at, raw


def need(condition, why):
    if not condition:
        raise Wrong(why)


def units(s):
    return len(s.encode("utf-16-le")) // 2


def keys(value, required, optional=()):
    need(isinstance(value, dict), f"not an object: {value!r}")
    need(set(required) <= set(value), f"{sorted(set(required) - set(value))} is missing in {value!r}")
    need(set(value) <= {*required, *optional}, f"{sorted(set(value) - {*required, *optional})} is not known")


def string(value, most, least=1):
    need(isinstance(value, str), f"not a string: {value!r}")
    need(least <= units(value) <= most, f"{units(value)} characters, not {least} to {most}")
    return value


# ---- teams

def teams(body, raw):
    need(len(raw) <= 28 * 1024, f"{len(raw)} bytes")
    keys(body, ["type", "attachments"])
    need(body["type"] == "message" and len(body["attachments"]) == 1, "a message has one attachment")
    keys(body["attachments"][0], ["contentType", "content"], ["contentUrl"])
    need(body["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive", "not an Adaptive Card")
    need(body["attachments"][0].get("contentUrl") is None, "contentUrl must be null")
    card = body["attachments"][0]["content"]
    keys(card, ["type", "version", "body"], ["$schema", "msteams", "fallbackText", "speak"])
    need(card["type"] == "AdaptiveCard" and re.fullmatch(r"1\.[0-5]", card["version"]), "not a version that Teams shows")
    lines = []
    for block in card["body"]:
        keys(block, ["type", "inlines"], ["spacing", "horizontalAlignment", "separator"])
        need(block["type"] == "RichTextBlock", block["type"])
        need(block.get("spacing", "Default") in ("None", "Small", "Default", "Medium", "Large"), "spacing")
        for run in block["inlines"]:
            keys(run, ["type", "text"], ["weight", "size", "color", "fontType", "isSubtle", "italic"])
            need(run["type"] == "TextRun", run["type"])
            string(run["text"], 30000)
            need(run.get("color", "Default") in ("Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"), "color")
            need(run.get("weight", "Default") in ("Default", "Lighter", "Bolder"), "weight")
            need(run.get("size", "Default") in ("Default", "Small", "Medium", "Large", "ExtraLarge"), "size")
            need(run.get("fontType", "Default") in ("Default", "Monospace"), "fontType")
        lines.append("".join(run["text"] for run in block["inlines"]))  # text runs know no Markdown
    return lines[0], "\n".join(lines), (202, b"")


# ---- slack

def slack_text(value, most, types=("plain_text",)):
    keys(value, ["type", "text"], ["emoji"])
    need(value["type"] in types, value["type"])
    text = string(value["text"], most)
    need(not re.search(r"[<>]", text) and not re.search(r"&(?!amp;|lt;|gt;)", text), f"not escaped: {text!r}")
    return html.unescape(text)


def slack(body, raw):
    keys(body, ["text"], ["blocks", "mrkdwn", "unfurl_links", "unfurl_media"])
    need(body.get("mrkdwn", True) is False, "the text is parsed as mrkdwn")
    first = slack_text({"type": "plain_text", "text": body["text"]}, 40000)
    lines = []
    need(1 <= len(body.get("blocks", [])) <= 50, "blocks")
    for block in body["blocks"]:
        if block["type"] == "header":
            keys(block, ["type", "text"], ["block_id"])
            lines.append(slack_text(block["text"], 150))
        elif block["type"] == "section":
            keys(block, ["type"], ["text", "fields", "block_id"])
            need("text" in block or "fields" in block, "a section needs text or fields")
            if "text" in block:
                lines.append(slack_text(block["text"], 3000))
            need(1 <= len(block.get("fields", [None])) <= 10, "fields")
            lines += [slack_text(f, 2000) for f in block.get("fields", [])]
        elif block["type"] == "context":
            keys(block, ["type", "elements"], ["block_id"])
            need(1 <= len(block["elements"]) <= 10, "elements")
            lines += [slack_text(e, 3000) for e in block["elements"]]
        else:
            raise Wrong(block["type"])
    return first, "\n".join(lines), (200, b"ok")


# ---- Markdown of Mattermost, Rocket.Chat and Discord

def unmark(text, special):
    """What is shown; a character of `special` that is not escaped would be markup."""
    out, i = "", 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text) and text[i + 1] in string_module.punctuation:
            i += 1
        else:
            need(text[i] not in special, f"markup: {text[max(0, i - 20):i + 20]!r}")
        out += text[i]
        i += 1
    need(not re.search(r"@(all|channel|here|everyone)\b", out), f"somebody is mentioned: {out!r}")
    return out.replace("\u200b", "")


def attachment(special, most):
    def take(body, raw):
        keys(body, ["text"], ["attachments", "username", "channel", "alias"])
        first = unmark(string(body["text"], most), special)
        need(len(body.get("attachments", [])) <= 1, "attachments")
        lines = [first]
        for a in body.get("attachments", []):
            keys(a, [], ["fallback", "color", "text", "title", "fields", "footer"])
            need(re.fullmatch(r"#[0-9a-f]{6}", a.get("color", "#000000")), "color")
            lines.append(unmark(string(a.get("text", ""), 7600, 0), special))
            for f in a.get("fields", []):
                keys(f, ["title", "value"], ["short"])
                need(isinstance(f.get("short", True), bool), "short")
                lines.append(unmark(string(f["title"], 1000), special) + ": " + unmark(string(f["value"], 2000), special))
        return first, "\n".join(lines), (200, b"ok" if most > 5000 else b'{"success": true}')
    return take


def discord(body, raw):
    special = "\\`*_~|<>[]#"
    keys(body, ["content", "allowed_mentions"], ["embeds", "username"])
    need(body["allowed_mentions"] == {"parse": []}, "somebody can be mentioned")
    first = unmark(string(body["content"], 2000), special)
    lines, total = [first], 0
    need(len(body.get("embeds", [])) <= 10, "embeds")
    for e in body.get("embeds", []):
        keys(e, [], ["title", "description", "color", "fields", "footer"])
        need(isinstance(e.get("color", 0), int) and 0 <= e.get("color", 0) <= 0xffffff, "color")
        lines.append(unmark(string(e.get("description", ""), 4096, 0), special))
        total += units(e.get("description", ""))
        need(len(e.get("fields", [])) <= 25, "fields")
        for f in e.get("fields", []):
            keys(f, ["name", "value"], ["inline"])
            lines.append(unmark(string(f["name"], 256), special) + ": " + unmark(string(f["value"], 1024), special))
            total += units(f["name"]) + units(f["value"])
        if "footer" in e:
            keys(e["footer"], ["text"])
            lines.append(string(e["footer"]["text"], 2048))
            total += units(e["footer"]["text"])
    need(total <= 6000, f"{total} characters in the embeds")
    return first, "\n".join(lines), (204, b"")


# ---- HTML of Google Chat and Matrix

def unhtml(text, tags):
    need(not re.search(r"&(?!amp;|lt;|gt;|quot;)", text), f"not escaped: {text!r}")
    for tag in re.findall(r"<([^>]*)>", text):
        need(tag.strip("/") in tags, f"<{tag}>")
    text = re.sub(r"<br>|</li>", "\n", text)
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def googlechat(body, raw):
    need(len(raw) <= 32000, f"{len(raw)} bytes")
    keys(body, ["text"], ["cardsV2"])
    first = string(body["text"], 4096)
    need(not re.search(r"[*_~`<](?!\u200b)", first), f"markup: {first!r}")
    first = first.replace("\u200b", "")
    lines = [first]
    for c in body.get("cardsV2", []):
        keys(c, ["card"], ["cardId"])
        keys(c["card"], ["sections"], ["header"])
        keys(c["card"]["header"], ["title"], ["subtitle"])
        string(c["card"]["header"]["title"], 4096)
        for s in c["card"]["sections"]:
            keys(s, ["widgets"])
            need(1 <= len(s["widgets"]) <= 100, "widgets")
            for w in s["widgets"]:
                need(len(w) == 1, f"a widget is one thing: {w!r}")
                if "textParagraph" in w:
                    keys(w["textParagraph"], ["text"])
                    lines.append(unhtml(string(w["textParagraph"]["text"], 30000), ("br",)))
                else:
                    keys(w, ["decoratedText"])
                    keys(w["decoratedText"], ["text"], ["topLabel", "wrapText"])
                    lines.append(unhtml(w["decoratedText"]["topLabel"], ()) + ": " + unhtml(string(w["decoratedText"]["text"], 30000), ("br",)))
    return first, "\n".join(lines), (200, b'{"name": "spaces/x/messages/y"}')


def matrix(body, raw):
    need(len(raw) <= 65536 - 2048, f"{len(raw)} bytes leave no room for the server's part")
    keys(body, ["msgtype", "body"], ["format", "formatted_body", "m.mentions"])
    need(body["msgtype"] == "m.text" and body.get("format") == "org.matrix.custom.html", "msgtype")
    need(body["m.mentions"] == {}, "somebody can be mentioned")
    text = unhtml(body["formatted_body"], ("strong", "br", "ul", "li", "b", "code"))
    need(text.split("\n")[0] == body["body"].split("\n")[0] or len(text.split("\n")[0]) > 400, "the two forms differ")
    return text.split("\n")[0], text, (200, b'{"event_id": "$x"}')


def generic(body, raw):
    keys(body, ["source", "id", "event", "what", "level", "subject", "body", "run", "hint", "text", "facts", "drill"])
    need(body["source"] == "switchback" and isinstance(body["drill"], bool), "source or drill")
    need(body["level"] in ("info", "good", "warning", "critical"), "level")
    for f in body["facts"]:
        keys(f, ["name", "value"])
    return body["subject"], body["text"] + "".join(f"\n{f['name']}: {f['value']}" for f in body["facts"]), (200, b"thank you")


SERVICES = {"json": generic, "teams": teams, "slack": slack, "mattermost": attachment("\\`*_[]()#~|>", 16383),
            "rocketchat": attachment("\\`*_~[]#>", 5000), "googlechat": googlechat, "discord": discord, "matrix": matrix}


def no_duplicates(pairs):
    need(len({k for k, _ in pairs}) == len(pairs), "a key stands twice")
    return dict(pairs)


class Sink:
    """The server; stop() ends it."""

    def __init__(self, folder):
        self.seen, self.refused, self.behave, self.asked, self.lock = [], [], {}, [], threading.Lock()
        self.let_go = threading.Event()
        self.cert, key = os.path.join(folder, "sink.pem"), os.path.join(folder, "sink.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                        "-out", self.cert, "-days", "2", "-subj", "/CN=sink", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, key)
        sink = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            timeout = 30

            def log_message(self, *args):  # pylint: disable=arguments-differ
                """Says nothing."""

            def do_POST(self):  # pylint: disable=invalid-name
                """Everything but Matrix."""
                sink.take(self)

            do_PUT = do_POST
            do_GET = do_POST

        class Server(ThreadingHTTPServer):
            """Quiet."""

            daemon_threads = True

            def handle_error(self, *args):  # pylint: disable=arguments-differ
                """A client that went away is no news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        """No more."""
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()

    def take(self, request):
        """One request: what was planned for it, or its service's judgement."""
        raw = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        service = request.path.split("/")[1]
        with self.lock:
            self.asked.append((service, time.monotonic()))
            planned = self.behave.get(service, [])
            answer = planned.pop(0) if planned else None
        if answer == "silence":
            self.let_go.wait(60)
            return
        if isinstance(answer, float):
            self.let_go.wait(answer)
            answer = None
        if answer is None:
            answer = self.judge(service, request, raw)
        status, headers, body = answer
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def judge(self, service, request, raw):
        """Accepts or refuses."""
        try:
            need(service in SERVICES, f"no service at {request.path}")
            need(request.command == ("PUT" if service == "matrix" else "POST"), request.command)
            need(request.headers.get("Content-Type", "").startswith("application/json"), "Content-Type")
            need(len(request.headers.get_all("Content-Type")) == 1 and "X-Evil" not in request.headers, "a header was smuggled in")
            if service == "matrix":
                need(request.headers.get("Authorization", "").startswith("Bearer "), "no token")
                need(re.fullmatch(r"/matrix/[^/]+/_matrix/client/v3/rooms/%21[^/]+/send/m\.room\.message/[^/]+", request.path), request.path)
            body = json.loads(raw.decode("utf-8"), object_pairs_hook=no_duplicates)
            first, text, answer = SERVICES[service](body, raw)
        except (Wrong, ValueError, KeyError, TypeError) as e:
            with self.lock:
                self.refused.append(f"{service}: {type(e).__name__}: {e}")
            return 400, {}, str(e).encode()[:300]
        with self.lock:
            self.seen.append(Seen(service, first, text, dict(request.headers), urllib.parse.unquote(request.path), time.monotonic(), raw))
        return answer[0], {"Content-Type": "application/json"}, answer[1]
