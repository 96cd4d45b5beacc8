import {
  type BrandVariants, createDarkTheme, createLightTheme, teamsHighContrastTheme, type Theme,
} from "@fluentui/react-components";
import { useState } from "react";
import { useMedia } from "./media";

// A ledger's green; each pair used as text on its background has a contrast of 4.5 or more.
const GREEN: BrandVariants = {
  10: "#010806", 20: "#05201a", 30: "#07352a", 40: "#084436", 50: "#095441", 60: "#0a5f49",
  70: "#0b6a51", 80: "#0d7559", 90: "#248468", 100: "#3d9379", 110: "#56a38a", 120: "#6fb39c",
  130: "#89c3af", 140: "#a4d3c2", 150: "#c0e3d6", 160: "#def3eb",
};

const FONT = '"Segoe UI Variable Text", "Segoe UI", -apple-system, "Inter", "Noto Sans", Roboto, "Helvetica Neue", Arial, sans-serif';
const MONO = '"Cascadia Code", "Cascadia Mono", ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
const fonts = { fontFamilyBase: FONT, fontFamilyMonospace: MONO };

const dark = createDarkTheme(GREEN);
const THEMES: Record<"light" | "dark" | "contrast", Theme> = {
  light: { ...createLightTheme(GREEN), ...fonts },
  dark: {
    ...dark,
    ...fonts,
    colorBrandBackground2: GREEN[30],
    colorBrandForeground1: GREEN[120],
    colorBrandForeground2: GREEN[130],
    colorBrandForegroundLink: GREEN[130],
    colorBrandForegroundLinkHover: GREEN[140],
  },
  contrast: { ...teamsHighContrastTheme, ...fonts },
};

export type Look = "system" | "light" | "dark" | "contrast";
export const LOOKS: readonly [Look, string][] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
  ["contrast", "High contrast"],
];
const KEPT = "tallybook.look";

/** The chosen look, the theme it gives, and how to choose another. */
export function useLook(): { look: Look; theme: Theme; scheme: "light" | "dark"; choose: (look: Look) => void } {
  const [look, setLook] = useState<Look>(() => {
    const kept = localStorage.getItem(KEPT);
    return LOOKS.some(([name]) => name === kept) ? (kept as Look) : "system";
  });
  const prefersDark = useMedia("(prefers-color-scheme: dark)");
  const prefersContrast = useMedia("(prefers-contrast: more)");
  const automatic = prefersContrast ? "contrast" : prefersDark ? "dark" : "light";
  const name = look === "system" ? automatic : look;
  const choose = (next: Look) => {
    localStorage.setItem(KEPT, next);
    setLook(next);
  };
  return { look, theme: THEMES[name], scheme: name === "light" ? "light" : "dark", choose };
}
