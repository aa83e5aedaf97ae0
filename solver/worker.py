"""The worker process: `python -m solver.worker` reads one problem and writes one result.

Frames in both directions: 4 bytes length (big endian), then one msgpack map with field names. The
values are those of `bopis.domain` as msgspec encodes dataclasses (maps of their fields, enums as
their values), so a caller can hand them to `msgspec.msgpack.Encoder` as they are; this package
reads them by field name and imports nothing of bopis.

Request, one frame on stdin::

    {"type": "solve",
     "nodes":   [NetworkNode, ...],      # {node: {node_id, kind, place{latitude, longitude}, ...,
                                         #   pick_lines_per_hour}, windows: [{start_s, seconds}]}
     "items":   [Item, ...],             # {sku, unit_price_micro, weight_g}
     "policy":  Policy,                  # {card: CostCard, unit_weight_g, lead_time_ms, ...}
     "problem": ReallocationProblem}     # {now_ms, orders: [OpenOrder], stock: [StockLimit],
                                         #   labor: [LaborLimit], time_limit_ms, seed}

Each `OpenOrder` is `{ask, groups, unfilled, cost}` with the plan in force. `stock` and `labor` are
what these orders may use, what they hold included; limits that are zero may be left out.

Answer, frames on stdout: any number of ::

    {"type": "progress", "stage": "READING" | "PRICING" | "POOL" | "CHECKING",
     "orders": int, "columns": int, "bound_micro": int, "cost_micro": int, "elapsed_ms": int}

then exactly one of ::

    {"type": "result",
     "components": [[OrderMove, ...], ...],   # {order_id, groups, unfilled, cost{terms}}
     "cost_before_micro": int, "cost_planned_micro": int, "bound_micro": int,
     "solve_time_ms": int, "considered": int, "rounds": int, "columns": int,
     "inexact_bounds": int}
    {"type": "failed", "why": str}

`components`, `groups`, `unfilled` and `cost` have the fields of `ReallocationProposal`, `OrderMove`
and below, so `msgspec.convert(answer, ReallocationProposal, strict=False)` works on the result
(further fields are ignored). Each component is one atomic move of at most 512 reservation lines;
components are in an order in which they can be applied one after the other. A component that would
be larger, or whose gain does not pay, is left out, and its cost with it: `cost_planned_micro` is
the cost of all orders when exactly the components are applied.

The process sets its scheduling class to idle (nice 19 where that is refused), ignores SIGINT, and
exits when its stdin closes before the result is out. Exit code 0 after a result, 1 after a failure.
"""
