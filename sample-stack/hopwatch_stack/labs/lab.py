"""What a lab is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAME_ATTRIBUTE = "hopwatch.lab.name"
RECORDINGS = Path(__file__).parent / "recordings"


@dataclass(frozen=True)
class Answer:
    """Where the fault is, as the ledger names it, and how one could have found it."""

    hop: str
    language: str
    kind: str
    where: str
    explanation: str


@dataclass(frozen=True)
class Lab:
    """A fault of known kind and size in a share of the shop's requests.

    `symptom` is all that the trainee is told. `baggage` asks the services for the fault;
    `measure` names the span attribute in which the service that obeyed recorded how much.
    """

    name: str
    title: str
    symptom: str
    baggage: str
    share: float
    measure: str
    answer: Answer

    @property
    def recording(self) -> Path:
        """What the shop's requests told while the lab ran, for a class without a stack."""
        return RECORDINGS / f"{self.name}.jsonl.gz"

    def obeyed(self, span_attributes: Mapping[str, str]) -> bool:
        """The truth of a request: whether the service of this SERVER span injected the fault."""
        return span_attributes.get(NAME_ATTRIBUTE) == self.name and self.measure in span_attributes
