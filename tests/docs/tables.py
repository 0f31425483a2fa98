"""What the tables of the docs must say, from the code."""

from collections.abc import Iterator

import click
from flask import Flask

from incidentbot.config import ROOT, Settings
from incidentbot.slack.commands import SUBCOMMANDS

_BAR = "\\|"  # as it is written in a table


def default(field: str) -> str:
    """Return a setting's default as docs/configuration.md writes it."""
    value = Settings.model_fields[field].get_default(call_default_factory=True)
    if field == "secret_key":
        return "none outside this machine"
    if value is None or value in ((), {}):
        return "none"
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{str(value).replace(str(ROOT) + '/', '')}`"


def settings() -> dict[str, str]:
    """Return the beginning of each setting's row."""
    return {
        name.upper(): f"| `{name.upper()}` | {default(name)} | " for name in Settings.model_fields
    }


def slash_commands() -> list[str]:
    """Return a row for each word after `/incident`."""
    return [
        f"| `/incident {command.usage.replace('|', _BAR)}` | {command.purpose} |"
        for command in SUBCOMMANDS.values()
    ]


def flask_commands(app: Flask) -> list[str]:
    """Return a row for each of our commands of `flask`."""
    return [f"| `flask --app app {words}` | {purpose} |" for words, purpose in _walk(app.cli, "")]


def _walk(group: click.Group, before: str) -> Iterator[tuple[str, str]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            if name != "db":  # Flask-Migrate's own
                yield from _walk(command, f"{before}{name} ")
            continue
        words = [f"{before}{name}"]
        for parameter in command.params:
            word = parameter.name or ""
            if isinstance(parameter, click.Option):
                word = parameter.opts[0]
                word += "" if parameter.is_flag else f" {word.lstrip('-').upper()}"
                word = f"[{word}]" + ("…" if parameter.multiple else "")
            elif parameter.required:
                word = word.upper()
            else:
                word = f"[{word.upper()}]"
            words.append(word)
        yield " ".join(words), (command.help or "").strip().splitlines()[0]
