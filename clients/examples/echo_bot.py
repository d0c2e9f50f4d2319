#!/usr/bin/env python3
"""A bot that says what it is told, each message once, whatever dies in between: an update is acknowledged
when the next one is asked for, and its number makes the answer's key. Log a bot in first: layerctl login bot"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
import layerd

tg = layerd.Client()
for update in tg.updates(consumer="echo_py", types=["new_message"], direction="in"):
    message = update.get("message")
    if message and message.get("text"):
        try:
            tg.send_message(peer=message["chat"], text=message["text"], account=update["account"],
                            idempotency_key=layerd.key("echo_py", update))
            print("answered %s: %s" % (message["chat"]["id"], message["text"]), flush=True)
        except layerd.Error as e:
            if e.kind != "telegram":
                raise
            print("could not answer: %s" % e, file=sys.stderr, flush=True)
