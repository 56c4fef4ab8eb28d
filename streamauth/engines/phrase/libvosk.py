"""Vosk's package, without the HTTP client that it imports for downloads, which are never asked of it.

That client takes as long to import as all the rest of the package.
"""

import sys
from types import ModuleType

_known = sys.modules.get("requests")
sys.modules["requests"] = ModuleType("requests")
try:
    import vosk
finally:
    # whoever else wants the client gets it
    if _known is None:
        del sys.modules["requests"]
    else:
        sys.modules["requests"] = _known

__all__ = ["vosk"]
