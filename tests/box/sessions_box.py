#!/usr/bin/env python3
"""The safety of accounts: two-step passwords, sessions, the end of keys, codes that nobody else sees, and canary
secrets that are nowhere."""

import base64
import glob
import os
import time

from box import BUILD, World, case, main
from person import Person, accept


@case
def codes_are_not_forwarded_while_somebody_logs_in():
    """E.37: an account that is in gets the login code of another session; no script sees it meanwhile."""
    with World() as w:
        p = Person(w)
        p.start()
        p.call("login_submit", code=p.code())
        watcher = w.daemon.line()
        watcher.call("subscribe", types=["new_message"])
        q = Person(w, user=False)
        q.phone = p.phone
        s = q.start(ways=["app"])
        assert s["via"] == "app", s
        w.sandbox.call("send", **{"from": "@visitor", "to": p.id, "text": "after the code"})
        n = watcher.note()["params"]["message"]
        assert n["text"] == "after the code", n  # the code came before it
        assert "login_code_held account=%s" % p.account in open(w.daemon.log).read()
        q.call("login_cancel")
        q.await_state("signed_out")
        w.sandbox.call("send", **{"from": 777000, "to": p.id, "text": "Good news from Telegram"})
        n = watcher.note()["params"]["message"]
        assert n["text"] == "Good news from Telegram", n


# ---- passwords and sessions ------------------------------------------------------------------------------------------
@case
def password_set_changed_removed():
    with World() as w:
        p = Person(w)
        p.start()
        p.call("login_submit", code=p.code())
        assert p.call("get_password") == {"has_password": False, "has_recovery": False}
        assert p.call("set_password", password="first", hint="1st") == {"changed": True}
        assert p.call("get_password")["hint"] == "1st"
        assert p.fail("set_password", password="second").error["message"] == "PASSWORD_HASH_INVALID"
        assert p.fail("set_password", password="second", current="no").error["message"] == "PASSWORD_HASH_INVALID"
        changed = p.call("set_password", password="second", current="first", email="me@example.org")
        assert changed == {"changed": True, "email_unconfirmed": True, "code_length": 6}, changed
        assert not p.call("get_password")["has_recovery"]
        assert p.fail("confirm_recovery_email", code="1").error["message"] == "CODE_INVALID"
        assert p.call("resend_recovery_email") == {"done": True}
        assert p.call("confirm_recovery_email", code=p.mailed()) == {"done": True}
        assert p.call("get_password")["has_recovery"]
        assert p.call("set_recovery_email", current="second", email="new@example.org")["email_unconfirmed"]
        assert p.call("cancel_recovery_email") == {"done": True}
        r = p.call("reset_password")
        assert not r["reset"] and r["reset_date"] > time.time() + 6 * 86400, r
        assert p.call("cancel_password_reset") == {"done": True}
        q = Person(w, user=False)  # the new one is what counts
        q.phone, q.id = p.phone, p.id
        q.start()
        q.call("login_submit", code=q.code())
        assert q.fail("login_submit", password="first").error["message"] == "PASSWORD_HASH_INVALID"
        q.in_and_working(q.call("login_submit", password="second"))
        assert p.fail("remove_password", current="first").error["message"] == "PASSWORD_HASH_INVALID"
        assert p.call("remove_password", current="second") == {"changed": True}
        assert not p.call("get_password")["has_password"]


@case
def sessions_listed_and_ended():
    with World() as w:
        p = Person(w)
        p.start()
        p.call("login_submit", code=p.code())
        q = Person(w, user=False)
        q.phone, q.id = p.phone, p.id
        q.start()
        q.in_and_working(q.call("login_submit", code=q.code()))
        listed = p.call("get_authorizations")["authorizations"]
        assert [s.get("current", False) for s in listed] == [True, False], listed
        assert p.fail("terminate_session").kind == "invalid_params"
        assert p.fail("terminate_session", session=listed[0]["session"]).kind == "invalid_params"
        assert p.call("terminate_session", session=listed[1]["session"]) == {"done": True}
        assert q.fail("get_me").kind == "session_revoked"
        assert q.await_state("revoked")["reason"] == "SESSION_REVOKED"
        p.in_and_working()
        w.sandbox.call("revoke_session", user=p.id)  # from outside: told without a call of ours
        p.await_state("revoked")
        s = p.start()  # and in again, under the same name
        assert s["state"] == "wait_code", s
        p.in_and_working(p.call("login_submit", code=p.code()))


def out(w):
    p = Person(w)
    p.start()
    p.call("login_submit", code=p.code())
    p.call("invoke", method="help.getNearestDc", dc_id=3)
    assert w.sandbox.call("stats")["net"]["keys"] == 2
    assert p.call("sign_out") == {"signed_out": True}
    assert w.sandbox.call("stats")["net"]["keys"] == 0
    assert p.state()["state"] == "signed_out"
    assert p.fail("get_me").kind == "unauthorized"
    p.start()
    p.in_and_working(p.call("login_submit", code=p.code()))


@case
def sign_out_destroys_the_keys():
    with World(sandbox_args=("--dcs", "3")) as w:
        out(w)


@case
def sign_out_destroys_permanent_keys():
    with World("--pfs", sandbox_args=("--dcs", "3")) as w:
        out(w)


# ---- secrets ---------------------------------------------------------------------------------------------------------
@case
def secrets_are_nowhere():
    """T56: canaries (phone, code, password, token, api_hash, text), wrong and right, at log level debug, then looked
    for in log, errors, answers about the daemon, names of files, command line and environment; those that must not
    even be stored, in the store, too."""
    hash_canary = "c0ffee00c0ffee00c0ffee00c0ffee00"
    hash_file = os.path.join(BUILD, "login-box-hash-%d" % os.getpid())
    with open(hash_file, "w") as f:
        f.write(hash_canary + "\n")
    with World("--log-level", "debug", "--api-hash-file", hash_file) as w:
        os.unlink(hash_file)
        p = Person(w, password="canary-password-7731")
        errors = []
        p.start(ways=["sms_word"])
        assert p.calls("auth.sendCode")[0]["params"]["api_hash"] == hash_canary
        for wrong in ("canary-code-1", "canary-code-2"):
            errors.append(str(p.fail("login_submit", code=wrong)))
        p.call("login_submit", code=p.code())
        errors.append(str(p.fail("login_submit", password="canary-password-wrong")))
        p.call("login_submit", password="canary-password-7731")
        p.call("set_password", password="canary-password-next", current="canary-password-7731", hint="canary-hint")
        p.call("send_message", peer="@echo_bot", text="canary-text-5150")
        errors.append(str(p.fail("send_message", peer="@nobody_here", text="canary-text-5151")))
        b = Person(w, user=False)
        errors.append(str(b.fail("login", method="bot", token="77:canary-token-bad")))
        made = w.sandbox.call("create_bot", username="canary_bot")
        b.call("login", method="bot", token=made["token"])
        q = Person(w)
        qr_token = q.call("login", method="qr")["url"].split("=")[1]
        accept(q)
        q.await_state("ready")
        stored = [hash_canary, "canary-code-1", "canary-code-2", "lighthouse", "canary-password-7731",
                  "canary-password-wrong", "canary-password-next", "canary-token-bad", made["token"].split(":")[1]]
        shown = stored + [p.phone[1:], "canary-text-515", "canary-hint", qr_token]
        pid = w.daemon.process.pid
        answers = [p.line.call(m) for m in ("status", "list_accounts", "stats", "list_clients", "list_requests")]
        places = [("log", open(w.daemon.log, errors="replace").read(), shown), ("errors", "\n".join(errors), shown),
                  ("answers", str(answers), shown), ("environ", open("/proc/%d/environ" % pid).read(), shown),
                  ("cmdline", open("/proc/%d/cmdline" % pid).read(), shown)]
        for name, data in ((f, open(f, "rb").read()) for f in glob.glob(w.daemon.state + "/**", recursive=True)
                           if os.path.isfile(f)):
            places += [("name of a file", name, shown), (name, data.decode("latin-1"), stored)]
        assert len(places) > 6 and len(places[0][1]) > 500, "there is nothing to look into"
        for name, text, secrets in places:
            for s in secrets:
                for form in (s, base64.b64encode(s.encode()).decode().rstrip("=")):
                    assert form not in text, "%s has %s" % (name, s)
        print("  %d secrets in %d places: 0 hits" % (len(shown), len(places)))


if __name__ == "__main__":
    main()
