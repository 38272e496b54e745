import { readFileSync, writeFileSync } from "node:fs";
import { fromRoot } from "../paths.ts";
import type { Step } from "../stamp.ts";
import { type NumberTable, readNumberTable } from "./number-table.ts";
import { jobHeader, kernelHeader, layerHeader, wireHeader } from "./render-c.ts";
import {
  cloneModule,
  jobModule,
  layerModule,
  mountModule,
  openModule,
  resolveModule,
  wireModule,
} from "./render-ts.ts";

const files: Readonly<Record<string, (table: NumberTable) => string>> = {
  "ffi/wire/numbers.h": wireHeader,
  "ffi/libcrib/numbers.h": jobHeader,
  "ffi/layers/numbers.h": layerHeader,
  "ffi/include/kernel-numbers.h": kernelHeader,
  "src/runtime/native/wire-numbers.ts": wireModule,
  "src/kernel/linux/job-numbers.ts": jobModule,
  "src/layers/native/layer-numbers.ts": layerModule,
  "src/kernel/open-flags.ts": openModule,
  "src/kernel/mount-flags.ts": mountModule,
  "src/kernel/clone-flags.ts": cloneModule,
  "src/kernel/resolve-flags.ts": resolveModule,
};

function present(path: string): string {
  try {
    return readFileSync(fromRoot(path), "utf8");
  } catch {
    return "";
  }
}

/** What of the committed files is not what the table says. */
export function staleNumbers(): readonly string[] {
  const table = readNumberTable();
  return Object.entries(files)
    .filter(([path, render]) => present(path) !== render(table))
    .map(([path]) => path);
}

/** ffi/numbers.json → the C headers and TypeScript of these numbers, which are committed as all generated code is. */
export function numbersStep(): Step {
  return {
    name: "numbers",
    inputs: ["ffi/numbers.json", "scripts/build/numbers/*.ts", ...Object.keys(files)],
    key: "numbers",
    outputs: Object.keys(files),
    async work() {
      const table = readNumberTable();
      for (const path of staleNumbers()) writeFileSync(fromRoot(path), files[path]?.(table) ?? "");
    },
  };
}
