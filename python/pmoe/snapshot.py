"""Reads a policy's weights: `.pmoe` snapshots of a run, and archives of `pmoe export`."""

from __future__ import annotations

import dataclasses
import pathlib
import tokenize
import typing
import zipfile
import zlib

import numpy as np

from pmoe.container import SNAPSHOT, Reader, open_container
from pmoe.errors import Error
from pmoe.spec import PolicySpec

PAD = 16  # floats; every parameter begins on a 64-byte line
ARCHIVE_BYTES_MAX = 1 << 32


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """One version of a policy's weights.

    Attributes:
        weights, biases: of each layer, f32 [inputs / blocks, outputs] and [outputs].
        normalizer: (mean, std) of observations, f32 [O], where the spec normalizes; else None.
    """

    spec: PolicySpec
    version: int
    env_steps: int
    weights: dict[str, np.ndarray]
    biases: dict[str, np.ndarray]
    normalizer: tuple[np.ndarray, np.ndarray] | None


def read_snapshot(path: pathlib.Path) -> Snapshot:
    """A snapshot by what the file begins with.

    Raises:
        Error: names the file, what is wrong with it, and what to do.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Error(f"cannot read the policy {path}: {error.strerror}; a run writes "
                    "snapshots/latest.pmoe with its first checkpoint and snapshots/best.pmoe with "
                    "its first evaluation") from None
    try:
        return _of_archive(path) if data[:2] == b"PK" else _of_container(data)
    except Error as error:
        raise Error(f"{path} cannot be used: {error}; take another snapshot, or write it anew "
                    "(`pmoe export`, or resume the run)") from None


def _of_container(data: bytes) -> Snapshot:
    container = open_container(data)
    if container.kind != SNAPSHOT:
        raise Error("it is a checkpoint, not a policy; a run's policies are in its snapshots/")
    spec_bytes = container.section("spec")
    if _fnv1a(spec_bytes) != container.architecture_hash:
        raise Error("its architecture hash and its spec differ")
    spec = PolicySpec.from_bytes(spec_bytes)
    weights, biases = _cut(spec, container.section("weights"))
    normalizer = None
    if spec.normalizes_obs:
        reader = Reader(container.section("normalizer"), "the normalizer")
        normalizer = reader.vector("<f4"), reader.vector("<f4")
        reader.finish()
    return _checked(Snapshot(spec, container.policy_version, container.env_steps, weights, biases,
                             normalizer))


def _fnv1a(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def _cut(spec: PolicySpec, data: bytes) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The flat vector into parameters: of each layer its weight, then its bias, both padded."""
    sizes = [(layer, layer.weight_rows * layer.outputs) for layer in spec.layers]
    wanted = sum(_padded(size) + _padded(layer.outputs) for layer, size in sizes)
    if len(data) != 4 * wanted:
        raise Error(f"its weights have {len(data)} bytes, its spec asks for {4 * wanted}")
    flat = np.frombuffer(data, "<f4")
    weights, biases, at = {}, {}, 0
    for layer, size in sizes:
        weights[layer.name] = flat[at:at + size].reshape(layer.weight_rows, layer.outputs)
        at += _padded(size)
        biases[layer.name] = flat[at:at + layer.outputs]
        at += _padded(layer.outputs)
    return weights, biases


def _padded(count: int) -> int:
    return (count + PAD - 1) // PAD * PAD


def _of_archive(path: pathlib.Path) -> Snapshot:
    try:
        with zipfile.ZipFile(path) as archive:  # its members say how large they are
            if sum(info.file_size for info in archive.infolist()) > ARCHIVE_BYTES_MAX:
                raise Error("its arrays are larger than 4 GiB, which no policy is")
            damaged = archive.testzip()
            if damaged is not None:
                raise Error(f"the checksum of its {damaged} differs")
        with np.load(path, allow_pickle=False) as loaded:
            arrays = dict(loaded)
    except (OSError, ValueError, EOFError, RuntimeError, MemoryError, SyntaxError,
            tokenize.TokenError, zipfile.BadZipFile, zlib.error) as error:
        raise Error(f"it is no archive of NumPy arrays, or a damaged one ({error})") from None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise Error(f"its member {name} is no NumPy array")
    if "spec" not in arrays:
        raise Error("it has no spec: it is no archive of `pmoe export`")
    outputs = {name.removesuffix(".bias"): array.size for name, array in arrays.items()
               if name.endswith(".bias")}
    spec, said = PolicySpec.from_json(arrays["spec"].tobytes().decode(errors="replace"), outputs)
    weights = {layer.name: _array(arrays, layer.name + ".weight") for layer in spec.layers}
    biases = {layer.name: _array(arrays, layer.name + ".bias") for layer in spec.layers}
    normalizer = None
    if spec.normalizes_obs:
        normalizer = _array(arrays, "obs_mean"), _array(arrays, "obs_std")
    return _checked(Snapshot(spec, _count(said, "version"), _count(said, "env_steps"), weights,
                             biases, normalizer))


def _count(said: dict[str, typing.Any], name: str) -> int:
    value = said.get(name, 0)
    if not isinstance(value, int):
        raise Error(f"its {name} is {value!r}, which is no whole number")
    return value


def _array(arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays:
        raise Error(f"its array {name} is missing")
    if arrays[name].dtype != np.float32:
        raise Error(f"its array {name} is {arrays[name].dtype}, must be float32")
    return arrays[name]


def _checked(snapshot: Snapshot) -> Snapshot:
    for layer in snapshot.spec.layers:
        for kind, array, shape in (
                ("weight", snapshot.weights[layer.name], (layer.weight_rows, layer.outputs)),
                ("bias", snapshot.biases[layer.name], (layer.outputs,))):
            _check_array(f"{layer.name}.{kind}", array, shape)
    if snapshot.normalizer is not None:
        mean, std = snapshot.normalizer
        _check_array("obs_mean", mean, (snapshot.spec.obs_dim,))
        _check_array("obs_std", std, (snapshot.spec.obs_dim,))
        if not (std > 0).all():
            raise Error("its obs_std must be above 0 everywhere")
    return snapshot


def _check_array(name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise Error(f"its array {name} has shape {array.shape}, must be {shape}")
    if not np.isfinite(array).all():
        raise Error(f"its array {name} has a number that is not finite")
