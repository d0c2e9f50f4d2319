#!/usr/bin/env python3
"""The sandbox's --data: its world over restarts and kill -9. Accounts, keys, chats, messages, files, boxes and
timers are the same afterwards, and clients go on as if nothing had been."""

import os
import random
import time

from box import Lasting, RpcError, case, main

REDUCED = os.environ.get("LAYERD_REDUCED")
KILLS = int(os.environ.get("LAYERD_KILLS", "5" if REDUCED else "10"))


def truth(w, users, chats):
    """All that the control socket knows."""
    out = {"users": w.sandbox.call("users")}
    for u in users:
        out["state", u] = w.sandbox.call("state", user=u)
        for peer in chats:
            try:
                out[u, peer] = w.sandbox.call("messages", peer=peer, deleted=True, **{"as": u})
            except RpcError as e:
                out[u, peer] = str(e)
    for state in (out["state", u] for u in users):  # who is connected just now, and with what, is no part of it
        state.pop("date")
        for session in state["sessions"]:
            for word in ("online", "layer", "active", "device", "app"):
                session.pop(word, None)
    return out


@case
def everything_is_there_again():
    with Lasting() as w:
        bot, _ = w.bot("keep_bot")
        ann, bob = w.user(1, "Ann", username="ann_keeps"), w.user(2, "Bob", password="secret")
        s = w.sandbox
        group = s.call("create_group", title="Group", creator=ann, members=[bot, bob])["chat_id"]
        channel = s.call("create_channel", title="Channel", creator=ann, megagroup=True, members=[bot, bob])["channel_id"]
        a = w.daemon.line()
        a.call("wait", **{"for": "online"})
        for peer in (bot, group, channel):
            m = s.call("send", **{"from": ann, "to": peer, "text": "from ann \u00e4\U0001f600"})
            s.call("edit", user=ann, chat=peer, message_id=m["message_id"], text="edited")
        s.call("send", **{"from": ann, "to": bot, "text": "x"})
        s.call("react", user=bob, chat=group, message_id=s.call(
            "messages", peer=group, **{"as": bob})["messages"][-1]["id"], emoji="\U0001f44d")
        sent = a.call("send_message", peer=ann, text="from the bot")
        a.call("messages.editMessage", peer=ann, id=sent["id"], message="from the bot, edited")
        s.call("send", **{"from": ann, "to": "@echo_bot", "text": "ping"})
        s.call("flood", **{"from": bob, "to": ann, "count": 50, "rate": 0})
        s.call("advance", seconds=3600)
        time.sleep(0.3)
        users, chats = [ann, bob, bot], [ann, bob, bot, group, channel]
        clock = s.call("send", **{"from": bob, "to": ann, "text": "later"})
        before = truth(w, users, chats)
        w.restart_sandbox()
        after = truth(w, users, chats)
        for k in before:
            assert before[k] == after[k], (k, before[k], after[k])
        assert clock["pts"] == after["state", bob]["pts"]
        a.call("wait", timeout=20, **{"for": "online"})
        assert a.call("send_message", peer=ann, text="still here")["id"] == sent["id"] + 1
        logins = w.sandbox.call("calls", method="auth.importBotAuthorization")["calls"]
        assert len(logins) <= 1, "the bot logged in again"
        # a graceful end keeps as much; a second life begins where the first ended
        before = truth(w, users, chats)
        w.restart_sandbox(15)
        assert truth(w, users, chats) == before
        w.sandbox.call("reset")
        assert not any(u.get("username") == "ann_keeps" for u in w.sandbox.call("users")["users"])
        before = w.sandbox.call("users")
        w.restart_sandbox()
        assert w.sandbox.call("users") == before
        w.daemon.kill()


@case
def a_torn_end_is_cut_off():
    with Lasting(daemon=False) as w:
        w.user(1, "Ann", username="ann_first")
        before = w.sandbox.call("users")
        log = os.path.join(w.folder, "sandbox", "world.log")
        size = os.path.getsize(log)
        w.user(2, "Bob", username="bob_second")
        whole = open(log, "rb").read()
        for cut in (size + 1, size + 5, len(whole) - 1):
            w.sandbox.kill()
            with open(log, "wb") as f:
                f.write(whole[:cut])
            w.restart_sandbox()
            assert w.sandbox.call("users") == before
        w.user(3, "Cid", username="cid_third")
        before = w.sandbox.call("users")
        w.restart_sandbox()
        assert w.sandbox.call("users") == before


@case
def sends_without_a_key():
    """The server dies under sends: the daemon sends again what was not answered, and what was there already is
    found (D.80): each is answered, each is there once."""
    rng = random.Random(int(os.environ.get("LAYERD_SEED", "5")))
    with Lasting() as w:
        bot, _ = w.bot("keep_bot")
        ann = w.user(1, "Ann")
        w.sandbox.call("send", **{"from": ann, "to": bot, "text": "/start"})
        line = w.daemon.line(60)
        line.call("wait", **{"for": "online"})
        for i in range(KILLS):
            for n in range(10):
                line.send({"id": n, "method": "send_message", "params": {"peer": ann, "text": "%d-%d" % (i, n)}})
            time.sleep(rng.uniform(0, 0.02))
            w.restart_sandbox()
            for n in range(10):
                answer = line.read()
                assert answer["result"]["text"] == "%d-%d" % (i, answer["id"]), answer
        texts = [m["text"] for m in w.sandbox.call("messages", peer=ann, **{"as": bot})["messages"]]
        assert sorted(texts) == sorted(["/start"] + ["%d-%d" % (i, n) for i in range(KILLS) for n in range(10)]), texts


@case
def kills_under_traffic():
    """Both sides die at random; nothing is sent twice, nothing that was answered is gone."""
    rng = random.Random(int(os.environ.get("LAYERD_SEED", "7")))
    with Lasting() as w:
        bot, _ = w.bot("keep_bot")
        ann = w.user(1, "Ann")
        w.sandbox.call("send", **{"from": ann, "to": bot, "text": "/start"})
        for i in range(KILLS):
            line = w.daemon.line(60)
            for n in range(5):
                line.send({"id": n, "method": "send_message", "params": {
                    "peer": ann, "text": "%d-%d" % (i, n), "idempotency_key": "%d-%d" % (i, n)}})
            time.sleep(rng.uniform(0, 0.05))
            w.restart_sandbox()
            if rng.random() < 0.5:
                w.daemon.restart()
            line = w.daemon.line(60)
            for n in range(5):
                line.call("send_message", peer=ann, text="%d-%d" % (i, n), idempotency_key="%d-%d" % (i, n), timeout=60)
        texts = [m["text"] for m in w.sandbox.call("messages", peer=ann, **{"as": bot})["messages"]]
        assert sorted(texts) == sorted(["/start"] + ["%d-%d" % (i, n) for i in range(KILLS) for n in range(5)]), texts
        print("%d kills of the sandbox: %d of %d messages, each once" % (KILLS, len(texts) - 1, 5 * KILLS))


if __name__ == "__main__":
    main()
