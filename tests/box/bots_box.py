#!/usr/bin/env python3
"""The example bots answer every message exactly once, whatever is killed in between: daemon, sandbox, bot, in
any order. LAYERD_KILLS sets the number of kills, LAYERD_SEED their order. What is no message does not stop them, and
the readers beneath go where they are sought."""

import base64
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

from box import BUILD, ROOT, SLOW, Lasting, World, case, main

KILLS = int(os.environ.get("LAYERD_KILLS", "4" if os.environ.get("LAYERD_REDUCED") else "12"))
EXAMPLES = os.path.join(ROOT, "clients", "examples")


def environment(w):
    return {**os.environ, "LAYERD_SOCKET": w.daemon.path, "PATH": BUILD + os.pathsep + os.environ["PATH"],
            "PYTHONPATH": os.path.join(ROOT, "clients", "python")}


class Supervised:
    """A bot that is started again whenever it ends, as systemd would."""

    def __init__(self, w, *args):
        self.args = args
        self.env = environment(w)
        self.log = open(os.path.join(w.folder, "bot.log"), "ab")
        self.stopped = False
        self.lives = 0
        self.proc = None
        self.begin()
        self.thread = threading.Thread(target=self.supervise, daemon=True)
        self.thread.start()

    def begin(self):
        self.lives += 1
        self.proc = subprocess.Popen(self.args, env=self.env, stdout=self.log, stderr=self.log, start_new_session=True)

    def supervise(self):
        while not self.stopped:
            self.proc.wait()
            if not self.stopped:
                time.sleep(0.05)
                self.begin()

    def kill(self):
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)  # what it had started as well
        except ProcessLookupError:
            pass

    def stop(self):
        self.stopped = True
        self.kill()
        self.thread.join(10 * SLOW)
        self.log.close()


def is_connected(w, consumer):
    line = w.daemon.line()
    try:
        return any(c["consumer"] == consumer and "connection" in c for c in line.call("list_consumers")["consumers"])
    finally:
        line.close()


def until(done, seconds=60):
    """done() gives what it waits for, or nothing."""
    end = time.monotonic() + seconds * SLOW
    while not (got := done()):
        assert time.monotonic() < end, "in vain"
        time.sleep(0.05)
    return got


def survives(program, consumer):
    rng = random.Random(int(os.environ.get("LAYERD_SEED", "3")))
    with Lasting() as w:
        bot, _ = w.bot("echoing_bot")
        ann = w.user(1, "Ann", username="ann_says")
        w.sandbox.call("send", **{"from": ann, "to": bot, "text": "/start"})
        echo = Supervised(w, os.path.join(EXAMPLES, program))
        try:
            until(lambda: is_connected(w, consumer), 20)  # its first life makes its consumer, at now
            said, killed = [], {"daemon": 0, "sandbox": 0, "bot": 0}
            for _ in range(KILLS):
                for _ in range(rng.randrange(1, 4)):
                    said.append("message %d" % len(said))
                    w.sandbox.call("send", **{"from": ann, "to": bot, "text": said[-1]})
                time.sleep(rng.uniform(0, 0.4) * SLOW)
                for what in rng.sample(sorted(killed), rng.randrange(1, 3)):
                    killed[what] += 1
                    if what == "daemon":
                        w.daemon.restart()
                    elif what == "sandbox":
                        w.restart_sandbox()
                    else:
                        echo.kill()
            heard = []
            end = time.monotonic() + 90 * SLOW
            while time.monotonic() < end:
                history = w.sandbox.call("messages", peer=bot, **{"as": ann})["messages"]
                heard = [m["text"] for m in history if not m.get("out") and m["text"] != "/start"]
                if len(set(heard)) >= len(said):
                    break
                time.sleep(0.1)
            time.sleep(0.5 * SLOW)  # for what would come twice
            history = w.sandbox.call("messages", peer=bot, **{"as": ann})["messages"]
            heard = [m["text"] for m in history if not m.get("out") and m["text"] != "/start"]
            log = open(os.path.join(w.folder, "bot.log"), errors="replace").read()
            assert sorted(heard) == sorted(said), "said %s\nheard %s\n%s" % (said, heard, log[-3000:])
            print("%s: %s killed, %d lives of the bot; %d of %d messages answered exactly once"
                  % (program, ", ".join("%d x %s" % (n, k) for k, n in sorted(killed.items())), echo.lives,
                     len(heard), len(said)))
        finally:
            echo.stop()


@case
def five_lines_of_shell():
    text = open(os.path.join(EXAMPLES, "echo_bot.sh")).read()
    code = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(code) <= 5 and "layerctl watch --consumer" in text, code
    survives("echo_bot.sh", "echo")


@case
def and_one_in_python():
    survives("echo_bot.py", "echo_py")


def readme_bot():
    """The one line of the README, for ever and under a name of its own."""
    text = open(os.path.join(ROOT, "README.md")).read()
    line = re.search(r"^layerctl watch -n 1 (--consumer) echo (.* --exec '\n.*?') \|", text, re.M | re.S)
    return "exec layerctl watch %s readme %s" % (line[1], line[2].replace("echo-", "readme-"))


def cut_off(w, bot, ann):
    """More edits than the journal keeps, and the daemon begins anew: who is behind them all has a gap."""
    line = w.daemon.line(60)
    m = w.sandbox.call("send", **{"from": ann, "to": bot, "text": "to be edited"})["message_id"]
    first = until(lambda: line.call("list_consumers")["last"])
    text = base64.b64encode(random.Random(1).randbytes(2900)).decode()
    for i in range(500):
        w.sandbox.call("edit", user=ann, chat=bot, message_id=m, text=text[i:] + text[:i])
    until(lambda: line.call("list_consumers")["last"] >= first + 500)
    w.daemon.restart()
    line = w.daemon.line(60)
    until(lambda: line.call("list_consumers")["oldest"] > first + 1)
    line.call("wait", **{"for": "online"})


@case
def a_gap_and_a_refusal_do_not_stop_them():
    with World("--journal-bytes", str(1 << 20)) as w:
        bot, _ = w.bot("echoing_bot")
        ann, bob = w.user(1, "Ann"), w.user(2, "Bob")
        line = w.daemon.line()

        def log():
            return open(os.path.join(w.folder, "bot.log"), errors="replace").read()
        for name in ("echo", "echo_py", "readme"):
            line.call("fetch_updates", consumer=name)
        cut_off(w, bot, ann)
        w.sandbox.call("fault", kind="rpc_error", method="messages.sendMessage", times=3, code=403, text="USER_IS_BLOCKED")
        w.sandbox.call("send", **{"from": bob, "to": bot, "text": "blocks them afterwards"})
        bots = [Supervised(w, os.path.join(EXAMPLES, "echo_bot.sh")), Supervised(w, os.path.join(EXAMPLES, "echo_bot.py")),
                Supervised(w, "sh", "-c", readme_bot())]
        try:
            until(lambda: log().count("USER_IS_BLOCKED") >= 3)
            w.sandbox.call("clear_faults")
            w.sandbox.call("send", **{"from": ann, "to": bot, "text": "still there?"})
            until(lambda: [m["text"] for m in w.sandbox.call("messages", peer=bot, **{"as": ann})["messages"]].count("still there?") == 4)
            assert [b.lives for b in bots] == [1, 1, 1] and log().count("USER_IS_BLOCKED") == 3, log()
        finally:
            for b in bots:
                b.stop()


class Reader:
    """Prints updates as JSON into a file."""

    def __init__(self, w, name, *args):
        self.out = os.path.join(w.folder, name)
        with open(self.out, "wb") as out:
            self.proc = subprocess.Popen(args, env=environment(w), stdout=out, start_new_session=True)

    def texts(self):
        whole = open(self.out).read().rpartition("\n")[0]
        return [json.loads(line)["message"]["text"] for line in whole.splitlines()]


IN_PYTHON = "import json, layerd\nfor u in layerd.Client().updates(consumer='py', since='now', types=['new_message']): print(json.dumps(u), flush=True)"


@case
def readers_go_where_they_are_sought_and_begin_once():
    with World() as w:
        bot, _ = w.bot("read_bot")
        ann = w.user(1, "Ann")
        readers = {"ctl": Reader(w, "ctl", os.path.join(BUILD, "layerctl"), "watch", "--consumer", "ctl", "since=now", "types=new_message"),
                   "py": Reader(w, "py", sys.executable, "-c", IN_PYTHON)}

        def say(*texts):
            for text in texts:
                w.sandbox.call("send", **{"from": ann, "to": bot, "text": text})

        def all_heard(*want):
            try:
                until(lambda: all(r.texts() == list(want) for r in readers.values()), 20)
            except AssertionError:
                raise AssertionError("%s, not %s" % ({n: r.texts() for n, r in readers.items()}, want)) from None

        def positions():
            return {c["consumer"]: c["acked"] for c in w.daemon.line().call("list_consumers")["consumers"]}
        try:
            for name in readers:
                until(lambda n=name: is_connected(w, n), 20)
            start = positions()
            say("a", "b")
            all_heard("a", "b")
            line = w.daemon.line()
            for name in readers:
                line.call("seek_consumer", consumer=name, to=start[name])
            all_heard("a", "b", "a", "b")
            for r in readers.values():
                os.killpg(r.proc.pid, signal.SIGSTOP)
            w.daemon.restart()
            line = w.daemon.line()
            line.call("wait", **{"for": "online"})
            say("c")  # while they are away: now is over
            until(lambda: line.call("list_consumers")["last"] > max(positions().values()))
            for r in readers.values():
                os.killpg(r.proc.pid, signal.SIGCONT)
            all_heard("a", "b", "a", "b", "c")
        finally:
            for r in readers.values():
                r.proc.kill()
                r.proc.wait()


if __name__ == "__main__":
    main()
