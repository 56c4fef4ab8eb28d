"""Vosk's package, without what it imports for downloads and subtitles, which are never asked of it.

These take longer to import than all the rest of the package. They are kept from this one module alone, whose ``import``
is its own: other threads import them as ever.
"""

import builtins
import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType, SimpleNamespace
from typing import Any

_UNUSED: dict[str, Any] = {
    "requests": SimpleNamespace(),
    "srt": SimpleNamespace(),
    "tqdm": SimpleNamespace(tqdm=None),
    "urllib.request": SimpleNamespace(urlretrieve=None),
    "zipfile": SimpleNamespace(ZipFile=None),
}
"""Modules, and the names that the package takes from them."""


def _import(name: str, *how: Any) -> Any:
    return _UNUSED[name] if name in _UNUSED else builtins.__import__(name, *how)


def _loaded() -> ModuleType:
    if (known := sys.modules.get("vosk")) is not None:
        return known
    spec = find_spec("vosk")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("No module named 'vosk'", name="vosk")
    module = module_from_spec(spec)
    vars(module)["__builtins__"] = vars(builtins) | {"__import__": _import}
    # its own parts are found by it
    sys.modules["vosk"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["vosk"]
        raise
    return module


vosk: Any = _loaded()

__all__ = ["vosk"]
