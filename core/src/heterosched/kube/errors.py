"""What can go wrong between us and the API server, told apart the way callers must react.

ApiError
├── ApiUnavailable    no answer, 408, 429 or 5xx: trying again helps (also an Unavailable)
├── NotFound          404: the object or its kind is not there
├── AlreadyExists     409 on a create: the name is taken
├── Conflict          409 otherwise: the object changed since it was read, or its UID is another one
├── Gone              410: the resource version is too old; list again
└── Rejected          400, 413, 422: the object itself is refused; somebody must edit it
"""

from __future__ import annotations

from typing import Any

import msgspec

from heterosched.errors import HeteroSchedError, Unavailable


class Status(msgspec.Struct, frozen=True):
    """`metav1.Status`, the API server's way of saying no."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: dict[str, Any] | None = None


class ApiError(HeteroSchedError):
    """The API server refused a request. `status` is 0 where nothing answered; `details` as in `metav1.Status`."""

    def __init__(self, request: str, status: int, reason: str, message: str, details: dict[str, Any] | None = None):
        self.request, self.status, self.reason, self.message = request, status, reason, message
        self.details: dict[str, Any] = details or {}
        shown = f"{status} {reason}".strip() if status else reason
        super().__init__(f"{request}: {shown}: {message}" if shown else f"{request}: {message}")


class ApiUnavailable(ApiError, Unavailable):
    """The API server could not be reached or could not answer now; the caller tries again later."""


class NotFound(ApiError):
    """404: the object, its namespace or its kind does not exist."""


class AlreadyExists(ApiError):
    """409 AlreadyExists: an object of this name is there already."""


class Conflict(ApiError):
    """409: the object changed since it was read, or the UID in the precondition is not its own."""


class Gone(ApiError):
    """410: the resource version (or the page token) is too old; list again."""


class Rejected(ApiError):
    """400, 413, 422: the API server refuses the object itself; `message` names the fields."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Rejected,
    404: NotFound,
    408: ApiUnavailable,
    409: Conflict,
    410: Gone,
    413: Rejected,
    422: Rejected,
    429: ApiUnavailable,
}


def error_of(request: str, http_status: int, body: bytes) -> ApiError:
    """The error that an answer means: `body` is a `Status`, or whatever a proxy in between wrote."""
    try:
        status = msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        status = Status(message=body[:200].decode("utf-8", "replace"))
    return error_of_status(request, Status(http_status, status.reason, status.message, status.details))


def error_of_status(request: str, status: Status) -> ApiError:
    """The error that a `Status` means, for instance one that arrives as a watch event."""
    kind = _BY_STATUS.get(status.code, ApiUnavailable if status.code >= 500 else ApiError)
    if kind is Conflict and status.reason == "AlreadyExists":
        kind = AlreadyExists
    return kind(request, status.code, status.reason, status.message, status.details)
