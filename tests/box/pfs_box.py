#!/usr/bin/env python3
"""Forward secrecy: the daemon over temporary keys, bound to the permanent one; the sandbox checks the bind."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box
from box import World, case


def online(w):
    line = w.daemon.line()
    line.call("wait", **{"for": "online", "timeout": 20})
    return line


@case
def log_in_work_and_start_again():
    with World("--pfs") as w:
        w.bot()
        line = online(w)
        peer = w.user(1)
        assert line.call("get_me")
        for dc in (1, 3):
            assert line.call("invoke", method="help.getNearestDc", dc_id=dc)["_"] == "nearestDc"
        line.close()
        w.daemon.restart()
        line = online(w)
        assert line.call("get_me") and peer
        line.close()


@case
def the_same_permanent_key_with_and_without():
    with World() as w:
        w.bot()
        online(w).close()
        w.daemon.args.append("--pfs")
        w.daemon.restart()
        line = online(w)
        assert line.call("get_me")
        line.close()
        w.daemon.args.remove("--pfs")
        w.daemon.restart()
        assert online(w).call("get_me")


@case
def all_sessions_of_a_data_centre_use_one_key():
    with World("--pfs") as w:
        w.bot()
        line = online(w)
        before = w.sandbox.call("stats")["net"]
        assert before["handshakes"] == 2, before  # a permanent key, and a temporary one
        for i in range(60):  # so many at once go over several sessions
            line.send({"id": i, "method": "upload.saveFilePart",
                       "params": {"file_id": "77", "file_part": i, "bytes": "AAAA"}})
        for _ in range(60):
            assert line.read()["result"] is True
        after = w.sandbox.call("stats")["net"]
        assert after["sessions"] > 2 and after["handshakes"] == 2, after


if __name__ == "__main__":
    box.main()
