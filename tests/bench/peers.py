"""P2, P7, P8 beside other clients: mtcute and Telethon run their own code on the very bytes that ours gets, each in
its process on one pinned core, the rounds in turn."""

import os
import shutil
import statistics
import subprocess

from bench import OUT, ROOT, ROUNDS, build_with, pinned, row, skip

HERE = os.path.join(ROOT, "tests/bench/peers")


def mtcute(packets):
    home = os.path.join(OUT, "mtcute")
    os.makedirs(home, exist_ok=True)
    if not shutil.which("node") or not shutil.which("npm"):
        return skip("P2", "mtcute: there is no node and npm")
    if not os.path.isdir(os.path.join(home, "node_modules/@mtcute/node")):
        made = subprocess.run(["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-fund", "--no-audit",
                               "--loglevel=error", "@mtcute/node"], cwd=home, capture_output=True, text=True)
        if made.returncode:
            return skip("P2", "mtcute could not be installed: " + made.stderr.strip()[-200:])
    shutil.copy(os.path.join(HERE, "with_mtcute.mjs"), home)
    return ["node", os.path.join(home, "with_mtcute.mjs"), packets]


def telethon(packets):
    python = "/usr/bin/python3"
    found = subprocess.run([python, "-c", "import telethon; from telethon.crypto import aes, libssl; print("
                            "'with cryptg' if aes.cryptg else 'with libssl' if libssl.encrypt_ige else 'in Python')"],
                           capture_output=True, text=True)
    if found.returncode:
        return skip("P2", "there is no python3-telethon"), ""
    return [python, os.path.join(HERE, "with_telethon.py"), packets], "Telethon " + found.stdout.strip()


def peers():
    tool = build_with("message_bench", "daemon", "core", "proto")
    packets = os.path.join(OUT, "packets.json")
    subprocess.check_call([tool, "packets", packets])
    commands = {"ours": [tool, "ours"], "mtcute": mtcute(packets)}
    command, name = telethon(packets)
    commands[name] = command
    commands = {k: v for k, v in commands.items() if v}
    rounds = {k: [] for k in commands}
    for _ in range(ROUNDS):
        for k, command in commands.items():
            rounds[k].append(pinned(command))

    def median(k, what):
        return statistics.median(r[what] for r in rounds[k]) if what in rounds[k][0] else None

    for id_, what, key, goals in (
            ("P2", "open 160 B", "open small", "goal 15 x mtcute"), ("P2", "seal 160 B", "seal small", "goal 15 x mtcute"),
            ("P2", "open 512 KB", "open big", ""), ("P2", "seal 512 KB", "seal big", ""),
            ("P7", "update, wire to a subscriber's line, in process", "update", "goal 1.6 us, 7.5 x mtcute, 25 x Telethon"),
            ("P8", "a history page of 100 messages, TL to JSON", "page", "goal 10 x mtcute")):
        for k in commands:
            if k != "ours" and median(k, key):
                row(id_, what, round(median("ours", key), 4), "us CPU", k, round(median(k, key), 4), goals, higher=False)
