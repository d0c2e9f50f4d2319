#!/usr/bin/env python3
"""Slow, stuck and dying readers of updates (RELIABILITY §9, T21-T26): they cost a constant, lose nothing, and
hold up nobody. LAYERD_UPDATES, LAYERD_RATE, LAYERD_STUCK, LAYERD_ROUNDS, LAYERD_RESETS, LAYERD_STOPPED make the
runs longer; "chrt -r 1" before the command keeps other programs out of the figures."""

import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

from box import SLOW, Line, World, case, main

REDUCED = os.environ.get("LAYERD_REDUCED")
ASAN = "asan" in os.environ.get("LAYERD_BUILD", "")


def count(name, reduced, usual):
    return int(os.environ.get(name, reduced if REDUCED else usual))


RATE = int(os.environ.get("LAYERD_RATE", "1000"))  # a second
UPDATES = count("LAYERD_UPDATES", 2000, 4000)
STUCK = count("LAYERD_STUCK", 20, 100)
ROUNDS = count("LAYERD_ROUNDS", 5, 15)
RESETS = count("LAYERD_RESETS", 100, 500)
STOPPED = count("LAYERD_STOPPED", 1000, 10000)
HELD_UP = 1 if "LAYERD_ROUNDS" in os.environ else 10  # ms at p99; a few rounds on a busy machine say little


def status(w, key):
    with open("/proc/%d/status" % w.daemon.process.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))


def tidied(w):
    """RssAnon, after the daemon has given back what passing events took."""
    time.sleep(3)
    return status(w, "RssAnon")


def cpu(w):
    """Seconds of processor that the daemon has used, to the nanosecond."""
    threads, used = "/proc/%d/task" % w.daemon.process.pid, 0
    for thread in os.listdir(threads):
        with open("%s/%s/schedstat" % (threads, thread)) as f:
            used += int(f.read().split()[0])
    return used / 1e9


def descriptors(w):
    return len(os.listdir("/proc/%d/fd" % w.daemon.process.pid))


class Talk:
    """A bot, somebody who writes to it, and floods that are over when wait() returns."""

    def __init__(self, w):
        self.w = w
        self.bot, _ = w.bot("readers_bot")
        self.user = w.user(1)
        w.daemon.line().call("wait", **{"for": "online"})

    def flood(self, n, rate=0, text="m"):
        line = Line(self.w.sandbox.control_path, 3600)
        line.send({"id": 1, "method": "flood", "params": {
            "from": self.user, "to": self.bot, "count": n, "rate": rate, "text": text}})
        return line

    def flooded(self, n, rate=0, text="m"):
        answer = self.flood(n, rate, text).read()
        assert "result" in answer, answer


def follow(line, n, timeout=60):
    """Seqs of the next n new messages, in the order in which they came."""
    seqs = []
    while len(seqs) < n:
        note = line.note(lambda u: u.get("method") == "update", timeout)["params"]
        if note["type"] == "new_message":
            seqs.append(note["seq"])
    return seqs


def whole(seqs, n):
    assert len(seqs) == n and seqs == sorted(set(seqs)), "%d of %d, or out of order" % (len(set(seqs)), n)


@case
def one_that_never_reads_costs_a_constant():
    """T21."""
    with World("--journal-bytes", str(64 << 30)) as w:  # an hour may be more than is kept
        talk = Talk(w)
        good = w.daemon.line(3600)
        good.call("subscribe", types=["new_message"])
        for _ in range(3):  # all that waits for a daemon that slept: buffers and caches have their size
            os.kill(w.daemon.process.pid, 19)
            flood = talk.flood(UPDATES if REDUCED else 20000)
            time.sleep(0.5)
            os.kill(w.daemon.process.pid, 18)
            follow(good, UPDATES if REDUCED else 20000, 3600)
            flood.read()
        before = tidied(w)
        stuck = w.daemon.line(3600)
        stuck.call("hello", client="stuck")
        stuck.call("subscribe", types=["new_message", "connection_state"], raw=True, consumer="stuck")
        flood = talk.flood(UPDATES, RATE)
        whole(follow(good, UPDATES, 3600), UPDATES)
        flood.read()
        w.sandbox.call("restart_dc", id=2)  # offline, online: live only
        good.call("wait", **{"for": "online"})
        grown = tidied(w) - before
        row = [c for c in good.call("list_clients")["clients"] if c.get("client") == "stuck"][0]
        stats = good.call("stats")
        assert row["unread"] > 200 << 10 and row["queued"] < 1 << 20, row
        assert stats["lag"] > UPDATES // 2 and stats["updates_lagged"] >= 1 and stats["unread"] >= row["unread"], stats
        (row,) = good.call("list_consumers")["consumers"]
        assert row["lag"] >= UPDATES and row["lagged"] >= 1 and row["unread"] > 200 << 10 and row["sent"] < stats["seq"], row
        start = time.monotonic()
        whole(follow(stuck, UPDATES, 3600), UPDATES)
        took = time.monotonic() - start
        print("T21: %d updates to one that does not read: RssAnon %d kB %+d kB, lag %d, then %d of %d in %.1f s"
              % (UPDATES, before, grown, stats["lag"], UPDATES, UPDATES, took))
        assert ASAN or grown <= 1024, "RssAnon grew by %d kB" % grown


class Side(Talk):
    """One of two worlds that are compared, with ten good readers; what was measured in it."""

    def __init__(self, w):
        super().__init__(w)
        self.lines = [w.daemon.line(60) for _ in range(10)]
        self.took, self.p50, self.p99, self.used = [], [], [], []  # of this round; of each
        for line in self.lines:
            line.call("subscribe", types=["new_message"])

    def tick(self):
        """From the sandbox's order to the line of each good reader."""
        start = time.monotonic()
        self.w.sandbox.call("send", **{"from": self.user, "to": self.bot, "text": "tick"})
        for line in self.lines:
            line.note(lambda u: u.get("method") == "update")
            self.took.append(1000 * (time.monotonic() - start))

    def begin(self):
        self.took, self.since = [], cpu(self.w)

    def end(self):
        self.used.append(1000 * (cpu(self.w) - self.since) * len(self.lines) / len(self.took))
        self.took.sort()
        self.p50.append(self.took[len(self.took) // 2])
        self.p99.append(self.took[len(self.took) * 99 // 100])


def beside(name, disturb, bound):
    """Two worlds in turns: one calm, one with bad readers as well. bound: of the processor's time for an update."""
    with World() as calm, World() as busy:
        calm, busy = Side(calm), Side(busy)
        undo = disturb(busy)
        for side in (calm, busy):
            side.flooded(2000 if REDUCED else 4000, text="x" * 200)
            for line in side.lines:
                follow(line, 2000 if REDUCED else 4000)
        for _ in range(ROUNDS):
            calm.begin(), busy.begin()
            for i in range(50):
                for side in (calm, busy) if i % 2 else (busy, calm):  # what disturbs both hits both
                    side.tick()
            calm.end(), busy.end()
        idle(busy, name)
        undo()
        middle = statistics.median
        more = middle(b / c for b, c in zip(busy.used, calm.used)) - 1
        p50, p99 = (middle(busy.p50), middle(calm.p50)), (middle(busy.p99), middle(calm.p99))
        print("%s: p50 %.2f -> %.2f ms, p99 %.2f -> %.2f ms (%+.2f ms, medians of %d rounds), "
              "CPU %.3f -> %.3f ms an update, %+.1f %%" % (
                  name, p50[1], p50[0], p99[1], p99[0], p99[0] - p99[1], ROUNDS,
                  middle(calm.used), middle(busy.used), 100 * more))
        assert p50[0] < p50[1] * 1.5 + 1 * SLOW, "good readers are held up"
        assert p99[0] < p99[1] * 1.05 + HELD_UP * SLOW, "some of what good readers wait for is held up"
        assert more <= bound, "bad readers cost processor"


def idle(side, name):
    """T26: what they cost while nothing happens."""
    used, start = cpu(side.w), time.monotonic()
    time.sleep(1 if REDUCED else 3)
    share = 100 * (cpu(side.w) - used) / (time.monotonic() - start)
    print("T26, %s: %.2f %% of a processor while nothing happens" % (name, share))
    assert share < 1 * SLOW, "it spins"


def stick(side, connections, subscriptions):
    lines = [side.w.daemon.line(60) for _ in range(connections)]
    for line in lines:
        for _ in range(subscriptions):
            line.call("subscribe", types=["new_message"], raw=True)
    return lines


@case
def many_that_never_read_hold_up_nobody():
    """T22: 20 subscriptions each, so that the page's 5 % for one each are 100 % here, and show in any noise."""
    def disturb(side):
        lines = stick(side, STUCK, 20)
        return lambda: [line.close() for line in lines]

    beside("T22, %d stuck with 20 subscriptions each, and 10 good ones" % STUCK, disturb, 0.2)


@case
def readers_of_one_byte_a_second_hold_up_nobody():
    """T23."""
    def disturb(side):
        lines, stop = stick(side, 10, 20), threading.Event()

        def sip():
            while not stop.wait(1):
                for line in lines:
                    line.sock.recv(1)

        thread = threading.Thread(target=sip)
        thread.start()
        return lambda: (stop.set(), thread.join(), [line.close() for line in lines])

    beside("T23, 10 readers of 1 byte/s with 20 subscriptions each", disturb, 0.2)


@case
def readers_that_vanish_in_the_middle():
    """T24: a peer that closes with unread bytes resets the connection, at any moment of a write."""
    with World() as w:
        talk = Talk(w)
        good = w.daemon.line(3600)
        good.call("subscribe", types=["new_message"])
        before = descriptors(w)
        flood = talk.flood(RESETS * 4, rate=2000)
        ask = json.dumps({"id": 1, "method": "subscribe", "params": {"raw": True, "since": "oldest"}}).encode() + b"\n"
        for i in range(RESETS):
            s = socket.socket(socket.AF_UNIX)
            s.connect(w.daemon.path)
            s.sendall(ask)
            s.recv(1 + i % 7 * 10000)
            s.close()
        whole(follow(good, RESETS * 4, 3600), RESETS * 4)
        flood.read()
        end = time.monotonic() + 10 * SLOW
        while descriptors(w) > before and time.monotonic() < end:
            time.sleep(0.05)
        assert descriptors(w) <= before, "%d descriptors, %d before" % (descriptors(w), before)
        print("T24: %d readers gone in the middle: no descriptor left, %d of %d to another" % (
            RESETS, RESETS * 4, RESETS * 4))


READER = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(b'{"id":1,"method":"subscribe","params":{"types":["new_message"],"consumer":"stopped"}}\\n')
print("ready", flush=True)
last = n = 0
for line in s.makefile("rb", 1 << 20):
    _, found, rest = line.partition(b'"seq":')
    if not found or b'"method":"update"' not in line:
        continue
    seq = int(rest.partition(b",")[0])
    assert seq > last, "out of order"
    last, n = seq, n + 1
    if n == int(sys.argv[2]):
        print(n, flush=True)
        break
"""


@case
def one_that_is_stopped_and_goes_on():
    """T25."""
    with World() as w:
        talk = Talk(w)
        reader = subprocess.Popen([sys.executable, "-c", READER, w.daemon.path, str(STOPPED)], stdout=subprocess.PIPE)
        try:
            reader.stdout.readline()
            while not w.daemon.line().call("list_consumers")["consumers"]:
                time.sleep(0.01)
            os.kill(reader.pid, 19)
            talk.flooded(STOPPED, 4 * RATE)
            line = w.daemon.line()
            end = time.monotonic() + 60 * SLOW
            while line.call("list_consumers")["consumers"][0]["lag"] < STOPPED and time.monotonic() < end:
                time.sleep(0.1)
            start, used = time.monotonic(), cpu(w)
            os.kill(reader.pid, 18)
            assert reader.stdout.readline() == b"%d\n" % STOPPED
            print("T25: %d updates behind, in order, in %.2f s, %.2f s of them the daemon's" % (
                STOPPED, time.monotonic() - start, cpu(w) - used))
        finally:
            reader.kill()
            reader.wait()


if __name__ == "__main__":
    main()
