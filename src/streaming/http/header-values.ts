import type { RequestHead } from "./request-head.ts";

/** The value of a header that may come once at most; undefined when it is absent, or there twice. */
export function singleHeader(head: RequestHead, name: string): string | undefined {
  const values = head.headers.get(name);
  return values?.length === 1 ? values[0] : undefined;
}

/** The elements of a comma-separated header, over all its lines, in order (RFC 9110 section 5.6.1). */
export function listHeader(head: RequestHead, name: string): readonly string[] {
  return (head.headers.get(name) ?? []).flatMap((value) => value.split(",").map((part) => part.trim())).filter(Boolean);
}
