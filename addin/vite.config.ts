import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// kernel_gateway/http/handlers/page.py puts a new nonce in this one's place in every answer.
const NONCE = "NONCE-OF-THIS-ANSWER";

export default defineConfig({
  base: "/addin/",
  plugins: [react()],
  html: { cspNonce: NONCE },
  build: {
    outDir: "../kernel_gateway/http/addin",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});
