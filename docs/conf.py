"""Settings of the documentation: Sphinx reads the Markdown pages through MyST, and fetches nothing from a network."""

import re
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]

project = "darkhorse"
author = "The darkhorse contributors"
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
version = release

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
nitpicky = True

myst_enable_extensions = ["dollarmath"]
myst_dmath_allow_digits = False
"""$0.15 and $0.94 in one line are prices, no formula."""
myst_heading_anchors = 4
"""Headings get the anchors that code hosts give them, so that a link works in both places."""

html_theme = "furo"
html_title = f"darkhorse {release}"
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_math_renderer = "mathml"
html_theme_options = {"top_of_page_buttons": []}


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw formulas as MathML, which browsers show by themselves: MathJax would come from a network."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    app.connect("source-read", _list_groups)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _list_groups(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the groups of parameters under their index, which is made for code hosts too and has a table of links."""
    if page == "parameters/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n[a-z]*\n```\n"


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(tex2mathml(known_tex(node.astext())))
    raise nodes.SkipNode


def _display(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math">{tex2mathml(known_tex(node.astext()), as_block=True)}</div>\n')
    raise nodes.SkipNode


def known_tex(text: str) -> str:
    """Return TeX that Docutils reads: delimiters with a side, accents in braces, relations without a wrapper."""
    text = re.sub(r"\\([bB]ig)(?=[(\[])", r"\\\1l", text)
    text = re.sub(r"\\([bB]ig)(?=[)\]])", r"\\\1r", text)
    text = re.sub(r"\\(tilde|bar|hat) ?(\w)(?=[_^])", r"{\\\1{\2}}{}", text)
    return text.replace(r"\mathrel", "")
