// The exported network in ONNX Runtime: magnitudes in, masks out, the state carried by the caller.

/**
 * @param {OnnxRuntime} ort @param {Uint8Array} runtime its WebAssembly @param {Uint8Array} onnx the model
 * @param {ModelSettings} model @returns {Promise<Network>}
 */
export async function openNetwork(ort, runtime, onnx, model) {
  ort.env.wasm.numThreads = 1; // more need a page that is isolated from others, which a file cannot be
  ort.env.wasm.wasmBinary = runtime;
  const session = await ort.InferenceSession.create(onnx, { executionProviders: ["wasm"] });
  const states = model.state_shapes.map((_, n) => `state_${n}`);
  const bins = model.stft.n_fft / 2 + 1;
  return {
    emptyState: () =>
      model.state_shapes.map(
        (shape) => new ort.Tensor("float32", new Float32Array(shape.reduce((a, b) => a * b)), shape),
      ),
    async run(magnitude, frames, state, hop) {
      const inputs = {
        magnitude: new ort.Tensor("float32", magnitude, [1, model.input_channels, frames, bins]),
        hop: new ort.Tensor("int64", BigInt64Array.of(BigInt(hop)), []),
      };
      states.forEach((name, n) => Object.assign(inputs, { [name]: state[n] }));
      const outputs = await session.run(inputs);
      return { masks: outputs.masks.data, state: states.map((name) => outputs[`${name}_out`]) };
    },
  };
}
