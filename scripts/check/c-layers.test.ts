import { describe, expect, test } from "bun:test";
import { checkCLayers, codeOf, definedIn } from "./c-layers.ts";

const broken = (files: Readonly<Record<string, string>>): readonly string[] =>
  checkCLayers(Object.entries(files).map(([path, text]) => ({ path, text })));

const header = (name: string): string => `void ${name}(void);\n`;
const source = (name: string, body = ""): string => `void ${name}(void)\n{\n${body}}\n`;

describe("definedIn", () => {
  const cases: [what: string, text: string, expected: string[]][] = [
    ["a function", source("a"), ["a"]],
    ["one over two lines", "struct x *a(int b,\n\tint c)\n{\n}\n", ["a"]],
    ["one that does not return", "_Noreturn void a(void)\n{\n}\n", ["a"]],
    ["a variable", "const char *const a = 0;\nint b[4];\n", ["a", "b"]],
    ["nothing static", "static void a(void)\n{\n}\nstatic int b;\n", []],
    ["nothing that is only declared", "void a(void);\nextern int b;\nstruct c;\n", []],
    ["nothing in a comment or a string", '/*\nvoid a(void)\n{\n*/\nstatic const char *b = "int c;";\n', []],
  ];
  test.each(cases)("%s", (_what, text, expected) => {
    expect(definedIn(codeOf(text))).toEqual(expected);
  });
});

describe("an arrow", () => {
  const allowed: [what: string, files: Record<string, string>][] = [
    ["to a lower folder", { "monitor/loop/l.h": header("l"), "monitor/process/p.c": '#include "monitor/loop/l.h"\n' }],
    ["to the file beside it", { "wire/a.h": header("a"), "wire/b.c": '#include "a.h"\n' }],
    ["to a header of the system", { "wire/a.c": "#include <errno.h>\n" }],
    ["to a name of another program", { "hello/a.c": source("same"), "look/b.c": source("b", "\tsame();\n") }],
    [
      "to a variable of its own by another's name",
      {
        "monitor/main.c": source("frame"),
        "wire/a.c": source("a", "\tint frame = 0;\n\tuse(&frame);\n"),
      },
    ],
    [
      "to a field by another's name",
      {
        "monitor/main.c": source("frame"),
        "wire/a.c": source("a", "\tx->frame = y.frame;\n"),
      },
    ],
  ];
  test.each(allowed)("may lead %s", (_what, files) => {
    expect(broken(files)).toEqual([]);
  });

  const refused: [what: string, files: Record<string, string>, says: RegExp][] = [
    [
      "an include upwards",
      { "monitor/process/p.h": header("p"), "monitor/transport/t.c": '#include "monitor/process/p.h"\n' },
      /^ffi\/monitor\/transport\/t\.c:1: monitor\/transport must not know monitor\/process \(includes/,
    ],
    [
      "a call upwards that a header for all declares",
      { "monitor/process/p.c": source("gone"), "monitor/transport/t.c": source("close", "\tgone();\n") },
      /^ffi\/monitor\/transport\/t\.c:3: monitor\/transport must not know monitor\/process \(uses gone\)/,
    ],
    [
      "a function upwards handed on",
      { "monitor/process/p.c": source("gone"), "monitor/loop/l.c": source("l", "\tcall(gone);\n") },
      /^ffi\/monitor\/loop\/l\.c:3: monitor\/loop must not know monitor\/process \(uses gone\)/,
    ],
    [
      "a folder without a place",
      { "extra/a.c": '#include "b.h"\n', "extra/b.h": "" },
      /^ffi\/extra\/a\.c:1: folder ffi\/extra has no place/,
    ],
  ];
  test.each(refused)("refused: %s", (_what, files, says) => {
    expect(broken(files)).toEqual([expect.stringMatching(says)]);
  });
});

describe("a circle", () => {
  test("of two files that call each other is told with both arrows", () => {
    const files = { "wire/a.c": source("a", "\tb();\n"), "wire/b.c": source("b", "\ta();\n") };
    expect(broken(files)).toEqual([expect.stringContaining("a circle: wire/a uses b, wire/b uses a:")]);
  });

  test("counts a header and its source as one", () => {
    const files = {
      "wire/a.h": '#include "b.h"\n',
      "wire/a.c": source("a"),
      "wire/b.h": "",
      "wire/b.c": source("b", "\ta();\n"),
    };
    expect(broken(files)).toEqual([expect.stringContaining("a circle: wire/a includes b.h, wire/b uses a:")]);
  });

  test("of three is found", () => {
    const files = {
      "wire/a.h": '#include "b.h"\n',
      "wire/b.h": '#include "c.h"\n',
      "wire/c.h": '#include "a.h"\n',
    };
    expect(broken(files)).toHaveLength(1);
  });
});

test("a header for all of a monitor's files is refused", () => {
  const files = { "monitor/process/all.h": header("reap"), "monitor/process/reap.c": source("reap") };
  expect(broken(files)).toEqual([
    "ffi/monitor/process/all.h:1: reap is defined in ffi/monitor/process/reap.c: declare it in that file's own header",
  ]);
});
