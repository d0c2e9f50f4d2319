"""What the benchmarks share: rows, tools, the CPU time of a process's threads."""

import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/box"))
from box import BUILD  # noqa: E402

OUT = os.path.join(ROOT, "build/bench")
ROUNDS = 7
ROWS = []
LIBS = {"proto": ["-lmbedcrypto", "-lz"], "core": ["-llmdb", "-ljansson"],
        "daemon": ["-lev", "-lpcre2-8", "-lpthread", "-lm"]}


def row(id_, what, value, unit, against=None, base=None, goal="", higher=True):
    """base: the same figure of what it is measured against; the ratio says how many times better this is."""
    ratio = round((value / base if higher else base / value), 3) if base else None
    ROWS.append({"id": id_, "what": what, "value": value, "unit": unit, "against": against, "ratio": ratio})
    print("%-4s %-50s %10.4g %-8s %s%s" % (id_, what, value, unit,
          "%.2f x %s (%.4g)  " % (ratio, against, base) if base else "", goal), flush=True)


def skip(id_, why):
    print("%-4s skipped: %s" % (id_, why), flush=True)


def build(name, libs):
    os.makedirs(OUT, exist_ok=True)
    path = os.path.join(OUT, name)
    subprocess.check_call(["cc", "-O2", "-std=gnu11", "-D_GNU_SOURCE", "-I" + ROOT, "-I" + os.path.join(BUILD, "gen"),
                           "-o", path, os.path.join(ROOT, "tests/bench", name + ".c"), *libs])
    return path


def build_with(name, *rooms):
    """A tool on the archives of the rooms and of tl, top first."""
    libs = [os.path.join(BUILD, "lib%s.a" % room) for room in (*rooms, "tl")]
    return build(name, libs + [lib for room in rooms for lib in LIBS[room]])


def pinned(args, core=1, **kw):
    """What a tool prints, as JSON."""
    return json.loads(subprocess.check_output(["taskset", "-c", str(core), *args], cwd=ROOT, **kw))


def status_kb(pid, field):
    for line in open("/proc/%d/status" % pid):
        if line.startswith(field + ":"):
            return int(line.split()[1])


def loop_cpu(pid):
    """Seconds that the first thread, the loop, was on a core; its neighbours' work does not count."""
    return int(open("/proc/%d/task/%d/schedstat" % (pid, pid)).read().split()[0]) / 1e9
