"""Generates `bopis/v1/` from `protos/bopis/v1/`: messages, gRPC stubs and their types.

The generated code is committed, so that an installation needs no compiler for protos. Run this
after every change of a proto; `--check` (part of `make lint` and of the tests) fails when the
committed code is not what the protos give.

The compiler is grpcio-tools 1.81.1: later releases emit code that the protobuf runtime which
OR-Tools demands (6.33) refuses.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
import tempfile
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO_ROOT = ROOT / "protos"
PACKAGE = Path("bopis/v1")
GENERATED_PATTERNS = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")


def proto_files(proto_root: Path = PROTO_ROOT) -> list[str]:
    """Names of our protos relative to `proto_root`, sorted."""
    return sorted(
        path.relative_to(proto_root).as_posix() for path in (proto_root / PACKAGE).glob("*.proto")
    )


def include_arguments(proto_root: Path = PROTO_ROOT) -> list[str]:
    """`-I` arguments: our protos (with Google's common ones beside them), google/protobuf."""
    return [f"-I{proto_root}", f"-I{resources.files('grpc_tools') / '_proto'}"]


def run_protoc(arguments: list[str], *, proto_root: Path = PROTO_ROOT) -> None:
    """Runs the bundled protoc over our protos. Raises SystemExit with its message if it fails."""
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        *include_arguments(proto_root),
        *arguments,
        *proto_files(proto_root),
    ]
    # The plug-ins for type stubs are installed beside the interpreter, which need not be on PATH.
    environment = {"PATH": sysconfig.get_path("scripts")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"protoc failed:\n{done.stderr}")


def generate(into: Path, *, proto_root: Path = PROTO_ROOT) -> None:
    """Writes the generated modules below `into` (`bopis/v1/*_pb2*.py*`)."""
    outputs = ("python", "grpc_python", "mypy", "mypy_grpc")
    run_protoc([f"--{name}_out={into}" for name in outputs], proto_root=proto_root)


def generated_files(folder: Path) -> dict[str, bytes]:
    """Content of every generated module in `folder/bopis/v1`, by name."""
    return {
        path.name: path.read_bytes()
        for pattern in GENERATED_PATTERNS
        for path in (folder / PACKAGE).glob(pattern)
    }


def drift(root: Path = ROOT) -> list[str]:
    """One sentence per generated module that is missing, left over or different. Empty: none."""
    with tempfile.TemporaryDirectory() as temporary:
        generate(Path(temporary), proto_root=root / "protos")
        wanted = generated_files(Path(temporary))
    committed = generated_files(root)
    problems = [f"{PACKAGE}/{name} is missing" for name in wanted.keys() - committed.keys()]
    problems += [f"{PACKAGE}/{name} has no proto" for name in committed.keys() - wanted.keys()]
    problems += [
        f"{PACKAGE}/{name} differs from its proto"
        for name in wanted.keys() & committed.keys()
        if wanted[name] != committed[name]
    ]
    return sorted(problems)


def main() -> int:
    """Generates, or with --check compares. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Generate bopis/v1 from the protos.")
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    arguments = parser.parse_args()
    if arguments.check:
        problems = drift()
        for problem in problems:
            print(problem)
        if problems:
            print("run tools/gen_protos.py and commit what it writes")
        return 1 if problems else 0
    for name in generated_files(ROOT):
        (ROOT / PACKAGE / name).unlink()
    generate(ROOT)
    print(f"{len(generated_files(ROOT))} modules written to {PACKAGE}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
