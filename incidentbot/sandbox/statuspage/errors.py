"""The one error type of the manage API, and the answers that recur."""

from __future__ import annotations


class ApiError(Exception):
    """Becomes HTTP `status` with `{"error": error}`; a list of sentences for bad fields."""

    def __init__(self, status: int, error: str | list[str]) -> None:
        """Keep what is to be answered."""
        super().__init__(f"{status} {error}")
        self.status = status
        self.error = error

    @property
    def words(self) -> str:
        """What is wrong, in one line."""
        return self.error if isinstance(self.error, str) else ". ".join(self.error)


def not_found() -> ApiError:
    """Of a page, component or incident that is not there."""
    return ApiError(404, "Not found")


def not_authenticated() -> ApiError:
    """Of a missing, unknown or outdated key."""
    return ApiError(401, "Could not authenticate")


def not_authorized() -> ApiError:
    """Of a key that may not do this."""
    return ApiError(403, "You are not authorized to access this resource.")


def bad_request(sentence: str) -> ApiError:
    """Of a body that is not what the endpoint takes at all."""
    return ApiError(400, sentence)


def invalid(*sentences: str) -> ApiError:
    """Of fields whose values cannot be: 422 with one sentence for each."""
    return ApiError(422, list(sentences))
