"""Checks a file made by `daybook evidence` without the ledger: python check_evidence.py FILE [--public-key HEX].

Needs Python 3.11 and the package cryptography, nothing of Daybook. What is proven: the events in the file were in the
ledger, at these positions and with these very bytes, when the checkpoints were signed, and no event lies between them
in their streams. Not proven is that nothing happened later. Whoever made the file could have signed it with a key of
their own, so ask the company for its public key (`daybook verify --public-key`) and pass it along.
"""

import argparse
import json
import struct
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """The file proves nothing; the message says why."""


def event_digest(event: dict[str, Any]) -> bytes:
    """SHA-256 over position, version and the lengths of three texts (8 bytes each, big-endian), and the texts."""
    texts = [event["stream"].encode(), event["name"].encode(), event["data"].encode()]
    return sha256(struct.pack(">5Q", event["position"], event["version"], *map(len, texts)) + b"".join(texts)).digest()


def check_seal(checkpoint: dict[str, Any], public_key: str) -> None:
    """The checkpoint was signed by the owner of the key."""
    lines = [f"{name} {checkpoint[name]}" for name in ("position", "previous", "hash", "at", "marks")]
    statement = "\n".join(["daybook checkpoint", *lines]).encode()
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(
            bytes.fromhex(checkpoint["seal"]), statement
        )
    except InvalidSignature:
        raise Refused(f"the checkpoint at {checkpoint['position']} was not signed with this key") from None


def check_stretch(stretch: dict[str, Any], events: dict[int, dict[str, Any]], public_key: str) -> set[int]:
    """The chain h(n) = SHA-256(h(n-1) + digest(n)) ends in the checkpoint; returns the positions that it proves."""
    checkpoint, position, link, proven = stretch["checkpoint"], stretch["after"], bytes.fromhex(stretch["hash"]), set()
    check_seal(checkpoint, public_key)
    for digest in stretch["digests"]:
        position += 1
        if digest is None:
            if position not in events:
                raise Refused(f"the event at {position} is not in the file")
            proven.add(position)
        link = sha256(link + (event_digest(events[position]) if digest is None else bytes.fromhex(digest))).digest()
    if link.hex() != checkpoint["hash"]:
        raise Refused(f"the events do not lead to the checkpoint at {checkpoint['position']}")
    return proven


def check(evidence: dict[str, Any], public_key: str | None = None) -> int:
    """How many events are proven; raises `Refused`."""
    if evidence["form"] != "daybook evidence 1":
        raise Refused("it is of another form than this program knows")
    if public_key and evidence["public_key"] != public_key:
        raise Refused("it is signed with another key")
    events = {event["position"]: event for event in evidence["events"]}
    if len(events) != len(evidence["events"]):
        raise Refused("two events have the same position")
    proven: set[int] = set()
    for stretch in evidence["stretches"]:
        proven |= check_stretch(stretch, events, evidence["public_key"])
    if unproven := sorted(events.keys() - proven):
        raise Refused(f"nothing ties the event at {unproven[0]} to a checkpoint")
    versions: dict[str, list[int]] = {evidence["subject"]: []}
    for position in sorted(events):
        versions.setdefault(events[position]["stream"], []).append(events[position]["version"])
    for stream, numbers in versions.items():
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            raise Refused(f"events of {stream} are missing")
    return len(events)


def main() -> int:
    """0 when it holds, 1 when it does not."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--public-key", help="the company's public key in hex, got by another way than the file")
    arguments = parser.parse_args()
    try:
        evidence = json.loads(arguments.file.read_bytes())
        count = check(evidence, arguments.public_key)
    except Refused as error:
        print(f"Refused: {error}.")
        return 1
    except (OSError, KeyError, TypeError, ValueError, AttributeError, struct.error) as error:
        print(f"Refused: it is no evidence ({type(error).__name__}).")
        return 1
    print(f"It holds: {count} events of {evidence['subject']}, signed with {evidence['public_key']}.")
    if not arguments.public_key:
        print("Make sure that this is the company's key, or pass it with --public-key.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
