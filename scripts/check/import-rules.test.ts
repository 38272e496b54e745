import { describe, expect, test } from "bun:test";
import { checkImports, importsOf } from "./import-rules.ts";

const reasons = (...files: [path: string, text: string][]): string[] =>
  checkImports(files.map(([path, text]) => ({ path, text }))).map(
    ({ path, line, reason }) => `${path}:${line} ${reason}`,
  );

describe("importsOf", () => {
  const cases: [what: string, text: string, expected: string[]][] = [
    ["a plain import", 'import { a } from "./a.ts";', ["./a.ts"]],
    ["a type-only import", 'import type { A } from "./a.ts";', ["./a.ts"]],
    ["an import for its effect", 'import "./a.ts";', ["./a.ts"]],
    ["an import over several lines", 'import {\n  a,\n  b,\n} from "../b.ts";', ["../b.ts"]],
    ["a re-export", 'export { a } from "./a.ts";', ["./a.ts"]],
    ["a dynamic import", 'const a = await import("./a.ts");', ["./a.ts"]],
    ["an attribute", 'import path from "./x.so" with { type: "file" };', ["./x.so"]],
    ["an export that imports nothing", 'export const from = "./a.ts";', []],
    ["a string in code", 'const text = "import x from y";', []],
  ];
  test.each(cases)("%s", (_what, text, expected) => {
    expect(importsOf(text).map(({ specifier }) => specifier)).toEqual(expected);
  });
});

describe("direction", () => {
  const allowed: [path: string, text: string][] = [
    ["src/kernel/a.ts", 'import { x } from "../ids/path.ts";'],
    ["src/cri/runtime/a.ts", 'import { x } from "../../pods/port.ts";'],
    ["src/main.ts", 'import { x } from "./cri/server.ts";'],
    ["src/pods/a.ts", 'import { x } from "./deep/b.ts";'],
    ["src/pods/a.test.ts", 'import { x } from "../cri/b.ts";'],
    ["src/pods/a.ts", 'import { x } from "../runtime/port.ts";'],
    ["src/runtime/oci-cli/a.ts", 'import { x } from "../native/plan/steps.ts";'],
  ];
  test.each(allowed)("%s may: %s", (path, text) => {
    expect(reasons([path, text])).toEqual([]);
  });

  const refused: [path: string, text: string, reason: string][] = [
    ["src/kernel/a.ts", 'import type { x } from "../pods/port.ts";', "kernel must not import pods"],
    ["src/ids/a.ts", 'import { x } from "../kernel/port.ts";', "ids must not import kernel"],
    ["src/layers/a.ts", 'import { x } from "../network/port.ts";', "layers must not import network"],
    ["src/cri/a.ts", 'import { x } from "../main.ts";', "cri must not import main"],
    ["src/misc/a.ts", "", "folder src/misc has no place"],
    ["src/pods/a.ts", 'import type { x } from "../runtime/native/plan/steps.ts";', "pods speak src/runtime/port.ts"],
  ];
  test.each(refused)("%s may not: %s", (path, text, reason) => {
    expect(reasons([path, text]).join("\n")).toContain(reason);
  });
});

describe("the messages of the API", () => {
  const gen = (up: string) => `import type { Mount } from "${up}gen/runtime/v1/api_pb.ts";`;
  test.each([
    ["src/pods/request/a.ts", gen("../../")],
    ["src/oci/a.ts", gen("../")],
    ["src/state/a.ts", 'import { fromBinary } from "@bufbuild/protobuf";'],
    ["src/images/a.ts", 'import { Code } from "@connectrpc/connect";'],
    ["src/main/a.ts", gen("../")],
    ["src/streaming/session/a.ts", gen("../../")],
    ["src/nri/a.ts", gen("../")],
    ["src/pods/a.ts", 'import type { Pod } from "../gen/nri/pkg/api/v1alpha1/api_pb.ts";'],
    ["src/ttrpc/a.ts", 'import { Code } from "@connectrpc/connect";'],
    ["src/runtime/oci-cli/a.ts", 'import { create } from "@bufbuild/protobuf";'],
    ["src/cri/a.ts", 'import { Task } from "../gen/containerd/task/v3/shim_pb.ts";'],
  ])("end before %s: %s", (path, text) => {
    expect(reasons([path, text])).toEqual([expect.stringMatching(/only src\/.* know these messages/)]);
  });

  test.each([
    ["src/cri/spec/a.ts", gen("../../")],
    ["src/cli/a.ts", 'import { createClient } from "@connectrpc/connect";'],
    ["src/nri/a.ts", 'import { create } from "@bufbuild/protobuf";'],
    ["src/nri/adjust/a.ts", 'import type { Pod } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";'],
    ["src/runtime/shim-v2/a.ts", 'import { Task } from "../../gen/containerd/task/v3/shim_pb.ts";'],
    ["src/pods/request/a.test.ts", gen("../../")],
    ["src/pods/a.ts", 'import type { PodSpec } from "../spec/pod-spec.ts";'],
  ])("are known to %s: %s", (path, text) => {
    expect(reasons([path, text])).toEqual([]);
  });
});

test("a cycle is found and shown", () => {
  const found = reasons(
    ["src/pods/a.ts", 'import { b } from "./b.ts";'],
    ["src/pods/b.ts", 'import { c } from "./c.ts";'],
    ["src/pods/c.ts", 'import { a } from "./a.ts";'],
  );
  expect(found).toHaveLength(1);
  expect(found[0]).toContain("src/pods/a.ts → src/pods/b.ts → src/pods/c.ts → src/pods/a.ts");
});

test("bun:ffi belongs to the kernel's Linux adapter", () => {
  expect(reasons(["src/kernel/linux/linux-files.ts", 'import { dlopen } from "bun:ffi";'])).toEqual([]);
  expect(reasons(["src/kernel/port.ts", 'import { dlopen } from "bun:ffi";'])).toHaveLength(1);
  expect(reasons(["src/network/netns.ts", 'import type { Pointer } from "bun:ffi";'])).toHaveLength(1);
});

describe("the outside world", () => {
  test.each(["process.env.HOME", "process.argv[2]", "process.cwd()", "Date.now()", "new Date()", "Bun.env.X"])(
    "%s",
    (code) => {
      expect(reasons(["src/pods/a.ts", `const x = ${code};`])).toHaveLength(1);
      expect(reasons(["src/main.ts", `const x = ${code};`])).toEqual([]);
      expect(reasons(["src/pods/a.test.ts", `const x = ${code};`])).toEqual([]);
      expect(reasons(["src/pods/a.ts", `// never ${code} here`])).toEqual([]);
    },
  );

  test("the process of a runtime spec is not Node's", () => {
    expect(reasons(["src/runtime/a.ts", "function f(process: Process) {\n  return process.env;\n}"])).toEqual([]);
  });

  test("a given instant is no reading of the clock", () => {
    expect(reasons(["src/pods/a.ts", "const x = new Date(milliseconds);"])).toEqual([]);
  });
});

describe("length", () => {
  const long = "const x = 1;\n".repeat(301);
  test("301 lines without a reason", () => expect(reasons(["src/pods/a.ts", long])).toHaveLength(1));
  test("300 lines", () => expect(reasons(["src/pods/a.ts", "const x = 1;\n".repeat(300)])).toEqual([]));
  test("a reason at the top", () => {
    expect(reasons(["src/pods/a.ts", `// Over 300 lines: one table.\n${long}`])).toEqual([]);
  });
});

describe("records", () => {
  test("are written by the ledger alone", () => {
    const text = "engine.containers.put(record, options);\nthis.#sandboxes.delete(id);";
    expect(reasons(["src/pods/lifecycle/a.ts", text])).toEqual([
      expect.stringContaining("src/pods/lifecycle/a.ts:1 only src/pods/ledger writes"),
      expect.stringContaining("src/pods/lifecycle/a.ts:2 only src/pods/ledger writes"),
    ]);
    expect(reasons(["src/pods/ledger/ledger.ts", text])).toEqual([]);
  });
});
