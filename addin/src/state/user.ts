// Whose the things are that this browser keeps: the next user who signs in here gets none of them.
let user = "";

/** From now on things are kept for, and found of, the user *name*. */
export function keptFor(name: string): void {
  user = name;
}

/** The key of this user's *what* in the browser's storage. */
export const keyOf = (what: string): string => `tallybook.${encodeURIComponent(user)}/${what}`;
