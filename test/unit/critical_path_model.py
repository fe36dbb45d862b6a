#!/usr/bin/env python3
"""A slow model of the critical path, and its comparison with the C code.

    critical_path_model.py PROGRAM [TRACES] [SEED]

PROGRAM is critical_path_cli, built.  Random traces with everything that real
ones get wrong are given to both; every fact must be equal.  The model follows
the definition word by word, with lists, sets and recursion; it shares nothing
with the C code.  Prints TAP; what failed is printed with its seed, so that

    critical_path_model.py PROGRAM 1 SEED

repeats it alone.
"""
import collections
import math
import random
import subprocess
import sys

NONE = "\\N"
Trace = collections.namedtuple("Trace", "options rows")
Options = collections.namedtuple(
    "Options",
    "tolerance max_overlap overflow roots skew messaging root "
    "factor service operation")
CLIP, DROP = 0, 1
AUTO, VIRTUAL, ALL = 0, 1, 2
SHIFT, PRUNE = 1, 1
PRODUCER, CONSUMER = 5, 6


class Row:
    """A recorded span."""

    def __init__(self, id, parent, service, operation, start, end, duration,
                 kind):
        self.id, self.parent = id, parent
        self.service, self.operation = service, operation
        self.start, self.end, self.duration = start, end, duration
        self.kind = kind

    def fields(self):
        values = (self.id, self.parent, self.service, self.operation,
                  self.start, self.end, self.duration, self.kind)
        return [NONE if v is None else str(v) for v in values]

    def name(self):
        return (self.id, self.service, self.operation)

    def recorded_length(self):
        if self.start is None:
            return 0
        if self.end is not None:
            return max(0, self.end - self.start)
        return max(0, self.duration or 0)

    def is_finished(self):
        return self.end is not None or (self.start is not None and
                                        self.duration is not None)

    def bad_times(self):
        if self.start is None:
            return True
        if self.end is not None:
            return self.end < self.start
        return self.duration is not None and self.duration < 0


class Tree:
    """Who owns which id, who is below whom: for all analyses alike."""

    def __init__(self, rows):
        self.rows = rows
        self.owner = {}
        for row in rows:
            best = self.owner.get(row.id)
            if best is None or self.owner_key(row) < self.owner_key(best):
                self.owner[row.id] = row
        self.above = {row: self.find_parent(row) for row in rows}
        self.cut = set()
        self.cut_cycles()
        self.below = collections.defaultdict(list)
        for row in rows:
            if self.above[row] is not None:
                self.below[self.above[row]].append(row)
        self.reach, self.seen_start = {}, {}
        for row in rows:
            if self.above[row] is None:
                self.find_reach(row)

    @staticmethod
    def owner_key(row):
        return (row.start is None, -row.recorded_length(),
                row.start if row.start is not None else 0,
                row.service, row.operation)

    @staticmethod
    def is_true_root(row):
        return row.parent is None or row.parent.strip("0") == "" or \
            row.parent == row.id

    def find_parent(self, row):
        return None if self.is_true_root(row) else self.owner.get(row.parent)

    def is_copy(self, row):
        return self.owner[row.id] is not row

    def cut_cycles(self):
        for row in self.rows:
            seen = []
            while row is not None and row not in seen:
                seen.append(row)
                row = self.above[row]
            if row is None:
                continue
            cycle = seen[seen.index(row):]
            first = min(cycle, key=lambda r: (
                -math.inf if r.start is None else r.start, r.id))
            self.above[first] = None
            self.cut.add(first)

    def find_reach(self, row):
        """Sets the reach of a subtree; gives the latest time seen in it."""
        start = row.start
        if start is None:
            above = self.above[row]
            start = 0 if above is None else self.seen_start[above]
        self.seen_start[row] = start
        own = start
        if row.end is not None:
            own = max(start, row.end)
        elif row.start is not None and row.duration is not None:
            own = max(start, start + row.duration)
        latest = max([own] + [self.find_reach(c) for c in self.below[row]])
        self.reach[row] = own if row.is_finished() else latest
        return latest


class Path:
    """CP-1 over such a tree; a span without a start is not there at all."""

    def __init__(self, tree, options):
        self.tree, self.options = tree, options
        self.rows = [r for r in tree.rows if r.start is not None]
        self.own = {r: (r.start, max(r.start, tree.reach[r]))
                    for r in self.rows}
        self.original = dict(self.own)
        self.window, self.reached, self.dropped = {}, set(), set()
        self.clipped = self.overflows = self.pruned = 0
        self.sections, self.visited, self.cache = [], {}, {}
        self.tops = []
        self.roots = self.choose_roots()
        for root in self.roots:
            self.find_windows(root)
        for root in self.roots:
            self.walk_root(root)

    def above(self, row):
        above = self.tree.above[row]
        return above if above is not None and above.start is not None else None

    def children(self, row):
        if row is None:
            return self.tops
        return [r for r in self.tree.below[row] if r.start is not None]

    def choose_roots(self):
        tops = [r for r in self.rows if self.above(r) is None]
        true = [r for r in tops if self.tree.is_true_root(r)]
        cut = [r for r in tops if r in self.tree.cut]
        orphans = [r for r in tops if r not in true and r not in cut]
        self.true_count, self.orphan_count = len(true), len(orphans)
        self.true_roots = [r for r in true if not self.tree.is_copy(r)]
        self.orphans = [r for r in orphans if not self.tree.is_copy(r)]
        if self.options.root is not None:
            root = self.tree.owner[self.options.root]
            return [root] if root.start is not None else []
        best = self.true_roots or self.orphans or cut
        if not best:
            return []
        if self.options.roots == ALL:
            return sorted(best, key=lambda r: (r.start, r.id))
        if self.options.roots == VIRTUAL or \
                (best == self.orphans and len(best) > 1):
            self.tops = tops if best is cut else true + orphans
            return [None]
        return [min(best, key=lambda r: (r.start, -self.own[r][1], r.id))]

    def length(self, row):
        return self.window[row][1] - self.window[row][0]

    def find_windows(self, root):
        if root is None:
            self.window[None] = (min(self.own[r][0] for r in self.tops),
                                 max(self.own[r][1] for r in self.tops))
            for top in self.tops:
                self.enter(top, None)
        else:
            self.enter(root, None)

    def enter(self, row, parent):
        """Gives a row and all below it their effective intervals."""
        self.reached.add(row)
        if parent is not None and self.options.skew == SHIFT:
            self.shift(row, parent)
        start, end = self.own[row]
        overflows = False
        if parent is not None:
            overflows = end > self.own[parent][1]
            self.overflows += overflows
            around = self.window.get(parent)
            if around is None:
                start, end = 0, 0
            else:
                start, end = max(start, around[0]), min(end, around[1])
        if overflows and self.options.overflow == DROP:
            end = start
        if end > start or row in self.roots:
            self.window[row] = (start, end)
            self.clipped += (start, end) != self.own[row]
        else:
            self.dropped.add(row)
        for child in self.children(row):
            if self.options.messaging == PRUNE and \
                    row.kind == PRODUCER and child.kind == CONSUMER:
                self.pruned += self.size(child)
            else:
                self.enter(child, row)

    def size(self, row):
        return 1 + sum(self.size(c) for c in self.tree.below[row])

    def shift(self, row, parent):
        start, end = self.own[row]
        around = self.own[parent]
        length, room = end - start, around[1] - around[0]
        if row.service == parent.service or length > room or \
                (start >= around[0] and end <= around[1]):
            return
        self.move(row, around[0] + (room - length) // 2 - start)

    def move(self, row, by):
        self.own[row] = tuple(t + by for t in self.own[row])
        for child in self.children(row):
            self.move(child, by)

    def family(self, row):
        kids = [c for c in self.children(row)
                if c in self.window and self.length(c) > 0]
        return sorted(kids, key=lambda c: (
            -self.window[c][1], self.own[c][0], self.original[c][0], c.id,
            self.tree.is_copy(c), c.service, c.operation))

    def allowance(self, row):
        return min(math.floor(self.length(row) * self.options.tolerance),
                   self.options.max_overlap)

    def walk_root(self, root):
        self.found = []
        if self.length(root) > 0:
            self.visit(root, self.window[root][1], root)
        self.sections += self.found[::-1]

    def emit(self, row, start, end, root):
        if start < end:
            self.found.append((row, root, start, end))

    def visit(self, row, limit, root):
        self.visited[row] = root
        cursor = limit
        for child in self.family(row):
            start = self.window[child][0]
            end = min(self.window[child][1], limit)
            if start < cursor and (end <= cursor or
                                   end - cursor <= self.allowance(row)):
                self.emit(row, min(end, cursor), cursor, root)
                self.visit(child, min(end, cursor), root)
                cursor = start
        self.emit(row, self.window[row][0], cursor, root)

    # What follows from the sections.

    def exclusive(self, row):
        return sum(e - s for r, _, s, e in self.sections if r is row)

    def inclusive(self, row):
        kids = [c for c in self.children(row) if c in self.visited]
        return self.exclusive(row) + sum(self.inclusive(c) for c in kids)

    def slack(self, row):
        if row not in self.window or self.length(row) == 0:
            return -1
        if row in self.visited:
            return 0
        parent = None if row in self.tops else self.above(row)
        end = self.window[row][1]
        later = [self.window[c][0] for c in self.family(parent)
                 if self.window[c][0] >= end]
        above = 0 if parent is None else self.slack(parent)
        return min(later + [self.window[parent][1]]) - end + above

    def predecessors(self, row):
        """Of each child: when the last one before it ended, and who all had
        ended by then."""
        kids = self.family(row)
        allowance = self.allowance(row)
        result = {}
        for c in kids:
            start, end = self.window[c]
            gates = [self.window[p][1] for p in kids
                     if self.window[p][0] < start and self.window[p][1] < end
                     and self.window[p][1] <= start + allowance]
            gate = max(gates, default=None)
            result[c] = gate, [p for p in kids if gate is not None
                               and self.window[p][1] <= gate]
        return result

    def cached_predecessors(self, row):
        if row not in self.cache:
            self.cache[row] = self.predecessors(row)
        return self.cache[row]

    def new_length(self, row, matched, factor):
        def scale(time):
            return time * factor if time > 0 and row in matched else time

        before = self.cached_predecessors(row)
        if not before:
            return scale(self.length(row))
        ends = {}

        def end_of(child):
            if child not in ends:
                gate, waits = before[child]
                start = self.window[child][0]
                if gate is None:
                    ends[child] = scale(start - self.window[row][0])
                else:
                    ends[child] = max(end_of(p) for p in waits) + \
                        scale(start - gate)
                ends[child] += self.new_length(child, matched, factor)
            return ends[child]

        tail = self.window[row][1] - max(self.window[c][1] for c in before)
        return max(end_of(c) for c in before) + scale(tail)

    def total(self):
        return sum(self.length(r) for r in self.roots)

    def new_total(self, matched, factor):
        return sum(self.new_length(r, matched, factor) for r in self.roots)

    def what_if(self):
        o = self.options
        matched = {r for r in self.rows
                   if r in self.window and self.length(r) > 0 and
                   o.service in (None, r.service) and
                   o.operation in (None, r.operation)}
        saved = self.total() - self.new_total(matched, o.factor)
        bound = (1 - o.factor) * sum(self.exclusive(r) for r in matched)
        return (self.total(), self.total() - saved, saved, bound,
                int(saved < bound), len(matched))

    def drag(self, row):
        if row not in self.window or self.length(row) == 0:
            return -1
        return self.total() - self.new_total({row}, 0)

    def parallelism(self):
        rows = [r for r in self.rows
                if r in self.window and self.length(r) > 0]
        times = sorted({t for r in rows for t in self.window[r]})
        work = most = 0
        for start, end in zip(times, times[1:]):
            runs = {r for r in rows if self.window[r][0] <= start and
                    self.window[r][1] >= end}
            busy = sum(not any(c in runs for c in self.children(r))
                       for r in runs)
            work += busy * (end - start)
            most = max(most, busy)
        return work, self.total(), most

    def counts(self):
        on_path = {id(r) for r, _, _, _ in self.sections if r is not None}
        return (self.total(), len(self.tree.rows), len(on_path),
                self.true_count, self.orphan_count,
                len(self.rows) - len(self.reached), self.pruned,
                sum(self.tree.is_copy(r) for r in self.tree.rows),
                self.clipped, len(self.dropped), self.overflows,
                sum(r.bad_times() for r in self.tree.rows))

    def clipped_off(self, row):
        if row is None:
            return 0
        return self.original[row][1] - self.original[row][0] - self.length(row)

    def facts(self, with_drag):
        def named(row):
            return row.name() if row is not None else (NONE,) * 3

        lines = [("section", *named(r), root.id if root else NONE, s, e)
                 for r, root, s, e in self.sections]
        spans = []
        for row in self.visited:
            mine = [(s, e) for r, _, s, e in self.sections if r is row]
            spans.append(("span", *named(row), len(mine),
                          mine[0][0] if mine else 0,
                          mine[-1][1] if mine else 0, self.exclusive(row),
                          self.inclusive(row), self.clipped_off(row)))
        slack = [("slack", *r.name(), self.slack(r),
                  self.drag(r) if with_drag else 0) if r.start is not None
                 else ("slack", *r.name(), -1, -1 if with_drag else 0)
                 for r in self.tree.rows]
        lines += sorted(spans, key=str) + sorted(slack, key=str)
        lines.append(("counts", *self.counts()))
        what_if = self.what_if()
        lines.append(("what_if", *("%.3f" % x for x in what_if[:4]),
                      *what_if[4:]))
        lines.append(("parallelism", *self.parallelism()))
        return ["\t".join(str(f) for f in line) for line in lines]


# Traces.

def random_time(rng, low, high):
    """Coarse ones often: siblings shall touch and tie."""
    step = rng.choice((1, 1, 5, 10))
    return low + rng.randint(0, max(0, high - low) // step) * step


def place_behind(rng, siblings, start, end, scale):
    """A start near the end of a sibling: touching, overlapping a little."""
    finished = [s for s in siblings if s.end is not None]
    if not finished or rng.random() < 0.4:
        return start, end
    start = rng.choice(finished).end - rng.choice((0, 0, 1, 2, scale // 150))
    return start, start + rng.randint(1, max(1, scale // 4))


def random_row(rng, number, rows, scale):
    """A span below one of the rows; the first one is the root."""
    parent = rng.choice(rows[:rng.choice((1, 4, 20))]) if rows else None
    start, end = rng.randint(0, 3), scale
    if parent is not None:
        overlap = rng.choice((0, 0, 0, scale // 200, scale // 4))
        start = random_time(rng, parent.start - overlap, parent.end)
        end = random_time(rng, start, max(start, parent.end + overlap))
        start, end = place_behind(
            rng, [r for r in rows if r.parent == parent.id], start, end, scale)
    return Row("%03x" % rng.randrange(4096), parent and parent.id,
               rng.choice("abc"), "%s%d" % (rng.choice("xy"), number),
               start, end, None, rng.randint(0, 6))


def spoil(rng, row, rows, faults):
    """What real traces get wrong."""
    if rng.random() > faults:
        return
    fault = rng.randrange(10)
    if fault == 0:
        row.end = row.start - rng.randint(1, 50)
    elif fault == 1:
        row.end = row.start
    elif fault == 2:
        row.end = None
    elif fault == 3:
        row.end, row.duration = None, rng.randint(-10, 200)
    elif fault == 4:
        row.start = None
    elif fault == 5:
        row.parent = "gone%d" % rng.randrange(2)
    elif fault == 6:
        row.parent = rng.choice(rows).id
    elif fault == 7:
        row.parent = rng.choice((None, "", "0000", row.id))
    elif fault == 8:
        row.id = rng.choice(rows).id
    elif row.start is not None and row.end is not None:
        by = rng.randint(-200, 200)
        row.start, row.end = row.start + by, row.end + by


def random_trace(seed):
    rng = random.Random(seed)
    scale = rng.choice((40, 1000, 1000, 200000, 1000000))
    faults = rng.choice((0, 0, 0.1, 0.3, 0.8))
    rows = []
    for number in range(rng.choice((1, 2, 3, 5, 8, 12, 20))):
        rows.append(random_row(rng, number, rows, scale))
    for row in rows:
        spoil(rng, row, rows, faults)
    if rng.random() < 0.1:
        twin = rng.choice(rows)
        rows.append(Row(*[getattr(twin, f) for f in (
            "id", "parent", "service", "operation", "start", "end",
            "duration", "kind")]))
    rng.shuffle(rows)
    modes = rng.choice((0, 0.3))

    def maybe(value):
        return value if rng.random() < modes else 0

    return Trace(Options(
        *rng.choice(((0, 0), (0.01, 1000), (0.01, 1000), (0.3, 10), (1, 10**9))),
        maybe(DROP), maybe(rng.randint(0, 2)), maybe(SHIFT), maybe(PRUNE),
        rng.choice(rows).id if rng.random() < modes else None,
        rng.choice((0, 0.25, 0.5, 1, 2)),
        rng.choice((None, "a", "b", "none")),
        rng.choice((None, None, rng.choice(rows).operation))), rows)


def as_input(trace):
    o = trace.options
    lines = [["T"] + [NONE if v is None else str(v) for v in o]]
    lines += [["S"] + row.fields() for row in trace.rows]
    return "".join("\t".join(line) + "\n" for line in lines) + "E\n"


# Comparison.

def sorted_facts(lines):
    """Sections by root, in their order; the order of figures is no matter."""
    return sorted((x for x in lines if x.startswith("section")),
                  key=lambda x: x.split("\t")[4]), \
        sorted(x for x in lines if not x.startswith("section"))


def without_drag(lines):
    return [x.rsplit("\t", 1)[0] + "\t0" if x.startswith("slack") else x
            for x in lines]


def compare(seed, trace, lines, with_drag):
    expected = Path(Tree(trace.rows), trace.options).facts(with_drag)
    if not with_drag:
        lines = without_drag(lines)
    expected = without_drag(expected) if not with_drag else expected
    want, got = sorted_facts(expected), sorted_facts(lines)
    if want == got:
        return True
    print("# seed %d" % seed)
    for line in as_input(trace).splitlines():
        print("#   " + line)
    for w, g in zip(want, got):
        for line in w:
            if line not in g:
                print("#   expected " + line)
        for line in g:
            if line not in w:
                print("#   found    " + line)
    return False


def answers(program, traces):
    text = "".join(as_input(t) for t in traces)
    done = subprocess.run([program], input=text, capture_output=True,
                          text=True)
    if done.returncode != 0:
        print("# the program ended with %d\n# %s" % (
            done.returncode, done.stderr.replace("\n", "\n# ")))
    blocks, block = [], []
    for line in done.stdout.splitlines():
        if line == "end":
            blocks.append(block)
            block = []
        else:
            block.append(line)
    return blocks


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    first = int(sys.argv[3]) if len(sys.argv) > 3 else \
        random.SystemRandom().randrange(10**9)
    seeds = range(first, first + count)
    traces = [random_trace(seed) for seed in seeds]
    found = answers(program, traces)
    print("# seeds from %d" % first)
    print("1..2")
    answered = len(found) == count
    print("%sok 1 - every trace is answered" % ("" if answered else "not "))
    wrong = 0
    for seed, trace, lines in zip(seeds, traces, found):
        if not compare(seed, trace, lines, True):
            wrong += 1
            if wrong == 5:
                break
    print("%sok 2 - the model agrees on %d traces" % (
        "" if answered and wrong == 0 else "not ", count))
    return 0 if answered and wrong == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
