#!/usr/bin/env python3
"""Malformed lines, and odd ones that are well formed. Each gets exactly one answer, which is checked
whole, or the documented close; afterwards the same connection (or, after a close, a new one) still
answers. In the tables ¦ marks the byte at which the parser must say that the text breaks; where there
is no mark the place is not fixed."""

import json
import os
import socket
import tempfile

from box import Daemon, Line, case, main

MARK = "¦"
PARSE, INVALID, TOO_LARGE = -32700, -32600, -32001
KINDS = {PARSE: "parse", INVALID: "invalid_request", -32602: "invalid_params", TOO_LARGE: "too_large"}
LINE_MAX = 8 << 20

# ---- tables: texts that are not JSON ------------------------------------------------------------------

STRUCTURE = [
    "[¦", "{¦", '{"¦', '{"a¦', '{"a"¦', '{"a":¦', '{"a":1¦', '{"a":1,¦', "[1¦", "[1,¦", '["¦', "[¦}", "{¦]", "[1¦}",
    '{"a":1¦]', "¦}", "¦]", "[]¦]", "{}¦}", "{}¦{}", "{} ¦{}", "[]¦[]", '{"a":1}¦x', "[1]¦x", "1 ¦2", '"a"¦"b"', "true ¦false",
    "[¦,]", "[¦,1]", "[1,¦]", "[1,¦,2]", "[1 ¦2]", "[1¦;2]", "[1¦:2]", "{¦,}",
    '{"a":1,¦}', '{"a":1,¦,"b":2}', '{¦,"a":1}', '{"a"¦,1}', '{"a" ¦1}', '{"a"¦=1}', '{"a":¦:1}', '{"a":¦}', '{"a":¦,"b":1}',
    '{"a":1 ¦"b":2}', '{¦a:1}', "{¦'a':1}", "{¦1:1}", "{¦null:1}", "{¦[]:1}", "{¦{}:1}", '{"a":1,¦b:2}', '{"a":1¦;"b":2}',
    '{"a":1,"b"¦}', "[¦'a']", "[¦`a`]", "¦<xml/>", "¦(1)", "¦*", "¦&", "¦\\", "¦,", "¦:", '["a", 1¦', '{"id":1,"method":"ping"¦',
    '{"id":1,"method":"ping"}¦}', '{"id":1,"method":"ping"}¦,', '{"id":1,"method":"ping"}¦;', '[{"id":1,"method":"ping"}¦',
    '[{"id":1,"method":"ping"},¦]', '{"id":1,"method":"ping" ¦{"id":2,"method":"ping"}',
    '{"id":1,"method":"ping","params":{¦', '{"id":1,"method":"ping","params":¦}', '{"id":1,"method":"ping",¦}',
    '{"id":1,¦,"method":"ping"}', '{"id":1 ¦"method":"ping"}', '{"id":1,¦method:"ping"}',
    '{"id":1,"method":¦ping}', "{\"id\":1,\"method\":¦'ping'}", '{"id":1,"method":"ping","params":{"a":1¦]}',
    "¦hello", "¦ping",
]  # fmt: skip

# Values that are none; each is tried alone, as a parameter, in an array inside it, and in a batch.
NUMBERS = [
    "01", "-01", "00", "+1", ".5", "-.5", "1.", "-1.", "1.e3", "1e", "1e+", "1e-", "1E", "1.5e", "1ee2", "1e2.5", "1e2e3",
    "1.2.3", "--1", "-+1", "+-1", "-", "+", "- 1", "1-", "1+", "0x1f", "0X1F", "0b1", "0o7", "1_000", "1,000.5e", "1f", "1L",
    "1n", "0e", "0.e1", "0.", "-0.", "Infinity", "-Infinity", "+Infinity", "NaN", "-NaN", "nan", "inf", "-inf", "1/2", "1a",
    "١", "１", "½", "²", "1\u00a02", "1e１", "$1", "1%", "#1", "1'000", "1..2", "..1", "012.5", "1e0x1",
]  # fmt: skip
LONG_NUMBERS = ["1" * 41, "-" + "1" * 40, "0." + "1" * 39, "1e" + "1" * 39, "1" * 20 + "." + "1" * 20, "9" * 100000,
                "1" * 50000 + "." + "2" * 50000, "0." + "0" * 100000, "1e" + "9" * 100000]  # fmt: skip
LITERALS = [
    "True", "TRUE", "tru", "t", "truee", "true1", "False", "FALSE", "fals", "falsee", "f", "Null", "NULL", "nul", "nulll", "n",
    "None", "nil", "undefined", "yes", "no", "on", "off", "void", "new", "abc", "tRue", "true.", "null,null]", "a", "_", "$", "@x",
    "true/**/", "/**/true", "//x", "#x", "/* x */ 1", "1 // x", "<!-- x -->", "-- x", ";1", "1;", "=1", "*", "~1", "!", "?", "%",
    "𝟏", "“a”", "é", "\u2028", "\u00a0", "\ufeff1", "1\ufeff", "\u200b1",
]  # fmt: skip
STRINGS = [
    '"', '"a', '"\\', '"\\"', '"\\u', '"\\x41"', '"\\a"', '"\\v"', '"\\0"', '"\\1"', '"\\\'"', '"\\e"', '"\\ "', '"\\U0041"',
    '"\\u"', '"\\u1"', '"\\u12"', '"\\u123"', '"\\u123g"', '"\\u 123"', '"\\u-123"', '"\\u+123"', '"\\u{41}"', '"\\uD8"', '"\\ué"',
    '"\\ud800"', '"\\udbff"', '"\\udc00"', '"\\udfff"', '"\\ud800\\ud800"', '"\\ud800\\u0041"', '"\\ud800\\n"', '"\\ud800x"',
    '"\\ud800\\"', '"\\ud800\\u"', '"\\ud800\\udc0"', '"\\udc00\\ud800"', '"a\\udfffb"', '"\\ud83d \\ude00"', '"\\\n"',
    '"\\é"', '"\\\U0001f600"', '"a"b', 'a"', "'a'", "'a", "`a`", '""""', '"a""b"', '"a" "b"', '"a"+"b"', '"""a"""', 'u"a"', 'r"a"',
    '"\t"', '"\x01"', '"\x1f"', '"\x7f' , '"\x08"', '"\x0c"', '"\x1b[0m"', '"\x00"', '"a\x00b"', "\x00", "\x001", "1\x00", "\x0b", "\x0c1",
    "\x7f", "\x1f1", "\x08",
]  # fmt: skip
BYTES = [
    b'"\x80"', b'"\xbf"', b'"\xc0\x80"', b'"\xc0\xaf"', b'"\xc1\xbf"', b'"\xc2"', b'"\xc3("', b'"\xe2\x82"', b'"\xe2("', b'"\xe2\x28\xa1"',
    b'"\xe0\x80\xaf"', b'"\xe0\x9f\xbf"', b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"', b'"\xed\xa0\xbd\xed\xb8\x80"', b'"\xf0\x80\x80\x80"',
    b'"\xf0\x8f\xbf\xbf"', b'"\xf0\x90\x80"', b'"\xf0(\x8c\xbc"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\xf8\x88\x80\x80\x80"',
    b'"\xfc\x84\x80\x80\x80\x80"', b'"\xfe"', b'"\xff"', b'"\xff\xfe"', b'"a\xe9b"', b'"\xc3', b'"\xf0\x9f', b'\xff', b'\x80', b'\xe9',
    b'"\\u00\xe9"', b'"\xc2\xc2"', b"\xc3\xa9",
]  # fmt: skip
WHOLE = [  # texts that only make sense as a whole line
    " ", "\t", "  \t ", "\x0b", "\x0c", "\u00a0", "\u2028", "\x00", "\ufeff", '\ufeff{"id":1,"method":"ping"}', '{"id":1,"method":"ping"}\ufeff',
    '\x00{"id":1,"method":"ping"}', '{"id":1,"method":"ping"}\x00', '{"id":1,\x00"method":"ping"}', '{"id":1,\u00a0"method":"ping"}',
    '{"id":1,\x0c"method":"ping"}', '{"id":1,\x0b"method":"ping"}', '{\u2028"id":1,"method":"ping"}', '// x', '/* {"id":1,"method":"ping"} */',
    '{"id":1,/* x */"method":"ping"}', '{"id":1,"method":"ping"} // x', '# x', '{"id":1,"method":"ping",/**/}', "--", "id=1", "%PDF-1.4",
    '{"id":1,"method":"pi\tng"}', '{"id":1,"method":"ping\\q"}', '{"id":1,"method":"\\ud800"}', '{"id":"\\ud800","method":"ping"}',
    '{"id":"\\x","method":"ping"}', '{"id":01,"method":"ping"}', '{"id":1.,"method":"ping"}', '{"id":+1,"method":"ping"}', '{"id":NaN,"method":"ping"}',
    '{"\\ud800":1}', '{"a\x01":1}', '{"id":1,"id":1,"method":"ping"}', '{"id":1,"id":2,"method":"ping"}', '{"id":1,"method":"ping","method":"ping"}',
    '{"id":1,"method":"ping","method":"version"}', '{"params":{},"id":1,"method":"ping","params":{}}', '{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}',
    '[{"id":1,"method":"ping"},{"id":1,"id":2,"method":"ping"}]', "\x04", "\x1b[A", "\x7fELF", "SSH-2.0-OpenSSH", "EHLO x", "\x16\x03\x01\x02", "PUT / HTTP/1.1",
    "Content-Length: 22", "*1", "$4", "QUIT", "{'id':1,'method':'ping'}", "[=[]=]", "<?xml version=\"1.0\"?>", "---", "- id: 1", "{id:1,method:\"ping\"}",
]  # fmt: skip
UTF16 = [('{"id":1,"method":"ping"}'.encode(e)) for e in ("utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be", "utf-32")]

# ---- tables: JSON that is no request ---------------------------------------------------------------------
# id: None where it cannot be told or is none itself; else its bytes come back.

NOT_REQUESTS = [(None, v) for v in [
    "1", "0", "-1", "1.5", '"x"', '""', '"ping"', "null", "true", "false", "{}", "[]", " [ ] ", '{"jsonrpc":"2.0"}', '{"method":1}', '{"params":{}}',
    '{"jsonrpc":"2.0","method":null}', '{"jsonrpc":"2.0","method":["ping"]}', '{"a":1}', '{"":1}', '{"result":1}', '{"error":null}',
    '{"method":"ping","params":1}', '{"method":"ping","params":"x"}', '{"jsonrpc":"1.0","method":"ping"}', '{"method":"ping","extra":1}',
]] + [(None, '{"id":%s,"method":"ping"}' % v) for v in [
    "true", "false", "{}", "[]", "[1]", '{"a":1}', "[[]]", '["x"]',
]] + [("7", '{"id":7,%s}' % v) for v in [
    '"method":1', '"method":null', '"method":true', '"method":{}', '"method":[]', '"method":["ping"]', '"method":1.5', '"method":{"name":"ping"}',
    '"method":"ping","params":1', '"method":"ping","params":"x"', '"method":"ping","params":true', '"method":"ping","params":false',
    '"method":"ping","params":0', '"method":"ping","params":1.5', '"method":"ping","params":""', '"jsonrpc":"2.0"', '"params":{}',
    '"method":"ping","jsonrpc":"1.0"', '"method":"ping","jsonrpc":2.0', '"method":"ping","jsonrpc":2', '"method":"ping","jsonrpc":"2"',
    '"method":"ping","jsonrpc":null', '"method":"ping","jsonrpc":""', '"method":"ping","jsonrpc":"2.00"', '"method":"ping","jsonrpc":true',
    '"method":"ping","jsonrpc":["2.0"]', '"method":"ping","jsonrpc":{}', '"method":"ping","jsonrpc":"3.0"', '"method":"ping","jsonrpc":" 2.0"',
    '"jsonrpc":"2.0","result":1', '"jsonrpc":"2.0","result":null', '"jsonrpc":"2.0","error":{"code":1,"message":"x"}', '"result":{},"error":{}',
    '"method":"ping","result":1', '"method":"ping","error":1', '"method":"ping","version":"2.0"', '"method":"ping","param":{}',
    '"method":"ping","Method":"ping"', '"METHOD":"ping"', '"method":"ping","ID":1', '"method":"ping","":1', '"method":"ping","params":{},"x":{"y":[1,2,{}]}',
    '"metod":"ping"', '"name":"ping"', '"method":"ping","meta":null', '"method":"ping","auth":"x"', '"method":"ping","\\u0069d2":1',
]] + [
    ('"é"', '{"id":"é","method":5}'), ("1.0", '{"id":1.0,"params":{}}'), ('"\\u00e9"', '{"method":5,"id":"\\u00e9"}'), ("null", '{"id":null}'),
]  # fmt: skip


class Item:
    def __init__(self, data, code, ident=b"null", limit=None):
        data = data.encode() if isinstance(data, str) else data
        mark = MARK.encode()
        self.offset = data.index(mark) if mark in data else None
        self.data = data.replace(mark, b"", 1)
        self.code, self.ident, self.limit = code, ident, limit
        self.in_batch = False

    def __str__(self):
        text = repr(self.data[:120])
        return text + " (%d bytes)" % len(self.data) if len(self.data) > 120 else text


def contexts(value):
    value = value.encode() if isinstance(value, str) else value
    yield value
    yield b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"progress":' + value + b"}}"
    yield b'{"id":7,"method":"ping","params":{"progress":["a",' + value + b',{"b":1}]}}'
    yield b'[{"id":7,"method":"ping"},' + value + b"]"


def nested(n, opening, closing, core="1"):
    return opening * n + core + closing * n


def parse_items():
    for text in STRUCTURE + WHOLE + UTF16:
        if b"\n" not in (text if isinstance(text, bytes) else text.encode()):
            yield Item(text, PARSE)
    for value in UTF16 + [t for t in WHOLE if t.isspace()]:
        if isinstance(value, bytes) and b"\n" in value:
            raise AssertionError("a table holds an LF")
    for value in NUMBERS + LITERALS + STRINGS + BYTES:
        raw = value.encode() if isinstance(value, str) else value
        for n, data in enumerate(contexts(raw.replace(b"\n", b"\r"))):
            if not (n and raw == b"null,null]"):  # closes the brackets of some contexts: still broken, elsewhere
                yield Item(data, PARSE)
    for value in LONG_NUMBERS:
        for data in contexts(value):
            yield Item(data, PARSE)
    for ident in ("1" * 41, "1" * 100000):
        yield Item('{"id":¦%s,"method":"ping"}' % ident, PARSE)


def deep_items():
    def large(data):
        return Item(data, TOO_LARGE, limit="json_nesting")

    for n in (65, 66, 100, 1000, 100000, 1000000):
        yield large("[" * n)
        yield large(nested(n, "[", "]", ""))
        yield large('{"a":' * n + "1" + "}" * n)
        yield large('{"id":1,"method":"ping","params":{"progress":%s}}' % nested(n - 2, "[", "]"))
        yield large("[" + '{"a":[' * n)
    yield large('{"id":1,"method":"ping","params":{"progress":%s}}' % nested(32, '{"a":[', "]}"))
    yield large("[" * 70 + "!")  # the first thing that is wrong counts


def limit_items():
    many = '{"id":1,"method":"ping","params":{"progress":[%s]}}'
    yield Item(many % ("1," * 199999 + "1"), TOO_LARGE, limit="json_tokens")
    yield Item(many % ("{}," * 200000 + "1"), TOO_LARGE, limit="json_tokens")
    yield Item('{"id":1,"method":"ping","params":{%s}}' % ",".join('"%d":1' % n for n in range(100001)), TOO_LARGE, limit="json_tokens")
    yield Item("[" + "1," * 200000, TOO_LARGE, limit="batch")
    for key in ("k" * 257, "é" * 129, "k" * 100000, "\\u006b" * 43):
        yield Item('{"id":1,"method":"ping","params":{"%s":1}}' % key, TOO_LARGE, limit="json_key")
        yield Item('{"%s":1}' % key, TOO_LARGE, limit="json_key")
    yield Item("[%s]" % ",".join(['{"id":1,"method":"ping"}'] * 101), TOO_LARGE, limit="batch")
    yield Item("[%s]" % ",".join(["1"] * 101), TOO_LARGE, limit="batch")
    yield Item("[%s]" % ",".join(["[]"] * 5000), TOO_LARGE, limit="batch")
    for size in (LINE_MAX + 1, LINE_MAX + 2, 9 << 20):
        yield Item(b'{"id":1,"method":"ping","params":{"progress":"' + b"x" * (size - 49) + b'"}}', TOO_LARGE, limit="line_in")
    yield Item(b"x" * (9 << 20), TOO_LARGE, limit="line_in")
    yield Item(b"[" * (9 << 20), TOO_LARGE, limit="line_in")
    yield Item(b"\x00" * (9 << 20), TOO_LARGE, limit="line_in")
    yield Item(b" " * (9 << 20), TOO_LARGE, limit="line_in")


def request_items():
    for ident, text in NOT_REQUESTS:
        yield Item(text, INVALID, (ident or "null").encode())
    for ident in ('"%s"' % ("x" * 255), '"%s"' % ("é" * 200), '"%s"' % ("x" * 100000)):
        yield Item('{"id":%s,"method":"ping"}' % ident, TOO_LARGE, limit="id")


# ---- checks ----------------------------------------------------------------------------------------------


def once(pairs):
    out = dict(pairs)
    assert len(out) == len(pairs), "a key twice in %r" % (pairs,)
    return out


def strict(raw):
    """A line of ours: valid UTF-8, compact, no key twice, nothing escaped that need not be."""
    text = raw.decode("utf-8")  # raises on anything that is not
    value = json.loads(text, object_pairs_hook=once, parse_constant=lambda c: 1 / 0)
    assert text == text.strip() and not any(ord(c) < 32 for c in text), text
    return value


def check_error(item, answer):
    assert set(answer) == {"jsonrpc", "id", "error"} and answer["jsonrpc"] == "2.0", answer
    error = answer["error"]
    assert set(error) == {"code", "message", "data"}, answer
    assert error["code"] == item.code, "code %s is wanted: %s" % (item.code, answer)
    assert isinstance(error["message"], str) and error["message"], answer
    data = error["data"]
    assert data["kind"] == KINDS[item.code] and data["retryable"] is False, answer
    assert data.get("limit") == item.limit, answer
    if item.code == PARSE:
        check_place(item, data, answer)


def check_place(item, data, answer):
    offset, near = data["offset"], data["near"]
    assert isinstance(offset, int) and 0 <= offset <= len(item.data), answer
    assert item.offset is None or offset == item.offset, "offset %d is wanted: %s" % (item.offset, answer)
    assert isinstance(near, str) and len(near) <= 64, answer
    around = item.data[max(0, offset - 64) : offset + 64].decode("utf-8", "replace").replace("�", "")
    assert near.replace("�", "") in around, answer


class Probe:
    """One connection, which must outlive what is thrown at it."""

    def __init__(self, daemon):
        self.line = daemon.line(60)
        self.n = 0

    def pong(self):
        """The very next line is the answer to our ping: nothing else was said."""
        self.n += 1
        self.line.send(b'{"jsonrpc":"2.0","id":"p%d","method":"ping"}' % self.n)
        want = b'{"jsonrpc":"2.0","id":"p%d","result":{"pong":true}}' % self.n
        got = self.line.read_raw()
        assert got == want, "another line than the pong: %r" % got[:300]

    def throw(self, item):
        self.line.send(item.data)
        raw = self.line.read_raw()
        assert raw is not None, "closed"
        answer = strict(raw)
        assert raw.startswith(b'{"jsonrpc":"2.0","id":' + item.ident + b","), raw[:200]
        check_error(item, answer)
        self.pong()


SEEN = {"lines": 0}


def throw_all(items, least):
    with tempfile.TemporaryDirectory(prefix="layerd-box-") as folder:
        daemon = Daemon(folder)
        try:
            probe, failures, count = Probe(daemon), [], 0
            for item in items:
                count += 1
                try:
                    probe.throw(item)
                except (AssertionError, ValueError, KeyError) as e:
                    failures.append("%s: %s" % (item, str(e)[:400]))
                    probe = Probe(daemon)
            daemon.check()
            assert not failures, "%d of %d lines:\n%s" % (len(failures), count, "\n".join(failures[:40]))
            assert count >= least, count
            SEEN["lines"] += count
            stats = daemon.line().call("stats")
            assert stats["rss_anon_kb"] < 64 << 10 or "asan" in os.environ.get("LAYERD_BUILD", ""), stats
        finally:
            daemon.kill(15)
        daemon.check()


@case
def texts_that_are_no_json():
    throw_all(parse_items(), 900)


@case
def texts_too_deep():
    throw_all(deep_items(), 32)


@case
def texts_over_a_limit():
    throw_all(limit_items(), 20)


@case
def json_that_is_no_request():
    throw_all(request_items(), 80)


# ---- a key twice, batches --------------------------------------------------------------------------------


def with_daemon(f):
    """A case with a daemon of its own."""

    def run():
        with tempfile.TemporaryDirectory(prefix="layerd-box-") as folder:
            daemon = Daemon(folder)
            try:
                f(daemon)
                daemon.check()
            finally:
                daemon.kill(15)
            daemon.check()

    run.__name__ = f.__name__
    return case(run)


@with_daemon
def a_key_twice_below_the_request(daemon):
    """Found while the parameters are read, so the id may be known already; the rest is as ever."""
    probe = Probe(daemon)
    for params in ('{"a":1,¦"a":1}', '{"progress":1,"progress":1}', '{"progress":{"a":1,"b":2,"a":3}}', '{"progress":[{"x":{},"x":{}}]}',
                   '{"progress":1,"pr\\u006fgress":2}', '{"":1,"":2}'):  # fmt: skip
        item = Item('{"id":7,"method":"ping","params":%s}' % params.replace(MARK, ""), PARSE)
        probe.line.send(item.data)
        answer = strict(probe.line.read_raw())
        assert answer["id"] in (None, 7), answer
        check_error(item, answer)
        probe.pong()


def batch_cases():
    bad = {"code": INVALID, "id": None}
    pong = {"result": {"pong": True}}
    yield "[1]", [bad]
    yield "[1,2,3]", [bad, bad, bad]
    yield "[[]]", [bad]
    yield '[[{"id":1,"method":"ping"}]]', [bad]
    yield '[[[[1]]],{"id":2,"method":"ping"}]', [bad, {"id": 2, **pong}]
    yield '[null,{"id":1,"method":"ping"},"x",{"id":3}]', [bad, {"id": 1, **pong}, bad, {"id": 3, "code": INVALID}]
    yield '[{"id":1,"method":"ping"},{"id":2,"method":"no_such"}]', [{"id": 1, **pong}, {"id": 2, "code": -32601}]
    yield '[{"id":1,"method":"ping","params":[1]}]', [{"id": 1, "code": -32602}]
    yield '[{"id":1,"method":"ping","params":{"x":1}},{"id":"b","method":"ping"}]', [{"id": 1, "code": -32602}, {"id": "b", **pong}]
    yield '[{"id":[],"method":"ping"},{}]', [bad, bad]
    yield '[{"method":"ping"},{"id":1,"method":"ping"}]', [{"id": 1, **pong}]
    yield '[{"method":"no_such"}]', [{"code": -32601, "id": None}]
    yield "[%s]" % ",".join(["1"] * 100), [bad] * 100
    yield "[%s]" % ",".join('{"id":%d,"method":"ping"}' % n for n in range(100)), [{"id": n, **pong} for n in range(100)]


@with_daemon
def batches_with_bad_elements(daemon):
    probe = Probe(daemon)
    for text, want in batch_cases():
        probe.line.send(text.encode())
        got = strict(probe.line.read_raw())
        assert isinstance(got, list) and len(got) == len(want), (text[:100], got)
        for g, w in zip(got, want):
            assert g["jsonrpc"] == "2.0" and g["id"] == w["id"], (text, g, w)
            if "code" in w:
                check_error(Item(text, w["code"]), g) if w["code"] in KINDS else None
                assert g["error"]["code"] == w["code"], g
            else:
                assert g["result"] == w["result"], g
        probe.pong()
    probe.line.send(b'[{"method":"ping"},{"method":"version","params":{}}]')  # nothing to say
    probe.pong()


# ---- what must be taken ----------------------------------------------------------------------------------

ODD_LINES = [  # (line, bytes of the id in the answer)
    (' {"id":1,"method":"ping"}', "1"), ('\t{ "id" :\t1 , "method"\t: "ping" } ', "1"), ('{"id":1,"method":"ping"}\r', "1"),
    ('{"id":1,"method":"ping"} \r', "1"), ('\r{\r"id":1,\r"method":"ping"}\r\r', "1"), ('{"id":1,"method":"\\u0070\\u0069ng"}', "1"),
    ('{"\\u0069d":1,"\\u006d\\u0065thod":"ping"}', "1"), ('{"id":1,"method":"ping","params":null}', "1"), ('{"id":1,"method":"ping","params":{}}', "1"),
    ('{"id":1,"method":"ping","params":{ }}', "1"), ('{"params":{},"method":"ping","id":1,"jsonrpc":"2.0"}', "1"), ('{"id":1,"method":"ping","jsonrpc":"\\u0032.0"}', "1"),
    ('{"id":null,"method":"ping"}', "null"), ('{"id":"","method":"ping"}', '""'), ('{"id":"\\u0000","method":"ping"}', '"\\u0000"'),
    ('{"id":-0,"method":"ping"}', "-0"), ('{"id":0,"method":"ping"}', "0"), ('{"id":1e3,"method":"ping"}', "1e3"), ('{"id":1E+03,"method":"ping"}', "1E+03"),
    ('{"id":1e999,"method":"ping"}', "1e999"), ('{"id":1.0,"method":"ping"}', "1.0"), ('{"id":-1.50,"method":"ping"}', "-1.50"),
    ('{"id":9007199254740993,"method":"ping"}', "9007199254740993"), ('{"id":99999999999999999999,"method":"ping"}', "99999999999999999999"),
    ('{"id":%s,"method":"ping"}' % ("9" * 40), "9" * 40), ('{"id":"é","method":"ping"}', '"é"'), ('{"id":"\\u00e9","method":"ping"}', '"\\u00e9"'),
    ('{"id":"\\ud83d\\ude00","method":"ping"}', '"\\ud83d\\ude00"'), ('{"id":"\U0001f600","method":"ping"}', '"\U0001f600"'),
    ('{"id":"\\/\\b\\f\\n\\r\\t\\"\\\\","method":"ping"}', '"\\/\\b\\f\\n\\r\\t\\"\\\\"'), ('{"id":"/","method":"ping"}', '"/"'),
    ('{"id":"\x7f","method":"ping"}', '"\x7f"'), ('{"id":"\u2028\u2029","method":"ping"}', '"\u2028\u2029"'), ('{"id":"\ufeff","method":"ping"}', '"\ufeff"'),
    ('{"id":"\uffff\U0010ffff","method":"ping"}', '"\uffff\U0010ffff"'), ('{"id":"%s","method":"ping"}' % ("x" * 254), '"%s"' % ("x" * 254)),
    ('{"id":"\\uFFFE","method":"ping"}', '"\\uFFFE"'), (' ' * 100000 + '{"id":1,"method":"ping"}', "1"), ('{"id":1,' + ' ' * 100000 + '"method":"ping"}', "1"),
]  # fmt: skip

ODD_VALUES = [
    "0", "-0", "0.0", "-0.0e-0", "1E5", "1e+5", "1e-5", "0e0", "123456789012345678", "-9223372036854775808", "9223372036854775807", "4.9e-324",
    "1" * 18, '""', '"\\u0000"', '"\\ud800\\udc00"', '"\\udbff\\udfff"', '"\U0001d11e"', '"\\uDbFf\\uDfFf"', '"\\u0041"', '"\x7f"', '"\u2028"', '"\ufeff"',
    '"\ufdd0"', '"\U0001ffff"', '"\\/"', '"/"', '"/* x */"', '"// x"', "true", "false", "null", "[]", "{}", "[ ]", "{ }", "[\t]", "[[],[[]]]",
    '{"":0}', '{"a":{"a":{"a":1}},"b":{"a":1}}', '{"\\u0000":1}', '{"é":1,"e\u0301":1}', "[" + "1," * 199000 + "1]", "0." + "1" * 38, "1" * 10 + "e-" + "1" * 2,
    '"%s"' % ("x" * 1000000), '"%s"' % ("\\u00e9" * 100000), nested(62, "[", "]", ""), nested(61, "[", "]"), nested(31, '{"a":[', "]}", ""),
    '{"%s":1}' % ("k" * 256), '{"%s":1}' % ("é" * 128), '[1 ,2\t,3\r, 4 ]',
]  # fmt: skip


@with_daemon
def odd_texts_that_are_requests(daemon):
    probe = Probe(daemon)
    for text, ident in ODD_LINES:
        probe.line.send(text.encode())
        raw = probe.line.read_raw()
        assert raw == ('{"jsonrpc":"2.0","id":%s,"result":{"pong":true}}' % ident).encode(), (text[:120], raw)
        probe.pong()
    for text in ("", "\r", "\n\n\n", "\r\n\r\n"):  # empty lines are nothing at all
        probe.line.send(text.encode())
        probe.pong()


@with_daemon
def odd_values_that_are_json(daemon):
    """A value that is JSON is never a parse error, whatever the method thinks of it."""
    probe = Probe(daemon)
    for value in ODD_VALUES:
        probe.line.send(b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"progress":%s}}' % value.encode())
        raw = probe.line.read_raw()
        answer = strict(raw)
        assert answer["id"] == 7, raw
        assert "result" in answer or answer["error"]["code"] == -32602, (value[:100], raw[:300])
        probe.pong()


@with_daemon
def lines_as_long_as_allowed(daemon):
    probe = Probe(daemon)
    body = b'{"id":7,"method":"ping","params":{}}'
    for pad in (b" " * (LINE_MAX - len(body)) + body, body + b" " * (LINE_MAX - len(body)), body + b" " * (LINE_MAX - len(body)) + b"\r"):
        probe.line.send(pad)
        assert strict(probe.line.read_raw()) == {"jsonrpc": "2.0", "id": 7, "result": {"pong": True}}
        probe.pong()
    text = b'{"id":7,"method":"ping","params":{"progress":"%s"}}'
    probe.line.send(text % (b"x" * (LINE_MAX - len(text) + 2)))
    answer = strict(probe.line.read_raw())
    assert "result" in answer or answer["error"]["code"] == -32602, answer
    probe.pong()


# ---- closes ----------------------------------------------------------------------------------------------


def drain(line):
    """All lines up to the close by the daemon."""
    out = []
    while True:
        raw = line.read_raw()
        if raw is None:
            assert not line.buffer, line.buffer
            return out
        out.append(raw)


def drop(line):
    try:
        return drain(line)
    except ConnectionResetError:  # closed while bytes of ours were on the way
        return []


HTTP = ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.0\n\n", "GET /", "GET /rpc?x=1 HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n",
        'POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\n{"id":1,"method":"stop"}\n', "POST ", "POST /api HTTP/2\r\n"]  # fmt: skip


@with_daemon
def web_browsers_are_sent_away(daemon):
    for text in HTTP:
        line = daemon.line()
        line.sock.sendall(text.encode())
        got = drain(line)
        assert len(got) == 1, (text, got)
        answer = strict(got[0])
        assert answer["id"] is None and answer["error"]["code"] in (PARSE, INVALID), answer
        assert answer["error"]["data"]["hint"], answer
        line.close()
        Probe(daemon).pong()
    line = daemon.line()
    for c in "GET / HTTP/1.1\r\n":  # byte by byte, as it may come
        try:
            line.sock.sendall(c.encode())
        except BrokenPipeError:
            break
    assert len(drop(line)) <= 1
    probe = Probe(daemon)  # behind a first request it is a bad line like any other
    probe.pong()
    probe.throw(Item("GET / HTTP/1.1", PARSE))


@with_daemon
def a_hundred_bad_lines_in_a_row(daemon):
    for bad in (b"x", b"{", b"\xff", b"[" * 65):
        line = daemon.line()
        line.sock.sendall((bad + b"\n") * 99)
        for _ in range(99):
            assert "error" in line.read()
        line.send(b'{"id":"ok","method":"ping"}')  # begins the count anew
        assert line.read()["id"] == "ok"
        line.sock.sendall((bad + b"\n") * 100)
        got = drain(line)
        assert len(got) == 100 and all("error" in strict(g) for g in got), len(got)
        line.close()
    line = daemon.line()
    line.sock.sendall(b"x\n" * 150)
    got = drop(line)
    assert len(got) in (0, 100), len(got)
    line = daemon.line()  # a request that cannot be done is no bad line
    line.sock.sendall(b'{"id":1,"method":"no_such"}\n' * 300)
    for _ in range(300):
        assert line.read()["error"]["code"] == -32601
    line.send(b'{"id":1,"method":"ping"}')
    assert "result" in line.read()


@with_daemon
def a_line_that_never_ends(daemon):
    """Answered once, when it is too long; what follows is thrown away; the LF ends that."""
    line = daemon.line(60)
    for _ in range(20):
        line.sock.sendall(b"x" * (1 << 20))
    answer = line.read()
    assert answer["error"]["code"] == TOO_LARGE and answer["id"] is None, answer
    line.sock.sendall(b"y" * (1 << 20) + b"\n")
    line.send(b'{"id":1,"method":"ping"}')
    assert line.read() == {"jsonrpc": "2.0", "id": 1, "result": {"pong": True}}
    line.sock.sendall(b"z" * (9 << 20))
    line.sock.shutdown(socket.SHUT_WR)
    got = drain(line)
    assert len(got) == 1 and strict(got[0])["error"]["code"] == TOO_LARGE, got
    assert daemon.line().call("stats")["rss_anon_kb"] < 48 << 10 or "asan" in os.environ.get("LAYERD_BUILD", "")


@with_daemon
def cut_off_in_the_middle(daemon):
    """What is left at the end of the input is a line: whole it is answered, broken it is refused once."""
    text = b'{"jsonrpc":"2.0","id":"\\u00e9\xc3\xa9","method":"ping","params":{"fields":["pong"]}}'
    for n in range(1, len(text) + 1):
        line = daemon.line()
        line.sock.sendall(text[:n])
        line.sock.shutdown(socket.SHUT_WR)
        got = drain(line)
        assert len(got) == 1, (text[:n], got)
        answer = strict(got[0])
        if n < len(text):
            check_error(Item(text[:n], PARSE), answer)
            assert answer["id"] is None and answer["error"]["data"]["offset"] <= n, answer
        else:
            assert answer["result"] == {"pong": True}, answer
        line.close()


@with_daemon
def byte_by_byte_and_at_every_split(daemon):
    text = b'{"id":"\xc3\xa9","method":"ping"}\r\n{"id":2,"method":"ping"\n[]\n{"id":3,"method":"ping"}\n'
    whole = Line(daemon.path)
    whole.sock.sendall(text)
    want = [whole.read_raw() for _ in range(4)]
    line = Line(daemon.path)
    for i in range(len(text)):
        line.sock.sendall(text[i : i + 1])
    assert [line.read_raw() for _ in range(4)] == want
    for i in range(len(text)):
        line.sock.sendall(text[:i])
        line.sock.sendall(text[i:])
        assert [line.read_raw() for _ in range(4)] == want, i
    line.send(b'{"id":1,"method":"ping"}')
    assert line.read()["id"] == 1


if __name__ == "__main__":
    main()
