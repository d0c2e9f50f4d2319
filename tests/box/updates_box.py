#!/usr/bin/env python3
"""Updates between the sandbox and the daemon, box by box, number by number: what the account's journal has is
what the sandbox says it should have seen, in spite of loss, doubles, disorder, cuts and absence (T15-T17).
LAYERD_UPDATES sets how many, LAYERD_SECONDS how long the connection is cut every 1 to 5 s at 1,000 updates/s."""

import collections
import os
import random
import threading
import time

from box import SLOW, Line, World, case, main

REDUCED = os.environ.get("LAYERD_REDUCED")
UPDATES = int(os.environ.get("LAYERD_UPDATES", "400" if REDUCED else "2000"))
CHANNELS = int(os.environ.get("LAYERD_CHANNELS", "20"))
SECONDS = int(os.environ.get("LAYERD_SECONDS", "0"))  # of cuts; 0: some in quick succession


class Journal(threading.Thread):
    """Everything that a consumer gets, in order."""

    def __init__(self, w, consumer="journal"):
        super().__init__(daemon=True)
        self.path, self.consumer = w.daemon.path, consumer
        self.rows, self.stop = [], False
        self.begin()
        self.start()

    def begin(self):
        self.line = Line(self.path, 20)
        self.line.call("subscribe", consumer=self.consumer, raw=True, ack="manual")

    def run(self):
        while not self.stop:
            try:
                u = self.line.note(lambda n: n.get("method") == "update", 1)["params"]
            except TimeoutError:
                continue
            except (OSError, EOFError):
                return
            if "seq" in u:
                if "raw" in u:
                    u["place"] = place(u)
                    del u["raw"]
                self.rows.append(u)

    def end(self):
        self.stop = True
        self.join(30 * SLOW)
        self.line.close()


def place(row):
    """Which box an event belongs to, and what it tells: the type and the ids."""
    raw = row["raw"]
    message = raw.get("message") if isinstance(raw.get("message"), dict) else {}
    channel = message.get("peer_id", {}).get("channel_id") or raw.get("channel_id")
    box = -1000000000000 - channel if channel else "common"
    if row["type"] in ("new_message", "message_edited"):
        return box, (row["type"], row["message"]["id"])
    if row["type"] == "message_deleted":
        return box, (row["type"], tuple(row["ids"]))
    return box, None


def should_be(event):
    if event["type"] == "message_deleted":
        return event["type"], tuple(event["ids"])
    return (event["type"], event["id"]) if event["type"] in ("new_message", "message_edited") else None


def compare_box(box, events, have):
    """New messages each once and in order, deletions each once; an edit that a difference brought comes once
    for several, and what was deleted meanwhile need not have been seen."""
    want = [(should_be(e), e.get("deleted")) for e in events if should_be(e)]
    gone = {x for x, deleted in want if deleted}
    news = [x for x in have if x[0] == "new_message" and x not in gone]
    wanted = [x for x, _ in want if x[0] == "new_message" and x not in gone]
    assert news == wanted, "%s: %d of %d, first difference %s" % (box, len(news), len(wanted), next(
        ((a, b) for a, b in zip(news, wanted) if a != b), None))
    most = collections.Counter(x for x, _ in want)
    seen = collections.Counter(have)
    assert not seen - most, "%s: more than once: %s" % (box, seen - most)
    lost = [x for x in most if x not in seen and x not in gone]
    assert not lost, "%s: lost: %s" % (box, lost[:5])
    return len(have)


def compare(w, bot, since, rows):
    """Each box of the account holds what it should."""
    got = collections.defaultdict(list)
    for row in rows:
        if "place" in row and row["type"] not in ("account_state", "gap"):
            box, what = row["place"]
            if what:
                got[box].append(what)
    truth = w.sandbox.call("expected", user=bot, since=since)
    boxes = {int(k): v for k, v in truth["channels"].items()}
    boxes["common"] = truth["common"]
    total = sum(compare_box(box, events, got.pop(box, [])) for box, events in boxes.items())
    assert not got, "boxes that nobody knows: %s" % list(got)
    return total


def a_world_of_channels(w):
    """A bot in some channels, each with a first message that the daemon has seen."""
    bot, _ = w.bot("updates_bot")
    user = w.user(1)
    line = w.daemon.line()
    line.call("fetch_updates", consumer="first")
    channels = [w.sandbox.call("create_channel", title="c%d" % i, creator=user, members=[bot],
                               megagroup=True)["channel_id"] for i in range(CHANNELS)]
    for to in [bot, *channels]:
        w.sandbox.call("send", **{"from": user, "to": to, "text": "first"})
    seen, more = 0, {}
    while seen <= len(channels):
        r = line.call("fetch_updates", consumer="first", wait=20, **more)
        assert r["updates"], "only %d of the first messages came" % seen
        seen += sum(u["type"] == "new_message" and u["message"].get("text") == "first" for u in r["updates"])
        more = {"ack": r["last"]}
    line.close()
    return bot, user, channels


def traffic(w, bot, user, channels, count, rng, rate=0):
    """Messages, edits and deletions, most of them in channels."""
    sent = collections.defaultdict(list)
    start = time.monotonic()
    for i in range(count):
        to = rng.choice(channels) if rng.random() < 0.7 else bot
        what = rng.random()
        if what < 0.08 and sent[to]:
            w.sandbox.call("edit", **{"from": user, "chat": to, "message_id": rng.choice(sent[to]), "text": "e%d" % i})
        elif what < 0.12 and len(sent[to]) > 3 and to != bot:
            w.sandbox.call("delete", **{"from": user, "chat": to,
                                        "message_ids": [sent[to].pop(0)]})
        else:
            m = w.sandbox.call("send", **{"from": user, "to": to, "text": "m%d" % i})
            if to != bot:
                sent[to].append(m["message_id"])
        if rate and i % 50 == 0:
            time.sleep(max(0, start + i / rate - time.monotonic()))


def wait_for(w, bot, since, journal, seconds=60):
    end = time.monotonic() + seconds * SLOW
    while True:
        try:
            return compare(w, bot, since, journal.rows)
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


def last_words(w, user, bot, channels):
    """The last update of a box may have been lost: only the next one can tell."""
    for to in [bot, *channels]:
        w.sandbox.call("send", **{"from": user, "to": to, "text": "last"})


@case
def loss_doubles_and_disorder():
    """T15: 20 % of what is pushed is lost, 10 % doubled, 20 % out of order."""
    with World() as w:
        bot, user, channels = a_world_of_channels(w)
        journal = Journal(w)
        since = w.sandbox.call("state", user=bot)
        for kind, probability in (("drop", 0.2), ("duplicate", 0.1), ("reorder", 0.2)):
            w.sandbox.call("fault", kind=kind, method="updates", probability=probability)
        traffic(w, bot, user, channels, UPDATES, random.Random(1), 1000)
        w.sandbox.call("clear_faults")
        last_words(w, user, bot, channels)
        total = wait_for(w, bot, since, journal)
        journal.end()
        gaps = [r for r in journal.rows if r["type"] == "gap"]
        assert not gaps, gaps[:3]
        print("T15: %d updates in %d boxes with loss, doubles and disorder: the journal equals the oracle"
              % (total, len(channels) + 1))


@case
def numbered_carriers():
    """The same where carriers have a number of their own (seq)."""
    with World() as w:
        bot, user, channels = a_world_of_channels(w)
        w.sandbox.call("options", numbered=True)
        journal = Journal(w)
        since = w.sandbox.call("state", user=bot)
        for kind in ("drop", "duplicate", "reorder"):
            w.sandbox.call("fault", kind=kind, method="updates", probability=0.1)
        traffic(w, bot, user, channels, UPDATES // 4, random.Random(2), 1000)
        w.sandbox.call("clear_faults")
        last_words(w, user, bot, channels)
        wait_for(w, bot, since, journal)
        journal.end()


def catch_up(w, user, bot, channels, journal):
    """While the connection is down each box misses something: seconds from its being up again until all of that came."""
    line = w.daemon.line()
    line.call("wait", **{"for": "online"})
    line.call("subscribe", types=["connection_state"])
    while journal.rows[-1]["seq"] < line.call("list_consumers")["last"]:  # the reader itself may be behind
        time.sleep(0.01)
    at, heard = len(journal.rows), 0
    down = w.sandbox.call("fault", kind="cut", user=bot)["fault"]
    last_words(w, user, bot, channels)
    line.note(lambda n: n["params"].get("online") is False)
    w.sandbox.call("clear_faults", fault=down)
    line.note(lambda n: n["params"].get("online") is True)
    start = time.monotonic()
    end = start + 60 * SLOW
    while heard <= len(channels):
        assert time.monotonic() < end, "%d of %d boxes" % (heard, len(channels) + 1)
        time.sleep(0.005)
        rows = journal.rows[at:]
        at += len(rows)
        heard += sum(r["type"] == "new_message" and r["message"].get("text") == "last" for r in rows)
    line.close()
    return time.monotonic() - start


@case
def cuts_under_traffic():
    """T16: the connection is cut again and again."""
    with World() as w:
        bot, user, channels = a_world_of_channels(w)
        journal = Journal(w)
        since = w.sandbox.call("state", user=bot)
        stop = threading.Event()
        pace, cuts = 1 if SECONDS else 0.1, []

        def cut():
            control = Line(w.sandbox.control_path)
            rng = random.Random(3)
            while not stop.wait(rng.uniform(1, 5) * pace):
                cuts.append(control.call("fault", kind="cut", times=1)["fault"])
                time.sleep(0.05)  # who is not connected now is not cut later, when it comes back
                control.call("clear_faults", fault=cuts[-1])
            control.close()

        cutter = threading.Thread(target=cut)
        cutter.start()
        start = time.monotonic()
        traffic(w, bot, user, channels, 1000 * SECONDS or UPDATES, random.Random(4), 200 if REDUCED else 1000)
        took = time.monotonic() - start
        stop.set()
        cutter.join()
        w.sandbox.call("clear_faults")
        behind = catch_up(w, user, bot, channels, journal)
        total = wait_for(w, bot, since, journal)
        journal.end()
        print("T16: %d updates at %d/s, %d cuts: nothing lost; caught up %.2f s after the last reconnect"
              % (total, total / took, len(cuts), behind))
        assert cuts and behind < (2 if SECONDS else 10 * SLOW)


@case
def away_for_three_days():
    """T17 in small: all of it comes in slices; a channel whose past is cut off has one gap."""
    with World() as w:
        bot, user, channels = a_world_of_channels(w)
        journal = Journal(w)
        since = w.sandbox.call("state", user=bot)
        away = w.sandbox.call("fault", kind="cut", user=bot)["fault"]
        traffic(w, bot, user, channels, UPDATES, random.Random(5))
        w.sandbox.call("fault", kind="too_long", method="updates.getChannelDifference", times=1)
        w.sandbox.call("advance", seconds=72 * 3600)
        w.sandbox.call("clear_faults", fault=away)
        last_words(w, user, bot, channels)
        end = time.monotonic() + 60 * SLOW
        while True:
            rows = list(journal.rows)
            gaps = [r for r in rows if r["type"] == "gap"]
            try:
                assert len(gaps) == 1 and gaps[0]["reason"] == "too_long", gaps
                holed = gaps[0]["chat"]["id"]
                truth = dict(since, channels=[c for c in since["channels"] if c["id"] != holed])
                truth["channels"].append({"id": holed, "pts": 10**9})
                total = compare(w, bot, truth, [r for r in rows if "place" in r and r["type"] != "gap"
                                                and r["place"][0] != holed])
                break
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.3)
        journal.end()
        print("T17: %d updates after three days, 1 gap" % total)


@case
def own_acts_are_told_once():
    """What came with the answer to a method is in the answer, and once in the journal."""
    with World() as w:
        bot, user, channels = a_world_of_channels(w)
        journal = Journal(w)
        since = w.sandbox.call("state", user=bot)
        a = w.daemon.line()
        for i in range(10):
            for to in (user, channels[i % len(channels)]):
                made = a.call("send_message", peer=to, text="own%d" % i)
                assert made["text"] == "own%d" % i and made["out"], made
            raw = a.call("messages.editMessage", peer=to, id=made["id"], message="changed%d" % i)
            assert raw["_"] == "updates" and raw["updates"], raw
        wait_for(w, bot, since, journal)
        journal.end()
        own = [r["message"]["text"] for r in journal.rows if r["type"] == "new_message"]
        assert sorted(own) == sorted("own%d" % i for i in range(10) for _ in range(2)), own


if __name__ == "__main__":
    main()
