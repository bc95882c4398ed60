"""Backend `serial` against the shell's RTL behind a pseudo-terminal, on a line that damages bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from deploy.accelerator import open_accelerator
from deploy.backends.serial_line import SerialAccelerator
from radioml.constants import CLASSES
from radioml.contract.package import Manifest, Package, open_package
from radioml.contract.packing import pack
from radioml.contract.quantiser import InputQuantiser
from radioml.contract.serial_link import DONE, SHORT, WRONG_CHECKSUM, Answer, AnswerReader, request
from radioml.errors import RadioMLError
from radioml.simulation.verilator import sources_of
from tests.serial_chips import SINK, SOURCE, SUMS, chip_with_shell, running, serial_package, sums

pytest.importorskip("serial", reason="pyserial is absent: pip install -r requirements/synthesis.txt")


pytestmark = pytest.mark.rtl


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Of the tests' own accelerator."""
    return serial_package(manifest(), tmp_path_factory.mktemp("package"))


def manifest() -> Manifest:
    return Manifest(
        "simulation", "", "ULX3S", 50, "", CLASSES, InputQuantiser(8, 1 / 64), 1.0, {}, {}, SOURCE, SINK, {}, 1, 1
    )


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chip's simulator: PLL, shell and that accelerator."""
    folder = tmp_path_factory.mktemp("chip")
    (folder / "accelerator.sv").write_text(SUMS)
    return chip_with_shell(SOURCE, SINK, [folder / "accelerator.sv"], folder)


@pytest.fixture
def accelerator(package: Package, program: Path, tmp_path: Path) -> Iterator[SerialAccelerator]:
    with running(program, tmp_path) as chip, open_accelerator(package, "serial", target=chip.port) as opened:
        assert isinstance(opened, SerialAccelerator)
        yield opened


def frames(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-127, 128, (count, 1024, 2), np.int8)


def test_results_come_over_the_line(accelerator):
    assert np.array_equal(accelerator.infer(frames(7)).logits, sums(frames(7)))
    assert accelerator.repeated == 0
    assert accelerator.runs_on == "simulated board"


def test_golden_frames_of_a_network_over_the_line(small_package, tmp_path):
    opened = open_package(small_package, tmp_path)
    package = serial_package(opened.manifest, opened.folder)
    rtl, manifest = opened.folder / "rtl", opened.manifest
    program = chip_with_shell(manifest.input, manifest.output, [rtl / name for name in sources_of(rtl)], tmp_path)
    iq, logits = package.golden()
    with running(program, rtl) as chip, open_accelerator(package, "serial", target=chip.port) as accelerator:
        assert np.array_equal(accelerator.infer(manifest.quantiser(iq[:3])).logits, logits[:3])


def flipped(message: bytes) -> bytes:
    return message[:700] + bytes([message[700] ^ 8]) + message[701:]


def without_a_byte(message: bytes) -> bytes:
    return message[:700] + message[701:]


def behind_garbage(message: bytes) -> bytes:
    return b"\x00\xff\xa5\xa5\x00\xa5\x5a\x03half a request" + message


def cut(message: bytes) -> bytes:
    return message[:700]


def without_its_mark(message: bytes) -> bytes:
    return message[2:]


@pytest.mark.parametrize("damage", [flipped, without_a_byte, behind_garbage, cut, without_its_mark])
@pytest.mark.parametrize("damaged", [1, 2], ids=["first", "second"])
def test_a_damaged_request_is_sent_again(accelerator, monkeypatch, damage: Callable[[bytes], bytes], damaged):
    monkeypatch.setattr("deploy.backends.serial_line._ANSWER_SECONDS", 3.0)
    write, sent = accelerator._line.write, []

    def damaging(message: bytes) -> int:
        sent.append(message)
        return int(write(damage(message) if len(sent) == damaged else message))

    accelerator._line.write = damaging
    assert np.array_equal(accelerator.infer(frames(3)).logits, sums(frames(3)))
    assert accelerator.repeated >= 1
    assert len(sent) > 3


def test_a_damaged_answer_is_asked_for_again(accelerator, monkeypatch):
    monkeypatch.setattr("deploy.backends.serial_line._ANSWER_SECONDS", 3.0)
    read, damaged = accelerator._line.read, []

    def damaging(size: int) -> bytes:
        received = bytes(read(size))
        if len(received) > 6 and not damaged:
            damaged.append(received)
            return received[:5] + bytes([received[5] ^ 1]) + received[6:]
        return received

    accelerator._line.read = damaging
    assert np.array_equal(accelerator.infer(frames(3)).logits, sums(frames(3)))
    assert damaged and accelerator.repeated >= 1


def test_a_line_that_stays_broken_is_an_error(accelerator):
    write = accelerator._line.write
    accelerator._line.write = lambda message: write(flipped(message))
    with pytest.raises(RadioMLError, match="a request with a wrong checksum, 5 times; load the package's bitstream"):
        accelerator.infer(frames(1))


def test_the_shell_names_the_reason(accelerator):
    words = pack(frames(1), SOURCE)
    reader = AnswerReader(SINK.words * SINK.word_bytes)

    def answers(*messages: bytes) -> list[Answer]:
        accelerator._line.write(b"".join(messages))
        found = []
        while len(found) < 1 or accelerator._line.in_waiting:
            found += reader.feed(accelerator._line.read(64))
        return found

    good = request(7, words.tobytes())
    assert answers(flipped(good)) == [Answer(7, WRONG_CHECKSUM, b"")]
    assert answers(good[:-1]) == [Answer(7, SHORT, b"")]
    assert answers(good[:2]) == [Answer(0, SHORT, b"")]
    (answer,) = answers(good)
    assert (answer.number, answer.status) == (7, DONE)
    assert answer.words == pack(sums(frames(1)), SINK).tobytes()


def test_refused_packages_and_ports(package, small_package, tmp_path):
    with pytest.raises(RadioMLError, match=r"has no bitstream\.bit: the serial backend needs one"):
        open_accelerator(open_package(small_package, tmp_path), "serial", target="/dev/null")
    with (
        pytest.raises(RadioMLError, match="/dev/absent: cannot be opened"),
        open_accelerator(package, "serial", target="/dev/absent"),
    ):
        pass
    with pytest.raises(RadioMLError, match="for a Zynq or an Alveo"):
        open_accelerator(package, "pynq")
