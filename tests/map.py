#!/usr/bin/env python3
"""Checks tests/protocol.map: every numbered statement A to F has a line, every line a test that exists, or a
reason. Checks the vectors that a unit test leaves to another one the same way. Prints the sums, and closes with
"N passed, N failed"."""

import fnmatch
import glob
import json
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# The statements there are. A line that gets lost is noticed here.
STATEMENTS = {
    "A": "1-34 40-46",
    "B": "1-16 20-22 25-32 35-52 55-59 70-75 80-82",
    "C": "1-9 15-21 25-29 35-39 45-52 60-62 70-73",
    "D": "1-8 10-16 20-25 28-31 34-39 41-55 60-68 70-82",
    "E": "1-6 8-13 20-26 30-38 40-46 50-51",
    "F": "1-6 8-9 15-23 30-35 40-45 50-56 60-63 70-77",
}
COUNT = 294
# How many may still be "missing"; this only goes down.
OPEN = 0
# Vector files that every vector of must be an assertion, here or in the test that its row names.
VECTORS = "tl crypto auth_key rsa pq dh srp transports session dcs updates".split()

LINE = re.compile(r"([A-F]\.\d+) \| (\S[^|]*) \| (\S.*)$")
UNIT = re.compile(r"^TEST(?:_T)?\((\w+)", re.M)
ROW = re.compile(r'\{\s*"([^"]+)",\s*(\w+),\s*(?:NULL|"([^"]+)")\s*\}')  # of a struct vector_row
FILE = re.compile(r'"(\w+)\.json"')


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def numbers():
    out = []
    for letter, ranges in STATEMENTS.items():
        for part in ranges.split():
            first, _, last = part.partition("-")
            out += ["%s.%d" % (letter, n) for n in range(int(first), int(last or first) + 1)]
    return out


class Tests:
    """What tests there are, by their names."""

    def __init__(self):
        self.units = {}  # "room/name": source text
        self.sources = {}
        for path in sorted(glob.glob("tests/unit/*/*.c")):
            room = path.split("/")[2]
            text = self.sources[path] = read(path)
            for name in UNIT.findall(text):
                self.units["%s/%s" % (room, name)] = text
        self.boxes = {os.path.basename(p)[:-3]: read(p) for p in glob.glob("tests/box/*_box.py")}
        self.fuzz = {os.path.basename(p)[:-7] for p in glob.glob("tests/fuzz/*_fuzz.c")}
        self.lint = set(re.findall(r"^check_(\w+)\(\)|^(\w+)\(\) \{", read("tests/lint.sh"), re.M))
        self.lint = {a or b for a, b in self.lint}
        self.used = set()

    def problem(self, ref):
        """Why the reference is none; None: it is one."""
        name, _, part = ref.partition(":")
        room, _, rest = name.partition("/")
        if room == "box":
            text = self.boxes.get(rest)
            if text is None:
                return "no such box test"
            if part and not re.search(r"\bdef %s\(" % re.escape(part), text):
                return "no such case"
        elif room == "fuzz":
            if rest not in self.fuzz:
                return "no such fuzz target"
            if not glob.glob("tests/fuzz/corpus/%s/*" % rest):
                return "no corpus"
        elif room == "lint":
            if rest not in self.lint:
                return "no such check"
        elif name not in self.units:
            return "no such unit test"
        elif part:
            return self.no_vector(self.units[name], part)
        self.used.add(name + (":" + part if room == "box" and part else ""))
        return None

    def no_vector(self, text, pattern):
        """The test's source names the files: one has such vectors that are assertions there."""
        for file in FILE.findall(text):
            ids = fnmatch.filter(vector_ids(file), pattern)
            if any(row_of(text, i)[1] != "NULL" for i in ids):
                return None
        return "no such vectors in this test"


def vector_ids(file):
    return [v["id"] for v in json.loads(read("tests/vectors/%s.json" % file)).get("vectors", [])]


def row_of(text, vector):
    """The row of a source's tables that the vector falls to, as vectors_run() finds it. A source without
    tables checks whatever it reads."""
    rows = ROW.findall(text)
    for pattern, check, other in rows:
        if vector == pattern or pattern[-1] == "*" and vector.startswith(pattern[:-1]):
            return pattern, check, other
    return None, "NULL" if rows else "all", ""


def check_map(tests, problems):
    seen, exceptions, missing = set(), [], []
    for at, line in enumerate(read("tests/protocol.map").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        found = LINE.match(line)
        if not found:
            problems.append("line %d: not NUMBER | TEXT | TESTS" % at)
            continue
        number, _, proof = found.groups()
        if number in seen:
            problems.append("%s stands there twice" % number)
        seen.add(number)
        if proof == "missing":
            missing.append(number)
        elif proof.startswith("n/a: "):
            exceptions.append("%s: %s" % (number, proof[5:]))
        else:
            for ref in proof.split(", "):
                why = tests.problem(ref)
                if why:
                    problems.append("%s: %s: %s" % (number, ref, why))
    wanted = numbers()
    if len(wanted) != COUNT:
        problems.append("%d statements listed, there are %d" % (len(wanted), COUNT))
    problems += ["%s has no line" % n for n in wanted if n not in seen]
    problems += ["%s is no statement" % n for n in seen if n not in wanted]
    if len(missing) > OPEN:
        problems.append("no test for %s" % " ".join(missing))
    return len(wanted), exceptions, missing


def has_it(tests, ref, file, vector):
    """The other test that a row names: if it reads the file by tables, they have a check for the vector."""
    text = tests.units.get(ref)
    return text is not None and (file not in FILE.findall(text) or row_of(text, vector)[1] != "NULL")


def check_vectors(tests, problems):
    """Each vector is an assertion of a test that reads its file, or has a reason. Returns how many."""
    asserted, reasons = 0, []
    for file in VECTORS:
        texts = [t for t in tests.sources.values() if file in FILE.findall(t)]
        if not texts:
            problems.append("vectors/%s.json: no unit test reads it" % file)
        for vector in vector_ids(file):
            rows = [row_of(t, vector) for t in texts]
            tables = [r for r in rows if r[0]]
            others = [other for _, _, other in tables if other]
            if any(check != "NULL" for _, check, _ in tables or rows):
                asserted += 1
            elif any(has_it(tests, ref, file, vector) for o in others for ref in o.split(", ")):
                asserted += 1
            elif others and all(o.startswith("n/a: ") for o in others):
                reasons.append("%s:%s: %s" % (file, vector, others[0][5:]))
            else:
                problems.append("vectors/%s.json: %s is no assertion anywhere" % (file, vector))
    for path, text in tests.sources.items():
        for pattern, check, other in ROW.findall(text):
            if check == "NULL" and other and not other.startswith("n/a: "):
                for ref in other.split(", "):
                    why = tests.problem(ref)
                    if why:
                        problems.append("%s: %s: %s: %s" % (path, pattern, ref, why))
    return asserted, reasons


def main():
    tests, problems = Tests(), []
    count, exceptions, missing = check_map(tests, problems)
    named = len(tests.used)
    asserted, reasons = check_vectors(tests, problems)
    for p in problems:
        print("FAILED %s" % p)
    print("%d statements, %d tests, %d exceptions, %d open" % (count, named, len(exceptions), len(missing)))
    print("%d vectors asserted, %d exceptions" % (asserted, len(reasons)))
    for e in exceptions + reasons:
        print("  n/a %s" % e)
    print("%d passed, %d failed" % (max(count + asserted - len(problems), 0), len(problems)))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
