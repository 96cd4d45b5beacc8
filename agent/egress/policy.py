"""What happens to each kind of finding, by tenant and by where the text goes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from agent.egress.rules import KINDS

Action = Literal["allow", "warn", "redact", "block"]
Towards = Literal["model", "client"]
ACTIONS: tuple[Action, ...] = get_args(Action)
DIRECTIONS: tuple[Towards, ...] = get_args(Towards)
FOR_MODEL: Mapping[str, Action] = {
    "secret": "redact", "card": "redact", "iban": "warn", "national-id": "warn",
    "email": "allow", "phone": "allow",
}  # fmt: skip
"""The model's service is mostly another company's. Sums over accounts and customers need their
numbers, so that only what is never needed is taken out."""
FOR_CLIENT: Mapping[str, Action] = dict.fromkeys(KINDS, "allow")
"""The client is the user, whose file it is; and printed text is shown while it is printed."""


class PolicyInvalid(ValueError):
    """The policy file can't be used; the message names what is wrong in it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What happens to what is found.

    Attributes:
        model: Kind → action for what goes to the model.
        client: Kind → action for what goes to clients, and is recorded.
    """

    model: Mapping[str, Action] = field(default_factory=lambda: dict(FOR_MODEL))
    client: Mapping[str, Action] = field(default_factory=lambda: dict(FOR_CLIENT))

    def towards(self, where: Towards) -> Mapping[str, Action]:
        """Return the actions for one direction."""
        return self.model if where == "model" else self.client


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy of every tenant.

    Attributes:
        usual: For tenants without one of their own.
        tenants: Tenant → policy.
    """

    usual: Policy = field(default_factory=Policy)
    tenants: Mapping[str, Policy] = field(default_factory=dict)

    def of(self, tenant: str) -> Policy:
        """Return the policy of *tenant*."""
        return self.tenants.get(tenant, self.usual)


def read_policies(file: Path | None) -> Policies:
    """Read the policies of a TOML file: ``[model]``, ``[client]``, ``[tenant.NAME.model]`` ….

    Raises:
        PolicyInvalid: It can't be read, or names a kind or an action that is none.
    """
    if file is None:
        return Policies()
    try:
        value = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyInvalid(f"The egress policy {file} can't be read: {error}.") from None
    tenants = value.pop("tenant", {})
    usual = _policy(value, Policy(), str(file))
    if not isinstance(tenants, dict):
        raise PolicyInvalid(f"{file}: [tenant] must have a table for each tenant.")
    own = {name: _policy(each, usual, f"{file}, tenant {name}") for name, each in tenants.items()}
    return Policies(usual, own)


def _policy(value: Any, usual: Policy, where: str) -> Policy:
    if not isinstance(value, dict) or (unknown := set(value) - set(DIRECTIONS)):
        named = ", ".join(sorted(unknown)) if isinstance(value, dict) else repr(value)
        raise PolicyInvalid(f"{where}: {named} is not known; there are [model] and [client].")
    return Policy(
        model={**usual.model, **_actions(value.get("model", {}), where)},
        client={**usual.client, **_actions(value.get("client", {}), where)},
    )


def _actions(value: Any, where: str) -> dict[str, Action]:
    if not isinstance(value, dict):
        raise PolicyInvalid(f"{where}: {value!r} must be a table of kind = action.")
    for kind, action in value.items():
        if kind not in KINDS:
            raise PolicyInvalid(f"{where}: {kind!r} is no kind; there are {', '.join(KINDS)}.")
        if action not in ACTIONS:
            raise PolicyInvalid(
                f"{where}: {kind} = {action!r}: an action is one of {', '.join(ACTIONS)}."
            )
    return dict(value)
