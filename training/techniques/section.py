"""The base of all sections of an experiment file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Settings under one key of an experiment. Unknown keys are errors; values are constant after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
