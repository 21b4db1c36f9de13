// Keeps the page for when there is no network, once it has shown its first result: before, it would only wait for itself.

/** @param {HTMLElement} place Says so when it is kept. */
export async function keepForOffline(place) {
  if (!navigator.serviceWorker) {
    place.textContent = "Kept for offline use only where it comes over HTTPS or from localhost.";
    return;
  }
  try {
    await navigator.serviceWorker.register("sw.js");
    await navigator.serviceWorker.ready;
    place.textContent = "Works offline from now on.";
  } catch {
    // A private window, or a full disk; everything else goes on.
    place.textContent = "This browser does not keep the page for offline use.";
  }
}
