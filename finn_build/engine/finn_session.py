"""Running FINN inside one folder: without Vivado, without files elsewhere, with its output in a log file."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from finn_build.rtl_layers import register


@contextmanager
def finn_session(folder: Path, log: Path) -> Iterator[None]:
    """Let FINN work in `folder` and write all that it prints and logs to `log` (appended).

    FINN takes its folder from environment variables; without these it writes to the home directory and to the installed
    package. FINN's worker processes read the variables again. So the session sets them and restores them at its end.
    The working directory is `folder` too, because some transformations write there. In the session FINN knows the
    layers of `rtl_layers`.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    variables = {
        "FINN_BUILD_DIR": str(folder),
        "FINN_SETTINGS": str(folder / "settings.yaml"),
        "FINN_DEPS": str(folder / "deps"),
        "XILINX_VIVADO": os.environ.get("XILINX_VIVADO", "absent"),
    }
    before = {name: os.environ.get(name) for name in variables}
    directory = Path.cwd()
    os.environ.update(variables)
    os.chdir(folder)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        with log.open("a", encoding="utf-8") as stream, redirect_stdout(stream), redirect_stderr(stream):
            handler = logging.StreamHandler(stream)
            handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
            root.handlers, root.level = [handler], logging.INFO
            logging.captureWarnings(True)
            _point_settings_to(folder)
            _name_stand_ins()
            register()
            yield
    finally:
        logging.captureWarnings(False)
        root.handlers, root.level = handlers, level
        os.chdir(directory)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _point_settings_to(folder: Path) -> None:
    """Name the folder in FINN's settings, a global object that outlives a session."""
    from finn.util.settings import get_settings

    get_settings().finn_build_dir = folder


def _name_stand_ins() -> None:
    """Replace what FINN's step modules import and no build uses by stand-ins.

    The modules cannot be imported without the objects of Vivado's simulator, which is absent. FINN's learned estimates
    import scikit-learn, which takes about a second in every process. A stand-in raises when it is called.
    """
    import finn.xsi

    if "finn.builder.build_dataflow_steps" in sys.modules:
        return
    for name in finn.xsi._LAZY_NAMES:
        if name not in vars(finn.xsi):
            setattr(finn.xsi, name, _unavailable("Vivado's simulator is not installed; this build uses Verilator"))
    learned = ModuleType("finn.analysis.fpgadataflow.empirical_qor_estimation")
    for name in ("QoRModelSet", "empirical_power_estimation", "empirical_res_estimation"):
        setattr(learned, name, _unavailable("FINN's learned estimates are left out of this build"))
    sys.modules[learned.__name__] = learned


def _unavailable(reason: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(reason)

    return refuse
