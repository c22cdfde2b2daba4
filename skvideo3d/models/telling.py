"""A hash of any Python object that tells it from others, and what it cannot tell."""

from __future__ import annotations

import copyreg
import hashlib
import io
import pickletools
import re
import zipfile
from collections.abc import Callable, Mapping
from functools import _lru_cache_wrapper, cached_property
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any
from weakref import ref

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn.parameter import is_lazy

from .origin_of_code import globals_of, is_importable, is_installed, is_known

__all__ = ["Telling"]

_PLAIN = (type(None), type(...), type(NotImplemented), bool, int, float, complex, str, bytes)
_CODE = (FunctionType, type, property, staticmethod, classmethod, cached_property, ModuleType)
_CONSTANT = (*_PLAIN, *_CODE, BuiltinFunctionType, tuple, frozenset)
# What every module has; of these the parts, the buffers and the hooks of forward count.
_OF_MODULES = set(vars(nn.Module()))
_HOOKS = (
    *("_forward_pre_hooks", "_forward_hooks"),
    *("_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"),
)
_HOOK_KINDS = (
    *("_forward_pre_hooks_with_kwargs", "_forward_hooks_with_kwargs"),
    "_forward_hooks_always_called",
)
_OF_GRAPH_MODULES = set(vars(fx.GraphModule(nn.Module(), fx.Graph())))
# What torch adds to the names of TorchScript's classes that were there before.
_MANGLED = re.compile(r"[./]?___torch_mangle_\d+")
_TIMELESS = re.compile(r"[^/]*/(code/.*\.py|data/.*|constants/.*|(data|constants)\.pkl)")


class Telling:
    """A hash to which objects are added.

    Objects are told by what a copy of them is made of, as `pickle` and `copy.deepcopy` know it.
    Functions and classes are told by their code, constants, defaults, closures and attributes, and
    by the globals that they name; those of torch, NumPy and Python by their names, and functions
    of other installed packages as well.

    Parameters
    ----------
    reached : bool, default=True
        Whether objects that change count where functions and classes hold them: as globals, in
        closures, as attributes. A copy of a module has them in common with it.

    Attributes
    ----------
    unknown : list of (str, object)
        Where something is that cannot be told from others, and what it is.

    Examples
    --------
    >>> def told(value):
    ...     telling = Telling()
    ...     telling.tell(value, "value")
    ...     return telling.hexdigest()
    >>> told({"a": lambda x: x + 1}) == told({"a": lambda x: x + 1})
    True
    >>> told({"a": lambda x: x + 1}) == told({"a": lambda x: x + 2})
    False
    """

    def __init__(self, *, reached: bool = True) -> None:
        self._reached = reached
        self.unknown: list[tuple[str, object]] = []
        self._digest = hashlib.sha256()
        # Objects by their addresses, held so that no other gets one of these.
        self._seen: dict[int, tuple[int, object]] = {}
        self._open: set[int] = set()
        self._evaluated: set[int] = set()

    def hexdigest(self) -> str:
        """Give the hash of all that was told."""
        return self._digest.hexdigest()

    def tell_parameters(self, module: nn.Module, *, numbers: bool) -> None:
        """Add a module's parameters, with or without their numbers.

        Parameters
        ----------
        module : Module
            When it is told itself, its parameters are the ones that were told here.
        numbers : bool
        """
        self._evaluated.update(map(id, module.modules()))
        for name, value in module.named_parameters(remove_duplicate=False):
            self._say("parameter", name)
            if not self._is_again(value):
                self._tensor(value, name, numbers=numbers)

    def tell(self, value: object, where: str) -> None:
        """Add an object.

        Parameters
        ----------
        value : object
        where : str
            What to call it in `unknown`.
        """
        kind = type(value)
        if kind in _PLAIN:
            self._say(kind.__name__, repr(value))
        elif kind in (tuple, list, dict, set, frozenset, MappingProxyType):
            self._container(value, where)
        elif not self._is_again(value):
            tell = next((tell for kinds, tell in _TELLERS if isinstance(value, kinds)), None)
            tell(self, value, where) if tell else self._copied(value, where)

    def _say(self, *words: str) -> None:
        for word in words:
            self._say_bytes(word.encode(errors="surrogatepass"))

    def _say_bytes(self, word: bytes | memoryview) -> None:
        self._digest.update(f"{len(word)}:".encode())
        self._digest.update(word)

    def _is_again(self, value: object) -> bool:
        if id(value) in self._seen:
            self._say("again", str(self._seen[id(value)][0]))
            return True
        self._seen[id(value)] = len(self._seen), value
        return False

    def _container(self, value: Any, where: str) -> None:
        """Tell what is in it: it does not matter whether two are one or alike, unless in a ring."""
        if id(value) in self._open:
            self._say("ring")
            return
        self._open.add(id(value))
        self._say(type(value).__name__, str(len(value)))
        if isinstance(value, Mapping):
            for key, inner in value.items():
                self.tell(key, f"a key of {where}")
                self.tell(inner, f"{where}[{key!r}]")
        elif isinstance(value, set | frozenset):
            self._say(*sorted(self._apart(inner, where) for inner in value))
        else:
            for index, inner in enumerate(value):
                self.tell(inner, f"{where}[{index}]")
        self._open.remove(id(value))

    def _apart(self, value: object, where: str) -> str:
        telling = Telling(reached=self._reached)
        telling.tell(value, f"an element of {where}")
        self.unknown += telling.unknown
        return telling.hexdigest()

    def _copied(self, value: object, where: str) -> None:
        """Tell what a copy would be made of."""
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            made_of: Any = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception:  # each kind that cannot be pickled has an exception of its own
            self.unknown.append((where, value))
            return
        if isinstance(made_of, str):
            self._say("global", type(value).__module__, type(value).__qualname__, made_of)
            return
        function, arguments, state, *items = [*made_of, None, None, None][:5]
        self._say("object")
        self.tell(function, where)
        self.tell(arguments, where)
        if isinstance(state, dict) and all(isinstance(name, str) for name in state):
            self._attributes(state, where)
        else:
            self.tell(state, where)
        for inner in items[:2]:
            self.tell(None if inner is None else list(inner), where)

    def _attributes(self, attributes: Mapping[str, object], where: str) -> None:
        for name in sorted(attributes):
            self._say("attribute", name)
            self.tell(attributes[name], f"{where}.{name}")

    # --- arrays ------------------------------------------------------------------------------

    def _tensor(self, value: Tensor, where: str, *, numbers: bool = True) -> None:
        if is_lazy(value):
            self._say("lazy")
            return
        self._say("tensor", str(value.dtype), str(tuple(value.shape)))
        if value.is_meta or not numbers:
            return
        try:
            plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
            self._say_bytes(plain.view(torch.uint8).numpy().data)
        except (RuntimeError, TypeError, NotImplementedError):  # sparse, quantised, nested
            self.unknown.append((where, value))

    def _array(self, value: np.ndarray[Any, Any], where: str) -> None:
        self._say("array", repr(value.dtype), str(value.shape))
        if value.dtype.hasobject:
            self.tell(value.tolist(), where)
        else:
            self._say_bytes(value.tobytes())

    # --- modules -----------------------------------------------------------------------------

    def _module(self, module: nn.Module, where: str) -> None:
        if isinstance(module, torch.jit.ScriptModule):
            self._script(module)
            return
        own = vars(module)
        if isinstance(module, fx.GraphModule):
            self._graph(module.graph, where)
            own = {name: value for name, value in own.items() if name not in _OF_GRAPH_MODULES}
        else:
            self.tell(type(module), type(module).__qualname__)
        self._attributes({k: v for k, v in own.items() if k not in _OF_MODULES}, where)
        if id(module) not in self._evaluated:  # what nobody sets to evaluation
            self._say("training", str(module.training))
        for kind in ("_parameters", "_buffers", "_modules"):
            self._say(kind)
            for name, value in vars(module)[kind].items():
                self._say(name)
                self.tell(value, f"{where}.{name}")
        self.tell(vars(module)["_non_persistent_buffers_set"], where)
        for kind in _HOOKS:
            for key, hook in vars(module).get(kind, {}).items():
                self._say(kind, *(str(key in vars(module).get(k, ())) for k in _HOOK_KINDS))
                self.tell(getattr(hook, "hook", hook), f"a hook of {where}")

    def _graph(self, graph: fx.Graph, where: str) -> None:
        for node in graph.nodes:
            self._say("node", node.op, node.name, repr(node.args), repr(node.kwargs))
            self.tell(node.target, f"{where}: {node.target}")

    def _script(self, module: torch.jit.ScriptModule) -> None:
        archive = zipfile.ZipFile(io.BytesIO(module.save_to_buffer()))
        for path in archive.namelist():
            if not (match := _TIMELESS.fullmatch(path)):
                continue
            self._say(_MANGLED.sub("", match[1]))
            content = archive.read(path)
            if path.endswith(".py"):
                self._say(_MANGLED.sub("", content.decode()))
            elif path.endswith(".pkl"):
                for operation, argument, _ in pickletools.genops(content):
                    self._say(operation.name, _MANGLED.sub("", str(argument)))
            else:
                self._say_bytes(content)

    # --- code --------------------------------------------------------------------------------

    def _held(self, value: object, where: str) -> None:
        if self._reached or isinstance(value, _CONSTANT):
            self.tell(value, where)
        else:
            self._say("held", type(value).__qualname__)

    def _class(self, kind: type, where: str) -> None:
        self._say("class", kind.__module__, kind.__qualname__)
        if is_known(kind):
            return
        for base in kind.__bases__:
            self.tell(base, base.__qualname__)
        # Names of the language's own are no values, but code counts.
        for name, value in sorted(vars(kind).items()):
            if (
                name not in ("__init__", "_abc_impl")
                and not isinstance(value, MemberDescriptorType | GetSetDescriptorType)
                and (not _is_dunder(name) or isinstance(value, FunctionType))
            ):
                self._say("attribute", name)
                self._held(value, f"{where}.{name}")

    def _function(self, function: FunctionType, where: str) -> None:
        self._say("function", function.__module__ or "", function.__qualname__)
        if is_known(function) or (is_installed(function.__module__) and is_importable(function)):
            return
        self._code(function.__code__, where)
        self._held(function.__defaults__, f"the defaults of {where}")
        self._held(function.__kwdefaults__, f"the defaults of {where}")
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            self._say("closure", name)
            self._held(_content(cell), f"{name} in {where}")
        for name, value in sorted(vars(function).items()):
            self._say("attribute", name)
            self._held(value, f"{where}.{name}")
        if is_installed(function.__module__):
            return
        for name in globals_of(function.__code__):
            self._say("global", name)
            if name in function.__globals__:
                self._held(function.__globals__[name], name)

    def _code(self, code: CodeType, where: str) -> None:
        self._say("code")
        self._say_bytes(code.co_code)
        self._say_bytes(code.co_exceptiontable)
        arguments = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
        self.tell(arguments, where)
        self.tell((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars), where)
        self.tell(code.co_consts, where)

    def _method(self, method: MethodType | BuiltinFunctionType, where: str) -> None:
        if isinstance(method, BuiltinFunctionType):
            self._say("builtin", str(method.__module__), method.__qualname__)
        else:
            self.tell(method.__func__, where)
        owner = method.__self__
        self.tell(owner if not isinstance(owner, ModuleType) else owner.__name__, where)

    def _property(self, value: property, where: str) -> None:
        self.tell((value.fget, value.fset, value.fdel), where)

    def _wrapper(self, value: Any, where: str) -> None:
        self._say(type(value).__qualname__)
        function = value.func if isinstance(value, cached_property) else value.__wrapped__
        self.tell(function, where)


_TELLERS: list[tuple[Any, Callable[[Telling, Any, str], None]]] = [
    (torch.jit.ScriptFunction, lambda telling, value, _: telling._say("script", value.code)),
    (nn.Module, Telling._module),
    (Tensor, Telling._tensor),
    (np.ndarray, Telling._array),
    (type, Telling._class),
    (FunctionType, Telling._function),
    (MethodType | BuiltinFunctionType, Telling._method),
    (CodeType, Telling._code),
    (property, Telling._property),
    (staticmethod | classmethod | cached_property | _lru_cache_wrapper, Telling._wrapper),
    (ModuleType, lambda telling, value, _: telling._say("import", value.__name__)),
    (fx.Graph, Telling._graph),
    (ref, lambda telling, value, where: telling.tell(value(), where)),
]


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return None
