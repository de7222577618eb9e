"""Evaluates Cal-DPO on two pairs: loss, metrics, and the gradient that a trainer passes to its policy.

pip install ./Sources/Python, then python Examples/Hosts/Python/host.py
"""

import numpy as np

import losskit

objective = losskit.Objective("cal-dpo", beta=0.1)
result = objective.evaluate(
    policy_chosen_logps=np.array([-10.0, -11.0]),
    policy_rejected_logps=np.array([-12.0, -9.0]),
    ref_chosen_logps=np.array([-11.0, -10.5]),
    ref_rejected_logps=np.array([-11.0, -9.5]),
)
print(f"{objective.text}: loss {result.loss:.6f}")
for name, value in result.metrics.items():
    print(f"  {name} {value:.6f}")
print("gradient by chosen log-probabilities", result.gradients["policy_chosen_logps"])

try:
    objective.evaluate(policy_chosen_logps=[float("nan")], policy_rejected_logps=[0.0], ref_chosen_logps=[0.0], ref_rejected_logps=[0.0])
except losskit.LossKitError as problem:
    print("refused:", problem)
