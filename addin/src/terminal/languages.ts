// The languages that code can be sent in, and which one a text looks like.

export const LANGUAGES = [
  ["python", "Python"],
  ["javascript", "JavaScript"],
  ["typescript", "TypeScript"],
  ["bash", "Bash"],
] as const;
export type Language = (typeof LANGUAGES)[number][0];

export const languageName = (language: string): string => LANGUAGES.find(([name]) => name === language)?.[1] ?? language;

/** Signs of a language. Weak ones stand in other languages too: they count beside a strong one alone. */
const SIGNS: Record<Language, { strong: readonly RegExp[]; weak: readonly RegExp[] }> = {
  python: {
    strong: [
      /^\s*(def|class)\s+\w+.*:\s*(#.*)?$/m, /^\s*(from\s+[\w.]+\s+)?import\s+[\w.]+(\s+as\s+\w+)?(\s*,\s*[\w.]+)*\s*$/m, /\bprint\(/,
      /^\s*(if|elif|for|while|with|try|except)\b.*:\s*(#.*)?$/m, /\b(None|True|False|elif|self|lambda)\b/, /^\s*[%!]\w/m, /\b(pd|np|plt)\./, /\bf"/,
    ],
    weak: [/^\s*#/m],
  },
  javascript: {
    strong: [
      /^\s*(const|let|var)\s+[\w{[]/m, /=>/, /\bfunction\b\s*\w*\(/, /\bconsole\.\w+\(/, /===/, /^\s*(import|export)\b.*\bfrom\s+["']/m,
      /\bDeno\.\w+|\brequire\(/, /`[^`]*\$\{/, /\bnew\s+[A-Z]\w*\s*\(/, /\btypeof\b/, /\}\s*(else|catch|finally)\b/,
    ],
    weak: [/\b(null|undefined)\b/, /;\s*$/m, /^\s*\/\//m],
  },
  typescript: {
    strong: [
      /^\s*(export\s+)?(interface|enum|declare|namespace)\s+\w+/m, /^\s*(export\s+)?type\s+\w+(<.*>)?\s*=/m, /\bas\s+(const|unknown)\b/,
      /[\w)\]]\??:\s*(string|number|boolean|unknown|void|never|any\b(?!\()|Record<|Array<|Promise<)/, /\bsatisfies\b/,
    ],
    weak: [/\w\[\]/],
  },
  bash: {
    strong: [
      /^\s*(echo|ls|cd|cat|grep|head|tail|wc|sort|cp|mv|rm|mkdir|find|sed|awk|curl|export|set|pwd|touch|chmod|tar|unzip|du|df|which|file)\b(?!\s*[=(.])/m,
      /;\s*(do|then)\b|^\s*(do|then|fi|done|esac)\s*$/m, /\$\(\w/,
    ],
    weak: [/\$\{?\w+\}?/, /\s\|\s*\w+/, /\s--?\w[\w-]*/, /\s>{1,2}\s*\S+\s*$/m],
  },
};
const SHEBANG: readonly [RegExp, Language][] = [
  [/^#!.*\b(ba|da|z)?sh\b/, "bash"],
  [/^#!.*\bpython/, "python"],
  [/^#!.*\b(ts-node|tsx)\b/, "typescript"],
  [/^#!.*\b(node|deno)\b/, "javascript"],
];

/** Texts in quotes and comments say nothing about the language around them. */
const withoutTexts = (code: string): string => code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');

/** The language that *code* looks like; Python if nothing says otherwise. */
export function detectLanguage(code: string): Language {
  const named = SHEBANG.find(([sign]) => sign.test(code));
  if (named) return named[1];
  const text = withoutTexts(code.slice(0, 20_000));
  const counted = (language: Language) => {
    const { strong, weak } = SIGNS[language];
    const found = (signs: readonly RegExp[]) => signs.filter((sign) => sign.test(text)).length;
    return found(strong) > 0 ? found(strong) + found(weak) : 0;
  };
  const scores: Record<Language, number> = { python: counted("python"), javascript: counted("javascript"), typescript: 0, bash: counted("bash") };
  const typed = counted("typescript");
  if (typed > 0) scores.typescript = scores.javascript + typed; // what stands in JavaScript stands in it too
  let best: Language = "python";
  for (const [language] of LANGUAGES) if (scores[language] > scores[best]) best = language;
  return best;
}
