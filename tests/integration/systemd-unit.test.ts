import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const analyze = Bun.which("systemd-analyze");
const skip = analyze === null ? "systemd-analyze is not installed: apt install systemd" : "";
if (skip !== "") process.stderr.write(`skipped: ${skip}\n`);

const repository = join(import.meta.dir, "../..");
const unitText = readFileSync(join(repository, "packaging/crib.service"), "utf8");
let directory = "";
let unit = "";

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "crib-unit-"));
  unit = join(directory, "crib.service");
  // Programs named must be there; whether this one is installed is not the question.
  writeFileSync(unit, unitText.replaceAll("/usr/local/bin/crib", "/bin/true"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function run(...args: string[]): { readonly exitCode: number; readonly out: string; readonly err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([analyze ?? "", ...args]);
  return { exitCode, out: stdout.toString(), err: stderr.toString() };
}

describe.skipIf(skip !== "")("systemd", () => {
  test("understands every line of the unit", () => {
    expect(run("verify", unit)).toEqual({ exitCode: 0, out: "", err: "" });
  });

  test("would say so if it did not", () => {
    const wrong = join(directory, "wrong.service");
    writeFileSync(wrong, readFileSync(unit, "utf8").replace("KeyringMode=private", "KeyringMode=mine\nNoSuchKey=1"));
    expect(run("verify", wrong).err).toMatch(/keyring mode|KeyringMode/i);
    expect(run("verify", wrong).err).toContain("NoSuchKey");
  });

  test("offers no sandbox option that docs/unit.md does not speak of", () => {
    const { out } = run("security", "--offline=true", "--no-pager", "--json=short", unit);
    const listed: unknown = JSON.parse(out);
    if (!Array.isArray(listed)) throw new Error(`not a list: ${out.slice(0, 200)}`);
    const names = new Set(listed.flatMap((row: { readonly name: string }) => row.name.match(/[A-Z]\w+(?==)/g) ?? []));
    expect(names.size).toBeGreaterThan(25);
    const page = readFileSync(join(repository, "docs/unit.md"), "utf8");
    const spokenOf = new Set(
      [...page.matchAll(/^\|([^|]+)\|/gm)].flatMap(([, cell = ""]) => cell.match(/[A-Z]\w+/g) ?? []),
    );
    expect([...names].filter((name) => !spokenOf.has(name))).toEqual([]);
  });
});

test("what docs/unit.md says is not set is not set, and what it says is set is", () => {
  const page = readFileSync(join(repository, "docs/unit.md"), "utf8");
  for (const [, name = "", word = ""] of page.matchAll(/^\| `(\w+)` \| (\S+) \|/gm)) {
    const value = new RegExp(`^${name}=(.*)$`, "m").exec(unitText)?.[1];
    const expected = word === "no" || word === "–" || word === "empty" ? undefined : word;
    expect([name, value]).toEqual([name, expected]);
  }
});
