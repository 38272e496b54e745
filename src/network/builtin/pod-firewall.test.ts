import { expect, test } from "bun:test";
import { CribError } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { createRecordingKernel } from "../../kernel/recording.ts";
import { PodFirewall } from "./pod-firewall.ts";

function onKernelWithout(errno: number): PodFirewall {
  const kernel = createRecordingKernel({
    socket() {
      throw new ErrnoError(errno, "socket");
    },
  });
  return new PodFirewall(kernel, "crib0");
}

function failureOf(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

test("a kernel without nftables: the message says what to load or do instead", () => {
  const failure = failureOf(() => onKernelWithout(Errno.EPROTONOSUPPORT).write([], []));
  expect(CribError.is(failure, "failed-precondition")).toBe(true);
  expect(String(failure)).toMatch(/load nf_tables, nft_nat, nft_masq and nft_fib_inet, or configure a CNI network/);
});

test("a kernel without nftables has no table to remove", () => {
  expect(() => onKernelWithout(Errno.EPROTONOSUPPORT).remove()).not.toThrow();
});

test("a missing privilege stays what it is", () => {
  const failure = failureOf(() => onKernelWithout(Errno.EPERM).write([], []));
  expect(failure).toBeInstanceOf(ErrnoError);
});
