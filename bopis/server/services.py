"""Every service behind the door."""

from bopis.server.allocation import allocation_service
from bopis.server.catalog import catalog_service
from bopis.server.operations import operations_service
from bopis.server.orders import order_service
from bopis.server.pick import pick_service
from bopis.server.pickup import pickup_service
from bopis.server.policies import policy_service
from bopis.server.reallocations import reallocation_service
from bopis.server.rpc import Service
from bopis.server.stores import store_service
from bopis.service.dependencies import Dependencies


def all_services(deps: Dependencies) -> tuple[Service, ...]:
    """One of each, over the same dependencies."""
    return (
        order_service(deps),
        allocation_service(deps),
        reallocation_service(deps),
        pick_service(deps),
        pickup_service(deps),
        store_service(deps),
        catalog_service(deps),
        policy_service(deps),
        operations_service(deps),
    )
