import { visible } from "../../errors/visible.ts";

/**
 * One line of text from elsewhere, safe on a terminal: also its line breaks and tabs come out as escapes, so that no name
 * makes a row of its own. Labels, image names and error texts are chosen by others.
 */
export function printable(text: string): string {
  return visible(text).replaceAll("\n", "\\u000a").replaceAll("\t", "\\u0009");
}
