from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from finn_build.build import build
from finn_build.engine.record import load_record, open_record
from radioml.contract.package import open_package
from radioml.errors import RadioMLError
from radioml.reading.text import read_json


def test_build_writes_the_contract(small_build, tmp_path):
    folder = small_build.folder
    record = yaml.safe_load((folder / "build.yaml").read_text())
    assert {"estimate", "rtl"} <= set(record["stages"])  # other tests may go on with this build
    assert record["versions"]["finn-plus"]
    estimate = read_json(folder / "estimate.json")
    cycles = read_json(folder / "simulation" / "cycles.json")
    assert estimate["kind"] == "estimated"
    assert cycles["cycles_per_frame"] == estimate["cycles_per_frame"]
    package = open_package(folder / "package.zip", tmp_path)
    assert package.manifest.board == "Pynq-Z2"
    assert package.manifest.kind == "simulation"
    assert package.manifest.input.shape == (1024, 2)
    assert package.manifest.output.shape == (24,)
    assert package.manifest.cycles_per_frame == cycles["cycles_per_frame"]
    with np.load(small_build.model.with_name("golden.npz")) as golden:
        assert np.array_equal(package.golden()[1], golden["logits"])


def test_rtl_is_self_contained(small_build):
    rtl = small_build.folder / "rtl"
    names = (rtl / "files.f").read_text().split()
    assert all((rtl / name).is_file() and "/" not in name for name in names)
    for path in rtl.iterdir():
        assert "/finn/" not in path.read_text(), f"{path.name} names a folder of the build machine"


def test_nothing_is_written_elsewhere(small_build):
    """The home directory, which is the working directory too, stays empty."""
    assert list(small_build.home.iterdir()) == []


def test_second_build_reuses_the_first(small_build):
    before = (small_build.folder / "package.zip").stat().st_mtime_ns
    done = build(small_build.model, "Pynq-Z2", "rtl", target_fps=400_000)
    assert done.reused == ("estimate", "rtl")
    assert (small_build.folder / "package.zip").stat().st_mtime_ns == before


def test_altered_or_unfinished_stage_is_not_reused(radioml_here, small_build, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(small_build.folder, folder)
    record = load_record(folder)
    inputs = record.stages["rtl"].inputs
    assert record.is_complete(folder, "rtl", inputs)
    assert not record.is_complete(folder, "rtl", {"golden": "other"})
    data = next((folder / "rtl").glob("*.dat"))
    data.write_text(data.read_text() + "00\n")
    assert not record.is_complete(folder, "rtl", inputs)
    assert open_record(folder, replace(record.inputs, model="other")).stages == {}
    assert load_record(folder).stages == {}
    done = radioml_here("simulate", folder, "--frames", 24, "--checkpoint", small_build.run / "train/checkpoint.pth")
    assert done.returncode == 2


def test_foreign_folder_is_refused(small_model, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RadioMLError, match="of a build; choose another folder"):
        build(small_model, "ZCU104", "estimate", out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.rtl
def test_estimate_of_a_network_without_rtl(asymmetric_model, tmp_path):
    value = build(asymmetric_model, "ZCU104", "estimate", out=tmp_path / "out").estimate
    assert value.cycles_per_frame == max(layer.cycles for layer in value.layers)
    assert value.frames_per_second == pytest.approx(250e6 / value.cycles_per_frame)


def test_layer_without_rtl_is_named_before_anything_is_built(asymmetric_model, tmp_path):
    with pytest.raises(RadioMLError, match=r"Conv Conv_0: its weights are not signed and symmetric"):
        build(asymmetric_model, "ZCU104", "rtl", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unknown_board(small_model, tmp_path):
    with pytest.raises(RadioMLError, match=r"'ZCU105'.*ZCU104"):
        build(small_model, "ZCU105", "estimate", out=tmp_path / "out")


def test_foreign_onnx(radioml_here, tmp_path):
    from onnx import TensorProto, helper, save

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 1024]) for name in ("iq", "logits")]
    graph = helper.make_graph([helper.make_node("Relu", ["iq"], ["logits"])], "foreign", values[:1], values[1:])
    save(helper.make_model(graph), str(tmp_path / "model.onnx"))
    done = radioml_here("build", tmp_path / "model.onnx", "--board", "ZCU104", "--until", "estimate")
    assert done.returncode == 2
    assert "metadata of `radioml export` are missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_and_damaged_golden_frames(small_model, tmp_path):
    shutil.copy(small_model, tmp_path / "model.onnx")
    whole = small_model.with_name("golden.npz").read_bytes()
    for content in (
        None,
        b"",
        whole[:-100],
        whole[: len(whole) // 2],
        b"\x93NUMPY",
        bytes([*whole[:999], 0, *whole[1000:]]),
    ):
        if content is not None:
            (tmp_path / "golden.npz").write_bytes(content)
        with pytest.raises(RadioMLError, match=r"golden\.npz: "):
            build(tmp_path / "model.onnx", "ZCU104", "rtl", out=tmp_path / "out")


def test_golden_frames_of_another_network(small_model, tmp_path):
    model = shutil.copy(small_model, tmp_path)
    with np.load(small_model.with_name("golden.npz")) as golden:
        logits = golden["logits"].copy()
        logits[3, 1] += 1
        np.savez(tmp_path / "golden.npz", iq=golden["iq"], logits=logits)
    with pytest.raises(RadioMLError, match="gives other logits for 1 of 26 frames, so the file belongs to another"):
        build(Path(model), "ZCU104", "rtl", out=tmp_path / "out")
    assert not (tmp_path / "out" / "rtl").exists()


def test_model_whose_logits_have_another_scale(small_model, tmp_path):
    import onnx

    model = onnx.load(str(small_model))
    entry = model.metadata_props[0]
    entry.value = json.dumps({**json.loads(entry.value), "logit_scale": 0.5})
    onnx.save(model, str(tmp_path / "model.onnx"))
    with pytest.raises(RadioMLError, match=r"its metadata says x 0\.5"):
        build(tmp_path / "model.onnx", "ZCU104", "estimate", out=tmp_path / "out")
