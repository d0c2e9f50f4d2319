"""Pyrogram at the sandbox's door. It has no option for another server: its list of data centres and of keys is
replaced. See tests/interop/stage.py for the play."""

import asyncio
import base64
import io
import json
import logging
import os

import pyrogram
from pyrogram import Client, errors, filters, handlers
from pyrogram.crypto import rsa
from pyrogram.session.internals import DataCenter

play = json.loads(os.environ["INTEROP"])
logging.basicConfig(level=logging.WARNING)


def ok(step):
    print("ok", step, flush=True)


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


async def expect(queue, text):
    got = await asyncio.wait_for(queue.get(), 20)
    assert got.endswith(text), "got %r, want %r" % (got, text)


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
    ok("user_login")
    await app.send_message(play["friend"], play["hello"])
    ok("user_send")
    echo = answers(app, play["echo"])
    await app.send_message(play["echo"], "one two")
    await expect(echo, "one two")
    ok("user_receive")
    data = os.urandom(700_000)
    document = io.BytesIO(data)
    document.name = "big.bin"
    sent = await app.send_document(play["friend"], document, force_document=True)
    ok("user_upload")
    got = (await app.download_media(sent, in_memory=True)).getvalue()
    assert got == data, "%d bytes came back" % len(got)
    ok("user_download")
    echo = answers(app, play["layerd_bot"])
    await app.send_message(play["layerd_bot"], "over layerd")
    await expect(echo, "over layerd")
    ok("user_talks_to_layerd")
    greeting = answers(app, play["layerd_user"])
    print("listening", flush=True)
    await expect(greeting, play["greeting"])
    ok("user_hears_layerds_user")
    await app.log_out()
    ok("user_logout")


async def bot():
    app = client("bot", bot_token=play["token"])
    await app.start()
    me = await app.get_me()
    assert me.is_bot and me.username == play["bot"], me
    ok("bot_login")
    heard = answers(app, play["friend"])
    print("ready", flush=True)
    await expect(heard, play["question"])
    ok("bot_receive")
    await app.send_message(play["friend"], play["reply"])
    ok("bot_send")
    print("session", await app.export_session_string(), flush=True)
    await app.stop()


async def main():
    for act in (user, bot):
        try:
            await asyncio.wait_for(act(), 90)
        except Exception as e:
            print("FAILED %s: %s: %s" % (act.__name__, type(e).__name__, e), flush=True)
            logging.exception(act.__name__)


print("# Pyrogram", pyrogram.__version__, "layer", pyrogram.raw.all.layer, flush=True)
point_at_the_sandbox()
asyncio.get_event_loop().run_until_complete(main())
