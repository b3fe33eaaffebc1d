"""Where the checkpoints of other methods keep their encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

State = Mapping[str, Tensor]
HEAD = 'a head on top'


@dataclass(frozen=True)
class EncoderRecipe:
    """Where a method's checkpoints keep an encoder.

    Args:
        method: Its name, for the report.
        containers: Keys of the file's content that may hold the tensors, the first that is there
            counts; '' is the content itself.
        prefixes: What the encoder's names may begin with, the first that has its stem counts.
        stem: A tensor of the encoder, without prefix.
        rest: What else there may be, as beginnings of names without ``module.`` (in the encoder
            also without its prefix), and what that is.
        expected: Makes of the encoder's tensors a state dict of our module, with the right shapes.
        missing: Makes of the encoder's tensors those that the file may lack, and their values.
        usage: Makes of the encoder's tensors a config that loads it.
        from_published: Our name of a tensor, from its name in the file without the prefix.
        to_published: The reverse.
        on_request: Taken only where it is named: the file's usual encoder is another one.
    """

    method: str
    containers: tuple[str, ...]
    prefixes: tuple[str, ...]
    stem: str
    rest: Mapping[str, str]
    expected: Callable[[State], State]
    usage: Callable[[State], str]
    missing: Callable[[State], State] = lambda _: {}
    from_published: Callable[[str], str] = str
    to_published: Callable[[str], str] = str
    on_request: bool = False

    def container(self, content: Mapping) -> str | None:
        """The key under which a file of this kind has its tensors, None if it is of another."""
        for key in self.containers:
            state = content.get(key) if key else content
            if isinstance(state, Mapping) and any(p + self.stem in state for p in self.prefixes):
                return key
        return None


@dataclass(frozen=True)
class EncoderKind:
    """What the recipes of one kind of encoder have in common; see :class:`EncoderRecipe`."""

    stem: str
    rest: Mapping[str, str]
    expected: Callable[[State], State]
    usage: Callable[[State], str]
    from_published: Callable[[str], str] = str
    to_published: Callable[[str], str] = str

    def recipe(
        self,
        method: str,
        containers: tuple[str, ...],
        prefixes: tuple[str, ...],
        rest: Mapping[str, str],
        on_request: bool = False,
    ) -> EncoderRecipe:
        """Where a method keeps an encoder of this kind."""
        return EncoderRecipe(
            method,
            containers,
            prefixes,
            self.stem,
            {**self.rest, **rest},
            self.expected,
            self.usage,
            from_published=self.from_published,
            to_published=self.to_published,
            on_request=on_request,
        )
