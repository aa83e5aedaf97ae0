"""Generated files are what their sources give."""

import shutil
from pathlib import Path

from tools import gen_api_reference, gen_protos


def test_generated_protobuf_code_has_not_drifted_from_the_protos() -> None:
    problems = gen_protos.drift()
    assert not problems, "\n".join([*problems, "run make protos and commit what it writes"])


def test_api_reference_has_not_drifted_from_the_protos() -> None:
    assert gen_api_reference.PAGE.read_text() == gen_api_reference.render(), "run make protos"


def test_drift_of_generated_code_is_found(tmp_path: Path) -> None:
    for folder in ("protos", "bopis/v1"):
        shutil.copytree(gen_protos.ROOT / folder, tmp_path / folder)
    assert gen_protos.drift(tmp_path) == []
    proto = tmp_path / "protos/bopis/v1/pickup_service.proto"
    proto.write_text(proto.read_text().replace("pickup_code = 4", "pickup_code = 5"))
    (tmp_path / "bopis/v1/old_service_pb2.py").write_text("")
    (tmp_path / "bopis/v1/common_pb2.pyi").unlink()
    assert gen_protos.drift(tmp_path) == [
        "bopis/v1/common_pb2.pyi is missing",
        "bopis/v1/old_service_pb2.py has no proto",
        "bopis/v1/pickup_service_pb2.py differs from its proto",
    ]
