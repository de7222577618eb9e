"""Writes golden/*.json beside this file, published records of losses for GoldenTests, and methods.json among the fixtures
of LossKitTests, records of methods that are written out in its tests.

usage: make_golden.py FOLDER

FOLDER holds authors.json (runs of the authors' own code) and trl/*.json (runs of TRL and Liger-Kernel). Only numbers are
taken over: inputs, losses, gradients, and what ran where. Each record names the objective, in LossKit's grammar, that has
to give the same; each set of inputs is stored once, in inputs.json.

A record:
  objectives  texts whose losses and gradients are added (most often one)
  inputs      an entry of inputs.json: pairs under TRL's names, or columns under LossKit's, with K and R
  loss        the mean over prompts, or null where the library adds a term that is no function of the inputs
  prompts     the loss of each prompt, or null where the library gives none; a null among them does not fit a double
  gradient    by the policy's log-probabilities, chosen first; of the mean over the prompts ("mean") or of the sum ("sum")
  by          the column the gradient is by, if it is another one
  also        gradients by further columns, by name
  of          "mean" or "sum"
  state       the state after the call, where the library keeps one
  absolute    an absolute error that is granted: where the library computes 1 − σ, or loses digits in another way

Where a library's number is not finite, or loses digits, the exact one stands in its place; see exact.py. Methods that nobody
published numbers of are in the set "exact".
"""

import json
import math
import pathlib
import random
import sys

import exact as x
from exact import mpf

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


def trl(golden, name, objective, keep=lambda hyper: True, exact=None, inexact=(), absolute=None, extra=None, skip=()):
    """The records of a sequence-level file whose hyperparameters `keep` accepts.

    `exact` makes the method of a record, for those that are not finite and for the cases `inexact`; `extra` adds columns.
    """
    source = golden.source(name)
    records = []
    for result in source["results"]:
        hyper = result["hyper"]
        if not keep(hyper) or result["case"] in skip:
            continue
        is_exact = result["has_nonfinite"] or result["case"] in inexact
        if is_exact and exact is None:
            raise SystemExit(f"{name}: {result['case']} is not finite there; its exact value has to be computed")
        objectives = objective(hyper)
        columns = dict(source["inputs"][result["case"]])
        if extra:
            columns |= extra(columns)
        # CPO's NLL is a scalar that the recorded call was given: no function of these inputs, and no part of the gradient.
        has_given_term = hyper.get("cpo_alpha", 0) != 0 or "nll_loss" in result
        record = {
            "objectives": [objectives] if isinstance(objectives, str) else objectives,
            "inputs": golden.input_id(result["case"], columns),
            "loss": None if has_given_term else result["loss"],
            "prompts": result.get("per_example_loss"),
            "gradient": result["grad_policy_chosen_logps"] + result["grad_policy_rejected_logps"],
            "of": "mean",
        }
        if "nll_loss" in result and "cpo_alpha" not in hyper:
            record["prompts"] = None
        if is_exact:
            record = exactly(record, exact(hyper), columns)
        elif granted := absolute(hyper) if callable(absolute) else absolute:
            record["absolute"] = granted
        if "delta" in result:
            record["state"] = [result["delta"], len(result["grad_policy_chosen_logps"])]
        records.append(record)
    golden.add(name, provenance(source), records)


def provenance(source):
    made = source["produced_by"]
    return {key: made[key] for key in ("library", "version", "function", "function_source_sha256", "dtype") if key in made}


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
    golden.add(name, provenance(source), records)


CANCELS = {"exo_pair", "apo_zero", "apo_down", "discopop"}


def term(hyper, kind=None, reward="log-ratio"):
    """One of TRL's loss types as LossKit writes it, and its parameterization."""
    kind = kind or hyper["loss_type"]
    beta = hyper["beta"]
    smoothing = hyper.get("label_smoothing", 0)
    return {
        "sigmoid": lambda: (call("dpo", beta=beta), reward),
        "hinge": lambda: (call("hinge", beta=beta), reward),
        "ipo": lambda: (call("ipo", beta=beta), "mean-log-ratio"),
        "sft": lambda: (call("sft", per="batch-token"), "log-ratio"),
        "robust": lambda: (call("robust-dpo", beta=beta, label_smoothing=smoothing), reward),
        "exo_pair": lambda: (call("exo-pair", beta=beta, label_smoothing=smoothing, normalized="true"), reward),
        "nca_pair": lambda: (call("nca-pair", beta=beta), reward),
        "bco_pair": lambda: (call("nca-pair", beta=beta, biased="true"), reward),
        "sppo_hard": lambda: (call("sppo-hard", beta=beta), reward),
        "apo_zero": lambda: (call("apo-zero", beta=beta), reward),
        "apo_down": lambda: (call("apo-down", beta=beta), reward),
        "discopop": lambda: (call("discopop", beta=beta, tau=hyper.get("discopop_tau", 0.05)), reward),
        "aot": lambda: (call("aot", beta=beta, label_smoothing=smoothing), "log-ratio"),
        "aot_unpaired": lambda: (call("aot-unpaired", beta=beta, label_smoothing=smoothing), reward),
        "sigmoid_norm": lambda: (call("dpo", beta=beta), "mean-log-ratio"),
    }[kind]()


def single(hyper, reward="log-ratio"):
    loss, reward = term(hyper, reward=reward)
    return loss if loss.startswith("aot(") else f"{loss} @ {reward}"


def granted(hyper):
    """The absolute error that the records' README grants for what the library computes with 1 − σ."""
    kinds = hyper["loss_type"] if isinstance(hyper["loss_type"], list) else [hyper["loss_type"]]
    return 1e-10 if CANCELS & set(kinds) else None


def mixture(hyper):
    """A sum of TRL's loss types as LossKit writes it; a list where the terms use different parameterizations."""
    terms = {}
    for kind, weight in zip(hyper["loss_type"], hyper.get("loss_weights", [1] * len(hyper["loss_type"]))):
        loss, reward = term(hyper, kind)
        terms.setdefault(reward, []).append(f"{number(weight)}*{loss}")
    texts = []
    for reward, parts in terms.items():
        reads_reward = any(part.split("*")[1].split("(")[0] not in ("sft", "aot") for part in parts)
        texts.append(" + ".join(parts) + (f" @ {reward}" if reads_reward else ""))
    return texts


def smoothed(hyper, reward="log-ratio"):
    return call("dpo", reward, beta=hyper["beta"], label_smoothing=hyper.get("label_smoothing", 0))


def simple(name, reward="log-ratio"):
    return lambda hyper: call(name, reward, beta=hyper["beta"])


def ones(columns):
    """Lengths of 1 for log-probabilities that are means already."""
    return {"chosen_lengths": [1] * len(columns["policy_chosen_logps"]),
            "rejected_lengths": [1] * len(columns["policy_rejected_logps"])}


def alpha_po(hyper):
    reward = call("alpha-probability", alpha=hyper["alpha"])
    beta = hyper["beta"]
    loss = {"simpo": call("simpo", beta=beta, gamma_beta_ratio=hyper["simpo_gamma"] / beta), "sigmoid": call("dpo", beta=beta),
            "hinge": call("hinge", beta=beta), "ipo": call("ipo", beta=beta)}[hyper["loss_type"]]
    return f"{loss} @ {reward}"


def exact_alpha_po(hyper):
    alpha, beta = mpf(hyper["alpha"]), mpf(hyper["beta"])
    gamma = mpf(hyper["simpo_gamma"]) if hyper["loss_type"] == "simpo" else 0

    def of(w, l):
        d = x.margin(w, l, lambda y: -x.expm1(-alpha * x.per_token(y)) / alpha)
        return (d - 1 / (2 * beta)) ** 2 if hyper["loss_type"] == "ipo" else \
            x.of_margin(hyper["loss_type"], beta * d - gamma, hyper)
    return x.pairwise(of)


def tpo(hyper):
    beta, smoothing = hyper["beta"], hyper.get("label_smoothing", 0)
    return {"sigmoid": lambda: call("dpo", "log-probability", beta=beta, label_smoothing=smoothing),
            "hinge": lambda: call("hinge", "log-probability", beta=beta),
            "ipo": lambda: call("ipo", "mean-log-probability", beta=beta),
            "tpo-l": lambda: call("cpo-simpo", beta=beta, gamma=hyper.get("tpo_l_gamma", 0.5), label_smoothing=smoothing,
                                  nll_weight=0)}[hyper["loss_type"]]()


# Of the f-divergences TRL's ipo and sigmoid_norm are left out: they divide the link of a sum by the length.
OVER_LINKS = ("sigmoid", "hinge", "exo_pair", "robust", "discopop")


def divergences(golden):
    def over(hyper):
        return hyper["loss_type"] in OVER_LINKS

    def alpha(hyper):
        coefficient = hyper["f_alpha_divergence_coef"]
        # TRL takes the log-ratio where its coefficient is within 1e-6 of 1.
        return 0 if abs(coefficient - 1) < 1e-6 else 1 - coefficient

    trl(golden, "dpo_fdiv_forward_kl", lambda hyper: single(hyper, "forward-kl"), over, absolute=granted,
        exact=lambda hyper: x.divergence_loss(hyper, x.link("forward_kl", None)))
    trl(golden, "dpo_fdiv_js_divergence", lambda hyper: single(hyper, "jensen-shannon"), over, absolute=granted,
        exact=lambda hyper: x.divergence_loss(hyper, x.link("js_divergence", None)))
    trl(golden, "dpo_fdiv_alpha_divergence",
        lambda hyper: single(hyper, call("alpha-divergence", alpha=alpha(hyper), trl_clamp="true")), over, absolute=granted,
        exact=lambda hyper: x.divergence_loss(hyper, x.link("alpha_divergence", alpha(hyper), 80)))

    def legacy_alpha(hyper):
        return hyper["f_divergence_params"]["alpha_divergence_coef"]

    def legacy(hyper):
        is_js = hyper["f_divergence_type"] == "js_divergence"
        return single(hyper, "jensen-shannon" if is_js else call("alpha-divergence", alpha=legacy_alpha(hyper)))
    # Its softplus is rounded above 20, its exponent held at 709.
    trl(golden, "legacy028_fdiv", legacy, absolute=1e-10, inexact=("extreme_1e3_B8", "extreme_1e4_B4"),
        exact=lambda hyper: x.divergence_loss(hyper, x.link(
            hyper["f_divergence_type"], legacy_alpha(hyper) if "f_divergence_params" in hyper else None)))


def discopop_exactly(hyper):
    return x.divergence_loss(hyper | {"loss_type": "discopop"}, x.ratio)


def mixed_exactly(hyper):
    """The mixture of which a library's number is not finite: robust, exo_pair, discopop and sigmoid_norm."""
    beta = mpf(hyper["beta"])

    def of(w, l):
        total = mpf(0)
        for kind, weight in zip(hyper["loss_type"], hyper["loss_weights"]):
            normalized = kind == "sigmoid_norm"
            reward = (lambda y: x.ratio(y) / y["token_count"]) if normalized else x.ratio
            settings = {} if normalized else hyper
            total += mpf(weight) * x.of_margin("sigmoid" if normalized else kind, beta * x.margin(w, l, reward), settings)
        return total
    return x.pairwise(of)


def from_trl(golden):
    trl(golden, "dpo_sigmoid", simple("dpo"))
    trl(golden, "legacy028_cdpo_sigmoid", smoothed)
    trl(golden, "liger_dpo", single, absolute=granted)
    trl(golden, "legacy028_same_formulas", single, absolute=granted, exact=discopop_exactly)
    trl(golden, "dpo_ipo", simple("ipo", "mean-log-ratio"))
    trl(golden, "legacy028_ipo_unnormalised", simple("ipo"))
    trl(golden, "cpo_ipo", simple("ipo", "log-probability"))
    trl(golden, "dpo_hinge", simple("hinge"))
    trl(golden, "cpo_hinge", simple("hinge", "log-probability"))
    trl(golden, "dpo_sft", lambda hyper: call("sft", per="batch-token"))
    trl_tokens(golden, "dpo_token_sft", lambda hyper: mixture(hyper)[0])
    trl(golden, "legacy028_bco_pair_running_delta", simple("bco"))
    for name in ("aot", "aot_unpaired", "apo_down", "apo_zero", "bco_pair", "exo_pair", "nca_pair", "robust", "sppo_hard"):
        trl(golden, f"dpo_{name}", single, absolute=granted)
    trl(golden, "dpo_discopop", single, absolute=granted, exact=discopop_exactly)
    trl(golden, "dpo_loss_weights_mix", mixture, absolute=granted, exact=mixed_exactly)
    trl(golden, "cpo_sigmoid", lambda hyper: smoothed(hyper, "log-probability"))
    trl(golden, "legacy028_reference_free", simple("dpo", "log-probability"))
    trl(golden, "legacy028_rpo", single, absolute=granted)
    trl(golden, "liger_cpo", lambda hyper: smoothed(hyper, "log-probability"))
    trl(golden, "dpo_sigmoid_norm", simple("dpo", "mean-log-ratio"))
    trl(golden, "cpo_simpo", lambda hyper: call("cpo-simpo", beta=hyper["beta"], gamma=hyper["simpo_gamma"],
                                                label_smoothing=hyper.get("label_smoothing", 0), nll_weight=0), extra=ones)
    trl(golden, "liger_simpo", lambda hyper: call("simpo", beta=hyper["beta"], gamma_beta_ratio=hyper["gamma"] / hyper["beta"],
                                                  label_smoothing=hyper.get("label_smoothing", 0)), extra=ones)
    # There TRL's power of a probability goes through a subnormal number.
    trl(golden, "cpo_alphapo", alpha_po, extra=ones, exact=exact_alpha_po, inexact=("avg_extreme_B4",))
    # At probability 1 on both sides there is no odds ratio; near it Liger-Kernel loses digits.
    odds = lambda hyper: x.pairwise(lambda w, l: -mpf(hyper["beta"]) * x.logs(x.margin(w, l, x.log_odds)))
    orpo = lambda hyper: call("orpo", beta=hyper["beta"], nll_weight=0)
    trl(golden, "orpo", orpo, extra=ones, exact=odds, skip=("avg_zero_B2",))
    trl(golden, "liger_orpo", orpo, extra=ones, exact=odds, inexact=("avg_near_zero_B6",), skip=("avg_zero_B2",))
    trl(golden, "tpo", tpo)
    divergences(golden)
    unpaired(golden)
    tokens(golden)


def unpaired(golden):
    """KTO: one response a prompt, in the order given."""
    for name in ("kto_kto", "kto_apo_zero_unpaired", "liger_kto"):
        source = golden.source(name)
        records = []
        for result in source["results"]:
            hyper, given = result["hyper"], source["inputs"][result["case"]]
            columns = {"K": 1, "policy_logp": given["policy_logps"], "reference_logp": given["ref_logps"],
                       "label": [int(label) for label in given["label"]]}
            count = len(columns["label"])
            anchored = name == "kto_kto" or hyper.get("kl") is not None
            case = result["case"]
            if name == "liger_kto":
                columns |= {"mismatched_policy_logp": [hyper["kl"] or 0.0] * count, "mismatched_reference_logp": [0.0] * count}
                case += f" kl={hyper['kl']}"
            else:
                columns |= {"mismatched_policy_logp": given["policy_KL_logps"],
                            "mismatched_reference_logp": given["ref_KL_logps"]}
            settings = {key: hyper[key] for key in ("desirable_weight", "undesirable_weight") if key in hyper}
            settings |= {} if anchored else {"anchored": "false"}
            prompts = None
            if "chosen_idx" in result:
                order = result["chosen_idx"] + result["rejected_idx"]
                prompts = [0.0] * count
                for place, value in zip(order, result["per_example_loss_chosen_then_rejected"]):
                    prompts[place] = value
            records.append({
                "objectives": [call("kto", "log-ratio", beta=hyper["beta"], **settings)],
                "inputs": golden.input_id(case, columns), "loss": result["loss"], "prompts": prompts,
                "gradient": result["grad_policy_logps"], "of": "mean", "absolute": 1e-10,
            })
        golden.add(name, provenance(source), records)


def scored(rows, masks):
    return [[value for value, counts in zip(row, mask[1:]) if counts] for row, mask in zip(rows, masks)]


def tokens(golden):
    """LD-DPO, by the tokens' log-probabilities, and WPO's weights, from sums over tokens."""
    source = golden.source("dpo_ld_alpha")
    records = []
    for result in source["results"]:
        hyper, given = result["hyper"], source["inputs"][result["case"]]
        # TRL's ipo divides these sums by the whole length.
        if hyper["loss_type"] == ["ipo"] or hyper["ld_alpha"] is None:
            continue
        policy, reference, gradient = (
            scored(rows, given["completion_mask"])
            for rows in (given["policy_token_logps"], given["ref_token_logps"], result["grad_policy_token_logps"]))
        columns = {"K": 2, "token_offsets": [sum(map(len, policy[:k])) for k in range(len(policy) + 1)],
                   "policy_token_logp": sum(policy, []), "reference_token_logp": sum(reference, [])}
        loss = {"sigmoid": "dpo", "hinge": "hinge"}[hyper["loss_type"][0]]
        records.append({
            "objectives": [call(loss, call("length-desensitized", alpha=hyper["ld_alpha"]), beta=hyper["beta"])],
            "inputs": golden.input_id(f"tokens {result['case']}", columns), "loss": result["loss"],
            "prompts": result["per_example_loss"], "gradient": sum(gradient, []), "by": "policy_token_logp", "of": "mean",
        })
    golden.add("dpo_ld_alpha", provenance(source), records)

    source = golden.source("dpo_wpo")
    records = []
    for result in source["results"]:
        hyper, given = result["hyper"], source["inputs"][result["case"]]
        # Under the weights of its other losses TRL alone stands; WPO's is DPO.
        if hyper["loss_type"] != ["sigmoid"]:
            continue
        collisions = scored(given["log_sum_sq_probs"], given["completion_mask"])
        gradient = [row[0] for row in scored(result["grad_policy_token_logps"], given["completion_mask"])]
        columns = {"K": 2, "policy_logp": result["policy_chosen_logps"] + result["policy_rejected_logps"],
                   "reference_logp": result["ref_chosen_logps"] + result["ref_rejected_logps"],
                   "token_count": [len(row) for row in collisions], "policy_log_collision": [math.fsum(row) for row in collisions]}
        records.append({
            "objectives": [call("wpo", "log-ratio", beta=hyper["beta"], clamped="false")],
            "inputs": golden.input_id(f"wpo {result['case']}", columns), "loss": result["loss"],
            "prompts": result["per_example_loss"], "gradient": gradient, "of": "mean",
        })
    golden.add("dpo_wpo", provenance(source), records)


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
    "fdpo.forward_kl(beta=.1)": "dpo(beta=0.1) @ forward-kl",
    "fdpo.jsd(beta=.1)": "dpo(beta=0.1) @ jensen-shannon",
    "simpo.sigmoid(beta=2.5,gbr=.55)": "simpo(beta=2.5,gamma_beta_ratio=0.55)",
    "dil.LSIF": "dil-lsif", "dil.UKL": "dil-ukl", "dil.BCE": "dil-bce",
    "nca.pair(beta=.01)": "nca-pair(beta=0.01)", "nca.pair(beta=.5)": "nca-pair(beta=0.5)",
    "alpha_dpo.first_step(b=2.5,a=.2,g=.3)": "alpha-dpo(beta=2.5,alpha=0.2,ratio=0.3)",
    "dpop.inside(beta=.3,lam=50)": "dpop(beta=0.3,lambda=50)",
    "rdpo.lenN(beta=.1,lam=.01)": "r-dpo(beta=0.1,alpha=0.01)",
    "discopop.lrml(beta=.05,tau=.05)": "discopop(beta=0.05,tau=0.05)",
    "apo_zero(beta=.1)": "apo-zero(beta=0.1)", "apo_down(beta=.1)": "apo-down(beta=0.1)",
    "orpo(lam=.1, avg-logp NLL)": "orpo(beta=0.1)",
    "robust(beta=.1,eps=.1)": "robust-dpo(beta=0.1,label_smoothing=0.1)",
    "exo_pair(beta=.5,eps=1e-3)": "exo-pair(beta=0.5,label_smoothing=0.001,normalized=true)",
    "sppo_hard(beta=.05)": "sppo-hard(beta=0.05)",
    "aot_unpaired(beta=.1) [name in old TRL: aot_pair]": "aot-unpaired(beta=0.1)",
    "minor_dpo.3rdparty(beta=.1)": "minor-dpo(beta=0.1)",
    "chipo.no_outer_clip.3rdparty(beta=.05)": "chi-po(beta=0.05,maximum_reward=1000000)",
    "gpo.exponential.3rdparty(beta=.5)": "gpo-exponential(beta=0.5)",
}

# The same records by another name of ours.
ALSO = {
    "slic_hf.turbo(delta=1,beta=1,no ref)": "slic(delta=1,nll_weight=0)",
    "cpo.pref(beta=.1)": "cpo(beta=0.1,nll_weight=0)",
    "fdpo.reverse_kl(beta=.1)": "f-dpo(beta=0.1,alpha=0)",
    "fdpo.forward_kl(beta=.1)": "f-dpo(beta=0.1,alpha=1)",
    "dpo.official(beta=.1)": "dpo-shift(beta=0.1,lambda=1)",
}

# What is known here by other means: β-DPO's record is of one random draw (MethodRecordTests), ORPO's probe is of a mask, and
# kto_pair is no method of this project.
LEFT_OUT = {"beta_dpo.first_step(b=.1,a=.6)", "orpo.official_mask_probe", "kto_pair.turbo(beta=.1)"}


def from_authors(golden):
    published = json.loads((golden.folder / "authors.json").read_text())
    special = with_other_columns(golden)
    missing = set(AUTHORS) | LEFT_OUT
    records = []
    for result in published["results"]:
        missing.discard(result["name"])
        if result["name"] in LEFT_OUT:
            continue
        if result["name"] in special:
            records.append({"name": result["name"], "source": result["source"]} | special[result["name"]](result))
            continue
        objective = AUTHORS.get(result["name"])
        if objective is None:
            raise SystemExit(f"authors.json has {result['name']}, for which no objective is known")
        given = result["inputs"]
        columns = {"policy_chosen_logps": given["policy_chosen"], "policy_rejected_logps": given["policy_rejected"],
                   "ref_chosen_logps": given["ref_chosen"], "ref_rejected_logps": given["ref_rejected"],
                   "chosen_lengths": given["n_chosen"], "rejected_lengths": given["n_rejected"]}
        if result["avg_logps"]:
            columns |= ones(columns)
        per_prompt = len(result["loss"]) == len(given["policy_chosen"])
        record = {
            "name": result["name"], "source": result["source"],
            "objectives": [objective], "inputs": golden.input_id("authors", columns),
            "loss": None if per_prompt else result["loss"][0],
            "prompts": result["loss"] if per_prompt else None,
            "gradient": result["grad_chosen"] + result["grad_rejected"],
            # Where the code returns the batch's mean, the recorded gradient is of the count times that mean: of the sum.
            "of": "sum",
        }
        records.append(record)
        if result["name"] in ALSO:
            records.append(record | {"objectives": [ALSO[result["name"]]]})
    if missing:
        raise SystemExit(f"authors.json lacks {sorted(missing)}")
    golden.add("authors", {"library": "the authors' repositories", "commits": published["commits"]}, records)


def rank_major(rows):
    return [row[k] for k in range(len(rows[0])) for row in rows]


def pairs_of(given):
    """The columns of the records' pairs under LossKit's names."""
    return {"K": 2, "policy_logp": given["policy_chosen"] + given["policy_rejected"],
            "reference_logp": given["ref_chosen"] + given["ref_rejected"],
            "token_count": given["n_chosen"] + given["n_rejected"]}


def with_other_columns(golden):
    """The authors' records that are not of pairs, or read more columns: a function from the record to ours."""
    def record(case, objective, columns, loss, prompts, gradient, of="sum", **more):
        return {"objectives": [objective], "inputs": golden.input_id(case, columns), "loss": loss, "prompts": prompts,
                "gradient": gradient, "of": of} | more

    def groups(rewards, scores):
        return {"K": len(rewards[0]), "policy_logp": rank_major(rewards), "reference_logp": [0.0] * (len(rewards) * len(rewards[0])),
                "score": rank_major(scores)}

    def kto(result):
        given = result["inputs"]
        columns = pairs_of(given) | {"K": 1, "label": [1] * 6 + [0] * 6}
        columns |= {"mismatched_policy_logp": [0.4, -0.1, 0.9, 0.2, -0.3, 0.5] * 2, "mismatched_reference_logp": [0.0] * 12}
        return record("authors kto", "kto(beta=0.1,undesirable_weight=1.33) @ log-ratio", columns, sum(result["loss"]) / 12, None,
                      result["grad_chosen"] + result["grad_rejected"])

    def mrpo(eta, alpha):
        def of(result):
            given = result["inputs"]
            columns = {"K": 2, "R": 2, "policy_logp": [-13.0, -8.5, -12.0, -14.0, -8.0, -4.5, -7.0, -11.0, -11.5, -7.0, -13.5, -5.0],
                       "reference_logp": sum((given[name] for name in ("ref1_chosen", "ref1_rejected", "ref2_chosen", "ref2_rejected")), [])}
            # The record is of the merged references; DPO over them is written out.
            merged = {"K": 2, "policy_logp": columns["policy_logp"],
                      "reference_logp": result["aggregated_chosen"] + result["aggregated_rejected"]}
            losses, [gradient] = x.evaluate(x.pairwise(lambda w, l: -x.logs(x.margin(w, l))), merged)
            return record("authors mrpo", f"mrpo(beta=1,eta={eta},alpha={alpha})", columns, None, losses, gradient)
        return of

    def exo_pref(result):
        given = result["inputs"]
        rows = [sorted(zip(given["scores"][k:k + 2], given["delta"][k:k + 2], result["grad_delta"][k:k + 2]), reverse=True)
                for k in range(0, 6, 2)]
        columns = groups([[r for _, r, _ in row] for row in rows], [[s for s, _, _ in row] for row in rows])
        return record("authors exo-pref", "exo-pair(beta=0.5) @ log-ratio", columns, result["loss"][0], None,
                      rank_major([[g for _, _, g in row] for row in rows]), "mean")

    def exo_dpo(result):
        given = result["inputs"]
        rewards, scores, gradient = ([values[:4], values[4:]] for values in (given["delta"], given["scores"], result["grad_delta"]))
        return record("authors dpo-rw", "info-nca(beta=0.5,temperature=0.5) @ log-ratio", groups(rewards, scores), result["loss"][0],
                      None, rank_major(gradient), "mean")

    def nca(name):
        def of(result):
            given = result["inputs"]
            return record("authors nca", f"{name}(beta=0.7,temperature=0.5,first_bonus=0.01) @ log-ratio",
                          groups(given["delta"], given["scores"]), result["loss"][0], None, rank_major(result["grad_delta"]), "mean")
        return of

    def sppo(result):
        columns = pairs_of(result["inputs"]) | {"win_probability": [0.9, 0.6, 0.8, 0.95, 0.55, 0.7, 0.1, 0.3, 0.2, 0.15, 0.45, 0.05]}
        return record("authors sppo", "sppo(beta=0.05) @ log-ratio", columns, None, result["loss"],
                      result["grad_chosen"] + result["grad_rejected"])

    def wpo_loss(result):
        columns = pairs_of(result["inputs"])
        # A collision that makes the weights what the record was given: the whole of it with the chosen response.
        weights = [0.3, 0.9, 1.0, 0.5, 0.7, 0.2]
        columns["policy_log_collision"] = [p - n * math.log(w) for p, n, w in zip(columns["policy_logp"], columns["token_count"], weights)]
        columns["policy_log_collision"] += columns["policy_logp"][6:]
        return record("authors wpo", "wpo(beta=0.01) @ log-ratio", columns, None, result["loss"],
                      result["grad_chosen"] + result["grad_rejected"])

    def wpo_weight(result):
        """The weights of the record, through a loss that is known at the reference: log 2 times the weight."""
        given = result["inputs"]
        logps, collisions, counts = [], [], []
        for logits, labels in zip(given["logits"], given["labels"]):
            rows = [(row, label) for row, label in zip(logits, labels[1:]) if label >= 0]
            normalized = [([mpf(v) - x.lse([mpf(v) for v in row]) for v in row], label) for row, label in rows]
            logps.append(float(sum(row[label] for row, label in normalized)))
            collisions.append(float(sum(x.lse([2 * v for v in row]) for row, _ in normalized)))
            counts.append(len(rows))
        columns = {"K": 2, "policy_logp": logps, "reference_logp": logps, "token_count": counts, "policy_log_collision": collisions}
        weights = result["weight"]
        return record("authors wpo.weight", "wpo(beta=0.01) @ log-ratio", columns, None, [w * math.log(2) for w in weights],
                      [-0.005 * w for w in weights] + [0.005 * w for w in weights])

    def tdpo2(result):
        given = result["inputs"]
        columns = {"K": 2, "policy_logp": given["margin_w"] + given["margin_l"], "reference_logp": [0.0] * 12,
                   "policy_kl": given["kl_w"] + given["kl_l"]}
        grads = result["grads"]
        return record("authors tdpo2", "tdpo2(beta=0.1,alpha=0.5) @ log-ratio", columns, None, result["loss"],
                      grads["margin_w"] + grads["margin_l"], also={"policy_kl": grads["kl_w"] + grads["kl_l"]})

    return {
        "kto.halos(beta=.1,lu=1.33)": kto,
        "mrpo.reference(eta=0.1,alpha=-1.0)": mrpo(0.1, -1), "mrpo.reference(eta=-0.1,alpha=0.3)": mrpo(-0.1, 0.3),
        "mrpo.reference(eta=0.4,alpha=0.5)": mrpo(0.4, 0.5),
        "exo.exact_loss.exo-pref(K=2)": exo_pref, "exo.dpo_loss.dpo-rw(K=4)": exo_dpo,
        "nca.K4.InfoNCA": nca("info-nca"), "nca.K4.NCA": nca("nca"), "sppo.official(beta=.05)": sppo,
        "wpo.weight": wpo_weight, "wpo.loss(beta=.01)": wpo_loss, "tdpo2(beta=.1,alpha=.5)": tdpo2,
    }


# ---- methods that nobody published numbers of ----

def ranked(numbers, groups, count):
    """Scores of groups, best first, all positive."""
    return rank_major([sorted((numbers.uniform(0.1, 4) for _ in range(count)), reverse=True) for _ in range(groups)])


def exact_inputs(deviation=2.0):
    """Pairs, rankings, unpaired responses, and pairs with three references, with all columns that a method may read."""
    numbers = random.Random(7)

    def columns(groups, count, references=1):
        rows = groups * count
        policy = [round(numbers.gauss(-14, 4), 3) for _ in range(rows)]
        batch = {"K": count, "policy_logp": policy,
                 "reference_logp": [round(p + numbers.gauss(0, deviation), 3) for _ in range(references) for p in policy],
                 "token_count": [numbers.randint(1, 30) for _ in range(rows)], "score": ranked(numbers, groups, count),
                 "win_probability": [round(numbers.random(), 3) for _ in range(rows)],
                 "policy_kl": [round(numbers.uniform(0, 2), 3) for _ in range(rows)]}
        return batch | ({"R": references} if references > 1 else {})

    unpaired = columns(9, 1) | {"label": [1, 0, 1, 1, 0, 0, 1, 0, 1], "advantage": [round(numbers.gauss(0, 0.5), 3) for _ in range(9)]}
    unpaired |= {"mismatched_policy_logp": [round(numbers.gauss(-30, 3), 3) for _ in range(9)],
                 "mismatched_reference_logp": [round(numbers.gauss(-33, 3), 3) for _ in range(9)]}
    return {"pairs": columns(8, 2), "threes": columns(5, 3), "fours": columns(5, 4), "unpaired": unpaired,
            "two references": columns(6, 2, 2), "three references": columns(6, 2, 3)}


def exact_methods():
    """Texts of objectives, and what they are, by the inputs they are evaluated at."""
    b = mpf("0.1")
    half = 1 / mpf(2)
    r = x.ratio
    pair = x.pairwise
    dpo = lambda w, l: -x.logs(b * x.margin(w, l))
    simple_margin = lambda beta, gamma: lambda w, l: -x.logs(mpf(beta) * x.margin(w, l, x.per_token) - mpf(gamma))
    odds = lambda w, l: -b * x.logs(x.margin(w, l, x.log_odds))
    momentum = lambda y: y["policy_logp"] - (mpf("1.3") * y["refs"][0] - mpf("0.3") * y["refs"][1])
    lsif = lambda y: r(y) / y["token_count"]
    sets = {"pairs": {
        "cal-ipo(beta=0.1)": pair(lambda w, l: (x.margin(w, l) - 5) ** 2 + x.calibration(w, l, b)),
        "cal-ipo(beta=0.1,calibration=0.5)": pair(lambda w, l: (x.margin(w, l) - 5) ** 2 + half * x.calibration(w, l, b)),
        "cal-slic(beta=0.1)": pair(lambda w, l: x.relu(1 - b * x.margin(w, l)) + x.calibration(w, l, b)),
        "minor-dpo(beta=0.1)": pair(lambda w, l: -x.logs(b * (r(w) - x.relu(r(l))))),
        "slic": x.with_nll(lambda w, l: x.relu(1 - x.margin(w, l, lambda y: y["policy_logp"])), b, "sequence"),
        "cpo": x.with_nll(lambda w, l: -x.logs(b * x.margin(w, l, lambda y: y["policy_logp"])), 1, "batch-token"),
        "cpo(per=sequence,nll_weight=0.5)": x.with_nll(
            lambda w, l: -x.logs(b * x.margin(w, l, lambda y: y["policy_logp"])), half, "sequence"),
        "cpo(per=token)": x.with_nll(lambda w, l: -x.logs(b * x.margin(w, l, lambda y: y["policy_logp"])), 1, "token"),
        "chi-po(beta=0.05,maximum_reward=0.4)": pair(
            lambda w, l: -x.logs(min(max(x.margin(w, l, x.chi()) / 20, -mpf(2) * mpf("0.4")), mpf(2) * mpf("0.4")))),
        "dpo(beta=0.1) @ chi-squared(alpha=0.25,gamma=0.1,cap=0.3)": pair(
            lambda w, l: -x.logs(b * x.margin(w, l, x.chi(mpf("0.25"), b, mpf("0.3"))))),
        "dpo(beta=0.1) @ alpha-divergence(alpha=0.3)": pair(
            lambda w, l: -x.logs(b * x.margin(w, l, x.link("alpha", mpf("0.3"))))),
        "f-dpo(beta=0.1,alpha=0.7)": pair(lambda w, l: -x.logs(b * x.margin(w, l, x.link("alpha", mpf("0.7"))))),
        "rpo(beta=0.1,eta=0.25)": pair(lambda w, l: dpo(w, l) - b / 4 * w["policy_logp"]),
        "mpo(nll_weight=0.1)": x.with_nll(lambda w, l: -x.sigmoid(x.margin(w, l, lambda y: y["policy_logp"])), b, "sequence"),
        "exo(beta=0.1,score_temperature=0.5)": x.exo(b, half),
        "weighted-mle(beta=0.5)": x.weighted_mle(half, "rank"),
        "rlhf(beta=0.1)": x.rlhf(b),
        "rs-dpo(beta=0.1,eta=0.6)": x.rs_dpo(b, mpf("0.6"), 1),
        "plackett-luce(beta=0.1)": pair(dpo),
        "simpo(beta=2.5,gamma_beta_ratio=0.1,loss_type=hinge)": pair(
            lambda w, l: x.relu(1 - mpf("2.5") * (x.margin(w, l, x.per_token) - b))),
        "cpo-simpo": x.with_nll(simple_margin(10, "5.4"), mpf("0.05"), "batch-token"),
        "orpo": x.with_nll(odds, 1, "token"),
        "orpo(nll_weight=0.5,per=batch-token)": x.with_nll(odds, half, "batch-token"),
        "alpha-po(alpha=0.25)": pair(lambda w, l: -x.logs(mpf("2.5") * x.margin(
            w, l, lambda y: -x.expm1(-x.per_token(y) / 4) * 4) - b)),
        "asft(beta=2,lambda=0.3,nll_weight=0.7)": x.with_nll(
            lambda w, l: -mpf("0.3") * (x.logs(2 * x.log_odds(w)) + x.logs(-2 * x.log_odds(l))), mpf("0.7"), "token"),
        "dpo-shift(beta=0.1,lambda=0.75)": pair(lambda w, l: -x.logs(b * (r(w) - r(l) * 3 / 4))),
        "tdpo1(beta=0.1)": pair(lambda w, l: -x.logs(b * (x.margin(w, l) - (l["policy_kl"] - w["policy_kl"])))),
        "sppo(beta=0.1)": pair(lambda w, l: sum((r(y) - (y["win_probability"] - half) / b) ** 2 for y in (w, l)) / 2),
        "gpo-truncated-quadratic(beta=0.5)": pair(lambda w, l: x.relu(1 - x.margin(w, l) / 2) ** 2),
        "gpo-savage(beta=0.5)": pair(lambda w, l: x.sigmoid(-x.margin(w, l) / 2) ** 2),
        "odpo(beta=0.5)": pair(lambda w, l: -x.logs(x.margin(w, l) / 2 - x.log(w["score"] - l["score"]))),
        "odpo(beta=0.5,alpha=0.5,offset=ratio)": pair(
            lambda w, l: -x.logs(x.margin(w, l) / 2 - x.log(w["score"] / l["score"]) / 2)),
        "arpo": x.with_nll(x.arpo(b, mpf("0.9"), mpf("0.4")), 1, "batch-token"),
        "simper": pair(lambda w, l: x.exp(x.per_token(l)) - x.exp(x.per_token(w))),
        "dil-lsif": pair(lambda w, l: -x.exp(lsif(w)) + half * x.exp(2 * lsif(l))),
        "focal-po(beta=0.1,gamma=0.5)": x.focal(b, half),
        "dr-dpo(beta=0.5,beta_prime=0.7)": x.dr_dpo(half, mpf("0.7")),
        "h-dpo(beta=0.1,alpha=0.9)": pair(lambda w, l: -x.logs(
            mpf("0.9") * b * (w["policy_logp"] - l["policy_logp"]) - b * (w["ref"] - l["ref"]))),
        "bpo(beta=0.1,balance=0.5)": pair(lambda w, l: -x.logs(b * min(r(w), -r(l) / 2))),
        "c2-dpo(beta=0.1,lambda=0.01)": pair(lambda w, l: dpo(w, l) + (r(w) + r(l)) ** 2 / 100),
        "minor-sft(beta=0.1)": pair(lambda w, l: -2 / (w["token_count"] * b) * x.logs(b * r(w))),
        "minor-sft(beta=0.1,scaled=false)": pair(lambda w, l: -x.logs(b * r(w))),
    }, "threes": {
        "sppo(beta=0.1)": x.listwise(lambda ys: x.mean([(r(y) - (y["win_probability"] - half) / b) ** 2 for y in ys])),
        "exo(beta=0.1,score_temperature=0.5)": x.exo(b, half),
        "weighted-mle(beta=0.5)": x.weighted_mle(half, "rank"),
    }, "fours": {
        "exo": x.exo(half, half), "rlhf(beta=0.5)": x.rlhf(half), "weighted-mle(beta=0.5,rewards=score)": x.weighted_mle(half, "score"),
        "rs-dpo": x.rs_dpo(b, mpf("0.85"), 1), "rs-dpo(eta=0.6,temperature=2)": x.rs_dpo(b, mpf("0.6"), 2),
        "plackett-luce(beta=0.3)": x.plackett_luce(mpf("0.3")),
    }, "unpaired": {
        "hpo": x.hpo(b, half, 5),
    }, "two references": {
        "apo-momentum(beta=0.1)": pair(lambda w, l: -x.logs(b * x.margin(w, l, momentum))),
        "mrpo(beta=1,mean=geometric)": x.multi_reference(b, mpf(-1), "geometric"),
        "mrpo(beta=1,mean=harmonic,alpha=0.3)": x.multi_reference(b, mpf("0.3"), "harmonic"),
    }, "three references": {
        f"mrpo(beta=1,eta=0.2,alpha={alpha},mean={kind})": x.multi_reference(mpf("0.2"), mpf(alpha), kind)
        for alpha in ("-1", "0.6") for kind in ("code", "harmonic", "geometric")
    }}
    return sets


def exactly_known(golden):
    """Every method at ordinary inputs, and the pairwise ones at log-ratios of hundreds."""
    records = []
    ordinary, wide = exact_inputs(), exact_inputs(300.0)
    for kind, methods in exact_methods().items():
        for text, method in methods.items():
            for scale, batch in (("", ordinary[kind]), (" wide", wide[kind])):
                if scale and (kind != "pairs" or text == "odpo"):
                    continue
                by = ["policy_logp"] + (["policy_kl"] if "tdpo" in text else [])
                losses, gradients = x.evaluate(method, batch, by)
                record = {"objectives": [text], "inputs": golden.input_id(f"exact {kind}{scale}", batch), "loss": None,
                          "prompts": losses, "gradient": gradients[0], "of": "sum"}
                # The likeliest response's gradient is a difference of numbers near 1 where one has all the probability.
                if scale and text.split("(")[0] in ("exo", "rlhf"):
                    record["absolute"] = 1e-12
                records.append(record | ({"also": {"policy_kl": gradients[1]}} if len(by) > 1 else {}))
    golden.add("exact", {"library": "mpmath", "written": "exact.py"}, records)


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
    exactly_known(golden)
    golden.write()
    methods(golden)


main()
