"""Feeds a bank with a case and writes down all that it says: run as a program, it does so for each line of its input.

`python tests/unit/detectors/feed.py` reads a case as JSON on each line, and answers each with a line of JSON.
"""

from __future__ import annotations

import json
import math
import random
import sys
from hashlib import blake2b

from compiled import state
from detectors import Profile, SensorBank
from detectors.cheap import CheapBank
from detectors.evidence import multiples

#: what an operator does, and what happens beside readings; each takes the bank and the present time
ACTIONS = {
    "accept": lambda bank, t: bank.accept(),
    "freeze": lambda bank, t: bank.freeze(not bank.frozen),
    "pause": lambda bank, t: bank.pause(t, t + 500.0),
    "resume": lambda bank, t: bank.resume(t),
    "reset": lambda bank, t: bank.reset(),
    "reject": lambda bank, t: bank.reject(t + 0.2),
    "tick": lambda bank, t: bank.tick(t + 300.0),
    "spike was false": lambda bank, t: bank.teach("spike", "spike", -9.0, None),
    "level was false": lambda bank, t: bank.teach("level", "short", 3.0, 1.5),
    "dropout was false": lambda bank, t: bank.teach("dropout", "silence", 200.0, None),
}
SHAPES = ("noise", "sine", "square", "walk", "still", "ramp", "wild")


def value(shape: str, i: int, level: float, size: float, rng: random.Random, last: float) -> float:
    match shape:
        case "sine":
            return level + size * math.sin(i / 9.0)
        case "square":
            return level + (size if i % 40 < 15 else -size) + rng.gauss(0.0, 0.05 * size)
        case "walk":
            return last + rng.gauss(0.0, size)
        case "still":
            return level
        case "ramp":
            return level + size * i / 50.0
        case "wild":
            return level + size * rng.choice((0.0, 1.0, -1.0, 1e3, -1e6, 1e-9))
        case _:
            return level + rng.gauss(0.0, size)


def outcome(case: dict) -> list[str]:
    """Everything the bank says of a case: findings as they come, and at the end of each part all else."""
    profile = Profile(**case["profile"])
    kind = CheapBank if case.get("cheap") else SensorBank
    saved = bytes.fromhex(case.get("state", ""))
    bank, rng = kind.load(profile, saved) if saved else kind(profile), random.Random(case["seed"])
    t, seq, last = case["start"], case.get("seq", 0), 0.0
    said = []
    scores = blake2b(digest_size=8)
    for part in case["parts"]:
        for i in range(part["count"]):
            t += part["pace"] * (rng.uniform(0.9, 1.1) if part["jitter"] else 1.0)
            seq += 1
            last = value(part["shape"], i, part["level"], part["size"], rng, last)
            number, at, late = seq, t, 0.1
            if part["faults"] and rng.random() < 0.02:
                number = rng.choice((0, seq - 1, seq + 3, 1))
                late = rng.choice((0.1, 400.0, -100.0))
                at = t - rng.choice((0.0, 0.0, 50.0))
                seq = max(seq, number)
            said += map(repr, bank.observe(number, at, t + late, last))
            if kind is SensorBank:
                scores.update(bank.score.hex().encode())
        if part["action"]:
            said += map(repr, ACTIONS[part["action"]](bank, t) or ())
        data = bank.dump()
        said.append(data.hex())
        if part["load"]:
            bank = kind.load(profile, data)
        if kind is SensorBank:
            said += [scores.hexdigest(), bank.signal, repr(bank.raised_limits), repr(bank.due), repr(multiples(bank))]
    return said


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps({"compiled": state().used, "said": outcome(json.loads(line))}), flush=True)
