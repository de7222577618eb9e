"""Writes golden/*.json beside this file, published records of losses for GoldenTests.

usage: make_golden.py [FOLDER]

Without FOLDER it rewrites the set "exact", computed with mpmath from the closed forms in golden_exact.py.

With FOLDER it rewrites all sets. FOLDER holds authors.json (runs of the authors' own code) and trl/*.json (runs of TRL and
Liger-Kernel). The repository has no copy of it: such a run needs the other library at the version, and with the function, that
each stored set names under "provenance". Only numbers are taken over: inputs, losses, gradients, and what ran where. Each record
names the objective, in LossKit's grammar, that must give the same; each set of inputs is stored once, in inputs.json.

A record:
  objectives  texts whose losses and gradients are added (most often one)
  inputs      an entry of inputs.json: pairs under TRL's names, or columns under LossKit's, with K and R
  loss        the mean over prompts, or null if the library adds a term that is not a function of the inputs
  prompts     the loss of each prompt, or null if the library returns none; a null entry does not fit a double
  gradient    by the policy's log-probabilities, chosen first; of the mean over the prompts ("mean") or of the sum ("sum")
  by          the column of the gradient, if it is another one
  also        gradients by further columns, by name
  of          "mean" or "sum"
  before      the state before the call, if it is not the initial one
  state       the state after the call, if the library keeps one
  absolute    an allowed absolute error, if the library computes 1 − σ or loses digits in another way

draw.json is the authors' record of beta-DPO with one random draw of pairs: the losses before the draw, with its own beta.

If a library's number is not finite, or loses digits, the exact one replaces it; see exact.py. Methods without
published numbers are in the set "exact".
"""

import sys

from golden_authors import from_authors
from golden_exact import exactly_known
from golden_liger import from_liger
from golden_sets import Golden
from golden_trl import from_trl

# Results without records, and why.
WITHOUT_RECORDS = {
    "e2e_llama_dpo": "a whole model's; the transformer policy's tests compare models",
    "fused_chunked_logprob": "of logits, not of losses", "liger_fused_linear": "of logits, not of losses",
    "logprob_get_batch_logps": "of logits, not of losses", "logprob_selective_log_softmax": "of logits, not of losses",
    "tpo_logits": "of logits, not of losses",
}


def main():
    if len(sys.argv) > 2 or sys.argv[1:] in (["-h"], ["--help"]):
        raise SystemExit(__doc__)
    golden = Golden(*sys.argv[1:])
    if golden.folder is None:
        golden.read_inputs()
        exactly_known(golden)
        golden.write()
        return
    from_authors(golden)
    from_trl(golden)
    from_liger(golden)
    exactly_known(golden)
    golden.write_all(WITHOUT_RECORDS)


main()
