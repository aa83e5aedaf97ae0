"""PolicyService."""

from google.protobuf.timestamp_pb2 import Timestamp

from bopis.domain import commands
from bopis.domain.errors import FieldInvalid
from bopis.domain.planner import Override, PolicyVersion
from bopis.server import decode, encode
from bopis.server.comparing import comparing_methods, level_of
from bopis.server.rpc import Caller, Method, Service, service
from bopis.service import policies
from bopis.service.dependencies import Dependencies
from bopis.v1 import policy_pb2 as values
from bopis.v1 import policy_service_pb2 as pb

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["PolicyService"]


def policy_service(deps: Dependencies) -> Service:
    """The service over its use cases."""

    def version(value: PolicyVersion, *, with_text: bool = True) -> values.PolicyVersion:
        live = policies.live_version(deps)
        return values.PolicyVersion(
            version=value.version,
            text=value.text if with_text else "",
            level=values.CostLevel.Value(f"COST_LEVEL_{value.level.upper()}"),
            set_time=encode.timestamp(value.set_ms),
            planner_id=value.planner_id,
            why=value.why,
            live=value.version == live.version,
        )

    async def get_policy(request: pb.GetPolicyRequest, _caller: Caller) -> pb.GetPolicyResponse:
        return pb.GetPolicyResponse(policy=version(policies.get_policy(deps, request.version)))

    async def set_policy(request: pb.SetPolicyRequest, caller: Caller) -> pb.SetPolicyResponse:
        level = level_of(request.level) or policies.live_version(deps).level
        command = commands.SetPolicy(
            request_id=request.request_id,
            tenant=caller.tenant,
            text=request.text,
            level=level,
            planner_id=request.planner_id,
            why=request.why,
            validate_only=request.validate_only,
        )
        found = await policies.set_policy(deps, command)
        return pb.SetPolicyResponse(
            policy=version(found), changed=found.request_id == command.request_id
        )

    async def list_policy_versions(
        request: pb.ListPolicyVersionsRequest, _caller: Caller
    ) -> pb.ListPolicyVersionsResponse:
        found, next_page_token = policies.list_policy_versions(
            deps, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListPolicyVersionsResponse(
            versions=[version(one, with_text=False) for one in found],
            next_page_token=next_page_token,
        )

    return service(
        DESCRIPTOR,
        {
            "GetPolicy": get_policy,
            "SetPolicy": set_policy,
            "ListPolicyVersions": list_policy_versions,
            **_override_methods(deps),
            **comparing_methods(deps),
        },
    )


def _override_methods(deps: Dependencies) -> dict[str, Method]:
    async def pin_order(request: pb.PinOrderRequest, caller: Caller) -> pb.PinOrderResponse:
        command = commands.PinOrder(
            request_id=request.request_id,
            tenant=caller.tenant,
            order_id=request.order_id,
            node_id=request.node_id,
            method=decode.method(request.method) if request.method else None,
            until_ms=_until_ms(request),
            planner_id=request.planner_id,
            why=request.why,
        )
        return pb.PinOrderResponse(pin=_override(await policies.pin_order(deps, command)))

    async def forbid_node(request: pb.ForbidNodeRequest, caller: Caller) -> pb.ForbidNodeResponse:
        command = commands.ForbidNode(
            request_id=request.request_id,
            tenant=caller.tenant,
            node_id=request.node_id,
            order_id=request.order_id,
            sku=request.sku,
            until_ms=_until_ms(request),
            planner_id=request.planner_id,
            why=request.why,
        )
        return pb.ForbidNodeResponse(forbid=_override(await policies.forbid_node(deps, command)))

    async def end_override(
        request: pb.EndOverrideRequest, caller: Caller
    ) -> pb.EndOverrideResponse:
        command = commands.EndOverride(
            request_id=request.request_id,
            tenant=caller.tenant,
            override_id=request.override_id,
            planner_id=request.planner_id,
        )
        ended = await policies.end_override(deps, command)
        return pb.EndOverrideResponse(override=_override(ended))

    async def list_overrides(
        request: pb.ListOverridesRequest, _caller: Caller
    ) -> pb.ListOverridesResponse:
        found, next_page_token = await policies.list_overrides(
            deps,
            order_id=request.order_id,
            with_ended=request.show_ended,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListOverridesResponse(
            overrides=[_override(one) for one in found], next_page_token=next_page_token
        )

    return {
        "PinOrder": pin_order,
        "ForbidNode": forbid_node,
        "EndOverride": end_override,
        "ListOverrides": list_overrides,
    }


def _until_ms(request: pb.PinOrderRequest | pb.ForbidNodeRequest) -> int:
    """Unix ms; 0: no end. Raises FieldInvalid for an end before 1970."""
    if not request.HasField("expire_time"):
        return 0
    value: Timestamp = request.expire_time
    if value.seconds < 1:
        raise FieldInvalid("the end has passed", field="expire_time")
    return value.seconds * 1_000 + value.nanos // 1_000_000


def _override(value: Override) -> values.Override:
    message = values.Override(
        override_id=value.override_id,
        kind=values.Override.Kind.Value(f"KIND_{value.kind.value}"),
        node_id=value.node_id,
        order_id=value.order_id,
        sku=value.sku,
        expire_time=encode.timestamp(value.until_ms),
        set_time=encode.timestamp(value.set_ms),
        planner_id=value.planner_id,
        why=value.why,
        end_time=encode.timestamp(value.ended_ms),
        ended_by=value.ended_by,
    )
    if value.method is not None:
        message.method = encode.method(value.method)
    return message
