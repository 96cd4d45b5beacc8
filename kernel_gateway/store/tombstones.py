"""Which conversations are being deleted: nothing begins in them any more."""

from __future__ import annotations

from kernel_gateway.errors import ConversationDeleted

KEPT = 10_000


class Deletions:
    """Conversations that are being deleted by this process, or were lately.

    A request that had found its conversation before the deletion began learns here, or from
    the database, that it is gone.
    """

    def __init__(self, kept: int = KEPT) -> None:
        """Keep the last *kept* in mind; no request takes longer than so many deletions."""
        self._kept = kept
        self._conversations: dict[str, None] = {}

    def begin(self, conversation: str) -> None:
        """Have nothing more begin in *conversation*."""
        self._conversations.pop(conversation, None)
        self._conversations[conversation] = None
        if len(self._conversations) > self._kept:
            del self._conversations[next(iter(self._conversations))]

    def give_up(self, conversation: str) -> None:
        """It could not be deleted, and may be asked for again."""
        self._conversations.pop(conversation, None)

    def __contains__(self, conversation: str) -> bool:
        """Whether *conversation* is being deleted, or was."""
        return conversation in self._conversations

    def check(self, conversation: str) -> None:
        """Raise `ConversationDeleted` if *conversation* is being deleted, or was."""
        if conversation in self:
            raise ConversationDeleted
