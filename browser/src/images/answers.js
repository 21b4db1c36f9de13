// What a classifier says of the test images, call by call.

/** @typedef {Pick<import("../component/classifier.js").Classifier, "description" | "predict">} Classifier */

/** Images to the first call. */
const FIRST = 50;
/** Milliseconds that a later call may take: enough that a call's own cost is small, few enough that one sees answers come. */
const CALL = 25;
/** Calls at a time, so that the component has the next images while the page counts and draws. */
const AT_ONCE = 2;

/**
 * @param {Classifier} classifier
 * @param {Pick<import("./test-images.js").TestImages, "count" | "slice">} images
 * @param {AbortSignal} signal No more is asked from then on; what was asked is still answered.
 * @returns {AsyncGenerator<{ number: number, rows: Float32Array[] }>} Probabilities of the images from `number` on.
 * @throws {Error} where a call fails.
 */
export async function* answers(classifier, images, signal) {
  let next = 0;
  let most = FIRST;
  const ask = () => {
    const number = next;
    const count = Math.min(most, classifier.description.maxImages, images.count - number);
    next += count;
    const answer = classifier.predict(count, images.slice(number, count));
    // Whoever waits for the one before it hears of what fails.
    answer.catch(() => {});
    return { number, answer };
  };
  const asked = [];
  while (true) {
    while (asked.length < AT_ONCE && next < images.count && !signal.aborted) {
      asked.push(ask());
    }
    const call = asked.shift();
    if (!call) {
      return;
    }
    const { rows, took } = await call.answer;
    most = Math.max(1, Math.min(2 * rows.length, Math.round((rows.length * CALL) / took)));
    yield { number: call.number, rows };
  }
}
