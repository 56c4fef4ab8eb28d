"""The root of the error tree: what every error carries."""

from typing import ClassVar


class StreamAuthError(Exception):
    """Base of all errors.

    Attributes:
        code: Stable identifier for machines.
        message: One or two sentences for a person: what is wrong and what to do.
        retryable: Whether the same call may succeed later without a change by the caller.
        exit_code: Exit code of the command line.
    """

    code: ClassVar[str] = "error"
    default_message: ClassVar[str] = "Something failed inside streamauth. The attempt was not accepted."
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 4

    def __init_subclass__(cls, *, retryable: bool | None = None, exit_code: int | None = None) -> None:
        # the sentence is the docstring, and the code the class's name, so that neither stands twice
        cls.default_message = " ".join((cls.__doc__ or cls.__name__).split())
        if "code" not in vars(cls):
            cls.code = "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")
        cls.retryable = cls.retryable if retryable is None else retryable
        cls.exit_code = cls.exit_code if exit_code is None else exit_code

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.default_message
        super().__init__(self.message)

    def as_dict(self) -> dict[str, str]:
        """The one JSON shape of an error: ``{"code", "message"}``."""
        return {"code": self.code, "message": self.message}


class InputError(StreamAuthError):
    """The input cannot be used."""

    code = "bad_input"
    exit_code = 2


class InternalError(StreamAuthError):
    """Something failed inside streamauth. Nothing was accepted."""


class BadSetting(InputError):
    """A setting has a value that cannot be used."""
