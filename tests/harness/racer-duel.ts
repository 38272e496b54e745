import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { NamespaceMode, type NamespaceOption, NamespaceOptionSchema } from "../../src/gen/runtime/v1/api_pb.ts";
import { hostileImage } from "./hostile-image.ts";
import type { ContainerRequest, TestBed } from "./test-bed.ts";
import type { TestContainer, TestPod } from "./test-container.ts";
import { ownUsers } from "./user-namespace.ts";

/** How attacker and victim share a pid namespace. */
export type DuelMode = "CONTAINER" | "POD" | "TARGET" | "NODE";

export interface DuelKind {
  readonly mode: DuelMode;
  readonly userNamespace: boolean;
  /** The other container of the pod is privileged: its capabilities are then no find, all else is. */
  readonly privileged: boolean;
}

export interface Duel extends AsyncDisposable {
  readonly pod: TestPod;
  /** tests/fixtures/racer.c, waiting for what comes. */
  readonly racer: TestContainer;
  /** The container that is entered while the racer looks. */
  readonly entered: TestContainer;
  /** Starts another container where the racer sees it come, and waits for its end. */
  startAnother(): Promise<void>;
  /** The same with an ephemeral container beside `entered`, asked for as `crib debug` and `kubectl debug` do. */
  debug(): Promise<void>;
  hits(): readonly string[];
  /** What the racer is doing, for the message of a test that waits for it in vain. */
  racerState(): Promise<string>;
}

/** RuntimeDefault's capabilities and SYS_PTRACE, which `kubectl debug` and shared pid namespaces are documented with. */
const defaultCapabilities = 0xa80425fbn;
const ptrace = 1n << 19n;
const secret = "a secret of another container";
/** Of the scheduler: a suite that itself runs at a high priority cannot put anybody twenty steps before it. */
const highestPriority = -20;

/** Makes the image with the racer in it, once for a bed. */
export async function racerImage(bed: TestBed): Promise<string> {
  writeFileSync(join(bed.engine.directory, "of-the-host"), "host", { mode: 0o600 });
  return await hostileImage(bed, (layer) => layer, {}, ["racer"]);
}

function raised(text: string): string {
  return [...text].map((letter) => String.fromCharCode(letter.charCodeAt(0) + 1)).join("");
}

function namespaces({ mode, userNamespace }: DuelKind, targetId = "", alone = false): NamespaceOption {
  const own = alone || mode === "TARGET";
  const pid = targetId !== "" ? NamespaceMode.TARGET : own ? NamespaceMode.CONTAINER : NamespaceMode[mode];
  return create(NamespaceOptionSchema, { ...(userNamespace ? ownUsers({ pid }) : { pid }), targetId });
}

/** Another pod's and another container's secret pass through every monitor's memory first. */
async function spillSecret(bed: TestBed, pod: TestPod, imageReference: string, kind: DuelKind): Promise<void> {
  const teller = await bed.run(pod, {
    imageReference,
    command: ["sh", "-c", `echo "$SECRET"; echo told`],
    envs: [{ key: "SECRET", value: new TextEncoder().encode(`${".".repeat(400)}${secret}`) }],
    linux: { securityContext: { namespaceOptions: namespaces(kind, "", true) } },
  });
  await teller.waitLog("told");
}

/** Lets the racer loose in a pod of this kind. */
export async function openDuel(bed: TestBed, imageReference: string, kind: DuelKind): Promise<Duel> {
  const linux = (targetId = "", add: readonly string[] = [], privileged = false) => ({
    securityContext: {
      namespaceOptions: namespaces(kind, targetId),
      capabilities: { addCapabilities: [...add] },
      seccomp: { profileType: 0 },
      privileged,
    },
  });
  const pod = await bed.runPod({
    linux: { securityContext: { namespaceOptions: namespaces(kind), privileged: kind.privileged } },
  });
  await spillSecret(bed, pod, imageReference, kind);
  const idle = { imageReference, linux: linux("", [], kind.privileged) };
  const mayTrace = kind.mode !== "NODE";
  // In the host's pid namespace everybody's capabilities are there to be read, the host's own processes' first.
  const allowed = kind.privileged || !mayTrace ? "ffffffffffffffff" : (defaultCapabilities | ptrace).toString(16);
  const command = [
    "/bin/racer",
    allowed,
    join(bed.engine.directory, "of-the-host"),
    readlinkSync("/proc/self/ns/mnt"),
    raised(secret),
  ];
  const attack = (targetId = "") => ({
    imageReference,
    command,
    linux: linux(targetId, mayTrace ? ["SYS_PTRACE"] : []),
  });
  let racer: TestContainer;
  let entered: TestContainer;
  if (kind.mode === "CONTAINER") {
    entered = racer = await bed.run(pod, attack());
  } else {
    entered = await bed.run(pod, { ...idle, command: ["/bin/pause"] });
    racer = await bed.run(pod, attack(kind.mode === "TARGET" ? entered.id : ""));
  }
  await racer.waitLog("watching");
  // What comes is there for a tenth of a millisecond: on a busy host the racer has to go before us to see it at all.
  setPriority(await racer.pid(), Math.max(getPriority() - 20, highestPriority));
  let count = 0;
  const visit = async (request: ContainerRequest): Promise<void> => {
    const metadata = { name: `another-${count++}`, attempt: 0 };
    const visitor = await bed.create(pod, { imageReference, metadata, command: ["true"], ...request });
    try {
      await visitor.start();
      await visitor.waitExit();
    } finally {
      await visitor.remove();
    }
  };
  return {
    pod,
    racer,
    entered,
    startAnother: () => visit({ linux: linux(kind.mode === "TARGET" ? entered.id : "", [], kind.privileged) }),
    debug: () => visit({ linux: linux(entered.id, ["SYS_PTRACE"]), tty: true, stdin: true, stdinOnce: true }),
    hits: () =>
      readFileSync(racer.logPath, "utf8")
        .split("\n")
        .filter((line) => line.includes("HIT ")),
    async racerState() {
      const of = `/proc/${await racer.pid()}`;
      return ["wchan", "syscall", "stat"].map((file) => readFileSync(join(of, file), "utf8").trim()).join("; ");
    },
    async [Symbol.asyncDispose]() {
      await pod.stop();
      await pod.remove();
    },
  };
}
