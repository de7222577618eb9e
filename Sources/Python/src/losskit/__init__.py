"""Preference-optimization losses by name.

>>> import losskit, numpy as np
>>> objective = losskit.Objective("cal-dpo", beta=0.1)
>>> result = objective.evaluate(
...     policy_chosen_logps=np.array([-10.0]), policy_rejected_logps=np.array([-12.0]),
...     ref_chosen_logps=np.array([-11.0]), ref_rejected_logps=np.array([-11.0]))
>>> round(result.loss, 4)
32.1269

Log-probabilities are in nats, sums over the tokens of a response; lengths are in tokens. `losskit.torch`, `losskit.jax` and
`losskit.trl` hold what needs PyTorch, JAX and TRL.
"""

from losskit._library import LossKitError, version
from losskit._logits import LogProbs, log_probs
from losskit._objective import Column, Evaluation, Objective
from losskit._registry import Entry, Registry, describe, list

# Leaves out `list`, which would hide Python's own in `from losskit import *`; it is available as losskit.list.
__all__ = [
    "Column", "Entry", "Evaluation", "LogProbs", "LossKitError", "Objective", "Registry", "describe", "log_probs", "version",
]  # fmt: skip


def __getattr__(name: str) -> str:
    """Provides `__version__`, the version of the native library."""
    if name == "__version__":
        return version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
