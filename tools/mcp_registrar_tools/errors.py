"""The family of errors a user can meet.

RegistrarError
├── InputError      what the caller gave: a path, an argument, a document that cannot be read
├── OutboundError   a request that could not be made, was refused by our own safety rules, or did not arrive
├── RegistryError   a registry answered, and the answer is no
├── ImageError      Docker: the engine, a build, a push, a container
└── LoginError      proving who is publishing

Every error says what failed and where (``message``), what to do next (``hint``) and carries a stable ``code``
that programs may test. An error without all three cannot be made. Anything else that escapes a tool is a bug
and reaches the caller as a bare failure.
"""

from __future__ import annotations


class RegistrarError(Exception):
    """A failure with its remedy.

    ``code`` is kebab-case and stable; ``message`` says what failed and where; ``hint`` is the next step, one
    sentence; ``details`` is optional evidence (a log's tail), shown last and never a secret.
    """

    def __init__(self, code: str, message: str, hint: str, *, details: str | None = None) -> None:
        if not (code and message and hint):
            raise ValueError("a RegistrarError needs a code, a message and a hint")
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details = details

    def text(self) -> str:
        """What a person or a model reads: message, details, next step, code."""
        details = f"\n{self.details.rstrip()}" if self.details else ""
        return f"{self.message}{details}\nNext: {self.hint} [{self.code}]"


class InputError(RegistrarError):
    """What the caller gave cannot be used."""


class OutboundError(RegistrarError):
    """A request to the outside was not made, not allowed or not answered. ``transient`` says if repeating may help."""

    def __init__(
        self, code: str, message: str, hint: str, *, details: str | None = None, transient: bool = False
    ) -> None:
        super().__init__(code, message, hint, details=details)
        self.transient = transient


class RegistryError(RegistrarError):
    """A registry refused. ``status`` is the HTTP status of its answer (0 when there is none)."""

    def __init__(self, code: str, message: str, hint: str, *, details: str | None = None, status: int = 0) -> None:
        super().__init__(code, message, hint, details=details)
        self.status = status


class ImageError(RegistrarError):
    """Docker could not do what was asked."""


class LoginError(RegistrarError):
    """Proof of identity failed."""
