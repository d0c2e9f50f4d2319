#!/usr/bin/env python3
"""Ways out: the daemon behind SOCKS5 and HTTP CONNECT proxies, with the sandbox on the other side.

The daemon is told addresses at which nobody listens but a trap; only the proxy knows where the sandbox
is. So whatever works, works through the proxy, and a connection past it is caught."""

import base64
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box
from box import Daemon, RpcError, World, case

NOWHERE = "127.9.9.9"


def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Server(threading.Thread):
    """Accepts, and gives each connection a thread."""

    def __init__(self, host="127.0.0.1"):
        super().__init__(daemon=True)
        self.listener = socket.create_server((host, 0))
        self.host, self.port = self.listener.getsockname()
        self.open = []
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(s)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def cut(self):
        """Ends every connection."""
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []

    def close(self):
        self.listener.close()
        self.cut()


class Trap(Server):
    """Stands where the daemon believes a data centre: nobody may ever come."""

    def __init__(self):
        self.caught = 0
        super().__init__(NOWHERE)

    def serve(self, s):
        self.caught += 1
        s.close()


class Proxy(Server):
    """routes: (host, port) as asked for → where it really is."""

    def __init__(self, routes, user=None, password=None):
        self.routes = routes
        self.user, self.password = user, password
        self.asked, self.refused = [], 0
        super().__init__()

    def read(self, s, n):
        data = b""
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more:
                raise OSError("end")
            data += more
        return data

    def serve(self, s):
        try:
            target = self.handshake(s)
            if target is None:
                self.refused += 1
                s.close()
                return
            self.asked.append(target)
            there = socket.create_connection(self.routes[target])
            self.open.append(there)
            self.granted(s)
            threading.Thread(target=pump, args=(there, s), daemon=True).start()
            pump(s, there)
        except (OSError, KeyError):
            s.close()


class Socks(Proxy):
    def handshake(self, s):
        version, n = self.read(s, 2)
        methods = self.read(s, n)
        want = 2 if self.user else 0
        if version != 5 or want not in methods:
            s.sendall(b"\x05\xff")
            return None
        s.sendall(bytes([5, want]))
        if self.user:
            assert self.read(s, 1) == b"\x01"
            user = self.read(s, self.read(s, 1)[0]).decode()
            password = self.read(s, self.read(s, 1)[0]).decode()
            good = (user, password) == (self.user, self.password)
            s.sendall(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return None
        head = self.read(s, 4)
        assert head[:3] == b"\x05\x01\x00", head
        if head[3] == 1:
            host = socket.inet_ntop(socket.AF_INET, self.read(s, 4))
        elif head[3] == 4:
            host = socket.inet_ntop(socket.AF_INET6, self.read(s, 16))
        else:
            host = self.read(s, self.read(s, 1)[0]).decode()
        return host, int.from_bytes(self.read(s, 2), "big")

    def granted(self, s):
        for byte in b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00":  # a byte a packet
            s.sendall(bytes([byte]))
            time.sleep(0.002)

    def link(self, user=None, password=None, host="127.0.0.1"):
        login = "%s:%s@" % (user, password) if user else ""
        return "socks5://%s%s:%d" % (login, host, self.port)


class Http(Proxy):
    def handshake(self, s):
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.read(s, 1)
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split(" ")
        assert method == "CONNECT"
        if self.user:
            want = "Proxy-Authorization: Basic " + base64.b64encode(("%s:%s" % (self.user, self.password)).encode()).decode()
            if want not in lines:
                s.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return None
        host, port = target.rsplit(":", 1)
        return host.strip("[]"), int(port)

    def granted(self, s):
        s.sendall(b"HTTP/1.1 200 Connection established\r\nVia: box\r\n\r\n")

    def link(self, user=None, password=None, host="127.0.0.1"):
        login = "%s:%s@" % (user, password) if user else ""
        return "http://%s%s:%d" % (login, host, self.port)


class Behind(World):
    """A sandbox, a proxy that knows the way to it, a daemon that does not."""

    def __init__(self, make, link, *more):
        super().__init__(daemon=False)
        self.trap = Trap()
        self.routes, args = {}, []
        for dc in self.sandbox.ready["dcs"]:
            host = NOWHERE if dc["id"] == 2 else "127.9.9.%d" % dc["id"]
            port = self.trap.port if dc["id"] == 2 else dc["port"]
            self.routes[(host, port)] = (dc["host"], dc["port"])
            args += ["--dc", "%d=%s:%d" % (dc["id"], host, port)]
        self.proxy = make(self.routes)
        self.daemon = Daemon(self.folder, None, *args, "--rsa-key", self.sandbox.ready["rsa_key"],
                             "--proxy", link(self.proxy), *more)

    def __exit__(self, kind, value, tb):
        try:
            if kind is None:
                assert self.trap.caught == 0, "a connection went past the proxy"
        finally:
            super().__exit__(kind, value, tb)
            self.proxy.close()
            self.trap.close()

    def works(self, line=None):
        line = line or self.daemon.line()
        line.call("wait", **{"for": "online", "timeout": 20})
        me = line.call("get_me")
        assert me.get("user_id", me.get("id")) == self.bot_id, me
        return line


def round_trip(make, link):
    """Log in, ask, lose the connection, ask another data centre, start again: always through the proxy."""
    with Behind(make, link) as w:
        w.bot_id, _ = w.bot()
        line = w.works()
        first = len(w.proxy.asked)
        assert first >= 1 and w.proxy.asked[0][0] == NOWHERE, w.proxy.asked
        w.proxy.cut()
        end = time.monotonic() + 20 * box.SLOW
        while len(w.proxy.asked) == first and time.monotonic() < end:
            time.sleep(0.05)
        assert len(w.proxy.asked) > first
        w.works(line)
        answer = line.call("invoke", method="help.getNearestDc", dc_id=3)
        assert answer["_"] == "nearestDc", answer
        assert any(host == "127.9.9.3" for host, _ in w.proxy.asked), w.proxy.asked
        line.close()
        before = len(w.proxy.asked)
        w.daemon.restart()
        w.works()
        assert len(w.proxy.asked) > before


@case
def socks5():
    round_trip(Socks, lambda p: p.link())


@case
def socks5_with_a_password():
    round_trip(lambda r: Socks(r, "me", "p@ss"), lambda p: p.link("me", "p%40ss"))


@case
def socks5_by_name():
    round_trip(Socks, lambda p: p.link(host="localhost"))


@case
def http_connect():
    round_trip(Http, lambda p: p.link())


@case
def http_connect_with_a_password():
    round_trip(lambda r: Http(r, "me", "pass"), lambda p: p.link("me", "pass"))


SECRET = "00112233445566778899aabbccddee99"


def never_online(make, link, reason, wait=3, shown=None):
    with Behind(make, link, "--log-level", "debug") as w:
        line = w.daemon.line()
        bot = w.sandbox.call("create_bot", username="far_bot", first_name="Far")
        try:
            line.call("bot_sign_in", token=bot["token"], account="main", timeout=wait * box.SLOW)
            raise AssertionError("it went another way")
        except RpcError as e:
            assert e.kind in ("timeout", "offline", "account_not_ready"), e.error
            account = line.call("list_accounts")["accounts"][0]
            assert (shown or reason) in account["offline_reason"], account
            assert account["offline_reason"] in e.error["data"]["hint"], (e.error, account)
        log = open(w.daemon.log).read()
        assert log.count("event=proxy_failed ") == 1 and reason in log, log[-2000:]
        assert "secret-word" not in log and SECRET not in log.lower()


@case
def wrong_password():
    never_online(lambda r: Socks(r, "me", "right"), lambda p: p.link("me", "secret-word"), "refused user and password")
    never_online(lambda r: Http(r, "me", "right"), lambda p: p.link("me", "secret-word"), "another user and password")


@case
def proxy_that_is_not_there():
    never_online(Socks, lambda p: "socks5://me:secret-word@127.9.9.8:9", "no connection to the proxy",
                 shown="127.9.9.8:9: Connection refused")
    never_online(Socks, lambda p: "socks5://no-such-name.invalid:9", "no connection to the proxy",
                 shown="no-such-name.invalid:9: the name is not known")


@case
def secrets_are_not_logged():
    """An MTProxy that is not there, in each form of its secret; domains are no secret (PROTOCOL C.39)."""
    for form in (SECRET, "dd" + SECRET, "ee" + SECRET + "612e6e6574"):
        never_online(Socks, lambda p: "mtproxy://%s@127.9.9.8:9" % form, "no connection to the proxy", 1,
                     shown="127.9.9.8:9: Connection refused")


@case
def proxy_of_another_kind():
    if not os.environ.get("LAYERD_REDUCED"):  # each waits for what the other never says (C.52)
        never_online(Http, lambda p: "socks5://127.0.0.1:%d" % p.port, "did not answer in time", 12)


@case
def bad_links_end_the_start():
    for link in ("", "none", "socks5://", "socks5://a.net", "https://a.net:3128", "tg://proxy?server=a.net&port=443",
                 "tg://proxy?server=a.net&port=443&secret=ee00112233445566778899aabbccddeeff", "socks5://a.net:0"):
        done = subprocess.run([os.path.join(box.BUILD, "layerd"), "--api-id", "1", "--api-hash", "0" * 32,
                               "--check-config", "--proxy=" + link], capture_output=True, text=True)
        assert done.returncode == 78, (link, done)
        assert "proxy" in done.stderr, done.stderr


@case
def an_account_with_its_own_proxy():
    with Behind(Socks, lambda p: p.link()) as w:
        own = Http(w.routes)
        line = w.daemon.line()
        for bad in ("", "none", "socks5://a.net", "x" * 5000):
            try:
                line.call("add_account", name="other", proxy=bad)
                raise AssertionError("taken: " + bad)
            except RpcError as e:
                assert e.code == -32602, e.error
        line.call("add_account", name="other", proxy=own.link())
        w.bot_id, _ = w.bot(account="other")
        assert own.asked and not w.proxy.asked
        w.daemon.restart()
        line = w.daemon.line()
        line.call("wait", **{"for": "online", "account": "other", "timeout": 20})
        assert len(own.asked) > 1 and not w.proxy.asked
        own.close()


@case
def microsocks():
    """A proxy that others wrote."""
    if not shutil.which("microsocks"):
        print("       microsocks is not installed: passed over")
        return
    with World(daemon=False) as w:
        probe = socket.create_server(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        for login in ([], ["-u", "me", "-P", "pw"]):
            server = subprocess.Popen(["microsocks", "-i", "127.0.0.1", "-p", str(port), *login],
                                      stderr=subprocess.DEVNULL)
            try:
                time.sleep(0.3)
                folder = os.path.join(w.folder, "open" if not login else "login")
                os.mkdir(folder)
                w.daemon = Daemon(folder, w.sandbox, "--proxy", "socks5://%s127.0.0.1:%d" % ("me:pw@" if login else "", port))
                w.bot(username="micro%d_bot" % len(login))
                w.daemon.check()
                w.daemon.kill(15)
                w.daemon = None
            finally:
                server.terminate()
                server.wait()


if __name__ == "__main__":
    box.main()
