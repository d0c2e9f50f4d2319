"""P12 and the rest of P15: many accounts, each with a key exchange of its own, and passwords: memory, and how long the
loop is held up meanwhile: on the clock, by its own work and by the workers' sums, with which it shares one core."""

import os
import subprocess
import time

from bench import loop_cpu, row, status_kb
from box import World

BOTS = int(os.environ.get("BENCH_ACCOUNTS", "300"))
PASSWORDS = 20


def apart(w):
    """A core for the daemon with all its threads, another for Telegram, whose sums hold nobody up in earnest."""
    for core, pid in (("0", w.sandbox.pid), ("1", w.daemon.process.pid)):
        subprocess.run(["taskset", "-apc", core, str(pid)], stdout=subprocess.DEVNULL, check=True)


def sign_in(w, line, n):
    """The way of a person with a password up to the password."""
    phone = "+999662%04d" % n
    w.sandbox.call("create_user", phone=phone, first_name="P%d" % n, password="correct horse")
    line.call("request_login_code", account="p%d" % n, phone=phone)
    code = w.sandbox.call("login_code", phone=phone)["code"]
    assert line.call("sign_in", account="p%d" % n, code=code)["state"] == "wait_password"


def accounts():
    with World() as w:
        apart(w)
        w.bot("bench_bot")
        line = w.daemon.line(120)
        pid = w.daemon.process.pid
        for i in range(PASSWORDS):
            sign_in(w, line, i)
        before = loop_cpu(pid)
        for i in range(PASSWORDS):
            line.call("check_password", account="p%d" % i, password="correct horse")
        cpu = (loop_cpu(pid) - before) / PASSWORDS
        row("P15", "SRP: the loop's CPU for a password, all of its turns", cpu * 1e3, "ms", goal="no turn over 5 ms")
        row("P15", "SRP: longest loop turn so far", line.call("stats")["longest_turn_ms"], "ms", goal="goal 5")
    with World() as w:
        apart(w)
        w.bot("bench_bot")
        line = w.daemon.line(120)
        pid = w.daemon.process.pid
        tokens = [w.sandbox.call("create_bot", username="b%d_bot" % i, first_name="B")["token"] for i in range(BOTS)]
        time.sleep(1)
        before, rss = loop_cpu(pid), status_kb(pid, "RssAnon")
        for i, token in enumerate(tokens):
            line.call("bot_sign_in", account="b%d" % i, token=token)
        cpu = (loop_cpu(pid) - before) / BOTS
        row("P15", "key exchange and login: the loop's CPU, all turns", cpu * 1e3, "ms", goal="no turn over 5 ms")
        row("P15", "longest loop turn in %d key exchanges" % BOTS, line.call("stats")["longest_turn_ms"], "ms", goal="goal 5")
        time.sleep(2)
        row("P12", "RssAnon for each further account, of %d" % BOTS, (status_kb(pid, "RssAnon") - rss) / BOTS, "KB",
            goal="goal 16 and its socket")
