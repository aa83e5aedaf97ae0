"""Writes `docs/reference/api.md` from the protos: services, rpcs, messages, fields, rules, reasons.

The comments of the protos are the documentation; this only lays them out and adds the field
rules. `--check` (part of `make lint` and of the tests) fails when the committed page is not what
the protos give.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bopis.v1 import field_rules_pb2  # noqa: E402 -- found through the line above
from tools.gen_protos import run_protoc  # noqa: E402

PAGE = ROOT / "docs/reference/api.md"
PACKAGE_PREFIX = ".bopis.v1."
# Field numbers of descriptor.proto, as they stand in the paths of source locations.
FILE_MESSAGE, FILE_ENUM, FILE_SERVICE = 4, 5, 6
MESSAGE_FIELD, MESSAGE_NESTED, MESSAGE_ENUM, MESSAGE_ONEOF = 2, 3, 4, 8
ENUM_VALUE = 2
SERVICE_METHOD = 2
FILE_PACKAGE = 2

Comments = dict[tuple[int, ...], str]
Location = tuple[int, ...]

FORMATS = {
    field_rules_pb2.FieldRules.FORMAT_ID: "id (1 to 64 printable ASCII characters)",
    field_rules_pb2.FieldRules.FORMAT_UUID: "UUID",
    field_rules_pb2.FieldRules.FORMAT_TEXT: "text",
    field_rules_pb2.FieldRules.FORMAT_TIME_ZONE: "IANA time zone",
    field_rules_pb2.FieldRules.FORMAT_TOKEN: "token (printable ASCII)",
}
INTRODUCTION = """\
# API reference

The protobuf package `bopis.v1`, made from the comments in `protos/bopis/v1` by
`tools/gen_api_reference.py`; change it there. Every field with a rule is checked before the call
touches anything: a broken rule is `INVALID_ARGUMENT` with `google.rpc.BadRequest` naming the path.
Every error carries `google.rpc.ErrorInfo` with the domain `bopis` and one of the
[reasons](#error-reasons).
"""


def read_files() -> list[FileDescriptorProto]:
    """Our protos with their comments, in the order of their names."""
    with tempfile.TemporaryDirectory() as temporary:
        image = Path(temporary) / "image.binpb"
        run_protoc([f"--descriptor_set_out={image}", "--include_source_info"])
        return list(descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes()).file)


def comments_of(file: FileDescriptorProto) -> Comments:
    """Leading comments by location, each as one line, without instructions to buf."""
    comments: Comments = {}
    for location in file.source_code_info.location:
        lines = [line.strip() for line in location.leading_comments.splitlines()]
        text = " ".join(line for line in lines if line and not line.startswith("buf:lint"))
        if text:
            comments[tuple(location.path)] = text
    return comments


def anchor(heading: str) -> str:
    """The fragment that Markdown renderers give a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def cell(text: str) -> str:
    """`text` fit for a cell of a Markdown table."""
    return text.replace("|", "\\|")


def type_link(type_name: str) -> str:
    """A type as code, linked where it is one of ours."""
    if type_name.startswith(PACKAGE_PREFIX):
        name = type_name.removeprefix(PACKAGE_PREFIX)
        return f"[{name}](#{anchor(name)})"
    return f"`{type_name.lstrip('.')}`"


def field_type(field: FieldDescriptorProto) -> str:
    """The type of a field as it is declared."""
    if field.type_name:
        name = type_link(field.type_name)
    else:
        label = FieldDescriptorProto.Type.Name(field.type)
        name = f"`{label.removeprefix('TYPE_').lower()}`"
    return f"repeated {name}" if field.label == FieldDescriptorProto.LABEL_REPEATED else name


def number_range(low: int | None, high: int | None, unit: str) -> str:
    """A range in words; at least one of the ends is given."""
    if low is not None and high is not None:
        return f"{low:,} to {high:,}{unit}"
    if low is not None:
        return f"at least {low:,}{unit}"
    return f"at most {high:,}{unit}"


def field_rules(field: FieldDescriptorProto) -> str:
    """The rules of a field in words; empty if it has none."""
    rules = field.options.Extensions[field_rules_pb2.rules]
    words: list[str] = []
    if rules.required:
        words.append("required")
    if rules.format:
        words.append(FORMATS[rules.format])
    if rules.max_length:
        words.append(f"at most {rules.max_length:,} characters")
    if rules.min_items or rules.max_items:
        low = rules.min_items or None
        words.append(number_range(low, rules.max_items or None, " elements"))
    if rules.HasField("min") or rules.HasField("max"):
        unit = " ms" if field.type_name == ".google.protobuf.Duration" else ""
        low = rules.min if rules.HasField("min") else None
        words.append(number_range(low, rules.max if rules.HasField("max") else None, unit))
    return "; ".join(words)


def enum_lines(
    enum: EnumDescriptorProto, name: str, path: Location, comments: Comments
) -> Iterator[str]:
    """An enum as a heading and a table."""
    yield f"### {name}\n\n{comments.get(path, '')}\n"
    yield "| value | number | meaning |\n| --- | --- | --- |"
    for index, value in enumerate(enum.value):
        text = comments.get((*path, ENUM_VALUE, index), "")
        yield f"| `{value.name}` | {value.number} | {cell(text)} |"
    yield ""


def field_line(
    message: DescriptorProto, index: int, field_path: Location, comments: Comments
) -> str:
    """A field as a row of its message's table."""
    field = message.field[index]
    text = comments.get(field_path, "")
    if field.HasField("oneof_index") and not field.proto3_optional:
        text = f"One of `{message.oneof_decl[field.oneof_index].name}`. {text}"
    kind = f"optional {field_type(field)}" if field.proto3_optional else field_type(field)
    return f"| `{field.name}` | {field.number} | {kind} | {field_rules(field)} | {cell(text)} |"


def message_lines(
    message: DescriptorProto, name: str, path: Location, comments: Comments
) -> Iterator[str]:
    """A message as a heading and a table, then what is declared inside it."""
    yield f"### {name}\n\n{comments.get(path, '')}\n"
    if message.field:
        yield "| field | number | type | rules | meaning |\n| --- | --- | --- | --- | --- |"
        for index in range(len(message.field)):
            yield field_line(message, index, (*path, MESSAGE_FIELD, index), comments)
        yield ""
    for index, nested in enumerate(message.nested_type):
        inner = (*path, MESSAGE_NESTED, index)
        yield from message_lines(nested, f"{name}.{nested.name}", inner, comments)
    for index, enum in enumerate(message.enum_type):
        yield from enum_lines(enum, f"{name}.{enum.name}", (*path, MESSAGE_ENUM, index), comments)


def service_lines(file: FileDescriptorProto, comments: Comments) -> Iterator[str]:
    """The services of a file, each rpc with its signature and comment."""
    for index, service in enumerate(file.service):
        path = (FILE_SERVICE, index)
        yield f"### {service.name}\n\n{comments.get(path, '')}\n"
        for number, method in enumerate(service.method):
            asked = ("stream " if method.client_streaming else "") + type_link(method.input_type)
            given = ("stream " if method.server_streaming else "") + type_link(method.output_type)
            text = comments.get((*path, SERVICE_METHOD, number), "")
            yield f"#### {service.name}.{method.name}\n"
            yield f"{asked} → {given}\n\n{text}\n"


def reason_lines(file: FileDescriptorProto, comments: Comments) -> Iterator[str]:
    """The error reasons: what `ErrorInfo.reason` says, with the status code it comes with."""
    yield "## Error reasons\n"
    yield "| reason | status code | meaning |\n| --- | --- | --- |"
    for position, enum in enumerate(file.enum_type):
        if enum.name != "ErrorReason":
            continue
        for index, value in enumerate(enum.value):
            text = comments.get((FILE_ENUM, position, ENUM_VALUE, index), "")
            code, separator, meaning = text.partition(": ")
            if separator and code.isupper():
                name = value.name.removeprefix("ERROR_REASON_")
                yield f"| `{name}` | {code} | {cell(meaning)} |"
    yield ""


def file_lines(file: FileDescriptorProto) -> Iterator[str]:
    """Everything that one proto declares."""
    comments = comments_of(file)
    yield f"## {Path(file.name).name}\n\n{comments.get((FILE_PACKAGE,), '')}\n"
    yield from service_lines(file, comments)
    for index, message in enumerate(file.message_type):
        yield from message_lines(message, message.name, (FILE_MESSAGE, index), comments)
    for index, enum in enumerate(file.enum_type):
        if enum.name != "ErrorReason":
            yield from enum_lines(enum, enum.name, (FILE_ENUM, index), comments)


def contents_lines(files: list[FileDescriptorProto]) -> Iterator[str]:
    """A table of the services and their rpcs."""
    yield "| service | rpcs |\n| --- | --- |"
    for file in sorted(files, key=lambda file: file.name):
        for service in file.service:
            rpcs = ", ".join(
                f"[{method.name}](#{anchor(f'{service.name}.{method.name}')})"
                for method in service.method
            )
            yield f"| [{service.name}](#{anchor(service.name)}) | {rpcs} |"
    yield ""


def render() -> str:
    """The page."""
    files = read_files()
    lines = [INTRODUCTION, *contents_lines(files)]
    for file in files:
        if Path(file.name).name == "common.proto":
            lines += reason_lines(file, comments_of(file))
    for file in sorted(files, key=lambda file: (not file.service, file.name)):
        lines += file_lines(file)
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Writes the page, or with --check compares. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/reference/api.md from the protos.")
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    arguments = parser.parse_args()
    page = render()
    if not arguments.check:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page)
        print(f"{len(page.splitlines())} lines written to {PAGE.relative_to(ROOT)}")
    elif not PAGE.exists() or PAGE.read_text() != page:
        print(f"{PAGE.relative_to(ROOT)} is not what the protos give: run {Path(__file__).name}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
