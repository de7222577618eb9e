"""Writes golden/*.json beside this file, published records of losses for GoldenTests, and methods.json among the fixtures
of LossKitTests, records of methods that are written out in its tests.

usage: make_golden.py FOLDER

FOLDER holds authors.json (runs of the authors' own code) and trl/*.json (runs of TRL and Liger-Kernel). Only numbers are
taken over: inputs, losses, gradients, and what ran where. Each record names the objective, in LossKit's grammar, that has
to give the same; each set of inputs is stored once, in inputs.json.

A record:
  objectives  texts whose losses and gradients are added (most often one)
  inputs      an entry of inputs.json
  loss        the mean over prompts, or null where the library adds a term that is no function of the inputs
  prompts     the loss of each prompt, or null where the library gives none
  gradient    by the policy's log-probabilities, chosen first; of the mean over the prompts ("mean") or of the sum ("sum")
  of          "mean" or "sum"
  state       the state after the call, where the library keeps one
"""

import json
import math
import pathlib
import sys

INPUTS = ("policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps", "ref_rejected_logps",
          "chosen_lengths", "rejected_lengths")


class Golden:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.inputs = {}
        self.sets = {}

    def source(self, name):
        return json.loads((self.folder / "trl" / f"{name}.json").read_text())

    def input_id(self, case, columns):
        """The id of a set of columns; the case's name, with a number where one name stands for several sets."""
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
            if not all(isinstance(x, (int, float)) and math.isfinite(x) for x in numbers if x is not None):
                raise SystemExit(f"{name}: a record of {record['inputs']} is not finite; its exact value has to be computed")
        self.sets[name] = {"provenance": provenance, "records": records}

    def write(self):
        target = pathlib.Path(__file__).parent / "golden"
        target.mkdir(exist_ok=True)
        for old in target.glob("*.json"):
            old.unlink()
        total = 0
        for name, content in [("inputs", self.inputs), *self.sets.items()]:
            if name == "inputs":
                lines = [f"{json.dumps(id)}:{compact(columns)}" for id, columns in sorted(content.items())]
                text = "{\n" + ",\n".join(lines) + "\n}\n"
            else:
                lines = ",\n".join(compact(record) for record in content["records"])
                text = f'{{"provenance":{compact(content["provenance"])},"records":[\n{lines}\n]}}\n'
            total += len(text)
            (target / f"{name}.json").write_text(text)
            print(f"{name}: {len(content['records']) if name != 'inputs' else len(content)}")
        print(f"{total} bytes")


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def number(x):
    return repr(float(x)) if float(x) != int(x) else str(int(x))


def call(name, reward=None, **values):
    arguments = ",".join(f"{key}={value if isinstance(value, str) else number(value)}" for key, value in values.items())
    return (f"{name}({arguments})" if arguments else name) + (f" @ {reward}" if reward else "")


# ---- TRL and Liger ----

def trl(golden, name, objective, keep=lambda hyper: True):
    """The records of a sequence-level file whose hyperparameters `keep` accepts."""
    source = golden.source(name)
    records = []
    for result in source["results"]:
        hyper = result["hyper"]
        if not keep(hyper):
            continue
        if result["has_nonfinite"]:
            raise SystemExit(f"{name}: {result['case']} is not finite there; its exact value has to be computed")
        objectives = objective(hyper)
        # CPO's NLL is a scalar that the recorded call was given: no function of these inputs, and no part of the gradient.
        has_given_term = hyper.get("cpo_alpha", 0) != 0
        record = {
            "objectives": [objectives] if isinstance(objectives, str) else objectives,
            "inputs": golden.input_id(result["case"], source["inputs"][result["case"]]),
            "loss": None if has_given_term else result["loss"],
            "prompts": result.get("per_example_loss"),
            "gradient": result["grad_policy_chosen_logps"] + result["grad_policy_rejected_logps"],
            "of": "mean",
        }
        if "delta" in result:
            record["state"] = [result["delta"], len(result["grad_policy_chosen_logps"])]
        records.append(record)
    made = source["produced_by"]
    provenance = {key: made[key] for key in ("library", "version", "function", "function_source_sha256", "dtype")
                  if key in made}
    golden.add(name, provenance, records)


def trl_tokens(golden, name, objective):
    """The records of a token-level file of losses that depend on sums alone: a gradient per token is the sum's."""
    source = golden.source(name)
    records = []
    for result in source["results"]:
        inputs = source["inputs"][result["case"]]
        # The scored tokens are those after the first position.
        masks = [row[1:] for row in inputs["completion_mask"]]
        lengths = [sum(row) for row in masks]
        gradient = []
        for mask, row in zip(masks, result["grad_policy_token_logps"]):
            scored = [value for value, counts in zip(row, mask) if counts]
            if max(scored) - min(scored) > 1e-15:
                raise SystemExit(f"{name}: tokens of one response have different gradients")
            gradient.append(scored[0])
        pairs = inputs["n_pairs"]
        columns = {key: result[key] for key in ("policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps",
                                                "ref_rejected_logps")}
        columns |= {"chosen_lengths": lengths[:pairs], "rejected_lengths": lengths[pairs:]}
        records.append({
            "objectives": [objective(result["hyper"])],
            "inputs": golden.input_id(result["case"], columns),
            "loss": result["loss"], "prompts": result.get("per_example_loss"), "gradient": gradient,
            "of": "mean",
        })
    made = source["produced_by"]
    golden.add(name, {key: made[key] for key in ("library", "version", "function", "function_source_sha256", "dtype")
                      if key in made}, records)


def mixture(hyper):
    """A sum of TRL's loss types as LossKit writes it; a list where the terms use different parameterizations."""
    beta = hyper["beta"]
    terms = {}
    for kind, weight in zip(hyper["loss_type"], hyper["loss_weights"]):
        loss, reward = {
            "sigmoid": (call("dpo", beta=beta), "log-ratio"), "hinge": (call("hinge", beta=beta), "log-ratio"),
            "ipo": (call("ipo", beta=beta), "mean-log-ratio"), "sft": (call("sft", per="batch-token"), "log-ratio"),
        }[kind]
        terms.setdefault(reward, []).append(f"{number(weight)}*{loss}")
    texts = []
    for reward, parts in terms.items():
        reads_reward = any(not part.split("*")[1].startswith("sft") for part in parts)
        texts.append(" + ".join(parts) + (f" @ {reward}" if reads_reward else ""))
    return texts


def smoothed(hyper, reward="log-ratio"):
    return call("dpo", reward, beta=hyper["beta"], label_smoothing=hyper.get("label_smoothing", 0))


def simple(name, reward="log-ratio"):
    return lambda hyper: call(name, reward, beta=hyper["beta"])


def aot(hyper):
    return call("aot", beta=hyper["beta"], label_smoothing=hyper.get("label_smoothing", 0))


def of_type(*types):
    return lambda hyper: hyper["loss_type"] in types


def from_trl(golden):
    trl(golden, "dpo_sigmoid", simple("dpo"))
    trl(golden, "legacy028_cdpo_sigmoid", smoothed)
    trl(golden, "liger_dpo", lambda hyper: call({"sigmoid": "dpo", "hinge": "hinge"}[hyper["loss_type"]], "log-ratio",
                                                beta=hyper["beta"]), of_type("sigmoid", "hinge"))
    trl(golden, "legacy028_same_formulas",
        lambda hyper: aot(hyper) if hyper["loss_type"] == "aot" else call("hinge", "log-ratio", beta=hyper["beta"]),
        of_type("aot", "hinge"))
    trl(golden, "dpo_ipo", simple("ipo", "mean-log-ratio"))
    trl(golden, "legacy028_ipo_unnormalised", simple("ipo"))
    trl(golden, "cpo_ipo", simple("ipo", "log-probability"))
    trl(golden, "dpo_hinge", simple("hinge"))
    trl(golden, "cpo_hinge", simple("hinge", "log-probability"))
    trl(golden, "dpo_sft", lambda hyper: call("sft", per="batch-token"))
    trl_tokens(golden, "dpo_token_sft", lambda hyper: mixture(hyper)[0])
    trl(golden, "legacy028_bco_pair_running_delta", simple("bco"))
    trl(golden, "dpo_aot", aot)
    known = {"sigmoid", "hinge", "ipo", "sft"}
    trl(golden, "dpo_loss_weights_mix", mixture, lambda hyper: set(hyper["loss_type"]) <= known)
    trl(golden, "cpo_sigmoid", lambda hyper: smoothed(hyper, "log-probability"))
    trl(golden, "legacy028_reference_free", simple("dpo", "log-probability"))
    trl(golden, "liger_cpo", lambda hyper: smoothed(hyper, "log-probability"))
    trl(golden, "dpo_sigmoid_norm", simple("dpo", "mean-log-ratio"))


# ---- the authors' code ----

AUTHORS = {
    "cal_dpo.pythia_official(beta=0.1,shift=.5)": "cal-dpo(beta=0.1) @ log-ratio",
    "cal_dpo.pythia_official(beta=0.001,shift=.5)": "cal-dpo(beta=0.001) @ log-ratio",
    "cal_dpo.zephyr_official(beta=0.1)": "cal-dpo(beta=0.1,calibration=0.5) @ log-ratio",
    "cal_dpo.zephyr_official(beta=0.002)": "cal-dpo(beta=0.002,calibration=0.5) @ log-ratio",
    "dpo.official(beta=.1)": "dpo(beta=0.1) @ log-ratio",
    "cdpo.official(beta=.3,eps=.2)": "dpo(beta=0.3,label_smoothing=0.2) @ log-ratio",
    "dpo.reference_free(beta=.1)": "dpo(beta=0.1) @ log-probability",
    "fdpo.reverse_kl(beta=.1)": "dpo(beta=0.1) @ log-ratio",
    "gpo.logistic.3rdparty(beta=.5)": "dpo(beta=0.5) @ log-ratio",
    "cpo.pref(beta=.1)": "dpo(beta=0.1) @ log-probability",
    "ipo.sum(tau=.1)": "ipo(beta=0.1) @ log-ratio",
    "hinge_norm(beta=.05)": "hinge(beta=0.05) @ log-ratio",
    "slic_hf.turbo(delta=1,beta=1,no ref)": "hinge(beta=1) @ log-probability",
    "bco_pair.delta=batch_mean(beta=.1)": "bco(beta=0.1) @ log-ratio",
    "aot_paired(beta=.1) [name in old+new TRL: aot]": "aot(beta=0.1)",
}


def from_authors(golden):
    published = json.loads((golden.folder / "authors.json").read_text())
    missing = set(AUTHORS)
    records, sources = [], []
    for result in published["results"]:
        objective = AUTHORS.get(result["name"])
        if objective is None:
            continue
        missing.remove(result["name"])
        given = result["inputs"]
        columns = {"policy_chosen_logps": given["policy_chosen"], "policy_rejected_logps": given["policy_rejected"],
                   "ref_chosen_logps": given["ref_chosen"], "ref_rejected_logps": given["ref_rejected"],
                   "chosen_lengths": given["n_chosen"], "rejected_lengths": given["n_rejected"]}
        per_prompt = len(result["loss"]) == len(given["policy_chosen"])
        records.append({
            "name": result["name"], "source": result["source"],
            "objectives": [objective], "inputs": golden.input_id("authors", columns),
            "loss": None if per_prompt else result["loss"][0],
            "prompts": result["loss"] if per_prompt else None,
            "gradient": result["grad_chosen"] + result["grad_rejected"],
            # Where the code returns the batch's mean, the recorded gradient is of the count times that mean: of the sum.
            "of": "sum",
        })
    if missing:
        raise SystemExit(f"authors.json lacks {sorted(missing)}")
    golden.add("authors", {"library": "the authors' repositories", "commits": published["commits"]}, records)


# ---- methods that the tests of the SDK write out ----

METHODS = [
    "kto.halos(beta=.1,lu=1.33)", "tdpo2(beta=.1,alpha=.5)", "mrpo.reference(eta=0.1,alpha=-1.0)",
    "mrpo.reference(eta=-0.1,alpha=0.3)", "mrpo.reference(eta=0.4,alpha=0.5)", "beta_dpo.first_step(b=.1,a=.6)",
    "alpha_dpo.first_step(b=2.5,a=.2,g=.3)", "exo.dpo_loss.dpo-rw(K=4)", "nca.K4.NCA", "wpo.loss(beta=.01)",
]


def methods(golden):
    """The authors' records under one name for each column, and LD-DPO's as rows of tokens."""
    published = {r["name"]: r for r in json.loads((golden.folder / "authors.json").read_text())["results"]}
    kept = ("source", "inputs", "loss", "grad_chosen", "grad_rejected", "grad_delta", "grads",
            "aggregated_chosen", "aggregated_rejected")
    records = {name: {key: published[name][key] for key in kept if key in published[name]} for name in METHODS}
    source = golden.source("dpo_ld_alpha")
    tokens = []
    for result in source["results"]:
        hyper = result["hyper"]
        if hyper["loss_type"] != ["sigmoid"] or hyper["beta"] != 0.5 or hyper["ld_alpha"] is None:
            continue
        inputs = source["inputs"][result["case"]]

        def scored(rows):
            return [[x for x, counts in zip(row, mask[1:]) if counts] for row, mask in zip(rows, inputs["completion_mask"])]

        tokens.append({"alpha": hyper["ld_alpha"], "policy": scored(inputs["policy_token_logps"]),
                       "reference": scored(inputs["ref_token_logps"]), "loss": result["per_example_loss"],
                       "gradient": scored(result["grad_policy_token_logps"])})
    target = pathlib.Path(__file__).parents[2] / "LossKitTests" / "Fixtures"
    target.mkdir(exist_ok=True)
    lines = [f"{json.dumps(name)}:{compact(record)}" for name, record in records.items()]
    ld = ",\n".join(compact(record) for record in tokens)
    text = "{\"authors\":{\n" + ",\n".join(lines) + "\n},\"ld_dpo\":[\n" + ld + "\n]}\n"
    (target / "methods.json").write_text(text)
    print(f"methods: {len(records) + len(tokens)}, {len(text)} bytes")


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    golden = Golden(sys.argv[1])
    from_authors(golden)
    from_trl(golden)
    golden.write()
    methods(golden)


main()
