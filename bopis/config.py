"""Settings of a service process: from the command line, else from BOPIS_* variables, else defaults.

| setting | variable | default |
| --- | --- | --- |
| data_folder | BOPIS_DATA_FOLDER | (none: it must be named) |
| port | BOPIS_PORT | 7420; 0: the system chooses |
| request_window_max | BOPIS_REQUEST_WINDOW_MAX | 4,000,000 remembered requests |
| policy_file | BOPIS_POLICY_FILE | the policy shipped with bopis |
| policy_level | BOPIS_POLICY_LEVEL | base (the column of the cost card: low, base, high) |
| time_origin, time_scale | BOPIS_TIME_ORIGIN, BOPIS_TIME_SCALE | the machine's time |
| max_streams | BOPIS_MAX_STREAMS | 4,096 open streams |
| segment_mib | BOPIS_SEGMENT_MIB | 64 MiB for each new segment of the journal |
| snapshot_segments | BOPIS_SNAPSHOT_SEGMENTS | 4: a snapshot after so many segments; 0: none |
| duals_every_s | BOPIS_DUALS_EVERY_S | 120 s between two refreshes of dual prices; 0: none |
| duals_age_max_s | BOPIS_DUALS_AGE_MAX_S | 900 s of the service's clock; older ones are withdrawn |
| reevaluate_every_s | BOPIS_REEVALUATE_EVERY_S | 0: open orders are not moved unasked |
| freeze_min | BOPIS_FREEZE_MIN | 30 min before its picking an order is not moved any more |
| moves_max | BOPIS_MOVES_MAX | 500 orders that a re-evaluation moves |
| drain_s | BOPIS_DRAIN_S | 10 s for calls under way when stopping |
| log_level | BOPIS_LOG_LEVEL | info |
"""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bopis.domain.errors import FieldInvalid
from bopis.domain.policy import CardLevel, parse_policy

DEFAULT_PORT: Final = 7420
MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Greatest size of one message in either direction."""

TIME_SCALE_MAX: Final = 100_000.0


class Settings(BaseSettings):
    """See the module's table. `time_scale` without `time_origin` begins at the machine's now; a
    folder whose time is scaled keeps it, whether the settings name one or not.
    """

    model_config = SettingsConfigDict(env_prefix="BOPIS_", frozen=True, extra="forbid")

    data_folder: Path
    port: Annotated[int, Field(ge=0, le=65_535)] = DEFAULT_PORT
    request_window_max: Annotated[int, Field(ge=1_000, le=100_000_000)] = 4_000_000
    policy_file: Path | None = None
    policy_level: CardLevel = CardLevel.BASE
    time_origin: AwareDatetime | None = None
    time_scale: Annotated[float, Field(gt=0, le=TIME_SCALE_MAX, allow_inf_nan=False)] | None = None
    max_streams: Annotated[int, Field(ge=1, le=100_000)] = 4_096
    segment_mib: Annotated[int, Field(ge=1, le=1_024)] = 64
    snapshot_segments: Annotated[int, Field(ge=0, le=10_000)] = 4
    duals_every_s: Annotated[float, Field(ge=0, le=86_400)] = 120.0
    duals_age_max_s: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    reevaluate_every_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    freeze_min: Annotated[float, Field(ge=0, le=1_440)] = 30.0
    moves_max: Annotated[int, Field(ge=1, le=100_000)] = 500
    drain_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("time_origin", mode="before")
    @classmethod
    def _origin_is_a_time(cls, value: object) -> object:
        # A bare number would be read as seconds since 1970: nobody means that.
        if isinstance(value, str) and "T" not in value.upper():
            raise ValueError("must be a time with a zone, such as 2026-03-03T08:00:00Z")
        return value

    @field_validator("policy_file")
    @classmethod
    def _policy_is_a_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"there is no file {value}")
        return value


class SettingsError(ValueError):
    """Settings that make no sense: (name of the setting, may be empty; what is wrong with it)."""

    def __init__(self, complaints: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{name}: {words}" for name, words in complaints))
        self.complaints = complaints


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Settings from given values, the environment and defaults. Raises SettingsError."""
    try:
        return Settings(**values)
    except ValidationError as invalid:
        complaints = tuple(
            (
                str(error["loc"][0]) if error["loc"] else "",
                error["msg"].removeprefix("Value error, "),
            )
            for error in invalid.errors()
        )
        raise SettingsError(complaints) from None


def policy_text(file: Path | None) -> str:
    """A policy file, or the one shipped. Raises OSError, FieldInvalid (no text in UTF-8)."""
    if file is None:
        return resources.files("bopis.policy").joinpath("default.toml").read_text("utf-8")
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise FieldInvalid(f"{file} is no text in UTF-8", field="policy") from error


def checked_policy_text(settings: Settings) -> str:
    """The policy file of the settings. Raises FieldsInvalid with every mistake, OSError."""
    text = policy_text(settings.policy_file)
    parse_policy(text, level=settings.policy_level)
    return text
