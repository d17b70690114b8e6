"""What a reply answers, component by component: the key it is remembered by; pure."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as quoted

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.values import Value, canonical, write_json
from pytest_evalmd.dataclass import dataclass
from pytest_evalmd.judge.request import PROTOCOL, visible

KEY_LENGTH = 16
"""Hexadecimal digits of a key and of a digest: 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything that decides what a judge is sent.

    The messages follow from it: ``PROTOCOL`` stands for the words around it.
    """

    model: str
    protocol: int
    prompt: str
    context: Mapping[str, str]
    """A digest of each text that the judge sees, by name."""
    schema: Mapping[str, Value]
    """``output``, and ``range`` and a digest of ``schema`` where there are any."""
    parameters: Mapping[str, Value]

    def key(self, sample: int) -> str:
        """Give the key of one reply."""
        model, prompt = quoted(self.model), quoted(self.prompt)
        mappings = ", ".join([quoted(canonical(part)) for part in self._mappings()])
        # A JSON list, without the encoder that json.dumps would make.
        return _key(f"[{model}, {self.protocol}, {prompt}, {sample}, {mappings}]")

    def changed_since(self, other: Question) -> list[str]:
        """Name the components in which it differs from another question."""
        found = [
            name
            for name, mine, theirs in (
                ("model", self.model, other.model),
                ("judge protocol", self.protocol, other.protocol),
                ("prompt", self.prompt, other.prompt),
            )
            if mine != theirs
        ]
        names = sorted({*self.context, *other.context})
        found += [n for n in names if self.context.get(n) != other.context.get(n)]
        if canonical(dict(self.schema)) != canonical(dict(other.schema)):
            found.append("schema")
        if canonical(dict(self.parameters)) != canonical(dict(other.parameters)):
            found.append("parameters")
        return found

    def component_names(self) -> list[str]:
        """Name what it has of what ``changed_since`` names, without the protocol."""
        names = ["model"]
        names += ["prompt"] * bool(self.prompt) + sorted(self.context)
        names += ["schema"] * bool(self.schema)
        return names + ["parameters"] * bool(self.parameters)

    def _mappings(self) -> tuple[dict[str, Value], ...]:
        return {**self.context}, {**self.schema}, {**self.parameters}


def question_of(
    measure: Measure,
    *,
    model: str,
    texts: Mapping[str, str],
    parameters: Mapping[str, Value],
) -> Question:
    """Say what a judge is asked, from what ``build_request`` takes."""
    schema: dict[str, Value] = {"output": measure.output}
    if measure.range:
        schema["range"] = [*measure.range]
    if measure.schema is not None:
        schema["schema"] = digest(write_json(dict(measure.schema)))  # as it is sent
    return Question(
        model=model,
        protocol=PROTOCOL,
        prompt=visible(measure.prompt),
        context={name: _seen(text) for name, text in texts.items()},
        schema=schema,
        parameters=parameters,
    )


@functools.lru_cache(maxsize=16)
def _seen(text: str) -> str:
    """Give the digest of a text as a judge sees it; all measures of a case share some."""
    return digest(visible(text))


def name_of(model: str, alias: str) -> str:
    """Name a judge that is asked by one client of several, which ``alias`` names."""
    return f"{model} [{alias}]" if alias else model


def is_of(alias: str, name: str) -> bool:
    """Tell whether ``name_of`` gave a name for a client; any, for no alias."""
    return not alias or name.endswith(f" [{alias}]")


@functools.lru_cache(maxsize=64)
def _key(text: str) -> str:
    """Give the key of a reply: when it is read, and soon after when it is wanted."""
    return digest(text)


def digest(text: str) -> str:
    """Tell texts apart, lone surrogates included."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:KEY_LENGTH]
