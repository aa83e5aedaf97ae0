"""Re-allocations at a running service: begun, watched, approved, their moves written down."""

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bopis.cli.complaints import refuse
from bopis.cli.interrupting import interruptions
from bopis.cli.outputs import refuse_unwritten

if TYPE_CHECKING:
    import grpc
    from google.longrunning import operations_pb2
    from google.type.money_pb2 import Money

    from bopis.v1 import allocation_service_pb2 as pb
    from bopis.v1 import reallocation_service_pb2 as moves_pb
    from bopis.v1 import reallocation_service_pb2_grpc as moves_pb_grpc

CALL_S: Final = 10.0
DOWNLOAD_S: Final = 300.0
WAIT_MS: Final = 500
AFTER_LIMIT_S: Final = 600.0
"""Beside the optimizer's time: reading and moving."""
PAGE: Final = 500
COLUMNS: Final = (
    ("move_id", "INTEGER"),
    ("order_id", "VARCHAR"),
    ("line_number", "INTEGER"),
    ("from_node_id", "VARCHAR"),
    ("from_method", "VARCHAR"),
    ("from_window_start", "TIMESTAMPTZ"),
    ("from_ready_by", "TIMESTAMPTZ"),
    ("to_node_id", "VARCHAR"),
    ("to_method", "VARCHAR"),
    ("to_window_start", "TIMESTAMPTZ"),
    ("to_ready_by", "TIMESTAMPTZ"),
    ("order_saving", "DOUBLE"),
    ("move_saving", "DOUBLE"),
    ("currency", "VARCHAR"),
)
"""Of a table of moves: a row per line of an order that moves; no node: nobody does it."""
_NOBODY: Final = ("", "", "", "")


@dataclass(frozen=True, slots=True)
class Service:
    """A client. `quiet`: no progress is shown."""

    channel: "grpc.Channel"
    quiet: bool

    def reallocate(
        self, *, max_orders: int, time_limit_s: float, dry_run: bool
    ) -> tuple[str, "pb.ReallocateResponse"]:
        """The operation's name, and what it came to. Raises grpc.RpcError."""
        from bopis.v1 import allocation_service_pb2 as pb
        from bopis.v1 import allocation_service_pb2_grpc

        request = pb.ReallocateRequest(
            request_id=str(uuid.uuid4()), max_orders=max_orders, dry_run=dry_run
        )
        request.time_limit.FromMilliseconds(round(time_limit_s * 1_000))
        stub = allocation_service_pb2_grpc.AllocationServiceStub(self.channel)
        with interruptions() as is_interrupted:
            operation = stub.Reallocate(request, timeout=CALL_S)
            done = self._to_its_end(operation, time_limit_s, is_interrupted)
        response = pb.ReallocateResponse()
        done.response.Unpack(response)
        return done.name, response

    def apply(self, operation: str, move_ids: list[int]) -> "moves_pb.ApplyReallocationResponse":
        """What became of the moves. Raises grpc.RpcError."""
        from bopis.v1 import reallocation_service_pb2 as moves_pb

        request = moves_pb.ApplyReallocationRequest(
            request_id=str(uuid.uuid4()), operation=operation, move_ids=move_ids
        )
        with interruptions() as is_interrupted:
            begun = self._moves().ApplyReallocation(request, timeout=CALL_S)
            done = self._to_its_end(begun, 0.0, is_interrupted)
        response = moves_pb.ApplyReallocationResponse()
        done.response.Unpack(response)
        return response

    def write_moves(self, operation: str, path: Path, *, is_any: bool = True) -> None:
        """Writes all moves of an operation as a table; only its head unless there `is_any`. Raises
        grpc.RpcError.
        """
        from bopis.scenario.tables import TableError, write_table

        try:
            write_table(path, COLUMNS, self._rows(operation) if is_any else ())
        except TableError as error:
            refuse(str(error))
        except OSError as error:
            refuse_unwritten(path, error)

    def write_certificate(self, operation: str, path: Path) -> None:
        """Writes the certificate of an operation. Raises grpc.RpcError."""
        from bopis.v1 import reallocation_service_pb2 as moves_pb

        request = moves_pb.DownloadCertificateRequest(operation=operation)
        pieces = self._moves().DownloadCertificate(request, timeout=DOWNLOAD_S)
        partial = path.with_name(f"{path.name}.partial")
        try:
            with partial.open("wb") as file:
                for piece in pieces:
                    file.write(piece.data)
            partial.replace(path)
        except OSError as error:
            refuse_unwritten(path, error)
        finally:
            partial.unlink(missing_ok=True)

    def _moves(self) -> "moves_pb_grpc.ReallocationServiceStub":
        from bopis.v1 import reallocation_service_pb2_grpc

        return reallocation_service_pb2_grpc.ReallocationServiceStub(self.channel)

    def _rows(self, operation: str) -> Iterator[tuple[object, ...]]:
        from bopis.v1 import reallocation_service_pb2 as moves_pb

        token = ""
        while True:
            request = moves_pb.ListReallocationMovesRequest(
                operation=operation, page_size=PAGE, page_token=token
            )
            page = self._moves().ListReallocationMoves(request, timeout=CALL_S)
            for move in page.moves:
                yield from rows_of(move)
            token = page.next_page_token
            if not token:
                return

    def _to_its_end(
        self,
        operation: "operations_pb2.Operation",
        time_limit_s: float,
        is_interrupted: threading.Event,
    ) -> "operations_pb2.Operation":
        """Waits, and shows how far it is. Ctrl-C cancels the operation."""
        from google.longrunning import operations_pb2, operations_pb2_grpc

        from bopis.cli.bar import Bar
        from bopis.v1 import allocation_service_pb2 as pb

        operations = operations_pb2_grpc.OperationsStub(self.channel)
        wait = operations_pb2.WaitOperationRequest(name=operation.name)
        wait.timeout.FromMilliseconds(WAIT_MS)
        until = time.monotonic() + time_limit_s + AFTER_LIMIT_S
        with Bar(quiet=self.quiet) as bar:
            while not operation.done:
                if time.monotonic() > until:
                    refuse(f"{operation.name} is not done yet")
                if is_interrupted.is_set():
                    is_interrupted.clear()
                    cancel = operations_pb2.CancelOperationRequest(name=operation.name)
                    operations.CancelOperation(cancel, timeout=CALL_S)
                operation = operations.WaitOperation(wait, timeout=CALL_S + WAIT_MS / 1_000)
                metadata = pb.ReallocateMetadata()
                operation.metadata.Unpack(metadata)
                bar.show(metadata)
        if operation.HasField("error"):
            refuse(operation.error.message)
        return operation


def rows_of(move: "moves_pb.ReallocationMove") -> Iterator[tuple[object, ...]]:
    """A move as rows of the table."""
    saving = _amount(move.saving)
    for order in move.orders:
        before, after = _ways(order.before), _ways(order.after)
        own = round(_amount(order.before.cost.total) - _amount(order.after.cost.total), 6)
        for number in sorted(before | after):
            was, will = before.get(number, _NOBODY), after.get(number, _NOBODY)
            currency = move.saving.currency_code
            yield (move.move_id, order.order_id, number, *was, *will, own, saving, currency)


def _ways(plan: "pb.Plan") -> dict[int, tuple[str, str, str, str]]:
    """Node, method, begin of picking and ready-by time, by line."""
    from bopis.v1 import common_pb2

    return {
        number: (
            group.node_id,
            common_pb2.FulfillmentMethod.Name(group.method).removeprefix("FULFILLMENT_METHOD_"),
            group.window_start_time.ToJsonString() if group.HasField("window_start_time") else "",
            group.ready_by_time.ToJsonString() if group.HasField("ready_by_time") else "",
        )
        for group in plan.groups
        for number in group.line_numbers
    }


def _amount(money: "Money") -> float:
    return float(money.units) + float(money.nanos) / 1e9
