#!/usr/bin/env python3
"""Consumers and their filters: each gets exactly its share, in order, at least once (RELIABILITY T20; the
contract's §6; day_box.py has a whole day of it). LAYERD_AWAY makes a run longer."""

import base64
import os
import random
import re
import time

from box import SLOW, Line, World, case, main, refused

REDUCED = os.environ.get("LAYERD_REDUCED")
AWAY = float(os.environ.get("LAYERD_AWAY", "1"))  # seconds in which 600 messages come


def rest(line):
    """What a daemon that died had written."""
    data = line.buffer
    try:
        while chunk := line.sock.recv(1 << 16):
            data += chunk
    except ConnectionError:
        pass
    line.close()
    return data


def updates(line, n, timeout=20):
    return [line.note(lambda u: u.get("method") == "update", timeout)["params"] for _ in range(n)]


@case
def text_filters():
    with World() as w:
        bot, _ = w.bot("filter_bot")
        user = w.user(1)
        filters = {
            "contains": {"contains": "needle"},
            "prefix": {"prefix": "/start"},
            "regex": {"regex": "^/(start|stop)( |$)"},
            "case": {"regex": "(?i)NEEDLE$"},
            "unicode": {"regex": "^.{3}$"},
        }
        lines = {}
        for name, f in filters.items():
            lines[name] = w.daemon.line()
            lines[name].call("subscribe", types=["new_message"], text=f, consumer=name)
        a = w.daemon.line()
        for bad in ("(", "a" * 257, "\\C"):
            assert refused("invalid_params", a, "subscribe", text={"regex": bad})["data"]["field"] == "text.regex"
        refused("invalid_params", a, "subscribe", text={"regex": "a", "contains": "b"})
        refused("invalid_params", a, "subscribe", text={"suffix": "a"})
        a.call("subscribe", types=["new_message"], text={"regex": "^(a+)+$"})
        texts = ["hay needle hay", "/start", "/started", "/stop now", "Needle", "\u00e4\u20ac\U0001f600", "last needle"]
        for t in texts:
            w.sandbox.call("send", **{"from": user, "to": bot, "text": t})
        for name, f in filters.items():
            (kind, what), = f.items()
            want = [t for t in texts if (what in t if kind == "contains" else t.startswith(what) if kind == "prefix"
                                         else re.search(what, t))]
            got = [u["message"]["text"] for u in updates(lines[name], len(want))]
            assert got == want, (name, got, want)
        # a message that takes too many steps is told, and the subscription goes on
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "a" * 200 + "b"})
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "aaa"})
        error = a.note(lambda n: n.get("method") == "subscription_error")["params"]
        assert error["reason"] == "regex_limit" and error["subscription"] == 1 and error["seq"] > 0, error
        (good,) = updates(a, 1)
        assert good["message"]["text"] == "aaa" and good["seq"] == error["seq"] + 1
        # another filter for the same subscription
        a.call("update_subscription", subscription=1, types=["new_message"], text={"prefix": "x"})
        for t in ("aaa", "xyz"):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": t})
        assert updates(a, 1)[0]["message"]["text"] == "xyz"
        (row,) = a.call("list_subscriptions")["subscriptions"]
        assert row["delivered"] == 2 and row["lagged"] == 0 and row["seq"] > error["seq"], row


@case
def patterns_that_explode_hold_nobody_up():
    """Over old rows and live, by many subscriptions: each row is told as an error, and everybody else is served."""
    with World() as w:
        bot, _ = w.bot("bomb_bot")
        user = w.user(1)
        other, rows = w.daemon.line(), 10 if REDUCED else 40
        other.call("subscribe", types=["new_message"])
        for _ in range(rows):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": "a" * 4096})
        updates(other, rows)
        lines = [w.daemon.line() for _ in range(4)]
        for line in lines:
            for pattern in ("(?:a|a){13}[bc]", "(?:\\X{900}b|a)*?[cd]", "^(a+)+$|[^x]*[xy]"):
                line.send({"id": pattern, "method": "subscribe",
                           "params": {"types": ["new_message"], "since": "oldest", "text": {"regex": pattern}}})
        worst = 0
        for _ in range(20):
            start = time.monotonic()
            other.call("ping")
            worst = max(worst, time.monotonic() - start)
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "a" * 4096})
        updates(other, 1)
        for line in lines:
            told = [line.note(lambda n: n.get("method") == "subscription_error", 60)["params"] for _ in range(2 * (rows + 1))]
            for s in (1, 2):
                seqs = [t["seq"] for t in told if t["subscription"] == s]
                assert len(seqs) == rows + 1 and seqs == sorted(seqs), (s, seqs)
        assert worst < 0.5 * SLOW, worst
        print("a ping beside %d patterns over %d rows took %.0f ms at most" % (3 * len(lines), rows, worst * 1000))


@case
def a_subscription_of_one_account():
    """account narrows it, also by number; with accounts it only resolves names. One that is named must be there."""
    with World() as w:
        bot, _ = w.bot("one_bot")
        made = w.sandbox.call("create_bot", username="two_bot", first_name="Two")
        user = w.user(1, "Alice", username="alice")
        a = w.daemon.line()
        a.call("bot_sign_in", token=made["token"], account="two")
        subs = {a.call("subscribe", types=["new_message"], **p)["subscription"]: want for p, want in (
            ({"account": "two"}, "2"), ({"account": made["user_id"]}, "2"), ({"accounts": [bot]}, "1"), ({}, "12"),
            ({"account": "two", "accounts": "*"}, "12"), ({"account": "two", "accounts": ["main"]}, "1"))}
        for text, to in (("1", bot), ("2", made["user_id"])):
            w.sandbox.call("send", **{"from": user, "to": to, "text": text})
        got = dict.fromkeys(subs, "")
        for u in updates(a, sum(map(len, subs.values()))):
            got[u["subscription"]] += u["message"]["text"]
        assert {s: "".join(sorted(t)) for s, t in got.items()} == subs, (got, subs)
        sub = a.call("subscribe", accounts=["main"], peers=["@alice"])["subscription"]  # main looks her up
        refused("account_required", a, "subscribe", peers=["@alice"])
        a.call("update_subscription", subscription=sub, account="two", types=["raw"])
        for method, params in (("subscribe", {}), ("update_subscription", {"subscription": sub}), ("ping", {}),
                               ("list_consumers", {}), ("stats", {}), ("fetch_updates", {"consumer": "c"})):
            assert refused("account_unknown", a, method, account="tow", **params)["data"]["hint"] == "did you mean two?"
        refused("invalid_params", a, "subscribe", create=False)


@case
def a_gap_reaches_those_who_filter():
    """Telegram cut a channel's history off: whoever may have wanted something of it is told."""
    with World() as w:
        bot, _ = w.bot("gap_bot")
        user, other = w.user(1), w.user(2)
        channel = w.sandbox.call("create_channel", title="C", creator=user, members=[bot], megagroup=True)["channel_id"]
        a = w.daemon.line()
        a.call("subscribe", types=["new_message"])
        w.sandbox.call("send", **{"from": user, "to": channel, "text": "first"})
        updates(a, 1)
        filters = {"all": {}, "chat": {"peers": [channel]}, "text": {"types": ["new_message"], "text": {"contains": "x"}},
                   "from": {"from": [other], "direction": "in"}, "elsewhere": {"peers": [other]},
                   "state": {"types": ["account_state"]}}
        for name, f in filters.items():
            a.call("subscribe", consumer=name, **f)
        w.daemon.kill()
        for i in range(30):
            w.sandbox.call("send", **{"from": user, "to": channel, "text": "m%d" % i})
        w.sandbox.call("fault", kind="too_long", method="updates.getChannelDifference", times=1)
        w.daemon.start()
        a = w.daemon.line()
        gaps = dict.fromkeys(filters, 0)
        by = {a.call("subscribe", consumer=name, **f)["subscription"]: name for name, f in filters.items()}
        for _ in range(sum(n not in ("elsewhere", "state") for n in filters)):
            gap = a.note(lambda n: n.get("method") == "update" and n["params"]["type"] == "gap")["params"]
            assert gap["reason"] == "too_long" and gap["chat"]["id"] == channel, gap
            gaps[by[gap["subscription"]]] += 1
        a.call("ping")
        assert not [n for n in a.notes if n.get("method") == "update" and n["params"]["type"] == "gap"]
        assert gaps == {n: int(n not in ("elsewhere", "state")) for n in filters}, gaps


@case
def what_nobody_was_to_see_is_passed():
    """A consumer with a filter is moved on behind what it acked, never past what it has yet to ack."""
    with World() as w:
        bot, _ = w.bot("pass_bot")
        user = w.user(1)
        a = w.daemon.line()
        for name in ("none", "owes", "acks"):
            a.call("subscribe", consumer=name, types=["new_message"], text={"prefix": "none" if name == "none" else "first"})
        last = a.call("subscribe", consumer="last", ack="auto", types=["new_message"])["subscription"]
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "first"})
        first = updates(a, 3)[0]["seq"]
        a.call("ack", consumer="acks", seq=first)
        w.sandbox.call("flood", **{"from": user, "to": bot, "count": 1500, "rate": 0})
        for u in updates(a, 1500):
            assert u["subscription"] == last

        def acked():
            return {c["consumer"]: c["acked"] for c in a.call("list_consumers")["consumers"]}

        end = time.monotonic() + 10 * SLOW
        while min(acked()[n] for n in ("none", "acks")) < first + 500 and time.monotonic() < end:
            time.sleep(0.02)
        at = acked()
        assert at["owes"] < first and min(at["none"], at["acks"]) >= first + 500, (at, first)


@case
def behind_what_is_kept():
    """T20: what retention took is told once, as one gap with the right range, and an ack leaves it behind."""
    with World("--journal-bytes", str(1 << 20)) as w:
        bot, _ = w.bot("behind_bot")
        user = w.user(1)
        a = w.daemon.line()
        for name in ("streams", "fetches"):
            a.call("fetch_updates", consumer=name)
        first = a.call("list_consumers")["last"]
        text = base64.b64encode(random.Random(1).randbytes(2900)).decode()
        for i in range(500):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": text[i:] + text[:i]})
        end = time.monotonic() + 90 * SLOW
        while a.call("list_consumers")["last"] < first + 500:
            assert time.monotonic() < end, "not all of them came"
            time.sleep(0.1)
        w.daemon.restart()  # what is too much goes a second after the start, at once
        a = w.daemon.line(60)
        end = time.monotonic() + 90 * SLOW
        oldest, before = 0, -1
        while oldest <= first + 1 or oldest != before:
            assert time.monotonic() < end, "nothing was taken away"
            before = oldest
            time.sleep(0.5)
            oldest = a.call("list_consumers")["oldest"]
        assert refused("cursor_expired", a, "subscribe", since=first)["data"]["oldest"] == oldest
        assert refused("cursor_expired", a, "seek_consumer", consumer="streams", to=first)["data"]["oldest"] == oldest
        got = a.call("fetch_updates", consumer="fetches", limit=2)
        gap, row = got["updates"][:2]
        assert (gap["type"], gap["reason"], gap["account"]) == ("gap", "retention", "*"), gap
        assert gap["to"] == gap["seq"] == oldest - 1 == row["seq"] - 1 and gap["from"] <= first + 1, (gap, first, oldest)
        again = a.call("fetch_updates", consumer="fetches", ack=gap["seq"], limit=1)["updates"]
        assert [u["seq"] for u in again] == [oldest]
        a.call("subscribe", consumer="streams")
        gap, row = updates(a, 2)
        assert gap["type"] == "gap" and gap["to"] == gap["seq"] == row["seq"] - 1, gap
        a.call("ack", consumer="streams", seq=gap["seq"])
        b = w.daemon.line(60)
        b.call("subscribe", consumer="streams")
        assert updates(b, 1)[0]["seq"] == oldest  # no gap any more


@case
def away_for_a_minute():
    """600 messages while ten consumers are away: 600 of 600 for each."""
    with World() as w:
        bot, _ = w.bot("away_bot")
        user = w.user(1)
        names = ["c%d" % i for i in range(10)]
        for name in names:
            line = w.daemon.line()
            line.call("subscribe", consumer=name, types=["new_message"])
            line.close()
        flood = Line(w.sandbox.control_path, 600)
        flood.send({"id": 1, "method": "flood", "params": {"from": user, "to": bot, "count": 600, "rate": 600 / AWAY, "text": "m"}})
        assert "result" in flood.read()
        for name in names:
            line = w.daemon.line(60)
            line.call("subscribe", consumer=name, types=["new_message"])
            got = updates(line, 600, 60)
            seqs = [u["seq"] for u in got]
            assert seqs == sorted(set(seqs)) and len({u["message"]["id"] for u in got}) == 600, name
        print("away for %g s, 600 messages, 10 consumers: 600 of 600 for each" % AWAY)


@case
def what_was_missed_can_be_asked_for():
    """sync_update_state: a push that got lost comes with a difference, long before anybody else would ask."""
    with World() as w:
        bot, _ = w.bot("sync_bot")
        user = w.user(1)
        a = w.daemon.line()
        a.call("subscribe", types=["new_message"])
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "heard"})
        updates(a, 1)
        time.sleep(1.1)  # differences have a pace
        w.sandbox.call("fault", kind="drop", direction="out", times=1)
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "lost"})
        time.sleep(0.2)
        assert not [n for n in a.notes if n.get("method") == "update"]
        assert a.call("sync_update_state") == {"asked": True}
        assert updates(a, 1)[0]["message"]["text"] == "lost"


@case
def a_take_over_is_told_at_once():
    """T20."""
    with World() as w:
        w.bot("over_bot")
        worst = 0
        a = w.daemon.line()
        a.call("subscribe", consumer="c")
        for _ in range(20):
            b = w.daemon.line()
            start = time.monotonic()
            b.call("subscribe", consumer="c")
            end = a.note(lambda n: n.get("method") == "subscription_ended")["params"]
            worst = max(worst, time.monotonic() - start)
            assert end["reason"] == "taken_over"
            assert a.call("list_subscriptions")["subscriptions"] == []
            a.close()
            a = b
        print("T20: 20 take-overs, the slowest told after %.1f ms" % (worst * 1000))
        assert worst < 1 * SLOW


@case
def a_seek_that_the_daemon_does_not_survive():
    """Killed around it: the consumer is where it was or where it should go; answered, it is there."""
    rng, rounds = random.Random(8), 5 if REDUCED else 20
    with World() as w:
        bot, _ = w.bot("seek_bot")
        user = w.user(1)
        a = w.daemon.line()
        a.call("subscribe", consumer="c", types=["new_message"])
        for i in range(6):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d" % i})
        seqs = [u["seq"] for u in updates(a, 6)]
        a.call("ack", consumer="c", seq=seqs[0])
        at, answered = seqs[0], 0
        for _ in range(rounds):
            to = rng.choice(seqs)
            a.send({"id": "seek", "method": "seek_consumer", "params": {"consumer": "c", "to": to}})
            time.sleep(rng.uniform(0, 0.01))
            w.daemon.kill()
            said = b'"id":"seek"' in rest(a)
            w.daemon.start()
            a = w.daemon.line()
            got = a.call("list_consumers")["consumers"][0]["acked"]
            assert got == to or (got == at and not said), (got, at, to, said)
            at, answered = got, answered + said
        print("%d kills around a seek, %d after its answer: each left one of the two positions" % (rounds, answered))


@case
def seeking():
    """T20: oldest, now, a seq; forwards and back; what is not kept any more is refused with the oldest."""
    with World() as w:
        bot, _ = w.bot("seek_bot")
        user = w.user(1)
        a = w.daemon.line()
        a.call("subscribe", consumer="c", types=["new_message"])
        for i in range(6):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d" % i})
        seqs = [u["seq"] for u in updates(a, 6)]
        a.call("seek_consumer", consumer="c", to=seqs[2])
        assert [u["seq"] for u in updates(a, 3)] == seqs[3:]
        a.call("seek_consumer", consumer="c", to="oldest")
        assert [u["seq"] for u in updates(a, 6)] == seqs
        assert a.call("seek_consumer", consumer="c", to="now")["lag"] == 0
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "new"})
        assert updates(a, 1)[0]["message"]["text"] == "new"
        rows = a.call("list_consumers")
        (row,) = rows["consumers"]
        assert row["lag"] == 1 and row["age"] >= 0 and row["sent"] == rows["last"] and row["lagged"] == 0, row
        refused("invalid_params", a, "seek_consumer", consumer="c", to=rows["last"] + 1)
        refused("invalid_params", a, "seek_consumer", consumer="c", to="yesterday")
        refused("consumer_unknown", a, "seek_consumer", consumer="d", to="now")


if __name__ == "__main__":
    main()
