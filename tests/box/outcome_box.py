#!/usr/bin/env python3
"""Sends with an idempotency key happen exactly once (RELIABILITY G4, T10; PROTOCOL D.80, F.75): repeats, also
after kill -9 at any moment, give what the first one got. LAYERD_POINTS sets the number of moments."""

import os
import random
import resource
import time

from box import SLOW, RpcError, World, case, main, refused

POINTS = int(os.environ.get("LAYERD_POINTS", "10" if os.environ.get("LAYERD_REDUCED") else "20"))


def started(w, name="once_bot"):
    bot, _ = w.bot(name)
    user = w.user(1)
    w.greet(user, bot)
    return bot, user


def there(w, bot, user):
    """How often each of the bot's texts stands in the chat, by the sandbox's own truth."""
    count = {}
    for m in w.sandbox.call("messages", peer=user, **{"as": bot})["messages"]:
        count[m["text"]] = count.get(m["text"], 0) + 1
    return count


def arrives(w, bot, user, text):
    """Waits until it is in the chat."""
    end = time.monotonic() + 10 * SLOW
    while text not in there(w, bot, user):
        assert time.monotonic() < end, text
        time.sleep(0.01)


@case
def a_repeat_gives_the_same():
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        say = dict(peer=user, text="once", idempotency_key="k1")
        first = a.call("send_message", **say)
        assert "replayed" not in first
        again = a.call("send_message", **say)
        assert again.pop("replayed") is True and again == first, (first, again)
        part = a.call("send_message", fields=["id"], timeout=7, **say)
        assert part == {"id": first["id"], "replayed": True}, part
        w.daemon.restart()
        a = w.daemon.line()
        again = a.call("send_message", **say)
        assert again.pop("replayed") is True and again == first, (first, again)
        error = refused("invalid_params", a, "send_message", **dict(say, text="twice"))
        assert error["data"]["field"] == "idempotency_key", error
        raw = dict(peer=user, message="raw", idempotency_key="k1")  # another method: another scope
        sent = a.call("messages.sendMessage", **raw)
        again = a.call("messages.sendMessage", **raw)
        assert again.pop("replayed") is True and again == sent
        nested = dict(method="messages.sendMessage", params=dict(peer=user, message="nested"), idempotency_key="k1")
        sent = a.call("invoke", **nested)
        assert a.call("invoke", **nested) == dict(sent, replayed=True)
        refused("invalid_params", a, "invoke", **dict(nested, params=dict(peer=user, message="other")))
        refused("invalid_params", a, "users.getUsers", id=["me"], idempotency_key="k1")
        refused("invalid_params", a, "get_me", idempotency_key="k1")
        refused("invalid_params", a, "send_message", peer=user, text="x", idempotency_key="")
        refused("invalid_params", a, "send_message", peer=user, text="x", idempotency_key="k" * 129)
        assert there(w, bot, user) == {"/start": 1, "once": 1, "raw": 1, "nested": 1}


@case
def refusals_are_outcomes_and_mistakes_are_not():
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        stranger = w.user(2, "Stranger", username="stranger_1")
        say = dict(peer="@stranger_1", text="hello", idempotency_key="e1")
        first = refused("telegram", a, "send_message", **say)  # a bot begins no chat
        w.daemon.restart()
        a = w.daemon.line()
        w.sandbox.call("send", **{"from": stranger, "to": bot, "text": "/start"})
        again = refused("telegram", a, "send_message", **say)
        assert again["data"].pop("replayed") is True and again == first, (first, again)
        # nothing was sent: the key is as good as new
        e = refused("peer_not_found", a, "send_message", peer="@nobody_is_here", text="x", idempotency_key="e2")
        assert e["message"] == "no such peer: @nobody_is_here", e
        e = refused("peer_not_found", a, "resolve_peer", peer="title:" + "ü" * 100)
        assert e["message"] == "no such peer: title:" + "ü" * 32 + "…", e
        refused("invalid_params", a, "messages.sendMessage", peer=user, message="x", mesage=1, idempotency_key="e2")
        assert "replayed" not in a.call("send_message", peer=user, text="now right", idempotency_key="e2")
        # what may go better later is no outcome either
        w.sandbox.call("fault", kind="rpc_error", method="messages.sendMessage", code=420, text="FLOOD_WAIT_1", times=1)
        flood = dict(peer=user, text="flooded", idempotency_key="e3")
        refused("telegram", a, "send_message", flood_wait=0, **flood)
        assert "replayed" not in a.call("send_message", **flood)
        assert there(w, bot, user) == {"/start": 1, "now right": 1, "flooded": 1}


@case
def refusals_that_pass():
    """One of the moment or of the place is no outcome; of one that is, the hint is kept, too."""
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        for code, text in ((303, "USER_MIGRATE_9"), (400, "MSG_WAIT_FAILED"), (500, "INTERNAL"),
                           (400, "FILE_PART_3_MISSING"), (403, "RECAPTCHA_CHECK_x__y")):
            say = dict(peer=user, text=text, idempotency_key=text)
            w.sandbox.call("fault", kind="rpc_error", method="messages.sendMessage", code=code, text=text)
            error = refused("telegram", a, "send_message", timeout=2 * SLOW, **say)
            assert error["message"] == text, error
            w.sandbox.call("clear_faults")
            assert "replayed" not in a.call("send_message", **say)
        w.sandbox.call("fault", kind="rpc_error", method="messages.sendMessage", code=400, text="INPUT_FETCH_ERROR", times=1)
        say = dict(peer=user, text="no", idempotency_key="no")
        first = refused("telegram", a, "send_message", **say)
        assert first["data"]["hint"], first
        again = refused("telegram", a, "send_message", **say)
        assert again["data"].pop("replayed") is True and again == first, (first, again)


@case
def a_repeat_waits_for_the_first():
    with World() as w:
        bot, user = started(w)
        a, b = w.daemon.line(), w.daemon.line()
        w.sandbox.call("fault", kind="delay", method="messages.sendMessage", direction="out", seconds=1, times=1)
        say = {"id": "first", "method": "send_message", "params": dict(peer=user, text="slow", idempotency_key="w")}
        a.send(say)
        a.call("ping")  # so much for who is the first
        a.send(dict(say, id="same connection"))
        b.send(dict(say, id="another connection"))
        refused("invalid_params", b, "send_message", peer=user, text="not slow", idempotency_key="w")
        answers = {}
        for line in (a, a, b):
            got = line.notes.pop(0) if line.notes else line.read()
            answers[got["id"]] = got["result"]
        assert "replayed" not in answers["first"]
        for i in ("same connection", "another connection"):
            assert answers[i] == dict(answers["first"], replayed=True), answers
        # the first one's client leaves, the repeat gets what it got
        w.sandbox.call("fault", kind="delay", method="messages.sendMessage", direction="out", seconds=1, times=1)
        a.send({"id": "left", "method": "send_message", "params": dict(peer=user, text="left", idempotency_key="l")})
        a.call("ping")
        a.close()
        assert b.call("send_message", peer=user, text="left", idempotency_key="l")["replayed"] is True
        assert there(w, bot, user) == {"/start": 1, "slow": 1, "left": 1}


@case
def one_bot_under_two_names():
    """The key belongs to the user, whatever name the daemon has for it, also at the same time."""
    with World() as w:
        bot, token = w.bot("once_bot")
        user = w.user(1)
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "/start"})
        a, b = w.daemon.line(), w.daemon.line()
        a.call("bot_sign_in", token=token, account="other")
        for name in ("main", "other"):
            for _ in range(100):  # each hears of the user by itself
                try:
                    a.call("send_message", peer=user, text="warm", account=name)
                    break
                except RpcError as e:
                    assert e.kind == "peer_unknown", e
                    w.sandbox.call("send", **{"from": user, "to": bot, "text": "/start"})
                    time.sleep(0.1)
        w.sandbox.call("fault", kind="delay", method="messages.sendMessage", direction="out", seconds=1, times=1)
        say = dict(peer=user, text="first", idempotency_key="twins")
        a.send({"id": "first", "method": "send_message", "params": dict(say, account="main")})
        a.call("ping")
        error = refused("invalid_params", b, "send_message", **dict(say, account="other", text="second"))
        assert error["data"]["field"] == "idempotency_key", error
        again = b.call("send_message", account="other", **say)
        assert again.pop("replayed") is True and again["text"] == "first", again
        first = a.notes.pop(0) if a.notes else a.read()
        assert "replayed" not in first["result"] and first["result"] == again, (first, again)
        count = there(w, bot, user)
        assert count["first"] == 1 and "second" not in count, count


@case
def many_parts():
    """Albums and forwards: each part has a random id of its own, derived from the key."""
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        ids = [a.call("send_message", peer=user, text="f%d" % i)["id"] for i in range(3)]
        forward = dict(from_peer=user, to_peer=user, id=ids, idempotency_key="f")
        w.sandbox.call("fault", kind="drop", method="messages.forwardMessages", direction="out", times=1)
        a.send({"id": 1, "method": "messages.forwardMessages", "params": forward})
        end = time.monotonic() + 10 * SLOW
        while there(w, bot, user)["f0"] < 2 and time.monotonic() < end:
            time.sleep(0.01)
        w.daemon.restart()
        a = w.daemon.line()
        sent = a.call("messages.forwardMessages", **forward)
        names = [u for u in sent["updates"] if u["_"] == "updateMessageID"]
        new = [u["message"] for u in sent["updates"] if u["_"] == "updateNewMessage"]
        assert len({u["random_id"] for u in names}) == 3 and len(new) == 3, sent
        assert [m["message"] for m in sorted(new, key=lambda m: m["id"])] == ["f0", "f1", "f2"], new
        assert there(w, bot, user) == {"/start": 1, "f0": 2, "f1": 2, "f2": 2}


@case
def albums():
    """Part i of an album has the random id of the key and i: a repeat sends none of them again."""
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        point = {"_": "inputMediaGeoPoint", "geo_point": {"_": "inputGeoPoint", "lat": 1.5, "long": 2.5}}
        album = dict(peer=user, multi_media=[{"_": "inputSingleMedia", "media": point, "message": "p%d" % i} for i in range(3)],
                     idempotency_key="album")
        first = a.call("messages.sendMultiMedia", **album)
        ids = [u["random_id"] for u in first["updates"] if u["_"] == "updateMessageID"]
        assert len(set(ids)) == 3
        assert a.call("messages.sendMultiMedia", **album) == dict(first, replayed=True)
        other = a.call("messages.sendMultiMedia", **dict(album, idempotency_key="another"))
        assert not set(ids) & {u["random_id"] for u in other["updates"] if u["_"] == "updateMessageID"}
        assert there(w, bot, user) == {"/start": 1, "p0": 2, "p1": 2, "p2": 2}


@case
def impatient_clients():
    """Time-outs, cancels and clients that leave, at random, and the same key until it is answered."""
    rng = random.Random(int(os.environ.get("LAYERD_SEED", "20")))
    count, tries = POINTS, 0
    with World() as w:
        bot, user = started(w)
        w.daemon.line().call("wait", **{"for": "online"})
        w.sandbox.call("fault", kind="delay", method="messages.sendMessage", direction="out", probability=0.3, seconds=0.05)
        w.sandbox.call("fault", kind="cut", method="messages.sendMessage", direction="out", probability=0.1)
        w.sandbox.call("fault", kind="drop", method="messages.sendMessage", direction="in", probability=0.05)
        for i in range(count):
            if i == 2 * count // 3:
                w.sandbox.call("clear_faults")
            say = dict(peer=user, text="m%d" % i, idempotency_key="m%d" % i)
            sent = None
            end = time.monotonic() + 60 * SLOW
            while not sent:
                assert time.monotonic() < end, "%s is never answered" % say
                tries += 1
                line = w.daemon.line()
                line.send({"id": 1, "method": "send_message",
                           "params": dict(say, timeout=rng.choice([0.001, 0.01, 0.1, 1 * SLOW]))})
                if rng.random() < 0.2:
                    time.sleep(rng.uniform(0, 0.01))
                    line.send({"method": "cancel", "params": {"id": 1}})
                if rng.random() < 0.2:
                    time.sleep(rng.uniform(0, 0.01))
                    line.close()
                    continue
                answer = line.read()
                line.close()
                if "error" in answer:
                    kind = answer["error"]["data"]["kind"]
                    assert kind in ("timeout", "cancelled", "outcome_unknown", "offline"), answer
                sent = answer.get("result")
            assert sent["text"] == say["text"], sent
        count_of = there(w, bot, user)
        assert all(count_of.get("m%d" % i) == 1 for i in range(count)), {t: n for t, n in count_of.items() if n != 1}
        print("%d keys, %d tries: each message exactly once" % (count, tries))


@case
def an_answer_is_lost():
    """RANDOM_ID_DUPLICATE is no failure (D.80), in private chats, groups and channels."""
    with World() as w:
        bot, user = started(w)
        group = w.sandbox.call("create_group", title="Group", creator=user, members=[bot])["chat_id"]
        channel = w.sandbox.call("create_channel", title="Channel", creator=user, megagroup=True, members=[bot])
        chats = [user, group, channel["channel_id"]]
        w.daemon.line().call("wait", **{"for": "online"})
        for i, chat in enumerate(chats):
            a = w.daemon.line()
            for _ in range(100):  # the bot hears of its new chats
                try:
                    a.call("send_message", peer=chat, text="known")
                    break
                except RpcError:
                    time.sleep(0.1)
            text = "lost %d" % i
            say = dict(peer=chat, text=text, idempotency_key="lost")
            if i:
                say["idempotency_key"] += str(i)
            w.sandbox.call("fault", kind="drop", method="messages.sendMessage", direction="out", times=1)
            a.send({"id": 1, "method": "send_message", "params": say})
            end = time.monotonic() + 10 * SLOW
            while time.monotonic() < end:
                if text in [m["text"] for m in w.sandbox.call("messages", peer=chat, **{"as": bot})["messages"]]:
                    break
                time.sleep(0.01)
            w.daemon.restart()
            a = w.daemon.line()
            sent = a.call("send_message", **say)
            assert sent["text"] == text and sent["out"] and sent["chat"]["id"] == chat, sent
            assert a.call("send_message", **say) == dict(sent, replayed=True)
            history = w.sandbox.call("messages", peer=chat, **{"as": bot})["messages"]
            mine = [m for m in history if m["text"] == text]
            assert len(mine) == 1 and mine[0]["id"] == sent["id"], (mine, sent)


@case
def a_random_id_of_its_own():
    """A key guards a request that names its random id, too; without a key a duplicate stays one."""
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        say = dict(peer=user, message="own", random_id="4242", idempotency_key="own")
        w.sandbox.call("fault", kind="drop", method="messages.sendMessage", direction="out", times=1)
        a.send({"id": 1, "method": "messages.sendMessage", "params": say})
        arrives(w, bot, user, "own")
        w.daemon.restart()
        a = w.daemon.line()
        sent = a.call("messages.sendMessage", **say)
        assert {"_": "updateMessageID", "id": sent["updates"][0]["id"], "random_id": "4242"} in sent["updates"], sent
        assert a.call("messages.sendMessage", **say) == dict(sent, replayed=True)
        error = refused("telegram", a, "messages.sendMessage", peer=user, message="own", random_id="4242")
        assert error["message"] == "RANDOM_ID_DUPLICATE" and error["data"]["retryable"] is False, error
        # with a new key it is another message, which was not sent
        for replayed in (False, True):
            error = refused("telegram", a, "messages.sendMessage", **dict(say, message="other", idempotency_key="other"))
            assert error["message"] == "RANDOM_ID_DUPLICATE" and error["data"].get("replayed", False) == replayed, error
        assert there(w, bot, user) == {"/start": 1, "own": 1}


def midway(w, bot, user, line):
    """A send that is in the chat and whose answer is lost."""
    w.sandbox.call("fault", kind="drop", method="messages.sendMessage", direction="out", times=1)
    line.send({"id": 1, "method": "send_message", "params": dict(peer=user, text="midway")})
    arrives(w, bot, user, "midway")


@case
def the_login_ends_midway():
    """What was on the wire may have been done, whatever ended the login."""
    for how in ("sign_out", "revoke_session"):
        with World() as w:
            bot, user = started(w)
            a, b = w.daemon.line(), w.daemon.line()
            midway(w, bot, user, b)
            if how == "sign_out":
                a.call("sign_out")
            else:
                w.sandbox.call("revoke_session", user=bot)
            data = b.read()["error"]["data"]
            assert data["outcome"] == "unknown", data
            assert data["kind"] == ("outcome_unknown" if how == "sign_out" else "session_revoked"), data
            kind = "unauthorized" if how == "sign_out" else "session_revoked"
            assert "outcome" not in refused(kind, b, "send_message", peer=user, text="late")["data"]


@case
def the_disk_fills_midway():
    """Sent, but its outcome is on no disk: the caller hears that it may be there, and a repeat finds it."""
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        a.call("send_message", peer=user, text="warm", idempotency_key="warm")
        say = dict(peer=user, text="full", idempotency_key="full")
        w.sandbox.call("fault", kind="delay", method="messages.sendMessage", direction="out", seconds=1 * SLOW, times=1)
        a.send({"id": 1, "method": "send_message", "params": say})
        end = time.monotonic() + 10 * SLOW
        while w.sandbox.call("stats")["net"]["delayed"] == 0:
            assert time.monotonic() < end
            time.sleep(0.005)
        pid = w.daemon.process.pid
        limit = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limit[1]))
        error = a.read()["error"]
        assert error["data"]["kind"] == "disk_full" and error["data"]["outcome"] == "unknown", error
        assert there(w, bot, user)["full"] == 1
        again = refused("disk_full", a, "send_message", **say)
        assert again["data"]["outcome"] == "unknown", again
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
        end = time.monotonic() + 20 * SLOW
        while True:
            try:
                assert a.call("send_message", **say)["text"] == "full"
                break
            except RpcError as e:
                assert e.kind == "disk_full" and time.monotonic() < end, e
                time.sleep(0.1)
        assert there(w, bot, user) == {"/start": 1, "warm": 1, "full": 1}


def seen(line, text):
    """Waits until the daemon has taken the message."""
    end = time.monotonic() + 10 * SLOW
    while time.monotonic() < end:
        for u in line.call("fetch_updates", consumer="seen", wait=1, limit=1000)["updates"]:
            line.call("ack", consumer="seen", seq=u["seq"])
            if u["type"] == "new_message" and u["message"].get("text") == text:
                return
    raise AssertionError("%r is not in the journal" % text)


@case
def carried_out_late():
    """A request of a daemon that was killed is carried out when the next one is online already: that one sees
    the message go by without its random id, and its own try is a duplicate. The name is in the differences
    since the request, which may be several; of a channel that was silent until then, in the last ones."""
    with World() as w:
        bot, user = started(w)
        group = w.sandbox.call("create_group", title="Group", creator=user, members=[bot])["chat_id"]
        busy, silent = [w.sandbox.call("create_channel", title=title, creator=user, megagroup=True,
                                       members=[bot])["channel_id"] for title in ("Busy", "Silent")]
        w.daemon.line().call("fetch_updates", consumer="seen", wait=0)
        for chat in (user, group, busy, silent):
            a = w.daemon.line()
            if chat != silent:
                w.sandbox.call("send", **{"from": user, "to": bot if chat == user else chat, "text": "/start"})
                seen(a, "/start")
            text = "late to %d" % chat
            say = dict(peer=chat, text=text, idempotency_key=text)
            w.sandbox.call("fault", kind="delay", method="messages.sendMessage", direction="out",
                           seconds=1.5 * SLOW, times=1)
            a.send({"id": 1, "method": "send_message", "params": say})
            end = time.monotonic() + 10 * SLOW
            while w.sandbox.call("stats")["net"]["delayed"] == 0:
                assert time.monotonic() < end
                time.sleep(0.005)
            for _ in range(150 if chat == busy else 0):
                w.sandbox.call("send", **{"from": user, "to": chat, "text": "between"})
            w.daemon.restart()
            a = w.daemon.line()
            a.call("wait", **{"for": "online"})
            assert text not in there(w, bot, chat)
            seen(a, text)
            began = time.monotonic()
            sent = a.call("send_message", **say)
            took = time.monotonic() - began
            assert sent["text"] == text and sent["out"] and sent["chat"]["id"] == chat, sent
            assert took < 5 * SLOW, took
            assert a.call("send_message", **say) == dict(sent, replayed=True)
            assert there(w, bot, chat)[text] == 1


@case
def killed_at_any_moment():
    """T10: kill -9 between the request and its answer, then the same request again."""
    rng = random.Random(int(os.environ.get("LAYERD_SEED", "10")))
    replayed = found = 0
    with World() as w:
        bot, user = started(w)
        line = w.daemon.line()
        for i in range(10):
            began = time.monotonic()
            line.call("send_message", peer=user, text="warm %d" % i, idempotency_key="warm %d" % i)
            usual = time.monotonic() - began
        for i in range(POINTS):
            say = dict(peer=user, text="point %d" % i, idempotency_key="p%d" % i)
            delay = i % 4 == 3  # there is a while between "sent" and "answered"
            if delay:
                w.sandbox.call("fault", kind="delay", method="messages.sendMessage", direction="out",
                               seconds=0.1, times=1)
            line = w.daemon.line()
            line.call("wait", **{"for": "online"})
            line.send({"id": 1, "method": "send_message", "params": say})
            time.sleep(rng.uniform(0, 0.1 if delay else 1.5 * usual))
            w.daemon.restart()
            w.sandbox.call("clear_faults")
            again = w.daemon.line()
            sent = again.call("send_message", **say)
            assert sent["text"] == say["text"] and sent["out"] is True, sent
            replayed += "replayed" in sent
            assert again.call("send_message", **say) == dict(sent, replayed=True)
        count = there(w, bot, user)
        once = sum(count.get("point %d" % i) == 1 for i in range(POINTS))
        tries = len(w.sandbox.call("calls", method="messages.sendMessage")["calls"]) - 10
        found = tries - POINTS
        print("%d kills: exactly 1 message in %d/%d; %d repeats had the outcome stored, %d sends were tried twice"
              % (POINTS, once, POINTS, replayed, found))
        assert once == POINTS, {t: n for t, n in count.items() if n != 1}


if __name__ == "__main__":
    main()
