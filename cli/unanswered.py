"""A lead that has no answer, as the command line says it: the type and the lead beside the sentence."""

from lintel.errors import NotFoundError


class UnansweredError(NotFoundError):
    """There is no such lead, or nothing was known of it yet. `type` is the answer's own: `unknown-lead` and so on."""

    def __init__(self, lead_id: str, type_: str, message: str) -> None:
        super().__init__(message)
        self.lead_id = lead_id
        self.type = type_
