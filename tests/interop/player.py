"""What the clients in Python play alike; see stage.py for the play."""

import asyncio
import io
import json
import logging
import os

play = json.loads(os.environ["INTEROP"])
logging.basicConfig(level=logging.WARNING)


def ok(step):
    print("ok", step, flush=True)


async def expect(queue, text):
    got = await asyncio.wait_for(queue.get(), 20)
    assert got.endswith(text), "got %r, want %r" % (got, text)


async def talk(client, answers, upload, download):
    """As a user who has logged in. answers(client, peer): the texts that the peer writes, as they come in by updates."""
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
    sent = await upload(play["friend"], document, force_document=True)
    ok("user_upload")
    got = await download(sent)
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


async def answer(client, answers):
    """As a bot that has logged in."""
    ok("bot_login")
    heard = answers(client, play["friend"])
    print("ready", flush=True)
    await expect(heard, play["question"])
    ok("bot_receive")
    await client.send_message(play["friend"], play["reply"])
    ok("bot_send")


async def perform(*acts):
    for act in acts:
        try:
            await asyncio.wait_for(act(), 90)
        except Exception as e:
            print("FAILED %s: %s: %s" % (act.__name__, type(e).__name__, e), flush=True)
            logging.exception(act.__name__)
