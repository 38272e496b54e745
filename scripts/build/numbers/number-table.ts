import { readFileSync } from "node:fs";
import { fromRoot } from "../paths.ts";

/** A number, or one as it is written in code: "0x8000", "0o400". */
export type Literal = number | string;
export type Numbers = Readonly<Record<string, Literal>>;
/** Of the kernel's numbers some are others on other architectures; they are called as Node calls them. */
export type ByArchitecture = Readonly<Record<"x64" | "arm64", Literal>>;
export type KernelNumbers = Readonly<Record<string, Literal | ByArchitecture>>;

/** ffi/numbers.json: every number that C and TypeScript share. */
export interface NumberTable {
  readonly protocol: { readonly magic: Literal; readonly versions: readonly number[] };
  readonly plan: { readonly magic: Literal; readonly version: number };
  readonly frames: Numbers;
  readonly steps: Numbers;
  readonly pid_namespaces: Numbers;
  readonly propagations: Numbers;
  readonly device_types: Numbers;
  readonly lsms: Numbers;
  readonly reports: Numbers;
  readonly jobs: Numbers;
  readonly file_operations: Numbers;
  readonly layer_orders: Numbers;
  readonly layer_replies: Numbers;
  readonly layer_failures: Numbers;
  readonly kernel: {
    readonly open: KernelNumbers;
    readonly rename: KernelNumbers;
    readonly modes: KernelNumbers;
    readonly mount: KernelNumbers;
    readonly umount: KernelNumbers;
    readonly mount_attributes: KernelNumbers;
    readonly clone: KernelNumbers;
    readonly resolve: KernelNumbers;
  };
}

export function readNumberTable(): NumberTable {
  return JSON.parse(readFileSync(fromRoot("ffi/numbers.json"), "utf8")) as NumberTable;
}

/** A line for each number that stands twice in one list of the wire: whoever reads it could not tell them apart. */
export function repeatedNumbers(table: NumberTable): readonly string[] {
  const { protocol, plan, kernel, ...lists } = table;
  return Object.entries(lists).flatMap(([list, numbers]: [string, Numbers]) => {
    const names = Object.entries(numbers);
    return names
      .filter(([name, value]) => names.find(([, other]) => Number(other) === Number(value))?.[0] !== name)
      .map(([name, value]) => `ffi/numbers.json: ${list}.${name} is ${value}, which another one has`);
  });
}
