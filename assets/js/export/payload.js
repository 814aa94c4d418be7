// What an exported page carries: bytes as base64 of gzip, in script elements that no browser runs.

/** @param {string} id of the element, which is emptied */
export async function readPayload(id) {
  const element = /** @type {HTMLElement} */ (document.getElementById(id));
  const packed = await fetch(`data:application/octet-stream;base64,${element.textContent}`);
  element.textContent = "";
  const unpacked = /** @type {ReadableStream} */ (packed.body).pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}
