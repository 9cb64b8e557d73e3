"""Transactions, request by request: each has its answer within a time, and what it said is known."""
from support.transactions import add_offsets, add_partition, commit_offset, end
from support.wire import batch, produce, producer_identity

from .journal import ABORTED, COMMITTED, COMMITTING, TRANSACTIONAL, value_of
from .requests import Asker


class TransactionalWriter(Asker):
    """Transactions over several partitions, most with the commit of an offset; some are aborted. After a crash it begins anew with the same id."""

    def __init__(self, partitions, *arguments):
        super().__init__(*arguments)
        self.partitions, self.count = partitions, 0
        self.id = self.name.split("/")[0]

    def begin(self, connection):
        self.identity = producer_identity(connection, self.id)
        self.sequences = {}

    def ask(self, connection):
        self.count += 1
        transaction = self.journal.begin(f"{self.name}#{self.count}")
        for place in self.chance.sample(self.partitions, self.chance.randint(1, 3)):
            self.write(connection, transaction, place)
        if self.chance.random() < 0.7:
            self.send_offset(connection, transaction)
        if self.chance.random() < 0.25:
            self.succeed("EndTxn", end(connection, self.id, *self.identity, False))
            return self.journal.settle(transaction, ABORTED)
        self.journal.settle(transaction, COMMITTING)
        self.succeed("EndTxn", end(connection, self.id, *self.identity, True))
        self.journal.settle(transaction, COMMITTED)
        self.ending.wait(self.chance.choice([0, 0.005]))

    def succeed(self, what, code):
        assert code == 0, f"{what}: error {code} for {self.name}"

    def write(self, connection, transaction, place):
        self.succeed("AddPartitionsToTxn", add_partition(connection, self.id, *self.identity, place[0], [place[1]]))
        for _ in range(self.chance.randint(1, 3)):
            sent = [self.journal.send(*place, TRANSACTIONAL, self.name, transaction) for _ in range(self.chance.randint(1, 4))]
            first = self.sequences.get(place, 0)
            self.sequences[place] = first + len(sent)
            records = batch(*(value_of(s.name) for s in sent), producer=(*self.identity, first), transactional=True)
            answer = produce(connection, place[0], records, place[1], transactional_id=self.id)
            self.succeed("Produce", answer.error_code)
            for index, s in enumerate(sent):
                self.journal.acknowledge(s, answer.base_offset + index)

    def send_offset(self, connection, transaction):
        group, (topic, partition) = f"group-{self.id}", self.partitions[0]
        offset = self.journal.commit(group, topic, partition)
        if offset is None:
            return
        transaction.offset = (group, topic, partition, offset)
        self.succeed("AddOffsetsToTxn", add_offsets(connection, self.id, *self.identity, group))
        self.succeed("TxnOffsetCommit", commit_offset(connection, self.id, *self.identity, group, topic, offset))
