// DEFLATE (RFC 1951), the way back, for a module that has to be there at once: the platform's own is not synchronous.

const LENGTH_BASES = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASES = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_BITS = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** The order in which the lengths of the codes of code lengths stand. */
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const BITS_MAX = 15;
const END = 256;

/** A table of codes: by the next 15 bits, a symbol and the length of its code, as `symbol << 4 | length`. */
type Table = Uint16Array;

/** What was compressed, which has this many bytes. Trusts its input, which is this package's own. */
export function inflate(input: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const output = new Uint8Array(length);
  const bits = new Bits(input);
  let at = 0;
  for (let isLast = false; !isLast; ) {
    isLast = bits.take(1) === 1;
    const kind = bits.take(2);
    if (kind === 0) {
      const stored = bits.stored();
      output.set(stored, at);
      at += stored.length;
      continue;
    }
    const [literals, distances] = kind === 1 ? fixed() : dynamic(bits);
    for (let symbol = bits.symbol(literals); symbol !== END; symbol = bits.symbol(literals)) {
      if (symbol < END) {
        output[at++] = symbol;
        continue;
      }
      const run = bits.extra(LENGTH_BASES, LENGTH_BITS, symbol - END - 1);
      const back = bits.extra(DISTANCE_BASES, DISTANCE_BITS, bits.symbol(distances));
      for (let left = run; left > 0; left--, at++) output[at] = output[at - back] as number;
    }
  }
  return output;
}

/** Bits, the least of each byte first. */
class Bits {
  readonly #input: Uint8Array;
  #at = 0;
  #held = 0;
  #count = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  take(count: number): number {
    this.#fill(count);
    const value = this.#held & ((1 << count) - 1);
    this.#drop(count);
    return value;
  }

  symbol(table: Table): number {
    this.#fill(BITS_MAX);
    const entry = table[this.#held & ((1 << BITS_MAX) - 1)] as number;
    this.#drop(entry & 15);
    return entry >> 4;
  }

  /** A number of which a symbol says the base, and bits behind it the rest. */
  extra(bases: readonly number[], bits: readonly number[], symbol: number): number {
    return (bases[symbol] as number) + this.take(bits[symbol] as number);
  }

  /** The bytes of a block that is not compressed. */
  stored(): Uint8Array {
    this.#drop(this.#count & 7);
    const from = this.#at - (this.#count >> 3) + 4;
    const length = (this.#input[from - 4] as number) | ((this.#input[from - 3] as number) << 8);
    this.#at = from + length;
    this.#held = this.#count = 0;
    return this.#input.subarray(from, from + length);
  }

  #fill(count: number): void {
    while (this.#count < count) {
      this.#held |= (this.#input[this.#at++] ?? 0) << this.#count;
      this.#count += 8;
    }
  }

  #drop(count: number): void {
    this.#held >>>= count;
    this.#count -= count;
  }
}

/** The table of codes of these lengths. */
function tableOf(lengths: readonly number[]): Table {
  const table = new Uint16Array(1 << BITS_MAX);
  let code = 0;
  for (let length = 1; length <= BITS_MAX; length++) {
    for (const [symbol, of] of lengths.entries()) {
      if (of !== length) continue;
      let first = 0;
      for (let bit = 0; bit < length; bit++) first |= ((code >> bit) & 1) << (length - 1 - bit);
      for (let at = first; at < table.length; at += 1 << length) table[at] = (symbol << 4) | length;
      code += 1;
    }
    code <<= 1;
  }
  return table;
}

/** The tables that every reader knows. */
function fixed(): [Table, Table] {
  const literals = Array.from({ length: 288 }, (_, symbol) =>
    symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
  );
  return [tableOf(literals), tableOf(new Array<number>(30).fill(5))];
}

/** The tables that stand before a block. */
function dynamic(bits: Bits): [Table, Table] {
  const literals = bits.take(5) + 257;
  const all = literals + bits.take(5) + 1;
  const codes = bits.take(4) + 4;
  const codeLengths = new Array<number>(19).fill(0);
  for (const symbol of CODE_ORDER.slice(0, codes)) codeLengths[symbol] = bits.take(3);
  const table = tableOf(codeLengths);
  const lengths: number[] = [];
  while (lengths.length < all) {
    const symbol = bits.symbol(table);
    if (symbol < 16) lengths.push(symbol);
    else if (symbol === 16) repeat(lengths, lengths.at(-1) ?? 0, bits.take(2) + 3);
    else repeat(lengths, 0, symbol === 17 ? bits.take(3) + 3 : bits.take(7) + 11);
  }
  return [tableOf(lengths.slice(0, literals)), tableOf(lengths.slice(literals))];
}

function repeat(lengths: number[], length: number, times: number): void {
  for (let left = times; left > 0; left--) lengths.push(length);
}
