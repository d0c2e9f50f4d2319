#!/usr/bin/env python3
"""The README does what it says: its blocks marked "run" are executed against a sandbox and a daemon, and
what follows "#=>" must be what the lines above it print last. Links into the house must lead somewhere."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

from box import BUILD, ROOT, SLOW, World, case, main

README = os.path.join(ROOT, "README.md")
TEXT = open(README).read()
BLOCKS = re.findall(r"^```(sh|python) run\n(.*?)^```$", TEXT, re.M | re.S)


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


def environment(w):
    env = {**os.environ, "LAYERD_SOCKET": w.daemon.path, "CONTROL_SOCKET": w.sandbox.control_path}
    env["TMPDIR"] = w.folder
    env["PATH"] = os.pathsep.join([BUILD, env["PATH"]])
    env["PYTHONPATH"] = os.path.join(ROOT, "clients", "python")
    return env


def check(program, want, out, code, err):
    last = out.rstrip("\n").splitlines()[-1:] or [""]
    assert code == 0 and (want is None or last[0] == want), "%s\nexit %d, printed %r, want %r\n%s" % (
        program, code, out, want, err)
    assert want is not None or out.strip(), "%s\nprinted nothing\n%s" % (program, err)


def run_to_its_end(argv, w):
    """What it began in the background ends with it."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        shell = subprocess.Popen(argv, env=environment(w), stdout=out, stderr=err, start_new_session=True)
        try:
            code = shell.wait(60 * SLOW)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
        out.seek(0)
        err.seek(0)
        return out.read(), code, err.read()


def run_shell(w, block):
    """Each step is a shell of its own; functions of the block come along."""
    functions = "\n".join(line for line in block.splitlines() if re.match(r"\w+\(\) \{.*\}$", line))
    for program, want in steps(block):
        talker = None
        if "layerctl watch" in program:
            talker = threading.Timer(0.5 * SLOW, say, (w, want))
            talker.start()
        check(program, want, *run_to_its_end(["bash", "-eu", "-o", "pipefail", "-c", functions + "\n" + program], w))


def run_python(w, block):
    """One program; each expectation is one printed line, in order."""
    wanted = re.findall(r"^#=> (.*)$", block, re.M)
    done = subprocess.run([sys.executable, "-c", block], env=environment(w), capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == wanted, (done.stdout, wanted)


def say(w, text):
    w.sandbox.call("send", **{"from": "@durov", "to": "@box_bot", "text": text})


def furnish(w):
    w.bot("box_bot")
    w.user(1, "Pavel", username="durov")
    say(w, "hello")


@case
def blocks():
    assert len(BLOCKS) >= 7, "only %d blocks are run" % len(BLOCKS)
    with World() as w:
        furnish(w)
        for language, block in BLOCKS:
            (run_python if language == "python" else run_shell)(w, block)


@case
def a_wrong_expectation_fails():
    with World() as w:
        furnish(w)
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
        with World() as w:
            furnish(w)
            bot = subprocess.Popen([os.path.join(ROOT, "clients", "examples", program)], env=environment(w),
                                   stdout=subprocess.DEVNULL, start_new_session=True)
            try:
                for n, text in enumerate(["one", "\u00e4\u20ac \"two\" \\ \U0001f600", "line\nline"]):
                    end = time.monotonic() + 20 * SLOW
                    while not w.sandbox.call("stats") or not subscribed(w):
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
    line = w.daemon.line()
    try:
        return any(c.get("subscriptions") for c in line.call("list_clients")["clients"])
    finally:
        line.close()


def heard(w):
    return [m.get("text") for m in w.sandbox.call("messages", **{"peer": "@box_bot", "as": "@durov"})["messages"]]


main()
