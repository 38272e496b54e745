import { describe, expect, test } from "bun:test";
import { cli } from "../../../tests/fixtures/cli-io.ts";

/** Asks a real bash what it would offer for a command line. */
function bashOffers(script: string, words: readonly string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(" ");
  const ask = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _crib 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return Bun.spawnSync(["bash", "-c", ask], { env: { PATH: process.env.PATH ?? "" } })
    .stdout.toString()
    .split("\n")
    .filter((word) => word !== "");
}

describe("crib completion", () => {
  test("bash offers verbs, options and words", async () => {
    const { out } = await cli(["completion", "bash"]);
    expect(bashOffers(out, ["crib", "st"])).toEqual(["stats", "stop"]);
    expect(bashOffers(out, ["crib", "ps", "--q"])).toEqual(["--quiet"]);
    expect(bashOffers(out, ["crib", "config", "s"])).toEqual(["show"]);
    expect(bashOffers(out, ["crib", "completion", ""])).toEqual(["bash", "zsh", "fish"]);
    expect(out).toContain("crib runtimes -q");
  });

  test.each(["zsh", "fish"])("%s names every verb", async (shell) => {
    const { out } = await cli(["completion", shell]);
    const verbs = (await cli(["--help"])).out.matchAll(/^ {2}([a-z]+) /gm);
    for (const [, verb = ""] of verbs) expect(verb === "help" || out.includes(verb)).toBe(true);
  });
});
