"""
Public names of a room whose modules are imported when a name is first used.

Numba, Pillow, FAISS and SQLAlchemy take seconds to import. A command such as `hashsvc keys list`
must not wait for libraries that it does not use.
"""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """
    Return the `__getattr__` of a package (PEP 562).

    Args:
        package: The package's `__name__`.

        modules: For each submodule, its public names, separated by spaces.
    """
    module_of = {name: module for module, names in modules.items() for name in names.split()}

    def get(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{module_of[name]}"), name)

    return get
