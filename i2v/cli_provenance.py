"""Commands about where a file comes from: ``i2v verify``, ``i2v cert make-test``, ``i2v ledger``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the commands to ``i2v``'s; returns their parsers."""
    verify = commands.add_parser("verify", help="say where a video or picture comes from: signature, mark, ledger")
    verify.add_argument("file", type=Path, help="video or picture")
    verify.add_argument("--trust", type=Path, metavar="PEM", help="certificates of the authorities you trust")
    verify.add_argument("--key", type=Path, metavar="FILE", help="key of the watermark (default: the open key)")
    verify.add_argument("--ledger", type=Path, metavar="FILE", help="its ledger (default: the one beside it)")
    verify.add_argument("--json", action="store_true", help="everything, as JSON")
    verify.set_defaults(run=_verify)

    cert = commands.add_parser("cert", help="make a certificate for trying out signed videos")
    cert.add_argument("what", choices=("make-test",), help="a throw-away authority and a certificate it issued")
    cert.add_argument("folder", type=Path, help="where cert.pem, key.pem and authority.pem go")
    cert.add_argument("--name", help="of the signer")
    cert.set_defaults(run=_cert)

    ledger = commands.add_parser("ledger", help="show what was changed from run to run of a shot")
    ledger.add_argument("file", type=Path, help="NAME.ledger.json")
    ledger.add_argument("-o", "--output", type=Path, metavar="HTML", help="write a page to read or print")
    ledger.set_defaults(run=_ledger)
    return [verify, cert, ledger]


def _verify(arguments: argparse.Namespace) -> int:
    """Exit code 1: the signature or the ledger is broken."""
    from i2v.verify import verify

    found = verify(arguments.file, trust=arguments.trust, key=arguments.key, ledger_file=arguments.ledger)
    if arguments.json:
        print(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    else:
        for topic, text in found.lines():
            print(f"{topic:<12} {text}")
    return 0 if found.sound else 1


def _cert(arguments: argparse.Namespace) -> int:
    from i2v.media.certificate import TEST_SIGNER, make_test_certificate

    for path in make_test_certificate(arguments.name or TEST_SIGNER).save(arguments.folder):
        print(path)
    print("for trying things out: nobody vouches for this signer", file=sys.stderr)
    return 0


def _ledger(arguments: argparse.Namespace) -> int:
    from i2v.media import ledger

    if not arguments.file.is_file():
        raise FileNotFoundError(f"{arguments.file}: no such file, expected a ledger.")
    entries = ledger.read(arguments.file)
    if arguments.output is not None:
        arguments.output.write_text(ledger.page(entries, arguments.file.stem), encoding="utf-8")
        print(arguments.output)
        return 0
    for entry in entries:
        print(f"run {entry['run']}, {entry['at']}, model {entry['model']}, seed {entry['seed']}")
        for change in entry["changes"]:
            print(f"  {change['field']}: {change['before']} → {change['after']}")
    return 0
