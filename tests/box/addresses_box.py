#!/usr/bin/env python3
"""Ways through bad networks: closed ports, a family that leads nowhere, a link that comes back (C.70, C.71,
E.4), in network namespaces (netns.py)."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box
import netns
from box import case
from netns import HOME4, HOME6, WORLD4, WORLD6, Street

MAIN4, MAIN6 = netns.TELEGRAM[2][0], "2001:67c:4e8:f002::a"


def wall(rules):
    """Rules for what comes into the world; they go with its table."""
    netns.sh("nft -f -", text=True, input="table inet wall {\n chain in {\n type filter hook input priority 0\n %s\n }\n}\n" % rules)


def unwall():
    netns.sh("nft delete table inet wall")


def peers(s):
    """Where the daemon's connections lead."""
    out = s.at_home("ss -Htn state established", stdout=-1, text=True).stdout
    return [line.split()[3] for line in out.splitlines()]


@case
def a_port_that_is_open():
    """443 is closed and 80 is, at every address: 5222 is found."""
    with Street("--also", "2=%s:5222" % MAIN4) as s:
        wall("tcp dport { 80, 443 } reject with tcp reset")
        try:
            s.house("--ipv6", "never")
            s.bot()
            assert peers(s) and all(p.endswith(":5222") for p in peers(s)), peers(s)
        finally:
            unwall()


@case
def a_family_that_leads_nowhere():
    """What is sent there is lost without a word; the other family is tried a moment later."""
    for name, family, good in (("prefer", "ip6 daddr != %s" % WORLD6, MAIN4), ("allow", "ip daddr != %s" % WORLD4, MAIN6)):
        with Street() as s:
            wall("%s tcp dport 443 drop" % family)
            try:
                s.house("--ipv6", name)
                since = time.monotonic()
                s.bot()
                assert time.monotonic() - since < 9 * box.SLOW  # a connect alone would wait longer
                assert [p for p in peers(s) if p.startswith(netns.brackets(good))], peers(s)
            finally:
                unwall()


@case
def only_one_family():
    with Street() as s:
        s.house("--ipv6", "only")
        s.bot()
        assert peers(s) and all(p.startswith("[2001:") for p in peers(s)), peers(s)


@case
def a_link_that_comes_back():
    """The kernel tells: nobody waits for the end of a back-off; and whoever knows better may say so."""
    with Street() as s:
        house = s.house("--log-level", "debug")
        s.bot()
        house.kill(15)
        s.at_home("ip link set home down")
        house.start()
        line = house.line(60)
        time.sleep(8)  # the next attempt is some seconds away
        s.at_home("ip link set home up; ip addr replace %s/30 dev home; ip addr replace %s/64 dev home nodad;"
                  "ip route replace default via %s; ip -6 route replace default via %s" % (HOME4, HOME6, WORLD4, WORLD6))
        line.call("wait", **{"for": "online", "timeout": 30})
        log = open(house.log).read()
        behind = log[log.rindex("network_changed"):]
        assert re.search(r"link_opening.*?connection_state account=main online=1", behind, re.S), log[-3000:]
        assert line.call("signal_network_restored") == {"signalled": True}
        line.close()


if __name__ == "__main__":
    netns.enter()
    box.main()
