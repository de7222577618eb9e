"""Writes records.json from the files logprob_*, fused_chunked_logprob and liger_fused_linear, in the given folder:
float64 results of TRL 1.16.0's and Liger-Kernel 0.8.5's own functions, called as described in their field `produced_by`.

    python3 make_records.py FOLDER
"""

import json
import pathlib
import sys

NAMES = {
    "selective": "logprob_selective_log_softmax",
    "batch": "logprob_get_batch_logps",
    "chunked": "fused_chunked_logprob",
    "liger": "liger_fused_linear",
}

folder = pathlib.Path(sys.argv[1])
records = {}
for key, name in NAMES.items():
    file = json.loads((folder / f"{name}.json").read_text())
    source = file["produced_by"]
    records[key] = {
        "source": f"{source['library']} {source['version']}, {source['function']}",
        "inputs": file["inputs"],
        "results": file["results"],
    }
here = pathlib.Path(__file__).parent
(here / "records.json").write_text(json.dumps(records, separators=(",", ":")) + "\n")
