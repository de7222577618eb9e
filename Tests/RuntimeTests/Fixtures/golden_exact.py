"""Records of methods without published numbers, from closed forms."""

import random

import exact as x
from exact import mpf
from golden_sets import rank_major


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
    """Texts of objectives and their methods, by the inputs they are evaluated at."""
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
        "cpo(beta=0.3,label_smoothing=0.2,nll_weight=0.5)": x.with_nll(
            lambda w, l: x.of_margin("sigmoid", mpf("0.3") * x.margin(w, l, lambda y: y["policy_logp"]), {"label_smoothing": "0.2"}),
            half, "batch-token"),
        "kto-pair(beta=0.1)": x.kto_pair(b),
        "sft(per=token)": x.with_nll(lambda w, l: mpf(0), 1, "token"),
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
            scales = {"": ordinary[kind]}
            if kind == "pairs":
                scales[" wide"] = wide[kind]
            for scale, batch in scales.items():
                by = ["policy_logp"] + (["policy_kl"] if "tdpo" in text else [])
                losses, gradients = x.evaluate(method, batch, by)
                record = {"objectives": [text], "inputs": golden.input_id(f"exact {kind}{scale}", batch), "loss": None,
                          "prompts": losses, "gradient": gradients[0], "of": "sum"}
                # The likeliest response's gradient is a difference of numbers near 1 where one has all the probability.
                if scale and text.split("(")[0] in ("exo", "rlhf"):
                    record["absolute"] = 1e-12
                records.append(record | ({"also": {"policy_kl": gradients[1]}} if len(by) > 1 else {}))
    golden.add("exact", {"library": "mpmath", "written": "exact.py"}, records)
