#!/usr/bin/env python3
"""The list of dialogs: pages that neither repeat nor skip, pinned ones once, top messages of the right chat."""

from box import RpcError, World, case, main


def all_pages(line, **params):
    pages, cursor = [], {}
    while True:
        page = line.call("get_dialogs", **params, **cursor)
        pages.append(page["dialogs"])
        if page["next"] is None:
            return pages
        cursor = {"cursor": page["next"]}
        assert len(pages) < 50


@case
def pages_hold_each_chat_once():
    with World() as w:
        me = w.user(1, "Reader")
        line = w.daemon.line()
        line.call("login", account="me", method="phone", phone="+9996620001")
        line.call("login_submit", code="22222")
        people = [w.user(100 + i, "Person %d" % i) for i in range(45)]
        for i, p in enumerate(people):
            w.sandbox.call("send", **{"from": p, "to": me, "text": "person %d" % i})
        # every channel's first messages have the same numbers
        channels = [w.sandbox.call("create_channel", title="Channel %d" % i, creator=people[0], members=[me])["channel_id"]
                    for i in range(12)]
        for i, ch in enumerate(channels):
            w.sandbox.call("send", **{"from": people[0], "to": ch, "text": "channel %d" % i})
        pinned = [people[3], people[20]]
        for p in pinned:
            line.call("messages.toggleDialogPin", pinned=True, peer=p)
        pages = all_pages(line, limit=10)
        assert len(pages) >= 6, len(pages)
        flat = [d for page in pages for d in page]
        ids = [d["chat"]["id"] for d in flat]
        assert len(ids) == len(set(ids)), [i for i in ids if ids.count(i) > 1]
        assert set(people + channels) <= set(ids), set(people + channels) - set(ids)
        assert [d["chat"]["id"] for d in flat if d.get("pinned")] == ids[:2] and set(ids[:2]) == set(pinned), ids[:4]
        texts = {d["chat"]["id"]: d["top_message"]["text"] for d in flat if d["top_message"].get("text")}
        for i, p in enumerate(people):
            assert texts[p] == "person %d" % i, (i, texts[p])
        for i, ch in enumerate(channels):
            assert texts[ch] == "channel %d" % i, (i, texts[ch])
        assert len({d["top_message"]["id"] for d in flat if d["chat"]["id"] in channels}) < len(channels)
        one = next(d for d in flat if d["chat"]["id"] == people[5])
        assert one["unread"] == 1 and one["folder"] == 0 and one["chat"]["first_name"] == "Person 5", one
        only = line.call("get_dialogs", pinned=True)
        assert {d["chat"]["id"] for d in only["dialogs"]} == set(pinned) and only["next"] is None
        assert [d["chat"]["id"] for d in line.call("iter_dialogs", limit=3)["dialogs"]] == ids[:3]


@case
def what_it_refuses():
    with World() as w:
        w.bot("list_bot")
        line = w.daemon.line()
        for params, said in (({"limit": 0}, "1 to 100"), ({"limit": 101}, "1 to 100"), ({"folder": 7}, "0 or 1"),
                             ({"cursor": "x"}, "next of another"), ({"cursor": "1.2.3.4"}, "next of another"),
                             ({"cursor": "1.2.12345"}, "another account"), ({}, "BOT_METHOD_INVALID")):
            try:
                line.call("get_dialogs", **params)
            except RpcError as e:
                assert said in e.error["message"], (params, e)
                continue
            raise AssertionError(params)


main()
