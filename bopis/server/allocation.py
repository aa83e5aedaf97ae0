"""AllocationService."""

from google.longrunning import operations_pb2

from bopis.server import decode, encode
from bopis.server.operations import message_of
from bopis.server.rpc import Caller, Service, service
from bopis.service import allocation, duals, ordering, reallocation
from bopis.service.dependencies import Dependencies
from bopis.v1 import allocation_service_pb2 as pb

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["AllocationService"]


def allocation_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    async def explain_allocation(
        request: pb.ExplainAllocationRequest, caller: Caller
    ) -> pb.ExplainAllocationResponse:
        order = await ordering.get_order(deps, request.order_id, tenant=caller.tenant)
        found = await allocation.explain_allocation(deps, request.order_id, tenant=caller.tenant)
        response = pb.ExplainAllocationResponse(
            chosen=encode.plan(found.chosen, order.currency),
            unfilled_lines=[encode.unfilled_line(line) for line in found.unfilled],
        )
        if found.best_now is not None:
            response.best_now.CopyFrom(encode.plan(found.best_now, order.currency))
        return response

    async def reallocate(request: pb.ReallocateRequest, caller: Caller) -> operations_pb2.Operation:
        command = decode.reallocate(request, tenant=caller.tenant)
        return message_of(deps, await reallocation.begin_reallocation(deps, command))

    async def get_dual_prices(
        request: pb.GetDualPricesRequest, _caller: Caller
    ) -> pb.GetDualPricesResponse:
        page = duals.read_duals(
            deps,
            node_ids=request.node_ids,
            skus=request.skus,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return encode.dual_prices(page, deps.directory.currency)

    return service(
        DESCRIPTOR,
        {
            "ExplainAllocation": explain_allocation,
            "Reallocate": reallocate,
            "GetDualPrices": get_dual_prices,
        },
    )
