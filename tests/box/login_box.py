#!/usr/bin/env python3
"""Ways to log in, through the socket: each is walked with the real daemon and the sandbox, and the table of what came
of them is printed at the end."""

import os
import sys
import time

from box import RpcError, SLOW, World, case, main, refused
from person import Person, accept

TABLE = []  # (way, what came of it)
REDUCED = os.environ.get("LAYERD_REDUCED") == "1"


def walk(name, always=False):
    """A way: what the function returns goes into the table. A reduced run takes those that are marked."""

    def wrap(f):
        if REDUCED and not always:
            return f

        def run():
            TABLE.append([name, "FAILED"])
            with World(sandbox_args=("--dcs", "3")) as w:
                TABLE[-1][1] = f(w) or "ready"

        run.__name__ = f.__name__
        return case(run)

    return wrap


# ---- delivery --------------------------------------------------------------------------------------------------------
@case
def each_delivery_type():
    with World(sandbox_args=("--dcs", "3")) as w:
        clues = {"sms_word": "beginning", "sms_phrase": "beginning", "flash_call": "pattern", "missed_call": "prefix",
                 "fragment_sms": "url", "email": "email"}
        for via in ("app", "sms", "sms_word", "sms_phrase", "call", "flash_call", "missed_call", "fragment_sms",
                    "email"):
            TABLE.append(["code by %s" % via, "FAILED"])
            p = Person(w)
            s = p.start(ways=[via])
            assert s["state"] == "wait_code" and s["via"] == via, s
            assert via not in clues or s[clues[via]], s
            assert "next" not in s, s
            p.in_and_working(p.call("login_submit", code=p.code()))
            TABLE[-1][1] = "ready"
        TABLE.append(["code by firebase_sms", "FAILED"])
        p = Person(w)
        s = p.start(ways=["firebase_sms", "call"])  # only Telegram's own apps can read that one
        assert s["via"] == "call", s
        p.in_and_working(p.call("login_submit", code=p.code()))
        TABLE[-1][1] = "ready, by the next way"
        TABLE.append(["login e-mail set up on the way", "FAILED"])
        p = Person(w)
        s = p.start(ways=["setup_email", "sms"])
        assert s["state"] == "wait_email", s
        assert p.fail("login_submit", code="1").kind == "invalid_params"
        assert p.fail("login_submit", email="nonsense").error["message"] == "EMAIL_INVALID"
        s = p.call("login_submit", email="someone@example.org")
        assert s["state"] == "wait_email_code" and s["email"] == "s***e@example.org" and s["length"] == 6, s
        assert p.fail("login_submit", email_code="000").error["message"] == "CODE_INVALID"
        s = p.call("login_submit", email_code=p.mailed())
        assert s["state"] == "wait_code" and s["via"] == "sms", s
        p.in_and_working(p.call("login_submit", code=p.code()))
        TABLE[-1][1] = "ready"
        TABLE.append(["login e-mail lost", "FAILED"])
        p = Person(w)
        s = p.start(ways=["email", "call"])
        assert s["reset_period"] > 0, s
        s = p.call("reset_login_email")
        assert s["via"] == "call", s
        p.in_and_working(p.call("login_submit", code=p.code()))
        TABLE[-1][1] = "ready, by the next way"


@walk("resend, once its time has come", always=True)
def resend(w):
    p = Person(w)
    s = p.start(ways=["sms", "call"], timeout=2)
    assert s["next"] == "call" and s["timeout"] == 2, s
    early = p.fail("resend_code")
    assert early.kind == "not_permitted" and early.error["data"]["retry_after"] in (1, 2), early
    assert not p.calls("auth.resendCode")
    time.sleep(2.1)
    old = s
    s = p.call("resend_code")
    assert s["via"] == "call" and "next" not in s and s["token"], s
    assert p.fail("resend_code").kind == "not_permitted"
    assert p.fail("sign_in", token="0" * 16, code=p.code()).kind == "invalid_params", old
    p.call("sign_in", token=s["token"], code=p.code())
    p.in_and_working()


@walk("cancelled", always=True)
def cancel(w):
    p = Person(w)
    p.start()
    assert p.call("login_cancel") == {"cancelled": True}
    assert p.await_state("signed_out")
    end = time.monotonic() + 5 * SLOW
    while not p.calls("auth.cancelCode"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert p.call("cancel_code") == {"cancelled": False}
    assert p.fail("login_submit", code="22222").kind == "account_not_ready"
    return "signed_out, the code is void"


@walk("code expired: a new one is sent", always=True)
def expired(w):
    p = Person(w)
    p.start(life=1)
    time.sleep(1.2)
    w.sandbox.call("delivery", phone=p.phone)
    e = p.fail("login_submit", code=p.code())
    assert e.error["message"] == "PHONE_CODE_EXPIRED" and e.error["data"]["state"] == "wait_code", e
    assert p.state()["reason"] == "PHONE_CODE_EXPIRED"
    assert len(p.calls("auth.sendCode")) == 2
    p.in_and_working(p.call("login_submit", code=p.code()))


@walk("wrong code, then the right one")
def wrong_code(w):
    p = Person(w)
    p.start()
    for _ in range(3):
        e = p.fail("login_submit", code="00000")
        assert e.code == 400 and e.error["message"] == "PHONE_CODE_INVALID", e
        assert p.state()["state"] == "wait_code"
    assert len(p.calls("auth.sendCode")) == 1
    e = p.fail("login_submit", code="")  # E.33: an empty one voids it
    assert e.error["message"] == "PHONE_CODE_EMPTY", e
    assert len(p.calls("auth.sendCode")) == 2
    p.in_and_working(p.call("login_submit", code=p.code()))


@walk("numbers that are refused")
def bad_numbers(w):
    p = Person(w, user=False)
    assert p.fail("login", method="phone", phone="abc").kind == "invalid_params"
    e = p.fail("login", method="phone", phone="+12")
    assert e.error["message"] == "PHONE_NUMBER_INVALID", e
    assert p.state() == {"account": p.account, "state": "failed", "error": "PHONE_NUMBER_INVALID", "online": True}
    w.sandbox.call("fault", kind="flood_wait", method="auth.sendCode", seconds=3600, times=1)
    e = p.fail("login", method="phone", phone=p.phone)
    assert e.code == 420 and e.error["data"]["retry_after"] == 3600, e
    return "failed, with Telegram's reason"


# ---- sign-up ---------------------------------------------------------------------------------------------------------
@walk("sign-up with terms", always=True)
def sign_up(w):
    p = Person(w, user=False)
    assert p.call("login", method="phone")["state"] == "wait_phone"
    w.sandbox.call("delivery", phone=p.phone, terms="Be kind.", min_age=16)
    s = p.call("login_submit", phone=p.phone)
    assert s["state"] == "wait_code", s
    s = p.call("login_submit", code=p.code())
    assert s["state"] == "wait_signup" and s["terms"] == "Be kind." and s["min_age"] == 16, s
    assert p.fail("login_submit", first_name="New").kind == "invalid_params"
    assert not p.calls("auth.signUp")
    s = p.call("login_submit", first_name="New", last_name="One", terms=True)
    assert s["name"] == "New", s
    p.in_and_working(s)


# ---- the password ----------------------------------------------------------------------------------------------------
@walk("password right")
def password_right(w):
    p = Person(w, password="correct horse")
    p.call("request_login_code", phone=p.phone)
    s = p.call("sign_in", code=p.code())
    assert s["state"] == "wait_password", s
    s = p.call("check_password", password="correct horse")
    assert s["name"] == "Person%d" % p.n and s["user"]["id"] == p.id, s
    p.in_and_working()


@walk("password wrong, then right", always=True)
def password_wrong(w):
    p = Person(w, password="battery staple")
    w.sandbox.call("set_password", user=p.id, password="battery staple", hint="two words")
    p.start()
    s = p.call("login_submit", code=p.code())
    assert s["state"] == "wait_password" and s["hint"] == "two words" and not s["has_recovery"], s
    for _ in range(2):
        e = p.fail("login_submit", password="Battery staple")
        assert e.error["message"] == "PASSWORD_HASH_INVALID" and e.error["data"]["state"] == "wait_password", e
    assert p.fail("recover_password").kind == "not_permitted"
    p.in_and_working(p.call("login_submit", password="battery staple"))
    proofs = [c["params"]["password"]["srp_id"] for c in p.calls("auth.checkPassword")]
    assert len(proofs) == 3 == len(set(proofs)), proofs  # each with a number of its own
    assert len(p.calls("auth.sendCode")) == 1


@walk("srp_id stale: asked again, once")
def password_stale(w):
    p = Person(w, password="stale number")
    p.start()
    p.call("login_submit", code=p.code())
    w.sandbox.call("fault", kind="rpc_error", method="auth.checkPassword", code=400, text="SRP_ID_INVALID", times=1)
    p.in_and_working(p.call("login_submit", password="stale number"))
    assert len(p.calls("auth.checkPassword")) == 2


@walk("password recovered by e-mail", always=True)
def password_recovered(w):
    p = Person(w, password="forgotten one")
    w.sandbox.call("set_password", user=p.id, password="forgotten one", email="anna@example.org")
    p.start()
    s = p.call("login_submit", code=p.code())
    assert s["has_recovery"], s
    s = p.call("recover_password")
    assert s["state"] == "wait_password" and s["recovery_email"] == "a***a@example.org", s
    assert p.fail("login_submit", email_code="nope").error["message"] == "CODE_INVALID"
    p.in_and_working(p.call("login_submit", email_code=p.mailed()))
    assert not p.call("get_password")["has_password"]


@walk("password recovered by e-mail, and a new one set in the same step", always=True)
def password_replaced(w):
    p = Person(w, password="forgotten one")
    w.sandbox.call("set_password", user=p.id, password="forgotten one", email="anna@example.org")
    p.start()
    p.call("login_submit", code=p.code())
    p.call("recover_password")
    e = p.fail("login_submit", email_code="nope", password="not yet")
    assert e.error["message"] == "CODE_INVALID", e
    assert p.fail("login_submit", password="not yet").error["message"] == "PASSWORD_HASH_INVALID"
    p.call("recover_password")
    p.in_and_working(p.call("login_submit", email_code=p.mailed(), password="the new one", hint="newer"))
    got = p.call("get_password")
    assert got["has_password"] and got["hint"] == "newer" and got["has_recovery"], got
    asked = p.calls("auth.recoverPassword")[-1]["params"]
    assert asked["new_settings"]["new_algo"]["_"].endswith("ModPow"), asked
    q = Person(w, user=False)
    q.phone, q.id = p.phone, p.id
    q.start()
    q.call("login_submit", code=q.code())
    assert q.fail("login_submit", password="forgotten one").error["message"] == "PASSWORD_HASH_INVALID"
    q.in_and_working(q.call("login_submit", password="the new one"))


@walk("log-out token instead of code and password", always=True)
def logout_token(w):
    p = Person(w, password="token holder")
    p.start()
    p.call("login_submit", code=p.code())
    p.call("login_submit", password="token holder")
    assert p.call("sign_out") == {"signed_out": True}
    p.restart()  # the token is kept
    p.in_and_working(p.call("login", method="phone", phone=p.phone))
    assert len(p.calls("auth.signIn")) == 1
    assert p.call("sign_out") == {"signed_out": True}
    return "ready at once"


@walk("payment wanted first")
def payment(w):
    p = Person(w)
    s = p.start(payment=True)
    assert s["state"] == "wait_payment" and s["currency"] == "EUR" and s["amount"] == 99 and s["premium_days"] == 7, s
    p.restart()
    assert p.state()["state"] == "wait_payment"
    w.sandbox.call("delivery", phone=p.phone)
    s = p.call("resend_code")
    assert s["via"] == "sms", s
    p.in_and_working(p.call("login_submit", code=p.code()))


# ---- QR --------------------------------------------------------------------------------------------------------------
@walk("QR")
def qr(w):
    p = Person(w)
    s = p.call("login", method="qr")
    assert s["state"] == "wait_qr" and 0 < s["expires"] - time.time() <= 31, s
    accept(p, s["url"])
    p.in_and_working() if p.await_state("ready") else None


@walk("QR, renewed before it expires")
def qr_renewed(w):
    p = Person(w)
    w.sandbox.call("qr_life", seconds=4)
    s = p.call("export_login_token")
    seen = {s["url"]}
    end = time.monotonic() + 30 * SLOW
    while len(seen) < 3:
        assert time.monotonic() < end
        s = p.call("check_qr_login")
        assert not s["authorized"] and s["expires"] > time.time() - SLOW, s
        seen.add(s["url"])
        time.sleep(0.1)
    try:
        p.w.sandbox.call("accept_qr", user=p.id, token=sorted(seen, key=lambda u: u != s["url"])[1])
    except RpcError as e:  # an old one may have expired: then the fresh one
        assert "EXPIRED" in str(e), e
        accept(p)
    p.await_state("ready")
    assert p.call("check_qr_login")["authorized"]
    p.in_and_working()


@walk("QR with a password", always=True)
def qr_password(w):
    p = Person(w, password="scan me")
    p.call("login", method="qr")
    accept(p)
    s = p.await_state("wait_password")
    assert "url" not in s, s
    assert p.fail("login_submit", password="x").error["message"] == "PASSWORD_HASH_INVALID"
    p.in_and_working(p.call("login_submit", password="scan me"))


@walk("QR across data centres")
def qr_across(w):
    p = Person(w, dc=3)
    p.call("login", method="qr")
    accept(p)
    p.await_state("ready")
    p.in_and_working()
    assert [c["dc"] for c in p.calls("auth.importLoginToken")] == [3]
    p.restart()
    p.await_state("ready")
    p.in_and_working()


@walk("QR across data centres with a password", always=True)
def qr_across_password(w):
    p = Person(w, dc=3, password="far away")
    p.call("login", method="qr")
    accept(p)
    p.await_state("wait_password")
    p.restart()
    p.in_and_working(p.call("login_submit", password="far away"))


# ---- bots ------------------------------------------------------------------------------------------------------------
@walk("bot", always=True)
def bot(w):
    made = w.sandbox.call("create_bot", username="login_bot")
    p = Person(w, user=False)
    s = p.call("login", method="bot", token=made["token"])
    assert s["state"] == "ready" and s["user"]["id"] == made["user_id"], s
    assert p.call("is_authorized") == {"authorized": True}


@walk("bot with a bad token", always=True)
def bot_bad(w):
    p = Person(w, user=False)
    e = p.fail("login", method="bot", token="12345:AAbad-token-canary")
    assert e.error["message"] == "ACCESS_TOKEN_INVALID" and "canary" not in str(e), e
    assert p.state()["state"] == "failed" and p.state()["error"] == "ACCESS_TOKEN_INVALID"
    return "failed: ACCESS_TOKEN_INVALID"


# ---- migration at every step ---------------------------------------------------------------------------------------------
@walk("PHONE_MIGRATE at auth.sendCode", always=True)
def migrate_phone(w):
    p = Person(w, dc=3)
    p.start()
    assert [c["dc"] for c in p.calls("auth.sendCode")] == [2, 3]
    p.restart()
    p.in_and_working(p.call("login_submit", code=p.code()))
    assert [c["dc"] for c in p.calls("auth.signIn")] == [3]


def migrate_at(w, p, method, text):
    w.sandbox.call("fault", kind="rpc_error", method=method, code=303, text=text, times=1)


@walk("NETWORK_MIGRATE at auth.sendCode")
def migrate_network(w):
    p = Person(w, dc=9)
    migrate_at(w, p, "auth.sendCode", "NETWORK_MIGRATE_1")
    p.start()
    assert [c["dc"] for c in p.calls("auth.sendCode")] == [2, 1]
    p.in_and_working(p.call("login_submit", code=p.code()))


@walk("USER_MIGRATE at auth.signIn", always=True)
def migrate_sign_in(w):
    p = Person(w, dc=9)
    p.start()
    migrate_at(w, p, "auth.signIn", "USER_MIGRATE_3")
    e = p.fail("login_submit", code=p.code())  # the hash of the old one is void (E.10): a new code
    assert e.error["message"] == "PHONE_CODE_EXPIRED" and e.error["data"]["state"] == "wait_code", e
    assert [c["dc"] for c in p.calls("auth.sendCode")] == [2, 3]
    p.in_and_working(p.call("login_submit", code=p.code()))
    return "ready, with a code of the new one"


@walk("USER_MIGRATE at auth.signUp")
def migrate_sign_up(w):
    p = Person(w, user=False, dc=9)
    p.start()
    p.call("login_submit", code=p.code())
    migrate_at(w, p, "auth.signUp", "USER_MIGRATE_1")
    assert p.fail("login_submit", first_name="Moved").error["message"] == "PHONE_CODE_EXPIRED"
    assert p.call("login_submit", code=p.code())["state"] == "wait_signup"
    p.in_and_working(p.call("login_submit", first_name="Moved"))
    return "ready, with a code of the new one"


@walk("USER_MIGRATE at auth.checkPassword")
def migrate_password(w):
    p = Person(w, dc=9, password="on the move")
    p.start()
    p.call("login_submit", code=p.code())
    migrate_at(w, p, "auth.checkPassword", "USER_MIGRATE_3")
    e = p.fail("login_submit", password="on the move")
    assert e.error["data"]["state"] == "wait_code", e
    assert p.call("login_submit", code=p.code())["state"] == "wait_password"
    p.in_and_working(p.call("login_submit", password="on the move"))
    return "ready, with a code of the new one"


@walk("NETWORK_MIGRATE at auth.exportLoginToken")
def migrate_qr(w):
    p = Person(w, dc=9)
    migrate_at(w, p, "auth.exportLoginToken", "NETWORK_MIGRATE_3")
    p.call("login", method="qr")
    accept(p)
    p.await_state("ready")
    p.in_and_working()


@walk("USER_MIGRATE at auth.importBotAuthorization")
def migrate_bot(w):
    made = w.sandbox.call("create_bot", username="moving_bot")
    p = Person(w, user=False)
    migrate_at(w, p, "auth.importBotAuthorization", "USER_MIGRATE_3")
    assert p.call("login", method="bot", token=made["token"])["state"] == "ready"
    p.restart()
    assert p.await_state("ready")["user_id"] == made["user_id"]
    assert [c["dc"] for c in p.calls("auth.importBotAuthorization")] == [2, 3]


# ---- kill -9 at every step -------------------------------------------------------------------------------------------
def kill_while(p, method, request, /, **params):
    """Kills the daemon while its call of the Telegram method hangs, having begun it by request."""
    fault = p.w.sandbox.call("fault", kind="stall", method=method, times=1)["fault"]
    line = p.w.daemon.line()
    line.send({"id": 1, "method": request, "params": dict(params, account=p.account)})
    end = time.monotonic() + 15 * SLOW
    while not p.w.sandbox.call("stats")["net"]["delayed"]:
        assert time.monotonic() < end, "%s was not called" % method
        time.sleep(0.02)
    p.restart()
    p.w.sandbox.call("clear_faults", fault=fault)
    line.close()


@walk("kill -9 while the code is asked for", always=True)
def kill_send_code(w):
    p = Person(w)
    kill_while(p, "auth.sendCode", "login", method="phone", phone=p.phone)
    p.await_state("wait_code")  # it went on by itself
    p.in_and_working(p.call("login_submit", code=p.code()))


@walk("kill -9 in wait_code")
def kill_wait_code(w):
    p = Person(w)
    before = p.start(ways=["missed_call", "sms"], timeout=5)
    p.restart()
    after = p.state()
    assert {k: after[k] for k in before if k != "account"} == {k: before[k] for k in before if k != "account"}, after
    p.in_and_working(p.call("login_submit", code=p.code()))
    assert len(p.calls("auth.sendCode")) == 1


@walk("kill -9 while the code is checked")
def kill_sign_in(w):
    p = Person(w)
    p.start()
    kill_while(p, "auth.signIn", "login_submit", code=p.code())
    assert p.state()["state"] == "wait_code"
    p.in_and_working(p.call("login_submit", code=p.code()))


@walk("kill -9 in wait_email and wait_email_code")
def kill_email(w):
    p = Person(w)
    p.start(ways=["setup_email", "call"])
    p.restart()
    assert p.state()["state"] == "wait_email"
    p.call("login_submit", email="kept@example.org")
    p.restart()
    s = p.state()
    assert s["state"] == "wait_email_code" and s["email"] == "k***t@example.org", s
    p.call("login_submit", email_code=p.mailed())
    p.in_and_working(p.call("login_submit", code=p.code()))


@walk("kill -9 in wait_signup")
def kill_signup(w):
    p = Person(w, user=False)
    p.start(terms="Stay alive.")
    p.call("login_submit", code=p.code())
    p.restart()
    assert p.state()["terms"] == "Stay alive."
    p.in_and_working(p.call("login_submit", first_name="Survivor", terms=True))


@walk("kill -9 in wait_password and while it is checked", always=True)
def kill_password(w):
    p = Person(w, password="unbreakable")
    w.sandbox.call("set_password", user=p.id, password="unbreakable", hint="strong")
    p.start()
    p.call("login_submit", code=p.code())
    p.restart()
    s = p.state()
    assert s["state"] == "wait_password" and s["hint"] == "strong", s
    kill_while(p, "auth.checkPassword", "login_submit", password="unbreakable")
    assert p.state()["state"] == "wait_password"
    p.in_and_working(p.call("login_submit", password="unbreakable"))
    assert len(p.calls("auth.sendCode")) == 1


@walk("kill -9 in wait_qr", always=True)
def kill_qr(w):
    p = Person(w)
    old = p.call("login", method="qr")["url"]
    p.restart()
    end = time.monotonic() + 10 * SLOW
    while p.await_state("wait_qr")["url"] == old:
        assert time.monotonic() < end
        time.sleep(0.05)
    accept(p)
    p.await_state("ready")
    p.in_and_working()


@walk("kill -9 once it is ready, three times")
def kill_ready(w):
    p = Person(w)
    p.start()
    p.call("login_submit", code=p.code())
    for _ in range(3):
        p.restart()
        assert p.await_state("ready")["user"]["id"] == p.id
        p.in_and_working()
    assert len(p.calls("auth.signIn")) == 1


# ---- everybody may watch and go on -----------------------------------------------------------------------------------
@case
def any_client_takes_the_next_step():
    with World() as w:
        p = Person(w, password="shared secret")
        watcher = w.daemon.line()
        watcher.call("subscribe", types=["account_state"])
        p.start()
        p.line.close()  # whoever began it is gone
        other = w.daemon.line()
        states = [watcher.note()["params"] for _ in range(2)]
        assert [s["state"] for s in states] == ["connecting", "wait_code"] and states[1]["via"] == "sms", states
        other.call("login_submit", account=p.account, code=p.code())
        s = watcher.note()["params"]
        assert s["state"] == "wait_password", s
        third = w.daemon.line()
        third.call("login_submit", account=p.account, password="shared secret")
        s = watcher.note()["params"]
        assert s["state"] == "ready" and s["user"]["id"] == p.id, s


@case
def a_login_that_is_gone_is_none():
    """The next login is a real one, however soon it comes; one beside a sign-out is told to wait."""
    with World() as w:
        made = w.sandbox.call("create_bot", username="gone_bot", first_name="B")
        bot, user = made["user_id"], w.user(1)
        a, b = w.daemon.line(), w.daemon.line()
        a.call("bot_sign_in", token=made["token"])
        w.greet(user, bot)
        for i in range(3):
            w.sandbox.call("fault", kind="drop", method="messages.sendMessage", direction="out", times=1)
            b.send({"id": 1, "method": "send_message", "params": {"peer": user, "text": "x"}})
            while len(w.sandbox.call("messages", peer=user, **{"as": bot})["messages"]) < 2 * i + 2:
                time.sleep(0.01)
            w.sandbox.call("revoke_session", user=bot)
            answer = b.read()
            assert answer["error"]["data"]["kind"] == "session_revoked", answer
            a.call("bot_sign_in", token=made["token"])
            a.call("send_message", peer=user, text="y")
        assert len(w.sandbox.call("calls", method="auth.importBotAuthorization")["calls"]) == 4
        w.sandbox.call("fault", kind="delay", method="auth.logOut", direction="out", seconds=1, times=1)
        b.send({"id": 2, "method": "sign_out"})
        while a.call("is_authorized")["authorized"]:
            time.sleep(0.01)
        for method in ("bot_sign_in", "login"):
            assert refused("account_not_ready", a, method, token=made["token"])["message"] == "the account is being signed out"
        assert "result" in b.read()
        assert a.call("bot_sign_in", token=made["token"])["user"]["id"] == bot


@case
def the_table():
    width = max(len(n) for n, _ in TABLE) if TABLE else 0
    print()
    for name, result in TABLE:
        print("  %-*s  %s" % (width, name, result))
    print("  %d ways" % len(TABLE))
    assert all(result != "FAILED" for _, result in TABLE)
    assert len(sys.argv) > 1 or len(TABLE) >= 14


if __name__ == "__main__":
    main()
