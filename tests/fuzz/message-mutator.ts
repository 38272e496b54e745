import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { create, ScalarType } from "@bufbuild/protobuf";
import type { Random } from "../harness/random.ts";

const strings = [
  "",
  "/",
  "/proc",
  "/proc/self/fd",
  "/dev",
  "/a/../b",
  "//a//",
  "relative/path",
  "..",
  "a\0b",
  "0",
  "4294967295",
  "root:root",
  "é💩\n\t",
  "x".repeat(4096),
  "x".repeat(4097),
  "2MB",
  "0-3,7",
  "memory.high",
  "net.ipv4.ip_forward",
  "CAP_SYS_ADMIN",
  "ALL",
  "vendor.com/class=device",
  "localhost/profile.json",
] as const;
const integers = [0n, 1n, -1n, 2n, 7n, 255n, 1000n, 65_536n, 2n ** 31n - 1n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n - 1n];
/** Now and then a list grows beyond every limit there is. */
const copies = [1, 1, 1, 1, 2, 3, 8, 513, 5000] as const;

type Fields = Record<string, unknown>;

/** Changes single fields of a message, which stays one: what mutated bytes seldom are. */
export class MessageMutator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  mutate(descriptor: DescMessage, message: object): void {
    const field = this.#pick(descriptor.fields);
    if (field === undefined) return;
    const fields = message as Fields;
    const name = field.localName;
    if (field.fieldKind === "list") fields[name] = this.#changeList(field, fields[name] as unknown[]);
    else if (field.fieldKind === "map") fields[name] = this.#changeMap(fields[name] as Record<string, unknown>);
    else if (field.fieldKind !== "message") fields[name] = this.#value(field, fields[name]);
    else if (fields[name] === undefined || this.#below(4) > 0) {
      const inner = (fields[name] ?? create(field.message)) as object;
      this.mutate(field.message, inner);
      fields[name] = inner;
    } else fields[name] = undefined;
  }

  #changeList(field: DescField & { fieldKind: "list" }, list: readonly unknown[]): unknown[] {
    const at = this.#below(list.length + 1);
    switch (this.#below(4)) {
      case 0:
        return list.toSpliced(at, 1);
      case 1: {
        const copy = Array.from({ length: this.#pick(copies) ?? 1 }, () => list[at] ?? this.#element(field));
        return list.toSpliced(at, 0, ...copy);
      }
      case 2:
        return list.toSpliced(at, 0, this.#element(field));
      default: {
        const old = list[at];
        if (field.listKind !== "message" || old === undefined) return list.toSpliced(at, 1, this.#element(field));
        this.mutate(field.message, old as object);
        return [...list];
      }
    }
  }

  #element(field: DescField & { fieldKind: "list" }): unknown {
    if (field.listKind !== "message") return this.#value(field, undefined);
    const message = create(field.message);
    for (let changes = this.#below(4); changes > 0; changes--) this.mutate(field.message, message);
    return message;
  }

  /** All maps of the CRI have text for keys, and all that are read here for values. */
  #changeMap(map: Record<string, unknown>): Record<string, unknown> {
    const keys = Object.keys(map);
    if (keys.length > 0 && this.#below(3) === 0) delete map[this.#pick(keys) ?? ""];
    else map[this.#text(this.#pick(keys) ?? "a.b")] = this.#text("1");
    return map;
  }

  #value(field: DescField & { fieldKind: "scalar" | "enum" | "list" }, old: unknown): unknown {
    if (field.enum !== undefined) {
      return this.#below(16) === 0 ? 99 : (this.#pick(field.enum.values)?.number ?? 0);
    }
    switch (field.scalar) {
      case ScalarType.STRING:
        return this.#text(typeof old === "string" ? old : "/x");
      case ScalarType.BOOL:
        return this.#below(2) === 0;
      case ScalarType.BYTES:
        return Uint8Array.from({ length: this.#below(20) }, () => this.#below(256));
      case ScalarType.INT64:
      case ScalarType.UINT64:
        return this.#pick(integers);
      case ScalarType.INT32:
        return Number(BigInt.asIntN(32, this.#pick(integers) ?? 0n));
      case ScalarType.UINT32:
        return Number(BigInt.asUintN(32, this.#pick(integers) ?? 0n));
      default:
        return old ?? 0;
    }
  }

  #text(old: string): string {
    const at = this.#below(old.length + 1);
    switch (this.#below(4)) {
      case 0:
        return old.slice(0, at) + (this.#pick(strings) ?? "") + old.slice(at);
      case 1:
        return (
          old.slice(0, at) + String.fromCharCode(this.#below(this.#below(2) === 0 ? 128 : 0xd800)) + old.slice(at + 1)
        );
      default:
        return this.#pick(strings) ?? "";
    }
  }

  #pick<T>(values: readonly T[]): T | undefined {
    return values[this.#below(values.length)];
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }
}
