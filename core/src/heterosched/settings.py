"""Settings of a service: command line over environment over file (YAML or TOML) over the defaults of its fields.

A service derives from `ServiceSettings`, names its environment prefix, and reads all sources with `load`; what is wrong
in any of them is told at once, with where it stands and what is known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BeforeValidator, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from heterosched.errors import InvalidInput


class ServiceSettings(BaseSettings):
    """Base of a service's settings. A subclass sets `env_prefix` by `SettingsConfigDict`, and nothing else there."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but what `load` has gathered: it gets the environment as an argument, so that tests can give one."""
        return (init_settings,)

    def problems(self) -> list[InvalidInput]:
        """What is wrong with values that are each of the right type, with key and remedy."""
        return []


def _split(given: Any) -> Any:
    """A list fits into an environment variable or an option as names with commas between them only."""
    return [name for name in given.replace(",", " ").split()] if isinstance(given, str) else given


Namespaces = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")], ...],
    BeforeValidator(_split),
]
"""Names of namespaces; on the command line and in the environment with commas between them."""

S = TypeVar("S", bound=ServiceSettings)


def load(
    kind: type[S], environment: Mapping[str, str], config: Path | None = None, given: Mapping[str, Any] | None = None
) -> S:
    """Read all sources. Raises InvalidInput that names every wrong key or value, where it stands, and what is known."""
    values = {} if config is None else _read(config)
    prefix = str(kind.model_config.get("env_prefix", ""))
    names = [name for name in environment if name.upper().startswith(prefix)]
    told = {name[len(prefix) :].lower(): environment[name] for name in names}
    wrong = [f"settings file {config}: unknown key {key}" for key in _unknown(kind, values)]
    wrong += [f"environment: unknown key {prefix}{key.upper()}" for key in _unknown(kind, told)]
    if wrong:
        raise InvalidInput("settings", "", "; ".join(wrong), f"known are {', '.join(kind.model_fields)}")
    try:
        found = kind(**{**values, **told, **(given or {})})
    except ValidationError as error:
        values_wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}, got {item['input']!r}" for item in error.errors()
        )
        raise InvalidInput("settings", "", values_wrong, "correct these values") from error
    problems = [f"{problem.field}: {problem.problem}; {problem.remedy}" for problem in found.problems()]
    if problems:
        raise InvalidInput("settings", "", "; ".join(problems))
    return found


def _unknown(kind: type[ServiceSettings], keys: Iterable[str]) -> list[str]:
    return [key for key in keys if key not in kind.model_fields]


def _read(path: Path) -> dict[str, Any]:
    return read_mapping(path, f"settings file {path}")


def read_mapping(path: Path, label: str) -> dict[str, Any]:
    """The mapping in a YAML or TOML file, which errors call `label`. Raises InvalidInput."""
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(label, "", str(error), "give a readable YAML or TOML file") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InvalidInput(label, "", "it holds no mapping", "write `key: value` lines")
    return {str(key): value for key, value in values.items()}


def show(settings: ServiceSettings) -> str:
    """The effective settings as YAML that can be read back."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)
