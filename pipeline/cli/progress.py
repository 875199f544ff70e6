"""What a run says while it works: one live line on a terminal, sparse whole lines in a log."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import click

from pipeline.engine.run import Step

#: In a log a stage speaks when so much more of it is done, no sooner than after so long and no later.
SHARE, SOONEST, LATEST = 0.1, 2.0, 60.0


@dataclass
class Teller:
    """Tells how far each stage is, how fast it goes and when it will be done, by what this run has done itself."""

    quiet: bool = False
    _stage: str = ""
    _since: float = 0.0
    _from: int = 0
    _told: tuple[int, float] = field(default=(0, 0.0))

    def __call__(self, step: Step) -> None:
        if self.quiet:
            return
        now = time.monotonic()
        if step.stage != self._stage:
            self._stage, self._since, self._from, self._told = step.stage, now, step.finished, (step.finished, now)
            begins = True
        else:
            begins = False
        line = step_text(step, step.finished - self._from, now - self._since)
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{line}", nl=step.finished == step.total, err=True)
        elif begins or self._is_due(step, now):
            self._told = (step.finished, now)
            click.echo(line, err=True)

    def _is_due(self, step: Step, now: float) -> bool:
        finished, then = self._told
        waited = now - then
        much = step.finished - finished >= SHARE * step.total
        return step.finished == step.total or (much and waited >= SOONEST) or waited >= LATEST


def step_text(step: Step, done: int, seconds: float) -> str:
    """A line on a stage of which this run did ``done`` in so many ``seconds``.

    >>> step_text(Step("render", "images", 300, 42000, 2), done=200, seconds=100)
    '    render    300/42,000 images, 2.0/s, 5 h 47 min left, 2 failed'
    """
    parts = [f"{step.stage:>10} {step.finished:>6,}/{step.total:,} {step.counted}"]
    if done and seconds > 0:
        rate = done / seconds
        parts.append(f"{rate:.1f}/s" if rate >= 0.95 else f"{60 * rate:.1f}/min")
        if step.finished < step.total:
            parts.append(f"{duration((step.total - step.finished) / rate)} left")
    if step.failed:
        parts.append(f"{step.failed} failed")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """For people: the two largest units.

    >>> duration(42), duration(61), duration(20820)
    ('42 s', '1 min 1 s', '5 h 47 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
