// Keeps the page for when there is no network, once it has shown its first result: before, it would only wait for itself.

/** @param {HTMLElement} place Says whether it is kept. */
export async function keepForOffline(place) {
  if (!navigator.serviceWorker) {
    place.textContent = isSecureContext
      ? "This browser does not keep the page for offline use."
      : "Works offline only over HTTPS or from localhost.";
    return;
  }
  try {
    const registration = await navigator.serviceWorker.register("sw.js");
    await installed(registration.installing);
    await navigator.serviceWorker.ready;
    place.textContent = "Works offline from now on; the test images once they are loaded.";
  } catch {
    // A private window, or a full disk; everything else goes on.
    place.textContent = "This browser does not keep the page for offline use.";
  }
}

/**
 * @param {ServiceWorker | null} worker
 * @returns {Promise<void>} Fails where the worker could not keep all that it has to.
 */
function installed(worker) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (worker?.state === "redundant") {
        reject(new Error("the service worker was not installed"));
      } else if (worker?.state !== "installing") {
        resolve();
      }
    };
    worker?.addEventListener("statechange", look);
    look();
  });
}
