"""What a video's manifest says: made from which photo, by which steps, with which physical parameters.

The digital source type follows what really ran. The plain composite of simulated motion and the photo's own pixels is
``compositeSynthetic``; where a trained network added to it, ``compositeWithTrainedAlgorithmicMedia``; where a video
model made the whole picture, ``trainedAlgorithmicMedia`` (IPTC digital source type vocabulary, 2023).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from physim.shot import Shot

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
ALGORITHM = "org.physim.spread-spectrum.1"
"""Name of the watermark's scheme, see :mod:`i2v.media.watermark`."""
MAX_SHOT = 40_000
"""Longest description of the things of a shot in a manifest [characters of JSON]; longer ones are only counted."""


def manifest_of(
    shot: Shot,
    *,
    title: str,
    versions: Mapping[str, str],
    network: str | None,
    whole_picture: bool = False,
    report: Mapping[str, float] | None = None,
    watermark: str | None = None,
    ledger: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Manifest definition of a finished video.

    Args:
        shot: As it ran.
        title: Name of the file.
        versions: Package → version.
        network: The trained network that painted; ``None``: none ran, whatever the shot asked for.
        whole_picture: Whether that network made every pixel, not only an addition to the composite.
        report: Conservation laws and their errors.
        watermark: Number in the frames, hexadecimal; ``None``: there is none.
        ledger: Head of the refinement ledger, see :mod:`i2v.media.ledger`.
    """
    agent = {"name": "physim", "version": versions.get("physim", "")}
    simulation = {
        "seconds": shot.seconds,
        "fps": shot.fps,
        "seed": shot.seed,
        "gravity": _gravity(shot),
        "things": _things(shot),
        "forces": _sparse([force.model_dump(mode="json", exclude_none=True) for force in shot.forces]),
        "joints": len(shot.joints),
        "depth_network": shot.hints.depth.model or "none",
        "conservation": dict(report or {}),
        "versions": dict(versions),
        "shot_sha256": shot_hash(shot),
    }
    actions = [
        {
            "action": "c2pa.created",
            "digitalSourceType": VOCABULARY + source_type(network, whole_picture),
            "softwareAgent": agent,
            "description": "A video of a photo, moved by a physical simulation.",
            "parameters": {"org.physim.seed": shot.seed, "org.physim.fps": shot.fps},
        },
        {
            "action": "c2pa.placed",
            "softwareAgent": agent,
            "description": "The photo is the scene: what stands in it collides, its pixels are the texture.",
            "parameters": {"ingredientIds": ["photo"]},
        },
        {
            "action": "c2pa.edited",
            "softwareAgent": agent,
            "description": _sentence(shot),
            "parameters": {
                "org.physim.materials": _materials(shot),
                "org.physim.forces": simulation["forces"],
                "org.physim.gravity": simulation["gravity"],
            },
        },
    ]
    if shot.camera:
        moves = [move.model_dump(mode="json", by_alias=True, exclude_none=True) for move in shot.camera]
        actions.append(_edit(agent, "The camera moves.", {"org.physim.camera": _sparse(moves)}))
    if network is not None:
        painted = {"org.physim.model": network, **_painting(shot)}
        actions.append(_edit(agent, "A trained network painted what the simulation does not draw.", painted))
    if watermark is not None:
        marked = {"org.physim.watermark": watermark}
        text = "An invisible mark was put into every frame."
        actions.append(
            {"action": "c2pa.watermarked", "softwareAgent": agent, "description": text, "parameters": marked}
        )
    assertions = [
        {"label": "c2pa.actions.v2", "data": {"actions": actions}},
        {"label": "org.physim.simulation", "data": simulation},
    ]
    if watermark is not None:
        block = {"scope": {}, "value": watermark}
        assertions.append({"label": "c2pa.soft-binding", "data": {"alg": ALGORITHM, "blocks": [block]}})
    if ledger is not None:
        assertions.append({"label": "org.physim.ledger", "data": dict(ledger)})
    generator = {"name": "physim", "version": versions.get("physim", "0")}
    return {"title": title, "claim_generator_info": [generator], "assertions": _without_vectors(assertions)}


def source_type(network: str | None, whole_picture: bool) -> str:
    """Last part of the digital source type's address."""
    if network is None:
        return "compositeSynthetic"
    return "trainedAlgorithmicMedia" if whole_picture else "compositeWithTrainedAlgorithmicMedia"


def network_of(shot: Shot, none: str = "none") -> str | None:
    """Which trained network painted: none if the shot asks for none, or adds nothing of what it made."""
    spec = shot.generate
    return None if spec.model == none or spec.strength == 0 else spec.model


def shot_hash(shot: Shot) -> str:
    """SHA-256 of everything the shot says, hexadecimal; where its files lie does not count, only their names."""
    text = json.dumps(_names_only(shot.model_dump(by_alias=True)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _names_only(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _names_only(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_names_only(v) for v in value]
    return value.name if hasattr(value, "__fspath__") else value


def _without_vectors(value: Any) -> Any:
    """Lists of numbers as text: the reader of c2pa-python takes them for bytes and gives back nothing."""
    if isinstance(value, dict):
        return {k: _without_vectors(v) for k, v in value.items()}
    if not isinstance(value, list):
        return value
    if value and all(isinstance(v, int | float) for v in value):
        return ", ".join(f"{v:.9g}" for v in value)
    return [_without_vectors(v) for v in value]


def _edit(agent: dict[str, str], text: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"action": "c2pa.edited", "softwareAgent": agent, "description": text, "parameters": parameters}


def _painting(shot: Shot) -> dict[str, Any]:
    spec = shot.generate
    return {"org.physim.num_inference_steps": spec.num_inference_steps, "org.physim.strength": spec.strength}


def _things(shot: Shot) -> list[Any] | str:
    """What is not default of each thing; regions of the photo are only named."""
    dumped = [
        thing.model_dump(mode="json", exclude_defaults=True, exclude={"select", "lift", "colour", "texture"})
        for thing in shot.things
    ]
    return _sparse(dumped)


def _sparse(items: list[Any]) -> list[Any] | str:
    return items if len(json.dumps(items)) <= MAX_SHOT else f"{len(items)}, too many to list"


def _gravity(shot: Shot) -> Any:
    """A vector, or its keys [m/s^2]."""
    given = _sparse([shot.model_dump(mode="json")["gravity"]])
    return given if isinstance(given, str) else given[0]


def _materials(shot: Shot) -> dict[str, str]:
    """Name of a thing → kind of matter and material."""
    found = {}
    for thing in shot.things[:100]:
        for kind in ("rigid", "static", "kinematic", "smoke", "cloth", "liquid"):
            spec = getattr(thing, kind)
            if spec is not None:
                found[thing.name] = f"{kind}, {spec.material}"
    return found


def _sentence(shot: Shot) -> str:
    count = len(shot.things)
    return f"Simulated {shot.seconds:g} s of {count} thing{'' if count == 1 else 's'} under gravity, in SI units."
