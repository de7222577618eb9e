"""Records of runs of TRL's own code."""

import math

import exact as x
from exact import mpf
from golden_sets import as_batch, call, exactly, number, ones, provenance, scored


def trl(golden, name, objective, keep=lambda hyper: True, exact=None, inexact=(), absolute=None, extra=None, skip=()):
    """The records of a sequence-level file whose hyperparameters `keep` accepts.

    `exact` makes the method of a record, for results that are not finite and for the cases `inexact`; `extra` adds columns.
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
        # CPO's NLL is a scalar argument of the recorded call: it is not a function of these inputs, nor part of the gradient.
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


def trl_tokens(golden, name, objective):
    """The records of a token-level file of losses that depend only on sums: the gradient per token is that of the sum."""
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
    """The absolute error that the records' README allows where the library computes 1 − σ."""
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


def orpo(hyper):
    return call("orpo", beta=hyper["beta"], nll_weight=0)


def exact_orpo(hyper):
    return x.pairwise(lambda w, l: -mpf(hyper["beta"]) * x.logs(x.margin(w, l, x.log_odds)))


def tpo(hyper):
    beta, smoothing = hyper["beta"], hyper.get("label_smoothing", 0)
    return {"sigmoid": lambda: call("dpo", "log-probability", beta=beta, label_smoothing=smoothing),
            "hinge": lambda: call("hinge", "log-probability", beta=beta),
            "ipo": lambda: call("ipo", "mean-log-probability", beta=beta),
            "tpo-l": lambda: call("cpo-simpo", beta=beta, gamma=hyper.get("tpo_l_gamma", 0.5), label_smoothing=smoothing,
                                  nll_weight=0)}[hyper["loss_type"]]()


# TRL's ipo and sigmoid_norm are omitted for f-divergences: they divide the link of a sum by the length.
OVER_LINKS = ("sigmoid", "hinge", "exo_pair", "robust", "discopop")


def divergences(golden):
    def over(hyper):
        return hyper["loss_type"] in OVER_LINKS

    def alpha(hyper):
        coefficient = hyper["f_alpha_divergence_coef"]
        # TRL uses the log-ratio if its coefficient is within 1e-6 of 1.
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
    # Its softplus is linear above 20, and its exponent is clamped at 709.
    trl(golden, "legacy028_fdiv", legacy, absolute=1e-10, inexact=("extreme_1e3_B8", "extreme_1e4_B4"),
        exact=lambda hyper: x.divergence_loss(hyper, x.link(
            hyper["f_divergence_type"], legacy_alpha(hyper) if "f_divergence_params" in hyper else None)))


def discopop_exactly(hyper):
    return x.divergence_loss(hyper | {"loss_type": "discopop"}, x.ratio)


def mixed_exactly(hyper):
    """The mixture for which a library's number is not finite: robust, exo_pair, discopop and sigmoid_norm."""
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
    trl(golden, "dpo_sigmoid_norm", simple("dpo", "mean-log-ratio"))
    trl(golden, "cpo_simpo", lambda hyper: call("cpo-simpo", beta=hyper["beta"], gamma=hyper["simpo_gamma"],
                                                label_smoothing=hyper.get("label_smoothing", 0), nll_weight=0), extra=ones)
    # There TRL's power of a probability is subnormal.
    trl(golden, "cpo_alphapo", alpha_po, extra=ones, exact=exact_alpha_po, inexact=("avg_extreme_B4",))
    # At probability 1 on both sides the odds ratio is undefined.
    trl(golden, "orpo", orpo, extra=ones, exact=exact_orpo, skip=("avg_zero_B2",))
    trl(golden, "tpo", tpo)
    divergences(golden)
    unpaired(golden, ("kto_kto", "kto_apo_zero_unpaired"))
    classifier(golden)
    reward_model(golden)
    tokens(golden)


def unpaired(golden, names):
    """KTO: one response per prompt, in the given order."""
    for name in names:
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


def classifier(golden):
    """BCO of unpaired feedback: desirable responses first; the running mean continues through the steps of a sequence."""
    source = golden.source("legacy100_bco_unpaired")
    records = []
    before = None
    for result in source["results"]:
        hyper, given = result["hyper"], source["inputs"][result["case"]]
        chosen, rejected = len(given["policy_chosen_logps"]), len(given["policy_rejected_logps"])
        columns = {"K": 1, "policy_logp": given["policy_chosen_logps"] + given["policy_rejected_logps"],
                   "reference_logp": given["ref_chosen_logps"] + given["ref_rejected_logps"],
                   "label": [1] * chosen + [0] * rejected,
                   "desirable_probability": [0.5] * chosen + given["prob_desirable_of_rejected"]}
        # There, cancelling rewards of ±1000 leave a rounding error.
        after = [0.0 if abs(result["delta"]) < 1e-13 else result["delta"], result["running_count"]]
        records.append({
            "objectives": [call("bco-unpaired", "log-ratio", beta=hyper["beta"], udm=str(hyper["udm"]).lower())],
            "inputs": golden.input_id(f"bco {result['case']}", columns), "loss": result["loss"],
            "prompts": result["per_example_loss_chosen_then_rejected"],
            "gradient": result["grad_policy_chosen_logps"] + result["grad_policy_rejected_logps"], "of": "mean", "state": after,
        } | ({"before": before} if hyper["step"] > 0 else {}))
        before = after
    golden.add("legacy100_bco_unpaired", provenance(source), records)


def reward_model(golden):
    """A reward model's loss as that of a policy whose reference is 0; its centering term is C2-DPO's constraint."""
    source = golden.source("reward_bradley_terry")
    records = []
    for result in source["results"]:
        hyper, given = result["hyper"], source["inputs"][result["case"]]
        rewards = given["rewards_chosen"] + given["rewards_rejected"]
        columns = {"K": 2, "policy_logp": rewards, "reference_logp": [0.0] * len(rewards)}
        weight = hyper["center_rewards_coefficient"]
        text = call("dpo", "log-ratio", beta=1) if weight is None else call("c2-dpo", "log-ratio", beta=1, **{"lambda": weight})
        # These losses have no margin per pair; it is written out, with the scores as its column.
        if hyper["use_margin"]:
            columns["score"] = given["margin"] + [0.0] * len(given["margin"])
            text = (f"{{square(chosen.reward + rejected.reward) * weight - logsigmoid(chosen.reward - rejected.reward - chosen.score)}}"
                    f"(weight={number(weight or 0)}) @ log-ratio")
        records.append({
            "objectives": [text],
            "inputs": golden.input_id(f"rewards {result['case']}", columns), "loss": result["loss"], "prompts": None,
            "gradient": result["grad_rewards_chosen"] + result["grad_rewards_rejected"], "of": "mean",
        })
    golden.add("reward_bradley_terry", provenance(source), records)


def tokens(golden):
    """LD-DPO, by the tokens' log-probabilities, and WPO's weights, from sums over tokens."""
    source = golden.source("dpo_ld_alpha")
    records = []
    for result in source["results"]:
        hyper, given = result["hyper"], source["inputs"][result["case"]]
        policy, reference, gradient = (
            scored(rows, given["completion_mask"])
            for rows in (given["policy_token_logps"], given["ref_token_logps"], result["grad_policy_token_logps"]))
        columns = {"K": 2, "token_offsets": [sum(map(len, policy[:k])) for k in range(len(policy) + 1)],
                   "policy_token_logp": sum(policy, []), "reference_token_logp": sum(reference, [])}
        columns["token_count"] = [len(row) for row in policy]
        reward = call("length-desensitized", alpha=1 if hyper["ld_alpha"] is None else hyper["ld_alpha"])
        # TRL's ipo divides these sums by the full length.
        per_token = "chosen.reward / chosen.token_count - rejected.reward / rejected.token_count"
        objective = {
            "sigmoid": call("dpo", reward, beta=hyper["beta"]), "hinge": call("hinge", reward, beta=hyper["beta"]),
            "ipo": f"{{square({per_token} - 1 / (2 * beta))}}(beta={number(hyper['beta'])}) @ {reward}",
        }[hyper["loss_type"][0]]
        records.append({
            "objectives": [objective],
            "inputs": golden.input_id(f"tokens {result['case']}", columns), "loss": result["loss"],
            "prompts": result["per_example_loss"], "gradient": sum(gradient, []), "by": "policy_token_logp", "of": "mean",
        })
    golden.add("dpo_ld_alpha", provenance(source), records)

    source = golden.source("dpo_wpo")
    records = []
    for result in source["results"]:
        hyper, given = result["hyper"], source["inputs"][result["case"]]
        # Only TRL weights its other losses; WPO's loss is DPO.
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
