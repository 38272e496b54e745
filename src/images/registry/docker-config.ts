import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import type { HostPath } from "../../ids/path.ts";
import { giveInput } from "../../kernel/give-input.ts";
import type { Log } from "../../observe/log.ts";
import { decodeBasicAuth, type RegistrySecret } from "./registry-secret.ts";
import { hostOfAddress } from "./request-secret.ts";

const entrySchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});

const configSchema = z.object({
  auths: z.record(z.string(), entrySchema).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

const helperSchema = z.object({ Username: z.string(), Secret: z.string() });

const helperTimeoutMs = 30_000;
const helperPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const maxHelperOutputBytes = 64 * 1024;

/**
 * The node's own credential for a registry host, from Docker's config.json: a credential helper for the host, the
 * general helper, then the file itself. A file or helper that does not work is a warning, not a failed pull: the image may
 * be public.
 *
 * @param host the host that will be asked, with its port.
 */
export async function dockerConfigSecret(
  path: HostPath | undefined,
  host: string,
  log: Log,
): Promise<RegistrySecret | undefined> {
  if (path === undefined || !existsSync(path)) return undefined;
  const config = readConfig(path, log);
  if (config === undefined) return undefined;
  const sameHost = (address: string): boolean => hostOfAddress(address) === hostOfAddress(host);
  const helper = Object.entries(config.credHelpers ?? {}).find(([address]) => sameHost(address));
  const entry = Object.entries(config.auths ?? {}).find(([address]) => sameHost(address));
  if (helper !== undefined) return await askHelper(helper[1], helper[0], path, log);
  if (config.credsStore !== undefined && config.credsStore !== "") {
    const found = await askHelper(config.credsStore, entry?.[0] ?? host, path, log);
    if (found !== undefined) return found;
  }
  return entry === undefined ? undefined : entrySecret(entry[1]);
}

function readConfig(path: HostPath, log: Log): z.infer<typeof configSchema> | undefined {
  try {
    return configSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    // Only the kind of error: a parser's message may quote the secret it stumbled over.
    log.warn(
      { path, error: error instanceof Error ? error.name : "unknown" },
      "docker config cannot be read, its credentials are not used",
    );
    return undefined;
  }
}

function entrySecret(entry: z.infer<typeof entrySchema>): RegistrySecret | undefined {
  if (entry.registrytoken) return { kind: "registry-token", token: entry.registrytoken };
  if (entry.identitytoken) return { kind: "identity-token", token: entry.identitytoken };
  if (entry.username) return { kind: "password", username: entry.username, password: entry.password ?? "" };
  return entry.auth ? decodeBasicAuth(entry.auth) : undefined;
}

/** Docker's credential helper protocol: the server's address on stdin, a JSON document on stdout. */
async function askHelper(
  name: string,
  address: string,
  config: HostPath,
  log: Log,
): Promise<RegistrySecret | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    log.warn({ path: config, helper: name }, "credential helper's name is not a plain name, it is not run");
    return undefined;
  }
  const program = `docker-credential-${name}`;
  try {
    const child = Bun.spawn([program, "get"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
      cwd: "/",
      env: { PATH: helperPath, HOME: dirname(dirname(config)) },
      timeout: helperTimeoutMs,
      killSignal: "SIGKILL",
      maxBuffer: maxHelperOutputBytes,
    });
    await giveInput(child.stdin, new TextEncoder().encode(`${address}\n`));
    const output = await new Response(child.stdout).text();
    if ((await child.exited) !== 0) return undefined;
    const { Username, Secret } = helperSchema.parse(JSON.parse(output));
    // Docker's own convention for a refresh token in the place of a password.
    if (Username === "<token>") return { kind: "identity-token", token: Secret };
    return { kind: "password", username: Username, password: Secret };
  } catch (error) {
    log.warn(
      { helper: program, error: error instanceof Error ? error.name : "unknown" },
      "credential helper failed, it is not used",
    );
    return undefined;
  }
}
