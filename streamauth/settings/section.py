"""What a section of settings is: fields with help, unit and legal range."""

from dataclasses import Field, field, fields
from typing import Any

from streamauth.errors import BadSetting


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that knows its help text, unit and legal range."""
    return field(default=default, metadata={"help": help, "unit": unit, "low": low, "high": high, "choices": choices})


class Section:
    """Base of the sections: checks ranges when made."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            check(item, getattr(self, item.name))


def cast(item: "Field[Any]", value: Any) -> Any:
    """The value as the setting's type.

    Raises:
        BadSetting: It cannot be one.
    """
    kind: type[Any] = type(item.default)
    try:
        if kind is bool:
            words = {"true": True, "false": False, "1": True, "0": False}
            return value if isinstance(value, bool) else words[str(value).lower()]
        if isinstance(value, bool) or (kind is int and isinstance(value, float) and value != int(value)):
            raise ValueError
        return kind(value)
    except (ValueError, KeyError, TypeError):
        raise BadSetting(f"{item.name} must be of type {kind.__name__}.") from None


def check(item: "Field[Any]", value: Any) -> None:
    """Refuse a value out of range.

    Raises:
        BadSetting: It is.
    """
    meta = item.metadata
    low, high, choices = meta["low"], meta["high"], meta["choices"]
    if choices and value not in choices:
        raise BadSetting(f"{item.name} must be one of {', '.join(choices)}.")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise BadSetting(f"{item.name} must be from {low} to {high} {meta['unit']}".rstrip() + ".")
