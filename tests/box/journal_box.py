#!/usr/bin/env python3
"""The journal and its consumers: nothing lost, doubled or out of order over kill -9, lost connections,
readers that are slow, stuck or away."""

import base64
import os
import random
import resource
import threading
import time

from box import SLOW, Line, RpcError, World, case, main, preloaded, refused

REDUCED = os.environ.get("LAYERD_REDUCED")
KILLS = int(os.environ.get("LAYERD_KILLS", "5" if REDUCED else "20"))
RATE = int(os.environ.get("LAYERD_RATE", "200"))  # updates a second; 1000 in a long run


def texts(updates):
    return [u["message"]["text"] for u in updates if u["type"] == "new_message"]


def drain(line, n, timeout=20):
    """The next n updates that line gets."""
    got = []
    while len(got) < n:
        got.append(line.note(lambda u: u.get("method") == "update", timeout)["params"])
    return got


def positions(w):
    return {k["consumer"]: k["acked"] for k in w.daemon.line().call("list_consumers")["consumers"]}


def started(w, name="journal_bot"):
    bot, _ = w.bot(name)
    return bot, w.user(1)


@case
def a_consumer_goes_on_behind_its_ack():
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        made = a.call("subscribe", consumer="c", types=["new_message"])
        assert made["created"] is True
        for i in range(5):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d" % i})
        got = drain(a, 5)
        assert texts(got) == ["m%d" % i for i in range(5)]
        assert a.call("ack", consumer="c", seq=got[1]["seq"])["acked"] == got[1]["seq"]
        a.close()
        w.daemon.restart()
        b = w.daemon.line()
        again = b.call("subscribe", consumer="c", types=["new_message"])
        assert "created" not in again and again["seq"] == got[1]["seq"]
        assert texts(drain(b, 3)) == ["m2", "m3", "m4"]
        old = b.call("subscribe", since=got[0]["seq"], types=["new_message"])
        more = [u for u in drain(b, 4) if u["subscription"] == old["subscription"]]
        assert texts(more) == ["m1", "m2", "m3", "m4"]
        refused("consumer_unknown", b, "subscribe", consumer="nobody", create=False)
        refused("consumer_unknown", b, "ack", consumer="nobody", seq=1)
        refused("invalid_params", b, "ack", consumer="c", seq=10**9)
        refused("invalid_params", b, "subscribe", consumer="c", since="yesterday")
        refused("invalid_params", b, "subscribe", ack="auto")


@case
def what_came_while_the_daemon_was_dead():
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        a.call("subscribe", consumer="c", types=["new_message"])
        w.daemon.kill()
        for i in range(30):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d" % i})
        w.daemon.start()
        b = w.daemon.line()
        b.call("subscribe", consumer="c", types=["new_message"])
        assert texts(drain(b, 30)) == ["m%d" % i for i in range(30)]


@case
def one_shot_scripts():
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        a.call("fetch_updates", consumer="s")
        a.call("wait", **{"for": "online"})
        a.call("seek_consumer", consumer="s", to="now")
        for i in range(7):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d" % i})
        seen, last = [], None
        while len(seen) < 7:
            more = {"ack": last} if last is not None else {}
            r = a.call("fetch_updates", consumer="s", limit=3, wait=5, **more)
            seen += texts(r["updates"])
            last = r["last"]
        assert seen == ["m%d" % i for i in range(7)], seen
        again = a.call("fetch_updates", consumer="s", limit=3)
        assert again["updates"] == r["updates"], again  # not acked yet
        start = time.monotonic()
        assert a.call("fetch_updates", consumer="s", wait=1, ack=last)["updates"] == []
        assert time.monotonic() - start > 0.9
        timer = threading.Timer(0.3, lambda: w.sandbox.call("send", **{"from": user, "to": bot, "text": "x"}))
        timer.start()
        assert texts(a.call("fetch_updates", consumer="s", wait=20)["updates"]) == ["x"]
        timer.join()
        rows = a.call("list_consumers")["consumers"]
        assert [r["consumer"] for r in rows] == ["s"] and rows[0]["lag"] == 1, rows
        assert a.call("seek_consumer", consumer="s", to="now")["lag"] == 0
        assert a.call("remove_consumer", consumer="s") == {"removed": True}
        assert a.call("list_consumers")["consumers"] == []


@case
def a_second_reader_takes_over():
    with World() as w:
        bot, user = started(w)
        a, b = w.daemon.line(), w.daemon.line()
        a.call("subscribe", consumer="c")
        b.call("subscribe", consumer="c")
        end = a.note(lambda n: n.get("method") == "subscription_ended")
        assert end["params"] == {"subscription": 1, "reason": "taken_over"}, end
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "hello"})
        b.note(lambda n: n["params"].get("type") == "new_message")


@case
def automatic_acks():
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        a.call("subscribe", consumer="c", ack="auto", types=["new_message"])
        for i in range(3):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d" % i})
        last = drain(a, 3)[-1]["seq"]
        b = w.daemon.line()
        for _ in range(100):
            if b.call("list_consumers")["consumers"][0]["acked"] >= last:
                return
            time.sleep(0.05)
        raise AssertionError(b.call("list_consumers"))


@case
def a_reader_that_never_reads():
    """Costs constant memory, loses nothing, and gets all of it when it wakes up."""
    count = 600 if REDUCED else 3000
    with World() as w:
        bot, user = started(w)
        stuck = w.daemon.line(60)
        stuck.call("subscribe", types=["new_message"])
        flood = Line(w.sandbox.control_path, 120)
        flood.send({"id": 1, "method": "flood",
                    "params": {"from": user, "to": bot, "count": count, "rate": 2000}})
        flood.read()
        good = w.daemon.line()
        assert good.call("ping") == {"pong": True}
        got = drain(stuck, count, 60)
        seqs = [u["seq"] for u in got]
        assert seqs == sorted(set(seqs)), "out of order or doubled"
        assert len({u["message"]["text"] for u in got}) == count


@case
def kills_under_a_flood():
    """T1, with G1 and G3: four consumers, each acks what it has; the daemon is killed at random."""
    count = RATE * KILLS // 5
    ready = []
    with World() as w:
        bot, user = started(w)
        names = ["c%d" % i for i in range(4)]
        first = w.daemon.line()
        for name in names:
            first.call("subscribe", consumer=name)
        first.close()
        seen = {name: {} for name in names}
        order = {name: [] for name in names}
        stop = threading.Event()

        def read(name):
            while not stop.is_set():
                try:
                    line = Line(w.daemon.path, 1)
                except OSError:
                    time.sleep(0.01)
                    continue
                try:
                    line.call("subscribe", consumer=name)
                    last = 0
                    while not stop.is_set():
                        u = line.note(lambda n: n.get("method") == "update", 1)["params"]
                        if "seq" not in u:
                            continue
                        assert u["seq"] > last, "out of order"
                        last = u["seq"]
                        if u["seq"] not in seen[name]:
                            order[name].append(u["seq"])
                            seen[name][u["seq"]] = u
                        if u["seq"] % 7 == 0:
                            line.send({"id": "a", "method": "ack",
                                       "params": {"consumer": name, "seq": u["seq"]}})
                except (OSError, EOFError, RpcError):
                    pass
                finally:
                    line.close()

        readers = [threading.Thread(target=read, args=(n,), daemon=True) for n in names]
        for r in readers:
            r.start()
        flood = Line(w.sandbox.control_path, 120)
        flood.send({"id": 1, "method": "flood",
                    "params": {"from": user, "to": bot, "count": count, "rate": RATE}})
        rng = random.Random(5)
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.02, 0.3) * SLOW)
            w.daemon.kill()
            start = time.monotonic()
            w.daemon.start()
            line = w.daemon.line()
            line.call("wait", **{"for": "online"})
            ready.append(time.monotonic() - start)
            line.close()
        flood.sock.settimeout(600 * SLOW)
        flood.read()
        want = [m["text"] for m in w.sandbox.call("messages", peer=user, **{"as": bot})["messages"]]
        end = time.monotonic() + 60 * SLOW
        def done(name):
            return len(texts(seen[name].values())) >= count
        while time.monotonic() < end and not all(done(n) for n in names):
            time.sleep(0.1)
        stop.set()
        for r in readers:
            r.join(10 * SLOW)
        for name in names:
            rows = [seen[name][s] for s in order[name]]
            got = texts(rows)
            assert got == want[-len(got):] and len(got) == count, \
                "%s: %d of %d; first difference %s" % (name, len(got), count, next(
                    (i for i, (a, b) in enumerate(zip(got, want)) if a != b), None))
            seqs = order[name]
            holes = [s for s in range(seqs[0], seqs[-1] + 1) if s not in seen[name]]
            assert not holes, "%s: holes %s" % (name, holes[:10])
        ready.sort()
        print("%d kills, %d messages at %d/s, %d consumers: 0 lost, 0 doubled, 0 holes; online after a restart: "
              "median %.3f s, p99 %.3f s" % (KILLS, count, RATE, len(names), ready[len(ready) // 2],
                                             ready[min(len(ready) - 1, len(ready) * 99 // 100)]))


@case
def a_full_disk():
    """T6: nothing is taken that cannot be kept; the rest of the daemon goes on, and all of it comes when there
    is room again."""
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        a.call("subscribe", consumer="c", types=["new_message"])
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "m0"})
        drain(a, 1)
        data = os.path.join(w.daemon.state, "data.mdb")
        limit = resource.prlimit(w.daemon.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(w.daemon.process.pid, resource.RLIMIT_FSIZE, (os.path.getsize(data), limit[1]))
        count, said = 0, False
        end = time.monotonic() + 20 * SLOW
        while not said and time.monotonic() < end:
            for _ in range(20):
                count += 1
                w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d %s" % (count, "x" * 2000)})
            time.sleep(0.1)
            said = "store_failed" in open(w.daemon.log).read()
        assert said, "the disk never was full"
        assert "store_failed account=main path=%s reason=" % w.daemon.state in open(w.daemon.log).read()
        line = w.daemon.line()
        assert line.call("status")["store_error"] == "the disk is full"
        w.sandbox.call("fault", kind="drop", direction="out", method="help.getNearestDc")
        hint = refused("timeout", line, "help.getNearestDc", timeout=1)["data"]["hint"]
        w.sandbox.call("clear_faults")
        assert w.daemon.state in hint and "the disk is full" in hint, hint
        before = len([n for n in a.notes if n.get("method") == "update"])
        for _ in range(5):
            count += 1
            w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d" % count})
            assert w.daemon.line().call("ping") == {"pong": True}
        resource.prlimit(w.daemon.process.pid, resource.RLIMIT_FSIZE, limit)
        got = texts(drain(a, count, 60))
        assert [t.split()[0] for t in got] == ["m%d" % i for i in range(1, count + 1)], (before, got)
        assert "store_error" not in line.call("status")
        print("%d messages over a full disk: 0 lost" % count)


@case
def a_disk_that_has_room_again():
    """After a refusal nothing waits to be written: that there is room is noticed all the same."""
    with World() as w:
        bot, user = started(w)
        a = w.daemon.line()
        a.call("subscribe", consumer="c", types=["new_message"])
        w.sandbox.call("send", **{"from": user, "to": bot, "text": "m0"})
        seq = drain(a, 1)[0]["seq"]
        time.sleep(1)
        limit = resource.prlimit(w.daemon.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(w.daemon.process.pid, resource.RLIMIT_FSIZE, (100, limit[1]))
        refused("disk_full", a, "ack", consumer="c", seq=seq)
        time.sleep(2.5)
        assert a.call("status")["store_error"] == "the disk is full"
        assert open(w.daemon.log).read().count("store_failed") <= 1
        resource.prlimit(w.daemon.process.pid, resource.RLIMIT_FSIZE, limit)
        end = time.monotonic() + 10 * SLOW
        while "store_error" in a.call("status"):
            assert time.monotonic() < end, "it still says so"
            time.sleep(0.1)
        a.call("ack", consumer="c", seq=seq)


BROKEN = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");

	if (access(getenv("SHIM_FILE"), F_OK) != 0)
		return real(fd);
	errno = EIO;
	return -1;
}
"""


@case
def a_disk_that_does_not_sync():
    """T5: no answer that says it is kept, no event offered, and all of it once the disk works again."""
    with preloaded(BROKEN) as broken:
        with World() as w:
            del os.environ["LD_PRELOAD"]
            bot, user = started(w)
            a = w.daemon.line()
            a.call("fetch_updates", consumer="other")
            a.call("subscribe", consumer="c", types=["new_message"])
            w.sandbox.call("send", **{"from": user, "to": bot, "text": "m0"})
            seq = drain(a, 1)[0]["seq"]
            other = positions(w)["other"]
            for round_ in range(3):
                open(broken, "w").close()
                for i in range(10):
                    w.sandbox.call("send", **{"from": user, "to": bot, "text": "m%d" % (10 * round_ + i + 1)})
                end = time.monotonic() + 20 * SLOW
                while open(w.daemon.log).read().count("store_failed") <= round_:
                    assert time.monotonic() < end, "nobody noticed"
                    time.sleep(0.05)
                b = w.daemon.line(3)
                assert b.call("ping") == {"pong": True}
                try:
                    if round_ == 1:
                        b.call("remove_consumer", consumer="other")
                    else:
                        b.call("seek_consumer", consumer="other", to="now")
                    raise AssertionError("said to be kept, and is not")
                except (RpcError, TimeoutError):
                    pass
                b.close()
                assert positions(w)["other"] == other, "moved or gone all the same"
                os.unlink(broken)
                got = drain(a, 10, 60)
                assert texts(got) == ["m%d" % (10 * round_ + i + 1) for i in range(10)], texts(got)
                assert [u["seq"] for u in got] == sorted({u["seq"] for u in got}) and got[0]["seq"] > seq
                seq = got[-1]["seq"]
            print("3 failures of the disk, 30 messages: 0 lost")


SLOW_DISK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int fdatasync(int fd)
{
	usleep(500 * 1000);
	return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
"""


@case
def a_slow_disk_under_a_flood():
    """What comes faster than the disk takes it waits in the kernel: nothing is dropped to be asked for again."""
    count = 10000 if REDUCED else 30000
    with preloaded(SLOW_DISK):
        with World() as w:
            del os.environ["LD_PRELOAD"]
            bot, user = started(w)
            a = w.daemon.line()
            a.call("subscribe", types=["new_message", "gap"])
            time.sleep(2)
            since = len(w.sandbox.call("calls", user=bot, method="updates.getDifference")["calls"])
            flood = Line(w.sandbox.control_path, 600)
            flood.send({"id": 1, "method": "flood", "params": {"from": user, "to": bot, "count": count, "rate": 0}})
            got = drain(a, count, 120)
            assert "result" in flood.read()
            assert len(texts(got)) == len({u["message"]["id"] for u in got}) == count
            asked = len(w.sandbox.call("calls", user=bot, method="updates.getDifference")["calls"]) - since
            assert asked == 0, "%d differences" % asked
            print("%d messages at once over a disk that syncs twice a second: all pushed ones taken" % count)


# Which message ("order-N.") goes where, in the order in which it happens: w data page, s sync, m meta page, o offered.
RECORD = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
static void note(char what, const char *p, size_t n)
{
	static int fd = -1;
	const char *end = p + n;
	char line[64];

	if (fd < 0)
		fd = open(getenv("SHIM_FILE"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	while (p && (p = memmem(p, (size_t)(end - p), "order-", 6)))
		syscall(SYS_write, fd, line, snprintf(line, sizeof line, "%c %d\n", what, atoi(p += 6)));
	if (!end)
		syscall(SYS_write, fd, line, snprintf(line, sizeof line, "%c\n", what));
}
static ssize_t page(int fd, const void *p, size_t n, ssize_t done)
{
	if (fcntl(fd, F_GETFL) & O_DSYNC)
		note('m', NULL, 0);
	else if (done >= 0)
		note('w', p, n);
	return done;
}
#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return page(fd, p, n, REAL(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, p, n, at));
}
ssize_t writev(int fd, const struct iovec *v, int n)
{
	ssize_t done = REAL(ssize_t, writev, int, const struct iovec *, int)(fd, v, n);

	for (int i = 0; i < n; i++)
		page(fd, v[i].iov_base, v[i].iov_len, done);
	return done;
}
int fdatasync(int fd)
{
	int r = REAL(int, fdatasync, int)(fd);

	note('s', NULL, 0);
	return r;
}
ssize_t send(int fd, const void *p, size_t n, int flags)
{
	note('o', p, n);
	return REAL(ssize_t, send, int, const void *, size_t, int)(fd, p, n, flags);
}
"""


@case
def what_is_offered_was_synced():
    """G2, F.73: a message's page, the sync, the page that makes it and the new state valid, and only then the client."""
    with preloaded(RECORD) as record:
        with World() as w:
            del os.environ["LD_PRELOAD"]
            bot, user = started(w)
            a = w.daemon.line()
            a.call("subscribe", types=["new_message"])
            count = 10 if REDUCED else 50
            for i in range(count):
                w.sandbox.call("send", **{"from": user, "to": bot, "text": "order-%d." % i})
                if i % 5 == 4:
                    drain(a, 5)
        acts = open(record).read().splitlines()
        for i in range(count):
            offered = acts.index("o %d" % i)
            written = acts.index("w %d" % i)
            synced = acts.index("s", written)
            valid = acts.index("m", written)
            assert written < synced < valid < offered, acts[written - 3:offered + 3]
        print("%d messages: written, synced, valid, offered, in this order" % count)


@case
def retention_is_told():
    """What a consumer had not read when it went: one gap says which."""
    with World("--journal-bytes", str(1 << 20)) as w:
        bot, user = started(w)
        a = w.daemon.line()
        a.call("subscribe", consumer="behind")
        a.close()
        text = base64.b64encode(random.Random(1).randbytes(2900)).decode()
        for i in range(600):
            w.sandbox.call("send", **{"from": user, "to": bot, "text": text[i:] + text[:i]})
        w.daemon.restart()
        a = w.daemon.line()
        end = time.monotonic() + 90 * SLOW
        while a.call("list_consumers")["oldest"] == 1:
            assert time.monotonic() < end, "nothing was taken away"
            time.sleep(0.5)
        a.call("subscribe", consumer="behind")

        def kept():  # a connection that comes and goes is told as well
            return a.note(lambda n: n.get("method") == "update" and n["params"]["type"] != "connection_state")["params"]
        gap, first = kept(), kept()
        assert gap["type"] == "gap" and gap["reason"] == "retention", gap
        assert gap["to"] + 1 == first["seq"], (gap, first["seq"])


if __name__ == "__main__":
    main()
