"""The rpcs of PolicyService that compare policies."""

from bopis.domain import commands
from bopis.domain.comparison import Comparison
from bopis.domain.policy import Policy
from bopis.server import encode
from bopis.server.rpc import Caller, Method
from bopis.service import comparing, shadow
from bopis.service.dependencies import Dependencies, Shadow
from bopis.service.policies import live_version
from bopis.v1 import policy_pb2 as values
from bopis.v1 import policy_service_pb2 as pb


def comparing_methods(deps: Dependencies) -> dict[str, Method]:
    """ComparePolicies, SetShadowPolicy, GetShadowReport."""

    async def compare_policies(
        request: pb.ComparePoliciesRequest, caller: Caller
    ) -> pb.ComparePoliciesResponse:
        found = await comparing.compare_policies(
            deps,
            _chosen(deps, request.before),
            _chosen(deps, request.after),
            max_orders=request.max_orders,
            tenant=caller.tenant,
        )
        return pb.ComparePoliciesResponse(comparison=_comparison(found))

    async def set_shadow_policy(
        request: pb.SetShadowPolicyRequest, caller: Caller
    ) -> pb.SetShadowPolicyResponse:
        command = commands.SetShadowPolicy(
            request_id=request.request_id,
            tenant=caller.tenant,
            text=request.text,
            level=level_of(request.level) or live_version(deps).level,
            planner_id=request.planner_id,
            why=request.why,
        )
        found = await shadow.set_shadow_policy(deps, command)
        return pb.SetShadowPolicyResponse(shadow=_report(found))

    async def get_shadow_report(
        _request: pb.GetShadowReportRequest, _caller: Caller
    ) -> pb.GetShadowReportResponse:
        return pb.GetShadowReportResponse(shadow=_report(deps.board.shadow))

    return {
        "ComparePolicies": compare_policies,
        "SetShadowPolicy": set_shadow_policy,
        "GetShadowReport": get_shadow_report,
    }


def level_of(value: values.CostLevel.ValueType) -> str:
    """The level by the domain's name; empty where it is not set."""
    return values.CostLevel.Name(value).removeprefix("COST_LEVEL_").lower() if value else ""


def _chosen(deps: Dependencies, choice: values.PolicyChoice) -> Policy:
    return comparing.named_policy(
        deps, version=choice.version, text=choice.text, level=level_of(choice.level)
    )


def _report(value: Shadow | None) -> values.ShadowReport | None:
    if value is None:
        return None
    return values.ShadowReport(
        planner_id=value.planner_id,
        why=value.why,
        start_time=encode.timestamp(value.since_ms),
        comparison=_comparison(value.comparison),
    )


def _comparison(value: Comparison) -> values.PolicyComparison:
    return values.PolicyComparison(
        before_version=value.before_version,
        after_version=value.after_version,
        same_costs=value.same_card,
        considered_count=value.considered,
        different_count=value.different,
        cost_before=encode.money(value.cost_before_micro, value.currency),
        cost_after=encode.money(value.cost_after_micro, value.currency),
        unfilled_before_count=value.unfilled_before,
        unfilled_after_count=value.unfilled_after,
        differences=[
            values.PolicyComparison.Difference(
                order_id=one.order_id,
                before=encode.plan(one.before, one.currency),
                after=encode.plan(one.after, one.currency),
            )
            for one in value.differences
        ],
    )
