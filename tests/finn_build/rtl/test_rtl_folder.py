"""The rtl/ folder of a build, moved elsewhere: linted, compiled, simulated, and stopped by planted faults."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from radioml.contract.package import open_package
from radioml.errors import RadioMLError
from radioml.simulation import compiled, multiplier_loops
from radioml.simulation.compiled import is_compiled, simulator_cache, simulator_key, simulator_of
from radioml.simulation.rtl_simulator import RtlSimulator
from radioml.simulation.verilator import compile_simulator

NONE, INPUT_CUT, STUCK, NO_WEIGHTS, FIFO_CLOSED = range(5)


@pytest.fixture(scope="module")
def package(small_build, tmp_path_factory):
    return open_package(small_build.folder / "package.zip", tmp_path_factory.mktemp("unpacked"))


@pytest.fixture
def moved(small_build, tmp_path):
    return Path(shutil.copytree(small_build.folder / "rtl", tmp_path / "elsewhere" / "hdl"))


def test_no_file_names_a_path(small_build):
    for file in (small_build.folder / "rtl").iterdir():
        text = file.read_text()
        assert str(small_build.folder) not in text, file.name
        assert not re.search(r'"/|"[A-Z]:\\', text), file.name
        assert not re.search(r"[\s\"(]/(home|root|tmp|work|usr|opt)/", text), file.name


def test_every_file_that_is_read_lies_beside(small_build):
    rtl = small_build.folder / "rtl"
    sources = (rtl / "files.f").read_text().split()
    assert all((rtl / name).is_file() for name in sources)
    read = {name for source in sources for name in re.findall(r'"([\w./]+\.dat)"', (rtl / source).read_text())}
    assert read
    assert {file.name for file in rtl.iterdir()} >= read


def test_the_lint_command_of_the_readme_finds_no_error(moved):
    (command,) = re.findall(r"^    verilator (--lint-only .*)$", (moved / "README.md").read_text(), re.M)
    verilator = Path(sys.executable).with_name("verilator-cli")
    done = subprocess.run([verilator, *shlex.split(command)], cwd=moved, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "%Error" not in done.stderr
    (moved / "accelerator.v").write_text((moved / "accelerator.v").read_text().replace("endmodule", ""))
    assert subprocess.run([verilator, *shlex.split(command)], cwd=moved, capture_output=True, check=False).returncode


def test_the_readme_describes_the_ports(small_build, package):
    text = (small_build.folder / "rtl" / "README.md").read_text()
    top = (small_build.folder / "rtl" / "accelerator.v").read_text()
    for port, stream in (("s_axis", package.manifest.input), ("m_axis", package.manifest.output)):
        bits = 8 * stream.word_bytes
        assert re.search(rf"`{port}_tdata`.*\| {bits} \|", text)
        assert f"[{bits - 1}:0] {port}_tdata" in top
        assert f"{stream.words} words of {bits} bits a frame of shape {stream.shape}" in text
    assert "xc7z020clg400-1" in text
    assert "add_multi.sv" in text


def with_faults(top: str) -> str:
    """The design with several faults; a file chooses one at the start, so that one simulator has all of them."""
    hidden = {
        ("MVAU_rtl_1", "in0_V_TVALID"): (INPUT_CUT, STUCK),
        ("MVAU_rtl_1", "in0_V_TREADY"): (STUCK,),
        ("MVAU_rtl_2", "in1_V_TVALID"): (NO_WEIGHTS,),
        ("StreamingFIFO_rtl_4", "out0_V_TVALID"): (FIFO_CLOSED,),
    }
    for number, ((instance, port), faults) in enumerate(hidden.items()):
        match = re.search(rf" {instance} \((?:(?!\);).)*?\.{port}\((\w+)\)", top, re.S)
        wire, whole = match[1], " && ".join(f"fault[0] != {fault}" for fault in faults)
        if port in ("in0_V_TVALID", "in1_V_TVALID"):
            changed, own = f"{wire} && {whole}", ""
        else:  # the layer drives it: it gets a wire of its own
            changed = f"own{number}"
            own = f"  wire {changed}; assign {wire} = {changed} && {whole};\n"
        top = top[: match.start(1)] + changed + top[match.end(1) :].replace("\nendmodule", f"\n{own}endmodule")
    return top.replace("\nendmodule", '\n  reg [7:0] fault [0:0];\n  initial $readmemh("fault.dat", fault);\nendmodule')


@pytest.fixture(scope="module")
def faulty(small_build, package, tmp_path_factory):
    """A simulator of the moved folder with the library's own multiplier, and the folder.

    `fault.dat` in the folder chooses a fault.
    """
    moved = Path(shutil.copytree(small_build.folder / "rtl", tmp_path_factory.mktemp("moved") / "hdl"))
    top = moved / "accelerator.v"
    top.write_text(with_faults(top.read_text()))
    library = moved.parent / "simulator.so"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiplier_loops, "FILE", "")  # no file gets loops
        compile_simulator(moved, library, simulator_cache(), optimise=False)
    return library, moved


def run(package, faulty, fault, frames=26):
    library, folder = faulty
    (folder / "fault.dat").write_text(f"{fault:02x}\n")
    iq, _ = package.golden()
    with RtlSimulator(library, folder, package.manifest.input, package.manifest.output) as simulator:
        return simulator.run(package.manifest.quantiser(iq[:frames]), timeout_cycles=5000).integers


def test_the_moved_folder_gives_the_same_integers(package, faulty):
    assert np.array_equal(run(package, faulty, NONE), package.golden()[1])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (INPUT_CUT, r"MVAU_rtl_1 has taken 26 frames and \d+ of \d+ words but given only 0 frames and 0 of"),
        (STUCK, r"MVAU_rtl_1 does not take the word .*; stopped before it: StreamingFIFO_rtl_\d+, .*; starved behind"),
        (NO_WEIGHTS, r"MVAU_rtl_2 does not take the word .*; stopped before it: StreamingFIFO_rtl_\d+"),
        (FIFO_CLOSED, r"StreamingFIFO_rtl_4 has taken 26 frames .* but given only 0 frames and 0 of"),
    ],
    ids=["input cut", "does not read", "no weights", "FIFO gives nothing"],
)
def test_a_planted_fault_is_named(package, faulty, fault, message):
    with pytest.raises(RadioMLError, match=rf"deadlocked at cycle \d+.*: {message}"):
        run(package, faulty, fault)


def test_a_simulator_is_found_by_content_wherever_it_lies(small_build, moved, monkeypatch):
    """The build's simulator is found for the moved folder; any change of its sources makes a new compilation."""
    monkeypatch.setattr(compiled, "compile_simulator", lambda *_, **__: pytest.fail("compiled again"))
    assert simulator_of(moved) == simulator_of(small_build.folder / "rtl")

    assert simulator_key(moved, gauge=False) != simulator_key(moved, gauge=True)
    for file in (moved / "MVAU_rtl_0_memblock.dat", moved / "mvu.sv"):
        before = simulator_key(moved, gauge=False)
        file.write_text(file.read_text() + "\n")
        assert (simulator_key(moved, gauge=False) == before) == (file.suffix == ".dat")


def test_a_damaged_simulator_in_the_cache_is_compiled_anew(moved, tmp_path, monkeypatch):
    monkeypatch.setattr(
        compiled, "compile_simulator", lambda hdl, library, cache, optimise: library.write_bytes(b"sound")
    )
    monkeypatch.setenv("RADIOML_CACHE", str(tmp_path / "shared"))
    for damage in (None, b"", b"soun", b"Sound"):
        cached = list((tmp_path / "shared" / "simulators").glob("*.so"))
        assert len(cached) == (0 if damage is None else 1)
        if cached:
            cached[0].write_bytes(damage)
        assert is_compiled(moved) is False
        assert simulator_of(moved).read_bytes() == b"sound"
        assert is_compiled(moved)


def test_simulators_lie_in_the_user_s_cache_or_where_they_are_told(tmp_path, monkeypatch):
    monkeypatch.delenv("RADIOML_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert simulator_cache().folder == tmp_path / "own" / "radioml" / "simulators"
    monkeypatch.setenv("RADIOML_CACHE", str(tmp_path / "chosen"))
    assert simulator_cache().folder == tmp_path / "chosen" / "simulators"
    (tmp_path / "file").touch()
    monkeypatch.setenv("RADIOML_CACHE", str(tmp_path / "file"))
    with pytest.raises(RadioMLError, match=r"file/simulators: .* cannot be made.*RADIOML_CACHE"):
        simulator_cache()


def test_a_simulator_leaves_the_working_directory_alone(small_build):
    """The working directory belongs to all threads of the driver that loads the simulator."""
    library = simulator_of(small_build.folder / "rtl")
    needed = subprocess.run(["nm", "-D", "--undefined-only", library], capture_output=True, text=True, check=True)
    assert "fopen" in needed.stdout
    assert not re.search(r"\bf?chdir\b", needed.stdout)
