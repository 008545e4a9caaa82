"""Doors for other packages: what they bring is named by entry points.

A package that is installed names what it brings in its metadata, in a group such as
`ricenet_v2.networks`. The names are read from the metadata alone; code of a package runs when
something of that name is used, and never because a file on disk names a module. What this program
has itself stands in the same tables.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ricenet_v2.core.device_faults import has_lost_device, lacks_memory
from ricenet_v2.core.errors import PluginError, RicenetError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_PREFIX = "ricenet_v2."
T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True)
class Plugin:
    """Something that an installed package brings.

    Attributes:
        group: Group of entry points, e.g. `networks`.
        name: Name by which it is chosen.
        package: Name of the distribution, as pip installs it.
        version: Version that is installed.
        entry: Where it is defined.
    """

    group: str
    name: str
    package: str
    version: str
    entry: EntryPoint

    @property
    def origin(self) -> str:
        """Package and version in words."""
        return f"{self.package} {self.version}"


@cache
def installed(group: str) -> tuple[Plugin, ...]:
    """Plugins of a group, sorted by name; nothing of them is imported.

    Args:
        group: E.g. `networks`.
    """
    from importlib.metadata import entry_points

    plugins = [
        Plugin(
            group,
            entry.name,
            (entry.dist.name if entry.dist else None) or entry.module,
            (entry.dist.version if entry.dist else None) or "unknown",
            entry,
        )
        for entry in entry_points(group=_PREFIX + group)
    ]
    return tuple(sorted(plugins, key=lambda plugin: (plugin.name, plugin.package)))


class Names:
    """All names of one sort, those of this program first; nothing is imported for them."""

    def __init__(self, group: str, built_in: Iterable[str]) -> None:
        """Know the names of this program; those of packages are looked up when they are asked for.

        Args:
            group: Group of the entry points without `ricenet_v2.`, e.g. `networks`.
            built_in: Names of this program.
        """
        self.group, self.built_in = group, tuple(built_in)

    def __iter__(self) -> Iterator[str]:
        """Each name once."""
        plugins = (plugin.name for plugin in installed(self.group))
        return iter(dict.fromkeys((*self.built_in, *plugins)))

    def __contains__(self, name: object) -> bool:
        """Whether there is such a name."""
        return name in self.built_in or any(name == each.name for each in installed(self.group))


class Door(Generic[T]):
    """The specifications of one sort, by name: those of this program and those of packages."""

    def __init__(
        self,
        group: str,
        what: str,
        kind: type[T],
        built_in: Mapping[str, T],
        reserved: Iterable[str] = (),
    ) -> None:
        """Open a door.

        Args:
            group: Group of the entry points without `ricenet_v2.`, e.g. `networks`.
            what: Word for one of them, e.g. `network`.
            kind: Class that an entry point must be an instance of.
            built_in: Specifications of this program, by name.
            reserved: Further names that no package can bring.
        """
        self.group, self.what = group, what
        self.names = Names(group, built_in)
        self._kind, self._built_in = kind, built_in
        self._taken = {*built_in, *reserved}
        self._loaded: dict[Plugin, T] = {}

    def plugin(self, name: str) -> Plugin | None:
        """The plugin of that name; None where it is one of this program, or there is none.

        Raises:
            PluginError: Two packages bring it, or one brings a name of this program.
        """
        plugins = [plugin for plugin in installed(self.group) if plugin.name == name]
        if not plugins or (len(plugins) == 1 and name not in self._taken):
            return plugins[0] if plugins else None
        owners = ["ricenet_v2 itself"] if name in self._taken else []
        raise PluginError(
            f"The {self.what} {name} is ambiguous: several packages bring one of that name.",
            expected="one package",
            got=", ".join([*owners, *(plugin.origin for plugin in plugins)]),
            remedy=f"Uninstall one of them: pip uninstall {plugins[-1].package}",
        )

    def __getitem__(self, name: str) -> T:
        """The specification of that name; the code of a package runs now.

        Raises:
            PluginError: There is none, several bring it, its package cannot be imported, or what
                it brings is something else.
        """
        plugin = self.plugin(name)
        if plugin is not None:
            if plugin not in self._loaded:
                self._loaded[plugin] = self._load(plugin)
            return self._loaded[plugin]
        if name in self._built_in:
            return self._built_in[name]
        raise PluginError(
            f"There is no {self.what} {name!r}.",
            expected=", ".join(self.names),
            got=name,
            remedy=f"Install the package that brings this {self.what}, or use another one.",
        )

    def get(self, name: str) -> T | None:
        """The same as `door[name]`; None where that is an error, for texts that can do without."""
        try:
            return self[name]
        except PluginError:
            return None

    def _load(self, plugin: Plugin) -> T:
        try:
            loaded = plugin.entry.load()
        except (Exception, SystemExit) as error:
            raise self._fault(plugin, "cannot be imported", error) from error
        if not isinstance(loaded, self._kind):
            raise PluginError(
                f"The {self.what} {plugin.name} of {plugin.origin} has the wrong type.",
                expected=f"an instance of {_public(self._kind)} at {plugin.entry.value}",
                got=type(loaded).__name__,
                remedy=f"Report this to the authors of {plugin.package}, or uninstall it.",
            )
        return loaded

    def function(self, name: str, field: str) -> Callable[..., Any]:
        """The function that a specification has in a field.

        It may be given as `module:function`, so that the specification itself imports little.

        Raises:
            PluginError: As for the specification.
        """
        given = getattr(self[name], field)
        if not isinstance(given, str):
            return given  # type: ignore[no-any-return]
        module, _, function = given.partition(":")
        with self.blamed(name, "cannot be imported"):
            return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]

    @contextmanager
    def blamed(self, name: str, does: str, remedy: str = "") -> Iterator[None]:
        """Unexpected errors of a plugin's code name its package.

        Args:
            name: Name of what runs.
            does: Failure of the plugin, in words.
            remedy: First action that the user can take, as a sentence.

        Raises:
            PluginError: An error that is none of this program's tree, and not that memory ran out
                or a device was lost.
        """
        try:
            yield
        except (RicenetError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            plugin = self.plugin(name)
            if plugin is None or lacks_memory(error) or has_lost_device(error):
                raise
            raise self._fault(plugin, does, error, remedy) from error

    def checked(self, name: str, given: object, kind: type[V]) -> V:
        """Result of a function of a specification, checked for its type.

        Args:
            name: Name of what ran.
            given: Its result.
            kind: Class of which the result must be an instance.

        Raises:
            PluginError: It is something else.
        """
        if isinstance(given, kind):
            return given
        plugin = self.plugin(name)
        package = plugin.package if plugin else "ricenet_v2"
        raise PluginError(
            f"The {self.what} {name} of {plugin.origin if plugin else package} gives something "
            "else than it must.",
            expected=f"an instance of {_public(kind)}",
            got=type(given).__name__,
            remedy=f"Report this to the authors of {package}, or uninstall it.",
        )

    def _fault(
        self, plugin: Plugin, does: str, error: BaseException, remedy: str = ""
    ) -> PluginError:
        update = (
            f"Update the package (pip install --upgrade {plugin.package}), or report this to its "
            "authors."
        )
        return PluginError(
            f"The {self.what} {plugin.name} of {plugin.origin} {does}.",
            got=f"{type(error).__name__}: {error}",
            remedy=f"{remedy} {update}".strip(),
        )


def _public(kind: type) -> str:
    """Module from which a package imports a class."""
    is_own = kind.__module__.startswith(_PREFIX)
    return f"{_PREFIX + 'plugins' if is_own else kind.__module__}.{kind.__name__}"


def forget() -> None:
    """Look at the installed packages again, after one has come or gone in a running process."""
    installed.cache_clear()
