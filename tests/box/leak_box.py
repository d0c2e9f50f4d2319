#!/usr/bin/env python3
"""No way past a proxy: an account behind one makes no other connection, whatever happens to it (netns.py
has the rig). The same rig notices a daemon that goes directly."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box
import netns
from box import RpcError, case
from netns import WORLD4, WORLD6, Street

KEY = "00112233445566778899aabbccddeeff"
DOORS = {"socks5": "socks5=%s:0,me:pw", "http": "http=%s:0,me:pw", "mtproxy": "mtproxy=%s:0," + KEY,
         "dd": "mtproxy=%s:0,dd" + KEY, "ee": "mtproxy=%s:0,ee" + KEY + b"front.example".hex()}


def behind(name, host, *more):
    with Street("--proxy", DOORS[name] % netns.brackets(host)) as s:
        house = s.house("--proxy", s.sandbox.ready["proxies"][0]["link"], *more)
        s.live(house)
        past, direct, proxied = s.counted("past"), s.direct(), s.counted("proxied")
        assert past == 0 and direct == 0 and proxied > 50, (past, direct, proxied)
        print("       %s at %s: %d packets to the proxy, %d past it, %d direct connections" % (
            name, host, proxied, past, direct))


@case
def without_a_proxy_it_is_noticed():
    with Street() as s:
        s.live(s.house())
        past, direct = s.counted("past"), s.direct()
        assert past > 50 and direct > 3 and s.counted("proxied") == 0, (past, direct)
        print("       no proxy: %d packets past, %d direct connections" % (past, direct))


@case
def behind_socks5():
    behind("socks5", WORLD4)


@case
def behind_fake_tls():
    behind("ee", WORLD6)


if not os.environ.get("LAYERD_REDUCED"):
    @case
    def behind_http():
        behind("http", WORLD6)

    @case
    def behind_mtproxy():
        behind("dd", WORLD4)
        behind("mtproxy", WORLD4)

    @case
    def with_forward_secrecy():
        behind("ee", WORLD4, "--pfs")


@case
def a_proxy_that_is_away_is_an_error():
    """Refused, silent, of another kind, with a wrong secret or password: an error, and nothing past it."""
    with Street("--proxy", DOORS["socks5"] % WORLD4, "--proxy", DOORS["ee"] % WORLD4) as s:
        socks, ee = s.sandbox.ready["proxies"]
        links = ["socks5://%s:9" % WORLD4, "socks5://[%s]:9" % WORLD6, "http://me:pw@%s:%d" % (WORLD4, socks["port"]),
                 "socks5://me:px@%s:%d" % (WORLD4, socks["port"]), "socks5://%s:%d" % (WORLD4, ee["port"]),
                 "tg://proxy?server=%s&port=%d&secret=ee%s" % (WORLD4, ee["port"], "11" * 16 + b"front.example".hex()),
                 "mtproxy://dd%s@%s:%d" % (KEY, WORLD4, socks["port"])]
        house = s.house("--proxy", "socks5://%s:9" % WORLD4)
        line = house.line(60)
        for i, link in enumerate(links):
            line.call("add_account", name="a%d" % i, proxy=link)
            line.send({"id": "s%d" % i, "method": "bot_sign_in", "params": {
                "token": "100%d:x" % i, "account": "a%d" % i, "timeout": 4}})
        for _ in links:
            answer = line.read()
            assert answer["error"]["data"]["kind"] in ("timeout", "offline", "account_not_ready"), answer
        log = open(house.log).read()
        assert all("account=a%d " % i in log for i in range(len(links))), log[-3000:]
        past, direct = s.counted("past"), s.direct()
        assert past == 0 and direct == 0 and s.counted("proxied") > 0, (past, direct)
        for bad in ("", "socks5://", "tg://proxy?server=%s&port=443" % WORLD4, "none"):
            try:
                line.call("add_account", name="bad", proxy=bad)
                raise AssertionError("taken: " + bad)
            except RpcError as e:
                assert e.code == -32602, e.error
        assert s.counted("past") == 0


@case
def one_of_each_in_one_daemon():
    """An account with its own proxy beside one without: each goes its way only."""
    with Street("--proxy", DOORS["http"] % WORLD4) as s:
        house = s.house()
        line = house.line(60)
        line.call("add_account", name="shy", proxy=s.sandbox.ready["proxies"][0]["link"])
        s.live(house, "shy")
        assert s.counted("past") == 0 and s.direct() == 0
        s.bot("open_bot")
        assert s.counted("past") > 0 and s.direct() >= 1


if __name__ == "__main__":
    netns.enter()
    box.main()
