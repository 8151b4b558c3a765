const QUALITIES =
  "amber brave bright calm clear clever cosy crisp eager early fair fancy gentle glad golden grand happy honest humble jolly keen kind lively lucky mellow merry mild neat noble proud quick quiet ready royal rustic shiny silent silver smooth snowy solid spring steady still sunny swift tidy tiny warm wild wise young".split(
    " ",
  );
const THINGS =
  "anchor apple arrow badger beacon birch bridge brook candle canyon cedar cloud comet coral crane creek dune ember falcon fern field forest fox garden glade harbor hazel heron hill island lagoon lake lark maple meadow moon otter owl pebble pine planet prairie raven reef river robin sail sparrow spruce star stone summit thicket tiger valley willow wren".split(
    " ",
  );

/** A room name that can be said over the phone, such as `calm-otter-417`. */
export function randomRoom(): string {
  return `${pick(QUALITIES)}-${pick(THINGS)}-${100 + randomBelow(900)}`;
}

/** Up to two letters for a picture-less tile. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0]!, words.at(-1)!] : words;
  return letters.map((word) => [...word][0]!.toUpperCase()).join("") || "?";
}

/** The same name always gets the same hue, 0…359. */
export function hue(name: string): number {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)!) % 9973;
  return (hash * 137) % 360;
}

function pick(words: string[]): string {
  return words[randomBelow(words.length)]!;
}

function randomBelow(limit: number): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! % limit;
}
