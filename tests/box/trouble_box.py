#!/usr/bin/env python3
"""What a user is told when something is not as it should be: no way to the server, a server with other keys."""

import signal
import socket
import tempfile
import threading
import time

from box import SLOW, Daemon, World, case, main, refused


def told(daemon, event):
    return [r for r in open(daemon.log).read().splitlines() if "event=%s " % event in r]


def no_way(world, args, says, wait=2):
    """Logs a bot in by these options; what the log, the accounts and the refusal say of it."""
    d = Daemon(tempfile.mkdtemp(dir=world.folder), None, *args)
    try:
        line = d.line()
        error = refused("timeout", line, "bot_sign_in", token="1:" + "a" * 35, timeout=wait * SLOW)
        assert says in error["data"]["hint"], error
        for account in line.call("list_accounts")["accounts"][0], line.call("status")["accounts"][0]:
            assert not account["online"] and says in account["offline_reason"], account
        lines = told(d, "connect_failed")
        assert len(lines) == 1 and "level=warning" in lines[0] and "account=main dc=2 address=127.0.0.1:" in lines[0], lines
        assert says in lines[0], lines
        line.call("disconnect", account="main")
        assert "offline_reason" not in line.call("list_accounts")["accounts"][0]
    finally:
        d.kill(signal.SIGTERM)
        d.check()


@case
def a_server_that_is_not_there_is_named():
    with World(daemon=False) as w:
        no_way(w, ["--dc", "2=127.0.0.1:1", "--first-dc", "2"], "Connection refused")


@case
def a_server_with_other_keys_is_named():
    with World(daemon=False) as w:
        args = w.sandbox.daemon_args()
        i = args.index("--rsa-key")
        no_way(w, args[:i] + ["--first-dc", "2"], "none of the server's keys is known; --rsa-key")


def listener(says):
    """The port of a server that says this to each who comes."""
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    kept = []

    def serve():
        while True:
            kept.append(server.accept()[0])
            kept[-1].sendall(says)
    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


@case
def a_server_that_does_not_answer_is_named():
    """In the 15 s after which it is given up, and while it is tried again."""
    with World(daemon=False) as w:
        no_way(w, ["--dc", "2=127.0.0.1:%d" % listener(b""), "--first-dc", "2"], "it does not answer", 18)


@case
def a_server_that_speaks_otherwise_is_named():
    for said in (b"\x80" * 64, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x40\0\0\0" + b"x" * 60):
        with World(daemon=False) as w:
            no_way(w, ["--dc", "2=127.0.0.1:%d" % listener(said), "--first-dc", "2", "--transport", "full"],
                   "it does not speak MTProto")


@case
def an_account_that_does_not_connect_has_no_reason():
    with World(daemon=False) as w:
        w.daemon = Daemon(w.folder, None, "--dc", "2=127.0.0.1:1", "--first-dc", "2")
        line, other = w.daemon.line(), w.daemon.line()
        line.send({"jsonrpc": "2.0", "id": 1, "method": "login",
                   "params": {"account": "x", "method": "bot", "token": "1:" + "a" * 35, "timeout": 20}})

        def account():
            return other.call("list_accounts")["accounts"][0]
        end = time.monotonic() + 10 * SLOW
        while not other.call("list_accounts")["accounts"] or "offline_reason" not in account():
            assert time.monotonic() < end, "no reason"
            time.sleep(0.05)
        other.call("login_cancel", account="x")
        time.sleep(2)
        assert account()["state"] == "signed_out" and "offline_reason" not in account(), account()


@case
def what_is_over_is_not_shown():
    with World() as w:
        w.bot("fine_bot")
        line = w.daemon.line()
        w.sandbox.call("fault", kind="cut", probability=1.0)
        end = time.monotonic() + 20 * SLOW
        while "offline_reason" not in line.call("list_accounts")["accounts"][0]:
            refused("timeout", line, "get_me", timeout=1)
            assert time.monotonic() < end
        w.sandbox.call("clear_faults")
        line.call("wait", account="main", **{"for": "online"})
        assert "offline_reason" not in line.call("list_accounts")["accounts"][0]


main()
