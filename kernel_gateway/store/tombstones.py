"""The conversations being deleted: no new work starts in them."""

from __future__ import annotations

from kernel_gateway.errors import ConversationDeleted

KEPT = 10_000


class Deletions:
    """Conversations that this process is deleting or has recently deleted.

    A request that looked its conversation up before the deletion began must check here again.
    """

    def __init__(self, kept: int = KEPT) -> None:
        """Remember the last *kept* deletions, more than happen during any request."""
        self._kept = kept
        self._conversations: dict[str, None] = {}

    def begin(self, conversation: str) -> None:
        """Mark *conversation* as being deleted."""
        self._conversations.pop(conversation, None)
        self._conversations[conversation] = None
        if len(self._conversations) > self._kept:
            del self._conversations[next(iter(self._conversations))]

    def give_up(self, conversation: str) -> None:
        """Remove the mark of *conversation*: its deletion failed and may be retried."""
        self._conversations.pop(conversation, None)

    def __contains__(self, conversation: str) -> bool:
        """Whether *conversation* is being deleted, or was."""
        return conversation in self._conversations

    def check(self, conversation: str) -> None:
        """Raise `ConversationDeleted` if *conversation* is being deleted, or was."""
        if conversation in self:
            raise ConversationDeleted
