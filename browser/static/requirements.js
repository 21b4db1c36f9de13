// Says why the page cannot run where it cannot, and what would. A classic script that every browser of the last ten years
// reads: where this page's modules fail, only what is no module can still speak.

/** What `build/scripts.js` is told to build for. */
var BROWSERS = "Chrome or Edge 111, Firefox 119, or Safari 16.4, or later ones";

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
    return "This browser runs no WebAssembly, or it was turned off. This page takes " + BROWSERS + ".";
  }
  if (!WebAssembly.validate(new Uint8Array(SIMD))) {
    return (
      "This browser has no 128-bit SIMD in WebAssembly, which the component is built with. What has: " + BROWSERS + "."
    );
  }
  if (
    !hasModuleWorkers() ||
    !("ariaLabel" in Element.prototype) ||
    !CSS.supports("color", "color-mix(in srgb, red, blue)")
  ) {
    return "This browser is too old for this page. What runs it: " + BROWSERS + ".";
  }
  return "";
}

/** Whoever knows the option reads it, before the address, which nothing can be loaded from. */
function hasModuleWorkers() {
  var isRead = false;
  var options = {
    get type() {
      isRead = true;
      return "module";
    },
  };
  try {
    new Worker("ws://[", options);
  } catch (_refused) {
    // As it is everywhere; without any workers nothing was read.
  }
  return isRead;
}

function tell(why) {
  var unsupported = document.getElementById("unsupported");
  unsupported.hidden = false;
  unsupported.textContent = why;
}

var why = whyNot();
if (why) {
  tell(why);
}
window.addEventListener("load", function () {
  // The first thing that the page's own script does is to choose a view.
  if (!why && !document.body.dataset.view) {
    tell("The page's scripts have not come: load it again, or build it again with `cargo xtask browser`.");
  }
});
