"""What place and route made of a design: what bitfile/implementation.json holds."""

from __future__ import annotations

from dataclasses import dataclass

from radioml.contract.json_record import JsonRecord


@dataclass(frozen=True)
class TimingCheck:
    """Setup, hold or pulse width.

    worst_slack_ns, total_slack_ns: worst and total negative slack; None ("NA") where the design has no such path.
    failing: endpoints that fail.
    endpoints: all endpoints.
    """

    worst_slack_ns: float | None
    total_slack_ns: float | None = None
    failing: int | None = None
    endpoints: int | None = None

    @property
    def met(self) -> bool:
        """Whether there are paths and all of them have slack."""
        return self.worst_slack_ns is not None and self.worst_slack_ns >= 0 and not self.failing


@dataclass(frozen=True)
class Use:
    """Sites of a device of one kind: those that the design takes, and all."""

    used: int
    available: int


@dataclass(frozen=True)
class Implementation(JsonRecord):
    """A placed and routed design, by its tools' reports; None for what a tool does not tell.

    kind: always "implemented". tool: what placed and routed, with its version.
    clock_mhz: that was asked for; timing_met: whether the design meets it; fmax_mhz: of the slowest clock net.
    utilisation: resource -> its sites. instances: instance of the hierarchy -> resource -> number.
    power_w: the tool's estimate of `total`, `dynamic` and `static` power on the chip.
    clocks_mhz: frequency of each clock. timing: `setup`, `hold` and `pulse_width`.
    """

    MADE_BY = "radioml build ... --until bitfile"

    kind: str
    tool: str
    board: str
    part: str
    clock_mhz: float
    timing_met: bool
    utilisation: dict[str, Use] | None = None
    instances: dict[str, dict[str, int]] | None = None
    power_w: dict[str, float] | None = None
    clocks_mhz: dict[str, float] | None = None
    fmax_mhz: float | None = None
    timing: dict[str, TimingCheck] | None = None

    def summary(self) -> str:
        """Timing and utilisation, in a line or two."""
        fastest = [f"fastest clock {self.fmax_mhz:g} MHz"] if self.fmax_mhz is not None else []
        slacks = [f"{name} slack {check.worst_slack_ns} ns" for name, check in (self.timing or {}).items()]
        used = [f"{name} {use.used:,} of {use.available:,}" for name, use in (self.utilisation or {}).items()]
        verdict = f"timing {'met' if self.timing_met else 'FAILED'} at {self.clock_mhz:g} MHz"
        return f"Implemented by {self.tool}: {verdict}; {', '.join([*fastest, *slacks, *used])}"
