"""Telethon, of Debian or of PyPI, at the sandbox's door. See tests/interop/stage.py for the play."""

import asyncio
import inspect
import io
import json
import logging
import os
import sys

import telethon
from telethon import TelegramClient, crypto, errors, events
from telethon.sessions import MemorySession, StringSession

play = json.loads(os.environ["INTEROP"])
logging.basicConfig(level=logging.WARNING)


def ok(step):
    print("ok", step, flush=True)


async def connect():
    session = MemorySession()
    session.set_dc(play["dc"], play["host"], play["port"])
    client = TelegramClient(session, 1, "0" * 32, connection_retries=2)
    await client.connect()
    return client


def answers(client, peer):
    """Texts that the peer writes, as they come in by updates."""
    queue = asyncio.Queue()

    @client.on(events.NewMessage(incoming=True))
    async def _(event):
        if getattr(await event.get_sender(), "username", None) == peer:
            queue.put_nowait(event.raw_text)
    return queue


async def expect(queue, text):
    got = await asyncio.wait_for(queue.get(), 20)
    assert got.endswith(text), "got %r, want %r" % (got, text)


async def user():
    client = await connect()
    code = await client.send_code_request(play["phone"])
    try:
        await client.sign_in(play["phone"], play["code"], phone_code_hash=code.phone_code_hash)
        raise AssertionError("no password was asked for")
    except errors.SessionPasswordNeededError:
        me = await client.sign_in(password=play["password"])
        ok("user_password")
    assert me.id == play["user_id"], me
    assert (await client.get_me()).id == play["user_id"]
    ok("user_login")
    await client.send_message(play["friend"], play["hello"])
    ok("user_send")
    echo = answers(client, play["echo"])
    await client.send_message(play["echo"], "one two")
    await expect(echo, "one two")
    ok("user_receive")
    data = os.urandom(700_000)
    document = io.BytesIO(data)
    document.name = "big.bin"
    sent = await client.send_file(play["friend"], document, force_document=True)
    ok("user_upload")
    got = await client.download_media(sent, bytes)
    assert got == data, "%d bytes came back" % len(got or b"")
    ok("user_download")
    echo = answers(client, play["layerd_bot"])
    await client.send_message(play["layerd_bot"], "over layerd")
    await expect(echo, "over layerd")
    ok("user_talks_to_layerd")
    greeting = answers(client, play["layerd_user"])
    print("listening", flush=True)
    await expect(greeting, play["greeting"])
    ok("user_hears_layerds_user")
    await client.log_out()
    ok("user_logout")


async def bot():
    client = await connect()
    me = await client.sign_in(bot_token=play["token"])
    assert me.bot and me.username == play["bot"], me
    ok("bot_login")
    heard = answers(client, play["friend"])
    print("ready", flush=True)
    await expect(heard, play["question"])
    ok("bot_receive")
    await client.send_message(play["friend"], play["reply"])
    ok("bot_send")
    print("session", StringSession.save(client.session), flush=True)
    closing = client.disconnect()
    if inspect.isawaitable(closing):
        await closing


print("# Telethon", telethon.__version__, "layer", telethon.tl.alltlobjects.LAYER, flush=True)
crypto.rsa.add_key(open(play["key"]).read(), old=False)
for act in (user, bot):
    try:
        asyncio.run(asyncio.wait_for(act(), 90))
    except Exception as e:
        print("FAILED %s: %s: %s" % (act.__name__, type(e).__name__, e), flush=True)
        logging.exception(act.__name__)
