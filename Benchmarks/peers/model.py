"""Writes a Llama with random weights as a Hugging Face directory: model.py DIRECTORY KEY=VALUE…, keys of LlamaConfig."""

from __future__ import annotations

import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

if __name__ == "__main__":
    torch.manual_seed(0)
    options = {name: int(value) for name, value in (word.split("=") for word in sys.argv[2:])}
    tokens = {"pad_token_id": 256, "bos_token_id": 257, "eos_token_id": 258}
    config = LlamaConfig(**options, **tokens, tie_word_embeddings=True, rms_norm_eps=1e-5)
    LlamaForCausalLM(config).save_pretrained(sys.argv[1])
