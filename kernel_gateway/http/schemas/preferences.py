"""Preferences, as clients send and get them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.memory.preferences import LONGEST


class PreferenceBody(BaseModel):
    """``POST /preferences`` and ``PATCH /preferences/{p}``: how the user wants things done."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    text: str = Field(min_length=3, max_length=LONGEST)


class PreferenceReply(BaseModel):
    """One preference."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    id: str
    text: str
    origin: Literal["stated", "observed"]
    created_at: str
    updated_at: str | None


class Preferences(BaseModel):
    """The caller's preferences, those they stated first."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    preferences: list[PreferenceReply]
