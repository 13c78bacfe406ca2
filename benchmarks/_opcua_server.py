"""An OPC UA server of asyncua's, as a process that benchmarks and tests start, kill and tell what to do.

Its variables count: each has the value n from the n-th part of a second on since `began`, with that time as the
source's. So a value tells when it was there, also after the server was killed and started again.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controlroom.local import ports

URI = "http://example.org/line"


@dataclass
class OpcuaServer:
    """The process; what `tell` says is a word on its input."""

    directory: Path
    tags: int = 5
    #: values a second of each
    hz: float = 5.0
    options: tuple[str, ...] = ()
    port: int = field(default_factory=lambda: ports.free_ports(1)[0])
    began: float = field(default_factory=time.time)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"opc.tcp://127.0.0.1:{self.port}/line"

    def start(self, *options: str) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "benchmarks._opcua_server", "--port", str(self.port), "--tags", str(self.tags),
                   "--hz", str(self.hz), "--began", str(self.began), *self.options, *options]  # fmt: skip
        with (self.directory / "opcua.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == b"ready\n", (line, (self.directory / "opcua.log").read_text()[-3000:])

    def tell(self, word: str) -> None:
        """Have it do something, and wait until it has."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"done\n"

    def kill(self) -> None:
        """As if its power had gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def stop(self) -> None:
        """End it, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill()


async def _serve(args: argparse.Namespace) -> None:
    from asyncua import Server, ua
    from asyncua.crypto.cert_gen import setup_self_signed_certificate
    from asyncua.crypto.permission_rules import User, UserRole
    from cryptography.x509.oid import ExtendedKeyUsageOID

    class Users:
        """Who may log in."""

        def get_user(
            self, _session: object, username: str | None = None, password: str | None = None, certificate: object = None
        ) -> object:
            """The one user that there is."""
            return User(role=UserRole.User) if (username, password) == ("me", "hush") else None

    server = Server(user_manager=Users() if args.secure else None)
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{args.port}/line")
    if args.secure:
        directory = Path(args.secure)
        await setup_self_signed_certificate(
            directory / "server-key.pem", directory / "server.der", server.get_application_uri(), "127.0.0.1",
            [ExtendedKeyUsageOID.SERVER_AUTH], {},
        )  # fmt: skip
        await server.load_certificate(directory / "server.der")
        await server.load_private_key(directory / "server-key.pem")
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        server.set_security_IDs(["Username"])
    if args.shift:
        await server.register_namespace("http://example.org/other")
    index = await server.register_namespace(URI)
    line = await server.nodes.objects.add_object(ua.NodeId("Line", index), "Line 1")
    variables = []
    machine: Any = None
    for number in range(args.tags):
        if number % 10 == 0:
            machine = await line.add_object(ua.NodeId(f"m-{number // 10}", index), f"m-{number // 10}")
        # Another node id for the same name, as after a new download to a PLC.
        name = f"m-{number // 10}.s{number:04d}{args.suffix}"
        variable = await machine.add_variable(ua.NodeId(name, index), f"{index}:s{number:04d}", 0.0)
        variables.append(variable)
        if number == 0:
            unit = ua.EUInformation(DisplayName=ua.LocalizedText("°C"), UnitId=4408652)
            await variable.add_property(ua.NodeId("unit", index), "0:EngineeringUnits", unit)
            await variable.add_property(ua.NodeId("range", index), "0:EURange", ua.Range(-1.0, 90.0))
    fixed = await server.nodes.objects.add_object(ua.NodeId("Fixed", index), "Fixed")
    await fixed.add_variable(ua.NodeId("Fixed.label", index), f"{index}:label", "as it is")
    level = await fixed.add_variable(ua.NodeId("Fixed.level", index), f"{index}:level", 7.5)
    async with server:
        print("ready", flush=True)
        counting = asyncio.create_task(_count(args, variables))
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while word := (await reader.readline()).decode().strip():
            if word == "drop":
                service = server.iserver.subscription_service
                await service.delete_subscriptions(list(service.subscriptions))
            elif word in {"bad", "uncertain"}:
                code = ua.StatusCodes.BadSensorFailure if word == "bad" else ua.StatusCodes.UncertainSensorNotAccurate
                value = ua.Variant(None) if word == "bad" else ua.Variant(8.5)
                data = ua.DataValue(value, ua.StatusCode(code), SourceTimestamp=datetime.now(UTC))
                await level.write_value(data)
            elif word == "delete":
                await server.delete_nodes([level])
            elif word == "add":
                level = await fixed.add_variable(ua.NodeId("Fixed.level", index), f"{index}:level", 9.5)
            elif word == "late":
                await fixed.add_variable(ua.NodeId("Fixed.late", index), f"{index}:late", 1.25)
            print("done", flush=True)
        counting.cancel()


async def _count(args: argparse.Namespace, variables: list[Any]) -> None:
    from asyncua import ua

    number = int((time.time() - args.began) * args.hz)
    while variables and args.hz:
        number += 1
        for count, variable in enumerate(variables):
            at = args.began + (number + (count / len(variables) if args.spread else 0.0)) / args.hz
            if args.spread or not count:
                await asyncio.sleep(max(0.0, at - time.time()))
            stamp = datetime.fromtimestamp(time.time() if args.spread else at, UTC)
            await variable.write_value(
                ua.DataValue(ua.Variant(float(number), ua.VariantType.Double), SourceTimestamp=stamp)
            )
            if count % 100 == 99:
                await asyncio.sleep(0)


def main() -> None:
    """Run the server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tags", type=int, default=5)
    parser.add_argument("--hz", type=float, default=5.0)
    parser.add_argument("--began", type=float, default=time.time())
    parser.add_argument("--spread", action="store_true", help="not all at once, and with the time of writing")
    parser.add_argument("--shift", action="store_true", help="another namespace comes first")
    parser.add_argument("--suffix", default="")
    parser.add_argument("--secure", default="", help="a directory: encrypted, user me with password hush")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
