"""AllocationService."""

from google.longrunning import operations_pb2

from bopis.domain.explanation import Wanted
from bopis.server import decode, encode, encode_explanation
from bopis.server.operations import message_of
from bopis.server.rpc import Caller, Service, service
from bopis.service import catalog, duals, explaining, reallocation
from bopis.service.dependencies import Dependencies
from bopis.v1 import allocation_service_pb2 as pb

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["AllocationService"]


def allocation_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    async def explain_allocation(
        request: pb.ExplainAllocationRequest, caller: Caller
    ) -> pb.ExplainAllocationResponse:
        wanted = Wanted(
            plans=request.max_plans,
            nodes=request.max_nodes,
            flips=request.max_flips,
            relaxations=request.max_relaxations,
        )
        found = await explaining.explain_allocation(
            deps, request.order_id, wanted=wanted, tenant=caller.tenant
        )
        return encode_explanation.explanation(found)

    async def reallocate(request: pb.ReallocateRequest, caller: Caller) -> operations_pb2.Operation:
        command = decode.reallocate(request, tenant=caller.tenant)
        return message_of(deps, await reallocation.begin_reallocation(deps, command))

    async def get_dual_prices(
        request: pb.GetDualPricesRequest, _caller: Caller
    ) -> pb.GetDualPricesResponse:
        catalog.check_skus(deps, request.skus)
        page = duals.read_duals(
            deps,
            node_ids=request.node_ids,
            skus=request.skus,
            page_size=request.page_size,
            page_token=request.page_token,
            resolve=request.resolve,
        )
        response = encode.dual_prices(page, deps.directory.currency)
        if request.resolve:
            worths, count = await explaining.worth_of(
                deps, page.prices, max_orders=request.max_orders
            )
            encode.add_worths(response, worths, count, deps.directory.currency)
        return response

    return service(
        DESCRIPTOR,
        {
            "ExplainAllocation": explain_allocation,
            "Reallocate": reallocate,
            "GetDualPrices": get_dual_prices,
        },
    )
