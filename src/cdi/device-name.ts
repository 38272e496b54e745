import { invalidArgument } from "../errors/crib-error.ts";
import type { Brand } from "../ids/brand.ts";

/** `vendor.com/class=device`: how a request names a device of a CDI file. */
export type CdiDeviceName = Brand<string, "CdiDeviceName">;

const longest = 253;
const vendorPattern = /^[A-Za-z](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const classPattern = vendorPattern;
const devicePattern = /^[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?$/;

/** Whether `text` is `vendor/class` (CDI specification, "Kind"). */
export function isCdiKind(text: string): boolean {
  const [vendor = "", deviceClass = "", ...rest] = text.split("/");
  return rest.length === 0 && text.length <= longest && vendorPattern.test(vendor) && classPattern.test(deviceClass);
}

export function isCdiDevicePart(text: string): boolean {
  return text.length <= longest && devicePattern.test(text);
}

/** @throws {CribError} invalid-argument for anything but `vendor/class=name`. */
export function parseCdiDeviceName(text: string, where: string): CdiDeviceName {
  const equals = text.indexOf("=");
  if (equals < 0 || !isCdiKind(text.slice(0, equals)) || !isCdiDevicePart(text.slice(equals + 1))) {
    throw invalidArgument(
      `${where}: ${JSON.stringify(text.slice(0, 200))} is not a CDI device name, vendor/class=name`,
    );
  }
  return text as CdiDeviceName;
}

export function cdiDeviceName(kind: string, device: string): CdiDeviceName {
  return `${kind}=${device}` as CdiDeviceName;
}
