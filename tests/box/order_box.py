#!/usr/bin/env python3
"""T33: sends that are pipelined on one connection to one chat keep their order, whatever delays and flood waits
come between. LAYERD_SENDS, LAYERD_CHATS, LAYERD_CONNECTIONS: how many."""

import json
import os
import random
import threading
import time

from box import Line, World, case, main

REDUCED = os.environ.get("LAYERD_REDUCED")
SENDS = int(os.environ.get("LAYERD_SENDS", "25" if REDUCED else "60"))
CHATS = int(os.environ.get("LAYERD_CHATS", "3" if REDUCED else "10"))
CONNECTIONS = int(os.environ.get("LAYERD_CONNECTIONS", "3" if REDUCED else "10"))
WINDOW = 200  # the daemon takes 256 in flight


class Writer(threading.Thread):
    """One connection: numbered messages to all chats, in an order of its own, many in flight."""

    def __init__(self, w, name, chats):
        super().__init__(daemon=True)
        self.line = Line(w.daemon.path, 3600)
        self.name_ = name
        rng = random.Random(name)
        self.todo = [(chat, n) for chat in chats for n in range(SENDS)]
        left = {chat: 0 for chat in chats}
        order = [chat for chat in chats for _ in range(SENDS)]
        rng.shuffle(order)
        self.todo = []
        for chat in order:
            self.todo.append((chat, left[chat]))
            left[chat] += 1
        self.errors = []

    def run(self):
        flying = 0
        todo = list(reversed(self.todo))
        while todo or flying:
            while todo and flying < WINDOW:
                chat, n = todo.pop()
                params = {"peer": chat, "text": "%s %d" % (self.name_, n), "timeout": 3600, "flood_wait": 60}
                if n % 5 == 0:  # some wait for the disk first
                    params["idempotency_key"] = "%s %s %d" % (self.name_, chat, n)
                self.line.send({"id": "%s/%d" % (chat, n), "method": "send_message", "params": params})
                flying += 1
            answer = json.loads(self.line.read_raw())
            flying -= 1
            if "error" in answer:
                self.errors.append(answer)


@case
def sends_keep_their_order():
    with World() as w:
        bot, _ = w.bot("order_bot")
        chats = [w.user(n, "P%d" % n) for n in range(1, CHATS + 1)]
        for chat in chats:
            w.sandbox.call("send", **{"from": chat, "to": bot, "text": "/start"})
        w.daemon.line().call("wait", **{"for": "online"})
        fault = w.sandbox.call
        fault("fault", kind="delay", method="messages.sendMessage", direction="in", probability=0.02, seconds=0.02)
        fault("fault", kind="delay", method="messages.sendMessage", direction="out", probability=0.02, seconds=0.02)
        fault("fault", kind="rpc_error", method="messages.sendMessage", code=420, text="FLOOD_WAIT_1", times=4, after=SENDS)
        start = time.monotonic()
        writers = [Writer(w, "w%d" % i, chats) for i in range(CONNECTIONS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(3600)
            assert not writer.is_alive() and not writer.errors, writer.errors[:3]
        for chat in chats:
            history = w.sandbox.call("messages", peer=chat, **{"as": bot})["messages"]
            for writer in writers:
                mine = [int(m["text"].split()[1]) for m in history if m["text"].startswith(writer.name_ + " ")]
                assert mine == list(range(SENDS)), "chat %d, %s: %s" % (chat, writer.name_, mine[:50])
        print("T33: %d sends x %d chats x %d connections, delayed and flooded: in order, in %.1f s"
              % (SENDS, CHATS, CONNECTIONS, time.monotonic() - start))


@case
def whatever_the_method():
    """Forwards and serialised calls stand in the same line as every other send to the chat."""
    with World() as w:
        bot, _ = w.bot("order_bot")
        user = w.user(1)
        w.greet(user, bot)
        a = w.daemon.line()
        forwarded = a.call("send_message", peer=user, text="forward")["id"]

        def text():
            return "text", "messages.sendMessage", "send_message", dict(peer=user, text="text")

        def forward():
            return "forward", "messages.forwardMessages", "messages.forwardMessages", dict(
                from_peer=user, to_peer=user, id=[forwarded])

        def raw(peer):
            value = {"_": "messages.sendMedia", "peer": peer, "message": "raw",
                     "random_id": str(random.getrandbits(62)), "media": {"_": "inputMediaGeoPoint", "geo_point": {
                         "_": "inputGeoPoint", "lat": 1.5, "long": 2.5}}}
            return "raw", "messages.sendMedia", "invoke_raw", dict(bytes=a.call("tl_encode", value=value)["bytes"])

        to = a.call("resolve_peer", peer=user)["input_peer"]
        for pair in ((forward(), text()), (text(), forward()), (raw(to), text()), (text(), raw(to))):
            w.sandbox.call("fault", kind="flood_wait", method=pair[0][1], seconds=1, times=1)
            for i, (_, _, method, params) in enumerate(pair):
                a.send({"id": "%d" % i, "method": method, "params": params})
            for _ in pair:
                answer = a.read()
                assert "result" in answer, answer
            said = [m["text"] for m in w.sandbox.call("messages", peer=user, **{"as": bot})["messages"]]
            assert said[-2:] == [name for name, _, _, _ in pair], said


if __name__ == "__main__":
    main()
