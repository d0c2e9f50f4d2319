"""People of the sandbox on their way in, for the box tests about logging in."""

import re
import signal
import time

from box import RpcError, SLOW


class Person:
    """A phone number of the sandbox on its way in, as one account of the daemon."""

    count = 0

    def __init__(self, w, user=True, password=None, dc=2, **more):
        Person.count += 1
        self.w = w
        self.n = Person.count
        self.account = "p%d" % self.n
        self.phone = "+99966%d%04d" % (dc, self.n)
        self.password = password
        self.id = None
        if user:
            extra = {"password": password} if password else {}
            self.id = w.sandbox.call(
                "create_user", phone=self.phone, first_name="Person%d" % self.n, **extra, **more)["user_id"]
        self.line = w.daemon.line()

    def call(self, method, /, **params):
        return self.line.call(method, account=self.account, **params)

    def fail(self, method, /, **params):
        try:
            result = self.call(method, **params)
        except RpcError as e:
            return e
        raise AssertionError("%s was not refused: %s" % (method, result))

    def start(self, **delivery):
        if delivery:
            self.w.sandbox.call("delivery", phone=self.phone, **delivery)
        return self.call("login", method="phone", phone=self.phone)

    def code(self):
        return self.w.sandbox.call("login_code", phone=self.phone)["code"]

    def mailed(self):
        return self.w.sandbox.call("email_code", phone=self.phone)["code"]

    def state(self):
        return self.call("login_state")

    def await_state(self, want, timeout=15):
        end = time.monotonic() + timeout * SLOW
        while True:
            s = self.state()
            if s["state"] == want:
                return s
            assert time.monotonic() < end, "%s instead of %s" % (s, want)
            time.sleep(0.05)

    def restart(self):
        self.w.daemon.restart(signal.SIGKILL)
        self.line = self.w.daemon.line()

    def calls(self, method):
        return self.w.sandbox.call("calls", method=method)["calls"]

    def in_and_working(self, answer=None):
        """The account is ready, and what it sends arrives."""
        if answer:
            assert answer["state"] == "ready" and answer["user"]["id"], answer
        me = self.call("get_me")
        assert self.id is None or me["id"] == self.id, me
        text = "from %s" % self.account
        self.call("send_message", peer="@echo_bot", text=text)
        seen = self.w.sandbox.call("messages", peer=me["id"], **{"as": "@echo_bot"})
        assert text in str(seen), seen


def accept(p, url=None):
    url = url or p.state()["url"]
    assert re.fullmatch(r"tg://login\?token=[A-Za-z0-9_-]+", url), url
    p.w.sandbox.call("accept_qr", user=p.id, token=url)
