"""A player in Python, by the installed package."""

import json
import sys
from base64 import b64decode, b64encode
from typing import Any

from trellis_sync import _native

MARK = "$bytes"

machines: dict[int, _native.Machine] = {}


def revived(value: dict[str, Any]) -> Any:
    """Make bytes of what a line has for them."""
    return b64decode(value[MARK]) if MARK in value else value


def replaced(value: bytes) -> Any:
    """Make of bytes what a line has for them."""
    return {MARK: b64encode(value).decode()}


def carried_out(call: Any) -> Any:
    """Carry out one call; return the outputs."""
    number = call["machine"]
    if call["type"] == "step":
        return machines[number].step(call["input"], call["now"])
    machines.pop(number, None)
    if call["type"] == "forget":
        return []
    start = call["start"]
    id_key = int.from_bytes(bytes.fromhex(start["idKey"]), sys.byteorder)
    machines[number], outputs = _native.Machine.open(start["author"], id_key=id_key)
    return outputs


def answered(line: str) -> Any:
    """Carry out the calls of a line."""
    try:
        return {"outputs": [carried_out(call) for call in json.loads(line, object_hook=revived)]}
    except Exception as error:
        return {"refused": repr(error)}


for line in sys.stdin:
    print(json.dumps(answered(line), default=replaced), flush=True)
