"""One connection to PostgreSQL that comes back by itself, and which errors are worth waiting for.

No pool: a release that raises after a successful commit, as asyncpg's can, would make a committed batch look failed. An
owner (a partition, a probe) has a connection of its own and is its only user.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import asyncpg

from controlroom.errors import ControlroomError, DatabaseUnreachable, NotAllowed

#: No statement of ours runs longer; a server that is stopped (SIGSTOP) answers nothing and is noticed by this.
COMMAND_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 2.0

#: What is relied on, whatever a database or a login has for its default: transactions that wait for each other where
#: serializable ones would fail, and the time limits above, not the server's.
_OWN_SETTINGS = """
SET jit = off;
SET default_transaction_isolation = 'read committed';
SET statement_timeout = 0;
SET lock_timeout = 0;
"""

#: The server or the way to it is away, full or busy: what was asked is right, and can be asked again.
PASSING_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What asyncpg says now and then when the server goes away in the middle of an exchange.
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.PostgresIOError,
    # A standby, as after a failover: the way to the primary is found when it is asked again.
    asyncpg.ReadOnlySQLTransactionError,
    # What a row meets that is on its way to the default partition while the partition of its day is attached.
    asyncpg.CheckViolationError,
    DatabaseUnreachable,
)


async def connect(dsn: str, *, name: str) -> asyncpg.Connection:
    """A connection; `name` is seen in pg_stat_activity.

    Raises:
        DatabaseUnreachable: nothing answers there, or it refuses us; the message says which.
    """
    try:
        connection = await asyncpg.connect(
            dsn,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings={"application_name": f"controlroom {name}"[:60], "timezone": "UTC"},
        )
        # Not settings of the start: a pooler (PgBouncer) refuses those that it does not follow.
        await connection.execute(_OWN_SETTINGS)
        return connection
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise DatabaseUnreachable(f"PostgreSQL refuses the login ({error})", hint="check user and password") from None
    except asyncpg.InvalidCatalogNameError as error:
        raise DatabaseUnreachable(f"PostgreSQL: {error}", hint="create the database, or correct --dsn") from None
    except (ValueError, asyncpg.ClientConfigurationError) as error:
        raise DatabaseUnreachable(
            f"the database URL is not usable ({error})", hint="it reads postgresql://user:password@host:port/database"
        ) from None
    except asyncpg.UndefinedObjectError as error:
        # What the URL has after `?` is sent as a setting; some are of other clients (connect_timeout, keepalives).
        raise DatabaseUnreachable(
            f"the database URL is not usable ({error})",
            hint="leave the parameter out; time limits are the program's own",
        ) from None
    except TimeoutError:
        raise DatabaseUnreachable("PostgreSQL does not answer", hint="check that it runs, and --dsn") from None
    except (OSError, asyncpg.PostgresError) as error:
        raise DatabaseUnreachable(f"PostgreSQL is not reachable ({error})", hint="check --dsn") from None


async def is_read_only(connection: asyncpg.Connection) -> bool:
    """Whether nothing can be stored there, as on a standby."""
    return bool(await connection.fetchval("SELECT current_setting('transaction_read_only') = 'on'"))


def explained(error: BaseException) -> ControlroomError | None:
    """What PostgreSQL refuses that is no fault of the program, for people; None: it is another error."""
    if isinstance(error, asyncpg.InvalidSQLStatementNameError | asyncpg.DuplicatePreparedStatementError):
        return DatabaseUnreachable(
            "a pooler before PostgreSQL changes the connection with each transaction",
            hint="connect to PostgreSQL itself, or use the pooler's session mode (PgBouncer: pool_mode = session)",
        )
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return NotAllowed(f"PostgreSQL: {error}", hint="log in as the owner of the schema, who ran `controlroom setup`")
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError):
        return DatabaseUnreachable(f"PostgreSQL: {error}", hint="`controlroom setup` makes the schema, or brings it up")
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        hint = "name all servers in --dsn, and target_session_attrs=read-write"
        return DatabaseUnreachable("PostgreSQL is read-only, as a standby is", hint=hint)
    return None


@contextlib.asynccontextmanager
async def transaction(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction of a session's owner.

    asyncpg's own one rolls back whatever happens. Where a statement was not answered in time, a ROLLBACK is not either:
    it would wait as long once more. The connection is cut instead, which rolls back as surely.
    """
    unanswered: TimeoutError | None = None
    try:
        async with connection.transaction():
            try:
                yield
            except TimeoutError as error:
                unanswered = error
                connection.terminate()
                raise
    except asyncpg.InterfaceError:
        # The end of asyncpg's own transaction, which finds the connection closed.
        if unanswered is not None:
            raise unanswered from None
        raise


class Session:
    """A connection that is made when it is needed and thrown away when it fails."""

    def __init__(self, dsn: str, name: str) -> None:
        self._dsn = dsn
        self._name = name
        self._connection: asyncpg.Connection | None = None

    async def connection(self) -> asyncpg.Connection:
        """The connection.

        Raises:
            DatabaseUnreachable: it cannot be made.
        """
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, name=self._name)
        return self._connection

    def drop(self) -> None:
        """Give the connection up at once: after an error nobody knows what it is in the middle of."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Close it, politely if the server lets us."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            with contextlib.suppress(*PASSING_ERRORS):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await connection.close()
            connection.terminate()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
