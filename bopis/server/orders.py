"""OrderService."""

from bopis.server import decode, encode
from bopis.server.rpc import Caller, Service, service
from bopis.service import ordering
from bopis.service.dependencies import Dependencies
from bopis.v1 import order_service_pb2 as pb

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["OrderService"]


def order_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    async def create_order(
        request: pb.CreateOrderRequest, caller: Caller
    ) -> pb.CreateOrderResponse:
        command = decode.create_order(request, tenant=caller.tenant)
        order = await ordering.create_order(deps, command)
        return pb.CreateOrderResponse(order=encode.order(order))

    async def get_order(request: pb.GetOrderRequest, caller: Caller) -> pb.GetOrderResponse:
        order = await ordering.get_order(deps, request.order_id, tenant=caller.tenant)
        return pb.GetOrderResponse(order=encode.order(order))

    async def list_orders(request: pb.ListOrdersRequest, caller: Caller) -> pb.ListOrdersResponse:
        orders, next_page_token = await ordering.list_orders(
            deps,
            state=decode.order_state(request.state),
            page_size=request.page_size,
            page_token=request.page_token,
            tenant=caller.tenant,
        )
        return pb.ListOrdersResponse(
            orders=[encode.order(order) for order in orders], next_page_token=next_page_token
        )

    async def cancel_order(
        request: pb.CancelOrderRequest, caller: Caller
    ) -> pb.CancelOrderResponse:
        command = decode.cancel_order(request, tenant=caller.tenant)
        order = await ordering.cancel_order(deps, command)
        return pb.CancelOrderResponse(order=encode.order(order))

    return service(
        DESCRIPTOR,
        {
            "CreateOrder": create_order,
            "GetOrder": get_order,
            "ListOrders": list_orders,
            "CancelOrder": cancel_order,
        },
    )
