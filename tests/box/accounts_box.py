#!/usr/bin/env python3
"""Many accounts in one daemon: what each has for itself, names, isolation, sessions as text.

LAYERD_ACCOUNTS sets how many bots the crowd has (default 50, reduced 10; 10000 take twenty minutes)."""

import os
import signal
import tempfile
import time

from box import SLOW, Daemon, RpcError, World, case, main

CROWD = int(os.environ.get("LAYERD_ACCOUNTS", "10" if os.environ.get("LAYERD_REDUCED") else "50"))


def refused(line, method, kind, said, /, **params):
    try:
        line.call(method, **params)
    except RpcError as e:
        assert e.kind == kind and said in e.error["message"] + str(e.error["data"].get("hint")), e
        return e
    raise AssertionError("%s was not refused" % method)


def sign_in(w, line, name, friend=None):
    """A bot, logged in; the friend has written to it, so that it may write back."""
    made = w.sandbox.call("create_bot", username=name + "_bot", first_name=name)
    line.call("bot_sign_in", token=made["token"], account=name)
    if friend:
        w.sandbox.call("send", **{"from": friend, "to": made["user_id"], "text": "hello"})
    return made["user_id"]


@case
def sections_give_accounts_what_is_their_own():
    with World(daemon=False) as w:
        config = os.path.join(w.folder, "layerd.conf")
        with open(config, "w") as f:
            f.write("device-model Everybody\n[account a]\ndevice-model Toaster\nlang-code fr\napi-id 77\n[account b]\n")
        w.daemon = Daemon(w.folder, w.sandbox, "--config", config)
        line = w.daemon.line()
        devices = {}
        for i, n in enumerate(("a", "b")):
            w.user(20 + i, "User " + n)
            line.call("login", account=n, method="phone", phone="+999662%04d" % (20 + i))
            line.call("login_submit", account=n, code="22222")
            devices[n] = line.call("get_authorizations", account=n)["authorizations"][0]["device"]
        sent = [c["params"]["api_id"] for c in w.sandbox.call("calls", method="auth.sendCode")["calls"]]
        assert sent == [77, 1], sent
        assert devices == {"a": "Toaster", "b": "Everybody"}, devices


@case
def names_and_settings_change():
    with World() as w:
        line = w.daemon.line()
        w.user(5, "Old Friend", username="old_friend")
        me = sign_in(w, line, "first")
        sign_in(w, line, "second")
        line.call("use_account", account="first")
        sub = line.call("subscribe", accounts=["first"], types=["new_message"])["subscription"]
        assert line.call("rename_account", name="renamed")["account"] == "renamed"
        assert line.call("get_me")["id"] == me  # the connection's default went with it
        names = [a["account"] for a in line.call("list_accounts")["accounts"]]
        assert names == ["renamed", "second"], names
        w.sandbox.call("send", **{"from": "@old_friend", "to": "@first_bot", "text": "to the new name"})
        got = line.note(lambda n: n.get("method") == "update")["params"]
        assert got["account"] == "renamed" and got["subscription"] == sub, got
        refused(line, "rename_account", "invalid_params", "already", account="renamed", name="second")
        refused(line, "rename_account", "invalid_params", "a-z", account="renamed", name="No")
        refused(line, "get_me", "account_unknown", "first", account="first")
        w.daemon.restart(signal.SIGKILL)
        line = w.daemon.line()
        assert line.call("get_me", account="renamed")["id"] == me
        refused(line, "set_account", "invalid_params", "", account="renamed", proxy="nonsense")
        refused(line, "set_account", "invalid_params", "true, false or null", account="renamed", catch_up=7)
        assert line.call("set_account", account="renamed", catch_up=False)["state"] == "ready"
        assert line.call("get_me", account="renamed")["id"] == me
        # through a proxy that is not there: no way, and not around it
        line.call("set_account", account="renamed", proxy="socks5://127.0.0.1:9")
        refused(line, "get_me", "timeout", "", account="renamed", timeout=1)
        assert line.call("get_me", account="second")["username"] == "second_bot"
        line.call("set_account", account="renamed", proxy="")
        assert line.call("get_me", account="renamed")["id"] == me


@case
def a_name_that_is_only_said_holds_nothing_up():
    with World() as w:
        line, other = w.daemon.line(), w.daemon.line()
        sign_in(w, line, "one")
        other.call("fetch_updates", consumer="c")
        last = line.call("list_consumers")["last"]
        other.send({"id": "poll", "method": "fetch_updates",
                    "params": {"consumer": "c", "wait": 30, "account": "one", "ack": last}})
        line.call("set_account", account="one", catch_up=False)
        assert line.call("add_account", account="two", name="two")["account"] == "two"
        line.call("remove_account", account="two")
        sub = line.call("subscribe")["subscription"]
        line.call("unsubscribe", subscription=sub, account="two")
        assert line.call("cancel", id="none", account="two") == {"cancelled": False}


@case
def the_trouble_of_one_account_is_no_other_s():
    with World() as w:
        line = w.daemon.line()
        w.user(6, "Peer", username="the_peer")
        ids = {n: sign_in(w, line, n, "@the_peer") for n in ("calm", "flooded", "cut", "revoked")}
        w.sandbox.call("fault", kind="flood_wait", user=ids["flooded"], seconds=600, method="messages.sendMessage")
        w.sandbox.call("fault", kind="cut", user=ids["cut"], probability=0.5)
        w.sandbox.call("revoke_session", user=ids["revoked"])
        end = time.monotonic() + 3
        calls, worst = 0, 0.0
        while time.monotonic() < end:
            began = time.monotonic()
            line.call("send_message", account="calm", peer="@the_peer", text="still calm %d" % calls)
            worst = max(worst, time.monotonic() - began)
            calls += 1
            if calls == 3:
                e = refused(line, "send_message", "telegram", "FLOOD_WAIT", account="flooded", peer="@the_peer",
                            text="x", flood_wait=0)
                assert e.error["data"]["retry_after"] > 500, e
                refused(line, "get_me", "session_revoked", "", account="revoked")
        states = {a["account"]: a["state"] for a in line.call("list_accounts")["accounts"]}
        assert states["calm"] == "ready" and states["revoked"] == "revoked", states
        print("calm account: %d sends, the slowest %.0f ms" % (calls, worst * 1000))
        assert calls > 10 and worst < 2 * SLOW, (calls, worst)
        w.sandbox.call("clear_faults")


@case
def a_session_moves_to_another_daemon_and_back():
    with World() as w:
        line = w.daemon.line()
        w.user(8, "Somebody", username="somebody_known")
        me = sign_in(w, line, "main", "@somebody_known")
        line.call("send_message", peer="@somebody_known", text="before the move")
        refused(line, "export_session_string", "invalid_params", "keep it safe")
        text = line.call("export_session_string", confirm=True)["session"]
        assert text.startswith("layerd1:"), text[:20]
        w.daemon.kill(signal.SIGTERM)
        w.sandbox.call("send", **{"from": "@somebody_known", "to": "@main_bot", "text": "while it moved"})
        logins = len(w.sandbox.call("calls", method="auth.importBotAuthorization")["calls"])
        other = Daemon(tempfile.mkdtemp(dir=w.folder), w.sandbox)
        try:
            line = other.line()
            got = line.call("import_session_string", account="moved", session=text)
            assert got["state"] == "ready" and got["user"]["id"] == me, got
            # what came meanwhile is fetched by the update state that moved with it
            line.call("fetch_updates", consumer="c", wait=0)
            line.call("seek_consumer", consumer="c", to="oldest")
            end = time.monotonic() + 10 * SLOW
            texts = []
            while "while it moved" not in texts and time.monotonic() < end:
                updates = line.call("fetch_updates", consumer="c", wait=1)["updates"]
                texts = [u["message"]["text"] for u in updates if u["type"] == "new_message"]
            assert "while it moved" in texts, texts
            # a peer that was known is known: no resolving over the network
            line.call("send_message", peer=line.call("resolve_peer", peer="@somebody_known")["id"], text="after the move")
            again = line.call("export_session_string", confirm=True)["session"]
            assert len(again) > 300
            refused(line, "import_session_string", "not_permitted", "logged in already", account="moved", session=text)
            refused(line, "import_session_string", "invalid_params", "checksum", account="x", session=text[:-32])
            refused(line, "import_session_string", "invalid_params", "no session of", account="x", session="nonsense")
            other.restart(signal.SIGKILL)
            line = other.line()
            assert line.call("get_me")["id"] == me
        finally:
            other.kill(signal.SIGTERM)
            other.check()
        assert len(w.sandbox.call("calls", method="auth.importBotAuthorization")["calls"]) == logins
        log = open(other.log).read() + open(w.daemon.log).read()
        assert text[8:60] not in log and "session_exported" in log and "session_imported" in log


@case
def a_session_from_a_file_the_environment_or_a_credential_needs_no_store():
    with World() as w:
        line = w.daemon.line()
        me = sign_in(w, line, "main")
        text = line.call("export_session_string", confirm=True)["session"]
        w.daemon.kill(signal.SIGTERM)
        path = os.path.join(w.folder, "session")
        with open(path, "w") as f:
            f.write(text + "\n")
        os.mkdir(os.path.join(w.folder, "credentials"))
        os.link(path, os.path.join(w.folder, "credentials", "session"))
        section = os.path.join(w.folder, "section.conf")
        with open(section, "w") as f:
            f.write("[account named]\nsession-file %s\n" % path)
        for env, flags, name in (({}, ["--session-file", path], "main"), ({"LAYERD_SESSION": text}, [], "main"),
                                 ({"CREDENTIALS_DIRECTORY": os.path.join(w.folder, "credentials")}, [], "main"),
                                 ({}, ["--config", section], "named")):
            for k, v in env.items():
                os.environ[k] = v
            try:
                d = Daemon(tempfile.mkdtemp(dir=w.folder), w.sandbox, "--store", "memory", *flags)
            finally:
                for k in env:
                    del os.environ[k]
            line = d.line()
            line.call("wait", **{"for": "ready", "account": name})
            assert line.call("get_me", account=name)["id"] == me
            assert text[20:60].encode() not in open("/proc/%d/environ" % d.process.pid, "rb").read()
            d.kill(signal.SIGTERM)
            d.check()
            assert not os.path.exists(d.state)
        d = Daemon(tempfile.mkdtemp(dir=w.folder), w.sandbox, "--store", "memory", "--session-file", section)
        line = d.line()
        assert line.call("list_accounts")["accounts"][0]["state"] == "signed_out"
        assert "no session of" in open(d.log).read()
        d.kill(signal.SIGTERM)


def in_waves(line, calls, wave=200):
    """All of them, as many at once as a connection may have in flight."""
    for start in range(0, len(calls), wave):
        some = calls[start:start + wave]
        for i, (method, params) in enumerate(some):
            line.send({"id": i, "method": method, "params": {**params, "timeout": 300}})
        for _ in some:
            answer = line.read()
            assert "result" in answer, answer


def memory(d):
    """Of the daemon, kB: (all, what is its own)."""
    fields = dict(r.split(":", 1) for r in open("/proc/%d/status" % d.process.pid) if ":" in r)
    return tuple(int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon"))


@case
def a_crowd_of_bots():
    """Real logins, each with its own keys; then the same crowd after a restart; then a message by each."""
    with World() as w:
        line = w.daemon.line(timeout=60)
        w.user(9, "Everyone's", username="everyones")

        def sign_in_to(start, end):
            in_waves(line, [("bot_sign_in", {"account": "b%d" % i, "token": w.sandbox.call(
                "create_bot", username="crowd%d_bot" % i, first_name="B")["token"]}) for i in range(start, end)])

        def say(what, began):
            total, own = memory(w.daemon)
            print("  %s: %.1f s; RSS %.1f MB, RssAnon %.1f MB, %.1f kB for each further account" % (
                what, time.monotonic() - began, total / 1024, own / 1024, (own - one) / (CROWD - 1)), flush=True)
            assert own <= 6 * 1024 + CROWD * 64 or SLOW > 1, "more than was promised"

        began, step = time.monotonic(), max(CROWD // 10, 1)
        sign_in_to(0, 1)
        one = memory(w.daemon)[1]
        for start in range(1, CROWD, step):
            part, end = time.monotonic(), min(start + step, CROWD)
            sign_in_to(start, end)
            print("  logins up to %d: %.1f ms each, keys.bak %d kB" % (
                end, (time.monotonic() - part) * 1000 / (end - start),
                os.path.getsize(os.path.join(w.daemon.state, "keys.bak")) / 1024), flush=True)
        say("%d bots have logged in" % CROWD, began)
        w.daemon.kill(signal.SIGTERM)
        began = time.monotonic()
        w.daemon.start()
        line = w.daemon.line(timeout=60)
        in_waves(line, [("wait", {"for": "online", "account": "b%d" % i}) for i in range(CROWD)])
        say("after a restart all are online", began)
        for i in range(CROWD):
            w.sandbox.call("send", **{"from": "@everyones", "to": "@crowd%d_bot" % i, "text": "hello"})
        in_waves(line, [("send_message", {"account": "b%d" % i, "peer": "@everyones", "text": "here is %d" % i})
                        for i in range(CROWD)])
        say("all have sent", began)


main()
