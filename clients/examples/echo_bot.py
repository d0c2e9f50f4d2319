#!/usr/bin/env python3
"""A bot that says what it is told. Log a bot in first: layerctl login bot"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
import layerd

tg = layerd.Client(account=sys.argv[1] if len(sys.argv) > 1 else None)
for update in tg.updates(types=["new_message"], direction="in"):
    message = update["message"]
    if message.get("text"):
        try:
            tg.send_message(peer=message["chat"], text=message["text"])
            print("answered %s: %s" % (message["chat"]["id"], message["text"]), flush=True)
        except layerd.Error as e:
            print("could not answer: %s" % e, file=sys.stderr, flush=True)
