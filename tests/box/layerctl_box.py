#!/usr/bin/env python3
"""layerctl alone: what it sends, what it prints and what it exits with, against a server of a few lines
that gives prepared answers. The daemon's own behaviour is tested elsewhere."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

from box import BUILD, SLOW, case, main

CTL = os.path.join(BUILD, "layerctl")


class Fake:
    """Takes connections; for each request it sends the lines that answer(request) gives."""

    def __init__(self, answer, path=None):
        self.folder = tempfile.TemporaryDirectory(prefix="layerctl-")
        self.path = path or os.path.join(self.folder.name, "s")
        self.answer = answer
        self.requests = []
        self.conns = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            conn, _ = self.listener.accept()
            self.conns.append(conn)
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        with conn, conn.makefile("rb") as lines, contextlib.suppress(OSError):
            for line in lines:
                self.requests.append(json.loads(line))
                for out in self.answer(self.requests[-1]):
                    if out is None:
                        return
                    conn.sendall(out if isinstance(out, bytes) else json.dumps(out).encode() + b"\n")


def result(value):
    return lambda q: [{"jsonrpc": "2.0", "id": q["id"], "result": value}]


def error(code, kind, message="no", **data):
    body = {"code": code, "message": message, "data": {"kind": kind, **data}}
    return lambda q: [{"jsonrpc": "2.0", "id": q["id"], "error": body}]


def run(fake, *args, stdin="", env=None):
    environment = {"PATH": os.environ["PATH"], "LAYERD_SOCKET": fake.path if fake else "/nonexistent/s", **(env or {})}
    done = subprocess.run([CTL, *args], input=stdin.encode(), capture_output=True, env=environment, timeout=20 * SLOW)
    assert "Sanitizer" not in done.stderr.decode(), done.stderr.decode()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def sent(*args, stdin=""):
    fake = Fake(result({}))
    code, _, err = run(fake, *args, stdin=stdin)
    assert code == 0, (code, err)
    return fake.requests[0]


def same(got, want):
    assert got == want, "got %r, want %r" % (got, want)


@case
def parameters():
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.write('two\nlines "x"\n')
        f.flush()
        q = sent("call", "m", "a=1", "b:=1", "c:=[1, {\"x\":null}]", "d=k=v", "e:@" + f.name, "empty=")
        same(q["params"], {"a": "1", "b": 1, "c": [1, {"x": None}], "d": "k=v", "e": 'two\nlines "x"', "empty": ""})
    same(q["method"], "m")
    same(q["jsonrpc"], "2.0")
    same(sent("call", "m")["params"], {})
    same(sent("call", "m", "{}")["params"], {})
    same(sent("call", "m", "{ }", "a=1", "{}")["params"], {"a": "1"})
    same(sent("call", "m", "a=1", '{"b":2,\n"c":{"d":[]}} ')["params"], {"a": "1", "b": 2, "c": {"d": []}})
    same(sent("call", "m", "t:@-", stdin="from stdin\r\n")["params"], {"t": "from stdin"})
    same(sent("call", "m", "t:=@/dev/stdin", stdin='{"a":\n[1]}\n')["params"], {"t": {"a": [1]}})
    same(sent("call", "m", "s=\u00e4\u20ac\U0001f600")["params"], {"s": "\u00e4\u20ac\U0001f600"})
    same(sent("call", "m", "n:=9007199254740993", "r:=0.1")["params"], {"n": 9007199254740993, "r": 0.1})


@case
def flags_anywhere():
    same(sent("-a", "bot", "call", "m", "x=1", "--timeout=3")["params"], {"x": "1", "account": "bot", "timeout": 3})
    same(sent("call", "-t", "2.5", "m", "account=other", "--account", "bot")["params"], {"account": "other", "timeout": 2.5})
    same(sent("send", "-100123", "hi", "silent:=true")["params"], {"peer": "-100123", "text": "hi", "silent": True})
    same(sent("send", "me", "--", "--raw")["params"], {"peer": "me", "text": "--raw"})
    same(sent("send", "me", "-", stdin="line\nline\n")["params"], {"peer": "me", "text": "line\nline"})


@case
def commands_call_methods():
    same(sent("status")["method"], "status")
    same(sent("accounts")["method"], "list_accounts")
    q = sent("help", "send_message")
    same((q["method"], q["params"]), ("help", {"name": "send_message"}))
    q = sent("wait")
    same((q["method"], q["params"]["for"]), ("wait", "ready"))
    same(sent("wait", "idle")["params"]["for"], "idle")
    same(sent("send", "@x", "y")["method"], "send_message")


@case
def results_come_unchanged():
    text = b'{"a":0.1,"b":12345678901234567890,"c":[],"d":{},"e":"\\u0000\\\\\\"","f":[1.0,{"g":"\xc3\xa4"}]}'
    fake = Fake(lambda q: [b'{"jsonrpc":"2.0","id":1,"result":' + text + b"}\n"])
    same(run(fake, "call", "m"), (0, text.decode() + "\n", ""))
    same(run(fake, "-r", "call", "m"), (0, '{"jsonrpc":"2.0","id":1,"result":' + text.decode() + "}\n", ""))
    for value in (True, 0, "text", None, []):
        code, out, _ = run(Fake(result(value)), "call", "help.x")
        same((code, json.loads(out)), (0, value))
    # notifications before the answer are not the answer; spaces are allowed
    fake = Fake(lambda q: [{"method": "progress", "params": {"id": 1}}, b'{"result" : {"x" : 1} , "id" : 1}\n'])
    same(run(fake, "call", "m")[:2], (0, '{"x" : 1}\n'))


@case
def terminal_output_is_indented():
    import pty
    fake = Fake(result({"a": [1, {"b": "x:,{"}], "c": {}, "d": []}))
    master, slave = pty.openpty()
    proc = subprocess.Popen([CTL, "-s", fake.path, "call", "m"], stdout=slave)
    os.close(slave)
    proc.wait(20 * SLOW)
    out = os.read(master, 4096).decode().replace("\r\n", "\n")
    same(out, '{\n  "a": [\n    1,\n    {\n      "b": "x:,{"\n    }\n  ],\n  "c": {},\n  "d": []\n}\n')


@case
def exit_codes():
    table = [
        (1, 400, "telegram"), (1, 403, "telegram"), (1, 303, "telegram"), (4, 401, "telegram"), (5, 420, "telegram"),
        (2, -32700, "parse"), (2, -32600, "invalid_request"), (2, -32601, "method_not_found"), (2, -32602, "invalid_params"),
        (11, -32603, "internal"), (2, -32001, "too_large"), (5, -32002, "overloaded"), (7, -32003, "not_permitted"),
        (3, -32004, "shutting_down"), (8, -32005, "timeout"), (8, -32800, "cancelled"), (6, -32010, "account_unknown"),
        (2, -32011, "account_required"), (4, -32012, "account_not_ready"), (4, -32013, "unauthorized"),
        (4, -32014, "session_revoked"), (8, -32020, "offline"), (8, -32021, "outcome_unknown"), (2, -32022, "peer_syntax"),
        (6, -32023, "peer_not_found"), (6, -32024, "peer_unknown"), (2, -32025, "peer_ambiguous"), (7, -32030, "file_access"),
        (2, -32031, "file_too_large"), (11, -32032, "disk_full"), (11, -32033, "file_changed"),
        (6, -32040, "consumer_unknown"), (6, -32041, "cursor_expired"), (11, -1, "something_new"),
    ]
    for want, code, kind in table:
        got, out, err = run(Fake(error(code, kind, "MESSAGE", hint="try this", retry_after=37)), "call", "m")
        same((kind, code, got, out), (kind, code, want, ""))
        assert "MESSAGE" in err and kind in err and "try this" in err and "37" in err, err
    # the field is named once
    for message in ("text is missing", "a string is wanted"):
        err = run(Fake(error(-32602, "invalid_params", message, field="text")), "call", "m")[2]
        same(err.count("text"), 1)
    same(run(Fake(error(-32012, "account_not_ready", state="wait_code")), "call", "m")[0], 10)
    code, out, _ = run(Fake(error(400, "telegram", "PEER_ID_INVALID")), "-r", "call", "m")
    same((code, json.loads(out)["error"]["message"]), (1, "PEER_ID_INVALID"))
    same(run(Fake(result({"messages": [], "missing": [7]})), "call", "get_messages_by_id")[0], 9)
    same(run(Fake(result({"messages": [], "missing": []})), "call", "get_messages_by_id")[0], 0)
    same(run(Fake(result({"missing": [7]})), "call", "messages.getX")[0], 0)
    same(run(Fake(result({"state": "wait_password", "hint": ""})), "call", "sign_in")[0], 10)
    same(run(Fake(result({"state": "ready"})), "call", "login_state")[0], 0)


@case
def usage_errors():
    fake = Fake(result({}))
    for args in ([], ["call"], ["nonsense"], ["call", "m", "x"], ["call", "m", "a:=nope"], ["call", "m", "a=1", "a=2"],
                 ["call", "m", "a:@/nonexistent"], ["--nonsense", "call", "m"], ["call", "m", "-t", "soon"],
                 ["call", "m", "-t"], ["send", "x"], ["watch", "-n", "0"], ["watch", "consumer=c"], ["watch", '{"consumer":"c"}'],
                 ["watch", "-c", "c", "consumer=c"], ["login", "a", "b"], ["login", "a", "b", "c"],
                 ["call", "m", "{\"a\":1"], ["-s", "/" + "x" * 200, "call", "m"]):
        code, out, err = run(fake, *args)
        same((args, code, out), (args, 2, ""))
        assert err, args
    assert "call get_me" in run(fake, "get_me")[2]
    same(fake.requests, [])
    for args in (["--help"], ["help"], ["-h"], ["--version"]):
        code, out, err = run(None, *args)
        same((args, code, err), (args, 0, ""))
        assert out.startswith("usage:") or out.startswith("layerctl "), out


@case
def unreachable():
    code, out, err = run(None, "call", "ping")
    same((code, out), (3, ""))
    assert "/nonexistent/s" in err and "running" in err and "XDG_RUNTIME_DIR" not in err, err
    code, out, err = run(None, "call", "ping", env={"LAYERD_SOCKET": "", "XDG_RUNTIME_DIR": "/nonexistent"})
    assert code == 3 and "$XDG_RUNTIME_DIR/layerd/layerd.sock" in err, err
    with tempfile.TemporaryDirectory() as folder:
        stale = os.path.join(folder, "stale")
        socket.socket(socket.AF_UNIX).bind(stale)
        same(run(None, "-s", stale, "call", "ping")[0], 3)
        os.mkdir(os.path.join(folder, "layerd"))
        fake = Fake(result({}), os.path.join(folder, "layerd", "layerd.sock"))
        same(run(None, "call", "ping", env={"LAYERD_SOCKET": "", "XDG_RUNTIME_DIR": folder})[0], 0)
        same(len(fake.requests), 1)
    same(run(Fake(lambda q: [None]), "call", "m")[0], 3)
    same(run(Fake(lambda q: [b'{"id":1,"resu', None]), "call", "m")[0], 3)
    same(run(Fake(lambda q: [{"id": 1}]), "call", "m")[0], 11)
    same(run(Fake(lambda q: [b"nonsense\n", {"id": None, "error": {"code": -32700, "message": "x", "data": {"kind": "parse"}}}]), "call", "m")[0], 2)


@case
def a_silent_daemon_is_a_timeout():
    start = time.monotonic()
    code, _, err = run(Fake(lambda q: []), "-t", "0.1", "call", "m")
    same(code, 8)
    assert 5 <= time.monotonic() - start < 9 * SLOW and "time" in err


@case
def watch_prints_updates():
    def answer(q):
        yield {"id": q["id"], "result": {"subscription": 1, "seq": 0}}
        yield {"method": "progress", "params": {}}
        for i in range(5):
            yield {"method": "update", "params": {"seq": i, "type": "new_message"}}
    fake = Fake(answer)
    code, out, _ = run(fake, "watch", "-n", "3", "types=new_message,gap", "peers=@a", "from=@b,@c", "direction=in", "accounts=*", "-a", "bot")
    same(code, 0)
    same([json.loads(line)["seq"] for line in out.splitlines()], [0, 1, 2])
    same(fake.requests[0]["method"], "subscribe")
    same(fake.requests[0]["params"], {"types": ["new_message", "gap"], "peers": ["@a"], "from": ["@b", "@c"], "direction": "in",
                                     "accounts": "*", "account": "bot"})
    code, out, _ = run(fake, "-r", "watch", "-n", "1")
    same([json.loads(line).get("method") for line in out.splitlines()], [None, "update"])
    same(run(fake, "watch", "-t", "0.3")[0], 8)
    same(run(Fake(error(-32602, "invalid_params")), "watch")[0], 2)
    ended = Fake(lambda q: [{"id": 1, "result": {}}, {"method": "subscription_ended", "params": {"reason": "taken_over"}}])
    code, _, err = run(ended, "watch")
    same(code, 3)
    assert "taken_over" in err
    same(run(Fake(lambda q: [{"id": 1, "result": {}}, None]), "watch")[0], 3)


def lives(*plan):
    """Answers a consumer's requests: a life is where it begins, what comes, and the ack at which the daemon dies."""
    plan = list(plan)
    fatal = None

    def answer(q):
        nonlocal fatal
        if q["method"] == "ack":
            yield None if q["params"]["seq"] == fatal else {"id": q["id"], "result": {"acked": q["params"]["seq"]}}
            return
        begin, updates, fatal = (*plan.pop(0), None)[:3]
        yield {"id": q["id"], "result": {"subscription": 1, "seq": begin}}
        yield b"".join(json.dumps({"method": "update", "params": {"seq": s, "type": "gap"}}).encode() + b"\n" for s in updates)
    return answer


def seqs(out):
    return [json.loads(line)["seq"] for line in out.splitlines()]


def acks(fake):
    return [q["params"]["seq"] for q in fake.requests if q["method"] == "ack"]


@case
def watch_under_a_name():
    """Acks what was printed, goes on over restarts, and does not show twice what it has shown."""
    fake = Fake(lives((0, [1, 2], 2), (1, [2, 3])))  # the ack of 2 is lost
    code, out, _ = run(fake, "watch", "--consumer", "c", "-n", "3", "types=gap", "since=now", '{"raw":true,"create":false}')
    same((code, seqs(out)), (0, [1, 2, 3]))
    same([q["method"] for q in fake.requests], ["subscribe", "ack", "ack", "subscribe", "ack", "ack"])
    same(fake.requests[0]["params"], {"consumer": "c", "types": ["gap"], "since": "now", "raw": True, "create": False})
    same(fake.requests[3]["params"], {"consumer": "c", "types": ["gap"], "raw": True, "create": False})
    same(acks(fake), [1, 2, 2, 3])
    fake = Fake(lives((0, [1], 1), (0, [1, 2])))  # enough, but for the lost ack
    same((run(fake, "watch", "--consumer", "c", "-n", "1")[0], acks(fake)), (0, [1, 1]))
    taken = Fake(lambda q: [{"id": 1, "result": {}}, {"method": "subscription_ended", "params": {"reason": "taken_over"}}])
    same(run(taken, "watch", "--consumer", "c")[0], 3)
    same(run(Fake(error(-32602, "invalid_params")), "watch", "--consumer", "c")[0], 2)


@case
def watch_goes_where_it_is_sought():
    def heard(n, *plan):
        return seqs(run(Fake(lives(*plan)), "watch", "--consumer", "c", "-n", str(n))[1])
    same(heard(5, (0, [1, 2, 1, 2, 3])), [1, 2, 1, 2, 3])
    same(heard(5, (0, [1, 2, 3], 3), (0, [1, 2])), [1, 2, 3, 1, 2])  # back, behind acks that were answered
    same(heard(5, (0, [1, 2, 3], 3), (2, [3, 2, 3])), [1, 2, 3, 2, 3])  # during the repetition


@case
def watch_ends_after_so_many():
    """What is queued behind the last one is neither handled nor acked."""
    for args, out in ((), "1 2"), (("-x", "printf '%s ' $LAYERD_SEQ"), "1 2"):
        fake = Fake(lives((0, range(1, 21))))
        code, got, _ = run(fake, "watch", "--consumer", "c", "-n", "2", *args)
        same((code, got.split() if args else [str(s) for s in seqs(got)], acks(fake)), (0, out.split(), [1, 2]))


UPDATE = {"seq": 17, "account": "main", "type": "new_message",
          "message": {"id": 5, "chat": {"id": -100, "type": "group"}, "sender": {"id": 7}, "text": "a 'b' \"c\"\n$d"}}


@case
def watch_runs_a_command():
    def answer(q):
        yield {"id": q["id"], "result": {}}
        if q["method"] == "subscribe":
            yield {"method": "update", "params": UPDATE}

    with tempfile.TemporaryDirectory() as folder:
        names = "SEQ ACCOUNT TYPE CHAT SENDER MESSAGE TEXT".split()
        show = "cat; printf '%s|' " + " ".join('"$LAYERD_%s"' % n for n in names) + '; test -z "$LAYERD_DATA$LAYERD_QUERY"'
        fake = Fake(answer)
        code, out, _ = run(fake, "watch", "-c", "c", "-n", "1", "--exec", show, env={"LAYERD_DATA": "stale"})
        line, _, rest = out.partition("\n")
        same((code, json.loads(line)), (0, UPDATE))
        same(rest, "17|main|new_message|-100|7|5|a 'b' \"c\"\n$d|")
        same([q["method"] for q in fake.requests], ["subscribe", "ack"])
        # a failure is tried again, and acked only then
        fake, flag = Fake(answer), os.path.join(folder, "flag")
        code, out, err = run(fake, "watch", "-c", "c", "-n", "1", "-x", "test -e %s || { touch %s; exit 9; }" % (flag, flag))
        same((code, "ended with 9; again in 0.25 s" in err), (0, True))
        same(fake.requests[-1]["params"]["seq"], 17)
        # told to, it skips, and says so
        code, _, err = run(Fake(answer), "watch", "-c", "c", "-n", "1", "--tries", "2", "-x", "kill -9 $$")
        same((code, err.count("137"), "skipped" in err), (0, 2, True))
        # large, and not read
        UPDATE["raw"] = "x" * 300000
        same(run(Fake(answer), "watch", "-n", "1", "-x", "true")[0], 0)
        same(run(Fake(answer), "watch", "-n", "1", "-x", "wc -c")[1].strip(), str(len(json.dumps(UPDATE)) + 1))
        del UPDATE["raw"]
    same(run(None, "watch", "--tries", "0")[0], 2)


@case
def watch_listens_while_a_command_fails():
    def answer(q):
        yield {"id": q["id"], "result": {}}
        if q["method"] == "subscribe":
            yield {"method": "update", "params": UPDATE}
    start = time.monotonic()
    same(run(Fake(answer), "watch", "-c", "c", "-t", "1", "-x", "exit 1")[0], 8)
    assert time.monotonic() - start < 4 * SLOW

    def taken_over(q):
        yield from answer(q)
        time.sleep(0.4 * SLOW)
        yield {"method": "update", "params": {**UPDATE, "seq": 18}}
        yield {"method": "subscription_ended", "params": {"reason": "taken_over"}}
    for args in (), ("-c", "c"):
        fake = Fake(taken_over)
        code, out, err = run(fake, "watch", *args, "-x", "echo $LAYERD_SEQ; exit 1")
        same((code, set(out.split()), len(fake.requests)), (3, {"17"}, 1))
        assert "the subscription was ended: \"taken_over\"" in err, err
    same(run(Fake(lambda q: [*answer(q), None]), "watch", "-x", "exit 1")[0], 3)


@case
def watch_keeps_what_comes_while_a_command_fails():
    def answer(q):
        yield {"id": q["id"], "result": {}}
        if q["method"] == "subscribe":
            for seq in range(17, 37):
                yield {"method": "update", "params": {**UPDATE, "seq": seq, "raw": "x" * 300000}}
    with tempfile.TemporaryDirectory() as folder:
        flag = os.path.join(folder, "flag")
        code, out, _ = run(Fake(answer), "watch", "-c", "c", "-n", "20", "-x", "test -e %s || { touch %s; exit 9; }; echo $LAYERD_SEQ" % (flag, flag))
        same((code, out.split()), (0, [str(seq) for seq in range(17, 37)]))
    fake = Fake(answer)  # more than it reads ahead; then the daemon is gone
    proc = subprocess.Popen([CTL, "-s", fake.path, "watch", "-x", "exit 1"], stderr=subprocess.DEVNULL)
    try:
        time.sleep(1 * SLOW)
        resident = int(open("/proc/%d/statm" % proc.pid).read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert resident < 5 << 20 or SLOW > 1, resident
        fake.conns[0].shutdown(socket.SHUT_RDWR)
        same(proc.wait(5 * SLOW), 3)
    finally:
        proc.kill()


@case
def consumers_are_listed_moved_removed():
    same(sent("consumers")["method"], "list_consumers")
    same(sent("consumers", "remove", "c")["params"], {"consumer": "c"})
    asked = sent("consumers", "seek", "c", "17")
    same((asked["method"], asked["params"]), ("seek_consumer", {"to": "17", "consumer": "c"}))
    same(run(None, "consumers", "forget", "c")[0], 2)


@case
def signals_end_it_as_a_shell_expects():
    for number in (signal.SIGINT, signal.SIGTERM):
        fake = Fake(lambda q: [{"id": 1, "result": {}}])
        proc = subprocess.Popen([CTL, "-s", fake.path, "watch"])
        end = time.monotonic() + 10 * SLOW
        while not fake.requests and time.monotonic() < end:
            time.sleep(0.01)
        proc.send_signal(number)
        same(proc.wait(10 * SLOW), -number)  # a shell shows 128 + number


@case
def wait_waits_for_the_socket():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s")
        proc = subprocess.Popen([CTL, "-s", path, "-t", "10", "wait", "online"], stdout=subprocess.PIPE)
        time.sleep(0.3)
        fake = Fake(result({"ready": True}), path)
        same((proc.wait(15 * SLOW), json.loads(proc.stdout.read())), (0, {"ready": True}))
        same(fake.requests[0]["params"]["for"], "online")
    same(run(None, "-t", "0.3", "wait")[0], 3)


@case
def login_asks_and_submits():
    states = {"login": "connecting", "login_state": "wait_code"}

    def answer(q):
        state = states.get(q["method"])
        if q["method"] == "login_submit":
            state = "wait_password" if "code" in q["params"] else "ready"
        return [{"id": q["id"], "result": {"state": state, "user": {"id": 1}}}]
    fake = Fake(answer)
    code, out, err = run(fake, "login", "work", "phone", stdin="+9996621234\n22222\nsecret\n")
    same((code, json.loads(out)["state"]), (0, "ready"))
    same([q["method"] for q in fake.requests], ["login", "login_state", "login_submit", "login_submit"])
    same(fake.requests[0]["params"], {"account": "work", "method": "phone", "phone": "+9996621234"})
    same(fake.requests[2]["params"], {"account": "work", "code": "22222"})
    same(fake.requests[3]["params"], {"account": "work", "password": "secret"})
    code, out, err = run(Fake(answer), "login", "phone", stdin="+9996621234\n")
    same((code, json.loads(out)["state"]), (10, "wait_code"))
    assert "input: code" in err, err
    assert "input: token" in run(Fake(answer), "login", "bot")[2]
    bot = Fake(result({"state": "ready", "user": {"id": 7}}))
    same(run(bot, "login", "bot", stdin="1:token\n")[0], 0)
    same(bot.requests[0]["params"], {"account": "main", "method": "bot", "token": "1:token"})
    same(run(Fake(error(400, "telegram", "PHONE_NUMBER_INVALID")), "login", "phone", stdin="1\n")[0], 1)
    same(run(Fake(result({"state": "failed", "error": "x"})), "login", "bot", stdin="1\n")[0], 1)


@case
def long_lines_both_ways():
    big = "x" * 3_000_000
    fake = Fake(lambda q: [{"id": q["id"], "result": {"text": q["params"]["text"]}}])
    code, out, err = run(fake, "call", "m", "text:@-", stdin=big)
    same((code, len(json.loads(out)["text"]), err), (0, len(big), ""))
    same(run(fake, "call", "m", "text:@-", stdin="x" * (9 << 20))[0], 2)


main()
