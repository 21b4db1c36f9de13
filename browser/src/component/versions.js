// Which versions of the contract go together. The host has the same rule in `host/src/classifier/version.rs`, which says why, and
// `wit/versions.json` holds both to it.

const PACKAGE = "image-stream:classifier";

/** This page's version of the contract, `wit/classifier.wit`. */
export const VERSION = "0.2.0";

/** A version with, if need be, the name of a pre-release and of a build: https://semver.org/spec/v2.0.0.html */
const SEMANTIC = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9a-z.-]+)?(\+[0-9a-z.-]+)?$/i;

/**
 * Of a component's exports the one that serves as an interface of the contract: that of the same version, else the newest that is
 * compatible.
 *
 * @param {string} wanted The interface's name, without package and version.
 * @param {string} ours The version of the contract.
 * @param {string[]} exports
 * @returns {string | undefined}
 */
export function chosen(wanted, ours, exports) {
  const exact = `${PACKAGE}/${wanted}@${ours}`;
  if (exports.includes(exact)) {
    return exact;
  }
  const track = trackOf(release(exact));
  const compatible = offered(wanted, exports).filter(name => track && track === trackOf(release(name)));
  return compatible.sort((one, other) => compared(release(one) ?? [], release(other) ?? [])).at(-1);
}

/**
 * The exports that are an interface of the contract, of whatever version.
 *
 * @param {string} wanted
 * @param {string[]} exports
 */
export function offered(wanted, exports) {
  return exports.filter(name => name.split("@", 1)[0] === `${PACKAGE}/${wanted}`);
}

/** @param {string} name The interface's name, without package and version. */
export function exact(name) {
  return `${PACKAGE}/${name}@${VERSION}`;
}

/**
 * Major, minor and patch of the version in an interface's name. None where it has no version, or a pre-release's.
 *
 * @param {string} name
 * @returns {number[] | undefined}
 */
function release(name) {
  const [, major, minor, patch, pre] = name.slice(name.indexOf("@") + 1).match(SEMANTIC) ?? [];
  return patch === undefined || pre ? undefined : [major, minor, patch].map(Number);
}

/**
 * What compatible versions have in common: the first number that is not 0, and those before it.
 *
 * @param {number[] | undefined} release
 */
function trackOf(release) {
  return release?.slice(0, release.findIndex(number => number > 0) + 1 || release.length).join(".");
}

/**
 * @param {number[]} one
 * @param {number[]} other
 */
function compared(one, other) {
  const place = one.findIndex((number, place) => number !== other[place]);
  return place < 0 ? 0 : one[place] - other[place];
}
