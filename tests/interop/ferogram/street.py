#!/usr/bin/env python3
"""Session strings of ferogram and of layer, as they write them themselves: street.py NAME PROGRAM. The program logs in
at the sandbox as a bot and as a user with code and password, and its strings go on in layerd without a new login. Its
built-in list of server keys got the sandbox's by tests/interop/run. Closes with one line "N passed, N failed"."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "box"))
from box import World  # noqa: E402


def key_of(ready):
    """Fingerprint, n and e as decimal words, from a PKCS#1 or SPKI file."""
    text = subprocess.run(["openssl", "rsa", "-RSAPublicKey_in", "-in", ready["rsa_key"], "-noout", "-modulus"],
                          capture_output=True, text=True)
    if text.returncode:
        text = subprocess.run(["openssl", "rsa", "-pubin", "-in", ready["rsa_key"], "-noout", "-modulus"],
                              capture_output=True, text=True, check=True)
    fingerprint = ready["fingerprint"]
    fingerprint = int(fingerprint, 16) if isinstance(fingerprint, str) else fingerprint
    return "%d %d 65537" % (fingerprint - (fingerprint >> 63 << 64), int(text.stdout.split("=")[1], 16))


def main():
    client, program, passed, failed = *sys.argv[1:3], 0, 0
    with World() as w:
        dc = next(d for d in w.sandbox.ready["dcs"] if d["id"] == 2)
        where = ["%s:%d" % (dc["host"], dc["port"]), "2"]
        bot = w.sandbox.call("create_bot", username="rusty_bot")
        user = w.sandbox.call("create_user", phone="+9996621117", first_name="Rust", password="oxide")["user_id"]
        plays = {"bot": (bot["user_id"], ["bot", bot["token"]], "auth.importBotAuthorization"),
                 "user": (user, ["user", "+9996621117", "22222", "oxide"], "auth.signIn")}
        for name, (who, words, login) in plays.items():
            env = {**os.environ, "PLAY": "\n".join(where + words), "SANDBOX_KEY": key_of(w.sandbox.ready),
                   "SANDBOX_ADDRESS": where[0], "SESSION": os.path.join(w.folder, name + ".session")}
            done = subprocess.run([program], env=env, capture_output=True, text=True, timeout=120)
            session = [x.split()[1] for x in done.stdout.splitlines() if x.startswith("session ")]
            print("    %s: %s" % (name, "a string of %d characters" % len(session[0]) if session else
                                  (done.stdout + done.stderr)[-1500:]))
            good = bool(session)
            if good:
                logins = len(w.sandbox.call("calls", method=login)["calls"])
                line = w.daemon.line()
                got = line.call("import_session_string", account=name, session=session[0])
                good = got["state"] == "ready" and got["user"]["id"] == who
                line.call("get_me", account=name)
                good = good and logins == len(w.sandbox.call("calls", method=login)["calls"])
                line.close()
            passed, failed = passed + good, failed + (not good)
            print("%s %s: the %s's session goes on in layerd" % ("ok    " if good else "FAILED", client, name))
    print("%d passed, %d failed" % (passed, failed))


main()
