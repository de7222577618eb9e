"""Trains a tiny Llama, made from a config, by any of LossKit's objectives inside TRL's DPOTrainer.

    python train.py --loss cal-dpo
    torchrun --nproc-per-node 2 train.py --loss aot                   (gloo on CPUs, NCCL on GPUs; DDP)
    torchrun --nproc-per-node 2 train.py --loss cal-dpo --fsdp

Data are JSON Lines of {"prompt", "chosen", "rejected"}; without --data a few made-up reviews serve.
"""

from __future__ import annotations

import argparse
import random

import torch
from datasets import Dataset, load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig

from losskit.trl import LossKitDPOTrainer


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A token for each byte, so that nothing has to be downloaded."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<pad>", "<s>", "</s>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


def tiny_llama(tokenizer: PreTrainedTokenizerFast, seed: int) -> LlamaForCausalLM:
    """A Llama of some hundred thousand weights."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=172, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def reviews(count: int, seed: int) -> Dataset:
    """Made-up reviews, of which the friendly one is chosen."""
    draw = random.Random(seed)
    good, bad = ["bright", "moving", "clever", "warm"], ["dull", "clumsy", "loud", "empty"]
    rows = [
        {
            "prompt": f"Review {index}: the film was ",
            "chosen": f"{draw.choice(good)} and {draw.choice(good)}",
            "rejected": f"{draw.choice(bad)} and {draw.choice(bad)}",
        }
        for index in range(count)
    ]
    return Dataset.from_list(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loss", default="cal-dpo(beta=0.1)", help="the objective, such as cal-dpo or 'dpo + 0.2*sft'")
    parser.add_argument("--data", help="JSON Lines of prompt, chosen, rejected")
    parser.add_argument("--output", default="losskit-trl", help="the directory for checkpoints")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8, help="pairs per process and step")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fsdp", action="store_true", help="shard the model over the processes of torchrun")
    parser.add_argument("--precompute", action="store_true", help="compute the reference's log-probabilities beforehand")
    options = parser.parse_args()

    tokenizer = byte_tokenizer()
    data = load_dataset("json", data_files=options.data, split="train") if options.data else reviews(256, options.seed)
    config = DPOConfig(
        output_dir=options.output, per_device_train_batch_size=options.batch, max_steps=options.steps, logging_steps=1,
        learning_rate=options.learning_rate, report_to=[], save_strategy="no", seed=options.seed,
        use_cpu=not torch.cuda.is_available(), bf16=False, gradient_checkpointing=False, disable_tqdm=True,
        precompute_ref_log_probs=options.precompute, dataloader_pin_memory=False,
        fsdp="full_shard" if options.fsdp else None,
    )  # fmt: skip
    trainer = LossKitDPOTrainer(
        tiny_llama(tokenizer, options.seed), ref_model=tiny_llama(tokenizer, options.seed), args=config,
        train_dataset=data, processing_class=tokenizer, loss=options.loss,
    )  # fmt: skip
    trainer.train()
    if trainer.accelerator.is_main_process:
        first, last = trainer.state.log_history[0], trainer.state.log_history[-2]
        print(f"{trainer.losskit_objective.objective.text}: loss {first['loss']:.4f}, then {last['loss']:.4f}")


if __name__ == "__main__":
    main()
