"""Content credentials (C2PA): what was done is signed into the file as the last step, and read back from it.

Three answers when reading: *trusted* (signed by someone the reader's anchors vouch for), *valid, unknown signer* (what
was signed is unchanged, but anyone can have signed it), *invalid* (file or manifest was changed). A copy or re-encode
by another program drops the manifest without a trace; the watermark is what is left then. Nothing is fetched from a
network. Source: C2PA Technical Specification 2.2. Needs the extra ``credentials``.
"""

from __future__ import annotations

import copy
import io
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from i2v.media.certificate import INSTALL, CredentialsError, Signing

State = Literal["trusted", "valid, unknown signer", "invalid", "none"]
TYPES = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".wav": "audio/wav",
}
"""Suffix → media type of what can carry a manifest."""
MAX_TEXT = 500
"""Longest text of a foreign manifest that is passed on [characters]."""
MAX_ITEMS = 200
"""Most actions, ingredients or failures of a foreign manifest that are passed on."""
PHOTO = "photo"
"""Label of the source photo among the ingredients."""


@dataclass(frozen=True)
class Credentials:
    """What a file says about itself, and whether that can be believed. Texts are cleaned of control characters."""

    state: State
    signer: str = ""
    issuer: str = ""
    generator: str = ""
    source_types: list[str] = field(default_factory=list)
    """Digital source types of the actions, the last part of their address."""
    actions: list[dict[str, Any]] = field(default_factory=list)
    """In order: ``action``, ``description``, ``parameters``."""
    ingredients: list[str] = field(default_factory=list)
    assertions: dict[str, Any] = field(default_factory=dict)
    """Ours, by label (``org.physim...``)."""
    failures: list[str] = field(default_factory=list)
    """Codes of what did not hold, for example ``assertion.bmffHash.mismatch``."""
    manifests: int = 0
    """How many generations the file carries."""


def media_type(path: str | os.PathLike) -> str:
    """Media type of a file that can carry a manifest, by its suffix.

    Raises:
        CredentialsError: It cannot.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in TYPES:
        raise CredentialsError(f"{path}: content credentials go into {', '.join(sorted(TYPES))}, not {suffix!r}.")
    return TYPES[suffix]


def check_signing(signing: Signing) -> None:
    """Sign and drop a picture of one pixel: what the standard refuses is known before the long work.

    Raises:
        CredentialsError: What it refuses, in its words.
    """
    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
        "0000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
    )
    manifest = {"claim_generator_info": [{"name": "physim"}], "assertions": [_created("check")]}
    c2pa = _c2pa()
    try:
        _builder(c2pa, manifest).sign(_signer(c2pa, signing), "image/png", io.BytesIO(pixel), io.BytesIO())
    except c2pa.C2paError as error:
        raise CredentialsError(f"the certificate of {signing.signer!r} cannot sign: {_plain(str(error))}.") from None


def sign(
    source: str | os.PathLike,
    target: str | os.PathLike,
    manifest: dict[str, Any],
    signing: Signing,
    *,
    photo: str | os.PathLike | None = None,
) -> Path:
    """Write ``source`` with a signed manifest to ``target``; atomic, and ``source`` stays as it is.

    Args:
        source: Finished file: nothing may change it afterwards.
        target: Same kind of file; an existing one is replaced when the new one is complete.
        manifest: From :func:`i2v.media.manifest.manifest_of`, or any C2PA manifest definition.
        signing: From :func:`i2v.media.certificate.load_certificate`.
        photo: The picture that the file was made from; it becomes an ingredient, with its own manifest if it has one.

    Raises:
        CredentialsError: The file or certificate cannot be used. ``source`` is untouched, ``target`` not written.
    """
    source, target = Path(source), Path(target)
    media_type(target)
    c2pa = _c2pa()
    part = target.with_name(f"{target.stem}.signing{target.suffix}")
    part.unlink(missing_ok=True)
    try:
        builder = _builder_with_photo(c2pa, manifest, None if photo is None else Path(photo))
        builder.sign_file(source, part, _signer(c2pa, signing))
        os.replace(part, target)
    except c2pa.C2paError as error:
        raise CredentialsError(f"{source} could not be signed: {_plain(str(error))}.") from None
    except OSError as error:
        raise CredentialsError(f"{target} could not be signed: {error.strerror or error}.") from None
    finally:
        part.unlink(missing_ok=True)
    return target


def read(path: str | os.PathLike, *, trust: bytes | None = None) -> Credentials:
    """What the manifest of a file says, and its state.

    Args:
        path: Any file; one without a manifest has the state ``none``.
        trust: PEM certificates of the authorities that are trusted; ``None``: nobody is.

    Raises:
        FileNotFoundError: No such file.
        CredentialsError: ``trust`` holds no certificate.
        ImportError: The extra ``credentials`` is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    if path.suffix.lower() not in TYPES:
        return Credentials("none")
    c2pa = _c2pa()
    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if trust is not None:
        settings["trust"] = {"trust_anchors": _anchors(trust)}
    try:
        with open(path, "rb") as file:
            reader = c2pa.Reader(TYPES[path.suffix.lower()], file, context=c2pa.Context.from_dict(settings))
            store = json.loads(reader.json())
    except c2pa.C2paError as error:
        text = str(error)
        if "ManifestNotFound" in text:
            return Credentials("none")
        return Credentials("invalid", failures=[_plain(text)])
    except (ValueError, RecursionError) as error:
        return Credentials("invalid", failures=[_plain(f"the manifest cannot be read: {error}")])
    return _credentials(store)


def _credentials(store: dict[str, Any]) -> Credentials:
    """From the reader's report. A foreign manifest may hold anything, so every kind is checked."""
    manifests = _dict(store.get("manifests"))
    active = _dict(manifests.get(str(store.get("active_manifest"))))
    results = _dict(_dict(store.get("validation_results")).get("activeManifest"))
    failures = [_plain(_dict(f).get("code", "")) for f in _list(results.get("failure"))]
    signature = _dict(active.get("signature_info"))
    generators = [_dict(g) for g in _list(active.get("claim_generator_info"))]
    actions, ours = [], {}
    for assertion in map(_dict, _list(active.get("assertions"))):
        label, data = _plain(assertion.get("label", "")), assertion.get("data")
        if label.startswith("c2pa.actions"):
            actions += [_action(_dict(a)) for a in _list(_dict(data).get("actions"))]
        elif label.startswith("org.physim."):
            ours[label] = _tidy(data)
    types = [a["source_type"] for a in actions if a["source_type"]]
    return Credentials(
        state=_state(str(store.get("validation_state", "Invalid"))),
        signer=_plain(signature.get("common_name", "")),
        issuer=_plain(signature.get("issuer", "")),
        generator=", ".join(_plain(f"{g.get('name', '')} {g.get('version', '')}".strip()) for g in generators),
        source_types=types,
        actions=actions,
        ingredients=[_plain(_dict(i).get("title", "")) for i in _list(active.get("ingredients"))],
        assertions=ours,
        failures=failures,
        manifests=len(manifests),
    )


def _state(text: str) -> State:
    known: dict[str, State] = {"Trusted": "trusted", "Valid": "valid, unknown signer"}
    return known.get(text, "invalid")


def _action(action: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": _plain(action.get("action", "")),
        "description": _plain(action.get("description", "")),
        "source_type": _plain(str(action.get("digitalSourceType") or "").rsplit("/", 1)[-1]),
        "parameters": _tidy(_dict(action.get("parameters"))),
    }


def _created(name: str) -> dict[str, Any]:
    kind = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
    created = {"action": "c2pa.created", "digitalSourceType": kind, "softwareAgent": {"name": name}}
    return {"label": "c2pa.actions.v2", "data": {"actions": [created]}}


def _builder(c2pa: Any, manifest: dict[str, Any]) -> Any:
    """Without thumbnails, which would be nearly all of its size."""
    settings = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"remote_manifest_fetch": False}}
    return c2pa.Builder(manifest, context=c2pa.Context.from_dict(settings))


def _signer(c2pa: Any, signing: Signing) -> Any:
    info = c2pa.C2paSignerInfo(
        alg=signing.algorithm.encode(), sign_cert=signing.chain, private_key=signing.key, ta_url=None
    )
    return c2pa.Signer.from_info(info)


def _builder_with_photo(c2pa: Any, manifest: dict[str, Any], photo: Path | None) -> Any:
    """With the photo as ingredient. One that the library cannot read is left out, and the manifest says so."""
    if photo is None:
        return _builder(c2pa, _without_placing(manifest))
    builder = _builder(c2pa, manifest)
    told = {"title": photo.name, "relationship": "componentOf", "label": PHOTO, "instance_id": PHOTO}
    try:
        with open(photo, "rb") as file:
            builder.add_ingredient(told, media_type(photo), file)
        return builder
    except (c2pa.C2paError, CredentialsError, OSError) as error:
        kept = _without_placing(manifest)
        data = {"name": photo.name, "not_an_ingredient": _plain(str(error))}
        kept.setdefault("assertions", []).append({"label": "org.physim.photo", "data": data})
        return _builder(c2pa, kept)


def _without_placing(manifest: dict[str, Any]) -> dict[str, Any]:
    """An action that places an ingredient is refused where there is none."""
    kept = copy.deepcopy(manifest)
    for assertion in kept.get("assertions", []):
        if assertion["label"].startswith("c2pa.actions"):
            actions = assertion["data"]["actions"]
            assertion["data"]["actions"] = [a for a in actions if a["action"] != "c2pa.placed"]
    return kept


def _anchors(trust: bytes) -> str:
    text = trust.decode("ascii", errors="replace")
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise CredentialsError("the trusted authorities hold no certificate in PEM form.")
    return text


def _plain(text: Any) -> str:
    """One line without control characters or terminal codes, of a length that can be shown."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+", " ", str(text)).strip()
    return line if len(line) <= MAX_TEXT else f"{line[:MAX_TEXT]} ..."


def _tidy(value: Any, depth: int = 8) -> Any:
    """Plain data with plain texts; what is too deep or too long is left out."""
    if isinstance(value, dict):
        return {_plain(k): _tidy(v, depth - 1) for k, v in list(value.items())[:MAX_ITEMS]} if depth else {}
    if isinstance(value, list):
        return [_tidy(v, depth - 1) for v in value[:MAX_ITEMS]] if depth else []
    return _plain(value) if isinstance(value, str) else value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value[:MAX_ITEMS] if isinstance(value, list) else []


def _c2pa() -> Any:
    try:
        import c2pa
    except ImportError:
        raise ImportError(INSTALL) from None
    return c2pa
