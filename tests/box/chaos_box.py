#!/usr/bin/env python3
"""kill -9 of the daemon and cuts of its connections, at random, under traffic: no new login, no crash, no
request answered twice, nothing sent twice, every answered send really there. LAYERD_KILLS sets the count."""

import json
import os
import random
import threading
import time

from box import SLOW, Line, World, case, main

REDUCED = os.environ.get("LAYERD_REDUCED")
KILLS = int(os.environ.get("LAYERD_KILLS", "10" if REDUCED else "50"))


class Traffic(threading.Thread):
    """One local program: sends numbered messages and reads, reconnects when the daemon dies, keeps score."""

    def __init__(self, path, name, peer):
        super().__init__(daemon=True)
        self.path, self.name_, self.peer = path, name, peer
        self.stop = False
        self.answered = {}  # text → message id
        self.asked = self.n = 0
        self.errors = {}
        self.twice = []

    def run(self):
        while not self.stop:
            try:
                line = Line(self.path, timeout=30)
            except OSError:
                time.sleep(0.005)
                continue
            try:
                self.talk(line)
            except OSError:
                pass
            finally:
                line.close()

    def talk(self, line):
        seen = set()
        while not self.stop:
            batch = {}
            for _ in range(4):  # pipelined
                self.n += 1
                text = "%s-%d" % (self.name_, self.n)
                batch[self.n] = text
                params = {"peer": self.peer, "text": text}
                line.send({"id": self.n, "method": "send_message", "params": params})
            self.n += 1
            line.send({"id": self.n, "method": "users.getUsers", "params": {"id": ["me"]}})
            self.asked += 5
            for _ in range(5):
                answer = line.read()
                if answer is None:
                    return
                if answer["id"] in seen:
                    self.twice.append(answer)
                seen.add(answer["id"])
                if "error" in answer:
                    kind = answer["error"]["data"]["kind"]
                    self.errors[kind] = self.errors.get(kind, 0) + 1
                elif answer["id"] in batch:
                    self.answered[batch[answer["id"]]] = answer["result"]["id"]


@case
def kills_under_traffic():
    rng = random.Random(int(os.environ.get("LAYERD_SEED", "1")))
    with World() as w:
        bot, _ = w.bot("chaos_bot")
        user = w.user(1)
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "/start"})
        programs = [Traffic(w.daemon.path, "p%d" % i, user) for i in range(3)]
        for p in programs:
            p.start()
        flood = Line(w.sandbox.control_path)  # answers at its end
        params = {"from": user, "to": bot, "count": 20 * KILLS, "rate": 100}
        flood.send({"id": 1, "method": "flood", "params": params})
        kills = cuts = 0
        logins = set()

        def note_logins():
            """As they come: the sandbox keeps the latest calls only."""
            for c in w.sandbox.call("calls", method="auth.importBotAuthorization")["calls"]:
                logins.add(json.dumps(c, sort_keys=True))

        note_logins()
        for i in range(KILLS):
            time.sleep(rng.uniform(0.02, 0.5) * SLOW)
            if rng.random() < 0.5:
                w.daemon.restart()
                kills += 1
            else:
                w.sandbox.call("fault", kind="cut", times=1)
                cuts += 1
            w.check()
            note_logins()
        assert "result" in flood.read()
        time.sleep(SLOW)
        for p in programs:
            p.stop = True
        for p in programs:
            p.join(60 * SLOW)
            assert not p.is_alive(), "a program never got its answers"
        note_logins()
        assert len(logins) == 1, "%d logins" % len(logins)
        history = w.sandbox.call("messages", peer=user, **{"as": bot})["messages"]
        texts = {}
        for m in history:
            texts[m["text"]] = texts.get(m["text"], 0) + 1
        asked = sum(p.asked for p in programs)
        answered = sum(len(p.answered) for p in programs)
        errors = {}
        for p in programs:
            assert not p.twice, "answered twice: %s" % p.twice[:3]
            for text in p.answered:
                assert texts.get(text) == 1, "%s was answered and is there %s times" % (text, texts.get(text))
            for kind, count in p.errors.items():
                errors[kind] = errors.get(kind, 0) + count
        double = [t for t, count in texts.items() if t.startswith("p") and count > 1]
        assert not double, "sent twice: %s" % double[:5]
        assert answered > KILLS, "hardly any traffic: %d answers" % answered
        unexpected = set(errors) - {"outcome_unknown", "offline", "account_not_ready", "timeout", "shutting_down"}
        assert not unexpected, errors
        print("%d kills, %d cuts, %d requests, %d sends answered, errors %s, %d logins"
              % (kills, cuts, asked, answered, errors, len(logins)))


if __name__ == "__main__":
    main()
