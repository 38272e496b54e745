import { expect, test } from "bun:test";
import { specInput } from "../../../../tests/fixtures/spec-input.ts";
import { parseHostPath } from "../../../ids/path.ts";
import { buildContainerSpec } from "../../../oci/container-spec.ts";
import { compileHooks } from "./compile-hooks.ts";

const spec = buildContainerSpec(specInput({}));
const hooks = { createContainer: [{ path: "/usr/bin/hook", args: ["hook", "go"], env: ["A=b"], timeout: 7 }] };
const bundle = { id: "c1", directory: parseHostPath("/b") };

test("a spec without hooks has no such steps", () => expect(compileHooks(spec, undefined)).toEqual([]));

test("a hook's state names the container and its bundle", () => {
  const [step] = compileHooks({ ...spec, hooks }, bundle);
  expect(step).toMatchObject({
    kind: "hook",
    path: "/usr/bin/hook",
    argv: ["hook", "go"],
    env: ["A=b"],
    timeoutSeconds: 7,
  });
  const state: unknown = JSON.parse(new TextDecoder().decode(step?.kind === "hook" ? step.state : undefined));
  expect(state).toEqual({
    ociVersion: "1.2.0",
    id: "c1",
    status: "creating",
    bundle: "/b",
    annotations: spec.annotations,
  });
});

test("hooks without a bundle are a fault of ours, not something to leave out", () => {
  expect(() => compileHooks({ ...spec, hooks }, undefined)).toThrow("without its bundle");
});
