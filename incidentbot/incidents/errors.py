"""Why a command was refused, in the words the person will read. Each door maps these in one place."""

from collections.abc import Iterator
from contextlib import contextmanager


class IncidentError(Exception):
    """A command that was refused. Its text is plain, without markup."""


class NotFound(IncidentError):
    """There is no such incident, service or person."""


class NotAllowed(IncidentError):
    """The person may not do this."""


class InvalidMove(IncidentError):
    """The incident's state does not allow this."""


class Conflict(IncidentError):
    """Somebody else changed the same thing in the meantime."""


class InvalidInput(IncidentError):
    """One field is wrong: `field` names it, the text says what it should be."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


class InvalidInputs(InvalidInput):
    """Several fields are wrong: `reasons` says of each what it should be, in the order of the form."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__(*next(iter(reasons.items())))
        self.reasons = reasons


class Inputs:
    """Reads the fields of a form one by one, and says at the end what is wrong with any of them.

    with inputs.reading():  # around what may raise InvalidInput
    """

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Note an InvalidInput instead of letting it through."""
        try:
            yield
        except InvalidInput as error:
            self._reasons[error.field] = error.reason

    def check(self) -> None:
        """Raise InvalidInputs if anything was wrong."""
        if self._reasons:
            raise InvalidInputs(self._reasons)


class ReasonNeeded(InvalidInput):
    """An admin acts in the commander's place and has not said why: a door that can asks them."""

    def __init__(self, reference: str, commander: str) -> None:
        super().__init__(
            "override_reason", "Say why you act in the commander's place. The audit log keeps it."
        )
        self.reference = reference
        self.commander = commander


class AlreadyDone(IncidentError):
    """The same request came twice (a double click, a retry): the first one did it."""
