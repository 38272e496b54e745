import { failedPrecondition } from "../../errors/crib-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { examineProgram } from "../examine-program.ts";
import type { NativeRuntime } from "../native/native-runtime.ts";
import { reserveAround } from "../native/reserve-around.ts";
import type {
  ContainerExit,
  RuntimeExamination,
  RuntimeFeatures,
  SandboxHandle,
  SandboxNamespaces,
  SandboxRemains,
  SandboxReservation,
  SandboxRuntime,
} from "../port.ts";
import { endShim } from "./end-shim.ts";
import { sandboxContainerId, shimProcessId } from "./shim-directory.ts";
import { ShimSandbox } from "./shim-sandbox.ts";
import type { ShimTools } from "./shim-tools.ts";

export interface ShimRuntimeDependencies extends ShimTools {
  readonly native: NativeRuntime;
}

/** What no shim says of itself in words that crib reads: nothing is offered that a pod could miss. */
const features: RuntimeFeatures = { recursiveReadOnlyMounts: false, userNamespaces: false, cgroupNamespaces: false };

/** Pods whose keeper is crib's monitor, and whose containers a shim of containerd's kind makes (Kata, gVisor, runc). */
export class ShimRuntime implements SandboxRuntime {
  readonly features = features;
  readonly #native: NativeRuntime;
  readonly #tools: ShimTools;

  constructor({ native, ...tools }: ShimRuntimeDependencies) {
    this.#native = native;
    this.#tools = tools;
  }

  async examine(): Promise<RuntimeExamination> {
    const { name, path } = this.#tools.command;
    return await examineProgram(`the shim ${JSON.stringify(name)}`, path, ["-v"], this.#tools.clock);
  }

  prepare(): void {
    this.#native.prepare({ seccomp: undefined });
  }

  reserve(namespaces: SandboxNamespaces, options: { readonly fresh: boolean }): SandboxReservation {
    const { command, state } = this.#tools;
    if (namespaces.userNamespace !== undefined) {
      throw failedPrecondition(
        `pods of the handler ${command.name} cannot have a user namespace: take another handler, or hostUsers: true`,
      );
    }
    return reserveAround(
      this.#native,
      state,
      namespaces,
      options,
      (native, directory) => new ShimSandbox(native, this.#tools, directory),
    );
  }

  async adopt(sandboxId: SandboxId, directory: HostPath): Promise<SandboxHandle> {
    return new ShimSandbox(await this.#native.adopt(sandboxId, directory), this.#tools, directory);
  }

  async end(remains: SandboxRemains): Promise<void> {
    if (remains.handle instanceof ShimSandbox) remains.handle.expectEnd();
    await endShim(this.#tools, remains.id, remains.directory);
    await this.#native.end(remains);
  }

  readExitRecords(directory: HostPath): readonly ContainerExit[] {
    const sandbox = directory.slice(directory.lastIndexOf("/") + 1) as SandboxId;
    const own = new Set<string>([shimProcessId(sandbox), sandboxContainerId(sandbox)]);
    return this.#native.readExitRecords(directory).filter(({ id }) => !own.has(id));
  }

  check(spec: RuntimeSpec): void {
    this.#native.check(spec);
  }

  [Symbol.dispose](): void {
    // Nothing is made ahead for this handler alone.
  }
}
