"""State machines declared as data: a table of transitions, moved by verbs only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from bopis.domain.errors import WrongState

State = TypeVar("State", bound=StrEnum)
Verb = TypeVar("Verb", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Transition(Generic[State, Verb]):
    """From a state, by a verb, to a state; `event` is the event's type, empty: none."""

    source: State
    verb: Verb
    target: State
    event: str


@dataclass(frozen=True, slots=True)
class Machine(Generic[State, Verb]):
    """A table of transitions, looked up by (state, verb)."""

    name: str
    initial: State
    transitions: tuple[Transition[State, Verb], ...]
    lookup: Mapping[tuple[State, Verb], Transition[State, Verb]]

    def step(self, state: State, verb: Verb) -> Transition[State, Verb]:
        """The transition for a verb in a state. Raises WrongState where there is none."""
        found = self.lookup.get((state, verb))
        if found is None:
            raise WrongState(
                f"{verb.value} does not apply: the {self.name} is {state.value}",
                metadata={"state": state.value, "verb": verb.value},
            )
        return found

    def allows(self, state: State, verb: Verb) -> bool:
        """Whether the verb applies in the state."""
        return (state, verb) in self.lookup

    @property
    def terminal(self) -> frozenset[State]:
        """States that no verb leaves."""
        sources = {transition.source for transition in self.transitions}
        targets = {transition.target for transition in self.transitions}
        return frozenset(targets - sources)


def machine(
    name: str, initial: State, transitions: tuple[Transition[State, Verb], ...]
) -> Machine[State, Verb]:
    """Builds a machine. Raises ValueError where two transitions share state and verb."""
    lookup = {(transition.source, transition.verb): transition for transition in transitions}
    if len(lookup) != len(transitions):
        raise ValueError(f"{name}: two transitions share a state and a verb")
    return Machine(name, initial, transitions, lookup)
