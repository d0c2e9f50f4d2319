#!/usr/bin/env python3
"""A hostile or broken server, row by row of RELIABILITY §11: while each fault strikes, and after it, the daemon
lives, every request is answered once, every message of others arrives once, nothing is sent twice. Prints the table.
LAYERD_ROUNDS repeats each fault, and adds those that make the daemon wait long (1: without them)."""

import os
import time

from box import SLOW, World, case, main

ROUNDS = int(os.environ.get("LAYERD_ROUNDS", "1"))
FULL = ROUNDS > 1
REDUCED = os.environ.get("LAYERD_REDUCED")
SENDS = 2
PATIENCE = 90 * SLOW  # storms are answered by a back-off of up to a minute
# What a caller may be told while a server misbehaves; everything else is a failure.
ALLOWED = {"outcome_unknown", "wire", "internal", "too_large", "offline", "flood_wait", "telegram", "timeout"}


def packets(*names):
    """In front of the right ones."""
    return [dict(kind="inject", text=name, times=4) for name in names]


def instead(name):
    return [dict(kind="packet", text=name, times=3)] if FULL else []


def messages(*names, times=2, repeat=1):
    return [dict(kind="message", text=name, times=times, seconds=repeat) for name in names]


def refusals(*texts, code=420):
    """Each of a method of its own: some are held back for a fortnight from then on."""
    methods = (["help.getNearestDc", "help.getAppConfig", "help.getCdnConfig", "contacts.getContacts", "help.getSupport"]
               if code == 420 else ["help.getInviteText", "help.getTermsOfServiceUpdate", "contacts.getStatuses"])
    return [dict(kind="rpc_error", code=code, text=text, times=2, method=method) for text, method in zip(texts, methods)]


ROWS = [
    ("wrong auth_key_id, msg_key mismatch", packets("wrong_key_id", "wrong_msg_key", "random_bytes", "four_bytes")
     + [dict(kind="packet", text="wrong_msg_key", times=3)] + [dict(kind="corrupt", direction="out", times=2)]),
    ("padding, length % 4, length > data", packets("no_padding", "much_padding", "length_unaligned", "length_huge",
                                                   "length_negative", "truncated")
     + instead("truncated")),
    ("wrong session, client's msg_id, parity", packets("other_session", "clients_id", "even_id", "odd_seqno")
     + instead("other_session")),
    ("msg_id too old or too new", packets("old_id", "new_id", "id_far")
     + ([dict(kind="skew", seconds=400), dict(kind="skew", seconds=-400)] if FULL else [])),
    ("replay, duplicate, reorder", [dict(kind="duplicate", times=20), dict(kind="reorder", times=5)]),
    ("bad_server_salt and bad_msg storms", [dict(kind="bad_msg", code=code, times=1)
                                            for code in (16, 64, 17, 18, 19, 20, 32, 33, 34, 35)[:10 if FULL else 2]]
     + [dict(kind="bad_salt", times=3)] + messages("bad_salt", repeat=20)
     + (messages("bad_msg", repeat=20) if FULL else [])),
    ("gzip bomb, nested gzip", messages("bomb", "gzip_in_gzip", "gzip_of_container", "bombs_in_container", times=1)
     + [dict(kind="bomb", method="users.getUsers", times=1)]),
    ("lying vectors, strings, containers", messages("vector_huge", "string_past_end", "container_lies",
                                                    "container_of_many", "container_in_container")),
    ("truncated, random, unknown", messages("truncated", "random_bytes", "unknown")
     + [dict(kind="unknown_constructor", times=1)]),
    ("service messages without sense", messages("new_session", "ack_of_nothing", "detailed_info", "salts", "pong",
                                                "state_info", repeat=3)),
    ("pts back, far, negative, 2^31-1, storm", messages("pts_back", "pts_far", "pts_negative", "pts_most")
     + messages("channel_storm", repeat=50)),
    ("differenceTooLong", [dict(kind="too_long", times=1, restart=True)]),
    ("result for nobody, twice, wrong type", messages("twice", "for_nobody", "wrong_type", "no_result")),
    ("FLOOD_WAIT absurd", refusals("FLOOD_WAIT_86400", "FLOOD_PREMIUM_WAIT_1", "FLOOD_WAIT_-1", "FLOOD_WAIT_",
                                   "FLOOD_WAIT_99999999999999999999")),
    ("redirect loops", refusals("FILE_MIGRATE_1", "FILE_MIGRATE_99", "USER_MIGRATE_0", code=303)),
    ("invalid UTF-8, U+0000", [dict(kind="bad_text")]),
    ("cut, RST, loss, delay, silence, drops", [
        dict(kind="cut", times=2), dict(kind="reset", times=2), dict(kind="drop", direction="in", times=2),
        dict(kind="drop", direction="out", times=2), dict(kind="delay", seconds=0.2, times=4),
        dict(kind="stall", seconds=0.3, times=1), dict(kind="trickle", seconds=0.001)]),
]
HOPELESS = "RSA fingerprint unknown"  # tried again after a minute only
HANDSHAKES = [
    ("pq factor attack", ["pq_one", "pq_prime", "pq_huge", "pq_long"]),
    ("wrong nonce, garbage", ["nonce", "server_nonce", "garbage"]),
    ("unsafe dh_prime, g", ["prime", "prime_short", "g"]),
    ("g_a out of range", ["ga_one", "ga_zero", "ga_minus1"]),
    ("SHA mismatch, cut, hash", ["sha", "dh_cut", "hash"]),
    ("dh_gen_retry loop, dh_gen_fail", ["retry", "fail"]),
    (HOPELESS, ["fingerprint", "no_keys"]),
]


class Rig:
    """A bot with a subscriber; keeps score over the whole table."""

    def __init__(self, w):
        self.w = w
        self.bot, _ = w.bot("hostile_bot")
        self.user = w.user(1)
        self.sub = w.daemon.line(60)
        self.sub.call("subscribe", types=["new_message"], direction="in")
        self.line = w.daemon.line(60)
        self.line.call("use_account", account="main")
        self.n = 0
        self.sent, self.answered, self.errors = set(), set(), {}
        self.wanted, self.arrived, self.seqs = [], [], set()
        self.requests = 0
        self.say("/start")
        self.updates(time.monotonic() + PATIENCE)

    def say(self, text):
        self.w.sandbox.call("send", **{"from": self.user, "to": self.bot, "text": text})
        self.wanted.append(text)

    def ask(self, method=None):
        """Pipelined: sends and a read, and what a fault is for. The ids that wait for an answer."""
        ids = {}
        for _ in range(SENDS):
            self.n += 1
            ids[self.n] = "s%d" % self.n
            self.sent.add(ids[self.n])
            self.line.send({"id": self.n, "method": "send_message",
                            "params": {"peer": self.user, "text": ids[self.n], "flood_wait": 0}})
        for name, params in [("users.getUsers", {"id": ["me"]})] + ([(method, {})] if method else []):
            self.n += 1
            ids[self.n] = None
            self.line.send({"id": self.n, "method": name, "params": dict(params, flood_wait=2)})
        self.requests += len(ids)
        return ids

    def note(self, n):
        p = n["params"]
        assert p["seq"] not in self.seqs, "offered twice: %s" % p
        self.seqs.add(p["seq"])
        if p["type"] == "new_message":
            self.arrived.append(p["message"]["text"])

    def quietly(self, line, end):
        """The next line, or None when the time is over."""
        left = end - time.monotonic()
        if left <= 0:
            return None
        line.sock.settimeout(left)
        try:
            got = line.read()
        except (TimeoutError, OSError):
            return None
        assert got is not None, "the daemon closed a connection"
        return got

    def answers(self, ids, end):
        while ids:
            a = self.quietly(self.line, end)
            if a is None:
                return
            assert a["id"] in ids, "answered twice, or never asked: %s" % a
            text = ids.pop(a["id"])
            if "error" in a:
                kind = a["error"]["data"]["kind"]
                assert kind in ALLOWED, a
                self.errors[kind] = self.errors.get(kind, 0) + 1
            elif text:
                self.answered.add(text)

    def updates(self, end):
        while len(self.arrived) < len(self.wanted):
            n = self.quietly(self.sub, end)
            if n is None:
                return
            self.note(n)

    def strike(self, fault):
        """One fault under traffic, then without it; the seconds until all was well again."""
        sandbox, took = self.w.sandbox, time.monotonic()
        sandbox.call("fault", **{k: v for k, v in fault.items() if k != "restart"})
        bad = "~~~~" if fault["kind"] == "bad_text" else ""
        self.say("u%d%s" % (len(self.wanted), bad))
        method = fault.get("method")
        ids = self.ask(method if method != "users.getUsers" else None)
        self.say("u%d%s" % (len(self.wanted), bad))
        if "restart" in fault:  # it strikes the difference after a loss, and what is not there by then is lost
            self.updates(time.monotonic() + PATIENCE)
            sandbox.call("restart_dc", id=2)
            ids.update(self.ask())
        if fault["kind"] != "skew":
            sandbox.struck()
        self.answers(ids, time.monotonic() + 0.3 * SLOW)
        self.updates(time.monotonic() + 0.1 * SLOW)
        sandbox.call("clear_faults")
        if ids or len(self.arrived) < len(self.wanted):
            sandbox.call("restart_dc", id=2)  # what is silent would be noticed after a minute only
        more = self.ask()
        ids.update(more)
        self.say("u%d" % len(self.wanted))
        end = time.monotonic() + PATIENCE
        self.answers(ids, end)
        self.updates(end)
        took = time.monotonic() - took
        assert not ids, "%s: not answered: %s" % (fault, ids)
        want = [t.replace("~~~~", "") for t in self.wanted]
        got = [t.encode("utf-8").decode("utf-8").split("�")[0].split("\0")[0] for t in self.arrived]
        assert sorted(got) == sorted(want), "%s: missing %s, too much %s" % (
            fault, sorted(set(want) - set(got))[:5], sorted(set(got) - set(want))[:5])
        self.w.check()
        return took

    def check(self):
        """What the server has: every answered send once, no send twice."""
        count = {}
        for m in self.w.sandbox.call("messages", peer=self.user, **{"as": self.bot})["messages"]:
            count[m["text"]] = count.get(m["text"], 0) + 1
        missing = [t for t in self.answered if count.get(t) != 1]
        double = [t for t in self.sent if count.get(t, 0) > 1]
        assert not missing, "answered and not there: %s" % missing[:5]
        assert not double, "sent twice: %s" % double[:5]
        assert len(self.answered) > len(self.sent) / 2, "hardly anything was answered: %s" % self.errors


def row(name, n, took, more=""):
    print("  %-42s %3d faults  worst %5.2f s%s" % (name, n, max(took), more), flush=True)


@case
def the_table():
    with World() as w:
        rig = Rig(w)
        faults = 0
        for name, list_ in ROWS:
            list_ = list_ if FULL else list_[:2 if REDUCED else 5]
            took = [rig.strike(fault) for _ in range(ROUNDS) for fault in list_]
            if os.environ.get("LAYERD_VERBOSE"):
                print([(f.get("text", f["kind"]), round(t, 2)) for f, t in zip(list_, took)])
            faults += len(took)
            row(name, len(took), took)
        rig.check()
        rss = w.daemon.line().call("stats")["rss_anon_kb"]
        assert SLOW > 1 or rss < 16 << 10, "%d kB" % rss
        print("%d faults, %d requests, each answered once (%d sends, errors %s), %d messages arrived once, 0 lost, "
              "RssAnon %d kB" % (faults, rig.requests, len(rig.answered), rig.errors, len(rig.arrived), rss))


@case
def key_exchanges():
    """A new account for each bend: no key comes of it, the daemon goes on trying slowly, and succeeds when the
    server is sane; another account works meanwhile."""
    with World() as w:
        rig = Rig(w)
        n = 0
        for name, bends in HANDSHAKES:
            took = []
            tries = 0
            for bend in bends * ROUNDS if FULL else bends[:1]:
                n += 1
                token = w.sandbox.call("create_bot", username="h%d_bot" % n, first_name="H")["token"]
                before = w.sandbox.call("stats")["net"]
                w.sandbox.call("fault", kind="handshake", text=bend)
                line = w.daemon.line(60)
                line.send({"id": 1, "method": "bot_sign_in", "params": {"token": token, "account": "h%d" % n}})
                ids = rig.ask()
                rig.answers(ids, time.monotonic() + PATIENCE)
                assert not ids, "the other account stands still"
                w.sandbox.struck()
                time.sleep(0.3)
                stats = w.sandbox.call("stats")["net"]
                made = stats["handshakes"] - before["handshakes"]
                tries = max(tries, stats["accepted"] - before["accepted"])
                assert not made or bend == "hash", "%s: a key was made" % bend
                assert tries < 10, "%s: %d connections in 0.3 s" % (bend, tries)
                w.sandbox.call("clear_faults")
                start = time.monotonic()
                if name == HOPELESS and not FULL:
                    took.append(0)
                    line.close()
                    continue
                answer = line.read()
                assert "result" in answer, (bend, answer)
                took.append(time.monotonic() - start)
                line.call("sign_out", account="h%d" % n)
                line.call("remove_account", account="h%d" % n)
                line.close()
                w.check()
            row(name, len(took), took, ", at most %d connections meanwhile" % tries)
        rig.check()
        print("%d key exchanges bent, 0 keys of them, %d sends of another account meanwhile" % (n, len(rig.answered)))


if __name__ == "__main__":
    main()
