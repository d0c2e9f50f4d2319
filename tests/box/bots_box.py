#!/usr/bin/env python3
"""The example bots answer every message exactly once, whatever is killed in between: daemon, sandbox, bot, in
any order. LAYERD_KILLS sets the number of kills, LAYERD_SEED their order."""

import os
import random
import signal
import subprocess
import threading
import time

from box import BUILD, ROOT, SLOW, Lasting, case, main

KILLS = int(os.environ.get("LAYERD_KILLS", "4" if os.environ.get("LAYERD_REDUCED") else "12"))
EXAMPLES = os.path.join(ROOT, "clients", "examples")


class Supervised:
    """A bot that is started again whenever it ends, as systemd would."""

    def __init__(self, w, program):
        self.args = [os.path.join(EXAMPLES, program)]
        self.env = {**os.environ, "LAYERD_SOCKET": w.daemon.path, "PATH": BUILD + os.pathsep + os.environ["PATH"]}
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


def survives(program, consumer):
    rng = random.Random(int(os.environ.get("LAYERD_SEED", "3")))
    with Lasting() as w:
        bot, _ = w.bot("echoing_bot")
        ann = w.user(1, "Ann", username="ann_says")
        w.sandbox.call("send", **{"from": ann, "to": bot, "text": "/start"})
        echo = Supervised(w, program)
        try:
            end = time.monotonic() + 20 * SLOW
            while time.monotonic() < end:  # its first life makes its consumer, at now
                line = w.daemon.line()
                if any(c["consumer"] == consumer and "connection" in c for c in line.call("list_consumers")["consumers"]):
                    break
                line.close()
                time.sleep(0.05)
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


if __name__ == "__main__":
    main()
