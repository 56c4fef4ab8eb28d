"""Vosk's package, without what it imports for downloads and subtitles, which are never asked of it.

These take longer to import than all the rest of the package.
"""

import sys
from types import ModuleType

_UNUSED = {"requests": (), "srt": (), "tqdm": ("tqdm",)}
"""Modules, and the names that the package takes from them."""

_known = {name: sys.modules.get(name) for name in _UNUSED}
for _name, _taken in _UNUSED.items():
    sys.modules[_name] = ModuleType(_name)
    for _each in _taken:
        setattr(sys.modules[_name], _each, None)
try:
    import vosk
finally:
    # whoever else wants them gets them
    for _name, _module in _known.items():
        if _module is None:
            del sys.modules[_name]
        else:
            sys.modules[_name] = _module

__all__ = ["vosk"]
