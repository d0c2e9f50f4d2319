#!/usr/bin/env python3
"""The README does what it says: its blocks marked "run" are executed against the sandbox and the daemon that its
own recipe starts, with nobody in them but whom it makes, and what follows "#=>" must be what the lines above it
print last. Links into the house must lead somewhere."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from box import BUILD, ROOT, SLOW, Line, case, main

README = os.path.join(ROOT, "README.md")
TEXT = open(README).read()
BLOCKS = re.findall(r"^```(sh|python) run\n(.*?)^```$", TEXT, re.M | re.S)
(RECIPE,) = [block for _, block in BLOCKS if "layerd-sandbox " in block]
# the shell tells its sockets, and ends after what it began
LIVE_ON = """
trap '' TERM
printf '%s\\n' "$LAYERD_SOCKET" "$CONTROL_SOCKET" >"$TMPDIR/new"
mv "$TMPDIR/new" "$TMPDIR/sockets"
wait
"""
FUNCTION = re.compile(r"^\w+\(\) \{.*\}$", re.M)


def steps(block):
    """(program text, what it must print last or None), in order; later steps see what earlier ones defined."""
    out, lines, before = [], [], []
    for line in block.splitlines():
        if line.startswith("#=> "):
            out.append(("\n".join(lines), line[4:]))
            lines = []
        else:
            lines.append(line)
    if lines:
        out.append(("\n".join(lines), None))
    return out


class Box:
    """What the recipe starts: as if its lines had been typed."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="layerd-readme-")
        self.env = {k: v for k, v in os.environ.items() if k not in ("LAYERD_SOCKET", "CONTROL_SOCKET")}
        self.env.update(TMPDIR=self.folder, PATH=os.pathsep.join([BUILD, self.env["PATH"]]),
                        PYTHONPATH=os.path.join(ROOT, "clients", "python"))
        self.log = open(os.path.join(self.folder, "log"), "w+")
        ((program, want),) = steps(RECIPE)
        out, sockets = (os.path.join(self.folder, name) for name in ("out", "sockets"))
        self.shell = subprocess.Popen(shell(program + LIVE_ON), env=self.env, stdout=open(out, "w"), stderr=self.log,
                                      start_new_session=True)
        end = time.monotonic() + 60 * SLOW
        while not os.path.exists(sockets) and self.shell.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        try:
            check(program, want, open(out).read(), 0 if os.path.exists(sockets) else self.shell.poll(), self.said())
        except AssertionError:
            self.end(signal.SIGKILL)
            raise
        self.env["LAYERD_SOCKET"], self.env["CONTROL_SOCKET"] = open(sockets).read().splitlines()
        return self

    def __exit__(self, kind, value, tb):
        self.end(signal.SIGTERM if kind is None else signal.SIGKILL)
        assert kind or not re.search("Sanitizer|runtime error", self.said()), self.said()
        shutil.rmtree(self.folder)

    def end(self, sig):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.shell.pid, sig)
        self.shell.wait(20 * SLOW)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def line(self, which):
        return Line(self.env[which])

    def control(self, method, /, **params):
        line = self.line("CONTROL_SOCKET")
        try:
            return line.call(method, **params)
        finally:
            line.close()


def shell(program):
    return ["bash", "-eu", "-o", "pipefail", "-c", program]


def check(program, want, out, code, err):
    last = out.rstrip("\n").splitlines()[-1:] or [""]
    assert code == 0 and (want is None or last[0] == want), "%s\nexit %d, printed %r, want %r\n%s" % (
        program, code, out, want, err)
    assert want is not None or out.strip(), "%s\nprinted nothing\n%s" % (program, err)


def run_to_its_end(argv, w):
    """What it began in the background ends with it."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        shell = subprocess.Popen(argv, env=w.env, stdout=out, stderr=err, start_new_session=True)
        try:
            code = shell.wait(60 * SLOW)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
        out.seek(0)
        err.seek(0)
        return out.read(), code, err.read()


def run_shell(w, block):
    """Each step is a shell of its own; functions of the recipe and of the block come along."""
    functions = "\n".join(FUNCTION.findall(RECIPE + block))
    for program, want in steps(block):
        talker = None
        if "layerctl watch" in program:
            talker = threading.Timer(0.5 * SLOW, say, (w, want))
            talker.start()
        check(program, want, *run_to_its_end(shell(functions + "\n" + program), w))


def run_python(w, block):
    """One program; each expectation is one printed line, in order."""
    wanted = re.findall(r"^#=> (.*)$", block, re.M)
    done = subprocess.run([sys.executable, "-c", block], env=w.env, capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == wanted, (done.stdout, wanted)


def say(w, text):
    w.control("send", **{"from": "@durov", "to": "@box_bot", "text": text})


@case
def blocks():
    assert len(BLOCKS) >= 7, "only %d blocks are run" % len(BLOCKS)
    with Box() as w:
        for language, block in BLOCKS:
            if block != RECIPE:
                (run_python if language == "python" else run_shell)(w, block)


@case
def a_wrong_expectation_fails():
    with Box() as w:
        for block in ("echo one\n#=> two", "false\n#=> ", "true", "exit 3\n#=> x"):
            try:
                run_shell(w, block)
            except AssertionError:
                continue
            raise AssertionError("%r passed" % block)


@case
def links_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    for link in links:
        here = link.startswith("#") and "\n## %s\n" % link[1:].replace("-", " ") in TEXT.lower()
        assert here or link.startswith("https://t.me/") or os.path.exists(os.path.join(ROOT, link)), link


@case
def echo_bots_answer():
    for program in ("echo_bot.py", "echo_bot.sh"):
        with Box() as w:
            bot = subprocess.Popen([os.path.join(ROOT, "clients", "examples", program)], env=w.env,
                                   stdout=subprocess.DEVNULL, start_new_session=True)
            try:
                for n, text in enumerate(["one", "\u00e4\u20ac \"two\" \\ \U0001f600", "line\nline"]):
                    end = time.monotonic() + 20 * SLOW
                    while not w.control("stats") or not subscribed(w):
                        assert time.monotonic() < end, "%s does not subscribe" % program
                        time.sleep(0.02)
                    say(w, text)
                    while heard(w).count(text) < 2:
                        assert time.monotonic() < end, "%s does not answer %r: %s" % (program, text, heard(w))
                        time.sleep(0.02)
            finally:
                os.killpg(bot.pid, signal.SIGKILL)
                bot.wait()


def subscribed(w):
    line = w.line("LAYERD_SOCKET")
    try:
        return any(c.get("subscriptions") for c in line.call("list_clients")["clients"])
    finally:
        line.close()


def heard(w):
    return [m.get("text") for m in w.control("messages", **{"peer": "@box_bot", "as": "@durov"})["messages"]]


main()
