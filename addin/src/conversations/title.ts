import type { Schemas } from "../api/events";

export const titleOf = (conversation: Schemas["Conversation"]): string => conversation.title || "Without a title";
