"""What the cluster screen shows beside leaders and replicas: quorum, disks, groups, figures of database and worker.

What is unknown is None, never zero. Times are seconds since the epoch, sizes bytes, rates by the second.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VoterView:
    """One controller of the quorum: how far its copy of the metadata is."""

    node_id: int
    #: offset that the next record of its copy will get
    end: int | None
    #: when it had all that its leader had; None: not known
    caught_up_at: float | None = None


@dataclass(frozen=True, slots=True)
class QuorumView:
    """Who decides in the cluster: the active controller, its epoch, and the voters."""

    leader: int | None
    epoch: int
    voters: tuple[VoterView, ...]

    def lag_of(self, node_id: int) -> int | None:
        """Records of metadata that a voter lacks; None when it is no voter, or not known."""
        ends = {voter.node_id: voter.end for voter in self.voters}
        ahead = ends.get(self.leader) if self.leader is not None else None
        end = ends.get(node_id)
        return None if ahead is None or end is None else max(0, ahead - end)


@dataclass(frozen=True, slots=True)
class DiskView:
    """The log directories of one broker."""

    used: int
    total: int | None
    free: int | None
    #: directories that the broker cannot use any more
    failed: int = 0


@dataclass(frozen=True, slots=True)
class MemberView:
    """One member of a consumer group."""

    client: str
    host: str
    #: topic and partition numbers
    assigned: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class GroupView:
    """One consumer group; `members` is None when its coordinator does not answer."""

    group_id: str
    state: str
    coordinator: int | None
    members: tuple[MemberView, ...] | None
    #: records behind, by what it has committed to Kafka; None: nothing committed, or not known
    lag: int | None = None
    #: whether it reads what it is given; where a group only shares out work, its offsets say nothing
    reads: bool = True


#: a transaction that is open for longer is said to hang, whether or not it still writes
HANGS_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class TransactionView:
    """An open transaction on one partition: nothing from its first record on is read until it ends."""

    topic: str
    partition: int
    first_offset: int
    #: when it began, by its coordinator; where that is not known, when it wrote last
    since: float
    #: when it wrote last, by the broker
    last_at: float
    producer_id: int
    #: empty: not known
    transactional_id: str = ""

    @property
    def producer(self) -> str:
        """Who writes it, for people."""
        return self.transactional_id or f"producer {self.producer_id}"

    def hangs(self, now: float) -> bool:
        """Whether it has been open for so long that it is said."""
        return now - self.since > HANGS_AFTER_S


@dataclass(frozen=True, slots=True)
class ClusterDetail:
    """What the brokers tell when they are asked for more than their metadata."""

    checked_at: float
    #: None: not known; `quorum_answers` tells whether that is because nobody answers for the quorum
    quorum: QuorumView | None = None
    #: whether the quorum answered: False when the question timed out, None when it was refused or not asked
    quorum_answers: bool | None = None
    #: broker -> its disks; a broker that does not answer is not there
    disks: dict[int, DiskView] = field(default_factory=dict)
    #: None: not known
    groups: tuple[GroupView, ...] | None = None
    #: groups that there are, listed or not
    group_count: int | None = None
    error: str = ""
    #: the oldest first; None: not known
    transactions: tuple[TransactionView, ...] | None = None


@dataclass(frozen=True, slots=True)
class DatabaseFigures:
    """What PostgreSQL tells of itself."""

    user: str
    #: whether this login may act on alarms: what the database allows decides who is a viewer
    may_act: bool
    connections: int
    max_connections: int
    size: int | None = None
    #: rows that were inserted, updated or deleted
    rows_s: float | None = None
    #: write-ahead log, the truest measure of what is written
    wal_s: float | None = None
    commits_s: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerFigures:
    """How quick the detection worker of this process is, over the last minute; seconds."""

    commits: int
    commit_p50: float | None = None
    commit_p95: float | None = None
    #: a batch's first record: from its receipt to the end of the commit
    waited_p50: float | None = None
    waited_p95: float | None = None
    #: a reading: from the sensor's own time to the committed alarm that it raised
    alarm_p50: float | None = None
    alarm_p95: float | None = None
    #: why commits wait, if they do
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How consoles learn of readings, and how old that is.

    Attributes:
        age_s: whole seconds by which what is shown is behind; 0: less than two.
        by_reading: partitions of which each reading is read, since no worker tells their last ones.
        skipping: readings come too fast to be read one by one, and some are passed over.
    """

    age_s: int = 0
    by_reading: tuple[int, ...] = ()
    skipping: bool = False
