#!/usr/bin/env python3
"""Who may do what (RELIABILITY T55): every method, own and Telegram's, on a socket of each role and for users of
each kind in [acl]; modes of sockets and files. Each call names a parameter that does not exist, so that a permitted
one is refused as invalid_params and nothing is done. Users are changed, which root may."""

import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time

from box import BUILD, ROOT, SLOW, Daemon, Line, RpcError, World, case, main
from role_matrix import ROLES, connect_as, matrix, outcome


class Sockets(Daemon):
    def __init__(self, folder, sandbox, *extra):
        self.paths = {r: os.path.join(folder, "layerd-%s.sock" % r) for r in ROLES}
        super().__init__(folder, sandbox, *extra)

    def start(self):
        if "--socket" in self.args:
            i = self.args.index("--socket")
            del self.args[i:i + 2]
            for r in ROLES:
                self.args += ["--socket", "%s,%s" % (self.paths[r], r)]
            self.path = self.paths["admin"]
        super().start()


@case
def every_method_on_every_role():
    with World(daemon=False) as w:
        w.daemon = Sockets(w.folder, w.sandbox)
        lines = {r: Line(w.daemon.paths[r]) for r in ROLES}
        asked, refused, wrong = matrix(lines)
        print("3 roles: %d calls, %d refused" % (asked, refused))
        assert not wrong, wrong[:10]
        assert refused > 500
        delete = lines["admin"].call("tl_encode", value={"_": "account.deleteAccount", "reason": "x"})["bytes"]
        for role in ("read", "send"):
            for bad in ("stop", "add_account", "remove_account", "log_level"):
                assert outcome(lines[role], bad) == "not_permitted", (role, bad)
            for method, params in (("invoke", {"method": "account.deleteAccount", "params": {"reason": "x"}}),
                                   ("invoke_raw", {"bytes": delete})):
                try:
                    lines[role].call(method, **params)
                    raise AssertionError("%s may %s" % (role, method))
                except RpcError as e:
                    assert e.kind == "not_permitted", (role, method, e)


class Listed(Sockets):
    """Open to all users, as far as [acl] lets them."""

    def __init__(self, w, acl):
        os.chmod(w.folder, 0o755)
        self.config = os.path.join(w.folder, "layerd.conf")
        self.write(acl)
        super().__init__(w.folder, w.sandbox, "--config", self.config, "--socket-mode", "0666")

    def write(self, acl):
        with open(self.config, "w") as f:
            f.write("[acl]\n" + "".join("%s = %s\n" % row for row in acl.items()))

    def reload(self, acl, says):
        self.write(acl)
        told = open(self.log).read().count(says)
        self.process.proc.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10 * SLOW
        while open(self.log).read().count(says) == told:
            assert time.monotonic() < end, says
            time.sleep(0.01)


def lesser(a, b):
    return min(a, b, key=ROLES.index)


def is_shut_out(line):
    error = line.read()["error"]
    assert error["code"] == -32003 and error["data"]["kind"] == "not_permitted" and "[acl]" in error["data"]["hint"]
    assert line.read() is None
    return True


@case
def every_user_on_every_socket():
    """User x group x socket x method: a line takes from the socket's role and adds nothing; the group is nothing to
    it; and a socket that was connected by one user and is used by another (as here, by root) is the former's."""
    acl = {"root": "send", "bin": "read", "64100": "admin", "64101": "send", "64102": "read", "64103": "none",
           "daemon": "none", "*": "read"}
    with World(daemon=False) as w:
        w.daemon = Listed(w, acl)
        calls = refused = shut_out = 0
        for who in [*acl, "64104"]:
            uid = int(who) if who.isdigit() else pwd.getpwnam(who if who != "*" else "nobody").pw_uid
            for socket in ROLES:
                for gid in (0, 64100):
                    line = connect_as(w.daemon.paths[socket], uid, gid)
                    most = acl.get(who, acl["*"])
                    if most == "none":
                        shut_out += is_shut_out(line)
                        line.close()
                        continue
                    role = lesser(most, socket)
                    assert line.call("hello")["role"] == role, (who, socket)
                    n, m, wrong = matrix({role: line}) if gid else (0, 0, [])
                    assert not wrong, (who, socket, wrong[:10])
                    calls += n
                    refused += m
                    line.close()
        print("%d users x 2 groups x 3 sockets: %d calls, %d refused; %d clients shut out" %
              (len(acl) + 1, calls, refused, shut_out))
        assert shut_out == 12
        try:
            connect_as(w.daemon.paths["admin"], 64102, 64102).call("stop")
            raise AssertionError("a reader may stop the daemon")
        except RpcError as e:
            assert e.error["data"]["hint"].startswith("[acl]"), e
        assert "client_refused uid=64103 role=none" in open(w.daemon.log).read()


@case
def a_changed_list_is_kept_to_from_its_reload_on():
    with World(daemon=False) as w:
        w.daemon = Listed(w, {"64100": "read", "64101": "send"})
        path = w.daemon.paths["admin"]
        first, second, other = (connect_as(path, uid, uid) for uid in (64100, 64101, 64102))
        assert [x.call("hello")["role"] for x in (first, second, other)] == ["read", "send", "admin"]
        w.daemon.reload({"64100": "admin", "64101": "none", "*": "read"}, "reloaded")
        assert first.call("hello")["role"] == "admin" and other.call("hello")["role"] == "read"
        assert second.read() is None and is_shut_out(connect_as(path, 64101, 64101))
        # what is no list changes nothing
        w.daemon.reload({"64100": "read", "nobody-of-that-name": "read"}, "reload_failed")
        assert first.call("hello")["role"] == "admin" and other.call("hello")["role"] == "read"


@case
def who_is_shut_out_is_told_so_by_the_clients():
    with World(daemon=False) as w:
        w.daemon = Listed(w, {"64100": "read"})
        w.daemon.reload({"root": "none"}, "reloaded")
        ctl = [os.path.join(BUILD, "layerctl"), "-s", w.daemon.path]
        python = [sys.executable, "-c", "import layerd; tg = layerd.Client(%r)" % w.daemon.path]
        for args, code in (([*ctl, "call", "ping"], 7), ([*ctl, "watch", "-c", "c"], 7),
                           ([*python[:2], python[2] + "; tg.ping()"], 1),
                           ([*python[:2], python[2] + "; next(tg.updates())"], 1)):
            done = subprocess.run(args, capture_output=True, text=True, timeout=20 * SLOW,
                                  env={**os.environ, "PYTHONPATH": os.path.join(ROOT, "clients", "python")})
            assert done.returncode == code and "[acl]" in done.stderr, (args, done)


@case
def modes_and_groups_are_exact():
    with World(daemon=False) as w:
        for mode, want in (("0600", 0o600), ("0660", 0o660), ("0666", 0o666)):
            folder = tempfile.mkdtemp(dir=w.folder)
            old = os.umask(0)  # the daemon's own mask counts, not the caller's
            d = Daemon(folder, None, "--socket-mode", mode)
            os.umask(old)
            st = os.stat(d.path)
            assert stat.S_IMODE(st.st_mode) == want, (mode, oct(st.st_mode))
            assert stat.S_IMODE(os.stat(d.state).st_mode) == 0o700
            d.kill(15)
            assert not os.path.exists(d.path)


@case
def a_client_of_a_lesser_role_cannot_stop_the_calls_of_others():
    with World(daemon=False) as w:
        w.daemon = Sockets(w.folder, w.sandbox)
        admin, other = Line(w.daemon.paths["admin"]), Line(w.daemon.paths["read"])
        admin.send({"id": 77, "method": "fetch_updates", "params": {"consumer": "c", "wait": 1}})
        assert other.call("cancel", id=77) == {"cancelled": False}  # ids are per connection
        answer = admin.read()
        assert answer["id"] == 77 and answer["result"]["updates"] == [], answer


@case
def units_hand_over_three_sockets():
    for name, role in (("layerd.socket", "send"), ("layerd-ro.socket", "read"), ("layerd-admin.socket", "admin")):
        text = open(os.path.join(ROOT, "systemd", name)).read()
        assert "FileDescriptorName=%s" % role in text, name
        assert "Service=layerd.service" in text, name
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, r + ".sock") for r in ROLES]
        program = ("import os,socket,sys\n"
                   "fds=[]\n"
                   "for p in sys.argv[2:]:\n"
                   "  s=socket.socket(socket.AF_UNIX);s.bind(p);s.listen();fds.append(s)\n"
                   "for i,s in enumerate(fds): os.dup2(os.dup(s.fileno()),20+i)\n"
                   "for i in range(len(fds)): os.dup2(20+i,3+i);os.set_inheritable(3+i,True)\n"
                   "os.environ.update(LISTEN_FDS=str(len(fds)),LISTEN_PID=str(os.getpid()),"
                   "LISTEN_FDNAMES='read:send:admin')\n"
                   "os.execv(sys.argv[1],[sys.argv[1],'--store','memory'])\n")
        p = subprocess.Popen(["python3", "-c", program, os.path.join(BUILD, "layerd"), *paths],
                             stderr=subprocess.DEVNULL)
        try:
            for role, path in zip(ROLES, paths):
                for _ in range(400):
                    try:
                        line = Line(path)
                        break
                    except (FileNotFoundError, ConnectionRefusedError):
                        time.sleep(0.05)
                assert line.call("hello")["role"] == role
                line.close()
        finally:
            p.terminate()
            assert p.wait(30) == 0


if __name__ == "__main__":
    main()
