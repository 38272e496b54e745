/**
 * The direction of C: a file may use its own folder and the folders its line names, and nothing else. It uses what it includes, and
 * what it calls, however that was declared: a call upwards through a header for all is an arrow too.
 */
export const cLayers: Readonly<Record<string, readonly string[]>> = {
  include: [],
  arch: ["include"],
  wire: ["include"],
  init: ["include", "arch", "wire"],
  "monitor/loop": ["include"],
  "monitor/transport": ["include", "wire", "monitor/loop"],
  "monitor/sandbox": ["include", "arch", "wire", "init", "monitor/loop", "monitor/transport"],
  "monitor/process": ["include", "arch", "wire", "init", "monitor/loop", "monitor/transport", "monitor/sandbox"],
  "monitor/whole": [
    "include",
    "wire",
    "init",
    "monitor/loop",
    "monitor/transport",
    "monitor/sandbox",
    "monitor/process",
  ],
  "monitor/renewal": [
    "include",
    "wire",
    "monitor/loop",
    "monitor/transport",
    "monitor/sandbox",
    "monitor/process",
    "monitor/whole",
  ],
  monitor: [
    "include",
    "wire",
    "init",
    "monitor/loop",
    "monitor/transport",
    "monitor/sandbox",
    "monitor/process",
    "monitor/whole",
    "monitor/renewal",
  ],
  libcrib: ["include", "arch"],
  layers: ["include", "arch"],
  look: ["include"],
  hello: ["include"],
};

/** Where a function is declared in the header of its own file, so that who includes a header says whom it calls. */
const oneHeaderEach = /^monitor(\/|$)/;

/** Folders that are linked into one program: a name means another function in another program. */
const programs: readonly (readonly string[])[] = [
  ["wire", "init", "monitor"],
  ["libcrib"],
  ["layers"],
  ["look"],
  ["hello"],
];

/** A file below ffi/, by its path from there. */
export interface CFile {
  readonly path: string;
  readonly text: string;
}

/** `a` uses `b`, both without their endings: a header and its source are one. */
interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly path: string;
  readonly line: number;
  readonly why: string;
}

const moduleOf = (path: string): string => path.replace(/\.[ch]$/, "");
const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length;

function folderOf(path: string): string {
  const folder = path.split("/").slice(0, -1).join("/");
  const known = Object.keys(cLayers).filter((name) => folder === name || folder.startsWith(`${name}/`));
  return known.sort((a, b) => b.length - a.length)[0] ?? folder;
}

const programOf = (path: string): number => programs.findIndex((folders) => folders.includes(path.split("/")[0] ?? ""));

/** Comments, strings and what a line of the preprocessor says become blanks, so that lines keep their numbers. */
export function codeOf(text: string): string {
  const blank = (match: string): string => match.replace(/[^\n]/g, " ");
  return text
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, blank)
    .replace(/^[ \t]*#[ \t]*(?:include|if|ifdef|ifndef|elif|else|endif|undef|error).*/gm, blank);
}

/** What other files may name: functions and variables that are not static, as this tree is formatted. */
export function definedIn(code: string): readonly string[] {
  const functions = /^(?!static\b|extern\b|typedef\b)[A-Za-z_][\w \t*]*?\b(\w+)\((?:[^;{}]*)\)[^;{}()]*\n\{/gm;
  const variables = /^(?!static\b|extern\b|typedef\b)(?:[A-Za-z_]\w*[ \t*]+)+(\w+)(?:\[[^\]\n]*\])*[ \t]*(?:=|;)/gm;
  return [
    ...[...code.matchAll(functions)].map((match) => match[1] ?? ""),
    ...[...code.matchAll(variables)]
      .filter(([text]) => !/^(?:struct|union|enum)\s+\w+\s*;$/.test(text))
      .map((match) => match[1] ?? ""),
  ];
}

/** `"plan.h"` beside the file, or from ffi/ or ffi/include/; undefined for headers of the system. */
function included(from: string, name: string, known: ReadonlySet<string>): string | undefined {
  const beside = new URL(name, `file:///${from}`).pathname.slice(1);
  return [beside, name, `include/${name}`].find((path) => known.has(path));
}

function includesOf(file: CFile, known: ReadonlySet<string>): Arrow[] {
  return [...file.text.matchAll(/^[ \t]*#[ \t]*include[ \t]+"([^"]+)"/gm)].flatMap((match) => {
    const to = included(file.path, match[1] ?? "", known);
    if (to === undefined || moduleOf(to) === moduleOf(file.path)) return [];
    const line = lineAt(file.text, match.index);
    return [{ from: moduleOf(file.path), to: moduleOf(to), path: file.path, line, why: `includes ${match[1]}` }];
  });
}

/** By name and program, the file that defines it. */
function definitions(files: readonly CFile[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { path, text } of files) {
    if (!path.endsWith(".c")) continue;
    for (const name of definedIn(codeOf(text))) found.set(`${programOf(path)} ${name}`, path);
  }
  return found;
}

function usesOf(file: CFile, defined: ReadonlyMap<string, string>): Arrow[] {
  if (!file.path.endsWith(".c")) return [];
  const code = codeOf(file.text);
  const from = moduleOf(file.path);
  const seen = new Set<string>();
  return [...code.matchAll(/(?<![.\w]|->)([A-Za-z_]\w*)(\s*\()?/g)].flatMap((match) => {
    const [, name = "", call] = match;
    const to = defined.get(`${programOf(file.path)} ${name}`);
    if (to === undefined || moduleOf(to) === from || seen.has(name) || isOwn(code, name, call !== undefined)) return [];
    seen.add(name);
    return [{ from, to: moduleOf(to), path: file.path, line: lineAt(code, match.index), why: `uses ${name}` }];
  });
}

/** Whether `name` is a variable of this file's, or a static function. */
function isOwn(code: string, name: string, called: boolean): boolean {
  const variable = new RegExp(`\\b(?!return\\b|else\\b|case\\b)[A-Za-z_]\\w*[ \\t]+\\**${name}[ \\t]*[=;,)[]`);
  return new RegExp(`^static [^;{}()=]*\\b${name}\\(`, "m").test(code) || (!called && variable.test(code));
}

function againstTheLayers(arrow: Arrow): readonly string[] {
  const [from, to] = [folderOf(arrow.path), folderOf(`${arrow.to}.c`)];
  if (cLayers[from] === undefined)
    return [
      `ffi/${arrow.path}:${arrow.line}: folder ffi/${from} has no place in scripts/check/c-layers.ts: give it one`,
    ];
  if (from === to || cLayers[from].includes(to)) return [];
  return [
    `ffi/${arrow.path}:${arrow.line}: ${from} must not know ${to} (${arrow.why}): hand it a callback or a pointer from above, or no part can be read and tested alone`,
  ];
}

/** Each way round once: modules that reach themselves, with the arrows of one way. */
function circles(arrows: readonly Arrow[]): readonly string[] {
  const next = new Map<string, Arrow[]>();
  for (const arrow of arrows) next.set(arrow.from, [...(next.get(arrow.from) ?? []), arrow]);
  const found: string[] = [];
  const told = new Set<string>();
  for (const start of [...next.keys()].sort()) {
    if (told.has(start)) continue;
    const way = wayBack(start, next);
    if (way === undefined) continue;
    for (const { from } of way) told.add(from);
    const steps = way.map(({ from, why }) => `${from} ${why}`).join(", ");
    const first = way[0];
    found.push(`ffi/${first?.path}:${first?.line}: a circle: ${steps}: what both need belongs in a file below both`);
  }
  return found;
}

/** The shortest way from `start` to itself. */
function wayBack(start: string, next: ReadonlyMap<string, readonly Arrow[]>): readonly Arrow[] | undefined {
  let ways: (readonly Arrow[])[] = [[]];
  const seen = new Set<string>();
  while (ways.length > 0) {
    const longer: (readonly Arrow[])[] = [];
    for (const way of ways) {
      for (const arrow of next.get(way.at(-1)?.to ?? start) ?? []) {
        if (arrow.to === start) return [...way, arrow];
        if (seen.has(arrow.to)) continue;
        seen.add(arrow.to);
        longer.push([...way, arrow]);
      }
    }
    ways = longer;
  }
  return undefined;
}

/** Functions that the header of another file declares. */
function declaredElsewhere(files: readonly CFile[], defined: ReadonlyMap<string, string>): readonly string[] {
  return files
    .filter(({ path }) => path.endsWith(".h") && oneHeaderEach.test(folderOf(path)))
    .flatMap(({ path, text }) => {
      const code = codeOf(text);
      return [...code.matchAll(/^(?!static\b|typedef\b|#)[A-Za-z_][\w \t*]*?\b(\w+)\([^{}]*?\);/gm)].flatMap(
        (match) => {
          const source = defined.get(`${programOf(path)} ${match[1]}`);
          if (source === undefined || moduleOf(source) === moduleOf(path)) return [];
          return [
            `ffi/${path}:${lineAt(code, match.index)}: ${match[1]} is defined in ffi/${source}: declare it in that file's own header`,
          ];
        },
      );
    });
}

/** A line for each rule broken by `files`, which are all of ffi/ but the tests. */
export function checkCLayers(files: readonly CFile[]): readonly string[] {
  const known = new Set(files.map(({ path }) => path));
  const defined = definitions(files);
  const arrows = files.flatMap((file) => [...includesOf(file, known), ...usesOf(file, defined)]);
  return [
    ...new Set([...arrows.flatMap(againstTheLayers), ...circles(arrows), ...declaredElsewhere(files, defined)]),
  ].sort();
}
