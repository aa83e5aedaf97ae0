"""Sizes, names, words and addresses."""

import tomllib
from collections.abc import Callable

import pytest

import bopis
from tools.tidy import form
from tools.tidy.files import ROOT, our_files, text_of

CODE = (".py", ".rs", ".sh", ".js", ".mjs", ".proto")


def problems_of(paths: list[str], check: Callable[..., list[str]]) -> str:
    assert paths
    problems = []
    for path in paths:
        text = text_of(path)
        if text is not None:
            problems += check(path, text=text)
    return "\n".join(problems)


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    problems = problems_of(our_files(*CODE), form.size_problems)
    assert not problems, problems


def test_no_function_is_longer_than_a_screen() -> None:
    python = problems_of(our_files(".py"), form.long_python_functions)
    rust = problems_of(our_files(".rs"), form.long_rust_functions)
    assert not python + rust, f"{python}\n{rust}"


def test_modules_are_named_for_what_they_do() -> None:
    problems = [problem for path in our_files() for problem in form.name_problems(path)]
    assert not problems, "\n".join(problems)


def test_no_file_names_a_foreign_host_or_a_folder_of_somebodys_machine() -> None:
    # These two hold such addresses as examples of what is not allowed.
    excused = {"tools/tidy/form.py", "tests/tidy/test_form.py"}
    paths = [path for path in our_files() if path not in excused]
    problems = problems_of(paths, form.place_problems)
    assert not problems, problems


def test_nothing_is_marked_as_unfinished() -> None:
    excused = {"tools/tidy/form.py", "tests/tidy/test_form.py"}
    paths = [path for path in our_files(*CODE, ".md", ".toml") if path not in excused]
    problems = problems_of(paths, form.unfinished_problems)
    assert not problems, problems


def test_every_crate_opens_by_saying_what_it_is() -> None:
    problems = problems_of(our_files("src/lib.rs", "src/main.rs"), form.crate_doc_problems)
    assert not problems, problems


def test_locks_are_hashed_and_name_no_index() -> None:
    paths = [path for path in our_files(".txt") if path.startswith("requirements/")]
    assert {"requirements/dev.txt", "requirements/runtime.txt"} <= set(paths)
    problems = problems_of(paths, form.lock_problems)
    assert not problems, problems


def test_locks_hold_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for path, declared in [
        ("requirements/runtime.txt", project["dependencies"]),
        (
            "requirements/dev.txt",
            project["dependencies"] + project["optional-dependencies"]["dev"],
        ),
    ]:
        lock = (ROOT / path).read_text().lower()
        for requirement in declared:
            name = requirement.split(">")[0].split("=")[0].strip().lower()
            assert f"\n{name}==" in lock, f"{path} lacks {name}: run make lock"


def test_python_and_rust_carry_the_same_version() -> None:
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    assert bopis.__version__ == workspace["package"]["version"]


def test_a_long_file_is_found() -> None:
    assert form.size_problems("bopis/x.py", text="x\n" * 401)
    assert not form.size_problems("bopis/x.py", text="x\n" * 400)
    (excused, *_) = form.LONGER_FILES
    assert form.size_problems(excused, text="x\n"), "an exception that is not needed goes"


def test_a_long_function_is_found() -> None:
    python = "async def f():\n" + "    x = 1\n" * 70
    assert form.long_python_functions("x.py", text=python)
    assert not form.long_python_functions("x.py", text=python[: -len("    x = 1\n")])
    rust = (
        "    pub(crate) async fn f<T>(\n        x: T,\n    ) {\n"
        + "        a();\n" * 67
        + "    }\n"
    )
    assert form.long_rust_functions("x.rs", text=rust)
    assert not form.long_rust_functions("x.rs", text=rust.replace("        a();\n", "", 1))
    excused, name = next(iter(form.LONGER_FUNCTIONS)).split(":")
    assert form.too_long(excused, lengths=[(name, 1, 70)]), "an exception that is not needed goes"
    assert not form.too_long(excused, lengths=[(name, 1, 71)])
    declaration = "    fn g(\n        x: u8,\n    ) -> u8;\n" + "\n" * 80 + "    }\n"
    assert not form.long_rust_functions("x.rs", text=declaration)


@pytest.mark.parametrize(
    "path", ["bopis/utils.py", "a/helpers/b.rs", "bopis/order_service/misc.py"]
)
def test_a_name_that_says_nothing_is_found(path: str) -> None:
    assert form.name_problems(path)


def test_a_name_that_contains_a_forbidden_word_passes() -> None:
    assert not form.name_problems("bopis/common_carrier.py")
    assert not form.name_problems("protos/bopis/v1/common.proto")


@pytest.mark.parametrize(
    "line",
    [
        'index-url = "https://index.example.org/simple"',
        "resolved: https://packages.example.org/x.tgz",
        "data lives in /home/anna/scenarios",
        "cd /workspace/clone",
    ],
)
def test_a_foreign_host_or_folder_is_found(line: str) -> None:
    assert form.place_problems("x.md", text=f"fine\n{line}\n")


@pytest.mark.parametrize(
    "line", ["http://127.0.0.1:8080/x", "https://rustup.rs", "/tmp/x", "../shared/data", "a/work/b"]
)
def test_a_local_address_or_a_relative_path_passes(line: str) -> None:
    assert not form.place_problems("x.md", text=line)


def test_a_mark_of_unfinished_work_is_found() -> None:
    assert form.unfinished_problems("x.rs", text="// TODO: later")
    assert not form.unfinished_problems("x.rs", text="let todos = 1;")


def test_a_crate_without_a_doc_is_found() -> None:
    assert form.crate_doc_problems("a/src/lib.rs", text="use x;\n")
    assert not form.crate_doc_problems("a/src/lib.rs", text="//! What this is.\n")
    assert not form.crate_doc_problems("a/src/other.rs", text="use x;\n")


def test_a_requirement_without_a_hash_or_with_an_index_is_found() -> None:
    good = "a==1 \\\n    --hash=sha256:00\n"
    assert not form.lock_problems("r.txt", text=good)
    assert form.lock_problems("r.txt", text=good + "b==2\n")
    assert form.lock_problems("r.txt", text="--index-url x\n" + good)
