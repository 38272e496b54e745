import { expect, test } from "bun:test";
import { cleanFileMappings } from "./memory-map.ts";

function mapping(head: string, fields: Readonly<Record<string, number>>): string {
  const all = { Rss: 100, Private_Dirty: 0, Anonymous: 0, Locked: 0, ...fields };
  return [head, ...Object.entries(all).map(([name, kib]) => `${name}:   ${kib} kB`), "VmFlags: rd ex mr"].join("\n");
}

test.each([
  { what: "code of a file", head: "1000-3000 r-xp 00000000 fe:00 7 /usr/bin/crib", fields: {}, kept: 1 },
  {
    what: "code with a changed page",
    head: "1000-3000 r-xp 00000000 fe:00 7 /usr/bin/crib",
    fields: { Private_Dirty: 4 },
    kept: 0,
  },
  {
    what: "code with an anonymous page",
    head: "1000-3000 r-xp 00000000 fe:00 7 /usr/bin/crib",
    fields: { Anonymous: 4 },
    kept: 0,
  },
  { what: "locked code", head: "1000-3000 r-xp 00000000 fe:00 7 /usr/bin/crib", fields: { Locked: 4 }, kept: 0 },
  { what: "constants of a file", head: "1000-3000 r--p 00000000 fe:00 7 /usr/bin/crib", fields: {}, kept: 1 },
  {
    what: "constants that were relocated",
    head: "1000-3000 r--p 00000000 fe:00 7 /usr/bin/crib",
    fields: { Anonymous: 4 },
    kept: 0,
  },
  { what: "variables of a file", head: "1000-3000 rw-p 00000000 fe:00 7 /usr/bin/crib", fields: {}, kept: 0 },
  { what: "a file that is shared", head: "1000-3000 r--s 00000000 fe:00 7 /usr/bin/crib", fields: {}, kept: 0 },
  { what: "memory compiled at run time", head: "1000-3000 r-xp 00000000 00:00 0 ", fields: {}, kept: 0 },
  {
    what: "the kernel's own page",
    head: "1000-3000 r-xp 00000000 00:00 0                          [vdso]",
    fields: {},
    kept: 0,
  },
])("cleanFileMappings of $what: $kept", ({ head, fields, kept }) => {
  expect(cleanFileMappings(mapping(head, fields))).toHaveLength(kept);
});

test("cleanFileMappings tells where and how much", () => {
  const smaps = [
    mapping("00001000-00003000 r-xp 00000000 fe:00 7                  /usr/bin/a name", { Rss: 8 }),
    mapping("00004000-00005000 rw-p 00000000 00:00 0                  [heap]", {}),
  ].join("\n");
  expect(cleanFileMappings(smaps)).toEqual([
    { start: 0x1000n, length: 0x2000, residentKib: 8, path: "/usr/bin/a name" },
  ]);
});
