"""Support for the sets of golden records: inputs, texts of objectives, and files."""

import json
import math
import pathlib

import exact as x


INPUTS = ("policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps", "ref_rejected_logps",
          "chosen_lengths", "rejected_lengths")


# The folder of the records.
FOLDER = pathlib.Path(__file__).parent / "golden"


class Golden:
    def __init__(self, folder=None):
        self.folder = folder and pathlib.Path(folder)
        self.inputs = {}
        self.sets = {}
        self.draw = {}

    def source(self, name):
        return json.loads((self.folder / "trl" / f"{name}.json").read_text())

    def input_id(self, case, columns):
        """The id of a set of columns; the case's name, with a number if several sets have that name."""
        if "K" not in columns:
            columns = {name: columns[name] for name in INPUTS if name in columns}
        number = 1
        while True:
            id = case if number == 1 else f"{case}/{number}"
            known = self.inputs.get(id)
            if known is None:
                self.inputs[id] = columns
                return id
            shared = set(known) & set(columns)
            if all(known[name] == columns[name] for name in shared):
                known.update(columns)
                return id
            number += 1

    def add(self, name, provenance, records):
        for record in records:
            numbers = [record["loss"], *(record["prompts"] or []), *record["gradient"]]
            if not all(isinstance(n, (int, float)) and math.isfinite(n) for n in numbers if n is not None):
                raise SystemExit(f"{name}: a record of {record['inputs']} is not finite; its exact value has to be computed")
        self.sets[name] = {"provenance": provenance, "records": records}

    def coverage(self, without):
        """The number of results with records per file; an unused file is an error."""
        for path in sorted((self.folder / "trl").glob("*.json")):
            count = len(json.loads(path.read_text())["results"])
            if path.stem not in self.sets and path.stem not in without:
                raise SystemExit(f"{path.stem}: no records are made of this file")
            made = len(self.sets.get(path.stem, {"records": []})["records"])
            if made != count:
                print(f"{path.stem}: {made} of {count}" + (f", {without[path.stem]}" if path.stem in without else ""))

    def read_inputs(self):
        """Loads the stored inputs, for sets that are added to stored ones."""
        self.inputs = json.loads((FOLDER / "inputs.json").read_text())

    def write(self):
        """Writes the inputs and the new sets."""
        FOLDER.mkdir(exist_ok=True)
        lines = [f"{json.dumps(id)}:{compact(columns)}" for id, columns in sorted(self.inputs.items())]
        (FOLDER / "inputs.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
        for name, content in self.sets.items():
            lines = ",\n".join(compact(record) for record in content["records"])
            text = f'{{"provenance":{compact(content["provenance"])},"records":[\n{lines}\n]}}\n'
            (FOLDER / f"{name}.json").write_text(text)
            print(f"{name}: {len(content['records'])}")

    def write_all(self, without):
        """Replaces all stored sets."""
        self.coverage(without)
        for old in FOLDER.glob("*.json"):
            old.unlink()
        self.write()
        (FOLDER.parent / "draw.json").write_text(compact(self.draw) + "\n")


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def number(x):
    return repr(float(x)) if float(x) != int(x) else str(int(x))


def call(name, reward=None, **values):
    arguments = ",".join(f"{key}={value if isinstance(value, str) else number(value)}" for key, value in values.items())
    return (f"{name}({arguments})" if arguments else name) + (f" @ {reward}" if reward else "")


def provenance(source):
    made = source["produced_by"]
    return {key: made[key] for key in ("library", "version", "function", "function_source_sha256", "dtype") if key in made}


def as_batch(columns):
    """Pairs under TRL's names as a batch under LossKit's."""
    names = {"policy_logp": ("policy_chosen_logps", "policy_rejected_logps"),
             "reference_logp": ("ref_chosen_logps", "ref_rejected_logps"),
             "token_count": ("chosen_lengths", "rejected_lengths")}
    return {"K": 2} | {name: columns[a] + columns[b] for name, (a, b) in names.items() if a in columns}


def exactly(record, method, columns):
    """The record with exact numbers."""
    losses, [gradient] = x.evaluate(method, as_batch(columns))
    count = len(losses)
    total = None if None in losses else math.fsum(losses) / count
    return record | {"loss": total, "prompts": losses, "gradient": [None if g is None else g / count for g in gradient]}


def ones(columns):
    """Lengths of 1 for log-probabilities that are means already."""
    return {"chosen_lengths": [1] * len(columns["policy_chosen_logps"]),
            "rejected_lengths": [1] * len(columns["policy_rejected_logps"])}


def rank_major(rows):
    return [row[k] for k in range(len(rows[0])) for row in rows]


def scored(rows, masks):
    return [[value for value, counts in zip(row, mask[1:]) if counts] for row, mask in zip(rows, masks)]
