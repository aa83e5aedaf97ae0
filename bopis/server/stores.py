"""StoreService."""

from collections.abc import AsyncIterator

from bopis.server import decode, encode
from bopis.server.rpc import Caller, Service, service
from bopis.service import stores
from bopis.service.dependencies import Dependencies
from bopis.v1 import store_service_pb2 as pb

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["StoreService"]


def store_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    async def import_stores(
        requests: AsyncIterator[pb.ImportStoresRequest], _caller: Caller
    ) -> pb.ImportStoresResponse:
        imported_count = 0
        index = 0
        async for request in requests:
            nodes = [
                decode.node(store, f"messages[{index}].stores[{place}]")
                for place, store in enumerate(request.stores)
            ]
            imported_count += await stores.import_stores(deps, nodes)
            index += 1
        return pb.ImportStoresResponse(imported_count=imported_count)

    async def list_stores(request: pb.ListStoresRequest, _caller: Caller) -> pb.ListStoresResponse:
        nodes, next_page_token = stores.list_stores(
            deps, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListStoresResponse(
            stores=[encode.store(node) for node in nodes], next_page_token=next_page_token
        )

    async def get_store(request: pb.GetStoreRequest, _caller: Caller) -> pb.GetStoreResponse:
        return pb.GetStoreResponse(store=encode.store(stores.get_store(deps, request.node_id)))

    async def set_capacity(
        request: pb.SetCapacityRequest, caller: Caller
    ) -> pb.SetCapacityResponse:
        command = decode.set_capacity(request, tenant=caller.tenant)
        return encode.capacity(await stores.set_capacity(deps, command))

    return service(
        DESCRIPTOR,
        {
            "ImportStores": import_stores,
            "ListStores": list_stores,
            "GetStore": get_store,
            "SetCapacity": set_capacity,
        },
    )
