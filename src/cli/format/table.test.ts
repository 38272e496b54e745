import { expect, test } from "bun:test";
import { createTestIo } from "../../../tests/fixtures/cli-io.ts";
import { type Column, printTable } from "./table.ts";

const columns: Column<{ name: string; count: number }>[] = [
  { title: "NAME", value: (row) => row.name },
  { title: "COUNT", value: (row) => String(row.count), align: "right" },
];

test("printTable aligns by what a terminal shows and leaves no blanks at line ends", () => {
  const io = createTestIo();
  printTable(io.stdout, columns, [
    { name: "日本", count: 1 },
    { name: "abcdef", count: 23 },
  ]);
  expect(io.out).toBe("NAME     COUNT\n日本         1\nabcdef      23\n");
});

test("printTable lets no escape sequence of a name through", () => {
  const io = createTestIo();
  printTable(io.stdout, columns, [{ name: "a\u001b[2Jb\u202e", count: 0 }]);
  expect(io.out).toContain("a\\u001b[2Jb\\u202e");
});

test("printTable of nothing is its headings", () => {
  const io = createTestIo();
  printTable(io.stdout, columns, []);
  expect(io.out).toBe("NAME   COUNT\n");
});
