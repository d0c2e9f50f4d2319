#!/usr/bin/env python3
"""The state folder: one daemon at a time, encryption at rest, the wrong key, another key.

LAYERD_RACES sets the number of start races (RELIABILITY T9; default 20, reduced 5)."""

import glob
import hashlib
import os
import re
import resource
import secrets
import shutil
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


def run(daemon, *more, **kw):
    return subprocess.run([*daemon.args, *more], capture_output=True, text=True, timeout=60, **kw)


USER = 1000


def run_as_user(daemon, *more):
    """Not as root, who may open everything; the build may lie where only root may go."""
    who = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    program = shutil.copy(daemon.args[0], daemon.folder)
    return subprocess.run([program, *daemon.args[1:], *more], capture_output=True, text=True, timeout=20,
                          env={**os.environ, "HOME": daemon.folder}, **who)


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


@case
def what_is_done_to_a_store_names_the_folder():
    with World(daemon=False) as w:
        a, b, c = key_file(w, "a"), key_file(w, "b"), key_file(w, "c")
        w.daemon = Daemon(w.folder, w.sandbox)
        w.bot("named_bot")
        w.daemon.kill(signal.SIGTERM)
        typo = os.path.join(w.folder, "stat")
        for what, says in (("--rekey", "there is no store"), ("--restore-keys", "there is no keys.bak")):
            r = run(w.daemon, what, "--key-file", a, "--state", typo)
            assert r.returncode == 65 and typo + ": " + says in r.stderr, r
            assert not os.path.exists(typo)
        sound = digest(w.daemon.state)
        r = run(w.daemon, "--rekey")
        assert r.returncode == 0 and "already so" in r.stdout, r
        r = run(w.daemon, "--restore-keys")
        assert r.returncode == 1 and "the store of %s is sound" % w.daemon.state in r.stderr, r
        assert digest(w.daemon.state) == sound
        for more, code, says in ((["--key-file", a], 0, "rewritten"), (["--key-file", a], 0, "already so"),
                                 (["--key-file", b], 78, "--old-key-file"),
                                 (["--key-file", b, "--old-key-file", c], 78, "another one"),
                                 (["--key-file", b, "--old-key-file", a], 0, "rewritten"),
                                 (["--key-file", b, "--old-key-file", a], 0, "already so")):
            r = run(w.daemon, "--rekey", *more)
            assert r.returncode == code and says in r.stdout + r.stderr, (more, r)
        w.daemon.args += ["--key-file", b]
        w.daemon.start()
        line = w.daemon.line()
        assert line.call("get_me")["username"] == "named_bot"
        line.close()
        w.daemon.kill(signal.SIGTERM)
        os.unlink(os.path.join(w.daemon.state, "data.mdb"))
        advice = run(w.daemon).stderr
        said = re.search(r"layerd (--state \S+ --restore-keys)", advice)
        assert said, advice
        r = subprocess.run([w.daemon.args[0], *said[1].split(), "--key-file", b], capture_output=True, text=True, timeout=60)
        assert r.returncode == 0, r
        w.daemon.start()


@case
def files_that_root_makes_belong_to_the_owner_of_the_folder():
    if os.geteuid() != 0:
        print("not root: left out")
        return
    with World(daemon=False) as w:
        key = key_file(w, "key")
        w.daemon = Daemon(w.folder, w.sandbox)
        w.bot("owned_bot")
        w.daemon.kill(signal.SIGTERM)
        for path in (w.folder, key, w.daemon.state, *glob.glob(os.path.join(w.daemon.state, "*"))):
            os.chown(path, USER, USER)

        def owners():
            return {os.path.basename(p): os.stat(p).st_uid for p in glob.glob(os.path.join(w.daemon.state, "*"))}
        r = run(w.daemon, "--rekey", "--key-file", key)
        assert r.returncode == 0 and set(owners().values()) == {USER}, (r, owners())
        for name in "data.mdb", "lock.mdb", "lock":
            os.unlink(os.path.join(w.daemon.state, name))
        r = run(w.daemon, "--restore-keys", "--key-file", key)
        assert r.returncode == 0 and set(owners().values()) == {USER}, (r, owners())


@case
def a_link_in_the_folder_is_not_followed():
    with World(daemon=False) as w:
        w.daemon = Daemon(w.folder, w.sandbox)
        w.bot("linked_bot")
        w.daemon.kill(signal.SIGTERM)
        lock, other = os.path.join(w.daemon.state, "lock"), os.path.join(w.folder, "other")
        with open(other, "w") as f:
            f.write("of somebody else")
        os.unlink(lock)
        os.symlink(other, lock)
        if os.geteuid() == 0:
            os.chown(w.daemon.state, USER, USER)
        for more in [], ["--restore-keys"]:
            r = run(w.daemon, *more)
            assert r.returncode == 1 and lock + ": Too many levels of symbolic links" in r.stderr, r
            assert open(other).read() == "of somebody else" and os.stat(other).st_uid == os.geteuid()


@case
def a_sound_store_that_cannot_be_looked_through_is_left_alone():
    with World(daemon=False) as w:
        w.daemon = Daemon(w.folder, w.sandbox)
        w.bot("short_bot")
        w.daemon.kill(signal.SIGTERM)
        before, said = digest(w.daemon.state), ""
        sizes = [] if SLOW > 1 else [(resource.RLIMIT_AS, n << 20) for n in range(8, 33, 4)]
        for what, n in [*sizes, *((resource.RLIMIT_NOFILE, n) for n in range(4, 9))]:
            r = run(w.daemon, "--restore-keys", preexec_fn=lambda: resource.setrlimit(what, (n, n)))
            assert r.returncode and digest(w.daemon.state) == before, (what, n, r)
            said += r.stderr
        for text in ["Too many open files", "is sound"] + ["Cannot allocate memory"] * bool(sizes):
            assert text in said, said
        w.daemon.start()


@case
def a_file_that_may_not_be_opened_is_named():
    with World(daemon=False) as w:
        w.daemon = Daemon(w.folder, w.sandbox)
        w.bot("shut_bot")
        w.daemon.kill(signal.SIGTERM)
        state = w.daemon.state
        for path in (w.folder, w.daemon.path + ".lock", state, *glob.glob(os.path.join(state, "*"))):
            if os.geteuid() == 0:
                os.chown(path, USER, USER)
        before = digest(state)
        for name, mode in (("data.mdb", 0o400), ("data.mdb", 0), ("lock", 0), ("lock.mdb", 0), ("keys.bak", 0),
                           ("", 0o500)):
            path = os.path.join(state, name) if name else state
            was = os.stat(path).st_mode & 0o777
            os.chmod(path, mode)
            r = run_as_user(w.daemon)
            os.chmod(path, was)
            assert r.returncode == 1 and "layerd: %s: Permission denied" % path in r.stderr, (name, r)
            assert digest(state) == before, (name, os.listdir(state))
        os.chmod(os.path.join(state, "keys.bak"), 0)
        os.unlink(os.path.join(state, "data.mdb"))
        r = run_as_user(w.daemon, "--restore-keys")
        assert r.returncode == 65 and "keys.bak: Permission denied" in r.stderr, r


main()
