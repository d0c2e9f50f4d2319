#!/usr/bin/env python3
"""Golden transcripts: what is said on the socket and what must come back, byte for byte.

Each file in tests/box/transcripts is one conversation. Its lines:

  needs: NAME        first line that is no comment: plain (a daemon without accounts), bot (with a bot in the
                     sandbox), two (with two bots), fresh (a bot, nothing shared)
  == title           begins another conversation of the same file, on new connections
  # …                a comment
  on NAME [ROLE]     the connection that is meant from here on (opened when new, at the socket of the role read, send
                     or admin; the first is "a", an admin's)
  > text             is sent, with LF
  >> text            is sent without LF; \\n \\r \\xHH \\\\ stand for bytes
  >* A-B text        is sent for each number from A to B, which replaces ${n}, in one piece
  > eof              no more will be sent
  > close            the connection is closed
  < text             the next answer, exactly
  <~ text            the same, but a block of these comes in any order
  <= ID text         the next answer is the result text, exactly, for this id
  <! ID CODE KIND X  the next answer is this error; X, an object, must be within its data ("message": the message)
  << text            the next notification
  < skip N           N answers are not looked at
  < nothing          a ping is answered next: nothing is waiting to be said
  << nothing         no notification comes for a while
  < eof              the daemon closes, having said nothing more
  sandbox M PARAMS   a call on the control socket; with " -> text" its result
  sandbox> M PARAMS  the same without waiting; sandbox< text is the result, later on
  took < S, took > S seconds since the last sent line
  sleep S
  settle             until all that the sandbox has pushed is delivered: notifications so far are dropped

In expected text a value can be {any} {str} {int} {num} {bool} {obj} {arr} {long} (a decimal string), {has:words} (a string
with these words) or {*} (any text); with :name behind it the value is kept and ${name} stands for it later on (a string without its
quotes). {,...} stands for further members or elements. In what is sent ${9*x} is xxxxxxxxx."""

import codecs
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import socket
import tempfile
import time

from box import CASES, SLOW, Daemon, Line, Sandbox, case, main

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transcripts")
HOLE = re.compile(r"\{(\*|,\.\.\.|(?:any|str|int|num|bool|obj|arr|long)(?::[a-z_0-9]+)?|has:[^{}]*)\}")
DECODER = json.JSONDecoder()


def is_kind(kind, value):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {
        "any": True,
        "str": isinstance(value, str),
        "int": number and isinstance(value, int),
        "num": number,
        "bool": isinstance(value, bool),
        "obj": isinstance(value, dict),
        "arr": isinstance(value, list),
        "long": isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) is not None,
    }[kind]


class Mismatch(Exception):
    pass


def rest(text, at):
    """Past the further members or elements of what is open at this place."""
    while text[at : at + 1] == ",":
        _, at = DECODER.raw_decode(text, at + 1)
        if text[at : at + 1] == ":":
            _, at = DECODER.raw_decode(text, at + 1)
    return at


def hole(name, text, at, names):
    try:
        value, end = DECODER.raw_decode(text, at)
    except ValueError:
        raise Mismatch("no value at …%s" % text[at : at + 60]) from None
    if name.startswith("has:"):
        if not (isinstance(value, str) and name[4:] in value):
            raise Mismatch("%r does not have %r" % (value, name[4:]))
        return end
    kind, _, keep = name.partition(":")
    if not is_kind(kind, value):
        raise Mismatch("%r is no %s" % (value, kind))
    if keep:
        names[keep] = value if isinstance(value, str) else json.dumps(value)
    return end


def match(pattern, text, names):
    """Raises Mismatch, or puts what it has kept into names."""
    at = last = 0
    free = False
    for m in [*HOLE.finditer(pattern), None]:
        literal = pattern[last : m.start() if m else len(pattern)]
        if free:
            at = max(at, text.find(literal, at) if m else len(text) - len(literal))
        if not text.startswith(literal, at):
            same = len(os.path.commonprefix([literal, text[at:]]))
            raise Mismatch("at %d %r is wanted, not %r" % (at + same, literal[same : same + 60], text[at + same : at + same + 60]))
        at += len(literal)
        free = m and m[1] == "*"
        if m:
            last = m.end()
        if m and not free:
            at = rest(text, at) if m[1] == ",..." else hole(m[1], text, at, names)
    if at != len(text):
        raise Mismatch("too much: %r" % text[at : at + 80])


# ---- worlds ------------------------------------------------------------------------------------------------


class Place:
    """A folder with a sandbox and a daemon, and the names that transcripts can use."""

    def __init__(self, needs):
        self.folder = tempfile.mkdtemp(prefix="layerd-box-")
        self.names = {}
        self.paths = {}
        self.sandbox = Sandbox(self.folder) if needs != "plain" else None
        extra = []
        for role in ("read", "send", "admin"):
            self.paths[role] = os.path.join(self.folder, role + ".sock")
            extra += ["--socket", "%s,%s" % (self.paths[role], role)]
        self.daemon = Daemon(self.folder, self.sandbox, *extra)
        self.paths[""] = self.paths["admin"]
        if self.sandbox:
            self.people(2 if needs == "two" else 1)

    def people(self, bots):
        call, names = self.sandbox.call, self.names
        line = Line(self.paths["admin"])
        for n in range(bots):
            account = ("main", "second")[n]
            made = call("create_bot", username="box_bot" if n == 0 else "second_bot", first_name="Box")
            names["bot" if n == 0 else "bot2"] = made["user_id"]
            names["token" if n == 0 else "token2"] = made["token"]
            line.call("bot_sign_in", token=made["token"], account=account)
        names["alice"] = call("create_user", phone="+9996621111", first_name="Alice", last_name="Liddell", username="alice_box")["user_id"]
        names["bob"] = call("create_user", phone="+9996622222", first_name="Bob", username="bob_box")["user_id"]
        names["carol"] = call("create_user", phone="+9996623333", first_name="Carol")["user_id"]
        names["group"] = call("create_group", title="Tea Party", creator=names["alice"], members=[names["bot"]])["chat_id"]
        made = call("create_channel", title="News", creator=names["alice"], username="box_news", members=[names["bot"]])
        names["channel"] = made["channel_id"]
        line.call("subscribe", types=["new_message"], text={"prefix": "hello"})
        call("send", **{"from": names["alice"], "to": "@box_bot", "text": "hello"})
        line.note()  # the bot has learnt of all that was done
        names["group"] = str(names["group"]).lstrip("-")
        names["channel"] = re.sub("^-100", "", str(names["channel"]))
        line.close()

    def check(self):
        self.daemon.check()
        if self.sandbox:
            self.sandbox.check()

    def end(self, sig=signal.SIGTERM):
        for p in (self.daemon.process, self.sandbox):
            if p:
                p.kill(sig)
        for p in (self.daemon.process, self.sandbox):
            if p:
                p.check()
        shutil.rmtree(self.folder, ignore_errors=True)


PLACES = {}


@contextlib.contextmanager
def place(needs):
    if needs == "fresh":
        here = Place(needs)
        try:
            yield here
        finally:
            here.end()
        return
    here = PLACES.get(needs)
    if not here:
        here = PLACES[needs] = Place(needs)
    try:
        yield here
        here.check()
    finally:
        if here.sandbox:
            here.sandbox.call("clear_faults")


# ---- a conversation ----------------------------------------------------------------------------------------


class Stream:
    """A connection whose answers and notifications are told apart."""

    def __init__(self, path):
        self.line = Line(path, 10)
        self.answers, self.notes = [], []
        self.ended = False  # by either side

    def pull(self):
        raw = self.line.read_raw()
        if raw is None:
            return False
        text = raw.decode("utf-8")
        value = json.loads(text)
        (self.notes if isinstance(value, dict) and "id" not in value else self.answers).append(text)
        return True

    def next(self, queue, what):
        while not queue:
            try:
                if not self.pull():
                    raise Mismatch("the daemon closed; %s was wanted" % what)
            except TimeoutError:
                raise Mismatch("nothing came; %s was wanted (notifications: %s)" % (what, self.notes)) from None
        return queue.pop(0)


class Talk:
    def __init__(self, here):
        self.here = here
        self.names = {k: str(v) for k, v in here.names.items()}
        self.streams = {}
        self.sent = time.monotonic()
        self.pings = 0
        self.on("a")

    def on(self, name, role=""):
        if name not in self.streams:
            self.streams[name] = Stream(self.here.paths[role])
        self.at = self.streams[name]

    def fill(self, text):
        text = re.sub(r"\$\{(\d+)\*(.)\}", lambda m: int(m[1]) * m[2], text)
        return re.sub(r"\$\{([a-z_][a-z_0-9]*)\}", lambda m: self.names.get(m[1], m[0]), text)

    def send(self, data):
        self.sent = time.monotonic()
        self.at.line.sock.sendall(data)

    def answer(self, pattern):
        got = self.at.next(self.at.answers, pattern)
        try:
            match(pattern, got, self.names)
        except Mismatch as e:
            raise Mismatch("%s\n  wanted %s\n  got    %s" % (e, pattern, got)) from None

    def any_order(self, patterns):
        left = list(patterns)
        for _ in patterns:
            got = self.at.next(self.at.answers, " or ".join(left))
            for p in left:
                with contextlib.suppress(Mismatch):
                    match(p, got, self.names)
                    left.remove(p)
                    break
            else:
                raise Mismatch("none of %s\n  got %s" % (left, got))

    def error(self, text):
        ident, code, kind, *more = text.split(None, 3)
        want = json.loads(more[0]) if more else {}
        got = self.at.next(self.at.answers, text)
        answer = json.loads(got)
        if not got.startswith('{"jsonrpc":"2.0","id":%s,"error":{"code":%s,"message":' % (ident, code)):
            raise Mismatch("another id or code than %s %s\n  got %s" % (ident, code, got))
        data = answer["error"]["data"]
        if data["kind"] != kind or set(answer) != {"jsonrpc", "id", "error"} or set(answer["error"]) != {"code", "message", "data"}:
            raise Mismatch("%s is wanted\n  got %s" % (kind, got))
        data["message"] = answer["error"]["message"]
        for key, value in want.items():
            have = json.dumps(data.get(key), ensure_ascii=False, separators=(",", ":"))
            pattern = value if isinstance(value, str) and HOLE.fullmatch(value) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            try:
                match(pattern, have, self.names)
            except Mismatch as e:
                raise Mismatch("data.%s: %s\n  got %s" % (key, e, got)) from None

    def note(self, pattern):
        got = self.at.next(self.at.notes, pattern)
        try:
            match(pattern, got, self.names)
        except Mismatch as e:
            raise Mismatch("%s\n  wanted %s\n  got    %s" % (e, pattern, got)) from None

    def many(self, text):
        span, _, text = text.partition(" ")
        first, last = span.split("-")
        self.send("".join(text.replace("${n}", str(n)) + "\n" for n in range(int(first), int(last) + 1)).encode())

    def quiet(self):
        time.sleep(0.1 * SLOW)
        self.nothing()
        if self.at.notes:
            raise Mismatch("came: %s" % self.at.notes)

    def nothing(self):
        self.pings += 1
        self.at.line.send(b'{"jsonrpc":"2.0","id":"ping %d","method":"ping"}' % self.pings)
        self.answer('{"jsonrpc":"2.0","id":"ping %d","result":{"pong":true}}' % self.pings)

    def settle(self):
        time.sleep(0.05 * SLOW)
        self.nothing()
        self.at.notes.clear()

    def eof(self):
        while self.at.pull():
            pass
        if self.at.answers:
            raise Mismatch("before the close the daemon said %s" % self.at.answers)

    def control(self, text, ask=True, wait=True):
        text, _, want = text.partition(" -> ")
        method, _, params = text.partition(" ")
        control = self.here.sandbox.control
        if ask:
            control.send({"id": 1, "method": method, "params": json.loads(params or "{}")})
        if not wait:
            return
        answer = control.read()
        if "error" in answer:
            raise Mismatch(answer["error"])
        got = answer["result"]
        if want:
            match(want, json.dumps(got, ensure_ascii=False, separators=(",", ":")), self.names)

    def took(self, text):
        sign, seconds = text.split()
        passed = time.monotonic() - self.sent
        limit = float(seconds) * (SLOW if sign == "<" else 1)
        if not (passed < limit if sign == "<" else passed > limit):
            raise Mismatch("%.2f s passed" % passed)

    def step(self, verb, text):
        plain = {"> eof": lambda: self.at.line.sock.shutdown(socket.SHUT_WR), "> close": lambda: self.at.line.close(), "< nothing": self.nothing, "< eof": self.eof, "<< nothing": self.quiet}
        if verb + " " + text in plain:
            plain[verb + " " + text]()
            self.at.ended = self.at.ended or text in ("eof", "close")
        elif verb == ">":
            self.send(text.encode() + b"\n")
        elif verb == ">>":
            self.send(codecs.escape_decode(text.encode())[0])
        elif verb == ">*":
            self.many(text)
        elif verb == "<" and text.startswith("skip "):
            for _ in range(int(text[5:])):
                self.at.next(self.at.answers, text)
        elif verb == "<=":
            ident, _, result = text.partition(" ")
            self.answer('{"jsonrpc":"2.0","id":%s,"result":%s}' % (ident, result))
        elif verb == "on":
            self.on(*text.split())
        elif verb == "sleep":
            time.sleep(float(text))
        else:
            {"<": self.answer, "<!": self.error, "<<": self.note, "sandbox": self.control, "sandbox>": lambda t: self.control(t, wait=False), "sandbox<": lambda t: self.control(" -> " + t, ask=False), "took": self.took, "settle": lambda _: self.settle()}[verb](text)

    def finish(self):
        """No answer was left unmentioned."""
        for self.at in self.streams.values():
            if not self.at.ended:
                self.nothing()

    def close(self):
        for s in self.streams.values():
            s.line.close()


def read_script(path):
    """(what it needs, [(title, [(number, line)])])"""
    needs, parts = None, []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line.strip() or line.startswith("#"):
                continue
            if needs is None:
                assert line.startswith("needs: "), "%s: the first line says what it needs" % path
                needs = line[7:].strip()
            elif line.startswith("== "):
                parts.append((line[3:], []))
            else:
                parts = parts or [("", [])]
                parts[-1][1].append((number, line))
    return needs, parts


def play(talk, lines):
    block = []
    for i, (number, line) in enumerate(lines):
        verb, _, text = line.partition(" ")
        try:
            text = talk.fill(text)
            if verb == "<~":
                block.append(text)
                if i + 1 == len(lines) or not lines[i + 1][1].startswith("<~ "):
                    talk.any_order(block)
                    block = []
            else:
                talk.step(verb, text)
        except Exception as e:
            raise AssertionError("line %d: %s\n  %s" % (number, line, e)) from None


def transcript(path, needs, title, lines):
    def run():
        with place(needs) as here:
            talk = Talk(here)
            try:
                play(talk, lines)
                talk.finish()
            finally:
                talk.close()

    name = os.path.basename(path)[:-4]
    run.__name__ = "%s: %s" % (name, title) if title else name
    return run


@case
def expectations_can_fail():
    """A transcript whose expectations are changed is refused, at each of them."""
    path = os.path.join(FOLDER, "framing_ids.txt")
    needs, [(_, lines)] = read_script(path)
    wanted = [i for i, (_, line) in enumerate(lines) if line.startswith(("< {", "<= ", "<! "))]
    assert len(wanted) > 10
    with place(needs) as here:
        for i in wanted:
            number, line = lines[i]
            talk = Talk(here)
            try:
                play(talk, lines[:i] + [(number, line.replace("pong", "pang").replace("-32", "-23"))] + lines[i + 1 :])
            except AssertionError as e:
                assert str(e).startswith("line %d:" % number), e
            else:
                raise AssertionError("line %d can be changed" % number)
            finally:
                talk.close()


if __name__ == "__main__":
    for file in sorted(glob.glob(os.path.join(FOLDER, "*.txt"))):
        needs, parts = read_script(file)
        CASES += [transcript(file, needs, title, lines) for title, lines in parts]
    try:
        main()
    finally:
        for here in PLACES.values():
            here.end()
