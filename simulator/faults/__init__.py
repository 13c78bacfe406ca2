"""Faults that can be injected into simulated sensors: each in a precise way, each a known truth.

`FAULTS` is the whole table: what a fault does, what its magnitude means, what it is when nothing is said.
"""

from simulator.faults.base import ActiveFault, BadFault, FaultKind, Sample, new_fault
from simulator.faults.compositions import GATEWAY_OUTAGE_S, MACHINE_FAILURE_S, gateway_outage, machine_failure
from simulator.faults.table import FAULTS, activate

__all__ = [
    "FAULTS",
    "GATEWAY_OUTAGE_S",
    "MACHINE_FAILURE_S",
    "ActiveFault",
    "BadFault",
    "FaultKind",
    "Sample",
    "activate",
    "gateway_outage",
    "machine_failure",
    "new_fault",
]
