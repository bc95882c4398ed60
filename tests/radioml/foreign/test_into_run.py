from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from radioml.constants import CLASSES
from radioml.contract.golden import read_golden
from radioml.contract.metadata import ImportOptions, load_exported
from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError
from radioml.files import sha256
from radioml.foreign.into_run import import_model
from radioml.foreign.reference import load_reference, reference_levels, reference_logits
from radioml.network.exact_qonnx import ExactQonnx
from tests.networks import FinnWriter, GraphWriter, QcdqWriter


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    write = QcdqWriter(3, 13)
    write.small_network()
    onnx.save(write.model(), tmp_path / "theirs.onnx")
    return tmp_path / "theirs.onnx"


def test_a_run_has_what_later_stages_need(theirs: Path, tmp_path: Path):
    done = import_model(theirs, tmp_path / "run" / "train", "standard", ImportOptions())
    model, metadata = load_exported(done.model)
    assert (metadata.topology, metadata.classes, metadata.imported) == ("imported", CLASSES, ImportOptions())
    assert metadata.training_data == TrainingData("unknown", "theirs.onnx", "")
    file = tmp_path / "run" / "train" / "imported.onnx"
    assert file.read_bytes() == theirs.read_bytes() and metadata.checkpoint_sha256 == sha256(file)
    iq, logits = read_golden(tmp_path / "run" / "train" / "golden.npz")
    reference = load_reference(file, metadata)
    np.testing.assert_array_equal(reference_logits(reference, iq), logits)
    np.testing.assert_allclose(ExactQonnx(model)(iq), logits * metadata.logit_scale, rtol=1e-9)
    assert done.doubtful, "random weights classify nothing"


def test_classes_in_an_order_of_their_own(theirs: Path, tmp_path: Path):
    names = [name.lower() for name in CLASSES[::-1]]
    (tmp_path / "classes.txt").write_text(f"classes = {names}")
    done = import_model(theirs, tmp_path / "train", str(tmp_path / "classes.txt"), ImportOptions())
    assert load_exported(done.model)[1].classes == CLASSES[::-1]


def test_what_stands_for_which_class_must_be_said(theirs: Path, tmp_path: Path):
    with pytest.raises(RadioMLError, match=r"the file names no classes for its 24 logits\. Give --classes"):
        import_model(theirs, tmp_path / "train", None, ImportOptions())
    with pytest.raises(RadioMLError, match="24 logits, and 2 different classes in --classes"):
        import_model(theirs, tmp_path / "train", "BPSK,QPSK", ImportOptions())
    assert not (tmp_path / "train").exists()


def test_a_trained_run_is_not_overwritten(theirs: Path, tmp_path: Path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "checkpoint.pth").touch()
    with pytest.raises(RadioMLError, match="holds a network that was trained here"):
        import_model(theirs, tmp_path / "train", "standard", ImportOptions())


def test_another_file_is_no_reference(theirs: Path, tmp_path: Path):
    done = import_model(theirs, tmp_path / "train", "standard", ImportOptions())
    _, metadata = load_exported(done.model)
    write = QcdqWriter(4, 13)
    write.small_network()
    onnx.save(write.model(), theirs)
    with pytest.raises(RadioMLError, match="not the file that the model was imported from"):
        load_reference(theirs, metadata)
    with pytest.raises(RadioMLError, match="no such file; it is the ONNX file that the model was imported from"):
        load_reference(tmp_path / "absent.onnx", metadata)


def test_a_model_that_differs_from_its_file_is_not_written(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def wrong(network: object, iq: np.ndarray, progress: Callable) -> np.ndarray:
        logits = reference_logits(network, iq)
        logits[3, 5] += 1
        return logits

    monkeypatch.setattr("radioml.foreign.into_run.reference_logits", wrong)
    with pytest.raises(RadioMLError, match=r"other logits than the file: frame 3, logit 5: .* \(in 1 of 26 frames\)"):
        import_model(theirs, tmp_path / "train", "standard", ImportOptions())
    assert not (tmp_path / "train" / "model.onnx").exists()


def test_levels_of_activations_are_the_same_in_every_dialect(tmp_path: Path):
    found = []
    for write in (GraphWriter(3, 9, ""), QcdqWriter(3, 13), FinnWriter(3)):
        write.small_network()
        onnx.save(write.model(), tmp_path / "m.onnx")
        done = import_model(tmp_path / "m.onnx", tmp_path / "train", "standard", ImportOptions())
        found.append(reference_levels(done.network, read_golden(tmp_path / "train" / "golden.npz")[0][:3]))
    shapes = {name: values.shape for name, values in found[0].layers.items()}
    assert list(shapes.values()) == [(3, 4, 256), (3, 6, 64)] and found[0].classifier.startswith("Gemm")
    assert all(len(np.unique(values)) > 3 for values in found[0].layers.values())
    for other in found[1:]:
        assert {name: values.shape for name, values in other.layers.items()} == shapes
        np.testing.assert_array_equal(other.logits, found[0].logits)
        for name, values in other.layers.items():
            np.testing.assert_array_equal(values, found[0].layers[name])
