#!/usr/bin/env python3
"""Secrets in the memory of the daemon: keys lie where nothing is swapped out or dumped, and nowhere else; what was
typed once is nowhere any more."""

import base64
import os
import resource
import shutil
import signal
import struct
import subprocess

from box import BUILD, SLOW, Daemon, World, case, main
from person import Person

STORE_KEY = b"canary-of-the-store-key-32-bytes"


def mappings(pid):
    """(from, to, name, flags) of each mapping that can be read."""
    out, here = [], None
    with open("/proc/%d/smaps" % pid) as f:
        for line in f:
            words = line.split()
            if not words[0].endswith(":"):
                start, end = (int(x, 16) for x in words[0].split("-"))
                here = (start, end, words[5] if len(words) > 5 else "", words[1])
            elif words[0] == "VmFlags:" and here[3][0] == "r" and not here[2].startswith("[v"):
                out.append((*here[:3], words[1:]))
    return out


def find(pid, needles):
    """(which, name of the mapping, its flags) of all that is found in the memory of a process."""
    hits = []
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as mem:
        for start, end, name, flags in mappings(pid):
            if "shadow" in name or end - start > 1 << 34:  # a sanitizer's
                continue
            at, tail = start, b""
            while at < end:
                try:
                    mem.seek(at)
                    chunk = mem.read(min(1 << 20, end - at))
                except OSError:  # the file ends before its mapping
                    break
                if not chunk:
                    break
                for label, needle in needles.items():
                    hits += [(label, name or hex(at), flags)] * (tail + chunk).count(needle)
                tail = chunk[-31:]
                at += len(chunk)
    return hits


def auth_key(line):
    text = line.call("export_session_string", account="main", confirm=True)["session"].split(":")[1]
    body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert struct.unpack_from("<I", body, 16)[0] >= 1  # data centres
    return body[28:28 + 256]


def check_keys(pid, auth):
    hits = find(pid, {"auth key": auth[64:96], "store key": STORE_KEY})
    assert hits, "the key is not where it was looked for"
    for label, name, flags in hits:
        assert label == "auth key" and "dd" in flags and "wf" in flags, (label, name, flags)
        assert "lo" in flags or SLOW > 1, (label, name, flags)  # sanitizers lock nothing
    return len(hits)


def start(w, *args):
    key = os.path.join(w.folder, "key")
    with open(key, "wb") as f:
        f.write(STORE_KEY)
    os.chmod(key, 0o400)
    w.daemon = Daemon(w.folder, w.sandbox, "--key-file", key, *args)


@case
def keys_are_locked_and_in_no_core():
    for args in ((), ("--pfs",)):
        with World(daemon=False) as w:
            start(w, *args)
            w.bot("memory_bot")
            line = w.daemon.line()
            auth = auth_key(line)
            line.close()
            w.daemon.restart(signal.SIGTERM)
            line = w.daemon.line()
            line.call("wait", **{"for": "online"})
            line.close()
            print("  the key is there %d times, each time in the vault" % check_keys(w.daemon.process.pid, auth))
            assert "keys_not_locked" not in open(w.daemon.log).read()


@case
def what_was_typed_is_nowhere():
    with World(daemon=False) as w:
        start(w)
        p = Person(w, password="canary-password-7731")
        p.start()
        p.fail("login_submit", code="canary-code-wrong")
        p.call("login_submit", code=p.code())
        p.fail("login_submit", password="canary-password-wrong")
        p.in_and_working(p.call("login_submit", password="canary-password-7731"))
        p.call("set_password", password="canary-password-next", current="canary-password-7731")
        b = Person(w, user=False)
        made = w.sandbox.call("create_bot", username="memory_bot")
        b.fail("login", method="bot", token="77:canary-token-bad")
        b.call("login", method="bot", token=made["token"])
        for line in (p.line, b.line):
            for _ in range(3):
                line.call("ping")
        secrets = ["canary-code-wrong", "canary-password-wrong", "canary-password-7731", "canary-password-next",
                   "77:canary-token-bad", made["token"]]
        hits = find(w.daemon.process.pid, {s: s.encode() for s in secrets})
        assert not hits, hits
        assert find(os.getpid(), {"mine": secrets[0].encode()}), "the search itself finds nothing"


@case
def without_the_right_to_lock_it_says_so_once():
    with World(daemon=False) as w:
        own = os.path.join(w.folder, "own")
        os.mkdir(own)
        shutil.copy(os.path.join(BUILD, "layerd"), own)  # nobody may not see the checkout
        os.chown(own, 65534, 65534)
        os.chmod(w.folder, 0o755)
        os.chmod(os.path.join(w.folder, "key.pem"), 0o644)
        d = w.daemon = Daemon.__new__(Daemon)
        d.folder, d.log = w.folder, os.path.join(w.folder, "layerd.log")
        d.path, d.state = os.path.join(own, "layerd.sock"), os.path.join(own, "state")
        d.args = ["sh", "-c", "ulimit -l 0; exec setpriv --reuid 65534 --regid 65534 --clear-groups -- \"$@\"", "sh",
                  "env", "-i", os.path.join(own, "layerd"), "--socket", d.path, "--state", d.state,
                  *w.sandbox.daemon_args()]
        d.start()
        w.bot("unlocked_bot")
        for n in range(2, 12):
            w.bot("unlocked_bot_%d" % n, account="b%d" % n)
        text = open(d.log).read()
        assert SLOW > 1 or text.count("keys_not_locked") == 1, text


@case
def a_death_leaves_no_core():
    """With every limit lifted; beside it a program that does leave one, where the system lets it."""
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        with World(daemon=False) as w:
            start(w)
            w.daemon.kill(signal.SIGTERM)
            for args, dumps in ((w.daemon.args, False), (["sleep", "100"], None)):
                proc = subprocess.Popen(args, stderr=subprocess.DEVNULL, cwd=w.folder)
                if dumps is False:
                    w.daemon.process = type("P", (), {"check": lambda self: None, "kill": lambda self, *_: 0})()
                    while not os.path.exists(w.daemon.path):
                        assert proc.poll() is None
                    line = w.daemon.line()
                    line.call("ping")
                os.kill(proc.pid, signal.SIGQUIT if dumps is None else signal.SIGABRT)
                _, status = os.waitpid(proc.pid, 0)
                proc.returncode = -os.WTERMSIG(status)
                if dumps is False:
                    assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status)
                    assert not [f for f in os.listdir(w.folder) if f.startswith("core")]
                else:
                    print("  the other program %s" % ("left one" if os.WCOREDUMP(status) else "left none either"))
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
