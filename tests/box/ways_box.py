#!/usr/bin/env python3
"""Every way to a data centre: transports x proxies x IPv4/IPv6, against the sandbox's own front ends.

Each row of the table is an account that logs in, gets a message, answers it, loses its connection and
does both again. The sandbox counts what came in by which door and in which transport: an account behind
a proxy that came in directly, or in another transport than asked for, fails its row. With
LAYERD_REDUCED=1 three of the fourteen daemons play."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box
from box import Daemon, World

KEY = "00112233445566778899aabbccddeeff"
EE = "ee" + KEY + b"front.example".hex()
TRANSPORTS = ["abridged", "intermediate", "padded", "full",
              "obfuscated-abridged", "obfuscated-intermediate", "obfuscated-padded"]
DOORS = [("socks5", "socks5", ""), ("socks5+login", "socks5", "me:p@:ss"), ("http", "http", ""),
         ("http+login", "http", "me:p@:ss"), ("mtproxy", "mtproxy", KEY), ("mtproxy dd", "mtproxy", "dd" + KEY),
         ("mtproxy ee", "mtproxy", EE)]
REDUCED = [("obfuscated-padded", 4), ("full", 6), ("abridged", 4)]


def spoken(way, transport):
    """What the sandbox should hear: a secret decides on framing and obfuscation (C.38)."""
    if not way.startswith("mtproxy"):
        return transport
    if way != "mtproxy":
        return "obfuscated-padded"
    return "obfuscated-abridged" if transport.endswith("abridged") else "obfuscated-intermediate"


def rows(transport, family):
    """Ways of one daemon: (way, family of the proxy or 0). An MTProxy decides on the transport, so it has
    its turn once for each framing; it finds the data centre by number, so one family of these will do."""
    yield "direct", 0
    for way, kind, _ in DOORS:
        if kind == "mtproxy" and (family == 6 or transport not in ("obfuscated-abridged", "obfuscated-padded")):
            continue
        if way in ("mtproxy dd", "mtproxy ee") and transport != "obfuscated-padded":
            continue
        yield way, 4
        yield way, 6


class Rig(World):
    def __init__(self):
        doors = []
        for host in ("127.0.0.1", "[::1]"):
            for _, kind, secret in DOORS:
                doors += ["--proxy", "%s=%s:0,%s" % (kind, host, secret)]
        super().__init__(sandbox_args=("--listen6", "[::1]:0", *doors), daemon=False)
        self.doors = {}
        for i, door in enumerate(self.sandbox.ready["proxies"]):
            self.doors[DOORS[i % len(DOORS)][0], 4 if i < len(DOORS) else 6] = (i, door["link"])
        self.person = self.user(1, "Alice")

    def args(self, transport, family):
        args = ["--transport", transport, "--rsa-key", self.sandbox.ready["rsa_key"]]
        for dc in self.sandbox.ready["dcs"]:
            if (":" in dc["host"]) == (family == 6):
                args += ["--dc", "%d=%s:%d" % (dc["id"], "[::1]" if family == 6 else dc["host"], dc["port"])]
        return args

    def counts(self):
        net = self.sandbox.call("stats")["net"]
        return net["direct"], [d["passed"] for d in net["proxies"]], net["transports"]


class Account(threading.Thread):
    """One row: what it does in each phase runs in its own thread, beside the others of its daemon."""

    def __init__(self, rig, transport, family, way, door):
        super().__init__()
        self.row = (transport, way, "-" if not door else "IPv%d" % door, "by number" if "mtproxy" in way else "IPv%d" % family)
        self.rig, self.way, self.name = rig, way, "%s_%d" % (way.replace("+", "_").replace(" ", "_"), door)
        self.link = rig.doors[way, door][1] if door else None
        bot = rig.sandbox.call("create_bot", username="w%d_bot" % Account.made, first_name=way)
        Account.made += 1
        self.bot, self.token = bot["user_id"], bot["token"]
        self.done, self.error = [], ""
        self.cut = threading.Event()

    made = 0

    def step(self, what, f, *args):
        f(*args)
        self.done.append(what)

    def note(self, text):
        n = self.line.note(lambda n: n.get("method") == "update" and n["params"].get("account") == self.name
                           and n["params"]["message"]["text"] == text, 30)
        return n["params"]["message"]

    def asked(self, text):
        self.said(self.rig.person, self.bot, text)
        self.note(text)

    def said(self, who, to, text):
        with self.rig.lock:
            self.rig.sandbox.call("send", **{"from": who, "to": to, "text": text})

    def answers(self, text):
        self.line.call("send_message", account=self.name, peer=self.rig.person, text=text)
        with self.rig.lock:
            there = self.rig.sandbox.call("messages", **{"peer": self.bot, "as": self.rig.person})
        texts = [m.get("text", m.get("message")) for m in (there["messages"] if isinstance(there, dict) else there)]
        assert texts.count(text) == 1, texts

    def run(self):
        try:
            self.line = self.rig.daemon.line(40)
            self.line.call("add_account", name=self.name, **({"proxy": self.link} if self.link else {}))
            self.step("login", lambda: self.line.call("bot_sign_in", token=self.token, account=self.name))
            self.line.call("subscribe", account=self.name, types=["new_message"])
            self.step("update", self.asked, "first")
            self.step("message", self.answers, "one")
            self.rig.ready.release()
            self.cut.wait(120)
            self.step("again", self.asked, "second")
            self.step("again", self.answers, "two")
        except Exception as e:
            self.error = "%s: %s" % (type(e).__name__, str(e)[:120])
        finally:
            self.rig.ready.release()


def play(rig, transport, family):
    """All rows of one daemon side by side; returns them with what went wrong."""
    folder = os.path.join(rig.folder, "%s-%d" % (transport, family))
    os.mkdir(folder)
    rig.lock, rig.ready = threading.Lock(), threading.Semaphore(0)
    rig.daemon = Daemon(folder, None, *rig.args(transport, family))
    before = rig.counts()
    accounts = [Account(rig, transport, family, way, door) for way, door in rows(transport, family)]
    for a in accounts:
        a.start()
    for _ in accounts:
        rig.ready.acquire()
    with rig.lock:
        rig.sandbox.call("restart_dc", id=0)
    for a in accounts:
        a.cut.set()
    for a in accounts:
        a.join()
    after = rig.counts()
    rig.daemon.kill(15)
    rig.daemon.check()
    rig.daemon = None
    judge(rig, transport, accounts, before, after)
    return accounts


def judge(rig, transport, accounts, before, after):
    """The sandbox's side of it: doors and transports as they should be, and each way taken twice."""
    heard = {t for t in after[2] if after[2][t] > before[2][t]}
    expected = {spoken(a.way, transport) for a in accounts}
    direct = after[0] - before[0]
    for a in accounts:
        if a.error:
            continue
        if a.link is None:
            came = direct
            a.error = "" if direct == 2 else "%d connections came in directly" % direct
        else:
            i = rig.doors[a.way, int(a.row[2][-1])][0]
            came = after[1][i] - before[1][i]
        if came < 2:
            a.error = "came in %d times by its door" % came
        if heard != expected:
            a.error = "spoke %s" % sorted(heard)


def main():
    runs = REDUCED if os.environ.get("LAYERD_REDUCED") else [(t, f) for t in TRANSPORTS for f in (4, 6)]
    passed = failed = 0
    start = time.monotonic()
    with Rig() as rig:
        print("%-24s %-13s %-6s %-10s %s" % ("transport", "way", "proxy", "DC", "login update message cut update message"))
        for transport, family in runs:
            for a in play(rig, transport, family):
                passed, failed = passed + (not a.error), failed + bool(a.error)
                print("%-24s %-13s %-6s %-10s %s" % (*a.row, "ok" if not a.error else "FAILED %s (after: %s)" % (
                    a.error, " ".join(a.done) or "nothing")), flush=True)
    print("%d rows in %.1f s" % (passed + failed, time.monotonic() - start))
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


main()
