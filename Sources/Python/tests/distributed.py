"""Four steps of training in the processes of torchrun; the first process writes losses and gradient norms."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples"))
import train as example  # noqa: E402
from trl import DPOConfig  # noqa: E402

from losskit.trl import LossKitDPOTrainer  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--loss", required=True)
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--accumulation", type=int, default=1)
parser.add_argument("--fsdp", action="store_true")
options = parser.parse_args()
directory = os.environ["LOSSKIT_TEST_OUTPUT"]
tokenizer = example.byte_tokenizer()
config = DPOConfig(
    output_dir=directory, per_device_train_batch_size=options.batch, gradient_accumulation_steps=options.accumulation,
    max_steps=4, logging_steps=1, learning_rate=1e-3, report_to=[], save_strategy="no", seed=0, use_cpu=True, bf16=False,
    gradient_checkpointing=False, disable_tqdm=True, dataloader_pin_memory=False,
    fsdp="full_shard" if options.fsdp else None,
)  # fmt: skip
# An objective without a reference must not load one; loading this name would fail.
reference = None if options.loss == "simpo" else example.tiny_llama(tokenizer, 0)
trainer = LossKitDPOTrainer(
    example.tiny_llama(tokenizer, 0), ref_model=reference, args=config,
    train_dataset=example.reviews(64, 0), processing_class=tokenizer, loss=options.loss,
)  # fmt: skip
trainer.train()
if trainer.accelerator.is_main_process:
    steps = [record for record in trainer.state.log_history if "loss" in record]
    result = {name: [float(record[name]) for record in steps] for name in ("loss", "grad_norm")}
    (pathlib.Path(directory) / "result.json").write_text(json.dumps(result))
