#!/usr/bin/env python3
"""A damaged store: the file cut, or pages of it overwritten (RELIABILITY T3). Each start is right or refuses,
says what to do, and leaves the file as it is; keys.bak brings the accounts back.

LAYERD_DAMAGES sets how many are tried (default 200, reduced 40)."""

import base64
import glob
import os
import random
import shutil
import signal
import struct
import subprocess
import time

from box import SLOW, Daemon, Line, World, case, main

DAMAGES = int(os.environ.get("LAYERD_DAMAGES", "40" if os.environ.get("LAYERD_REDUCED") or SLOW > 1 else "200"))
PAGE = 4096


def session(w):
    """Whose login it is, and its keys by data centre: the part of a session string that must not get lost."""
    line = w.daemon.line()
    text = line.call("export_session_string", account="main", confirm=True)["session"].split(":")[1]
    line.close()
    body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    _, main_dc, self, count = struct.unpack_from("<IIQI", body)
    keys, at = {}, 20
    for _ in range(count):
        dc, length = struct.unpack_from("<II", body, at)  # TL bytes: 254 and three bytes of length, or one of 0
        keys[dc] = body[at + 8:at + 8 + (length >> 8)] if length & 255 == 254 else b""
        at += 8 + (length >> 8) if length & 255 == 254 else 8
    assert main_dc in keys and len(keys[main_dc]) == 256 and self
    return main_dc, self, keys


def read(path):
    with open(path, "rb") as f:
        return f.read()


def fill(w):
    """A login, and a journal of some pages."""
    w.user(7, "Peer", username="peer_of_it")
    bot, _ = w.bot("damaged_bot")
    line = w.daemon.line()
    line.call("fetch_updates", consumer="c")
    w.sandbox.call("flood", **{"from": "@peer_of_it", "to": bot, "count": 100, "rate": 0})
    end = time.monotonic() + 60 * SLOW
    while time.monotonic() < end:
        got = line.call("fetch_updates", consumer="c", wait=1)
        if got["updates"]:
            line.call("ack", consumer="c", seq=got["last"])
        if got["last"] >= 100:
            break
    else:
        raise AssertionError("the messages never came")
    line.close()
    return got["last"]


def harm(rng, whole):
    """One damage of a random kind, and what it was."""
    data = bytearray(whole)
    at = rng.randrange(len(data) // PAGE) * PAGE
    kind = rng.choice(("cut", "cut at a page", "random", "zeros", "other page", "bit", "sector", "head"))
    if kind == "cut":
        del data[rng.randrange(len(data)):]
    elif kind == "cut at a page":
        del data[at:]
    elif kind == "random":
        data[at:at + PAGE] = rng.randbytes(PAGE)
    elif kind == "zeros":
        data[at:at + PAGE] = bytes(PAGE)
    elif kind == "other page":
        other = rng.randrange(len(data) // PAGE) * PAGE
        data[at:at + PAGE] = whole[other:other + PAGE]
    elif kind == "bit":
        i = rng.randrange(len(data))
        data[i] ^= 1 << rng.randrange(8)
    elif kind == "sector":
        i = rng.randrange(len(data) // 512) * 512
        data[i:i + 512] = rng.randbytes(512)
    else:
        i = at + rng.randrange(64)
        data[i] = rng.randrange(256)
    return "%s at %d" % (kind, at), bytes(data)


def try_start(daemon):
    """None: it runs; else (exit code, what it said)."""
    log = open(daemon.log, "wb")
    proc = subprocess.Popen(daemon.args, stderr=log, start_new_session=True)
    end = time.monotonic() + 30 * SLOW
    while proc.poll() is None:
        try:
            line = Line(daemon.path)
            line.call("ping")
            line.close()
            return None, proc
        except OSError:
            assert time.monotonic() < end, "neither up nor down"
            time.sleep(0.005)
    return (proc.returncode, open(daemon.log, errors="replace").read()), proc


def trial(w, saved, whole, text, rng, i):
    state = w.daemon.state
    what, harmed = harm(rng, whole)
    shutil.rmtree(state)
    shutil.copytree(saved, state)
    data = os.path.join(state, "data.mdb")
    with open(data, "wb") as f:
        f.write(harmed)
    said, proc = try_start(w.daemon)
    if said is None:
        try:
            assert session(w) == text, (i, what)
            line = w.daemon.line()
            line.call("fetch_updates", consumer="c")
            line.close()
            assert proc.poll() is None, (i, what)
        finally:
            proc.kill()
            proc.wait()
        return "right"
    code, message = said
    assert code == 65 and "data.mdb" in message and "--restore-keys" in message, (i, what, said)
    assert read(data) == harmed, (i, what, "the file was changed")
    if i % 8:
        return "refused"
    r = subprocess.run([*w.daemon.args, "--restore-keys"], capture_output=True, text=True, timeout=60)
    assert r.returncode == 0 and "keys.bak" in r.stdout, (i, what, r)
    aside = glob.glob(data + ".corrupt-*")
    assert len(aside) == (len(harmed) > 0 or os.path.exists(data)) and read(aside[0]) == harmed, (i, what)
    w.daemon.start()
    assert session(w) == text, (i, what)
    w.daemon.kill()
    return "restored"


def damages(seed, *args):
    rng = random.Random(int(os.environ.get("LAYERD_SEED", seed)))
    with World(daemon=False) as w:
        key = os.path.join(w.folder, "key")
        with open(key, "wb") as f:
            f.write(bytes(range(32)))
        os.chmod(key, 0o400)
        w.daemon = Daemon(w.folder, w.sandbox, *(a.replace("KEY", key) for a in args))
        fill(w)
        text = session(w)
        w.daemon.kill()
        saved = os.path.join(w.folder, "saved")
        shutil.copytree(w.daemon.state, saved)
        whole = read(os.path.join(saved, "data.mdb"))
        count = {"right": 0, "refused": 0, "restored": 0}
        for i in range(DAMAGES // 2):
            count[trial(w, saved, whole, text, rng, i)] += 1
        print("%d damages of %d pages: %s" % (DAMAGES // 2, len(whole) // PAGE, count))
        assert count["right"] and count["refused"] and count["restored"], count


@case
def damaged_stores():
    damages(1)


@case
def damaged_sealed_stores():
    damages(2, "--key-file", "KEY")


def refusal(w, word):
    r = subprocess.run(w.daemon.args, capture_output=True, text=True, timeout=60)
    assert r.returncode == 65 and word in r.stderr, r
    return r.stderr


@case
def keys_that_would_be_lost_are_noticed():
    """An older store beside a newer keys.bak; none at all; a bad keys.bak beside a good store; none of both."""
    with World() as w:
        state = w.daemon.state
        data, spare = os.path.join(state, "data.mdb"), os.path.join(state, "keys.bak")
        w.bot("first_bot", account="first")
        w.daemon.kill(signal.SIGTERM)
        older = read(data)
        w.daemon.start()
        last = fill(w)
        text = session(w)
        w.daemon.kill(signal.SIGTERM)
        newest = read(data)
        assert os.stat(spare).st_mode & 0o777 == 0o600
        with open(data, "wb") as f:
            f.write(older)
        refusal(w, "older than keys.bak")
        assert read(data) == older
        os.unlink(data)
        refusal(w, "older than keys.bak")
        assert not os.path.exists(data)
        open(data, "w").close()
        refusal(w, "older than keys.bak")
        with open(data, "wb") as f:
            f.write(newest)
        good = bytearray(read(spare))
        good[len(good) // 2] ^= 1
        with open(spare, "wb") as f:
            f.write(good)
        w.daemon.start()  # the store is right: the bad copy is put aside, a good one is written
        assert session(w) == text
        assert [read(p) for p in glob.glob(spare + ".corrupt-*")] == [bytes(good)]
        assert "level=warning event=keys_bak_damaged path=%s " % spare in open(w.daemon.log).read()
        w.daemon.kill()
        with open(data, "r+b") as f:
            f.truncate(3 * PAGE)
        refusal(w, "damaged")
        fine = read(spare)
        with open(spare, "wb") as f:
            f.write(good)
        refusal(w, "damaged")
        r = subprocess.run([*w.daemon.args, "--restore-keys"], capture_output=True, text=True, timeout=60)
        assert r.returncode == 65 and "it is damaged, too" in r.stderr, r
        os.unlink(spare)
        r = subprocess.run([*w.daemon.args, "--restore-keys"], capture_output=True, text=True, timeout=60)
        assert r.returncode == 65 and "there is no keys.bak" in r.stderr, r
        assert os.path.getsize(data) == 3 * PAGE and not glob.glob(data + ".*")
        with open(spare, "wb") as f:
            f.write(fine)
        r = subprocess.run([*w.daemon.args, "--restore-keys"], capture_output=True, text=True, timeout=60)
        assert r.returncode == 0, r
        w.daemon.start()
        assert session(w) == text
        line = w.daemon.line()
        assert {a["account"] for a in line.call("list_accounts")["accounts"]} == {"first", "main"}
        line.call("wait", account="main", **{"for": "online"})
        line.call("subscribe", account="main", types=["new_message"])
        w.sandbox.call("send", **{"from": "@peer_of_it", "to": "@damaged_bot", "text": "afterwards"})
        seq = line.note(lambda n: n["params"].get("message", {}).get("text") == "afterwards")["params"]["seq"]
        assert seq > last + 10**9, "a number that was given out must not come back"
        line.close()


@case
def a_running_daemon_is_not_restored():
    with World() as w:
        w.bot("running_bot")
        r = subprocess.run([*w.daemon.args, "--restore-keys"], capture_output=True, text=True, timeout=60)
        assert r.returncode == 3 and "another layerd (pid %d)" % w.daemon.process.pid in r.stderr, r


main()
