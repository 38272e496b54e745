/**
 * The direction of imports: a file may import from its own folder, from folders of earlier lines, and from nothing else.
 * Folders of one line do not know each other.
 */
export const importOrder: readonly (readonly string[])[] = [
  ["errors"],
  ["ids", "json", "framing"],
  ["observe", "config", "gen", "spec"],
  ["kernel"],
  ["oci", "ttrpc"],
  ["cdi", "layers", "runtime", "network", "cgroups", "logs"],
  ["nri"],
  ["state"],
  ["images"],
  ["pods"],
  ["streaming"],
  ["cri", "cli"],
  ["main"],
];

/** Only the composition root reads the outside world; everything else gets it as a parameter, so that a test can give another. */
const ambient: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bprocess\.env\b|\bBun\.env\b/, instead: "take the value from Config or as a parameter" },
  { pattern: /\bprocess\.argv\b|\bBun\.argv\b/, instead: "take arguments as a parameter" },
  { pattern: /\bprocess\.cwd\(/, instead: "take an absolute path as a parameter" },
  { pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, instead: "use the Clock of src/observe/clock.ts" },
];

/** main.ts and what it is made of: the adapter of Clock may read the clock, a Worker is a root of its own. */
const mayReadAmbient = /^src\/(main\.ts|main\/.*|observe\/system-clock\.ts|.*\.worker\.ts)$/;

const LINES_MAX = 300;
/** Tables of cases make tests longer without making them harder to read. */
const TEST_LINES_MAX = 500;
const lengthReason = /^(\/\/|\/\*\*| \*).*\bover 300 lines\b/im;

/** A source file, by its path from the root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** One broken rule; `reason` tells the author what to do. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly reason: string;
}

const importPattern =
  /(?:^|;)\s*(?:import|export)\b(?:[^"';]*?\bfrom)?\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

/** Every module `text` imports, type-only imports included, with the line it is named on. */
export function importsOf(text: string): { readonly specifier: string; readonly line: number }[] {
  return [...text.matchAll(importPattern)].map((match) => ({
    specifier: match[1] ?? match[2] ?? "",
    line: text.slice(0, match.index + match[0].length).split("\n").length,
  }));
}

/** `src/cri/runtime/version.ts` → `cri`; `src/main.ts` → `main`. */
function folderOf(path: string): string {
  return (
    path
      .replace(/^src\//, "")
      .replace(/\.ts$/, "")
      .split("/")[0] ?? ""
  );
}

function rankOf(folder: string): number {
  return importOrder.findIndex((line) => line.includes(folder));
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function checkDirection(file: SourceFile): Violation[] {
  const folder = folderOf(file.path);
  const rank = rankOf(folder);
  if (rank === -1) {
    return [
      {
        path: file.path,
        line: 1,
        reason: `folder src/${folder} has no place in the order of imports: give it one in scripts/check/import-rules.ts`,
      },
    ];
  }
  return importsOf(file.text).flatMap(({ specifier, line }) => {
    const target = specifier.startsWith(".") ? resolve(file.path, specifier) : undefined;
    if (target === undefined || !target.startsWith("src/")) return [];
    const targetFolder = folderOf(target);
    if (targetFolder === folder || (rankOf(targetFolder) !== -1 && rankOf(targetFolder) < rank)) return [];
    return [
      {
        path: file.path,
        line,
        reason: `${folder} must not import ${targetFolder} (${specifier}): arrows point from later folders to earlier ones only, or no part can be read and tested alone`,
      },
    ];
  });
}

/** Who knows which messages; everyone else takes the types of `src/spec/`, which `src/cri/spec/` makes of the CRI's. */
const speakers: readonly { readonly messages: RegExp; readonly folders: readonly string[] }[] = [
  {
    messages: /^src\/gen\/(?:runtimeoptions|containerd\/(?:task|runtime|runc|events|services\/events))\//,
    folders: ["runtime/shim-v2"],
  },
  { messages: /^src\/gen\/(?:runtime|crib|containerd)\//, folders: ["cri", "cli"] },
  { messages: /^src\/gen\/(?:nri|ttrpc)\//, folders: ["nri", "ttrpc", "runtime/shim-v2"] },
  { messages: /^@bufbuild\//, folders: ["cri", "cli", "nri", "ttrpc", "runtime/shim-v2"] },
  { messages: /^@connectrpc\//, folders: ["cri", "cli"] },
];

function checkMessages(file: SourceFile): Violation[] {
  return importsOf(file.text).flatMap(({ specifier, line }) => {
    const target = specifier.startsWith(".") ? resolve(file.path, specifier) : specifier;
    const rule = speakers.find(({ messages }) => messages.test(target));
    if (rule === undefined || rule.folders.some((folder) => file.path.startsWith(`src/${folder}/`))) return [];
    const reason = `only src/${rule.folders.join(", src/")} know these messages (${specifier}): take the types of src/spec, or records and decisions depend on how a client spoke`;
    return [{ path: file.path, line, reason }];
  });
}

function checkForeign(file: SourceFile): Violation[] {
  if (/^src\/kernel\/linux\/[a-z-]*\.ts$/.test(file.path)) return [];
  return importsOf(file.text)
    .filter(({ specifier }) => specifier === "bun:ffi")
    .map(({ line }) => ({
      path: file.path,
      line,
      reason:
        "bun:ffi is imported by src/kernel/linux/ alone: everything else asks the Kernel port, which a test can replace",
    }));
}

/** In such a file `process` is the OCI spec's process object, not Node's. */
const bindsProcess = /\b(?:const|let)\s+process\b|[(,]\s*process\s*:/;

function checkAmbient(file: SourceFile): Violation[] {
  if (mayReadAmbient.test(file.path) || bindsProcess.test(file.text)) return [];
  return file.text.split("\n").flatMap((text, index) => {
    const code = text.replace(/^\s*(\*|\/\/|\/\*).*/, "");
    return ambient
      .filter(({ pattern }) => pattern.test(code))
      .map(({ instead }) => ({
        path: file.path,
        line: index + 1,
        reason: `only main.ts reads environment, arguments and clock: ${instead}`,
      }));
  });
}

/** Where an older copy of a record could be written over a newer one, or a deleted one again (src/pods/ledger/ledger.ts). */
const recordWrite = /\b(?:containers|sandboxes)\s*\.\s*(?:put|delete)\(/;

function checkRecordWriters(file: SourceFile): Violation[] {
  if (!file.path.startsWith("src/pods/") || file.path.startsWith("src/pods/ledger/")) return [];
  return file.text.split("\n").flatMap((text, index) => {
    if (!recordWrite.test(text)) return [];
    const reason =
      "only src/pods/ledger writes records of pods and containers: it reads them again and checks the arrow";
    return [{ path: file.path, line: index + 1, reason }];
  });
}

/** Launch plans, monitors and their frames are the native runtime's own; everybody else speaks src/runtime/port.ts. */
function checkNative(file: SourceFile): Violation[] {
  if (/^src\/(runtime|main)\//.test(file.path)) return [];
  return importsOf(file.text)
    .filter(({ specifier }) => resolve(file.path, specifier).startsWith("src/runtime/native/"))
    .map(({ line }) => ({
      path: file.path,
      line,
      reason:
        "src/runtime/native is known to src/runtime and main alone: pods speak src/runtime/port.ts, or another runtime could not run them",
    }));
}

function checkLength(file: SourceFile): Violation[] {
  const lines = file.text.split("\n").length - 1;
  if (
    lines <= (file.path.endsWith(".test.ts") ? TEST_LINES_MAX : LINES_MAX) ||
    lengthReason.test(file.text.split("\n", 12).join("\n"))
  )
    return [];
  return [
    {
      path: file.path,
      line: lines,
      reason: `${lines} lines: one concept a file; split it, or say at the top why it is over 300 lines`,
    },
  ];
}

/** The first cycle through each file that lies on one, as `a → b → a`. */
function findCycles(files: readonly SourceFile[]): Violation[] {
  const graph = new Map(files.map((file) => [file.path, localImports(file)]));
  const done = new Set<string>();
  const violations: Violation[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start !== -1) {
      const cycle = [...trail.slice(start), path].join(" → ");
      violations.push({ path, line: 1, reason: `import cycle ${cycle}: the order in which they run is undefined` });
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return violations;
}

function localImports(file: SourceFile): string[] {
  const specifiers = importsOf(file.text).map(({ specifier }) => specifier);
  return specifiers.filter((specifier) => specifier.startsWith(".")).map((specifier) => resolve(file.path, specifier));
}

/** Every broken rule in `files`; tests and generated code are held only to what keeps them out of the product. */
export function checkImports(files: readonly SourceFile[]): Violation[] {
  const sources = files.filter(({ path }) => path.startsWith("src/") && !path.startsWith("src/gen/"));
  const product = sources.filter(({ path }) => !path.endsWith(".test.ts"));
  return [
    ...product.flatMap(checkDirection),
    ...product.flatMap(checkAmbient),
    ...product.flatMap(checkMessages),
    ...product.flatMap(checkRecordWriters),
    ...product.flatMap(checkNative),
    ...sources.flatMap(checkForeign),
    ...files.filter(({ path }) => !path.startsWith("src/gen/")).flatMap(checkLength),
    ...findCycles(product),
  ];
}
