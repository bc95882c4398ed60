"""A simulated Alveo card for PYNQ 3.0.1: PYNQ finds a card if `plug_in()` is called before PYNQ is imported.

PYNQ reaches cards through XRT's core library, libxrt_core.so in the folder that XILINX_XRT names. `plug_in` makes such
a library. Its functions, declared as in XRT 2.13's xrt.h, are the methods of a `deploy.simulated.card.SimulatedCard`.
All layers above are PYNQ itself: the reading of the xclbin, buffers, commands for XRT's scheduler, waiting.

`python -m deploy.simulated.xrt ARGUMENTS` is `radioml ARGUMENTS` with the simulated card plugged in:

    python -m deploy.simulated.bitfile --alveo package.zip card.zip
    python -m deploy.simulated.xrt classify card.zip --data frames.h5 --backend pynq
"""

from __future__ import annotations

import atexit
import ctypes
import errno
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from deploy.simulated.card import SimulatedCard, XrtError
from radioml.errors import RadioMLError
from radioml.temporary import temporary_folder

_VERSION = "2.13.466"
_TYPES: dict[str, Any] = {
    "void": None,
    "int": ctypes.c_int,
    "unsigned": ctypes.c_uint,
    "size_t": ctypes.c_size_t,
    "bool": ctypes.c_bool,
    "void*": ctypes.c_void_p,
    "const char*": ctypes.c_char_p,
}
_FUNCTIONS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "xclProbe": (SimulatedCard.probe, "unsigned", ""),
    "xclOpen": (SimulatedCard.open, "void*", "unsigned, const char*, int"),
    "xclClose": (SimulatedCard.close, "void", "void*"),
    "xclGetDeviceInfo2": (SimulatedCard.device_info, "int", "void*, void*"),
    "xclLockDevice": (SimulatedCard.lock, "int", "void*"),
    "xclUnlockDevice": (SimulatedCard.lock, "int", "void*"),
    "xclLoadXclBin": (SimulatedCard.load_xclbin, "int", "void*, void*"),
    "xclIPName2Index": (SimulatedCard.kernel_index, "int", "void*, const char*"),
    "xclOpenContext": (SimulatedCard.open_context, "int", "void*, void*, unsigned, bool"),
    "xclCloseContext": (SimulatedCard.close_context, "int", "void*, void*, unsigned"),
    "xclAllocBO": (SimulatedCard.allocate, "unsigned", "void*, size_t, int, unsigned"),
    "xclFreeBO": (SimulatedCard.free, "void", "void*, unsigned"),
    "xclMapBO": (SimulatedCard.map, "void*", "void*, unsigned, bool"),
    "xclGetBOProperties": (SimulatedCard.properties, "int", "void*, unsigned, void*"),
    "xclSyncBO": (SimulatedCard.sync, "int", "void*, unsigned, int, size_t, size_t"),
    "xclExecBuf": (SimulatedCard.execute, "int", "void*, unsigned"),
    "xclExecWait": (SimulatedCard.wait, "int", "void*, int"),
}
"""XRT's function -> what it does here, type of its result, types of its arguments."""
_BESIDE = """
#include <cstddef>
#include <future>
// Python raises KeyboardInterrupt only in its main thread, and no exception may pass through these functions. So the
// card works in another thread, and Ctrl-C is raised after the function has returned. An interpreter that is ending
// accepts no other threads.
extern "C" int simulated_ending = 0;
template <class Function> static auto beside(Function function) {
    return simulated_ending ? function() : std::async(std::launch::async, function).get();
}
"""

_kept: list[object] = []
"""What must live as long as the process: the functions that the library calls."""


def plug_in() -> SimulatedCard:
    """Have PYNQ find an installation of XRT with one card; returns the card.

    Raises RuntimeError when PYNQ has looked for XRT already, RadioMLError without a compiler.
    """
    if "pynq" in sys.modules:
        raise RuntimeError("PYNQ has looked for XRT already: plug the card in before PYNQ is imported")
    temporary = ExitStack()
    folder = temporary.enter_context(temporary_folder("radioml-xrt"))
    atexit.register(temporary.close)
    library, card = _compile(folder), SimulatedCard()
    for name, (method, result, arguments) in _FUNCTIONS.items():
        kinds = [_TYPES[kind] for kind in _split(arguments)]
        function = ctypes.CFUNCTYPE(_TYPES[result], *kinds)(_with_numbers(method.__get__(card)))
        ctypes.c_void_p.in_dll(library, f"simulated_{name}").value = ctypes.cast(function, ctypes.c_void_p).value
        _kept.append(function)
    atexit.register(setattr, ctypes.c_int.in_dll(library, "simulated_ending"), "value", 1)
    (folder / "version.json").write_text(json.dumps({"BUILD_VERSION": _VERSION}))
    os.environ["XILINX_XRT"] = str(folder)
    return card


def _split(arguments: str) -> list[str]:
    return [kind for kind in arguments.split(", ") if kind]


def _compile(folder: Path) -> ctypes.CDLL:
    """Compile lib/libxrt_core.so. Each of its functions calls the function whose address is stored beside it."""
    source, library = folder / "xrt.cpp", folder / "lib" / "libxrt_core.so"
    lines = [_BESIDE, 'extern "C" {']
    for name, (_, result, arguments) in _FUNCTIONS.items():
        kinds = _split(arguments)
        named = ", ".join(f"{kind} a{number}" for number, kind in enumerate(kinds))
        passed = ", ".join(f"a{number}" for number in range(len(kinds)))
        lines.append(f"{result} (*simulated_{name})({arguments});")
        called = f"beside([=] {{ return simulated_{name}({passed}); }})"
        lines.append(f"{result} {name}({named}) {{ return {called}; }}")
    source.write_text("\n".join([*lines, "}"]) + "\n")
    library.parent.mkdir()
    try:
        command = ["g++", "-shared", "-fPIC", "-pthread", "-o", str(library), str(source)]
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise RadioMLError("the simulated card needs g++ on the PATH") from error
    return ctypes.CDLL(str(library))


def _with_numbers(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method with the return values of XRT: 0 for success, a negative number of errno.h for a failure."""

    def call(*arguments: Any) -> Any:
        try:
            result = method(*arguments)
        except XrtError as error:
            return -error.number
        except Exception:  # a function in C cannot raise it
            traceback.print_exc()
            return -errno.EINVAL
        return 0 if result is None else result

    return call


if __name__ == "__main__":
    from radioml.cli import main

    try:
        plug_in()
    except RadioMLError as error:
        sys.exit(f"error: {error}")
    main()
