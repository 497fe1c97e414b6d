"""Light imports (PEP 562): a package names its exports, and each module is loaded at first use.

``simulate`` is both a module and the function in it. Python binds a submodule to its package after importing it,
which would hide the function; the package class below binds the function instead.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def lazy_exports(package: str, exports: dict[str, str]) -> None:
    """Make ``package`` resolve each name of ``exports`` (name → module) at first access."""

    class LazyPackage(ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name not in exports:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            value = getattr(import_module(exports[name]), name)
            super().__setattr__(name, value)
            return value

        def __setattr__(self, name: str, value: Any) -> None:
            if isinstance(value, ModuleType) and exports.get(name) == value.__name__:
                value = getattr(value, name)
            super().__setattr__(name, value)

        def __dir__(self) -> list[str]:
            return sorted({*exports, *self.__dict__})

    sys.modules[package].__class__ = LazyPackage
