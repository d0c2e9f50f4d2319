#!/usr/bin/env python3
"""One client of strangers' making against the sandbox: stage.py NAME COMMAND…

Sets the stage (sandbox, people, a bot of the client's, a bot that layerd runs with the Python example, a
user on layerd who logged in with code and password), gives it to the client as JSON in $INTEROP, counts the
steps it plays and asks the sandbox's ground truth whether they happened. The client prints "ok STEP", once
its user listens "listening", and once its bot listens "ready". Closes with one line "N passed, N failed"."""

import json
import os
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "box"))
from box import Daemon, World  # noqa: E402

STEPS = ["user_login", "user_send", "user_receive", "user_upload", "user_download", "user_talks_to_layerd", "user_logout",
         "bot_login", "bot_receive", "bot_send"]
SECOND_STEPS = ["user_password", "user_hears_layerds_user"]  # of clients that were taught them
NOT_TAUGHT = ["gotd"]
TIME_LIMIT = 240


def set_stage(w, taught):
    dc = next(d for d in w.sandbox.ready["dcs"] if d["id"] == 2)
    second = {"password": "strangers may enter"} if taught else {}
    user = w.sandbox.call("create_user", phone="+9996621111", first_name="Stranger", username="stranger",
                          **second)["user_id"]
    friend = w.sandbox.call("create_user", phone="+9996621112", first_name="Friend", username="good_friend")["user_id"]
    bot = w.sandbox.call("create_bot", username="stranger_bot", first_name="Bot")
    return {
        "dc": dc["id"], "host": dc["host"], "port": dc["port"], "dcs": w.sandbox.ready["dcs"],
        "key": w.sandbox.ready["rsa_key"], "fingerprint": w.sandbox.ready["fingerprint"],
        "phone": "+9996621111", "code": "22222", "user_id": user,
        "friend": "good_friend", "friend_id": friend, "hello": "hello, friend", "echo": "echo_bot",
        "token": bot["token"], "bot": "stranger_bot", "bot_id": bot["user_id"],
        "question": "are you there?", "reply": "here I am", "layerd_bot": "layerd_echo_bot",
        "layerd_user": "layerds_user", "greeting": "a user of layerd greets you", **second,
    }


def start_layerd_bot(w):
    """The example bot on layerd; without it only the steps that need it fail."""
    w.bot("layerd_echo_bot")
    env = {**os.environ, "LAYERD_SOCKET": w.daemon.path}
    program = [sys.executable, os.path.join(ROOT, "clients", "examples", "echo_bot.py")]
    return subprocess.Popen(program, env=env, stdout=subprocess.DEVNULL)


def start_layerd_user(w):
    """A person whose account is on a layerd of its own, in by phone, code and password."""
    w.sandbox.call("create_user", phone="+9996621113", first_name="Layerd", username="layerds_user",
                   password="layers of layers")
    folder = os.path.join(w.folder, "person")
    os.mkdir(folder)
    daemon = Daemon(folder, w.sandbox)
    line = daemon.line()
    line.call("login", account="person", method="phone", phone="+9996621113")
    line.call("login_submit", account="person", code="22222")
    line.call("login_submit", account="person", password="layers of layers")
    return daemon, line


def play(w, stage, command, person):
    """Runs the client; returns the steps it has played, and its bot's session as text."""
    done, session = [], None
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, "INTEROP": json.dumps(stage)})
    timer = threading.Timer(TIME_LIMIT, client.kill)
    timer.start()
    for line in client.stdout:
        if line.startswith("session "):
            session = line.split()[1]
            continue
        print("   ", line.rstrip(), flush=True)
        if line.startswith("ok "):
            done.append(line.split()[1])
        if line.strip() == "listening":
            person.call("send_message", peer="@stranger", text=stage["greeting"])
        if line.strip() == "ready":
            w.sandbox.call("send", **{"from": stage["friend_id"], "to": "@" + stage["bot"], "text": stage["question"]})
    client.wait()
    timer.cancel()
    return done, session


def goes_on(w, stage, session):
    """The bot's session, which the client wrote, in layerd: no login is needed."""
    logins = len(w.sandbox.call("calls", method="auth.importBotAuthorization")["calls"])
    line = w.daemon.line()
    try:
        got = line.call("import_session_string", account="brought", session=session)
        line.call("send_message", account="brought", peer="@" + stage["friend"], text="over layerd now")
        return got["state"] == "ready" and got["user"]["id"] == stage["bot_id"] and logins == len(
            w.sandbox.call("calls", method="auth.importBotAuthorization")["calls"])
    finally:
        line.close()


def seen_by(w, peer, viewer):
    answer = w.sandbox.call("messages", **{"peer": peer, "as": viewer})
    return answer["messages"] if isinstance(answer, dict) else answer


def main():
    name, command = sys.argv[1], sys.argv[2:]
    passed = failed = 0

    def count(what, good, why=""):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        print("%s %s: %s %s" % ("ok    " if good else "FAILED", name, what, "" if good else why), flush=True)

    start = time.monotonic()
    with World() as w:
        taught = name not in NOT_TAUGHT
        stage = set_stage(w, taught)
        layerd_bot = daemon = person = None
        try:
            layerd_bot = start_layerd_bot(w)
            daemon, person = start_layerd_user(w)
        except Exception as e:
            print("    layerd's accounts are not there: %s" % e, flush=True)
        done, session = play(w, stage, command, person)
        for step in STEPS + (SECOND_STEPS if taught else []):
            count(step, step in done)
        texts = [m.get("text", m.get("message")) for m in seen_by(w, stage["user_id"], stage["friend_id"])]
        count("the friend has the message once", texts.count(stage["hello"]) == 1, texts)
        texts = [m.get("text", m.get("message")) for m in seen_by(w, stage["bot_id"], stage["friend_id"])]
        count("the friend has the bot's answer once", texts.count(stage["reply"]) == 1, texts)
        if name != "gotd":  # which has no such text
            count("its session goes on in layerd", session and goes_on(w, stage, session))
        if layerd_bot:
            layerd_bot.kill()
            layerd_bot.wait()
        if daemon:
            daemon.kill()
        if failed or os.environ.get("INTEROP_VERBOSE"):
            print(open(os.path.join(w.folder, "sandbox.log"), errors="replace").read()[-6000:])
            calls = w.sandbox.call("calls")
            print(json.dumps(calls)[-4000:])
    print("%s took %.1f s" % (name, time.monotonic() - start))
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


main()
