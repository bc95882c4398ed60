"""What every part of an experiment file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Settings under one key of an experiment: unknown keys are errors, and values don't change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
