"""Objectives as JAX functions, traceable under `jit` and `grad`.

The formula and its partial derivatives are rebuilt from JAX operations, with a `custom_vjp`. Objectives that export no formula are
computed by the plugin on the host, through a callback, with a warning.

With `jax_enable_x64` all is computed in double and rounded to the columns' type, else in float32. What is not finite is an error
where the arrays are concrete and on the CPU; under `jit` and `grad` nothing can be raised, and the loss is infinite or NaN.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import losskit
from losskit import _arguments
from losskit._batch import Place
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

    def __getstate__(self) -> dict[str, Any]:
        # Traced functions are rebuilt when needed.
        return {**self.__dict__, "_traced": {}}

    def __call__(self, *, token_offsets: Any = None, seed: int = 0, **columns: jax.Array) -> jax.Array:
        """The mean loss of a batch, differentiable by its columns; names and shapes as in `losskit.Objective.evaluate`."""
        return self.with_state(None, token_offsets=token_offsets, seed=seed, **columns)[0]

    def with_state(
        self, state: jax.Array | None, *, token_offsets: Any = None, seed: int = 0, **columns: jax.Array
    ) -> tuple[jax.Array, jax.Array | None]:
        """The mean loss, and what the objective keeps for the next step. state: what this returned before; None at first."""
        objective = self.objective
        arrays = {name: _array(name, column) for name, column in columns.items()}
        places = objective._places(tuple(arrays))
        offsets = None if token_offsets is None else _offsets(token_offsets)
        prompts, responses, references = objective._shape(list(arrays.values()), places, None, offsets)
        is_checked = all(_is_at_hand(array) for array in arrays.values())
        if is_checked:
            for name, array in arrays.items():
                is_token = objective.columns[places[name].column].per == "token"
                _check_finite(name, array, *(("token", array.shape[-1]) if is_token else ("prompt", prompts)))
        arguments = _stacked(arrays, places)
        initial = objective.initial_state()
        if state is not None and (initial is None or jnp.shape(state) != initial.shape):
            kept = "nothing" if initial is None else f"{len(initial)} numbers"
            raise LossKitError(f"state: {objective.text} keeps {kept} from step to step; pass what the call before returned")
        function = self._function(responses, references)
        if function is None:
            if not isinstance(seed, jax.Array):
                seed = _arguments.whole("seed", seed, 0, 2**64 - 1)
            return self._natively(arguments, state, offsets, seed)
        keywords: dict[str, Any] = {} if offsets is None else {"token_offsets": offsets}
        if initial is not None:
            kept = jnp.asarray(initial) if state is None else state
            keywords["state"] = tuple(kept[index] for index in range(len(initial)))
        # In the objective's order; the function may spell the columns otherwise.
        results = function(*(arguments[name] for name in objective.columns if name in arguments), **keywords)
        results = results if isinstance(results, tuple) else (results,)
        loss = jnp.mean(results[0])
        if is_checked:
            _check_finite("the loss", results[0], "prompt", prompts)
            if not jnp.isfinite(loss):
                raise _arguments.not_finite("the mean loss", float(loss))
        return loss, None if initial is None else jnp.stack(results[-1])

    def _function(self, responses: int, references: int) -> Callable[..., Any] | None:
        key = (responses, references)
        if key not in self._traced:
            try:
                self._traced[key] = function_of(self.objective.export("jax", responses=responses, references=references))
            except LossKitError as problem:
                warnings.warn(f"{self.objective.text} is computed on the host, by a callback: {problem}", stacklevel=4)
                self._traced[key] = None
        return self._traced[key]

    def _natively(
        self, columns: dict[str, jax.Array], state: jax.Array | None, offsets: jax.Array | None, seed: int | jax.Array
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

        def evaluate(
            arrays: tuple[np.ndarray, ...], kept: np.ndarray | None, starts: np.ndarray | None, drawn: np.ndarray | None
        ) -> Any:
            given = None if kept is None or initial is None else np.array(kept, np.float64)
            wide = {name: np.asarray(array, np.float64) for name, array in zip(names, arrays)}
            starts = None if starts is None else np.asarray(starts)
            result = objective.evaluate(token_offsets=starts, state=given, seed=seed if drawn is None else int(drawn), **wide)
            after = np.zeros(0) if result.state is None else result.state
            gradients = {name: result.gradients[name].astype(dtype) for name in differentiable}
            return np.asarray(result.loss, dtype), gradients, after.astype(dtype)

        # Values that may be traced go through the callback.
        traced_seed = seed if isinstance(seed, jax.Array) else None

        @jax.custom_vjp
        def loss(arrays: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
            value, _, after = jax.pure_callback(evaluate, shapes, arrays, state, offsets, traced_seed)
            return value, after

        def forward(arrays: tuple[jax.Array, ...]) -> Any:
            value, gradients, after = jax.pure_callback(evaluate, shapes, arrays, state, offsets, traced_seed)
            return (value, after), gradients

        def backward(gradients: dict[str, jax.Array], cotangents: tuple[jax.Array, jax.Array]) -> Any:
            zero = {name: jnp.zeros_like(columns[name]) for name in names}
            return (tuple((gradients.get(name, zero[name]) * cotangents[0]).astype(columns[name].dtype) for name in names),)

        loss.defvjp(forward, backward)
        value, after = loss(tuple(columns.values()))
        return value, None if initial is None else after


def _array(name: str, value: Any) -> jax.Array:
    """Returns a column as a floating-point array; whole numbers and Booleans are converted to the widest type available."""
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError, OverflowError):
        raise LossKitError(f"{name}: an array of numbers is needed, not {_arguments.kind(value)}") from None
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise LossKitError(f"{name}: real numbers are needed, not {array.dtype}")
    return array.astype(jnp.result_type(float))


def _offsets(value: Any) -> jax.Array:
    """Returns the token offsets, traced or not."""
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError, OverflowError):
        raise LossKitError(f"token_offsets: whole numbers are needed, not {_arguments.kind(value)}") from None
    if array.ndim != 1 or not jnp.issubdtype(array.dtype, jnp.integer):
        raise LossKitError(f"token_offsets: a list of whole numbers is needed, not an array of shape {array.shape} and {array.dtype}")
    return array


def _is_at_hand(array: jax.Array) -> bool:
    """Whether a number can be read without waiting for a device or running a trace."""
    return not isinstance(array, jax.core.Tracer) and all(device.platform == "cpu" for device in array.devices())


def _check_finite(name: str, values: jax.Array, per: str, count: int) -> None:
    """Raises for the first number that is not finite; there is one, or a row of them, for each of `count` prompts or tokens."""
    flat = np.asarray(values, np.float64).reshape(-1)
    wrong = np.flatnonzero(~np.isfinite(flat))
    if wrong.size:
        raise _arguments.not_finite(name, float(flat[wrong[0]]), per, int(wrong[0]) % count)


def _stacked(arrays: Mapping[str, jax.Array], places: Mapping[str, Place]) -> dict[str, jax.Array]:
    """Returns columns by name, with the parts of pairs stacked to [K, G]."""
    parts: dict[str, dict[int | None, jax.Array]] = {}
    for name, array in arrays.items():
        parts.setdefault(places[name].column, {})[places[name].response] = array
    return {
        name: found[None] if None in found else jnp.stack([found[0], found[1]], axis=-2) for name, found in parts.items()
    }
