#!/usr/bin/env python3
"""Data centres on the wire: sessions by purpose, one import for many, moves, keys that are lost or revoked, and calls
that end once and tell the truth. LAYERD_CALLS sets how many of the last (default 300)."""

import base64
import hashlib
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box
from box import RpcError, World, case

REDUCED = "LAYERD_REDUCED" in os.environ
LOCATION = {"_": "inputDocumentFileLocation", "id": "1", "access_hash": "1", "file_reference": "", "thumb_size": ""}


def seen(w, method, since=0):
    return w.sandbox.call("calls", method=method, since=since)["calls"]


def last(w):
    return w.sandbox.call("calls", method="none")["last"]


def online(w):
    line = w.daemon.line()
    line.call("wait", **{"for": "online", "timeout": 20})
    return line


def answers(line, n):
    got = {}
    while len(got) < n:
        a = line.read()
        if "id" in a:
            assert a["id"] not in got, "answered twice: %s" % a
            got[a["id"]] = a
    return got


@case
def twenty_downloads_elsewhere_need_one_import():
    with World() as w:
        w.bot()
        line = online(w)
        for i in range(20):
            line.send({"id": i, "method": "invoke", "params": {
                "method": "upload.getFile", "dc_id": 3, "params": {"location": LOCATION, "offset": 0, "limit": 4096}}})
        for a in answers(line, 20).values():
            assert a["error"]["code"] == 400, a  # there is no such file, but we were let in
        assert len(seen(w, "auth.exportAuthorization")) == len(seen(w, "auth.importAuthorization")) == 1
        calls = seen(w, "upload.getFile")
        assert len(calls) == 20 and all(c["dc"] == 3 for c in calls)
        sessions = {c["session"] for c in calls}
        assert 1 <= len(sessions) <= 4, sessions
        main = {c["session"] for c in seen(w, "auth.importBotAuthorization")}
        assert not sessions & main


@case
def uploads_leave_the_main_session_alone():
    with World() as w:
        me = w.bot()[0]
        peer = w.user(1)
        line = online(w)
        line.call("subscribe", types=["new_message"])
        part = base64.b64encode(b"x" * 1024).decode()
        for i in range(100):
            line.send({"id": i, "method": "upload.saveFilePart", "params": {
                "file_id": "77", "file_part": i, "bytes": part}})
        for i in range(10):
            w.sandbox.call("send", **{"from": peer, "to": me, "text": "m%d" % i})
        got, texts = {}, []
        while len(got) < 100 or len(texts) < 10:
            a = line.read()
            if a.get("method") == "update":
                texts.append(a["params"]["message"]["text"])
            elif "id" in a:
                assert a["result"] is True, a
                got[a["id"]] = a
        assert texts == ["m%d" % i for i in range(10)], texts  # each once
        sessions = {c["session"] for c in seen(w, "upload.saveFilePart")}
        main = {c["session"] for c in seen(w, "auth.importBotAuthorization")}
        assert 1 <= len(sessions) <= 4 and not sessions & main, sessions


@case
def moves():
    with World() as w:
        w.bot()
        peer = w.user(1)
        line = online(w)
        start = last(w)
        w.sandbox.call("fault", kind="rpc_error", code=303, text="FILE_MIGRATE_3", method="help.getNearestDc", dc=2, times=1)
        assert line.call("help.getNearestDc")["this_dc"] == 3
        assert line.call("help.getNearestDc")["this_dc"] == 2  # that was for the one
        w.sandbox.call("fault", kind="rpc_error", code=303, text="STATS_MIGRATE_1", method="help.getNearestDc", dc=2)
        w.sandbox.call("fault", kind="rpc_error", code=303, text="STATS_MIGRATE_2", method="help.getNearestDc", dc=1)
        before = len(seen(w, "help.getNearestDc", start))
        try:
            line.call("help.getNearestDc")
            raise AssertionError("a circle came to an end")
        except RpcError as e:
            assert e.code == 303 and e.error["message"].startswith("STATS_MIGRATE_"), e.error
        assert len(seen(w, "help.getNearestDc", start)) - before == 4
        w.sandbox.call("clear_faults")
        try:
            line.call("invoke", method="help.getNearestDc", dc_id=9)
            raise AssertionError("a data centre that is not there")
        except RpcError as e:
            assert e.code == -32602 and e.error["message"] == "there is no data centre 9 for this", e.error
        assert peer


@case
def a_file_from_the_cdn():
    """Its RSA key is another one; the daemon learns it from help.getCdnConfig, and takes no login there."""
    with World(sandbox_args=("--cdn",)) as w:
        me = w.bot()[0]
        peer = w.user(1, username="cdn_peer")
        w.sandbox.call("send", **{"from": peer, "to": me, "text": "start"})
        line = online(w)
        data = os.urandom(200000)
        for i in range(0, len(data), 65536):
            assert line.call("upload.saveFilePart", file_id="9", file_part=i // 65536,
                             bytes=base64.b64encode(data[i:i + 65536]).decode())
        sent = line.call("messages.sendMedia", peer="@cdn_peer", message="", media={
            "_": "inputMediaUploadedDocument", "mime_type": "application/pdf", "attributes": [],
            "file": {"_": "inputFile", "id": "9", "parts": 4, "name": "x.pdf", "md5_checksum": ""}})
        message = [u["message"] for u in sent["updates"] if "message" in u][0]
        doc = message["media"]["document"]
        where = {"_": "inputDocumentFileLocation", "id": doc["id"], "access_hash": doc["access_hash"],
                 "file_reference": doc["file_reference"], "thumb_size": ""}
        there = line.call("upload.getFile", cdn_supported=True, location=where, offset=0, limit=131072)
        assert there["_"] == "upload.fileCdnRedirect" and there["dc_id"] == 203, there
        for h in there["file_hashes"]:
            part = line.call("invoke", method="upload.getCdnFile", dc_id=203, params={
                "file_token": there["file_token"], "offset": h["offset"], "limit": 131072})
            sealed = base64.b64decode(part["bytes"])
            assert hashlib.sha256(sealed).digest() == base64.b64decode(h["hash"]) and len(sealed) == h["limit"]
        calls = [c for c in w.sandbox.call("calls")["calls"] if c["dc"] == 203]
        assert {c["method"] for c in calls} == {"upload.getCdnFile"} and len(calls) == 2, calls
        assert len(seen(w, "help.getCdnConfig")) == 1
        for method in ("help.getNearestDc", "upload.getFile"):
            try:
                line.call("invoke", method=method, dc_id=203, params={"location": where, "offset": 0, "limit": 4096}
                          if "File" in method else {})
                raise AssertionError("%s asked of a CDN" % method)
            except RpcError as e:
                assert e.code == -32602, e.error


@case
def addresses_of_data_centres():
    with World() as w:
        w.bot()
        line = online(w)
        for dc in w.sandbox.ready["dcs"]:
            assert line.call("media_dc_addr", dc_id=dc["id"]) == {
                "dc_id": dc["id"], "host": dc["host"], "port": dc["port"], "media_only": False}
        try:
            line.call("media_dc_addr", dc_id=77)
            raise AssertionError("a data centre that is not there")
        except RpcError as e:
            assert e.code == -32602


@case
def a_revoked_session_is_quiet():
    with World() as w:
        me, token = w.bot()
        line = online(w)
        start, began = last(w), time.monotonic()
        w.sandbox.call("revoke_session", user=me)
        try:
            line.call("help.getNearestDc", timeout=10)
        except RpcError:
            pass
        while line.call("status")["accounts"][0]["state"] != "revoked":
            assert time.monotonic() - began < 5 * box.SLOW
            try:
                line.call("get_me", timeout=5)
            except RpcError:
                pass
            time.sleep(0.02)
        took = time.monotonic() - began
        time.sleep(2)
        calls = w.sandbox.call("calls", since=start)["calls"]
        assert len(calls) <= 3, [c["method"] for c in calls]
        print("revoked after %.2f s, %d calls" % (took, len(calls)))
        w.daemon.restart()
        line = w.daemon.line()
        assert line.call("status")["accounts"][0]["state"] == "revoked"
        line.call("bot_sign_in", token=token, account="main")
        assert line.call("get_me")


@case
def a_key_that_telegram_forgot():
    with World() as w:
        token = w.bot()[1]
        line = online(w)
        assert line.call("get_me")
        w.sandbox.call("fault", kind="forget_key", dc=2)
        try:
            line.call("help.getNearestDc", timeout=20)
            raise AssertionError("answered over a key that is unknown")
        except RpcError as e:
            assert e.kind == "session_revoked", e.error
        end = time.monotonic() + 5 * box.SLOW
        while line.call("status")["accounts"][0]["state"] != "revoked":  # it is told when it is on the disk
            assert time.monotonic() < end
            time.sleep(0.02)
        assert line.call("status")["accounts"][0]["reason"] == "AUTH_KEY_LOST"
        line.call("bot_sign_in", token=token, account="main")
        assert line.call("get_me")


@case
def calls_end_once_and_tell_the_truth():
    count = int(os.environ.get("LAYERD_CALLS", "100" if REDUCED else "300"))
    draw = random.Random(7)
    with World() as w:
        me = w.bot()[0]
        w.sandbox.call("send", **{"from": w.user(1, username="truth_peer"), "to": me, "text": "start"})
        line = online(w)
        line.call("send_message", peer="@truth_peer", text="known")
        w.sandbox.call("fault", kind="delay", method="messages.sendMessage", seconds=0.05, probability=0.2)
        w.sandbox.call("fault", kind="rpc_error", method="messages.sendMessage", code=500, text="INTERNAL", probability=0.02)
        w.sandbox.call("fault", kind="rpc_error", method="messages.sendMessage", code=400, text="NO", probability=0.05)
        w.sandbox.call("fault", kind="cut", method="messages.sendMessage", probability=0.01)
        outcomes, done = {}, 0
        while done < count:
            ids, cancels = list(range(done, min(done + 40, count))), 0
            for i in ids:
                line.send({"id": i, "method": "messages.sendMessage", "params": {
                    "peer": "@truth_peer", "message": "n%d." % i, "random_id": str(i + 1),
                    "timeout": draw.choice([0.02, 0.2, 20])}})
                if draw.random() < 0.1:
                    line.send({"id": "c%d" % i, "method": "cancel", "params": {"id": draw.choice(ids)}})
                    cancels += 1
            got = answers(line, len(ids) + cancels)
            outcomes.update((i, got[i]) for i in ids)
            done += len(ids)
        w.sandbox.call("clear_faults")
        time.sleep(0.5)
        arrived = {int(json.loads('"%s"' % c["params"]["message"])[1:-1])
                   for c in seen(w, "messages.sendMessage") if c["params"]["message"].startswith("n")}
        kinds = {}
        for i, a in outcomes.items():
            if "result" in a:
                kinds["answered"] = kinds.get("answered", 0) + 1
                assert i in arrived
                continue
            data = a["error"]["data"]
            kind = data["kind"] + ("/" + data["outcome"] if "outcome" in data else "")
            kinds[kind] = kinds.get(kind, 0) + 1
            assert data.get("outcome") != "not_sent" or i not in arrived, (i, a)
        print("%d calls: %s" % (count, json.dumps(kinds)))
        assert sum(kinds.values()) == count


if __name__ == "__main__":
    box.main()
