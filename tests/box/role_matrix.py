"""Every method, own and Telegram's, on sockets of any role, beside what the contract says of it."""

import os
import re
import socket

from box import ROOT, SLOW, Line, RpcError

ROLES = ("read", "send", "admin")


def raw_role(name):
    """RPC contract §10."""
    group, _, verb = name.rpartition(".")
    if re.match("(get|search|resolve|check)", verb) or group == "help":
        return "read"
    return "send" if group in ("messages", "upload") else "admin"


def outcome(line, method):
    try:
        line.call(method, no_such_parameter=1)
    except RpcError as e:
        return e.kind
    return "done"


def raw_methods():
    text = open(os.path.join(ROOT, "schema/api.tl")).read().split("---functions---")[-1]
    return [m for m in re.findall(r"^([a-zA-Z0-9_.]+)#[0-9a-f]+ ", text, re.M)]


def matrix(lines):
    """Every method on every given line, {role: line}: calls, refusals, and what was not as the table says."""
    rows = {m["name"]: m for m in next(iter(lines.values())).call("help")["methods"]}
    own = {n: rows[m.get("alias_of", n)]["role"] for n, m in rows.items()}
    asked = refused = 0
    wrong = []
    wanted = [(m, role) for m, role in own.items()]
    wanted += [(m, raw_role(m)) for m in raw_methods() if "." in m and m not in own]
    assert len(wanted) > 700, len(wanted)
    for method, needs in wanted:
        for role, line in lines.items():
            got = outcome(line, method)
            may = ROLES.index(role) >= ROLES.index(needs)
            asked += 1
            refused += got == "not_permitted"
            # what no one may call raw (login, invokeWith…) is not_permitted for all
            if may and got == "not_permitted" and role == "admin" and method not in own:
                continue
            if may == (got == "not_permitted") and not (may and method not in own):
                wrong.append((method, role, needs, got))
    return asked, refused, wrong


def connect_as(path, uid, gids):
    """A connected socket whose peer credentials are those of somebody else, or None: he may not."""
    gids = gids if isinstance(gids, tuple) else (gids,)
    ours, his = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(gids)
            os.setresgid(gids[0], gids[0], gids[0])
            os.setresuid(uid, uid, uid)
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)
            socket.send_fds(his, [b"1"], [s.fileno()])
        except PermissionError:
            his.send(b"0")
        os._exit(0)
    word, fds, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(pid, 0)
    ours.close()
    his.close()
    if word != b"1":
        return None
    line = Line.__new__(Line)
    line.sock, line.timeout = socket.socket(fileno=fds[0]), 20 * SLOW
    line.buffer, line.next_id, line.notes = bytearray(), 0, []
    line.sock.settimeout(line.timeout)
    return line
