import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const served = here("../vpaas_api/static");

/** `vpaas.js`: the SDK alone, under a name that apps can rely on. */
const library: UserConfig = {
  publicDir: false,
  build: {
    outDir: served,
    emptyOutDir: false,
    modulePreload: false,
    rolldownOptions: {
      input: here("src/index.ts"),
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "vpaas.js" },
    },
  },
};

/** `examples/plain.html`: mediasoup-client and protoo-client without the SDK. */
const example: UserConfig = {
  root: here("../examples/browser"),
  base: "/examples/",
  resolve: {
    alias: {
      "mediasoup-client": here("node_modules/mediasoup-client"),
      "protoo-client": here("node_modules/protoo-client"),
    },
  },
  build: {
    outDir: `${served}/examples`,
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: here("../examples/browser/plain.html") },
  },
};

/** The page at `/`. */
const page: UserConfig = {
  build: { outDir: served, emptyOutDir: true, modulePreload: { polyfill: false } },
  server: { proxy: { "/vpaas": { target: "http://127.0.0.1:8080", ws: true }, "/demo": "http://127.0.0.1:8080" } },
};

export default defineConfig(({ mode }) => {
  const target: UserConfig = mode === "library" ? library : mode === "example" ? example : page;
  return { ...target, build: { target: "es2022", ...target.build } };
});
