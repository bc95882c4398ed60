"""A page as one HTML file: style, scripts, figures and their data inside it, so that it opens offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

from radioml import __version__
from radioml.errors import MissingToolError
from radioml.files import write_text
from radioml.report.page.parts import Figure, Graph, Page, Table


def write_page(page: Page, path: Path) -> None:
    """Write the page; raises RadioMLError where the package `vl-convert-python`, which carries Vega, is absent."""
    write_text(path, render(page))


def render(page: Page) -> str:
    """The page as HTML; see `write_page`."""
    try:
        vega = _vega()
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise MissingToolError(
            f"the report needs {error.name}: install the project with its extra `report` "
            "(pip install 'radioml-fpga[report]')"
        ) from error
    environment = Environment(
        loader=PackageLoader("radioml.report.page", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.tests |= {kind.__name__.lower(): _is(kind) for kind in (Figure, Graph, Table)}
    own = files("radioml.report.page")
    figures = {
        item.name: {"description": item.description, **item.spec}
        for section in page.sections
        for item in section.items
        if isinstance(item, Figure)
    }
    return environment.get_template("page.html.j2").render(
        page=page,
        version=__version__,
        style=own.joinpath("page.css").read_text(encoding="utf-8"),
        script=own.joinpath("page.js").read_text(encoding="utf-8"),
        vega=vega,
        figures=json.dumps(figures).replace("<", r"\u003c"),
    )


@cache
def _vega() -> str:
    """Vega's scripts, which take a second to bundle."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", r"<\/script")


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kind)
