"""Records of runs of Liger-Kernel's code; the sequence-level losses are TRL's formulas."""

from golden_sets import call, ones
from golden_trl import exact_orpo, granted, orpo, single, smoothed, trl, unpaired


def from_liger(golden):
    trl(golden, "liger_dpo", single, absolute=granted)
    trl(golden, "liger_cpo", lambda hyper: smoothed(hyper, "log-probability"))
    trl(golden, "liger_simpo", lambda hyper: call("simpo", beta=hyper["beta"], gamma_beta_ratio=hyper["gamma"] / hyper["beta"],
                                                  label_smoothing=hyper.get("label_smoothing", 0)), extra=ones)
    # At probability 1 on both sides the odds ratio is undefined; near it Liger-Kernel loses digits.
    trl(golden, "liger_orpo", orpo, extra=ones, exact=exact_orpo, inexact=("avg_near_zero_B6",), skip=("avg_zero_B2",))
    unpaired(golden, ("liger_kto",))
