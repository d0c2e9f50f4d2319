#!/usr/bin/env python3
"""A day of ten consumers with ten filters (RELIABILITY T19): they connect, ack, stall, vanish and stay away, retention
takes what is old, and the daemon is killed and stays down, all at random. The clock of the daemon and of the sandbox is
the test's: LAYERD_HOURS says how many of its hours pass, LAYERD_SEED how; one update comes a second. What is right is
known from what was sent, not from the daemon."""

import collections
import json
import mmap
import os
import random
import select
import struct
import time

from box import SLOW, World, case, main, preloaded

REDUCED = os.environ.get("LAYERD_REDUCED")
HOURS = float(os.environ.get("LAYERD_HOURS", "0.25" if REDUCED else "1"))
KEPT = max(60, int(HOURS * 300))  # seconds; two hours of a day

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
static int64_t ahead(void)
{
	static volatile int64_t *seconds;

	if (!seconds)
		seconds = mmap(NULL, 8, PROT_READ, MAP_SHARED, open(getenv("SHIM_FILE"), O_RDONLY | O_CLOEXEC), 0);
	return *seconds;
}
int clock_gettime(clockid_t id, struct timespec *t)
{
	int r = ((int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime"))(id, t);

	if (id == CLOCK_REALTIME || id == CLOCK_BOOTTIME)
		t->tv_sec += ahead();
	return r;
}
int timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *old)
{
	struct itimerspec real = *at;

	if (real.it_value.tv_sec > ahead())
		real.it_value.tv_sec -= ahead();
	else if (real.it_value.tv_sec || real.it_value.tv_nsec)
		real.it_value = (struct timespec){0, 1};
	return ((int (*)(int, int, const struct itimerspec *, struct itimerspec *))dlsym(RTLD_NEXT, "timerfd_settime"))(
		fd, flags, &real, old);
}
"""


class Reader:
    """A subscription; pull() gives the updates that are there, without waiting."""

    def __init__(self, w, **params):
        self.line = w.daemon.line()
        self.line.call("subscribe", **params)

    def pull(self, bytes_=1 << 20):
        updates, self.line.notes = [n["params"] for n in self.line.notes if n["method"] == "update"], []
        sock, data = self.line.sock, self.line.buffer
        try:
            while bytes_ > 0 and select.select([sock], [], [], 0)[0] and (chunk := sock.recv(1 << 16)):
                data += chunk
                bytes_ -= len(chunk)
        except ConnectionError:
            pass
        *lines, self.line.buffer = data.split(b"\n")
        for note in map(json.loads, lines):
            if note["method"] == "update":
                updates.append(note["params"])
            else:
                assert note["method"] == "subscription_ended" and note["params"]["reason"] == "taken_over", note
        return [u for u in updates if "seq" in u]


class Consumer:
    def __init__(self, day, name, params, fits):
        self.day, self.name, self.params, self.fits = day, name, params, fits
        self.reader, self.rests_until = None, 0
        self.got, self.gaps = {}, []  # seq: text; (from, to, when it was told)
        self.acked = day.w.daemon.line().call("subscribe", consumer=name, **params)["seq"]

    def connect(self):
        """Perhaps while another connection of its own still has it."""
        before, self.reader = self.reader, Reader(self.day.w, consumer=self.name, **self.params)
        self.last = self.acked
        self.day.count["connects"] += 1
        if before:
            before.line.close()

    def leave(self):
        if self.reader:
            self.reader.line.close()
        self.reader = None

    def read(self):
        for u in self.reader.pull():
            seq = u["seq"]
            assert seq > self.last, "%s: %d after %d" % (self.name, seq, self.last)
            self.last = seq
            if u["type"] == "gap":
                assert u["reason"] == "retention" and u["to"] == seq, u
                self.gaps.append((u["from"], seq, self.day.now()))
            else:
                self.day.count["again"] += seq in self.got
                self.got[seq] = text_of(u)

    def ack(self, wait):
        if self.last <= self.acked:
            return
        self.day.count["acks"] += 1
        if wait:
            self.acked = self.reader.line.call("ack", consumer=self.name, seq=self.last)["acked"]
        else:  # nobody knows whether it was heard
            self.reader.line.send({"id": "a", "method": "ack", "params": {"consumer": self.name, "seq": self.last}})
            self.leave()

    def act(self, rng):
        what = rng.random()
        if self.day.clock < self.rests_until:
            return
        if not self.reader or what < 0.02:
            self.connect()
        elif what < 0.8:
            self.read()
            if what < 0.3:
                self.ack(what < 0.27)
        elif what < 0.84:
            if what < 0.82:  # else it stays, and does not read
                self.leave()
            self.rests_until = self.day.clock + rng.choice((10, 10, 100, 100, KEPT / 2, KEPT * 2)) * rng.random()

    def check(self):
        want = [seq for seq, r in self.day.order.items() if self.fits(r)]
        end = time.monotonic() + 20 * SLOW
        self.connect()
        while want[-1] not in self.got and time.monotonic() < end:
            self.read()
        self.leave()
        extra = set(self.got) - set(want)
        lost = [s for s in want if s not in self.got and not any(a <= s <= b for a, b, _ in self.gaps)]
        assert not extra and not lost, "%s: not its own %s, lost %s" % (self.name, sorted(extra)[:9], lost[:9])
        for seq, text in self.got.items():
            assert text == self.day.order[seq]["text"], (self.name, seq, text, self.day.order[seq])
        for _, to, told in self.gaps:
            age = told - self.day.order[to]["at"]
            assert age > KEPT - 1, "%s: %d was taken at %.1f s" % (self.name, to, age)  # whole seconds are counted
        return len(self.got), sum(s not in self.got for s in want)


def text_of(u):
    if "raw" in u:
        return u["raw"]["message"]["message"]
    return u["message"]["text"] if "message" in u else None


OWN = {"kind": "own", "text": None, "chat": None, "from": None, "out": None, "at": 0}  # about the account


class Day:
    def __init__(self, w, file, rng):
        self.w, self.rng, self.clock = w, rng, 0
        self.seconds = mmap.mmap(file.fileno(), 8)
        self.count = collections.Counter()
        self.bot, _ = w.bot("day_bot")
        self.people = [w.user(n, "P%d" % n) for n in range(1, 5)]
        self.group = w.sandbox.call("create_group", title="G", creator=self.people[0],
                                    members=[self.bot, *self.people[1:]])["chat_id"]
        first = w.daemon.line()
        first.call("subscribe", types=["new_message"])
        for p in self.people:
            w.sandbox.call("send", **{"from": p, "to": self.bot, "text": "/start"})
        while self.count["begun"] < len(self.people):
            update = first.note(lambda n: n.get("method") == "update")["params"]
            self.count["begun"] += update["message"].get("text") == "/start"
        self.seq = first.call("list_consumers")["last"]
        first.close()
        self.sent, self.order, self.seen = {}, {}, 0  # records: by text; by seq, as the watch sees them
        self.group_message, self.down_until = None, 0
        self.watch = Reader(w, since=self.seq)

    def now(self):
        """By the daemon's clock, which goes on between the steps."""
        return self.clock + time.monotonic()

    def passes(self, seconds):
        self.clock += seconds
        self.seconds[:] = struct.pack("q", self.clock)
        if self.watch:
            self.watch.line.call("ping")  # its timers look at the clock

    def record(self, kind, text, who, chat):
        self.sent[text] = {"kind": kind, "text": text, "from": who, "out": who == self.bot, "chat": chat,
                           "at": self.now()}

    def send(self, n):
        control = self.w.sandbox.control
        for _ in range(n):
            who = self.rng.choice((*self.people, self.bot))
            to = self.group if self.rng.random() < 0.4 else self.rng.choice(self.people) if who == self.bot else self.bot
            text = "m%d" % len(self.sent)
            self.record("new_message", text, who, who if to == self.bot else to)
            control.send({"id": text, "method": "send", "params": {"from": who, "to": to, "text": text}})
        for _ in range(n):
            made = control.read()
            record = self.sent[made["id"]]
            if record["chat"] == self.group:
                self.group_message = made["result"]["message_id"], record["from"]

    def edit(self):
        """Of what the daemon has seen: a difference would bring the message as it is now."""
        (message, who), self.group_message = self.group_message, None
        text = "e%d" % len(self.sent)
        self.record("message_edited", text, who, self.group)
        self.w.sandbox.call("edit", user=who, chat=self.group, message_id=message, text=text)
        self.settle()

    def look(self):
        for u in self.watch.pull():
            assert u["seq"] == self.seq + 1 and u["type"] != "gap", (u, self.seq)
            self.seq = u["seq"]
            self.order[self.seq] = self.sent[text_of(u)] if "message" in u else OWN
            self.seen += "message" in u

    def settle(self):
        end = time.monotonic() + 30 * SLOW
        while self.seen < len(self.sent):
            assert time.monotonic() < end, "%d of %d came" % (self.seen, len(self.sent))
            self.look()

    def kill(self, consumers):
        self.count["kills"] += 1
        time.sleep(self.rng.random() * 0.01)
        self.w.daemon.kill()
        self.look()
        self.watch.line.close()
        self.watch = None
        for c in consumers:
            if c.reader:
                c.read()
                c.leave()
        self.down_until = self.clock + self.rng.choice((0, 10, 100, KEPT / 4)) * self.rng.random()

    def start(self):
        self.w.daemon.start()
        self.watch = Reader(self.w, since=self.seq)

    def check(self, consumers):
        """What the daemon has is what was sent; and each consumer has its share of that."""
        self.settle()
        news = [r["text"] for r in self.order.values() if r["kind"] == "new_message"]
        assert news == [t for t, r in self.sent.items() if r["kind"] == "new_message"], "out of order"
        assert len(set(r["text"] for r in self.order.values() if r is not OWN)) == len(self.sent), "doubled"
        shares = [c.check() for c in consumers]
        return [sum(x) for x in zip(*shares)]

    def live(self, consumers):
        while self.clock < HOURS * 3600:
            step = self.rng.randint(1, 20)
            self.passes(step)
            self.send(step)
            what = self.rng.random()
            if self.watch and what < 0.04:
                self.kill(consumers)
            elif not self.watch and self.clock >= self.down_until:
                self.start()
            if not self.watch:
                continue
            if what < 0.9:
                self.settle()
                if what < 0.2 and self.group_message:
                    self.edit()
            for c in consumers:
                c.act(self.rng)
        if not self.watch:
            self.start()


def filters(d):
    """Parameters of subscribe, and the same once more, said of what was sent."""
    p, q, r, _ = d.people
    def new(r): return r["kind"] == "new_message"
    news = {"types": ["new_message"]}
    return [
        ({}, lambda m: True),
        (news, new),
        ({"types": ["message_edited"]}, lambda m: m["kind"] == "message_edited"),
        ({"peers": [p], "raw": True, **news}, lambda m: new(m) and m["chat"] == p),
        ({"from": [q, r]}, lambda m: m["from"] in (q, r)),
        ({"direction": "out", "accounts": ["main"]}, lambda m: m is not OWN and m["out"]),
        ({"text": {"contains": "7"}}, lambda m: m is not OWN and "7" in m["text"]),
        ({"text": {"prefix": "m1"}, **news}, lambda m: new(m) and m["text"].startswith("m1")),
        ({"text": {"regex": "^[me].*[02468]$"}}, lambda m: m is not OWN and int(m["text"][-1]) % 2 == 0),
        ({"peers": [d.group], "direction": "in", "raw": "only"}, lambda m: m["chat"] == d.group and not m["out"]),
    ]


@case
def each_gets_its_own_share():
    rng = random.Random(int(os.environ.get("LAYERD_SEED", "19")))
    with preloaded(CLOCK) as path:
        with open(path, "wb+") as file:
            file.write(bytes(8))
            file.flush()
            with World("--journal-age", str(KEPT)) as w:
                day = Day(w, file, rng)
                consumers = [Consumer(day, "c%d" % i, *f) for i, f in enumerate(filters(day))]
                start = time.monotonic()
                day.live(consumers)
                got, taken = day.check(consumers)
                gaps = sum(len(c.gaps) for c in consumers)
                print("T19: %g hours in %.0f s: %d updates, %d kills; 10 consumers: %d connections, %d acks, %d updates "
                      "(%d of them again), %d let go by retention, in %d gaps: each its exact share, in order"
                      % (HOURS, time.monotonic() - start, len(day.sent), day.count["kills"], day.count["connects"],
                         day.count["acks"], got, day.count["again"], taken, gaps))


if __name__ == "__main__":
    main()
