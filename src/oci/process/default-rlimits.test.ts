import { expect, test } from "bun:test";
import { defaultRlimits, grantableRlimits } from "./default-rlimits.ts";

const procLimits = (
  files: string,
  core: string,
) => `Limit                     Soft Limit           Hard Limit           Units
Max core file size        0                    ${core.padEnd(20)} bytes
Max processes             96365                96365                processes
Max open files            100                  ${files.padEnd(20)} files
`;

test.each([
  [
    "524288",
    "unlimited",
    [
      [1024, 524_288],
      [0, 2 ** 64],
    ],
  ],
  [
    "unlimited",
    "unlimited",
    [
      [1024, 524_288],
      [0, 2 ** 64],
    ],
  ],
  [
    "20000",
    "0",
    [
      [1024, 20_000],
      [0, 0],
    ],
  ],
  [
    "512",
    "1048576",
    [
      [512, 512],
      [0, 1_048_576],
    ],
  ],
] as const)("with hard limits of %s files and cores of %s", (files, core, expected) => {
  const granted = grantableRlimits(defaultRlimits, procLimits(files, core));
  expect(granted.map(({ soft, hard }) => [soft, hard])).toEqual(expected.map((pair) => [...pair]));
});
