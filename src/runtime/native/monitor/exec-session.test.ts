import { describe, expect, test } from "bun:test";
import { newExecId } from "../../../ids/object-id.ts";
import { LiveExecSession } from "./exec-session.ts";

function openSession() {
  const muted: string[] = [];
  let abandoned = 0;
  const session = new LiveExecSession(newExecId(), {
    mute: (stream) => muted.push(stream),
    abandon: () => abandoned++,
  });
  return { session, muted, abandoned: () => abandoned };
}

describe("LiveExecSession", () => {
  test("keeps output that comes before its listener, in order", () => {
    const { session } = openSession();
    const seen: string[] = [];
    session.output("stdout", Uint8Array.of(1));
    session.output("stderr", Uint8Array.of(2));
    session.onOutput((stream, bytes) => seen.push(`${stream}${bytes[0]}`));
    session.output("stdout", Uint8Array.of(3));
    expect(seen).toEqual(["stdout1", "stderr2", "stdout3"]);
  });

  test("is over after exit and drain, and then has nothing to abandon", async () => {
    const { session, abandoned } = openSession();
    session.exit(3, 0);
    expect(session.isOver).toBe(false);
    session.drain();
    expect(session.isOver).toBe(true);
    expect(await session.exited).toEqual({ exitCode: 3, signal: 0 });
    await session.drained;
    session.abandon();
    expect(abandoned()).toBe(0);
  });

  test("mutes each stream once, and none of an exec that is over", () => {
    const { session, muted } = openSession();
    session.mute("stdout");
    session.mute("stdout");
    session.exit(0, 0);
    session.mute("stderr");
    session.drain();
    session.mute("stderr");
    expect(muted).toEqual(["stdout", "stderr"]);
  });

  test("abandoned, tells the monitor once and its listener nothing", () => {
    const { session, abandoned } = openSession();
    let outputs = 0;
    session.onOutput(() => outputs++);
    session.abandon();
    session.abandon();
    session.output("stdout", Uint8Array.of(1));
    expect(abandoned()).toBe(1);
    expect(outputs).toBe(0);
  });

  test("rejects what it promised when the monitor is lost", async () => {
    const { session } = openSession();
    session.lost(new Error("gone"));
    await expect(session.exited).rejects.toThrow("gone");
    await expect(session.drained).rejects.toThrow("gone");
  });
});
