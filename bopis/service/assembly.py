"""Putting the use cases' dependencies together, and bringing them up in the right order."""

from bopis.domain.policy import CardLevel, Policy
from bopis.ports import (
    Clock,
    DualStore,
    Forecaster,
    Ids,
    Ledger,
    OrderStore,
    ReallocationSolver,
    Sourcer,
    StillSourcers,
)
from bopis.service import reconcile
from bopis.service.catalog import load_catalog
from bopis.service.dependencies import Dependencies, PolicyBoard
from bopis.service.duals import load_duals
from bopis.service.policies import load_policy
from bopis.service.reconcile import Reconciled, reconcile_all
from bopis.service.stores import load_network


def assemble(
    *,
    clock: Clock,
    ids: Ids,
    ledger: Ledger,
    sourcer: Sourcer,
    still_sourcer: StillSourcers,
    store: OrderStore,
    solver: ReallocationSolver,
    duals: DualStore,
    forecaster: Forecaster,
    policy: Policy,
    code_key: bytes,
    quote_key: bytes,
) -> Dependencies:
    """Dependencies with an empty directory; `bring_up` fills it."""
    return Dependencies(
        clock=clock,
        ids=ids,
        ledger=ledger,
        sourcer=sourcer,
        still_sourcer=still_sourcer,
        store=store,
        solver=solver,
        duals=duals,
        forecaster=forecaster,
        board=PolicyBoard(policy),
        code_key=code_key,
        quote_key=quote_key,
        resume=reconcile.resume,
    )


async def bring_up(
    deps: Dependencies, *, policy_text: str, policy_level: CardLevel = CardLevel.BASE
) -> Reconciled:
    """After a start, before SERVING: policy, dual prices, catalog and network are loaded, labor
    windows opened, and what the last process left half-done is finished. `policy_text`: the file of
    the policy.
    """
    await load_policy(deps, text=policy_text, level=policy_level)
    load_duals(deps)
    await load_catalog(deps)
    await load_network(deps)
    return await reconcile_all(deps)
