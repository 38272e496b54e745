import { failedPrecondition } from "../../errors/crib-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Clock } from "../../observe/clock.ts";
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
import { type OciCommand, OciSandbox } from "./oci-sandbox.ts";

export interface OciRuntimeDependencies {
  readonly native: NativeRuntime;
  readonly command: OciCommand;
  readonly features: RuntimeFeatures;
  readonly state: HostPath;
  readonly clock: Clock;
}

/** Pods whose keeper is crib's monitor, and whose containers another OCI runtime makes (runc, crun). */
export class OciRuntime implements SandboxRuntime {
  readonly features: RuntimeFeatures;
  readonly #native: NativeRuntime;
  readonly #command: OciCommand;
  readonly #state: HostPath;
  readonly #clock: Clock;

  constructor({ native, command, features, state, clock }: OciRuntimeDependencies) {
    this.features = features;
    this.#native = native;
    this.#command = command;
    this.#state = state;
    this.#clock = clock;
  }

  async examine(): Promise<RuntimeExamination> {
    const { name, path, args } = this.#command;
    return await examineProgram(`the runtime ${JSON.stringify(name)}`, path, [...args, "--version"], this.#clock);
  }

  prepare(): void {
    this.#native.prepare({ seccomp: undefined });
  }

  reserve(namespaces: SandboxNamespaces, options: { readonly fresh: boolean }): SandboxReservation {
    if (namespaces.userNamespace !== undefined) {
      throw failedPrecondition(
        `pods of the handler ${this.#command.name} cannot have a user namespace yet: take another handler, or hostUsers: true`,
      );
    }
    return reserveAround(
      this.#native,
      this.#state,
      namespaces,
      options,
      (native, directory) => new OciSandbox(native, this.#command, directory),
    );
  }

  async adopt(sandboxId: SandboxId, directory: HostPath): Promise<SandboxHandle> {
    return new OciSandbox(await this.#native.adopt(sandboxId, directory), this.#command, directory);
  }

  async end(remains: SandboxRemains): Promise<void> {
    await this.#native.end(remains);
  }

  readExitRecords(directory: HostPath): readonly ContainerExit[] {
    return this.#native.readExitRecords(directory);
  }

  check(spec: RuntimeSpec): void {
    this.#native.check(spec);
  }

  [Symbol.dispose](): void {
    // Nothing is made ahead for this handler alone.
  }
}
