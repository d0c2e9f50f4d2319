"""Pyrogram at the sandbox's door. It has no option for another server: its list of data centres and of keys is
replaced. See tests/interop/stage.py for the play."""

import asyncio
import base64
import os
import sys

import pyrogram
from pyrogram import Client, errors, filters, handlers
from pyrogram.crypto import rsa
from pyrogram.session.internals import DataCenter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from player import answer, ok, perform, play, talk


def numbers_of(der):
    """n and e of a PKCS#1 key, or of the one inside an SPKI."""
    def read(at):
        tag, n, at = der[at], der[at + 1], at + 2
        if n & 128:
            count, n = n & 127, int.from_bytes(der[at:at + (n & 127)], "big")
            at += count
        return tag, at, at + n

    _, at, _ = read(0)
    tag, start, end = read(at)
    if tag == 0x30:  # SPKI: the algorithm, then a bit string with the key
        _, start, _ = read(end)
        _, start, _ = read(start + 1)
        _, start, end = read(start)
    n = int.from_bytes(der[start:end], "big")
    _, start, end = read(end)
    return n, int.from_bytes(der[start:end], "big")


def point_at_the_sandbox():
    pem = open(play["key"]).read()
    n, e = numbers_of(base64.b64decode("".join(x for x in pem.splitlines() if not x.startswith("-"))))
    fingerprint = int(play["fingerprint"], 16) if isinstance(play["fingerprint"], str) else play["fingerprint"]
    fingerprint -= (fingerprint >> 63) << 64
    rsa.server_public_keys.clear()
    rsa.server_public_keys[fingerprint] = rsa.PublicKey(n, e)
    places = {dc["id"]: (dc["host"], dc["port"]) for dc in play["dcs"]}
    DataCenter.__new__ = lambda cls, dc_id, test_mode, ipv6, media: places[dc_id]


def client(name, **more):
    return Client(name, api_id=1, api_hash="0" * 32, in_memory=True, **more)


def answers(app, peer):
    """Texts that the peer writes, as they come in by updates."""
    queue = asyncio.Queue()

    async def put(_, message):
        queue.put_nowait(message.text)
    app.add_handler(handlers.MessageHandler(put, filters.incoming & filters.user(peer)))
    return queue


async def user():
    app = client("user")
    await app.connect()
    code = await app.send_code(play["phone"])
    try:
        await app.sign_in(play["phone"], code.phone_code_hash, play["code"])
        raise AssertionError("no password was asked for")
    except errors.SessionPasswordNeeded:
        me = await app.check_password(play["password"])
        ok("user_password")
    assert me.id == play["user_id"], me
    session = await app.export_session_string()
    await app.disconnect()
    app = client("user again", session_string=session)
    await app.start()
    assert (await app.get_me()).id == play["user_id"]

    async def download(sent):
        return (await app.download_media(sent, in_memory=True)).getvalue()
    await talk(app, answers, app.send_document, download)


async def bot():
    app = client("bot", bot_token=play["token"])
    await app.start()
    me = await app.get_me()
    assert me.is_bot and me.username == play["bot"], me
    await answer(app, answers)
    print("session", await app.export_session_string(), flush=True)
    await app.stop()


print("# Pyrogram", pyrogram.__version__, "layer", pyrogram.raw.all.layer, flush=True)
point_at_the_sandbox()
asyncio.get_event_loop().run_until_complete(perform(user, bot))
