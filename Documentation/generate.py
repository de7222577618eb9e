#!/usr/bin/env python3
"""Writes the derived parts of the documents: Methods.md and the counts in README.md from the plugins' descriptions, the table of
speed in README.md from Benchmarks.md.

generate.py LOSSKIT [ROOT]: the command `losskit`, and the directory that contains README.md.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

METHODS = """# Methods

`make docs` writes this page from the descriptions in the plugins, as `losskit list --markdown` prints them. `losskit describe NAME` prints
the page of a method: its hyperparameters, the columns it reads, its formula and its gradient.

"""

# The rows of the table of speed: the title of a section of Benchmarks.md, a case of it, the name of the case in README.md, and the
# configurations of the columns LossKit, PyTorch, torch.compile and TRL.
SPEED = [
    ("Loss and gradient", "dpo, 64 pairs", "DPO and its gradient, 64 pairs", ["LossKit", "PyTorch", "torch.compile", "TRL"]),
    ("Loss and gradient", "dpo, 65,536 pairs, retained pages", "DPO and its gradient, 65,536 pairs", ["LossKit", "PyTorch", "torch.compile", "TRL"]),
    ("From logits", "[4, 512, 32000], retained pages", "logits [4, 512, 32000] to their gradient, through DPO",
     ["LossKit, kept logits", "log_softmax + gather", "torch.compile", "TRL selective_log_softmax"]),
    ("Fused head", "retained pages", "output layer and DPO, 2,048 tokens", ["LossKit", "plain", None, "TRL's head"]),
    ("A full DPO training step of a Llama with 135 M", "135 M, float32, retained pages", "DPO training step, 135 M weights, float32",
     ["LossKit", "PyTorch", "torch.compile", "TRL"]),
    ("A full DPO training step of a Llama with 135 M", "135 M, bfloat16, retained pages", "the same in bfloat16",
     ["LossKit", "PyTorch", "torch.compile", "TRL"]),
]  # fmt: skip


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def counts(table: str) -> str:
    """The sentence with the numbers of methods."""
    kinds = [cells(line)[1] for line in table.splitlines()[2:]]
    words = {"loss": "losses", "reward": "reward parameterizations", "objective": "named objectives", "policy": "policies"}
    parts = [f"{kinds.count(kind)} {word}" for kind, word in words.items()]
    return f"LossKit comes with {', '.join(parts[:-1])} and {parts[-1]}."


def tables(document: str) -> dict[str, dict[str, dict[str, str]]]:
    """The tables of Benchmarks.md: by title, case and configuration."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    title, head = "", None
    for line in document.splitlines():
        if match := re.fullmatch(r"\*\*(.*)\*\*", line):
            title, head = match[1], None
        elif line.startswith("| :---"):
            continue
        elif line.startswith("|") and head is None:
            head = cells(line)
        elif line.startswith("|"):
            row = cells(line)
            found.setdefault(title, {})[row[0]] = dict(zip(head, row))
    return found


def speed(document: str) -> str:
    """The small table of speed."""
    found = tables(document)
    lines = ["|  | LossKit | PyTorch | torch.compile | TRL |", "| :--- | ---: | ---: | ---: | ---: |"]
    for start, case, name, columns in SPEED:
        rows = next((rows for title, rows in found.items() if title.startswith(start)), {})
        if case not in rows:
            sys.exit(f"Benchmarks.md: the table '{start}…' has no case '{case}'; run 'make bench UPDATE=1', or change SPEED in {__file__}")
        # Memory follows the time, and is left out here.
        times = [re.sub(r", [\d,]+ MB$", "", rows[case][column]) if column else "–" for column in columns]
        lines.append("| " + " | ".join([name, *times]) + " |")
    return "\n" + "\n".join(lines) + "\n"


def replaced(document: str, marker: str, text: str) -> str:
    """The document with other text between its markers."""
    pattern = re.compile(f"(<!-- {marker} -->).*?(<!-- /{marker} -->)", re.DOTALL)
    if not pattern.search(document):
        sys.exit(f"README.md: the markers <!-- {marker} --> and <!-- /{marker} --> are missing; write them where the text belongs")
    return pattern.sub(lambda match: match[1] + text + match[2], document)


def main() -> None:
    command = sys.argv[1]
    root = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).resolve().parent.parent
    environment = {name: value for name, value in os.environ.items() if name != "LOSSKIT_PLUGIN_PATH"}
    table = subprocess.run([command, "list", "--markdown"], env=environment, check=True, capture_output=True, text=True).stdout
    documents = root / "Documentation"
    (documents / "Methods.md").write_text(METHODS + table)
    readme = replaced((root / "README.md").read_text(), "counts", counts(table))
    readme = replaced(readme, "speed", speed((documents / "Benchmarks.md").read_text()))
    (root / "README.md").write_text(readme)


if __name__ == "__main__":
    main()
