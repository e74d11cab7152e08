"""Pickles read as data: no class or function that one names is looked up or called.

Python's own unpickler can be kept from calling foreign code, but not from being worn
out: a key made of the same tuple twice, sixty times over, takes for ever to hash, and
a memo entry with a high number fills the memory. This one interprets the same
instructions, parsed by `pickletools`, with keys that are texts or numbers.
"""

import io
import pickletools
from collections.abc import Callable
from typing import Any

# What a pickle can have by itself, and as a key.
_PLAIN = (str, int, float, bytes, type(None))
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
_GETS = ("GET", "BINGET", "LONG_BINGET")
_MARK = object()


class Ignored:
    """Stands for every class, function and object that is not known."""


def load(
    data: io.BytesIO,
    known: dict[tuple[str, str], Any],
    find_persistent: Callable[[Any], Any],
) -> Any:
    """Reads the next pickle in `data`, and leaves it after that.

    Args:
        data: the bytes.
        known: by module and name, what stands for it: `dict`, a function that is
            called with the arguments in the pickle, or a value. All others are
            `Ignored`.
        find_persistent: of an object that is kept elsewhere, by what the pickle says.

    Raises:
        ValueError, LookupError, TypeError: it is broken, or of an unusual kind.
    """
    machine = _Machine(known, find_persistent)
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "STOP":
            break
        machine.step(opcode.name, argument)
    return machine.stack.pop()


class _Machine:
    def __init__(
        self,
        known: dict[tuple[str, str], Any],
        find_persistent: Callable[[Any], Any],
    ) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._known = known
        self._find_persistent = find_persistent

    def step(self, name: str, argument: Any) -> None:
        """Carries one instruction out."""
        stack = self.stack
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            stack.append(tuple(self._take(_TUPLES[name])))
        elif name in _PUTS:
            number = len(self._memo) if name == "MEMOIZE" else int(argument)
            self._memo[number] = stack[-1]
        elif name in _GETS:
            stack.append(self._memo[int(argument)])
        elif name in _STEPS:
            _STEPS[name](self, argument)
        elif isinstance(argument, (*_PLAIN, bytearray)) and argument is not None:
            if "EXT" in name:
                raise ValueError(f"it holds an unusual {name}")
            stack.append(argument)
        else:
            raise ValueError(f"it holds an unusual {name}")

    def _take(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise ValueError("it takes more than it has")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def _take_to_mark(self) -> list[Any]:
        position = len(self.stack)
        while position and self.stack[position - 1] is not _MARK:
            position -= 1
        if not position:
            raise ValueError("it takes more than it has")
        taken = self._take(len(self.stack) - position)
        self.stack.pop()
        return taken

    def _nothing(self, _: Any) -> None: ...

    def _mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._take_to_mark()

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _list(self, _: Any) -> None:
        self.stack.append(self._take_to_mark())

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._take_to_mark()))

    def _dict(self, _: Any) -> None:
        items = self._take_to_mark()
        self.stack.append({})
        self._set_items(items)

    def _empty_set(self, _: Any) -> None:
        self.stack.append(Ignored())

    def _frozenset(self, _: Any) -> None:
        self._take_to_mark()
        self.stack.append(Ignored())

    def _append(self, _: Any) -> None:
        self._extend(self._take(1))

    def _appends(self, _: Any) -> None:
        self._extend(self._take_to_mark())

    def _additems(self, _: Any) -> None:
        self._take_to_mark()

    def _extend(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def _setitem(self, _: Any) -> None:
        self._set_items(self._take(2))

    def _setitems(self, _: Any) -> None:
        self._set_items(self._take_to_mark())

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            fill(target, zip(items[::2], items[1::2], strict=True))

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(self._find(module, name))

    def _stack_global(self, _: Any) -> None:
        self.stack.append(self._find(*self._take(2)))

    def _find(self, module: Any, name: Any) -> Any:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("it names something by no text")
        return self._known.get((module, name), Ignored)

    def _reduce(self, _: Any) -> None:
        function, arguments = self._take(2)
        self.stack.append(self._make(function, arguments))

    def _newobj_ex(self, _: Any) -> None:
        function, arguments, _named = self._take(3)
        self.stack.append(self._make(function, arguments))

    def _inst(self, _: Any) -> None:
        self._take_to_mark()
        self.stack.append(Ignored())

    def _make(self, function: Any, arguments: Any) -> Any:
        if function is dict:
            made: dict[Any, Any] = {}
            for pairs in arguments:
                fill(made, ((key, value) for key, value in pairs))
            return made
        is_known = any(function is value for value in self._known.values())
        if is_known and callable(function):
            return function(*arguments)
        return Ignored()

    def _build(self, _: Any) -> None:
        self._take(1)

    def _persid(self, argument: Any) -> None:
        self.stack.append(self._find_persistent(argument))

    def _binpersid(self, _: Any) -> None:
        self.stack.append(self._find_persistent(self.stack.pop()))


def fill(target: dict[Any, Any], items: Any) -> None:
    """Adds items to a dict; a key that is no text or number stands for itself alone."""
    for key, value in items:
        target[key if isinstance(key, _PLAIN) else Ignored()] = value


# Instructions by the names that `pickletools` has for them; those that push their
# argument are not listed.
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _Machine._nothing,
    "FRAME": _Machine._nothing,
    "MARK": _Machine._mark,
    "POP": _Machine._pop,
    "POP_MARK": _Machine._pop_mark,
    "DUP": _Machine._dup,
    "LIST": _Machine._list,
    "TUPLE": _Machine._tuple,
    "DICT": _Machine._dict,
    "EMPTY_SET": _Machine._empty_set,
    "FROZENSET": _Machine._frozenset,
    "APPEND": _Machine._append,
    "APPENDS": _Machine._appends,
    "ADDITEMS": _Machine._additems,
    "SETITEM": _Machine._setitem,
    "SETITEMS": _Machine._setitems,
    "GLOBAL": _Machine._global,
    "STACK_GLOBAL": _Machine._stack_global,
    "REDUCE": _Machine._reduce,
    "NEWOBJ": _Machine._reduce,
    "NEWOBJ_EX": _Machine._newobj_ex,
    "INST": _Machine._inst,
    "OBJ": _Machine._inst,
    "BUILD": _Machine._build,
    "PERSID": _Machine._persid,
    "BINPERSID": _Machine._binpersid,
}
