"""Makes a Hugging Face directory of a Llama-architecture GGUF file: config.json, model.safetensors, tokenizer.json and
the chat template.

usage: convert.py MODEL.gguf DIRECTORY

Weights are expanded to float32 and the rows of the query and key projections, which GGUF stores for interleaved rotary
positions, are put back in Hugging Face's order. Needs the packages gguf, numpy and safetensors.
"""
import json
import os
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import save_file

NAMES = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}
# GGUF's types of tokens: 3 is a control token, 4 one that a user defined.
CONTROL, USER_DEFINED = 3, 4


def tensor_name(name):
    """The name of a tensor in Hugging Face's layout."""
    stem = name.removesuffix(".weight")
    if stem.startswith("blk."):
        _, layer, part = stem.split(".")
        return f"model.layers.{layer}.{NAMES[part]}.weight"
    return f"{NAMES[stem]}.weight"


def heads_in_order(weight, heads):
    """Rows (pair, half) of each head as (half, pair)."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def config_of(field, is_tied):
    heads, hidden = field("llama.attention.head_count"), field("llama.embedding_length")
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "float32", "hidden_act": "silu",
        "attention_bias": False, "mlp_bias": False, "hidden_size": hidden,
        "intermediate_size": field("llama.feed_forward_length"), "num_hidden_layers": field("llama.block_count"),
        "num_attention_heads": heads, "num_key_value_heads": field("llama.attention.head_count_kv"),
        "head_dim": hidden // heads, "max_position_embeddings": field("llama.context_length"),
        "rope_theta": field("llama.rope.freq_base"), "rope_scaling": None,
        "rms_norm_eps": float(f'{field("llama.attention.layer_norm_rms_epsilon"):.6g}'),
        "vocab_size": field("llama.vocab_size"), "tie_word_embeddings": is_tied, "initializer_range": 0.02,
        "bos_token_id": field("tokenizer.ggml.bos_token_id"), "eos_token_id": field("tokenizer.ggml.eos_token_id"),
        "pad_token_id": field("tokenizer.ggml.padding_token_id"),
    }


def tokenizer_of(field):
    """The tokenizer.json of the pre-tokenizer "smollm": single digits, then GPT-2's pattern over bytes."""
    if field("tokenizer.ggml.pre") != "smollm":
        sys.exit(f'the pre-tokenizer is {field("tokenizer.ggml.pre")!r}; this script writes "smollm" only')
    tokens, types = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.token_type")
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [
        {"id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": kind == CONTROL}
        for number, (token, kind) in enumerate(zip(tokens, types)) if kind in (CONTROL, USER_DEFINED)
    ]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None, "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in field("tokenizer.ggml.merges")]},
    }


def main(source, directory):
    reader = GGUFReader(source)

    def field(name):
        if name not in reader.fields:
            sys.exit(f"{source} has no {name}; only models of the Llama architecture can be converted")
        return reader.fields[name].contents()

    heads = {"attn_q": field("llama.attention.head_count"), "attn_k": field("llama.attention.head_count_kv")}
    weights = {}
    for tensor in reader.tensors:
        weight = np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        part = tensor.name.removesuffix(".weight").split(".")[-1]
        weights[tensor_name(tensor.name)] = heads_in_order(weight, heads[part]) if part in heads else weight

    os.makedirs(directory, exist_ok=True)

    def write(name, value):
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, indent=2)

    tokens = field("tokenizer.ggml.tokens")
    named = {
        f"{name}_token": tokens[field(f"tokenizer.ggml.{key}_token_id")]
        for name, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown"))}
    save_file(weights, os.path.join(directory, "model.safetensors"), metadata={"format": "pt"})
    write("config.json", config_of(field, "lm_head.weight" not in weights))
    write("generation_config.json", {
        "bos_token_id": field("tokenizer.ggml.bos_token_id"), "eos_token_id": field("tokenizer.ggml.eos_token_id"),
        "pad_token_id": field("tokenizer.ggml.padding_token_id")})
    write("tokenizer.json", tokenizer_of(field))
    write("tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False,
        "model_max_length": field("llama.context_length"), "chat_template": field("tokenizer.chat_template"), **named})
    print(f"{directory}: {sum(weight.size for weight in weights.values()):,} weights, {len(tokens):,} tokens")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
