from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from radioml.constants import CLASSES
from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_cell
from radioml.errors import RadioMLError
from training.experiments.experiment import load_experiment
from training.models import create
from training.techniques.augmentation import CONJUGATED_IS_ANOTHER, Augmentation, augment
from training.techniques.averaging import Averaging, averaging
from training.techniques.distillation import Distillation, Teacher, teacher_sha256
from training.techniques.schedule import schedule
from training.trained.checkpoint import TrainedNetwork, load_checkpoint, save_checkpoint

DATA = TrainingData("synthetic", "some frames", "1" * 64)
EXACT = {
    "rotation": Augmentation(rotation="quarter_turns"),
    "conjugation": Augmentation(conjugation=True),
    "reversal": Augmentation(reversal=True),
    "time shift": Augmentation(time_shift=True),
    "all": Augmentation(rotation="quarter_turns", conjugation=True, reversal=True, time_shift=True),
}
EVERYTHING = Augmentation(
    rotation="any", conjugation=True, reversal=True, time_shift=True, gain_db=3, noise=0.2
)  # fmt: skip


def _rates(kind: str, warm_up: float | None, steps: int = 40) -> list[float]:
    optimiser = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], 0.5)
    rates = schedule(optimiser, kind, steps, warm_up)
    values = []
    for _ in range(steps):
        values.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        rates.step()
    return values


def test_one_cycle_is_torchs_with_a_tenth_of_the_run_to_rise():
    optimiser = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], 0.5)
    expected = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.5, 40, pct_start=0.1)
    rates = _rates("one_cycle", None)
    for rate in rates:
        assert rate == expected.get_last_lr()[0]
        optimiser.step()
        expected.step()
    assert rates.index(max(rates)) == 3
    assert (later := _rates("one_cycle", 0.5)).index(max(later)) == 19


def test_cosine_and_constant_rates_rise_in_a_line_and_then_fall_or_stay():
    cosine, constant = _rates("cosine", 0.25), _rates("constant", 0.25)
    assert cosine[:10] == constant[:10] == pytest.approx([0.5 * (n + 1) / 11 for n in range(10)])
    assert cosine[10] == 0.5 and set(constant[10:]) == {0.5}
    assert all(a > b for a, b in pairwise(cosine[10:]))
    assert max(_rates("one_cycle", 0.0)) == _rates("one_cycle", 0.0)[0] == pytest.approx(0.5, rel=0.01)
    assert cosine[25] == pytest.approx(0.25) and 0 < cosine[-1] < 0.002
    assert _rates("cosine", None)[0] == _rates("constant", None)[0] == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["training.schedule=linear"], r"training\.schedule: Input should be 'one_cycle', 'cosine' or 'constant'"),
        (
            ["training.epochs=3", "training.warm_up_epochs=3"],
            "training: warm_up_epochs = 3 is not less than epochs = 3",
        ),
        (["training.minimum_snr_db=10", "training.maximum_snr_db=8"], "no frames from minimum_snr_db = 10 to"),
        (["training.minimum_snr_db=9", "training.maximum_snr_db=9"], "no frames from minimum_snr_db = 9 to"),
        (["augmentation={}"], "augmentation: nothing is switched on"),
        (["augmentation.rotate=any"], "augmentation.rotate: an unknown key"),
        (["augmentation.noise=-1"], "augmentation.noise: .*greater than or equal to 0"),
        (["averaging.decay=1.5"], "averaging.decay: .*less than or equal to 1"),
        (["distillation.temperature=4"], "distillation.teacher: Field required"),
        (["distillation={teacher: x.pth, weight: 2}"], "distillation.weight: .*less than or equal to 1"),
    ],
)
def test_combinations_that_cannot_be_are_named(changes: list[str], message: str):
    with pytest.raises(RadioMLError, match=message):
        load_experiment("polyphase", changes)


def _quantised(iq: torch.Tensor) -> torch.Tensor:
    return torch.clip(torch.round(iq * 64), -128, 127) / 64


def _frames(count: int, scale: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    iq = scale * torch.randn(count, 2, 1024, generator=generator)
    return iq, torch.arange(count) % len(CLASSES), torch.arange(count) * 7


@pytest.mark.parametrize("name", EXACT)
def test_exact_augmentations_give_what_the_quantiser_gives_for_the_augmented_frame(name: str):
    iq, class_index, position = _frames(96, 0.4)
    assert iq.abs().max() < 2 - 1 / 64, "nothing is clipped"
    of_integers = augment(EXACT[name], _quantised(iq), class_index, position, 1, 0)
    assert torch.equal(of_integers, _quantised(augment(EXACT[name], iq, class_index, position, 1, 0)))
    assert not torch.equal(of_integers, _quantised(iq))
    iq *= 10
    clipped = _quantised(augment(EXACT[name], _quantised(iq), class_index, position, 1, 0))
    of_clipped = _quantised(augment(EXACT[name], iq, class_index, position, 1, 0))
    assert (clipped - of_clipped).abs().max() <= 1 / 64


def test_what_happens_to_a_frame_depends_on_seed_epoch_and_position_alone():
    iq, class_index, position = _frames(96, 1)
    whole = augment(EVERYTHING, iq, class_index, position, 1, 3)
    some = torch.tensor([90, 4, 17])
    assert torch.equal(augment(EVERYTHING, iq[some], class_index[some], position[some], 1, 3), whole[some])
    for seed, epoch, where in ((2, 3, position), (1, 4, position), (1, 3, position + 1)):
        other = augment(EVERYTHING, iq, class_index, where, seed, epoch)
        assert (other != whole).flatten(1).any(1).all()


def test_parameters_take_all_their_values_equally_often():
    count = 4800
    iq = torch.zeros(count, 2, 1024)
    iq[:, 0, 0] = 1  # one impulse: where it goes and in which direction it points says everything
    position, class_index = torch.arange(count), torch.full((count,), CLASSES.index("QPSK"))
    turned = augment(EXACT["rotation"], iq, class_index, position, 5, 0)[:, :, 0]
    directions, shares = turned.unique(dim=0, return_counts=True)
    assert len(directions) == 4 and (shares - count / 4).abs().max() < 5 * (count * 3 / 16) ** 0.5
    angles = torch.atan2(*augment(Augmentation(rotation="any"), iq, class_index, position, 5, 0)[:, :, 0].T)
    shares = torch.histc(angles, 12, -torch.pi, torch.pi)
    assert (shares - count / 12).abs().max() < 5 * (count / 12) ** 0.5
    places = augment(EXACT["time shift"], iq, class_index, position, 5, 0)[:, 0].argmax(1)
    shares = torch.histc(places.float(), 16, 0, 1024)
    assert (shares - count / 16).abs().max() < 5 * (count / 16) ** 0.5 and len(places.unique()) > 900
    reversed_ = augment(EXACT["reversal"], iq, class_index, position, 5, 0)[:, 0, 1023].sum()
    assert abs(reversed_ - count / 2) < 5 * (count / 4) ** 0.5
    gain = 20 * torch.log10(augment(Augmentation(gain_db=6), iq, class_index, position, 5, 0)[:, 0, 0])
    assert -6 <= gain.min() < -5.9 and 5.9 < gain.max() <= 6 and abs(gain.mean()) < 0.3
    drawn = torch.stack([turned[:, 0], places.float(), gain])
    assert torch.corrcoef(drawn).fill_diagonal_(0).abs().max() < 5 / count**0.5, "drawn independently"


def test_noise_is_white_and_keeps_the_variance():
    iq, class_index, position = _frames(480, 0.5**0.5)
    noisy = augment(Augmentation(noise=0.5), iq, class_index, position, 1, 0)
    power = noisy.square().sum(1).mean(1)
    assert (power - 1).abs().max() < 0.3 and abs(power.mean() - 1) < 0.01
    silent = augment(Augmentation(noise=0.5), torch.zeros_like(iq), class_index, position, 1, 0)
    ratio = silent.square().sum(1).mean(1)  # deviation^2 / (1 + deviation^2)
    deviation = torch.sqrt(ratio / (1 - ratio))
    assert deviation.max() < 0.55 and abs(deviation.mean() - 0.25) < 0.03
    loud = silent[deviation > 0.3] / deviation[deviation > 0.3][:, None, None]
    z = torch.complex(loud[:, 0], loud[:, 1])
    z = z / z.abs().square().mean().sqrt()
    samples = z.numel()
    assert abs(z.mean()) < 5 / samples**0.5 and abs((z * z).mean()) < 5 / samples**0.5
    assert abs((z[:, 1:] * z[:, :-1].conj()).mean()) < 5 / samples**0.5
    assert abs(z.abs().pow(4).mean() - 2) < 0.05, "Gaussian: the fourth moment is twice the square of the second"


def _spectrum(iq: torch.Tensor) -> torch.Tensor:
    """Mean power at each frequency, smoothed and normalised, (1024,) from frames (B, 2, 1024)."""
    power = torch.fft.fft(torch.complex(iq[:, 0], iq[:, 1])).abs().square().mean(0)
    power[0] = 0  # the constant of AM-SSB and ASK has no side
    smooth = sum(power.roll(k) for k in range(-8, 9))
    return smooth / smooth.sum()


@pytest.mark.parametrize("name", CLASSES)
def test_conjugation_and_reversal_keep_a_class_where_it_is_in_frequency(name: str):
    frames = generate_cell(np.random.default_rng(3), 200, name, 30)
    iq = torch.from_numpy(frames).permute(0, 2, 1)
    class_index, position = torch.full((len(iq),), CLASSES.index(name)), torch.arange(len(iq))
    before = _spectrum(iq)
    mirrored = before.flip(0).roll(1)
    far = (before - mirrored).abs().sum()
    if name in ("FM", "GMSK"):
        assert far > 1.5, "these lie on one side, so that their mirror image is no frame of this data set"
    else:
        assert far < 0.06
    for settings in (Augmentation(conjugation=True), Augmentation(reversal=True)):
        after = augment(settings, iq, class_index, position, 1, 0)
        assert (_spectrum(after) - before).abs().sum() < 0.06
    changed = augment(Augmentation(conjugation=True), iq, class_index, position, 1, 0) != iq
    assert changed.any() == (name not in CONJUGATED_IS_ANOTHER)


def test_a_network_trained_on_the_real_set_recognises_augmented_frames_as_well(published_network: Path):
    judge = load_checkpoint(published_network / "pretrained_VGG10_w8a8_20.pth", "vgg10").network
    drawn = [generate_cell(np.random.default_rng([9, k]), 16, name, 30) for k, name in enumerate(CLASSES)]
    iq = _quantised(torch.from_numpy(np.concatenate(drawn)).permute(0, 2, 1).contiguous())
    class_index, position = torch.arange(len(CLASSES)).repeat_interleave(16), torch.arange(len(iq))

    def right(frames: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            answers = torch.cat([judge(batch).argmax(1) for batch in frames.split(96)])
        return (answers == class_index).float().view(len(CLASSES), -1).mean(1)

    before = right(iq)
    assert before.mean() > 0.85
    turned = Augmentation(rotation="any", conjugation=True, reversal=True, time_shift=True)
    for settings in (EXACT["all"], turned):
        after = right(augment(settings, iq, class_index, position, 1, 0))
        assert after.mean() > before.mean() - 0.03
        assert (after - before).abs().max() < 0.45, "no class becomes another"


def test_the_average_follows_its_rule():
    average, expected = torch.zeros(3, dtype=torch.float64), 0.0
    counter = torch.tensor(0)
    step = averaging(Averaging(decay=0.9))._kwargs["multi_avg_fn"]
    for n in range(1, 200):
        step([average, counter], [torch.full((3,), float(n), dtype=torch.float64), torch.tensor(n)], n)
        share = max(1 - 0.9, 9 / (n + 10))
        expected += share * (n - expected)
    assert average[0] == pytest.approx(expected) == pytest.approx(199 - 9, abs=1e-3)
    assert counter == 199


def _teacher(path: Path, data: dict[str, str] = DATA, **parameters: object) -> Distillation:
    network = create("polyphase", {"channels": [8], "kernels": [3], "strides": [8], **parameters}).eval()
    parameters = {"channels": [8], "kernels": [3], "strides": [8], **parameters}
    save_checkpoint(path, TrainedNetwork(network, "polyphase", parameters, data))
    return Distillation(teacher=str(path), temperature=3, weight=0.6)


def test_the_distillation_loss_is_hintons(tmp_path: Path):
    student = create("polyphase", {})
    teacher = Teacher(_teacher(tmp_path / "t.pth"), DATA, student)
    generator = torch.Generator().manual_seed(1)
    iq = torch.randn(5, 2, 1024, generator=generator)
    logits = torch.randn(5, 24, generator=generator).requires_grad_()
    class_index = torch.tensor([0, 5, 23, 7, 7])
    loss = teacher.loss(iq, logits, class_index, torch.arange(5))
    with torch.no_grad():
        t, s = (torch.softmax(x / 3, 1) for x in (teacher._network(iq), logits))
        distance = (t * (t / s).log()).sum(1).mean()
        labels = -torch.log_softmax(logits, 1)[torch.arange(5), class_index].mean()
    assert loss.item() == pytest.approx((0.4 * labels + 0.6 * 9 * distance).item(), rel=1e-5)
    loss.backward()
    assert logits.grad.abs().sum() > 0
    assert all(p.grad is None for p in teacher._network.parameters())


def test_a_teacher_must_fit_and_know_no_other_data(tmp_path: Path):
    student = create("polyphase", {})
    for other in (replace(DATA, sha256="2" * 64), TrainingData("real", "all.hdf5", "3" * 64)):
        with pytest.raises(RadioMLError, match="trained on other data"):
            Teacher(_teacher(tmp_path / "other.pth", other), DATA, student)
    with pytest.raises(RadioMLError, match="quantises its input to 4 bits"):
        Teacher(_teacher(tmp_path / "coarse.pth", input_bits=4), DATA, student)
    (tmp_path / "torn.pth").write_bytes(b"no checkpoint")
    with pytest.raises(RadioMLError, match="not a checkpoint"):
        Teacher(Distillation(teacher=str(tmp_path / "torn.pth")), DATA, student)
    with pytest.raises(RadioMLError, match=r"distillation\.teacher\) cannot be read"):
        teacher_sha256(Distillation(teacher=str(tmp_path / "nowhere.pth")), tmp_path / "run")
    own = tmp_path / "run" / "train" / "checkpoint.pth"
    with pytest.raises(RadioMLError, match="which is to be trained"):
        teacher_sha256(Distillation(teacher=str(own)), tmp_path / "run")
