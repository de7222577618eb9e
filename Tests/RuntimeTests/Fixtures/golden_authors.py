"""Records of runs of the authors' own code."""

import json
import math

import exact as x
from exact import mpf
from golden_sets import ones, rank_major


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


# Records that also apply to a method of another name here.
ALSO = {
    "slic_hf.turbo(delta=1,beta=1,no ref)": "slic(delta=1,nll_weight=0)",
    "cpo.pref(beta=.1)": "cpo(beta=0.1,nll_weight=0)",
    "fdpo.reverse_kl(beta=.1)": "f-dpo(beta=0.1,alpha=0)",
    "fdpo.forward_kl(beta=.1)": "f-dpo(beta=0.1,alpha=1)",
    "dpo.official(beta=.1)": "dpo-shift(beta=0.1,lambda=1)",
}


# A record of one random draw, which is stored separately, and a record of a mask instead of a loss.
DRAWN = "beta_dpo.first_step(b=.1,a=.6)"
LEFT_OUT = {DRAWN, "orpo.official_mask_probe"}


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
            # If the code returns the batch's mean, the recorded gradient is that of count times the mean: of the sum.
            "of": "sum",
        }
        records.append(record)
        if result["name"] in ALSO:
            records.append(record | {"objectives": [ALSO[result["name"]]]})
    if missing:
        raise SystemExit(f"authors.json lacks {sorted(missing)}")
    drawn = next(result for result in published["results"] if result["name"] == DRAWN)
    golden.draw = {"loss": drawn["loss"], "gradient": drawn["grad_chosen"] + drawn["grad_rejected"]}
    golden.add("authors", {"library": "the authors' repositories", "commits": published["commits"]}, records)


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
            # The record has the merged references; DPO over them is written out.
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
        # A collision that gives the record's weights, assigned entirely to the chosen response.
        weights = [0.3, 0.9, 1.0, 0.5, 0.7, 0.2]
        columns["policy_log_collision"] = [p - n * math.log(w) for p, n, w in zip(columns["policy_logp"], columns["token_count"], weights)]
        columns["policy_log_collision"] += columns["policy_logp"][6:]
        return record("authors wpo", "wpo(beta=0.01) @ log-ratio", columns, None, result["loss"],
                      result["grad_chosen"] + result["grad_rejected"])

    def wpo_weight(result):
        """The weights of the record, through a loss whose value at the reference is known: log 2 times the weight."""
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

    def kto_pair(result):
        columns = {"K": 2, "policy_logp": result["inputs"]["policy_chosen"] + result["inputs"]["policy_rejected"],
                   "reference_logp": result["inputs"]["ref_chosen"] + result["inputs"]["ref_rejected"]}
        losses = result["loss"]
        # The record has a loss per response, and the gradient of their sum; ours is the mean of a pair's two.
        return record("authors kto-pair", "2*kto-pair(beta=0.1) @ log-ratio", columns, None,
                      [a + b for a, b in zip(losses[:6], losses[6:])], result["grad_chosen"] + result["grad_rejected"])

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
        "kto_pair.turbo(beta=.1)": kto_pair,
        "wpo.weight": wpo_weight, "wpo.loss(beta=.01)": wpo_loss, "tdpo2(beta=.1,alpha=.5)": tdpo2,
    }
