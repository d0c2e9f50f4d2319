#!/usr/bin/env python3
"""A daemon behind mtprotoproxy, the MTProxy on PyPI, with each kind of secret: street.py PYTHON, where PYTHON
has the package. The proxy knows Telegram's own addresses only; in the namespaces of tests/box/netns.py the
sandbox is there."""

import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "box"))
import box  # noqa: E402
import netns  # noqa: E402
from box import case  # noqa: E402
from netns import WORLD4, WORLD6, Street  # noqa: E402

KEY = "00112233445566778899aabbccddeeff"
CONFIG = """
PORT = 443
USERS = {"tg": "%s"}
LISTEN_ADDR_IPV4 = "%s"
LISTEN_ADDR_IPV6 = "%s"
TLS_DOMAIN = "front.example"
MASK_HOST = "%s"
MASK_PORT = 9
PREFER_IPV6 = False
"""
netns.enter()
PYTHON = os.path.abspath(sys.argv.pop(1))


def listening():
    out = subprocess.run(["ss", "-Hltn"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return all(any(line.split()[3] == netns.brackets(h) + ":443" for line in out.splitlines()) for h in (WORLD4, WORLD6))


def through(host, secret, *more):
    """more: lines of the proxy's configuration, which refuse every other kind of client."""
    with Street() as s:
        config = os.path.join(s.folder, "proxy.py")
        with open(config, "w") as f:
            f.write(CONFIG % (KEY, WORLD4, WORLD6, WORLD4) + "\n".join(more) + "\n")
        log = open(os.path.join(s.folder, "proxy.log"), "w")
        proxy = subprocess.Popen([PYTHON, os.path.join(HERE, "start.py"), config], stdout=log, stderr=log)
        try:
            for _ in range(400):
                assert proxy.poll() is None, open(log.name).read()[-3000:]
                if listening():
                    break
                time.sleep(0.05)
            try:
                s.live(s.house("--proxy", "tg://proxy?server=%s&port=443&secret=%s" % (host, secret), "--log-level", "debug"))
            except Exception:
                print(open(log.name).read()[-2000:], open(s.daemon.log).read()[-2000:])
                raise
            assert s.counted("past") == 0 and s.counted("proxied") > 50
        finally:
            proxy.terminate()
            proxy.wait()
            log.close()


@case
def simple_secret():
    through(WORLD4, KEY)


@case
def padded_secret():
    through(WORLD6, "dd" + KEY, "SECURE_ONLY = True")


@case
def fake_tls_secret():
    through(WORLD4, "ee" + KEY + b"front.example".hex(), "TLS_ONLY = True")


@case
def fake_tls_and_a_mask_that_never_answers():
    """Today's ClientHello gets no answer at all from this proxy: ten seconds later yesterday's one is tried,
    and every further connection of the account begins with that."""
    through(WORLD6, "ee" + KEY + b"front.example".hex(), "TLS_ONLY = True", "MASK = False")


box.main()
