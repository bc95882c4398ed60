"""The container images, built by buildah on a base that debootstrap makes, and used: `RADIOML_IMAGES=1`, as root.

It takes a quarter of an hour and 8 GB, so `make test` skips it. RADIOML_IMAGE_OPTIONS: further options of `buildah
build`, such as `-v /etc/pip.conf:/etc/pip.conf:ro` where pip needs this machine's configuration.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.repository import REPOSITORY

pytestmark = [
    pytest.mark.skipif("RADIOML_IMAGES" not in os.environ, reason="RADIOML_IMAGES is not set: images take long"),
    pytest.mark.skipif(os.geteuid() != 0, reason="buildah's chroot isolation is run by root here"),
    pytest.mark.skipif(
        not (shutil.which("buildah") and shutil.which("debootstrap")),
        reason="buildah or debootstrap is absent (Debian: apt-get install buildah debootstrap)",
    ),
    pytest.mark.timeout(3 * 3600),
]
Buildah = Callable[..., str]


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """Runs buildah on a storage of its own, which goes at the end, and returns what it printed."""
    storage = tmp_path_factory.mktemp("storage")

    def run(*arguments: str) -> str:
        where = ("--storage-driver", "vfs", "--root", str(storage / "root"), "--runroot", str(storage / "run"))
        done = subprocess.run(("buildah", *where, *arguments), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"buildah {shlex.join(arguments)}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    yield run
    shutil.rmtree(storage)


@pytest.fixture(scope="module")
def base(buildah: Buildah, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of Debian 12."""
    root = tmp_path_factory.mktemp("debian") / "root"
    subprocess.run(("debootstrap", "--variant=minbase", "bookworm", str(root)), capture_output=True, check=True)
    container = buildah("from", "scratch").strip()
    subprocess.run(("cp", "-a", f"{root}/.", buildah("mount", container).strip()), check=True)
    buildah("commit", "--rm", "--quiet", container, "debian-base")
    shutil.rmtree(root)
    return "localhost/debian-base"


def image(buildah: Buildah, name: str, file: str, *arguments: str) -> str:
    options = shlex.split(os.environ.get("RADIOML_IMAGE_OPTIONS", ""))
    how = ("--isolation", "chroot", "--format", "docker", "-t", name, "-f", str(REPOSITORY / file))
    buildah("build", *how, *options, *(part for value in arguments for part in ("--build-arg", value)), str(REPOSITORY))
    return f"localhost/{name}"


@pytest.fixture(scope="module")
def workstation(buildah: Buildah, base: str) -> str:
    return image(buildah, "radioml", "Dockerfile", f"BASE={base}")


def container(buildah: Buildah, name: str) -> Callable[[str], str]:
    """Runs a command in a container of an image."""
    started = buildah("from", name).strip()
    return lambda command: buildah("run", "--isolation", "chroot", started, "--", "sh", "-c", command)


def test_the_workstation_scores_and_estimates(buildah: Buildah, workstation: str):
    run = container(buildah, workstation)
    assert run("id -un").strip() == "radioml"
    check = re.search(r'^HEALTHCHECK .*CMD \["sh", "-c", "(.*)"\]$', (REPOSITORY / "Dockerfile").read_text(), re.M)
    assert "training ready" in run(check[1])
    assert "26 of 26 frames" in run("radioml export training/pretrained/polyphase.pth --run runs/demo")
    assert "score 0.106001" in run("radioml score runs/demo/train/model.onnx")
    assert "244,141 frames/s" in run("radioml build runs/demo/train/model.onnx --board ZCU104 --until estimate")


def test_the_image_for_bitfiles_has_all_but_vivado(buildah: Buildah, workstation: str):
    run = container(buildah, image(buildah, "radioml-finn", "Dockerfile.finn", f"BASE={workstation}", "BOARD_FILES=no"))
    assert run("id -un").strip() == "radioml"
    assert "en_US.utf8" in run("locale -a") and run("locale 2>&1 >/dev/null") == ""
    assert "XILINX_VIVADO" in run("radioml doctor bitfile-zynq || test $? = 3")
