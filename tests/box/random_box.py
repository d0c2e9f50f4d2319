#!/usr/bin/env python3
"""Random numbers come from the system or not at all (PROTOCOL B.4): a daemon whose getrandom() fails ends before a
byte of a key exchange is sent. A filter of system calls (seccomp) takes getrandom() away from the daemon alone."""

import ctypes
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box
from box import case

# machine: AUDIT_ARCH, number of getrandom
CALLS = {"x86_64": (0xC000003E, 318), "aarch64": (0xC00000B7, 278)}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF: ld word, jump if equal, return
ALLOW, EPERM = 0x7FFF0000, 0x00050001


def without_getrandom():
    """In the child before exec: from here on getrandom() is refused with EPERM."""
    arch, number = CALLS[platform.machine()]
    program = b"".join(struct.pack("=HBBI", *i) for i in (
        (LOAD, 0, 0, 4), (EQUAL, 0, 3, arch), (LOAD, 0, 0, 0), (EQUAL, 0, 1, number), (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)))
    code = ctypes.create_string_buffer(program, len(program))
    filter_program = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program, 0, 0):
        os._exit(97)


def bytes_sent(preexec):
    """What the daemon sends to its data centre when a bot logs in, and how it ended (None: it lives)."""
    folder = tempfile.mkdtemp(prefix="layerd-box-")
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    path = os.path.join(folder, "s")
    with open(os.path.join(folder, "log"), "w") as log:
        daemon = subprocess.Popen([os.path.join(box.BUILD, "layerd"), "--socket", path, "--state", os.path.join(folder, "state"),
                                   "--api-id", "1", "--api-hash", "0" * 32, "--test",
                                   "--dc", "2=127.0.0.1:%d" % server.getsockname()[1]], stderr=log, preexec_fn=preexec)
    try:
        end = time.monotonic() + 10 * box.SLOW
        while not os.path.exists(path) and daemon.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        try:
            line = box.Line(path)
            line.send({"id": 1, "method": "bot_sign_in", "params": {"token": "1:a", "account": "main"}})
        except OSError:
            pass  # it has ended already
        if preexec:
            daemon.wait(10 * box.SLOW)
        server.settimeout(0.2 if preexec else 10 * box.SLOW)
        try:
            got = server.accept()[0].recv(1024)
        except (socket.timeout, ConnectionResetError):
            got = b""
        return got, daemon.poll()
    finally:
        daemon.kill()
        daemon.wait()
        server.close()
        shutil.rmtree(folder)


@case
def no_randomness_no_key_exchange():
    got, ended = bytes_sent(without_getrandom)
    assert got == b"", got
    assert ended == -signal.SIGABRT, ended


@case
def with_it_the_same_steps_begin_one():
    got, ended = bytes_sent(None)
    assert len(got) > 64 and ended is None, (got, ended)


if __name__ == "__main__":
    box.main()
