import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { HostPath } from "../../../ids/path.ts";
import { plainDocument } from "../../../json/foreign-json.ts";
import { type ForeignObject, parseForeignObject } from "../../../json/foreign-object.ts";
import { giveInput } from "../../../kernel/process/give-input.ts";
import type { Log } from "../../../observe/log.ts";
import { decodeBasicAuth, type RegistrySecret } from "./registry-secret.ts";
import { hostOfAddress } from "./request-secret.ts";

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
  const config = attempt(() => parseForeignObject(readFileSync(path, "utf8"), "docker config", plainDocument));
  if (config === undefined) {
    log.warn({ path }, "docker config cannot be read, its credentials are not used");
    return undefined;
  }
  const found = attempt(() => findEntries(config, host));
  if (found === undefined) {
    log.warn({ path, host }, "docker config's entry for a registry cannot be read, it is not used");
    return undefined;
  }
  if (found.helper !== undefined) return await askHelper(found.helper.name, found.helper.address, path, log);
  if (found.store !== "") {
    const secret = await askHelper(found.store, found.entry?.address ?? host, path, log);
    if (secret !== undefined) return secret;
  }
  return found.entry?.secret;
}

interface ConfigEntries {
  readonly helper: { readonly name: string; readonly address: string } | undefined;
  readonly store: string;
  readonly entry: { readonly address: string; readonly secret: RegistrySecret | undefined } | undefined;
}

/** Looks at what is about `host` alone: another registry's entry, whatever is wrong with it, takes nothing away. */
function findEntries(config: ForeignObject, host: string): ConfigEntries {
  const about = (map: ForeignObject | undefined): string | undefined =>
    map?.keys().find((address) => hostOfAddress(address) === hostOfAddress(host));
  const [helpers, auths] = [config.object("credHelpers"), config.object("auths")];
  const [helperAddress, address] = [about(helpers), about(auths)];
  const name = helperAddress === undefined ? "" : (helpers?.textAt(helperAddress) ?? "");
  return {
    helper: helperAddress === undefined || name === "" ? undefined : { name, address: helperAddress },
    store: config.text("credsStore"),
    entry: address === undefined ? undefined : { address, secret: entrySecret(auths?.objectAt(address)) },
  };
}

/** Undefined for what cannot be read; why is not told, for a parser's message may quote the secret it stumbled over. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function entrySecret(entry: ForeignObject | undefined): RegistrySecret | undefined {
  if (entry === undefined) return undefined;
  const [registryToken, identityToken] = [entry.text("registrytoken"), entry.text("identitytoken")];
  if (registryToken !== "") return { kind: "registry-token", token: registryToken };
  if (identityToken !== "") return { kind: "identity-token", token: identityToken };
  const username = entry.text("username");
  if (username !== "") return { kind: "password", username, password: entry.text("password") };
  const auth = entry.text("auth");
  return auth === "" ? undefined : decodeBasicAuth(auth);
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
    const answer = parseForeignObject(output, "credential helper's answer", plainDocument);
    const [username, secret] = [answer.text("Username"), answer.text("Secret")];
    if (secret === "") return undefined;
    // Docker's own convention for a refresh token in the place of a password.
    if (username === "<token>") return { kind: "identity-token", token: secret };
    return { kind: "password", username, password: secret };
  } catch (error) {
    log.warn(
      { helper: program, error: error instanceof Error ? error.name : "unknown" },
      "credential helper failed, it is not used",
    );
    return undefined;
  }
}
