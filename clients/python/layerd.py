"""layerd from Python: one file, standard library only. Copy it beside your script.

    import layerd
    tg = layerd.Client()                                  # $LAYERD_SOCKET or the usual places
    tg.send_message(peer="me", text="hello")              # layerd's own methods
    tg.messages.getHistory(peer="@durov", limit=3)        # every method of Telegram, by its own name
    for update in tg.updates(consumer="mine", types=["new_message"], direction="in"):
        if "message" in update:                           # not every update is one: see updates()
            tg.send_message(peer=update["message"]["chat"], text="hi", idempotency_key=layerd.key("mine", update))

A call with an idempotency_key is done once, so it is repeated by itself when the daemon went away. Errors come as layerd.Error; its kind is what to switch on. A Client belongs to one thread; updates() has
a connection of its own, so calls from within its loop are fine.
"""

import json
import os
import socket
import time

__all__ = ["Client", "Error", "Unreachable", "key"]

RECONNECT_FIRST = 0.2  # seconds before the second attempt, doubled up to RECONNECT_MOST
RECONNECT_MOST = 10.0
READ_SIZE = 1 << 16


class Error(Exception):
    """The daemon, or Telegram through it, said no."""

    def __init__(self, error):
        self.code = error.get("code", 0)
        self.message = error.get("message", "")
        self.data = error.get("data") or {}
        self.kind = self.data.get("kind", "internal")
        self.hint = self.data.get("hint")
        self.retryable = bool(self.data.get("retryable"))
        self.retry_after = self.data.get("retry_after")
        super().__init__("%s (%s %d)%s" % (self.message, self.kind, self.code, self.hint and "; " + self.hint or ""))


class Unreachable(Error):
    """There is no daemon at the other end, or it left before it answered."""

    def __init__(self, path, why):
        super().__init__({"code": -1, "message": "%s: %s" % (path, why), "data": {"kind": "unreachable", "retryable": True}})


def key(name, update, part=""):
    """An idempotency_key for what a bot of that name does about an update; part tells several things apart."""
    return "%s-%d%s" % (name, update["seq"], part and "-%s" % part)


def default_socket():
    if os.environ.get("LAYERD_SOCKET"):
        return os.environ["LAYERD_SOCKET"]
    own = os.path.join(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent", "layerd", "layerd.sock")
    return own if os.path.exists(own) else "/run/layerd/layerd.sock"


class _Connection:
    """One JSON text a line, both ways."""

    def __init__(self, path):
        self.path = path
        self.buffer = bytearray()
        self.last_id = 0
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.connect(path)
        except OSError as e:
            self.sock.close()
            raise Unreachable(path, e.strerror) from None

    def close(self):
        self.sock.close()

    def send(self, method, params):
        self.last_id += 1
        line = json.dumps({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params})
        try:
            self.sock.sendall(line.encode() + b"\n")
        except BrokenPipeError:
            pass  # why it closed is perhaps there to be read
        except OSError as e:
            raise Unreachable(self.path, e.strerror) from None
        return self.last_id

    def read(self):
        seen = 0
        while True:
            end = self.buffer.find(b"\n", seen)
            if end >= 0:
                line = bytes(self.buffer[:end])
                del self.buffer[:end + 1]
                return json.loads(line)
            seen = len(self.buffer)
            try:
                chunk = self.sock.recv(READ_SIZE)
            except OSError as e:
                raise Unreachable(self.path, e.strerror) from None
            if not chunk:
                raise Unreachable(self.path, "the daemon closed the connection")
            self.buffer += chunk

    def answer(self, request, on_note=None):
        while True:
            message = self.read()
            if "method" in message:
                if on_note:
                    on_note(message)
            elif message.get("id") in (request, None):
                if "error" in message:
                    raise Error(message["error"])
                return message.get("result")


class _Place:
    """How far updates() has come: done was handed out, acked is what the daemon surely keeps."""

    def __init__(self):
        self.done = 0
        self.acked = None

    def begin(self, seq):
        """A subscription begins behind seq. Returns whether what was handed out may come again."""
        if self.acked is None or seq < self.acked:  # the first time, or somebody sought back
            self.done = seq
        self.acked = seq
        return self.done > seq


class _Method:
    """client.messages.sendMessage: a name in the making, called in the end."""

    def __init__(self, client, name):
        self._client = client
        self._name = name

    def __getattr__(self, name):
        return _Method(self._client, "%s.%s" % (self._name, name))

    def __call__(self, **params):
        return self._client.call(self._name, **params)


class Client:
    """socket: path; account: for every call that names none; timeout: seconds, likewise;
    progress: a function that is given the parameters of progress notifications; patience: for how many
    seconds a call with an idempotency_key is repeated when it may go better later."""

    def __init__(self, socket=None, account=None, timeout=None, progress=None, patience=600):
        self.path = socket or default_socket()
        self.account = account
        self.timeout = timeout
        self.progress = progress
        self.patience = patience
        self._connection = None

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return _Method(self, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._connection:
            self._connection.close()
        self._connection = None

    def _params(self, params):
        # from_=… stands for Python's own words; None is a parameter left out.
        out = {k[:-1] if k.endswith("_") else k: v for k, v in params.items() if v is not None}
        if self.account is not None:
            out.setdefault("account", self.account)
        if self.timeout is not None:
            out.setdefault("timeout", self.timeout)
        return out

    def call(self, method, **params):
        """Calls a method and returns its result; raises Error. A lost connection is opened again at the
        next call; only a request with an idempotency_key is repeated by itself, for another may have been
        done."""
        end = time.monotonic() + self.patience
        pause = RECONNECT_FIRST
        while True:
            try:
                return self._call(method, params)
            except Error as e:
                wait = max(pause, e.retry_after or 0)
                if not (params.get("idempotency_key") and e.retryable and time.monotonic() + wait < end):
                    raise
            time.sleep(wait)
            pause = min(pause * 2, RECONNECT_MOST)

    def _call(self, method, params):
        if self._connection is None:
            self._connection = _Connection(self.path)
        try:
            request = self._connection.send(method, self._params(params))
            return self._connection.answer(request, self._progress)
        except Unreachable:
            self.close()
            raise
        except BaseException as e:
            if not isinstance(e, Error):
                self.close()  # interrupted half-way: the answer would be taken for the next one's
            raise

    def _progress(self, note):
        if self.progress and note["method"] == "progress":
            self.progress(note["params"])

    def updates(self, reconnect=True, **filters):
        """Yields updates for ever, going on where it was when the daemon was restarted; none twice, unless
        somebody seeks back. With consumer="name" the daemon keeps the position over restarts of this program
        as well: each update is acknowledged when the next one is asked for, and one whose handling raised
        comes again. since is where the first connection begins.

        Not every update has a message. Whatever the filters are, type "gap" (reason, from, to) tells of
        updates that are lost, and "subscription_error" (seq, account, reason) of one that text could not be
        judged for. When another program takes the consumer over, or it is removed, Error has the kind
        "subscription_ended" and data["reason"]."""
        params = self._params(filters)
        params.pop("timeout", None)
        place = _Place()
        pause = RECONNECT_FIRST
        while True:
            try:
                for update in self._stream(params, place):
                    pause = RECONNECT_FIRST
                    yield update
            except Unreachable:
                if not reconnect:
                    raise
            except Error as e:
                if e.kind == "cursor_expired" and place.acked is not None:  # away for longer than the journal is kept
                    oldest = e.data["oldest"]
                    gap = {"seq": oldest - 1, "account": "*", "type": "gap", "reason": "retention", "from": place.done + 1, "to": oldest - 1}
                    place.done = params["since"] = oldest - 1
                    yield gap
                    continue
                if not (reconnect and e.kind in ("shutting_down", "overloaded")):
                    raise
            time.sleep(pause)
            pause = min(pause * 2, RECONNECT_MOST)

    def _stream(self, params, place):
        connection = _Connection(self.path)
        early = []

        def ack(seq):
            if "consumer" in params and params.get("ack", "manual") == "manual":
                connection.answer(connection.send("ack", {"consumer": params["consumer"], "seq": seq}), early.append)
                place.acked = seq
        try:
            seen = connection.answer(connection.send("subscribe", params), early.append).get("seq", 0)
            repeats = place.begin(seen)
            if "consumer" in params:
                params.pop("since", None)  # was for the first time
            else:
                params["since"] = seen
            if repeats:
                ack(place.done)
            while True:
                note = early.pop(0) if early else connection.read()
                update = note.get("params", {})
                if note.get("method") == "subscription_ended":
                    raise Error({"code": -1, "message": "the subscription was ended: %s" % update.get("reason"),
                                 "data": {"kind": "subscription_ended", "reason": update.get("reason")}})
                if note.get("method") == "subscription_error":
                    update = dict(update, type="subscription_error")
                elif note.get("method") != "update":
                    continue
                seq = update.get("seq")
                if seq is None:
                    yield update
                    continue
                repeats = repeats and seen < seq <= place.done  # one that falls was sought
                seen = seq
                if repeats:
                    continue
                place.done = seq
                if "consumer" not in params:
                    params["since"] = seq
                yield update
                ack(seq)
        finally:
            connection.close()
