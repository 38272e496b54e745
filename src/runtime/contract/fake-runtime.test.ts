import { bareSpec } from "../../../tests/fixtures/bare-spec.ts";
import { FakeMachine } from "../../../tests/fixtures/fake-machine.ts";
import { parseCgroupPath, parseHostPath } from "../../ids/path.ts";
import { sandboxDirectory } from "../sandbox-directory.ts";
import { describeSandboxRuntime, type RuntimeUnderTest } from "./sandbox-runtime-contract.ts";

/** Over monitors that are played: what tests of pods rely on is what real ones do. */
async function openFakeBed(): Promise<RuntimeUnderTest> {
  const machine = new FakeMachine();
  const runtime = machine.nativeRuntime();
  const state = parseHostPath(machine.state);
  return {
    runtime,
    directoryOf: (id) => sandboxDirectory(state, id as Parameters<typeof sandboxDirectory>[1]),
    launch(id, argv) {
      const cgroup = parseCgroupPath(`/fake/${id}`);
      const bundle = parseHostPath(`/fake/${id}`);
      const io = { terminal: false, stdin: false, stdinOnce: false, logPath: undefined };
      const rootfs = { lower: [bundle], upper: undefined, work: undefined, attachAt: bundle };
      return { id, spec: bareSpec(argv, cgroup), rootfs, bundle, cgroup, pidNamespace: { kind: "own" }, io };
    },
    process(pid) {
      const status = machine.processes.get(pid)?.status;
      if (status === undefined || status.state === "Z") return undefined;
      return { pid, startTime: status.startTime } as ReturnType<RuntimeUnderTest["process"]>;
    },
    settle: (work) => machine.settle(work),
    until: (what, condition) => machine.until(what, condition),
    async [Symbol.asyncDispose]() {
      runtime[Symbol.dispose]();
      machine[Symbol.dispose]();
    },
  };
}

describeSandboxRuntime("native over played monitors", openFakeBed);
