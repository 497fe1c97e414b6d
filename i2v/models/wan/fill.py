"""Published arrays into a module of ours: every name and shape checked first, then one array at a time, cast, placed.

Parameters of stacked layers are allocated once on their devices and written layer by layer, so the host never holds
more than one layer's array; each device reads only its own part of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from i2v.models.wan.files import TensorFiles
from i2v.models.wan.names import Names, Part

Placement = Callable[[str, tuple[int, ...]], Sharding]
"""Our dotted path and shape → where the parameter goes."""
_SHOWN = 12
_SMALL = 1 << 26
"""Stacks up to this size [bytes] are put together on the host."""


def shapes_of(build: Callable[[], nnx.Module]) -> dict[str, jax.ShapeDtypeStruct]:
    """Dotted path → shape and type of every parameter, without memory for any."""
    state = nnx.split(nnx.eval_shape(build))[1]
    return {
        ".".join(map(str, path)): jax.ShapeDtypeStruct(variable.get_value().shape, variable.get_value().dtype)
        for path, variable in nnx.to_flat_state(state)
        if isinstance(variable, nnx.Param)
    }


def canonical_names(shapes: dict[str, jax.ShapeDtypeStruct], names: Names) -> dict[str, tuple[str, int | None]]:
    """Canonical name → our path, and the layer within a stack."""
    found: dict[str, tuple[str, int | None]] = {}
    for path, leaf in shapes.items():
        stacked = names.stack is not None and path.startswith(names.stack + ".")
        for layer, name in enumerate(names.of(path, leaf.shape[0] if stacked else 1)):
            assert name not in found, f"{names.title}: two parameters are called {name}"
            found[name] = (path, layer if stacked else None)
    return found


def in_our_layout(array: np.ndarray, path: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """A view of a published array as we keep it; ``None`` if its shape does not fit.

    Kernels go from (out, in, ...) to (..., in, out), and where ours is a matrix, to (... in, out). Elsewhere axes of
    size 1 may differ.
    """
    if path.endswith("kernel") and array.ndim >= 2:
        array = np.moveaxis(array, (0, 1), (-1, -2))
        if array.shape[-1] != shape[-1] or not (
            _without_ones(array.shape[:-1]) == _without_ones(shape[:-1])
            or (len(shape) == 2 and math.prod(array.shape[:-1]) == shape[0])
        ):
            return None
        return array.reshape(shape)
    if _without_ones(array.shape) != _without_ones(shape):
        return None
    return array.reshape(shape)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def fill(
    build: Callable[[], nnx.Module], files: TensorFiles, names: Names, *, placement: Placement | None = None
) -> nnx.Module:
    """A module with published weights, without drawing random ones first.

    Args:
        build: Makes the module, without arguments; its parameters' types are what arrays are cast to.
        files: The weights.
        names: Of this kind of file.
        placement: Where each parameter goes; default: the first device.

    Raises:
        ValueError: Names or shapes do not fit: how many are missing, unknown, of another shape, and which.
    """
    shapes = shapes_of(build)
    wanted, there = canonical_names(shapes, names), names.canonical(files.entries)
    _check(wanted, there, shapes, files, names)
    place = placement or (lambda path, shape: SingleDeviceSharding(jax.devices()[0]))
    sources: dict[str, list[Part]] = {path: [] for path in shapes}
    for name, (path, _) in wanted.items():
        sources[path].append(there[name])  # in order of layers
    graph, state = nnx.split(nnx.eval_shape(build))
    filled = []
    for path, variable in nnx.to_flat_state(state):
        dotted = ".".join(map(str, path))
        if dotted not in shapes:
            filled.append((path, variable))
            continue
        stacked = names.stack is not None and dotted.startswith(names.stack + ".")
        array = _loaded(files, sources[dotted], dotted, shapes[dotted], place(dotted, shapes[dotted].shape), stacked)
        filled.append((path, variable.replace(array)))
    return nnx.merge(graph, nnx.from_flat_state(filled))


def _check(wanted, there: dict[str, Part], shapes, files: TensorFiles, names: Names) -> None:
    layers = _layers(shapes, names)
    wrong = []
    for name in sorted(wanted.keys() & there.keys()):
        path, layer = wanted[name]
        shape = shapes[path].shape if layer is None else shapes[path].shape[1:]
        # an array without memory: all strides are zero
        array = _part(np.broadcast_to(np.int8(0), files.shape(there[name].name)), there[name])
        if in_our_layout(array, path, shape) is None:
            wrong.append(f"{name} {array.shape}, which should become {shape}")
    groups = {
        "missing": sorted(wanted.keys() - there.keys()),
        "unexpected": sorted(name for name in there.keys() - wanted.keys() if not names.idle(name, layers)),
        "of another shape": wrong,
    }
    told = []
    for what, found in groups.items():
        if found:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            told.append(f"{len(found)} {what}: {', '.join(found[:_SHOWN])}{more}")
    if told:
        raise ValueError(
            f"{files.origin} does not fit {names.title}. {'. '.join(told)}. Is it another model's, or another size?"
        )


def _layers(shapes: dict[str, jax.ShapeDtypeStruct], names: Names) -> int:
    return next((s.shape[0] for path, s in shapes.items() if names.stack and path.startswith(names.stack + ".")), 0)


def _part(array: np.ndarray, part: Part) -> np.ndarray:
    size = array.shape[0] // part.of
    return array if part.of == 1 else array[part.number * size : (part.number + 1) * size]


def _loaded(
    files: TensorFiles, parts: list[Part], path: str, leaf: jax.ShapeDtypeStruct, target: Sharding, stacked: bool
) -> jax.Array:
    def ours(part: Part, shape: tuple[int, ...]) -> np.ndarray:
        array = in_our_layout(_part(files.read(part.name), part), path, shape)
        assert array is not None
        return array

    if not stacked:
        return _placed(ours(parts[0], leaf.shape), leaf, target)
    layer = jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype)
    if math.prod(leaf.shape) * leaf.dtype.itemsize <= _SMALL:
        whole = np.stack([ours(part, layer.shape) for part in parts]).astype(leaf.dtype)
        return _placed(whole, leaf, target)
    within = (
        NamedSharding(target.mesh, PartitionSpec(*target.spec[1:])) if isinstance(target, NamedSharding) else target
    )
    stack = jax.jit(partial(jnp.zeros, leaf.shape, leaf.dtype), out_shardings=target)()
    write = jax.jit(
        lambda stack, one, i: jax.lax.dynamic_update_index_in_dim(stack, one, i, 0),
        donate_argnums=0,
        out_shardings=target,
    )
    for number, part in enumerate(parts):
        stack = write(stack, _placed(ours(part, layer.shape), layer, within), number)
    return stack


def _placed(array: np.ndarray, leaf: jax.ShapeDtypeStruct, target: Sharding) -> jax.Array:
    """Each device's part is read, cast and sent on its own."""
    return jax.make_array_from_callback(
        leaf.shape, target, lambda index: np.ascontiguousarray(array[index]).astype(leaf.dtype)
    )
