#!/usr/bin/env python3
"""Builds the documents and the public Swift API as a static site, with the toolchain's docc.

site.py SWIFT BUILD SITE: the swift command, the build directory whose modules are described, and the directory to write.
A warning of docc and a public symbol without a comment are errors.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULES = ["LossKit", "LossKitRuntime", "LossKitTraining", "LossKitLogits", "LossKitHead"]
GUIDES = ["WritingLosses", "Formulas", "Data", "Embedding"]
REFERENCE = ["Methods", "Benchmarks", "Architecture"]
# The name of each page in the site.
PAGES = {
    "README.md": "Overview",
    "CONTRIBUTING.md": "Contributing",
    "SECURITY.md": "Security",
    "CHANGELOG.md": "Changelog",
    "Examples/Foreign/README.md": "ForeignFunctions",
    "Examples/SmolLM2/README.md": "SmolLM2",
    "Sources/Python/README.md": "Python",
    **{f"Documentation/{name}.md": name for name in [*GUIDES, *REFERENCE]},
}


def topics() -> str:
    """The part of the site's first page below the text of the README."""
    groups = {
        "Guides": [*GUIDES, "ForeignFunctions", "SmolLM2", "Python"],
        "Reference": [*REFERENCE, "Contributing", "Security", "Changelog"],
        "Modules": MODULES,
    }
    lines = ["", "## Topics", ""]
    for title, names in groups.items():
        link = "- ``/{}``" if title == "Modules" else "- <doc:{}>"
        lines += [f"### {title}", "", *[link.format(name) for name in names], ""]
    return "\n".join(lines)


def anchor(path: str, slug: str) -> str:
    """The anchor that docc gives a heading that links name in lower case."""
    titles = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(), flags=re.MULTILINE)
    return next(("#" + title.replace(" ", "-") for title in titles if title.lower().replace(" ", "-") == slug), "")


def article(path: str, catalog: pathlib.Path) -> str:
    """Converts a document to an article: links point to articles, and pictures are copied into the catalog."""

    def link(match: re.Match[str]) -> str:
        mark, text, target = match.groups()
        if re.match(r"[a-z]+:", target):
            return match[0]
        target, _, heading = target.partition("#")
        place = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
        if mark:
            shutil.copy(ROOT / place, catalog)
            return f"![{text}]({os.path.basename(place)})"
        if place in PAGES:
            return f"[{text}](doc:{PAGES[place]}{anchor(place, heading)})"
        return text  # A file of the repository, which the site does not have.

    pieces = re.split(r"(^```.*?^```$)", (ROOT / path).read_text(), flags=re.DOTALL | re.MULTILINE)
    for index, piece in enumerate(pieces):
        if piece.startswith("```"):
            # Keeps only the language; the rest is for the tests.
            pieces[index] = re.sub(r"^```(\w*)[^\n]*", r"```\1", piece)
        else:
            piece = re.sub(r"<!--.*?-->", "", piece)
            pieces[index] = re.sub(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)", link, piece)
    text = "".join(pieces)
    if path == "README.md":
        text = text.replace("\n", "\n\n@Metadata {\n  @TechnologyRoot\n}\n", 1) + topics()
    return text


def summary(module: str) -> str:
    """The description of a module in Architecture.md, as a sentence."""
    row = re.search(rf"^\| `{module}` \|.*\| (.*) \|$", (ROOT / "Documentation/Architecture.md").read_text(), flags=re.MULTILINE)
    if row is None:
        sys.exit(f"Architecture.md has no row for {module}")
    return row[1][0].upper() + row[1][1:] + "."


def make_catalog(catalog: pathlib.Path) -> None:
    shutil.rmtree(catalog, ignore_errors=True)
    catalog.mkdir(parents=True)
    for path, name in PAGES.items():
        (catalog / f"{name}.md").write_text(article(path, catalog))
    for module in MODULES:
        (catalog / f"{module}.md").write_text(f"# ``{module}``\n\n{summary(module)}\n")


def extract(swift: str, build: pathlib.Path, graphs: pathlib.Path) -> None:
    """Writes the public symbols of the modules."""
    shutil.rmtree(graphs, ignore_errors=True)
    graphs.mkdir(parents=True)
    target = json.loads(subprocess.run([swift, "-print-target-info"], check=True, capture_output=True, text=True).stdout)
    headers = [f"-I{path}" for path in sorted(ROOT.glob("Sources/*/include"))]
    # A build directory keeps the module maps of removed targets.
    made = [path for path in build.glob("*.build/module.modulemap") if (ROOT / "Sources" / path.parent.stem).is_dir()]
    # The module maps of packages are beside the build directories.
    others = (build.parent.parent / "checkouts").glob("*/Sources/*/include/module.modulemap")
    maps = [*made, *others, *ROOT.glob("Sources/*/module.modulemap")]
    options = [word for flag in [*headers, *[f"-fmodule-map-file={path}" for path in maps]] for word in ("-Xcc", flag)]
    for module in MODULES:
        subprocess.run(
            [swift, "symbolgraph-extract", "-module-name", module, "-target", target["target"]["unversionedTriple"],
             "-I", str(build / "Modules"), *options, "-minimum-access-level", "public", "-skip-synthesized-members",
             "-output-dir", str(graphs)], check=True)  # fmt: skip


def undocumented(graphs: pathlib.Path) -> list[str]:
    """The public symbols without a comment."""
    symbols = [symbol for path in sorted(graphs.glob("*.json")) for symbol in json.loads(path.read_text())["symbols"]]
    return [".".join(symbol["pathComponents"]) for symbol in symbols if "docComment" not in symbol]


def main() -> None:
    swift, build, site = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
    work = site.parent / "docs-work"
    make_catalog(work / "LossKit.docc")
    extract(swift, build, work / "graphs")
    if missing := undocumented(work / "graphs"):
        sys.exit(f"these public symbols need a comment: {', '.join(missing)}")
    docc = shutil.which("docc", path=f"{pathlib.Path(shutil.which(swift) or swift).resolve().parent}:{os.environ['PATH']}")
    if docc is None:
        sys.exit("there is no docc beside swift; it is part of Swift's toolchains from 5.5 on")
    shutil.rmtree(site, ignore_errors=True)
    converted = subprocess.run(
        [docc, "convert", str(work / "LossKit.docc"), "--additional-symbol-graph-dir", str(work / "graphs"), "--output-dir", str(site),
         "--fallback-display-name", "Overview", "--fallback-bundle-identifier", "losskit", "--fallback-default-module-kind", "Module",
         "--warnings-as-errors"], check=False)  # fmt: skip
    if converted.returncode != 0:
        sys.exit(converted.returncode)
    (site / "index.html").write_text('<!doctype html><meta http-equiv="refresh" content="0; url=documentation/overview/">\n')


if __name__ == "__main__":
    main()
