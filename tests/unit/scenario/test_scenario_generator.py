"""The generator: the same seed gives the same bytes, anywhere."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from bopis.scenario.generator import GeneratorParameters, generate_scenario
from bopis.scenario.loader import load_scenario
from bopis.scenario.model import Method, NodeKind
from bopis.scenario.writer import write_scenario

SMALL = GeneratorParameters(nodes=12, skus=60, orders=80, seed=7)


def digest(directory: Path) -> str:
    parts = [path.read_bytes() for path in sorted(directory.iterdir())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def test_two_processes_generate_the_same_bytes(tmp_path: Path) -> None:
    write_scenario(generate_scenario(SMALL), tmp_path / "here")
    program = (
        "import sys, pathlib;"
        "from bopis.scenario.generator import *;"
        "from bopis.scenario.writer import write_scenario;"
        "p = GeneratorParameters(nodes=12, skus=60, orders=80, seed=7);"
        "write_scenario(generate_scenario(p), pathlib.Path(sys.argv[1]))"
    )
    for index in range(2):
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / f"there{index}")],
            check=True,
            env={"PYTHONHASHSEED": str(index + 1), "PYTHONPATH": str(Path.cwd())},
        )
        assert digest(tmp_path / f"there{index}") == digest(tmp_path / "here")


def test_another_seed_gives_another_scenario() -> None:
    other = GeneratorParameters(nodes=12, skus=60, orders=80, seed=8)
    assert generate_scenario(other).orders != generate_scenario(SMALL).orders


def test_what_is_written_is_loaded_again_unchanged(tmp_path: Path) -> None:
    scenario = generate_scenario(SMALL)
    write_scenario(scenario, tmp_path)
    loaded = load_scenario(tmp_path)
    assert loaded.nodes == scenario.nodes
    assert loaded.skus == scenario.skus
    assert loaded.orders == scenario.orders
    assert loaded.on_hand == scenario.on_hand


def test_sizes_kinds_and_baskets_are_as_asked() -> None:
    scenario = generate_scenario(GeneratorParameters(nodes=24, skus=200, orders=2000, seed=3))
    assert (len(scenario.nodes), len(scenario.skus), len(scenario.orders)) == (24, 200, 2000)
    assert {node.kind for node in scenario.nodes} == {
        NodeKind.STORE,
        NodeKind.DARK_STORE,
        NodeKind.WAREHOUSE,
    }
    sizes = [len(order.lines) for order in scenario.orders]
    assert min(sizes) == 1
    assert max(sizes) == 20
    pickups = sum(order.method is Method.PICKUP for order in scenario.orders)
    assert 0.65 < pickups / 2000 < 0.75
    asked = sum(order.ready_within_minutes is not None for order in scenario.orders)
    assert 0.2 < asked / 2000 < 0.3
    placed = [order.placed_at for order in scenario.orders]
    assert placed == sorted(placed)
    units: dict[str, int] = {}
    for order in scenario.orders:
        for line in order.lines:
            units[line.sku] = units.get(line.sku, 0) + 1
    assert units["SKU00000"] > 5 * units.get("SKU00150", 0)


@pytest.mark.parametrize("field", ["nodes", "skus", "orders"])
def test_a_size_out_of_range_is_refused(field: str) -> None:
    values = {"nodes": 12, "skus": 60, "orders": 80} | {field: 0}
    with pytest.raises(ValueError, match="at least"):
        generate_scenario(GeneratorParameters(**values))
