"""Errors of getting models: unknown, not allowed, not downloaded, or not the right file."""

from streamauth.errors.base import InputError, InternalError
from streamauth.errors.engines import EngineError


class UnknownModel(InputError):
    """There is no model of that name. `streamauth models list` shows all."""


class LicenceNotAccepted(InputError):
    """The licence of the model must be accepted before it is downloaded. Read it, then give --yes."""


class BadModel(InputError):
    """The file cannot be used as a speaker encoder."""


class DownloadFailed(InternalError, retryable=True):
    """The model could not be downloaded. What came so far is kept; try again to go on from there."""


class WrongDownload(InternalError):
    """What was downloaded is not the registered file. It was deleted, and nothing was installed."""


class UnsafeArchive(InternalError):
    """The archive of the model is damaged or unsafe. It was deleted, and nothing was installed."""


class WrongResults(EngineError):
    """The encoder gives wrong results with the installed ONNX Runtime. Install another version of onnxruntime."""


class RuntimeTooOld(EngineError):
    """The model needs a later version of a package than is installed."""
