"""The simulator's errors as the program's own, with what to do about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from controlroom.cli.client_errors import clients_translated
from controlroom.errors import ControlroomError, InputError, Unreachable
from simulator.errors import OutletError, OutletUnreachable, PlantFileError, ScenarioError, SimulatorError


@contextmanager
def translated() -> Iterator[None]:
    """Raise `ControlroomError`s where the simulator raises its own."""
    try:
        with clients_translated():
            yield
    except PlantFileError as error:
        raise InputError(str(error), hint="mend the plant file") from None
    except ScenarioError as error:
        raise InputError(str(error), hint="mend the drill's file") from None
    except OutletError as error:
        raise InputError(str(error), hint="see `controlroom simulate --help`") from None
    except OutletUnreachable as error:
        raise Unreachable(str(error), hint="check that it runs, and --to") from None
    except SimulatorError as error:
        raise ControlroomError(str(error)) from None
