#!/usr/bin/env python3
"""The Python client, against the real daemon and against prepared answers."""

import json
import os
import socket
import sys
import tempfile
import threading
import time

from box import ROOT, SLOW, World, case, main

sys.path.insert(0, os.path.join(ROOT, "clients", "python"))
import layerd  # noqa: E402


FOLDER = tempfile.TemporaryDirectory(prefix="layerd-py-")  # of the sockets


def prepared(*answers):
    """The path of a server that takes one connection for each list of answers (None: close), and what it got."""
    path = os.path.join(FOLDER.name, "s%d" % len(os.listdir(FOLDER.name)))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    got = []

    def serve():
        for lines in answers:
            conn, _ = listener.accept()
            with conn, conn.makefile("rb") as requests:
                for line in lines:
                    if line is None:
                        break
                    if line is ...:
                        got.append(json.loads(requests.readline()))
                        continue
                    conn.sendall(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
        listener.close()
    threading.Thread(target=serve, daemon=True).start()
    return path, got


def begun(seq):
    return {"id": 1, "result": {"subscription": 1, "seq": seq}}


def update(seq):
    return {"method": "update", "params": {"seq": seq, "type": "gap"}}


def fails(kind, f, *args, **kw):
    try:
        f(*args, **kw)
    except layerd.Error as e:
        assert e.kind == kind, e
        return e
    raise AssertionError("no error")


@case
def calls_and_errors():
    with World() as w:
        bot, _ = w.bot("box_bot")
        user = w.user(1, "Pavel", username="durov")
        w.sandbox.call("send", **{"from": user, "to": "@box_bot", "text": "a bot answers those who wrote"})
        with layerd.Client(w.daemon.path, account="main", timeout=20 * SLOW) as tg:
            assert tg.get_me()["id"] == bot
            assert tg.help.getConfig()["_"] == "config"
            assert tg.call("messages.sendMessage", peer="@durov", message="x")["_"].startswith("update")
            e = fails("method_not_found", tg.send_mesage, peer="@durov")
            assert "send_message" in e.hint and e.code == -32601 and not e.retryable
            fails("invalid_params", tg.ping, nonsense=1)
            assert fails("telegram", tg.messages.sendMessage, peer="@durov", message="").code == 400
            assert tg.ping()  # errors leave the connection usable


@case
def updates_come_again_after_a_restart():
    with World() as w:
        w.bot("box_bot")
        user = w.user(1, "Pavel", username="durov")
        heard = []
        tg = layerd.Client(w.daemon.path)

        def listen():
            for update in tg.updates(types=["new_message"]):
                heard.append(update["message"]["text"])
        threading.Thread(target=listen, daemon=True).start()
        for text in ("before", "after"):
            end = time.monotonic() + 20 * SLOW
            while text not in heard:
                assert time.monotonic() < end, heard
                w.sandbox.call("send", **{"from": user, "to": "@box_bot", "text": text})
                time.sleep(0.2)
            if text == "before":
                w.daemon.restart()


@case
def words_of_python_and_parameters_left_out():
    path, got = prepared([..., {"id": 1, "result": {}}])
    layerd.Client(path, account="a").subscribe(from_=["@x"], since=None)
    assert got[0]["params"] == {"from": ["@x"], "account": "a"}, got
    assert got[0]["jsonrpc"] == "2.0"


@case
def a_lost_connection_is_told_and_opened_again():
    path, got = prepared([..., None], [..., {"id": 1, "result": {"n": 2}}])
    tg = layerd.Client(path)
    assert fails("unreachable", tg.ping).retryable
    assert tg.ping() == {"n": 2}
    assert isinstance(fails("unreachable", layerd.Client("/nonexistent/s").ping), layerd.Unreachable)
    assert [q["id"] for q in got] == [1, 1]


@case
def answers_are_matched_and_notes_passed_on():
    seen = []
    path, _ = prepared([..., {"method": "progress", "params": {"done": 1}}, {"id": 77, "result": {}}, b'{"id":1,', b'"result":"\xc3\xa4"}\n'])
    assert layerd.Client(path, progress=seen.append).ping() == "\u00e4"
    assert seen == [{"done": 1}]


@case
def a_consumer_is_acknowledged_when_the_next_is_asked_for():
    path, got = prepared([..., update(1), {"id": 1, "result": {}}, update(2), ..., {"id": 2, "result": {}}, ..., {"id": 3, "result": {}},
                          {"method": "subscription_ended", "params": {"reason": "taken_over"}}])
    seqs = []

    def listen():
        for u in layerd.Client(path, timeout=5).updates(consumer="bot"):
            seqs.append(u["seq"])
            assert len(got) == len(seqs), got  # nothing is acknowledged before its time
    e = fails("subscription_ended", listen)  # an end that nobody here wanted
    assert e.data["reason"] == "taken_over" and "taken_over" in e.message
    assert seqs == [1, 2]
    assert [q["method"] for q in got] == ["subscribe", "ack", "ack"]
    assert got[0]["params"] == {"consumer": "bot"}
    assert got[2]["params"] == {"consumer": "bot", "seq": 2}


@case
def nothing_comes_twice_and_a_key_is_patient():
    expired = {"code": -32041, "message": "x", "data": {"kind": "cursor_expired", "oldest": 9}}
    path, got = prepared([..., {"id": 1, "result": {}}, update(1), update(2), None],
                         [..., {"id": 1, "result": {}}, update(2), update(3), None],
                         [..., {"id": 1, "error": expired}], [..., {"id": 1, "result": {}}, update(9)])
    seen = []
    for u in layerd.Client(path).updates():
        seen.append(u)
        if u["seq"] == 9:
            break
    assert [u["seq"] for u in seen] == [1, 2, 3, 8, 9], seen
    assert (seen[3]["from"], seen[3]["to"]) == (4, 8)
    assert [q["params"] for q in got] == [{}, {"since": 2}, {"since": 3}, {"since": 8}], got
    assert layerd.key("bot", {"seq": 7}) == "bot-7" and layerd.key("bot", {"seq": 7}, "photo") == "bot-7-photo"
    busy = {"code": -32002, "message": "x", "data": {"kind": "overloaded", "retryable": True}}
    path, got = prepared([..., None], [..., {"id": 1, "error": busy}, ..., {"id": 2, "result": {"n": 1}}])
    assert layerd.Client(path).send_message(peer="@a", text="x", idempotency_key="k") == {"n": 1}
    assert len(got) == 3 and all(q["params"] == got[0]["params"] for q in got)
    path, _ = prepared([..., None])
    fails("unreachable", layerd.Client(path, patience=0).send_message, peer="@a", idempotency_key="k")


@case
def since_is_for_the_first_connection():
    path, got = prepared([..., begun(5), None], [..., begun(5), None], [..., begun(5), update(6)])
    assert next(layerd.Client(path).updates(consumer="c", since="now"))["seq"] == 6
    assert [q["params"] for q in got] == [{"consumer": "c", "since": "now"}, {"consumer": "c"}, {"consumer": "c"}], got
    path, got = prepared([..., begun(5), None], [..., begun(5), update(6)])
    assert next(layerd.Client(path).updates(since="now"))["seq"] == 6
    assert [q["params"] for q in got] == [{"since": "now"}, {"since": 5}], got


@case
def what_was_sought_comes_again():
    def ack(n):
        return ..., {"id": n, "result": {}}

    def hear(count, *lives):
        path, got = prepared(*lives)
        heard = layerd.Client(path).updates(consumer="c")
        return [next(heard)["seq"] for _ in range(count)], [q["params"]["seq"] for q in got if q["method"] == "ack"]
    # within one connection
    assert hear(4, [..., begun(0), update(1), *ack(2), update(2), *ack(3), update(1), *ack(4), update(2)]) == ([1, 2, 1, 2], [1, 2, 1])
    # an ack was lost on the way; and one, but somebody seeks afterwards
    lost = [..., begun(0), update(1), *ack(2), update(2), ..., None]
    assert hear(3, lost, [..., begun(1), *ack(2), update(2), update(3)]) == ([1, 2, 3], [1, 2, 2])
    assert hear(4, lost, [..., begun(1), *ack(2), update(2), update(1), *ack(3), update(2)]) == ([1, 2, 1, 2], [1, 2, 2, 1])
    # while the reader was away
    assert hear(3, [..., begun(0), update(1), *ack(2), update(2), *ack(3), None], [..., begun(0), update(1)]) == ([1, 2, 1], [1, 2])


@case
def what_could_not_be_judged_is_told():
    error = {"subscription": 1, "seq": 6, "account": "main", "reason": "regex_limit"}
    path, got = prepared([..., begun(5), {"method": "subscription_error", "params": error}, ..., {"id": 2, "result": {}}, update(7)])
    heard = layerd.Client(path).updates(consumer="c")
    assert next(heard) == {**error, "type": "subscription_error"}
    assert next(heard)["seq"] == 7 and got[1]["params"]["seq"] == 6, got


@case
def updates_give_up_on_what_will_not_mend():
    path, _ = prepared([..., {"id": 1, "error": {"code": -32602, "message": "x", "data": {"kind": "invalid_params"}}}])
    fails("invalid_params", next, layerd.Client(path).updates())
    path, _ = prepared([None])
    fails("unreachable", next, layerd.Client(path).updates(reconnect=False))


main()
