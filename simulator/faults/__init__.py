"""Faults that can be injected into simulated sensors: each in a precise way, each a known truth.

`FAULTS` is the whole table: what a fault does, what its magnitude means, what it is when nothing is said.
"""

from simulator.faults.base import ActiveFault, BadFault, FaultKind, Sample, new_fault
from simulator.faults.compositions import (
    COMPOSED,
    GATEWAY_OUTAGE,
    MACHINE_FAILURE,
    composed,
    gateway_outage,
    machine_failure,
)
from simulator.faults.table import FAULTS, activate

__all__ = [
    "COMPOSED",
    "FAULTS",
    "GATEWAY_OUTAGE",
    "MACHINE_FAILURE",
    "ActiveFault",
    "BadFault",
    "FaultKind",
    "Sample",
    "activate",
    "composed",
    "gateway_outage",
    "machine_failure",
    "new_fault",
]
