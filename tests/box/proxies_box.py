#!/usr/bin/env python3
"""Proxies that others wrote (Debian's microsocks and tinyproxy, and dante where it is installed), between a daemon at home and
Telegram's own addresses, in network namespaces (netns.py)."""

import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box
import netns
from box import case
from netns import WORLD4, WORLD6, Street

PORT = 1080
DANTE = """
logoutput: stderr
internal: %s port = %d
external: %s
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 }
socks pass { from: 0/0 to: 0/0 }
""" % (WORLD4, PORT, WORLD4)
TINYPROXY = """
Port %d
Listen %s
Timeout 600
ConnectPort 443
%s
"""


def listening(host):
    want = "%s:%d" % (netns.brackets(host), PORT)
    out = subprocess.run(["ss", "-Hltn"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return any(line.split()[3] == want for line in out.splitlines())


def through(host, link, command, config=None):
    """Runs the proxy, and a daemon's life behind it."""
    with Street() as s:
        if config:
            path = os.path.join(s.folder, "proxy.conf")
            with open(path, "w") as f:
                f.write(config)
            command = [*command, path]
        log = open(os.path.join(s.folder, "proxy.log"), "w")
        proxy = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(100 * box.SLOW):
                assert proxy.poll() is None, open(log.name).read()
                if listening(host):
                    break
                time.sleep(0.05)
            s.live(s.house("--proxy", link % (netns.brackets(host), PORT)))
            assert s.counted("past") == 0 and s.counted("proxied") > 50
        finally:
            proxy.terminate()
            proxy.wait()
            log.close()


@case
def microsocks_with_a_password():
    through(WORLD4, "socks5://me:p%%40ss@%s:%d", ["microsocks", "-i", WORLD4, "-p", str(PORT), "-u", "me", "-P", "p@ss"])


if shutil.which("danted"):  # Debian 13 has no dante-server
    @case
    def dante():
        through(WORLD4, "tg://socks?server=%s&port=%d", ["danted", "-f"], DANTE)


@case
def tinyproxy_with_a_password():
    through(WORLD6, "http://me:pw@%s:%d", ["tinyproxy", "-d", "-c"], TINYPROXY % (PORT, WORLD6, "BasicAuth me pw"))


if not os.environ.get("LAYERD_REDUCED"):
    @case
    def microsocks():
        through(WORLD6, "socks5://%s:%d", ["microsocks", "-i", WORLD6, "-p", str(PORT)])

    @case
    def tinyproxy():
        through(WORLD4, "http://%s:%d", ["tinyproxy", "-d", "-c"], TINYPROXY % (PORT, WORLD4, ""))


if __name__ == "__main__":
    netns.enter()
    box.main()
