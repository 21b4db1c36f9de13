// Says why the page cannot run where it cannot, and what would. A classic script that every browser of the last ten years
// reads: where this page's modules fail, only what is no module can still speak.

/** What `build/scripts.js` is told to build for. */
var BROWSERS = "Chrome or Edge 96, Firefox 114, or Safari 16.4, or later ones";

/** A module that adds two vectors, which only a browser with 128-bit SIMD takes. */
var SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

function whyNot() {
  if (location.protocol === "file:") {
    return (
      "This page was opened as a file, and browsers load modules from a server alone. Run `host demo --browser`, or any " +
      "web server in this folder, such as `python3 -m http.server`."
    );
  }
  if (typeof WebAssembly !== "object") {
    return "This browser runs no WebAssembly, or it was turned off. What would: " + BROWSERS + ".";
  }
  if (!WebAssembly.validate(new Uint8Array(SIMD))) {
    return (
      "This browser has no 128-bit SIMD in WebAssembly, which the component is built with. What has: " + BROWSERS + "."
    );
  }
  if (
    typeof Worker !== "function" ||
    typeof OffscreenCanvas !== "function" ||
    !("noModule" in document.createElement("script"))
  ) {
    return "This browser is too old for this page. What runs it: " + BROWSERS + ".";
  }
  return "";
}

var why = whyNot();
if (why) {
  var unsupported = document.getElementById("unsupported");
  unsupported.hidden = false;
  unsupported.textContent = why;
  document.getElementById("loading").hidden = true;
}
