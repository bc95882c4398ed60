"""Reading pickles without executing anything: dictionaries of NumPy arrays and of plain values, nothing else.

A pickle names functions and lets its reader call them. The reader here has stand-ins for the names in NumPy's own
pickles and refuses every other name. RadioML 2016.10A and B are such pickles: {(modulation, SNR): float32 (N, 2, 128)}.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from radioml.constants import FRAME_LENGTH
from radioml.errors import RadioMLError

_NUMBERS_AND_TEXT = "biufcSU"


class _Dtype:
    """Stand-in for numpy.dtype."""

    def __init__(self, code: str, *_: object) -> None:
        self.code = _text(code)
        self.order: Any = "="  # NumPy refuses an unknown order

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order; refuse fields and shapes inside of an element."""
        if len(state) < 4 or any(state[2:4]):
            raise pickle.UnpicklingError("an array of records")
        self.order = _text(state[1])

    @property
    def dtype(self) -> np.dtype | None:
        """The type of number or text; None of objects."""
        if self.code.startswith("O"):
            return None
        dtype = np.dtype(self.code)
        if dtype.kind not in _NUMBERS_AND_TEXT:
            raise pickle.UnpicklingError(f"an array of type {self.code}")
        return dtype if self.order == "|" else dtype.newbyteorder(self.order)


class _Array:
    """Stand-in for an array that numpy's `_reconstruct` makes; `values` has its content."""

    def __init__(self, *_: object) -> None:
        self.values = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take shape, type, order and content."""
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("an array without a type")
        if dtype.dtype is None:
            if not all(isinstance(item, (str, bytes, int, float)) for item in content):
                raise pickle.UnpicklingError("an array of objects")
            self.values = np.array([_text(item) if isinstance(item, bytes) else item for item in content], np.str_)
            self.values = self.values.reshape(shape)
            return
        content = content.encode("latin-1") if isinstance(content, str) else content
        self.values = np.frombuffer(content, dtype.dtype).reshape(shape, order="F" if fortran else "C")


def _scalar(dtype: _Dtype, content: str | bytes) -> Any:
    """Stand-in for numpy's `scalar`."""
    if dtype.dtype is None:
        raise pickle.UnpicklingError("an object")
    raw = content.encode("latin-1") if isinstance(content, str) else content
    return np.frombuffer(raw, dtype.dtype, 1)[0].item()


def _encode(text: str, encoding: str = "latin-1") -> bytes:
    """Stand-in for `_codecs.encode`, by which Python 3 writes bytes for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding}")
    return text.encode("latin-1")


_STAND_INS: dict[str, Any] = {
    "_codecs.encode": _encode,
    "numpy.dtype": _Dtype,
    "numpy.ndarray": _Array,
    **{
        f"{package}.multiarray.{name}": stand_in
        for package in ("numpy.core", "numpy._core")
        for name, stand_in in (("_reconstruct", _Array), ("scalar", _scalar))
    },
    **{f"{package}.numeric._frombuffer": None for package in ("numpy.core", "numpy._core")},
}


def _frombuffer(content: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    """Stand-in for numpy's `_frombuffer`, in pickles of protocol 5."""
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", bytes(content)))
    return array


_STAND_INS |= {name: _frombuffer for name, stand_in in _STAND_INS.items() if stand_in is None}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """A stand-in; nothing is ever imported."""
        try:
            return _STAND_INS[f"{module}.{name}"]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def unpickled(stream: BinaryIO, name: str) -> Any:
    """What a pickle holds: dictionaries, lists, tuples, numbers, text and arrays (NumPy's), and nothing else.

    Raises RadioMLError, naming `name`, for a pickle of anything else and for a damaged one.
    """
    try:
        return _plain(_Reader(stream, encoding="latin-1").load())
    except MemoryError as error:
        raise RadioMLError(f"{name}: the pickle is damaged, or takes more memory than there is") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise RadioMLError(
            f"{name}: the pickle holds more than numbers, text and NumPy arrays. Reading it could execute code, so it "
            f"is refused: {error}"
        ) from error


def _plain(value: Any) -> Any:
    """The value with arrays instead of their stand-ins."""
    if isinstance(value, _Array):
        return value.values
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, bytes):
        return _text(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise pickle.UnpicklingError(f"a {type(value).__name__}")


def read_cells(path: Path) -> dict[Any, Any]:
    """The dictionary that a pickle holds: arrays by their names, or frames by (modulation, SNR).

    Raises RadioMLError as `unpickled`, and for frames of another length than 1024, as those of RadioML 2016.
    """
    with path.open("rb") as stream:
        value = unpickled(stream, str(path))
    if not isinstance(value, dict) or not value:
        raise RadioMLError(f"{path}: a pickle of {type(value).__name__}; expected a dictionary of arrays")
    if all(_is_cell(key, item) for key, item in value.items()):
        lengths = {item.shape[2] for item in value.values()}
        if lengths != {FRAME_LENGTH}:
            raise RadioMLError(
                f"{path}: its frames have {', '.join(map(str, sorted(lengths)))} samples, like those of RadioML "
                f"2016.10A and B; expected {FRAME_LENGTH}. Short frames cannot be joined to longer ones: "
                "one frame does not continue the signal of the frame before. (Six of the classes of 2016, among them "
                "PAM4, CPFSK, GFSK and WBFM, are no classes of RadioML 2018.01A.)"
            )
    return value


def _is_cell(key: Any, item: Any) -> bool:
    """{(modulation, SNR): frames (N, 2, samples)}, as in RadioML 2016."""
    return (
        isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], str)
        and isinstance(item, np.ndarray) and item.ndim == 3 and item.shape[1] == 2
    )  # fmt: skip
