"""Objectives as JAX functions, traceable under `jit` and `grad`.

The formula and its partial derivatives are rebuilt from JAX operations, with a `custom_vjp`. What exports no formula is computed
by the plugin on the host, through a callback, and a warning says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import losskit
from losskit._batch import place
from losskit._library import LossKitError
from losskit._registry import Registry
from losskit._source import function_of

__all__ = ["Objective"]


class Objective:
    """A preference loss by name: `Objective("cal-dpo", beta=0.01)(policy_chosen_logps=…, …)` is the mean loss.

    text, reward, settings, registry and hyperparameters are those of `losskit.Objective`. It is pure: what an objective keeps from
    step to step goes in and out by `with_state`.
    """

    def __init__(
        self,
        text: str,
        *,
        reward: str | None = None,
        settings: Mapping[str, object] | None = None,
        registry: Registry | None = None,
        **hyperparameters: object,
    ) -> None:
        self.objective = losskit.Objective(
            text, reward=reward, settings=settings, registry=registry, **hyperparameters
        )
        self._traced: dict[tuple[int, int], Callable[..., Any] | None] = {}

    def __call__(self, *, token_offsets: Any = None, seed: int = 0, **columns: jax.Array) -> jax.Array:
        """The mean loss of a batch, differentiable by its columns; names and shapes as in `losskit.Objective.evaluate`."""
        return self.with_state(None, token_offsets=token_offsets, seed=seed, **columns)[0]

    def with_state(
        self, state: jax.Array | None, *, token_offsets: Any = None, seed: int = 0, **columns: jax.Array
    ) -> tuple[jax.Array, jax.Array | None]:
        """The mean loss, and what the objective keeps for the next step. state: what this returned before; None at first."""
        arguments = _stacked(self.objective, columns)
        function = self._function(columns, token_offsets)
        if function is None:
            return self._natively(arguments, state, token_offsets, seed)
        initial = self.objective.initial_state()
        keywords: dict[str, Any] = {} if token_offsets is None else {"token_offsets": token_offsets}
        if initial is not None:
            kept = jnp.asarray(initial) if state is None else state
            keywords["state"] = tuple(kept[index] for index in range(len(initial)))
        results = function(**arguments, **keywords)
        results = results if isinstance(results, tuple) else (results,)
        return jnp.mean(results[0]), None if initial is None else jnp.stack(results[-1])

    def _function(self, columns: Mapping[str, Any], token_offsets: Any) -> Callable[..., Any] | None:
        places = self.objective._places(tuple(columns))
        _, responses, references = self.objective._shape(columns, places, None, token_offsets)
        key = (responses, references)
        if key not in self._traced:
            try:
                self._traced[key] = function_of(self.objective.export("jax", responses=responses, references=references))
            except LossKitError as problem:
                warnings.warn(f"{self.objective.text} is computed on the host, by a callback: {problem}", stacklevel=4)
                self._traced[key] = None
        return self._traced[key]

    def _natively(
        self, columns: dict[str, jax.Array], state: jax.Array | None, token_offsets: Any, seed: int
    ) -> tuple[jax.Array, jax.Array | None]:
        objective = self.objective
        initial = objective.initial_state()
        names = tuple(columns)
        dtype = jnp.result_type(*columns.values(), jnp.float32)
        differentiable = tuple(name for name in names if objective.columns[name].differentiable)
        shapes = (
            jax.ShapeDtypeStruct((), dtype),
            {name: jax.ShapeDtypeStruct(columns[name].shape, dtype) for name in differentiable},
            jax.ShapeDtypeStruct((0 if initial is None else len(initial),), dtype),
        )

        def evaluate(arrays: tuple[np.ndarray, ...], kept: np.ndarray | None) -> Any:
            given = None if kept is None or initial is None else np.array(kept, np.float64)
            wide = {name: np.asarray(array, np.float64) for name, array in zip(names, arrays)}
            result = objective.evaluate(token_offsets=token_offsets, state=given, seed=seed, **wide)
            after = np.zeros(0) if result.state is None else result.state
            gradients = {name: result.gradients[name].astype(dtype) for name in differentiable}
            return np.asarray(result.loss, dtype), gradients, after.astype(dtype)

        @jax.custom_vjp
        def loss(arrays: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
            value, _, after = jax.pure_callback(evaluate, shapes, arrays, state)
            return value, after

        def forward(arrays: tuple[jax.Array, ...]) -> Any:
            value, gradients, after = jax.pure_callback(evaluate, shapes, arrays, state)
            return (value, after), gradients

        def backward(gradients: dict[str, jax.Array], cotangents: tuple[jax.Array, jax.Array]) -> Any:
            zero = {name: jnp.zeros_like(columns[name]) for name in names}
            return (tuple((gradients.get(name, zero[name]) * cotangents[0]).astype(columns[name].dtype) for name in names),)

        loss.defvjp(forward, backward)
        value, after = loss(tuple(columns.values()))
        return value, None if initial is None else after


def _stacked(objective: losskit.Objective, columns: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """Columns by their names, the parts of pairs stacked to [K, G]."""
    parts: dict[str, dict[int | None, jax.Array]] = {}
    for name, array in columns.items():
        where = place(name, objective.columns)
        array = jnp.asarray(array)
        parts.setdefault(where.column, {})[where.response] = array if array.dtype.kind == "f" else array.astype(jnp.float32)
    missing = [name for name in objective.columns if name not in parts]
    if missing:
        raise LossKitError(f"{objective.text}: the column {missing[0]} is missing")
    halves = [name for name, found in parts.items() if None not in found and len(found) != 2]
    if halves:
        raise LossKitError(f"{halves[0]}: its chosen and its rejected part are needed, one of them is missing")
    return {
        name: found[None] if None in found else jnp.stack([found[0], found[1]], axis=-2) for name, found in parts.items()
    }
