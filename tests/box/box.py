"""What the box tests share: the real sandbox, the real daemon, a line client, cases that are counted.

A box test is a Python 3 program (standard library only) that imports this module, marks functions with
@case and ends with main(); it prints one closing line "N passed, N failed". LAYERD_BUILD names the folder
with the binaries (default build/release)."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("LAYERD_BUILD", "build/release"))
SLOW = 5 if "asan" in BUILD else 1  # sanitizers take their time


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.error = error
        self.code = error.get("code")
        self.kind = (error.get("data") or {}).get("kind")


class Line:
    """A JSON-RPC client on a Unix socket, one JSON text a line."""

    def __init__(self, path, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.timeout = timeout * SLOW
        self.sock.settimeout(self.timeout)
        self.sock.connect(path)
        self.buffer = bytearray()
        self.next_id = 0
        self.notes = []  # notifications seen while waiting for an answer

    def close(self):
        self.sock.close()

    def send(self, obj):
        data = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
        self.sock.sendall(data + b"\n")

    def read_raw(self):
        """The next line without its LF, or None at the end of the stream."""
        searched = 0
        while (end := self.buffer.find(b"\n", searched)) < 0:
            searched = len(self.buffer)
            chunk = self.sock.recv(1 << 16)
            if not chunk:
                return None
            self.buffer += chunk
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 1]
        return line

    def read(self):
        line = self.read_raw()
        return None if line is None else json.loads(line)

    def call(self, method, /, **params):
        self.next_id += 1
        self.sock.settimeout(self.timeout)  # note() may have left a shorter one
        self.send({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})
        while True:
            answer = self.read()
            if answer is None:
                raise EOFError("%s: the connection was closed" % method)
            if answer.get("id") != self.next_id:
                self.notes.append(answer)
                continue
            if "error" in answer:
                raise RpcError(answer["error"])
            return answer["result"]

    def note(self, want=lambda n: True, timeout=20):
        """The next notification that want() accepts."""
        end = time.monotonic() + timeout * SLOW
        while True:
            for i, n in enumerate(self.notes):
                if want(n):
                    return self.notes.pop(i)
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("no such notification; seen: %s" % self.notes[-5:])
            self.sock.settimeout(left)
            n = self.read()
            if n is None:
                raise EOFError("the connection was closed")
            self.notes.append(n)


class Process:
    """A program under test: its own process group, stderr in a file, reaped and checked at the end."""

    def __init__(self, args, log, **kw):
        self.args = args
        self.log = log
        self.proc = subprocess.Popen(args, stderr=open(log, "ab"), start_new_session=True, **kw)
        self.expected = False  # an end by our hand

    @property
    def pid(self):
        return self.proc.pid

    def kill(self, sig=signal.SIGKILL, wait=20):
        self.expected = True
        if self.proc.poll() is None:
            self.proc.send_signal(sig)
        return self.proc.wait(wait * SLOW)

    def check(self):
        """Alive, and no sanitizer report."""
        code = self.proc.poll()
        text = open(self.log, errors="replace").read()
        if "Sanitizer" in text or "runtime error" in text:
            raise AssertionError("sanitizer report in %s:\n%s" % (self.log, text[-4000:]))
        if code is not None and not self.expected:
            raise AssertionError("%s ended with %s:\n%s" % (self.args[0], code, text[-2000:]))


def keep_key(folder):
    """Puts an RSA key for a sandbox there: one is made per build folder, because that takes a second."""
    kept = os.path.join(BUILD, "tests", "sandbox-rsa.key")
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(kept):
        args = [os.path.join(BUILD, "layerd-sandbox"), "--listen", "127.0.0.1:0", "--data", folder]
        with subprocess.Popen(args, stdout=subprocess.PIPE) as once:
            once.stdout.readline()
            once.terminate()
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        mine = "%s.%d" % (kept, os.getpid())
        shutil.copy(os.path.join(folder, "rsa.key"), mine)
        os.rename(mine, kept)
    shutil.copy(kept, os.path.join(folder, "rsa.key"))


class Sandbox(Process):
    def __init__(self, folder, *extra, seed=1):
        self.control_path = os.path.join(folder, "control.sock")
        if "--data" not in extra:
            data = os.path.join(folder, "sandbox")
            keep_key(data)
            extra = (*extra, "--data", data)
        args = [os.path.join(BUILD, "layerd-sandbox"), "--listen", "127.0.0.1:0", "--control", self.control_path,
                "--write-key", os.path.join(folder, "key.pem"), "--seed", str(seed), *extra]
        super().__init__(args, os.path.join(folder, "sandbox.log"), stdout=subprocess.PIPE)
        self.ready = json.loads(self.proc.stdout.readline())
        self.control = Line(self.control_path, 60)

    def call(self, method, /, **params):
        return self.control.call(method, **params)

    def struck(self, timeout=60):
        """Waits until a fault that is set has struck."""
        end = time.monotonic() + timeout * SLOW
        while not self.call("stats")["fault_hits"]:
            assert time.monotonic() < end, "nothing was struck"
            time.sleep(0.01)

    def daemon_args(self):
        args = []
        for dc in self.ready["dcs"]:
            host = dc["host"]
            args += ["--dc", "%d=%s:%d" % (dc["id"], "[%s]" % host if ":" in host else host, dc["port"])]
        return args + ["--rsa-key", self.ready["rsa_key"], "--api-id", "1", "--api-hash", "0" * 32]


class Daemon:
    """layerd, to be started, killed and started again on the same state."""

    def __init__(self, folder, sandbox=None, *extra):
        self.folder = folder
        self.path = os.path.join(folder, "layerd.sock")
        self.state = os.path.join(folder, "state")
        self.log = os.path.join(folder, "layerd.log")
        self.args = [os.path.join(BUILD, "layerd"), "--socket", self.path, "--state", self.state]
        self.args += sandbox.daemon_args() if sandbox else ["--api-id", "1", "--api-hash", "0" * 32]
        self.args += extra
        self.process = None
        self.start()

    def start(self):
        self.process = Process(self.args, self.log)
        end = time.monotonic() + 10 * SLOW
        while True:
            self.process.check()
            try:
                line = Line(self.path)
                line.call("ping")
                line.close()
                return
            except (FileNotFoundError, ConnectionError, EOFError):  # or the process has ended: check() tells why
                if time.monotonic() > end:
                    raise
                time.sleep(0.005)

    def kill(self, sig=signal.SIGKILL):
        return self.process.kill(sig)

    def restart(self, sig=signal.SIGKILL):
        self.kill(sig)
        self.start()

    def line(self, timeout=20):
        return Line(self.path, timeout)

    def check(self):
        self.process.check()


class World:
    """A sandbox and a daemon in a folder of their own: with World() as w: …"""

    def __init__(self, *daemon_args, sandbox_args=(), daemon=True):
        self.folder = tempfile.mkdtemp(prefix="layerd-box-")
        self.sandbox = Sandbox(self.folder, *sandbox_args)
        self.daemon = Daemon(self.folder, self.sandbox, *daemon_args) if daemon else None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        try:
            if kind is None:
                self.check()
        finally:
            for p in (self.daemon and self.daemon.process, self.sandbox):
                if p:
                    p.kill(signal.SIGTERM if kind is None else signal.SIGKILL)
            if kind is None:  # leaks are reported at the end
                for p in (self.daemon and self.daemon.process, self.sandbox):
                    if p:
                        p.check()
            if os.environ.get("LAYERD_KEEP"):
                print("kept", self.folder, file=sys.stderr)
            else:
                shutil.rmtree(self.folder, ignore_errors=True)

    def check(self):
        self.sandbox.check()
        if self.daemon:
            self.daemon.check()

    def bot(self, username="box_bot", account="main"):
        """A new bot of the sandbox, logged in; returns (user_id, token)."""
        made = self.sandbox.call("create_bot", username=username, first_name="Box")
        line = self.daemon.line()
        line.call("bot_sign_in", token=made["token"], account=account)
        line.close()
        return made["user_id"], made["token"]

    def greet(self, user, bot):
        """The user writes to the bot, which may answer once the daemon knows who that is: when this returns."""
        line = self.daemon.line()
        line.call("subscribe", types=["new_message"])
        self.sandbox.call("send", **{"from": user, "to": bot, "text": "/start"})
        line.note(lambda n: n.get("method") == "update")
        line.close()

    def user(self, n=1, name="Alice", **more):
        return self.sandbox.call("create_user", phone="+99966%d%04d" % (2, n), first_name=name, **more)["user_id"]


@contextlib.contextmanager
def preloaded(source):
    """What is started has this C code before libc; gives the path of a file that it knows as SHIM_FILE."""
    folder = tempfile.mkdtemp(prefix="layerd-shim-")
    shim, file = os.path.join(folder, "shim.so"), os.path.join(folder, "file")
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", shim, "-ldl"], input=source.encode(), check=True)
    asan = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
    os.environ.update(LD_PRELOAD=shim, SHIM_FILE=file, ASAN_OPTIONS=asan)
    try:
        yield file
    finally:
        os.environ.pop("LD_PRELOAD", None)
        shutil.rmtree(folder)


def refused(kind, line, method, /, **params):
    """The error with which it was, of that kind."""
    try:
        line.call(method, **params)
    except RpcError as e:
        assert e.kind == kind, e
        return e.error
    raise AssertionError("%s was not refused" % method)


def three_ports():
    """Neighbours that are free now; data centres keep theirs over a restart."""
    while True:
        base = random.randrange(16400, 32700)
        try:
            for port in range(base, base + 3):
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue


class Lasting(World):
    """A world whose sandbox can be killed and started again."""

    def __init__(self, *args, **kw):
        self.listen = ("--listen", "127.0.0.1:%d" % three_ports())
        super().__init__(*args, sandbox_args=self.listen, **kw)

    def restart_sandbox(self, sig=9):
        self.sandbox.kill(sig)
        self.sandbox = Sandbox(self.folder, *self.listen)


CASES = []


def case(f):
    CASES.append(f)
    return f


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # out of time: say where, and end what was started
    passed = failed = 0
    for f in CASES:
        if len(sys.argv) > 1 and sys.argv[1] not in f.__name__:
            continue
        start = time.monotonic()
        try:
            f()
            passed += 1
            print("ok     %s (%.1f s)" % (f.__name__, time.monotonic() - start), flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
            print("FAILED %s" % f.__name__, flush=True)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)
