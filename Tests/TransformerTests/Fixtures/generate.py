"""Writes llama.json: token log-probabilities of a Llama in NumPy float64, written from the definition of the architecture and
independent of the policy's code. Weights come from a formula that the test repeats. Run: python3 generate.py"""
import json
import pathlib

import numpy as np

BEGIN, END, VOCABULARY = 257, 258, 259


def weights(name, shape):
    """Numbers in (-0.5, 0.5) from the name and the index: FNV-1a of the name, then MurmurHash3's finalizer."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    h = (seed + np.arange(int(np.prod(shape)), dtype=np.uint64) * 2654435761) & 0xFFFFFFFF
    h ^= h >> 16
    h = (h * 0x85EBCA6B) & 0xFFFFFFFF
    h ^= h >> 13
    h = (h * 0xC2B2AE35) & 0xFFFFFFFF
    h ^= h >> 16
    values = h / 2.0**32 - 0.5
    if name.endswith("norm.weight"):
        values = 1 + 0.5 * values
    return values.astype(np.float32).astype(np.float64).reshape(shape)


def rms_norm(x, weight, epsilon):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def rotate(x, theta):
    """x: [positions, heads, size]; Hugging Face's rotate_half."""
    positions, _, size = x.shape
    angles = np.arange(positions)[:, None] * theta ** (-np.arange(0, size, 2) / size)[None, :]
    angles = np.concatenate([angles, angles], -1)[:, None, :]
    half = np.concatenate([-x[..., size // 2 :], x[..., : size // 2]], -1)
    return x * np.cos(angles) + half * np.sin(angles)


def log_probabilities(c, tokens):
    """Log-probability of each token but the first, given those before it."""
    hidden, heads, shared = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"]
    size, wide, epsilon = hidden // heads, c["intermediate_size"], c["rms_norm_eps"]
    embedding = weights("model.embed_tokens.weight", (VOCABULARY, hidden))
    x = embedding[tokens[:-1]]
    n = len(x)
    for layer in range(c["num_hidden_layers"]):
        def w(part, *shape):
            return weights(f"model.layers.{layer}.{part}.weight", shape)

        y = rms_norm(x, w("input_layernorm", hidden), epsilon)
        q = rotate((y @ w("self_attn.q_proj", hidden, hidden).T).reshape(n, heads, size), c["rope_theta"])
        k = rotate((y @ w("self_attn.k_proj", shared * size, hidden).T).reshape(n, shared, size), c["rope_theta"])
        v = (y @ w("self_attn.v_proj", shared * size, hidden).T).reshape(n, shared, size)
        k, v = np.repeat(k, heads // shared, 1), np.repeat(v, heads // shared, 1)
        scores = np.einsum("qhs,khs->hqk", q, k) / np.sqrt(size)
        scores = np.where(np.tril(np.ones((n, n), bool)), scores, -np.inf)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        x = x + np.einsum("hqk,khs->qhs", p, v).reshape(n, hidden) @ w("self_attn.o_proj", hidden, hidden).T
        y = rms_norm(x, w("post_attention_layernorm", hidden), epsilon)
        gate, up = y @ w("mlp.gate_proj", wide, hidden).T, y @ w("mlp.up_proj", wide, hidden).T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w("mlp.down_proj", hidden, wide).T
    x = rms_norm(x, weights("model.norm.weight", (hidden,)), epsilon)
    head = embedding if c["tie_word_embeddings"] else weights("lm_head.weight", (VOCABULARY, hidden))
    logits = x @ head.T
    top = logits.max(-1, keepdims=True)
    logits = logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))
    return logits[np.arange(n), tokens[1:]]


def case(hidden, wide, layers, heads, shared, theta, epsilon, tied, texts):
    c = {
        "hidden_size": hidden, "intermediate_size": wide, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": shared, "rope_theta": theta, "rms_norm_eps": epsilon, "tie_word_embeddings": tied,
    }
    samples = []
    for prompt, response in texts:
        tokens = np.array([BEGIN, *prompt.encode(), *response.encode(), END])
        scored = log_probabilities(c, tokens)[-len(response.encode()) - 1 :]
        samples.append({"prompt": prompt, "response": response, "logps": scored.tolist()})
    return {**c, "samples": samples}


short = [("Good film?", " Yes: a joy."), ("", "x"), ("Ünïcode ", "→ ok\n")]
long = [("The plot thickens. " * 15, "It never ends, " * 6), ("Why", " not")]
cases = [
    case(24, 20, 2, 4, 2, 10000.0, 1e-5, False, short),
    case(16, 44, 3, 2, 2, 100.0, 1e-6, True, short),
    case(32, 24, 2, 8, 1, 10000.0, 1e-5, True, long),
]
path = pathlib.Path(__file__).with_name("llama.json")
path.write_text(json.dumps({"cases": cases}, indent=1, ensure_ascii=False) + "\n")
