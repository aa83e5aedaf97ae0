"""The grpc.aio server behind the door, and what the door must know of it."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from bopis.server.rpc import SecretInterceptor, Service
from bopis.v1 import inventory_service_pb2, promise_service_pb2, stock_service_pb2

FOLDER_PREFIX: Final = "bopis-"
SOCKET_NAME: Final = "s"
_SECRET_BYTES: Final = 32
PENDING_MAX: Final = 16_384
"""Calls that wait for a handler at most."""

_NATIVE_FILES: Final = (
    inventory_service_pb2.DESCRIPTOR,
    promise_service_pb2.DESCRIPTOR,
    stock_service_pb2.DESCRIPTOR,
)
"""Files of the services that the door answers itself; reflection names them too."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the services listen: a socket in a folder of this user only, and the secret that every
    call must carry. New at every start.
    """

    folder: Path
    secret: str

    @property
    def socket(self) -> Path:
        """The unix socket."""
        return self.folder / SOCKET_NAME

    def remove(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class PassThroughMethod:
    """One rpc that the door lets through."""

    path: str
    streaming: bool


def new_address(note: Path) -> Address:
    """A folder of mode 0700 with a short path: unix sockets allow about 100 characters.

    `note` is a file that remembers the folder, so that the start after a crash removes the one
    that the crash left behind.
    """
    if note.exists():
        _remove_left_behind(Path(note.read_text(encoding="utf-8").strip()))
    folder = tempfile.mkdtemp(prefix=FOLDER_PREFIX)
    note.write_text(folder + "\n", encoding="utf-8")
    return Address(folder=Path(folder), secret=secrets.token_hex(_SECRET_BYTES))


def _remove_left_behind(folder: Path) -> None:
    """Removes a folder only if it is one of ours, whatever the note says."""
    ours = folder.name.startswith(FOLDER_PREFIX) and not folder.is_symlink() and folder.is_dir()
    if ours and folder.stat().st_uid == os.getuid():
        (folder / SOCKET_NAME).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()


def passthrough(services: Iterable[Service]) -> tuple[PassThroughMethod, ...]:
    """The door's table."""
    return tuple(
        PassThroughMethod(
            path=f"/{service.descriptor.full_name}/{rpc.name}",
            streaming=rpc.client_streaming or rpc.server_streaming,
        )
        for service in services
        for rpc in service.rpcs
    )


def descriptor_set(services: Iterable[Service]) -> bytes:
    """An encoded FileDescriptorSet of every service with all that its files import."""
    files: dict[str, FileDescriptorProto] = {}
    for file in (*_NATIVE_FILES, *(service.descriptor.file for service in services)):
        _add_file(file, files)
    return FileDescriptorSet(file=files.values()).SerializeToString()


def _add_file(file: FileDescriptor, files: dict[str, FileDescriptorProto]) -> None:
    if file.name in files:
        return
    for imported in file.dependencies:
        _add_file(imported, files)
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    files[file.name] = proto


async def start_server(
    services: Sequence[Service], address: Address, *, message_bytes_max: int
) -> grpc.aio.Server:
    """Listens on the socket. Raises OSError where that fails."""
    server = grpc.aio.server(
        interceptors=(SecretInterceptor(address.secret),),
        options=(
            ("grpc.max_receive_message_length", message_bytes_max),
            ("grpc.max_send_message_length", message_bytes_max),
            ("grpc.max_metadata_size", 64 * 1024),
            # As many calls and streams as the door lets through may come at once, say when every
            # store opens its pick stream after a restart; by default some thousand are refused.
            ("grpc.server.max_pending_requests", PENDING_MAX),
            ("grpc.server.max_pending_requests_hard_limit", 2 * PENDING_MAX),
            # Keepalive is between the door and its clients.
            ("grpc.http2.max_ping_strikes", 0),
        ),
    )
    server.add_generic_rpc_handlers(tuple(service.handler for service in services))
    if server.add_insecure_port(f"unix:{address.socket}") == 0:
        raise OSError(f"cannot listen on {address.socket}")
    await server.start()
    address.socket.chmod(0o600)
    return server
