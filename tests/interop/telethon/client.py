"""Telethon, of Debian or of PyPI, at the sandbox's door. See tests/interop/stage.py for the play."""

import asyncio
import inspect
import os
import sys

import telethon
from telethon import TelegramClient, crypto, errors, events
from telethon.sessions import MemorySession, StringSession

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from player import answer, ok, perform, play, talk


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
    await talk(client, answers, client.send_file, lambda sent: client.download_media(sent, bytes))


async def bot():
    client = await connect()
    me = await client.sign_in(bot_token=play["token"])
    assert me.bot and me.username == play["bot"], me
    await answer(client, answers)
    print("session", StringSession.save(client.session), flush=True)
    closing = client.disconnect()
    if inspect.isawaitable(closing):
        await closing


print("# Telethon", telethon.__version__, "layer", telethon.tl.alltlobjects.LAYER, flush=True)
crypto.rsa.add_key(open(play["key"]).read(), old=False)
asyncio.run(perform(user, bot))
