"""Golden transcripts: what goes over the socket, byte by byte. tests/box/transcripts/*.transcript hold
them; a line each:
    == title              begins a transcript, on a new connection
    > text                sent with LF; >| text: without; >r TEXT: a Python bytes expression
    < text                the next line received: exact but for <<int>> <<str>> <<any>> <<num>>, which stand
                          for a number, a string, anything; <<name=int>> keeps it as $name
    <* text               the same, but among the lines that have come in any order
    << nothing            nothing comes for 100 ms
    @eof                  half-closes     @closed: the daemon closes now     @connect ROLE: a second one takes over
    @sandbox METHOD JSON  a call on the sandbox's control socket
    # comment
The first line of a file names its world: "world daemon" (no account) or "world bot" (a bot that has logged
in as main, $bot its id; the user Alice, $alice, @alice_box)."""

import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import box

HERE = os.path.join(box.ROOT, "tests", "box", "transcripts")
KINDS = {"int": rb"-?\d+", "str": rb'"(?:[^"\\]|\\.)*"', "any": rb".*", "num": rb"-?[0-9.eE+-]+"}


class Daemon:
    """Three sockets, one for each role."""

    def __init__(self, extra=()):
        self.folder = tempfile.mkdtemp(prefix="layerd-box-")
        self.paths = {role: os.path.join(self.folder, role + ".sock") for role in ("admin", "send", "read")}
        args = [os.path.join(box.BUILD, "layerd"), "--state", os.path.join(self.folder, "state")]
        for role, path in self.paths.items():
            args += ["--socket", "%s,%s" % (path, role)]
        args += list(extra) or ["--api-id", "1", "--api-hash", "0" * 32]
        self.process = box.Process(args, os.path.join(self.folder, "layerd.log"))
        end = time.monotonic() + 10 * box.SLOW
        while not os.path.exists(self.paths["read"]):
            self.process.check()
            if time.monotonic() > end:
                raise TimeoutError("the daemon does not listen")
            time.sleep(0.005)

    def close(self):
        self.process.kill(15)
        self.process.check()
        shutil.rmtree(self.folder, ignore_errors=True)


class DaemonWorld:
    def __init__(self):
        self.daemon = Daemon()
        self.sandbox = None
        self.names = {}

    def close(self):
        self.daemon.close()


class BotWorld:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="layerd-box-")
        self.sandbox = box.Sandbox(self.folder)
        self.daemon = Daemon(self.sandbox.daemon_args())
        made = self.sandbox.call("create_bot", username="golden_bot", first_name="Golden")
        alice = self.sandbox.call("create_user", phone="+99966%d%04d" % (2, 7), first_name="Alice", username="alice_box")
        line = box.Line(self.daemon.paths["admin"])
        line.call("bot_sign_in", token=made["token"], account="main")
        line.close()
        self.sandbox.call("send", **{"from": alice["user_id"], "to": "@golden_bot", "text": "hi"})  # bots may only answer
        self.names = {"bot": str(made["user_id"]), "alice": str(alice["user_id"]), "token": made["token"]}

    def close(self):
        self.daemon.close()
        self.sandbox.kill(15)
        self.sandbox.check()
        shutil.rmtree(self.folder, ignore_errors=True)


WORLDS = {"daemon": DaemonWorld, "bot": BotWorld}


class Run:
    """One transcript being played."""

    def __init__(self, world):
        self.world = world
        self.names = dict(world.names)
        self.waiting = []
        self.line = box.Line(world.daemon.paths["admin"])

    def fill(self, text):
        return re.sub(r"\$(\w+)", lambda m: self.names.get(m[1], m[0]), text)

    def pattern(self, text):
        out, names = b"", []
        for part in re.split(r"(<<[\w=]+>>)", self.fill(text)):
            m = re.fullmatch(r"<<(?:(\w+)=)?(\w+)>>", part)
            if not m:
                out += re.escape(part.encode())
            elif m[1]:
                names.append(m[1])
                out += b"(" + KINDS[m[2]] + b")"
            else:
                out += b"(?:" + KINDS[m[2]] + b")"
        return re.compile(out), names

    def keep(self, match, names):
        for name, value in zip(names, match.groups()):
            self.names[name] = value.decode()

    def receive(self):
        if self.waiting:
            return self.waiting.pop(0)
        got = self.line.read_raw()
        if got is None:
            raise AssertionError("the connection was closed")
        return got

    def expect(self, text):
        pattern, names = self.pattern(text)
        got = self.receive()
        match = pattern.fullmatch(got)
        if not match:
            raise AssertionError("got\n  %s\nwant\n  %s" % (got.decode(errors="replace"), self.fill(text)))
        self.keep(match, names)

    def expect_among(self, text):
        pattern, names = self.pattern(text)
        for i, got in enumerate(self.waiting):
            match = pattern.fullmatch(got)
            if match:
                self.waiting.pop(i)
                return self.keep(match, names)
        while True:
            got = self.line.read_raw()
            if got is None:
                raise AssertionError("closed; seen %s, want\n  %s" % (self.waiting, self.fill(text)))
            match = pattern.fullmatch(got)
            if match:
                return self.keep(match, names)
            self.waiting.append(got)

    def expect_nothing(self):
        self.line.sock.settimeout(0.1 * box.SLOW)
        try:
            got = self.waiting.pop(0) if self.waiting else self.line.read_raw()
            raise AssertionError("got %r" % got)
        except (socket.timeout, TimeoutError):
            pass
        self.line.sock.settimeout(20 * box.SLOW)

    def step(self, line):
        word, _, rest = line.partition(" ")
        if word == ">":
            self.line.sock.sendall(self.fill(rest).encode() + b"\n")
        elif word == ">|":
            self.line.sock.sendall(self.fill(rest).encode())
        elif word == ">r":
            self.line.sock.sendall(eval(rest))
        elif word == "<":
            self.expect(rest)
        elif word == "<*":
            self.expect_among(rest)
        elif word == "<<":
            self.expect_nothing()
        elif word == "@eof":
            self.line.sock.shutdown(socket.SHUT_WR)
        elif word == "@closed":
            got = self.waiting or self.line.read_raw()
            if got:
                raise AssertionError("got %r instead of the end" % got)
        elif word == "@connect":
            self.line.close()
            self.line = box.Line(self.world.daemon.paths[rest])
        elif word == "@sandbox":
            method, _, params = rest.partition(" ")
            result = self.world.sandbox.call(method, **json.loads(self.fill(params or "{}")))
            self.names.update({k: str(v) for k, v in (result or {}).items() if isinstance(v, (int, str))})
        else:
            raise ValueError("no such step: " + line)


def parse(path):
    world, cases = None, []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            if line.startswith("world "):
                world = line[6:]
            elif line.startswith("== "):
                cases.append((line[3:], []))
            else:
                cases[-1][1].append((number, line))
    return world, cases


def main():
    passed = failed = 0
    for path in sorted(glob.glob(os.path.join(HERE, "*.transcript"))):
        if len(sys.argv) > 1 and sys.argv[1] not in path:
            continue
        kind, cases = parse(path)
        world = WORLDS[kind]()
        for title, steps in cases:
            number = 0
            try:
                run = Run(world)
                for number, line in steps:
                    run.step(line)
                run.line.close()
                world.daemon.process.check()
                passed += 1
            except Exception as e:
                failed += 1
                print("FAILED %s:%d: %s: %s" % (os.path.basename(path), number, title, e), flush=True)
        try:
            world.close()
        except Exception as e:
            failed += 1
            print("FAILED %s: at the end: %s" % (os.path.basename(path), e), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


main()
