#!/usr/bin/env python3
"""Slow, stuck and dying readers of updates (RELIABILITY §9, T21-T26): they cost a constant, lose nothing, and
hold up nobody. LAYERD_UPDATES, LAYERD_RATE, LAYERD_STUCK, LAYERD_RESETS, LAYERD_STOPPED make the runs longer."""

import json
import os
import socket
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
RESETS = count("LAYERD_RESETS", 100, 500)
STOPPED = count("LAYERD_STOPPED", 1000, 10000)


def status(w, key):
    with open("/proc/%d/status" % w.daemon.process.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))


def cpu(w):
    """Seconds of processor that the daemon has used."""
    with open("/proc/%d/stat" % w.daemon.process.pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
        warm = min(UPDATES, 4 * RATE)
        talk.flooded(warm, RATE)  # buffers and caches have their size
        follow(good, warm, 3600)
        before = status(w, "RssAnon")
        stuck = w.daemon.line(3600)
        stuck.call("hello", client="stuck")
        stuck.call("subscribe", types=["new_message", "connection_state"], raw=True, consumer="stuck")
        flood = talk.flood(UPDATES, RATE)
        whole(follow(good, UPDATES, 3600), UPDATES)
        flood.read()
        w.sandbox.call("restart_dc", id=2)  # offline, online: live only
        good.call("wait", **{"for": "online"})
        grown = status(w, "RssAnon") - before
        row = [c for c in good.call("list_clients")["clients"] if c.get("client") == "stuck"][0]
        stats = good.call("stats")
        assert row["unread"] > 200 << 10 and row["queued"] < 1 << 20, row
        assert stats["lag"] > UPDATES // 2 and stats["updates_lagged"] >= 1 and stats["unread"] >= row["unread"], stats
        (row,) = good.call("list_consumers")["consumers"]
        assert row["lag"] >= UPDATES and row["lagged"] >= 1 and row["unread"] > 200 << 10 and row["sent"] < stats["seq"], row
        start = time.monotonic()
        whole(follow(stuck, UPDATES, 3600), UPDATES)
        took = time.monotonic() - start
        assert ASAN or grown <= 1024, "RssAnon grew by %d kB" % grown
        print("T21: %d updates to one that does not read: RssAnon +%d kB, lag %d, then %d of %d in %.1f s"
              % (UPDATES, grown, stats["lag"], UPDATES, UPDATES, took))


def latencies(talk, n):
    """From the sandbox's order to the line of ten good readers, one message at a time; p50, p99, CPU for each."""
    lines = [talk.w.daemon.line(60) for _ in range(10)]
    for line in lines:
        line.call("subscribe", types=["new_message"])
    took, used = [], cpu(talk.w)
    for _ in range(n):
        start = time.monotonic()
        talk.w.sandbox.call("send", **{"from": talk.user, "to": talk.bot, "text": "tick"})
        for line in lines:
            line.note(lambda u: u.get("method") == "update")
            took.append(time.monotonic() - start)
    used = cpu(talk.w) - used
    for line in lines:
        line.close()
    took.sort()
    return took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000, used / n * 1000


def stick(talk, n):
    lines = []
    for _ in range(n):
        line = talk.w.daemon.line(60)
        line.call("subscribe", types=["new_message"], raw=True)
        lines.append(line)
    talk.flooded(2000 if REDUCED else 4000, text="x" * 200)
    talk.w.daemon.line().call("ping")
    return lines


def beside(name, talk, disturb, n):
    calm = latencies(talk, n)
    undo = disturb()
    busy = latencies(talk, n)
    undo()
    print("%s: p50 %.2f -> %.2f ms, p99 %.2f -> %.2f ms, CPU %.3f -> %.3f ms an update" % (
        name, calm[0], busy[0], calm[1], busy[1], calm[2], busy[2]))
    assert busy[0] < calm[0] * 3 + 20 * SLOW, "good readers are held up"


@case
def many_that_never_read_hold_up_nobody():
    """T22; and T26: what they cost while nothing happens."""
    with World() as w:
        talk = Talk(w)
        stuck = []

        def disturb():
            stuck.extend(stick(talk, STUCK))
            time.sleep(1)
            used, start = cpu(w), time.monotonic()
            time.sleep(1 if REDUCED else 3)
            share = 100 * (cpu(w) - used) / (time.monotonic() - start)
            print("T26: %d readers stuck: %.2f %% of a processor" % (STUCK, share))
            assert share < 3, "it spins"
            return lambda: [line.close() for line in stuck]

        beside("T22, %d stuck and 10 good ones" % STUCK, talk, disturb, 50 if REDUCED else 200)


@case
def readers_of_one_byte_a_second_hold_up_nobody():
    """T23."""
    with World() as w:
        talk = Talk(w)

        def disturb():
            lines, stop = stick(talk, 10), threading.Event()

            def sip():
                while not stop.wait(1):
                    for line in lines:
                        line.sock.recv(1)

            thread = threading.Thread(target=sip)
            thread.start()
            return lambda: (stop.set(), thread.join(), [line.close() for line in lines])

        beside("T23, 10 readers of 1 byte/s", talk, disturb, 50 if REDUCED else 200)


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
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(b'{"id":1,"method":"subscribe","params":{"types":["new_message"],"consumer":"stopped"}}\\n')
print("ready", flush=True)
last = n = 0
for line in s.makefile("rb"):
    u = json.loads(line).get("params", {})
    if u.get("type") != "new_message":
        continue
    assert u["seq"] > last, "out of order"
    last, n = u["seq"], n + 1
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
            os.kill(reader.pid, 18)
            start = time.monotonic()
            assert reader.stdout.readline() == b"%d\n" % STOPPED
            print("T25: %d updates behind, in order, in %.2f s" % (STOPPED, time.monotonic() - start))
        finally:
            reader.kill()
            reader.wait()


if __name__ == "__main__":
    main()
