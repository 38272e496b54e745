import { invalidArgument } from "../../errors/crib-error.ts";
import { type Digest, isDigest } from "../../ids/digest.ts";

/** An image reference in full: `docker.io/library/busybox:1.36`, `quay.io/x/y@sha256:…` or both. */
export interface ImageReference {
  /** Registry host with its port if given: `docker.io`, `127.0.0.1:5000`, `[::1]:5000`. */
  readonly domain: string;
  /** Repository below it: `library/busybox`. */
  readonly path: string;
  /** Undefined only when a digest is given without a tag. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const maxNameLength = 255;
/** A name, a tag and a sha512 digest, and nothing longer. */
const maxReferenceLength = maxNameLength + 1 + 128 + 1 + 135;

const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const domainLabel = /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const portPattern = /^[0-9]{1,5}$/;
const ipv6Pattern = /^\[[0-9a-fA-F:]{2,39}\]$/;

/**
 * Parses a reference by the grammar of the distribution project and completes it as Docker does: `busybox` becomes
 * `docker.io/library/busybox:latest`. Length is checked before any pattern runs, and every pattern is linear.
 *
 * @throws {CribError} invalid-argument; a registry is never asked about a reference that does not parse.
 */
export function parseReference(text: string): ImageReference {
  if (text.length === 0) throw invalidArgument("image reference is empty");
  if (text.length > maxReferenceLength) {
    throw invalidArgument(
      `image reference ${JSON.stringify(text.slice(0, 80))}… is longer than ${maxReferenceLength} characters`,
    );
  }
  const fail = (why: string): never => {
    throw invalidArgument(`image reference ${JSON.stringify(text)} is malformed: ${why}`);
  };
  const at = text.indexOf("@");
  const digestText = at === -1 ? undefined : text.slice(at + 1);
  const named = at === -1 ? text : text.slice(0, at);
  if (digestText !== undefined && !isDigest(digestText))
    return fail("its digest is not sha256 or sha512 in lower-case hex");
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  const name = hasTag ? named.slice(0, colon) : named;
  if (tag !== undefined && !tagPattern.test(tag)) return fail("its tag has characters or a length no tag may have");
  const { domain, path } = splitDomain(name);
  if (!isDomain(domain)) return fail(`${JSON.stringify(domain)} is not a registry host`);
  if (path === "" || !path.split("/").every((part) => pathComponent.test(part))) {
    return fail("a repository is lower-case letters and digits, separated by one of . _ __ - or /");
  }
  if (/^[0-9a-f]{64}$/.test(text)) return fail("it is an image id, not a name");
  if (domain.length + 1 + path.length > maxNameLength)
    return fail(`its name is longer than ${maxNameLength} characters`);
  return { domain, path, tag: tag ?? (digestText === undefined ? "latest" : undefined), digest: digestText };
}

/** `domain/path`, without tag and digest. */
export function repositoryName(reference: ImageReference): string {
  return `${reference.domain}/${reference.path}`;
}

export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${repositoryName(reference)}${tag}${digest}`;
}

/** The first component is a host if it looks like one: a dot, a port, capitals, or "localhost". */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isHost = first !== "" && (/[.:A-Z]/.test(first) || first === "localhost");
  const domain = isHost ? (first === "index.docker.io" ? "docker.io" : first) : "docker.io";
  const path = isHost ? name.slice(slash + 1) : name;
  return { domain, path: domain === "docker.io" && !path.includes("/") ? `library/${path}` : path };
}

function isDomain(domain: string): boolean {
  const bracket = domain.startsWith("[") ? domain.indexOf("]") : -1;
  const colon = domain.indexOf(":", bracket + 1);
  const host = colon === -1 ? domain : domain.slice(0, colon);
  const port = colon === -1 ? undefined : domain.slice(colon + 1);
  if (port !== undefined && (!portPattern.test(port) || Number(port) > 65535)) return false;
  return ipv6Pattern.test(host) || host.split(".").every((label) => domainLabel.test(label));
}
