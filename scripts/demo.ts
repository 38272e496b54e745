import { join } from "node:path";
import { startDemoDaemon } from "./demo/demo-daemon.ts";
import { type HostPicture, takeHostPicture, whatIsLeft } from "./demo/host-picture.ts";
import { type Step, type Tell, throughTheCri } from "./demo/through-the-cri.ts";
import { waitFor } from "./demo/wait-for.ts";

/** `npm run demo`: crib's main job on this machine, shown step by step, with a picture of the host before and after. */

const executable = join(import.meta.dir, "../dist/crib");
const color = process.stdout.isTTY && !process.env["NO_COLOR"];

function bold(text: string): string {
  return color ? `\u001b[1m${text}\u001b[0m` : text;
}

let number = 0;

const step: Step = async (title, work) => {
  number += 1;
  console.log(`\n${bold(`${number}. ${title}`)}`);
  const startedAt = performance.now();
  const tell: Tell = (line) => console.log(`   ${line}`);
  const result = await work(tell);
  tell(`(${(performance.now() - startedAt).toFixed(0)} ms)`);
  return result;
};

async function runHello(): Promise<void> {
  const child = Bun.spawn([executable, "run", "crib.local/hello"], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`crib run ended with ${exitCode}: see \`dist/crib doctor\``);
}

/** The kernel may bury a link or a cgroup a moment after the answer: what is still there after two seconds stays. */
async function proveNothingIsLeft(before: HostPicture, tell: Tell): Promise<void> {
  let left: readonly string[] = [];
  try {
    await waitFor(
      "the host looks as before",
      () => {
        left = whatIsLeft(before, takeHostPicture());
        return left.length === 0 ? true : undefined;
      },
      2000,
    );
  } catch {
    throw new Error(`left on the host:\n  ${left.join("\n  ")}`);
  }
  for (const [kind, lines] of Object.entries(before)) tell(`${kind}: ${lines.size}, as before`);
}

async function demo(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("containers need root: run it as root, or with sudo");
  const before = takeHostPicture();
  await step("crib run crib.local/hello: no daemon, no registry", runHello);
  {
    await using daemon = await step("crib serve: a daemon of our own", async (tell) => {
      const started = await startDemoDaemon(executable);
      const { runtimeName, runtimeVersion, runtimeApiVersion } = await started.client.runtime.version({});
      tell(`${runtimeName} ${runtimeVersion}, CRI ${runtimeApiVersion}, in ${started.directory}`);
      return started;
    });
    await throughTheCri(daemon.client, daemon.directory, step);
  }
  await step("nothing is left", (tell) => proveNothingIsLeft(before, tell));
}

const startedAt = performance.now();
try {
  await demo();
  console.log(
    `\n${bold(`Done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`)} Next: dist/crib --help, README.md\n`,
  );
} catch (error) {
  console.error(`\ndemo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
