#!/usr/bin/env python3
"""The sandbox by itself and with a bot of layerd on it: its control socket, its accounts, its truth."""

import base64
import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

from box import BUILD, SLOW, Line, RpcError, Sandbox, World, case, main


@contextlib.contextmanager
def sandbox(*args, seed=1):
    folder = tempfile.mkdtemp(prefix="layerd-sandbox-")
    s = Sandbox(folder, *args, seed=seed)
    try:
        yield s
        s.check()
        s.call("stop")
        s.expected = True
        assert s.proc.wait(20) == 0
        s.check()
    finally:
        s.kill()
        shutil.rmtree(folder, ignore_errors=True)


def fails(f, *args, code=None, says=None, **params):
    try:
        f(*args, **params)
    except RpcError as e:
        assert code is None or e.code == code, e.error
        assert says is None or says in e.error["message"], e.error
        return
    raise AssertionError("%s %s was not refused" % (args, params))


def people(s):
    ann = s.call("create_user", phone="+9996620001", first_name="Ann", username="ann_lee")["user_id"]
    bob = s.call("create_user", phone="+9996620002", first_name="Bob")["user_id"]
    return ann, bob


def texts(s, peer, viewer):
    return [m["text"] for m in s.call("messages", peer=peer, **{"as": viewer})["messages"]]


def gapless(events, start=1):
    pts = start
    for e in events:
        assert e["pts"] == pts + e["pts_count"], (pts, e)
        pts = e["pts"]
    return pts


@case
def ready_line_and_actors():
    with sandbox("--dcs", "3") as s:
        assert s.ready["ready"] and len(s.ready["dcs"]) == 3 and os.path.exists(s.ready["rsa_key"])
        names = {u.get("username") for u in s.call("users")["users"]}
        assert {"echo_bot", "botfather", "visitor"} <= names, names
        assert len(texts(s, "@sandbox_news", "@visitor")) == 3
        media = [m["media"] for m in s.call("messages", peer="@sandbox_news")["messages"] if "media" in m]
        assert [m["size"] for m in media] == [300000, 300000] and {m["dc"] for m in media} == {1, 2}, media


def no_start(*args):
    """What a box says that does not start."""
    done = subprocess.run([os.path.join(BUILD, "layerd-sandbox"), *args], capture_output=True, text=True, timeout=20 * SLOW)
    assert done.returncode == 1 and not done.stdout and done.stderr.count("\n") == 1, done
    return done.stderr


@case
def a_control_socket_takes_nothing_away():
    with World(daemon=False) as w:
        s, folder = w.sandbox, w.folder
        precious = os.path.join(folder, "precious")
        key = os.path.join(folder, "key.pem")
        with open(precious, "w") as f:
            f.write("precious")
        assert "precious: something that is no socket lies there" in no_start("--control", precious)
        assert open(precious).read() == "precious"
        before = open(key).read()
        assert "another box listens there" in no_start("--control", s.control_path, "--write-key", key)
        assert open(key).read() == before and s.call("stats")["users"] == 4
        assert "at most 107 characters" in no_start("--control", "x" * 108)
        os.rename(s.control_path, precious)  # somebody else's lies there at the end
        open(s.control_path, "w").close()
        s.call("stop")
        s.expected = True
        assert s.proc.wait(20 * SLOW) == 0 and os.path.exists(s.control_path)
        os.remove(s.control_path)
        for sig in (9, 15):  # a dead box's socket makes room
            s = Sandbox(folder)
            s.kill(sig)
            assert os.path.exists(s.control_path) == (sig == 9)


@case
def a_folder_has_one_box():
    with World(daemon=False) as w:
        data = os.path.join(w.folder, "sandbox")
        log = os.path.join(data, "world.log")
        before = open(log, "rb").read()
        assert "%s: another box (pid %d) uses this folder" % (data, w.sandbox.pid) in no_start("--data", data)
        assert open(log, "rb").read().startswith(before)
        w.sandbox.kill()
        w.sandbox = Sandbox(w.folder)
        assert w.sandbox.call("stats")["users"] == 4


@case
def a_wrong_switch_is_named():
    for option, value, says in (("--listen", "foo", "HOST:PORT"), ("--listen6", "[::1]:x", "HOST:PORT"), ("--seed", "-1", "a number"),
                                ("--dcs", "17", "a number from 1 to 16"), ("--also", "4=[::1]:1", "ID=HOST:PORT"),
                                ("--proxy", "ftp=127.0.0.1:1", "KIND=HOST:PORT"), ("--log-level", "x", "a number from 0 to 9")):
        error = no_start(option, value)
        assert "%s %s: %s" % (option, value, says) in error, error
    assert "'--listne'" in no_start("--listne", "x")
    assert "x is no option" in no_start("x")
    assert "requires an argument" in no_start("--control")


@case
def the_seed_repeats_everything():
    seen = []
    for seed in (7, 7, 8):
        with sandbox(seed=seed) as s:
            made = s.call("create_bot", username="some_bot")
            seen.append((made, s.ready["fingerprint"], s.call("users")["users"]))
    assert seen[0] == seen[1]
    assert seen[0][0]["user_id"] == seen[2][0]["user_id"] and seen[0][0]["token"] != seen[2][0]["token"]


@case
def control_framing():
    with sandbox() as s:
        line = Line(s.control_path)
        line.send(b'[{"id":1,"method":"stats"},{"method":"stats"},{"id":"x","method":"no_such"}]')
        batch = line.read()
        assert [b["id"] for b in batch] == [1, "x"] and batch[1]["error"]["code"] == -32601, batch
        line.send(b"{nonsense")
        assert line.read()["error"]["code"] == -32700
        line.send(b'{"id":5,"method":"send","params":{"from":"@visitor","too":1}}')
        assert "too" in line.read()["error"]["message"]
        line.send(b'{"id":6,"method":"send","params":[1]}')
        assert line.read()["error"]["code"] == -32602
        line.sock.sendall(b'\r\n\n{"id":7,"method":"stats"}')  # the end of input ends the line
        line.sock.shutdown(socket.SHUT_WR)
        assert line.read()["id"] == 7 and line.read_raw() is None
        slow = Line(s.control_path)  # in pieces
        for byte in b'{"id":8,"method":"stats"}\n':
            slow.sock.sendall(bytes([byte]))
        assert slow.read()["result"]["users"] == 4


@case
def help_lists_what_there_is():
    with sandbox() as s:
        methods = {m["name"]: m for m in s.call("help")["methods"]}
        assert len(methods) >= 39 and all(m["doc"] for m in methods.values()), methods
        assert methods["flood"]["params"] == ["from", "to", "count", "rate", "text"] and methods["help"]["params"] == []
        for name, m in methods.items():  # parameters are checked by the same list
            params = {**dict.fromkeys(m["params"]), "no_such": 1}
            fails(lambda: s.call(name, **params), code=-32602, says="no_such: no such parameter")
        fails(s.call, "hlep", code=-32601, says="help lists them")


@case
def accounts_are_checked():
    with sandbox() as s:
        ann, _ = people(s)
        assert ann > 2**32
        fails(s.call, "create_user", phone="+9996620001", says="taken")
        fails(s.call, "create_user", phone="abc", says="digits")
        fails(s.call, "create_user", phone="+1555000", username="Ann_Lee", says="username")
        fails(s.call, "create_bot", username="ann_lee", says="username: taken")
        fails(s.call, "create_bot", username="@ann_lee", says="username: taken")
        fails(s.call, "create_bot", username="x", says="username: 4 to 32")
        fails(s.call, "create_bot", says="username is missing")
        fails(s.call, "create_channel", title="C", creator=ann, username="ann_lee", says="username: taken")
        assert s.call("stats")["chats"] == 2
        fails(s.call, "send", **{"from": "@nobody_here", "to": ann, "text": "x"}, says="nobody")
        fails(s.call, "send", **{"from": ann, "to": "@visitor", "text": ""}, code=400, says="MESSAGE_EMPTY")
        fails(s.call, "send", **{"from": ann, "to": "@visitor", "text": "x" * 4097}, says="MESSAGE_TOO_LONG")
        assert s.call("send", **{"from": ann, "to": "@visitor", "text": "\U0001f600" * 2048})["message_id"] == 1
        fails(s.call, "login_code", phone="+9996620001", says="no code")


@case
def private_chats_have_two_boxes():
    with sandbox() as s:
        ann, bob = people(s)
        for i in range(5):
            s.call("send", **{"from": ann, "to": bob, "text": "a%d" % i})
            s.call("send", **{"from": bob, "to": ann, "text": "b%d" % i})
        assert texts(s, bob, ann) == texts(s, ann, bob) == [x for i in range(5) for x in ("a%d" % i, "b%d" % i)]
        r = s.call("edit", **{"from": ann, "to": bob, "message_id": 1, "text": "edited"})
        assert r["message_id"] == 1
        fails(s.call, "edit", **{"from": ann, "to": bob, "message_id": 2, "text": "x"}, code=403, says="MESSAGE_AUTHOR")
        fails(s.call, "edit", **{"from": ann, "to": bob, "message_id": 1, "text": "edited"}, says="NOT_MODIFIED")
        s.call("delete", **{"from": bob, "to": ann, "message_ids": [2, 3], "revoke": False})
        assert len(texts(s, ann, bob)) == 8 and len(texts(s, bob, ann)) == 10
        s.call("delete", **{"from": ann, "to": bob, "message_ids": [1]})
        assert "edited" not in texts(s, ann, bob) + texts(s, bob, ann)
        s.call("read", user=bob, chat=ann)
        assert s.call("state", user=bob)["dialogs"][0]["unread"] == 0
        assert s.call("state", user=ann)["dialogs"][0]["read_out"] == 9
        for u in (ann, bob):
            assert gapless(s.call("events", peer=u)["events"]) == s.call("state", user=u)["pts"]
        s.call("send", **{"from": ann, "to": ann, "text": "note"})
        assert texts(s, ann, ann) == ["note"]
        r = s.call("send", **{"from": bob, "to": ann, "text": "re", "reply_to": 4})
        m = s.call("messages", peer=ann, **{"as": bob})["messages"][-1]
        assert m["id"] == r["message_id"] and m["reply_to"] == 4
        s.call("react", user=ann, chat=bob, message_id=4, emoji="\U0001f44d")
        m = [m for m in s.call("messages", peer=bob, **{"as": ann})["messages"] if m["id"] == 4][0]
        assert m["reactions"] == [{"user": ann, "emoji": "\U0001f44d"}]


@case
def groups_copy_and_channels_share():
    with sandbox() as s:
        ann, bob = people(s)
        bots = [s.call("create_bot", username="b%d_bot" % i)["user_id"] for i in range(2)]
        g = s.call("create_group", title="G", creator=ann, members=[bob, *bots])["chat_id"]
        c = s.call("create_channel", title="C", creator=ann, members=[bob, *bots], megagroup=True)["channel_id"]
        news = s.call("create_channel", title="N", creator=ann, username="n_news", members=[bob])["channel_id"]
        assert g < 0 and c < -10**12 and news < -10**12
        for peer in (g, c):
            s.call("send", **{"from": ann, "to": peer, "text": "hello"})
            s.call("send", **{"from": bots[0], "to": peer, "text": "a bot"})
        assert texts(s, g, bob) == ["", "hello", "a bot"]
        assert texts(s, g, bots[1]) == ["", "hello"]  # bots don't hear bots
        assert texts(s, c, bob) == ["", "hello", "a bot"]
        fails(s.call, "send", **{"from": bob, "to": news, "text": "x"}, code=403, says="CHAT_ADMIN_REQUIRED")
        fails(s.call, "send", **{"from": "@visitor", "to": g, "text": "x"}, says="PEER_ID_INVALID")
        r = s.call("send", **{"from": ann, "to": news, "text": "first"})
        assert r == {"message_id": 2, "pts": 3}
        state = {x["id"]: x["pts"] for x in s.call("state", user=bob)["channels"]}
        assert state == {c: 4, news: 3}, state
        for peer in (ann, bob, bots[1], c, news):
            events = s.call("events", peer=peer)
            assert gapless(events["events"]) == events["pts"]


@case
def bots_have_their_rules():
    with sandbox() as s:
        ann, _ = people(s)
        bot = s.call("create_bot", username="my_bot")["user_id"]
        fails(s.call, "send", **{"from": bot, "to": "@echo_bot", "text": "x"}, code=400, says="USER_IS_BOT")
        fails(s.call, "send", **{"from": bot, "to": ann, "text": "x"}, code=400, says="PEER_ID_INVALID")
        s.call("send", **{"from": ann, "to": bot, "text": "/start now"})
        s.call("send", **{"from": bot, "to": ann, "text": "hi", "reply_markup": [[{"text": "A", "data": "a"}]]})
        fails(s.call, "press", user=ann, chat=bot, message_id=2, data="b", says="DATA_INVALID")


@case
def actors_answer():
    with sandbox() as s:
        ann, _ = people(s)
        s.call("send", **{"from": ann, "to": "@echo_bot", "text": "hey"})
        assert texts(s, "@echo_bot", ann) == ["hey", "hey"]
        s.call("send", **{"from": ann, "to": "@botfather", "text": "/newbot Fine fine_bot"})
        answer = texts(s, "@botfather", ann)[-1]
        token = answer.split("\n")[-1]
        assert [u["token"] for u in s.call("users")["users"] if u.get("username") == "fine_bot"] == [token]
        for text, want in (("/newbot", "call it"), ("Second", "username"), ("second", "end in"),
                           ("second_bot", "Done"), ("/mybots", "@second_bot"), ("/nonsense", "I can help")):
            s.call("send", **{"from": ann, "to": "@botfather", "text": text})
            assert want in texts(s, "@botfather", ann)[-1], text


@case
def flood_numbers_its_messages():
    with sandbox() as s:
        ann, bob = people(s)
        r = s.call("flood", **{"from": ann, "to": bob, "count": 3000, "text": "n"})
        assert r == {"count": 3000, "message_id": 3000, "pts": 3001}, r
        assert texts(s, ann, bob) == ["n %d" % (i + 1) for i in range(3000)]
        r = s.call("flood", **{"from": ann, "to": bob, "count": 20, "rate": 100})
        assert r["count"] == 20
        fails(s.call, "flood", **{"from": "@echo_bot", "to": "@botfather", "count": 2}, says="USER_IS_BOT")
        s.call("flood", **{"from": ann, "to": bob, "count": 2, "rate": 0.5e6, "text": "x" * 4094})
        assert texts(s, ann, bob)[-2:] == ["x" * 4094 + " 1", "x" * 4094 + " 2"]  # whole, or not at all
        fails(s.call, "flood", **{"from": ann, "to": bob, "text": "x" * 4095}, code=400, says="MESSAGE_TOO_LONG")
        for name, values in (("count", (-1, 0, 10**7 + 1, 1.5, "x", None)), ("rate", (-1, 1e7, "x", None)), ("text", (1, None))):
            for value in values:
                fails(s.call, "flood", **{"from": ann, "to": bob, name: value}, code=-32602, says=name + ":")


@case
def reset_begins_again():
    with sandbox() as s:
        before = s.call("users")["users"]
        ann, bob = people(s)
        s.call("send", **{"from": ann, "to": bob, "text": "x"})
        s.call("advance", seconds=3600)
        s.call("reset")
        assert s.call("users")["users"] == before
        assert people(s) == (ann, bob) and texts(s, ann, bob) == []


# ---- with layerd ------------------------------------------------------------------------------------------------


@case
def a_bot_of_layerd_sees_what_the_oracle_says():
    with World() as w:
        s, line = w.sandbox, w.daemon.line()
        bot, _ = w.bot()
        ann = w.user(1, "Ann")
        line.call("subscribe", types=["new_message"])
        s.call("flood", **{"from": ann, "to": bot, "count": 400, "text": "n"})
        got = [line.note()["params"]["message"] for _ in range(400)]
        assert [m["text"] for m in got] == texts(s, ann, bot)
        assert [m["id"] for m in got] == [m["id"] for m in s.call("messages", peer=ann, **{"as": bot})["messages"]]
        sent = line.call("messages.sendMessage", peer=ann, message="hi /go #tag @ann", random_id="77")
        m = sent["updates"][1]["message"]
        assert sent["updates"][0] == {"_": "updateMessageID", "id": m["id"], "random_id": "77"}
        assert [e["_"] for e in m["entities"]] == ["messageEntityBotCommand", "messageEntityHashtag", "messageEntityMention"]
        fails(line.call, "messages.sendMessage", peer=ann, message="again", random_id="77", says="RANDOM_ID_DUPLICATE",
              timeout=2)
        assert s.call("messages", peer=ann, **{"as": bot})["messages"][-1]["random_id"] == "77"
        calls = s.call("calls", user=bot, method="messages.sendMessage")["calls"]
        assert calls[0]["params"]["message"] == "hi /go #tag @ann" and calls[0]["layer"] >= 224
        assert calls[-1]["error"] == "RANDOM_ID_DUPLICATE"
        assert s.call("calls", since=s.call("calls")["last"])["calls"] == []


@case
def faults_of_rpcs():
    with World() as w:
        s, line = w.sandbox, w.daemon.line()
        bot, _ = w.bot()
        s.call("fault", kind="rpc_error", user=bot, method="help.getConfig", code=400, text="NOT_TODAY", times=1, after=1)
        line.call("help.getConfig")
        fails(line.call, "help.getConfig", code=400, says="NOT_TODAY")
        line.call("help.getConfig")
        f = s.call("fault", kind="flood_wait", method="help.getNearestDc", seconds=33)["fault"]
        fails(line.call, "help.getNearestDc", code=420, says="FLOOD_WAIT_33", flood_wait=0)
        s.call("clear_faults", fault=f)
        pts = line.call("updates.getState")["pts"]
        s.call("fault", kind="too_long", user=bot, times=1)
        assert line.call("updates.getDifference", pts=1, date=1, qts=0) == {"_": "updates.differenceTooLong", "pts": pts}
        assert line.call("updates.getDifference", pts=pts, date=2**31 - 1, qts=0)["_"] == "updates.differenceEmpty"
        fails(line.call, "updates.getDifference", pts=pts + 5, date=1, qts=0, says="PERSISTENT_TIMESTAMP_INVALID")
        fails(s.call, "fault", kind="earthquake", says="no such kind")


@case
def differences_slice_and_agree():
    with World() as w:
        s, line = w.sandbox, w.daemon.line()
        bot, _ = w.bot()
        ann = w.user(1, "Ann")
        s.call("flood", **{"from": ann, "to": bot, "count": 450, "text": "n"})
        s.call("edit", **{"from": ann, "to": bot, "message_id": 7, "text": "seven"})
        s.call("delete", **{"from": ann, "to": bot, "message_ids": [9]})
        pts, seen, slices = 1, [], 0
        while True:
            d = line.call("updates.getDifference", pts=pts, date=1, qts=0)
            slices += 1
            seen += [m["message"] for m in d["new_messages"]]
            if d["_"] == "updates.difference":
                break
            assert d["_"] == "updates.differenceSlice"
            pts = d["intermediate_state"]["pts"]
        assert slices == 3 and seen == texts(s, ann, bot) and "seven" in seen and len(seen) == 449
        assert d["state"]["pts"] == s.call("state", user=bot)["pts"] == 453
        assert [u["_"] for u in d["other_updates"]] == ["updateEditMessage", "updateDeleteMessages"]


@case
def files_go_up_and_down():
    with World() as w:
        s, line = w.sandbox, w.daemon.line()
        w.bot()
        ann = w.user(1, "Ann")
        s.call("send", **{"from": ann, "to": "@box_bot", "text": "hi"})
        data = bytes(i * 7 % 251 for i in range(700000))

        def part(i, n, bytes_):
            return line.call("upload.saveFilePart", file_id="99", file_part=i, bytes=base64.b64encode(bytes_).decode())

        def media(parts, md5=""):
            return {"_": "inputMediaUploadedDocument", "mime_type": "text/plain", "attributes": [],
                    "file": {"_": "inputFile", "id": "99", "parts": parts, "name": "a.txt", "md5_checksum": md5}}

        def send(m):
            return line.call("messages.sendMedia", peer=ann, message="file", media=m)

        part(0, 2, data[:524288])
        fails(send, media(2), says="FILE_PART_1_MISSING")
        part(1, 2, data[524288:])
        fails(send, media(2, "0" * 32), says="MD5_CHECKSUM_INVALID")
        fails(line.call, "upload.saveFilePart", file_id="99", file_part=4000, bytes="eA==", says="FILE_PART_INVALID")
        fails(line.call, "upload.saveFilePart", file_id="99", file_part=2, bytes="", says="FILE_PART_EMPTY")
        doc = send(media(2, hashlib.md5(data).hexdigest()))["updates"][1]["message"]["media"]["document"]
        assert doc["size"] == 700000 and doc["attributes"][0]["file_name"] == "a.txt"

        def get(offset, limit, **more):
            location = {"_": "inputDocumentFileLocation", "id": doc["id"], "access_hash": doc["access_hash"],
                        "file_reference": doc["file_reference"], "thumb_size": ""}
            return base64.b64decode(line.call("upload.getFile", location=location, offset=offset, limit=limit, **more)["bytes"])

        got = b"".join(get(o, 131072) for o in range(0, 700000, 131072))
        assert got == data
        assert get(1048576, 4096) == b"" and get(1024, 1024, precise=True) == data[1024:2048]
        for offset, limit, more in ((1, 4096, {}), (0, 1000, {}), (0, 0, {}), (0, 12288, {}), (1044480, 8192, {}),
                                    (0, 2097152, {"precise": True}), (512, 1024, {"precise": True})):
            fails(get, offset, limit, says="_INVALID", **more)
        s.call("expire_references")
        fails(get, 0, 4096, says="FILE_REFERENCE_EXPIRED")
        fails(send, {"_": "inputMediaUploadedPhoto", "file": media(1)["file"]}, says="FILE_PART_0_MISSING")
        part(0, 1, b"no picture")
        fails(send, {"_": "inputMediaUploadedPhoto", "file": media(1)["file"]}, says="IMAGE_PROCESS_FAILED")


@case
def presses_and_inline_queries():
    with World() as w:
        s, line = w.sandbox, w.daemon.line()
        bot, _ = w.bot()
        ann = w.user(1, "Ann")
        s.call("send", **{"from": ann, "to": bot, "text": "/start"})
        m = s.call("send", **{"from": bot, "to": ann, "text": "choose", "reply_markup": [[{"text": "A", "data": "a"}]]})
        line.call("subscribe", types=["callback_query", "inline_query"])
        control = Line(s.control_path)
        control.send({"id": 1, "method": "press", "params": {"user": ann, "chat": bot, "message_id": 2, "data": "a"}})
        q = line.note()["params"]
        assert q["type"] == "callback_query" and q["data"] == "a" and q["message"] == m["message_id"]
        line.call("messages.setBotCallbackAnswer", query_id=q["query_id"], message="done", alert=True, cache_time=0)
        assert control.read()["result"]["message"] == "done"
        fails(line.call, "messages.setBotCallbackAnswer", query_id=q["query_id"], cache_time=0, says="QUERY_ID_INVALID")
        control.send({"id": 2, "method": "inline_query", "params": {"user": ann, "bot": bot, "query": "cats"}})
        q = line.note()["params"]
        assert q["type"] == "inline_query" and q["query"] == "cats"
        result = {"_": "inputBotInlineResult", "id": "1", "type": "article", "title": "T",
                  "send_message": {"_": "inputBotInlineMessageText", "message": "cat"}}
        line.call("messages.setInlineBotResults", query_id=q["query_id"], results=[result], cache_time=0)
        answer = control.read()["result"]
        assert answer["results"][0]["send_message"]["message"] == "cat", answer


@case
def a_revoked_session_learns_it():
    with World() as w:
        s, line = w.sandbox, w.daemon.line()
        bot, _ = w.bot()
        line.call("updates.getState")
        assert s.call("revoke_session", user=bot)["revoked"] == 1
        fails(line.call, "updates.getState", timeout=5)
        assert s.call("state", user=bot)["sessions"][0]["revoked"]


@case
def reset_under_a_living_session():
    with World() as w:
        s, line = w.sandbox, w.daemon.line()
        bot, _ = w.bot()
        ann = w.user(1, "Ann")
        s.call("send", **{"from": ann, "to": bot, "text": "x", "reply_markup": [[{"text": "A", "data": "a"}]]})
        m = s.call("send", **{"from": bot, "to": ann, "text": "y", "reply_markup": [[{"text": "A", "data": "a"}]]})
        control = Line(s.control_path)  # nobody will answer that press
        control.send({"id": 1, "method": "press", "params": {"user": ann, "chat": bot, "message_id": m["message_id"], "data": "a"}})
        flood = Line(s.control_path)
        flood.send({"id": 2, "method": "flood", "params": {"from": ann, "to": bot, "count": 1000, "rate": 50}})
        while len(s.call("messages", peer=ann, **{"as": bot})["messages"]) < 3:
            time.sleep(0.01)  # until it has begun
        s.call("reset")
        assert "BOT_RESPONSE_TIMEOUT" in control.read()["error"]["message"]
        assert "reset" in flood.read()["error"]["message"]
        assert s.call("stats")["users"] == 4 and people(s) == (bot, ann)


if __name__ == "__main__":
    main()
