#!/usr/bin/env python3
"""T55 inside the hardened unit: layerd under the restrictions of systemd/layerd.service (confined.py says which), its
sockets as the three socket units make them, and clients of every kind: root, members of the groups, strangers."""

import os
import shutil
import signal
import socket
import stat
import time

import confined
from box import BUILD, ROOT, SLOW, Daemon, Line, World, case, main
from role_matrix import ROLES, connect_as, matrix

UNIT = os.path.join(ROOT, "systemd", "layerd.service")
UID, GROUPS = 64990, {"root": 0, "layerd": 64990, "layerd-ro": 64991}
# who: uid, group, and the sockets that he may open
CLIENTS = {"root": (0, 0, ("send", "read", "admin")), "member": (64100, 64990, ("send",)),
           "reader": (64101, 64991, ("read",)), "both": (64102, (64990, 64991), ("send", "read")),
           "stranger": (64103, 64103, ()), "the daemon's own user": (64990, 64990, ("send",))}


def listen(folder):
    """{name: (path, socket)}, with owner and mode as the units say."""
    out = {}
    for file in ("layerd.socket", "layerd-ro.socket", "layerd-admin.socket"):
        unit = {k: v[-1] for k, v in confined.settings(os.path.join(ROOT, "systemd", file)).items()}
        path = os.path.join(folder, os.path.basename(unit["ListenStream"]))
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        os.chown(path, 0, GROUPS[unit["SocketGroup"]])
        os.chmod(path, int(unit["SocketMode"], 8))
        s.listen(int(unit["Backlog"]))
        out[unit["FileDescriptorName"]] = path, s
    return out


class Confined(Daemon):
    """A Daemon that is started as the unit would start it."""

    def __init__(self, w):
        self.folder, self.log = w.folder, os.path.join(w.folder, "layerd.log")
        self.state = os.path.join(w.folder, "state")
        os.mkdir(self.state, 0o700)
        os.chown(self.state, UID, GROUPS["layerd"])
        os.chmod(w.folder, 0o755)
        os.chmod(os.path.join(w.folder, "key.pem"), 0o644)
        self.sockets = listen(w.folder)
        self.path = self.sockets["admin"][0]
        program = shutil.copy(os.path.join(BUILD, "layerd"), w.folder)  # his user may not see the checkout
        self.args = [program, "--state", self.state, *w.sandbox.daemon_args()]
        self.process = None
        self.start()

    def run(self, *more, **drop_in):
        return confined.start(UNIT, [*self.args, *more], [(n, s.fileno()) for n, (_, s) in self.sockets.items()],
                              [self.state], UID, GROUPS["layerd"], self.log, **drop_in)

    def start(self, *more, **drop_in):
        self.pid = self.run(*more, **drop_in)
        line = Line(self.path)
        line.sock.settimeout(0.1)
        line.send({"id": 1, "method": "ping"})
        while True:
            self.check()
            try:
                assert line.read()["result"] == {"pong": True}
                break
            except TimeoutError:
                pass
        line.close()

    def kill(self, sig=signal.SIGTERM):
        os.kill(self.pid, sig)
        return os.waitpid(self.pid, 0)[1]

    def check(self):
        assert os.waitpid(self.pid, os.WNOHANG) == (0, 0), open(self.log).read()


def inside(f):
    def run():
        with World(daemon=False) as w:
            d = Confined(w)
            try:
                f(w, d)
                d.check()
            finally:
                assert d.kill() == 0, open(d.log).read()
            assert "anitizer" not in open(d.log).read()
    run.__name__ = f.__name__
    return case(run)


@inside
def every_method_of_every_client_on_every_socket(w, d):
    sockets = calls = refused = 0
    for who, (uid, gids, may) in CLIENTS.items():
        for role in ROLES:
            line = connect_as(d.sockets[role][0], uid, gids)
            assert (line is not None) == (role in may), (who, role)
            sockets += 1
            if not line:
                continue
            assert line.call("hello")["role"] == role, (who, role)
            n, m, wrong = matrix({role: line})
            assert not wrong, (who, wrong[:10])
            calls += n
            refused += m
            line.close()
    print("  %d kinds of clients x 3 sockets: %d tried, %d calls, %d refused" %
          (len(CLIENTS), sockets, calls, refused))


@inside
def a_list_of_users_is_refused_where_users_are_not_seen(w, d):
    """And with PrivateUsers=no in a drop-in, as the refusal says, it is kept to."""
    config = os.path.join(w.folder, "layerd.conf")
    with open(config, "w") as f:
        f.write("[acl]\nroot = send\n64100 = read\n64102 = none\n")
    os.chmod(config, 0o644)
    d.kill()
    before = {f: open(os.path.join(d.state, f), "rb").read() for f in os.listdir(d.state)}
    for more in ((), ("--check-config",)):
        os.truncate(d.log, 0)
        pid = d.run("--config", config, *more)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 78, open(d.log).read()
        said = open(d.log).read()
        assert "layerd.conf: [acl]: " in said and "set PrivateUsers=no in a drop-in" in said, said
    assert before == {f: open(os.path.join(d.state, f), "rb").read() for f in os.listdir(d.state)}
    d.start("--config", config, private_users="no")
    limits = {"root": "send", "member": "read", "both": None}
    calls = refused = shut_out = 0
    for who, (uid, gids, may) in CLIENTS.items():
        for role in may:
            line = connect_as(d.sockets[role][0], uid, gids)
            want = limits.get(who, role)
            if want is None:
                assert line.read()["error"]["data"]["kind"] == "not_permitted" and line.read() is None, who
                shut_out += 1
            else:
                want = min(want, role, key=ROLES.index)
                assert line.call("hello")["role"] == want, (who, role)
                n, m, wrong = matrix({want: line})
                assert not wrong, (who, role, wrong[:10])
                calls += n
                refused += m
            line.close()
    print("  [acl], PrivateUsers=no: %d calls, %d refused; %d clients shut out" % (calls, refused, shut_out))
    assert shut_out == 2


@inside
def it_is_as_confined_as_it_says(w, d):
    status = dict(x.split(":\t", 1) for x in open("/proc/%d/status" % d.pid).read().splitlines() if ":\t" in x)
    assert status["Uid"].split() == [str(UID)] * 4 and status["Groups"].strip() == "", status
    for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[caps], 16) == 0, (caps, status[caps])
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    assert open("/proc/%d/uid_map" % d.pid).read().split() == ["0", "0", "1", str(UID), str(UID), "1"]
    assert os.stat("/proc/%d/ns/user" % d.pid).st_ino != os.stat("/proc/self/ns/user").st_ino
    writable = [x.split()[1] for x in open("/proc/%d/mounts" % d.pid) if "rw" in x.split()[3].split(",")]
    writable = [x for x in writable if not x.startswith(("/proc", "/sys", "/dev"))]
    assert writable == [d.state], writable
    for name, (path, _) in d.sockets.items():
        st = os.stat(path)
        want = {"send": (0o660, "layerd"), "read": (0o660, "layerd-ro"), "admin": (0o600, "root")}[name]
        assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (want[0], 0, GROUPS[want[1]]), name
    for file in os.listdir(d.state):
        st = os.stat(os.path.join(d.state, file))
        assert stat.S_IMODE(st.st_mode) == 0o600 and st.st_uid == UID, file


@inside
def a_bot_lives_there(w, d):
    """Login, sends, updates, a kill -9 and what is left after it: nothing that it needs is forbidden."""
    w.daemon = d
    bot, _ = w.bot("unit_bot")
    w.daemon = None
    user = w.user(1, "Ann", username="ann_of_unit")
    line = Line(d.path)
    line.call("fetch_updates", consumer="c")
    for n in range(3):
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d" % n})
        member = connect_as(d.sockets["send"][0], 64100, 64990)
        end, texts = time.monotonic() + 20 * SLOW, []
        while "m%d" % n not in texts and time.monotonic() < end:
            got = line.call("fetch_updates", consumer="c", wait=5)
            texts = [u["message"]["text"] for u in got["updates"] if u["type"] == "new_message"]
        assert "m%d" % n in texts, texts
        line.call("ack", consumer="c", seq=got["last"])
        assert member.call("send_message", peer="@ann_of_unit", text="a%d" % n)["out"]
        member.close()
        line.close()
        if n < 2:
            d.kill((signal.SIGKILL, signal.SIGTERM)[n])
            d.start()
        line = Line(d.path)
    peers = [c for c in line.call("list_clients")["clients"]]
    assert peers
    line.close()
    log = open(d.log).read()
    assert "keys_not_locked" not in log or SLOW > 1, log
    for word in ("EPERM", "not permitted", "Permission denied", "level=error"):
        assert word not in log, log


if __name__ == "__main__":
    main()
