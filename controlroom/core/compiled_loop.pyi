from collections.abc import Sequence

from controlroom.core.pipeline import PartitionPipeline
from controlroom.core.records import Record

def process(pipeline: PartitionPipeline, found: Sequence[Record]) -> Sequence[Record]: ...
