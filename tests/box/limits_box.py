#!/usr/bin/env python3
"""Limits and fairness of the socket: what one client asks for must not cost another, and everything that
a client can pile up has an end."""

import json
import os
import select
import socket
import subprocess
import tempfile
import threading
import time

from box import SLOW, Daemon, Line, RpcError, World, case, main

ASAN = SLOW > 1


class Alone:
    """A daemon without accounts in a folder of its own."""

    def __init__(self, *args):
        self.folder = tempfile.TemporaryDirectory(prefix="layerd-box-")
        self.daemon = Daemon(self.folder.name, None, *args)

    def __enter__(self):
        return self.daemon

    def __exit__(self, kind, value, tb):
        try:
            if kind is None:
                self.daemon.check()
        finally:
            self.daemon.kill(15)
        if kind is None:
            self.daemon.check()
        self.folder.cleanup()


def rss(daemon):
    line = daemon.line()
    kb = line.call("stats")["rss_anon_kb"]
    line.close()
    return kb


def until(done, seconds=5):
    end = time.monotonic() + seconds * SLOW
    while not done():
        assert time.monotonic() < end, "not in %d s" % (seconds * SLOW)
        time.sleep(0.005)


# ---- fairness --------------------------------------------------------------------------------------------


class Flood(threading.Thread):
    """Sends the lines request(0), request(1) … as fast as they are taken, and reads the answers."""

    def __init__(self, path, request, count):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.setblocking(False)
        self.data = b"".join(request(i) + b"\n" for i in range(count))
        self.count, self.answers, self.got = count, 0, []

    def run(self):
        sent = 0
        while self.answers < self.count:
            r, w, _ = select.select([self.sock], [self.sock] if sent < len(self.data) else [], [], 30)
            if w:
                sent += self.sock.send(self.data[sent : sent + (1 << 20)])
            if r:
                chunk = self.sock.recv(1 << 20)
                if not chunk:
                    return
                self.answers += chunk.count(b"\n")
                self.got.append(chunk)


def beside(d, flood):
    """Pings of another client while the flood lasts: none may wait for the end of it."""
    other, times = d.line(), []
    begin = time.monotonic()
    flood.start()
    while flood.is_alive():
        start = time.monotonic()
        other.call("ping")
        times.append(time.monotonic() - start)
    lasted = time.monotonic() - begin
    assert flood.answers == flood.count, flood.answers
    assert len(times) >= 10 and max(times) < max(0.1, lasted / 4), (len(times), max(times), lasted)


@case
def pipelined_pings_hold_up_nobody():
    with Alone() as d:
        flood = Flood(d.path, lambda i: b'{"id":%d,"method":"ping"}' % i, 50000)
        beside(d, flood)
        assert [json.loads(x)["id"] for x in b"".join(flood.got).splitlines()] == list(range(flood.count))


@case
def costly_requests_of_one_hold_up_nobody():
    with Alone() as d:
        beside(d, Flood(d.path, lambda i: b'{"id":%d,"method":"rpc.discover"}' % i, 100 if ASAN else 800))


@case
def a_batch_counts_by_its_requests():
    """A batch of a hundred is one line, but a hundred requests of the turn."""
    batch = b"[" + b",".join(b'{"id":%d,"method":"ping"}' % i for i in range(100)) + b"]"
    with Alone() as d:
        beside(d, Flood(d.path, lambda i: batch, 200 if ASAN else 1000))


# ---- in flight -------------------------------------------------------------------------------------------


@case
def four_thousand_requests_in_flight_are_the_limit():
    with Alone() as d:
        first = d.line(60)
        first.call("add_account", name="busy")
        wait = '{"id":%d,"method":"wait","params":{"for":"ready","account":"busy","timeout":600}}\n'
        lines = [d.line(60) for _ in range(16)]
        for line in lines:
            line.sock.sendall("".join(wait % i for i in range(256)).encode())
        until(lambda: first.call("stats")["in_flight"] == 4096, 20)
        first.send({"id": "over", "method": "wait", "params": {"for": "ready", "account": "busy"}})
        answer = first.read()
        assert answer["error"]["code"] == -32002, answer
        assert answer["error"]["data"]["limit"] == "in_flight_all" and answer["error"]["data"]["retry_after"] >= 1, answer
        lines[0].send({"id": "own", "method": "wait", "params": {"for": "ready", "account": "busy"}})
        answer = lines[0].read()
        assert answer["id"] == "own" and answer["error"]["data"]["limit"] == "in_flight", answer
        assert first.call("ping") == {"pong": True}
        lines[1].send({"id": "c", "method": "cancel", "params": {"id": 17}})
        got = {json.dumps(lines[1].read()["id"]) for _ in range(2)}
        assert got == {'"c"', "17"}, got
        for line in lines:
            line.close()
        until(lambda: first.call("stats")["in_flight"] == 0, 20)
        first.send({"id": "again", "method": "wait", "params": {"for": "idle"}})
        assert first.read()["result"] == {"done": True}
        first.call("remove_account", account="busy")


# ---- slow readers ----------------------------------------------------------------------------------------


def updates_until(line, text, subscriptions=1):
    """Notifications by subscription, up to the message with this text."""
    out, ends = {}, 0
    while ends < subscriptions:
        note = line.read()
        assert note is not None, "closed"
        if "params" in note:
            out.setdefault(note["params"]["subscription"], []).append(note["params"])
            ends += note["params"].get("message", {}).get("text") == text
    return out


@case
def a_subscriber_that_does_not_read_costs_a_constant():
    count = 300 if ASAN else 2000
    with World() as w:
        w.bot()
        alice = w.user(1, "Alice")
        slow, fast = w.daemon.line(60), w.daemon.line(60)
        fast.call("subscribe", types=["new_message"])
        w.sandbox.call("send", **{"from": alice, "to": "@box_bot", "text": "first"})
        updates_until(fast, "first")
        for _ in range(4):
            slow.call("subscribe", raw=True, types=["new_message"])
        before = rss(w.daemon)
        w.sandbox.call("flood", **{"from": alice, "to": "@box_bot", "count": count, "rate": 100000, "text": "x" * 1000})
        w.sandbox.call("send", **{"from": alice, "to": "@box_bot", "text": "last"})
        seqs = [p["seq"] for p in updates_until(fast, "last")[1]]
        assert seqs == sorted(set(seqs)) and len(seqs) == count + 1, (len(seqs), count)
        grown = rss(w.daemon) - before
        assert ASAN or grown < 16 << 10, "%d kB more for one that does not read" % grown
        for subscription, got in updates_until(slow, "last", 4).items():
            seqs = [p["seq"] for p in got if p["type"] != "gap"]
            assert seqs == sorted(set(seqs)), "out of order"
            told = any(p["type"] == "gap" for p in got)
            assert told or len(seqs) == count + 1, "%d: %d lost without a word" % (subscription, count + 1 - len(seqs))


@case
def sixty_four_subscriptions_on_one_connection():
    with World() as w:
        w.bot()
        alice = w.user(1, "Alice")
        line = w.daemon.line()
        for n in range(64):
            assert line.call("subscribe", types=["new_message"])["subscription"] == n + 1
        line.send({"id": "over", "method": "subscribe"})
        answer = line.read()
        assert answer["error"]["code"] == -32001 and answer["error"]["data"]["limit"] == "subscriptions", answer
        w.sandbox.call("send", **{"from": alice, "to": "@box_bot", "text": "to all"})
        got = [line.read()["params"] for _ in range(64)]
        assert sorted(p["subscription"] for p in got) == list(range(1, 65))
        assert len({p["seq"] for p in got}) == 1
        line.call("unsubscribe", subscription=17)
        assert line.call("subscribe", types=["new_message"])["subscription"] == 65  # numbers are not used again


# ---- many clients ----------------------------------------------------------------------------------------


def child(uid, path, count, pipe):
    """Another user's process: so many connections, all answered; then it waits to be killed."""
    os.setuid(uid)
    lines = []
    while len(lines) < count:
        try:
            lines.append(Line(path, 30))
        except BlockingIOError:  # the backlog is full: 200 a second are taken
            time.sleep(0.01)
    for line in lines:
        line.call("ping")
    os.write(pipe, b"k")
    time.sleep(120)


@case
def five_hundred_and_twelve_clients():
    """128 of one user, 512 of all; whoever comes too many is told so in one line."""
    if os.getuid() != 0:
        print("       (not root: other users' clients are left out)")
        return
    with Alone("--socket-mode", "0666") as d:
        os.chmod(os.path.dirname(d.path), 0o755)
        reader, writer = os.pipe()
        children = []
        try:
            for k in range(4):
                pid = os.fork()
                if not pid:
                    try:
                        child(61000 + k, d.path, 128, writer)
                    finally:
                        os._exit(1)
                children.append(pid)
            for _ in children:
                assert select.select([reader], [], [], 20 * SLOW)[0], "the clients are not served"
                assert os.read(reader, 1) == b"k"
            extra = Line(d.path)
            answer = extra.read()
            assert answer["id"] is None and answer["error"]["code"] == -32002, answer
            assert answer["error"]["data"]["limit"] == "clients", answer
            assert extra.read() is None
        finally:
            for pid in children:
                os.kill(pid, 9)
                os.waitpid(pid, 0)

        def served():
            line = Line(d.path)
            line.send({"id": 1, "method": "ping"})
            answer = line.read()
            line.close()
            return bool(answer) and "result" in answer

        until(served, 10)


@case
def clients_that_come_and_go():
    with Alone() as d:
        other = d.line()
        before = len(os.listdir("/proc/%d/fd" % d.process.pid))
        worst = 0
        for n in range(300):
            s = socket.socket(socket.AF_UNIX)
            s.connect(d.path)
            if n % 3 == 0:
                s.sendall(b'{"id":1,"method":"ping"}\n')
            if n % 3 == 1:
                s.shutdown(socket.SHUT_WR)
            s.close()
            if n % 10 == 0:
                start = time.monotonic()
                other.call("ping")
                worst = max(worst, time.monotonic() - start)
        assert worst < 0.2 * SLOW, worst
        until(lambda: other.call("stats")["clients"] == 1)
        assert len(os.listdir("/proc/%d/fd" % d.process.pid)) <= before + 1


# ---- the end of the input, as the usual tools make it -----------------------------------------------------

SLOWLY = float(os.environ.get("LAYERD_SLOWLY", "0.15"))  # seconds that a slow answer takes
TOOLS = {
    "socat": lambda path: ["socat", "-t60", "-", "UNIX-CONNECT:" + path],
    "nc": lambda path: ["nc", "-N", "-U", path],
}


PAUSES = []  # between the last answer and the end, in seconds


def by_python(path, data):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(path)
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
    out, last = b"", time.monotonic()
    while True:
        chunk = s.recv(1 << 16)
        if not chunk:
            pause = time.monotonic() - last
            assert pause < 0.05 * SLOW, "closed %.3f s after the last answer" % pause
            PAUSES.append(pause)
            return out
        out += chunk
        last = time.monotonic()


def by_tool(tool):
    def run(path, data):
        return subprocess.run(TOOLS[tool](path), input=data, capture_output=True, timeout=30 * SLOW, check=True).stdout

    return run


@case
def half_close_with_socat_nc_and_python():
    """T27: {1, 100 requests} x {LF, no LF} x {at once, slow}: all answers, then the end."""
    runs = 0
    with World() as w:
        w.bot()
        for method in ("ping", "help.getNearestDc"):
            for count in (1, 100):
                for tail in (b"\n", b""):
                    data = b"\n".join(b'{"id":%d,"method":"%s"}' % (i, method.encode()) for i in range(count)) + tail
                    for name, run in (("socat", by_tool("socat")), ("nc", by_tool("nc")), ("python", by_python)):
                        if method != "ping":
                            w.sandbox.call("fault", kind="delay", direction="out", seconds=SLOWLY, times=1)
                        start = time.monotonic()
                        out = run(w.daemon.path, data).splitlines()
                        took = time.monotonic() - start
                        ids = sorted(json.loads(x)["id"] for x in out if b'"result"' in x)
                        assert ids == list(range(count)), (name, method, count, tail, len(out), out[:2])
                        assert took < 2 * SLOW + SLOWLY, (name, method, count, tail, took)
                        runs += 1
    print("T27: %d runs: all answers, and the end %.2f ms after the last (at most, of %d)"
          % (runs, 1000 * max(PAUSES), len(PAUSES)))


def peak(daemon):
    """The most memory that the process ever held, in MiB."""
    with open("/proc/%d/status" % daemon.process.proc.pid) as f:
        return int(next(x for x in f if x.startswith("VmHWM")).split()[1]) / 1024


@case
def an_answer_that_swells_costs_no_more_than_its_limit():
    """170,000 users of 20 bytes are 3.4 MB from Telegram and some hundred MB of JSON, of which 32 MiB may be."""
    with World() as w:
        w.bot()
        line = w.daemon.line()
        line.call("help.getNearestDc")
        before = peak(w.daemon)
        w.sandbox.call("fault", kind="bomb", method="users.getUsers", code=170000, times=1)
        try:
            line.call("users.getUsers", id=[{"_": "inputUserSelf"}])
            raise AssertionError("it was answered")
        except RpcError as e:
            assert e.error["data"]["limit"] == "line_out", e.error
        if SLOW == 1:  # the sanitizers' own memory is no measure
            assert peak(w.daemon) - before < 75, (before, peak(w.daemon))
        assert line.call("users.getUsers", id=[{"_": "inputUserSelf"}])


if __name__ == "__main__":
    main()
