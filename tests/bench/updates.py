"""P7 in the whole daemon, P14, fan-out, and memory under many updates. The sandbox floods a bot; subscribers read all."""

import os
import selectors
import shutil
import statistics
import tempfile
import threading
import time

from bench import OUT, ROUNDS, build_with, loop_cpu, pinned, row, status_kb
from box import Line, World

MANY = int(os.environ.get("BENCH_UPDATES", "1000000"))  # a multiple of 20,000


class Readers(threading.Thread):
    """So many subscribers, each of which reads all of the count updates."""

    def __init__(self, w, subscribers, count):
        super().__init__(daemon=True)
        self.left = subscribers * count
        self.lines = [w.daemon.line(600) for _ in range(subscribers)]
        for line in self.lines:
            line.call("subscribe", types=["new_message"])
        self.start()

    def run(self):
        with selectors.DefaultSelector() as s:
            for line in self.lines:
                line.sock.setblocking(False)
                s.register(line.sock, selectors.EVENT_READ)
            while self.left > 0:
                for key, _ in s.select():
                    self.left -= key.fileobj.recv(1 << 18).count(b"\n")


def flood(w, count, to, sender, subscribers):
    """Seconds of the loop's CPU, seconds on the clock, until every subscriber has all; and lines that did not come."""
    readers = Readers(w, subscribers, count)
    pid = w.daemon.process.pid
    cpu, start = loop_cpu(pid), time.monotonic()
    control = Line(w.sandbox.control_path, 600)
    control.call("flood", **{"from": sender, "to": to, "count": count, "rate": 0})
    left = None
    while readers.is_alive() and readers.left != left:
        left = readers.left
        readers.join(timeout=5)
    took = loop_cpu(pid) - cpu, time.monotonic() - start, max(readers.left, 0)
    for line in [*readers.lines, control]:
        line.close()
    return took


def fresh(count, subscribers):
    """A flood in a world of its own."""
    with World() as w:
        bot, _ = w.bot("bench_bot")
        return flood(w, count, bot, w.user(), subscribers)


def updates():
    runs = [fresh(20000, 1) for _ in range(ROUNDS)]
    row("P7", "update in the daemon: the loop's CPU, sockets and all", statistics.median(r[0] for r in runs) / 20000 * 1e6,
        "us CPU")
    row("P7", "updates through sandbox, journal and a subscriber", 20000 / statistics.median(r[1] for r in runs), "1/s")


def fan_out():
    for subscribers, count in ((1, 5000), (10, 5000), (100, 2000)):
        runs = [fresh(count, subscribers) for _ in range(3)]
        row("P7", "fan-out to %d subscribers: the loop's CPU a line" % subscribers,
            statistics.median(r[0] for r in runs) / count / subscribers * 1e6, "us CPU")


def memory():
    with World() as w:
        bot, _ = w.bot("bench_bot")
        alice = w.user()
        flood(w, 20000, bot, alice, 1)  # buffers have their size
        pid = w.daemon.process.pid
        time.sleep(1)
        before = status_kb(pid, "RssAnon")
        lost, start = 0, time.monotonic()
        for _ in range(MANY // 20000):
            lost += flood(w, 20000, bot, alice, 1)[2]
        clock = time.monotonic() - start
        time.sleep(1)
        row("P7", "growth of RssAnon over %d updates" % MANY, (status_kb(pid, "RssAnon") - before) / 1024, "MB", goal="goal 1")
        row("P7", "the same updates, journal and all", MANY / clock, "1/s")
        row("P7", "of these, lines that did not come", lost, "", goal="goal 0")


def store():
    tool = build_with("store_bench", "daemon", "core", "proto")
    folder = tempfile.mkdtemp(prefix="store-", dir=OUT)
    try:
        rates = pinned([tool, folder, "200000", str(3 * ROUNDS)], core="0,1")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    row("P14", "durable updates with group commit", rates["ours"], "1/s", "bare LMDB", rates["bare"], "goal 200 k/s, 0.8")
