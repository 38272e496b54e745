import { visible } from "../../errors/visible.ts";

/** A line of JSON, or with an `indent` several: what others chose in it cannot steer a terminal. */
export function jsonText(value: unknown, indent?: number): string {
  return `${visible(JSON.stringify(value, null, indent))}\n`;
}
