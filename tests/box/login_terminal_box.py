#!/usr/bin/env python3
"""layerctl login as a person meets it: in a real terminal (tmux), with the daemon and the sandbox behind it. What stood
on the screen in the end is kept in BUILD/login-screens; the QR code is read off the screen, as a phone would."""

import json
import os
import re
import subprocess
import time

from box import BUILD, SLOW, World, case, main

CTL = os.path.join(BUILD, "layerctl")
SCREENS = os.path.join(BUILD, "login-screens")


class Terminal:
    """layerctl in a terminal of its own."""

    def __init__(self, w, name, *args):
        self.w = w
        self.name = name
        self.path = os.path.join(w.folder, "tmux-" + name)
        command = "%s %s; echo EXIT=$?; sleep 60" % (CTL, " ".join(args))
        env = dict(os.environ, LAYERD_SOCKET=w.daemon.path, TERM="xterm-256color", LC_ALL="C.UTF-8")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "60", command, env=env)

    def tmux(self, *args, env=None):
        done = subprocess.run(["tmux", "-u", "-S", self.path, *args], env=env, capture_output=True, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def see(self, want, timeout=20):
        end = time.monotonic() + timeout * SLOW
        while True:
            text = self.screen()
            if re.search(want, text):
                return text
            assert time.monotonic() < end, "%s is not on the screen:\n%s" % (want, text)
            time.sleep(0.05)

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def end(self, code):
        """The program's last screen, kept; secrets that were typed must not be on it."""
        text = self.see(r"EXIT=\d+")
        os.makedirs(SCREENS, exist_ok=True)
        with open(os.path.join(SCREENS, self.name + ".txt"), "w") as f:
            f.write(text.rstrip() + "\n")
        assert "EXIT=%d" % code in text, text
        self.tmux("kill-server")
        return text


# ---- a QR code, read off the screen ----------------------------------------------------------------------------------
def modules(screen):
    """The rows of modules, True = dark, without the quiet zone; None when no whole code is there."""
    light = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}
    rows = []
    for line in screen.split("\n"):
        if len(line) > 30 and not set(line.rstrip("\n")) - set(light):
            rows.append([not light[c][0] for c in line])
            rows.append([not light[c][1] for c in line])
    dark = [i for i, r in enumerate(rows) if any(r[2:-2])]
    if not dark:
        return None
    rows = [r[2:-2] for r in rows[dark[0]:]]
    size = len(rows[0])
    return rows[:size] if len(rows) >= size else None


MASKS = [
    lambda r, c: (r + c) % 2, lambda r, c: r % 2, lambda r, c: c % 3, lambda r, c: (r + c) % 3,
    lambda r, c: (r // 2 + c // 3) % 2, lambda r, c: r * c % 2 + r * c % 3,
    lambda r, c: (r * c % 2 + r * c % 3) % 2, lambda r, c: ((r + c) % 2 + r * c % 3) % 2]


def decode(m):
    """ISO 18004, as far as an undamaged code in byte mode of one block needs it (versions 2 to 5, level L)."""
    size = len(m)
    version = (size - 17) // 4
    assert 2 <= version <= 5 and size == 17 + 4 * version, size
    far = size - 7  # middle of the alignment pattern
    fmt = [m[8][c] for c in (0, 1, 2, 3, 4)]
    mask = MASKS[(int("".join(str(int(b)) for b in fmt), 2) ^ 0b10101) & 7]

    def is_function(r, c):
        return (r < 9 and c < 9) or (r < 9 and c >= size - 8) or (r >= size - 8 and c < 9) or r == 6 or c == 6 or (
            abs(r - far) <= 2 and abs(c - far) <= 2)

    bits = []
    up = True
    for right in [c for c in range(size - 1, 0, -2) if c > 6] + [5, 3, 1]:
        for r in range(size - 1, -1, -1) if up else range(size):
            for c in (right, right - 1):
                if not is_function(r, c):
                    bits.append(int(m[r][c]) ^ (mask(r, c) == 0))
        up = not up
    data = bytes(int("".join(map(str, bits[i:i + 8])), 2) for i in range(0, len(bits) - 7, 8))
    number = int.from_bytes(data, "big")
    total = len(data) * 8
    assert number >> (total - 4) == 4, "not in byte mode"
    n = number >> (total - 12) & 0xFF
    return bytes(number >> (total - 20 - 8 * i) & 0xFF for i in range(n)).decode()


def scan(t, not_yet=()):
    """The link of the QR code on the screen, once it is another than those before."""
    end = time.monotonic() + 20 * SLOW
    while True:
        m = modules(t.screen())
        try:
            link = decode(m) if m else None
        except (AssertionError, IndexError, UnicodeDecodeError):
            link = None  # half drawn
        if link and link not in not_yet:
            assert re.fullmatch(r"tg://login\?token=[A-Za-z0-9_-]{43}", link), link
            return link
        assert time.monotonic() < end, t.screen()
        time.sleep(0.05)


# ---- the ways --------------------------------------------------------------------------------------------------------
PHONE = "+9996620777"


@case
def phone_code_and_password():
    with World() as w:
        user = w.sandbox.call("create_user", phone=PHONE, first_name="Ada", password="open sesame")["user_id"]
        w.sandbox.call("set_password", user=user, password="open sesame", hint="cave")
        t = Terminal(w, "phone", "login", "phone")
        t.see("Phone number:")
        t.type(PHONE)
        t.see(r"via: sms(?s:.*)Code:")
        t.type("11111")
        t.see(r"PHONE_CODE_INVALID(?s:.*)Code:")
        t.type(w.sandbox.call("login_code", phone=PHONE)["code"])
        t.see(r"hint: cave(?s:.*)Password:")
        t.type("open barley")
        t.see(r"PASSWORD_HASH_INVALID(?s:.*)Password:")
        t.type("open sesame")
        text = t.end(0)
        assert '"name": "Ada"' in text and '"state": "ready"' in text, text
        for secret in ("11111", "22222", "open sesame", "open barley"):
            assert secret not in text, text
        accounts = json.loads(subprocess.run(
            [CTL, "-s", w.daemon.path, "accounts"], capture_output=True, timeout=20).stdout)
        assert accounts["accounts"][0]["user_id"] == user, accounts
        done = subprocess.run([CTL, "-s", w.daemon.path, "logout", "main"], capture_output=True, timeout=30)
        assert done.returncode == 0 and json.loads(done.stdout) == {"signed_out": True}, done


@case
def each_way_of_delivery():
    """What the screen says of each, the next way after an empty answer, and the end when the login is cancelled."""
    clues = {"app": "via: app", "sms_word": "beginning: ", "sms_phrase": "beginning: ", "call": "via: call",
             "flash_call": "pattern: ", "missed_call": "prefix: ", "fragment_sms": "url: ", "email": "email: "}
    with World() as w:
        for n, (via, clue) in enumerate(clues.items()):
            phone = "+999662%04d" % (1000 + n)
            w.sandbox.call("create_user", phone=phone, first_name="Ada")
            w.sandbox.call("delivery", phone=phone, ways=[via])
            t = Terminal(w, "via-" + via, "login", "a%d" % n, "phone")
            t.see("Phone number:")
            t.type(phone)
            t.see(r"via: %s(?s:.*)Code:" % via)
            assert clue in t.screen(), (via, t.screen())
            t.type(w.sandbox.call("login_code", phone=phone)["code"])
            assert '"state": "ready"' in t.end(0)
        w.sandbox.call("create_user", phone=PHONE, first_name="Ada")
        w.sandbox.call("delivery", phone=PHONE, ways=["sms", "call"], timeout=3)
        t = Terminal(w, "resent", "login", "late", "phone")
        t.see("Phone number:")
        t.type(PHONE)
        t.see(r"next: call(?s:.*)nothing: send it by the next way(?s:.*)Code:")
        t.type("")
        t.see(r"the next way is open in(?s:.*)Code:")  # too early
        time.sleep(3)
        t.type("")
        t.see(r"via: call(?s:.*)Code:")
        assert ctl(w, "call", "login_cancel", "account=late")[0] == 0
        t.type("22222")
        t.end(4)


@case
def password_recovered():
    with World() as w:
        user = w.sandbox.call("create_user", phone=PHONE, first_name="Ada", password="long gone")["user_id"]
        w.sandbox.call("set_password", user=user, password="long gone", email="ada@example.org")
        t = Terminal(w, "recovered", "login", "phone")
        t.see("Phone number:")
        t.type(PHONE)
        t.see("Code:")
        t.type("22222")
        t.see(r"nothing: recover it by e-mail(?s:.*)Password:")
        t.type("")
        t.see(r"recovery_email: a\*+a@example.org(?s:.*)Code from the e-mail:")
        t.type("000000")
        t.see(r"CODE_INVALID(?s:.*)Code from the e-mail:")
        t.type(w.sandbox.call("email_code", phone=PHONE)["code"])
        assert '"state": "ready"' in t.end(0)


@case
def phone_of_another_data_centre():
    """PHONE_MIGRATE: nothing of it is seen. USER_MIGRATE: the code is void there, and another one is asked for."""
    with World(sandbox_args=("--dcs", "3")) as w:
        w.sandbox.call("create_user", phone="+9996630778", first_name="Far")
        t = Terminal(w, "migrate-phone", "login", "far", "phone")
        t.see("Phone number:")
        t.type("+9996630778")
        t.see("via: sms(?s:.*)Code:")
        assert [c["dc"] for c in w.sandbox.call("calls", method="auth.sendCode")["calls"]] == [2, 3]
        t.type(w.sandbox.call("login_code", phone="+9996630778")["code"])
        text = t.end(0)
        assert '"name": "Far"' in text and "MIGRATE" not in text, text
        phone = "+9996690777"  # at home anywhere
        w.sandbox.call("create_user", phone=phone, first_name="Nomad")
        t = Terminal(w, "migrate-user", "login", "nomad", "phone")
        t.see("Phone number:")
        t.type(phone)
        t.see("Code:")
        w.sandbox.call("fault", kind="rpc_error", method="auth.signIn", code=303, text="USER_MIGRATE_3", times=1)
        t.type(w.sandbox.call("login_code", phone=phone)["code"])
        t.see(r"PHONE_CODE_EXPIRED(?s:.*)via: sms(?s:.*)Code:")
        assert [c["dc"] for c in w.sandbox.call("calls", method="auth.sendCode")["calls"]][2:] == [2, 3]
        t.type(w.sandbox.call("login_code", phone=phone)["code"])
        text = t.end(0)
        assert '"name": "Nomad"' in text and "MIGRATE" not in text, text


@case
def code_expired():
    with World() as w:
        w.sandbox.call("create_user", phone=PHONE, first_name="Late")
        w.sandbox.call("delivery", phone=PHONE, ways=["sms"], life=1)
        t = Terminal(w, "expired", "login", "phone")
        t.see("Phone number:")
        t.type(PHONE)
        t.see("Code:")
        old = w.sandbox.call("login_code", phone=PHONE)["code"]
        time.sleep(1.2)
        w.sandbox.call("delivery", phone=PHONE, ways=["call"])
        t.type(old)
        t.see(r"PHONE_CODE_EXPIRED(?s:.*)via: call(?s:.*)Code:")  # a new one has been sent
        t.type(w.sandbox.call("login_code", phone=PHONE)["code"])
        assert '"name": "Late"' in t.end(0)


@case
def killed_at_each_prompt():
    """The daemon dies while a person is asked: the answer gets lost, and says so; login goes on at the same step."""
    with World() as w:
        user = w.sandbox.call("create_user", phone=PHONE, first_name="Phoenix", password="out of the ashes")["user_id"]
        w.sandbox.call("set_password", user=user, password="out of the ashes", email="p@example.org", hint="fire")
        t = Terminal(w, "killed-at-code", "login", "phone")
        t.see("Phone number:")
        t.type(PHONE)
        for name, prompt, answer in (("code", "via: sms(?s:.*)Code:", "22222"),
                                     ("password", "hint: fire(?s:.*)Password:", "out of the ashes")):
            t.see(prompt)
            w.daemon.kill()
            t.type(answer)
            t.see(r"the daemon (is gone|closed the connection)(?s:.*)When layerd runs again: layerctl login main goes on")
            assert answer not in t.end(3)
            w.daemon.start()
            t = Terminal(w, "after-" + name, "login")
            t.see(prompt)
            t.type(answer)
        assert '"name": "Phoenix"' in t.end(0)
        assert len(w.sandbox.call("calls", method="auth.sendCode")["calls"]) == 1
        code, _, err = ctl(w, "login")
        assert code == 2 and "no login waits there" in err, (code, err)


@case
def qr_killed_and_shown_again():
    with World() as w:
        user = w.sandbox.call("create_user", phone=PHONE, first_name="Phoenix")["user_id"]
        t = Terminal(w, "killed-at-qr", "login", "qr")
        first = scan(t)
        w.daemon.kill()
        t.end(3)
        w.daemon.start()
        t = Terminal(w, "after-qr", "login")
        w.sandbox.call("accept_qr", user=user, token=scan(t, {first}))
        assert '"name": "Phoenix"' in t.end(0)


@case
def qr_across_data_centres():
    with World(sandbox_args=("--dcs", "3")) as w:
        user = w.sandbox.call("create_user", phone="+9996630777", first_name="Far")["user_id"]
        t = Terminal(w, "qr-across", "login", "qr")
        w.sandbox.call("accept_qr", user=user, token=scan(t))
        assert '"name": "Far"' in t.end(0)


@case
def sign_up_with_terms():
    with World() as w:
        w.sandbox.call("delivery", phone=PHONE, ways=["sms"], terms="Be excellent to each other.")
        t = Terminal(w, "sign-up", "login", "work", "phone")
        t.see("Phone number:")
        t.type(PHONE)
        t.see("Code:")
        t.type("22222")
        t.see(r"Be excellent(?s:.*)First name")
        t.type("Bill")
        t.see("accept these terms")
        t.type("yes")
        assert '"name": "Bill"' in t.end(0)


@case
def qr_redrawn_and_scanned():
    with World() as w:
        w.sandbox.call("qr_life", seconds=4)
        user = w.sandbox.call("create_user", phone=PHONE, first_name="Carl", password="after the scan")["user_id"]
        t = Terminal(w, "qr", "login", "qr")
        first = scan(t)
        second = scan(t, {first})  # the first one expired
        assert t.screen().count("Scan it") == 1, "drawn over the one before:\n%s" % t.screen()
        link = second
        for _ in range(5):  # it may end while we look
            try:
                w.sandbox.call("accept_qr", user=user, token=link)
                break
            except Exception:
                link = scan(t, {first, link})
        with open(os.path.join(SCREENS, "qr-code.txt"), "w") as f:
            f.write(t.screen())
        t.see("Password:")
        t.type("after the scan")
        text = t.end(0)
        assert '"name": "Carl"' in text and "after the scan" not in text, text


@case
def bot_token_is_not_shown():
    with World() as w:
        token = w.sandbox.call("create_bot", username="term_bot")["token"]
        t = Terminal(w, "bot", "login", "bot")
        t.see("Bot token:")
        t.type("1:wrong")
        t.end(1)
        t = Terminal(w, "bot-again", "login", "bot")
        t.see("Bot token:")
        t.type(token)
        text = t.end(0)
        assert token.split(":")[1] not in text, text


def ctl(w, *args, stdin="", fds=()):
    done = subprocess.run([CTL, "-s", w.daemon.path, *args], input=stdin.encode(), capture_output=True, pass_fds=fds,
                          timeout=60 * SLOW)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@case
def without_a_person():
    """--no-input: files and descriptors, else exit 10 and the state that waits."""
    with World() as w:
        token = w.sandbox.call("create_bot", username="file_bot")["token"]
        path = os.path.join(w.folder, "secret")
        with open(path, "w") as f:
            f.write(token + "\n")
        code, out, _ = ctl(w, "login", "bot1", "bot", "--no-input", "--token-file", path)
        assert code == 0 and json.loads(out)["state"] == "ready", (code, out)
        assert ctl(w, "login", "bot2", "bot", "--no-input", stdin=token)[0] == 10
        user = w.sandbox.call("create_user", phone=PHONE, first_name="Dan", password="in a file")["user_id"]
        code, out, _ = ctl(w, "login", "dan", "phone", "--no-input", "--phone", PHONE)
        assert code == 10 and json.loads(out)["state"] == "wait_code", (code, out)
        with open(path, "w") as f:
            f.write("in a file\n")
        reader, writer = os.pipe()
        os.write(writer, b"22222\n")
        os.close(writer)
        code, out, err = ctl(w, "login", "dan", "phone", "--no-input", "--phone=" + PHONE, "--code-fd", str(reader),
                             "--password-file", path, fds=(reader,))
        os.close(reader)
        assert code == 0 and json.loads(out)["user"]["id"] == user, (code, out, err)
        reader, writer = os.pipe()
        os.write(writer, b"22222\n")
        os.close(writer)
        code, out, err = ctl(w, "login", "new", "phone", "--no-input", "--phone", "+9996620778", "--code-fd",
                             str(reader), "--first-name", "Eve", "--accept-terms", fds=(reader,))
        os.close(reader)
        assert code == 0 and json.loads(out)["name"] == "Eve", (code, out, err)
        assert ctl(w, "login", "x", "phone", "--code-fd", "many")[0] == 2


if __name__ == "__main__":
    main()
