"""A street with two houses for box tests: network namespaces of our own, joined by one cable.

In the first, "the world", live the sandbox and the proxies, and Telegram's real addresses are on its
loopback, so that programs which know nothing else find the sandbox there. In the second, "home", lives
the daemon. Its default route leads into the world: a connection past the proxy would succeed, and two
counters would see it, the firewall's at home and the sandbox's own. Nothing leaves the machine, since
neither namespace has another cable.

A test program calls enter() before anything else; it is then started again inside the world."""

import json
import os
import subprocess
import sys

import box
from box import Daemon, Sandbox, World

WORLD4, HOME4, WORLD6, HOME6 = "10.77.0.1", "10.77.0.2", "fd77::1", "fd77::2"
TELEGRAM = {1: ["149.154.175.50", "149.154.175.53", "2001:b28:f23d:f001::a"],  # PROTOCOL, chapter J
            2: ["149.154.167.51", "149.154.167.50", "149.154.167.41", "95.161.76.100", "2001:67c:4e8:f002::a",
                "149.154.167.222"],
            3: ["149.154.175.100", "2001:b28:f23d:f003::a"],
            4: ["149.154.167.91", "2001:67c:4e8:f004::a"],
            5: ["149.154.171.5", "2001:b28:f23f:f005::a"]}
# What home sends out: to the world's own address, where only proxies listen, or past it.
WATCH = """
table inet watch {
    counter proxied { }
    counter past { }
    chain out {
        type filter hook output priority 0;
        oifname "lo" accept
        meta l4proto 58 accept # ICMPv6, by number: a small Debian has no /etc/protocols
        ip daddr %s counter name proxied accept
        ip6 daddr %s counter name proxied accept
        counter name past
    }
}
""" % (WORLD4, WORLD6)


def sh(script, **kw):
    return subprocess.run(["sh", "-ec", script], check=True, **kw)


def enter():
    """Goes on inside a network namespace of its own; without root in a user namespace as well."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.environ.get("LAYERD_STREET") == "inside":
        return
    os.environ["LAYERD_STREET"] = "inside"
    flags = ["--net"] if os.geteuid() == 0 else ["--map-root-user", "--net"]
    os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


def brackets(host):
    return "[%s]" % host if ":" in host else host


class House(Daemon):
    """The daemon at home; it knows Telegram's own addresses and the sandbox's key."""

    def __init__(self, street, *args):
        self.prefix = ["nsenter", "-t", str(street.home.pid), "-n", "--"]
        super().__init__(street.folder, None, "--rsa-key", street.sandbox.ready["rsa_key"], *args)

    def start(self):
        if self.args[0] != self.prefix[0]:
            self.args = self.prefix + self.args
        super().start()


class Street(World):
    """with Street(sandbox switches) as s: s.house("--proxy", …)"""

    def __init__(self, *sandbox_args):
        self.lives = 1
        sh("ip link set lo up")
        for hosts in TELEGRAM.values():
            for host in hosts:
                sh("ip addr replace %s dev lo %s" % (host, "nodad" if ":" in host else ""))
        self.home = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
        here = os.readlink("/proc/self/ns/net")
        while os.readlink("/proc/%d/ns/net" % self.home.pid) == here:
            pass
        sh("ip link add world type veth peer name home; ip link set home netns %d; ip link set world up;"
           "ip addr add %s/30 dev world; ip addr add %s/64 dev world nodad" % (self.home.pid, WORLD4, WORLD6))
        self.at_home("ip link set lo up; ip link set home up; ip addr add %s/30 dev home; ip addr add %s/64 dev home nodad;"
                     "ip route add default via %s; ip -6 route add default via %s; nft -f -"
                     % (HOME4, HOME6, WORLD4, WORLD6), input=WATCH, text=True)
        also = []
        for dc, hosts in TELEGRAM.items():
            for host in hosts:
                also += ["--also", "%d=%s:443" % (dc, brackets(host))]
        super().__init__(daemon=False, sandbox_args=("--dcs", "5", *also, *sandbox_args))

    def at_home(self, script, **kw):
        return sh("exec nsenter -t %d -n -- sh -ec '%s'" % (self.home.pid, script), **kw)

    def house(self, *args):
        self.daemon = House(self, *args)
        return self.daemon

    def live(self, house, account="main"):
        """A life with everything that makes connections: a login that has to move to another data centre,
        updates and messages, other data centres and their files, cuts, a restart."""
        person = self.user(self.lives)
        bot = self.sandbox.call("create_bot", username="far%d_bot" % self.lives, first_name="Far")
        self.lives += 1
        self.sandbox.call("fault", kind="migrate", method="auth.importBotAuthorization", to=4, times=1)

        line = house.line(60)
        line.call("bot_sign_in", token=bot["token"], account=account)
        assert line.call("get_me", account=account)
        line.call("subscribe", account=account, types=["new_message"])

        def talk(text):
            self.sandbox.call("send", **{"from": person, "to": bot["user_id"], "text": text})
            line.note(lambda n: n.get("method") == "update" and n["params"]["message"]["text"] == text, 60)
            line.call("send_message", account=account, peer=person, text="re: " + text)

        talk("one")
        for dc in (1, 3, 5):
            assert line.call("invoke", account=account, method="help.getNearestDc", dc_id=dc)["_"] == "nearestDc"
        part = {"file_id": "77", "file_part": 0, "bytes": "aGVsbG8="}
        assert line.call("invoke", account=account, method="upload.saveFilePart", params=part, dc_id=2) is True
        for dc in (0, 4):
            self.sandbox.call("restart_dc", id=dc)
            talk("after a cut of %d" % dc)
        line.close()
        house.restart()
        line = house.line(60)
        line.call("wait", **{"for": "online", "account": account, "timeout": 30})
        line.call("subscribe", account=account, types=["new_message"])
        talk("after a restart")
        line.close()

    def counted(self, name):
        """Packets that left home: "proxied", or "past" the proxy."""
        out = self.at_home("nft -j list counter inet watch %s" % name, stdout=subprocess.PIPE).stdout
        return next(x["counter"]["packets"] for x in json.loads(out)["nftables"] if "counter" in x)

    def direct(self):
        """Connections that came to the sandbox from home by no door of its own; real proxies come from elsewhere."""
        return self.sandbox.call("stats")["net"]["direct"]

    def __exit__(self, kind, value, tb):
        try:
            super().__exit__(kind, value, tb)
        finally:
            self.home.kill()
            self.home.wait()
            subprocess.run(["ip", "link", "del", "world"], stderr=subprocess.DEVNULL)
