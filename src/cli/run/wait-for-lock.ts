import { unavailable } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";
import { O_CREAT, O_RDWR } from "../../kernel/open-flags.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import type { CliIo } from "../program/cli-io.ts";

/** As long as a private daemon may take to start or stop. */
const waitBoundMs = 20_000;
const pollMs = 20;

/** Locks a file, made if absent, until disposed of or dead. @throws {CribError} unavailable when others hold it for too long. */
export async function waitForLock(io: CliIo, path: HostPath, how: "shared" | "alone"): Promise<OwnedFd> {
  const kernel = io.kernel();
  using file = new OwnedFd(kernel, kernel.open(path, O_RDWR | O_CREAT, 0o600));
  const giveUpAtMs = io.clock.monotonicMs() + waitBoundMs;
  while (!(how === "shared" ? kernel.tryLockShared(file.fd) : kernel.tryLockExclusive(file.fd))) {
    if (io.clock.monotonicMs() > giveUpAtMs)
      throw unavailable(`another run has held ${path} for ${waitBoundMs / 1000} s: see what it is doing`);
    await io.clock.sleep(pollMs);
  }
  return new OwnedFd(kernel, file.release());
}
