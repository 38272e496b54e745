import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { createTestIo } from "../../../tests/fixtures/cli-io.ts";
import { HostFailureSchema, LayerProgressSchema } from "../../gen/crib/v1/engine_pb.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { Clock } from "../../observe/clock.ts";
import { createPullProgress } from "../images/pull-image.ts";

const digest = `sha256:${"ab".repeat(32)}`;

function layer(phase: string, doneBytes: bigint) {
  return create(LayerProgressSchema, { digest, phase, doneBytes, totalBytes: 100n << 20n });
}

test("a pull on a terminal shows bytes, rate and time left, and redraws in place", () => {
  let ms = 0;
  const clock: Clock = { now: () => 0n as UnixNanos, monotonicMs: () => ms, sleep: () => Promise.resolve(true) };
  const io = createTestIo({ terminal: true, clock });
  {
    using progress = createPullProgress(io, false);
    progress.layer(layer("downloading", 0n));
    ms += 1000;
    progress.layer(layer("downloading", 10n << 20n));
    expect(io.err).toContain("10 MiB / 100 MiB  10 MiB/s  ETA 9s");
    progress.layer(layer("done", 100n << 20n));
  }
  expect(io.err.split("\u001b[1A")).toHaveLength(3);
  expect(io.err.trimEnd()).toEndWith("abababababab  done         100 MiB");
});

test("a host that failed is told above the bars, and in a line of a pipe", () => {
  const failure = create(HostFailureSchema, { origin: "https://m.example", why: "connection\u001b refused" });
  const terminal = createTestIo({ terminal: true });
  {
    using progress = createPullProgress(terminal, false);
    progress.layer(layer("downloading", 0n));
    progress.hostFailure(failure);
    progress.layer(layer("done", 100n << 20n));
  }
  const [, note = "", bars = ""] = /(m\.example is asked last.*?)\n(.*)$/s.exec(terminal.err) ?? [];
  expect(note).toContain("refused");
  expect(note).not.toContain("connection\u001b");
  expect(bars).toContain("abababababab");
  const pipe = createTestIo();
  using progress = createPullProgress(pipe, false);
  progress.hostFailure(failure);
  expect(pipe.err).toMatch(/^ {2}https:\/\/m\.example is asked last for a while: connection.*refused\n$/);
});

test("a pull into a pipe tells each phase once and redraws nothing", () => {
  const io = createTestIo();
  {
    using progress = createPullProgress(io, false);
    for (const bytes of [0n, 5n, 9n]) progress.layer(layer("downloading", bytes));
    progress.layer(layer("done", 10n));
  }
  expect(io.err).toBe("  abababababab downloading (100 MiB)\n  abababababab done (100 MiB)\n");
});

test("a long download into a pipe tells every ten seconds that it lives", () => {
  let ms = 0;
  const clock: Clock = { now: () => 0n as UnixNanos, monotonicMs: () => ms, sleep: () => Promise.resolve(true) };
  const io = createTestIo({ clock });
  using progress = createPullProgress(io, false);
  for (; ms <= 25_000; ms += 1000) progress.layer(layer("downloading", BigInt(ms / 1000) << 20n));
  expect(io.err).toBe(
    [
      "  abababababab downloading (100 MiB)",
      "  abababababab downloading 10 MiB of 100 MiB, 1 MiB/s, 90s left",
      "  abababababab downloading 20 MiB of 100 MiB, 1 MiB/s, 80s left",
      "",
    ].join("\n"),
  );
});

test("a silent pull says nothing", () => {
  const io = createTestIo({ terminal: true });
  using progress = createPullProgress(io, true);
  progress.layer(layer("done", 10n));
  expect(io.err).toBe("");
});
