"""Reads everything that the broker has and compares it with the journal. README.md lists what must hold."""
import time

from support.waiting import until
from support.wire import Connection, list_offset

from .journal import ABORTED, COMMITTED, COMMITTING, OPEN, PLAIN, value_of
from .log import read_committed, read_partition
from .requests import committed_offset

#: At most so many lines of one kind are printed.
SHOWN = 5


class Checker:
    """One check, after a restart. `cut`: when the broker was ended; `window`: how many seconds before it may be lost."""

    def __init__(self, cluster, journal, partitions, cut, window):
        self.cluster, self.journal, self.partitions = cluster, journal, partitions
        self.cut, self.safe_until = cut, cut - window
        self.may_lose = window > 0
        self.problems = {}
        self.views, self.shown = {}, {}

    def check(self):
        """What is wrong, as lines of text. Takes what is there into the journal: that must stay."""
        with Connection(self.cluster) as connection:
            for topic, partition in self.partitions:
                self.views[topic, partition] = self.settled(connection, topic, partition)
                self.check_offsets(connection, topic, partition)
            self.check_topics(connection)
            for place, view in self.views.items():
                self.check_records(place, view)
            self.check_committed()
            for transaction in self.journal.transactions:
                self.check_transaction(transaction)
            self.check_commits(connection)
        return list(self.lines())

    def report(self, kind, lines):
        self.problems.setdefault(kind, []).extend(lines)

    def lines(self):
        for kind, found in self.problems.items():
            yield from (f"{kind}: {line}" for line in found[:SHOWN])
            if len(found) > SHOWN:
                yield f"{kind}: and {len(found) - SHOWN} more"

    def is_safe(self, acknowledged):
        return acknowledged is not None and (not self.may_lose or acknowledged < self.safe_until)

    # What the log looks like.
    def settled(self, connection, topic, partition):
        """The partition, once nothing in it is open: every transaction that the restart found has to come to its end."""
        def stable():
            view = read_partition(connection, topic, partition)
            return view if view.last_stable == view.high_watermark else None

        try:
            return until("no transaction is open", stable, 30)
        except AssertionError:
            view = read_partition(connection, topic, partition)
            self.report("a transaction stays open", [f"{topic}-{partition}: last stable {view.last_stable}, high watermark {view.high_watermark}"])
            return view

    def check_offsets(self, connection, topic, partition):
        view = self.views[topic, partition]
        found = [list_offset(connection, topic, time, partition, isolation=isolation).offset for time, isolation in ((-2, 0), (-1, 0), (-1, 1))]
        expected = [0, view.high_watermark, view.last_stable]
        if found != expected:
            self.report("ListOffsets", [f"{topic}-{partition}: earliest, latest and last stable are {found} instead of {expected}"])

    def check_topics(self, connection):
        found = {topic.name: len(topic.partitions) for topic in metadata_of_all(connection)}
        lost, wrong, kept = [], [], {}
        for name, (partitions, acknowledged) in self.journal.topics.items():
            if name in found:
                kept[name] = (partitions, acknowledged or time.monotonic())
                if found[name] != partitions:
                    wrong.append(f"{name} has {found[name]} partitions instead of {partitions}")
            elif self.is_safe(acknowledged):
                lost.append(f"{name}, acknowledged {time.monotonic() - acknowledged:.2f} s ago")
        self.report("topic lost", lost)
        self.report("topic wrong", wrong)
        self.report("topic invented", [name for name in found if name not in self.journal.topics and not name.startswith("__")])
        self.journal.topics = kept

    # Records.
    def check_records(self, place, view):
        name = f"{place[0]}-{place[1]}"
        sent = self.journal.sent.get(place, {})
        places, invented, changed = {}, [], []
        for offset, value in view.records:
            key = value.split(b"|", 1)[0].decode(errors="replace")
            if key not in sent:
                invented.append(f"{name}@{offset}: {key[:60]}")
            elif value != value_of(key):
                changed.append(f"{name}@{offset}: {key}")
            else:
                places.setdefault(key, []).append(offset)
        self.report("record invented", invented)
        self.report("record changed", changed)
        self.report("record twice", [f"{name}@{places[key]}: {key}" for key in places if len(places[key]) > 1 and sent[key].kind != PLAIN])
        self.check_acknowledged(name, sent, places)
        self.check_order(name, sent, places)
        kept = {}
        for key, offsets in places.items():
            kept[key] = sent[key]
            if sent[key].acknowledged is None:
                sent[key].offset, sent[key].acknowledged = offsets[-1], time.monotonic()
        self.journal.sent[place] = kept
        self.journal.ends[place] = view.high_watermark

    def check_acknowledged(self, name, sent, places):
        """What was acknowledged is where it was said to be; what a power cut may take is a tail of the log."""
        acknowledged = sorted((s for s in sent.values() if s.acknowledged is not None), key=lambda s: (s.acknowledged > self.cut, s.offset))
        lost, torn, is_tail = [], [], False
        for s in acknowledged:
            if s.offset in places.get(s.name, ()):
                if is_tail and s.acknowledged <= self.cut:
                    torn.append(f"{name}@{s.offset}: {s.name} is there, though one before it was lost")
            elif self.is_safe(s.acknowledged):
                lost.append(f"{name}@{s.offset}: {s.name} ({s.kind}), acknowledged {self.safe_until - s.acknowledged:.3f} s too early to be lost; found at {places.get(s.name)}")
            else:
                is_tail = True
        self.report("record lost", lost)
        self.report("no prefix", torn)

    def check_order(self, name, sent, places):
        last, wrong = {}, []
        for key, offset in sorted(((key, offsets[0]) for key, offsets in places.items()), key=lambda item: item[1]):
            s = sent[key]
            if s.sequence < last.get(s.writer, 0):
                wrong.append(f"{name}@{offset}: {key} after {s.writer}.{last[s.writer]}")
            last[s.writer] = s.sequence
        self.report("order", wrong)

    # Transactions.
    def check_committed(self):
        """A client's view has to be what the markers in the log say."""
        for (topic, number), found in read_committed(self.cluster, self.partitions).items():
            expected = self.views[topic, number].committed()
            self.shown[topic, number] = {value.split(b"|", 1)[0].decode(errors="replace") for _, value in found}
            if found != expected:
                more, less = set(found) - set(expected), set(expected) - set(found)
                text = f"{topic}-{number}: {len(more)} records too many and {len(less)} too few, e.g. {str((sorted(more) or sorted(less))[:1])[:60]}"
                self.report("read_committed", [text])

    def check_transaction(self, transaction):
        if transaction.is_cut:
            return
        there = [s.name in self.shown[topic, partition] for topic, partition, s in transaction.records]
        seen = f"{transaction.name} ({transaction.state}): {sum(there)} of {len(there)} records are shown"
        if transaction.state in (OPEN, ABORTED):
            if any(there):
                self.report("transaction shown that was not committed", [seen])
            transaction.state = ABORTED
        elif self.may_lose and not (transaction.state == COMMITTED and self.is_safe(transaction.ended)):
            self.check_cut(transaction, seen)
        elif not all(there) and (transaction.state == COMMITTED or any(there)):
            self.report("transaction not whole", [seen])
        if transaction.state == COMMITTING:
            transaction.state, transaction.ended = (COMMITTED if any(there) else ABORTED), time.monotonic()

    def check_cut(self, transaction, seen):
        """Committed so late that a power cut may take a part of it: what each partition shows is the beginning of what it got."""
        ended = set()
        for topic, partition, s in transaction.records:
            if s.name not in self.shown[topic, partition]:
                ended.add((topic, partition))
                transaction.is_cut = True
            elif (topic, partition) in ended:
                self.report("transaction with a hole", [f"{seen}; {topic}-{partition}"])

    # Offsets of groups.
    def check_commits(self, connection):
        decided = {}
        for transaction in self.journal.transactions:
            if transaction.offset:
                decided.setdefault(transaction.offset[:3], []).append(transaction)
        for place, commits in self.journal.commits.items():
            found = committed_offset(connection, *place)
            least = max((offset for offset, at in commits.acknowledged if self.is_safe(at)), default=-1)
            most = commits.attempted
            for transaction in decided.get(place, []):
                if transaction.state == COMMITTED and not transaction.is_cut and (not self.may_lose or self.is_safe(transaction.ended)):
                    least = max(least, transaction.offset[3])
            if place in decided:
                most = max((t.offset[3] for t in decided[place] if t.state == COMMITTED), default=-1)
            if not least <= found <= most:
                self.report("group offset", [f"{place}: {found}, which is not from {least} to {most}"])
            if found > self.views[place[1:]].high_watermark:
                self.report("group offset", [f"{place}: {found}, though the partition ends at {self.views[place[1:]].high_watermark}"])
            commits.acknowledged = [(found, time.monotonic())]
            self.forget(decided.get(place, []), found)

    def forget(self, transactions, found):
        """What a power cut took of the offsets is gone for good."""
        for transaction in transactions:
            if transaction.offset[3] > found:
                transaction.offset = None


def metadata_of_all(connection):
    from kafka.protocol.metadata import MetadataRequest
    return connection.ask(MetadataRequest(topics=None, allow_auto_topic_creation=False), 9).topics
