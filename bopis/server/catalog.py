"""CatalogService."""

from collections.abc import AsyncIterator

from bopis.server import decode, encode
from bopis.server.rpc import Caller, Service, service
from bopis.service import catalog
from bopis.service.dependencies import Dependencies
from bopis.v1 import catalog_service_pb2 as pb

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["CatalogService"]


def catalog_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    async def import_items(
        requests: AsyncIterator[pb.ImportItemsRequest], _caller: Caller
    ) -> pb.ImportItemsResponse:
        imported_count = 0
        index = 0
        async for request in requests:
            items = [
                decode.item(item, f"messages[{index}].items[{place}]")
                for place, item in enumerate(request.items)
            ]
            imported_count += await catalog.import_items(deps, items)
            index += 1
        return pb.ImportItemsResponse(imported_count=imported_count)

    async def get_item(request: pb.GetItemRequest, _caller: Caller) -> pb.GetItemResponse:
        return pb.GetItemResponse(item=encode.item(catalog.get_item(deps, request.sku)))

    return service(DESCRIPTOR, {"ImportItems": import_items, "GetItem": get_item})
