#!/usr/bin/env python3
"""The state folder: one daemon at a time, encryption at rest, the wrong key, another key.

LAYERD_RACES sets the number of start races (RELIABILITY T9; default 20, reduced 5)."""

import glob
import hashlib
import os
import secrets
import signal
import subprocess
import time

from box import SLOW, Daemon, World, case, main

RACES = int(os.environ.get("LAYERD_RACES", "5" if os.environ.get("LAYERD_REDUCED") else "20"))


def key_file(world, name, data=None):
    path = os.path.join(world.folder, name)
    with open(path, "wb") as f:
        f.write(data or secrets.token_bytes(32))
    os.chmod(path, 0o400)
    return path


def digest(folder):
    """Of what is stored; LMDB's reader table and the holder's pid are no content."""
    out = {}
    for path in sorted(glob.glob(os.path.join(folder, "*"))):
        if os.path.basename(path) not in ("lock", "lock.mdb"):
            out[path] = hashlib.sha256(open(path, "rb").read()).hexdigest()
    return out


def run(daemon, *more):
    return subprocess.run([*daemon.args, *more], capture_output=True, text=True, timeout=60)


def stored(world):
    return open(os.path.join(world.folder, "state", "data.mdb"), "rb").read()


def fill(world):
    """A login, a known peer, a message in the journal; what of them must not be readable."""
    user = world.user(7, "Canarina", username="canary_peer")
    bot, token = world.bot("canary_bot")
    world.sandbox.call("send", **{"from": "@canary_peer", "to": "@canary_bot", "text": "canary text of a message"})
    line = world.daemon.line()
    line.call("fetch_updates", consumer="c", wait=0)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        line.call("seek_consumer", consumer="c", to="oldest")
        if any(u["type"] == "new_message" for u in line.call("fetch_updates", consumer="c", wait=1)["updates"]):
            break
    else:
        raise AssertionError("the message never came")
    line.close()
    return [b"canary_peer", b"Canarina", b"canary text of a message", token.encode(), str(user).encode()]


@case
def only_one_of_racing_daemons_runs():
    with World(daemon=False) as w:
        first = Daemon(w.folder, w.sandbox)
        w.daemon = first
        w.bot("race_bot")
        key = first.line()
        me = key.call("get_me")["id"]
        key.close()
        first.kill(signal.SIGTERM)
        for _ in range(RACES):
            racers = []
            for i in range(2):
                args = list(first.args)
                args[args.index("--socket") + 1] = os.path.join(w.folder, "race%d.sock" % i)
                racers.append(subprocess.Popen(args, stderr=subprocess.PIPE, text=True))
            try:
                end = time.monotonic() + 30 * SLOW
                while all(r.poll() is None for r in racers) and time.monotonic() < end:
                    time.sleep(0.002)
                codes = [r.poll() for r in racers]
                assert sorted(codes, key=str) == [3, None], codes
                text = racers[codes.index(3)].stderr.read()
                assert "another layerd (pid %d)" % racers[codes.index(None)].pid in text, text
            finally:
                for r in racers:
                    r.kill()
                    r.wait()
                    r.stderr.close()
        first.start()
        line = first.line()
        assert line.call("get_me")["id"] == me
        line.close()


@case
def sealed_whole_nothing_is_readable():
    with World(daemon=False) as w:
        w.daemon = Daemon(w.folder, w.sandbox)
        canaries = fill(w)
        w.daemon.kill(signal.SIGTERM)
        open_store = stored(w)
        seen = [c for c in canaries[:3] if c in open_store]
        assert len(seen) == 3, seen  # the test can fail: in clear all of it is there
        key = key_file(w, "key")
        r = run(w.daemon, "--key-file", key, "--rekey")
        assert r.returncode == 0 and "rewritten" in r.stdout, r
        w.daemon.args += ["--key-file", key]
        w.daemon.start()
        line = w.daemon.line()
        assert line.call("get_me")["username"] == "canary_bot"
        assert line.call("fetch_updates", consumer="c", wait=0)["updates"], "the journal went on"
        line.close()


@case
def sealed_from_the_start_no_canary_is_on_the_disk():
    with World(daemon=False) as w:
        w.daemon = Daemon(w.folder, w.sandbox, "--key-file", key_file(w, "key"))
        canaries = fill(w)
        w.daemon.kill(signal.SIGTERM)
        data = stored(w)
        for c in canaries:
            assert c not in data, c
        w.daemon.start()
        line = w.daemon.line()
        assert line.call("send_message", peer="@canary_peer", text="still here")["out"]
        line.close()


@case
def the_wrong_key_ends_with_78_and_touches_nothing():
    with World(daemon=False) as w:
        right, wrong = key_file(w, "right"), key_file(w, "wrong")
        w.daemon = Daemon(w.folder, w.sandbox, "--key-file", right)
        w.bot("sealed_bot")
        w.daemon.kill(signal.SIGTERM)
        before = digest(w.daemon.state)
        hexed = key_file(w, "hex", open(right, "rb").read().hex().encode() + b"\n")
        loose = key_file(w, "loose")
        os.chmod(loose, 0o644)
        short = key_file(w, "short", b"short")
        args = w.daemon.args[:-2]
        for more, text in ((["--key-file", wrong], "the key of the store is another one"),
                           ([], "encrypted otherwise than configured"),
                           (["--key-file", right, "--encryption", "keys"], "encrypted otherwise"),
                           (["--encryption", "all"], "encryption wants a key"),
                           (["--key-file", loose], "others may read it"),
                           (["--key-file", short], "32 bytes or 64 hex digits"),
                           (["--key-file", w.folder + "/none"], "No such file"),
                           (["--key-file", wrong, "--rekey", "--old-key-file", wrong], "another one")):
            r = subprocess.run([*args, *more], capture_output=True, text=True, timeout=60)
            assert r.returncode == 78 and text in r.stderr, (more, r)
            assert digest(w.daemon.state) == before, more
        w.daemon.args = [*args, "--key-file", hexed]
        w.daemon.start()


@case
def another_key_and_mode_by_rekey():
    with World(daemon=False) as w:
        a, b = key_file(w, "a"), key_file(w, "b")
        w.daemon = Daemon(w.folder, w.sandbox)
        w.bot("rekey_bot")
        bare = list(w.daemon.args)
        for old, new, mode in ((None, a, "all"), (a, b, "keys"), (b, b, "all"), (b, None, "none")):
            w.daemon.kill(signal.SIGTERM)
            to = ["--encryption", mode] + (["--key-file", new] if new else [])
            w.daemon.args = [*bare, *to]
            r = run(w.daemon, "--rekey", *(["--old-key-file", old] if old else []))
            assert r.returncode == 0, r
            w.daemon.start()
            line = w.daemon.line()
            assert line.call("get_me")["username"] == "rekey_bot"
            line.close()


@case
def other_users_cannot_look():
    with World() as w:
        w.bot("mode_bot")
        assert os.stat(w.daemon.state).st_mode & 0o777 == 0o700
        for path in glob.glob(os.path.join(w.daemon.state, "*")):
            assert os.stat(path).st_mode & 0o077 == 0, path
        pid = w.daemon.process.pid
        assert os.stat("/proc/%d/mem" % pid).st_uid == 0  # not dumpable: its files are root's


main()
