"""PickupService."""

from bopis.server import decode, encode
from bopis.server.rpc import Caller, Service, service
from bopis.service import pickup
from bopis.service.dependencies import Dependencies
from bopis.v1 import pickup_service_pb2 as pb

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["PickupService"]


def pickup_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    async def hand_over(request: pb.HandOverRequest, caller: Caller) -> pb.HandOverResponse:
        command = decode.hand_over(request, tenant=caller.tenant)
        order = await pickup.hand_over(deps, command)
        return pb.HandOverResponse(order=encode.order(order))

    return service(DESCRIPTOR, {"HandOver": hand_over})
