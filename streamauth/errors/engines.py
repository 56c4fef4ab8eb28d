"""Errors of models and their runtimes."""

from streamauth.errors.base import InternalError


class EngineError(InternalError):
    """A speech engine failed. The attempt was ended and not accepted."""

    code = "engine_failed"


class ModelMissing(EngineError):
    """A model is missing. `streamauth doctor` shows which one and how to get it."""


class ModelCorrupt(EngineError):
    """A model file is damaged. Install streamauth again or restore the file."""
