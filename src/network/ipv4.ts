/** IPv4 arithmetic on dotted text: just what zones, pools and flows need. */

const OCTETS = 4;
const ADDRESS_BITS = 32;

/** Whether `text` is a dotted IPv4 address without leading zeros. */
export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === OCTETS && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** @throws RangeError when `address` is no IPv4 address. */
export function toNumber(address: string): number {
  if (!isIpv4(address)) throw new RangeError(`${address} is not an IPv4 address`);
  return address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/** `address` + `offset`. */
export function offsetBy(address: string, offset: number): string {
  return toAddress(toNumber(address) + offset);
}

export interface Cidr {
  /** First address of the network. */
  readonly network: string;
  /** Last address of the network, its broadcast address. */
  readonly broadcast: string;
}

/** Parses `192.0.2.0/24`; undefined when it is not a network in its canonical form. */
export function parseCidr(text: string): Cidr | undefined {
  const [network = "", length = ""] = text.split("/");
  if (!isIpv4(network) || !/^(0|[1-9]\d?)$/.test(length) || Number(length) > ADDRESS_BITS || text.split("/").length !== 2) {
    return undefined;
  }
  const size = 2 ** (ADDRESS_BITS - Number(length));
  const first = toNumber(network);
  if (first % size !== 0) return undefined;
  return { network, broadcast: toAddress(first + size - 1) };
}

export function contains(cidr: Cidr, address: string): boolean {
  const value = toNumber(address);
  return value >= toNumber(cidr.network) && value <= toNumber(cidr.broadcast);
}

export function overlap(left: Cidr, right: Cidr): boolean {
  return contains(left, right.network) || contains(right, left.network);
}
