import { expect, test } from "bun:test";
import { amd64Variant } from "./host-platform.ts";
import { type Platform, platformRank, runnablePlatforms } from "./platform.ts";

const linux = (architecture: string, variant = ""): Platform => ({ os: "linux", architecture, variant });

test.each([
  [linux("amd64", "v3"), ["amd64/v1", "amd64/v4", "amd64/v2", "amd64/v3", "386/"], "amd64/v3"],
  [linux("amd64", "v3"), ["386/", "amd64/", "arm64/"], "amd64/"],
  [linux("amd64"), ["amd64/v2", "386/"], "386/"],
  [linux("amd64"), ["x86_64/", "arm64/"], "x86_64/"],
  [linux("arm64", "v8"), ["arm/v6", "arm/v7", "amd64/"], "arm/v7"],
  [linux("arm64", "v8"), ["arm64/", "arm/v7"], "arm64/"],
  [linux("arm64", "v8"), ["aarch64/8", "arm/v7"], "aarch64/8"],
  [linux("amd64"), ["arm64/", "s390x/"], undefined],
  [linux("amd64"), ["unknown/"], undefined],
])("of %o, %j gives %p", (host, offered, expected) => {
  const runnable = runnablePlatforms(host);
  const ranked = offered
    .map((text) => ({ text, rank: platformRank(linux(...(text.split("/") as [string, string])), runnable) }))
    .filter(({ rank }) => rank !== -1)
    .toSorted((a, b) => a.rank - b.rank);
  expect(ranked[0]?.text).toBe(expected);
});

test("an image for another operating system never matches", () => {
  expect(platformRank({ os: "windows", architecture: "amd64", variant: "" }, runnablePlatforms(linux("amd64")))).toBe(
    -1,
  );
});

test("the level of a processor is the highest whose flags are all there", () => {
  const v2 = "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3";
  const v3 = `${v2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave`;
  expect(["", v2, v3, v3.replace("avx2 ", "")].map((flags) => amd64Variant(`x\nflags\t\t: fpu ${flags}\n`))).toEqual([
    "v1",
    "v2",
    "v3",
    "v2",
  ]);
});
