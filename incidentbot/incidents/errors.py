"""Why a command was refused, in the words the person will read. Each door maps these in one place."""


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


class AlreadyDone(IncidentError):
    """The same request came twice (a double click, a retry): the first one did it."""
