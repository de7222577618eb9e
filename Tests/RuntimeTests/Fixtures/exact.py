"""Losses written out with 120 digits and more (mpmath), for make_golden.py: for library results that are not finite, and for methods
without published numbers. They are written from the papers' formulas, not from LossKit's.

A batch is a dict of columns, rank-major, under LossKit's names, and K under "K". A method is a function (batch, at) -> the loss
of each prompt; `at` is the batch at which constants for the gradient (a stopped gradient) are taken.
"""

from mpmath import mp, mpf, exp, log, log1p, expm1, sqrt

mp.dps = 120


def softplus(x):
    return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))


def logs(x):
    return -softplus(-x)


def sigmoid(x):
    return 1 / (1 + exp(-x)) if x > 0 else exp(x) / (1 + exp(x))


def relu(x):
    return x if x > 0 else mpf(0)


def lse(values):
    largest = max(values)
    return largest + log(sum(exp(x - largest) for x in values))


def softmax(values):
    total = lse(values)
    return [exp(x - total) for x in values]


def mean(values):
    return sum(values) / len(values)


class Rows:
    """The prompts of a batch: each a list of responses, each a dict of its columns."""

    def __init__(self, batch):
        self.K = batch["K"]
        self.R = batch.get("R", 1)
        self.G = len(batch["policy_logp"]) // self.K
        self.batch = batch

    def prompts(self):
        for g in range(self.G):
            yield [self.response(g, k) for k in range(self.K)]

    def response(self, g, k):
        response = {}
        for name, values in self.batch.items():
            if name in ("K", "R"):
                continue
            if name == "reference_logp":
                response["refs"] = [values[(r * self.K + k) * self.G + g] for r in range(self.R)]
                response["ref"] = response["refs"][0]
            else:
                response[name] = values[k * self.G + g]
        return response


def ratio(y):
    return y["policy_logp"] - y["ref"]


def pairwise(f):
    return lambda batch, at: [f(w, l) for w, l in Rows(batch).prompts()]


def listwise(f):
    return lambda batch, at: [f(ys) for ys in Rows(batch).prompts()]


def margin(w, l, reward=ratio):
    return reward(w) - reward(l)


def per_token(y):
    return y["policy_logp"] / y["token_count"]


def log_odds(y):
    return per_token(y) - log(1 - exp(per_token(y)))


def nll(batch, unit):
    chosen = [p[0] for p in Rows(batch).prompts()]
    if unit == "batch-token":
        total = -sum(y["policy_logp"] for y in chosen) / sum(y["token_count"] for y in chosen)
        return [total] * len(chosen)
    return [-y["policy_logp"] if unit == "sequence" else -per_token(y) for y in chosen]


def with_nll(f, weight, unit):
    return lambda batch, at: [a + weight * b for a, b in zip(pairwise(f)(batch, at), nll(batch, unit))]


def evaluate(method, batch, by=("policy_logp",)):
    """The losses, and the gradient of their sum with respect to each column of `by`, as doubles."""
    largest = max(abs(v) for name, values in batch.items() if name.endswith("logp") for v in values)
    ratios = [abs(a - b) for a, b in zip(batch["policy_logp"], batch.get("reference_logp", []))]
    # exp(1000) has 435 digits, and a slope added to it must keep its digits.
    mp.dps = 120 + int(max([largest if not ratios else 0, *ratios]))
    step = mpf(10) ** -(mp.dps // 2)
    batch = {name: [mpf(x) for x in values] if isinstance(values, list) else values for name, values in batch.items()}
    losses = [double(x) for x in method(batch, batch)]
    gradients = []
    for name in by:
        gradient = []
        for index in range(len(batch[name])):
            sides = []
            for sign in (1, -1):
                moved = dict(batch)
                moved[name] = list(batch[name])
                moved[name][index] += sign * step
                sides.append(method(moved, batch))
            # Prompt by prompt: in a sum with another loss of size 10^400, this one would lose its digits.
            gradient.append(double(sum(a - b for a, b in zip(*sides)) / (2 * step)))
        gradients.append(gradient)
    return losses, gradients


def double(x):
    """The nearest double; None if out of range, 0 below the smallest."""
    if abs(x) > mpf("1.797e308"):
        return None
    return 0.0 if abs(x) < mpf("1e-320") else float(x)


# ---- functions of a margin, and links, under TRL's names ----

def of_margin(kind, z, hyper):
    e = mpf(hyper.get("label_smoothing", 0))
    if kind in ("sigmoid", "simpo"):
        return -(1 - e) * logs(z) - e * logs(-z)
    if kind == "hinge":
        return relu(1 - z)
    if kind == "exo_pair":
        return sigmoid(z) * (logs(z) - log1p(-e)) + sigmoid(-z) * (logs(-z) - log(e))
    if kind == "robust":
        return (-(1 - e) * logs(z) + e * logs(-z)) / (1 - 2 * e)
    if kind == "discopop":
        m = sigmoid(z / mpf(hyper.get("discopop_tau", 0.05)))
        return (1 - m) * softplus(-z) + m * exp(-z)
    raise ValueError(kind)


def link(kind, coefficient, clamp=None):
    """f-DPO's link; `coefficient` in the authors' convention, `clamp` the largest exponent."""
    def of(y):
        d = ratio(y)
        if kind == "js_divergence":
            return logs(d) + log(2)
        alpha = 1 if kind == "forward_kl" else mpf(coefficient)
        if alpha == 0:
            return d
        exponent = -alpha * d
        return -expm1(exponent if clamp is None else min(exponent, mpf(clamp))) / alpha
    return of


def divergence_loss(hyper, reward):
    beta = mpf(hyper["beta"])
    return pairwise(lambda w, l: of_margin(hyper["loss_type"], beta * margin(w, l, reward), hyper))


# ---- methods without published numbers ----

def calibration(w, l, beta):
    target = 1 / (2 * beta)
    return (ratio(w) - target) ** 2 + (ratio(l) + target) ** 2


def chi(alpha=1, gamma=1, cap=20):
    return lambda y: expm1(min(max(alpha * ratio(y), mpf(-88)), mpf(cap))) + gamma * ratio(y)


def exo(beta, temperature):
    def f(ys):
        p = softmax([beta * ratio(y) for y in ys])
        q = softmax([y["score"] / temperature for y in ys])
        return sum(a * log(a / b) for a, b in zip(p, q))
    return listwise(f)


def hpo(beta, gamma, rate):
    def f(batch, at):
        anchor = max(mpf(0), mean([a - b for a, b in zip(at["mismatched_policy_logp"], at["mismatched_reference_logp"])]))
        losses = []
        for [y] in Rows(batch).prompts():
            z = beta * (ratio(y) - anchor)
            preference = 1 - sigmoid(z if y["label"] > 0 else -z)
            losses.append(preference - gamma * exp(rate * y["advantage"]) * per_token(y))
        return losses
    return f


def kto_pair(beta):
    def f(batch, at):
        pairs = list(Rows(batch).prompts())
        chosen = relu(mean([ratio(w) for w, _ in pairs]))
        rejected = relu(mean([ratio(l) for _, l in pairs]))
        return [(sigmoid(-beta * (ratio(w) - rejected)) + sigmoid(beta * (ratio(l) - chosen))) / 2 for w, l in pairs]
    return f


def rs_dpo(beta, eta, tau):
    def f(batch, at):
        totals, count = [], 0
        for ys in Rows(batch).prompts():
            terms = [-logs(beta * margin(a, b)) for a in ys for b in ys
                     if sigmoid((a["score"] - b["score"]) / tau) > eta]
            count += len(terms)
            totals.append(sum(terms, mpf(0)))
        return [x * Rows(batch).G / count for x in totals]
    return f


def weighted_mle(beta, source):
    def f(ys):
        last = len(ys) - 1
        rewards = [(mpf(1) / 2 - mpf(k) / last if source == "rank" else y["score"]) / beta for k, y in enumerate(ys)]
        return -sum(w * y["policy_logp"] for w, y in zip(softmax(rewards), ys))
    return listwise(f)


def rlhf(beta):
    def f(ys):
        p = softmax([y["policy_logp"] for y in ys])
        q = softmax([y["ref"] for y in ys])
        return sum(-a * y["score"] + beta * a * log(a / b) for a, b, y in zip(p, q, ys))
    return listwise(f)


def multi_reference(eta, alpha, kind):
    """DPO at β = 1 over several references merged into one; the last reference is the base."""
    def f(w, l):
        count = len(w["refs"])
        gaps = [abs(a - b) for a, b in zip(w["refs"], l["refs"])]
        weights = [g / (sum(gaps) + mpf("1e-6")) if alpha < 0 else alpha / (count - 1) for g in gaps[:-1]]
        weights.append(1 - sum(weights))
        sizes = [abs(mean(y["refs"])) for y in (w, l)]
        rewards = []
        for y, size in zip((w, l), sizes):
            e = -eta if eta < 0 else eta * size / sum(sizes)
            base = y["refs"][-1]
            refs = [min(max(x, base * (1 + e)), base * (1 - e)) for x in y["refs"][:-1]] + [base]
            if kind == "geometric":
                merged = sum(a * x for a, x in zip(weights, refs))
            else:
                used = weights[::-1] if kind == "code" else weights
                merged = -log(sum(a * exp(-x) for a, x in zip(used, refs)))
            rewards.append(y["policy_logp"] - merged)
        return -logs(rewards[0] - rewards[1])
    return pairwise(f)


def arpo(beta, c1, c2):
    def f(w, l):
        tau = min(mpf(1), c1 * exp(c2 * abs(per_token(w) - per_token(l))) - 1)
        return -logs(beta * (w["policy_logp"] - tau * l["policy_logp"]))
    return f


def plackett_luce(beta):
    def f(ys):
        rewards = [beta * ratio(y) for y in ys]
        return -sum(rewards[k] - lse(rewards[k:]) for k in range(len(ys)))
    return listwise(f)


def focal(beta, gamma):
    def f(batch, at):
        return [-sigmoid(beta * margin(*fixed)) ** gamma * logs(beta * margin(*pair))
                for pair, fixed in zip(Rows(batch).prompts(), Rows(at).prompts())]
    return f


def dr_dpo(beta, temperature):
    def f(batch, at):
        losses = [-logs(beta * margin(*pair)) for pair in Rows(batch).prompts()]
        return [-temperature * log(mean([exp(-x / temperature) for x in losses]))] * len(losses)
    return f
