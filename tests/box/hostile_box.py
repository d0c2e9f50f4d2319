"""Clumsy and hostile clients: bent requests, lines without an end, slow bytes, resets, readers that never
read, floods. None of them may harm another."""

import json
import os
import random
import socket
import tempfile

import box


def mutations(count):
    """Requests with some bytes changed, cut or doubled; what is still a request may be answered as one."""
    rng = random.Random(7)
    seeds = [b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}', b'[{"id":"a","method":"version"},{"id":2,"method":"ping"}]',
             b'{"id":3,"method":"help","params":{"name":"ping","fields":["name"]}}']
    for _ in range(count):
        line = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(line))
            kind = rng.randrange(3)
            if kind == 0:
                line[at] = rng.choice(b'{}[]",:\\ue0-+.\x00\xff\xc3 ')
            elif kind == 1:
                del line[at:at + rng.randint(1, 5)]
            else:
                line[at:at] = line[at:at + rng.randint(1, 9)]
        if b"\n" not in line and line.strip(b"\r"):
            yield bytes(line)


class Server:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="layerd-box-")
        self.daemon = box.Daemon(self.folder, None, "--store", "memory")

    def __enter__(self):
        return self.daemon

    def __exit__(self, kind, value, tb):
        self.daemon.kill(15)
        self.daemon.check()


def one_answer(line, text, count=1):
    """Sends the line and then a ping: what comes before its answer belongs to the line."""
    line.sock.sendall(text + b'\n{"id":"after","method":"ping"}\n')
    got = []
    while True:
        raw = line.read_raw()
        if raw is None:
            raise AssertionError("closed after %r" % text[:80])
        answer = json.loads(raw.decode("utf-8"))
        if isinstance(answer, dict) and answer.get("id") == "after":
            return got
        got.append(answer)


@box.case
def bent_requests_are_answered_or_refused():
    with Server() as d:
        line = d.line()
        n = 0
        for text in mutations(400):
            got = one_answer(line, text)
            assert len(got) <= 1, (text, got)  # a notification that is right gets none
            n += 1
        assert n > 300


@box.case
def memory_does_not_grow_with_a_line_that_never_ends():
    with Server() as d:
        line = d.line()
        for _ in range(40):
            line.sock.sendall(b"z" * (1 << 20))
        line.sock.sendall(b"\n")
        line.send({"id": 1, "method": "ping"})
        assert line.read()["error"]["code"] == -32001
        assert line.read()["result"]["pong"]
        if box.SLOW == 1:
            kb = d.line().call("stats")["rss_anon_kb"]
            assert kb < 12000, kb


@box.case
def slow_bytes_of_one_do_not_hold_up_another():
    with Server() as d:
        slow, fast = d.line(), d.line()
        for byte in b'{"id":1,"method":"ping"}':
            slow.sock.sendall(bytes([byte]))
            fast.call("ping")
        slow.sock.sendall(b"\n")
        assert slow.read() == {"jsonrpc": "2.0", "id": 1, "result": {"pong": True}}


@box.case
def resets_in_the_middle_leave_nothing_behind():
    with Server() as d:
        before = len(os.listdir("/proc/%d/fd" % d.process.pid))
        for i in range(200):
            s = socket.socket(socket.AF_UNIX)
            s.connect(d.path)
            s.sendall(b'{"id":1,"method":"ping"}\n{"id":2,"method":"wait","params":{"for":"idle"}}\n{"id":3,"me'[:i % 90])
            s.close()
        line = d.line()
        line.call("ping")
        assert line.call("wait", **{"for": "idle"})["done"]
        after = len(os.listdir("/proc/%d/fd" % d.process.pid))
        assert after <= before + 2, (before, after)


if __name__ == "__main__":
    box.main()
