"""The documentation as a site: it builds strictly, dead links fail, and its pages work from the disk."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from mkdocs.commands.build import build as mkdocs_build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from radioml.cli import SECTIONS, command_line
from tests.repository import REPOSITORY

TAGS = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def commands(command: Any, words: str) -> list[tuple[str, Any]]:
    """The words of every command in a group, and the command."""
    if not isinstance(command, typer.core.TyperGroup):
        return [(words, command)]
    return [found for name, inner in command.commands.items() for found in commands(inner, f"{words} {name}")]


def build(settings: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(settings), "-d", str(site)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation") / "site"
    done = build(REPOSITORY / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_no_page_loads_a_file_of_another_host(site: Path):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        assert not TAGS.findall(page.read_text(encoding="utf-8")), page.name
    assert TAGS.search('<script src="https://unpkg.com/iframe-worker/shim"></script>')


def test_every_command_and_option_has_its_place(site: Path):
    text = re.sub(r'<a class="headerlink".*?</a>', "", (site / "cli.html").read_text(encoding="utf-8"))
    for words, command in commands(command_line(), "radioml"):
        assert f">{words}</h2>" in text or f">{words}</h3>" in text, words
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, typer.core.TyperOption) else []:
                assert not option.startswith("--") or f"<code>{option}" in text, f"{words} {option}"


def test_the_page_of_commands_has_the_order_of_the_help():
    page = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    sections = {}
    for section in page.split("\n## ")[1:]:
        sections[section.splitlines()[0]] = re.findall(r"^\| `radioml ([a-z]+)(?: [a-z]+)?` ", section, re.M)
    assert {name: tuple(dict.fromkeys(sections[name])) for name in SECTIONS} == SECTIONS
    found = re.findall(r"^\| `(radioml [a-z ]+)` ", page, re.M)
    assert sorted(found) == sorted(words for words, _ in commands(command_line(), "radioml"))


def build_here(folder: Path) -> None:
    """Build a small site in this process."""
    mkdocs_build(load_config(str(folder / "mkdocs.yml"), site_dir=str(folder / "site"), strict=True))


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings and two pages whose links are sound."""
    folder = tmp_path_factory.mktemp("small site")
    settings = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))
    kept = {name: settings[name] for name in ("strict", "markdown_extensions", "validation")}
    (folder / "mkdocs.yml").write_text(yaml.safe_dump({**kept, "site_name": "x", "plugins": []}))
    (folder / "docs").mkdir()
    (folder / "docs" / "other.md").write_text("# Other\n")
    (folder / "docs" / "index.md").write_text("# Home\n\n[other](other.md)\n")
    build_here(folder)
    return folder


@pytest.mark.parametrize(
    "link", ["absent.md", "index.md#absent", "../README.md", "/other.md", "![x](absent.png)"], ids=lambda link: link
)
def test_a_dead_link_fails(link: str, small_site: Path):
    (small_site / "docs" / "index.md").write_text(f"# Home\n\n{link if link.startswith('!') else f'[dead]({link})'}\n")
    with pytest.raises(Abort, match="1 warnings in strict mode"):
        build_here(small_site)


def test_search_answers_on_pages_from_the_disk(site: Path, browser: Any):
    for page in (site / "index.html", site / "decisions" / "own-harness.html"):
        shown = browser.new_page()
        errors: list[str] = []
        requests: list[str] = []
        shown.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        shown.on("console", lambda said, errors=errors: errors.append(said.text) if said.type == "error" else None)
        shown.on("request", lambda request, requests=requests: requests.append(request.url))
        shown.goto(page.as_uri())
        shown.locator(".md-search__input").click()
        shown.keyboard.type("folding")
        shown.locator(".md-search-result__item").first.wait_for(timeout=300_000)
        assert errors == [] and {url.split(":")[0] for url in requests} <= {"file", "data", "blob"}


@pytest.mark.parametrize("width", [375, 900, 1440])
def test_the_first_screen_fits(site: Path, browser: Any, width: int):
    shown = browser.new_page(viewport={"width": width, "height": 900})
    shown.goto((site / "index.html").as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    picture = shown.locator("article img").first
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 0
    box = picture.bounding_box()
    assert box["y"] + box["height"] < 900
