"""One fault run: load, chaos, drain, audit, and a report of it."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from adapters.wiring import Services
from domain.ledger import Unavailable
from tests.faults.audit import Fact, Findings
from tests.faults.auditor import audit
from tests.faults.chaos import Chaos, share_of_kills
from tests.faults.cluster import Cluster, cluster
from tests.faults.load import Load
from tests.running import settled

PAUSE_SECONDS, STUCK_SECONDS = 30.0, 180.0  # without an answer; or, in the end, without anything recorded
LOOK_SECONDS = 0.5
WORDS = 40  # of progress, in a run of any length

Say = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How long a run is. What happens is drawn from `seed`; at which step of the processes it happens is not.

    With `only`, nothing else happens than these kinds of faults.
    """

    seed: int
    requests: int
    kills: int
    only: tuple[str, ...] = ()

    @property
    def every(self) -> int:
        """After how many answers, on average, something happens."""
        return max(1, round(self.requests * share_of_kills(self.only) / self.kills))


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, and what does not hold; nothing is the good answer."""

    plan: Plan
    answered: int
    kills: int
    happened: dict[str, int]
    figures: dict[str, Any]
    findings: list[str]

    def text(self) -> str:
        """For people."""
        lines = [f"seed {self.plan.seed}: {self.answered} requests answered, {self.kills} kills"]
        lines += [f"  {number:6} {name}" for name, number in sorted(self.happened.items())]
        lines += [f"  {name}: {_figure(figure)}" for name, figure in self.figures.items()]
        lines += [f"DOES NOT HOLD: {sentence}" for sentence in self.findings]
        if not self.findings:
            lines.append("Every answered fact is there once, every effect was done once, every view is as rebuilt.")
        return "\n".join(lines)


def _figure(figure: Any) -> str:
    if isinstance(figure, dict):
        return ", ".join(f"{name} {number}" for name, number in figure.items()) or "none"
    return str(figure)


def run(plan: Plan, folder: Path, say: Say = lambda line: None) -> Report:
    """Carry a plan out on a cluster of its own in this folder."""
    began = time.monotonic()
    with cluster(folder, seed=plan.seed) as running:
        chaos = Chaos(running, seed=plan.seed, every=plan.every, only=plan.only)
        facts = _load(plan, folder, running, chaos, say)
        answered = len(facts) - 1
        took = {"seconds of load": round(time.monotonic() - began)}
        say(f"{answered} answered; waiting for everything to be done")
        rung = _drain(running)
        took["seconds until all was done"] = round(time.monotonic() - began)
        found, exits = Findings(), running.stop()
        found.none("processes that did not end well", (f"{name} {code}" for name, code in exits.items() if code))
        say("auditing")
        figures = took | {"dead effects rung again": rung} | _audited(running, facts, found)
        figures["starts"] = {kept.name: kept.starts for kept in running.kept}
        figures["errors logged"] = dict(_errors(folder))
        figures["seconds in all"] = round(time.monotonic() - began)
    return Report(
        plan=plan,
        answered=answered,
        kills=chaos.kills,
        happened=dict(chaos.happened),
        figures=figures,
        findings=found.sentences,
    )


def _load(plan: Plan, folder: Path, running: Cluster, chaos: Chaos, say: Say) -> list[Fact]:
    services, next_word = running.services(), 0
    load = Load(folder / "answered.jsonl", seed=plan.seed, addresses=running.addresses)
    try:
        while load.answered < plan.requests or chaos.kills < plan.kills:
            _wait(load, chaos.next_after(load.answered), running, chaos, say)
            chaos.strike(load.answered)
            if load.answered >= next_word:
                next_word = load.answered + max(1, plan.requests // WORDS)
                say(f"{load.answered} answered, {_open(services)} effects open; {_figure(dict(chaos.happened))}")
        chaos.mend()
        return load.end()
    finally:
        load.kill()
        services.stop()


def _wait(load: Load, answered: int, running: Cluster, chaos: Chaos, say: Say) -> None:
    """Wait for so many answers; when none comes for long, whoever is frozen or down goes on first."""
    if load.wait_for(answered, seconds=PAUSE_SECONDS):
        return
    say(f"a pause after {load.answered}\n{running.standing()}")
    chaos.happened["long pause"] += 1
    chaos.mend()
    if not load.wait_for(answered, seconds=STUCK_SECONDS):
        raise AssertionError(f"nothing is answered any more after {load.answered}\n{running.standing()}")


def _open(services: Services) -> str:
    try:
        return str(services.log.open_work()[0])
    except Unavailable:
        return "?"


def _drain(running: Cluster) -> int:
    """Wait until nothing is left to do, ringing dead letters as staff would; how many those were."""
    services, rung, pause = running.services(), 0, threading.Event()
    quiet, before = 0.0, -1
    try:
        while quiet < STUCK_SECONDS:
            with suppress(Unavailable):
                if settled(services):
                    again = running.ring_again()
                    rung += again
                    if not again:
                        return rung
                last = services.log.last_position()
                quiet, before = (quiet + LOOK_SECONDS, last) if last == before else (0.0, last)
            pause.wait(LOOK_SECONDS)
        raise AssertionError(f"nothing moves any more, with {_open(services)} effects open\n{running.standing()}")
    finally:
        services.stop()


def _audited(running: Cluster, facts: list[Fact], found: Findings) -> dict[str, Any]:
    services = running.services()
    try:
        return audit(services, running.vendors.memory(), facts, found)
    finally:
        services.stop()


def _errors(folder: Path) -> Counter[str]:
    """What was logged as an error, by role, event and the kind of error."""
    found: Counter[str] = Counter()
    for log in folder.glob("*.log"):
        for line in log.read_text(errors="replace").splitlines():
            with suppress(msgspec.DecodeError, msgspec.ValidationError):
                said = msgspec.json.decode(line, type=dict[str, Any])
                if said.get("level") == "error":
                    found[f"{log.stem.partition('-')[0]}: {said.get('event')} {said.get('error', '')}".strip()] += 1
    return found
