import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import type { Command } from "commander";
import { failedPrecondition, invalidArgument } from "../../errors/crib-error.ts";
import { collect } from "../parse/collect.ts";
import { parseWholeNumber } from "../parse/whole-number.ts";
import { resolveTarget } from "../pods/resolve-target.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { explainError } from "../program/explain-error.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";
import { carryConnection } from "./port-session.ts";

interface PortForwardOptions {
  readonly listen?: readonly string[];
}

interface Forward {
  /** 0: the kernel chooses. */
  readonly local: number;
  readonly remote: number;
}

const loopback = ["127.0.0.1", "::1"];
const noIpv6 = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT"]);

/** `crib port-forward`: ports of this machine that lead into a pod, until Ctrl-C. */
export function addPortForwardVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("port-forward"))
    .description("make ports of a pod reachable on this machine until Ctrl-C, localhost-only servers included")
    .argument("<target>", "a pod, or a container: then its pod")
    .argument("<ports...>", "PORT, LOCAL:PORT, or :PORT for any free local one")
    .option("--listen <address>", "local address, repeat for several (default: 127.0.0.1 and ::1)", collect)
    .addHelpText(
      "after",
      examples(
        ["crib port-forward web 8080:80", "then: curl localhost:8080"],
        ["crib port-forward web :5432 9090", "two ports; the first on a free local one"],
      ),
    )
    .action(
      daemonVerb<PortForwardOptions>(cli, async (daemon, [word = "", ...ports], options) => {
        const forwards = ports.map(parseForward);
        const target = await resolveTarget(daemon, word);
        const podSandboxId = target.kind === "pod" ? target.id : target.container.podSandboxId;
        using interrupt = interruptSignal(cli.io);
        using servers = new DisposableStack();
        for (const forward of forwards) {
          for (const server of await listen(forward, options.listen)) {
            servers.defer(() => server.close());
            server.on("connection", (socket) => {
              servers.defer(() => socket.destroy());
              carry(daemon, podSandboxId, forward.remote, socket).catch((error: unknown) => {
                socket.destroy();
                cli.io.stderr.write(`crib: port ${forward.remote}: ${explainError(error, daemon.address).message}\n`);
              });
            });
            cli.io.stdout.write(`${shownAddress(server)} -> ${forward.remote}\n`);
          }
        }
        await cli.io.stdout.flush();
        if (!interrupt.signal.aborted) await once(interrupt.signal, "abort");
        return 0;
      }),
    );
}

async function carry(
  daemon: DaemonClient,
  podSandboxId: string,
  port: number,
  socket: Parameters<typeof carryConnection>[0],
): Promise<void> {
  socket.on("error", () => socket.destroy());
  const { url } = await daemon.runtime.portForward({ podSandboxId, port: [port] });
  await carryConnection(socket, url);
}

/** `80`, `8080:80` or `:80`. @throws {CribError} invalid-argument */
export function parseForward(text: string): Forward {
  const [first = "", second, ...rest] = text.split(":");
  if (rest.length > 0) throw invalidArgument(`port ${JSON.stringify(text)} is not PORT, LOCAL:PORT or :PORT`);
  const remote = parseWholeNumber(second ?? first, "port", 1, 65_535);
  if (second === undefined) return { local: remote, remote };
  return { local: first === "" ? 0 : parseWholeNumber(first, "local port", 1, 65_535), remote };
}

/** One server an address; by default both loopbacks, with the same port on each, and only the first where there is no IPv6. */
async function listen({ local }: Forward, addresses: readonly string[] | undefined): Promise<readonly Server[]> {
  const servers: Server[] = [];
  let port = local;
  for (const host of addresses ?? loopback) {
    const server = createServer({ allowHalfOpen: true });
    try {
      server.listen({ host, port });
      await once(server, "listening");
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      if (addresses === undefined && servers.length > 0 && noIpv6.has(code)) continue;
      for (const opened of servers) opened.close();
      throw failedPrecondition(`cannot listen on ${host} port ${port}: ${code || String(error)}`);
    }
    port = (server.address() as AddressInfo).port;
    servers.push(server);
  }
  return servers;
}

function shownAddress(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`;
}
