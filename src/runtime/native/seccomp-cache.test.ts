import { expect, test } from "bun:test";
import type { SeccompProfile } from "../../kernel/port.ts";
import type { SpecSeccomp } from "../../oci/runtime-spec.ts";
import { createSeccompCache } from "./seccomp-cache.ts";

function counting() {
  const compiled: SeccompProfile[] = [];
  const cache = createSeccompCache({
    compileSeccomp(profile) {
      compiled.push(profile);
      return Uint8Array.of(compiled.length);
    },
  });
  return { cache, compiled };
}

function profile(errno: number): SpecSeccomp {
  return { defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: errno, architectures: [], syscalls: [] };
}

test("program() compiles equal profiles once", () => {
  const { cache, compiled } = counting();
  const first = cache.program(profile(1));
  expect(cache.program(profile(1))).toBe(first);
  expect(cache.program(profile(2))).not.toBe(first);
  expect(compiled).toHaveLength(2);
});

test("program() of no profile is no program", () => {
  const { cache, compiled } = counting();
  expect(cache.program(undefined)).toBeUndefined();
  expect(compiled).toHaveLength(0);
});

test("program() keeps the profiles in use when many pass by", () => {
  const { cache, compiled } = counting();
  for (let errno = 1; errno <= 200; errno++) {
    cache.program(profile(errno));
    cache.program(profile(1));
  }
  expect(compiled.filter(({ defaultErrnoRet }) => defaultErrnoRet === 1)).toHaveLength(1);
  cache.program(profile(2));
  expect(compiled.filter(({ defaultErrnoRet }) => defaultErrnoRet === 2)).toHaveLength(2);
});

test("program() keeps nothing of a profile that does not compile", () => {
  let fail = true;
  const cache = createSeccompCache({
    compileSeccomp() {
      if (fail) throw new Error("no memory");
      return Uint8Array.of(1);
    },
  });
  expect(() => cache.program(profile(1))).toThrow("no memory");
  fail = false;
  expect(cache.program(profile(1))).toEqual(Uint8Array.of(1));
});
