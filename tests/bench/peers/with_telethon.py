#!/usr/bin/env python3
"""Telethon's own code on the packets of message_bench: MTProtoState seals and opens, its reader reads, to_json
writes. Opening includes reading the object, as it has no door between the two. Microseconds of CPU as JSON."""
import json
import logging
import sys
import time

from telethon.crypto import AuthKey
from telethon.extensions import BinaryReader
from telethon.network.mtprotostate import MTProtoState

packets = json.load(open(sys.argv[1]))
raw = {k: bytes.fromhex(v) for k, v in packets.items() if k != "session"}
state = MTProtoState(AuthKey(raw["key"]), {"telethon.network.mtprotostate": logging.getLogger()})
state.id = int(packets["session"])


def opened(name):
    state._recent_remote_ids.clear()  # the same packet again is no repetition
    state._highest_remote_id = 0
    message = state.decrypt_message_data(raw[name])
    assert message is not None
    return message.obj


def per_call(once, least=0.1):
    once()
    calls, start = 0, time.process_time()
    while time.process_time() - start < least:
        once()
        calls += 1
    return (time.process_time() - start) / calls * 1e6


print(json.dumps({
    "open small": per_call(lambda: opened("update_packet")),
    "seal small": per_call(lambda: state.encrypt_message_data(raw["update"])),
    "open big": per_call(lambda: opened("file_packet")),
    "seal big": per_call(lambda: state.encrypt_message_data(raw["file"])),
    "update": per_call(lambda: opened("update_packet").to_json()),
}))
