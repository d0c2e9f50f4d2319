#!/usr/bin/env python3
"""Floods: one line for all clients of the daemon, kept over kill -9; progress for those who ask; errors and what is
done about them."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box
from box import RpcError, World, case

NEAREST = "help.getNearestDc"


def seen(w, method, since=0):
    return [c for c in w.sandbox.call("calls", method=method)["calls"] if c["time"] >= since]


def flooded(w, seconds, **more):
    return w.sandbox.call("fault", kind="flood_wait", seconds=seconds, times=1, **more)


def floods(line):
    return line.call("status")["accounts"][0].get("floods", [])


def until(what, seconds=10):
    end = time.monotonic() + seconds * box.SLOW
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@case
def two_clients_and_a_kill_in_the_middle():
    """A long flood and a short one: both are told to everybody and kept over a kill, and one is waited for."""
    with World() as w:
        user, peer = w.bot()[0], w.user(1, username="flood_peer")
        one, two = w.daemon.line(), w.daemon.line()
        w.sandbox.call("send", **{"from": peer, "to": user, "text": "hello"})
        flooded(w, 600, method="messages.sendMessage")
        one.send({"id": 1, "method": "send_message", "params": {"peer": "@flood_peer", "text": "first", "flood_wait": 900, "timeout": 900}})
        until(lambda: floods(two))
        hold = floods(two)[0]
        assert hold["method"] == "messages.sendMessage" and hold["type"] == "FLOOD_WAIT", hold
        assert hold["waiting"] == 1 and 0 < hold["retry_after"] <= 600, hold
        try:  # the other client hears of it without a byte to Telegram
            two.call("send_message", peer="@flood_peer", text="impatient", flood_wait=0)
            raise AssertionError("sent into a flood")
        except RpcError as e:
            data = e.error["data"]
            assert e.code == 420 and data["type"] == "FLOOD_WAIT" and data["place"] == 2, e.error
            assert 0 < data["retry_after"] <= 600 and data["retryable"] and "flood_wait" in data["hint"]
        assert len(seen(w, "messages.sendMessage")) == 1
        assert two.call("stats")["floods"] == 1 and two.call("stats")["flood_waiting"] == 1
        flooded(w, 6, method=NEAREST)
        one.send({"id": 2, "method": NEAREST, "params": {"flood_wait": 900, "timeout": 900}})
        until(lambda: len(floods(two)) == 2)
        for name in ("behind", "and_behind"):  # each is stored, and by the second all that waited for the first
            two.call("fetch_updates", consumer=name)
        w.daemon.restart()  # kill -9: they are held still, though nobody remembers the requests
        line = w.daemon.line(60)
        line.call("wait", **{"for": "online", "timeout": 20})
        hold = [h for h in floods(line) if h["method"] == "messages.sendMessage"][0]
        assert hold["waiting"] == 0, hold
        try:
            line.call("send_message", peer="@flood_peer", text="impatient", flood_wait=0)
            raise AssertionError("sent into a flood")
        except RpcError as e:
            assert e.code == 420 and e.error["data"]["place"] == 1, e.error
        assert len(seen(w, "messages.sendMessage")) == 1
        line.call(NEAREST, flood_wait=30)
        first, second = (c["time"] for c in seen(w, NEAREST))
        assert second - first >= 5.9, second - first
        assert [h["method"] for h in floods(line)] == ["messages.sendMessage"]
        texts = [m["text"] for m in w.sandbox.call("messages", peer=peer, **{"as": user})["messages"]]
        assert texts == ["hello"], texts


@case
def first_come_first_served_with_progress():
    with World() as w:
        w.bot()
        lines = [w.daemon.line() for _ in range(2)]
        flooded(w, 4 * box.SLOW, method=NEAREST)
        started = time.time()
        for i in range(10):
            lines[i % 2].send({"id": i, "method": NEAREST, "params": {"progress": "t%d" % i}})
            until(lambda: w.daemon.line().call("stats")["flood_waiting"] == i + 1)
        answered, last = [], {}
        for i in range(10):
            while True:
                note = lines[i % 2].read()
                if note.get("method") == "progress":
                    p = note["params"]
                    assert p["stage"] in ("flood_wait", "queue"), p
                    last[p["token"]] = p
                    continue
                assert note["id"] == i and note["result"]["_"] == "nearestDc", note
                p = last["t%d" % i]
                assert p["stage"] == "flood_wait" and p["done"] == p["total"], p  # the last one, before the answer
                answered.append(i)
                break
        assert answered == list(range(10))
        calls = seen(w, NEAREST)
        assert len(calls) == 11, len(calls)
        assert time.time() - started >= 4 * box.SLOW - 0.1


@case
def cancel_and_leave():
    with World() as w:
        w.bot()
        one, two = w.daemon.line(), w.daemon.line()
        flooded(w, 4 * box.SLOW, method=NEAREST)
        one.send({"id": 1, "method": NEAREST})
        until(lambda: floods(two))
        one.send({"id": 2, "method": NEAREST})
        two.send({"id": 3, "method": NEAREST})
        two.send({"id": 4, "method": NEAREST, "params": {"timeout": 0.5}})
        one.send({"id": 5, "method": "cancel", "params": {"id": 2}})
        got = {}
        while len(got) < 2:
            a = one.read()
            got[a["id"]] = a
        assert got[2]["error"]["code"] == -32800 and got[5]["result"]["cancelled"], got
        one.close()  # it takes its reads along
        a = two.read()
        assert a["id"] == 4 and a["error"]["code"] == 420, a  # it cannot wait so long
        a = two.read()
        assert a["id"] == 3 and a["result"], a
        assert len(seen(w, NEAREST)) == 2


@case
def errors_are_explained():
    with World() as w:
        w.bot()
        line = w.daemon.line()
        rows = line.call("help", name="errors")["errors"]
        assert len(rows) > 50 and all(r["doc"] for r in rows)
        assert "flood_wait" in line.call("help", name="FLOOD_WAIT_37")["doc"]
        for code, text, hint in ((403, "RECAPTCHA_CHECK_signup__6L", "verification"), (406, "PHONE_NUMBER_INVALID", "person"),
                                 (400, "FILE_REFERENCE_0_EXPIRED", "reference"), (420, "TAKEOUT_INIT_DELAY_60", "export")):
            w.sandbox.call("fault", kind="rpc_error", method=NEAREST, code=code, text=text, times=1)
            try:
                line.call(NEAREST)
                raise AssertionError(text)
            except RpcError as e:
                assert e.code == code and e.error["message"] == text and hint in e.error["data"]["hint"], e.error
                assert e.error["data"].get("retry_after") == (60 if "DELAY" in text else None)


if __name__ == "__main__":
    box.main()
