// The languages that code can be sent in, and which one a text looks like.

export const LANGUAGES = [
  ["python", "Python"],
  ["javascript", "JavaScript"],
  ["typescript", "TypeScript"],
  ["bash", "Bash"],
] as const;
export type Language = (typeof LANGUAGES)[number][0];

export const languageName = (language: string): string => LANGUAGES.find(([name]) => name === language)?.[1] ?? language;
