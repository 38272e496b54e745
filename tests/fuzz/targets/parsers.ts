import { CJudge } from "../c-judge.ts";
import type { FuzzTarget } from "../fuzz-target.ts";
import { parsers } from "../parsers.ts";
import { refusalWord } from "../refusal-word.ts";

const tokens = [
  ":",
  "@sha256:",
  "\n",
  ":x:0:0:",
  '"names":["mount"]',
  '"value":4294967296',
  '"SCMP_CMP_GE"',
  '"SCMP_ACT_ALLOW"',
  '"SCMP_ARCH_AARCH64"',
  '"hostPath":"/x"',
  '"additionalGids":[0]',
  "fileMode: 0777",
  "&a *a",
  " F ",
  " stderr ",
  "../",
  "{",
  "[[",
];

/** Small languages of files and fields that strangers write: the first byte chooses which. */
export function parsersTarget(): FuzzTarget {
  let judge: CJudge | undefined;
  const theJudge = (): CJudge => {
    judge ??= new CJudge();
    return judge;
  };
  return {
    name: "parsers",
    maxInputBytes: 4096,
    maxInputMs: 500,
    examples: () =>
      parsers.flatMap(({ examples }, index) =>
        examples.map((example) => Buffer.concat([Uint8Array.of(index), Buffer.from(example)])),
      ),
    tokens: tokens.map((token) => Buffer.from(token)),
    run(input) {
      const parser = parsers[(input[0] ?? 0) % parsers.length];
      if (parser === undefined) throw new Error("no parser");
      try {
        return `${parser.name}: ${parser.read(new Uint8Array(input.subarray(1)), theJudge)}`;
      } catch (error) {
        return `${parser.name}: ${refusalWord(error)}`;
      }
    },
    finish: () => judge?.[Symbol.dispose](),
  };
}
