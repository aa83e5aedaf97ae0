"""Field rules of `protos/bopis/v1`, enforced on what reaches the Python services.

The rules stand beside the fields in the protos (option `rules`). They are compiled once per
message type into a list of small checks; the door compiles the same rules for its own services.

| rule | what passes |
| --- | --- |
| required | a set message, a non-empty string, a non-zero enum; in a oneof: the oneof is set |
| FORMAT_ID | 1 to 64 printable ASCII characters, no space at either end |
| FORMAT_UUID | 36 characters in canonical form |
| FORMAT_TEXT | no control characters, nothing that looks like a payment card number |
| FORMAT_TIME_ZONE | an IANA name that zoneinfo knows |
| FORMAT_TOKEN | printable ASCII |
| min, max | numbers, NaN never passes; durations in milliseconds |
| (always) | enum values must be known; Timestamp, Duration and Money must be well formed |

Empty strings and unset messages pass unless required. Paths read like `lines[3].quantity`.
"""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import available_timezones

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from bopis.v1 import field_rules_pb2

VIOLATIONS_MAX: Final = 16
"""Violations reported at most, so that a message of nothing but errors gets a small answer."""

FIELD_INVALID: Final = "FIELD_INVALID"
CARD_NUMBER_REFUSED: Final = "CARD_NUMBER_REFUSED"

_ID = re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TOKEN = re.compile(r"[ -~]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DIGIT_GROUPS = re.compile(r"[0-9]+(?:[ -][0-9]+)*")
_CARD_DIGITS_MIN: Final = 13
_CARD_DIGITS_MAX: Final = 19
_SHOWN_MAX: Final = 40
_TIMESTAMP_SECONDS_MIN: Final = -62_135_596_800  # 0001-01-01
_TIMESTAMP_SECONDS_MAX: Final = 253_402_300_799  # 9999-12-31
_DURATION_SECONDS_MAX: Final = 315_576_000_000  # as duration.proto states
_NANOS_MAX: Final = 999_999_999

_Rules = field_rules_pb2.FieldRules


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: where, which reason of `ErrorReason`, and words for people."""

    path: str
    reason: str
    description: str


class _FullError(Exception):
    """Enough violations were found."""


class _Report:
    """Collects violations up to the limit."""

    __slots__ = ("violations",)

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def add(self, path: str, description: str, *, reason: str = FIELD_INVALID) -> None:
        self.violations.append(Violation(path, reason, description))
        if len(self.violations) >= VIOLATIONS_MAX:
            raise _FullError


_ValueCheck = Callable[[Any, str, _Report], None]
_MessageCheck = Callable[[Message, str, _Report], None]


def violations(message: Message, *, root: str = "") -> list[Violation]:
    """The broken rules of `message`, at most VIOLATIONS_MAX, paths prefixed with `root`."""
    report = _Report()
    prefix = f"{root}." if root else ""
    try:
        for check in _compiled(message.DESCRIPTOR):
            check(message, prefix, report)
    except _FullError:
        pass
    return report.violations


def looks_like_card_number(text: str) -> bool:
    """Whether `text` holds what could be a payment card number.

    That is: one group of digits, or several with single spaces or hyphens between them, which
    together have 13 to 19 digits, begin with 2 to 6 (the issuers of payment cards in ISO/IEC
    7812-1) and satisfy its Luhn check. Parts of a group do not count: one order number in two
    would be refused.
    """
    for run in _DIGIT_GROUPS.finditer(text):
        groups = re.split("[ -]", run.group())
        for first in range(len(groups)):
            digits = ""
            for group in groups[first:]:
                digits += group
                if len(digits) > _CARD_DIGITS_MAX:
                    break
                if len(digits) >= _CARD_DIGITS_MIN and digits[0] in "23456" and _luhn(digits):
                    return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for index, character in enumerate(reversed(digits)):
        doubled = int(character) * 2 if index % 2 else int(character)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


@functools.cache
def _compiled(descriptor: Descriptor) -> tuple[_MessageCheck, ...]:
    checks: list[_MessageCheck] = []
    for field in descriptor.fields:
        checks.extend(_field_checks(field))
    return tuple(checks)


def _field_checks(field: FieldDescriptor) -> Iterable[_MessageCheck]:
    rules = field.GetOptions().Extensions[field_rules_pb2.rules]
    values = tuple(_value_checks(field, rules))
    if field.is_repeated:
        yield _repeated_check(field, rules, values)
        return
    if rules.required:
        yield _required_check(field)
    if not values:
        return
    yield _singular_check(field, values)


def _repeated_check(
    field: FieldDescriptor, rules: _Rules, values: tuple[_ValueCheck, ...]
) -> _MessageCheck:
    name, least, most = field.name, rules.min_items, rules.max_items
    blank_fails = rules.format != _Rules.FORMAT_UNSPECIFIED

    def check(message: Message, prefix: str, report: _Report) -> None:
        elements = getattr(message, name)
        count = len(elements)
        if count < least:
            report.add(prefix + name, f"needs at least {least} elements")
            return
        if most and count > most:
            report.add(prefix + name, f"has {count} elements, at most {most} are allowed")
            return
        for index, element in enumerate(elements):
            path = f"{prefix}{name}[{index}]"
            if blank_fails and element == "":
                report.add(path, "must not be empty")
                continue
            for value in values:
                value(element, path, report)

    return check


def _required_check(field: FieldDescriptor) -> _MessageCheck:
    name, oneof = field.name, field.containing_oneof
    if oneof is not None and not field.has_presence:
        raise AssertionError(f"{field.full_name}: a oneof's field has presence")
    if oneof is not None:
        group = oneof.name

        def check_oneof(message: Message, prefix: str, report: _Report) -> None:
            chosen = message.WhichOneof(group)
            if chosen is None:
                report.add(prefix + group, "one of its fields must be set")
            elif chosen == name and getattr(message, name) == "":
                report.add(prefix + name, "must not be empty")

        return check_oneof
    if field.message_type is not None:

        def check_message(message: Message, prefix: str, report: _Report) -> None:
            if not message.HasField(name):
                report.add(prefix + name, "must be set")

        return check_message

    def check_scalar(message: Message, prefix: str, report: _Report) -> None:
        if not getattr(message, name):
            report.add(prefix + name, "must be set")

    return check_scalar


def _singular_check(field: FieldDescriptor, values: tuple[_ValueCheck, ...]) -> _MessageCheck:
    name = field.name
    is_text = field.type == FieldDescriptor.TYPE_STRING
    only_if_set = field.has_presence

    def check(message: Message, prefix: str, report: _Report) -> None:
        if only_if_set and not message.HasField(name):
            return
        value = getattr(message, name)
        if is_text and value == "":
            return
        for value_check in values:
            value_check(value, prefix + name, report)

    return check


def _value_checks(field: FieldDescriptor, rules: _Rules) -> Iterable[_ValueCheck]:
    if field.message_type is not None:
        yield from _message_value_checks(field.message_type, rules)
    elif field.enum_type is not None:
        yield _enum_check(frozenset(field.enum_type.values_by_number))
    elif field.type == FieldDescriptor.TYPE_STRING:
        if rules.max_length or rules.format != _Rules.FORMAT_UNSPECIFIED:
            yield _string_check(rules)
    elif rules.HasField("min") or rules.HasField("max"):
        yield _range_check(rules, scale=1, unit="")


def _message_value_checks(descriptor: Descriptor, rules: _Rules) -> Iterable[_ValueCheck]:
    match descriptor.full_name:
        case "google.protobuf.Timestamp":
            yield _check_timestamp
        case "google.protobuf.Duration":
            yield _check_duration
            if rules.HasField("min") or rules.HasField("max"):
                in_range = _range_check(rules, scale=1_000_000, unit=" ms")

                def check_span(value: Any, path: str, report: _Report) -> None:
                    in_range(value.seconds * 1_000_000_000 + value.nanos, path, report)

                yield check_span
        case "google.type.Money":
            yield _check_money
        case _:

            def check_inside(value: Any, path: str, report: _Report) -> None:
                for check in _compiled(descriptor):
                    check(value, path + ".", report)

            yield check_inside


def _range_check(rules: _Rules, *, scale: int, unit: str) -> _ValueCheck:
    least = rules.min * scale if rules.HasField("min") else None
    most = rules.max * scale if rules.HasField("max") else None

    def check(value: Any, path: str, report: _Report) -> None:
        # Written so that NaN, which compares false with everything, does not pass.
        if least is not None and not value >= least:
            report.add(path, f"must be at least {rules.min}{unit}")
        elif most is not None and not value <= most:
            report.add(path, f"must be at most {rules.max}{unit}")

    return check


def _enum_check(known: frozenset[int]) -> _ValueCheck:
    def check(value: Any, path: str, report: _Report) -> None:
        if value not in known:
            report.add(path, f"unknown enum value {value}")

    return check


def _string_check(rules: _Rules) -> _ValueCheck:
    most = rules.max_length
    format_check = _FORMAT_CHECKS.get(rules.format)

    def check(value: Any, path: str, report: _Report) -> None:
        # The length comes first: no pattern is ever run over an overlong text.
        if most and len(value) > most:
            report.add(path, f"has {len(value)} characters, at most {most} are allowed")
        elif format_check is not None:
            format_check(value, path, report)

    return check


def _pattern_check(pattern: re.Pattern[str], description: str) -> _ValueCheck:
    def check(value: Any, path: str, report: _Report) -> None:
        if pattern.fullmatch(value) is None:
            report.add(path, description)

    return check


def _check_text(value: Any, path: str, report: _Report) -> None:
    if _CONTROL.search(value) is not None:
        report.add(path, "must not hold control characters")
    elif looks_like_card_number(value):
        report.add(path, "looks like a payment card number", reason=CARD_NUMBER_REFUSED)


def _check_time_zone(value: Any, path: str, report: _Report) -> None:
    if value not in _time_zones():
        report.add(path, f"unknown time zone {value[:_SHOWN_MAX]!r}")


@functools.cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _check_timestamp(value: Any, path: str, report: _Report) -> None:
    if not _TIMESTAMP_SECONDS_MIN <= value.seconds <= _TIMESTAMP_SECONDS_MAX:
        report.add(path, "must lie in the years 1 to 9999")
    elif not 0 <= value.nanos <= _NANOS_MAX:
        report.add(path, "nanos must lie between 0 and 999,999,999")


def _check_duration(value: Any, path: str, report: _Report) -> None:
    seconds, nanos = value.seconds, value.nanos
    if not -_DURATION_SECONDS_MAX <= seconds <= _DURATION_SECONDS_MAX:
        report.add(path, "must lie within 10,000 years")
    elif not -_NANOS_MAX <= nanos <= _NANOS_MAX or seconds * nanos < 0:
        report.add(path, "nanos must have the sign of seconds and lie within a second")


def _check_money(value: Any, path: str, report: _Report) -> None:
    if _CURRENCY.fullmatch(value.currency_code) is None:
        report.add(f"{path}.currency_code", "must be a three-letter ISO 4217 code")
    elif not -_NANOS_MAX <= value.nanos <= _NANOS_MAX or value.units * value.nanos < 0:
        report.add(f"{path}.nanos", "must have the sign of units and lie within one unit")


_FORMAT_CHECKS: Final[dict[int, _ValueCheck]] = {
    _Rules.FORMAT_ID: _pattern_check(
        _ID, "must be 1 to 64 printable ASCII characters without a space at either end"
    ),
    _Rules.FORMAT_UUID: _pattern_check(_UUID, "must be a UUID in its canonical form"),
    _Rules.FORMAT_TEXT: _check_text,
    _Rules.FORMAT_TIME_ZONE: _check_time_zone,
    _Rules.FORMAT_TOKEN: _pattern_check(_TOKEN, "must be printable ASCII"),
}
